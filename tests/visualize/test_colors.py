"""Colours: text can be read on what is behind it, and labels can be told apart."""

import re
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.displacy.render import DEFAULT_LABEL_COLORS
from spacy.tokens import Span
from spacy.vocab import Vocab

from spacy_rin.relations import set_relations
from spacy_rin.visualize import render
from spacy_rin.visualize.colors import BOXES, LINES, Paint, Palette, contrast, distance, from_lab, is_hex, to_lab
from spacy_rin.visualize.content import Options, content_of

from .support import SVG, make_doc, make_words, of_class, sides

USUAL = sorted(DEFAULT_LABEL_COLORS)
LABELS = st.lists(st.sampled_from(USUAL) | st.text("abc_", min_size=1, max_size=4), max_size=12, unique_by=str.upper)


def palette(types: Any, relations: Any = (), **options: Any) -> Palette:
    """The colours of a picture with the given labels."""
    doc = make_words(Vocab(), [f"w{i}" for i in range(len(types) + 1)])
    spans = [Span(doc, i, i + 1, label=label) for i, label in enumerate([*types, "X"])]
    doc.spans["rin"] = spans[: len(types)]
    loops = [(spans[0], label, spans[0]) for label in relations]
    set_relations(doc, loops if types else [])
    checked = Options.of(options)
    return Palette([content_of(doc, checked)], checked)


def test_contrast() -> None:
    """The values of WCAG: its extremes, and a grey whose luminance is ((118 / 255 + 0.055) / 1.055)^2.4."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1
    assert contrast("#fff", "#767676") == pytest.approx(1.05 / (((118 / 255 + 0.055) / 1.055) ** 2.4 + 0.05))


def test_oklab() -> None:
    """White and black are the ends of the lightness, and colours come back."""
    assert to_lab("#ffffff") == pytest.approx([1, 0, 0], abs=1e-3) and to_lab("#000") == pytest.approx([0, 0, 0])
    assert to_lab("#ff0000") == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    for color in (*DEFAULT_LABEL_COLORS.values(), "#123456", "#ff0000"):
        assert from_lab(to_lab(color)) == color
    assert is_hex(from_lab(to_lab("#00ff00") * (1, 3, 3)))  # no screen shows that


def test_wheels_are_twelve_colors_that_differ() -> None:
    for wheel in (BOXES, LINES):
        assert len(wheel) == 12
        assert min(distance(one, other) for one, other in combinations(wheel, 2)) > 0.05


@given(types=LABELS, relations=LABELS)
@settings(max_examples=30, deadline=None)
def test_up_to_twelve_labels_look_different(types: Any, relations: Any) -> None:
    """On light and on dark pages. A distance of 0.02 in OKLab can just be seen."""
    colors = palette(types, relations if types else ())
    for paints in ([colors.box(label) for label in types], [colors.line(label) for label in relations if types]):
        assert all(distance(one, other) >= 0.05 for one, other in combinations(paints, 2))


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
@pytest.mark.parametrize("bg", ["auto", "#ffffff", "#808080", "#223344", "transparent"])
def test_text_has_contrast(theme: str, bg: str) -> None:
    """Of all labels, usual or not, with what is behind their text."""
    labels = [*USUAL, *(f"T{i}" for i in range(30))]
    own = {"T1": "#102040", "T2": "#777777", "T3": "#ffee00", "T4": "#f00"}
    colors = palette(labels, labels, theme=theme, bg=bg, colors=own)
    behind = colors.background if is_hex(bg) else Paint("#ffffff", "#15181e")
    scheme = colors.css("Arial").split("; ")[0].removeprefix("color-scheme: ")
    for side in {"light dark": (0, 1), "light": (0,), "dark": (1,)}[scheme]:
        for label in labels:
            assert contrast(both(colors.on_box(label))[side], colors.box(label)[side]) >= 4.5, label
            if bg != "transparent":
                assert contrast(colors.line_text(label)[side], behind[side]) >= 4.5, label
        assert contrast(colors.text[side], behind[side]) >= 4.5
        assert contrast(colors.quiet[side], behind[side]) >= 4.5


def both(attributes: Any) -> Any:
    """The colours of a fill on light and on dark pages."""
    found = re.search(r"fill: light-dark\((.+?), (.+?)\)", attributes.get("style", ""))
    return found.groups() if found else (attributes["fill"],) * 2


def test_text_on_unknown_colors_has_a_background_of_its_own() -> None:
    attributes = palette(["A"], colors={"A": "navy"}).on_box("A")
    assert attributes["paint_order"] == "stroke"
    assert contrast(attributes["fill"], attributes["stroke"]) >= 4.5


@pytest.mark.parametrize("style", ["rel", "graph"])
def test_themes(style: str) -> None:
    """The picture for everybody has the colours of both others; only it asks what the reader prefers."""
    doc = make_doc("Ada founded Orbix.", [("Ada", "PERSON"), ("Orbix", "FIRM")], [(0, "founded", 1, 0.9)])
    auto, light, dark = (render(doc, style, options={"theme": theme}) for theme in ("auto", "light", "dark"))
    assert auto == render(doc, style) and "color-scheme: light dark" in auto
    assert "light-dark" not in light + dark and "color-scheme: dark" in dark
    trees = [list(ElementTree.fromstring(markup).iter()) for markup in (auto, light, dark)]
    n_fills = 0
    for one, other, third in zip(*trees, strict=True):
        if one.get("fill", "none") != "none":
            assert both(one.attrib) == (other.get("fill"), third.get("fill"))
            assert one.get("fill") == other.get("fill")  # for programs that know no colour schemes
            n_fills += other.get("fill") != third.get("fill")
    assert n_fills >= 8
    page = render(doc, style, page=True, options={"theme": "dark"})
    assert '<html style="color-scheme: dark; background: #15181e' in page


def test_background_decides_the_theme() -> None:
    doc = make_doc("Ada left.", [("Ada", "PERSON")], [])
    assert "color-scheme: dark; background: #223344" in render(doc, options={"bg": "#223344"})
    assert "color-scheme: light; background: #fefefe" in render(doc, options={"bg": "#fefefe", "theme": "dark"})


def test_pictures_that_are_drawn_together_have_the_same_colors() -> None:
    docs = [
        make_doc(f"{name} left.", [(name, label)], []) for name, label in (("Ada", "B"), ("Tom", "A"), ("Kim", "B"))
    ]
    fills = [rect.get("fill") for svg in render(docs).split("</svg>")[:-1]
             for rect in of_class(ElementTree.fromstring(svg + "</svg>"), "rin-entity")]  # fmt: skip
    assert fills[0] == fills[2] != fills[1]


def test_text_on_the_innermost_box() -> None:
    """Where boxes lie on each other, text has contrast with the one on top."""
    doc = make_doc("The University of York opened.", [("University of York", "A"), ("York", "B")], [])
    root = ElementTree.fromstring(render(doc, options={"colors": {"A": "#101010", "B": "#f0f0f0"}, "theme": "light"}))
    fills = {text.text.strip(): text.get("fill") for text in of_class(root, "rin-text")}
    assert contrast(fills["University of"], "#101010") >= 4.5 and contrast(fills["York"], "#f0f0f0") >= 4.5
    assert len([sides(rect) for rect in root.iter(f"{SVG}rect")]) == 2
