"""Data sets of joint entity and relation extraction, read into Docs.

Data flows one way: a file is decoded into values, a format's reader turns each value into a plain `Record`, and
`make_doc` builds the Doc. A new format needs a reader only, and an entry in `CONVERTERS`.
"""

import json
import os
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from .errors import Errors
from .relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations, register_relations, set_relations

DEFAULT_ENTITY_LABEL = "ENTITY"
MAX_EXAMPLES = 10

_BLANKS = re.compile(r"[ \t\r\n]*")
_SURROGATES = re.compile("[\ud800-\udfff]")  # half of a pair is possible in JSON, but not in a Doc

Tokens = tuple[int, int]
Entity = tuple[int, int, str]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Record:
    """One text with its annotation, whatever format it came from.

    line (str): Where it stands in the file: the line, or the number of the record if its line can't be told.
    words (List[str]): The tokens.
    entities (List[Tuple[int, int, str]]): Start token, end token (exclusive) and type; an empty type is no type.
    relations (List[Tuple[int, str, int]]): Index of the subject in `entities`, label, index of the object.
    spaces (Optional[List[bool]]): Whether a space follows each token, None if that is not known.
    tags (Optional[List[str]]): Fine-grained part-of-speech tags.
    lost_entities (List[str]): For each entity that is not at token boundaries, what is wrong with it.
    lost_triples (int): Number of triples that were lost with these entities.
    """

    line: str
    words: list[str]
    entities: list[Entity]
    relations: list[tuple[int, str, int]]
    spaces: list[bool] | None = None
    tags: list[str] | None = None
    lost_entities: list[str] = field(default_factory=list)
    lost_triples: int = 0


class Loss(NamedTuple):
    """Something that could not be aligned with the tokens."""

    path: Path
    line: str
    reason: str


@dataclass
class Report:
    """What came of the annotation of a file: every triple in it is kept, a duplicate or lost.

    docs (int): Number of Docs.
    entities (int): Distinct entities, all of them in `doc.spans["rin"]`.
    triples (int): Triples kept, the reflexive ones included.
    duplicate_triples (int): Repetitions of a triple within one text, left out.
    lost_triples (int): Triples left out because an entity of theirs was lost.
    reflexive_triples (int): Triples kept whose subject and object are the same tokens.
    lost_entities (int): Entities left out because they are not at token boundaries.
    overlapping_entities (int): Entities that are in `doc.spans["rin"]` but not in `doc.ents`.
    examples (List[Loss]): The first ten of the lost entities.
    """

    docs: int = 0
    entities: int = 0
    triples: int = 0
    duplicate_triples: int = 0
    lost_triples: int = 0
    reflexive_triples: int = 0
    lost_entities: int = 0
    overlapping_entities: int = 0
    examples: list[Loss] = field(default_factory=list)

    def add(self, path: Path, record: Record, doc: Doc, attr: str = DEFAULT_ATTR) -> None:
        """Count one text.

        path (Path): The file.
        record (Record): The record read from it.
        doc (Doc): The Doc made of the record.
        attr (str): The extension attribute of the relations.
        """
        relations = get_relations(doc, attr)
        self.docs += 1
        self.entities += len(doc.spans[DEFAULT_SPANS_KEY])
        self.triples += len(relations)
        self.duplicate_triples += len(record.relations) - len(relations)
        self.lost_triples += record.lost_triples
        self.reflexive_triples += sum(
            (r.subject.start, r.subject.end) == (r.object.start, r.object.end) for r in relations
        )
        self.lost_entities += len(record.lost_entities)
        self.overlapping_entities += len(doc.spans[DEFAULT_SPANS_KEY]) - len(doc.ents)
        losses = (Loss(path, record.line, reason) for reason in record.lost_entities)
        self.examples = [*self.examples, *losses][:MAX_EXAMPLES]


