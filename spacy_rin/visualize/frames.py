"""Frames around the entities of a row, and the lines between them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .content import Content, DrawnEntity
from .svg import shorten, text_width
from .words import LABEL_LENGTH, NAME_LENGTH, REL_SIZE, Place, padding_of

ARROW, CORNER, PORT = 5, 7, 11  # length of an arrowhead, radius of a corner, distance of arcs at an entity


GAP, STUB = 5, 12  # between what is written on arcs, and from the half of an arc to what is written beside it


class Frame(NamedTuple):
    """The frame around an entity, or around what a row has of it.

    Attributes:
        entity (DrawnEntity): The entity.
        row (int): The row.
        left, right: Its sides.
        pad (float): From the text to the frame.
        free (tuple[float, float]): Sides of the widest part of it that no other frame covers, where arcs begin and end.
    """

    entity: DrawnEntity
    row: int
    left: float
    right: float
    pad: float
    free: tuple[float, float]

    @property
    def middle(self) -> float:
        return sum(self.free) / 2


@dataclass
class Line:
    """What a row has of an arc: all, or a half.

    Attributes:
        index (int): Number of the arc.
        text (str): What is written on it.
        frames (list[Frame | None]): Of subject and object; None for the one that is in another row.
        x (list[float]): Where it leaves and where it arrives.
        center (float): Middle of what is written on it, or beside a half.
        level (int): Its height, from 0.
    """

    index: int
    text: str
    frames: list[Frame | None]
    x: list[float]
    center: float = 0.0
    level: int = 0

    @property
    def text_width(self) -> float:
        return text_width(self.text, REL_SIZE)


def make_frames(
    row: list[Place], index: int, entities: Sequence[DrawnEntity], depths: dict[DrawnEntity, int]
) -> Iterator[Frame]:
    """Frame the entities of a row, each before those inside it."""
    sides: list[tuple[DrawnEntity, float, float, float]] = []
    first, last = row[0].atom.start, row[-1].atom.end
    for entity in entities:
        if entity.start >= last:
            break
        if entity.end <= first:
            continue
        pad = padding_of(depths[entity])
        parts: list[list[float]] = []
        inside = [place for place in row if entity.start <= place.atom.start < entity.end]
        for place in sorted(inside, key=lambda place: place.rank):
            # Text of both directions can put other words between those of an entity.
            if parts and place.rank == parts[-1][2] + 1:
                parts[-1][1:] = place.right, place.rank
            else:
                parts.append([place.left, place.right, place.rank])
        parts.sort(key=lambda part: part[0] - part[1])
        sides += [(entity, left - pad, right + pad, pad) for left, right, _ in parts]
    for i, (entity, left, right, pad) in enumerate(sides):
        inner = [(x, y) for other, x, y, _ in sides[i + 1 :] if other != entity and x < right and left < y]
        yield Frame(entity, index, left, right, pad, _widest_gap(left, right, inner))


def _widest_gap(left: float, right: float, others: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Find the widest part of an interval that others leave free, or the whole if they leave too little."""
    gaps, x = [], left
    for start, end in sorted(others):
        gaps.append((x, start))
        x = max(x, end)
    start, end = max([*gaps, (x, right)], key=lambda gap: gap[1] - gap[0])
    return (start, end) if end - start >= PORT else (left, right)


