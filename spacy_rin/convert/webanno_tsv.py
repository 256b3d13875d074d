"""Reader of WebAnno TSV 3, which INCEpTION and WebAnno export."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .records import Malformed, Skipped, Text, Triple
from .values import Source, refuse

_HEADER = "#FORMAT=WebAnno TSV 3"
_UNIT = re.compile(r"\d+-\d+(?:\.\d+)?")
_STACKED = re.compile(r"(?:[^\\|]|\\.?)+", re.DOTALL)
_VALUE = re.compile(r"(.*?)(?:(?<!\\)\[(\d+)\])?", re.DOTALL)
_SOURCE = re.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d+)_(\d+)\])?")
_ESCAPE = re.compile(r"\\(->|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}
_NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_ANY_SPAN = "uima.tcas.Annotation"
_LINGUISTIC = "de.tudarmstadt.ukp.dkpro.core.api."  # part of speech, lemma, dependency and so on


def is_webanno_tsv(text: str) -> bool:
    """Whether a text begins as a file of WebAnno TSV 3."""
    return text.startswith(_HEADER)


def read_webanno_tsv(source: Source) -> Iterator[Text | Skipped]:
    """Read a text with its annotation, or all texts of a folder and its subfolders.

    Spans of layers of your own, and of the layer NamedEntity, are entities. The type of an entity and the label of a
    relation are the value of the feature "value", else "label", else the first one; a layer without features gives its
    own name. The subject is where a relation starts.

    Args:
        source (Source): A .tsv file, or a folder of them.

    Yields:
        Text | Skipped: Each text, in the order of the file names.

    Raises:
        FileError: R030 if a file is malformed, R033 or R034 if it can't be read.
    """
    if not source.path.is_dir():
        yield _read(source)
        return
    for path in sorted(source.path.rglob("*.tsv")):
        if not path.name.startswith("."):
            yield _read(Source(path))


class _Layer(NamedTuple):
    """A layer of the header.

    Attributes:
        kind (str): SP for spans, CH for chains, RL for relations.
        name (str): The name, with its package.
        columns (int): Number of columns.
        label (int | None): The column of the type or label; None if the layer has no features.
        base (str): Of relations, the layer that they join.
    """

    kind: str
    name: str
    columns: int
    label: int | None
    base: str

    @property
    def short(self) -> str:
        """The name without its package."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def is_kept(self) -> bool:
        """Whether its annotation becomes entities or relations."""
        return self.kind != "CH" and not _is_linguistic(self.name)


def _is_linguistic(layer: str) -> bool:
    return layer.startswith(_LINGUISTIC) and layer != _NAMED_ENTITY


class _Unit(NamedTuple):
    """A token or a part of one: its characters, and the values of each layer, column by column."""

    line: int
    start: int
    end: int
    values: list[list[list[str]]]


class _Span(NamedTuple):
    """An entity: its characters, type and line."""

    start: int
    end: int
    type: str
    line: int


@dataclass
class _File:
    """What was read of a file: layers, text, tokens, and units by their ids."""

    layers: list[_Layer] = field(default_factory=list)
    text: str = ""
    tokens: list[tuple[int, int]] = field(default_factory=list)
    units: dict[str, _Unit] = field(default_factory=dict)


_Key = tuple[str, str]  # of an entity: its layer, and its number or the id of its only unit


def _read(source: Source) -> Text | Skipped:
    lines = [line.removesuffix("\r") for line in source.text.split("\n")]
    file = _File()
    number = 0
    try:
        if not is_webanno_tsv(source.text):
            number = 1
            raise Malformed(f"a file of WebAnno TSV 3 starts with {_HEADER}.3")
        pending: list[str] = []  # the lines of the next sentence's text
        sentence = (0, 0, _utf16(""))
        for number, line in enumerate(lines, 1):
            if line.startswith("#T_") and not file.units:
                file.layers.append(_layer(line))
            elif line.startswith("#Text="):
                pending.append(_unescape(line.removeprefix("#Text=")))
            elif line and not line.startswith("#"):
                fields = line.split("\t")
                bounds = _bounds(fields)
                if pending:
                    sentence = _add_sentence(file, "\n".join(pending), bounds[0], sentence)
                    pending = []
                _add_unit(file, number, fields, bounds, sentence)
        if not file.text.strip():
            return Skipped("empty texts")
        return _text(source, file)
    except _MalformedAt as err:
        refuse(source.path, err.line, err)
    except Malformed as err:
        refuse(source.path, number, err)


