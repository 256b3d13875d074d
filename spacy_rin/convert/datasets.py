"""Readers of the formats of published data sets, whose texts are tokenised."""

import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .records import (
    Entity,
    Lost,
    Malformed,
    Record,
    assemble,
    check_indices,
    get_rows,
    get_string,
    get_strings,
    is_text,
    within,
)
from .values import Source, refuse


def parse_jointer(line: str, data: Any) -> Record:
    """Parse a record of JointER (Yu et al., ECAI 2020).

    {"tokens", "pos_tags", "spo_details": [[start, end, type, relation, start, end, type], ...]}; the subject comes
    first, and the type "None-label" means none.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Record: The text.

    Raises:
        Malformed: If the record does not have this form.
    """
    words, tags = get_strings(data, "tokens"), get_strings(data, "pos_tags")
    if len(tags) != len(words):
        raise Malformed(f"there are {len(words)} tokens but {len(tags)} pos_tags")
    rows = get_rows(data, "spo_details", (int, int, str, str, int, int, str))
    triples = [(row[:3], row[3], row[4:]) for row in rows]
    spans: dict[Hashable, Entity | Lost] = {
        (start, end, kind): (*within(start, end, len(words)), "" if kind == "None-label" else kind)
        for subject, _, object_ in triples
        for start, end, kind in (subject, object_)
    }
    return replace(assemble(line, words, spans, triples), tags=tags)


def parse_spert(line: str, data: Any) -> Record:
    """Parse a record of SpERT (Eberts and Ulges, ECAI 2020).

    {"tokens", "entities": [{"type", "start", "end"}], "relations": [{"type", "head", "tail"}]}; the head is the
    subject.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Record: The text.

    Raises:
        Malformed: If the record does not have this form.
    """
    words = get_strings(data, "tokens")
    rows = get_rows(data, "entities", (int, int, str), ("start", "end", "type"))
    entities = [(*within(start, end, len(words)), kind) for start, end, kind in rows]
    triples = get_rows(data, "relations", (int, str, int), ("head", "type", "tail"))
    return Record(line, words, entities, check_indices(len(entities), triples))


def parse_copy_re(line: str, data: Any) -> Record:
    """Parse a record of the raw files of copy_re (Zeng et al., ACL 2018).

    {"sentText", "entityMentions": [{"text", "label"}], "relationMentions": [{"em1Text", "em2Text", "label"}]}; em1 is
    the subject, and the label "None" means no relation.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Record: The text.

    Raises:
        Malformed: If the record does not have this form.
    """
    entities = get_rows(data, "entityMentions", (str, str), ("text", "label"))
    triples = get_rows(data, "relationMentions", (str, str, str), ("em1Text", "label", "em2Text"))
    return _from_surface(line, get_string(data, "sentText"), entities, [row for row in triples if row[1] != "None"])


def parse_casrel(line: str, data: Any) -> Record:
    """Parse a record of CasRel (Wei et al., ACL 2020).

    {"text", "triple_list": [[subject, relation, object], ...]}. The list can be called "triples", and
    "entities": [[name, type], ...] can give types.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        Record: The text.

    Raises:
        Malformed: If the record does not have this form.
    """
    text = get_string(data, "text")
    entities = get_rows(data, "entities", (str, str)) if "entities" in data else []
    triples = get_rows(data, "triples" if "triples" in data else "triple_list", (str, str, str))
    return _from_surface(line, text, entities, triples)


