"""The words of a text, laid out in rows, also from right to left."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from spacy.tokens import Span

from .content import Content, DrawnEntity
from .svg import shorten, text_width

SIZE, REL_SIZE, TYPE_SIZE = 16, 11.5, 9  # of fonts


PAD, NESTED_PAD = 3, 3  # from an entity to its frame, from a frame to the one around it


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


def words_of(content: Content, depths: dict[DrawnEntity, int], width: float) -> Iterator[tuple[bool, list[Atom]]]:
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


def _room(content: Content, depths: dict[DrawnEntity, int]) -> tuple[dict[int, float], dict[int, float], set[int]]:
    """Compute the room before and after entities, by the characters where they start and end, enough for their frames
    and the names of their types; and the characters inside of them."""
    before: defaultdict[int, float] = defaultdict(float)
    after: defaultdict[int, float] = defaultdict(float)
    inside: set[int] = set()
    for start, end, label in content.entities:
        inside.update(range(start + 1, end))
        missing = text_width(shorten(label, NAME_LENGTH), TYPE_SIZE) - text_width(content.text[start:end], SIZE)
        room = max(padding_of(depths[DrawnEntity(start, end, label)]) + 1, missing / 2 + 2)
        before[start], after[end] = max(before[start], room), max(after[end], room)
    return before, after, inside


def split_rows(words: Iterable[tuple[bool, list[Atom]]], width: float) -> Iterator[list[Atom]]:
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


def place_row(row: list[Atom], rtl: bool, width: float) -> list[Place]:
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
    """Return 0 if the first letter of a text is read from left to right, 1 if from right to left."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return int(kind != "L")
    return None


def is_rtl(span: Span) -> bool:
    """Whether a text is read from right to left: its language is, or its first letter."""
    return span.vocab.writing_system.get("direction") == "rtl" or _direction(span.text) == 1


def _is_wide(char: str) -> bool:
    """Whether a character is of a script that is written without spaces, such as Chinese."""
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


def nesting_depths(entities: Sequence[DrawnEntity]) -> dict[DrawnEntity, int]:
    """Compute how many frames an entity must have room for inside of its own."""
    depths: dict[DrawnEntity, int] = {}
    for i in reversed(range(len(entities))):
        entity, depth = entities[i], 0
        for other in entities[i + 1 :]:
            if other.start >= entity.end:
                break
            depth = max(depth, depths[other] + 1)
        depths[entity] = depth
    return depths


def padding_of(depth: int) -> float:
    return PAD + depth * NESTED_PAD
