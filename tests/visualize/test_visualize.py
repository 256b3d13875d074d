"""Pictures: nothing is missing from them, nothing gets out of its text, and arcs end where they should."""

import re
import sys
import time
from dataclasses import fields
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy import displacy
from spacy.displacy.render import DEFAULT_ENTITY_COLOR, DEFAULT_LABEL_COLORS
from spacy.tokens import Doc, Span

import spacy_rin
from spacy_rin.markup import printable
from spacy_rin.relations import register_relations, set_relations
from spacy_rin.visualize import render
from spacy_rin.visualize.content import Options
from spacy_rin.visualize.svg import text_width

from .support import (
    CURIE,
    NUMBER,
    SVG,
    ends,
    frames,
    make_doc,
    number,
    of_class,
    overlap,
    parse,
    shown_text,
    sides,
    touches,
)


@pytest.fixture
def crossing() -> Any:
    """Arcs that cross, form circles, are parallel, and start where they end."""
    names = [("Ada Brook", "PERSON"), ("Tom Hale", "PERSON"), ("Orbix", "ORG"), ("Nimbus", "ORG"), ("Larne", "PLACE")]
    relations = [
        (0, "founded", 2, 0.9), (1, "founded", 3, 0.8), (0, "leads", 2, 0.7), (2, "based_in", 4, 0.6),
        (3, "based_in", 4, 0.61), (4, "home_of", 2, 0.55), (1, "born_in", 4, 0.93), (0, "married_to", 1, 0.5),
        (1, "married_to", 0, 0.51), (2, "owns", 2, 0.52),
    ]  # fmt: skip
    return make_doc("Ada Brook and Tom Hale founded Orbix and Nimbus in Larne.", names, relations)


@pytest.fixture
def curie() -> Any:
    """A text of several rows."""
    names = [
        ("Marie Curie", "PERSON"), ("Warsaw", "PLACE"), ("University of Paris", "ORG"), ("Pierre Curie", "PERSON"),
        ("Radium Institute", "ORG"),
    ]  # fmt: skip
    relations = [(0, "born_in", 1, 0.99), (0, "studied_at", 2, 0.97), (3, "spouse", 0, 0.94), (0, "founded", 4, 0.7)]
    return make_doc(CURIE, names, relations)


def test_arcs_go_from_subjects_to_objects(crossing: Any) -> None:
    root = parse(render(crossing))
    entities, groups = frames(root), of_class(root, "rin-relation")
    assert [rects[0].get("data-label") for rects in entities.values()] == ["PERSON", "PERSON", "ORG", "ORG", "PLACE"]
    drawn = {(int(g.get("data-subject")), g.get("data-label"), int(g.get("data-object"))) for g in groups}
    assert len(groups) == 10 and drawn == {
        (0, "founded", 2), (1, "founded", 3), (0, "leads", 2), (2, "based_in", 4), (3, "based_in", 4),
        (4, "home_of", 2), (1, "born_in", 4), (0, "married_to", 1), (1, "married_to", 0), (2, "owns", 2),
    }  # fmt: skip
    starts_and_ends = set()
    for group in groups:
        start, end = ends(group)
        assert touches(start, entities[group.get("data-subject")])
        assert touches(end, entities[group.get("data-object")])
        starts_and_ends |= {tuple(start), tuple(end)}
    assert len(starts_and_ends) == 20  # no two arcs share an end
    assert sorted(label.text for label in of_class(root, "rin-label"))[:2] == ["based_in 0.60", "based_in 0.61"]


def test_labels_of_arcs_do_not_overlap(crossing: Any, curie: Any) -> None:
    for doc in (crossing, curie):
        root = parse(render(doc))
        boxes = [sides(rect) for group in of_class(root, "rin-relation") for rect in group.iter(f"{SVG}rect")]
        assert len(boxes) >= 5
        assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
        width = number(root, "width")
        assert all(left >= -2 and right <= width + 2 for left, right, *_ in boxes)


