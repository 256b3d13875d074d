"""Texts to draw, and what tests read from pictures."""

import re
from typing import Any
from xml.etree import ElementTree

import spacy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_rin.relations import set_relations

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?[\d.]+")
CURIE = (
    "Marie Curie was born in Warsaw. She studied at the University of Paris, where she met Pierre Curie, whom she "
    "married in 1895. The laboratory that they had built in a shed became famous all over the world as the place "
    "where radium had first been isolated by the woman who was to found the Radium Institute in Paris."
)


def make_doc(text: str, entities: Any, relations: Any, lang: Any = "en", pipes: Any = ()) -> Any:
    """Make a Doc: entities as (text, label), relations as (index, label, index, score)."""
    nlp = spacy.blank(lang)
    for name in pipes:
        nlp.add_pipe(name)
    doc = nlp(text)
    spans = []
    for name, label in entities:
        span = doc.char_span(text.index(name), text.index(name) + len(name), label=label)
        assert span is not None, name
        spans.append(span)
    doc.spans["rin"] = spans
    set_relations(doc, [(spans[s], label, spans[o], score) for s, label, o, score in relations])
    return doc


def make_words(vocab: Vocab, words: Any) -> Doc:
    return Doc(vocab, words=words)


def parse(markup: Any) -> Any:
    root = ElementTree.fromstring(markup)
    assert root.tag == f"{SVG}svg"
    return root


def of_class(root: Any, name: str) -> Any:
    return [element for element in root.iter() if element.get("class") == name]


def shown_text(root: Any) -> Any:
    return "".join(text.text for text in of_class(root, "rin-text"))


def number(element: Any, name: str) -> Any:
    return float(element.get(name))


def sides(rect: Any) -> Any:
    x, y = number(rect, "x"), number(rect, "y")
    return x, x + number(rect, "width"), y, y + number(rect, "height")


def overlap(one: Any, other: Any) -> Any:
    return min(one[1], other[1]) - max(one[0], other[0]) > 0.2 and min(one[3], other[3]) - max(one[2], other[2]) > 0.2


def frames(root: Any) -> Any:
    found = {}
    for rect in of_class(root, "rin-entity"):
        found.setdefault(rect.get("data-entity"), []).append(rect)
    return found


def ends(group: Any) -> Any:
    """Where an arc leaves, and where its arrowhead points; None for the end that a half doesn't have."""
    path = next(path for path in group.iter(f"{SVG}path") if path.get("class") is None).get("d")
    heads = of_class(group, "rin-arrowhead")
    start = [float(x) for x in NUMBER.findall(path)[:2]] if " V" in path.split("Q")[0] else None
    return start, [float(x) for x in NUMBER.findall(heads[0].get("d"))[:2]] if heads else None


def touches(point: Any, rects: Any) -> Any:
    """Whether a point is on the upper side of a frame."""
    return any(
        left - 0.2 <= point[0] <= right + 0.2 and abs(point[1] - top) < 0.2 for left, right, top, _ in map(sides, rects)
    )
