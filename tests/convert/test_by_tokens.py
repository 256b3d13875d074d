"""Formats of data sets whose entities are given by tokens: DocRED, TACRED, GLiREL."""

from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import ConversionReport, convert
from spacy_rin.relations import has_relations

from .support import SAMPLES, changed, first_task, relations_of, spans_of, triples_of, write_json


def test_docred() -> None:
    (doc,), report = convert(SAMPLES / "docred.json")
    assert [token.text for token in doc][:6] == ["Mira", "Holt", "runs", "Tidewerk", ".", "Holt"]
    mira, holt = (0, 2, "PER"), (5, 6, "PER")
    tidewerk, later, firm = (3, 4, "ORG"), (11, 12, "ORG"), (16, 18, "ORG")
    oban, again, bay = (8, 9, "LOC"), (14, 15, "LOC"), (19, 21, "LOC")
    assert spans_of(doc) == [mira, tidewerk, holt, oban, later, again, firm, bay]
    assert relations_of(doc) == [
        (mira, "P1037", tidewerk),  # the second sentence has both, too, but the first one is the evidence
        (firm, "P127", bay),  # no evidence is given: the only sentence with both
        (holt, "P551", bay),  # no sentence has both: the nearest mentions
        (later, "P159", oban),  # one sentence, which names Oban twice
        (later, "P159", again),
    ]
    assert report == ConversionReport(docs=1, entities=8, triples=5, ignored=report.ignored)
    assert report.ignored == {"documents without labels": 1}


def test_docred_evidence_without_both_mentions(tmp_path: Path) -> None:
    """Evidence can be sentences that only together state the relation."""
    task = first_task("docred.json")
    task["labels"] = [{"h": 0, "t": 1, "r": "P1037", "evidence": [2]}]
    (doc,), _ = convert(write_json(tmp_path / "a.json", task))
    assert relations_of(doc) == [
        ((0, 2, "PER"), "P1037", (3, 4, "ORG")),
        ((5, 6, "PER"), "P1037", (11, 12, "ORG")),
    ]


def test_tacred() -> None:
    (sail, rain), report = convert(SAMPLES / "tacred.json")
    ada, bo, bay, oban = (0, 1, "PERSON"), (2, 3, "PERSON"), (5, 7, "CITY"), (5, 6, "CITY")
    assert [token.tag_ for token in sail] == ["NNP", "CC", "NNP", "VBP", "IN", "NNP", "NNP"]
    # The first, third and fourth row; the entities of pairs without a relation are entities, too.
    assert spans_of(sail) == [ada, bo, oban, bay]
    assert relations_of(sail) == [(ada, "per:spouse", bo), (bo, "per:visits", bay)]
    assert [token.text for token in rain] == ["It", "rained"] and has_relations(rain) and not triples_of(rain)
    assert spans_of(rain) == [(0, 1, "THING"), (1, 2, "EVENT")]
    assert report == ConversionReport(docs=2, entities=6, triples=2, overlapping_entities=1)


