"""Lay out the words of a text in rows, from left to right or from right to left."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from spacy.tokens import Span

from .content import Content, DrawnEntity
from .svg import fit, shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 16, 11.5, 9  # font sizes
PAD, NESTED_PAD = 3, 3  # from an entity to its frame, from a frame to the next outer frame
MARGIN, ROW_GAP = 12, 16
NO_BREAK = "\u00a0\u2007\u202f"  # spaces at which a row does not end
NAME_LENGTH, LABEL_LENGTH = 24, 40  # most characters of an entity or type, and of a relation


class Atom(NamedTuple):
    """A piece of text that is never broken.

    Attributes:
        start (int): Start in characters.
        end (int): End in characters (exclusive).
        text (str): The text.
        width (float): Its width.
        before (float): Room before it, if an entity starts here.
        after (float): Room after it, if an entity ends here.
    """

    start: int
    end: int
    text: str
    width: float
    before: float = 0.0
    after: float = 0.0

    @property
    def room(self) -> float:
        """Width of the text and the room around it."""
        return self.before + self.width + self.after


class Place(NamedTuple):
    """The place of an atom in its row.

    Attributes:
        atom (Atom): The atom.
        rank (int): Number of atoms to its left.
        left (float): Its left side.
        rtl (bool): Whether it is read from right to left.
    """

    atom: Atom
    rank: int
    left: float
    rtl: bool

    @property
    def right(self) -> float:
        """Its right side."""
        return self.left + self.atom.width


def words_of(content: Content, depths: dict[DrawnEntity, int], width: float) -> Iterator[tuple[bool, list[Atom]]]:
    """Split a text into words that rows should not break.

    Args:
        content (Content): The content of the picture.
        depths (dict[DrawnEntity, int]): Nesting depths of the entities, see `nesting_depths`.
        width (float): Width of the picture. Longer tokens are split.

    Yields:
        tuple[bool, list[Atom]]: Whether a new row must start with the word, and the atoms of the word.
    """
    span, (before, after, inside) = content.span, _room(content, depths, width)
    sentences = span.doc.has_annotation("SENT_START")
    limit = max(SIZE, width - 2 * margin_of(depths) - 2 * max([0.0, *before.values()]))
    word: list[Atom] = []
    must = next_must = False
    previous = " "
    for token in span:
        if token.is_space:
            if all(unicodedata.category(char) == "Zs" for char in token.text):
                word.append(_atom(token.idx, token.text))
                previous = token.text[-1]
            else:  # a line break or a tab
                next_must, previous = True, " "
            continue
        next_must = next_must or bool(sentences and token.is_sent_start and token.i > span.start)
        may = token.idx not in inside and (_can_break_after(previous) or _is_wide(token.text[0]))
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


def _room(
    content: Content, depths: dict[DrawnEntity, int], width: float
) -> tuple[dict[int, float], dict[int, float], set[int]]:
    """Compute the room that entities need for their frames and types.

    Returns:
        tuple[dict[int, float], dict[int, float], set[int]]: The room before and after entities, by the characters where
            they start and end, and the characters inside entities, where a row can't break.
    """
    before: defaultdict[int, float] = defaultdict(float)
    after: defaultdict[int, float] = defaultdict(float)
    inside: set[int] = set()
    for start, end, label in content.entities:
        inside.update(range(start + 1, end))
        missing = text_width(type_text(label, width), TYPE_SIZE) - text_width(content.text[start:end], SIZE)
        room = max(padding_of(depths[DrawnEntity(start, end, label)]) + 1, missing / 2 + 2)
        before[start], after[end] = max(before[start], room), max(after[end], room)
    return before, after, inside


def split_rows(words: Iterable[tuple[bool, list[Atom]]], width: float) -> Iterator[list[Atom]]:
    """Wrap words to rows.

    Args:
        words (Iterable[tuple[bool, list[Atom]]]): The words, see `words_of`.
        width (float): Width of a row. A longer word is split between its atoms.

    Yields:
        list[Atom]: The atoms of a row, in text order.
    """
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


def place_row(row: list[Atom], rtl: bool, width: float, margin: float) -> list[Place]:
    """Place the atoms of a row.

    Whole atoms are ordered by the Unicode Bidirectional Algorithm. The browser orders the characters inside them.

    Args:
        row (list[Atom]): The atoms, in text order.
        rtl (bool): Whether the text is read from right to left.
        width (float): Width of the picture.
        margin (float): Room beside the row.

    Returns:
        list[Place]: The places of the atoms, in text order.
    """
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
    x = width - margin - sum(atom.room for atom in row) if rtl else margin
    for i in order:
        lefts[i] = x + (row[i].after if levels[i] % 2 else row[i].before)
        x += row[i].room
    ranks = {i: rank for rank, i in enumerate(order)}
    return [Place(atom, ranks[i], lefts[i], bool(levels[i] % 2)) for i, atom in enumerate(row)]


def _bidi_levels(texts: Sequence[str], rtl: bool) -> list[int]:
    """Compute embedding levels: even levels are read from left to right, odd levels from right to left."""
    base = int(rtl)
    strong = [_direction(text) for text in texts]
    levels = []
    for i, direction in enumerate(strong):
        if direction is None:
            # Neutral text takes the direction of its neighbours if both agree, else that of the row.
            left = next((d for d in reversed(strong[:i]) if d is not None), base)
            right = next((d for d in strong[i + 1 :] if d is not None), base)
            direction = left if left == right else base
        levels.append(direction if direction >= base else 2)
    return levels


def _direction(text: str) -> int | None:
    """Get the direction of the first letter: 0 for left to right, 1 for right to left, None if there is no letter."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return int(kind != "L")
    return None


