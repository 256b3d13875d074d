"""Style "graph": entities as nodes, and relations as arrows between them.

The same name with the same type is one node, wherever it stands. Each connected part is laid out by itself, so that
distances in the picture are close to those along the arrows (stress majorization: Gansner, Koren and North, Graph
Drawing 2004), and the parts are put side by side.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from .content import Content, Options
from .svg import element, picture, shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 13, 11, 8.5  # of fonts
LINE, TYPE_LINE, REL_LINE = 16, 11, 14  # heights of lines of text
NAME_LENGTH, NAME_LINES, LABEL_LENGTH = 22, 3, 40  # characters and lines of a name, characters of a relation
PAD, MARGIN, GAP = 8, 14, 26  # inside of a node, around the picture, between nodes and parts
ARROW, LOOP = 8, 26  # length of an arrowhead, height of an arrow from a node to itself
CLOSENESS, FLATNESS = 0.8, 0.65  # the layout is made as tight, and as flat as names are wide, and then eased
STARTS, STEPS = 6, 150  # of the layout

Key = tuple[str, str]
Points = NDArray[np.float64]

TIMES = np.linspace(0.0, 1.0, 201)  # points of a curve
PLACES = np.array([0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74])  # of what is written on it, the best first


@dataclass(eq=False)
class Node:
    """An entity: its name and type, and how they are written.

    Attributes:
        center (ndarray): Where it is.
    """

    name: str
    label: str
    center: Points = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        lines = textwrap.wrap(self.name, NAME_LENGTH) or [""]
        if len(lines) > NAME_LINES:
            lines = [*lines[: NAME_LINES - 1], shorten(" ".join(lines[NAME_LINES - 1 :]), NAME_LENGTH)]
        self.lines = lines
        self.type = shorten(self.label, NAME_LENGTH)
        width = max(text_width(self.type, TYPE_SIZE), *(text_width(line, SIZE) for line in lines))
        self.half = np.array([width / 2 + PAD, (LINE * len(lines) + TYPE_LINE * bool(self.type)) / 2 + PAD / 2])


class Edge(NamedTuple):
    """The relations from one entity to another: each with its highest score, and how often it was found."""

    subject: Node
    object: Node
    relations: dict[str, tuple[float, int]]

    def texts(self, scores: bool) -> Iterator[tuple[str, str]]:
        for label, (score, count) in self.relations.items():
            times = f" ×{count}" if count > 1 else ""
            name = shorten(label, LABEL_LENGTH)
            yield label, f"{name} {score:.2f}{times}" if scores else f"{name}{times}"


def draw_graph(contents: Sequence[Content], options: Options) -> Element:
    """Draw the entities and relations of texts as a network.

    Args:
        contents (Sequence[Content]): The texts, and what to show of them.
        options (Options): The options.

    Returns:
        Element: The picture.
    """
    nodes, edges = _network(contents)
    parts = [_lay_out(part, edges, options) for part in _parts(nodes, edges)]
    size = _pack(parts, float(options.width) - 2 * MARGIN)
    numbers = {node: number for number, node in enumerate(nodes)}
    pairs = {(edge.subject, edge.object) for edge in edges}
    ways = [_route(edge, numbers, (edge.object, edge.subject) in pairs) for edge in edges]
    title = f"Entities: {len(nodes)}, relations: {sum(len(edge.relations) for edge in edges)}"
    places, halves = _label_places(edges, ways, nodes, options)
    # Bent arrows and long texts can be outside of the nodes.
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


# The network, and where its nodes are


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


def _parts(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[Node]]:
    """Divide nodes into connected parts, the largest first."""
    part_of = {node: [node] for node in nodes}
    for edge in edges:
        left, right = part_of[edge.subject], part_of[edge.object]
        if left is not right:
            left += right
            part_of.update((node, left) for node in right)
    parts = {id(part): part for part in part_of.values()}
    return sorted(parts.values(), key=len, reverse=True)


def _lay_out(nodes: list[Node], edges: Sequence[Edge], options: Options) -> tuple[list[Node], Points]:
    """Place the nodes of a connected part, from (0, 0); returns them, and the size of the part."""
    index = {node: i for i, node in enumerate(nodes)}
    distances = np.full((len(nodes), len(nodes)), np.inf)
    written = np.zeros((len(nodes), len(nodes), 2))
    for edge in edges:
        if edge.subject in index and edge.subject is not edge.object:
            i, j = index[edge.subject], index[edge.object]
            width, height = 2 * _label_half(edge, options)
            distances[i, j] = distances[j, i] = CLOSENESS * (edge.subject.half[0] + edge.object.half[0] + width)
            written[i, j] = written[j, i] = max(written[i, j, 0], width), written[i, j, 1] + height
    # Where an arrow goes, there is room for what is written on it, and for some of the arrow.
    gaps = np.maximum(written + np.sign(written) * (3 * ARROW, 5 * ARROW), GAP)
    half = np.array([node.half for node in nodes])
    loops = np.zeros(len(nodes))
    for edge in edges:
        if edge.subject in index and edge.subject is edge.object:
            loops[index[edge.subject]] = LOOP + REL_LINE * len(edge.relations)
    points = _spread(_shortest(distances)) if len(nodes) > 1 else np.zeros((1, 2))
    # An arrow from a node to itself stands on the node, which takes a higher place for it.
    above = np.stack([np.zeros(len(nodes)), loops], 1)
    layouts = []
    for turned in (points, points[:, ::-1]):
        middles = _push_apart(turned * (1.0, FLATNESS), half + above / 2, gaps) + above / 2
        low, high = (middles - half - above).min(0), (middles + half).max(0)
        layouts.append((middles - low, high - low))
        if layouts[-1][1][0] <= options.width:
            break
    middles, size = min(layouts, key=lambda layout: float(layout[1][0]))
    for node, middle in zip(nodes, middles):
        node.center = middle
    return nodes, size


def _shortest(distances: Points) -> Points:
    """Compute all distances along the edges (Floyd and Warshall)."""
    np.fill_diagonal(distances, 0.0)
    for i in range(len(distances)):
        distances = np.minimum(distances, distances[:, i : i + 1] + distances[i : i + 1])
    return distances


def _spread(distances: Points) -> Points:
    """Find points whose distances come close to the given ones; the widest direction is made horizontal.

    Args:
        distances (ndarray): *Shape:* (points, points).

    Returns:
        ndarray: *Shape:* (points, 2).
    """
    n = len(distances)
    weights = 1.0 / np.maximum(distances, 1.0) ** 2
    np.fill_diagonal(weights, 0.0)
    solve = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    random = np.random.RandomState(0)  # its numbers are the same in all versions of numpy
    best, least = np.zeros((n, 2)), np.inf
    for _ in range(STARTS):
        points = random.uniform(-0.5, 0.5, (n, 2)) * distances.max()
        for _ in range(STEPS):
            ratios = weights * distances / np.maximum(_norms(points), 1e-9)
            points = solve @ (np.diag(ratios.sum(1)) - ratios) @ points
        stress = float((weights * (_norms(points) - distances) ** 2).sum())
        if stress < least * 0.999:
            best, least = points, stress
    best = best - best.mean(0)
    rotated: Points = best @ np.linalg.svd(best, full_matrices=False)[2].T
    return rotated


def _norms(points: Points) -> Points:
    norms: Points = np.linalg.norm(points[:, None] - points[None], axis=2)
    return norms


def _push_apart(points: Points, half: Points, gaps: Points) -> Points:
    """Move nodes that are too close, each pair in the direction in which it takes least.

    Args:
        points (ndarray): Their middles. *Shape:* (nodes, 2).
        half (ndarray): Half of their sizes. *Shape:* (nodes, 2).
        gaps (ndarray): Least distances of their sides, of which one direction is enough. *Shape:* (nodes, nodes, 2).

    Returns:
        ndarray: Their new middles. *Shape:* (nodes, 2).
    """
    points = points.copy()
    while True:
        for _ in range(STEPS):
            moved = False
            for i in range(len(points) - 1):
                missing = half[i] + half + gaps[i] - np.abs(points[i] - points)
                close = np.flatnonzero((missing > 0.5).all(1)[i + 1 :])
                if len(close):
                    j = i + 1 + close[0]  # the others may be far enough then
                    axis = int(missing[j].argmin())
                    step = missing[j, axis] / 2 * (1 if points[i, axis] > points[j, axis] else -1)
                    points[i, axis] += step
                    points[j, axis] -= step
                    moved = True
            if not moved:
                return points
        points *= 1.1  # it is too crowded here


def _pack(parts: Sequence[tuple[list[Node], Points]], width: float) -> Points:
    """Put the parts side by side on shelves, the highest first; returns the size of all."""
    shelves: list[list[float]] = []  # top, height, and how much of the width is taken
    bottom = widest = 0.0
    for nodes, size in sorted(parts, key=lambda part: (len(part[0]) == 1, -part[1][1])):
        shelf = next((shelf for shelf in shelves if shelf[2] + size[0] <= width and size[1] <= shelf[1]), None)
        if shelf is None:
            shelf = [bottom, size[1], 0.0]
            shelves.append(shelf)
            bottom += size[1] + GAP
        for node in nodes:
            node.center = node.center + np.array([shelf[2], shelf[0]])
        widest = max(widest, shelf[2] + size[0])
        shelf[2] += size[0] + GAP
    return np.array([widest, max(0.0, bottom - GAP)])


# Arrows, and where what is written on them is


def _route(edge: Edge, nodes: dict[Node, int], returns: bool) -> Points:
    """Find the way of an arrow: a quadratic Bézier curve, bent if something is in its way or another arrow returns.

    Returns:
        ndarray: Its three points. *Shape:* (3, 2).
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
    # The part of the curve between two of its points, again as three points.
    first, last = TIMES[outside[0]], TIMES[outside[-1]]
    middle = (1 - first) * (1 - last) * way[0] + (first + last - 2 * first * last) * way[1] + first * last * way[2]
    ends = _along(way, np.array([first, last]))
    return np.stack([ends[0], middle, ends[1]])


