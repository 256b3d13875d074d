"""Whole pipelines against gold annotation: scores, the page that shows them, and thresholds written back."""

import re
import shutil
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.scorer import PRFScore, get_ner_prf
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_rin.errors import RinError
from spacy_rin.evaluation import tuned
from spacy_rin.evaluation.calibration import CalibrationChoice, correct
from spacy_rin.evaluation.evaluate import evaluate, predict
from spacy_rin.evaluation.report import render_html
from spacy_rin.evaluation.scorer import score_entities
from spacy_rin.evaluation.thresholds import Choice, Thresholds
from spacy_rin.evaluation.tuned import Tuned, set_tuned, tune, write_in_place, write_tuned
from spacy_rin.evaluation.wording import percents
from spacy_rin.pipeline.component import find_component
from spacy_rin.relations import set_relations

from ..support import TRIPLES, component_of, gold_doc, make_examples, names, run, train

# What the pipeline says of these is wrong in several ways: label, boundary, missed and spurious.
OTHER = [
    ("Ada Brook was born in Larne .", [("Ada Brook", "founded", "Larne")]),
    ("Tom Hale was born in Wick .", []),
    ("Tom Hale founded and leads Orbix .", [("Tom Hale", "founded", "Orbix"), ("Orbix", "leads", "Tom Hale")]),
    *TRIPLES,
]


@pytest.fixture(scope="module")
def evaluation(trained: Language) -> Any:
    return evaluate(trained, make_examples(trained.vocab, OTHER))


def test_scores_are_those_of_spacy(trained: Language, evaluation: Any) -> None:
    expected = trained.evaluate(make_examples(trained.vocab, OTHER))
    del expected["speed"]
    assert 0 < expected["rel_exact_p"] < 1 and 0 < expected["rel_exact_r"] < 1
    per_type = expected.pop("rel_exact_per_type")
    assert {name: evaluation.scores[name] for name in expected} == expected
    for label, row in per_type.items():
        assert {letter: evaluation.scores["rel_exact_per_type"][label][letter] for letter in "prf"} == row


def test_scores_add_up(evaluation: Any) -> None:
    scores = evaluation.scores
    whole = scores["counts"]["rel_exact"]
    # The pipeline knows the seven triples of `TRIPLES` by heart, and one more of the other texts is right.
    verdicts = {"right": 8, "wrong_label": 1, "wrong_boundary": 0, "missed": 1, "spurious": 2}
    assert scores["rel_verdicts"] == verdicts
    assert whole == {"gold": 10, "predicted": 11, "right": 8}
    for name in ("rel_exact_per_type", "rel_exact_per_count", "rel_exact_per_length"):
        for kind, count in whole.items():
            assert sum(row[kind] for row in scores[name].values()) == count
    assert sum(row["texts"] for row in scores["rel_exact_per_count"].values()) == scores["texts"] == 9
    row = scores["rel_exact_per_threshold"]["0.50"]
    assert {kind: row[kind] for kind in whole} == whole
    assert scores["rel_confusion"]["founded"] == {"born_in": 1, "founded": 3}
    assert [text.n_errors for text in evaluation.judged] == [2, 1, 1, 0, 0, 0, 0, 0, 0]
    assert scores["rel_exact_given_f"] == scores["rel_exact_f"] and scores["ents_f"] == 1.0


def test_the_pipeline_stays_as_it_was(trained: Language) -> None:
    _, component = find_component(trained)
    with component.settings(thresholds={"founded": 1.0}):
        expected = [names(trained(text)) for text, _ in TRIPLES]
        examples = make_examples(trained.vocab)
        scores = evaluate(trained, examples).scores
        assert component.thresholds == {"founded": 1.0}
        assert trained.pipe_names == ["rin_joint"]
    # As of the thresholds: but those of the curve are for all relations.
    assert scores["rel_exact_per_type"]["founded"]["predicted"] == sum(
        label == "founded" for triples in expected for _, label, _ in triples
    )
    assert scores["rel_exact_per_type"]["leads"]["right"] == 2
    assert scores["rel_exact_per_threshold"]["0.50"]["right"] == 7
    assert expected != [set(triples) for _, triples in TRIPLES]


