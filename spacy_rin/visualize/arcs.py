"""Draw the style "rel": a text with its entities, and arcs above it from subjects to objects.

The text is laid out here, word by word, and wrapped to rows. So the positions of entities are known without a script in
the picture. An arc between entities in different rows is drawn as two halves, one in each row.
"""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ..markup import element
from .colors import BORDER, Palette
from .content import Content, DrawnEntity, Options
from .frames import ARROW, CORNER, STUB, Frame, Line, make_frames, make_lines, stack_lines, take_lowest
from .svg import centered, picture, shorten, text_width
from .words import (
    MARGIN,
    REL_SIZE,
    ROW_GAP,
    SIZE,
    TYPE_SIZE,
    Place,
    is_rtl,
    margin_of,
    nesting_depths,
    place_row,
    split_rows,
    type_text,
    words_of,
)

ASCENT, DESCENT = 13, 5  # height of the text above and below its baseline
RISE, LEVEL, SLOT = 18, 19, 11  # distances: frames to lowest arc, arc to arc, type to type


def draw_arcs(content: Content, options: Options, colors: Palette) -> Element:
    """Draw a text with its entities and arcs.

    Args:
        content (Content): The text, with the entities and relations to show.
        options (Options): The options.
        colors (Palette): The colours.

    Returns:
        Element: The picture.
    """
    width = float(options.width)
    rtl = is_rtl(content.span)
    depths = nesting_depths(content.entities)
    margin = margin_of(depths)
    words = words_of(content, depths, width)
    rows = [place_row(row, rtl, width, margin) for row in split_rows(words, width - 2 * margin)]
    frames = [list(make_frames(row, index, content.entities, depths)) for index, row in enumerate(rows)]
    lines = make_lines(content, frames, rtl, width, options.scores)
    drawn: list[Element] = []
    numbers = {entity: str(number) for number, entity in enumerate(content.entities)}
    named: set[DrawnEntity] = set()
    top = float(MARGIN)
    for index, (row, in_row) in enumerate(zip(rows, frames)):
        pad = max((frame.pad for frame in in_row), default=0.0)
        n_levels = stack_lines(lines[index], width)
        baseline = top + (RISE + (n_levels - 1) * LEVEL + REL_SIZE / 2 if n_levels else 0.0) + pad + ASCENT
        group = element("g", class_="rin-row")
        drawn.append(group)
        _draw_frames(group, in_row, numbers, baseline, colors)
        for line in sorted(lines[index], key=lambda line: -line.level):
            group.append(_draw_line(line, content, numbers, baseline, baseline - ASCENT - pad, colors))
        _draw_text(group, row, in_row, baseline, colors)
        new = [frame for frame in in_row if frame.entity not in named]
        n_slots = _draw_types(group, new, baseline + DESCENT + pad, width, colors)
        named.update(frame.entity for frame in in_row)
        top = baseline + DESCENT + pad + n_slots * SLOT + ROW_GAP
    title = shorten(content.span.text, 200)
    return picture((0, 0, width, top), *drawn, label=title, style=colors.css(options.font), class_="rin-arcs")


def _draw_frames(
    group: Element, frames: Sequence[Frame], numbers: dict[DrawnEntity, str], baseline: float, colors: Palette
) -> None:
    for frame in frames:
        rect = element(
            "rect",
            element("title", frame.entity.label),
            x=frame.left,
            y=baseline - ASCENT - frame.pad,
            width=frame.right - frame.left,
            height=ASCENT + DESCENT + 2 * frame.pad,
            rx="4",
            class_="rin-entity",
            data_entity=numbers[frame.entity],
            data_label=frame.entity.label,
            **colors.paint(fill=colors.box(frame.entity.label), stroke=BORDER),
        )
        group.append(rect)


def _draw_text(group: Element, row: Sequence[Place], frames: Sequence[Frame], baseline: float, colors: Palette) -> None:
    """Write the text in pieces as long as possible, so that the browser can join letters."""
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
        start, style = run[0].atom.start, "white-space: pre"
        behind = [frame.entity for frame in frames if frame.entity.start <= start < frame.entity.end]
        # The last frame is drawn over the others.
        paint = colors.on_box(behind[-1].label, style) if behind else colors.paint(fill=colors.text, style=style)
        text = element(
            "text",
            "".join(place.atom.text for place in run),
            x=right if run[0].rtl else left,
            y=baseline,
            textLength=right - left,
            lengthAdjust="spacingAndGlyphs",
            direction="rtl" if run[0].rtl else "ltr",
            font_size=str(SIZE),
            class_="rin-text",
            **paint,
        )
        group.append(text)


