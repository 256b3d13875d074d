"""Conversion as a whole: from files to Docs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_rin.convert import ConversionReport, Record, convert, make_doc, write_docs

from .support import (
    CASREL,
    JOINTER,
    JSON_FORMATS,
    JSONL,
    changed,
    counts_of,
    ents_of,
    first_task,
    relations_of,
    spans_of,
    whole,
    write_json,
)


def test_last_word(tmp_path: Path) -> None:
    (doc,), report = convert(write_json(tmp_path / "a.json", [JOINTER]), "jointer", last_word=True)
    oak, tree, wood = (2, 3, "ENTITY"), (3, 4, "ENTITY"), (7, 8, "PLACE")
    assert spans_of(doc) == ents_of(doc) == [oak, tree, wood]
    assert relations_of(doc)[:2] == [(wood, "contains", tree), (tree, "location", wood)]
    assert report.overlapping_entities == 0
    path = write_json(tmp_path / "b.json", CASREL)
    (doc,), report = convert(path, "casrel", last_word=True)
    assert relations_of(doc) == [((2, 3, "ENTITY"), "part", (2, 3, "ENTITY"))]
    assert (report.entities, report.reflexive_triples) == (1, 1)


def test_examples_are_the_first_ten(tmp_path: Path) -> None:
    records = [{"text": "a b", "triples": [["a", "r", f"c{i}"]]} for i in range(12)]
    _, report = convert(write_json(tmp_path / "a.json", *records), "casrel")
    assert report.lost_entities == report.lost_triples == 12
    assert [loss.line for loss in report.examples] == [str(line) for line in range(1, 11)]


def test_make_doc_of_a_record() -> None:
    record = Record("1", ["Oslo", "!"], [(0, 1, "")], [(0, "is", 0)], spaces=[False, False])
    doc = make_doc(record, spacy.blank("en").vocab, "PLACE")
    assert doc.text == "Oslo!" and spans_of(doc) == [(0, 1, "PLACE")]
    assert relations_of(doc) == [((0, 1, "PLACE"), "is", (0, 1, "PLACE"))]


@pytest.mark.parametrize("format", JSON_FORMATS)
def test_wrong_paths_and_arguments(tmp_path: Path, format: Any) -> None:
    with pytest.raises(ValueError, match=r"^\[R033\] \S+nothing\.json"):
        convert(tmp_path / "nothing.json", format)
    with pytest.raises(ValueError, match=r"^\[R034\].*it is a folder, but the format .* is that of single files"):
        convert(tmp_path, format)
    with pytest.raises(ValueError, match=r"^\[R031\].*auto, jsonl, prodigy, label_studio, brat, spert, jointer"):
        convert(tmp_path / "nothing.json", format.upper())
    with pytest.raises(ValueError, match=r"^\[R037\].*'no such language': \[E048\]"):
        convert(tmp_path / "nothing.json", format, lang="no such language")
    with pytest.raises(ValueError, match=r"^\[R010\].*entity_label"):
        convert(tmp_path / "nothing.json", format, entity_label="")


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    task = changed(first_task("prodigy.jsonl"), "answer", to="reject")
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(task)}\n" * 2)
    with pytest.raises(ValueError, match=r"^\[R047\].*a\.jsonl.* 2 tasks with the answer 'reject'"):
        convert(tmp_path / "a.jsonl")
    (tmp_path / "b.txt").write_text("Bare.")
    with pytest.raises(ValueError, match=r"^\[R047\].* 1 texts without an .ann file"):
        convert(tmp_path, "brat")


def test_round_trip(tmp_path: Path) -> None:
    docs, _ = convert(write_json(tmp_path / "a.json", JOINTER), "jointer")
    docs += convert(write_json(tmp_path / "b.json", JSONL), "jsonl")[0]
    path = tmp_path / "new" / "folder" / "a.spacy"
    write_docs(docs, path)
    assert os.listdir(path.parent) == ["a.spacy"]
    read = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    for doc, again in zip(docs, read, strict=True):
        assert again.text == doc.text and again.has_unknown_spaces == doc.has_unknown_spaces
        assert [token.tag_ for token in again] == [token.tag_ for token in doc]
        assert spans_of(again) == spans_of(doc) != []
        assert ents_of(again) == ents_of(doc) and again.has_annotation("ENT_IOB")
        assert relations_of(again) == relations_of(doc) != []


def test_unfinished_output_is_not_left(tmp_path: Path) -> None:
    docs, _ = convert(write_json(tmp_path / "a.json", JOINTER), "jointer")
    path = tmp_path / "out" / "a.spacy"
    write_docs(docs, path)
    before = path.read_bytes()

    def interrupted() -> Any:
        yield docs[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_docs(interrupted(), path)
    (tmp_path / "out" / "folder.spacy").mkdir()
    for wrong in (tmp_path / "out" / "folder.spacy", path / "a.spacy"):
        with pytest.raises(ValueError, match=r"^\[R034\]"):
            write_docs(docs, wrong)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["a.spacy", "folder.spacy"]


@st.composite
def annotations(draw: Any) -> Any:
    """Words, entities as token offsets, and relations of our own format, all of them aligned."""
    words = draw(st.lists(st.text("abcdÄß漢", min_size=1, max_size=4), min_size=1, max_size=8))
    starts = st.integers(0, len(words) - 1)
    bounds = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, len(words))))
    entities = draw(st.lists(st.tuples(bounds, st.sampled_from("XYZ")), max_size=6))
    index = st.integers(0, len(entities) - 1)
    relations = draw(st.lists(st.tuples(index, st.sampled_from("rst"), index), max_size=8)) if entities else []
    return words, [(start, end, label) for (start, end), label in entities], relations


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotations())
def test_aligned_annotation_survives(tmp_path: Path, annotation: Any) -> None:
    words, entities, relations = annotation
    offsets = [sum(len(word) + 1 for word in words[:i]) for i in range(len(words) + 1)]
    record = {
        "text": " ".join(words),
        "entities": [(offsets[start], offsets[end] - 1, label) for start, end, label in entities],
        "relations": relations,
    }
    # "xx" has no exceptions, so these words are its tokens.
    (doc,), report = convert(write_json(tmp_path / "a.jsonl", record), "jsonl", lang="xx")
    triples = {(entities[s], label, entities[o]) for s, label, o in relations}
    assert [token.text for token in doc] == words
    assert sorted(spans_of(doc)) == sorted(set(entities))
    assert set(ents_of(doc)) <= set(entities)
    assert sorted(relations_of(doc)) == sorted(triples)
    assert counts_of(report) == counts_of(
        ConversionReport(
            docs=1,
            entities=len(set(entities)),
            triples=len(triples),
            duplicate_triples=len(relations) - len(triples),
            reflexive_triples=sum(s[:2] == o[:2] for s, _, o in triples),
            overlapping_entities=len(set(entities)) - len(doc.ents),
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text("ab c.'", min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("rs"), st.integers(0, 4)), max_size=8),
    st.booleans(),
)
def test_every_triple_is_accounted_for(tmp_path: Path, text: Any, bounds: Any, relations: Any, last_word: Any) -> None:
    entities = [(start, end, "X") for start, end in bounds if start < end <= len(text)]
    relations = [row for row in relations if max(row[0], row[2]) < len(entities)]
    record = {"text": text, "entities": entities, "relations": relations}
    path = write_json(tmp_path / "a.jsonl", record)
    (doc,), report = convert(path, "jsonl", last_word=last_word)
    aligned = [whole(doc, start, end) is not None for start, end, _ in entities]
    assert report.lost_entities == aligned.count(False)
    assert report.lost_triples == sum(not (aligned[s] and aligned[o]) for s, _, o in relations)
    assert report.triples + report.lost_triples + report.duplicate_triples == len(relations)
    if last_word:
        assert all(len(span) == 1 for span in doc.spans["rin"])
