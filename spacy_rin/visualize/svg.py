"""Make SVG elements, and estimate the width of text without a browser."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zlib import crc32

from ..characters import printable

FONT = "Arial, Helvetica, sans-serif"
# Pale colours are for areas behind text, dark ones for lines and for text on white.
PALE = ("#c5d8f7", "#f9d5b4", "#c9e7c4", "#f6c9d4", "#dccff0", "#f4e6a6", "#bfe6e4", "#e0d3c3")
DARK = ("#2b5c9e", "#a5561a", "#2f7d3b", "#a3304f", "#6a47a8", "#7f6a08", "#1b7a78", "#6b5137")

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


def element(parent: Element, tag: str, text: str = "", **attributes: str | float) -> Element:
    """Add an element to a parent element. ElementTree escapes text and attributes.

    Args:
        parent (Element): The parent element.
        tag (str): Name of the new element.
        text (str): Its text.
        **attributes (str | float): Its attributes. "_" in a name becomes "-", a "_" at either end is removed, and
            numbers are rounded to one decimal.

    Returns:
        Element: The new element.
    """
    child = ElementTree.SubElement(parent, tag, _plain(attributes))
    if text:
        child.text = printable(text)
    return child


def picture(
    sides: tuple[float, float, float, float], *, label: str, background: str, font: str, **attributes: str
) -> Element:
    """Make an empty picture. It is scaled down where the page is narrower.

    Args:
        sides (tuple[float, float, float, float]): Left, top, right and bottom of the picture in pixels.
        label (str): Description of the picture for screen readers.
        background (str): CSS colour of the background.
        font (str): CSS font family.
        **attributes (str): Further attributes, see `element`.

    Returns:
        Element: The "svg" element.
    """
    left, top, right, bottom = map(round, sides)
    width, height = str(right - left), str(bottom - top)
    size = {"viewBox": f"{left} {top} {width} {height}", "width": width, "height": height}
    style = f"background: {background}; font-family: {font}; max-width: 100%; height: auto; display: block"
    names = {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": printable(label), "style": style}
    return Element("svg", {**names, **size, **_plain(attributes)})


def markup(root: Element) -> str:
    """Convert an element to SVG or HTML markup."""
    return ElementTree.tostring(root, encoding="unicode")


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


def pick(colors: tuple[str, ...], label: str) -> str:
    """Choose the colour of a label. A label has the same colour in every picture."""
    return colors[crc32(label.encode("utf8")) % len(colors)]


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


def _plain(attributes: Mapping[str, str | float]) -> dict[str, str]:
    return {
        name.strip("_").replace("_", "-"): printable(value) if isinstance(value, str) else f"{value:.1f}"
        for name, value in attributes.items()
    }
