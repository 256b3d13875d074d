"""Readers of what annotation tools write as JSON, and of our own lines."""

from collections import Counter
from typing import Any

from .quotes import Quote, fit_offsets
from .records import (
    Malformed,
    Skipped,
    Text,
    get_field,
    get_objects,
    get_rows,
    get_string,
    is_text,
    point_to,
    within,
)

Span = tuple[int, int, str]


def parse_jsonl(line: str, data: Any) -> Text:
    """Own annotations: {"text", "entities": [[start, end, label], ...], "relations": [[index, label, index], ...]}."""
    text = get_string(data, "text")
    rows = get_rows(data, "entities", (int, int, str))
    entities = [(*within(start, end, len(text)), label) for start, end, label in rows]
    return Text(line, text, entities, point_to(len(entities), get_rows(data, "relations", (int, str, int))))


def parse_prodigy(line: str, task: Any) -> Text | Skipped:
    """Prodigy, rel.manual: {"text", "tokens": [{text, start, end}], "spans": [{token_start, token_end, label}],
    "relations": [{head, child, head_span, child_span, label}], "answer"}; `token_end` is inclusive, head the subject.
    """
    text = get_string(task, "text")
    answer = task.get("answer", "accept")  # as Prodigy has it for tasks without one
    if answer not in ("accept", "reject", "ignore"):
        raise Malformed(f"'answer' must be accept, reject or ignore, not {answer!r:.60}")
    if answer != "accept":
        return Skipped(f"tasks with the answer '{answer}'")
    tokens = _prodigy_tokens(text, task)
    entities: dict[Span, int] = {}  # each with its index
    for span in get_objects(task, "spans") if "spans" in task else []:
        entities.setdefault((*_prodigy_offsets(span, tokens, len(text)), get_string(span, "label")), len(entities))
    triples = []
    for relation in get_objects(task, "relations"):
        subject, object_ = (
            entities.setdefault(_prodigy_argument(relation, side, tokens, entities, len(text)), len(entities))
            for side in ("head", "child")
        )
        triples.append((subject, get_string(relation, "label"), object_))
    return Text(line, text, list(entities), triples, tokens=tokens)


def parse_label_studio(line: str, task: Any) -> Text | Skipped:
    """Label Studio: {"data", "annotations": [{"was_cancelled", "result": [regions and relations]}]}; of several
    annotations, the first that is not cancelled counts."""
    data = get_field(task, "data")
    annotations = get_objects(task, "annotations")
    valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not valid:
        return Skipped("tasks whose annotations are all cancelled" if annotations else "tasks without annotations")
    passed_over = Counter(
        {"cancelled annotations": len(annotations) - len(valid), "further annotations": len(valid) - 1}
    )
    result = get_objects(valid[0], "result")
    text = _label_studio_text(data)
    entities, index = _label_studio_entities(text, [item for item in result if item.get("type") == "labels"])
    others = {str(item.get("id")) for item in result if item.get("type") not in ("labels", "relation")}
    triples = []
    for item in result:
        if item.get("type") == "relation":
            start, end = get_string(item, "from_id"), get_string(item, "to_id")
            if start in index and end in index:
                triples += _label_studio_triples(item, index[start], index[end], passed_over)
            elif {start, end} <= {*index, *others}:
                passed_over["relations of other regions"] += 1
            else:
                raise Malformed(f"a relation from {start!r} to {end!r} points to a region that is not there")
        elif item.get("type") != "labels":
            passed_over[f"regions of the type '{item.get('type')}'"] += 1
    return Text(line, text, entities, triples, passed_over=+passed_over)


def _prodigy_tokens(text: str, task: Any) -> list[tuple[int, int]]:
    tokens = get_rows(task, "tokens", (int, int, str), ("start", "end", "text"))
    last = 0
    for start, end, word in tokens:
        within(start, end, len(text))
        if start < last or text[start:end] != word:
            raise Malformed(f"token {word!r:.60} at {start}-{end} is not what the text has there, or out of order")
        last = end
    return [(start, end) for start, end, _ in tokens]


