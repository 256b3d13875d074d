"""Published data sets, which are tokenised."""

import json
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import ConversionReport, convert
from spacy_rin.relations import get_relations, has_relations

from .support import (
    CASREL,
    CASREL_TYPED,
    COPY_RE,
    COPY_RE_IDS,
    JOINTER,
    SAMPLES,
    TREE,
    TREE_TAGS,
    counts_of,
    ents_of,
    relations_of,
    spans_of,
    write_ids,
    write_json,
)


def test_jointer(tmp_path: Path) -> None:
    (doc,), report = convert(write_json(tmp_path / "a.json", [JOINTER]), "jointer")
    assert [token.text for token in doc] == TREE["tokens"]
    assert [token.tag_ for token in doc] == TREE_TAGS
    assert doc.has_unknown_spaces
    oak, tree, wood = (2, 3, "ENTITY"), (2, 4, "ENTITY"), (6, 8, "PLACE")
    assert spans_of(doc) == [oak, tree, wood]
    assert ents_of(doc) == [tree, wood]
    assert relations_of(doc) == [
        (wood, "contains", tree),
        (tree, "location", wood),
        (tree, "kind", oak),
        (wood, "same as", wood),
    ]
    assert report == ConversionReport(
        docs=1, entities=3, triples=4, duplicate_triples=1, reflexive_triples=1, overlapping_entities=1
    )


