"""Reader of DocRED, whose entities have several mentions each."""

from itertools import accumulate
from typing import Any, NamedTuple

from .names import nearest
from .records import (
    Entity,
    Malformed,
    Record,
    Skipped,
    check_indices,
    get_field,
    get_objects,
    get_rows,
    get_string,
    is_text,
    within,
)


class _Mention(NamedTuple):
    """A mention of an entity: its tokens in the document and its sentence."""

    start: int
    end: int
    type: str
    sentence: int


def parse_docred(line: str, data: Any) -> Record | Skipped:
    """Parse a document of DocRED (Yao et al., ACL 2019), or of Re-DocRED.

    {"sents": [tokens, ...], "vertexSet": [[{"sent_id", "pos": [start, end], "type"}, ...], ...], "labels": [{"h", "r",
    "t", "evidence"}]}; "h" is the subject, "evidence" names sentences. Mentions become entities. A relation of two
    entities becomes a triple of each two mentions in one sentence: one of the evidence, if these have any. If no
    sentence has both, it becomes one triple of the two mentions that are nearest to each other.

    Args:
        line (str): The place of the document.
        data (Any): The document.

    Returns:
        Record | Skipped: The document; `Skipped` if it has no labels, as in the test file.

    Raises:
        Malformed: If the document does not have this form.
    """
    sentences = get_field(data, "sents")
    if not isinstance(sentences, list) or not all(isinstance(s, list) and all(map(is_text, s)) for s in sentences):
        raise Malformed("'sents' must be a list of lists of non-empty strings")
    words = [word for sentence in sentences for word in sentence]
    if not words:
        raise Malformed("the document has no tokens")
    if "labels" not in data:
        return Skipped("documents without labels")
    vertices = _vertices(data, list(map(len, sentences)))
    labels = get_objects(data, "labels")
    rows = check_indices(len(vertices), get_rows(data, "labels", (int, str, int), ("h", "r", "t")))
    entities: dict[Entity, int] = {}
    for mentions in vertices:
        for mention in mentions:
            entities.setdefault(mention[:3], len(entities))
    triples = [
        (entities[subject[:3]], label, entities[object_[:3]])
        for (head, label, tail), item in zip(rows, labels, strict=True)
        for subject, object_ in _pairs(vertices[head], vertices[tail], _evidence(item))
    ]
    return Record(line, words, list(entities), triples)


def _vertices(data: Any, lengths: list[int]) -> list[list[_Mention]]:
    """Get the mentions of each entity, in their order in the document."""
    offsets = [0, *accumulate(lengths)]
    vertices = get_field(data, "vertexSet")
    if not isinstance(vertices, list) or not all(isinstance(vertex, list) and vertex for vertex in vertices):
        raise Malformed("'vertexSet' must be a list of non-empty lists of mentions")
    return [sorted(_mention(mention, lengths, offsets) for mention in vertex) for vertex in vertices]


def _mention(mention: Any, lengths: list[int], offsets: list[int]) -> _Mention:
    sentence, bounds = get_field(mention, "sent_id"), get_field(mention, "pos")
    if type(sentence) is not int or not 0 <= sentence < len(lengths):
        raise Malformed(f"'sent_id' must be the number of a sentence, not {sentence!r:.60}; there are {len(lengths)}")
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(type(bound) is int for bound in bounds):
        raise Malformed(f"'pos' must be a list of two whole numbers, not {bounds!r:.60}")
    start, end = within(bounds[0], bounds[1], lengths[sentence])
    return _Mention(offsets[sentence] + start, offsets[sentence] + end, get_string(mention, "type"), sentence)


def _evidence(label: dict[str, Any]) -> list[Any]:
    evidence = label.get("evidence") or []
    if not isinstance(evidence, list):
        raise Malformed(f"'evidence' must be a list of sentence numbers, not {evidence!r:.60}")
    return evidence


def _pairs(subjects: list[_Mention], objects: list[_Mention], evidence: list[Any]) -> list[tuple[_Mention, _Mention]]:
    """Choose the mentions that a relation of two entities is between."""
    together = [(s, o) for s in subjects for o in objects if s.sentence == o.sentence]
    stated = [pair for pair in together if pair[0].sentence in evidence]
    if together:
        return stated or together
    places = {(mention.start, mention.end): mention for mention in (*subjects, *objects)}
    subject, object_ = nearest([s[:2] for s in subjects], [o[:2] for o in objects])
    return [(places[subject], places[object_])]
