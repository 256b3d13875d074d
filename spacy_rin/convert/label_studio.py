"""Reader of the tasks that Label Studio exports as "JSON"."""

from collections import Counter
from typing import Any

from .quotes import Quote, fit_offsets
from .records import Entity, Malformed, Skipped, Text, Triple, get_field, get_objects, get_string, is_text


def parse_label_studio(line: str, task: Any) -> Text | Skipped:
    """Parse a task of Label Studio.

    {"data", "annotations": [{"was_cancelled", "result": [regions and relations]}]}. Of several annotations, the first
    that was not cancelled is used.

    Args:
        line (str): The place of the task.
        task (Any): The task.

    Returns:
        Text | Skipped: The text; `Skipped` if there is no annotation to use.

    Raises:
        Malformed: If the task does not have this form.
    """
    data = get_field(task, "data")
    annotations = get_objects(task, "annotations")
    valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not valid:
        return Skipped("tasks whose annotations are all cancelled" if annotations else "tasks without annotations")
    ignored = Counter({"cancelled annotations": len(annotations) - len(valid), "further annotations": len(valid) - 1})
    result = get_objects(valid[0], "result")
    text = _text(data)
    entities, index = _entities(text, [item for item in result if item.get("type") == "labels"])
    triples = _triples(result, index, ignored)
    return Text(line, text, entities, triples, ignored=+ignored)


def _text(data: Any) -> str:
    """Get the text of a task: the field "text", or else the only field with a string."""
    texts = [key for key, value in data.items() if isinstance(value, str)] if isinstance(data, dict) else []
    if "text" not in texts and len(texts) != 1:
        raise Malformed(f"'data' must have a field 'text', or a single field with a string; it has: {', '.join(texts)}")
    return get_string(data, "text" if "text" in texts else texts[0])


def _entities(text: str, regions: list[dict[str, Any]]) -> tuple[list[Entity], dict[str, int]]:
    """Get the entities, one for each label of a region, and for each id of a region the index of its first entity."""
    if len({str(region.get("to_name")) for region in regions}) > 1:
        raise Malformed("the regions are of more than one text")
    quotes = [_quote(region) for region in regions]
    at = fit_offsets(text, quotes)
    if at is None:
        raise Malformed(
            "the offsets of the regions don't fit the text: what it has there is not what the regions quote"
        )
    entities: list[Entity] = []
    index: dict[str, int] = {}
    for region, quote in zip(regions, quotes, strict=True):
        if get_string(region, "id") in index:
            raise Malformed(f"there are two regions {region['id']!r:.60}")
        index[region["id"]] = len(entities)
        (start, end), labels = quote.pieces[0], region["value"].get("labels") or [""]
        if not isinstance(labels, list) or not all(label == "" or is_text(label) for label in labels):
            raise Malformed("'labels' of a region must be a list of strings")
        entities += [(at[start], at[end], label) for label in labels]
    return entities, index


def _quote(region: Any) -> Quote:
    value = get_field(region, "value")
    start, end, quoted = get_field(value, "start"), get_field(value, "end"), value.get("text")
    if type(start) is not int or type(end) is not int:
        raise Malformed(f"'start' and 'end' of a region must be whole numbers, not {start!r:.60} and {end!r:.60}")
    return Quote([(start, end)], quoted if isinstance(quoted, str) else None)


def _triples(result: list[dict[str, Any]], index: dict[str, int], ignored: Counter[str]) -> list[Triple]:
    """Get the triples between regions with labels, and count everything else as ignored."""
    others = {str(item.get("id")) for item in result if item.get("type") not in ("labels", "relation")}
    triples = []
    for item in result:
        if item.get("type") == "relation":
            start, end = get_string(item, "from_id"), get_string(item, "to_id")
            if start in index and end in index:
                triples += _triples_of(item, index[start], index[end], ignored)
            elif {start, end} <= {*index, *others}:
                ignored["relations of other regions"] += 1
            else:
                raise Malformed(f"a relation from {start!r} to {end!r} points to a region that does not exist")
        elif item.get("type") != "labels":
            ignored[f"regions of the type '{item.get('type')}'"] += 1
    return triples


def _triples_of(relation: dict[str, Any], start: int, end: int, ignored: Counter[str]) -> list[Triple]:
    """Get the triples of a relation, one for each label and direction."""
    labels = relation.get("labels") or []
    if not isinstance(labels, list) or not all(map(is_text, labels)):
        raise Malformed("'labels' of a relation must be a list of non-empty strings")
    if not labels:
        ignored["relations without a label"] += 1
    direction = relation.get("direction") or "right"
    if direction not in ("right", "left", "bi"):
        raise Malformed(f"'direction' of a relation must be right, left or bi, not {direction!r:.60}")
    forth = [(start, label, end) for label in labels if direction != "left"]
    return forth + [(end, label, start) for label in labels if direction != "right"]
