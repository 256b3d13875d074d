"""Relations of a Doc: what users see (`Relation`) and how they are kept (`doc._.relations`).

They are kept in `doc.user_data` as numbers and strings with character offsets, and turned into Spans on access.
So they survive copying, pickling, DocBin, multiprocessing and retokenization, which Spans in `doc._` do not.
"""

from collections.abc import Iterable
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from .errors import Errors, RinError, SettingError

DEFAULT_ATTR = "relations"
DEFAULT_SPANS_KEY = "rin"  # of all entities, in `doc.spans`


class Relation(NamedTuple):
    """A triple that a text states.

    Attributes:
        subject (Span): The entity that the relation starts from; its label is the entity's type.
        label (str): The name of the relation.
        object (Span): The entity that the relation points to.
        score (float): Probability of the triple, from 0 to 1; 1 for gold-standard annotation.
    """

    subject: Span
    label: str
    object: Span
    score: float = 1.0


RelationLike = Relation | tuple[Span, str, Span] | tuple[Span, str, Span, float]


def register_relations(attr: str = DEFAULT_ATTR) -> None:
    """Register the extension attribute `doc._.relations`, unless that is done already.

    Args:
        attr (str): The attribute's name.

    Raises:
        RinError: R001 if something else holds the name, before or after an earlier registration of ours.
    """
    if not Doc.has_extension(attr):
        Doc.set_extension(attr, getter=partial(get_relations, attr=attr), setter=partial(set_relations, attr=attr))
        return
    getter = Doc.get_extension(attr)[2]
    if not (isinstance(getter, partial) and getter.func is get_relations):
        raise SettingError(Errors.R001, name=attr)


def has_relations(doc: Doc, attr: str = DEFAULT_ATTR) -> bool:
    """Whether the relations of a Doc are annotated, if only by an empty list.

    Args:
        doc (Doc): The document.
        attr (str): The extension attribute's name.

    Returns:
        bool: Whether relations were set.
    """
    return _key(attr) in doc.user_data


def get_relations(doc: Doc, attr: str = DEFAULT_ATTR) -> list[Relation]:
    """Get the relations of a Doc, with new Spans.

    Args:
        doc (Doc): The document.
        attr (str): The extension attribute's name.

    Returns:
        list[Relation]: The relations, in the order in which they were set; empty if there are none.

    Raises:
        RinError: R003 if they belong to a longer text.
    """
    stored = doc.user_data.get(_key(attr))
    if stored is None:
        return []
    if stored["length"] != _length(doc):
        raise RinError(Errors.R003, name=attr)
    return [
        Relation(_to_span(doc, subject), str(label), _to_span(doc, object_), float(score))
        for subject, label, object_, score in stored["relations"]
    ]


def set_relations(doc: Doc, relations: Iterable[RelationLike], attr: str = DEFAULT_ATTR) -> None:
    """Set the relations of a Doc, all or none of them.

    Args:
        doc (Doc): The document.
        relations (Iterable[RelationLike]): Relations, or tuples (subject, label, object[, score]).
        attr (str): The extension attribute's name.

    Raises:
        RinError: R002 if one of them is not a relation between Spans of this Doc.
    """
    if not isinstance(relations, Iterable):
        raise RinError(Errors.R002, value=relations, reason="a list of relations was expected")
    stored = []
    for value in relations:
        relation = _check(doc, value)
        stored.append([_to_offsets(relation.subject), relation.label, _to_offsets(relation.object), relation.score])
    doc.user_data[_key(attr)] = {"length": _length(doc), "relations": stored}


def _key(attr: str) -> str:
    return f"spacy_rin.{attr}"


def _length(doc: Doc) -> int:
    """Length of the text in characters, in O(1); it stays the same when tokens are merged or split."""
    return doc[-1].idx + len(doc[-1]) if len(doc) else 0


def _to_offsets(span: Span) -> list[int | str]:
    return [span.start_char, span.end_char, span.label_]


def _to_span(doc: Doc, offsets: Iterable[Any]) -> Span:
    start, end, label = offsets
    # "expand": after tokens were merged, the argument is the token that now holds it.
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    return span if span is not None else doc[0:0]


def _check(doc: Doc, value: Any) -> Relation:
    reason: str | None = None
    if not isinstance(value, tuple) or len(value) not in (3, 4):
        reason = "not a tuple of three or four"
    else:
        subject, label, object_, score = (*value, 1.0)[:4]
        if not all(isinstance(span, Span) and span.doc is doc and len(span) for span in (subject, object_)):
            reason = "subject and object must be non-empty Spans of this Doc"
        elif not isinstance(label, str) or not label:
            reason = "the label must be a non-empty string"
        elif not isinstance(score, Real) or isinstance(score, bool) or not 0.0 <= float(score) <= 1.0:
            reason = "the score must be a number from 0 to 1"
    if reason is not None:
        raise RinError(Errors.R002, value=value, reason=reason)
    return Relation(subject, label, object_, float(score))
