"""Reader of the JSON lines of doccano's projects with relations."""

from collections import Counter
from typing import Any

from .records import Entity, Malformed, Text, Triple, get_field, get_objects, get_rows, get_string, is_text, within


def parse_doccano(line: str, data: Any) -> Text:
    """Parse a text that doccano exports as "JSONL(relation)", or imports.

    {"text", "entities": [{"id", "label", "start_offset", "end_offset"}], "relations": [{"from_id", "to_id", "type"}]}

    Args:
        line (str): The place of the text.
        data (Any): The text.

    Returns:
        Text: The text.

    Raises:
        Malformed: If the text does not have this form. An export without "relations" does not: nothing can be learned
            about relations from it.
    """
    text = get_string(data, "text")
    rows = get_rows(data, "entities", (int, int, str), ("start_offset", "end_offset", "label"))
    entities: list[Entity] = [(*within(start, end, len(text)), label) for start, end, label in rows]
    index: dict[Any, int] = {}
    for i, entity in enumerate(get_objects(data, "entities")):
        if index.setdefault(_ident(entity, "id"), i) != i:
            raise Malformed(f"there are two entities with the id {entity['id']!r:.60}")
    triples: list[Triple] = []
    ignored: Counter[str] = Counter()
    for relation in get_objects(data, "relations"):
        ends = [_ident(relation, side) for side in ("from_id", "to_id")]
        if not all(end in index for end in ends):
            raise Malformed(f"a relation from {ends[0]!r} to {ends[1]!r} points to an entity that does not exist")
        label = get_field(relation, "type")
        if label is None or label == "":
            ignored["relations without a type"] += 1
        elif is_text(label):
            triples.append((index[ends[0]], label, index[ends[1]]))
        else:
            raise Malformed(f"'type' of a relation must be a string, not {label!r:.60}")
    return Text(line, text, entities, triples, ignored=ignored)


def _ident(item: dict[str, Any], key: str) -> int | str:
    value = get_field(item, key)
    if type(value) is not int and not isinstance(value, str):
        raise Malformed(f"'{key}' must be a number or a string, not {value!r:.60}")
    return value
