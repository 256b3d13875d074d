"""Thresholds of relations: what each gives, and which are best."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.scorer import PRFScore
from spacy.training import Example

from ..errors import Errors, SettingError
from ..relations import DEFAULT_ATTR
from .scorer import Row, to_row, triples

GRID = tuple(round(0.01 * step, 2) for step in range(1, 100))
LOWEST = GRID[0]


class Thresholds(NamedTuple):
    """Settings of a component: lowest probability of a triple, and of the relations that have another one."""

    threshold: float
    thresholds: dict[str, float]

    def of(self, label: str) -> float:
        """Threshold of a relation."""
        return self.thresholds.get(label, self.threshold)


def reaches(score: Any, threshold: Any) -> Any:
    """Whether probabilities reach thresholds, in the precision of the network."""
    return np.asarray(score, dtype=np.float32) >= np.asarray(threshold, dtype=np.float32)


@dataclass(frozen=True)
class Counts:
    """What each threshold of `GRID` gives, by relation.

    Attributes:
        right (ndarray): Triples found that are right. *Shape:* (labels, thresholds).
        predicted (ndarray): Triples found. *Shape:* (labels, thresholds).
        gold (ndarray): Gold triples. *Shape:* (labels,).
    """

    right: NDArray[np.int64]
    predicted: NDArray[np.int64]
    gold: NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """All triples of some texts that are probable at all, and the gold triples, by exact match.

    Attributes:
        labels (tuple[str, ...]): Names of relations, sorted; other fields have positions in it.
        n_texts (int): Number of texts; other fields have positions of texts.
        texts (ndarray): Text of each candidate. *Shape:* (candidates,).
        relations (ndarray): Relation of each candidate. *Shape:* (candidates,).
        scores (ndarray): Probability of each candidate. *Shape:* (candidates,).
        right (ndarray): Whether each candidate is a gold triple. *Shape:* (candidates,).
        gold_texts (ndarray): Text of each gold triple. *Shape:* (triples,).
        gold_relations (ndarray): Relation of each gold triple. *Shape:* (triples,).
    """

    labels: tuple[str, ...]
    n_texts: int
    texts: NDArray[np.int64]
    relations: NDArray[np.int64]
    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    gold_texts: NDArray[np.int64]
    gold_relations: NDArray[np.int64]

    @classmethod
    def of(cls, examples: Iterable[Example], attr: str = DEFAULT_ATTR) -> "Candidates":
        """Collect them from Docs that were predicted with a low threshold.

        Args:
            examples (Iterable[Example]): Predicted and gold Docs.
            attr (str): The extension attribute of the relations.

        Returns:
            Candidates: The candidates.
        """
        found, gold, n_texts = [], [], 0
        for example in examples:
            wanted = triples(example.reference, attr)
            gold += [(n_texts, key[1]) for key in wanted]
            found += [
                (n_texts, key[1], relation.score, key in wanted)
                for key, relation in triples(example.predicted, attr).items()
            ]
            n_texts += 1
        labels = tuple(sorted({label for _, label, *_ in found} | {label for _, label in gold}))
        index = {label: i for i, label in enumerate(labels)}
        return cls(
            labels,
            n_texts,
            np.array([text for text, *_ in found], dtype=np.int64),
            np.array([index[label] for _, label, *_ in found], dtype=np.int64),
            np.array([score for *_, score, _ in found], dtype=np.float32),
            np.array([right for *_, right in found], dtype=bool),
            np.array([text for text, _ in gold], dtype=np.int64),
            np.array([index[label] for _, label in gold], dtype=np.int64),
        )

    def among(self, chosen: NDArray[np.bool_]) -> "Candidates":
        """Take those of some texts. chosen (ndarray): Whether each text is among them. *Shape:* (texts,)."""
        found, gold = chosen[self.texts], chosen[self.gold_texts]
        return Candidates(
            self.labels,
            self.n_texts,
            self.texts[found],
            self.relations[found],
            self.scores[found],
            self.right[found],
            self.gold_texts[gold],
            self.gold_relations[gold],
        )

    def with_scores(self, scores: NDArray[np.floating]) -> "Candidates":
        """Return the same triples with other probabilities. *Shape of scores:* (candidates,)."""
        return replace(self, scores=np.asarray(scores, dtype=np.float32))

    def count(self) -> Counts:
        """Count what each threshold of `GRID` gives."""
        shape = (len(self.labels), len(GRID) + 1)
        reached = np.searchsorted(np.asarray(GRID, dtype=np.float32), self.scores, side="right")

        def count(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
            table = np.zeros(shape, dtype=np.int64)
            np.add.at(table, (self.relations[chosen], reached[chosen]), 1)
            # From those that reach just so many thresholds to those that reach as many or more.
            return table[:, ::-1].cumsum(1)[:, ::-1][:, 1:]

        gold = np.bincount(self.gold_relations, minlength=len(self.labels))
        return Counts(count(self.right), count(np.ones_like(self.right)), gold)

    def reach(self, thresholds: Thresholds) -> NDArray[np.bool_]:
        """Whether each candidate reaches the threshold of its relation. *Shape:* (candidates,)."""
        lowest = np.array([thresholds.of(label) for label in self.labels], dtype=np.float32)
        found: NDArray[np.bool_] = reaches(self.scores, lowest[self.relations])
        return found

    def score(self, thresholds: Thresholds) -> PRFScore:
        """Score the triples that reach the thresholds.

        Args:
            thresholds (Thresholds): The thresholds.

        Returns:
            PRFScore: Exact match over all relations (micro).
        """
        found = self.reach(thresholds)
        right = int((found & self.right).sum())
        return PRFScore(tp=right, fp=int(found.sum()) - right, fn=len(self.gold_texts) - right)


def score_thresholds(candidates: Candidates) -> dict[str, Row]:
    """Score every threshold of `GRID`, as the only one of all relations, by exact match.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.

    Returns:
        dict[str, Row]: What `scorer.to_row` says, by threshold: "0.01" to "0.99".
    """
    counts = candidates.count()
    columns = zip(counts.right.sum(0).tolist(), counts.predicted.sum(0).tolist())
    gold = int(counts.gold.sum())
    rows = (to_row(PRFScore(tp=right, fp=predicted - right, fn=gold - right)) for right, predicted in columns)
    return {f"{threshold:.2f}": row for threshold, row in zip(GRID, rows)}


def choose_threshold(candidates: Candidates, near: float) -> Thresholds:
    """Choose the one threshold that gives the best F1.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        near (float): Of thresholds that are as good, the one next to this is taken.

    Returns:
        Thresholds: The threshold.
    """
    counts = candidates.count()
    f1 = _f1(counts.right.sum(0), counts.predicted.sum(0), counts.gold.sum())
    return Thresholds(_best(f1, near), {})


def choose_thresholds(candidates: Candidates, near: float, min_count: int) -> Thresholds:
    """Choose the one threshold as `choose_threshold` does, and then, for relations that are frequent, their own ones:
    together they give the best F1 over all relations (micro) that any own thresholds can give.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        near (float): Of thresholds that are as good, the one next to this is taken.
        min_count (int): A relation has its own if it has so many gold triples, or so many are found with the one
            threshold.

    Returns:
        Thresholds: The thresholds, without those that are the same as the one.
    """
    threshold = choose_threshold(candidates, near).threshold
    counts, base = candidates.count(), GRID.index(threshold)
    frequent = np.flatnonzero(np.maximum(counts.gold, counts.predicted[:, base]) >= min_count)
    chosen = np.full(len(candidates.labels), base)
    gold, every = counts.gold.sum(), np.arange(len(candidates.labels))
    value = -1.0
    # F1 is a ratio of sums over relations, so its maximum can't be taken relation by relation; that of numerator minus
    # F1 times denominator can, and repeating that with the F1 it gives ends at the best (Dinkelbach 1967).
    while (f1 := float(_f1(counts.right[every, chosen].sum(), counts.predicted[every, chosen].sum(), gold))) > value:
        value = f1
        for label in frequent:
            gain = 2 * counts.right[label] - value * counts.predicted[label]
            chosen[label] = GRID.index(_best(gain, threshold))
    own = {candidates.labels[label]: GRID[chosen[label]] for label in frequent if chosen[label] != base}
    return Thresholds(threshold, own)


def cross_validate(candidates: Candidates, choose: Callable[[Candidates], Thresholds], folds: int) -> PRFScore:
    """Score thresholds on texts that they were not chosen on.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        choose (Callable[[Candidates], Thresholds]): Chooses the thresholds.
        folds (int): Parts of the texts; each is scored with what was chosen on the others.

    Returns:
        PRFScore: Exact match over all relations and texts (micro).

    Raises:
        RinError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    fold = split_folds(candidates.n_texts, folds)
    parts = (candidates.among(fold == i).score(choose(candidates.among(fold != i))) for i in range(folds))
    return sum(parts, PRFScore())


