"""Readers of data sets that give entities by name and by characters: REBEL, and TPLinker as UniRel uses it."""

from collections import Counter
from typing import Any

from .names import Offsets, place
from .records import Broken, Entity, Lost, Malformed, Text, attempt, get_field, get_list, get_string, is_text, sort_out

_Key = tuple[str | None, Offsets | None]  # name and offsets


def parse_rebel(line: str, data: Any) -> Text:
    """Parse a record of REBEL (Huguet Cabot and Navigli, EMNLP Findings 2021).

    {"docid", "uri", "text", "entities": [{"surfaceform", "boundaries": [start, end]}], "triples": [{"subject",
    "predicate": {"surfaceform", "uri"}, "object"}]}. Entities have no types. Boundaries can be null, or some characters
    off: then the nearest place of the surface form is taken.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Text: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    entities = _Entities(line, get_string(data, "text"))
    keys, broken = sort_out(attempt(line, _rebel_key, entity) for entity in get_list(data, "entities"))
    triples, broken_triples = sort_out(attempt(line, _rebel_triple, triple) for triple in get_list(data, "triples"))
    for key in keys:
        entities.add(key)
    return entities.as_text(triples, broken + broken_triples)


def parse_unirel(line: str, data: Any) -> Text:
    """Parse a record of UniRel (Tang et al., EMNLP 2022), which has the form of TPLinker's (Wang et al., COLING 2020).

    {"text", "relation_list": [{"subject", "object", "predicate", "subj_char_span": [start, end], "obj_char_span"}],
    "entity_list": [{"text", "type", "char_span"}]}. Names without a span are looked for in the text; the first place
    is taken. The type "DEFAULT" means none, and "entity_list" can be missing.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Text: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    entities = _Entities(line, get_string(data, "text"))
    items = get_list(data, "entity_list") if "entity_list" in data else []
    typed, broken = sort_out(attempt(line, _unirel_entity, item) for item in items)
    triples, broken_triples = sort_out(attempt(line, _unirel_triple, item) for item in get_list(data, "relation_list"))
    for key, kind in typed:
        entities.add(key, kind)
    return entities.as_text(triples, broken + broken_triples)


class _Entities:
    """The entities of a text, each found when it is added."""

    def __init__(self, line: str, text: str):
        """Begin with no entities.

        Args:
            line (str): The place of the text.
            text (str): The text.
        """
        self.line, self.text = line, text
        self.found: list[Entity | Lost] = []
        self.places: dict[_Key, Offsets | None] = {}
        # Numbers by type, of the entities at a place, or of one that the text does not have.
        self.index: dict[_Key | Offsets, dict[str, int]] = {}
        self.moved: set[_Key] = set()

    def add(self, key: _Key, type: str = "") -> int:
        """Add an entity, unless it is there already, and return its index. One without a type is the first at its
        place."""
        name, offsets = key
        if key not in self.places:
            self.places[key] = place(self.text, name, offsets)
        where = self.places[key]
        if where is None:
            numbers = self.index.setdefault(key, {})
            entity: Entity | Lost = Lost(self.line, f"entity {name or offsets!r} is not in the text")
        else:
            numbers = self.index.setdefault(where, {})
            entity = (*where, type)
            if offsets and where != offsets:
                self.moved.add(key)
        if numbers and (where is None or not type):
            return next(iter(numbers.values()))
        if "" in numbers:  # its type comes late
            numbers[type] = numbers.pop("")
            self.found[numbers[type]] = entity
        elif type not in numbers:
            numbers[type] = len(self.found)
            self.found.append(entity)
        return numbers[type]

    def as_text(self, triples: list[tuple[_Key, str, _Key]], broken: list[Broken]) -> Text:
        """Make the text with these entities and some triples, whose entities are added."""
        placed = [(self.add(subject), label, self.add(object_)) for subject, label, object_ in triples]
        ignored = Counter({"offsets at which the text has another name": len(self.moved)})
        return Text(self.line, self.text, self.found, placed, ignored=+ignored, broken=broken)


def _rebel_triple(triple: Any) -> tuple[_Key, str, _Key]:
    subject, object_ = (_rebel_key(get_field(triple, end)) for end in ("subject", "object"))
    predicate = get_field(triple, "predicate")
    label = get_field(predicate, "surfaceform") or get_string(predicate, "uri")
    if not is_text(label):
        raise Malformed(f"the surface form of a predicate must be a string, not {label!r:.60}")
    return subject, label, object_


def _rebel_key(entity: Any) -> _Key:
    name, offsets = get_field(entity, "surfaceform"), _offsets(entity, "boundaries")
    if not (is_text(name) or (name is None and offsets)):
        raise Malformed(f"'surfaceform' of an entity must be a non-empty string, not {name!r:.60}")
    return name, offsets


def _unirel_entity(entity: Any) -> tuple[_Key, str]:
    name = get_string(entity, "text")
    kind = entity.get("type", "DEFAULT")
    if not is_text(kind):
        raise Malformed(f"'type' of an entity must be a non-empty string, not {kind!r:.60}")
    return (name, _offsets(entity, "char_span")), "" if kind == "DEFAULT" else kind


def _unirel_triple(relation: Any) -> tuple[_Key, str, _Key]:
    subject = get_string(relation, "subject"), _offsets(relation, "subj_char_span")
    object_ = get_string(relation, "object"), _offsets(relation, "obj_char_span")
    return subject, get_string(relation, "predicate"), object_


def _offsets(item: Any, key: str) -> Offsets | None:
    bounds = item.get(key)
    if bounds is None:
        return None
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(type(bound) is int for bound in bounds):
        raise Malformed(f"'{key}' must be a list of two whole numbers, not {bounds!r:.60}")
    return bounds[0], bounds[1]
