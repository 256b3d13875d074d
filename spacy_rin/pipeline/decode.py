"""From the network's scores to entities and triples of Docs."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..model.segments import Segment
from .tagging import Layers, TypedSpan, decode_tags, span_scores

HEADS = ("last", "first")

# With a network that is hardly trained, or a threshold near 0, most relations of most pairs would be triples, and fill
# the memory. So a Doc has no more than 100, and 10 more for each of its tokens.
_MOST_TRIPLES, _MOST_BY_TOKEN = 100, 10


class ScoredTriple(NamedTuple):
    """A triple between typed spans of a Doc: subject, label, object, probability."""

    subject: TypedSpan
    label: int
    object: TypedSpan
    score: float


class Prediction(NamedTuple):
    """What was found in a Doc.

    Attributes:
        entities (list[TypedSpan]): Entities in the order of the text.
        scores (list[float]): Probability of each entity.
        triples (list[ScoredTriple]): Triples, ordered by subject, object and label.
        cut (bool): Whether more triples were found than a Doc may have. The most probable ones are kept.
    """

    entities: list[TypedSpan]
    scores: list[float]
    triples: list[ScoredTriple]
    cut: bool = False


class FoundEntities(NamedTuple):
    """The entities of a segment.

    Attributes:
        layers (Layers): The entities layer by layer, counted from the first token of the segment.
        scores (list[list[float]] | None): Probability of each; None if they are given, and certain.
    """

    layers: Layers
    scores: list[list[float]] | None = None


class PairScores(Protocol):
    """The part of a network's output that decoding needs, see `model.networks.joint.Output`."""

    def probable(self, subjects: Any, objects: Any, thresholds: Any) -> tuple[Any, Any, Any]: ...


def head_of(start: int, end: int, head: str) -> int:
    """Get the token that stands for a span in a triple: its "last" or "first"."""
    return end - 1 if head == "last" else start


def decode_entities(
    segments: Sequence[Segment], tag_scores: NDArray[np.floating], blank: NDArray[np.bool_]
) -> list[FoundEntities]:
    """Read entities.

    Args:
        segments (Sequence[Segment]): The segments.
        tag_scores (ndarray): Scores of tags for the packed segments. *Shape:* (tokens, layers, tags).
        blank (ndarray): Which of the tokens are white space. *Shape:* (tokens,).

    Returns:
        list[FoundEntities]: The entities of every segment.
    """
    lengths = [segment.end - segment.start for segment in segments]
    layers, scores = [], []
    for layer in range(tag_scores.shape[1]):
        layers.append(decode_tags(tag_scores[:, layer], lengths, blank))
        scores.append(span_scores(tag_scores[:, layer], lengths, layers[-1]))
    return [FoundEntities(*found) for found in zip(zip(*layers), map(list, zip(*scores)))]


