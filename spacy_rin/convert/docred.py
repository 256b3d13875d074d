"""Reader of DocRED, whose entities have several mentions each."""

from collections.abc import Hashable
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

from .names import nearest
from .records import (
    Broken,
    Entity,
    Lost,
    Malformed,
    Record,
    Skipped,
    Triple,
    assemble,
    attempt,
    check_row,
    check_triple,
    get_field,
    get_list,
    get_string,
    is_text,
    sort_out,
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
        Malformed: If the document as a whole does not have this form.
    """
    sentences = get_field(data, "sents")
    if not isinstance(sentences, list) or not all(isinstance(s, list) and all(map(is_text, s)) for s in sentences):
        raise Malformed("'sents' must be a list of lists of non-empty strings")
    words = [word for sentence in sentences for word in sentence]
    if not words:
        raise Malformed("the document has no tokens")
    if "labels" not in data:
        return Skipped("documents without labels")
    lengths = list(map(len, sentences))
    vertices: list[list[_Mention]] = []
    spans: dict[Hashable, Entity | Lost | Broken] = {}  # the mentions, and the entities without one by their numbers
    broken: list[Broken] = []
    for number, vertex in enumerate(get_list(data, "vertexSet")):
        mentions, faults = _mentions(line, vertex, lengths)
        vertices.append(mentions)
        spans.update((mention[:3], mention[:3]) for mention in mentions)
        if not mentions:
            spans[number] = faults.pop(0)
        broken += faults
    rows = (attempt(line, _label, item, len(vertices)) for item in get_list(data, "labels"))
    labels, broken_labels = sort_out(rows)
    triples: list[tuple[Hashable, str, Hashable]] = []
    for (head, label, tail), evidence in labels:
        if vertices[head] and vertices[tail]:
            triples += [(s[:3], label, o[:3]) for s, o in _pairs(vertices[head], vertices[tail], evidence)]
        else:
            triples.append((head, label, tail))
    record = assemble(line, words, spans, triples)
    return replace(record, broken=[*record.broken, *broken, *broken_labels])


def _mentions(line: str, vertex: Any, lengths: list[int]) -> tuple[list[_Mention], list[Broken]]:
    """Get the mentions of an entity, in their order in the document. If there are none, it is said why."""
    if not isinstance(vertex, list) or not vertex:
        return [], [Broken(line, f"each of 'vertexSet' must be a non-empty list of mentions, not {vertex!r:.60}")]
    offsets = [0, *accumulate(lengths)]
    mentions, broken = sort_out(attempt(line, _mention, mention, lengths, offsets) for mention in vertex)
    return sorted(mentions), broken


def _mention(mention: Any, lengths: list[int], offsets: list[int]) -> _Mention:
    sentence, bounds = get_field(mention, "sent_id"), get_field(mention, "pos")
    if type(sentence) is not int or not 0 <= sentence < len(lengths):
        raise Malformed(f"'sent_id' must be the number of a sentence, not {sentence!r:.60}; there are {len(lengths)}")
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(type(bound) is int for bound in bounds):
        raise Malformed(f"'pos' must be a list of two whole numbers, not {bounds!r:.60}")
    start, end = within(bounds[0], bounds[1], lengths[sentence])
    return _Mention(offsets[sentence] + start, offsets[sentence] + end, get_string(mention, "type"), sentence)


def _label(label: Any, vertices: int) -> tuple[Triple, list[Any]]:
    """Get a relation of two entities, and its evidence."""
    triple = check_triple(vertices, check_row(label, "labels", (int, str, int), ("h", "r", "t")))
    evidence = label.get("evidence") or []
    if not isinstance(evidence, list):
        raise Malformed(f"'evidence' must be a list of sentence numbers, not {evidence!r:.60}")
    return triple, evidence


def _pairs(subjects: list[_Mention], objects: list[_Mention], evidence: list[Any]) -> list[tuple[_Mention, _Mention]]:
    """Choose the mentions that a relation of two entities is between."""
    together = [(s, o) for s in subjects for o in objects if s.sentence == o.sentence]
    stated = [pair for pair in together if pair[0].sentence in evidence]
    if together:
        return stated or together
    places = {(mention.start, mention.end): mention for mention in (*subjects, *objects)}
    subject, object_ = nearest([s[:2] for s in subjects], [o[:2] for o in objects])
    return [(places[subject], places[object_])]
