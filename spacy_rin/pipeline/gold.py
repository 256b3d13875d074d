"""What a network learns from: the annotation of Examples, in the tokens of their predicted Docs. Pure functions."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..model.segments import Segment
from ..relations import get_relations, has_relations
from .decode import head_of
from .tagging import OUTSIDE, Layers, TypedSpan, encode_tags, split_layers

UNKNOWN_TAG = -1

IdTriple = tuple[int, int, int]  # head of the subject, head of the object, relation


class Gold(NamedTuple):
    """What is annotated in an Example. What has no counterpart in the predicted tokens is left out.

    Attributes:
        layers (list[list[TypedSpan]] | None): The entities of each layer, sorted; None if entities are not annotated.
        triples (list[IdTriple] | None): The triples, sorted; None if relations are not annotated.
        unknown (set[tuple[str, str]]): Labels that are not learned: ("entities" or "relations", label).
        joined (Set[tuple[str, str, str]]): Type of the subject, relation and type of the object of the triples.
        missing (Sequence[int]): The tokens of which nobody said whether they are of an entity, sorted.
        extents (Mapping[IdTriple, tuple[int, int]]): For each triple, the first token of its two entities, and the end
            after their last one.
    """

    layers: list[list[TypedSpan]] | None
    triples: list[IdTriple] | None
    unknown: set[tuple[str, str]]
    joined: Set[tuple[str, str, str]] = frozenset()
    missing: Sequence[int] = ()
    extents: Mapping[IdTriple, tuple[int, int]] = MappingProxyType({})


class Targets(NamedTuple):
    """What the loss compares scores of segments with.

    Attributes:
        tags (ndarray): Tag of every token and layer, -1 where it is not known. *Shape:* (tokens, layers).
        triples (ndarray): Subject token, object token and relation, by positions in the packed segments.
            *Shape:* (triples, 3).
        known (list[bool]): Whether the relations of each segment are annotated.
        cut (bool): Whether no segment has both entities of a triple.
        most (int): Highest number of triples in a segment.
    """

    tags: NDArray[np.int64]
    triples: NDArray[np.int64]
    known: list[bool]
    cut: bool
    most: int


def gold_entities(reference: Doc, *, spans_key: str, attr: str) -> list[Span]:
    """Return the annotated entities of a Doc: those of `doc.spans`, of `doc.ents` and of relations.

    Args:
        reference (Doc): The annotated Doc.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        list[Span]: The entities. One may be there several times.
    """
    spans = [*reference.spans.get(spans_key, ()), *reference.ents]
    for relation in get_relations(reference, attr):
        spans += (relation.subject, relation.object)
    return spans


def read_gold(
    example: Example, labels: Mapping[str, Sequence[str]], *, n_layers: int, head: str, spans_key: str, attr: str
) -> Gold:
    """Read the annotation of an Example.

    Args:
        example (Example): The Example.
        labels (Mapping[str, Sequence[str]]): The lists "entities" and "relations", in the order of their ids.
        n_layers (int): Layers of entities.
        head (str): Token that stands for an entity in a triple, "last" or "first".
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        Gold: The annotation.
    """
    reference = example.reference
    align = _aligner(example)
    ids = {kind: {label: i for i, label in enumerate(names)} for kind, names in labels.items()}
    unknown: set[tuple[str, str]] = set()

    def id_of(kind: str, label: str) -> int | None:
        if label not in ids[kind]:
            unknown.add((kind, label))
        return ids[kind].get(label)

    layers: list[list[TypedSpan]] | None = None
    triples: list[IdTriple] | None = None
    joined = set()
    extents: dict[IdTriple, tuple[int, int]] = {}
    annotated = has_relations(reference, attr)
    if annotated or spans_key in reference.spans or reference.has_annotation("ENT_IOB"):
        layers = []
        for spans in split_layers(gold_entities(reference, spans_key=spans_key, attr=attr), n_layers):
            found = [(align(span), id_of("entities", span.label_)) for span in spans]
            layers.append(sorted((*place, kind) for place, kind in found if place is not None and kind is not None))
    if annotated:
        for relation in get_relations(reference, attr):
            label = id_of("relations", relation.label)
            subject, object_ = align(relation.subject), align(relation.object)
            if label is not None and subject is not None and object_ is not None:
                triple = head_of(*subject, head), head_of(*object_, head), label
                extents.setdefault(triple, (min(subject[0], object_[0]), max(subject[1], object_[1])))
                joined.add((relation.subject.label_, relation.label, relation.object.label_))
        triples = sorted(extents)
    return Gold(layers, triples, unknown, joined, _missing(example), extents)


def make_targets(golds: Sequence[Gold], segments: Sequence[Segment], n_layers: int) -> Targets:
    """Cut the annotation of a batch into segments.

    Args:
        golds (Sequence[Gold]): The annotation of each Doc of the batch.
        segments (Sequence[Segment]): The segments of these Docs, packed one after the other.
        n_layers (int): Layers of entities.

    Returns:
        Targets: The targets of the segments.
    """
    tags, known = [np.empty((0, n_layers), np.int64)], []
    triples: list[IdTriple] = []
    whole: list[set[IdTriple]] = [set() for _ in golds]
    offset = most = 0
    for segment in segments:
        gold = golds[segment.doc]
        n_before = len(triples)
        tags.append(_segment_tags(gold, segment, n_layers))
        known.append(gold.triples is not None)
        for triple in _starting_in(segment, gold.triples or []):
            i, j, label = triple
            if segment.start <= j < segment.end:
                shift = offset - segment.start
                triples.append((i + shift, j + shift, label))
            first, last = gold.extents[triple]
            if segment.start <= first and last <= segment.end:
                whole[segment.doc].add(triple)
        most = max(most, len(triples) - n_before)
        offset += segment.end - segment.start
    cut = any(len(gold.triples or ()) > len(found) for gold, found in zip(golds, whole))
    return Targets(np.concatenate(tags), np.asarray(triples, dtype=np.int64).reshape(-1, 3), known, cut, most)


def entities_within(gold: Gold, segment: Segment, n_layers: int) -> Layers:
    """Return the annotated entities of each layer that are wholly in a segment, counted from its first token.

    Args:
        gold (Gold): The annotation of a Doc.
        segment (Segment): A segment of it.
        n_layers (int): Layers of entities.

    Returns:
        Layers: The entities, layer by layer.
    """
    return [
        [
            (start - segment.start, end - segment.start, kind)
            for start, end, kind in _starting_in(segment, spans)
            if end <= segment.end
        ]
        for spans in gold.layers or [[]] * n_layers
    ]


def _missing(example: Example) -> Sequence[int]:
    """Find the predicted tokens for those of the reference whose entity annotation is missing, if others have one."""
    if not example.reference.has_annotation("ENT_IOB"):
        return ()
    missing: list[int] = np.flatnonzero(example.reference.to_array("ENT_IOB") == 0).tolist()
    if not missing or _same_tokens(example):
        return tuple(missing)
    to_predicted = example.alignment.y2x
    return tuple(sorted({int(i) for token in missing for i in to_predicted[token]}))


def _same_tokens(example: Example) -> bool:
    predicted, reference = example.predicted, example.reference
    return len(predicted) == len(reference) and bool((predicted.to_array("ORTH") == reference.to_array("ORTH")).all())


def _aligner(example: Example) -> Callable[[Span], tuple[int, int] | None]:
    """Make a function that finds the tokens of the predicted Doc for a span of the reference."""
    predicted = example.predicted
    if _same_tokens(example):
        return lambda span: (span.start, span.end)

    # As `Example.get_aligned_spans_y2x` does, which would check the alignment of all tokens for each span.
    to_predicted = example.alignment.y2x

    def align(span: Span) -> tuple[int, int] | None:
        tokens = to_predicted[span.start : span.end]
        if not len(tokens):
            return None
        start, end = int(tokens[0]), int(tokens[-1]) + 1
        return (start, end) if _letters(predicted[start:end]) == _letters(span) else None

    return align


def _letters(span: Span) -> str:
    return span.text.lower().strip().replace(" ", "")


def _starting_in(segment: Segment, rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Get those of sorted spans or triples whose first token is in a segment."""
    return rows[bisect_left(rows, (segment.start,)) : bisect_left(rows, (segment.end,))]


