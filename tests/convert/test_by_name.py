"""Formats of data sets whose entities are given by name: REBEL, UniRel, GLiNER2."""

from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert
from spacy_rin.relations import has_relations

from .support import SAMPLES, changed, counts_of, first_task, relations_of, spans_of, triples_of, write_json


def test_rebel() -> None:
    path = SAMPLES / "rebel.jsonl"
    (oban, rain), report = convert(path, entity_label="THING")
    first, second, argyll, fyne, crinan = (
        (start, end, "THING") for start, end in [(0, 1), (5, 6), (8, 9), (12, 14), (15, 16)]
    )
    assert spans_of(oban) == [first, second, argyll, fyne, crinan]
    # The offsets of Argyll are two too large; Oban without offsets is the first one; the last predicate has no name.
    assert relations_of(oban) == [(second, "located in", argyll), (argyll, "has lake", fyne), (first, "P9", crinan)]
    assert has_relations(rain) and not triples_of(rain) and not spans_of(rain)
    assert counts_of(report) == {
        "docs": 2,
        "incomplete_docs": 1,
        "entities": 5,
        "triples": 3,
        "lost_entities": 1,
        "lost_triples": 1,
    }
    assert report.examples == [(path, "1", "entity 'Skye' is not in the text (triples lost with it: 1)")]
    assert report.ignored == {"offsets at which the text has another name": 1}


def test_unirel() -> None:
    (doc,), report = convert(SAMPLES / "unirel.json")
    holt, oban, tidewerk, later = (0, 2, "PERSON"), (3, 4, "ENTITY"), (5, 6, "ENTITY"), (7, 8, "ENTITY")
    assert spans_of(doc) == [holt, oban, tidewerk, later]
    # Without a span, the first Oban is taken.
    assert relations_of(doc) == [(holt, "/lives", later), (tidewerk, "/in", oban)]
    assert counts_of(report) == {"docs": 1, "entities": 4, "triples": 2} and not report.ignored


def test_unirel_keeps_all_types_of_an_entity(tmp_path: Path) -> None:
    typed = [("Ada", "DEFAULT"), ("Ada", "PERSON"), ("Oban", "PLACE"), ("Ada", "AUTHOR"), ("Oban", "CITY")]
    entities = [{"text": name, "type": kind} for name, kind in [*typed, *typed]]
    triple = {"subject": "Ada", "predicate": "left", "object": "Oban"}
    (doc,), report = convert(
        write_json(tmp_path / "a.json", {"text": "Ada left Oban.", "entity_list": entities, "relation_list": [triple]})
    )
    ada, author, oban, city = (0, 1, "PERSON"), (0, 1, "AUTHOR"), (2, 3, "PLACE"), (2, 3, "CITY")
    assert sorted(spans_of(doc)) == sorted([ada, author, oban, city]) and relations_of(doc) == [(ada, "left", oban)]
    assert counts_of(report)["entities"] == 4


def test_unirel_names_that_are_not_in_the_text(tmp_path: Path) -> None:
    record = {"text": "Ada rows.", "relation_list": [{"subject": "Ada", "predicate": "met", "object": "Bo"}] * 2}
    path = write_json(tmp_path / "a.json", record)
    (doc,), report = convert(path)
    assert spans_of(doc) == [(0, 1, "ENTITY")] and not triples_of(doc)
    assert report.examples == [(path, "1", "entity 'Bo' is not in the text (triples lost with it: 2)")]


def test_gliner2() -> None:
    path = SAMPLES / "gliner2.jsonl"
    (ada, rain), report = convert(path)
    # Each place of a name; York is not taken out of New York; "Bo" is there in lower case only.
    person, later = (0, 1, "person"), (3, 4, "person")
    city, place, york, bo = (6, 8, "city"), (6, 8, "place"), (10, 11, "place"), (15, 16, "person")
    assert spans_of(ada) == [person, later, city, place, york, bo]
    # The nearest places, and of two types the first one
    assert relations_of(ada) == [(later, "lives_in", city), (later, "knows", bo)]
    assert has_relations(rain) and not triples_of(rain)
    assert counts_of(report) == {
        "docs": 2, "incomplete_docs": 1,
        "entities": 6, "triples": 2, "lost_entities": 1, "lost_triples": 1, "overlapping_entities": 1
    }  # fmt: skip
    assert report.examples == [(path, "1", "entity 'Cy' is not in the text (triples lost with it: 1)")]
    assert report.ignored == {
        "relations without a 'head' and a 'tail'": 2,
        "further fields of relations": 1,
        "texts with other tasks ('classifications')": 1,
        "texts without 'relations'": 1,
    }


