"""Triples by what of them stood in the training data, and the table of its facts."""

from pathlib import Path
from typing import Any

import pytest
import srsly
from convert_data import leave_out_shared
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rin.convert import convert
from spacy_rin.errors import RinError
from spacy_rin.evaluation.evaluate import evaluate
from spacy_rin.evaluation.novelty import (
    NEW,
    NOVELTY,
    NameIndex,
    find_known,
    make_table,
    novelty_of,
    score_novelty,
    score_table,
)
from spacy_rin.evaluation.report import render_html
from spacy_rin.relations import get_relations, register_relations, set_relations

from ..support import TRIPLES, find_span, gold_doc, make_examples, run

VOCAB = Vocab()
register_relations()

TRAIN: list[Any] = [
    (
        "Ada Brook , born in Larne , leads Nimbus .",
        [("Ada Brook", "born_in", "Larne"), ("Ada Brook", "leads", "Nimbus")],
    ),
    ("Ada Brook left Nimbus .", []),
    ("Tom Hale leads Orbix .", [("Tom Hale", "leads", "Orbix")]),
    ("Tom Hale left Orbix .", []),
    ("Tom Hale saw Orbix in Wick .", []),
]


def train_docs() -> list[Doc]:
    return [gold_doc(VOCAB, *row) for row in TRAIN]


@pytest.mark.parametrize(
    "subject,label,object_,group",
    [
        ("Ada Brook", "born_in", "Larne", "triple"),
        ("Ada Brook", "leads", "Larne", "pair"),
        ("Larne", "born_in", "Ada Brook", "pair"),
        ("Ada Brook", "leads", "Orbix", "both_names"),
        ("Wick", "near", "Wick", "both_names"),  # an entity in no triple
        ("Wick", "near", "Rome", "one_name"),
        ("Rome", "near", "Wick", "one_name"),
        ("Rome", "near", "Rome", "no_name"),
        ("Ada", "near", "brook", "no_name"),  # whole names, as they are written
    ],
)
def test_groups(subject: str, label: str, object_: str, group: str) -> None:
    assert novelty_of((subject, label, object_), find_known(train_docs())) == group


def test_gold_and_predicted_triples_are_sorted_alike() -> None:
    gold = [
        ("Ada Brook leads Nimbus , not Orbix .", [("Ada Brook", "leads", "Nimbus"), ("Ada Brook", "leads", "Orbix")]),
        ("Tom Hale founded Orbix .", [("Tom Hale", "founded", "Orbix")]),
        ("It rained in Wick .", []),
    ]
    found = [
        # Right; a pair that stood in train with another label; both names. The gold pair with Orbix is missed.
        [("Ada Brook", "leads", "Nimbus"), ("Nimbus", "leads", "Ada Brook"), ("Orbix", "leads", "Nimbus")],
        # Right, and the triple of train, which is not said here
        [("Tom Hale", "founded", "Orbix"), ("Tom Hale", "leads", "Orbix")],
        [],
    ]
    docs = [gold_doc(VOCAB, *row) for row in gold]
    examples = [Example(gold_doc(VOCAB, text, rows), doc) for (text, _), rows, doc in zip(gold, found, docs)]
    # Without annotation, a text counts nowhere.
    examples.append(Example(gold_doc(VOCAB, *TRAIN[0]), Doc(VOCAB, words=TRAIN[0][0].split())))
    rows = score_novelty(examples, find_known(train_docs()))
    assert list(rows) == [*NOVELTY, NEW]
    counts = {name: (row["gold"], row["predicted"], row["right"]) for name, row in rows.items()}
    assert counts == {
        "triple": (1, 2, 1),
        "pair": (1, 2, 1),
        "both_names": (1, 1, 0),
        "one_name": (0, 0, 0),
        "no_name": (0, 0, 0),
        "new": (2, 3, 1),
    }
    assert (rows["triple"]["p"], rows["triple"]["r"]) == (0.5, 1.0)
    assert rows["new"]["f"] == pytest.approx(2 / 5)


