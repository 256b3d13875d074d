"""Reader of the training data of GLiNER2, which names entities without saying where they are."""

from collections import Counter
from itertools import product
from typing import Any

from .names import nearest, occurrences, without_inner
from .records import (
    Broken,
    Entity,
    Lost,
    Malformed,
    Skipped,
    Text,
    Triple,
    attempt,
    get_field,
    get_list,
    get_string,
    is_text,
    sort_out,
)

# What a text can be annotated with, and the types of the values
TASKS: dict[str, Any] = {"entities": dict, "relations": [dict], "classifications": [dict], "json_structures": [dict]}
_OTHER_TASKS = ("classifications", "json_structures")

_Named = tuple[str, str, str]  # names of subject and object, with the label between


def parse_gliner2(line: str, data: Any) -> Text | Skipped:
    """Parse a record of the training data of GLiNER2 (Zaratiana et al., EMNLP 2025).

    {"input", "output": {"entities": {type: [name, ...]}, "relations": [{label: {"head": name, "tail": name}}, ...]}},
    or the same with "text" and "schema". Each place of a name in the text is an entity, as GLiNER2 itself takes it. A
    relation is between the places of its two names that are nearest to each other.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Text | Skipped: The text; `Skipped` if it is not annotated with relations.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    keys = ("text", "schema") if isinstance(data, dict) and "schema" in data else ("input", "output")
    text, output = get_string(data, keys[0]), get_field(data, keys[1])
    if not isinstance(output, dict):
        raise Malformed(f"'{keys[1]}' must be an object, not {output!r:.60}")
    if "relations" not in output:
        return Skipped("texts without 'relations'")
    ignored = Counter(f"texts with other tasks ('{task}')" for task in _OTHER_TASKS if output.get(task))
    types, broken = _types(line, output.get("entities") or {})
    relations, broken_relations = _relations(line, get_list(output, "relations"), ignored)
    names = list(dict.fromkeys([*types, *(name for subject, _, object_ in relations for name in (subject, object_))]))
    places = dict(zip(names, without_inner(occurrences(text, name) for name in names), strict=True))
    # By places, not by names: the relations may spell an entity differently.
    types_at = {place: kinds for name, kinds in types.items() for place in places[name]}
    index: dict[Any, int] = {}  # of each name, and of each place of it
    entities: list[Entity | Lost] = []
    for name, found in places.items():
        index[name] = len(entities)
        entities += [] if found else [Lost(line, f"entity {name!r} is not in the text")]
        for place in found:
            index.setdefault((name, place), len(entities))
            entities += [(*place, kind) for kind in types.get(name) or types_at.get(place) or [""]]
    triples: list[Triple] = []
    for subject, label, object_ in relations:
        ends = [index[subject], index[object_]]
        if places[subject] and places[object_]:
            pair = nearest(places[subject], places[object_])
            ends = [index[key] for key in zip((subject, object_), pair, strict=True)]
        triples.append((ends[0], label, ends[1]))
    return Text(line, text, entities, triples, ignored=ignored, broken=broken + broken_relations)


def _types(line: str, entities: Any) -> tuple[dict[str, list[str]], list[Broken]]:
    """Get the types of each name."""
    if not isinstance(entities, dict):
        raise Malformed(f"'entities' must be an object of types with lists of names, not {entities!r:.60}")
    pairs, broken = sort_out(attempt(line, _typed, kind, names) for kind, names in entities.items())
    types: dict[str, list[str]] = {}
    for kind, names in pairs:
        for name in names:
            types.setdefault(name, []).append(kind)
    return types, broken


def _typed(kind: str, names: Any) -> tuple[str, list[str]]:
    if not is_text(kind):
        raise Malformed(f"a type in 'entities' must be a non-empty string, not {kind!r:.60}")
    return kind, _names(names)


def _relations(line: str, items: list[Any], ignored: Counter[str]) -> tuple[list[_Named], list[Broken]]:
    """Get the relations by the names of their ends, and count what is neither head nor tail as ignored."""
    objects, broken = sort_out(attempt(line, _object, item) for item in items)
    pairs = (pair for item in objects for pair in item.items())
    named, broken_pairs = sort_out(attempt(line, _named, label, fields, ignored) for label, fields in pairs)
    return [relation for found in named for relation in found], broken + broken_pairs


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Malformed(f"each of 'relations' must be an object, not {item!r:.60}")
    return item


def _named(label: str, fields: Any, ignored: Counter[str]) -> list[_Named]:
    if not is_text(label) or not isinstance(fields, dict):
        raise Malformed(f"each of 'relations' must be a label with an object, not {label!r:.60}: {fields!r:.60}")
    heads, tails = (_names(fields.get(side, [])) for side in ("head", "tail"))
    if not heads or not tails:
        ignored["relations without a 'head' and a 'tail'"] += 1
        return []
    if others := len(fields) - 2:
        ignored["further fields of relations"] += others
    return [(head, label, tail) for head, tail in product(heads, tails)]


def _names(value: Any) -> list[str]:
    """Get a name or a list of names. GLiNER2 leaves fields without a value empty."""
    names = value if isinstance(value, list) else [value]
    if not all(name is None or name == "" or is_text(name) for name in names):
        raise Malformed(f"a name or a list of names was expected, not {value!r:.60}")
    return [name for name in names if name]
