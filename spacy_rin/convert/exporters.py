"""Docs written in the formats of annotation tools, which `convert` reads back."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from ..errors import Errors, FileError, RinError, SettingError
from ..files import require_new_folder, require_targets, write_whole
from ..pipeline.component import find_component
from ..pipeline.corpus import read_docs, read_examples
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations
from .annotation import Annotation
from .export_brat import write_brat
from .export_forms import EXPORTERS


@dataclass
class ExportReport:
    """What was exported and what was left out.

    Attributes:
        texts (int): Number of texts exported.
        entities (int): Number of entities exported.
        triples (int): Number of triples exported.
        dropped_entities (int): Number of entities left out because the format does not allow overlaps, or can't tell
            them from another one.
        dropped_triples (int): Number of triples left out with these entities, or because they have the same names.
        unknown_spaces (int): Number of texts that got a space after every token, because their white space is not
            known.
        left_out (Counter[str]): Number of texts of each kind that were left out.
    """

    texts: int = 0
    entities: int = 0
    triples: int = 0
    dropped_entities: int = 0
    dropped_triples: int = 0
    unknown_spaces: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def export_file(
    path: str | Path, format: str, *, nlp: Language | None = None, attr: str = DEFAULT_ATTR
) -> tuple[list[dict[str, Any]], ExportReport]:
    """Export the annotation of a .spacy file, or the predictions of a pipeline for its texts.

    Args:
        path (str | Path): The file, or a folder of such files.
        format (str): The format, a key of `EXPORTERS`.
        nlp (Language | None): A pipeline with a trained "rin_joint", to export its predictions. The tokens are those
            of the file.
        attr (str): The extension attribute of the annotated relations. A pipeline uses its own.

    Returns:
        tuple[list[dict[str, Any]], ExportReport]: The records, and what was exported and what was left out.

    Raises:
        SettingError: R031 if the format is not known.
        FileError: R033 or R053 if the file can't be read, R034 if it has no texts for the pipeline.
        RinError: R017 if an entity has no label, R018 if the pipeline has no "rin_joint", R046 if no text is annotated,
            R048 if the format can't hold a label.
    """
    _check_format(format)
    path = Path(path)
    if nlp is None:
        records, report = export(read_docs(path, Vocab()), format, attr=attr)
        if not records:
            raise RinError(Errors.R046, path=path)
    else:
        _, pipe = find_component(nlp)
        examples = read_examples(nlp, path)
        predicted = nlp.pipe([eg.predicted for eg in examples])
        records, report = export(predicted, format, attr=pipe.attr, spans_key=pipe.spans_key, scores=True)
        report.unknown_spaces = sum(eg.reference.has_unknown_spaces for eg in examples)
        if not records:
            raise FileError(Errors.R034, path=path, reason="it has no texts")
    return records, report


def export(
    docs: Iterable[Doc],
    format: str,
    *,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
    scores: bool = False,
) -> tuple[list[dict[str, Any]], ExportReport]:
    """Turn Docs into the records of a format, with all entities and relations that the format allows.

    Args:
        docs (Iterable[Doc]): The Docs. Empty ones, and those whose relations were never set, are left out.
        format (str): The format, a key of `EXPORTERS`.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of the entities in `doc.spans`. Those in `doc.ents` and in relations are exported, too.
        scores (bool): Whether the relations are predictions. If so, "jsonl" gets their probabilities, the tasks of
            "prodigy" have no answer yet, and those of "label_studio" have predictions in place of annotations.

    Returns:
        tuple[list[dict[str, Any]], ExportReport]: The records, and what was exported and what was left out.

    Raises:
        SettingError: R031 if the format is not known.
        RinError: R017 if an entity has no label, R048 if the format can't hold a label.
    """
    _check_format(format)
    records, report = [], ExportReport()
    for doc in docs:
        if not len(doc) or not has_relations(doc, attr):
            report.left_out["texts without annotated relations" if len(doc) else "empty texts"] += 1
            continue
        relations = get_relations(doc, attr)
        entities = _entities(doc, relations, spans_key)
        kept, index = _keep(entities, format)
        distinct: dict[object, Relation] = {}
        for r in relations:
            if _key(r.subject) in index and _key(r.object) in index:
                ends = [span.text if format in _BY_NAME else index[_key(span)] for span in (r.subject, r.object)]
                distinct.setdefault((r.label, *ends), r)
        triples = [(index[_key(r.subject)], r.label, index[_key(r.object)]) for r in distinct.values()]
        probabilities = [r.score for r in distinct.values()] if scores else None
        records.append(EXPORTERS[format](Annotation(doc, kept, triples, probabilities)))
        report.texts += 1
        report.entities += len(kept)
        report.triples += len(triples)
        report.dropped_entities += len(entities) - len(kept)
        report.dropped_triples += len(relations) - len(triples)
        report.unknown_spaces += doc.has_unknown_spaces
    return records, report


def check_target(path: str | Path, format: str, inputs: Iterable[str | Path] = ()) -> None:
    """Check that records of a format can be written to a path. This is fast, so call it before you load a pipeline.

    Args:
        path (str | Path): The file, or the folder for "brat".
        format (str): The format, a key of `EXPORTERS`.
        inputs (Iterable[str | Path]): The files that the records are made of.

    Raises:
        SettingError: R031 if the format is not known.
        FileError: R034 if the path is not free for it: a folder must be new or empty, a file is replaced, but no input.
    """
    _check_format(format)
    if format in _FOLDERS:
        require_new_folder(path)
    else:
        require_targets([path], inputs)


def write_records(
    records: Sequence[dict[str, Any]],
    path: str | Path,
    format: str,
    *,
    labels: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """Write records to a file or folder. If that fails, it stays as it was.

    Args:
        records (Sequence[dict[str, Any]]): The records.
        path (str | Path): The file, or the new folder for "brat". Missing folders are created.
        format (str): The format, a key of `EXPORTERS`. "spert" and "label_studio" are written as a JSON list, "brat" as
            a folder, the others as JSON lines.
        labels (Mapping[str, Iterable[str]] | None): "entities" and "relations" that brat offers besides those of the
            records, as in the label data of a component.

    Raises:
        FileError: R034 if it can't be written.
    """
    with write_whole(path) as unfinished:
        if format == "brat":
            write_brat(records, unfinished, labels or {})
        elif format in _LISTS:
            srsly.write_json(unfinished, list(records), indent=0)
        else:
            srsly.write_jsonl(unfinished, records)


_LISTS = {"spert", "label_studio"}  # formats that are one JSON list
_FOLDERS = {"brat"}  # formats that are a folder of files
_FLAT = {"prodigy"}  # formats whose entities can't overlap
_BY_TOKENS = {"glirel"}  # formats whose relations are of tokens, whatever the types
_BY_NAME = {"gliner2"}  # formats that name entities without saying where they are


def _check_format(format: str) -> None:
    if format not in EXPORTERS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(EXPORTERS))


def _entities(doc: Doc, relations: Iterable[Relation], spans_key: str) -> list[Span]:
    arguments = [span for relation in relations for span in (relation.subject, relation.object)]
    # `doc.ents` first: if the same tokens have two types, `convert` puts the first one into `doc.ents` again.
    spans = [*doc.ents, *doc.spans.get(spans_key, ()), *arguments]
    for span in spans:
        if not span.label_:
            raise RinError(Errors.R017, span=span.text, text=doc.text[:100])
    unique = {_key(span): span for span in spans}
    return sorted(unique.values(), key=lambda span: (span.start, span.end))


def _keep(entities: list[Span], format: str) -> tuple[list[Span], dict[tuple[int, int, str], int]]:
    """Choose the entities that a format can hold. Those that it can't tell apart share the index of the first one."""
    if format in _FLAT:
        entities = filter_spans(entities)
    first: dict[object, int] = {}
    kept: list[Span] = []
    index = {}
    for span in entities:
        same: object = _key(span)
        if format in _BY_TOKENS:
            same = (span.start, span.end)
        elif format in _BY_NAME:
            same = (span.text, span.label_)
        if same not in first:
            first[same] = len(kept)
            kept.append(span)
        index[_key(span)] = first[same]
    return kept, index


def _key(span: Span) -> tuple[int, int, str]:
    # Spans also differ by ids, which are not exported.
    return span.start, span.end, span.label_