def test_examples_can_be_evaluated_again(trained: Language) -> None:
    """What one pipeline has found is not taken for that of the next."""
    examples = make_examples(trained.vocab)
    assert evaluate(trained, examples).scores["ents_f"] == 1.0
    assert not any(example.predicted.ents or example.predicted.spans for example in examples)
    untrained = spacy.blank("en")
    untrained.add_pipe("rin_joint")
    untrained.initialize(lambda: make_examples(untrained.vocab))
    component = untrained.get_pipe("rin_joint")
    component.set_thresholds(1.0)
    fresh = evaluate(untrained, make_examples(untrained.vocab)).scores
    again = evaluate(untrained, examples).scores
    assert {name: again[name] for name in ("ents_f", "ents_all_f")} == {
        name: fresh[name] for name in ("ents_f", "ents_all_f")
    }


def test_triples_are_found_whatever_the_thresholds(trained: Language) -> None:
    name, component = find_component(trained)
    with component.settings(threshold=1.0):
        examples = make_examples(trained.vocab)
        assert predict(trained, name, component, examples) == []
    assert [names(eg.predicted) for eg in examples] == [set(triples) for _, triples in TRIPLES]


def test_given_entities(trained: Language) -> None:
    _, component = find_component(trained)
    examples = make_examples(trained.vocab)
    docs = [eg.predicted for eg in examples]
    # What the component finds by itself is right here, so it makes no difference that it is given.
    certain = [prediction._replace(scores=[1.0] * len(prediction.scores)) for prediction in component.predict(docs)]
    assert component.predict_given(examples) == certain
    # Without one of its entities, a triple can't be found, and with other entities, others can't.
    for eg in examples:
        set_relations(eg.reference, [])
        eg.reference.ents = eg.reference.ents[1:]
        eg.reference.spans["rin"] = list(eg.reference.ents)
    for eg, prediction in zip(examples, component.predict_given(examples)):
        assert [entity[:2] for entity in prediction.entities] == [(e.start, e.end) for e in eg.reference.ents]
        assert not any(eg.predicted[t.subject[0]].text in ("Ada", "Tom") for t in prediction.triples)
    blank = Example(Doc(trained.vocab), Doc(trained.vocab))
    assert [p.entities for p in component.predict_given([blank, examples[0]])] == [[], [(5, 6, 2)]]
    assert component.predict_given([blank])[0].triples == []


def test_given_entities_of_text_without_annotation(trained: Language) -> None:
    _, component = find_component(trained)
    doc = trained.make_doc("Ada Brook was born in Larne .")
    (prediction,) = component.predict_given([Example(doc, doc.copy())])
    assert prediction.entities == prediction.triples == []


def test_later_components_may_clean_up(nlp: Language) -> None:
    """Entities are given where the component stands: its features are gone at the end of the pipeline."""
    nlp.add_pipe("tok2vec")
    tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": tok2vec}})
    train(nlp, make_examples(nlp.vocab), 60)
    before = evaluate(nlp, make_examples(nlp.vocab)).scores
    nlp.add_pipe("doc_cleaner")
    after = evaluate(nlp, make_examples(nlp.vocab))
    assert before["rel_exact_given_f"] == after.scores["rel_exact_given_f"] > 0.9
    assert nlp.pipe_names == ["tok2vec", "rin_joint", "doc_cleaner"]


def test_scores_of_other_components_are_plain_numbers(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        find_component(trained)[1], "scorer", lambda examples, **_: {"cats": {"a": np.float32(0.5), "b": -np.inf}}
    )
    scores = evaluate(trained, make_examples(trained.vocab)).scores
    assert srsly.json_loads(srsly.json_dumps(scores))["cats"] == {"a": 0.5, "b": None}
    # Relations are scored even if the pipeline has no scorer for them.
    assert scores["rel_exact_f"] == 1.0