def convert(
    path: str | Path,
    format: str,
    *,
    lang: str = "en",
    entity_label: str = DEFAULT_ENTITY_LABEL,
    last_word: bool = False,
    tagger: str | Path | None = None,
    attr: str = DEFAULT_ATTR,
) -> tuple[list[Doc], Report]:
    """Read a file of annotated texts into Docs.

    path (Union[str, Path]): The file.
    format (str): Its format, a key of `CONVERTERS`.
    lang (str): Language of the vocabulary, and of the tokenizer if the format is raw text.
    entity_label (str): Label of the entities that have no type.
    last_word (bool): Whether to reduce every entity to its last token, as the papers do for partial match.
    tagger (Optional[Union[str, Path]]): A pipeline whose tagger tags the texts of formats that have no tags.
    attr (str): The extension attribute of the relations.
    RETURNS (Tuple[List[Doc], Report]): The Docs, and what was kept and what was lost.
    RAISES (ValueError): R010, R030-R034 for a wrong argument or a file that is missing, malformed or empty.
    """
    if format not in CONVERTERS:
        raise ValueError(Errors.R031.format(format=format, formats=", ".join(CONVERTERS)))
    if not entity_label:
        raise ValueError(Errors.R010.format(name="entity_label", expected="a non-empty string", value=entity_label))
    register_relations(attr)
    path, nlp, docs, report = Path(path), _blank(lang), [], Report()
    tag = _load_tagger(tagger, nlp) if tagger is not None else None
    for record in CONVERTERS[format](path, nlp):
        if last_word:
            record = replace(record, entities=[(end - 1, end, label) for _, end, label in record.entities])
        doc = make_doc(record, nlp.vocab, entity_label, attr)
        if tag is not None and record.tags is None:
            doc = tag(doc)
        report.add(path, record, doc, attr)
        docs.append(doc)
    if not docs:
        raise ValueError(Errors.R032.format(path=path, format=format))
    return docs, report


def make_doc(record: Record, vocab: Vocab, entity_label: str = DEFAULT_ENTITY_LABEL, attr: str = DEFAULT_ATTR) -> Doc:
    """Build the Doc of a record: entities in `doc.spans["rin"]` and `doc.ents`, relations in `doc._.relations`.

    record (Record): The record.
    vocab (Vocab): The vocabulary of the Doc.
    entity_label (str): Label of the entities that have no type.
    attr (str): The extension attribute of the relations.
    RETURNS (Doc): The Doc; entities and relations are annotated even if there are none.
    """
    doc = Doc(vocab, words=record.words, spaces=record.spaces, tags=record.tags)
    entities = [(start, end, label or entity_label) for start, end, label in record.entities]
    # The sort is stable: of two types given to the same tokens, `doc.ents` gets the one that was given first.
    spans = {key: Span(doc, *key) for key in sorted(dict.fromkeys(entities), key=lambda entity: entity[:2])}
    doc.spans[DEFAULT_SPANS_KEY] = list(spans.values())
    doc.set_ents(filter_spans(spans.values()), default="outside")
    triples = dict.fromkeys((entities[s], label, entities[o]) for s, label, o in record.relations)
    set_relations(doc, [(spans[s], label, spans[o]) for s, label, o in triples], attr)
    return doc


def write_docs(docs: Iterable[Doc], path: str | Path) -> None:
    """Write Docs with their relations to a .spacy file, all of them or, if that fails, none.

    docs (Iterable[Doc]): The Docs.
    path (Union[str, Path]): The file; folders that it lacks are made.
    RAISES (ValueError): R034 if it can't be written.
    """
    with finished_file(path) as unfinished:
        DocBin(docs=docs, store_user_data=True).to_disk(unfinished)


@contextmanager
def finished_file(path: str | Path) -> Iterator[Path]:
    """Give a file to write to, beside the one that is wanted, which takes its place once it is finished.

    path (Union[str, Path]): The file that is wanted; folders that it lacks are made.
    YIELDS (Path): The file to write to.
    RAISES (ValueError): R034 if it can't be written.
    """
    path = Path(path)
    unfinished = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as err:
        raise ValueError(Errors.R034.format(path=path, reason=err.strerror)) from err
    finally:
        with suppress(OSError):
            unfinished.unlink()


# Readers: one value of a file -> one Record