def decode(
    n_docs: int,
    segments: Sequence[Segment],
    entities: Sequence[FoundEntities],
    scores: PairScores,
    *,
    thresholds: NDArray[np.floating],
    head: str,
    rescue: bool,
) -> list[Prediction]:
    """Read triples between entities.

    Args:
        n_docs (int): Number of Docs in the batch.
        segments (Sequence[Segment]): Their segments.
        entities (Sequence[FoundEntities]): The entities of every segment, see `decode_entities`.
        scores (PairScores): The network's output for the segments.
        thresholds (ndarray): Lowest probability of each relation. *Shape:* (relations,).
        head (str): Token that stands for an entity, "last" or "first". Of entities that share it, the longest one has
            the triples, and the shortest one is the object of triples of this token with itself.
        rescue (bool): Whether any token of an entity may stand for it, rather than its head alone.

    Returns:
        list[Prediction]: One for each Doc.
    """
    # Only tokens that can stand for an entity are paired: `tokens` in the packed batch, and the entities of each.
    tokens: list[int] = []
    headed: list[list[TypedSpan]] = []
    owners: list[Segment] = []
    kept: dict[tuple[int, TypedSpan], float] = {}
    sizes, offset = [], 0
    limits = np.full(n_docs, _MOST_TRIPLES)
    for segment, (layers, layer_scores) in zip(segments, entities):
        found = _distinct(layers, layer_scores)
        by_token: dict[int, list[TypedSpan]] = {}
        for (start, end, kind), score in found:
            span = (start + segment.start, end + segment.start, kind)
            head_token = head_of(start, end, head)
            by_token.setdefault(head_token, []).append(span)
            if segment.core_start <= segment.start + head_token < segment.core_end:
                kept[segment.doc, span] = score
        if rescue:
            heads = set(by_token)
            for (start, end, kind), _ in found:
                for token in set(range(start, end)) - heads:
                    by_token.setdefault(token, []).append((start + segment.start, end + segment.start, kind))
        tokens.extend(offset + token for token in by_token)
        headed.extend(sorted(spans, key=_longest_first) for spans in by_token.values())
        owners.extend([segment] * len(by_token))
        sizes.append(len(by_token))
        offset += segment.end - segment.start
        limits[segment.doc] += _MOST_BY_TOKEN * (segment.core_end - segment.core_start)
    best: dict[tuple[int, TypedSpan, TypedSpan, int], float] = {}
    i, j = _ordered_pairs(sizes)
    packed = np.asarray(tokens, dtype=np.int64)
    where, labels, probs = scores.probable(packed[i], packed[j], thresholds)
    docs = np.fromiter((segment.doc for segment in owners), np.int64, len(owners))[i[where]]
    chosen = _most_probable(docs, probs, limits)
    for pair, label, prob in zip(where[chosen].tolist(), labels[chosen].tolist(), probs[chosen].tolist()):
        left, right = i[pair], j[pair]
        subject, object_ = headed[left][0], headed[right][-1 if left == right else 0]
        if subject == object_ and left != right:
            continue  # two tokens of one entity, by `rescue`
        # Windows that overlap may both see a triple, or see entities that the other one decides otherwise.
        doc = owners[left].doc
        if (doc, subject) in kept and (doc, object_) in kept:
            key = (doc, subject, object_, label)
            best[key] = max(prob, best.get(key, 0.0))
    predictions = [Prediction([], [], []) for _ in range(n_docs)]
    for (doc, span), score in sorted(kept.items(), key=lambda found: (found[0][0], _in_text(found[0][1]))):
        predictions[doc].entities.append(span)
        predictions[doc].scores.append(score)
    for (doc, subject, object_, label), prob in sorted(best.items()):
        predictions[doc].triples.append(ScoredTriple(subject, label, object_, prob))
    for doc in np.flatnonzero(np.bincount(docs, minlength=n_docs) > limits):
        predictions[doc] = predictions[doc]._replace(cut=True)
    return predictions


def _most_probable(
    docs: NDArray[np.int64], probs: NDArray[np.floating], limits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Choose the most probable of what was found in each Doc.

    Args:
        docs (ndarray): The Doc of each. *Shape:* (found,).
        probs (ndarray): The probability of each. *Shape:* (found,).
        limits (ndarray): How many a Doc may have. *Shape:* (docs,).

    Returns:
        ndarray: Indices of those that are kept. *Shape:* (kept,).
    """
    order = np.lexsort((-probs, docs))
    counts = np.bincount(docs, minlength=len(limits))
    rank = np.arange(len(docs)) - (counts.cumsum() - counts)[docs[order]]
    return order[rank < limits[docs[order]]]


def _distinct(layers: Layers, scores: list[list[float]] | None) -> list[tuple[TypedSpan, float]]:
    """Merge the spans of layers, with their scores, in the order of the text. Where two have the same tokens, the
    first layer wins."""
    spans: dict[tuple[int, int], tuple[TypedSpan, float]] = {}
    for layer, layer_scores in zip(layers, scores or [[1.0] * len(layer) for layer in layers]):
        for span, score in zip(layer, layer_scores):
            spans.setdefault(span[:2], (span, score))
    return sorted(spans.values(), key=lambda found: _in_text(found[0]))


def _in_text(span: TypedSpan) -> tuple[int, int]:
    """The key that sorts spans in the order of the text, an outer one before those inside it."""
    return span[0], -span[1]


def _longest_first(span: TypedSpan) -> int:
    return span[0] - span[1]


def _ordered_pairs(sizes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every item with every one of its group; groups of the given sizes stand one after the other."""
    lefts, rights, offset = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for size in sizes:
        items = np.arange(offset, offset + size)
        lefts.append(np.repeat(items, size))
        rights.append(np.tile(items, size))
        offset += size
    return np.concatenate(lefts), np.concatenate(rights)