def test_labels_give_way_to_arcs() -> None:
    """The middle of the lower of two arcs that cross is where the other one begins."""
    names = [("Adam", "PERSON"), ("Cleo", "PERSON"), ("Emma", "PERSON"), ("Zoey", "PERSON")]
    doc = make_doc(
        "Adam and old Cleo and old Emma and very very old Zoey.", names, [(0, "knows", 2, 1), (1, "met", 3, 1)]
    )
    root = parse(render(doc, options={"scores": False}))
    lower, upper = sorted(of_class(root, "rin-relation"), key=lambda g: -number(next(g.iter(f"{SVG}rect")), "y"))
    assert lower.get("data-label") == "knows"
    left, right, *_ = sides(next(lower.iter(f"{SVG}rect")))
    (start, _), (begin, end) = ends(upper), ends(lower)
    assert abs((begin[0] + end[0]) / 2 - start[0]) < (right - left) / 2
    assert not left < start[0] < right


def test_long_text_wraps(curie: Any) -> None:
    root = parse(render(curie, options={"width": 400}))
    rows = of_class(root, "rin-row")
    assert len(rows) > 5 and shown_text(root) == CURIE
    assert root.get("width") == "400"
    for text in of_class(root, "rin-text"):
        spaces = text_width(text.text, 16) - text_width(text.text.rstrip(), 16)
        assert number(text, "x") + number(text, "textLength") - spaces <= 400
    # Rows follow each other without overlap.
    bottoms = [max(number(text, "y") for text in row.iter(f"{SVG}text")) for row in rows]
    tops = [min(sides(rect)[2] for rect in row.iter(f"{SVG}rect")) for row in rows if next(row.iter(f"{SVG}rect"), ())]
    assert bottoms == sorted(bottoms) and tops == sorted(tops)
    # An entity is not cut if it fits.
    assert all(len(rects) == 1 for rects in frames(root).values())


def test_arc_between_rows_has_two_halves_that_name_the_other_end(curie: Any) -> None:
    root = parse(render(curie, options={"width": 400}))
    halves = [group for group in of_class(root, "rin-relation") if group.get("data-label") == "founded"]
    assert len(halves) == 2
    labels = [of_class(half, "rin-label")[0].text for half in halves]
    assert labels == ["founded 0.70 → Radium Institute", "Marie Curie → founded 0.70"]
    (start, nothing), (nothing_too, end) = map(ends, halves)
    assert nothing is None and nothing_too is None
    assert touches(start, frames(root)["0"]) and touches(end, frames(root)["4"])


def test_sentences_start_rows() -> None:
    doc = make_doc("Kim left. Ada stayed.", [], [], pipes=["sentencizer"])
    rows = of_class(parse(render(doc)), "rin-row")
    assert ["".join(text.text for text in row.iter(f"{SVG}text")) for row in rows] == ["Kim left. ", "Ada stayed."]


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u202f", "\u3000"])
def test_spaces_of_unicode_are_no_line_breaks(space: str) -> None:
    text = f"It costs 10{space}000 euros."
    root = parse(render(make_doc(text, [(f"10{space}000", "MONEY")], [])))
    assert len(of_class(root, "rin-row")) == 1 and shown_text(root) == text


def test_rows_do_not_end_at_no_break_spaces() -> None:
    for space, count in ((" ", 2), ("\u2009", 2), ("\u00a0", 1)):
        rows = of_class(
            parse(render(make_doc(f"{'a' * 30} {'b' * 9}{space}{'c' * 9}", [], []), options={"width": 400})), "rin-row"
        )
        last = "".join(text.text for text in rows[-1].iter(f"{SVG}text"))
        assert len(rows) == 2 and last.count("b") == (9 if count == 1 else 0), space


@pytest.mark.parametrize("char", "\n\r\v\f\x85\u2028\u2029\t")
def test_line_breaks_of_unicode(char: str) -> None:
    assert len(of_class(parse(render(make_doc(f"One{char}two", [], []))), "rin-row")) == 2


def test_line_breaks_and_long_words() -> None:
    word = "http://example.org/" + "a" * 300
    doc = make_doc(f"One\ntwo  three\t{word}", [], [])
    rows = of_class(parse(render(doc, options={"width": 300})), "rin-row")
    texts = ["".join(text.text for text in row.iter(f"{SVG}text")) for row in rows]
    assert texts[0] == "One" and texts[1].startswith("two  three")
    assert word in "".join(texts) and len(rows) > 5


