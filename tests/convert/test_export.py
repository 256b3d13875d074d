"""Annotations out, and back in through the converter."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans

from spacy_rin.convert import (
    EXPORTERS,
    ExportReport,
    Record,
    check_target,
    convert,
    export,
    export_file,
    make_doc,
    write_docs,
    write_records,
)
from spacy_rin.extract import extract
from spacy_rin.relations import get_relations, set_relations

from ..support import component_of, make_examples, run, same_predictions
from .support import SAMPLES, accept_predictions, relations_of, spans_of, whole

VOCAB = spacy.blank("xx").vocab


def words_of(doc: Doc) -> Any:
    return [token.text for token in doc]


def characters_of(doc: Doc) -> Any:
    """Text, entities and triples of a Doc, whatever its tokens."""
    triples = {(_offsets(r.subject), r.label, _offsets(r.object)) for r in get_relations(doc)}
    return doc.text, {_offsets(span) for span in doc.spans["rin"]}, triples


def _offsets(span: Any) -> Any:
    return span.start_char, span.end_char, span.label_


def names_of(doc: Doc) -> Any:
    """Triples of a Doc by the names of their entities, whatever their white space."""
    return {(" ".join(r.subject.text.split()), r.label, " ".join(r.object.text.split())) for r in get_relations(doc)}


def there_and_back(docs: list[Doc], format: Any, folder: Any, **options: Any) -> Any:
    records, report = export(docs, format)
    path = folder / f"{format}.json"
    write_records(records, path, format)
    back, _ = convert(path, format, lang="xx", **options)
    return back, report


def test_jsonl_record() -> None:
    doc = make_doc(
        Record("1", ["Oslo", "🌊", "!"], [(0, 1, "A"), (0, 2, "B")], [(0, "in", 1)], [False, True, False]), VOCAB
    )
    records, report = export([doc], "jsonl")
    assert records == [{"text": "Oslo🌊 !", "entities": [[0, 4, "A"], [0, 5, "B"]], "relations": [[0, "in", 1]]}]
    assert report == ExportReport(texts=1, entities=2, triples=1)


def test_spert_record() -> None:
    doc = make_doc(Record("1", ["Oslo", "Bay"], [(0, 2, "B"), (0, 1, "A")], [(1, "in", 0), (0, "is", 0)]), VOCAB)
    records, report = export([doc], "spert")
    assert records == [
        {
            "tokens": ["Oslo", "Bay"],
            "entities": [{"type": "A", "start": 0, "end": 1}, {"type": "B", "start": 0, "end": 2}],
            "relations": [{"type": "in", "head": 0, "tail": 1}, {"type": "is", "head": 1, "tail": 1}],
        }
    ]
    assert report == ExportReport(texts=1, entities=2, triples=2, unknown_spaces=1)


def test_prodigy_task() -> None:
    entities = [(0, 2, "B"), (0, 1, "A"), (3, 4, "C")]
    triples = [(0, "on", 2), (1, "in", 0), (2, "is", 2)]
    doc = make_doc(Record("1", ["Oslo", "Bay", "\n", "E6"], entities, triples, [True, False, False, False]), VOCAB)
    (record,), report = export([doc], "prodigy")
    bay = {"start": 0, "end": 8, "token_start": 0, "token_end": 1, "label": "B"}
    road = {"start": 9, "end": 11, "token_start": 3, "token_end": 3, "label": "C"}
    assert record == {
        "text": "Oslo Bay\nE6",
        "tokens": [
            {"text": "Oslo", "start": 0, "end": 4, "id": 0, "ws": True},
            {"text": "Bay", "start": 5, "end": 8, "id": 1, "ws": False},
            {"text": "\n", "start": 8, "end": 9, "id": 2, "ws": False},
            {"text": "E6", "start": 9, "end": 11, "id": 3, "ws": False},
        ],
        "spans": [bay, road],
        "relations": [
            {"head": 1, "child": 3, "head_span": bay, "child_span": road, "label": "on"},
            {"head": 3, "child": 3, "head_span": road, "child_span": road, "label": "is"},
        ],
        "_view_id": "relations",
        "answer": "accept",
    }
    assert report == ExportReport(texts=1, entities=2, triples=2, dropped_entities=1, dropped_triples=1)


def test_label_studio_task() -> None:
    entities = [(0, 2, "B"), (0, 1, "A")]
    doc = make_doc(Record("1", ["Oslo", "🌊", "!"], entities, [(0, "in", 1)], [False, True, False]), VOCAB)
    names = {"from_name": "label", "to_name": "text"}
    regions = [
        {"id": "T1", **names, "type": "labels", "value": {"start": 0, "end": 4, "text": "Oslo", "labels": ["A"]}},
        {"id": "T2", **names, "type": "labels", "value": {"start": 0, "end": 5, "text": "Oslo🌊", "labels": ["B"]}},
    ]
    relation = {"type": "relation", "from_id": "T2", "to_id": "T1", "direction": "right", "labels": ["in"]}
    data = {"text": "Oslo🌊 !"}
    assert export([doc], "label_studio")[0] == [{"data": data, "annotations": [{"result": [*regions, relation]}]}]
    oslo, bay = (Span(doc, 0, end, label=label) for end, label in ((1, "A"), (2, "B")))
    set_relations(doc, [(bay, "in", oslo, 0.7), (oslo, "on", bay, 0.4)])
    (task,), _ = export([doc], "label_studio", scores=True)
    (prediction,) = task["predictions"]
    assert task.keys() == {"data", "predictions"} and prediction.keys() == {"model_version", "score", "result"}
    assert prediction["score"] == pytest.approx(0.55)
    assert prediction["result"][:3] == [*regions, {**relation, "score": 0.7}]


def test_brat_folder(tmp_path: Path) -> None:
    words = ["Oslo", "Bay", "\n", "E6", "!"]
    entities = [(0, 2, "B"), (0, 1, "A"), (1, 4, "C")]
    spaces = [True, False, False, True, False]
    doc = make_doc(Record("1", words, entities, [(0, "in", 1), (2, "is", 2)], spaces), VOCAB)
    records, _ = export([doc, make_doc(Record("2", ["Hm"], [], []), VOCAB)], "brat")
    write_records(records, tmp_path / "brat", "brat", labels={"entities": ["D"], "relations": ["on"]})
    files = {path.name: path.read_bytes().decode() for path in (tmp_path / "brat").iterdir()}
    assert files == {
        "1.txt": "Oslo Bay\nE6 !",
        # An entity is cut at the end of a line.
        "1.ann": "T1\tA 0 4\tOslo\nT2\tB 0 8\tOslo Bay\nT3\tC 5 8;9 11\tBay E6\nR1\tin Arg1:T2 Arg2:T1\n"
        "R2\tis Arg1:T3 Arg2:T3\n",
        "2.txt": "Hm ",
        "2.ann": "",
        "annotation.conf": "[entities]\nA\nB\nC\nD\n\n[relations]\nin\tArg1:<ENTITY>, Arg2:<ENTITY>\n"
        "is\tArg1:<ENTITY>, Arg2:<ENTITY>\non\tArg1:<ENTITY>, Arg2:<ENTITY>\n\n[events]\n\n[attributes]\n",
    }
    for target in (tmp_path / "brat", tmp_path / "brat" / "1.txt"):
        with pytest.raises(ValueError, match=r"^\[R034\]"):
            check_target(target, "brat")
        with pytest.raises(ValueError, match=r"^\[R034\]"):  # and nothing of a person's work is lost
            write_records(records, target, "brat")
    assert {path.name: path.read_bytes().decode() for path in (tmp_path / "brat").iterdir()} == files
    check_target(tmp_path / "new", "brat")


@pytest.mark.parametrize(
    "kind, label",
    [("born in", "r"), ("A", "at:home"), ("A", "a\tb"), ("A", "/people/at"), ("siège", "r"), ("A,B", "r")],
)
def test_brat_refuses_labels_that_it_would_read_otherwise(kind: str, label: str) -> None:
    doc = make_doc(Record("1", ["a"], [(0, 1, kind)], [(0, label, 0)]), VOCAB)
    with pytest.raises(ValueError, match=r"^\[R048\]"):
        export([doc], "brat")


def test_glirel_record() -> None:
    entities = [(0, 2, "B"), (0, 1, "A"), (3, 4, "C"), (3, 4, "D")]
    triples = [(0, "on", 2), (1, "in", 3), (0, "on", 3)]
    doc = make_doc(Record("1", ["Oslo", "Bay", "\n", "E6"], entities, triples, [True, False, False, False]), VOCAB)
    records, report = export([doc], "glirel")
    oslo, bay, road = (
        {"mention": "Oslo", "position": [0, 0], "type": "A"},
        {"mention": "Oslo Bay", "position": [0, 1], "type": "B"},
        {"mention": "E6", "position": [3, 3], "type": "C"},
    )
    assert records == [
        {
            "tokenized_text": ["Oslo", "Bay", "\n", "E6"],
            "ner": [[0, 0, "A", "Oslo"], [0, 1, "B", "Oslo Bay"], [3, 3, "C", "E6"]],
            "relations": [
                {"head": bay, "tail": road, "relation_text": "on"},
                {"head": oslo, "tail": road, "relation_text": "in"},
            ],
        }
    ]
    assert report == ExportReport(texts=1, entities=3, triples=2, dropped_entities=1, dropped_triples=1)


def test_gliner2_record() -> None:
    words = ["Ada", "met", "Bo", ",", "and", "Ada", "Lee", "met", "Bo", "."]
    entities = [(0, 1, "P"), (2, 3, "P"), (5, 7, "P"), (8, 9, "P"), (8, 9, "Q")]
    triples = [(2, "met", 3), (0, "met", 1), (0, "met", 3), (0, "saw", 4), (4, "is", 4)]
    doc = make_doc(Record("1", words, entities, triples), VOCAB)
    rain = make_doc(Record("2", ["It", "rained"], [], [], [True, False]), VOCAB)
    records, report = export([doc, rain], "gliner2")
    assert records == [
        {
            "input": "Ada met Bo , and Ada Lee met Bo . ",
            "output": {
                "entities": {"P": ["Ada", "Bo", "Ada Lee"], "Q": ["Bo"]},
                "relations": [
                    {"met": {"head": "Ada Lee", "tail": "Bo"}},
                    {"met": {"head": "Ada", "tail": "Bo"}},
                    {"saw": {"head": "Ada", "tail": "Bo"}},
                    {"is": {"head": "Bo", "tail": "Bo"}},
                ],
            },
        },
        {"input": "It rained", "output": {"entities": {}, "relations": []}},
    ]
    assert report == ExportReport(
        texts=2, entities=4, triples=4, dropped_entities=1, dropped_triples=1, unknown_spaces=1
    )


@pytest.mark.parametrize("format", ["jsonl", "prodigy", "label_studio", "brat"])
@pytest.mark.parametrize("first", ["\ufeff", "\ufeff\ufeff", "\ufeff🌊"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_character_like_a_byte_order_mark_comes_back(tmp_path: Path, format: str, first: str, end: str) -> None:
    """It is no part of the text at the start of a file only."""
    words = [first, end, "Ada", "left", "Rome", "."]
    entities = [(0, 1, "X"), (2, 3, "PERSON"), (4, 5, "CITY")]
    spaces = [False, False, True, True, False, False]
    doc = make_doc(Record("1", words, entities, [(1, "left", 2), (0, "at", 2)], spaces), VOCAB)
    (back,), _ = there_and_back([doc], format, tmp_path)
    assert back.text == f"{first}{end}Ada left Rome."
    assert characters_of(back) == characters_of(doc) and len(get_relations(back)) == 2


def test_texts_that_are_not_annotated_are_left_out() -> None:
    annotated = make_doc(Record("1", ["a"], [], []), VOCAB)
    records, report = export([Doc(VOCAB, words=["b"]), annotated, Doc(VOCAB)], "spert")
    assert [record["tokens"] for record in records] == [["a"]]
    assert report.left_out == {"texts without annotated relations": 1, "empty texts": 1} and report.texts == 1


def test_entities_of_all_places_are_written() -> None:
    doc = Doc(VOCAB, words=["a", "b", "c"])
    doc.ents = [Span(doc, 0, 1, label="X", kb_id="Q1")]
    doc.spans["rin"] = [Span(doc, 1, 2, label="Y", span_id="y")]
    set_relations(doc, [(Span(doc, 0, 1, label="X"), "r", Span(doc, 2, 3, label="Z"))])
    (record,), _ = export([doc], "jsonl")
    assert record["entities"] == [[0, 1, "X"], [2, 3, "Y"], [4, 5, "Z"]] and record["relations"] == [[0, "r", 2]]
    doc.spans["rin"] = [Span(doc, 0, 1)]
    with pytest.raises(ValueError, match=r"^\[R017\].*'a'"):
        export([doc], "jsonl")


@st.composite
def annotated_docs(draw: Any) -> Any:
    words = draw(
        st.lists(st.sampled_from(["a", "é", "🌊", "\n", " ", "\u00a0", "'s", "b c", "\u2028"]), min_size=1, max_size=8)
    )
    spaces = draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    starts = st.integers(0, len(words) - 1)
    bounds = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, len(words))))
    entities = [(*b, label) for b, label in draw(st.lists(st.tuples(bounds, st.sampled_from("XY")), max_size=5))]
    index = st.integers(0, len(entities) - 1)
    relations = draw(st.lists(st.tuples(index, st.sampled_from("rs"), index), max_size=6)) if entities else []
    return make_doc(Record("1", words, entities, relations, spaces), VOCAB)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotated_docs())
def test_formats_hold_what_they_can(tmp_path: Path, doc: Any) -> None:
    (spert,), report = there_and_back([doc], "spert", tmp_path)
    assert words_of(spert) == words_of(doc)
    assert spans_of(spert) == spans_of(doc) and relations_of(spert) == relations_of(doc)
    (prodigy,), report = there_and_back([doc], "prodigy", tmp_path)
    assert prodigy.text == doc.text and words_of(prodigy) == words_of(doc)
    flat = [(span.start, span.end, span.label_) for span in filter_spans(doc.spans["rin"])]
    triples = [t for t in relations_of(doc) if t[0] in flat and t[2] in flat]
    assert spans_of(prodigy) == flat and relations_of(prodigy) == triples
    assert report.dropped_entities == len(doc.spans["rin"]) - len(flat)
    assert report.dropped_triples == len(get_relations(doc)) - len(triples)
    # The tokens are the converter's; what cuts one of them is reported, and white space at the ends left out.
    (jsonl,), _ = there_and_back([doc], "jsonl", tmp_path)
    text, entities, triples = characters_of(doc)
    spans = {entity: whole(jsonl, *entity[:2]) for entity in entities}
    kept = {entity: (span.start_char, span.end_char, entity[2]) for entity, span in spans.items() if span is not None}
    expected = {(kept[s], label, kept[o]) for s, label, o in triples if s in kept and o in kept}
    assert characters_of(jsonl) == (text, set(kept.values()), expected)


WHOLE_WORDS = st.lists(st.sampled_from(["ab", "é", "🌊", "Ø1"]), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WHOLE_WORDS, st.data())
def test_tools_hold_all_between_words(tmp_path: Path, words: list[str], data: Any) -> None:
    """Also where entities overlap, go over the end of a line, or have two types."""
    blanks = data.draw(st.lists(st.sampled_from(["", "\n"]), min_size=len(words), max_size=len(words)))
    tokens = [token for pair in zip(words, blanks) for token in pair if token]
    spaces = [not token.isspace() and tokens[i + 1 : i + 2] != ["\n"] for i, token in enumerate(tokens)]
    places = [i for i, token in enumerate(tokens) if token != "\n"]
    ends = st.tuples(st.sampled_from(places), st.sampled_from(places), st.sampled_from("XY"))
    entities = [(min(a, b), max(a, b) + 1, kind) for a, b, kind in data.draw(st.lists(ends, max_size=5))]
    index = st.integers(0, len(entities) - 1)
    relations = data.draw(st.lists(st.tuples(index, st.sampled_from("rs"), index), max_size=5)) if entities else []
    doc = make_doc(Record("1", tokens, entities, relations, spaces), VOCAB)
    for number, format in enumerate(("label_studio", "brat")):
        folder = tmp_path / f"{number}-{len(list(tmp_path.iterdir()))}"
        (back,), report = there_and_back([doc], format, folder)
        assert characters_of(back) == characters_of(doc) and not report.dropped_triples


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotated_docs())
def test_formats_of_models_hold_what_they_can(tmp_path: Path, doc: Any) -> None:
    (glirel,), report = there_and_back([doc], "glirel", tmp_path)
    one_type = {span[:2]: span for span in reversed(spans_of(doc))}  # the first one for the same tokens
    assert words_of(glirel) == words_of(doc) and spans_of(glirel) == sorted(one_type.values(), key=lambda s: s[:2])
    triples = [(one_type[s[:2]], label, one_type[o[:2]]) for s, label, o in relations_of(doc)]
    assert relations_of(glirel) == list(dict.fromkeys(triples))
    assert report.dropped_entities == len(spans_of(doc)) - len(one_type)
    (gliner2,), report = there_and_back([doc], "gliner2", tmp_path)
    assert gliner2.text == doc.text and names_of(gliner2) <= names_of(doc)
    assert report.triples == len({(r.subject.text, r.label, r.object.text) for r in get_relations(doc)})


@pytest.mark.parametrize("format", EXPORTERS)
@pytest.mark.parametrize(
    "name", ["jsonl.jsonl", "prodigy.jsonl", "label_studio.json", "brat", "spert.json", "jointer.json"]
)
def test_samples_come_back(tmp_path: Path, name: str, format: Any) -> None:
    docs, _ = convert(SAMPLES / name, lang="xx")
    back, report = there_and_back(docs, format, tmp_path, snap=True)
    assert len(back) == len(docs) == report.texts
    for doc, again in zip(docs, back, strict=True):
        if format == "gliner2":
            assert again.text == doc.text and names_of(again) == names_of(doc)
        elif format == "glirel":
            ends = [(s[:2], label, o[:2]) for s, label, o in relations_of(doc)]
            assert words_of(again) == words_of(doc)
            assert [(s[:2], label, o[:2]) for s, label, o in relations_of(again)] == ends
        elif format == "spert":
            assert (words_of(again), spans_of(again), relations_of(again)) == (
                words_of(doc),
                spans_of(doc),
                relations_of(doc),
            )
        elif format == "jsonl" or not report.dropped_entities:
            assert characters_of(again) == characters_of(doc)
        else:
            assert characters_of(again)[0] == doc.text and set(relations_of(again)) <= set(relations_of(doc))


@pytest.mark.parametrize("name", ["scierc/dev.json", "scierc/test.json", "webnlg/dev.json"])
def test_real_data_come_back(real_data: Path, tmp_path: Path, name: str) -> None:
    docs, _ = convert(real_data / name)
    back, report = there_and_back(docs, "spert", tmp_path)
    assert (report.dropped_entities, report.dropped_triples) == (0, 0)
    for doc, again in zip(docs, back, strict=True):
        assert (words_of(again), spans_of(again), relations_of(again)) == (
            words_of(doc),
            spans_of(doc),
            relations_of(doc),
        )
    back, report = there_and_back(docs, "glirel", tmp_path)
    for doc, again in zip(docs, back, strict=True):
        assert words_of(again) == words_of(doc)
        assert {(s[:2], r, o[:2]) for s, r, o in relations_of(again)} == {
            (s[:2], r, o[:2]) for s, r, o in relations_of(doc)
        }
    back, report = there_and_back(docs, "gliner2", tmp_path, snap=True)
    assert [names_of(again) for again in back] == [names_of(doc) for doc in docs]
    back, report = there_and_back(docs, "prodigy", tmp_path)
    assert report.dropped_entities == sum(len(doc.spans["rin"]) - len(filter_spans(doc.spans["rin"])) for doc in docs)
    assert sum(len(get_relations(doc)) for doc in docs) - report.dropped_triples == report.triples
    for doc, again in zip(docs, back, strict=True):
        assert again.text == doc.text and words_of(again) == words_of(doc)
        assert spans_of(again) == [(s.start, s.end, s.label_) for s in filter_spans(doc.spans["rin"])]
        assert set(relations_of(again)) <= set(relations_of(doc))


@pytest.fixture
def texts(trained: Language, tmp_path: Path) -> Any:
    """A file of texts without annotation."""
    path = tmp_path / "texts.spacy"
    DocBin(docs=[eg.predicted.copy() for eg in make_examples(trained.vocab)]).to_disk(path)
    return path


@pytest.mark.parametrize("format", EXPORTERS)
def test_predictions_come_back(trained: Language, model: Path, texts: Any, tmp_path: Path, format: Any) -> None:
    out = tmp_path / "new" / "out.json"
    result = run("export", texts, out, "--format", format, "--model", model)
    assert result.exit_code == 0, result.output
    if format == "label_studio":  # predictions are no annotation before a person accepts them
        accept_predictions(out)
    back, _ = convert(out)
    expected = list(trained.pipe(eg.predicted for eg in make_examples(trained.vocab)))
    assert any(doc._.relations for doc in expected)
    for doc, again in zip(expected, back, strict=True):
        assert words_of(again) == words_of(doc)
        # Predictions are gold annotation now: their scores are 1.
        set_relations(doc, [(r.subject, r.label, r.object) for r in sorted(doc._.relations)])
        set_relations(again, sorted(again._.relations))
    assert same_predictions(expected, back)
    assert os.listdir(out.parent) == ["out.json"]


def test_brat_offers_labels_that_were_not_predicted(trained: Language, model: Path, tmp_path: Path) -> None:
    doc = Doc(trained.vocab, words=["Hm", "."])
    set_relations(doc, [])
    write_docs([doc], tmp_path / "texts.spacy")
    result = run("export", tmp_path / "texts.spacy", tmp_path / "brat", "--format", "brat", "--model", model)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "brat" / "1.ann").read_text() == ""
    offered = (tmp_path / "brat" / "annotation.conf").read_text().split()
    assert set(component_of(trained).labels) <= set(offered)


def test_predictions_have_scores_and_no_answer(trained: Language, texts: Any) -> None:
    records, report = export_file(texts, "jsonl", nlp=trained)
    by_extract = list(extract(trained, [record["text"] for record in records]))
    assert [record["entities"] for record in records] == [record["entities"] for record in by_extract]
    for record, other in zip(records, by_extract, strict=True):
        assert (
            record["scores"] == pytest.approx(other["scores"], abs=1e-3) and record["relations"] == other["relations"]
        )
    assert report.triples == sum(len(record["scores"]) for record in records) > 0
    assert all("answer" not in record for record in export_file(texts, "prodigy", nlp=trained)[0])


def test_pipeline_with_names_of_its_own(trained: Language, model: Path, texts: Any) -> None:
    """The pipeline's attribute and key are taken."""
    nlp = spacy.load(model, config={"components.rin_joint.attr": "facts", "components.rin_joint.spans_key": "all"})
    records, report = export_file(texts, "spert", nlp=nlp)
    assert records == export_file(texts, "spert", nlp=trained)[0] and report.triples
    Doc.remove_extension("facts")


