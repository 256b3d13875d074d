"""Reader of the training data of GLiREL."""

from typing import Any

from .records import (
    Entity,
    Malformed,
    Record,
    attempt,
    get_field,
    get_list,
    get_string,
    get_strings,
    is_text,
    sort_out,
    within,
)

_NONE = {"no relation", "no_relation", "NO_RELATION"}


def parse_glirel(line: str, data: Any) -> Record:
    """Parse a record of the training data of GLiREL (Boylan et al., NAACL 2025).

    {"tokenized_text", "ner": [[start, end, type, text], ...], "relations": [{"head": {"position": [start, end],
    "type"}, "tail", "relation_text"}]}; the ends are inclusive, the head is the subject, and the relation "no relation"
    means none. If "ner" does not have the type of an entity in a relation, the first one that it has is taken.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Record: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    words = get_strings(data, "tokenized_text")
    rows, broken = sort_out(attempt(line, _entity, row, words) for row in get_list(data, "ner"))
    relations, broken_relations = sort_out(attempt(line, _relation, r, words) for r in get_list(data, "relations"))
    entities: dict[Entity, int] = {}
    first: dict[tuple[int, int], int] = {}  # of the entities with the same tokens
    for entity in rows:
        first.setdefault(entity[:2], entities.setdefault(entity, len(entities)))
    for entity in (end for subject, _, object_ in relations for end in (subject, object_)):
        if entity[:2] not in first:
            first[entity[:2]] = entities.setdefault(entity, len(entities))
    index = {entity: entities.get(entity, first[entity[:2]]) for s, _, o in relations for entity in (s, o)}
    triples = [(index[s], label, index[o]) for s, label, o in relations if label not in _NONE]
    return Record(line, words, list(entities), triples, broken=broken + broken_relations)


def _relation(relation: Any, words: list[str]) -> tuple[Entity, str, Entity]:
    subject, object_ = (_end(get_field(relation, side), words) for side in ("head", "tail"))
    return subject, get_string(relation, "relation_text"), object_


def _end(end: Any, words: list[str]) -> Entity:
    tokens, kind = _tokens(get_field(end, "position"), words), end.get("type")
    return (*tokens, kind if is_text(kind) else "")


def _entity(row: Any, words: list[str]) -> Entity:
    if not isinstance(row, list) or len(row) < 3 or not is_text(row[2]):
        raise Malformed(f"each of 'ner' must be a list of start, end, type and text, not {row!r:.60}")
    start, end = _tokens(row[:2], words)
    if len(row) > 3 and _joined(words[start:end]) != _joined([row[3]]) == _joined(words[start : end - 1]):
        raise Malformed(f"{row[3]!r:.60} ends before token {row[1]}: 'end' must be its last token, not the next one")
    return start, end, row[2]


def _tokens(bounds: Any, words: list[str]) -> tuple[int, int]:
    """Get start and end (exclusive) of tokens whose end is given inclusively."""
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(type(bound) is int for bound in bounds):
        raise Malformed(f"the tokens of an entity must be two whole numbers, not {bounds!r:.60}")
    return within(bounds[0], bounds[1] + 1, len(words))


def _joined(words: list[Any]) -> str:
    """Return words without white space, to compare them with a text."""
    return "".join("".join(map(str, words)).split())
