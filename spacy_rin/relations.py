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

_PREFIX = "spacy_rin."  # of keys in `doc.user_data`


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
        RinError: R003 if they belong to a longer text, R004 if they are damaged.
    """
    if not has_relations(doc, attr):
        return []
    stored = doc.user_data[_key(attr)]
    if not isinstance(stored, dict) or not isinstance(stored.get("relations"), (list, tuple)):
        raise RinError(Errors.R004, name=attr, reason=f"a list of relations was expected, not {stored!r:.60}")
    if stored.get("length") != _length(doc):
        raise RinError(Errors.R003, name=attr)
    return [_read(doc, row, attr) for row in stored["relations"]]


def stored_attrs(doc: Doc) -> list[str]:
    """Get the names of all extension attributes whose relations a Doc has.

    Args:
        doc (Doc): The document.

    Returns:
        list[str]: The names.
    """
    keys = (key for key in doc.user_data if isinstance(key, str))
    return [key.removeprefix(_PREFIX) for key in keys if key.startswith(_PREFIX)]


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
    return f"{_PREFIX}{attr}"


def _length(doc: Doc) -> int:
    """Length of the text in characters, in O(1); it stays the same when tokens are merged or split."""
    return doc[-1].idx + len(doc[-1]) if len(doc) else 0


def _to_offsets(span: Span) -> list[int | str]:
    return [span.start_char, span.end_char, span.label_]


def _read(doc: Doc, row: Any, attr: str) -> Relation:
    """Turn what is stored of a relation into a Relation. It may come from a file, so nothing is believed."""
    try:
        subject, label, object_, score = row
        relation = Relation(_to_span(doc, subject), label, _to_span(doc, object_), score)
    except (TypeError, ValueError, OverflowError):
        raise RinError(Errors.R004, name=attr, reason=f"this is no relation of the text: {row!r:.100}") from None
    if reason := _fault(relation):
        raise RinError(Errors.R004, name=attr, reason=f"{reason}, not {row!r:.100}")
    return relation._replace(score=float(score))


def _to_span(doc: Doc, offsets: Any) -> Span:
    start, end, label = offsets
    if type(start) is not int or type(end) is not int or not isinstance(label, str):
        raise TypeError
    if not 0 <= start < end <= _length(doc):
        raise ValueError
    # "expand": after tokens were merged, the argument is the token that now holds it.
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if span is None or not len(span):
        raise ValueError
    return span


def _fault(relation: Relation) -> str:
    """Say what is wrong with the label or the score of a relation; empty if nothing is."""
    if not isinstance(relation.label, str) or not relation.label:
        return "the label must be a non-empty string"
    score = relation.score
    if not isinstance(score, Real) or isinstance(score, bool) or not 0 <= score <= 1:
        return "the score must be a number from 0 to 1"
    return ""


def _check(doc: Doc, value: Any) -> Relation:
    if not isinstance(value, tuple) or len(value) not in (3, 4):
        raise RinError(Errors.R002, value=value, reason="not a tuple of three or four")
    relation = Relation(*value)
    spans = (relation.subject, relation.object)
    if not all(isinstance(span, Span) and span.doc is doc and len(span) for span in spans):
        raise RinError(Errors.R002, value=value, reason="subject and object must be non-empty Spans of this Doc")
    if reason := _fault(relation):
        raise RinError(Errors.R002, value=value, reason=reason)
    return relation._replace(score=float(relation.score))