def test_gold_by_cli(tmp_path: Path) -> None:
    docs, _ = convert(SAMPLES / "spert.json")
    write_docs([*docs, Doc(VOCAB, words=["bare"])], tmp_path / "gold.spacy")
    result = run("export", tmp_path / "gold.spacy", tmp_path / "gold.jsonl", "--format", "prodigy")
    assert result.exit_code == 0, result.output
    rows = dict(line.strip().rsplit(maxsplit=1) for line in result.output.splitlines() if line.strip()[-1:].isdigit())
    assert {name.strip(): count for name, count in rows.items()} == {
        "texts": "2", "with unknown white space": "2", "entities": "2", "triples": "3",
        "left out (overlap, same name)": "1", "left out: texts without annotated relations": "1",
    }  # fmt: skip
    assert [json.loads(line)["answer"] for line in (tmp_path / "gold.jsonl").read_text().splitlines()] == ["accept"] * 2


def test_white_space_of_the_file_counts_for_predictions(trained: Language, tmp_path: Path) -> None:
    """The pipeline's tokenizer finds the same tokens in a text with a space after each, and takes these for known."""
    words = ["Ada", "Brook", "leads", "Orbix"]
    write_docs([Doc(VOCAB, words=words), Doc(VOCAB, words=words, spaces=[True] * 4)], tmp_path / "texts.spacy")
    _, report = export_file(tmp_path / "texts.spacy", "jsonl", nlp=trained)
    assert (report.texts, report.unknown_spaces) == (2, 1)