def _boxes(nodes: Iterable[Node]) -> tuple[Points, Points]:
    """Get the middles and half the sizes of nodes. *Shape:* (nodes, 2) each."""
    nodes = list(nodes)
    return np.array([node.center for node in nodes]), np.array([node.half for node in nodes])


def _along(way: Points, times: Points) -> Points:
    t = times[:, None]
    points: Points = (1 - t) ** 2 * way[0] + 2 * t * (1 - t) * way[1] + t**2 * way[2]
    return points


def _label_places(
    edges: Sequence[Edge], ways: Sequence[Points], nodes: Iterable[Node], options: Options
) -> tuple[Points, Points]:
    """Choose the middle of what is written on each arrow, where it covers least of nodes and of other texts.

    Returns:
        tuple[ndarray, ndarray]: The middles, and half of the sizes. *Shape:* (edges, 2) each.
    """
    places, labels = np.zeros((len(edges), 2)), np.array([_label_half(edge, options) for edge in edges]).reshape(-1, 2)
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


def _label_half(edge: Edge, options: Options) -> Points:
    width = max(text_width(text, REL_SIZE) for _, text in edge.texts(options.scores))
    return np.array([width / 2 + 2, REL_LINE * len(edge.relations) / 2])


# Drawing


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
    half = _label_half(edge, options)
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
