"""Colours of pictures, for dark and light pages, and what can be read on what.

Lightness and distances are those of OKLab (Björn Ottosson 2020), contrast is that of WCAG 2.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from spacy.displacy.render import DEFAULT_LABEL_COLORS
from spacy.util import registry

from ..markup import color_scheme
from .content import Content, Options

LEAST_CONTRAST = 4.5  # of text with what is behind it
LEAST_DISTANCE, CLEAR_DISTANCE = 0.05, 0.1  # of the colours of two labels; 0.02 can just be seen

Vector = NDArray[np.float64]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


class Paint(NamedTuple):
    """A CSS colour for light pages, and one for dark pages."""

    light: str
    dark: str


TEXT, BACKGROUND = Paint("#1a202c", "#e8ebf1"), Paint("#ffffff", "#15181e")
QUIET, BORDER = Paint("#4a5568", "#aab4c3"), Paint("#0000003b", "#ffffff4d")


def contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours, from 1 to 21.

    Args:
        one (str): A colour, #rrggbb or #rgb.
        other (str): The other one.

    Returns:
        float: The contrast.
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Compute the relative luminance of a colour, from 0 to 1."""
    return float(_linear(color) @ _LUMINANCE)


def distance(one: Paint, other: Paint) -> float:
    """Compute how different two paints look, on light pages or on dark pages, whichever is less.

    Colours in other forms than #rrggbb and #rgb count as different from all others.
    """
    pairs = [pair for pair in zip(one, other) if all(map(is_hex, pair))]
    return min((float(np.linalg.norm(to_lab(a) - to_lab(b))) for a, b in pairs), default=np.inf)


def is_hex(color: str) -> bool:
    """Check whether a colour has the form #rrggbb or #rgb."""
    return re.fullmatch("#(?:[0-9a-fA-F]{3}){1,2}", color) is not None


@cache
def to_lab(color: str) -> Vector:
    """Convert a colour to lightness, green to red, and blue to yellow. *Shape:* (3,)."""
    lab: Vector = _TO_LAB @ np.cbrt(_TO_LMS @ _linear(color))
    return lab


def from_lab(lab: Vector) -> str:
    """Convert lightness, green to red, and blue to yellow to a colour. If there is none, it is made greyer."""
    for share in np.linspace(1.0, 0.0, 51):
        linear = np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_LAB, lab * (1.0, share, share)) ** 3)
        if (linear >= -1e-4).all() and (linear <= 1 + 1e-4).all():
            break
    linear = np.clip(linear, 0.0, 1.0)
    levels = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{level:02x}" for level in np.rint(255 * levels).astype(int))


def _linear(color: str) -> Vector:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    levels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear: Vector = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return linear


def _tone(hue: float, lightness: float, chroma: float) -> str:
    return from_lab(np.array([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))]))


def _mirror(light: str) -> Paint:
    """Add the colour for dark pages: of the same hue, and the darker, the lighter the other one is."""
    lightness, *hue = to_lab(light)
    return Paint(light, from_lab(np.array([1.27 - lightness, *hue])))


def _wheel(*tones: tuple[float, float]) -> list[Paint]:
    """Make twelve paints around the wheel of hues, in tones of a lightness and a chroma that take turns."""
    return [_mirror(_tone(15 + 30 * i, *tones[i % len(tones)])) for i in range(12)]


BOXES, LINES = _wheel((0.91, 0.075), (0.81, 0.12)), _wheel((0.53, 0.16), (0.4, 0.12))