def test_every_component_sees_a_text_once(nlp: Language) -> None:
    seen = []
    for name in ("before", "after"):
        Language.component(f"test_{name}", func=lambda doc, name=name: seen.append(name) or doc)
    nlp.add_pipe("rin_joint")
    nlp.initialize(lambda: make_examples(nlp.vocab))
    nlp.add_pipe("test_before", first=True)
    nlp.add_pipe("test_after", last=True)
    evaluate(nlp, make_examples(nlp.vocab))
    assert seen == ["before"] * len(TRIPLES) + ["after"] * len(TRIPLES)


class Page(HTMLParser):
    """The elements, texts and tables of a page."""

    def __init__(self, html: Any) -> None:
        super().__init__()
        self.open, self.tags, self.attrs, self.texts, self.cells = [], [], [], [], []
        self.feed(html)
        assert not self.open, "an element isn't closed"

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.tags.append(tag)
        self.attrs += [(name, value) for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: Any) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: Any) -> None:
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


def test_page(evaluation: Any) -> None:
    page = Page(render_html(evaluation, model="best", data="dev.spacy"))
    scores = evaluation.scores
    percents = [f"{100 * scores[f'rel_exact_{letter}']:.1f}" for letter in "prf"]
    assert ["relations, exact rel_exact", *percents, "10", "11", "8"] in page.cells
    founded = scores["rel_exact_per_type"]["founded"]
    assert ["founded", *(f"{100 * founded[x]:.1f}" for x in "prf"), "4", "3", "3"] in page.cells
    assert [row[0] for row in page.cells if row[0].startswith("0.") and len(row[0]) == 3] == [
        f"0.{step}" for step in range(1, 10)
    ]
    assert ["wrong label", "1"] in page.cells
    # Gold relations in rows, predicted ones in columns of the same order
    start = page.cells.index(["gold", "born_in", "founded", "none"])
    assert page.cells[start + 1 : start + 4] == [
        ["born_in", "3", "", ""],
        ["founded", "1", "3", ""],
        ["none", "1", "", ""],
    ]
    assert "3 of 9 texts have errors" in " ".join(page.texts)
    assert page.tags.count("li") == 5 and page.tags.count("polyline") == 1
    # Nothing comes from elsewhere, and nothing runs.
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not any(name in ("src", "href") or name.startswith("on") for name, _ in page.attrs)


def test_entities_are_counted_as_spacy_scores_them(trained: Language, evaluation: Any) -> None:
    """Also where the annotation of a text is missing, in whole or in part, and with other tokens."""
    words = ["Ada", "Brook", "leads", "Orbix", "in", "Wick"]
    gold, other, missing = (Doc(trained.vocab, words=words) for _ in range(3))
    gold.set_ents([Span(gold, 0, 2, label="PERSON"), Span(gold, 5, 6, label="PLACE")], missing=[gold[3:4]])
    other.ents = [Span(other, 0, 2, label="ORG"), Span(other, 3, 4, label="ORG"), Span(other, 5, 6, label="PLACE")]
    split = Doc(trained.vocab, words=[*words[:5], "Wi", "ck"], spaces=[True] * 5 + [False] * 2)
    split.ents = [Span(split, 0, 2, label="PERSON"), Span(split, 5, 7, label="PLACE"), Span(split, 2, 3, label="ORG")]
    examples = [Example(other, gold), Example(split, gold.copy()), Example(other.copy(), missing)]
    total, per_type = score_entities(examples)
    expected = get_ner_prf(examples)
    assert {letter: total[letter] for letter in "prf"} == {letter: expected[f"ents_{letter}"] for letter in "prf"}
    assert {name: {x: row[x] for x in "prf"} for name, row in per_type.items()} == expected["ents_per_type"]
    assert (total["gold"], total["predicted"], total["right"]) == (4, 5, 3)
    assert per_type["ORG"]["gold"] == 0 and per_type["ORG"]["predicted"] == 2
    counts, scores = evaluation.scores["counts"]["ents"], evaluation.scores
    assert scores["ents_p"] == pytest.approx(counts["right"] / counts["predicted"])
    page = Page(render_html(evaluation, model="m", data="d"))
    (row,) = (row for row in page.cells if row[0] == "entities ents")
    assert row[4:] == [str(counts[kind]) for kind in ("gold", "predicted", "right")]
    born = scores["ents_counts_per_type"]["PERSON"]
    assert any(row[0] == "PERSON" and row[4:] == [str(n) for n in born.values()] for row in page.cells)


