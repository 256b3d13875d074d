"""The data sets of the project."""

import json
from pathlib import Path
from typing import Any

import convert_data
import pytest
from spacy.vocab import Vocab

from spacy_rin.pipeline.corpus import read_docs
from spacy_rin.relations import get_relations

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
    convert_data.main("webnlg_new")
    found = {
        part: ["".join(x.text for x in (r.subject, r.object)) for doc in docs for r in get_relations(doc)]
        for part in parts
        if (docs := read_docs(tmp_path / f"corpus/webnlg_new/{part}.spacy", Vocab()))
    }
    assert found == {"train": ["AC"], "dev": ["DB"], "test": ["AB", "CB"]}
    assert "train: 1 of 3 texts are kept, with 1 triples" in capsys.readouterr().out
