"""What a text looks like in each format that annotation is exported to."""

from collections.abc import Callable
from statistics import fmean
from typing import Any

from spacy.tokens import Span

from .annotation import Annotation
from .export_brat import brat_record

# The names of the controls of Label Studio's interface: the labels, and the text that they label.
LABEL_STUDIO_NAMES = {"from_name": "label", "to_name": "text"}


def _jsonl(annotation: Annotation) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": annotation.doc.text,
        "entities": [[span.start_char, span.end_char, span.label_] for span in annotation.entities],
        "relations": [list(triple) for triple in annotation.triples],
    }
    if annotation.probabilities is not None:
        record["scores"] = [round(probability, 4) for probability in annotation.probabilities]
    return record


def _spert(annotation: Annotation) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in annotation.doc],
        "entities": [{"type": span.label_, "start": span.start, "end": span.end} for span in annotation.entities],
        "relations": [{"type": label, "head": head, "tail": tail} for head, label, tail in annotation.triples],
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
            for subject, label, object_ in annotation.triples
        ],
        "_view_id": "relations",
    }
    return {**record, "answer": "accept"} if annotation.probabilities is None else record


def _prodigy_span(span: Span) -> dict[str, Any]:
    return {
        "start": span.start_char,
        "end": span.end_char,
        "token_start": span.start,
        "token_end": span.end - 1,
        "label": span.label_,
    }


def _label_studio(annotation: Annotation) -> dict[str, Any]:
    names = [f"T{number}" for number in range(1, len(annotation.entities) + 1)]
    regions = [
        {
            "id": name,
            **LABEL_STUDIO_NAMES,
            "type": "labels",
            "value": {"start": span.start_char, "end": span.end_char, "text": span.text, "labels": [span.label_]},
        }
        for name, span in zip(names, annotation.entities, strict=True)
    ]
    relations: list[dict[str, Any]] = [
        {
            "type": "relation",
            "from_id": names[subject],
            "to_id": names[object_],
            "direction": "right",
            "labels": [label],
        }
        for subject, label, object_ in annotation.triples
    ]
    data, result = {"text": annotation.doc.text}, regions + relations
    if annotation.probabilities is None:
        return {"data": data, "annotations": [{"result": result}]}
    prediction: dict[str, Any] = {"model_version": "spacy_rin", "result": result}
    if annotation.probabilities:
        for relation, probability in zip(relations, annotation.probabilities, strict=True):
            relation["score"] = round(probability, 4)
        prediction["score"] = round(fmean(annotation.probabilities), 4)
    return {"data": data, "predictions": [prediction]}


def _glirel(annotation: Annotation) -> dict[str, Any]:
    ends = [
        {"mention": span.text, "position": [span.start, span.end - 1], "type": span.label_}
        for span in annotation.entities
    ]
    return {
        "tokenized_text": [token.text for token in annotation.doc],
        "ner": [[span.start, span.end - 1, span.label_, span.text] for span in annotation.entities],
        "relations": [
            {"head": ends[subject], "tail": ends[object_], "relation_text": label}
            for subject, label, object_ in annotation.triples
        ],
    }


def _gliner2(annotation: Annotation) -> dict[str, Any]:
    names = [span.text for span in annotation.entities]
    entities: dict[str, list[str]] = {}
    for span, name in zip(annotation.entities, names, strict=True):
        entities.setdefault(span.label_, []).append(name)
    relations = [
        {label: {"head": names[subject], "tail": names[object_]}} for subject, label, object_ in annotation.triples
    ]
    return {"input": annotation.doc.text, "output": {"entities": entities, "relations": relations}}


EXPORTERS: dict[str, Callable[[Annotation], dict[str, Any]]] = {
    "jsonl": _jsonl,
    "prodigy": _prodigy,
    "label_studio": _label_studio,
    "brat": brat_record,
    "spert": _spert,
    "glirel": _glirel,
    "gliner2": _gliner2,
}
