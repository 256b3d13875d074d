"""Offsets that quote the text they stand for, by which one tells what they count."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Quote(NamedTuple):
    """A stretch of text by its offsets, and what the annotation tool says it reads.

    Attributes:
        pieces (list[tuple[int, int]]): Start and end of each of its pieces, in the units of the tool.
        text (str | None): What the pieces read, joined by spaces; None if the tool doesn't say.
    """

    pieces: list[tuple[int, int]]
    text: str | None


def fit_offsets(text: str, quotes: Sequence[Quote]) -> Sequence[int] | None:
    """Find out what offsets count: the first of characters, UTF-16 units (as JavaScript has it), and characters with
    a line end of two as one (as of a file that got other line ends after it was annotated) by which all quotes fit.

    Args:
        text (str): The text.
        quotes (Sequence[Quote]): What was annotated.

    Returns:
        Sequence[int] | None: The character of each offset; None if the quotes fit by no count.
    """
    return next((at for at in _counts(text) if all(fits(text, quote, at) for quote in quotes)), None)


def fits(text: str, quote: Quote, at: Sequence[int] | None = None) -> bool:
    """Tell whether a quote is what the text reads there, any white space being as good as another.

    Args:
        text (str): The text.
        quote (Quote): The quote.
        at (Sequence[int] | None): The character of each offset; None if offsets are characters.

    Returns:
        bool: Whether it is.
    """
    at = range(len(text) + 1) if at is None else at
    if not all(0 <= start < end < len(at) for start, end in quote.pieces):
        return False
    found = " ".join(text[at[start] : at[end]] for start, end in quote.pieces)
    return quote.text is None or _SPACE.sub(" ", found) == _SPACE.sub(" ", quote.text)


_SPACE = re.compile(r"\r\n|\s")


def _counts(text: str) -> Iterable[Sequence[int]]:
    yield range(len(text) + 1)
    yield [i for i, char in enumerate(text) for _ in range(1 + (ord(char) > 0xFFFF))] + [len(text)]
    yield [i for i in range(len(text)) if text[i - 1 : i + 1] != "\r\n"] + [len(text)]