class _MalformedAt(Malformed):
    """A line that was read before is malformed."""

    def __init__(self, line: int, reason: str):
        """Name the line and the reason."""
        super().__init__(reason)
        self.line = line


def _layer(line: str) -> _Layer:
    kind, _, rest = line.removeprefix("#T_").partition("=")
    name, *features = rest.split("|")
    if kind not in ("SP", "CH", "RL") or not name:
        raise Malformed(f"this is not the header of a layer: {line!r:.100}")
    base = features.pop().removeprefix("BT_") if kind == "RL" and features else ""
    features = [feature for feature in features if feature]
    # A slot feature takes two columns: the second one is headed by the type of what is in the slot.
    slots = {i + offset for i, feature in enumerate(features) if feature.startswith("ROLE_") for offset in (0, 1)}
    plain = {feature: i for i, feature in reversed(list(enumerate(features))) if i not in slots}
    label = plain.get("value", plain.get("label", min(plain.values(), default=None)))
    columns = len(features) + 1 if kind == "RL" else max(len(features), 1)
    return _Layer(kind, name, columns, label, base)


def _bounds(fields: list[str]) -> tuple[int, int]:
    """Get the offsets of a line, which count UTF-16 units of the document."""
    match = re.fullmatch(r"(\d{1,12})-(\d{1,12})", fields[1]) if len(fields) > 2 else None
    if not match or not _UNIT.fullmatch(fields[0]):
        raise Malformed(f"this is not a line of a token: {chr(9).join(fields)!r:.100}")
    return int(match[1]), int(match[2])


_Sentence = tuple[int, int, list[int]]  # its first UTF-16 unit, its first character, and each unit's character in it


def _utf16(text: str) -> list[int]:
    """Get the character of each UTF-16 unit of a text, and of its end."""
    return [i for i, char in enumerate(text) for _ in range(1 + (ord(char) > 0xFFFF))] + [len(text)]


def _add_sentence(file: _File, text: str, start: int, last: _Sentence) -> _Sentence:
    """Add the text of a sentence. The format does not say what is between sentences: a line end is taken."""
    if file.text and start > last[0] + len(last[2]) - 1:
        file.text += "\n"
    sentence = (start, len(file.text), _utf16(text))
    file.text += text
    return sentence


def _add_unit(file: _File, number: int, fields: list[str], bounds: tuple[int, int], sentence: _Sentence) -> None:
    first, offset, characters = sentence
    start, end = (bound - first for bound in bounds)
    if not 0 <= start <= end < len(characters):
        raise Malformed(f"{bounds[0]}-{bounds[1]} is not in the text of the sentence")
    start, end = offset + characters[start], offset + characters[end]
    ident, word = fields[0], _unescape(fields[2])
    if file.text[start:end] != word:
        raise Malformed(f"the text has {file.text[start:end]!r:.60} at {bounds[0]}-{bounds[1]}, not {word!r:.60}")
    if ident in file.units:
        raise Malformed(f"there are two lines {ident}")
    if "." not in ident:
        if start == end or (file.tokens and start < file.tokens[-1][1]):
            raise Malformed(f"token {word!r:.60} is empty or out of order")
        file.tokens.append((start, end))
    columns = fields[3:]
    values = []
    for layer in file.layers:
        cells, columns = columns[: layer.columns], columns[layer.columns :]
        if len(cells) < layer.columns:
            raise Malformed(f"the columns of the layer {layer.name} are missing")
        values.append([_split(cell) for cell in cells])
    file.units[ident] = _Unit(number, start, end, values)