def make_lines(
    content: Content, frames: Sequence[Sequence[Frame]], rtl: bool, width: float, scores: bool
) -> defaultdict[int, list[Line]]:
    """Divide the arcs among the rows, and choose where they leave and arrive."""
    frame_of: dict[DrawnEntity, Frame] = {}
    for frame in (frame for in_row in frames for frame in in_row):
        frame_of.setdefault(frame.entity, frame)
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    for index, arc in enumerate(content.arcs):
        subject, object_ = frame_of[arc.subject], frame_of[arc.object]
        label = shorten(arc.label, LABEL_LENGTH) + (f" {arc.score:.2f}" if scores else "")
        if subject.row == object_.row:
            lines[subject.row].append(Line(index, label, [subject, object_], [subject.middle, object_.middle]))
            continue
        names = [shorten(content.name(entity), NAME_LENGTH) for entity in (arc.subject, arc.object)]
        lines[subject.row].append(Line(index, f"{label} → {names[1]}", [subject, None], [subject.middle] * 2))
        lines[object_.row].append(Line(index, f"{names[0]} → {label}", [None, object_], [object_.middle] * 2))
        # A half of an arc points to where a reader finds the other one, if there is room for what is written there.
        for half, side, forth in (
            (lines[subject.row][-1], 1, subject.row < object_.row),
            (lines[object_.row][-1], 0, subject.row > object_.row),
        ):
            reach = (STUB + half.text_width) * (1 if forth != rtl else -1)
            half.x[side] += reach if 0 <= half.x[side] + reach <= width else -reach
    for row in lines.values():
        _spread(row)
    return lines


def _spread(lines: Sequence[Line]) -> None:
    """Give each end of the arcs at a frame a place of its own, so that arcs that needn't cross don't."""
    ends: defaultdict[Frame, list[tuple[tuple[float, ...], int, Line]]] = defaultdict(list)
    for line in lines:
        for side, frame in enumerate(line.frames):
            if frame is not None:
                # Arcs to the left, the longest last, then arcs to the right, the longest first, then to itself.
                reach = line.x[1 - side] - line.x[side]
                is_loop = line.frames[0] is line.frames[1]
                ends[frame].append(((is_loop, reach >= 0, -reach, line.index, side), side, line))
    for frame, at_frame in ends.items():
        step = min(PORT, (frame.free[1] - frame.free[0]) / (len(at_frame) + 1))
        first = frame.middle - step * (len(at_frame) - 1) / 2
        for i, (_, side, line) in enumerate(sorted(at_frame, key=lambda end: end[0])):
            if line.frames[1 - side] is None:
                line.x[1 - side] += first + i * step - line.x[side]
            line.x[side] = first + i * step


def stack_lines(lines: Sequence[Line], width: float) -> int:
    """Give each arc of a row its level, short arcs below long ones, and its text a place on it where no higher arc
    passes; returns the number of levels."""
    taken: list[list[tuple[float, float]]] = []
    waiting = sorted(lines, key=lambda line: (abs(line.x[1] - line.x[0]), line.index))
    for i, line in enumerate(waiting):
        legs = [x for other in waiting[i + 1 :] for x, frame in zip(other.x, other.frames) if frame]
        left, right = min(line.x), max(line.x)
        half = line.text_width / 2
        if all(line.frames):
            line.center = _free_center(left, right, half + GAP, legs, width)
        else:
            end, leg = line.x if line.frames[1] else line.x[::-1]
            line.center = end - half if end > leg else end + half
        reach = min(left, line.center - half) - GAP, max(right, line.center + half) + GAP
        line.level = take_lowest(reach, taken)
    return len(taken)


def _free_center(left: float, right: float, half: float, legs: Sequence[float], width: float) -> float:
    """Choose the middle of what is written on an arc: near the middle of the arc, and not where an arc passes."""
    lowest, highest = sorted((left + half, right - half))
    lowest, highest = max(lowest, half), min(highest, width - half)
    middle = min(max((left + right) / 2, lowest), max(lowest, highest))
    places = [middle, *(x + side * half for x in legs for side in (-1.01, 1.01))]
    free = [x for x in places if lowest <= x <= highest and not any(abs(x - leg) < half for leg in legs)]
    return min(free, key=lambda x: abs(x - middle), default=middle)


def take_lowest(reach: tuple[float, float], taken: list[list[tuple[float, float]]]) -> int:
    """Take the lowest level where an interval meets no other, and return it."""
    for level, others in enumerate(taken):
        if not any(reach[0] < right and left < reach[1] for left, right in others):
            others.append(reach)
            return level
    taken.append([reach])
    return len(taken) - 1