def _jointer(line: str, data: Any, nlp: Language) -> Record:
    """JointER: {"tokens", "pos_tags", "spo_details": [[start, end, type, relation, start, end, type], ...]}."""
    words, tags = _strings(data, "tokens"), _strings(data, "pos_tags")
    if len(tags) != len(words):
        raise _Malformed(f"there are {len(words)} tokens but {len(tags)} pos_tags")
    rows = _rows(data, "spo_details", (int, int, str, str, int, int, str))
    triples = [(row[:3], row[3], row[4:]) for row in rows]
    spans: dict[Hashable, Entity | str] = {
        (start, end, kind): (*_within(start, end, len(words)), "" if kind == "None-label" else kind)
        for subject, _, object_ in triples
        for start, end, kind in (subject, object_)
    }
    return replace(_assemble(line, words, spans, triples), tags=tags)


def _copy_re(line: str, data: Any, nlp: Language) -> Record:
    """copy_re: {"sentText", "entityMentions": [{text, label}], "relationMentions": [{em1Text, em2Text, label}]}."""
    entities = _rows(data, "entityMentions", (str, str), ("text", "label"))
    triples = _rows(data, "relationMentions", (str, str, str), ("em1Text", "label", "em2Text"))
    return _from_surface(line, _string(data, "sentText"), entities, [row for row in triples if row[1] != "None"])


def _copy_re_ids(line: str, data: Any, nlp: Language) -> Record:
    """copy_re, ids: (word ids, flat triples of end positions and relation id, names of words, names of relations)."""
    sentence, flat, word_names, relation_names = data
    if not isinstance(sentence, list) or not sentence or not isinstance(flat, list) or len(flat) % 3:
        raise _Malformed("a list of word ids and a list of triples, three numbers for each, were expected")
    if not all(type(position) is int for position in flat):
        raise _Malformed("positions must be whole numbers")
    words = [_name(word_names, ident, "word") for ident in sentence]
    rows = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
    triples = [(subject, _name(relation_names, ident, "relation"), object_) for subject, object_, ident in rows]
    spans: dict[Hashable, Entity | str] = {
        last: (*_within(last, last + 1, len(words)), "") for s, _, o in triples for last in (s, o)
    }
    return _assemble(line, words, spans, triples)


def _casrel(line: str, data: Any, nlp: Language) -> Record:
    """CasRel: {"text", "triple_list" or "triples": [[subject, relation, object]]}, maybe "entities": [[text, type]]."""
    text = _string(data, "text")
    entities = _rows(data, "entities", (str, str)) if "entities" in data else []
    triples = _rows(data, "triples" if "triples" in data else "triple_list", (str, str, str))
    return _from_surface(line, text, entities, triples)


def _jsonl(line: str, data: Any, nlp: Language) -> Record:
    """Own annotations: {"text", "entities": [[start, end, label], ...], "relations": [[index, label, index], ...]}."""
    text = _string(data, "text")
    doc = nlp.tokenizer(text)
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    spans: dict[Hashable, Entity | str] = {}
    for index, (start, end, label) in enumerate(_rows(data, "entities", (int, int, str))):
        _within(start, end, len(text))
        aligned = start in starts and end in ends
        lost = f"entity {text[start:end]!r} at {start}-{end} cuts a token"
        spans[index] = (starts[start], ends[end], label) if aligned else lost
    triples = _rows(data, "relations", (int, str, int))
    for row in triples:
        if not all(index in spans for index in row[::2]):
            raise _Malformed(f"relation {list(row)} points to an entity that is not there; there are {len(spans)}")
    record = _assemble(line, [token.text for token in doc], spans, triples)
    return replace(record, spaces=[bool(token.whitespace_) for token in doc])


# What the readers share: alignment


def _assemble(line: str, words: list[str], spans: Mapping[Hashable, Entity | str], triples: Sequence[Row]) -> Record:
    """Make a Record of entities by any key, a string that says why if they are lost, and triples of these keys."""
    entities = {key: span for key, span in spans.items() if not isinstance(span, str)}
    index = {key: i for i, key in enumerate(entities)}
    kept = [(index[s], label, index[o]) for s, label, o in triples if s in index and o in index]
    lost = [
        f"{span} (triples lost with it: {sum(key in (s, o) for s, _, o in triples)})"
        for key, span in spans.items()
        if isinstance(span, str)
    ]
    return Record(line, words, list(entities.values()), kept, lost_entities=lost, lost_triples=len(triples) - len(kept))


