"""From the network's scores to entities and triples of Docs."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .segments import Segment
from .tagging import OUTSIDE, TypedSpan, decode_tags

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

    def probable(self, subjects: Any, objects: Any, thresholds: Any) -> tuple[Any, Any, Any]: ...


class CertainScores:
    """Scores of entities and pairs that are known: what is among them is certain, and nothing else is probable.

    tags (ndarray): Tag of each token of the packed segments, -1 where it is not known. *Shape:* (tokens,).
    n_tags (int): Number of tags.
    pairs (Iterable[Tuple[int, int, int]]): Pairs as (left token, right token, label), tokens in the packed segments.
    """

    def __init__(self, tags: NDArray[np.int64], n_tags: int, pairs: Iterable[tuple[int, int, int]]):
        self._tags = np.maximum(tags, OUTSIDE)
        self._n_tags = n_tags
        self._labels: dict[tuple[int, int], list[int]] = {}
        for left, right, label in sorted(pairs):
            self._labels.setdefault((left, right), []).append(label)

    def tag_scores(self) -> NDArray[np.floating]:
        """One for the tag of each token, zero for the others. *Shape:* (tokens, tags)."""
        return np.eye(self._n_tags)[self._tags]

    def probable(self, subjects: Any, objects: Any, thresholds: Any) -> tuple[Any, Any, Any]:
        """Find the known labels of given pairs, whatever the thresholds. *Shape:* (found,) each."""
        tokens = enumerate(zip(subjects.tolist(), objects.tolist()))
        found = [(place, label) for place, pair in tokens for label in self._labels.get(pair, ())]
        places, labels = np.asarray(found, dtype=np.int64).reshape(-1, 2).T
        return places, labels, np.ones(len(found), dtype=np.float32)


class GivenEntities:
    """Scores of which the entities are known, and the relations are those of a network.

    entities (CertainScores): The entities: tags, and the pairs of those inside others.
    relations (Scores): The network's scores.
    n_relations (int): How many of the pair labels are relations.
    """

    def __init__(self, entities: CertainScores, relations: Scores, n_relations: int):
        self._entities = entities
        self._relations = relations
        self._n_relations = n_relations

    def tag_scores(self) -> NDArray[np.floating]:
        """Scores of the known tags. *Shape:* (tokens, tags)."""
        return self._entities.tag_scores()

    def probable(self, subjects: Any, objects: Any, thresholds: Any) -> tuple[Any, Any, Any]:
        """Find the network's relations of given pairs, and the entities that are known. *Shape:* (found,) each."""
        is_relation = np.arange(len(thresholds)) < self._n_relations
        found = self._relations.probable(subjects, objects, np.where(is_relation, thresholds, np.inf))
        known = self._entities.probable(subjects, objects, thresholds)
        places, labels, probs = (np.concatenate(parts) for parts in zip(found, known))
        return places, labels, probs


def head_of(start: int, end: int, head: str) -> int:
    """Get the token that stands for a span in a triple: its "last" or "first"."""
    return end - 1 if head == "last" else start


def decode(
    n_docs: int,
    segments: Sequence[Segment],
    scores: Scores,
    blank: NDArray[np.bool_],
    *,
    thresholds: NDArray[np.floating],
    n_relations: int,
    head: str,
    rescue: bool,
) -> list[Prediction]:
    """Read entities and triples.

    Tags give entities that don't overlap. The pair labels from `n_relations` on, if there are any, give the entities
    inside these, of type 0 and so on: their pairs are (last token, first token).

    n_docs (int): Number of Docs in the batch.
    segments (Sequence[Segment]): Their segments.
    scores (Scores): The network's output for them.
    blank (ndarray): Which tokens of the packed segments are white space. *Shape:* (tokens,).
    thresholds (ndarray): Lowest probability of each pair label. *Shape:* (labels,).
    n_relations (int): How many of the pair labels are relations.
    head (str): Token that stands for an entity, "last" or "first". Of two entities that share it, the longer one has
        the triples, and the shorter one is the object of its triples with itself.
    rescue (bool): Whether any token of an entity may stand for it, rather than its head alone.
    RETURNS (List[Prediction]): One for each Doc.
    """
    lengths = [segment.end - segment.start for segment in segments]
    spans = decode_tags(scores.tag_scores(), lengths, blank)
    nested = len(thresholds) > n_relations
    # Only tokens of entities are paired: `tokens` in the packed batch, `places` in their Doc, `owners` in `entities`.
    tokens: list[int] = []
    places: list[int] = []
    owners: list[int] = []
    entities: list[tuple[Segment, TypedSpan]] = []
    predictions = [Prediction([], []) for _ in range(n_docs)]
    kept: set[tuple[int, TypedSpan]] = set()
    sizes, offset = [], 0
    for segment, length, found in zip(segments, lengths, spans):
        n_before = len(tokens)
        for start, end, kind in found:
            head_token = head_of(start, end, head)
            inside = range(start, end) if rescue or nested else (head_token,)
            tokens.extend(offset + token for token in inside)
            places.extend(segment.start + token for token in inside)
            owners.extend([len(entities)] * len(inside))
            span = (start + segment.start, end + segment.start, kind)
            entities.append((segment, span))
            if segment.core_start <= segment.start + head_token < segment.core_end:
                predictions[segment.doc].entities.append(span)
                kept.add((segment.doc, span))
        sizes.append(len(tokens) - n_before)
        offset += length
    i, j = _ordered_pairs(sizes)
    packed = np.asarray(tokens, dtype=np.int64)
    where, labels, probs = scores.probable(packed[i], packed[j], thresholds)
    is_relation = labels < n_relations
    # Spans that a token heads, the longest first.
    by_head: list[list[TypedSpan]] = [[] for _ in tokens]
    for token, place in enumerate(places):
        span = entities[owners[token]][1]
        if rescue or head_of(span[0], span[1], head) == place:
            by_head[token].append(span)
    for pair, label in zip(where[~is_relation].tolist(), labels[~is_relation].tolist()):
        last, first = i[pair], j[pair]
        segment, outer = entities[owners[last]]
        span = (places[first], places[last] + 1, label - n_relations)
        crosses = owners[last] != owners[first] or first > last or blank[tokens[first]] or blank[tokens[last]]
        if not crosses and span[:2] != outer[:2]:
            by_head[last if head == "last" else first].append(span)
            if (segment.doc, outer) in kept and (segment.doc, span) not in kept:
                predictions[segment.doc].entities.append(span)
                kept.add((segment.doc, span))
    best: dict[tuple[int, TypedSpan, TypedSpan, int], float] = {}
    for pair, label, prob in zip(
        where[is_relation].tolist(), labels[is_relation].tolist(), probs[is_relation].tolist()
    ):
        left, right = i[pair], j[pair]
        subjects, objects = (sorted(by_head[token], key=_longest_first) for token in (left, right))
        if not subjects or not objects:
            continue
        subject, object_ = subjects[0], objects[-1 if left == right else 0]
        if subject == object_ and left != right:
            continue
        # Windows that overlap may both see a triple, or see entities that the other one decides otherwise.
        doc = entities[owners[left]][0].doc
        if (doc, subject) in kept and (doc, object_) in kept:
            key = (doc, subject, object_, label)
            best[key] = max(prob, best.get(key, 0.0))
    for (doc, subject, object_, label), prob in sorted(best.items()):
        predictions[doc].triples.append(ScoredTriple(subject, label, object_, prob))
    if nested:
        for prediction in predictions:
            prediction.entities.sort(key=lambda span: (span[0], -span[1]))
    return predictions


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
