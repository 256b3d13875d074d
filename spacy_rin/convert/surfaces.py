"""Texts whose entities are given as strings: each stands for a place in the text."""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .names import name_pattern
from .records import Broken, Entity, Lost, Note, Record, Text, assemble

# A file is taken for untokenised if more than this share of its names is in the texts, but not between blanks. In
# published data sets that are tokenised, it is less than a thousandth.
_MAX_GLUED = 0.01


@dataclass(frozen=True)
class SurfaceText:
    """A text whose entities are given as strings.

    Attributes:
        line (str): Its place in the file.
        text (str): The text. In most formats, there are blanks between its tokens.
        typed (Sequence[tuple[str, str]]): Entities with their types.
        triples (Sequence[tuple[str, str, str]]): Subject, label and object.
        broken (list[Broken]): The entities and relations that are left out because they are not valid.
    """

    line: str
    text: str
    typed: Sequence[tuple[Any, ...]]
    triples: Sequence[tuple[Any, ...]]
    broken: list[Broken] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The entities, each once."""
        mentions = [*(name for name, _ in self.typed), *(name for s, _, o in self.triples for name in (s, o))]
        return list(dict.fromkeys(mentions))


def place(items: Iterable[Any]) -> list[Any]:
    """Find the entities of all texts of a file.

    Args:
        items (Iterable[T | SurfaceText]): What a reader yields, of any types T.

    Returns:
        list[T | Record | Text | Note]: The same, with a Record in place of each SurfaceText. If the texts are not
            tokenised, it is a Text, and a Note says so.
    """
    items = list(items)
    surfaces = [item for item in items if isinstance(item, SurfaceText)]
    between_blanks = glued = 0
    for item in surfaces:
        words = _split(item.text)
        for name in item.names:
            if _find(words, _split(name)):
                between_blanks += 1
            else:
                glued += bool(_occurrences(item.text, name))
    if glued <= _MAX_GLUED * (glued + between_blanks):
        return [_by_tokens(item) if isinstance(item, SurfaceText) else item for item in items]
    note = Note("texts without blanks between their tokens, tokenised by spaCy", len(surfaces))
    return [*(_by_characters(item) if isinstance(item, SurfaceText) else item for item in items), note]


def _by_tokens(item: SurfaceText) -> Record:
    """Find the entities of a tokenised text: each is its first occurrence."""
    words = _split(item.text)
    found = {name: _find(words, _split(name)) for name in item.names}
    types = _types(item, found)
    spans: dict[Hashable, Entity | Lost | Broken] = {
        name: (*tokens, types[tokens]) if tokens else Lost(item.line, _reason(item.text, name))
        for name, tokens in found.items()
    }
    further = _further(item, found, types)
    record = assemble(item.line, words, spans, item.triples)
    return replace(record, entities=record.entities + further, broken=item.broken)


def _by_characters(item: SurfaceText) -> Text:
    """Find the entities of a text that is not tokenised: between blanks as in one that is, or else if there is only
    one place where they can be.
    """
    bounds = [match.span() for match in re.finditer(r"[^ ]+", item.text)]
    words = _split(item.text)
    found: dict[str, tuple[int, int] | None] = {}
    for name in item.names:
        if tokens := _find(words, _split(name)):
            found[name] = bounds[tokens[0]][0], bounds[tokens[1] - 1][1]
        else:
            places = _occurrences(item.text, name)
            found[name] = places[0] if len(places) == 1 else None
    types = _types(item, found)
    entities: list[Entity | Lost] = [
        (*place, types[place]) if place else Lost(item.line, _reason(item.text, name)) for name, place in found.items()
    ]
    index = {name: number for number, name in enumerate(found)}
    triples = [(index[subject], label, index[object_]) for subject, label, object_ in item.triples]
    return Text(item.line, item.text, [*entities, *_further(item, found, types)], triples, broken=item.broken)


def _types(item: SurfaceText, found: dict[str, tuple[int, int] | None]) -> dict[tuple[int, int] | None, str]:
    """Get the first type at each place: not by name, because the triples may spell an entity differently."""
    types: dict[tuple[int, int] | None, str] = {}
    for name, kind in item.typed:
        types.setdefault(found[name], kind)
    return {**dict.fromkeys(found.values(), ""), **types}


def _further(
    item: SurfaceText, found: dict[str, tuple[int, int] | None], types: dict[tuple[int, int] | None, str]
) -> list[Entity]:
    """Get the entities that have further types."""
    return [(*place, kind) for name, kind in item.typed if (place := found[name]) and kind != types[place]]


def _reason(text: str, name: str) -> str:
    """Say why an entity was not found."""
    places = len(_occurrences(text, name))
    if places > 1:
        return f"entity {name!r} is in the text {places} times, but not between blanks: it is not clear which is meant"
    if places:
        return f"entity {name!r} is in the text, but not between blanks: this format is tokenised"
    if name in text:
        return f"entity {name!r} is in the text only as a part of a word"
    return f"entity {name!r} is not in the text"


def _occurrences(text: str, name: str) -> list[tuple[int, int]]:
    """Find a name in a text that is not tokenised, but not inside of words."""
    if not name.split():
        return []
    before, pattern, after = name_pattern(name)
    # Looking ahead finds places that overlap, too.
    return [match.span(1) for match in re.finditer(f"{before}(?=({pattern}){after})", text)]


def _split(text: str) -> list[str]:
    return [word for word in text.split(" ") if word]


def _find(words: list[str], wanted: list[str]) -> tuple[int, int] | None:
    # The sentences of NYT lack accents that the names in its triples have ("Medellin", "Medellín").
    for spell in (list, _without_accents):
        tokens, sought = spell(words), spell(wanted)
        for start in range(len(tokens) - len(sought) + 1 if sought else 0):
            if tokens[start : start + len(sought)] == sought:
                return start, start + len(sought)
    return None


def _without_accents(words: list[str]) -> list[str]:
    return ["".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) for word in words]
