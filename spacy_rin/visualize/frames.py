"""Place the frames around entities, and the arcs between them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .content import Arc, Content, DrawnEntity
from .svg import fit, shorten, text_width
from .words import LABEL_LENGTH, NAME_LENGTH, REL_SIZE, Place, padding_of

ARROW, CORNER, PORT = 5, 7, 11  # arrowhead length, corner radius, distance of arcs at an entity
GAP, STUB = 5, 12  # between texts on arcs, from a half of an arc to its text


class Frame(NamedTuple):
    """The frame around an entity, or around the part of it in a row.

    Attributes:
        entity (DrawnEntity): The entity.
        row (int): Index of the row.
        left (float): Its left side.
        right (float): Its right side.
        pad (float): Distance from the text to the frame.
        free (tuple[float, float]): Left and right side of its widest part that no inner frame covers. Arcs begin and
            end there.
    """

    entity: DrawnEntity
    row: int
    left: float
    right: float
    pad: float
    free: tuple[float, float]

    @property
    def middle(self) -> float:
        """The middle of the free part."""
        return sum(self.free) / 2


@dataclass
class Line:
    """An arc in a row, or the half of an arc whose ends are in different rows.

    Attributes:
        index (int): Index of the arc in `Content.arcs`.
        text (str): The text on the arc.
        frames (list[Frame | None]): Frames of subject and object. None for an entity in another row.
        x (list[float]): Horizontal positions of the start and the end.
        center (float): Horizontal middle of the text.
        level (int): Level of the arc above the text, from 0.
    """

    index: int
    text: str
    frames: list[Frame | None]
    x: list[float]
    center: float = 0.0
    level: int = 0

    @property
    def text_width(self) -> float:
        """Width of the text on the arc."""
        return text_width(self.text, REL_SIZE)


def make_frames(
    row: list[Place], index: int, entities: Sequence[DrawnEntity], depths: dict[DrawnEntity, int]
) -> Iterator[Frame]:
    """Make the frames of the entities in a row.

    Args:
        row (list[Place]): The row.
        index (int): Index of the row.
        entities (Sequence[DrawnEntity]): All entities of the text, in text order.
        depths (dict[DrawnEntity, int]): Nesting depths of the entities, see `nesting_depths`.

    Yields:
        Frame: A frame. It comes before the frames inside it.
    """
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
            # In text with both directions, other words can stand between those of an entity.
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
    """Find the widest part of an interval that no other interval covers. If it is too narrow, return the whole."""
    gaps, x = [], left
    for start, end in sorted(others):
        gaps.append((x, start))
        x = max(x, end)
    start, end = max([*gaps, (x, right)], key=lambda gap: gap[1] - gap[0])
    return (start, end) if end - start >= PORT else (left, right)


def make_lines(
    content: Content, frames: Sequence[Sequence[Frame]], rtl: bool, width: float, scores: bool
) -> defaultdict[int, list[Line]]:
    """Assign the arcs to rows, and choose where they start and end.

    Args:
        content (Content): The content of the picture.
        frames (Sequence[Sequence[Frame]]): The frames of each row.
        rtl (bool): Whether the text is read from right to left.
        width (float): Width of the picture.
        scores (bool): Whether to write scores beside relations.

    Returns:
        defaultdict[int, list[Line]]: The arcs and halves of arcs in each row, by the index of the row.
    """
    frame_of: dict[DrawnEntity, Frame] = {}
    for frame in (frame for in_row in frames for frame in in_row):
        frame_of.setdefault(frame.entity, frame)
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    halves: list[tuple[Line, int, bool, Callable[[int], str]]] = []
    for index, arc in enumerate(content.arcs):
        subject, object_ = frame_of[arc.subject], frame_of[arc.object]
        text_of, leaving, arriving = _texts(content, arc, scores)
        if subject.row == object_.row:
            text = fit(text_of, LABEL_LENGTH, REL_SIZE, width - 2 * GAP)
            lines[subject.row].append(Line(index, text, [subject, object_], [subject.middle, object_.middle]))
            continue
        lines[subject.row].append(Line(index, "", [subject, None], [subject.middle] * 2))
        lines[object_.row].append(Line(index, "", [None, object_], [object_.middle] * 2))
        # Each half of an arc points towards its other half, if there is room for its text on that side.
        halves.append((lines[subject.row][-1], 1, (subject.row < object_.row) != rtl, leaving))
        halves.append((lines[object_.row][-1], 0, (subject.row > object_.row) != rtl, arriving))
    for half in halves:
        _reach_out(*half, width)
    for row in lines.values():
        _spread(row)
    for half in halves:  # again, because their legs have moved
        _reach_out(*half, width)
    return lines


def _texts(content: Content, arc: Arc, scores: bool) -> tuple[Callable[[int], str], ...]:
    """Make the texts of an arc, its half at the subject, and its half at the object, for names of at most a length."""
    score = f" {arc.written_score}" if scores and arc.written_score else ""
    subject, object_ = content.name(arc.subject), content.name(arc.object)

    def label(length: int) -> str:
        return shorten(arc.label, length) + score

    def leaving(length: int) -> str:
        return f"{label(length)} → {shorten(object_, min(length, NAME_LENGTH))}"

    def arriving(length: int) -> str:
        return f"{shorten(subject, min(length, NAME_LENGTH))} → {label(length)}"

    return label, leaving, arriving


def _reach_out(line: Line, side: int, to_right: bool, text_of: Callable[[int], str], width: float) -> None:
    """Set the text of the half of an arc, and its open end, on the given side if the whole text has room there."""
    leg = line.x[1 - side]
    rooms = {True: width - leg - STUB - GAP, False: leg - STUB - GAP}
    if text_width(text_of(LABEL_LENGTH), REL_SIZE) > rooms[to_right]:
        to_right = rooms[True] > rooms[False]
    line.text = fit(text_of, LABEL_LENGTH, REL_SIZE, rooms[to_right])
    line.x[side] = leg + (STUB + line.text_width) * (1 if to_right else -1)


def _spread(lines: Sequence[Line]) -> None:
    """Spread the ends of arcs along each frame, in an order that avoids crossings."""
    ends: defaultdict[Frame, list[tuple[tuple[float, ...], int, Line]]] = defaultdict(list)
    for line in lines:
        for side, frame in enumerate(line.frames):
            if frame is not None:
                # First arcs to the left, the longest last. Then arcs to the right, the longest first. Then loops.
                reach = line.x[1 - side] - line.x[side]
                is_loop = line.frames[0] is line.frames[1]
                ends[frame].append(((is_loop, reach >= 0, -reach, line.index, side), side, line))
    for frame, at_frame in ends.items():
        step = min(PORT, (frame.free[1] - frame.free[0]) / (len(at_frame) + 1))
        first = frame.middle - step * (len(at_frame) - 1) / 2
        for i, (_, side, line) in enumerate(sorted(at_frame, key=lambda end: end[0])):
            line.x[side] = first + i * step


def stack_lines(lines: Sequence[Line], width: float) -> int:
    """Set the levels of the arcs in a row and the places of their texts.

    Short arcs are below long ones. A text is placed where no higher arc crosses it, if possible.

    Args:
        lines (Sequence[Line]): The arcs of the row. Their `level` and `center` are set.
        width (float): Width of the picture.

    Returns:
        int: The number of levels.
    """
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
    """Choose the middle of the text on an arc: as near to the arc's middle as possible, where no other arc crosses."""
    lowest, highest = sorted((left + half, right - half))
    lowest, highest = max(lowest, half), min(highest, width - half)
    middle = min(max((left + right) / 2, lowest), max(lowest, highest))
    places = [middle, *(x + side * half for x in legs for side in (-1.01, 1.01))]
    free = [x for x in places if lowest <= x <= highest and not any(abs(x - leg) < half for leg in legs)]
    return min(free, key=lambda x: abs(x - middle), default=middle)


def take_lowest(reach: tuple[float, float], taken: list[list[tuple[float, float]]]) -> int:
    """Find the lowest level where an interval overlaps no other, and add it there.

    Args:
        reach (tuple[float, float]): Left and right side of the interval.
        taken (list[list[tuple[float, float]]]): The intervals on each level. The new one is added.

    Returns:
        int: The level.
    """
    for level, others in enumerate(taken):
        if not any(reach[0] < right and left < reach[1] for left, right in others):
            others.append(reach)
            return level
    taken.append([reach])
    return len(taken) - 1
