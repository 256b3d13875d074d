"""Compare gold and predicted triples, and classify the errors."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from spacy.tokens import Span

from ..relations import Relation
from .scorer import Key, pair_key

VERDICTS = ("right", "wrong_label", "wrong_boundary", "missed", "spurious")


NO_RELATION = "none"  # a label in `count_confusion`


class Verdict(NamedTuple):
    """The verdict on a gold triple, a predicted triple, or a pair of both.

    Attributes:
        kind (str): "right", "wrong_label" (the pair is right), "wrong_boundary" (the label is right, and both entities
            overlap with the gold ones), "missed" or "spurious".
        gold (Relation | None): The gold triple, or None if the verdict is "spurious".
        predicted (Relation | None): The predicted triple, or None if the verdict is "missed".
    """

    kind: str
    gold: Relation | None
    predicted: Relation | None


def compare(gold: Mapping[Key, Relation], predicted: Mapping[Key, Relation]) -> list[Verdict]:
    """Match the gold triples of a text with the predicted ones.

    Each triple is in exactly one verdict, so that counts add up. Triples without an exact match are matched first with
    a wrong label, then with a wrong boundary. More probable predictions are matched first.

    Args:
        gold (Mapping[Key, Relation]): Gold triples, as returned by `triples`.
        predicted (Mapping[Key, Relation]): Predicted triples, as returned by `triples`.

    Returns:
        list[Verdict]: The verdicts, in the order of `VERDICTS`.
    """
    verdicts = [Verdict("right", relation, predicted[key]) for key, relation in gold.items() if key in predicted]
    missed = [relation for key, relation in gold.items() if key not in predicted]
    spurious = sorted((r for key, r in predicted.items() if key not in gold), key=lambda r: -r.score)
    for kind, alike in (("wrong_label", _same_pair), ("wrong_boundary", _same_place)):
        for wrong in tuple(spurious):
            match = next((relation for relation in missed if alike(relation, wrong)), None)
            if match is not None:
                missed.remove(match)
                spurious.remove(wrong)
                verdicts.append(Verdict(kind, match, wrong))
    verdicts += [Verdict("missed", relation, None) for relation in missed]
    return verdicts + [Verdict("spurious", None, relation) for relation in spurious]


def count_confusion(verdicts: Iterable[Verdict]) -> dict[str, dict[str, int]]:
    """Count gold labels against predicted labels on the same pair of whole entities.

    Args:
        verdicts (Iterable[Verdict]): Verdicts of all texts.

    Returns:
        dict[str, dict[str, int]]: Counts by gold label, then by predicted label. "none" means no relation. A row adds
            up to the gold triples of its label, and a column to the predicted ones.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for kind, gold, predicted in verdicts:
        left = gold.label if gold else NO_RELATION
        right = predicted.label if predicted else NO_RELATION
        if kind == "wrong_boundary":
            counts[left, NO_RELATION] += 1
            left = NO_RELATION
        counts[left, right] += 1
    confusion: dict[str, dict[str, int]] = {}
    for (left, right), count in sorted(counts.items()):
        confusion.setdefault(left, {})[right] = count
    return confusion


def _same_pair(left: Relation, right: Relation) -> bool:
    return pair_key(left) == pair_key(right)


def _same_place(left: Relation, right: Relation) -> bool:
    """Check whether two triples have the same label, and both entities overlap."""
    return left.label == right.label and _overlap(left.subject, right.subject) and _overlap(left.object, right.object)


def _overlap(left: Span, right: Span) -> bool:
    return left.start_char < right.end_char and right.start_char < left.end_char
