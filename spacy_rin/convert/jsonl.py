"""Reader of the plugin's own JSON lines, which `spacy rin extract` and `spacy rin export` write."""

from typing import Any

from .records import Entity, Text, Triple, attempt, check_row, check_triple, get_list, get_string, sort_out, within


def parse_jsonl(line: str, data: Any) -> Text:
    """Parse a record of the plugin's own format.

    {"text", "entities": [[start, end, type], ...], "relations": [[index, label, index], ...]}; start and end count
    characters, and an index is the position of an entity in "entities".

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Text: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    text = get_string(data, "text")
    entities = [attempt(line, _entity, row, len(text)) for row in get_list(data, "entities")]
    triples = (attempt(line, _triple, row, len(entities)) for row in get_list(data, "relations"))
    relations, broken = sort_out(triples)
    return Text(line, text, entities, relations, broken=broken)


def _entity(row: Any, length: int) -> Entity:
    start, end, label = check_row(row, "entities", (int, int, str))
    return (*within(start, end, length), label)


def _triple(row: Any, entities: int) -> Triple:
    return check_triple(entities, check_row(row, "relations", (int, str, int)))
