"""Style "rel": a text with its entities, and arcs above it from subjects to objects.

The text is laid out here, word by word, so that the arcs know where their entities are, without a script in the
picture. It wraps to rows. An arc between entities in different rows has a half in each.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from spacy.tokens import Span

from .content import Content, Entity, Options
from .svg import element, picture, shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 16, 11.5, 9  # of fonts
ASCENT, DESCENT = 13, 5  # of the text, from its baseline
RISE, LEVEL, SLOT = 18, 19, 11  # from frames to the lowest arc, from an arc to the next, from a type's name to the next
PAD, NESTED_PAD = 3, 3  # from an entity to its frame, from a frame to the one around it
ARROW, CORNER, PORT = 5, 7, 11  # length of an arrowhead, radius of a corner, distance of arcs at an entity
GAP, STUB = 5, 12  # between what is written on arcs, and from the half of an arc to what is written beside it
MARGIN, ROW_GAP = 12, 16
NAME_LENGTH, LABEL_LENGTH = 24, 40  # characters of the names of entities and types, and of a relation


class Atom(NamedTuple):
    """A piece of text that is never broken.

    Attributes:
        start, end: Its characters.
        text (str): The text.
        width (float): Its width.
        before, after: Room before and after it, where an entity starts or ends.
    """

    start: int
    end: int
    text: str
    width: float
    before: float = 0.0
    after: float = 0.0

    @property
    def room(self) -> float:
        return self.before + self.width + self.after


class Place(NamedTuple):
    """Where an atom stands in its row.

    Attributes:
        atom (Atom): The atom.
        rank (int): How many stand to its left.
        left (float): Its left side.
        rtl (bool): Whether it is read from right to left.
    """

    atom: Atom
    rank: int
    left: float
    rtl: bool

    @property
    def right(self) -> float:
        return self.left + self.atom.width


class Frame(NamedTuple):
    """The frame around an entity, or around what a row has of it.

    Attributes:
        entity (Entity): The entity.
        row (int): The row.
        left, right: Its sides.
        pad (float): From the text to the frame.
        free (tuple[float, float]): Sides of the widest part of it that no other frame covers, where arcs begin and end.
    """

    entity: Entity
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


def draw_arcs(content: Content, options: Options) -> Element:
    """Draw a text with its entities and arcs.

    Args:
        content (Content): The text, and what to show of it.
        options (Options): The options.

    Returns:
        Element: The picture.
    """
    width = float(options.width)
    rtl = _is_rtl(content.span)
    depths = _depths(content.entities)
    rows = [_place(row, rtl, width) for row in _rows(_words(content, depths, width), width - 2 * MARGIN)]
    frames = [list(_frames(row, index, content.entities, depths)) for index, row in enumerate(rows)]
    lines = _lines(content, frames, rtl, width, options.scores)
    drawn: list[Element] = []
    numbers = {entity: str(number) for number, entity in enumerate(content.entities)}
    named: set[Entity] = set()
    top = float(MARGIN)
    for index, (row, in_row) in enumerate(zip(rows, frames)):
        pad = max((frame.pad for frame in in_row), default=0.0)
        n_levels = _stack(lines[index], width)
        baseline = top + (RISE + (n_levels - 1) * LEVEL + REL_SIZE / 2 if n_levels else 0.0) + pad + ASCENT
        group = Element("g", {"class": "rin-row"})
        drawn.append(group)
        _draw_frames(group, in_row, numbers, baseline, options)
        for line in sorted(lines[index], key=lambda line: -line.level):
            _draw_line(group, line, content, numbers, baseline, baseline - ASCENT - pad, options)
        _draw_text(group, row, in_row, baseline, options)
        n_slots = _draw_types(group, [f for f in in_row if f.entity not in named], baseline + DESCENT + pad, width)
        named.update(frame.entity for frame in in_row)
        top = baseline + DESCENT + pad + n_slots * SLOT + ROW_GAP
    title = shorten(content.span.text, 200)
    svg = picture((0, 0, width, top), label=title, background=options.bg, font=options.font, class_="rin-arcs")
    svg.extend(drawn)
    return svg


# The text: words, rows, and places in them


def _words(content: Content, depths: dict[Entity, int], width: float) -> Iterator[tuple[bool, list[Atom]]]:
    """Cut a text into words: what a row can't end inside of. Each comes with whether a row must start with it."""
    span, (before, after, inside) = content.span, _room(content, depths)
    sentences = span.doc.has_annotation("SENT_START")
    limit = max(3.0 * SIZE, width - 2 * MARGIN - 2 * max([0.0, *before.values()]))
    word: list[Atom] = []
    must = next_must = False
    previous = " "
    for token in span:
        if token.is_space:
            next_must = next_must or not token.text.isprintable()
            if token.text.isprintable():
                word.append(_atom(token.idx, token.text))
            previous = " "
            continue
        next_must = next_must or bool(sentences and token.is_sent_start and token.i > span.start)
        may = token.idx not in inside and (previous.isspace() or _is_wide(previous) or _is_wide(token.text[0]))
        if word and (may or next_must):
            yield must, word
            word, must = [], False
        must, next_must = must or next_must, False
        start = token.idx
        for piece in _pieces(token.text, limit):
            end = start + len(piece)
            word.append(_atom(start, piece, before.get(start, 0.0), after.get(end, 0.0)))
            start = end
        previous = token.text[-1]
        if token.whitespace_:
            word.append(_atom(start, " "))
            previous = " "
    if word:
        yield must, word