def test_nested_entities_have_nested_frames() -> None:
    names = [("University of New York", "ORG"), ("New York", "CITY"), ("York", "NAME")]
    doc = make_doc("The University of New York opened.", names, [(0, "located_in", 1, 0.9), (1, "named", 2, 0.8)])
    root = parse(render(doc))
    outer, middle, inner = (sides(frames(root)[str(i)][0]) for i in range(3))
    for one, other in ((outer, middle), (middle, inner)):
        assert one[0] < other[0] and one[1] > other[1] and one[2] < other[2] and one[3] > other[3]
    for group in of_class(root, "rin-relation"):
        start, end = ends(group)
        assert touches(start, frames(root)[group.get("data-subject")])
        assert touches(end, frames(root)[group.get("data-object")])
    # Arcs begin and end where only their entity is, or what is inside of it.
    (located, named) = of_class(root, "rin-relation")
    assert not middle[0] < ends(located)[0][0] < middle[1]
    assert not inner[0] < ends(located)[1][0] < inner[1] and not inner[0] < ends(named)[0][0] < inner[1]
    types = of_class(root, "rin-type")
    assert sorted(element.text for element in types) == ["CITY", "NAME", "ORG"]


def test_right_to_left() -> None:
    text = "חברת Google Israel נוסדה בתל אביב בשנת 2005."
    names = [("Google Israel", "ORG"), ("בתל אביב", "PLACE"), ("2005", "DATE")]
    root = parse(render(make_doc(text, names, [(0, "נוסדה", 1, 0.9)], lang="he")))
    assert shown_text(root) == text
    company, place, year = (sides(frames(root)[str(i)][0]) for i in range(3))
    assert 700 < company[1] < 900 and company[0] > place[1] and place[0] > year[1]  # it starts at the right
    (google,) = (e for e in of_class(root, "rin-text") if e.text == "Google Israel")
    assert google.get("direction") == "ltr"  # its words are in their own order
    (hebrew,) = (e for e in of_class(root, "rin-text") if e.text == "בתל אביב")
    assert hebrew.get("direction") == "rtl" and place[0] < number(hebrew, "x") <= place[1]
    (group,) = of_class(root, "rin-relation")
    start, end = ends(group)
    assert start[0] > end[0]


def test_right_to_left_words_in_left_to_right_text() -> None:
    """Two Hebrew words stand in their own order inside an English text, also if an entity joins them to others."""
    root = parse(render(make_doc("The word תל אביב means spring hill", [("תל", "A"), ("אביב", "B")], [])))
    first, second = (sides(frames(root)[str(i)][0]) for i in range(2))
    assert first[0] > second[1]
    root = parse(render(make_doc("The word תל אביב means hill", [("word תל", "A")], [])))
    assert len(frames(root)["0"]) == 2  # a word of the entity is at the other side of one that is not
    assert shown_text(root) == "The word תל אביב means hill"


def test_script_without_spaces_wraps() -> None:
    text = "鲁迅出生于浙江绍兴曾在日本仙台医学专门学校学习" * 3
    root = parse(render(make_doc(text, [], [], lang="zh"), options={"width": 300}))
    assert len(of_class(root, "rin-row")) > 2 and shown_text(root) == text


def test_empty_doc_and_doc_without_relations() -> None:
    for style in ("rel", "graph"):
        assert of_class(parse(render(make_doc("", [], []), style)), "rin-entity") == []
        root = parse(render(make_doc("Ada left.", [("Ada", "PERSON")], []), style))
        assert len(of_class(root, "rin-entity")) == 1 and not of_class(root, "rin-relation")
        assert render([], style) == "" or parse(render([], style)) is not None


def test_doc_whose_relations_nothing_has_set() -> None:
    doc = spacy.blank("en")("Ada left.")
    for style in ("rel", "graph"):
        with pytest.raises(ValueError, match="R072"):
            render(doc, style)
    register_relations("facts")
    doc._.facts = []
    with pytest.raises(ValueError, match="R072"):
        render(doc)
    assert shown_text(parse(render(doc, options={"attr": "facts"}))) == "Ada left."
    Doc.remove_extension("facts")


