"""Draw the style "graph": entities as nodes, and relations as arrows between them.

Entities with the same name and type become one node. Each connected part is laid out separately, so that distances in
the picture are close to the distances along the arrows (stress majorization: Gansner, Koren and North, Graph Drawing
2004). Then the parts are put side by side.
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from ..markup import element
from .colors import BORDER, Palette
from .content import Content, Options
from .layout import (
    ARROW,
    GAP,
    LINE,
    MARGIN,
    PAD,
    REL_LINE,
    REL_SIZE,
    SIZE,
    TYPE_SIZE,
    Edge,
    Key,
    Node,
    Points,
    connected_parts,
    half_label,
)
from .routes import arrange, pack_parts
from .svg import centered, picture, text_width


def draw_graph(contents: Sequence[Content], options: Options, colors: Palette) -> Element:
    """Draw the entities and relations of texts as a network.

    Args:
        contents (Sequence[Content]): The texts, with the entities and relations to show.
        options (Options): The options.
        colors (Palette): The colours.

    Returns:
        Element: The picture.
    """
    nodes, edges = _network(contents)
    parts = []
    for part in connected_parts(nodes, edges):
        inside = set(part)
        parts.append(arrange(part, [edge for edge in edges if edge.subject in inside], options))
    pack_parts(parts, float(options.width) - 2 * MARGIN, GAP)
    numbers = {node: str(number) for number, node in enumerate(nodes)}
    corners = np.array([np.zeros(2), *(corner for part in parts for corner in part.sides)])
    arrows = [_draw_edge(edge, way, numbers, colors) for part in parts for edge, way in zip(part.edges, part.ways)]
    drawn = [_draw_node(node, numbers, colors) for node in nodes]
    labels = [
        label
        for part in parts
        for edge, center in zip(part.edges, part.labels)
        for label in _draw_labels(edge, center, numbers, options, colors)
    ]
    return picture(
        (*(corners.min(0) - MARGIN), *(corners.max(0) + MARGIN)),
        *arrows,
        *drawn,
        *labels,
        label=f"Entities: {len(nodes)}, relations: {sum(len(edge.relations) for edge in edges)}",
        style=colors.css(options.font),
        class_="rin-graph",
    )


def _network(contents: Sequence[Content]) -> tuple[list[Node], list[Edge]]:
    """Collect the entities and relations of all texts, each once."""
    nodes: dict[Key, Node] = {}
    edges: dict[tuple[Key, Key], Edge] = {}
    for content in contents:
        keys = {entity: (content.name(entity), entity.label) for entity in content.entities}
        for key in keys.values():
            nodes.setdefault(key, Node(*key))
        for arc in content.arcs:
            subject, object_ = keys[arc.subject], keys[arc.object]
            edge = edges.setdefault((subject, object_), Edge(nodes[subject], nodes[object_], {}))
            score, count = edge.relations.get(arc.label, (0.0, 0))
            edge.relations[arc.label] = (max(score, arc.score), count + 1)
    return list(nodes.values()), list(edges.values())


def _draw_node(node: Node, numbers: dict[Node, str], colors: Palette) -> Element:
    (left, top), (width, height) = node.center - node.half, 2 * node.half
    paint = colors.paint(fill=colors.box(node.label), stroke=BORDER)
    text = colors.on_box(node.label)
    group = element(
        "g",
        element("title", f"{node.name} ({node.label})"),
        element("rect", x=left, y=top, width=width, height=height, rx="7", **paint),
        class_="rin-entity",
        data_entity=numbers[node],
        data_label=node.label,
    )
    for number, line in enumerate(node.lines):
        y = top + PAD / 2 + number * LINE + SIZE - 1
        group.append(centered(line, node.center[0], y, SIZE, class_="rin-text", **text))
    if node.type:
        y = top + height - PAD / 2 - 1
        group.append(centered(node.type, node.center[0], y, TYPE_SIZE, class_="rin-type", **text))
    return group


def _draw_edge(edge: Edge, way: Points, numbers: dict[Node, str], colors: Palette) -> Element:
    color = colors.line(next(iter(edge.relations)))
    start, *bends, end = way
    towards = (end - bends[-1]) / max(1e-9, float(np.linalg.norm(end - bends[-1])))
    neck, side = end - ARROW * towards, 0.45 * ARROW * np.array([-towards[1], towards[0]])
    curve = "Q" if len(bends) == 1 else "C"
    path = f"M{_point(start)} {curve}{' '.join(map(_point, [*bends, neck]))}"
    corners = " ".join(map(_point, (end, neck + side, neck - side)))
    return element(
        "g",
        element("path", d=path, stroke_width="1.3", fill="none", **colors.paint(stroke=color)),
        element("polygon", points=corners, class_="rin-arrowhead", **colors.paint(fill=color)),
        class_="rin-edge",
        data_subject=numbers[edge.subject],
        data_object=numbers[edge.object],
    )


def _draw_labels(
    edge: Edge, center: Points, numbers: dict[Node, str], options: Options, colors: Palette
) -> Iterator[Element]:
    top = center[1] - half_label(edge, options)[1]
    for number, (label, text) in enumerate(edge.texts(options.scores)):
        width = text_width(text, REL_SIZE)
        x, y = center[0] - width / 2 - 2, top + number * REL_LINE
        paint = colors.paint(fill=colors.background)
        color = colors.paint(fill=colors.line_text(label))
        yield element(
            "g",
            element("title", f"{edge.subject.name} – {label} → {edge.object.name}"),
            element("rect", x=x, y=y, width=width + 4, height=str(REL_LINE), fill_opacity="0.9", **paint),
            centered(text, center[0], y + REL_LINE - 3.5, REL_SIZE, class_="rin-label", **color),
            class_="rin-relation",
            data_label=label,
            data_subject=numbers[edge.subject],
            data_object=numbers[edge.object],
        )


def _point(point: Points) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