def test_cli_refuses(model: Path, texts: Any, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    (tmp_path / "bad.spacy").write_bytes(b"no docs")
    (tmp_path / "a.jsonl").write_text("{}")
    write_docs([Doc(VOCAB, words=["a"])], tmp_path / "bare.spacy")
    write_docs([], tmp_path / "empty.spacy")
    out = tmp_path / "out" / "a.json"
    for args, code in [
        ((texts, out, "--format", "webanno_tsv"), "[R031]"),
        ((tmp_path / "none.spacy", out, "--format", "spert"), "[R033]"),
        ((tmp_path / "bad.spacy", out, "--format", "spert"), "[R053]"),
        ((tmp_path / "a.jsonl", out, "--format", "spert"), "[R053]"),
        ((tmp_path / "a.jsonl", out, "--format", "spert", "--model", model), "[R053]"),
        ((texts, texts, "--format", "spert"), "[R034]"),
        ((tmp_path / "bare.spacy", out, "--format", "spert"), "[R046]"),
        ((tmp_path / "empty.spacy", out, "--format", "spert", "--model", model), "it has no texts"),
        ((texts, out, "--format", "spert", "--model", tmp_path / "blank"), "[R018]"),
        ((texts, out, "--format", "spert", "--model", tmp_path / "no_model"), "R015"),
    ]:
        result = run("export", *args)
        assert result.exit_code == 1 and code in " ".join(result.output.split()), (args, result.output)
        assert "Traceback" not in result.output and not out.parent.exists()


def test_help() -> None:
    result = run("export", "--help")
    assert result.exit_code == 0 and "Example: spacy rin export" in result.output
    assert all(word in result.output for word in (*EXPORTERS, "--model", "--attr"))