def test_equal_triples_are_in_the_same_group_whatever_their_tokens() -> None:
    gold = gold_doc(VOCAB, *TRAIN[0])
    merged = Doc(VOCAB, words=["Ada Brook", *TRAIN[0][0].split()[2:]])
    set_relations(merged, [(merged[0:1], "born_in", merged[4:5])])
    rows = score_novelty([Example(merged, gold)], find_known(train_docs()))
    assert {name: row["right"] for name, row in rows.items() if row["gold"] or row["predicted"]} == {"triple": 1}


@pytest.mark.parametrize(
    "words,spaces,found",
    [
        (["Ada", "Brook", "left", "Larne"], [True] * 4, {"Ada", "Ada Brook", "Larne"}),
        (["Ada Brook", "left"], [True] * 2, {"Ada Brook"}),
        (["La", "rne"], [False] * 2, {"Larne"}),
        (["Larnes", "of", "NewLarne"], [True] * 3, set()),
        (["Ada", " ", "Brook"], [True] * 3, {"Ada"}),
        (["larne", "Brook"], [True] * 2, set()),
        ([], [], set()),
    ],
)
def test_names_are_found_as_whole_tokens(words: Any, spaces: Any, found: Any) -> None:
    assert NameIndex(["Ada", "Ada Brook", "Larne"]).find(Doc(VOCAB, words=words, spaces=spaces)) == found


def test_no_names() -> None:
    assert NameIndex([]).find(Doc(VOCAB, words=["Ada"])) == set()


def test_facts_stay_if_half_of_the_texts_state_them() -> None:
    """Ada Brook and Nimbus are together twice, once in a triple; Tom Hale and Orbix three times, once in a triple."""
    table = make_table(train_docs())
    assert table == {("Ada Brook", "Larne"): ("born_in",), ("Ada Brook", "Nimbus"): ("leads",)}
    # A text without annotation says nothing of the fact.
    unknown = [Doc(VOCAB, words=text.split()) for text, _ in TRAIN[1:2] * 5]
    assert make_table([*train_docs(), *unknown]) == table


def test_the_table_is_scored_by_text() -> None:
    gold = [
        ("Larne is where Ada Brook lives .", []),  # born_in is found, and wrong
        ("Ada Brook was born in Larne .", [("Ada Brook", "born_in", "Larne")]),  # right
        (
            "Nimbus is led by Ada Brook , Orbix by Tom Hale .",
            # The first is right, the second is not in the table.
            [("Ada Brook", "leads", "Nimbus"), ("Tom Hale", "leads", "Orbix")],
        ),
    ]
    docs = [gold_doc(VOCAB, *row) for row in gold]
    # The same triple at another place of a text is the same by text.
    twice = gold_doc(VOCAB, "Ada Brook was born in Larne , Larne .", [])
    ada, larne = find_span(twice, "Ada Brook"), find_span(twice, "Larne")
    set_relations(twice, [(ada, "born_in", larne), (ada, "born_in", twice[7:8])])
    blank = Doc(VOCAB, words=["Ada", "Brook", "and", "Larne"])
    examples = [Example(Doc(VOCAB, words=[t.text for t in doc]), doc) for doc in (*docs, twice, blank)]
    row = score_table(examples, make_table(train_docs()))
    assert (row["gold"], row["predicted"], row["right"]) == (4, 4, 3)
    assert row["f"] == pytest.approx(3 / 4)
    assert score_table(examples, {})["predicted"] == 0


def test_evaluate_with_training_data(trained: Language) -> None:
    """The pipeline knows the seven triples of `TRIPLES`; of these, one stands in the training data given here."""
    examples = make_examples(trained.vocab)
    assert "rel_exact_per_novelty" not in evaluate(trained, examples).scores
    result = evaluate(trained, make_examples(trained.vocab), train=iter(train_docs()))
    scores = result.scores
    counts = {name: (row["gold"], row["right"]) for name, row in scores["rel_exact_per_novelty"].items()}
    # (Ada Brook, born_in, Larne) twice; with Nimbus and Orbix, other labels: Ada Brook founded Nimbus, Tom Hale
    # founded Orbix. (Tom Hale, leads, Orbix) stands there. Tom Hale and Wick, and Ada Brook and Orbix, are names.
    assert counts == {
        "triple": (3, 3),
        "pair": (2, 2),
        "both_names": (2, 2),
        "one_name": (0, 0),
        "no_name": (0, 0),
        "new": (4, 4),
    }
    # The table finds Ada Brook's birth in two texts, and that she leads Nimbus where she founded it.
    assert scores["counts"]["rel_table"] == {"gold": 7, "predicted": 3, "right": 2}
    assert scores["rel_table_p"] == pytest.approx(2 / 3) and scores["rel_table_r"] == pytest.approx(2 / 7)
    page = render_html(result, model="m", data="d")
    assert "Of 7 gold triples, 42.9 % stood there." in page and "has F1 40.0 by text." in page
    assert "Known and new triples" not in render_html(evaluate(trained, examples), model="m", data="d")