def test_span_has_the_relations_inside_it(curie: Any) -> None:
    part = curie[0:7]
    root = parse(render(part))
    assert shown_text(root).rstrip() == part.text
    assert [group.get("data-label") for group in of_class(root, "rin-relation")] == ["born_in"]
    graph = parse(render(part, "graph"))
    assert [e.text for e in of_class(graph, "rin-text")] == ["Marie Curie", "Warsaw"]


def test_blank_entities_and_long_names() -> None:
    """An entity of white space can't be drawn; long names are cut, but not in what the mouse shows."""
    doc = spacy.blank("en")("Ada \n Orbix")
    relation = "r" * 300
    doc.spans["rin"] = [Span(doc, 0, 1, label="T" * 300), Span(doc, 1, 2, label="X"), Span(doc, 2, 3, label="ORG")]
    ada, blank, orbix = doc.spans["rin"]
    set_relations(doc, [(ada, relation, orbix), (ada, "is", blank)])
    for style in ("rel", "graph"):
        root = parse(render(doc, style))
        assert {entity.get("data-label") for entity in of_class(root, "rin-entity")} == {"T" * 300, "ORG"}
        assert {group.get("data-label") for group in of_class(root, "rin-relation")} == {relation}
        assert all(len(text.text) < 70 for text in root.iter(f"{SVG}text"))
        assert any(relation in title.text for title in root.iter(f"{SVG}title"))
        assert number(root, "width") <= 900


def test_options(crossing: Any) -> None:
    only = parse(render(crossing, options={"rels": ["leads", "born_in"], "scores": False}))
    assert [label.text for label in of_class(only, "rin-label")] == ["born_in", "leads"]
    assert len(frames(only)) == 5
    people = parse(render(crossing, options={"ents": {"PERSON"}, "colors": {"PERSON": "#123456", "married_to": "red"}}))
    assert {rect.get("fill") for rects in frames(people).values() for rect in rects} == {"#123456"}
    groups = of_class(people, "rin-relation")
    assert {group.get("data-label") for group in groups} == {"married_to"}
    assert {head.get("fill") for group in groups for head in of_class(group, "rin-arrowhead")} == {"red"}


def test_colors_are_those_of_displacy() -> None:
    root = parse(render(make_doc("Ada Orbix", [("Ada", "PERSON"), ("Orbix", "UNHEARD")], [])))
    fills = [rects[0].get("fill") for rects in frames(root).values()]
    assert fills[0] == DEFAULT_LABEL_COLORS["PERSON"] and fills[1] not in (DEFAULT_ENTITY_COLOR, fills[0])


@pytest.mark.parametrize(
    "kwargs,code",
    [
        ({"style": "dep"}, "R010"),
        ({"options": {"color": None}}, "R010"),
        ({"options": {"colors": {"A": 1}}}, "R010"),
        ({"options": {"width": 10}}, "R010"),
        ({"options": {"ents": "PERSON"}}, "R010"),
        ({"options": {"compact": True}}, "R070"),
    ],
)
def test_wrong_settings_are_refused(crossing: Any, kwargs: Any, code: str) -> None:
    with pytest.raises(ValueError, match=code):
        render(crossing, **kwargs)


@pytest.mark.parametrize("docs", ["Ada left.", None, ["Ada left."], [{"text": "Ada"}]])
def test_what_is_no_doc_is_refused(docs: Any) -> None:
    with pytest.raises(ValueError, match="R071"):
        render(docs)