def _room(content: Content, depths: dict[Entity, int]) -> tuple[dict[int, float], dict[int, float], set[int]]:
    """Compute the room before and after entities, by the characters where they start and end, enough for their frames
    and the names of their types; and the characters inside of them."""
    before: defaultdict[int, float] = defaultdict(float)
    after: defaultdict[int, float] = defaultdict(float)
    inside: set[int] = set()
    for start, end, label in content.entities:
        inside.update(range(start + 1, end))
        missing = text_width(shorten(label, NAME_LENGTH), TYPE_SIZE) - text_width(content.text[start:end], SIZE)
        room = max(_pad(depths[Entity(start, end, label)]) + 1, missing / 2 + 2)
        before[start], after[end] = max(before[start], room), max(after[end], room)
    return before, after, inside


def _rows(words: Iterable[tuple[bool, list[Atom]]], width: float) -> Iterator[list[Atom]]:
    row: list[Atom] = []
    used = 0.0
    for must, word in words:
        fits = sum(atom.room for atom in _trimmed(word)) <= width
        for number, part in enumerate([word] if fits else [[atom] for atom in word]):
            wanted = sum(atom.room for atom in _trimmed(part))
            if row and ((must and not number) or used + wanted > width):
                yield row
                row, used = [], 0.0
            row += part
            used += sum(atom.room for atom in part)
    if row:
        yield row


def _place(row: list[Atom], rtl: bool, width: float) -> list[Place]:
    """Place the atoms of a row, in the order of the text: by the Unicode Bidirectional Algorithm, as far as whole
    atoms are concerned; the browser does the rest of it."""
    levels = _bidi_levels([atom.text for atom in row], rtl)
    order = list(range(len(row)))
    for level in range(max(levels, default=0), 0, -1):
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = max(end, start + 1)
    lefts: dict[int, float] = {}
    x = width - MARGIN - sum(atom.room for atom in row) if rtl else float(MARGIN)
    for i in order:
        lefts[i] = x + (row[i].after if levels[i] % 2 else row[i].before)
        x += row[i].room
    ranks = {i: rank for rank, i in enumerate(order)}
    return [Place(atom, ranks[i], lefts[i], bool(levels[i] % 2)) for i, atom in enumerate(row)]


def _bidi_levels(texts: Sequence[str], rtl: bool) -> list[int]:
    """Compute embedding levels: even ones are read from left to right, odd ones from right to left."""
    base = int(rtl)
    strong = [_direction(text) for text in texts]
    levels = []
    for i, direction in enumerate(strong):
        if direction is None:
            # What has no direction has that of both its neighbours, or else that of the row.
            left = next((d for d in reversed(strong[:i]) if d is not None), base)
            right = next((d for d in strong[i + 1 :] if d is not None), base)
            direction = left if left == right else base
        levels.append(direction if direction >= base else 2)
    return levels


