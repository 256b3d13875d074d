"""Convert Docs to JSON-serializable values, and to rows of tables: entities and triples."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import count
from typing import Any

from spacy.tokens import Doc, Span

from ..errors import Errors, SettingError, require_setting
from ..model.segments import find_sentences
from ..pipeline.state import is_number
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations
from .triples import TripleRow, triples


def doc_to_row(
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
            boundaries, they are found by rule, see `find_sentences`.

    Raises:
        SettingError: R010 if `min_score` is not valid.
        RinError: R003 or R004 if the relations are damaged.
    """
    require_score("min_score", min_score)
    found = [
        relation
        for relation in get_relations(doc, attr)
        if relation.score >= min_score and (relations is None or relation.label in relations)
    ]
    starts = [start for start, _ in find_sentences(doc)] if found else []
    arguments = (span for relation in found for span in (relation.subject, relation.object))
    entities = sorted({_offsets(span) for span in [*doc.ents, *doc.spans.get(spans_key, ()), *arguments]})
    index = {entity: i for i, entity in enumerate(entities)}
    return {
        "text": doc.text,
        "entities": [list(entity) for entity in entities],
        "relations": [[index[_offsets(r.subject)], r.label, index[_offsets(r.object)]] for r in found],
        "scores": [round(relation.score, 4) for relation in found],
        "sentences": [_sentence(doc, starts, relation) for relation in found],
    }


def doc_triples(docs: Iterable[Doc], *, ids: Iterable[int | str] | None = None, **options: Any) -> Iterator[TripleRow]:
    """Get the triples of Docs with their sources. `pandas.DataFrame(doc_triples(docs))` makes a data frame.

    Args:
        docs (Iterable[Doc]): The documents.
        ids (Iterable[int | str] | None): Their ids, one for each. None numbers them, starting at 1.
        **options: Options of `doc_to_row`.

    Yields:
        TripleRow: The triples, in order.

    Raises:
        RinError: R003 or R004 if the relations of a Doc are damaged.
        SettingError: R010 if an option is not valid, R069 if there are more or fewer ids than Docs.
    """
    idents = count(1) if ids is None else iter(ids)
    number = 0
    for number, doc in enumerate(docs, 1):
        ident = next(idents, None)
        if ident is None:
            raise SettingError(Errors.R069, reason=f"Doc {number} has none")
        yield from triples({"id": ident, **doc_to_row(doc, **options)})
    if ids is not None and next(idents, None) is not None:
        raise SettingError(Errors.R069, reason=f"there are more ids than the {number} Doc(s)")


def require_score(name: str, value: float) -> None:
    """Check a setting that is a probability.

    Args:
        name (str): Name of the setting.
        value (float): Its value.

    Raises:
        SettingError: R010 if the value is not valid.
    """
    require_setting(name, value, is_number(value) and 0.0 <= value <= 1.0, "from 0 to 1")


def _offsets(span: Span) -> tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_


def _sentence(doc: Doc, starts: list[int], relation: Relation) -> list[int]:
    """Get the characters from the sentence of the first entity to that of the last, without white space around."""
    first, last = min(relation.subject.start, relation.object.start), max(relation.subject.end, relation.object.end)
    begin = starts[bisect_right(starts, first) - 1]
    after = bisect_left(starts, last)
    end = starts[after] if after < len(starts) else len(doc)
    while doc[begin].is_space and begin < first:
        begin += 1
    while doc[end - 1].is_space and end > last:
        end -= 1
    return [doc[begin:end].start_char, doc[begin:end].end_char]