def test_training_data_without_relations(trained: Language) -> None:
    with pytest.raises(RinError, match="R054"):
        evaluate(trained, make_examples(trained.vocab), [Doc(trained.vocab, words=["Ada"])])


def write(path: Path, docs: list[Doc], relations: bool = True) -> Path:
    path.parent.mkdir(exist_ok=True)
    DocBin(docs=docs, store_user_data=relations).to_disk(path)
    return path


def test_command(model: Path, tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.spacy", [gold_doc(VOCAB, *row) for row in TRIPLES])
    train = write(tmp_path / "train" / "a.spacy", train_docs()[:1])
    write(tmp_path / "train" / "b.spacy", train_docs()[1:])
    out = tmp_path / "scores.json"
    result = run("evaluate", model, gold, "--train", train.parent, "--output", out, "--html", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    rows = [" ".join(line.split()) for line in result.output.splitlines()]
    for row in (
        "training facts, by text 66.7 28.6 40.0",
        "relations, by text 100.0 100.0 100.0",
        "stood in the training data P R F1 gold % of gold",
        "the triple 100.0 100.0 100.0 3 42.9",
        "no name – – – 0 0.0",
        "new: all but the triple 100.0 100.0 100.0 4 57.1",
    ):
        assert row in rows, result.output
    assert srsly.read_json(out)["rel_exact_per_novelty"]["new"]["gold"] == 4
    assert "Known and new triples" in (tmp_path / "page.html").read_text("utf8")
    # Files add up, and without them there is no such table.
    parts = run("evaluate", model, gold, "-t", train, "-t", tmp_path / "train" / "b.spacy")
    assert parts.output.splitlines()[:30] == result.output.splitlines()[:30]
    assert "stood in the training data" not in run("evaluate", model, gold).output


def test_command_refuses_what_it_cannot_compare_with(model: Path, tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.spacy", [gold_doc(VOCAB, *row) for row in TRIPLES])
    blank = write(tmp_path / "blank.spacy", train_docs(), relations=False)
    empty = write(tmp_path / "empty.spacy", [])
    for path, code in ((blank, "R054"), (empty, "R034"), (tmp_path / "none.spacy", "R033")):
        result = run("evaluate", model, gold, "--train", path)
        assert result.exit_code == 1 and code in result.output, result.output


@pytest.fixture(scope="module")
def webnlg(real_data: Path) -> dict[str, list[Doc]]:
    return {part: convert(real_data / "webnlg" / f"{part}.json", "jointer")[0] for part in ("train", "test")}


def test_webnlg_is_known_from_its_training_part(webnlg: dict[str, list[Doc]]) -> None:
    examples = [Example(doc.copy(), doc) for doc in webnlg["test"]]
    rows = score_novelty(examples, find_known(webnlg["train"]))
    assert {name: row["gold"] for name, row in rows.items()} == {
        "triple": 1464,
        "pair": 14,
        "both_names": 57,
        "one_name": 71,
        "no_name": 1,
        "new": 143,
    }
    row = score_table(examples, make_table(webnlg["train"]))
    assert (row["gold"], row["predicted"], row["right"]) == (1607, 1413, 1204)
    assert round(100 * row["f"], 1) == 79.7


def test_webnlg_new_has_new_facts_in_test(webnlg: dict[str, list[Doc]]) -> None:
    kept = leave_out_shared(webnlg["train"], webnlg["test"])
    assert (len(kept), sum(len(get_relations(doc)) for doc in kept)) == (1471, 2124)
    rows = score_novelty([Example(doc.copy(), doc) for doc in webnlg["test"]], find_known(kept))
    assert (rows["triple"]["gold"], rows["pair"]["gold"], rows["new"]["gold"]) == (0, 0, 1607)
