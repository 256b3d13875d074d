"""How unsure a pipeline is of the triples of a text."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from spacy.tokens import Doc, Span

from ..pipeline.component import RINJoint
from ..relations import get_relations

# Triples that are not found count from this probability on, if the threshold is 0.5.
LOWEST = 0.1
_EPSILON = 1e-6


class Reading(NamedTuple):
    """What a pipeline makes of a text.

    Attributes:
        unsure (dict[str, float]): By relation, how unsure it is of the triples that it finds or nearly finds, in bits.
        found (Counter[str]): By relation, the number of triples that it finds.
    """

    unsure: dict[str, float]
    found: Counter[str]


class Reader:
    """Reads from Docs how unsure a component is.

    Args:
        pipe (RINJoint): The component. Its thresholds are those that are set now.
    """

    def __init__(self, pipe: RINJoint):
        self.pipe = pipe
        self.thresholds = dict(zip(pipe.relation_labels, pipe.label_thresholds.tolist(), strict=True))

    @contextmanager
    def nearly(self) -> Iterator[None]:
        """Let the component also find what it nearly finds, inside a `with` block."""
        lower = {label: 1 - shifted(1 - LOWEST, threshold) for label, threshold in self.thresholds.items()}
        with self.pipe.settings(thresholds=lower):
            yield

    def read(self, doc: Doc) -> Reading:
        """Read a Doc that was predicted inside `nearly`.

        A triple is right if its relation and both entities are. The relation counts as even at its threshold, and the
        triple is unsure by the entropy of the product of the three probabilities.

        Args:
            doc (Doc): The Doc.

        Returns:
            Reading: How unsure the component is of its triples.
        """
        spans = doc.spans.get(self.pipe.spans_key, ())
        scores = dict(zip(map(_key, spans), getattr(spans, "attrs", {}).get("scores", ())))
        unsure: defaultdict[str, float] = defaultdict(float)
        found: Counter[str] = Counter()
        for relation in get_relations(doc, self.pipe.attr):
            threshold = self.thresholds.get(relation.label)
            if threshold is None:  # of another component, which writes to the same place
                continue
            right = shifted(relation.score, threshold)
            for span in dict.fromkeys((_key(relation.subject), _key(relation.object))):
                right *= float(scores.get(span, 1.0))
            unsure[relation.label] += entropy(right)
            found[relation.label] += relation.score >= threshold
        return Reading(dict(unsure), +found)


def shifted(probability: float, threshold: float) -> float:
    """Shift the logit of a probability so that it is 0.5 at a threshold, as it is without a shift at 0.5.

    Args:
        probability (float): The probability.
        threshold (float): The threshold.

    Returns:
        float: The shifted probability.
    """
    return 1 / (1 + math.exp(_logit(threshold) - _logit(probability)))


def entropy(probability: float) -> float:
    """Compute how unsure a probability is: 1 bit at 0.5, nothing at 0 and 1."""
    parts = (max(probability, _EPSILON), max(1 - probability, _EPSILON))
    return max(0.0, -sum(part * math.log2(part) for part in parts))


def rarity(counts: Mapping[str, int], labels: Iterable[str]) -> dict[str, float]:
    """Weigh relations: the rarer, the more. One of mean frequency has the weight 1, one with a fourth of it nearly 2.

    Args:
        counts (Mapping[str, int]): Number of triples of each relation.
        labels (Iterable[str]): The relations.

    Returns:
        dict[str, float]: The weight of each relation.
    """
    labels = list(labels)
    mean = sum(counts.get(label, 0) for label in labels) / max(1, len(labels))
    return {label: math.sqrt((mean + 1) / (counts.get(label, 0) + 1)) for label in labels}


def _logit(probability: float) -> float:
    clipped = min(max(probability, _EPSILON), 1 - _EPSILON)
    return math.log(clipped / (1 - clipped))


def _key(span: Span) -> tuple[int, int, str]:
    return span.start, span.end, span.label_