def parse_copy_re_ids(line: str, data: Any) -> Record:
    """Parse a sentence of the id files of copy_re (Zeng et al., ACL 2018).

    Args:
        line (str): The place of the sentence.
        data (tuple): Word ids; the triples as a flat list, three numbers for each: last token of the subject, last
            token of the object, relation id; the words by id; the relations by id.

    Returns:
        Record: The sentence. Each entity is a single token.

    Raises:
        Malformed: If the sentence or its triples do not have this form.
    """
    sentence, flat, word_names, relation_names = data
    if not isinstance(sentence, list) or not sentence or not isinstance(flat, list) or len(flat) % 3:
        raise Malformed("a list of word ids and a list of triples, three numbers for each, were expected")
    if not all(type(position) is int for position in flat):
        raise Malformed("positions must be whole numbers")
    words = [_name(word_names, ident, "word") for ident in sentence]
    rows = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
    triples = [(subject, _name(relation_names, ident, "relation"), object_) for subject, object_, ident in rows]
    spans: dict[Hashable, Entity | Lost] = {
        last: (*within(last, last + 1, len(words)), "") for s, _, o in triples for last in (s, o)
    }
    return assemble(line, words, spans, triples)


def read_ids(source: Source) -> Iterator[tuple[str, Any]]:
    """Get the sentences of an id file with their triples, and the names of the ids from the two files beside it.

    Args:
        source (Source): The id file.

    Yields:
        tuple[str, Any]: The place of each sentence, and what `parse_copy_re_ids` takes.

    Raises:
        FileError: R030 if one of the three files is malformed, R033 or R034 if it does not exist or can't be read.
    """
    path = source.path
    values = [value for _, value in source.values()]
    if not values:
        return
    if len(values) != 2 or not all(isinstance(v, list) for v in values) or len(values[0]) != len(values[1]):
        refuse(path, 1, "two lists of the same length were expected, of sentences and of triples")
    words, relations = (_id_names(Source(path.with_name(f"{kind}2id.json"))) for kind in ("words", "relations"))
    for number, (sentence, flat) in enumerate(zip(*values, strict=True), 1):
        yield f"record {number}", (sentence, flat, words, relations)


def _id_names(source: Source) -> dict[int, str]:
    values = [value for _, value in source.values()]
    ids = values[0] if len(values) == 1 and isinstance(values[0], dict) else {}
    names = {ident: name for name, ident in ids.items() if type(ident) is int and is_text(name)}
    if not names or len(names) != len(ids):
        refuse(source.path, 1, "an object of names, each with an id of its own, was expected")
    return names


def _name(names: Mapping[int, str], ident: Any, kind: str) -> str:
    if type(ident) is not int or ident not in names:
        raise Malformed(f"{ident!r:.60} is not the id of a {kind}")
    return names[ident]


def _from_surface(line: str, text: str, typed: Sequence[tuple[Any, ...]], triples: Sequence[tuple[Any, ...]]) -> Record:
    """Make a Record of a tokenised text whose entities are given as strings: each is its first occurrence."""
    words = _split(text)
    if not words:
        raise Malformed("the text has no tokens")
    mentions = [*(name for name, _ in typed), *(name for s, _, o in triples for name in (s, o))]
    found = {name: _find(words, _split(name)) for name in mentions}
    # By tokens, not by name: the triples may spell an entity differently.
    types: dict[tuple[int, int] | None, str] = {}
    for name, kind in typed:
        types.setdefault(found[name], kind)
    spans: dict[Hashable, Entity | Lost] = {
        name: (*tokens, types.get(tokens, "")) if tokens else Lost(line, f"entity {name!r} is not in the text")
        for name, tokens in found.items()
    }
    further = [(*tokens, kind) for name, kind in typed if (tokens := found[name]) and kind != types[tokens]]
    record = assemble(line, words, spans, triples)
    return replace(record, entities=record.entities + further)


def _split(text: str) -> list[str]:
    return [word for word in text.split(" ") if word]


def _find(words: list[str], wanted: list[str]) -> tuple[int, int] | None:
    # The sentences of NYT lack accents that the names in its triples have ("Medellin", "Medellín").
    for spell in (list, _without_accents):
        tokens, sought = spell(words), spell(wanted)
        for start in range(len(tokens) - len(sought) + 1 if sought else 0):
            if tokens[start : start + len(sought)] == sought:
                return start, start + len(sought)
    return None


def _without_accents(words: list[str]) -> list[str]:
    return ["".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) for word in words]
