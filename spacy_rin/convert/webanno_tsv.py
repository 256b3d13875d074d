"""Reader of WebAnno TSV 3, which INCEpTION and WebAnno export."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ..files import walk_files
from .records import Broken, Malformed, Skipped, Text, Triple, attempt, sort_out
from .values import Source
from .webanno_lines import Layer, Lines, Unit, read_lines, read_value

_SOURCE = re.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d+)_(\d+)\])?")
_SLOT_END = re.compile(r"(?<!\\);")
_UNTOUCHED = "INITIAL_CAS.tsv"  # in the folder of each text, in the export of a project
_ANY_SPAN = "uima.tcas.Annotation"
_NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_LINGUISTIC = "de.tudarmstadt.ukp.dkpro.core.api."  # part of speech, lemma, dependency and so on


def read_webanno_tsv(source: Source) -> Iterator[Text | Skipped | Broken]:
    """Read a text with its annotation, or all texts of a folder and its subfolders.

    Spans of layers of your own, and of the layer NamedEntity, are entities. The type of an entity and the label of a
    relation are the value of the feature "value", else "label", else the first one; a layer without features gives its
    own name. A relation goes from its source, which is the subject, to the span that it is written at.

    Args:
        source (Source): A .tsv file, or a folder of them, in which hidden ones are left out.

    Yields:
        Text | Skipped | Broken: Each text, in the order of the file names.

    Raises:
        FileError: R033 or R034 if a file can't be read.
    """
    for file in map(Source, walk_files(source.path, (".tsv",))) if source.path.is_dir() else [source]:
        if file.path.name == _UNTOUCHED and file is not source:
            yield Skipped("texts as they were before annotation")
            continue
        try:
            text = _read(file)
        except Malformed as err:
            yield Broken(str(err.line or 1), str(err), file.path)
        else:
            yield text


class _Span(NamedTuple):
    """An entity: its characters, type and line."""

    start: int
    end: int
    type: str
    line: int


class _Relation(NamedTuple):
    """A relation: its line and layer, and at each end the unit and, if it has one, the number of the span."""

    line: int
    layer: Layer
    label: str
    subject: tuple[str, str]
    object: tuple[str, str]


_Key = tuple[str, str]  # of an entity: its layer, and its number or the id of its only unit


def _read(source: Source) -> Text | Skipped:
    lines = read_lines(source)
    if not lines.text.strip():
        return Skipped("empty texts")
    ignored: Counter[str] = Counter()
    spans: dict[_Key, _Span] = {}
    relations: list[_Relation | Broken] = []
    broken_spans: list[Broken] = []
    for position, layer in enumerate(lines.layers):
        for ident, unit in lines.units.items():
            columns = unit.cells[position]
            if layer.kind == "CH" or _is_linguistic(layer.name):
                ignored[f"annotation of the layer {layer.short}"] += len(columns[0])
            elif layer.kind == "RL":
                relations += _relations(layer, ident, unit, columns)
            else:
                broken_spans += _add_spans(spans, layer, ident, unit, columns)
                roles = [role for slot in layer.slots for role in columns[slot]]
                ignored[f"slots of the layer {layer.short}"] += sum(len(_SLOT_END.split(role)) for role in roles)
    valid, broken_relations = sort_out(relations)
    labelled = [relation for relation in valid if relation.label]
    ignored["relations without a label"] = len(valid) - len(labelled)
    triples, dangling = sort_out(attempt(str(r.line), _triple, lines, spans, r) for r in labelled)
    # INCEpTION marks places between characters as spans, too.
    kept = {key: span for key, span in spans.items() if span.start < span.end}
    index = {key: i for i, key in enumerate(kept)}
    placed: list[Triple] = [(index[s], label, index[o]) for s, label, o in triples if s in index and o in index]
    ignored["empty spans"] = len(spans) - len(kept)
    ignored["relations of empty spans"] = len(triples) - len(placed)
    numbers = [span.line for span in kept.values()]
    return Text(
        line=f"1-{max(numbers, default=1)}",
        text=lines.text,
        entities=[(span.start, span.end, span.type) for span in kept.values()],
        relations=placed,
        tokens=lines.tokens,
        path=source.path,
        lines=list(map(str, numbers)),
        ignored=+ignored,
        broken=broken_spans + broken_relations + dangling,
    )


def _is_linguistic(layer: str) -> bool:
    return layer.startswith(_LINGUISTIC) and layer != _NAMED_ENTITY


def _add_spans(
    spans: dict[_Key, _Span], layer: Layer, ident: str, unit: Unit, columns: list[list[str]]
) -> list[Broken]:
    """Add the spans of a unit, and return those that are not valid. One that has a number goes on in other units."""
    broken = []
    for cell in columns[layer.label or 0]:
        value, number = read_value(cell)
        key = (layer.name, number or ident)
        if key in spans and not number:
            broken.append(Broken(str(unit.line), f"several spans of the layer {layer.name} have no number"))
            continue
        kind = layer.short if layer.label is None else value
        start, end, _, line = spans.get(key, _Span(unit.start, unit.end, kind, unit.line))
        spans[key] = _Span(min(start, unit.start), max(end, unit.end), kind, line)
    return broken


def _relations(layer: Layer, ident: str, unit: Unit, columns: list[list[str]]) -> Iterator[_Relation | Broken]:
    """Get the relations that are written at a unit, which is where they end."""
    starts = columns[-1]
    labels = [layer.short] * len(starts)
    if layer.label is not None:
        labels = [read_value(cell)[0] for cell in columns[layer.label]]
    if len(labels) != len(starts):
        reason = f"{len(starts)} relations of the layer {layer.name} have {len(labels)} labels"
        yield Broken(str(unit.line), reason)
        return
    for label, start in zip(labels, starts, strict=True):
        match = _SOURCE.fullmatch(start)
        if not match:
            yield Broken(str(unit.line), f"{start!r:.60} is not where a relation starts")
            continue
        # The number 0 means the only span there.
        subject, object_ = ("" if number in (None, "0") else number for number in match.groups()[1:])
        yield _Relation(unit.line, layer, label, (match[1], subject), (ident, object_))


def _triple(lines: Lines, spans: dict[_Key, _Span], relation: _Relation) -> tuple[_Key, str, _Key]:
    """Get a relation by the keys of its entities."""
    subject, object_ = (_end(lines, spans, relation, end) for end in (relation.subject, relation.object))
    return subject, relation.label, object_


def _end(lines: Lines, spans: dict[_Key, _Span], relation: _Relation, end: tuple[str, str]) -> _Key:
    """Get the key of the entity at one end of a relation."""
    (ident, number), base = end, relation.layer.base
    if ident not in lines.units:
        raise Malformed(f"a relation starts at {ident}, which does not exist")
    unit = lines.units[ident]
    if _is_linguistic(base):  # it joins tokens: these are entities without a type
        spans.setdefault((base, ident), _Span(unit.start, unit.end, "", unit.line))
        return base, ident
    keys = [
        (layer.name, found or ident)
        for layer, columns in zip(lines.layers, unit.cells, strict=True)
        if layer.kind == "SP" and not _is_linguistic(layer.name) and base in (layer.name, _ANY_SPAN)
        for found in (read_value(cell)[1] for cell in columns[layer.label or 0])
        if number in ("", found)
    ]
    if len(keys) != 1:
        raise Malformed(f"a relation points to a span at {ident}, but {len(keys)} spans fit")
    return keys[0]