def _prodigy_offsets(span: Any, tokens: list[tuple[int, int]], length: int) -> tuple[int, int]:
    """Get the characters of a span that is given by tokens, by characters or both."""
    if not isinstance(span, dict):
        raise Malformed(f"a span must be an object, not {span!r:.60}")
    given = [{key: get_field(span, key) for key in keys if key in span} for keys in (_BY_TOKENS, _BY_CHARACTERS)]
    if not all(type(value) is int for values in given for value in values.values()):
        raise Malformed(f"the offsets of span {span!r:.100} must be whole numbers")
    found = set()
    if len(given[0]) == 2:
        first, last = given[0].values()
        if not 0 <= first <= last < len(tokens):
            raise Malformed(f"tokens {first}-{last} of a span are not there; there are {len(tokens)}")
        found.add((tokens[first][0], tokens[last][1]))
    if len(given[1]) == 2:
        first, last = given[1].values()
        found.add(within(first, last, length))
    if len(found) != 1:
        what = "disagree" if found else "are missing"
        raise Malformed(f"the tokens and the characters of span {span!r:.100} {what}")
    return found.pop()


_BY_TOKENS, _BY_CHARACTERS = ("token_start", "token_end"), ("start", "end")


def _prodigy_argument(
    relation: Any, side: str, tokens: list[tuple[int, int]], entities: dict[Span, int], length: int
) -> Span:
    """Get the entity that a relation starts from or points to; tokens that are in no span have no type."""
    if relation.get(f"{side}_span") is not None:
        span = get_field(relation, f"{side}_span")
        offsets = _prodigy_offsets(span, tokens, length)
        label = span.get("label")
        if label is not None and not is_text(label):
            raise Malformed(f"the label of '{side}_span' must be a non-empty string or null, not {label!r:.60}")
        same = [entity for entity in entities if entity[:2] == offsets and label in (None, entity[2])]
        return same[0] if same else (*offsets, label or "")
    index = get_field(relation, side)
    if type(index) is not int or not 0 <= index < len(tokens):
        raise Malformed(f"'{side}' of a relation must be the index of a token, not {index!r:.60}")
    start, end = tokens[index]
    around = [entity for entity in entities if entity[0] <= start and end <= entity[1]]
    # Prodigy names a span by its last token.
    around = [entity for entity in around if entity[1] == end] or around
    if len(around) > 1:
        raise Malformed(f"'{side}' of a relation is in {len(around)} spans; '{side}_span' must tell in which")
    return around[0] if around else (start, end, "")


def _label_studio_text(data: Any) -> str:
    """Get the text of a task: the field "text", or the only one with a string."""
    texts = [key for key, value in data.items() if isinstance(value, str)] if isinstance(data, dict) else []
    if "text" not in texts and len(texts) != 1:
        raise Malformed(f"'data' must have a field 'text', or a single field with a string; it has: {', '.join(texts)}")
    return get_string(data, "text" if "text" in texts else texts[0])


def _label_studio_entities(text: str, regions: list[dict[str, Any]]) -> tuple[list[Span], dict[str, int]]:
    """Get the entities of regions, one for each label, and the index of the first one of each region by its id."""
    if len({str(region.get("to_name")) for region in regions}) > 1:
        raise Malformed("the regions are of more than one text")
    quotes = [_label_studio_quote(region) for region in regions]
    at = fit_offsets(text, quotes)
    if at is None:
        raise Malformed("the offsets of the regions don't fit the text: what they quote is not what stands there")
    entities: list[Span] = []
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


def _label_studio_quote(region: Any) -> Quote:
    value = get_field(region, "value")
    start, end, quoted = get_field(value, "start"), get_field(value, "end"), value.get("text")
    if type(start) is not int or type(end) is not int:
        raise Malformed(f"'start' and 'end' of a region must be whole numbers, not {start!r:.60} and {end!r:.60}")
    return Quote([(start, end)], quoted if isinstance(quoted, str) else None)


def _label_studio_triples(item: Any, start: int, end: int, passed_over: Counter[str]) -> list[tuple[int, str, int]]:
    labels = item.get("labels") or []
    if not isinstance(labels, list) or not all(map(is_text, labels)):
        raise Malformed("'labels' of a relation must be a list of non-empty strings")
    if not labels:
        passed_over["relations without a label"] += 1
    direction = item.get("direction") or "right"
    if direction not in ("right", "left", "bi"):
        raise Malformed(f"'direction' of a relation must be right, left or bi, not {direction!r:.60}")
    forth = [(start, label, end) for label in labels if direction != "left"]
    return forth + [(end, label, start) for label in labels if direction != "right"]
