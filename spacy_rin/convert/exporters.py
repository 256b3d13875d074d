"""From Docs to the formats of annotation tools, which the readers read back."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from ..errors import Errors, RinError, SettingError
from ..files import finished_file
from ..pipeline.component import find_component
from ..pipeline.corpus import read_docs, read_examples
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations


@dataclass
class ExportReport:
    """What was written, and what could not be.

    Attributes:
        texts (int): Texts written.
        entities (int): Entities written.
        triples (int): Triples written.
        dropped_entities (int): Entities that the format can't hold, because they overlap with others.
        dropped_triples (int): Triples of these entities.
        unknown_spaces (int): Texts whose white space is not known: a space was written after every token.
        left_out (Counter[str]): Number of texts left out, by their kind.
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
    """Read a .spacy file and give what is annotated in it, or what a pipeline predicts for its texts.

    Args:
        path (str | Path): The file, or a folder of such files.
        format (str): The format, a key of `EXPORTERS`.
        nlp (Language | None): A pipeline with a trained "rin_joint"; it gets the tokens of the file.
        attr (str): The extension attribute of the relations; with a pipeline, its own is taken.

    Returns:
        tuple[list[dict[str, Any]], ExportReport]: See `export`.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint", R031 for an unknown format, R033 or R053 if the file
            can't be read, R046 if there is nothing to export.
    """
    _check_format(format)
    path = Path(path)
    if nlp is None:
        records, report = export(read_docs(path, Vocab()), format, attr=attr)
    else:
        _, pipe = find_component(nlp)
        predicted = nlp.pipe([eg.predicted for eg in read_examples(nlp, path)])
        records, report = export(predicted, format, attr=pipe.attr, spans_key=pipe.spans_key, scores=True)
    if not records:
        raise RinError(Errors.R046, path=path)
    return records, report


def export(
    docs: Iterable[Doc],
    format: str,
    *,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
    scores: bool = False,
) -> tuple[list[dict[str, Any]], ExportReport]:
    """Write Docs as the records of a format, each with all entities and relations that the format can hold.

    Args:
        docs (Iterable[Doc]): The Docs; those whose relations were never set are left out.
        format (str): The format, a key of `EXPORTERS`.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`; those in `doc.ents` and in relations are taken, too.
        scores (bool): Whether the relations are predictions: "jsonl" gets their probabilities, and tasks of "prodigy"
            have
            no answer yet.

    Returns:
        tuple[list[dict[str, Any]], ExportReport]: The records, and what was written and what could not be.

    Raises:
        RinError: R017 for an entity without a label, R031 for an unknown format.
    """
    _check_format(format)
    records, report = [], ExportReport()
    for doc in docs:
        if not len(doc) or not has_relations(doc, attr):
            report.left_out["texts without annotated relations" if len(doc) else "empty texts"] += 1
            continue
        relations = get_relations(doc, attr)
        entities = _entities(doc, relations, spans_key)
        kept = filter_spans(entities) if format in _FLAT else entities
        index = {_key(span): i for i, span in enumerate(kept)}
        triples = [
            ExportedTriple(index[_key(r.subject)], r.label, index[_key(r.object)], r.score)
            for r in relations
            if _key(r.subject) in index and _key(r.object) in index
        ]
        records.append(EXPORTERS[format](Annotation(doc, kept, triples, scores)))
        report.texts += 1
        report.entities += len(kept)
        report.triples += len(triples)
        report.dropped_entities += len(entities) - len(kept)
        report.dropped_triples += len(relations) - len(triples)
        report.unknown_spaces += doc.has_unknown_spaces
    return records, report


def write_records(records: Sequence[dict[str, Any]], path: str | Path, format: str) -> None:
    """Write records to a file, all of them or, if that fails, none.

    Args:
        records (Sequence[dict[str, Any]]): The records.
        path (str | Path): The file; folders that it lacks are made.
        format (str): The format, a key of `EXPORTERS`: a list of JSON for "spert", lines of JSON for the others.

    Raises:
        RinError: R034 if it can't be written.
    """
    with finished_file(path) as unfinished:
        if format == "spert":
            srsly.write_json(unfinished, list(records), indent=0)
        else:
            srsly.write_jsonl(unfinished, records)


class ExportedTriple(NamedTuple):
    """A relation of a Doc.

    Attributes:
        subject (int): Index of the entity that it starts from.
        label (str): Its name.
        object (int): Index of the entity that it points to.
        score (float): Probability, from 0 to 1.
    """

    subject: int
    label: str
    object: int
    score: float


class Annotation(NamedTuple):
    """What is to be written of a Doc.

    Attributes:
        doc (Doc): The Doc.
        entities (list[Span]): The entities, in their order in the text.
        triples (list[ExportedTriple]): Relations between them.
        scores (bool): Whether the relations are predictions.
    """

    doc: Doc
    entities: list[Span]
    triples: list[ExportedTriple]
    scores: bool


def _jsonl(annotation: Annotation) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": annotation.doc.text,
        "entities": [[span.start_char, span.end_char, span.label_] for span in annotation.entities],
        "relations": [list(triple[:3]) for triple in annotation.triples],
    }
    if annotation.scores:
        record["scores"] = [round(triple.score, 4) for triple in annotation.triples]
    return record


def _spert(annotation: Annotation) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in annotation.doc],
        "entities": [{"type": span.label_, "start": span.start, "end": span.end} for span in annotation.entities],
        "relations": [{"type": label, "head": head, "tail": tail} for head, label, tail, _ in annotation.triples],
    }


def _prodigy(annotation: Annotation) -> dict[str, Any]:
    spans = [_prodigy_span(span) for span in annotation.entities]
    record: dict[str, Any] = {
        "text": annotation.doc.text,
        "tokens": [
            {
                "text": token.text,
                "start": token.idx,
                "end": token.idx + len(token),
                "id": token.i,
                "ws": bool(token.whitespace_),
            }
            for token in annotation.doc
        ],
        "spans": spans,
        "relations": [
            {
                "head": spans[subject]["token_end"],
                "child": spans[object_]["token_end"],
                "head_span": spans[subject],
                "child_span": spans[object_],
                "label": label,
            }
            for subject, label, object_, _ in annotation.triples
        ],
        "_view_id": "relations",
    }
    return record if annotation.scores else {**record, "answer": "accept"}


def _prodigy_span(span: Span) -> dict[str, Any]:
    return {
        "start": span.start_char,
        "end": span.end_char,
        "token_start": span.start,
        "token_end": span.end - 1,
        "label": span.label_,
    }


EXPORTERS: dict[str, Callable[[Annotation], dict[str, Any]]] = {"jsonl": _jsonl, "prodigy": _prodigy, "spert": _spert}
_FLAT = {"prodigy"}  # formats whose entities can't overlap


def _check_format(format: str) -> None:
    if format not in EXPORTERS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(EXPORTERS))


def _entities(doc: Doc, relations: Iterable[Relation], spans_key: str) -> list[Span]:
    arguments = [span for relation in relations for span in (relation.subject, relation.object)]
    # Of two types given to the same tokens, the one in `doc.ents` comes first, and will be there again.
    spans = [*doc.ents, *doc.spans.get(spans_key, ()), *arguments]
    for span in spans:
        if not span.label_:
            raise RinError(Errors.R017, span=span.text, text=doc.text[:100])
    unique = {_key(span): span for span in spans}
    return sorted(unique.values(), key=lambda span: (span.start, span.end))


def _key(span: Span) -> tuple[int, int, str]:
    # Spans themselves differ by ids that don't matter here.
    return span.start, span.end, span.label_
