"""Place the nodes of a graph: related nodes close together, without overlaps."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .content import Options
from .svg import shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 13, 11, 8.5  # font sizes
LINE, TYPE_LINE, REL_LINE = 16, 11, 14  # line heights
NAME_LENGTH, NAME_LINES, LABEL_LENGTH = 22, 3, 40  # most characters and lines of a name, most characters of a relation
PAD, MARGIN, GAP = 8, 14, 26  # inside a node, around the picture, between nodes and parts
ARROW, LOOP = 8, 26  # arrowhead length, height of an arrow from a node to itself
CLOSENESS, FLATNESS = 0.8, 0.65  # factors of distances and heights in the first layout, before nodes are pushed apart
STARTS, STEPS = 6, 150  # random starts of the layout, iterations of each
# A part with more nodes gets fewer starts and iterations, down to so many, because each of them takes longer.
LARGE, FEWEST = 60, 20

Key = tuple[str, str]
Points = NDArray[np.float64]


@dataclass(eq=False)
class Node:
    """An entity, and the text in its node.

    Attributes:
        name (str): Its name.
        label (str): Its type.
        center (ndarray): Center of the node. *Shape:* (2,).
        lines (list[str]): The lines of the name, as it is written.
        type (str): The type, as it is written.
        half (ndarray): Half of the width and height. *Shape:* (2,).
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
    """All relations from one entity to another.

    Attributes:
        subject (Node): The subject.
        object (Node): The object.
        relations (dict[str, tuple[float, int]]): The highest score and the number of occurrences of each relation.
    """

    subject: Node
    object: Node
    relations: dict[str, tuple[float, int]]

    def texts(self, scores: bool) -> Iterator[tuple[str, str]]:
        """Yield each relation, and the text of its label, with the score if `scores` is True."""
        for label, (score, count) in self.relations.items():
            times = f" ×{count}" if count > 1 else ""
            written = f" {score:.2f}" if scores and score != 1.0 else ""
            yield label, f"{shorten(label, LABEL_LENGTH)}{written}{times}"


def connected_parts(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[Node]]:
    """Split nodes into connected parts.

    Args:
        nodes (Sequence[Node]): The nodes.
        edges (Sequence[Edge]): The edges.

    Returns:
        list[list[Node]]: The nodes of each part, the largest part first.
    """
    part_of = {node: [node] for node in nodes}
    for edge in edges:
        left, right = part_of[edge.subject], part_of[edge.object]
        if left is not right:
            left += right
            part_of.update((node, left) for node in right)
    parts = {id(part): part for part in part_of.values()}
    return sorted(parts.values(), key=len, reverse=True)


def lay_out(nodes: list[Node], edges: Sequence[Edge], options: Options) -> None:
    """Place the nodes of a connected part.

    Args:
        nodes (list[Node]): The nodes of the part. Their `center` is set.
        edges (Sequence[Edge]): The edges of the part.
        options (Options): The options.
    """
    index = {node: i for i, node in enumerate(nodes)}
    distances = np.full((len(nodes), len(nodes)), np.inf)
    written = np.zeros((len(nodes), len(nodes), 2))
    for edge in edges:
        if edge.subject is not edge.object:
            i, j = index[edge.subject], index[edge.object]
            width, height = 2 * half_label(edge, options)
            distances[i, j] = distances[j, i] = CLOSENESS * (edge.subject.half[0] + edge.object.half[0] + width)
            written[i, j] = written[j, i] = max(written[i, j, 0], width), written[i, j, 1] + height
    # Between connected nodes, leave room for the label and for some of the arrow.
    gaps = np.maximum(written + np.sign(written) * (3 * ARROW, 5 * ARROW), GAP)
    half = np.array([node.half for node in nodes])
    loops = np.zeros(len(nodes))
    for edge in edges:
        if edge.subject is edge.object:
            loops[index[edge.subject]] = LOOP + REL_LINE * len(edge.relations)
    points = _spread(shortest_paths(distances)) if len(nodes) > 1 else np.zeros((1, 2))
    # An arrow from a node to itself is drawn above the node, so the node takes more room.
    above = np.stack([np.zeros(len(nodes)), loops], 1)
    layouts = []
    for turned in (points, points[:, ::-1]):
        middles = _push_apart(turned * (1.0, FLATNESS), half + above / 2, gaps) + above / 2
        width = float(((middles + half).max(0) - (middles - half).min(0))[0])
        layouts.append((width, middles))
        if width <= options.width - 2 * MARGIN:
            break
    _, middles = min(layouts, key=lambda layout: layout[0])
    for node, middle in zip(nodes, middles):
        node.center = middle