def _draw_types(group: Element, frames: Sequence[Frame], top: float, width: float, colors: Palette) -> int:
    """Write the types below the entities, those of inner entities first, and return the number of lines they take."""
    taken: list[list[tuple[float, float]]] = []
    seen: set[DrawnEntity] = set()
    for frame in sorted(frames, key=lambda frame: (frame.pad, frame.left)):
        if frame.entity in seen or not frame.entity.label:
            continue
        seen.add(frame.entity)
        label = type_text(frame.entity.label, width)
        half = text_width(label, TYPE_SIZE) / 2
        center = min(max(frame.middle, half), max(half, width - half))
        reach = center - half - 2, center + half + 2
        slot = take_lowest(reach, taken)
        y = top + (slot + 1) * SLOT - 1
        group.append(centered(label, center, y, TYPE_SIZE, class_="rin-type", **colors.paint(fill=colors.quiet)))
    return len(taken)


def _draw_line(
    line: Line,
    content: Content,
    numbers: dict[DrawnEntity, str],
    baseline: float,
    bottom: float,
    colors: Palette,
) -> Element:
    """Draw an arc, or a half of one, in a row where the arcs start above `bottom`."""
    arc = content.arcs[line.index]
    color = colors.line(arc.label)
    ends = [baseline - ASCENT - frame.pad if frame else None for frame in line.frames]
    y = bottom - RISE - line.level * LEVEL
    x = [
        leg if frame else other + math.copysign(STUB - 2, leg - other)
        for leg, other, frame in zip(line.x, line.x[::-1], line.frames)
    ]
    # If the arc is too short for its text, the text is written above it.
    is_narrow = all(line.frames) and abs(x[1] - x[0]) < line.text_width + 2 * CORNER
    score = f" ({arc.score:.4f})" if arc.written_score else ""
    path = _path(x, ends, y + 8.5 if is_narrow else y)
    relation = element(
        "g",
        element("title", f"{content.name(arc.subject)} – {arc.label} → {content.name(arc.object)}{score}"),
        element("path", d=path, stroke_width="1.4", fill="none", **colors.paint(stroke=color)),
        class_="rin-relation",
        data_relation=str(line.index),
        data_label=arc.label,
        data_subject=numbers[arc.subject],
        data_object=numbers[arc.object],
    )
    if ends[1] is not None:
        tip, neck = ends[1], ends[1] - ARROW - 1
        path = f"M{x[1]:.1f},{tip:.1f} L{x[1] - 3.5:.1f},{neck:.1f} {x[1] + 3.5:.1f},{neck:.1f} Z"
        relation.append(element("path", d=path, class_="rin-arrowhead", **colors.paint(fill=color)))
    half = line.text_width / 2
    relation.append(
        element(
            "rect",
            x=line.center - half - 2,
            y=y - 7,
            width=2 * half + 4,
            height="14",
            **colors.paint(fill=colors.background),
        )
    )
    paint = colors.paint(fill=colors.line_text(arc.label))
    relation.append(centered(line.text, line.center, y + 4, REL_SIZE, class_="rin-label", **paint))
    return relation


def _path(x: Sequence[float], ends: Sequence[float | None], y: float) -> str:
    """Make the path up from the subject, along, and down to the object. A half of an arc has only one of the ends."""
    corner = min(CORNER, abs(x[1] - x[0]) / 2)
    turn = corner if x[1] > x[0] else -corner
    leave = f"M{x[0]:.1f},{y:.1f}"
    if ends[0] is not None:
        leave = f"M{x[0]:.1f},{ends[0]:.1f} V{y + corner:.1f} Q{x[0]:.1f},{y:.1f} {x[0] + turn:.1f},{y:.1f}"
    arrive = f"H{x[1]:.1f}"
    if ends[1] is not None:
        arrive = f"H{x[1] - turn:.1f} Q{x[1]:.1f},{y:.1f} {x[1]:.1f},{y + corner:.1f} V{ends[1] - ARROW:.1f}"
    return f"{leave} {arrive}"
