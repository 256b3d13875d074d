"""Pieces of Docs that the network reads at once: sentences, or windows of a text without sentence boundaries."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from spacy.tokens import Doc


class Segment(NamedTuple):
    """Tokens [start, end) of a Doc. Of what overlapping segments both see, each decides its core.

    Attributes:
        doc (int): Position of the Doc in its batch.
        start (int): First token.
        end (int): Last token + 1.
        core_start (int): First token that this segment decides.
        core_end (int): Last token that it decides + 1.
    """

    doc: int
    start: int
    end: int
    core_start: int
    core_end: int


def segment_docs(docs: Sequence[Doc], max_length: int, overlap: int) -> list[Segment]:
    """Cut Docs into segments: their sentences if they have any, and windows of what is longer than a segment may be.

    Args:
        docs (Sequence[Doc]): The documents.
        max_length (int): Tokens of a segment at the most.
        overlap (int): Tokens that neighbouring windows share; less than `max_length`.

    Returns:
        list[Segment]: The segments in order; none for an empty Doc.
    """
    segments: list[Segment] = []
    for index, doc in enumerate(docs):
        if doc.has_annotation("SENT_START"):
            bounds = [(sent.start, sent.end) for sent in doc.sents]
        else:
            bounds = [(0, len(doc))] if len(doc) else []
        for start, end in bounds:
            segments.extend(_windows(index, start, end, max_length, overlap))
    return segments


def _windows(index: int, start: int, end: int, max_length: int, overlap: int) -> Iterator[Segment]:
    core_start, left = start, start
    while end - left > max_length:
        right = left + max_length
        core_end = right - overlap // 2
        yield Segment(index, left, right, core_start, core_end)
        core_start, left = core_end, right - overlap
    yield Segment(index, left, end, core_start, end)
