"""Texts are chosen, written as tasks, and come back from the annotation tool."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_rin.convert import convert, write_docs, write_records
from spacy_rin.extract import Document
from spacy_rin.relations import get_relations, set_relations
from spacy_rin.suggest import STRATEGIES, suggest, suggest_file
from spacy_rin.suggest.hints import hint, offered_labels
from spacy_rin.suggest.run import Suggestion, make_tasks

from ..convert.support import accept_predictions
from ..support import TRIPLES, component_of, gold_doc, make_examples, names, run, same_predictions

# The first two are in the small corpus that the pipeline knows by heart.
TEXTS = [
    *(text for text, _ in TRIPLES[:2]),
    "Tom Hale was born in Larne , founded Nimbus and leads Wick .",
    "Ada Brook of Wick was seen with Tom Hale at Orbix 🌊 in the rain .",
    "Nothing happens here today\nsays Ada Brook .",
    "Orbix leads Ada Brook , who founded Larne .",
]
FORMATS = ("prodigy", "label_studio", "brat")


def chosen(nlp: Language, texts: Any, n: int, **options: Any) -> list[Any]:
    return [suggestion.document.id for suggestion in suggest(nlp, texts, n, **options).suggestions]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text, "id": f"a/{i}"}) + "\n" for i, text in enumerate(TEXTS)), "utf8")
    return path


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "train.spacy"
    write_docs([example.reference for example in make_examples(spacy.blank("en").vocab)], path)
    return path


def test_what_is_known_by_heart_comes_last(trained: Language) -> None:
    choice = suggest(trained, TEXTS, 6)
    order = [suggestion.document.id for suggestion in choice.suggestions]
    assert set(order[-3:]) >= {1, 2} and sorted(order) == [1, 2, 3, 4, 5, 6]
    assert choice[1:] == (6, 0, 0, None)
    values = [suggestion.value for suggestion in choice.suggestions]
    assert values[0] == max(values) > 5 * values[-1]
    # The same whatever the batches, and nothing of the pipeline is changed.
    assert chosen(trained, iter(TEXTS), 6, batch_size=2) == order and chosen(trained, TEXTS, 2) == order[:2]
    assert component_of(trained).threshold == 0.5 and not component_of(trained).thresholds


def test_texts_of_the_training_data_are_not_chosen(trained: Language) -> None:
    train = [example.reference for example in make_examples(trained.vocab)]
    for strategy in STRATEGIES:
        choice = suggest(trained, ["ADA BROOK was born in Larne !", *TEXTS], 9, train=train, strategy=strategy)
        assert choice.known == 3 and sorted(s.document.id for s in choice.suggestions) == [4, 5, 6, 7]


def test_rare_relations_count_more(trained: Language) -> None:
    """Texts that differ in the relation that is unsure: what is rare in training comes first."""
    docs = [example.reference for example in make_examples(trained.vocab)]
    by_label = {
        label: [doc for doc in docs if any(relation.label == label for relation in get_relations(doc))]
        for label in ("born_in", "founded")
    }
    texts = ["Tom Hale of Larne was born .", "Tom Hale of Nimbus founded ."]
    for label, rare in (("born_in", 2), ("founded", 1)):
        often = suggest(trained, texts, 2, train=[doc for doc in by_label[label] for _ in range(50)])
        values = {suggestion.document.id: suggestion.value for suggestion in often.suggestions}
        plain = {suggestion.document.id: suggestion.value for suggestion in suggest(trained, texts, 2).suggestions}
        assert values[rare] / values[3 - rare] > plain[rare] / plain[3 - rare]


def test_texts_that_fail_are_counted(trained: Language) -> None:
    texts = [Document("a", "", error="no text"), Document("b", TEXTS[2]), Document("c", "x" * 2_000_000)]
    for strategy in STRATEGIES:
        choice = suggest(trained, [*texts, " \n"], 3, strategy=strategy)
        assert [s.document.id for s in choice.suggestions] == ["b"] and (choice.texts, choice.failed) == (4, 3)
        assert choice.error == "a: no text" and suggest(trained, [], 3, strategy=strategy).suggestions == []
    assert suggest(trained, ["  "], 1).error == "1: the text is empty"


def test_a_component_that_fails(trained: Language, model: Path, texts: Path, tmp_path: Path) -> None:
    """Texts that fail are not chosen, and the reason is told."""

    def fail(doc: Doc) -> Doc:
        if "rain" in doc.text:
            raise LookupError("no umbrella")
        return doc

    nlp = spacy.load(model)
    Language.component("rain", func=fail)
    nlp.add_pipe("rain", first=True)
    for strategy in STRATEGIES:
        assert sorted(chosen(nlp, TEXTS, 6, strategy=strategy)) == [1, 2, 3, 5, 6]
    (tmp_path / "rain.txt").write_text("It will rain .\n")
    with pytest.raises(ValueError, match=r"^\[R100\].*1 failed \(the first, 1: LookupError: no umbrella\)"):
        suggest_file(nlp, tmp_path / "rain.txt", tmp_path / "tasks.jsonl", "prodigy", 1)


def test_training_data_of_other_relations(trained: Language) -> None:
    nlp = spacy.blank("en")
    docs = [gold_doc(nlp.vocab, "Ada Brook likes Larne .", [("Ada Brook", "likes", "Larne")])]
    with pytest.warns(UserWarning, match=r"^\[W007\].*rare: likes\."):
        assert chosen(trained, TEXTS, 3, train=docs) == chosen(trained, TEXTS, 3)


def test_random(trained: Language) -> None:
    orders = {tuple(chosen(trained, TEXTS, 3, strategy="random", seed=seed)) for seed in range(8)}
    assert len(orders) > 3
    assert chosen(trained, TEXTS, 3, strategy="random", seed=1) == chosen(trained, TEXTS, 3, strategy="random", seed=1)
    assert trained.pipe_names == ["rin_joint"]  # it is on again


@pytest.mark.parametrize("setting", [{"n": 0}, {"n": 1.5}, {"batch_size": 0}, {"strategy": "best"}])
def test_wrong_settings(trained: Language, setting: Any) -> None:
    with pytest.raises(ValueError, match=rf"^\[R010\] Setting '{next(iter(setting))}'"):
        suggest(trained, TEXTS, **{"n": 1, **setting})
    with pytest.raises(ValueError, match=r"^\[R018\]"):
        suggest(spacy.blank("en"), TEXTS, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_tasks_come_back(trained: Language, model: Path, texts: Path, known: Path, tmp_path: Path, format: str) -> None:
    out = tmp_path / "new" / "tasks.json"
    result = run("suggest", model, texts, out, "--format", format, "-n", 3, "--train", known)
    assert result.exit_code == 0, result.output
    rows = [line.rsplit(maxsplit=1) for line in result.output.splitlines() if line.strip()[-1:].isdigit()]
    counts = {name.strip(): number for name, number in rows}
    assert counts["texts"] == "6" and counts["nearly the same as in training"] == "2" and counts["tasks"] == "3"
    assert all(label in result.output or format == "brat" for label in component_of(trained).labels)
    if format == "label_studio":
        accept_predictions(out)
    back, _ = convert(out)
    train = [example.reference for example in make_examples(trained.vocab)]
    order = [TEXTS[i - 1] for i in chosen(trained, TEXTS, 3, train=train)]
    assert [doc.text for doc in back] == order
    assert any(map(names, back))
    expected = list(trained.pipe(order))
    for doc in [*expected, *back]:
        set_relations(doc, sorted((r.subject, r.label, r.object) for r in get_relations(doc)))
    assert same_predictions(expected, back)
    assert [path.name for path in out.parent.iterdir()] == ["tasks.json"]
    ids = [f"a/{TEXTS.index(text)}" for text in order]
    if format == "brat":
        assert sorted(path.stem for path in out.glob("*.ann")) == [
            f"{number}-{ident.replace('/', '_')}" for number, ident in enumerate(ids, 1)
        ]
        assert all(label in (out / "annotation.conf").read_text("utf8") for label in component_of(trained).labels)
    elif format == "label_studio":
        assert [task["data"]["id"] for task in json.loads(out.read_text("utf8"))] == ids
    else:
        tasks = [json.loads(line) for line in out.read_text("utf8").splitlines()]
        assert [task["meta"]["id"] for task in tasks] == ids and not any("answer" in task for task in tasks)


@pytest.mark.parametrize("format,where", [("prodigy", "meta"), ("label_studio", "data")])
def test_ids_that_tools_cant_read_as_numbers(trained: Language, tmp_path: Path, format: str, where: str) -> None:
    ids = [2**64, -(2**63) - 1, 2**53, 2**53 - 1, "a"]
    documents = [Document(ident, TEXTS[0]) for ident in ids]
    tasks, _ = make_tasks(trained, [Suggestion(document, 0) for document in documents], format)
    write_records(tasks, tmp_path / "tasks", format)
    content = (tmp_path / "tasks").read_text("utf8")
    read = json.loads(content) if format == "label_studio" else [json.loads(line) for line in content.splitlines()]
    assert [task[where]["id"] for task in read] == [*map(str, ids[:3]), 2**53 - 1, "a"]


def test_tasks_that_nobody_has_annotated(model: Path, texts: Path, tmp_path: Path) -> None:
    """Predictions of Label Studio don't become gold by themselves."""
    out = tmp_path / "tasks.json"
    assert run("suggest", model, texts, out, "--format", "label_studio", "--random").exit_code == 0
    result = run("convert", out, tmp_path / "out.spacy")
    assert result.exit_code == 1 and "6 tasks without annotations" in " ".join(result.output.split())