class Tags(HTMLParser):
    """What a browser makes of markup: tags that are opened and closed, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.open, self.attributes, self.data = [], [], [], ""

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.opened.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: Any, attrs: Any) -> None:
        self.opened.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: Any) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: Any) -> None:
        self.data += data


def tags(markup: Any) -> Any:
    parser = Tags()
    parser.feed(markup)
    parser.close()
    assert parser.open == []
    return parser


def test_page(crossing: Any, curie: Any) -> None:
    page = render([crossing, curie], page=True)
    assert page.startswith("<!DOCTYPE html>")
    parser = tags(page)
    assert parser.opened[:4] == ["html", "head", "meta", "title"] and parser.opened.count("svg") == 2
    assert "charset" in parser.attributes and "id" not in parser.attributes
    assert tags(render([crossing, curie], "graph", page=True)).opened.count("svg") == 1


SAFE_TAGS = {"svg", "g", "path", "rect", "text", "title", "polygon"}
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</text></svg><script>alert(1)</script>",
    "\"'><b>",
    "&lt;&amp;]]>",
    "a\x00\x0b\ufffe\x85",
]


@given(
    words=st.lists(st.text(min_size=1, max_size=12) | st.sampled_from(HOSTILE), min_size=2, max_size=12),
    labels=st.lists(st.text(min_size=1, max_size=12) | st.sampled_from(HOSTILE), min_size=3, max_size=3),
    color=st.sampled_from(HOSTILE),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_text_or_a_label_holds_stays_text(words: Any, labels: Any, color: Any, data: Any) -> None:
    words = [word.replace("\r", "x") for word in words if not re.search("[\ud800-\udfff]", word)] or ["x"]
    doc = Doc(
        spacy.blank("xx").vocab,
        words=words,
        spaces=data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words))),
    )
    start, other = (data.draw(st.integers(0, len(words) - 1)) for _ in range(2))
    spans = [Span(doc, start, len(words), label=labels[0]), Span(doc, other, other + 1, label=labels[1])]
    set_relations(doc, [(spans[0], labels[2], spans[1], 0.5), (spans[1], labels[2], spans[1])])
    for style in ("rel", "graph"):
        markup = render(doc, style, options={"colors": {labels[0]: color}})
        parser = tags(markup)
        assert set(parser.opened) <= SAFE_TAGS
        assert not any(name.startswith("on") for name in parser.attributes)
        root = parse(markup)
        relations = {element.get("data-label") for element in of_class(root, "rin-relation")}
        expected = set() if spans[1].text.isspace() else {" ".join(printable(labels[2]).split())}
        assert {" ".join(label.split()) for label in relations} == expected
        if style == "rel":
            shown = "".join(shown_text(root).split())
            assert shown == "".join("".join(printable(t.text) for t in doc if not t.is_space).split())


def test_shown_in_a_notebook(crossing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=shown.append))
    assert render(crossing, jupyter=True) is None
    assert "<svg" in shown[0] and "tex2jax_ignore" in shown[0]
    monkeypatch.setattr("spacy_rin.visualize.is_in_jupyter", lambda: True)
    assert render(crossing) is None and len(shown) == 2
    assert render(crossing, jupyter=False).startswith("<svg") and len(shown) == 2
    monkeypatch.setattr(displacy, "RENDER_WRAPPER", lambda html: f"<div>{html}</div>")
    assert render(crossing, jupyter=False).startswith("<div><svg")


def test_public_name() -> None:
    assert spacy_rin.render is render and "render" in dir(spacy_rin)


def nodes(root: Any) -> Any:
    return [group for group in of_class(root, "rin-entity") if group.tag == f"{SVG}g"]


def boxes(root: Any) -> Any:
    return [sides(next(group.iter(f"{SVG}rect"))) for group in nodes(root)]


def test_graph_joins_what_has_the_same_name_and_type() -> None:
    docs = [
        make_doc("Ada founded Orbix.", [("Ada", "PERSON"), ("Orbix", "ORG")], [(0, "founded", 1, 0.6)]),
        make_doc("Ada leads Orbix. Kim left.", [("Ada", "PERSON"), ("Orbix", "ORG"), ("Kim", "PERSON")],
                 [(0, "founded", 1, 0.8), (0, "leads", 1, 0.9)]),
        make_doc("Orbix is by Ada.", [("Ada", "SHIP"), ("Orbix", "ORG")], [(1, "by", 0, 0.7), (1, "in", 1, 0.7)]),
    ]  # fmt: skip
    markup = render(docs, "graph")
    root = parse(markup)
    assert markup == render(docs, "graph")
    names = [(node[0].text, node.get("data-label")) for node in nodes(root)]
    assert names == [
        ("Ada (PERSON)", "PERSON"), ("Orbix (ORG)", "ORG"), ("Kim (PERSON)", "PERSON"), ("Ada (SHIP)", "SHIP"),
    ]  # fmt: skip
    drawn = [
        (g.get("data-subject"), of_class(g, "rin-label")[0].text, g.get("data-object"))
        for g in of_class(root, "rin-relation")
    ]
    assert drawn == [
        ("0", "founded 0.80 ×2", "1"),
        ("0", "leads 0.90", "1"),
        ("1", "by 0.70", "3"),
        ("1", "in 0.70", "1"),
    ]
    assert len(of_class(root, "rin-edge")) == 3  # what two entities have in common is one arrow


def test_arrows_there_and_back_are_apart() -> None:
    doc = make_doc("Ada met Kim.", [("Ada", "PERSON"), ("Kim", "PERSON")], [(0, "met", 1, 1), (1, "met", 0, 1)])
    root = parse(render(doc, "graph"))
    there, back = ([float(x) for x in NUMBER.findall(edge[0].get("d"))] for edge in of_class(root, "rin-edge"))
    # Start, control point and end; the end of one is not the start of the other, and they bend to different sides.
    assert abs(there[0] - back[4]) + abs(there[1] - back[5]) > 8
    assert (there[3] - there[1]) * (back[3] - back[1]) < 0
    labels = [sides(group[1]) for group in of_class(root, "rin-relation")]
    assert not overlap(*labels)


@given(
    n=st.integers(1, 25),
    pairs=st.lists(
        st.tuples(st.integers(0, 24), st.integers(0, 24), st.sampled_from(["a", "a long relation"])), max_size=40
    ),
)
@settings(max_examples=25, deadline=None)
def test_graph_is_readable(n: Any, pairs: Any) -> None:
    """No node covers another or leaves the picture, and arrows end at their nodes."""
    doc = Doc(spacy.blank("en").vocab, words=[f"Name{i}" * (1 + i % 3) for i in range(n)])
    spans = [Span(doc, i, i + 1, label="ORG") for i in range(n)]
    doc.ents = spans
    set_relations(doc, [(spans[s % n], label, spans[o % n]) for s, o, label in pairs])
    root = parse(render(doc, "graph"))
    places = boxes(root)
    assert len(places) == n
    assert not any(overlap(one, other) for one, other in combinations(places, 2))
    x, y, width, height = map(float, root.get("viewBox").split())
    labels = [sides(rect) for group in of_class(root, "rin-relation") for rect in group.iter(f"{SVG}rect")]
    for left, right, top, bottom in places + labels:
        assert x <= left < right <= x + width and y <= top < bottom <= y + height
    for edge in of_class(root, "rin-edge"):
        points = [float(x) for x in NUMBER.findall(of_class(edge, "rin-arrowhead")[0].get("points"))]
        left, right, top, bottom = places[int(edge.get("data-object"))]
        assert left - 8 <= points[0] <= right + 8 and top - 8 <= points[1] <= bottom + 8


def test_documentation_names_all_options() -> None:
    page = (Path(__file__).parents[2] / "docs" / "visualize.md").read_text("utf8")
    documented = set(re.findall("`(.+?)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.M))))
    arguments = {"docs", "style", "page", "jupyter", "options"}
    assert documented == {field.name for field in fields(Options)} | arguments


# Labels of every length, and names in several scripts.
WORDS = st.sampled_from(["Ada", "of", "International", "Donaudampfschifffahrtsgesellschaft", "鲁迅出生于", "תל", "x"])
LONG = st.sampled_from(["A", "born_in", "ORGANISATION_OR_FIRM", "a_relation_with_a_name_like_a_sentence", "关系" * 9])


@given(data=st.data(), width=st.integers(200, 420), words=st.lists(WORDS, min_size=1, max_size=14))
@settings(max_examples=25, deadline=None)
def test_nothing_is_cut_on_narrow_pages(data: Any, width: int, words: Any) -> None:
    """Frames, texts, types and labels are inside the picture, whatever overlaps and however long names are."""
    doc = Doc(spacy.blank("xx").vocab, words=words)
    cuts = st.tuples(st.integers(0, len(words) - 1), st.integers(1, 4), LONG)
    spans = [
        Span(doc, start, min(start + length, len(words)), label=label)
        for start, length, label in data.draw(st.lists(cuts, min_size=1, max_size=5))
    ]
    doc.spans["rin"] = spans
    ends = st.integers(0, len(spans) - 1)
    relations = data.draw(st.lists(st.tuples(ends, LONG, ends), max_size=6))
    set_relations(doc, [(spans[s], label, spans[o], 0.5) for s, label, o in relations])
    for style in ("rel", "graph"):
        root = parse(render(doc, style, options={"width": width}))
        left, top, wide, high = map(float, root.get("viewBox").split())
        assert style == "graph" or wide == width
        for rect in root.iter(f"{SVG}rect"):
            x1, x2, y1, y2 = sides(rect)
            assert left - 2.1 <= x1 and x2 <= left + wide + 2.1 and top <= y1 and y2 <= top + high
        for text in root.iter(f"{SVG}text"):
            room, x = number(text, "textLength"), number(text, "x")
            room -= text_width(text.text, 16) - text_width(text.text.rstrip(), 16) if text.get("direction") else 0
            start = x - room / 2 if text.get("text-anchor") else x - room if text.get("direction") == "rtl" else x
            assert left - 0.2 <= start and start + room <= left + wide + 0.2, text.text


def test_gold_relations_have_no_score() -> None:
    names = [("Ada", "PERSON"), ("Orbix", "ORG")]
    doc = make_doc("Ada founded Orbix.", names, [(0, "founded", 1, 1.0), (0, "leads", 1, 0.996), (1, "by", 0, 1.0)])
    for style in ("rel", "graph"):
        markup = render(doc, style)
        assert sorted(label.text for label in of_class(parse(markup), "rin-label")) == ["by", "founded", "leads 1.00"]
        assert "(1.0000)" not in markup
    twice = render([doc, doc], "graph")
    assert "founded ×2" in [label.text for label in of_class(parse(twice), "rin-label")]


PAIRS = st.tuples(st.integers(0, 6), LONG | st.sampled_from(["leads", "owns", "founded"]), st.integers(0, 6))


@given(st.lists(PAIRS, min_size=24, max_size=24), st.sampled_from([380, 900]))
@settings(max_examples=8, deadline=None)
def test_labels_of_dense_graphs_cover_nothing(triples: Any, width: int) -> None:
    """Neither each other nor nodes: seven entities with 24 relations."""
    names = [(f"Name{i}" + " of something" * (i % 3), "ORG") for i in range(7)]
    doc = make_doc(", ".join(name for name, _ in names), names, [(s, label, o, 0.5) for s, label, o in triples])
    root = parse(render(doc, "graph", options={"width": width}))
    labels = [sides(rect) for group in of_class(root, "rin-relation") for rect in group.iter(f"{SVG}rect")]
    assert len(labels) == len(set(triples)) and len(boxes(root)) == 7
    for one, other in combinations([*labels, *boxes(root)], 2):
        assert not overlap(one, other)


def test_large_graph_is_drawn_in_time() -> None:
    """And still no node or label covers another."""
    doc = Doc(spacy.blank("en").vocab, words=[f"Name{i}" for i in range(300)])
    spans = [Span(doc, i, i + 1, label="ORG") for i in range(300)]
    doc.ents = spans
    set_relations(doc, [(spans[i], "leads", spans[i * i * 7 % 300]) for i in range(300)])
    start = time.process_time()
    root = parse(render(doc, "graph"))
    assert time.process_time() - start < 10
    labels = [sides(rect) for group in of_class(root, "rin-relation") for rect in group.iter(f"{SVG}rect")]
    assert len(boxes(root)) == len(labels) == 300
    assert not any(overlap(one, other) for one, other in combinations([*labels, *boxes(root)], 2))
