"""Draw the style "graph": entities as nodes, and relations as arrows between them.

Entities with the same name and type become one node. Each connected part is laid out separately, so that distances in
the picture are close to the distances along the arrows (stress majorization: Gansner, Koren and North, Graph Drawing
2004). Then the parts are put side by side.
"""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from .content import Content, Options
from .layout import (
    ARROW,
    LINE,
    LOOP,
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
    lay_out,
    pack_parts,
)
from .svg import element, picture, text_width

TIMES = np.linspace(0.0, 1.0, 201)  # parameters of the points where a curve is sampled
PLACES = np.array([0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74])  # for a label on a curve, the best first


def draw_graph(contents: Sequence[Content], options: Options) -> Element:
    """Draw the entities and relations of texts as a network.

    Args:
        contents (Sequence[Content]): The texts, with the entities and relations to show.
        options (Options): The options.

    Returns:
        Element: The picture.
    """
    nodes, edges = _network(contents)
    parts = [lay_out(part, edges, options) for part in connected_parts(nodes, edges)]
    size = pack_parts(parts, float(options.width) - 2 * MARGIN)
    numbers = {node: number for number, node in enumerate(nodes)}
    pairs = {(edge.subject, edge.object) for edge in edges}
    ways = [_route(edge, numbers, (edge.object, edge.subject) in pairs) for edge in edges]
    title = f"Entities: {len(nodes)}, relations: {sum(len(edge.relations) for edge in edges)}"
    places, halves = _label_places(edges, ways, nodes, options)
    # Bent arrows and long labels can reach beyond the nodes.
    outer = np.concatenate([np.zeros((1, 2)), size[None], places - halves, places + halves, *ways])
    sides = (*(outer.min(0) - MARGIN), *(outer.max(0) + MARGIN))
    svg = picture(sides, label=title, background=options.bg, font=options.font, class_="rin-graph")
    for edge, way in zip(edges, ways):
        _draw_edge(svg, edge, way, numbers, options)
    for node, number in numbers.items():
        _draw_node(svg, node, number, options)
    for edge, place in zip(edges, places):
        _draw_label(svg, edge, place, numbers, options)
    return svg


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


def _route(edge: Edge, nodes: dict[Node, int], returns: bool) -> Points:
    """Compute the curve of an arrow, a quadratic Bézier curve between the borders of two nodes.

    Args:
        edge (Edge): The edge.
        nodes (dict[Node, int]): All nodes. The curve bends to avoid the others.
        returns (bool): Whether there is an arrow in the opposite direction. Then the curve always bends.

    Returns:
        ndarray: The three control points. *Shape:* (3, 2).
    """
    start, end = edge.subject.center, edge.object.center
    across = np.array([start[1] - end[1], end[0] - start[0]])
    centers, halves = _boxes(nodes)
    others = np.array([node is not edge.subject and node is not edge.object for node in nodes])
    way, least = np.stack([start, start, end]), np.inf
    for bend in (0.25, 0.5, 0.75) if returns else (0.0, 0.25, -0.25, 0.5, -0.5):
        other_way = np.stack([start, (start + end) / 2 + bend * across, end])
        points = _along(other_way, TIMES)
        inside = (np.abs(points[:, None] - centers) < halves + 4).all(2).any(0)
        if (hits := int((inside & others).sum())) < least:
            way, least = other_way, hits
        if not hits:
            break
    points = _along(way, TIMES)
    outside = np.flatnonzero(
        (np.abs(points - start) >= edge.subject.half + 1).any(1) & (np.abs(points - end) >= edge.object.half + 2).any(1)
    )
    if len(outside) < 2:
        return way
    # Control points of the part of the curve that is outside of both nodes.
    first, last = TIMES[outside[0]], TIMES[outside[-1]]
    middle = (1 - first) * (1 - last) * way[0] + (first + last - 2 * first * last) * way[1] + first * last * way[2]
    ends = _along(way, np.array([first, last]))
    return np.stack([ends[0], middle, ends[1]])


def _boxes(nodes: Iterable[Node]) -> tuple[Points, Points]:
    """Get the centers and half the sizes of nodes. *Shape:* (nodes, 2) each."""
    nodes = list(nodes)
    return np.array([node.center for node in nodes]), np.array([node.half for node in nodes])


def _along(way: Points, times: Points) -> Points:
    t = times[:, None]
    points: Points = (1 - t) ** 2 * way[0] + 2 * t * (1 - t) * way[1] + t**2 * way[2]
    return points


