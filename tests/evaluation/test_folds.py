"""Parts of texts for cross-validation, against what can be seen by hand, and properties of any groups."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.evaluation.folds import is_gain, split_folds


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.integers(2, 6))
def test_groups_stay_together_in_parts_of_a_size(groups: Any, folds: int) -> None:
    n = len(groups)
    if folds > n:
        with pytest.raises(ValueError, match="R050"):
            split_folds(groups, folds)
        return
    fold = split_folds(groups, folds)
    sizes = np.bincount(fold, minlength=folds)
    limit = n // folds
    assert sizes.min() >= 1 and sizes.sum() == n
    assert sizes.max() - sizes.min() <= limit
    for group in set(groups):
        own = fold[np.array(groups) == group]
        assert len(own) > limit or len(set(own.tolist())) == 1
    assert split_folds(groups, folds).tolist() == fold.tolist()


def test_single_texts_are_divided_evenly_and_at_random() -> None:
    fold = split_folds(np.arange(50), 5)
    assert np.bincount(fold).tolist() == [10] * 5
    assert len(set(fold[:10].tolist())) > 2  # neighbours in a file are often about the same thing


def test_a_gain_within_its_error_is_none() -> None:
    assert is_gain(2.0, [1.0, 2.0, 3.0])  # error 0.58
    assert not is_gain(0.5, [-1.0, 0.5, 2.0])  # error 0.87
    assert not is_gain(0.0, [0.0, 0.0])