def _segment_tags(gold: Gold, segment: Segment, n_layers: int) -> NDArray[np.int64]:
    """Make the tags of a segment. Unknown are all if nothing is annotated, those of entities that it cuts, and those of
    tokens without annotation that are in no entity.

    *Shape:* (tokens of the segment, layers).
    """
    length = segment.end - segment.start
    if gold.layers is None:
        return np.full((length, n_layers), UNKNOWN_TAG)
    missing = np.zeros(length, bool)
    first, last = (bisect_left(gold.missing, place) for place in (segment.start, segment.end))
    missing[[i - segment.start for i in gold.missing[first:last]]] = True
    columns = []
    for spans in gold.layers:
        # In a layer, entities don't overlap, so at most one that begins earlier reaches into the segment.
        first = max(0, bisect_left(spans, (segment.start,)) - 1)
        near = spans[first : bisect_left(spans, (segment.end,))]
        shifted = [(start - segment.start, end - segment.start, kind) for start, end, kind in near]
        column = encode_tags([span for span in shifted if span[0] >= 0 and span[1] <= length], length)
        for start, end, _ in shifted:
            if (start < 0 < end) or (start < length < end):
                column[max(start, 0) : end] = UNKNOWN_TAG
        column[missing & (column == OUTSIDE)] = UNKNOWN_TAG
        columns.append(column)
    return np.stack(columns, 1)