def shortest_paths(distances: Points) -> Points:
    """Compute the lengths of the shortest paths between all nodes (Floyd-Warshall algorithm).

    Args:
        distances (ndarray): Lengths of the edges, infinite without one. Its diagonal is set to 0.
            *Shape:* (nodes, nodes).

    Returns:
        ndarray: Lengths of the shortest paths. *Shape:* (nodes, nodes).
    """
    np.fill_diagonal(distances, 0.0)
    for i in range(len(distances)):
        distances = np.minimum(distances, distances[:, i : i + 1] + distances[i : i + 1])
    return distances


def _spread(distances: Points) -> Points:
    """Find points whose distances are close to the given ones. The widest direction becomes horizontal.

    Args:
        distances (ndarray): The wanted distances. *Shape:* (points, points).

    Returns:
        ndarray: The points. *Shape:* (points, 2).
    """
    n = len(distances)
    weights = 1.0 / np.maximum(distances, 1.0) ** 2
    np.fill_diagonal(weights, 0.0)
    solve = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    random = np.random.RandomState(0)  # gives the same numbers in all versions of NumPy
    best, least = np.zeros((n, 2)), np.inf
    for _ in range(max(1, STARTS * LARGE // max(n, LARGE))):
        points = random.uniform(-0.5, 0.5, (n, 2)) * distances.max()
        for _ in range(_steps(n)):
            ratios = weights * distances / np.maximum(_norms(points), 1e-9)
            points = solve @ (np.diag(ratios.sum(1)) - ratios) @ points
        stress = float((weights * (_norms(points) - distances) ** 2).sum())
        if stress < least * 0.999:
            best, least = points, stress
    best = best - best.mean(0)
    rotated: Points = best @ np.linalg.svd(best, full_matrices=False)[2].T
    return rotated


def _steps(n: int) -> int:
    return max(FEWEST, STEPS * LARGE // max(n, LARGE))


def _norms(points: Points) -> Points:
    norms: Points = np.linalg.norm(points[:, None] - points[None], axis=2)
    return norms


def _push_apart(points: Points, half: Points, gaps: Points) -> Points:
    """Push apart nodes that are too close. Each pair moves along the axis where the shorter move is enough.

    Args:
        points (ndarray): Centers of the nodes. *Shape:* (nodes, 2).
        half (ndarray): Half of their sizes. *Shape:* (nodes, 2).
        gaps (ndarray): Least gaps between the sides of two nodes. A pair needs its gap along one axis only.
            *Shape:* (nodes, nodes, 2).

    Returns:
        ndarray: The new centers. *Shape:* (nodes, 2).
    """
    points = points.copy()
    while True:
        for _ in range(_steps(len(points))):
            moved = False
            for i in range(len(points) - 1):
                missing = half[i] + half[i + 1 :] + gaps[i, i + 1 :] - np.abs(points[i] - points[i + 1 :])
                close = np.flatnonzero((missing > 0.5).all(1))
                if len(close):
                    j = i + 1 + close[0]  # after this move, other nodes may be far enough
                    axis = int(missing[close[0]].argmin())
                    step = missing[close[0], axis] / 2 * (1 if points[i, axis] > points[j, axis] else -1)
                    points[i, axis] += step
                    points[j, axis] -= step
                    moved = True
            if not moved:
                return points
        points *= 1.1  # there is too little room, so spread all nodes


def half_label(edge: Edge, options: Options) -> Points:
    """Compute half of the width and height of an edge's label. *Shape:* (2,)."""
    width = max(text_width(text, REL_SIZE) for _, text in edge.texts(options.scores))
    return np.array([width / 2 + 2, REL_LINE * len(edge.relations) / 2])
