"""Reader of the plugin's own JSON lines, which `spacy rin extract` and `spacy rin export` write."""

from typing import Any

from .records import Text, check_indices, get_rows, get_string, within


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
        Malformed: If the record does not have this form.
    """
    text = get_string(data, "text")
    rows = get_rows(data, "entities", (int, int, str))
    entities = [(*within(start, end, len(text)), label) for start, end, label in rows]
    return Text(line, text, entities, check_indices(len(entities), get_rows(data, "relations", (int, str, int))))