def split_folds(n_texts: int, folds: int) -> NDArray[np.int64]:
    """Divide texts into parts of about the same size, at random but always the same.

    Args:
        n_texts (int): Number of texts.
        folds (int): Number of parts.

    Returns:
        ndarray: Part of each text. *Shape:* (texts,).

    Raises:
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    if not 2 <= folds <= n_texts:
        raise SettingError(Errors.R050, folds=folds, n=n_texts)
    order = list(range(n_texts))
    random.Random(0).shuffle(order)
    fold: NDArray[np.int64] = np.argsort(order) % folds
    return fold


@dataclass(frozen=True)
class Choice:
    """Thresholds and their scores.

    Attributes:
        thresholds (Thresholds): The thresholds.
        scores (PRFScore): On the texts that they were chosen on.
        held_out (PRFScore): On texts that they were not chosen on, by cross-validation.
    """

    thresholds: Thresholds
    scores: PRFScore
    held_out: PRFScore


def choose(
    candidates: Candidates, present: Thresholds, *, min_count: int = 20, folds: int = 5
) -> tuple[dict[str, Choice], str]:
    """Choose thresholds in three ways, and find the way that is best on other texts.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        present (Thresholds): Those that the component has.
        min_count (int): See `choose_thresholds`.
        folds (int): See `cross_validate`.

    Returns:
        tuple[dict[str, Choice], str]: The choices "present", "global" and "per_relation", and the first of those
            that are best by cross-validation.

    Raises:
        RinError: R050, see `cross_validate`.
    """
    ways: Mapping[str, Callable[[Candidates], Thresholds]] = {
        "present": lambda some: present,
        "global": lambda some: choose_threshold(some, present.threshold),
        "per_relation": lambda some: choose_thresholds(some, present.threshold, min_count),
    }
    choices = {}
    for name, choose in ways.items():
        thresholds = choose(candidates)
        choices[name] = Choice(thresholds, candidates.score(thresholds), cross_validate(candidates, choose, folds))
    return choices, max(choices, key=lambda name: choices[name].held_out.fscore)


def _f1(right: Any, predicted: Any, gold: Any) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * right / np.maximum(predicted + gold, 1)
    return f1


def _best(values: NDArray[np.float64], near: float) -> float:
    """Get the threshold of the highest value, of those that are as high the one next to `near`."""
    highest = values.max()
    return min((t for t, value in zip(GRID, values) if value >= highest - 1e-9), key=lambda t: abs(t - near))
