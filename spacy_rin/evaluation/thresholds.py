"""Score thresholds of relations, and choose the best ones."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.scorer import PRFScore
from spacy.training import Example

from ..groups import link_texts
from ..relations import DEFAULT_ATTR
from .folds import is_gain, split_folds
from .scorer import Row, text_key, to_row, triples

GRID = tuple(round(0.01 * step, 2) for step in range(1, 100))
LOWEST = GRID[0]


class Thresholds(NamedTuple):
    """Thresholds of a component: the lowest probability of a triple.

    Attributes:
        threshold (float): Threshold of all relations that are not in `thresholds`.
        thresholds (dict[str, float]): Thresholds of single relations, by label.
    """

    threshold: float
    thresholds: dict[str, float]

    def of(self, label: str) -> float:
        """Get the threshold of a relation."""
        return self.thresholds.get(label, self.threshold)


def reaches(score: Any, threshold: Any) -> Any:
    """Check whether probabilities reach thresholds. Both are compared in float32, as the network does it.

    Args:
        score (Any): A probability, or an array of probabilities.
        threshold (Any): A threshold, or an array of thresholds.

    Returns:
        Any: A boolean, or an array of booleans.
    """
    return np.asarray(score, dtype=np.float32) >= np.asarray(threshold, dtype=np.float32)


@dataclass(frozen=True)
class Counts:
    """Counts of triples for each relation and each threshold of `GRID`.

    Attributes:
        right (ndarray): Predicted triples that are right. *Shape:* (labels, thresholds).
        predicted (ndarray): Predicted triples. *Shape:* (labels, thresholds).
        gold (ndarray): Gold triples. *Shape:* (labels,).
    """

    right: NDArray[np.int64]
    predicted: NDArray[np.int64]
    gold: NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Triples predicted with a very low threshold, and the gold triples of the same texts, by exact match.

    Attributes:
        labels (tuple[str, ...]): Names of relations, sorted. Other fields refer to them by index.
        groups (list[int]): Group of each text, see `link_texts`. Texts with gold triples about the same two names are
            in one group. Other fields refer to texts by index.
        texts (ndarray): Text of each candidate. *Shape:* (candidates,).
        relations (ndarray): Relation of each candidate. *Shape:* (candidates,).
        scores (ndarray): Probability of each candidate. *Shape:* (candidates,).
        right (ndarray): Whether each candidate is a gold triple. *Shape:* (candidates,).
        gold_texts (ndarray): Text of each gold triple. *Shape:* (triples,).
        gold_relations (ndarray): Relation of each gold triple. *Shape:* (triples,).
    """

    labels: tuple[str, ...]
    groups: list[int]
    texts: NDArray[np.int64]
    relations: NDArray[np.int64]
    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    gold_texts: NDArray[np.int64]
    gold_relations: NDArray[np.int64]

    @classmethod
    def of(cls, examples: Iterable[Example], attr: str = DEFAULT_ATTR) -> "Candidates":
        """Collect candidates from Docs that were predicted with a low threshold.

        Args:
            examples (Iterable[Example]): Predicted and gold Docs.
            attr (str): The extension attribute of the relations.

        Returns:
            Candidates: The candidates.
        """
        found, gold, facts = [], [], []
        for text, example in enumerate(examples):
            wanted = triples(example.reference, attr)
            gold += [(text, key[1]) for key in wanted]
            facts.append([text_key(relation)[::2] for relation in wanted.values()])
            found += [
                (text, key[1], relation.score, key in wanted)
                for key, relation in triples(example.predicted, attr).items()
            ]
        labels = tuple(sorted({label for _, label, *_ in found} | {label for _, label in gold}))
        index = {label: i for i, label in enumerate(labels)}
        return cls(
            labels,
            link_texts(facts),
            np.array([text for text, *_ in found], dtype=np.int64),
            np.array([index[label] for _, label, *_ in found], dtype=np.int64),
            np.array([score for *_, score, _ in found], dtype=np.float32),
            np.array([right for *_, right in found], dtype=bool),
            np.array([text for text, _ in gold], dtype=np.int64),
            np.array([index[label] for _, label in gold], dtype=np.int64),
        )

    def among(self, chosen: NDArray[np.bool_]) -> "Candidates":
        """Select the candidates and gold triples of some texts.

        Args:
            chosen (ndarray): Whether to take each text. *Shape:* (texts,).

        Returns:
            Candidates: The selection. `labels` and `groups` stay the same.
        """
        found, gold = chosen[self.texts], chosen[self.gold_texts]
        return Candidates(
            self.labels,
            self.groups,
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
        """Count the triples of each relation at each threshold of `GRID`."""
        shape = (len(self.labels), len(GRID) + 1)
        reached = np.searchsorted(np.asarray(GRID, dtype=np.float32), self.scores, side="right")

        def count(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
            table = np.zeros(shape, dtype=np.int64)
            np.add.at(table, (self.relations[chosen], reached[chosen]), 1)
            # The table counts triples that reach exactly n thresholds. Sum up those that reach at least n.
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
    """Score every threshold of `GRID` by exact match. Each is used for all relations.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.

    Returns:
        dict[str, Row]: The row of each threshold, "0.01" to "0.99", see `scorer.to_row`.
    """
    counts = candidates.count()
    columns = zip(counts.right.sum(0).tolist(), counts.predicted.sum(0).tolist())
    gold = int(counts.gold.sum())
    rows = (to_row(PRFScore(tp=right, fp=predicted - right, fn=gold - right)) for right, predicted in columns)
    return {f"{threshold:.2f}": row for threshold, row in zip(GRID, rows)}


def choose_threshold(candidates: Candidates, near: float) -> Thresholds:
    """Choose the threshold for all relations that gives the best F1.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        near (float): Of equally good thresholds, the one closest to this value is chosen.

    Returns:
        Thresholds: The threshold.
    """
    counts = candidates.count()
    f1 = _f1(counts.right.sum(0), counts.predicted.sum(0), counts.gold.sum())
    return Thresholds(_best(f1, near), {})


def choose_thresholds(candidates: Candidates, near: float, min_count: int) -> Thresholds:
    """Choose a threshold for all relations, and separate thresholds for frequent relations.

    `choose_threshold` chooses the common threshold. The separate thresholds then give the best possible F1 over all
    relations (micro).

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        near (float): Of equally good common thresholds, the one closest to this value is chosen.
        min_count (int): A relation is frequent if it has at least this many gold triples, or at least this many
            triples are predicted with the common threshold.

    Returns:
        Thresholds: The thresholds. Separate thresholds that equal the common one are left out.
    """
    threshold = choose_threshold(candidates, near).threshold
    counts, base = candidates.count(), GRID.index(threshold)
    frequent = np.flatnonzero(np.maximum(counts.gold, counts.predicted[:, base]) >= min_count)
    chosen = np.full(len(candidates.labels), base)
    gold, every = counts.gold.sum(), np.arange(len(candidates.labels))
    value = -1.0
    # F1 is a ratio of sums over relations, so it can't be maximized for each relation alone. The numerator minus F1
    # times the denominator can. Repeating this with the new F1 converges to the best one (Dinkelbach 1967).
    while (f1 := float(_f1(counts.right[every, chosen].sum(), counts.predicted[every, chosen].sum(), gold))) > value:
        value = f1
        for label in frequent:
            gain = 2 * counts.right[label] - value * counts.predicted[label]
            chosen[label] = GRID.index(_best(gain, threshold))
    own = {candidates.labels[label]: GRID[chosen[label]] for label in frequent if chosen[label] != base}
    return Thresholds(threshold, own)


def cross_validate(candidates: Candidates, choose: Callable[[Candidates], Thresholds], folds: int) -> list[PRFScore]:
    """Score thresholds by cross-validation, on texts that they were not chosen on, about other names.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        choose (Callable[[Candidates], Thresholds]): Function that chooses the thresholds.
        folds (int): Number of parts of the texts. Each is scored with thresholds chosen on the others.

    Returns:
        list[PRFScore]: Exact match over all relations of each part (micro).

    Raises:
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    fold = split_folds(candidates.groups, folds)
    return [candidates.among(fold == i).score(choose(candidates.among(fold != i))) for i in range(folds)]


@dataclass(frozen=True)
class Choice:
    """Thresholds and their scores.

    Attributes:
        thresholds (Thresholds): The thresholds.
        scores (PRFScore): Scores on the texts that the thresholds were chosen on.
        held_out (PRFScore): Scores by cross-validation, on texts that the thresholds were not chosen on.
    """

    thresholds: Thresholds
    scores: PRFScore
    held_out: PRFScore


def choose(
    candidates: Candidates, present: Thresholds, *, min_count: int = 20, folds: int = 5
) -> tuple[dict[str, Choice], str]:
    """Choose thresholds in three ways, and find the best way by cross-validation.

    A way is better than a simpler one if its gain on held-out texts is more than its standard error. Thresholds of
    single relations fit chance, and a low one lets in many wrong triples where texts are of another kind.

    Args:
        candidates (Candidates): Triples predicted with the lowest threshold.
        present (Thresholds): The current thresholds of the component.
        min_count (int): See `choose_thresholds`.
        folds (int): See `cross_validate`.

    Returns:
        tuple[dict[str, Choice], str]: The choices "present", "global" and "per_relation", and the name of the best
            one by this rule.

    Raises:
        SettingError: R050, see `cross_validate`.
    """
    ways: Mapping[str, Callable[[Candidates], Thresholds]] = {
        "present": lambda some: present,
        "global": lambda some: choose_threshold(some, present.threshold),
        "per_relation": lambda some: choose_thresholds(some, present.threshold, min_count),
    }
    choices, parts, best = {}, {}, "present"
    for name, choose in ways.items():
        thresholds, parts[name] = choose(candidates), cross_validate(candidates, choose, folds)
        choices[name] = Choice(thresholds, candidates.score(thresholds), sum(parts[name], PRFScore()))
        gain = choices[name].held_out.fscore - choices[best].held_out.fscore
        gains = [ours.fscore - theirs.fscore for ours, theirs in zip(parts[name], parts[best])]
        if is_gain(gain, gains):
            best = name
    return choices, best


def _f1(right: Any, predicted: Any, gold: Any) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * right / np.maximum(predicted + gold, 1)
    return f1


def _best(values: NDArray[np.float64], near: float) -> float:
    """Get the threshold with the highest value. Of equally good ones, take the one closest to `near`."""
    highest = values.max()
    return min((t for t, value in zip(GRID, values) if value >= highest - 1e-9), key=lambda t: abs(t - near))