def _label_places(
    edges: Sequence[Edge], ways: Sequence[Points], nodes: Iterable[Node], options: Options
) -> tuple[Points, Points]:
    """Choose the places of the arrows' labels, where they cover as little of nodes and other labels as possible.

    Returns:
        tuple[ndarray, ndarray]: The centers, and half of the sizes. *Shape:* (edges, 2) each.
    """
    places, labels = np.zeros((len(edges), 2)), np.array([half_label(edge, options) for edge in edges]).reshape(-1, 2)
    centers, halves = _boxes(nodes)
    for i, (edge, way) in enumerate(zip(edges, ways)):
        choices = _along(way, PLACES)
        if edge.subject is edge.object:
            choices = edge.subject.center[None] - (0.0, edge.subject.half[1] + LOOP + labels[i, 1] - 6)
        taken, sizes = np.concatenate([centers, places[:i]]), np.concatenate([halves, labels[:i]])
        choice = choices[:, None]
        shared = np.minimum(choice + labels[i], taken + sizes) - np.maximum(choice - labels[i], taken - sizes)
        places[i] = choices[np.maximum(shared, 0.0).prod(2).sum(1).argmin()]
    return places, labels


def _draw_node(svg: Element, node: Node, index: int, options: Options) -> None:
    group = element(svg, "g", class_="rin-entity", data_entity=str(index), data_label=node.label)
    element(group, "title", f"{node.name} ({node.label})")
    (left, top), (width, height) = node.center - node.half, 2 * node.half
    color = options.entity_color(node.label)
    element(
        group,
        "rect",
        x=left,
        y=top,
        width=width,
        height=height,
        rx="7",
        fill=color,
        stroke="#000000",
        stroke_opacity="0.25",
    )
    for number, line in enumerate(node.lines):
        y = top + PAD / 2 + number * LINE + SIZE - 1
        _write(group, line, node.center[0], y, SIZE, options.color, "rin-text")
    if node.type:
        _write(group, node.type, node.center[0], top + height - PAD / 2 - 1, TYPE_SIZE, "#4a5568", "rin-type")


def _draw_edge(svg: Element, edge: Edge, way: Points, nodes: dict[Node, int], options: Options) -> None:
    group = element(
        svg, "g", class_="rin-edge", data_subject=str(nodes[edge.subject]), data_object=str(nodes[edge.object])
    )
    color = options.relation_color(next(iter(edge.relations)))
    if edge.subject is edge.object:
        x, top = edge.subject.center - (0, edge.subject.half[1])
        start, end, before = np.array([x - 9, top]), np.array([x + 9, top - 1]), np.array([x + 22, top - LOOP])
        curve = f"C{x - 30:.1f},{top - LOOP:.1f} {x + 30:.1f},{top - LOOP:.1f}"
    else:
        start, before, end = way
        curve = f"Q{before[0]:.1f},{before[1]:.1f}"
    towards = (end - before) / max(1e-9, float(np.linalg.norm(end - before)))
    neck, side = end - ARROW * towards, 0.45 * ARROW * np.array([-towards[1], towards[0]])
    path = f"M{start[0]:.1f},{start[1]:.1f} {curve} {neck[0]:.1f},{neck[1]:.1f}"
    element(group, "path", d=path, fill="none", stroke=color, stroke_width="1.3")
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (end, neck + side, neck - side))
    element(group, "polygon", points=corners, fill=color, class_="rin-arrowhead")


def _draw_label(svg: Element, edge: Edge, center: Points, nodes: dict[Node, int], options: Options) -> None:
    half = half_label(edge, options)
    top = center[1] - half[1]
    for number, (label, text) in enumerate(edge.texts(options.scores)):
        group = element(
            svg,
            "g",
            class_="rin-relation",
            data_label=label,
            data_subject=str(nodes[edge.subject]),
            data_object=str(nodes[edge.object]),
        )
        element(group, "title", f"{edge.subject.name} – {label} → {edge.object.name}")
        width = text_width(text, REL_SIZE)
        y = top + number * REL_LINE
        element(
            group,
            "rect",
            x=center[0] - width / 2 - 2,
            y=y,
            width=width + 4,
            height=REL_LINE,
            fill=options.bg,
            fill_opacity="0.9",
        )
        _write(group, text, center[0], y + REL_LINE - 3.5, REL_SIZE, options.relation_color(label), "rin-label")


def _write(group: Element, text: str, x: float, y: float, size: float, color: str, class_: str) -> None:
    element(
        group,
        "text",
        text,
        x=x,
        y=y,
        textLength=text_width(text, size),
        lengthAdjust="spacingAndGlyphs",
        text_anchor="middle",
        font_size=str(size),
        fill=color,
        class_=class_,
    )
