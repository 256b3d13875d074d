"""From the network's scores to entities and triples of Docs."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .segments import Segment
from .tagging import TypedSpan, decode_tags

HEADS = ("last", "first")


class ScoredTriple(NamedTuple):
    """A triple between typed spans of a Doc: subject, label, object, probability."""

    subject: TypedSpan
    label: int
    object: TypedSpan
    score: float


class Prediction(NamedTuple):
    """What was found in a Doc.

    entities (List[TypedSpan]): Entities in the order of the text.
    triples (List[ScoredTriple]): Triples, ordered by subject, object and label.
    """

    entities: list[TypedSpan]
    triples: list[ScoredTriple]


class Scores(Protocol):
    """What decoding needs of the network's output for packed segments; `networks.rin.Output` says more."""

    def tag_scores(self) -> NDArray[np.floating]: ...

    def probable(self, subjects: Any, objects: Any, threshold: float) -> tuple[Any, Any, Any]: ...


def head_of(start: int, end: int, head: str) -> int:
    """Get the token that stands for a span in a triple: its "last" or "first"."""
    return end - 1 if head == "last" else start


def decode(
    n_docs: int,
    segments: Sequence[Segment],
    scores: Scores,
    blank: NDArray[np.bool_],
    *,
    threshold: float,
    head: str,
    rescue: bool,
) -> list[Prediction]:
    """Read entities and triples.

    n_docs (int): Number of Docs in the batch.
    segments (Sequence[Segment]): Their segments.
    scores (Scores): The network's output for them.
    blank (ndarray): Which tokens of the packed segments are white space. *Shape:* (tokens,).
    threshold (float): Lowest probability of a triple.
    head (str): Token that stands for an entity, "last" or "first".
    rescue (bool): Whether any token of an entity may stand for it, rather than its head alone.
    RETURNS (List[Prediction]): One for each Doc.
    """
    lengths = [segment.end - segment.start for segment in segments]
    spans = decode_tags(scores.tag_scores(), lengths, blank)
    # Only tokens that can stand for an entity are paired: `tokens` in the packed batch, `owners` among its entities.
    tokens: list[int] = []
    owners: list[int] = []
    entities: list[tuple[Segment, TypedSpan]] = []
    sizes, offset = [], 0
    for segment, length, found in zip(segments, lengths, spans):
        n_before = len(tokens)
        for start, end, kind in found:
            heads = range(start, end) if rescue else (head_of(start, end, head),)
            tokens.extend(offset + token for token in heads)
            owners.extend([len(entities)] * len(heads))
            entities.append((segment, (start + segment.start, end + segment.start, kind)))
        sizes.append(len(tokens) - n_before)
        offset += length
    predictions = [Prediction([], []) for _ in range(n_docs)]
    kept = set()
    for segment, span in entities:
        if segment.core_start <= head_of(span[0], span[1], head) < segment.core_end:
            predictions[segment.doc].entities.append(span)
            kept.add((segment.doc, span))
    best: dict[tuple[int, TypedSpan, TypedSpan, int], float] = {}
    i, j = _ordered_pairs(sizes)
    packed = np.asarray(tokens, dtype=np.int64)
    where, labels, probs = scores.probable(packed[i], packed[j], threshold)
    for pair, label, prob in zip(where.tolist(), labels.tolist(), probs.tolist()):
        (segment, subject), (_, object_) = entities[owners[i[pair]]], entities[owners[j[pair]]]
        # Windows that overlap may both see a triple, or see entities that the other one decides otherwise.
        if subject != object_ and (segment.doc, subject) in kept and (segment.doc, object_) in kept:
            key = (segment.doc, subject, object_, label)
            best[key] = max(prob, best.get(key, 0.0))
    for (doc, subject, object_, label), prob in sorted(best.items()):
        predictions[doc].triples.append(ScoredTriple(subject, label, object_, prob))
    return predictions


def _ordered_pairs(sizes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every item with every other one of its group; groups of the given sizes stand one after the other."""
    lefts, rights, offset = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for size in sizes:
        if size > 1:
            items = np.arange(offset, offset + size)
            left, right = np.repeat(items, size), np.tile(items, size)
            distinct = left != right
            lefts.append(left[distinct])
            rights.append(right[distinct])
        offset += size
    return np.concatenate(lefts), np.concatenate(rights)