def test_nothing_to_divide_by() -> None:
    row = {"p": 0.0, "r": 0.0, "f": 0.0, "gold": 0, "predicted": 0, "right": 0}
    assert percents(row) == ["–", "–", "–"]
    assert percents({**row, "gold": 2}) == ["–", "0.0", "0.0"]
    assert percents({**row, "predicted": 2}) == ["0.0", "–", "0.0"]


def test_report_of_a_text_with_control_characters(nlp: Language) -> None:
    """They are shown as in pictures. A page with NUL or an escape in it is no HTML, and readers could not see them."""
    words = ["a\x00b", "\x1b[31m", "\x85"]
    gold = Doc(nlp.vocab, words=words)
    spans = [Span(gold, i, i + 1, label="T\x07") for i in range(3)]
    gold.spans["rin"] = spans
    set_relations(gold, [(spans[0], "r\x0b", spans[1])])
    nlp.add_pipe("rin_joint")
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=words), gold)])
    html = render_html(evaluate(nlp, [Example(Doc(nlp.vocab, words=words), gold)]), model="m\x01", data="d\udc80")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", html)
    shown = "".join(Page(html).texts)
    assert "a\ufffdb" in shown and "r\ufffd" in shown and "T\ufffd" in shown and "m\ufffd on d\ufffd" in shown


def test_report_is_dark_or_light(evaluation: Any, model: Path, gold: Any) -> None:
    for theme, scheme in (("auto", "light dark"), ("light", "light"), ("dark", "dark")):
        page = Page(render_html(evaluation, model="m", data="d", theme=theme))
        assert ("style", f"color-scheme: {scheme}") in page.attrs
    result = run("evaluate", model, gold, "--theme", "sepia")
    assert result.exit_code == 1 and "[R010]" in result.output


HOSTILE = ["<script>alert('1')</script>", '"><b onclick="x">', "&amp;", "</p></style>", "שלום", "👩‍👩‍👧", "a'b"]


def test_hostile_text_stays_text(nlp: Language) -> None:
    """Whatever stands in texts, labels, types and names is shown as it is."""
    words = HOSTILE

    def annotate(relations: Any) -> Any:
        doc = Doc(nlp.vocab, words=words)
        spans = [Span(doc, i, i + 1, label=f"<i>{word}") for i, word in enumerate(words)]
        doc.spans["rin"] = spans
        set_relations(doc, [(spans[i], f"<u>{words[i]}", spans[j]) for i, j in relations])
        return doc

    nlp.add_pipe("rin_joint")
    places = range(len(words))
    gold = annotate([(i, i) for i in places])
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=words), gold)])
    result = evaluate(nlp, [Example(Doc(nlp.vocab, words=words), gold)])
    html = render_html(result, model=HOSTILE[0], data=HOSTILE[1])
    page = Page(html)
    assert not {"script", "b onclick", "i", "u"} & set(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attrs)
    shown = "".join(page.texts)
    for word in HOSTILE:
        assert shown.count(f"<i>{word}") and shown.count(f"<u>{word}")
    assert gold.text in shown
    assert f"{HOSTILE[0]} on {HOSTILE[1]}" in shown
    # Each name of another script in an element of its own, so that it doesn't turn the order around it.
    assert "<bdi>שלום</bdi>" in html and 'dir="auto"' in html


