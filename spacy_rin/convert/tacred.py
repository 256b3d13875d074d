"""Reader of TACRED and of other data with one relation in a row."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from .records import (
    Broken,
    Entity,
    Malformed,
    Record,
    get_field,
    get_string,
    get_strings,
    within,
)
from .values import Source, read_records

_NONE = "no_relation"


class _Row(NamedTuple):
    """A row: a sentence with one pair of entities."""

    line: str
    words: tuple[str, ...]
    tags: list[str] | None
    subject: Entity
    label: str
    object: Entity


def read_tacred(source: Source) -> Iterator[Record | Broken]:
    """Read rows of TACRED (Zhang et al., EMNLP 2017), and make a text of all rows with the same tokens.

    {"token", "subj_start", "subj_end", "subj_type", "obj_start", "obj_end", "obj_type", "relation", "stanford_pos"};
    the ends are inclusive, and the relation "no_relation" means none. Types and "stanford_pos" can be missing.

    Args:
        source (Source): The file.

    Yields:
        Record | Broken: Broken rows, then each text, in the order of its first row.

    Raises:
        FileError: R033 or R034 if the file can't be read.
    """
    groups: dict[tuple[str, ...], list[_Row]] = {}
    for row in read_records(_parse, source):
        if isinstance(row, Broken):
            yield row
            continue
        groups.setdefault(row.words, []).append(row)
    for words, rows in groups.items():
        ends = [entity for row in rows for entity in (row.subject, row.object)]
        typed = {entity[:2]: entity for entity in reversed(ends) if entity[2]}
        # A row without types means an entity that another row gives a type.
        meant = {entity: entity if entity[2] else typed.get(entity[:2], entity) for entity in ends}
        entities = list(dict.fromkeys(meant.values()))
        index = {entity: i for i, entity in enumerate(entities)}
        pairs = [(index[meant[row.subject]], row.label, index[meant[row.object]]) for row in rows]
        triples = [triple for triple in pairs if triple[1] != _NONE]
        yield Record(rows[0].line, list(words), entities, triples, tags=rows[0].tags)


def _parse(line: str, data: Any) -> _Row:
    words = get_strings(data, "token")
    tags = get_strings(data, "stanford_pos") if "stanford_pos" in data else None
    if tags and len(tags) != len(words):
        raise Malformed(f"there are {len(words)} tokens but {len(tags)} stanford_pos")
    subject, object_ = (_entity(data, side, len(words)) for side in ("subj", "obj"))
    return _Row(line, tuple(words), tags, subject, get_string(data, "relation"), object_)


def _entity(data: Any, side: str, length: int) -> Entity:
    start, end = get_field(data, f"{side}_start"), get_field(data, f"{side}_end")
    if type(start) is not int or type(end) is not int:
        raise Malformed(f"'{side}_start' and '{side}_end' must be whole numbers, not {start!r:.60} and {end!r:.60}")
    kind = get_string(data, f"{side}_type") if f"{side}_type" in data else ""
    return (*within(start, end + 1, length), kind)
