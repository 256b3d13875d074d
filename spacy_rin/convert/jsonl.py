"""Reader of the plugin's own JSON lines, which `spacy rin extract` and `spacy rin export` write."""

from typing import Any

from .records import Text, check_indices, get_rows, get_string, within


def parse_jsonl(line: str, data: Any) -> Text:
    """Own annotations: {"text", "entities": [[start, end, label], ...], "relations": [[index, label, index], ...]}."""
    text = get_string(data, "text")
    rows = get_rows(data, "entities", (int, int, str))
    entities = [(*within(start, end, len(text)), label) for start, end, label in rows]
    return Text(line, text, entities, check_indices(len(entities), get_rows(data, "relations", (int, str, int))))
