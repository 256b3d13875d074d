"""Build HTML and SVG from elements, so that text from outside never becomes markup."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from .errors import Errors, SettingError

# The value of CSS's `color-scheme`. "auto" is the scheme that the reader prefers (`prefers-color-scheme`).
THEMES = {"auto": "light dark", "light": "light", "dark": "dark"}

# XML forbids many control characters and half pairs of UTF-16, and readers can't see the others.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def element(tag: str, *content: str | Element, **attributes: str | float) -> Element:
    """Make an element. Its text and attributes are escaped when it is written.

    Args:
        tag (str): Its name.
        *content (str | Element): Its content, in order.
        **attributes (str | float): Its attributes. "_" in a name becomes "-", a "_" at either end is removed, and
            fractions are rounded to one decimal.

    Returns:
        Element: The element.
    """
    made = Element(tag, {name.strip("_").replace("_", "-"): _value(value) for name, value in attributes.items()})
    for part in content:
        if not isinstance(part, str):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + printable(part)
        else:
            made.text = (made.text or "") + printable(part)
    return made


def to_svg(root: Element) -> str:
    """Write an element as SVG, for a file or for the inside of an HTML page."""
    return ElementTree.tostring(root, encoding="unicode")


def to_html(root: Element) -> str:
    """Write an element as HTML. The content of a "style" element is written as it is."""
    return ElementTree.tostring(root, encoding="unicode", method="html")


def color_scheme(theme: str) -> str:
    """Get the value of CSS's `color-scheme` for a theme.

    Args:
        theme (str): "light", "dark", or "auto": the scheme that the reader prefers.

    Returns:
        str: The value.

    Raises:
        SettingError: R010 for another theme.
    """
    if theme not in THEMES:
        raise SettingError(Errors.R010, name="theme", expected=f"one of {', '.join(THEMES)}", value=theme)
    return THEMES[theme]


def printable(text: str) -> str:
    """Replace characters that markup can't contain with the replacement character."""
    return _CONTROL.sub("\ufffd", text)


def _value(value: str | float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else printable(str(value))