def test_cli_refuses(trained: Language, model: Path, texts: Path, known: Path, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    DocBin().to_disk(tmp_path / "none.spacy")
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "bad.jsonl").write_text('{"body": "Ada."}\n')
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "1.txt").write_text("Ada .")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "1.ann").write_text("T1\tA 0 1\ta\n")
    out = tmp_path / "new" / "tasks"
    before = sorted(tmp_path.rglob("*"))
    tool = ("--format", "brat")
    for args, code in [
        ((model, texts, out, "--format", "spert"), "[R010]"),
        ((model, tmp_path / "no.txt", out, *tool), "[R033]"),
        ((model, texts, texts, "--format", "prodigy"), "[R034]"),
        ((model, texts, known, "--format", "prodigy", "--train", known), "[R034]"),
        ((model, tmp_path / "many", tmp_path / "many" / "new", *tool), "[R034]"),
        ((model, texts, out, *tool, "--seed", "0"), "[R083]"),
        ((model, texts, tmp_path / "done", *tool), "[R034]"),
        ((model, texts, tmp_path / "done", "--format", "prodigy"), "[R034]"),
        ((model, texts, out, *tool, "--train", tmp_path / "none.spacy"), "[R034]"),
        ((model, texts, out, *tool, "--train", tmp_path / "no.spacy"), "[R033]"),
        ((model, texts, out, *tool, "--train", texts), "[R053]"),
        ((model, texts, out, *tool, "--input-format", "html"), "[R031]"),
        ((model, tmp_path / "empty.txt", out, *tool), "[R100]"),
        ((model, tmp_path / "bad.jsonl", out, *tool), "[R100]"),
        ((tmp_path / "blank", texts, out, *tool), "[R018]"),
        ((tmp_path / "no_model", texts, out, *tool), "[R015]"),
    ]:
        result = run("suggest", *args)
        assert result.exit_code == 1 and code in result.output, (args, result.output)
        assert "Traceback" not in result.output and sorted(tmp_path.rglob("*")) == before


