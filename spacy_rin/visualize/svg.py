"""Make pictures, and estimate the width of text without a browser."""

import math
import unicodedata
from collections.abc import Callable
from functools import cache
from xml.etree.ElementTree import Element

from ..markup import element

FONT = "Arial, Helvetica, sans-serif"

# Widths of Arial's characters, as shares of the font size.
_WIDTHS = {
    0.19: "'",
    0.22: "ijl",
    0.28: " !,./:;I[\\]ft|",
    0.34: '"()-`r{}',
    0.39: "*",
    0.5: "^Jckvsxyz",
    0.58: "+<=>~",
    0.61: "FTZ",
    0.67: "&ABEKPSVXY",
    0.72: "CDHNRUw",
    0.78: "GOQ",
    0.83: "Mm",
    0.89: "%",
    0.94: "W",
    1.02: "@",
}
_WIDTH_OF = {char: width for width, chars in _WIDTHS.items() for char in chars}
_USUAL, _WIDE = 0.56, 1.0


def picture(
    sides: tuple[float, float, float, float], *content: Element, label: str, style: str, **attributes: str
) -> Element:
    """Make a picture. It is scaled down where the page is narrower.

    Args:
        sides (tuple[float, float, float, float]): Left, top, right and bottom of the picture in pixels.
        *content (Element): What it shows.
        label (str): Description of the picture for screen readers.
        style (str): CSS of its colours and font.
        **attributes (str): Further attributes, see `element`.

    Returns:
        Element: The "svg" element.
    """
    left, top = map(math.floor, sides[:2])
    right, bottom = map(math.ceil, sides[2:])
    return element(
        "svg",
        *content,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=label,
        style=f"{style}; max-width: 100%; height: auto; display: block",
        width=right - left,
        height=bottom - top,
        viewBox=f"{left} {top} {right - left} {bottom - top}",
        **attributes,
    )


def centered(text: str, x: float, y: float, size: float, **attributes: str) -> Element:
    """Make a line of text.

    Args:
        text (str): The text.
        x (float): Its middle.
        y (float): Its baseline.
        size (float): Font size in pixels.
        **attributes (str): Further attributes, see `element`.

    Returns:
        Element: The "text" element.
    """
    return element(
        "text",
        text,
        x=x,
        y=y,
        textLength=text_width(text, size),
        lengthAdjust="spacingAndGlyphs",
        text_anchor="middle",
        font_size=str(size),
        **attributes,
    )


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text. With `textLength`, the browser fits the text to this width.

    Args:
        text (str): The text, in any script.
        size (float): Font size in pixels.

    Returns:
        float: Width in pixels.
    """
    return size * sum(map(_char_width, text))


def shorten(text: str, length: int) -> str:
    """Shorten a text to at most `length` characters, with an ellipsis at the end."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def fit(text_of: Callable[[int], str], length: int, size: float, room: float) -> str:
    """Shorten a text until it is as narrow as its room.

    Args:
        text_of (Callable[[int], str]): Makes the text from names of at most so many characters.
        length (int): Most characters of a name.
        size (float): Font size in pixels.
        room (float): Width of the room in pixels.

    Returns:
        str: The longest text that fits, or that with names of one character if none does.
    """
    while length > 1 and text_width(text_of(length), size) > room:
        length -= 1
    return text_of(length)


@cache
def _char_width(char: str) -> float:
    if char in _WIDTH_OF:
        return _WIDTH_OF[char]
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return _WIDE
    base = unicodedata.normalize("NFD", char)[0]
    return _USUAL if base == char else _char_width(base)