def is_rtl(span: Span) -> bool:
    """Check whether a text is read from right to left, by its language or its first letter."""
    return span.vocab.writing_system.get("direction") == "rtl" or _direction(span.text) == 1


def _can_break_after(char: str) -> bool:
    """Check whether a row can end with a character."""
    return _is_wide(char) or (char.isspace() and char not in NO_BREAK)


def _is_wide(char: str) -> bool:
    """Check whether a character is wide, as in scripts without spaces such as Chinese."""
    return unicodedata.east_asian_width(char) in "WF"


def _atom(start: int, text: str, before: float = 0.0, after: float = 0.0) -> Atom:
    return Atom(start, start + len(text), text, text_width(text, SIZE), before, after)


def _pieces(text: str, width: float) -> Iterator[str]:
    """Split a text into pieces that are at most as wide as a row."""
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


def nesting_depths(entities: Sequence[DrawnEntity]) -> dict[DrawnEntity, int]:
    """Compute how many levels of frames are nested inside the frame of each entity.

    Args:
        entities (Sequence[DrawnEntity]): The entities in text order, each before those inside it.

    Returns:
        dict[DrawnEntity, int]: The depth of each entity; 0 without inner or overlapping entities.
    """
    depths: dict[DrawnEntity, int] = {}
    for i in reversed(range(len(entities))):
        entity, depth = entities[i], 0
        for other in entities[i + 1 :]:
            if other.start >= entity.end:
                break
            depth = max(depth, depths[other] + 1)
        depths[entity] = depth
    return depths


def margin_of(depths: dict[DrawnEntity, int]) -> float:
    """Compute the room beside the rows, where the frames of entities that go on in the next row can end."""
    return float(MARGIN + NESTED_PAD * max(depths.values(), default=0))


def type_text(label: str, width: float) -> str:
    """Shorten the type of an entity. It is at most half as wide as the picture."""
    return fit(lambda length: shorten(label, length), NAME_LENGTH, TYPE_SIZE, width / 2 - MARGIN)


def padding_of(depth: int) -> float:
    """Compute the distance from an entity to its frame, for a nesting depth."""
    return PAD + depth * NESTED_PAD
