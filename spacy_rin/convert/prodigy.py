"""Reader of the tasks that Prodigy's recipe rel.manual writes."""

from typing import Any

from .records import Entity, Malformed, Skipped, Text, get_field, get_objects, get_rows, get_string, is_text, within


def parse_prodigy(line: str, task: Any) -> Text | Skipped:
    """Parse a task of Prodigy's recipe rel.manual.

    {"text", "tokens": [{"text", "start", "end"}], "spans": [{"token_start", "token_end", "label"}],
    "relations": [{"head", "child", "head_span", "child_span", "label"}], "answer"}; "token_end" is inclusive, and the
    head is the subject.

    Args:
        line (str): The place of the task.
        task (Any): The task.

    Returns:
        Text | Skipped: The text; `Skipped` if the task was rejected or ignored.

    Raises:
        Malformed: If the task does not have this form.
    """
    text = get_string(task, "text")
    answer = task.get("answer", "accept")  # Prodigy's default
    if answer not in ("accept", "reject", "ignore"):
        raise Malformed(f"'answer' must be accept, reject or ignore, not {answer!r:.60}")
    if answer != "accept":
        return Skipped(f"tasks with the answer '{answer}'")
    tokens = _tokens(text, task)
    entities: dict[Entity, int] = {}  # with their indices
    for span in get_objects(task, "spans") if "spans" in task else []:
        entities.setdefault((*_offsets(span, tokens, len(text)), get_string(span, "label")), len(entities))
    triples = []
    for relation in get_objects(task, "relations"):
        subject, object_ = (
            entities.setdefault(_argument(relation, side, tokens, entities, len(text)), len(entities))
            for side in ("head", "child")
        )
        triples.append((subject, get_string(relation, "label"), object_))
    return Text(line, text, list(entities), triples, tokens=tokens)


def _tokens(text: str, task: Any) -> list[tuple[int, int]]:
    tokens = get_rows(task, "tokens", (int, int, str), ("start", "end", "text"))
    last = 0
    for start, end, word in tokens:
        within(start, end, len(text))
        if start < last or text[start:end] != word:
            raise Malformed(f"token {word!r:.60} at {start}-{end} is not what the text has there, or is out of order")
        last = end
    return [(start, end) for start, end, _ in tokens]


def _offsets(span: Any, tokens: list[tuple[int, int]], length: int) -> tuple[int, int]:
    """Get the start and end character of a span, which is given by tokens, by characters or by both."""
    if not isinstance(span, dict):
        raise Malformed(f"a span must be an object, not {span!r:.60}")
    by_tokens, by_characters = _bounds(span, "token_start", "token_end"), _bounds(span, "start", "end")
    found = set()
    if by_tokens:
        first, last = by_tokens
        if not 0 <= first <= last < len(tokens):
            raise Malformed(f"tokens {first}-{last} of a span do not exist; there are {len(tokens)}")
        found.add((tokens[first][0], tokens[last][1]))
    if by_characters:
        found.add(within(*by_characters, length))
    if len(found) != 1:
        what = "disagree" if found else "are missing"
        raise Malformed(f"the tokens and the characters of span {span!r:.100} {what}")
    return found.pop()


def _bounds(span: dict[str, Any], start: str, end: str) -> tuple[int, int] | None:
    """Get the values of two keys of a span; None if one is missing."""
    if not all(type(span[key]) is int for key in (start, end) if key in span):
        raise Malformed(f"the offsets of span {span!r:.100} must be whole numbers")
    return (span[start], span[end]) if start in span and end in span else None


def _argument(
    relation: Any, side: str, tokens: list[tuple[int, int]], entities: dict[Entity, int], length: int
) -> Entity:
    """Get the entity at one side of a relation. A token outside of all spans is an entity without a type."""
    if relation.get(f"{side}_span") is not None:
        span = get_field(relation, f"{side}_span")
        offsets = _offsets(span, tokens, length)
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
    # Prodigy refers to a span by its last token.
    around = [entity for entity in around if entity[1] == end] or around
    if len(around) > 1:
        raise Malformed(f"'{side}' of a relation is in {len(around)} spans; '{side}_span' must say which is meant")
    return around[0] if around else (start, end, "")
