"""Readers of the formats of published data sets, whose texts are mostly tokenised."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .records import (
    Broken,
    Entity,
    Lost,
    Malformed,
    Record,
    Triple,
    assemble,
    attempt,
    check_row,
    check_triple,
    get_list,
    get_string,
    get_strings,
    is_text,
    sort_out,
    within,
)
from .surfaces import SurfaceText
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
        Malformed: If the record as a whole does not have this form.
    """
    words, tags = get_strings(data, "tokens"), get_strings(data, "pos_tags")
    if len(tags) != len(words):
        raise Malformed(f"there are {len(words)} tokens but {len(tags)} pos_tags")
    rows = (attempt(line, _jointer_triple, row, len(words)) for row in get_list(data, "spo_details"))
    triples, broken = sort_out(rows)
    spans: dict[Hashable, Entity | Lost | Broken] = {
        (start, end, kind): (start, end, "" if kind == "None-label" else kind)
        for subject, _, object_ in triples
        for start, end, kind in (subject, object_)
    }
    return replace(assemble(line, words, spans, triples), tags=tags, broken=broken)


def _jointer_triple(row: Any, length: int) -> tuple[Entity, str, Entity]:
    values = check_row(row, "spo_details", (int, int, str, str, int, int, str))
    (start, end, kind), label, (object_start, object_end, object_kind) = values[:3], values[3], values[4:]
    return (*within(start, end, length), kind), label, (*within(object_start, object_end, length), object_kind)


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
        Malformed: If the record as a whole does not have this form.
    """
    words = get_strings(data, "tokens")
    entities = [attempt(line, _spert_entity, row, len(words)) for row in get_list(data, "entities")]
    rows = (attempt(line, _spert_triple, row, len(entities)) for row in get_list(data, "relations"))
    triples, broken = sort_out(rows)
    record = assemble(line, words, dict(enumerate(entities)), triples)
    return replace(record, broken=record.broken + broken)


def _spert_entity(row: Any, length: int) -> Entity:
    start, end, kind = check_row(row, "entities", (int, int, str), ("start", "end", "type"))
    return (*within(start, end, length), kind)


def _spert_triple(row: Any, entities: int) -> Triple:
    return check_triple(entities, check_row(row, "relations", (int, str, int), ("head", "type", "tail")))


def parse_copy_re(line: str, data: Any) -> SurfaceText:
    """Parse a record of the raw files of copy_re (Zeng et al., ACL 2018).

    {"sentText", "entityMentions": [{"text", "label"}], "relationMentions": [{"em1Text", "em2Text", "label"}]}; em1 is
    the subject, and the label "None" means no relation.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        SurfaceText: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    typed, broken = _rows(line, data, "entityMentions", ("text", "label"))
    triples, broken_triples = _rows(line, data, "relationMentions", ("em1Text", "label", "em2Text"))
    triples = [row for row in triples if row[1] != "None"]
    return SurfaceText(line, _get_text(data, "sentText"), typed, triples, broken + broken_triples)


def parse_casrel(line: str, data: Any) -> SurfaceText:
    """Parse a record of CasRel (Wei et al., ACL 2020).

    {"text", "triple_list": [[subject, relation, object], ...]}. The list can be called "triples", and
    "entities": [[name, type], ...] can give types.

    Args:
        line (str): The place of the record.
        data (Any): The record.

    Returns:
        SurfaceText: The text.

    Raises:
        Malformed: If the record as a whole does not have this form.
    """
    text = _get_text(data, "text")
    typed, broken = _rows(line, data, "entities", (), 2) if "entities" in data else ([], [])
    triples, broken_triples = _rows(line, data, "triples" if "triples" in data else "triple_list", (), 3)
    return SurfaceText(line, text, typed, triples, broken + broken_triples)


def _get_text(data: Any, key: str) -> str:
    text = get_string(data, key)
    if not text.strip(" "):
        raise Malformed("the text has no tokens")
    return text


def _rows(
    line: str, data: Any, key: str, columns: tuple[str, ...], length: int = 0
) -> tuple[list[tuple[Any, ...]], list[Broken]]:
    """Get rows of strings, and those that are not valid. They are lists of a length, or objects with some keys."""
    types = (str,) * (len(columns) or length)
    return sort_out(attempt(line, check_row, row, key, types, columns) for row in get_list(data, key))


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
    words = [_name(word_names, ident, "word") for ident in sentence]
    rows = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
    triples, broken = sort_out(attempt(line, _id_triple, row, len(words), relation_names) for row in rows)
    spans: dict[Hashable, Entity | Lost | Broken] = {
        last: (last, last + 1, "") for s, _, o in triples for last in (s, o)
    }
    return replace(assemble(line, words, spans, triples), broken=broken)


def _id_triple(row: tuple[Any, ...], length: int, names: Mapping[int, str]) -> Triple:
    subject, object_, ident = row
    for position in (subject, object_):
        if type(position) is not int:
            raise Malformed("positions must be whole numbers")
        within(position, position + 1, length)
    return subject, _name(names, ident, "relation"), object_


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
    values = _read_values(source)
    if not values:
        return
    if len(values) != 2 or not all(isinstance(v, list) for v in values) or len(values[0]) != len(values[1]):
        refuse(path, 1, "two lists of the same length were expected, of sentences and of triples")
    words, relations = (_id_names(Source(path.with_name(f"{kind}2id.json"))) for kind in ("words", "relations"))
    for number, (sentence, flat) in enumerate(zip(*values, strict=True), 1):
        yield f"record {number}", (sentence, flat, words, relations)


def _read_values(source: Source) -> list[Any]:
    values = []
    for line, value in source.values():
        if isinstance(value, Malformed):
            refuse(source.path, line, value)
        values.append(value)
    return values


def _id_names(source: Source) -> dict[int, str]:
    values = _read_values(source)
    ids = values[0] if len(values) == 1 and isinstance(values[0], dict) else {}
    names = {ident: name for name, ident in ids.items() if type(ident) is int and is_text(name)}
    if not names or len(names) != len(ids):
        refuse(source.path, 1, "an object of names, each with an id of its own, was expected")
    return names


def _name(names: Mapping[int, str], ident: Any, kind: str) -> str:
    if type(ident) is not int or ident not in names:
        raise Malformed(f"{ident!r:.60} is not the id of a {kind}")
    return names[ident]
