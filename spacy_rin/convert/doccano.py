"""Reader of the JSON lines of doccano's projects with relations."""

from collections import Counter
from typing import Any

from .records import (
    Broken,
    Entity,
    Malformed,
    Text,
    Triple,
    attempt,
    check_row,
    get_field,
    get_list,
    get_string,
    is_text,
    sort_out,
    within,
)


def parse_doccano(line: str, data: Any) -> Text:
    """Parse a text that doccano exports as "JSONL(relation)", or imports.

    {"text", "entities": [{"id", "label", "start_offset", "end_offset"}], "relations": [{"from_id", "to_id", "type"}]}

    Args:
        line (str): The place of the text.
        data (Any): The text.

    Returns:
        Text: The text.

    Raises:
        Malformed: If the text as a whole does not have this form. An export without "relations" does not: nothing can
            be learned about relations from it.
    """
    text = get_string(data, "text")
    entities: dict[int | str, Entity | Broken] = {}
    broken: list[Broken] = []
    for item in get_list(data, "entities"):
        ident = attempt(line, _ident, item, "id")
        if isinstance(ident, Broken):
            broken.append(ident)
        elif ident in entities:
            entities[ident] = Broken(line, f"there are two entities with the id {ident!r:.60}")
        else:
            entities[ident] = attempt(line, _entity, item, len(text))
    index = {ident: number for number, ident in enumerate(entities)}
    ignored: Counter[str] = Counter()
    rows = (attempt(line, _triples, relation, index, ignored) for relation in get_list(data, "relations"))
    triples, broken_triples = sort_out(rows)
    return Text(
        line,
        text,
        list(entities.values()),
        [triple for found in triples for triple in found],
        ignored=ignored,
        broken=broken + broken_triples,
    )


def _entity(item: Any, length: int) -> Entity:
    start, end, label = check_row(item, "entities", (int, int, str), ("start_offset", "end_offset", "label"))
    return (*within(start, end, length), label)


def _triples(relation: Any, index: dict[int | str, int], ignored: Counter[str]) -> list[Triple]:
    """Get the triple of a relation; none if it has no type."""
    subject, object_ = (_ident(relation, side) for side in ("from_id", "to_id"))
    if subject not in index or object_ not in index:
        raise Malformed(f"a relation from {subject!r:.60} to {object_!r:.60} points to an entity that does not exist")
    label = get_field(relation, "type")
    if label is None or label == "":
        ignored["relations without a type"] += 1
        return []
    if not is_text(label):
        raise Malformed(f"'type' of a relation must be a string, not {label!r:.60}")
    return [(index[subject], label, index[object_])]


def _ident(item: dict[str, Any], key: str) -> int | str:
    value = get_field(item, key)
    if type(value) is not int and not isinstance(value, str):
        raise Malformed(f"'{key}' must be a number or a string, not {value!r:.60}")
    return value