def test_gliner2_without_entities(tmp_path: Path) -> None:
    record = {"text": "Ada met Bo.", "schema": {"relations": [{"met": {"head": ["Ada"], "tail": "Bo"}}]}}
    (doc,), _ = convert(write_json(tmp_path / "a.jsonl", record), entity_label="THING")
    assert relations_of(doc) == [((0, 1, "THING"), "met", (2, 3, "THING"))]


def test_gliner2_relation_that_spells_a_name_differently(tmp_path: Path) -> None:
    output = {"entities": {"person": ["Ada", "Bo"]}, "relations": [{"met": {"head": "ADA", "tail": "Bo"}}]}
    (doc,), _ = convert(write_json(tmp_path / "a.jsonl", {"input": "Ada met Bo.", "output": output}))
    assert relations_of(doc) == [((0, 1, "person"), "met", (2, 3, "person"))]
    assert spans_of(doc) == [(0, 1, "person"), (2, 3, "person")]


def test_gliner2_relation_of_a_name_with_itself(tmp_path: Path) -> None:
    record = {"input": "Ada and Ada", "output": {"relations": [{"is": {"head": "Ada", "tail": "Ada"}}]}}
    (doc,), report = convert(write_json(tmp_path / "a.jsonl", record))
    assert relations_of(doc) == [((0, 1, "ENTITY"), "is", (0, 1, "ENTITY"))] and report.reflexive_triples == 1


WRONG: dict[str, list[tuple[tuple[str | int, ...], Any, str]]] = {
    "rebel.jsonl": [
        (("text",), "", "'text' must be a non-empty string"),
        (("entities", 0, "surfaceform"), 5, "'surfaceform' of an entity must be a non-empty string, not 5"),
        (("entities", 0, "boundaries"), [1], r"'boundaries' must be a list of two whole numbers, not \[1\]"),
        (("triples", 0, "subject"), None, "'subject' is missing"),
        (("triples", 0, "subject"), "Oban", "an object was expected, not 'Oban'"),
        (("triples", 0, "predicate"), {"surfaceform": None}, "'uri' is missing"),
        (("triples", 0, "predicate", "surfaceform"), 5, "must be a string, not 5"),
    ],
    "unirel.json": [
        (("relation_list", 0, "subj_char_span"), ["0", "9"], "'subj_char_span' must be a list of two whole numbers"),
        (("relation_list", 0, "object"), None, "'object' is missing"),
        (("relation_list", 0, "predicate"), "", "'predicate' must be a non-empty string"),
        (("entity_list", 0, "type"), 1, "'type' of an entity must be a non-empty string, not 1"),
        (("entity_list",), {}, "'entity_list' must be a list"),
    ],
    "gliner2.jsonl": [
        (("input",), None, "'input' is missing"),
        (("output",), [], "'output' must be an object"),
        (("output", "entities"), ["Ada"], "'entities' must be an object of types"),
        (("output", "entities", "person"), [5], r"a name or a list of names was expected, not \[5\]"),
        (("output", "entities", ""), ["Ada"], "a type in 'entities' must be a non-empty string"),
        (("output", "relations"), {}, "'relations' must be a list"),
        (("output", "relations", 0, "lives_in"), "Ada", "must be a label with an object, not 'lives_in': 'Ada'"),
        (("output", "relations", 0, "lives_in", "head"), {"a": 1}, "a name or a list of names was expected"),
    ],
}


@pytest.mark.parametrize(
    "name,path,to,reason", [(name, *case) for name, cases in WRONG.items() for case in cases], ids=str
)
def test_malformed(tmp_path: Path, name: Any, path: Any, to: Any, reason: str) -> None:
    good = first_task(name)
    file = write_json(tmp_path / "a.json", good, changed(good, *path, to=to))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:2: .*{reason}"):
        convert(file, name.split(".")[0], lang="xx")
