"""Places of the nodes of a graph: near those that they are related to, apart from all others."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .content import Options
from .svg import shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 13, 11, 8.5  # of fonts


LINE, TYPE_LINE, REL_LINE = 16, 11, 14  # heights of lines of text


NAME_LENGTH, NAME_LINES, LABEL_LENGTH = 22, 3, 40  # characters and lines of a name, characters of a relation


PAD, MARGIN, GAP = 8, 14, 26  # inside of a node, around the picture, between nodes and parts


ARROW, LOOP = 8, 26  # length of an arrowhead, height of an arrow from a node to itself


CLOSENESS, FLATNESS = 0.8, 0.65  # the layout is made as tight, and as flat as names are wide, and then eased


STARTS, STEPS = 6, 150  # of the layout


Key = tuple[str, str]


Points = NDArray[np.float64]


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


def connected_parts(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[Node]]:
    """Divide nodes into connected parts, the largest first."""
    part_of = {node: [node] for node in nodes}
    for edge in edges:
        left, right = part_of[edge.subject], part_of[edge.object]
        if left is not right:
            left += right
            part_of.update((node, left) for node in right)
    parts = {id(part): part for part in part_of.values()}
    return sorted(parts.values(), key=len, reverse=True)


def lay_out(nodes: list[Node], edges: Sequence[Edge], options: Options) -> tuple[list[Node], Points]:
    """Place the nodes of a connected part, from (0, 0); returns them, and the size of the part."""
    index = {node: i for i, node in enumerate(nodes)}
    distances = np.full((len(nodes), len(nodes)), np.inf)
    written = np.zeros((len(nodes), len(nodes), 2))
    for edge in edges:
        if edge.subject in index and edge.subject is not edge.object:
            i, j = index[edge.subject], index[edge.object]
            width, height = 2 * half_label(edge, options)
            distances[i, j] = distances[j, i] = CLOSENESS * (edge.subject.half[0] + edge.object.half[0] + width)
            written[i, j] = written[j, i] = max(written[i, j, 0], width), written[i, j, 1] + height
    # Where an arrow goes, there is room for what is written on it, and for some of the arrow.
    gaps = np.maximum(written + np.sign(written) * (3 * ARROW, 5 * ARROW), GAP)
    half = np.array([node.half for node in nodes])
    loops = np.zeros(len(nodes))
    for edge in edges:
        if edge.subject in index and edge.subject is edge.object:
            loops[index[edge.subject]] = LOOP + REL_LINE * len(edge.relations)
    points = _spread(shortest_paths(distances)) if len(nodes) > 1 else np.zeros((1, 2))
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


def shortest_paths(distances: Points) -> Points:
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


def pack_parts(parts: Sequence[tuple[list[Node], Points]], width: float) -> Points:
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


def half_label(edge: Edge, options: Options) -> Points:
    width = max(text_width(text, REL_SIZE) for _, text in edge.texts(options.scores))
    return np.array([width / 2 + 2, REL_LINE * len(edge.relations) / 2])
