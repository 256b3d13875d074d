"""Pieces of Docs that the network reads at once: sentences or whole texts, and windows of what is too long."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

CONTEXTS = ("sentence", "text")

_SENTENCIZER = Sentencizer()
_LINE = re.compile(r"[^\r\n]+")
_BULLET = re.compile(r"\s*(?:[-–—*+•·▪◦‣]|\(?\d{1,3}[.)])\s+(?P<first>\S)")
# Lines of running text are longer than this, unless they end a paragraph.
_SHORT = 60


class Context(NamedTuple):
    """Tokens [start, end) of a Doc that are read as if they stood alone.

    Attributes:
        doc (int): Position of the Doc in its batch.
        start (int): First token.
        end (int): Last token + 1.
    """

    doc: int
    start: int
    end: int


class Segment(NamedTuple):
    """Tokens [start, end) of a Doc that are paired with each other. Where segments overlap, a token is decided by the
    one whose core it is in.

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


def find_sentences(doc: Doc) -> list[tuple[int, int]]:
    """Find the sentences of a Doc. If it has no sentence boundaries, rules find them: spaCy's sentencizer, blank lines,
    and the lines of lists, tables and headings. The Doc is not changed.

    Args:
        doc (Doc): The Doc.

    Returns:
        list[tuple[int, int]]: First token and last token + 1 of each sentence, in order; none if the Doc is empty.
    """
    if doc.has_annotation("SENT_START"):
        return [(sent.start, sent.end) for sent in doc.sents]
    if not len(doc):
        return []
    begins = np.asarray(_SENTENCIZER.predict([doc])[0], dtype=bool)
    begins[0] = True
    for i in np.flatnonzero(doc.to_array("IS_SPACE")[:-1]):
        if doc[int(i)].text.count("\n") > 1:
            begins[i + 1] = True
    if places := list(_find_items(doc.text)):
        offsets = np.array([token.idx for token in doc])
        begins[np.flatnonzero(np.isin(offsets, places))] = True
    starts = np.flatnonzero(begins).tolist()
    return list(zip(starts, [*starts[1:], len(doc)]))


def _find_items(text: str) -> Iterator[int]:
    """Find where lines begin that do not go on with the line before: items of lists, rows of tables, addresses.

    These are lines with a bullet or a number; and all lines of a block between blank lines, if each is short and begins
    with a capital letter or a sign.
    """
    for block in _find_blocks(text):
        bullets = [line for line in block if (found := _BULLET.match(line[0])) and not found["first"].islower()]
        items = bullets
        if not bullets and all(len(line[0]) < _SHORT for line in block[:-1]) and all(map(_begins_anew, block)):
            items = block
        yield from (line.end() - len(line[0].lstrip()) for line in items)


def _find_blocks(text: str) -> Iterator[list[re.Match[str]]]:
    """Yield the lines between blank lines, together."""
    block: list[re.Match[str]] = []
    for line in _LINE.finditer(text):
        is_blank = not line[0].strip()
        if block and (is_blank or text.count("\n", block[-1].end(), line.start()) > 1):
            yield block
            block = []
        if not is_blank:
            block.append(line)
    if block:
        yield block


def _begins_anew(line: re.Match[str]) -> bool:
    bullet = _BULLET.match(line[0])
    first = bullet["first"] if bullet else line[0].lstrip()[0]
    return first.isupper() or not first.isalpha()


def number_sentences(doc: Doc) -> NDArray[np.int64]:
    """Number the sentences of a Doc, see `find_sentences`.

    Args:
        doc (Doc): The Doc.

    Returns:
        ndarray: For each token, the number of its sentence. *Shape:* (tokens,).
    """
    lengths = [end - start for start, end in find_sentences(doc)]
    return np.repeat(np.arange(len(lengths)), lengths)


def find_contexts(docs: Sequence[Doc], context: str | None) -> list[Context]:
    """Find what is read as if it stood alone.

    Args:
        docs (Sequence[Doc]): The Docs.
        context (str | None): "sentence" for each sentence, "text" or None for each whole Doc.

    Returns:
        list[Context]: The contexts, in order; none for an empty Doc.
    """
    if context == "sentence":
        return [Context(i, *bounds) for i, doc in enumerate(docs) for bounds in find_sentences(doc)]
    return [Context(i, 0, len(doc)) for i, doc in enumerate(docs) if len(doc)]


def cut_windows(context: Context, max_length: int, overlap: int) -> Iterator[Segment]:
    """Cut a context into segments: one, or overlapping windows if it is too long for that.

    Args:
        context (Context): The context.
        max_length (int): Highest number of tokens of a segment.
        overlap (int): Number of tokens that neighbouring windows share; less than `max_length`.

    Yields:
        Segment: The segments, in order.
    """
    index, start, end = context
    core_start, left = start, start
    while end - left > max_length:
        right = left + max_length
        core_end = right - overlap // 2
        yield Segment(index, left, right, core_start, core_end)
        core_start, left = core_end, right - overlap
    yield Segment(index, left, end, core_start, end)