@pytest.fixture(scope="module")
def model(trained: Language, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("model") / "best"
    trained.to_disk(folder)
    return folder


@pytest.fixture
def gold(trained: Language, tmp_path: Path) -> Any:
    path = tmp_path / "gold.spacy"
    docs = [gold_doc(trained.vocab, text, triples) for text, triples in OTHER]
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_evaluate_command(model: Path, gold: Any, evaluation: Any, tmp_path: Path) -> None:
    out = tmp_path / "new"
    result = run("evaluate", model, gold, "--output", out / "scores.json", "--html", out / "report.html")
    assert result.exit_code == 0, result.output
    assert srsly.read_json(out / "scores.json") == srsly.json_loads(srsly.json_dumps(evaluation.scores))
    assert "relations, exact" in "".join(Page((out / "report.html").read_text("utf8")).texts)
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "scores.json"]
    rows = [line.split() for line in result.output.splitlines()]
    assert ["born_in", "60.0", "100.0", "75.0", "3"] in rows
    order = [row[0] for row in rows if row and row[0] in ("born_in", "founded", "leads")]
    assert order == ["founded", "born_in", "leads"]


def test_commands_refuse_what_is_no_data(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.spacy").write_bytes(b"no corpus")
    for command in (["evaluate", model], ["tune", model], ["data"]):
        for name, code in (("bad.spacy", "R053"), ("none.spacy", "R033")):
            result = run(*command, tmp_path / name)
            assert result.exit_code == 1 and code in result.output, result.output


def test_tune_command(model: Path, trained: Language, tmp_path: Path) -> None:
    """A pipeline whose threshold is too high for all that it knows."""
    start = tmp_path / "start"
    spacy.load(model, config={"components.rin_joint.threshold": 0.5}).to_disk(start)
    write_in_place(spacy.load(start), start, Tuned(0.999999, {"leads": 1.0}, {"leads": [0.5, 1.0]}))
    path = tmp_path / "gold.spacy"
    docs = [gold_doc(trained.vocab, *row) for row in TRIPLES]
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    before = {file: file.read_bytes() for file in start.rglob("*") if file.is_file()}
    assert run("tune", start, path, "--folds", "2").exit_code == 0
    result = run("tune", start, path, "--folds", "2", "--output", tmp_path / "tuned")
    assert result.exit_code == 0, result.output
    assert "One threshold is kept" in result.output
    assert {file: file.read_bytes() for file in start.rglob("*") if file.is_file()} == before
    nlp = spacy.load(tmp_path / "tuned")
    threshold = component_of(nlp).threshold
    assert 0.01 <= threshold < 0.999 and component_of(nlp).thresholds == {}
    assert evaluate(nlp, make_examples(nlp.vocab)).scores["rel_exact_f"] == 1.0
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]
    # In place, it changes one file.
    assert run("tune", start, path, "--folds", "2", "--in-place").exit_code == 0
    after = {file: file.read_bytes() for file in start.rglob("*") if file.is_file()}
    changed = {file.relative_to(start).as_posix() for file in after if after[file] != before.get(file)}
    assert changed == {"rin_joint/cfg"} and after.keys() == before.keys()
    assert component_of(spacy.load(start)).threshold == threshold
    # There is nothing more to gain.
    result = run("tune", start, path, "--folds", "2", "--in-place")
    assert "left as they are" in " ".join(result.output.split()) and "Wrote" not in result.output
    assert {file: file.read_bytes() for file in start.rglob("*") if file.is_file()} == after