def _direction(text: str) -> int | None:
    """Tell whether the first letter of a text is read from left to right, 0, or from right to left, 1."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return int(kind != "L")
    return None


def _is_rtl(span: Span) -> bool:
    """Tell whether a text is read from right to left: its language is, or its first letter."""
    return span.vocab.writing_system.get("direction") == "rtl" or _direction(span.text) == 1


def _is_wide(char: str) -> bool:
    """Tell whether a character is of a script that is written without spaces, such as Chinese."""
    return unicodedata.east_asian_width(char) in "WF"


def _atom(start: int, text: str, before: float = 0.0, after: float = 0.0) -> Atom:
    return Atom(start, start + len(text), text, text_width(text, SIZE), before, after)


def _pieces(text: str, width: float) -> Iterator[str]:
    """Cut a text that is wider than a row."""
    start, used = 0, 0.0
    for i, char in enumerate(text):
        used += text_width(char, SIZE)
        if used > width and i > start:
            yield text[start:i]
            start, used = i, text_width(char, SIZE)
    yield text[start:]


def _trimmed(word: list[Atom]) -> list[Atom]:
    end = len(word)
    while end and word[end - 1].text.isspace():
        end -= 1
    return word[:end]


# Frames around entities


def _depths(entities: Sequence[Entity]) -> dict[Entity, int]:
    """Compute how many frames an entity must have room for inside of its own."""
    depths: dict[Entity, int] = {}
    for i in reversed(range(len(entities))):
        entity, depth = entities[i], 0
        for other in entities[i + 1 :]:
            if other.start >= entity.end:
                break
            depth = max(depth, depths[other] + 1)
        depths[entity] = depth
    return depths


def _pad(depth: int) -> float:
    return PAD + depth * NESTED_PAD


def _frames(row: list[Place], index: int, entities: Sequence[Entity], depths: dict[Entity, int]) -> Iterator[Frame]:
    """Frame the entities of a row, each before those inside it."""
    sides: list[tuple[Entity, float, float, float]] = []
    first, last = row[0].atom.start, row[-1].atom.end
    for entity in entities:
        if entity.start >= last:
            break
        if entity.end <= first:
            continue
        pad = _pad(depths[entity])
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


# Arcs


def _lines(
    content: Content, frames: Sequence[Sequence[Frame]], rtl: bool, width: float, scores: bool
) -> defaultdict[int, list[Line]]:
    """Divide the arcs among the rows, and choose where they leave and arrive."""
    frame_of: dict[Entity, Frame] = {}
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


def _stack(lines: Sequence[Line], width: float) -> int:
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
        line.level = _take_lowest(reach, taken)
    return len(taken)


def _free_center(left: float, right: float, half: float, legs: Sequence[float], width: float) -> float:
    """Choose the middle of what is written on an arc: near the middle of the arc, and not where an arc passes."""
    lowest, highest = sorted((left + half, right - half))
    lowest, highest = max(lowest, half), min(highest, width - half)
    middle = min(max((left + right) / 2, lowest), max(lowest, highest))
    places = [middle, *(x + side * half for x in legs for side in (-1.01, 1.01))]
    free = [x for x in places if lowest <= x <= highest and not any(abs(x - leg) < half for leg in legs)]
    return min(free, key=lambda x: abs(x - middle), default=middle)


def _take_lowest(reach: tuple[float, float], taken: list[list[tuple[float, float]]]) -> int:
    """Take the lowest level where an interval meets no other, and return it."""
    for level, others in enumerate(taken):
        if not any(reach[0] < right and left < reach[1] for left, right in others):
            others.append(reach)
            return level
    taken.append([reach])
    return len(taken) - 1


# Drawing


def _draw_frames(
    group: Element, frames: Sequence[Frame], numbers: dict[Entity, str], baseline: float, options: Options
) -> None:
    for frame in frames:
        rect = element(
            group,
            "rect",
            x=frame.left,
            y=baseline - ASCENT - frame.pad,
            width=frame.right - frame.left,
            height=ASCENT + DESCENT + 2 * frame.pad,
            rx="4",
            fill=options.entity_color(frame.entity.label),
            stroke="#000000",
            stroke_opacity="0.2",
            class_="rin-entity",
            data_entity=numbers[frame.entity],
            data_label=frame.entity.label,
        )
        element(rect, "title", frame.entity.label)


def _draw_text(
    group: Element, row: Sequence[Place], frames: Sequence[Frame], baseline: float, options: Options
) -> None:
    """Write the text in pieces that are as long as they can be, for the browser to join its letters."""
    bounds = {x for frame in frames for x in (frame.entity.start, frame.entity.end)}
    runs: list[list[Place]] = []
    for place in row:
        joined = runs and runs[-1][-1].rtl == place.rtl and runs[-1][-1].atom.end == place.atom.start
        if joined and place.atom.start not in bounds:
            runs[-1].append(place)
        else:
            runs.append([place])
    for run in runs:
        left, right = min(place.left for place in run), max(place.right for place in run)
        element(
            group,
            "text",
            "".join(place.atom.text for place in run),
            x=right if run[0].rtl else left,
            y=baseline,
            textLength=right - left,
            lengthAdjust="spacingAndGlyphs",
            direction="rtl" if run[0].rtl else "ltr",
            font_size=str(SIZE),
            fill=options.color,
            style="white-space: pre",
            class_="rin-text",
        )


def _draw_types(group: Element, frames: Sequence[Frame], top: float, width: float) -> int:
    """Write the types of entities below them, those of inner entities first; returns the number of slots."""
    taken: list[list[tuple[float, float]]] = []
    seen: set[Entity] = set()
    for frame in sorted(frames, key=lambda frame: (frame.pad, frame.left)):
        if frame.entity in seen or not frame.entity.label:
            continue
        seen.add(frame.entity)
        label = shorten(frame.entity.label, NAME_LENGTH)
        half = text_width(label, TYPE_SIZE) / 2
        center = min(max(frame.middle, half), max(half, width - half))
        reach = center - half - 2, center + half + 2
        slot = _take_lowest(reach, taken)
        element(
            group,
            "text",
            label,
            x=center,
            y=top + (slot + 1) * SLOT - 1,
            textLength=2 * half,
            lengthAdjust="spacingAndGlyphs",
            text_anchor="middle",
            font_size=str(TYPE_SIZE),
            fill="#4a5568",
            class_="rin-type",
        )
    return len(taken)


def _draw_line(
    group: Element,
    line: Line,
    content: Content,
    numbers: dict[Entity, str],
    baseline: float,
    bottom: float,
    options: Options,
) -> None:
    """Draw an arc in a row whose arcs are above `bottom`."""
    arc = content.arcs[line.index]
    color = options.relation_color(arc.label)
    ends = [baseline - ASCENT - frame.pad if frame else None for frame in line.frames]
    y = bottom - RISE - line.level * LEVEL
    x = [
        leg if frame else other + math.copysign(STUB - 2, leg - other)
        for leg, other, frame in zip(line.x, line.x[::-1], line.frames)
    ]
    # What is written on an arc that is too short for it stands above it.
    is_narrow = all(line.frames) and abs(x[1] - x[0]) < line.text_width + 2 * CORNER
    relation = element(
        group,
        "g",
        class_="rin-relation",
        data_relation=str(line.index),
        data_label=arc.label,
        data_subject=numbers[arc.subject],
        data_object=numbers[arc.object],
    )
    title = f"{content.name(arc.subject)} – {arc.label} → {content.name(arc.object)} ({arc.score:.4f})"
    element(relation, "title", title)
    element(
        relation,
        "path",
        d=_path(x, ends, y + 8.5 if is_narrow else y),
        fill="none",
        stroke=color,
        stroke_width="1.4",
    )
    if ends[1] is not None:
        tip, neck = ends[1], ends[1] - ARROW - 1
        path = f"M{x[1]:.1f},{tip:.1f} L{x[1] - 3.5:.1f},{neck:.1f} {x[1] + 3.5:.1f},{neck:.1f} Z"
        element(relation, "path", d=path, fill=color, class_="rin-arrowhead")
    half = line.text_width / 2
    element(relation, "rect", x=line.center - half - 2, y=y - 7, width=2 * half + 4, height="14", fill=options.bg)
    element(
        relation,
        "text",
        line.text,
        x=line.center,
        y=y + 4,
        textLength=2 * half,
        lengthAdjust="spacingAndGlyphs",
        text_anchor="middle",
        font_size=str(REL_SIZE),
        fill=color,
        class_="rin-label",
    )


def _path(x: Sequence[float], ends: Sequence[float | None], y: float) -> str:
    """Draw up from the subject, along at the arc's height, and down to the object; a half has one side only."""
    corner = min(CORNER, abs(x[1] - x[0]) / 2)
    turn = corner if x[1] > x[0] else -corner
    leave = f"M{x[0]:.1f},{y:.1f}"
    if ends[0] is not None:
        leave = f"M{x[0]:.1f},{ends[0]:.1f} V{y + corner:.1f} Q{x[0]:.1f},{y:.1f} {x[0] + turn:.1f},{y:.1f}"
    arrive = f"H{x[1]:.1f}"
    if ends[1] is not None:
        arrive = f"H{x[1] - turn:.1f} Q{x[1]:.1f},{y:.1f} {x[1]:.1f},{y + corner:.1f} V{ends[1] - ARROW:.1f}"
    return f"{leave} {arrive}"
