"""Cross-validation: divide texts into parts, and tell a gain from chance."""

import random
from collections.abc import Sequence
from itertools import islice
from math import sqrt
from statistics import stdev

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors, SettingError


def split_folds(groups: Sequence[int], folds: int) -> NDArray[np.int64]:
    """Divide texts into parts of about the same size, at random but always the same. A group stays together, unless it
    is larger than a part.

    Args:
        groups (Sequence[int]): The group of each text.
        folds (int): Number of parts.

    Returns:
        ndarray: Part of each text. *Shape:* (texts,).

    Raises:
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    n_texts = len(groups)
    if not 2 <= folds <= n_texts:
        raise SettingError(Errors.R050, folds=folds, n=n_texts)
    order = list(range(n_texts))
    random.Random(0).shuffle(order)
    members: dict[int, list[int]] = {}
    for text in order:
        members.setdefault(groups[text], []).append(text)
    pieces = []
    for group in members.values():
        texts = iter(group)
        while piece := list(islice(texts, n_texts // folds)):
            pieces.append(piece)
    fold = np.zeros(n_texts, dtype=np.int64)
    sizes = [0] * folds
    for piece in sorted(pieces, key=len, reverse=True):
        smallest = sizes.index(min(sizes))
        fold[piece] = smallest
        sizes[smallest] += len(piece)
    return fold


def is_gain(mean: float, gains: Sequence[float]) -> bool:
    """Whether a gain is more than its standard error.

    Args:
        mean (float): The gain over all parts.
        gains (Sequence[float]): The gain in each part.

    Returns:
        bool: Whether it is.
    """
    return mean > stdev(gains) / sqrt(len(gains))
