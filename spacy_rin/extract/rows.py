"""Convert Docs to JSON-serializable values: entities and triples."""

from collections.abc import Collection
from typing import Any

from spacy.tokens import Doc, Span

from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations


def doc_to_json(
    doc: Doc,
    *,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
) -> dict[str, Any]:
    """Convert a Doc to the "jsonl" format of `spacy rin convert`, with a score and a sentence for each relation.

    Args:
        doc (Doc): The document.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key in `doc.spans` of all entities.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): Labels of the relations to keep. None keeps all.

    Returns:
        dict[str, Any]: {"text", "entities": [[start, end, label], ...], "relations": [[index of the subject,
            label, index of the object], ...], "scores": [...], "sentences": [[start, end], ...]}, with character
            offsets, end exclusive. A sentence range covers both entities of the relation. If the Doc has no sentence
            boundaries, lines are used instead.
    """
    found = [
        relation
        for relation in get_relations(doc, attr)
        if relation.score >= min_score and (relations is None or relation.label in relations)
    ]
    text = doc.text
    arguments = (span for relation in found for span in (relation.subject, relation.object))
    entities = sorted({_offsets(span) for span in [*doc.ents, *doc.spans.get(spans_key, ()), *arguments]})
    index = {entity: i for i, entity in enumerate(entities)}
    return {
        "text": text,
        "entities": [list(entity) for entity in entities],
        "relations": [[index[_offsets(r.subject)], r.label, index[_offsets(r.object)]] for r in found],
        "scores": [round(relation.score, 4) for relation in found],
        "sentences": [_sentence(doc, text, relation) for relation in found],
    }


def _offsets(span: Span) -> tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_


def _sentence(doc: Doc, text: str, relation: Relation) -> list[int]:
    start, end = min(relation.subject.start, relation.object.start), max(relation.subject.end, relation.object.end)
    if doc.has_annotation("SENT_START"):
        return [doc[start].sent.start_char, doc[end - 1].sent.end_char]
    first, last = doc[start:end].start_char, doc[start:end].end_char
    line_end = text.find("\n", last)
    return [text.rfind("\n", 0, first) + 1, len(text) if line_end < 0 else line_end]