def test_a_label_that_brat_cannot_hold_is_told_at_once(model: Path, texts: Path, tmp_path: Path) -> None:
    """Also if no text has it: a person could not choose it."""
    nlp = spacy.load(model)
    component_of(nlp).add_label("born in")
    with pytest.raises(ValueError, match=r"^\[R048\].*'born in'"):
        suggest_file(nlp, texts, tmp_path / "brat", "brat", 1)
    assert suggest_file(nlp, texts, tmp_path / "tasks.jsonl", "prodigy", 1).report.texts == 1


def test_hints_quote_labels(nlp: Language) -> None:
    pipe: Any = nlp.add_pipe("rin_joint")
    pipe.add_label('a "b" & <c>')
    pipe.add_label("X", kind="entities")
    labels = offered_labels(nlp)
    assert """<Relation value='a "b" &amp; &lt;c&gt;'/>""" in hint(labels, "tasks.json", "label_studio", "en")
    shown = hint(labels, "my tasks.jsonl", "prodigy", "en")
    assert """blank:en 'my tasks.jsonl' --wrap --label 'a "b" & <c>' --span-label X""" in shown
    pipe.add_label("born in, at")
    shown = hint(offered_labels(nlp), "tasks.jsonl", "prodigy", "en")
    assert "--wrap --label labels.txt --span-label X" in shown and "\nborn in, at\n" in shown


def test_labels_of_other_components_are_offered(model: Path, texts: Path, tmp_path: Path) -> None:
    nlp = spacy.load(model)
    ruler: Any = nlp.add_pipe("entity_ruler", before="rin_joint")
    ruler.add_patterns([{"label": "WEATHER REPORT", "pattern": "rain"}])
    labels = offered_labels(nlp)
    assert labels["entities"] == [*component_of(nlp).entity_labels, "WEATHER REPORT"]
    assert labels["relations"] == list(component_of(nlp).relation_labels)
    # brat can't hold it, which is told before the texts are read.
    with pytest.raises(ValueError, match=r"^\[R048\].*'WEATHER REPORT'"):
        suggest_file(nlp, tmp_path / "no.txt", tmp_path / "brat", "brat", 1)
    out = tmp_path / "tasks.jsonl"
    assert "WEATHER REPORT" in hint(suggest_file(nlp, texts, out, "prodigy", 6).labels, out, "prodigy", "en")
    assert "WEATHER REPORT" in out.read_text("utf8")
