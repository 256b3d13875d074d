"""Annotated texts as the readers return them, and the checks that readers share."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar

_T = TypeVar("_T")

_SURROGATES = re.compile("[\ud800-\udfff]")  # JSON can hold single surrogates, a Doc can't

Entity = tuple[int, int, str]  # start, end (exclusive) and type
Triple = tuple[int, str, int]  # index of the subject, label, index of the object


class Lost(NamedTuple):
    """An entity or triple that can't be put into a Doc.

    Attributes:
        line (str): Its place in the file.
        reason (str): Why it is lost.
    """

    line: str
    reason: str


class Broken(NamedTuple):
    """A record, entity or relation that is not valid. `convert` fails, or leaves it out if it is told to.

    Attributes:
        line (str): Its place in the file.
        reason (str): What is wrong.
        path (Path | None): Its file, if that is not the file of the record.
    """

    line: str
    reason: str
    path: Path | None = None


class Skipped(NamedTuple):
    """A record that is left out, because nothing can be learned from it.

    Attributes:
        what (str): Kind of record, in the plural.
    """

    what: str


class Note(NamedTuple):
    """Something about how a file was read that its owner should know, because it could be wrong.

    Attributes:
        what (str): What was read in which way, in the plural.
        number (int): How many of them.
    """

    what: str
    number: int


@dataclass(frozen=True)
class Record:
    """A text whose entities are given by tokens.

    Attributes:
        line (str): Its place in the file: the line, or the number of the record if the line is not known.
        words (list[str]): The tokens.
        entities (list[Entity]): Start token, end token (exclusive) and type. An empty type means none.
        relations (list[Triple]): Index of the subject in `entities`, label, index of the object.
        spaces (list[bool] | None): Whether a space follows each token; None if that is not known.
        tags (list[str] | None): Fine-grained part-of-speech tags.
        path (Path | None): Its file, if the input is a folder.
        snapped_entities (int): Number of entities that were moved to whole tokens.
        lost_entities (list[Lost]): The entities that are not in the text, or do not start and end with a token.
        lost_triples (int): Number of triples that were lost with these entities.
        crossing_triples (list[Lost]): The triples that were lost because their entities are in different sentences.
        ignored (Counter[str]): How often each kind of annotation was left out that is neither entity nor relation.
        broken (list[Broken]): The entities and relations that are left out because they are not valid.
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
    ignored: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)


@dataclass(frozen=True)
class Text:
    """A text whose entities are given by characters.

    Attributes:
        line (str): Its place in the file.
        text (str): The text.
        entities (Sequence[Entity | Lost | Broken]): Start character, end character (exclusive) and type; an empty type
            means none. One that is lost or broken keeps its position, for the relations.
        relations (list[Triple]): Index of the subject in `entities`, label, index of the object.
        tokens (list[tuple[int, int]] | None): Start and end character of each token, in order, if the format has
            tokens.
        path (Path | None): Its file, if the input is a folder.
        lines (list[str] | None): The line of each entity, if each has its own.
        in_pieces (frozenset[int]): Indices of the entities that are in several pieces with other text between them.
        ignored (Counter[str]): How often each kind of annotation was left out that is neither entity nor relation.
        broken (list[Broken]): The relations that are left out because they are not valid.
    """

    line: str
    text: str
    entities: Sequence[Entity | Lost | Broken]
    relations: list[Triple]
    tokens: list[tuple[int, int]] | None = None
    path: Path | None = None
    lines: list[str] | None = None
    in_pieces: frozenset[int] = frozenset()
    ignored: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)


def assemble(
    line: str,
    words: list[str],
    spans: Mapping[Hashable, Entity | Lost | Broken],
    triples: Sequence[tuple[Any, ...]],
) -> Record:
    """Make a Record from entities, some of which may be lost or broken, and triples between them.

    Args:
        line (str): The place of the record in the file.
        words (list[str]): The tokens.
        spans (Mapping[Hashable, Entity | Lost | Broken]): The entities, by any key.
        triples (Sequence[tuple[Hashable, str, Hashable]]): Key of the subject, label, key of the object.

    Returns:
        Record: The record. A triple of a lost or broken entity is lost, too.
    """
    entities: dict[Hashable, Entity] = {}
    lost, broken = [], []
    for key, span in spans.items():
        if not isinstance(span, Lost | Broken):
            entities[key] = span
            continue
        with_it = f"{span.reason} (triples lost with it: {sum(key in (s, o) for s, _, o in triples)})"
        if isinstance(span, Lost):
            lost.append(span._replace(reason=with_it))
        else:
            broken.append(span._replace(reason=with_it))
    index = {key: i for i, key in enumerate(entities)}
    kept = [(index[s], label, index[o]) for s, label, o in triples if s in index and o in index]
    return Record(
        line,
        words,
        list(entities.values()),
        kept,
        lost_entities=lost,
        lost_triples=len(triples) - len(kept),
        broken=broken,
    )