def test_tune_from_python(model: Path) -> None:
    """One threshold for all relations is found for a pipeline whose threshold lets little through."""
    nlp = spacy.load(model)
    component = component_of(nlp)
    component.set_thresholds(1.0)
    tuning = tune(nlp, make_examples(nlp.vocab), folds=2)
    assert tuning.best == "global" and tuning.settings.threshold < 1.0
    assert tuning.choices["present"].scores.fscore < 1.0
    assert tuning.choices["global"].scores.fscore == tuning.choices["global"].held_out.fscore == 1.0
    assert tuning.gold == {"born_in": 3, "founded": 2, "leads": 2}
    assert (component.threshold, component.thresholds) == (1.0, {})
    set_tuned(nlp, tuning.settings)
    assert component.calibration == tuning.settings.calibration
    assert evaluate(nlp, make_examples(nlp.vocab)).scores["rel_exact_f"] == 1.0
    unannotated = Example(nlp.make_doc(TRIPLES[0][0]), nlp.make_doc(TRIPLES[0][0]))
    with pytest.raises(RinError, match="R036"):
        tune(nlp, [unannotated])


def test_tuned_pipeline_scores_what_tuning_says() -> None:
    """A calibration changes the probabilities of triples, and nothing that the network computes before."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 12)
    component = component_of(nlp)
    assert component.rounds > 0

    def find(calibration: dict[str, list[float]]) -> dict[Any, float]:
        with component.settings(threshold=0.01, calibration=calibration):
            docs = nlp.pipe(text for text, _ in [*TRIPLES, *OTHER])
            return {(doc.text, *map(str, r[:3])): r.score for doc in docs for r in doc._.relations}

    raw, calibrated = find({}), find({label: [0.2, 1.0] for label in component.relation_labels})
    expected = correct(np.array([*raw.values()]), 0.2, 1.0)
    assert len(raw) > 5 and max(raw.values()) < 0.9999  # of higher ones, float32 keeps no logits
    assert [calibrated[key] for key in raw] == pytest.approx(expected.tolist(), abs=1e-4)
    # A relation that has none keeps its probabilities.
    partly = find({"founded": [0.2, 1.0]})
    mixed = {key: calibrated[key] if key[2] == "founded" else score for key, score in raw.items()}
    assert len({key[2] for key in raw}) > 1 and {key: partly[key] for key in raw} == pytest.approx(mixed, abs=1e-4)
    tuning = tune(nlp, make_examples(nlp.vocab, OTHER), folds=2)
    set_tuned(nlp, tuning.settings)
    scores = evaluate(nlp, make_examples(nlp.vocab, OTHER)).scores
    assert component.calibration and scores["rel_exact_f"] == tuning.choices[tuning.best].scores.fscore


def test_relation_without_candidates_has_the_calibration_of_all(
    model: Path, gold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = {
        "none": CalibrationChoice({}, 1.0, 0.5),
        "global": CalibrationChoice({label: [0.5, 0.1] for label in ("founded", "leads")}, 0.9, 0.4),
        "per_relation": CalibrationChoice({"founded": [0.6, 0.2], "leads": [0.7, 0.3]}, 0.8, 0.3),
    }
    monkeypatch.setattr(tuned, "choose_calibration", lambda *_: (choices, "per_relation"))
    tuning = tune(spacy.load(model), make_examples(spacy.load(model).vocab, OTHER), folds=2)
    assert tuning.calibration == {"born_in": [0.5, 0.1], "founded": [0.6, 0.2], "leads": [0.7, 0.3]}


# The logits of 0.01, the lowest probability of a candidate, and of a lower threshold of the component are -4.595 and
# -6.907. A tenth of them is that of 0.387 and 0.334.
@pytest.mark.parametrize("threshold, lowest, floor", [(0.5, 0.01, 0.387102), (0.001, 0.001, 0.333883)])
def test_tuned_pipeline_finds_candidates_alone(
    model: Path, gold: Any, threshold: float, lowest: float, floor: float
) -> None:
    """A correction that raises low probabilities does not let in triples that tuning has not scored."""
    nlp = spacy.load(model)
    component_of(nlp).set_thresholds(threshold)
    tuning = tune(nlp, make_examples(nlp.vocab, OTHER), folds=2)
    flat = {label: [0.1, 0.0] for label in component_of(nlp).relation_labels}
    low = Choice(Thresholds(0.2, {"leads": 0.1, "founded": 0.6}), PRFScore(), PRFScore())
    tuning = replace(tuning, calibration=flat, choices={"global": low}, best="global")
    settings = tuning.settings
    assert settings.thresholds.pop("founded") == 0.6
    assert settings.thresholds == pytest.approx({"leads": floor, "born_in": floor}, abs=1e-6)
    set_tuned(nlp, tuning.settings)
    component = component_of(nlp)
    text = " ".join(text for text, _ in OTHER)
    found = {(r.subject.text, r.label, r.object.text) for r in nlp(text)._.relations}
    with component.settings(threshold=lowest, thresholds={}, calibration={}):
        candidates = {(r.subject.text, r.label, r.object.text) for r in nlp(text)._.relations}
    assert found and found <= candidates


def test_tune_refuses(model: Path, gold: Any, tmp_path: Path) -> None:
    (tmp_path / "full" / "some").mkdir(parents=True)
    for args, code in [
        (["--in-place", "--output", tmp_path / "x"], "R051"),
        (["--output", tmp_path / "full"], "R034"),
        (["--folds", "100"], "R050"),
    ]:
        result = run("tune", model, gold, *args)
        assert result.exit_code == 1 and code in result.output, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "gold.spacy"]
    with pytest.raises(ValueError, match="R052"):
        write_in_place(spacy.load(model), tmp_path / "full", Tuned(0.5, {}, {}))


def test_tune_in_place_needs_a_folder(gold: Any) -> None:
    result = run("tune", "en_rin_webnlg", gold, "--in-place")
    assert result.exit_code == 1 and "R052" in result.output


def test_own_thresholds_are_written(model: Path, tmp_path: Path) -> None:
    nlp = spacy.load(model)
    write_tuned(nlp, tmp_path / "tuned", Tuned(0.25, {"leads": 0.75}, {}))
    nlp = spacy.load(tmp_path / "tuned")
    settings = {"threshold": 0.25, "thresholds": {"leads": 0.75}}
    assert settings.items() <= component_of(nlp).cfg.items()


def test_unknown_labels_are_told(model: Path, trained: Language, tmp_path: Path) -> None:
    data = [("Ada Brook was born in Larne .", [("Ada Brook", "born_in", "Larne"), ("Larne", "twin_of", "Larne")])]
    docs = [gold_doc(trained.vocab, *row) for row in data]
    docs[0].ents = [*docs[0].ents, Span(docs[0], 2, 3, label="VERB")]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "gold.spacy")
    result = run("evaluate", model, tmp_path / "gold.spacy", "--output", tmp_path / "scores.json")
    unknown = srsly.read_json(tmp_path / "scores.json")["unknown_labels"]
    assert unknown == {"relations": {"twin_of": 1}, "entities": {"VERB": 1}}
    output = " ".join(result.output.split())
    assert "does not know 1 relations of this data (1 missed): twin_of (1)" in output


def test_entities_that_the_tokenizer_cuts_are_told(model: Path, trained: Language, tmp_path: Path) -> None:
    """With the tokens of the file they are found, but no raw text has these."""
    words, spaces = ["Ada", "Brook", "was", "born", "in", "Larne", "town"], [True] * 5 + [False, False]
    doc = Doc(trained.vocab, words=words, spaces=spaces)
    set_relations(doc, [(Span(doc, 0, 2, label="PERSON"), "born_in", Span(doc, 5, 6, label="PLACE"))])
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    result = run("evaluate", model, tmp_path / "gold.spacy", "--output", tmp_path / "scores.json")
    assert srsly.read_json(tmp_path / "scores.json")["entities_cut"] == {"count": 1, "of": 2}
    assert "1 of 2 entities begin or end inside a token" in " ".join(result.output.split())
    raw = run("evaluate", model, tmp_path / "gold.spacy", "--raw", "--output", tmp_path / "raw.json")
    assert raw.exit_code == 0, raw.output
    with_tokens, as_text = (srsly.read_json(tmp_path / f"{name}.json") for name in ("scores", "raw"))
    assert with_tokens["rel_exact_f"] == 1.0 and as_text["rel_exact_f"] == 0.0
    assert as_text["counts"]["rel_exact"]["gold"] == 1
    DocBin(docs=[gold_doc(trained.vocab, *TRIPLES[0])], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    assert "inside a token" not in run("evaluate", model, tmp_path / "gold.spacy").output


def test_calibration_is_that_of_the_triples_found(evaluation: Any, model: Path, gold: Any) -> None:
    calibration = evaluation.scores["rel_calibration"]
    counts = evaluation.scores["counts"]["rel_exact"]
    assert sum(row["count"] for row in calibration["bins"]) == counts["predicted"]
    assert sum(row["count"] * row["right"] for row in calibration["bins"]) == pytest.approx(counts["right"])
    assert 0 <= calibration["ece"] <= 1
    output = run("evaluate", model, gold).output
    assert "expected calibration error" in output
    page = Page(render_html(evaluation, model="m", data="d"))
    assert "Reliability diagram" in page.texts


@pytest.mark.parametrize("share_right,n_texts,advised", [(0.5, 60, True), (0.5, 20, False), (1.0, 60, False)])
def test_misleading_probabilities_are_told(
    share_right: float, n_texts: int, advised: bool, model: Path, trained: Language, tmp_path: Path
) -> None:
    """The pipeline is sure of a triple in each text, and the annotation has it in a share of them."""
    text, triples = TRIPLES[0]
    docs = [gold_doc(trained.vocab, text, triples if i < share_right * n_texts else []) for i in range(n_texts)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "gold.spacy")
    output = " ".join(run("evaluate", model, tmp_path / "gold.spacy").output.split())
    assert ("`spacy rin tune`" in output) == advised


def test_tuned_in_place_as_a_whole(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a run is killed, the folder has the old settings or the new ones, and its files say the same."""
    folder, old = tmp_path / "model", Tuned(0.25, {"leads": 0.375}, {})
    new = Tuned(0.625, {"founded": 0.75}, {"leads": [0.5, 0.25]})
    replace, found = Path.replace, []

    def stopped_after(steps: int) -> Any:
        left = iter(range(steps))

        def move(path: Path, target: Path) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return replace(path, target)

        return move

    for steps in range(6):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(model, folder)
        nlp = spacy.load(folder)
        component_of(nlp).set_thresholds(old.threshold, old.thresholds)
        nlp.to_disk(folder)
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            patch.setattr(Path, "replace", stopped_after(steps))
            write_in_place(nlp, folder, new)
        loaded = spacy.load(folder)
        component = component_of(loaded)
        tuned = Tuned(component.threshold, component.thresholds, component.calibration)
        assert tuned in (old, new)
        found.append(tuned == new)
    assert found == sorted(found) and not found[0] and found[-1]
    assert not list(folder.rglob("*.tmp"))


def test_leftovers_in_the_folder_of_a_pipeline_are_removed(model: Path, tmp_path: Path) -> None:
    folder, number = tmp_path / "model", 2**22 + 1  # larger than any number of a process
    shutil.copytree(model, folder)
    for name in (f"rin_joint/.cfg.{number}.tmp", "rin_joint/.notes.tmp"):
        (folder / name).write_text("half")
    write_in_place(spacy.load(folder), folder, Tuned(0.6, {}, {}))
    assert [path.name for path in folder.rglob("*.tmp")] == [".notes.tmp"]
