"""One text in the form of the plugin's JSON lines turned into a Doc, and back."""

from collections.abc import Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors, RinError
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations, has_relations, register_relations, set_relations
from .align import align
from .docs import make_doc, slow_text
from .exporters import export
from .jsonl import parse_jsonl
from .records import Malformed, Record


def doc_from_json(record: dict[str, Any], nlp: Language, *, snap: bool = False, attr: str = DEFAULT_ATTR) -> Doc:
    """Make a Doc of a text in the form of the format "jsonl". Nothing of it is lost.

    Args:
        record (dict[str, Any]): {"text", "entities": [[start, end, type], ...], "relations": [[index, label, index],
            ...]}; start and end count characters, and an index is the position of an entity in "entities". "scores"
            can give a probability for each relation.
        nlp (Language): The pipeline whose tokenizer and vocabulary are used. Its components are not run.
        snap (bool): Whether to widen entities that cut a token to whole tokens, instead of raising an error.
        attr (str): The extension attribute of the relations.

    Returns:
        Doc: The Doc, with entities in `doc.spans["rin"]` and `doc.ents`, and relations in `doc._.relations`.

    Raises:
        RinError: R039 if the record does not have this form, an entity is not whole tokens, or the tokenizer would need
            very long for the text; R002 if a score is not valid.
    """
    register_relations(attr)
    try:
        parsed = parse_jsonl("1", record)
        if reason := slow_text(parsed, nlp):
            raise Malformed(reason)
        text = align(parsed, nlp, snap=snap)
    except Malformed as err:
        raise RinError(Errors.R039, reason=err) from None
    faults = [*(broken.reason for broken in text.broken), *(lost.reason for lost in text.lost_entities)]
    if faults:
        raise RinError(Errors.R039, reason="; ".join(faults))
    doc = make_doc(text, nlp.vocab, attr=attr)
    if "scores" in record:
        _set_scores(doc, text, record["scores"], attr)
    return doc


def doc_to_json(doc: Doc, *, attr: str = DEFAULT_ATTR, spans_key: str = DEFAULT_SPANS_KEY) -> dict[str, Any]:
    """Write a Doc in the form of the format "jsonl", as `doc_from_json` reads it.

    Args:
        doc (Doc): The Doc.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of the entities in `doc.spans`. Those in `doc.ents` and in relations are written, too.

    Returns:
        dict[str, Any]: The record. It has "scores" if a relation has a probability below 1.

    Raises:
        RinError: R017 if an entity has no label, R039 if the Doc is empty.
    """
    if not len(doc):
        raise RinError(Errors.R039, reason="the Doc is empty")
    if not has_relations(doc, attr):
        doc = doc.copy()
        set_relations(doc, [], attr)
    scores = any(relation.score < 1 for relation in get_relations(doc, attr))
    (record,), _ = export([doc], "jsonl", attr=attr, spans_key=spans_key, scores=scores)
    return record


def _set_scores(doc: Doc, text: Record, scores: Sequence[Any], attr: str) -> None:
    """Give the relations of a Doc their probabilities. Of equal relations, the first one counts."""
    if not isinstance(scores, list) or len(scores) != len(text.relations):
        raise RinError(Errors.R039, reason=f"'scores' must be a list of {len(text.relations)}, one for each relation")
    by_triple: dict[object, Any] = {}
    for (subject, label, object_), score in zip(text.relations, scores, strict=True):
        by_triple.setdefault((text.entities[subject], label, text.entities[object_]), score)
    relations = get_relations(doc, attr)
    set_relations(doc, [(*r[:3], score) for r, score in zip(relations, by_triple.values(), strict=True)], attr)