class Malformed(Exception):
    """A record, entity or relation is not valid. `attempt` and `read_records` make something `Broken` of it.

    Args:
        reason (str): What is wrong.
        line (int | None): Its line, where the reader knows it better than the caller.
    """

    def __init__(self, reason: str, line: int | None = None):
        super().__init__(reason)
        self.line = line


def attempt(line: str, parse: Callable[..., _T], *args: Any) -> _T | Broken:
    """Parse an entity or a relation.

    Args:
        line (str): Its place in the file.
        parse (Callable[..., T]): Parses it, and raises Malformed if it is not valid.
        *args: The arguments of `parse`.

    Returns:
        T | Broken: What `parse` returns, or the reason why it is not valid.
    """
    try:
        return parse(*args)
    except Malformed as err:
        return Broken(line, str(err))


def sort_out(items: Iterable[_T | Broken]) -> tuple[list[_T], list[Broken]]:
    """Split what was parsed into what is valid and what is not."""
    valid, broken = [], []
    for item in items:
        if isinstance(item, Broken):
            broken.append(item)
        else:
            valid.append(item)
    return valid, broken


def get_field(data: Any, key: str) -> Any:
    """Get a value from an object; Malformed if it is missing."""
    if not isinstance(data, dict):
        raise Malformed(f"an object was expected, not {data!r:.60}")
    if key not in data:
        raise Malformed(f"the key '{key}' is missing")
    return data[key]


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is a non-empty string that a Doc can hold."""
    return isinstance(value, str) and value != "" and not _SURROGATES.search(value)


def get_string(data: Any, key: str) -> str:
    """Get a non-empty string from an object; Malformed if there is none."""
    value = get_field(data, key)
    if not is_text(value):
        raise Malformed(f"'{key}' must be a non-empty string, not {value!r:.60}")
    return value


def get_strings(data: Any, key: str) -> list[str]:
    """Get a non-empty list of non-empty strings from an object; Malformed if there is none."""
    value = get_field(data, key)
    if not isinstance(value, list) or not value or not all(map(is_text, value)):
        raise Malformed(f"'{key}' must be a non-empty list of non-empty strings")
    return value


def get_objects(data: Any, key: str) -> list[dict[str, Any]]:
    """Get a list of objects from an object; Malformed if there is none."""
    value = get_field(data, key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(f"'{key}' must be a list of objects")
    return value


def get_list(data: Any, key: str) -> list[Any]:
    """Get a list from an object; Malformed if there is none."""
    value = get_field(data, key)
    if not isinstance(value, list):
        raise Malformed(f"'{key}' must be a list")
    return value


def get_rows(data: Any, key: str, types: tuple[type, ...], columns: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """Get a list of rows from an object.

    Args:
        data (Any): The object.
        key (str): Key of the list.
        types (tuple[type, ...]): Type of each value of a row: `int` for a whole number, `str` for a non-empty string.
        columns (Sequence[str]): Keys of these values if the rows are objects; empty if the rows are lists.

    Returns:
        list[tuple[Any, ...]]: The rows.

    Raises:
        Malformed: If there is no such list, or a value has the wrong type.
    """
    return [check_row(row, key, types, columns) for row in get_list(data, key)]


def check_row(row: Any, key: str, types: tuple[type, ...], columns: Sequence[str] = ()) -> tuple[Any, ...]:
    """Check one row of a list, as `get_rows` checks all of them.

    Args:
        row (Any): The row.
        key (str): Key of the list, for the message.
        types (tuple[type, ...]): Type of each value.
        columns (Sequence[str]): Keys of these values if the row is an object; empty if it is a list.

    Returns:
        tuple[Any, ...]: The values of the row.

    Raises:
        Malformed: If a value is missing or has the wrong type.
    """
    if columns:
        row = [get_field(row, column) for column in columns]
    # JSON has lists only, but `doc_from_json` is called with Python's values.
    if not isinstance(row, (list, tuple)) or len(row) != len(types):
        raise Malformed(f"each of '{key}' must be a list of {len(types)}, not {row!r:.60}")
    for value, kind in zip(row, types, strict=True):
        if not (is_text(value) if kind is str else type(value) is kind):
            expected = "a non-empty string" if kind is str else "a whole number"
            raise Malformed(f"{value!r:.60} in '{key}' must be {expected}")
    return tuple(row)


def within(start: int, end: int, length: int) -> tuple[int, int]:
    """Return the offsets of a span; Malformed if it is empty or out of range."""
    if not 0 <= start < end <= length:
        raise Malformed(f"{start}-{end} is empty or out of the range 0-{length}")
    return start, end


def check_triple(entities: int, row: tuple[Any, ...]) -> Triple:
    """Check that a triple of a text points to its entities.

    Args:
        entities (int): Number of entities.
        row (tuple[int, str, int]): Index of the subject, label, index of the object.

    Returns:
        Triple: The same triple.

    Raises:
        Malformed: If there is no entity of an index.
    """
    subject, label, object_ = row
    if not all(0 <= index < entities for index in (subject, object_)):
        raise Malformed(f"relation {list(row)} points to an entity that does not exist; there are {entities}")
    return subject, label, object_