def _text(source: Source, file: _File) -> Text:
    ignored: Counter[str] = Counter()
    spans: dict[_Key, _Span] = {}
    for position, layer in enumerate(file.layers):
        for ident, unit in file.units.items():
            columns = unit.values[position]
            if layer.kind != "RL" and layer.is_kept:
                _add_spans(spans, layer, ident, unit, columns)
            elif not layer.is_kept:
                ignored[f"annotation of the layer {layer.short}"] += len(columns[0])
    triples = [
        triple
        for position, layer in enumerate(file.layers)
        if layer.kind == "RL" and layer.is_kept
        for ident, unit in file.units.items()
        for triple in _relations(file, spans, layer, ident, unit, unit.values[position], ignored)
    ]
    # INCEpTION marks places between characters as spans, too.
    kept = {key: span for key, span in spans.items() if span.start < span.end}
    ignored["empty spans"] = len(spans) - len(kept)
    ignored["relations of empty spans"] = sum(not {subject, object_} <= {*kept} for subject, _, object_ in triples)
    index = {key: i for i, key in enumerate(kept)}
    relations: list[Triple] = [(index[s], label, index[o]) for s, label, o in triples if s in index and o in index]
    numbers = [span.line for span in kept.values()]
    return Text(
        line=f"1-{max(numbers, default=1)}",
        text=file.text,
        entities=[(span.start, span.end, span.type) for span in kept.values()],
        relations=relations,
        tokens=file.tokens,
        path=source.path,
        lines=list(map(str, numbers)),
        ignored=+ignored,
    )


def _add_spans(spans: dict[_Key, _Span], layer: _Layer, ident: str, unit: _Unit, columns: list[list[str]]) -> None:
    """Add the spans of a unit. One that has a number goes on in other units with the same number."""
    for cell in columns[layer.label or 0]:
        value, number = _value(cell)
        key = (layer.name, number or ident)
        if key in spans and not number:
            raise _MalformedAt(unit.line, f"several annotations of the layer {layer.name} have no number")
        kind = layer.short if layer.label is None else value
        start, end, _, line = spans.get(key, _Span(unit.start, unit.end, kind, unit.line))
        spans[key] = _Span(min(start, unit.start), max(end, unit.end), kind, line)


def _relations(
    file: _File,
    spans: dict[_Key, _Span],
    layer: _Layer,
    ident: str,
    unit: _Unit,
    columns: list[list[str]],
    ignored: Counter[str],
) -> Iterator[tuple[_Key, str, _Key]]:
    """Get the relations that end at a unit, by the keys of their entities."""
    sources = columns[-1]
    labels = columns[layer.label] if layer.label is not None else [layer.short] * len(sources)
    if len(labels) != len(sources):
        raise _MalformedAt(unit.line, f"the relations of the layer {layer.name} have {len(labels)} labels")
    for cell, where in zip(labels, sources, strict=True):
        match = _SOURCE.fullmatch(where)
        if not match:
            raise _MalformedAt(unit.line, f"{where!r:.60} is not where a relation starts")
        label = _value(cell)[0] if layer.label is not None else cell
        if not label:
            ignored["relations without a label"] += 1
            continue
        subject, object_ = (
            _end(file, spans, layer.base, *end, unit.line) for end in ((match[1], match[2]), (ident, match[3]))
        )
        yield subject, label, object_


def _end(file: _File, spans: dict[_Key, _Span], base: str, ident: str, number: str | None, line: int) -> _Key:
    """Get the key of the entity at one end of a relation, by the layer, unit and number of its span."""
    if ident not in file.units:
        raise _MalformedAt(line, f"a relation starts at {ident}, which does not exist")
    unit = file.units[ident]
    if _is_linguistic(base):  # the token is the entity, and has no type
        spans.setdefault((base, ident), _Span(unit.start, unit.end, "", unit.line))
        return base, ident
    keys = []
    for position, layer in enumerate(file.layers):
        if layer.kind == "SP" and layer.is_kept and base in (layer.name, _ANY_SPAN):
            numbers = [_value(cell)[1] for cell in unit.values[position][layer.label or 0]]
            keys += [(layer.name, n or ident) for n in numbers if number in (None, "0", n)]
    if len(keys) != 1:
        raise _MalformedAt(
            line, f"a relation points to a span at {ident}, where there are {len(keys)} that it can mean"
        )
    return keys[0]


def _split(cell: str) -> list[str]:
    """Split the annotations of a cell, which stay escaped."""
    return [] if cell == "_" else _STACKED.findall(cell)


def _value(cell: str) -> tuple[str, str]:
    """Get the value of an annotation, empty if it is not set, and its number, empty if it has none."""
    match = _VALUE.fullmatch(cell)
    value, number = match.groups(default="") if match else (cell, "")
    return ("" if value == "*" else _unescape(value)), number


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