def test_copy_re(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", COPY_RE, {**COPY_RE, "entityMentions": [], "relationMentions": []})
    (doc, empty), report = convert(path, "copy_re")
    ada, bo, lima, norte = (0, 1, "PERSON"), (2, 3, "PERSON"), (4, 5, "LOCATION"), (9, 11, "ENTITY")
    assert [token.text for token in doc] == COPY_RE["sentText"].split(" ")
    assert spans_of(doc) == [ada, bo, lima, (4, 5, "ORGANIZATION"), norte]
    assert ents_of(doc) == [ada, bo, lima, norte]
    assert relations_of(doc) == [(bo, "/lives", lima), (ada, "/visits", lima), (norte, "/near", lima)]
    assert counts_of(report) == {
        "docs": 2, "incomplete_docs": 1,
        "entities": 5, "triples": 3, "lost_triples": 1, "lost_entities": 1, "overlapping_entities": 1
    }  # fmt: skip
    assert report.examples == [(path, "1", "entity 'Cem' is not in the text (triples lost with it: 1)")]
    assert has_relations(empty) and get_relations(empty) == []
    assert empty.has_annotation("ENT_IOB") and spans_of(empty) == []


def test_copy_re_ids(tmp_path: Path) -> None:
    docs, report = convert(write_ids(tmp_path / "a.json", COPY_RE_IDS), "copy_re_ids", entity_label="THING")
    assert [[token.text for token in doc] for doc in docs] == [["Ann", "and", "Ben", "sing"], ["sing", "Ann"]]
    ann, ben = (0, 1, "THING"), (2, 3, "THING")
    assert spans_of(docs[0]) == ents_of(docs[0]) == [ann, ben]
    assert relations_of(docs[0]) == [(ben, "friend", ann), (ben, "self", ben)]
    assert relations_of(docs[1]) == [] and has_relations(docs[1])
    assert report == ConversionReport(docs=2, entities=2, triples=2, duplicate_triples=1, reflexive_triples=1)


@pytest.mark.parametrize("form", ["list", "lines"])
def test_casrel(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.json"
    if form == "list":
        path.write_text("\ufeff" + json.dumps([CASREL, CASREL_TYPED], indent=1), encoding="utf8")
    else:
        path.write_bytes(b"\r\n".join(json.dumps(record).encode() for record in (CASREL, CASREL_TYPED)) + b"\r\n\r\n")
    docs, report = convert(path, "casrel")
    assert [token.text for token in docs[0]] == ["the", "red", "door", "opens", "the", "door"]
    red_door, door = (1, 3, "ENTITY"), (2, 3, "ENTITY")
    assert spans_of(docs[0]) == [red_door, door]
    assert ents_of(docs[0]) == [red_door]
    assert relations_of(docs[0]) == [(red_door, "part", door)]
    assert spans_of(docs[1]) == [(0, 1, "ENTITY"), (3, 4, "CITY")]
    assert relations_of(docs[1]) == [((0, 1, "ENTITY"), "home", (3, 4, "CITY"))]
    assert counts_of(report) == {
        "docs": 2, "incomplete_docs": 1,
        "entities": 4, "triples": 2, "duplicate_triples": 1, "lost_triples": 1, "lost_entities": 1,
        "overlapping_entities": 1,
    }  # fmt: skip
    place = "2 (record 1)" if form == "list" else "1"
    assert report.examples == [(path, place, "entity 'window' is not in the text (triples lost with it: 1)")]


def test_spert() -> None:
    (doc, empty), report = convert(SAMPLES / "spert.json", "spert")
    mira, boat, town = (0, 2, "PERSON"), (3, 6, "BOAT"), (4, 5, "TOWN")
    assert spans_of(doc) == [mira, boat, town] and ents_of(doc) == [mira, boat]
    assert relations_of(doc) == [
        (mira, "runs", boat), (mira, "steers", boat), (boat, "named_after", town), (mira, "is", mira),
    ]  # fmt: skip
    assert has_relations(empty) and not spans_of(empty)
    assert counts_of(report) == {
        "docs": 2, "entities": 3, "triples": 4, "reflexive_triples": 1, "overlapping_entities": 1
    }  # fmt: skip


def raw_triples(path: Path, key: Any, distinct: Any) -> Any:
    """Count the triples of a file independently of the converters."""
    text = path.read_text(encoding="utf8")
    records = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    triples = [[json.dumps(triple) for triple in record[key]] for record in records]
    return len(records), sum(len(set(record) if distinct else record) for record in triples)


@pytest.mark.parametrize(
    "name,format,key,docs,total,duplicates,reflexive",
    [
        ("webnlg/train.json", "jointer", "spo_details", 5019, 11313, 1, 41),
        ("webnlg/dev.json", "jointer", "spo_details", 500, 1224, 1, 4),
        ("webnlg/test.json", "jointer", "spo_details", 703, 1607, 0, 11),
        ("webnlg_casrel/train_triples.json", "casrel", "triple_list", 5019, 11313, 1, 41),
        ("webnlg_casrel_star/test_triples.json", "casrel", "triple_list", 703, 1591, 10, 78),
        ("nyt_casrel/test_triples.json", "casrel", "triple_list", 5000, 8616, 496, 0),
        ("nyt_casrel_star/val_triples.json", "casrel", "triple_list", 4999, 7976, 0, 52),
        ("nyt/train_part.jsonl", "casrel", "triples", 8726, 28732, 198, 65),
        ("nyt/dev.jsonl", "copy_re", "relationMentions", 5000, 8489, 504, 0),
        ("nyt/test.jsonl", "copy_re", "relationMentions", 5000, 8616, 496, 0),
    ],
)
def test_real_counts(
    real_data: Path, name: str, format: str, key: str, docs: int, total: int, duplicates: int, reflexive: int
) -> None:
    assert raw_triples(real_data / name, key, distinct=False) == (docs, total)
    assert raw_triples(real_data / name, key, distinct=True) == (docs, total - duplicates)
    _, report = convert(real_data / name, format)
    assert (report.docs, report.triples, report.duplicate_triples) == (docs, total - duplicates, duplicates)
    assert (report.lost_triples, report.reflexive_triples) == (0, reflexive)
    assert report.lost_entities == (1 if name == "nyt/dev.jsonl" else 0)


@pytest.mark.parametrize("ids,star", [("train", "train"), ("valid", "val"), ("dev", "test")])
def test_real_ids_agree_with_last_words(real_data: Path, ids: str, star: str) -> None:
    """The same sentences were published with the last words as strings: subject first, then object."""
    docs, report = convert(real_data / "webnlg_copyre" / f"{ids}.json", "copy_re_ids")
    records = json.loads((real_data / "webnlg_casrel_star" / f"{star}_triples.json").read_text(encoding="utf8"))
    assert report.lost_triples == 0 and report.docs == len(records)
    for doc, record in zip(docs, records, strict=True):
        assert [token.text for token in doc] == record["text"].split(" ")
        found = {(r.subject.text, r.label, r.object.text) for r in get_relations(doc)}
        assert found == set(map(tuple, record["triple_list"]))


@pytest.mark.parametrize("part,texts,triples", [("train", 1861, 3215), ("dev", 275, 455), ("test", 551, 974)])
def test_real_spert(real_data: Path, part: str, texts: int, triples: int) -> None:
    path = real_data / "scierc" / f"{part}.json"
    docs, report = convert(path)
    assert (report.docs, report.triples, report.lost_triples, report.lost_entities) == (texts, triples, 0, 0)
    for record, doc in zip(json.loads(path.read_text()), docs, strict=True):
        assert [token.text for token in doc] == record["tokens"]
        assert set(spans_of(doc)) == {(e["start"], e["end"], e["type"]) for e in record["entities"]}
        spans = [(e["start"], e["end"], e["type"]) for e in record["entities"]]
        assert set(relations_of(doc)) == {(spans[r["head"]], r["type"], spans[r["tail"]]) for r in record["relations"]}
