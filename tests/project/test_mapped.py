"""Pipelines of the core corpus on texts of other data sets."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import core_corpus
import judged
import mapped
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_rin.relations import Relation

WORDS = "The Ada Brook house in Port Larne , Wick"
LIST = "data_set\ttext\tsubject\trelation\tobject\tscore\tverdict\treason\n"


@pytest.fixture
def doc() -> Doc:
    return Doc(Vocab(), words=WORDS.split())


def relation(doc: Doc, subject: tuple[int, int], label: str, object_: tuple[int, int]) -> Relation:
    return Relation(Span(doc, *subject), label, Span(doc, *object_))


# Mapping


def test_triples_are_put_in_our_terms(doc: Doc) -> None:
    ada, larne, wick = (1, 3), (5, 7), (8, 9)
    rules = {
        "contains": mapped.Rule(("located_in",), True, frozenset()),
        "inside": mapped.Rule(("located_in",), False, frozenset()),
        "country": mapped.Rule(("located_in", "headquartered_in"), False, frozenset({"Ada Brook"})),
    }
    relations = [
        relation(doc, larne, "contains", wick),
        relation(doc, wick, "inside", larne),  # the same once more
        relation(doc, ada, "country", larne),  # excepted as the subject
        relation(doc, larne, "country", ada),  # and as the object
        relation(doc, larne, "country", wick),
        relation(doc, larne, "twin", wick),  # no rule
    ]
    gold = [(subject.text, labels, object_.text) for subject, labels, object_ in mapped.map_gold(relations, rules)]
    assert gold == [
        ("Wick", ("located_in",), "Port Larne"),
        ("Port Larne", ("located_in", "headquartered_in"), "Wick"),
    ]


def test_the_mapping_is_sound() -> None:
    mapping = json.loads(mapped.MAPPING.read_text("utf8"))
    assert mapping.keys() == mapped.FORMATS.keys()
    for name, parts in mapping.items():
        assert parts.keys() == {"mapped", "left_out"}
        assert not parts["mapped"].keys() & parts["left_out"].keys()
        assert all(parts["left_out"].values())
        for entry in parts["mapped"].values():
            assert entry.keys() <= {"relations", "reversed", "except", "why"}
            assert "why" in entry or not (entry.get("except") or len(entry["relations"]) > 1), entry
        rules = mapped.read_mapping(mapped.MAPPING, name)
        assert {label for rule in rules.values() for label in rule.relations} <= core_corpus.RELATIONS.keys()


def test_the_mapping_has_the_names_of_the_data_sets(real_data: Path) -> None:
    """WebNLG: all relations, and each exception changes what counts. NYT: the relations, as far as test has them."""
    mapping = json.loads(mapped.MAPPING.read_text("utf8"))
    records = {
        part: json.loads((real_data / f"webnlg/{part}.json").read_text("utf8")) for part in ("train", "dev", "test")
    }
    known = {row[3] for part in records.values() for record in part for row in record["spo_details"]}
    assert mapping["webnlg"]["mapped"].keys() | mapping["webnlg"]["left_out"].keys() <= known
    names: dict[str, set[str]] = {}
    for record in records["test"]:
        for start, end, _, label, object_start, object_end, _ in record["spo_details"]:
            spans = (slice(start, end), slice(object_start, object_end))
            names.setdefault(label, set()).update(" ".join(record["tokens"][span]) for span in spans)
    for label, rule in mapped.read_mapping(mapped.MAPPING, "webnlg").items():
        assert rule.excepted <= names.get(label, set()), label
    nyt = json.loads((real_data / "nyt_casrel/test_triples.json").read_text("utf8"))
    known = {label for record in nyt for _, label, _ in record["triple_list"]}
    assert mapping["nyt"]["mapped"].keys() | mapping["nyt"]["left_out"].keys() <= known


# Recall


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A.C. Larne", "AC Larne"),
        ("The Hague", "hague"),
        ("Wick ,", "Wick"),
        ("L'Île", "l ' île"),
        ("St. Ives", "ST IVES"),
    ],
)
def test_names_that_are_the_same(left: str, right: str) -> None:
    assert mapped.normalise(left) == mapped.normalise(right) != mapped.normalise("Theodor")


def test_names_without_letters_stay_apart() -> None:
    assert mapped.normalise("``") != mapped.normalise("?")


def test_what_counts_as_found(doc: Doc) -> None:
    """Names match by spans, by their text elsewhere, or by a token in common; relations match in any case."""
    gold = [mapped.Gold(Span(doc, 1, 3), ("born_in", "lives_in"), Span(doc, 5, 7))]

    def kinds(found: list[Relation]) -> set[str]:
        counted = list(mapped.count_found(gold, found))
        assert {name for name, _ in counted} == {"born_in or lives_in"} and len(set(counted)) == len(counted)
        return {kind for _, kind in counted} - {"gold"}

    assert kinds([relation(doc, (1, 3), "lives_in", (5, 7))] * 2) == {"exact spans", "same text", "overlapping"}
    assert kinds([relation(doc, (0, 3), "born_in", (5, 7))]) == {"same text", "overlapping"}
    assert kinds([relation(doc, (2, 3), "born_in", (6, 7))]) == {"overlapping"}
    for other in ((1, 3), "owns", (5, 7)), ((5, 7), "born_in", (1, 3)), ((1, 3), "born_in", (8, 9)):
        assert kinds([relation(doc, *other)]) == set()


def test_table_of_recall() -> None:
    counts = Counter({("wrote", "gold"): 1, ("born_in", "gold"): 4, ("born_in", "same text"): 1})
    assert mapped.recall_rows(counts) == [
        ["all", "5", "0.0", "20.0", "0.0"],
        ["born_in", "4", "0.0", "25.0", "0.0"],
        ["wrote", "1", "0.0", "0.0", "0.0"],
    ]
    assert mapped.recall_rows(Counter()) == [["all", "0", "–", "–", "–"]]


# The command

JOINTER = [
    ("Ada Brook was born in Larne .", [[0, 2, "birthPlace", 5, 6]]),
    ("Ada Brook , born in Larne , founded Nimbus .", [[8, 9, "founder", 0, 2], [0, 2, "birthPlace", 5, 6]]),
    ("It rained all day in Wick .", [[0, 1, "cityServed", 5, 6], [0, 1, "birthPlace", 5, 6]]),
]


@pytest.fixture
def command(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the script with a pipeline, and return the lines of its output."""
    webnlg = [
        {
            "tokens": text.split(),
            "pos_tags": ["X"] * len(text.split()),
            "spo_details": [[s, e, "None-label", label, t, f, "None-label"] for s, e, label, t, f in rows],
        }
        for text, rows in JOINTER
    ]
    (tmp_path / "webnlg.json").write_text(json.dumps(webnlg), encoding="utf8")
    nyt = [{"text": JOINTER[0][0], "triple_list": [["Ada Brook", "/people/person/place_of_birth", "Larne"]]}]
    (tmp_path / "nyt.json").write_text(json.dumps(nyt), encoding="utf8")
    (tmp_path / "lines.txt").write_text("\n".join(text for text, _ in JOINTER) + "\n\n", encoding="utf8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["mapped.py", *(str(model) if word == "MODEL" else word for word in words)])
        mapped.main()
        return capsys.readouterr().out.splitlines()

    return run


def test_recall_of_a_data_set(command: Any) -> None:
    lines = command("MODEL", "--data", "webnlg", "--texts", "webnlg.json")
    assert lines[0] == "| relation | triples | recall, exact spans | recall, same text | recall, overlapping |"
    assert lines[2:5] == [
        "| all | 4 | 75.0 | 75.0 | 75.0 |",
        "| born_in | 3 | 66.7 | 66.7 | 66.7 |",
        "| founded | 1 | 100.0 | 100.0 | 100.0 |",
    ]
    assert lines[-1] == "3 texts with 5 triples of all relations; 3 triples were found"
    lines = command("MODEL", "--data", "webnlg", "--texts", "webnlg.json", "--limit", "1")
    assert lines[-1] == "1 texts with 1 triples of all relations; 1 triples were found"
    lines = command("MODEL", "--data", "nyt", "--texts", "nyt.json")
    assert lines[2] == "| all | 1 | 100.0 | 100.0 | 100.0 |"


def test_a_list_is_drawn_and_judged(command: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "list.tsv"
    draw = ("MODEL", "--data", "webnlg", "--texts", "webnlg.json", "--judge", "2", "--seed", "1", "--out", str(file))
    lines = command(*draw)
    assert lines[-1] == "2 of 3 triples are drawn, to be judged by these texts"
    content = file.read_text("utf8")
    assert content.startswith(LIST) and content.count("\n") == 3 and "rained" not in content
    rows = [line.split("\t") for line in content.splitlines()[1:]]
    for data_set, number, subject, _, object_, score, verdict, reason in rows:
        text = f"{number}: {JOINTER[int(number) - 1][0]}"
        assert text in lines and subject in text and object_ in text
        assert (data_set, verdict, reason) == ("webnlg", "", "") and 0.5 < float(score) <= 1
    # Without verdicts there is no precision, and verdicts are not written over.
    with pytest.raises(SystemExit, match=r"list\.tsv:2: the verdict must be right, wrong, unsure, not ''"):
        command("--judged", str(file))
    with pytest.raises(SystemExit):
        command(*draw)
    assert "may have verdicts" in capsys.readouterr().err and file.read_text("utf8") == content
    # As a spreadsheet writes it: a mark at the start, other ends of lines, no empty cells at the end.
    judged_rows = ["\t".join([*row[:6], verdict]) for row, verdict in zip(rows, ("right", "wrong"))]
    file.write_text("\ufeff" + "\r\n".join([LIST.strip(), *judged_rows, ""]), encoding="utf8", newline="")
    lines = command("--judged", str(file))
    assert lines[2].startswith("| all | 1 | 1 | 0 | 50.0 |")


def test_drawing_depends_on_the_seed_alone() -> None:
    rows = [judged.Judged("nyt", number, "Ada", "born_in", "Wick", 0.5) for number in range(30)]
    assert judged.draw(rows, 5, 3) == judged.draw(rows, 5, 3) != judged.draw(rows, 5, 4)
    assert judged.draw(rows, 31, 0) == rows


@pytest.mark.parametrize(
    "words", [[], ["MODEL"], ["MODEL", "--against", "x"], ["MODEL", "--data", "nyt", "--judge", "3"], ["--data", "nyt"]]
)
def test_what_is_missing_is_asked_for(command: Any, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command(*words)
    assert "error: give " in capsys.readouterr().err


def test_agreement_of_a_pipeline_with_itself(command: Any, model: Path) -> None:
    for texts in (["--texts", "lines.txt"], ["--data", "webnlg", "--texts", "webnlg.json"]):
        lines = command("MODEL", "--against", str(model), *texts)
        assert lines[2:] == [
            "| all | 3 | 3 | 3 | 100.0 |",
            "| born_in | 2 | 2 | 2 | 100.0 |",
            "| founded | 1 | 1 | 1 | 100.0 |",
        ]


def test_agreement_by_relation(doc: Doc) -> None:
    """Two triples by the one, three by the other, one of both: 2 x 1 / 5."""
    same = relation(doc, (1, 3), "born_in", (5, 7))
    first = [[same, relation(doc, (1, 3), "lives_in", (5, 7))], []]
    second = [[same, relation(doc, (1, 3), "born_in", (6, 7))], [relation(doc, (1, 3), "lives_in", (5, 7))]]
    assert mapped.agreement_rows(first, second) == [
        ["all", "2", "3", "1", "40.0"],
        ["born_in", "1", "2", "1", "66.7"],
        ["lives_in", "1", "1", "0", "0.0"],
    ]
    assert mapped.agreement_rows([[]], [[]]) == [["all", "0", "0", "0", "–"]]


def test_texts_keep_their_tokens_and_annotation(trained: Language) -> None:
    """The pipeline's own tokenizer would part "don't"."""
    words = [*JOINTER[0][0].split(), "don't"]
    doc = Doc(trained.vocab, words=words)
    doc._.relations = [relation(doc, (0, 2), "left", (5, 6))]
    ((found,),) = mapped.find(trained, [doc])
    assert (found.subject.text, found.label, found.object.text) == ("Ada Brook", "born_in", "Larne")
    assert [token.text for token in found.subject.doc] == words
    assert [r.label for r in doc._.relations] == ["left"]


# Precision


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_wilson(right: int, n: int, low: float, high: float) -> None:
    """(x + z²/2 ± z √(x (n - x) / n + z²/4)) / (n + z²), with z = 1.96, by hand."""
    assert judged.wilson(right, n) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(pair: tuple[int, int]) -> None:
    right, n = pair
    low, high = judged.wilson(right, n)
    assert 0 <= low < high <= 1
    assert low - 1e-9 <= right / n <= high + 1e-9
    assert judged.wilson(n - right, n) == pytest.approx((1 - high, 1 - low))


def test_table_of_precision() -> None:
    def row(relation: str, score: float, verdict: str) -> judged.Judged:
        return judged.Judged("webnlg", 1, "Ada", relation, "Wick", score, verdict)

    rows = [row("born_in", 0.9, "right"), row("wrote", 0.3, "unsure"), row("born_in", 0.89, "wrong")]
    assert [cells[:5] for cells in judged.precision_rows(rows)] == [
        ["all", "1", "1", "1", "50.0"],
        ["score 0.9 to 1.0", "1", "0", "0", "100.0"],
        ["score 0.7 to 0.9", "0", "1", "0", "0.0"],
        ["score 0.0 to 0.5", "0", "0", "1", "–"],
        ["born_in", "1", "1", "0", "50.0"],
        ["wrote", "0", "0", "1", "–"],
    ]
    assert judged.precision_rows(rows)[0][5] == "9.5 to 90.5"
    assert judged.precision_rows([]) == [["all", "0", "0", "0", "–", "–"]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "list.tsv: the columns must be data_set, text, subject"),
        ("data_set\ttext\n", "list.tsv: the columns must be data_set, text, subject"),
        (f"{LIST}nyt\tone\tAda\tborn_in\tWick\t0.5\tright\t\n", "list.tsv:2: the text's number"),
        (f"{LIST}nyt\t1\tAda\tborn_in\tWick\thigh\tright\t\n", "list.tsv:2: the text's number"),
        (f"{LIST}nyt\t1\tAda\tborn_in\tWick\t0.5\tright\t\tmore\n", "list.tsv:2: the text's number"),
        (f"{LIST}nyt\t1\tAda\tborn_in\tWick\t0.5\tRight\t\n", "list.tsv:2: the verdict must be"),
    ],
)
def test_faults_of_a_list_are_shown(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "list.tsv").write_text(content, encoding="utf8")
    with pytest.raises(ValueError) as caught:
        judged.read_list(tmp_path / "list.tsv")
    assert fault in str(caught.value)


def test_lists_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [
        judged.Judged("nyt", 3, 'the "Ada" Brook', "born_in", "Wick", 0.5, "right", "said, plainly"),
        judged.Judged("webnlg", 1, "Ålesund", "located_in", "Møre\tog", 0.25, "unsure"),
    ]
    judged.write_list(tmp_path / "list.tsv", rows)
    assert judged.read_list(tmp_path / "list.tsv") == rows


@pytest.mark.parametrize("name", ["judged_sm.tsv", "judged_md.tsv"])
def test_the_judged_lists_are_whole(name: str) -> None:
    rows = judged.read_list(mapped.PROJECT / "assets/core" / name)
    assert Counter(row.data_set for row in rows) == {"webnlg": 100, "nyt": 100}
    assert {row.verdict for row in rows} == set(judged.VERDICTS)


def test_texts_stand_on_one_line_each(nlp: Language, tmp_path: Path) -> None:
    """Whatever Unicode calls a line break, and what is printed of them controls no terminal."""
    texts = ["Ada left\u2028Rome.", "Tom\x85 left.", "A\x0cB\x1b[2J"]
    (tmp_path / "in.txt").write_text("\n\n".join(texts), "utf8")
    docs = mapped.read_lines(nlp, tmp_path / "in.txt")
    assert [doc.text for doc in docs] == texts
    drawn = judged.Judged("nyt", 3, "A", "left", "B", 1.0)
    assert mapped.report_drawn(docs, [], [drawn])[0] == "3: A B [2J"
