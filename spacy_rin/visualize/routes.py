"""Route the arrows of a graph around its nodes, and find room for their labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .content import Options
from .layout import LOOP, MARGIN, Edge, Node, Points, half_label, lay_out

TIMES = np.linspace(0.0, 1.0, 201)  # parameters of the points where a curve is sampled
DOTS = TIMES[::8]
PLACES = np.array(sorted(np.linspace(0.14, 0.86, 25), key=lambda place: abs(place - 0.5)))  # for a label, best first
LABEL_GAP = 2.0  # between a label and what is beside it
GROWTH, MOST_GROWTHS = 1.2, 30  # how a part grows that has no room for its labels


@dataclass
class Part:
    """A connected part of a graph, with its place in the picture.

    Attributes:
        nodes (list[Node]): Its nodes.
        edges (list[Edge]): Its edges.
        ways (list[ndarray]): Control points of the Bézier curve of each edge. *Shape:* (3 or 4, 2) each.
        labels (ndarray): Centers of the labels of the edges. *Shape:* (edges, 2).
        halves (ndarray): Half of the sizes of the labels. *Shape:* (edges, 2).
    """

    nodes: list[Node]
    edges: list[Edge]
    ways: list[Points]
    labels: Points
    halves: Points

    @property
    def sides(self) -> tuple[Points, Points]:
        """Top left and bottom right corner. *Shape:* (2,) each."""
        centers, halves = boxes(self.nodes)
        # A curve lies between its control points.
        low = np.concatenate([centers - halves, self.labels - self.halves, *self.ways])
        high = np.concatenate([centers + halves, self.labels + self.halves, *self.ways])
        return low.min(0), high.max(0)

    def move(self, offset: Points) -> None:
        """Move the whole part."""
        for node in self.nodes:
            node.center = node.center + offset
        self.ways = [way + offset for way in self.ways]
        self.labels = self.labels + offset


def arrange(nodes: list[Node], edges: Sequence[Edge], options: Options) -> Part:
    """Place the nodes, arrows and labels of a connected part. Labels cover neither nodes nor each other.

    Args:
        nodes (list[Node]): The nodes of the part. Their `center` is set.
        edges (Sequence[Edge]): The edges of the part.
        options (Options): The options.

    Returns:
        Part: The part.
    """
    lay_out(nodes, edges, options)
    halves = np.array([half_label(edge, options) for edge in edges]).reshape(-1, 2)
    pairs = {(edge.subject, edge.object) for edge in edges}
    for _ in range(MOST_GROWTHS):
        ways = [_route(edge, nodes, (edge.object, edge.subject) in pairs) for edge in edges]
        labels, n_covered = _place_labels(edges, ways, halves, nodes)
        part = Part(nodes, list(edges), ways, labels, halves)
        low, high = part.sides
        # Labels may cover other arrows where the picture would become too large.
        if n_covered == 0 or (n_covered < np.inf and GROWTH * (high - low).max() > options.width - 2 * MARGIN):
            break
        for node in nodes:
            node.center = node.center * GROWTH
    return part


def _route(edge: Edge, nodes: Sequence[Node], returns: bool) -> Points:
    """Compute the curve of an arrow, a Bézier curve between the borders of its nodes.

    Args:
        edge (Edge): The edge.
        nodes (Sequence[Node]): All nodes. The curve bends to avoid the others.
        returns (bool): Whether there is an arrow in the opposite direction. Then the curve always bends.

    Returns:
        ndarray: The control points. *Shape:* (4, 2) for an arrow from a node to itself, else (3, 2).
    """
    start, end = edge.subject.center, edge.object.center
    if edge.subject is edge.object:
        loop: Points = start - (0, edge.subject.half[1]) + np.array([[-9, 0], [-30, -LOOP], [30, -LOOP], [9, -1]])
        return loop
    across = np.array([start[1] - end[1], end[0] - start[0]])
    centers, halves = boxes(nodes)
    others = np.array([node is not edge.subject and node is not edge.object for node in nodes])
    way, least = np.stack([start, start, end]), np.inf
    for bend in (0.25, 0.5, 0.75) if returns else (0.0, 0.25, -0.25, 0.5, -0.5):
        other_way = np.stack([start, (start + end) / 2 + bend * across, end])
        points = along(other_way, TIMES)
        # Only nodes near the curve can be hit; to look at all of them is slow in large graphs.
        reach = halves + 4
        near = others & (centers + reach > points.min(0)).all(1) & (centers - reach < points.max(0)).all(1)
        inside = (np.abs(points[:, None] - centers[near]) < reach[near]).all(2).any(0)
        if (hits := int(inside.sum())) < least:
            way, least = other_way, hits
        if not hits:
            break
    points = along(way, TIMES)
    outside = np.flatnonzero(
        (np.abs(points - start) >= edge.subject.half + 1).any(1) & (np.abs(points - end) >= edge.object.half + 2).any(1)
    )
    if len(outside) < 2:
        return way
    # Control points of the part of the curve that is outside of both nodes.
    first, last = TIMES[outside[0]], TIMES[outside[-1]]
    middle = (1 - first) * (1 - last) * way[0] + (first + last - 2 * first * last) * way[1] + first * last * way[2]
    ends = along(way, np.array([first, last]))
    return np.stack([ends[0], middle, ends[1]])


def _place_labels(
    edges: Sequence[Edge], ways: Sequence[Points], halves: Points, nodes: Sequence[Node]
) -> tuple[Points, float]:
    """Place the labels on their arrows: beside nodes and other labels, if possible also beside other arrows.

    Returns:
        tuple[ndarray, float]: The centers of the labels, and how many arrows they cover; infinite if they cover a node
            or a label. *Shape:* (edges, 2).
    """
    labels = np.zeros((len(edges), 2))
    centers, sizes = boxes(nodes)
    dots = np.array([along(way, DOTS) for way in ways]).reshape(len(ways), len(DOTS), 2)
    lows, highs = dots.min(1), dots.max(1)
    choices, crossings = [], []
    for i, (edge, way) in enumerate(zip(edges, ways)):
        if edge.subject is edge.object:
            places = edge.subject.center[None] - (0.0, edge.subject.half[1] + LOOP + halves[i, 1] - 6)
        else:
            places = along(way, PLACES)
        if edge.subject is not edge.object:
            free = (_shared(places, halves[i], centers, sizes) == 0).all(1)
            places = places[free] if free.any() else places
        # Only arrows near the places can be crossed; to look at all of them is slow in large graphs.
        low, high = places.min(0) - halves[i], places.max(0) + halves[i]
        near = (lows < high).all(1) & (highs > low).all(1)
        near[i] = False
        others = dots[near]
        crossed = (np.abs(others[None] - places[:, None, None]) < halves[i]).all(3).any(2).sum(1)
        choices.append(places)
        crossings.append(crossed)
    # Labels with few places choose first.
    taken: list[int] = []
    n_covered = 0.0
    for i in sorted(range(len(edges)), key=lambda i: (len(choices[i]), i)):
        at, half = np.concatenate([centers, labels[taken]]), np.concatenate([sizes, halves[taken]])
        shared = _shared(choices[i], halves[i], at, half).sum(1)
        place = np.lexsort([8 * crossings[i] + np.arange(len(shared)), shared])[0]
        labels[i] = choices[i][place]
        n_covered += crossings[i][place] if shared[place] == 0 else np.inf
        taken.append(i)
    return labels, n_covered


def _shared(places: Points, half: Points, centers: Points, halves: Points) -> Points:
    """Compute the areas that a label, at each of some places, shares with boxes. *Shape:* (places, boxes)."""
    place, half = places[:, None], half + LABEL_GAP / 2
    shared = np.minimum(place + half, centers + halves) - np.maximum(place - half, centers - halves)
    areas: Points = np.maximum(shared, 0.0).prod(2)
    return areas


def boxes(nodes: Iterable[Node]) -> tuple[Points, Points]:
    """Get the centers and half the sizes of nodes. *Shape:* (nodes, 2) each."""
    nodes = list(nodes)
    return np.array([node.center for node in nodes]), np.array([node.half for node in nodes])


def along(way: Points, times: Points) -> Points:
    """Compute points of a Bézier curve (de Casteljau's algorithm). *Shape:* (times, 2)."""
    points, t = np.repeat(way[:, None], len(times), axis=1), times[:, None]
    while len(points) > 1:
        points = (1 - t) * points[:-1] + t * points[1:]
    curve: Points = points[0]
    return curve


def pack_parts(parts: Sequence[Part], width: float, gap: float) -> None:
    """Put the parts of a graph side by side, on shelves one below the other.

    The highest parts come first, and single nodes last.

    Args:
        parts (Sequence[Part]): The parts. They are moved.
        width (float): Width of the picture. A wider part gets a shelf of its own.
        gap (float): Room between parts.
    """
    shelves: list[list[float]] = []  # top, height, and used width
    bottom = 0.0
    sized = [(part, *part.sides) for part in parts]
    for part, low, high in sorted(sized, key=lambda sides: (len(sides[0].nodes) == 1, sides[1][1] - sides[2][1])):
        size = high - low
        shelf = next((shelf for shelf in shelves if shelf[2] + size[0] <= width and size[1] <= shelf[1]), None)
        if shelf is None:
            shelf = [bottom, size[1], 0.0]
            shelves.append(shelf)
            bottom += size[1] + gap
        part.move(np.array([shelf[2], shelf[0]]) - low)
        shelf[2] += size[0] + gap
