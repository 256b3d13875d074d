"""What the offsets of an annotation tool count, found by the text that the tool quotes with them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Quote(NamedTuple):
    """A span of a text by its offsets, with the text that the annotation tool quotes for it.

    Attributes:
        pieces (list[tuple[int, int]]): Start and end of each piece, counted as the tool does.
        text (str | None): The text of the pieces, with a space between them; None if the tool does not quote it.
    """

    pieces: list[tuple[int, int]]
    text: str | None


def fit_offsets(text: str, quotes: Sequence[Quote]) -> Sequence[int] | None:
    """Find out what offsets count, by comparing the quotes with the text.

    Offsets can count, tried in this order: characters; UTF-16 code units, as in JavaScript; characters with CR LF as
    one, as in a file whose line ends were changed after it was annotated.

    Args:
        text (str): The text.
        quotes (Sequence[Quote]): The annotated spans.

    Returns:
        Sequence[int] | None: For each offset, the character that it stands for; None if the quotes do not fit,
            whatever the offsets count.
    """
    return next((at for at in _counts(text) if all(fits(text, quote, at) for quote in quotes)), None)


def fits(text: str, quote: Quote, at: Sequence[int] | None = None) -> bool:
    """Whether a text has at the offsets of a quote what is quoted. All white space is taken to be the same.

    Args:
        text (str): The text.
        quote (Quote): The quote.
        at (Sequence[int] | None): For each offset, the character that it stands for; None if offsets are characters.

    Returns:
        bool: Whether the quote fits.
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
