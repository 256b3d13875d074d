"""What readers make of a file: texts with their annotation, by tokens or by characters, and the checks they share."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

_SURROGATES = re.compile("[\ud800-\udfff]")  # half of a pair is possible in JSON, but not in a Doc

Entity = tuple[int, int, str]
Triple = tuple[int, str, int]
Row = tuple[Any, ...]


class Lost(NamedTuple):
    """A piece of annotation that a Doc can't have.

    Attributes:
        line (str): Where it stands in the file.
        reason (str): What is wrong with it.
    """

    line: str
    reason: str


class Skipped(NamedTuple):
    """A record that is not to be learned from.

    Attributes:
        what (str): What kind of record it is, in the plural.
    """

    what: str


@dataclass(frozen=True)
class Record:
    """One text with its annotation by tokens, whatever format it came from.

    Attributes:
        line (str): Where it stands in the file: the line, or the number of the record if its line can't be told.
        words (list[str]): The tokens.
        entities (list[tuple[int, int, str]]): Start token, end token (exclusive) and type; an empty type is no type.
        relations (list[tuple[int, str, int]]): Index of the subject in `entities`, label, index of the object.
        spaces (list[bool] | None): Whether a space follows each token, None if that is not known.
        tags (list[str] | None): Fine-grained part-of-speech tags.
        path (Path | None): Its file, if the input is a folder of files.
        snapped_entities (int): Number of entities that were widened to whole tokens.
        lost_entities (list[Lost]): The entities that are not at token boundaries.
        lost_triples (int): Number of triples that were lost with these entities.
        crossing_triples (list[Lost]): The triples that were lost because their entities are in different sentences.
        passed_over (Counter[str]): Number of pieces of each kind that are neither entities nor relations.
    """

    line: str
    words: list[str]
    entities: list[Entity]
    relations: list[Triple]
    spaces: list[bool] | None = None
    tags: list[str] | None = None
    path: Path | None = None
    snapped_entities: int = 0
    lost_entities: list[Lost] = field(default_factory=list)
    lost_triples: int = 0
    crossing_triples: list[Lost] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Text:
    """One text with its annotation by characters.

    Attributes:
        line (str): Where it stands in the file.
        text (str): The text.
        entities (list[tuple[int, int, str]]): Start character, end character (exclusive) and type.
        relations (list[tuple[int, str, int]]): Index of the subject in `entities`, label, index of the object.
        tokens (list[tuple[int, int]] | None): Start and end of the tokens, in order, if the format has them.
        path (Path | None): Its file, if the input is a folder of files.
        lines (list[str] | None): Where each entity stands in the file, if it has a line of its own.
        in_pieces (frozenset[int]): Indices of the entities that are in several pieces, and span more than these.
        passed_over (Counter[str]): Number of pieces of each kind that are neither entities nor relations.
    """

    line: str
    text: str
    entities: list[Entity]
    relations: list[Triple]
    tokens: list[tuple[int, int]] | None = None
    path: Path | None = None
    lines: list[str] | None = None
    in_pieces: frozenset[int] = frozenset()
    passed_over: Counter[str] = field(default_factory=Counter)


def assemble(line: str, words: list[str], spans: Mapping[Hashable, Entity | Lost], triples: Sequence[Row]) -> Record:
    """Make a Record of entities that are found or lost, and of triples between them.

    Args:
        line (str): Where the record stands in the file.
        words (list[str]): The tokens.
        spans (Mapping[Hashable, Entity | Lost]): The entities, by any key.
        triples (Sequence[tuple[Hashable, str, Hashable]]): Key of the subject, label, key of the object.

    Returns:
        Record: The Record.
    """
    entities = {key: span for key, span in spans.items() if not isinstance(span, Lost)}
    index = {key: i for i, key in enumerate(entities)}
    kept = [(index[s], label, index[o]) for s, label, o in triples if s in index and o in index]
    lost = [
        Lost(span.line, f"{span.reason} (triples lost with it: {sum(key in (s, o) for s, _, o in triples)})")
        for key, span in spans.items()
        if isinstance(span, Lost)
    ]
    return Record(line, words, list(entities.values()), kept, lost_entities=lost, lost_triples=len(triples) - len(kept))


class Malformed(Exception):
    """A record is not in the format; whoever knows its place makes an error of that."""


def get_field(data: Any, key: str) -> Any:
    """Get a value of an object that must have it; Malformed if it has not."""
    if not isinstance(data, dict):
        raise Malformed(f"an object was expected, not {data!r:.60}")
    if key not in data:
        raise Malformed(f"the key '{key}' is missing")
    return data[key]


def is_text(value: Any) -> bool:
    """Tell whether a value is a string that a Doc can hold, and not empty."""
    return isinstance(value, str) and value != "" and not _SURROGATES.search(value)


def get_string(data: Any, key: str) -> str:
    """Get a non-empty string of an object; Malformed if it is none."""
    value = get_field(data, key)
    if not is_text(value):
        raise Malformed(f"'{key}' must be a non-empty string, not {value!r:.60}")
    return value


def get_strings(data: Any, key: str) -> list[str]:
    """Get a non-empty list of non-empty strings of an object; Malformed if it is none."""
    value = get_field(data, key)
    if not isinstance(value, list) or not value or not all(map(is_text, value)):
        raise Malformed(f"'{key}' must be a non-empty list of non-empty strings")
    return value


def get_objects(data: Any, key: str) -> list[dict[str, Any]]:
    """Get a list of objects of an object; Malformed if it is none."""
    value = get_field(data, key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(f"'{key}' must be a list of objects")
    return value


def get_rows(data: Any, key: str, types: tuple[type, ...], columns: Sequence[str] = ()) -> list[Row]:
    """Get a list of rows of an object; Malformed if a row is not as it must be.

    Args:
        data (Any): The object.
        key (str): The key of the list.
        types (tuple[type, ...]): What a row holds: `int` is a whole number, `str` a non-empty string.
        columns (Sequence[str]): The keys of these if the rows are objects; else the rows are lists.

    Returns:
        list[tuple]: The rows.
    """
    rows = get_field(data, key)
    if not isinstance(rows, list):
        raise Malformed(f"'{key}' must be a list")
    if columns:
        rows = [[get_field(row, column) for column in columns] for row in rows]
    for row in rows:
        if not isinstance(row, list) or len(row) != len(types):
            raise Malformed(f"each of '{key}' must be a list of {len(types)}, not {row!r:.60}")
        for value, kind in zip(row, types, strict=True):
            if not (is_text(value) if kind is str else type(value) is kind):
                expected = "a non-empty string" if kind is str else "a whole number"
                raise Malformed(f"{value!r:.60} in '{key}' must be {expected}")
    return [tuple(row) for row in rows]


def within(start: int, end: int, length: int) -> tuple[int, int]:
    """Give back offsets that are not empty and in range; Malformed if they are not."""
    if not 0 <= start < end <= length:
        raise Malformed(f"{start}-{end} is empty or out of the range 0-{length}")
    return start, end


def point_to(entities: int, triples: Sequence[Row]) -> list[Triple]:
    """Give back triples by the index of their entities; Malformed if there is no such entity.

    Args:
        entities (int): Number of entities.
        triples (Sequence[tuple[int, str, int]]): Index of the subject, label, index of the object.

    Returns:
        list[tuple[int, str, int]]: The triples.
    """
    for row in triples:
        if not all(0 <= index < entities for index in row[::2]):
            raise Malformed(f"relation {list(row)} points to an entity that is not there; there are {entities}")
    return [(subject, label, object_) for subject, label, object_ in triples]