class Palette:
    """The colours of the pictures that are drawn together.

    A label has one colour in all of them. Up to twelve types of entities look different from each other, and so do up
    to twelve relations.

    Args:
        contents (Sequence[Content]): What the pictures show.
        options (Options): The options. A background with a known colour decides the theme.

    Attributes:
        background (Paint): The background.
        text (Paint): Text on the background.
        quiet (Paint): Less important text on the background.
    """

    def __init__(self, contents: Sequence[Content], options: Options):
        self._theme = options.theme
        self.background = BACKGROUND if options.bg == "auto" else Paint(options.bg, options.bg)
        if is_hex(options.bg):
            self._theme = min(("light", "dark"), key=lambda theme: contrast(options.bg, getattr(BACKGROUND, theme)))
        self.text = Paint(options.color, options.color)
        if options.color == "auto":
            self.text = _readable(TEXT, self.background)
        self.quiet = _readable(QUIET, self.background, instead=self.text)
        types = {entity.label for content in contents for entity in content.entities}
        relations = {arc.label for content in contents for arc in content.arcs}
        self._boxes = _choose(types, BOXES, options.colors, _known_colors())
        self._lines = _choose(relations, LINES, options.colors, {})

    def box(self, label: str) -> Paint:
        """Get the colour of an entity type."""
        return self._boxes[label]

    def line(self, label: str) -> Paint:
        """Get the colour of a relation."""
        return self._lines[label]

    def line_text(self, label: str) -> Paint:
        """Get the colour of text on the background that belongs to a relation: its own, if that can be read."""
        line = self._lines[label]
        return _readable(line, self.background, instead=self.text) if all(map(is_hex, line)) else self.text

    def on_box(self, label: str, style: str = "") -> dict[str, str]:
        """Make the attributes of text on the box of an entity type."""
        box, text = self._boxes[label], self.text if all(map(is_hex, self.text)) else TEXT
        if all(map(is_hex, box)):
            return self.paint(fill=_readable(text, box), style=style)
        # Nobody knows what can be read on this colour, so the text brings its own background.
        attributes = self.paint(fill=text, stroke=_readable(BACKGROUND, text), style=style)
        return {**attributes, "stroke_width": "3", "stroke_linejoin": "round", "paint_order": "stroke"}

    def paint(self, *, style: str = "", **paints: Paint) -> dict[str, str]:
        """Make attributes of an SVG element.

        Args:
            style (str): Further CSS.
            **paints (Paint): Paints of its parts, "fill" and "stroke".

        Returns:
            dict[str, str]: The attributes.
        """
        attributes, styles = {}, [style] if style else []
        for name, paint in paints.items():
            attributes[name] = paint.dark if self._theme == "dark" else paint.light
            if self._theme == "auto" and paint.light != paint.dark:
                # Programs that don't know light-dark() use the attribute.
                styles.append(f"{name}: light-dark({paint.light}, {paint.dark})")
        return {**attributes, "style": "; ".join(styles)} if styles else attributes

    def css(self, font: str) -> str:
        """Make the CSS of a picture or a page: its colour scheme, background and font."""
        light, dark = self.background
        if self._theme != "auto":
            background = dark if self._theme == "dark" else light
        else:
            # Programs that don't know light-dark() use the first one.
            background = light + (f"; background: light-dark({light}, {dark})" if light != dark else "")
        return f"color-scheme: {color_scheme(self._theme)}; background: {background}; font-family: {font}"


def _readable(paint: Paint, on: Paint, instead: Paint | None = None) -> Paint:
    """Replace what can't be read on a paint, by black or white if nothing else is given."""
    sides = []
    for color, behind, other in zip(paint, on, instead or ("", "")):
        if all(map(is_hex, (color, behind))) and contrast(color, behind) < LEAST_CONTRAST:
            color = other or max("#000000", "#ffffff", key=lambda extreme: contrast(extreme, behind))
        sides.append(color)
    return Paint(*sides)


def _choose(
    labels: Iterable[str], wheel: Sequence[Paint], own: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, Paint]:
    """Choose a paint for each label, different from those of the others as long as there are enough.

    Args:
        labels (Iterable[str]): The labels.
        wheel (Sequence[Paint]): Paints to choose from. A label begins its search at a place that depends on its name.
        own (Mapping[str, str]): Colours that the user wants.
        known (Mapping[str, str]): Usual colours, by labels in capital letters. The first ones are kept most often.

    Returns:
        dict[str, Paint]: The paints by label.
    """
    chosen = {label: Paint(own[label], own[label]) for label in sorted(labels) if own.get(label)}
    ranks = {label: rank for rank, label in enumerate(known)}
    for label in sorted(set(labels) - set(chosen), key=lambda label: (ranks.get(label.upper(), len(ranks)), label)):
        usual = known.get(label.upper(), "")
        paint = _mirror(usual) if is_hex(usual) else Paint(usual, usual)
        if not usual or _nearest(paint, chosen) < LEAST_DISTANCE:
            first = crc32(label.encode("utf8")) % len(wheel)
            choices = [*wheel[first:], *wheel[:first]]
            # The first that is far from the others, or the farthest.
            paint = max(choices, key=lambda choice: min(_nearest(choice, chosen), CLEAR_DISTANCE))
        chosen[label] = paint
    return chosen


def _nearest(paint: Paint, chosen: Mapping[str, Paint]) -> float:
    return min((distance(paint, other) for other in chosen.values()), default=np.inf)


def _known_colors() -> dict[str, str]:
    """Get the colours of displaCy, and those that packages have registered for it."""
    known = dict(DEFAULT_LABEL_COLORS)
    for colors in registry.displacy_colors.get_all().values():
        known.update(colors() if callable(colors) else colors)
    # SVG has no gradients in the place of colours.
    return {label: color for label, color in known.items() if "gradient" not in color}