def _from_surface(line: str, text: str, typed: Sequence[Row], triples: Sequence[Row]) -> Record:
    """Make a Record of a tokenised text and of strings from it; a string stands for its first occurrence."""
    words = _split(text)
    if not words:
        raise _Malformed("the text has no tokens")
    mentions = [*(name for name, _ in typed), *(name for s, _, o in triples for name in (s, o))]
    found = {name: _find(words, _split(name)) for name in mentions}
    # An entity of a triple has the type that was given to its tokens, even if it is spelled otherwise there.
    types: dict[Tokens | None, str] = {}
    for name, kind in typed:
        types.setdefault(found[name], kind)
    spans: dict[Hashable, Entity | str] = {
        name: (*tokens, types.get(tokens, "")) if tokens else f"entity {name!r} is not in the text"
        for name, tokens in found.items()
    }
    further = [(*tokens, kind) for name, kind in typed if (tokens := found[name]) and kind != types[tokens]]
    record = _assemble(line, words, spans, triples)
    return replace(record, entities=record.entities + further)


def _split(text: str) -> list[str]:
    return [word for word in text.split(" ") if word]


def _find(words: list[str], wanted: list[str]) -> Tokens | None:
    # Names in the triples of NYT have accents that its sentences lack ("Medellín", "Medellin").
    for spell in (list, _without_accents):
        tokens, sought = spell(words), spell(wanted)
        for start in range(len(tokens) - len(sought) + 1 if sought else 0):
            if tokens[start : start + len(sought)] == sought:
                return start, start + len(sought)
    return None


def _without_accents(words: list[str]) -> list[str]:
    return ["".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) for word in words]


# What the readers share: checks


class _Malformed(Exception):
    """A record is not in the format; whoever knows its place makes an error of that."""


def _field(data: Any, key: str) -> Any:
    if not isinstance(data, dict):
        raise _Malformed(f"an object was expected, not {data!r:.60}")
    if key not in data:
        raise _Malformed(f"the key '{key}' is missing")
    return data[key]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not _SURROGATES.search(value)


def _string(data: Any, key: str) -> str:
    value = _field(data, key)
    if not _is_text(value):
        raise _Malformed(f"'{key}' must be a non-empty string, not {value!r:.60}")
    return value


def _strings(data: Any, key: str) -> list[str]:
    value = _field(data, key)
    if not isinstance(value, list) or not value or not all(map(_is_text, value)):
        raise _Malformed(f"'{key}' must be a non-empty list of non-empty strings")
    return value


def _rows(data: Any, key: str, types: tuple[type, ...], columns: Sequence[str] = ()) -> list[Row]:
    """Check a list of rows: each is a list, or an object with `columns`, of whole numbers and non-empty strings."""
    rows = _field(data, key)
    if not isinstance(rows, list):
        raise _Malformed(f"'{key}' must be a list")
    if columns:
        rows = [[_field(row, column) for column in columns] for row in rows]
    for row in rows:
        if not isinstance(row, list) or len(row) != len(types):
            raise _Malformed(f"each of '{key}' must be a list of {len(types)}, not {row!r:.60}")
        for value, kind in zip(row, types, strict=True):
            if not (_is_text(value) if kind is str else type(value) is kind):
                expected = "a non-empty string" if kind is str else "a whole number"
                raise _Malformed(f"{value!r:.60} in '{key}' must be {expected}")
    return [tuple(row) for row in rows]


def _within(start: int, end: int, length: int) -> Tokens:
    if not 0 <= start < end <= length:
        raise _Malformed(f"{start}-{end} is empty or out of the range 0-{length}")
    return start, end


def _name(names: Mapping[int, str], ident: Any, kind: str) -> str:
    if type(ident) is not int or ident not in names:
        raise _Malformed(f"{ident!r:.60} is not the id of a {kind}")
    return names[ident]


def _load_tagger(name: str | Path, nlp: Language) -> Callable[[Doc], Doc]:
    """Load the components of a pipeline that tag, on the vocabulary of another."""
    try:
        source = spacy.load(name, vocab=nlp.vocab)
    except OSError as err:
        raise ValueError(Errors.R034.format(path=name, reason="there is no such pipeline")) from err
    if not source.has_pipe("tagger"):
        raise ValueError(Errors.R034.format(path=name, reason="the pipeline has no component 'tagger'"))
    pipes = [pipe for pipe_name, pipe in source.pipeline if pipe_name in ("tok2vec", "transformer", "tagger")]
    return lambda doc: reduce(lambda tagged, pipe: pipe(tagged), pipes, doc)


