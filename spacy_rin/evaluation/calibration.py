"""Probabilities against how often they are right: calibration error, and its correction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .folds import is_gain, split_folds
from .thresholds import Candidates

N_BINS = 10
CONFIDENT = 0.9

Calibration = dict[str, list[float]]  # slope and offset of the logits of each relation
NO_CHANGE = (1.0, 0.0)

_NEWTON_STEPS = 50
_MIN_SLOPE = 0.05
# Strength of the prior that draws a relation's slope and offset to those of all relations, so that a relation with few
# triples keeps them. In units of triples.
_PRIOR = 5.0
_EPSILON = 1e-7


def score_calibration(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, Any]:
    """Compare probabilities with how often they are right.

    Args:
        scores (ndarray): Probabilities of triples, from 0 to 1. *Shape:* (triples,).
        right (ndarray): Whether each triple is right. *Shape:* (triples,).

    Returns:
        dict[str, Any]: "ece", the expected calibration error with ten bins of equal width (Guo et al., ICML 2017), from
            0 to 1, None without triples; "bins", for each bin that has triples {"from", "to", "count", "score" (mean
            probability), "right" (share of right ones)}; "confident", {"from", "count", "right"} of the triples with a
            probability above 0.9.
    """
    values, hits = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    place = np.minimum((values * N_BINS).astype(np.int64), N_BINS - 1)
    bins = [
        {
            "from": i / N_BINS,
            "to": (i + 1) / N_BINS,
            "count": int(inside.sum()),
            "score": float(values[inside].mean()),
            "right": float(hits[inside].mean()),
        }
        for i in range(N_BINS)
        if (inside := place == i).any()
    ]
    ece = sum(row["count"] * abs(row["score"] - row["right"]) for row in bins) / len(values) if bins else None
    above = values > CONFIDENT
    share = float(hits[above].mean()) if above.any() else None
    return {"ece": ece, "bins": bins, "confident": {"from": CONFIDENT, "count": int(above.sum()), "right": share}}


def fit_global(candidates: Candidates) -> Calibration:
    """Find the slope and offset of all relations with which probabilities fit best (Platt 1999).

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold, uncorrected.

    Returns:
        Calibration: The same slope and offset for each relation of the candidates.
    """
    slope, offset = _fit(_logits(candidates.scores), candidates.right, (1.0, 0.0), prior=1.0)
    return {label: [slope, offset] for label in candidates.labels}


def fit_per_relation(candidates: Candidates) -> Calibration:
    """Find the slope and offset of each relation with which its probabilities fit best. Few triples change them little.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold, uncorrected.

    Returns:
        Calibration: Slope and offset of each relation of the candidates.
    """
    logits = _logits(candidates.scores)
    shared = _fit(logits, candidates.right, (1.0, 0.0), prior=1.0)
    fitted = {}
    for i, label in enumerate(candidates.labels):
        own = candidates.relations == i
        fitted[label] = list(_fit(logits[own], candidates.right[own], shared, prior=_PRIOR))
    return fitted


def correct(scores: Any, slopes: Any, offsets: Any) -> Any:
    """Correct probabilities: slope * logit + offset, as a probability.

    Args:
        scores (Any): A probability, or an array of probabilities.
        slopes (Any): A slope, or the slope of each probability.
        offsets (Any): An offset, or the offset of each probability.

    Returns:
        Any: A probability, or an array of probabilities.
    """
    return 1 / (1 + np.exp(-(slopes * _logits(scores) + offsets)))


def calibrate(candidates: Candidates, calibration: Mapping[str, list[float]]) -> Candidates:
    """Correct the probabilities of candidates.

    Args:
        candidates (Candidates): Triples with uncorrected probabilities.
        calibration (Mapping[str, list[float]]): Slope and offset by relation; other relations stay as they are.

    Returns:
        Candidates: The same triples with corrected probabilities.
    """
    if not calibration:
        return candidates
    slopes, offsets = np.array([calibration.get(label, NO_CHANGE) for label in candidates.labels]).reshape(-1, 2).T
    scores = correct(candidates.scores, slopes[candidates.relations], offsets[candidates.relations])
    return candidates.with_scores(scores)


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibration and how well it does.

    Attributes:
        calibration (Calibration): Slope and offset by relation; empty for uncorrected probabilities.
        log_loss (float): Mean negative log-likelihood of the candidates, on texts that it was not chosen on.
        ece (float): Expected calibration error of the candidates, on these texts.
    """

    calibration: Calibration
    log_loss: float
    ece: float


def choose_calibration(candidates: Candidates, folds: int) -> tuple[dict[str, CalibrationChoice], str]:
    """Correct probabilities in three ways, and find the one that is best on other texts, about other names.

    A way is better than a simpler one if its gain on held-out texts is more than its standard error.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold, uncorrected.
        folds (int): Number of parts of the texts, for cross-validation.

    Returns:
        tuple[dict[str, CalibrationChoice], str]: The choices "none", "global" and "per_relation", and the one with the
            best log loss by cross-validation.

    Raises:
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    ways: dict[str, Any] = {"none": lambda some: {}, "global": fit_global, "per_relation": fit_per_relation}
    fold = split_folds(candidates.groups, folds)
    choices: dict[str, CalibrationChoice] = {}
    losses, best = {}, "none"
    for name, fit in ways.items():
        held_out = [calibrate(candidates.among(fold == i), fit(candidates.among(fold != i))) for i in range(folds)]
        scores = np.concatenate([part.scores for part in held_out])
        right = np.concatenate([part.right for part in held_out])
        ece = score_calibration(scores, right)["ece"] or 0.0
        choices[name] = CalibrationChoice(fit(candidates), _log_loss(scores, right), ece)
        losses[name] = [_log_loss(part.scores, part.right) for part in held_out]
        gains = [theirs - ours for theirs, ours in zip(losses[best], losses[name])]
        if is_gain(choices[best].log_loss - choices[name].log_loss, gains):
            best = name
    return choices, best


def _log_loss(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The mean negative log-likelihood; 0 without triples."""
    values = scores.astype(np.float64)
    chance = np.clip(np.where(right, values, 1 - values), _EPSILON, 1.0)
    return float(-np.log(chance).mean()) if len(chance) else 0.0


def _logits(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(scores, dtype=np.float64), _EPSILON, 1 - _EPSILON)
    logits: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logits


def _fit(
    logits: NDArray[np.float64], right: NDArray[np.bool_], start: tuple[float, float], prior: float
) -> tuple[float, float]:
    """Fit a logistic regression of `right` on `logits` by Newton's method, with a Gaussian prior around `start`."""
    centre = np.array(start)
    inputs = np.stack([logits, np.ones_like(logits)], 1)
    values = centre.copy()
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-(inputs @ values)))
        gradient = inputs.T @ (chance - right) + prior * (values - centre)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + prior * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        if values[0] <= _MIN_SLOPE and step[0] > 0:  # held at its bound: the offset moves alone
            step = np.array([0.0, gradient[1] / curvature[1, 1]])
        values = values - np.clip(step, -1.0, 1.0)
        values[0] = max(values[0], _MIN_SLOPE)
        if np.abs(step).max() < 1e-6:
            break
    return float(values[0]), float(values[1])
