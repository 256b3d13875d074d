"""Pipelines that were trained and saved by 0.1.0 before its modules got their present places."""

import json
from pathlib import Path

import pytest
import spacy

SAVED = Path(__file__).parent / "data"


@pytest.mark.parametrize("name", ["rin", "rin_int"])
def test_saved_pipeline_predicts_the_same(name: str) -> None:
    """predictions.json is what each gave for its texts when it was saved."""
    nlp = spacy.load(SAVED / name)
    expected = json.loads((SAVED / name / "predictions.json").read_text("utf8"))
    assert sum(len(row["relations"]) for row in expected) > 10
    for doc, row in zip(nlp.pipe(row["text"] for row in expected), expected, strict=True):
        assert [[span.start_char, span.end_char, span.label_] for span in doc.spans["rin"]] == row["entities"]
        found = [[r.subject.text, r.label, r.object.text] for r in doc._.relations]
        assert found == [relation[:3] for relation in row["relations"]]
        scores = [r.score for r in doc._.relations]
        assert scores == pytest.approx([relation[3] for relation in row["relations"]], abs=1e-4)