def _blank(lang: str) -> Language:
    try:
        return spacy.blank(lang)
    except (ImportError, AttributeError, ValueError) as err:
        expected = "a language code of spaCy, with the packages that its tokenizer needs"
        raise ValueError(Errors.R010.format(name="lang", expected=expected, value=lang)) from err


# Files -> values, each with its place


def _refuse(path: Path, line: int | str, reason: object) -> NoReturn:
    raise ValueError(Errors.R030.format(path=path, line=line, reason=reason)) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of it")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_text(path: Path) -> str:
    """Read a UTF-8 file, without a byte order mark; ValueError R030, R033 or R034 if that can't be done."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(Errors.R033.format(path=path)) from None
    except OSError as err:
        raise ValueError(Errors.R034.format(path=path, reason=err.strerror)) from err
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as err:
        _refuse(path, content.count(b"\n", 0, err.start) + 1, "this is not UTF-8")


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """Decode the items of a JSON list, or JSON values one after another, one by one with the place of each."""
    text = read_text(path)
    pos = _skip(text, 0)
    closing = "]" if text.startswith("[", pos) else ""  # a text that is not a list ends with nothing
    if closing:
        pos = _skip(text, pos + 1)
    number, line, counted = 0, 1, 0
    while (char := text[pos : pos + 1]) != closing:
        if closing and number:
            if char != ",":
                reason = "',' or ']' was expected" if char else "the list ends too early"
                _refuse(path, text.count("\n", 0, pos) + 1, reason)
            pos = _skip(text, pos + 1)
        number += 1
        line += text.count("\n", counted, pos)
        counted = pos
        try:
            value, pos = _DECODER.raw_decode(text, pos)
        except (ValueError, RecursionError) as err:
            _refuse(path, getattr(err, "lineno", line), f"invalid JSON, {getattr(err, 'msg', err)}")
        yield (f"{line} (record {number})" if closing else str(line)), value
        pos = _skip(text, pos)
    if closing and _skip(text, pos + 1) < len(text):
        _refuse(path, text.count("\n", 0, pos) + 1, "there is more after the end of the list")


def _skip(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos


def _id_values(path: Path) -> Iterator[tuple[str, Any]]:
    """Pair the sentences of an id file with their triples and the names of the ids, which lie beside the file."""
    values = [value for _, value in _values(path)]
    if not values:
        return
    if len(values) != 2 or not all(isinstance(v, list) for v in values) or len(values[0]) != len(values[1]):
        _refuse(path, 1, "two lists of the same length were expected, of sentences and of triples")
    words, relations = (_id_names(path.with_name(f"{kind}2id.json")) for kind in ("words", "relations"))
    for number, (sentence, flat) in enumerate(zip(*values, strict=True), 1):
        yield f"record {number}", (sentence, flat, words, relations)


def _id_names(path: Path) -> dict[int, str]:
    values = [value for _, value in _values(path)]
    ids = values[0] if len(values) == 1 and isinstance(values[0], dict) else {}
    names = {ident: name for name, ident in ids.items() if type(ident) is int and _is_text(name)}
    if not names or len(names) != len(ids):
        _refuse(path, 1, "an object of names, each with an id of its own, was expected")
    return names


Parser = Callable[[str, Any, Language], Record]
Source = Callable[[Path], Iterator[tuple[str, Any]]]


def _read(parse: Parser, path: Path, nlp: Language, source: Source = _values) -> Iterator[Record]:
    for line, value in source(path):
        try:
            record = parse(line, value, nlp)
        except _Malformed as err:
            _refuse(path, line, err)
        yield record


CONVERTERS: dict[str, Callable[[Path, Language], Iterator[Record]]] = {
    "jointer": partial(_read, _jointer),
    "copy_re": partial(_read, _copy_re),
    "copy_re_ids": partial(_read, _copy_re_ids, source=_id_values),
    "casrel": partial(_read, _casrel),
    "jsonl": partial(_read, _jsonl),
}
