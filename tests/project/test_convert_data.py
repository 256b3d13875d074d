"""The data sets of the project."""

import json
from pathlib import Path
from typing import Any

import convert_data
import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_rin.pipeline.corpus import read_docs
from spacy_rin.relations import get_relations, set_relations

from ..support import TRIPLES, gold_doc


def test_texts_that_share_a_pair_are_left_out() -> None:
    docs = [gold_doc(Vocab(), *row) for row in TRIPLES]
    # Ada Brook and Larne are in the first and third text, Tom Hale and Orbix in the fourth, the other way round.
    others = [
        gold_doc(Vocab(), "Ada Brook left Larne .", [("Ada Brook", "left", "Larne")]),
        gold_doc(Vocab(), "Orbix made Tom Hale rich .", [("Orbix", "made_rich", "Tom Hale")]),
        gold_doc(Vocab(), "Tom Hale saw Wick .", []),
    ]
    kept = convert_data.leave_out_shared(docs, others)
    assert [docs.index(doc) for doc in kept] == [1, 4, 5]


def test_names_are_held_out() -> None:
    docs = []
    for pairs in (["AB"], ["AC"], ["DE", "EF"], ["ag"], []):
        doc = Doc(Vocab(), words=list("".join(pairs)))
        spans = [Span(doc, i, i + 1, label="THING") for i in range(len(doc))]
        set_relations(doc, [(s, "in", o) for s, o in zip(spans[::2], spans[1::2])])
        docs.append(doc)

    def names(docs: list[Doc]) -> set[str]:
        return {span.text.lower() for doc in docs for r in get_relations(doc) for span in (r.subject, r.object)}

    for n_texts in range(6):
        kept, held = convert_data.hold_out_names(docs, n_texts, 2)
        assert sorted(map(docs.index, kept + held)) == list(range(5))
        # "a" is in three texts, any other name in one. The last text has no names.
        assert len(held) == min(n_texts, 4) and docs[4] in kept
        assert all(names([doc]) - names(kept) for doc in held)
    assert convert_data.hold_out_names(docs, 5, 0) == (docs, [])


def test_webnlg_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def record(subject: str, object_: str) -> Any:
        details = [0, 1, "None-label", "in", 2, 3, "None-label"]
        return {
            "tokens": [subject, "in", object_],
            "spo_list": [[subject, "in", object_]],
            "spo_details": [details],
            "pos_tags": ["NNP", "IN", "NNP"],
        }

    folder = tmp_path / "assets/data/webnlg"
    folder.mkdir(parents=True)
    parts = {"train": ["AB", "BA", "AC"], "dev": ["AB", "DB"], "test": ["AB", "CB"]}
    for part, pairs in parts.items():
        (folder / f"{part}.json").write_text(json.dumps([record(*pair) for pair in pairs]))
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as stopped, pytest.raises(ZeroDivisionError):
        stopped.setattr(convert_data, "leave_out_shared", lambda *_: 1 / 0)
        convert_data.main("webnlg_new")
    assert not list(tmp_path.rglob("*.spacy"))  # no whole parts, which share facts with test
    convert_data.main("webnlg_new")
    found = {
        part: ["".join(x.text for x in (r.subject, r.object)) for doc in docs for r in get_relations(doc)]
        for part in parts
        if (docs := read_docs(tmp_path / f"corpus/webnlg_new/{part}.spacy", Vocab()))
    }
    assert found == {"train": ["AC"], "dev": ["DB"], "test": ["AB", "CB"]}
    out = capsys.readouterr().out
    assert "2 of 5 texts of train and dev are kept" in out and "train: 1 texts with 1 triples" in out
    convert_data.main("webnlg_names")
    found = {
        part: ["".join(x.text for x in (r.subject, r.object)) for doc in docs for r in get_relations(doc)]
        for part in parts
        if (docs := read_docs(tmp_path / f"corpus/webnlg_names/{part}.spacy", Vocab()))
    }
    assert found == {"dev": ["AC", "DB"], "test": ["AB", "CB"]}