def test_tacred_without_types(tmp_path: Path) -> None:
    row = {"token": ["Ada", "rows"], "relation": "r", "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1}
    (doc,), report = convert(write_json(tmp_path / "a.jsonl", row, row))
    assert relations_of(doc) == [((0, 1, "ENTITY"), "r", (1, 2, "ENTITY"))]
    assert report == ConversionReport(docs=1, entities=2, triples=1, duplicate_triples=1)


def test_tacred_rows_without_types_beside_rows_with_types(tmp_path: Path) -> None:
    row = {"token": ["Ada", "rows"], "relation": "r", "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1}
    typed = {**row, "relation": "s", "subj_type": "PERSON"}
    for rows in ([row, typed], [typed, row]):
        (doc,), _ = convert(write_json(tmp_path / "a.jsonl", *rows))
        ada, sport = (0, 1, "PERSON"), (1, 2, "ENTITY")
        assert spans_of(doc) == [ada, sport]
        assert sorted(relations_of(doc)) == [(ada, "r", sport), (ada, "s", sport)]


def test_glirel_relations_of_entities_with_two_types(tmp_path: Path) -> None:
    ends = {name: {"position": [at, at], "type": kind} for name, at, kind in (("head", 0, "AUTHOR"), ("tail", 1, "?"))}
    record = {
        "tokenized_text": ["Ada", "Iona"],
        "ner": [[0, 0, "PERSON", "Ada"], [0, 0, "AUTHOR", "Ada"], [1, 1, "BOAT", "Iona"]],
        "relations": [{**ends, "relation_text": "on"}],
    }
    (doc,), _ = convert(write_json(tmp_path / "a.jsonl", record))
    assert relations_of(doc) == [((0, 1, "AUTHOR"), "on", (1, 2, "BOAT"))]


def test_glirel() -> None:
    (doc,), report = convert(SAMPLES / "glirel.jsonl")
    holt, tidewerk, oban = (0, 2, "PERSON"), (3, 4, "FIRM"), (5, 6, "TOWN")
    assert spans_of(doc) == [holt, tidewerk, oban]
    # The types in "ner" are taken; Oban is in relations only; "no relation" is none.
    assert relations_of(doc) == [(holt, "runs", tidewerk), (oban, "home of", holt)]
    assert report == ConversionReport(docs=1, entities=3, triples=2)


WRONG: dict[str, list[tuple[tuple[str | int, ...], Any, str]]] = {
    "docred.json": [
        (("sents",), [["a", ""]], "'sents' must be a list of lists of non-empty strings"),
        (("sents",), [[], []], "the document has no tokens"),
        (("vertexSet", 0), [], "each of 'vertexSet' must be a non-empty list"),
        (("vertexSet", 0, 0, "sent_id"), 3, "'sent_id' must be the number of a sentence, not 3; there are 3"),
        (("vertexSet", 0, 0, "sent_id"), -1, "not -1"),
        (("vertexSet", 0, 0, "pos"), [0, 6], "0-6 is empty or out of the range 0-5"),
        (("vertexSet", 0, 0, "pos"), [0], "'pos' must be a list of two whole numbers"),
        (("vertexSet", 0, 0, "type"), None, "'type' is missing"),
        (("labels", 0, "t"), 4, "points to an entity that does not exist; there are 4"),
        (("labels", 0, "r"), None, "'r' is missing"),
        (("labels", 0, "evidence"), 1, "'evidence' must be a list of sentence numbers, not 1"),
    ],
    "tacred.json": [
        (("token",), [], "'token' must be a non-empty list"),
        (("subj_end",), 7, "0-8 is empty or out of the range 0-7"),
        (("obj_end",), 1, "2-2 is empty"),
        (("obj_start",), "2", "'obj_start' and 'obj_end' must be whole numbers, not '2' and 2"),
        (("relation",), None, "'relation' is missing"),
        (("subj_type",), "", "'subj_type' must be a non-empty string"),
        (("stanford_pos",), ["NNP"], "7 tokens but 1 stanford_pos"),
    ],
    "glirel.jsonl": [
        (("tokenized_text",), "a b", "'tokenized_text' must be a non-empty list"),
        (("ner",), {}, "'ner' must be a list"),
        (("ner", 0), [0, 1], "must be a list of start, end, type and text"),
        (("ner", 0, 1), 7, "0-8 is empty or out of the range 0-7"),
        # As in formats whose ends are not inclusive
        (("ner", 0, 1), 2, "'Mira Holt' ends before token 2: 'end' must be its last token"),
        (("relations", 0, "head", "position"), [0, "1"], "must be two whole numbers"),
        (("relations", 0, "tail"), None, "'tail' is missing"),
        (("relations", 0, "relation_text"), "", "'relation_text' must be a non-empty string"),
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
