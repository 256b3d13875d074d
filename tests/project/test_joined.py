"""Scores of joined texts."""

import joined
import pytest
from spacy.language import Language

from ..support import make_examples


def test_sentences_score_the_same_however_joined(trained: Language) -> None:
    n_texts = len(make_examples(trained.vocab))
    rows = [joined.score_joined(trained, make_examples(trained.vocab), n) for n in (1, 2, n_texts)]
    assert [row.texts for row in rows] == [1, 2, n_texts]
    assert [row.f for row in rows] == [1.0] * 3
    assert [row.confident for row in rows] == [1.0] * 3
    assert rows[0].ece == pytest.approx(rows[2].ece, abs=1e-4)


def test_neighbours_count_when_texts_are_read_as_a_whole(trained: Language) -> None:
    """Read across sentences, a pipeline that has only seen single ones finds more than there is."""
    component = trained.get_pipe("rin_joint")
    before = component.model.attrs["context"]
    component.model.attrs["context"] = "text"
    try:
        alone, four = (joined.score_joined(trained, make_examples(trained.vocab), n) for n in (1, 4))
    finally:
        component.model.attrs["context"] = before
    assert four.f < alone.f
