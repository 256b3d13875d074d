"""Reader of .spacy files of spaCy's relation tutorial (the project `rel_component`)."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..pipeline.corpus import read_docs
from .records import Broken, Malformed, Record, Skipped, Triple, attempt, is_text, sort_out
from .values import Source

# Where spaCy keeps the value of the extension attribute `doc._.rel`. Read there, it need not be registered.
_KEY: Any = ("._.", "rel", None, None)
_THRESHOLD = 0.5  # the tutorial's; its gold annotation has only 1.0 and 0.0


def read_rel_component(source: Source) -> Iterator[Record | Skipped | Broken]:
    """Read the texts of a .spacy file whose relations are in `doc._.rel`.

    {(start token of the subject, start token of the object): {label: value}}; the entities are in `doc.ents`, and a
    relation holds if its value is at least 0.5.

    Args:
        source (Source): The file, or a folder of such files.

    Yields:
        Record | Skipped | Broken: The texts; `Skipped` for those without `doc._.rel`.

    Raises:
        FileError: R033 or R053 if the file can't be read.
    """
    for number, doc in enumerate(read_docs(source.path, Vocab()), 1):
        if not len(doc):
            yield Skipped("empty texts")
        elif _KEY not in doc.user_data:
            yield Skipped("texts without doc._.rel")
        else:
            line = f"text {number}"
            yield attempt(line, _record, line, doc)


def _record(line: str, doc: Doc) -> Record:
    index = {ent.start: i for i, ent in enumerate(doc.ents)}
    triples, broken = _triples(line, doc.user_data[_KEY], index)
    return Record(
        line,
        [token.text for token in doc],
        [(ent.start, ent.end, ent.label_) for ent in doc.ents],
        triples,
        spaces=None if doc.has_unknown_spaces else [bool(token.whitespace_) for token in doc],
        tags=[token.tag_ for token in doc] if doc.has_annotation("TAG") else None,
        broken=broken,
    )


def _triples(line: str, rel: Any, index: dict[int, int]) -> tuple[list[Triple], list[Broken]]:
    if not isinstance(rel, dict):
        raise Malformed(f"doc._.rel must be a dict, not {rel!r:.60}")
    pairs, broken = sort_out(attempt(line, _pair, *item) for item in rel.items())
    rows = ((pair, label, value) for pair, labels in pairs for label, value in labels.items())
    triples, broken_triples = sort_out(attempt(line, _holding, *row, index) for row in rows)
    return [triple for found in triples for triple in found], broken + broken_triples


def _pair(pair: Any, labels: Any) -> tuple[tuple[Any, Any], dict[Any, Any]]:
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(labels, dict):
        raise Malformed(f"each of doc._.rel must be a pair of tokens with a dict, not {pair!r:.60}: {labels!r:.60}")
    return pair, labels


def _holding(pair: tuple[Any, Any], label: Any, value: Any, index: dict[int, int]) -> list[Triple]:
    """Get the triple of a pair and a label; none if its value says that it does not hold."""
    if not is_text(label) or not isinstance(value, Real):
        raise Malformed(f"doc._.rel must have labels with numbers, not {label!r:.60}: {value!r:.60}")
    if not float(value) >= _THRESHOLD:  # which is so of NaN, too
        return []
    if not all(token in index for token in pair):
        raise Malformed(f"relation {label!r:.60} of the tokens {pair} points to a token that starts no entity")
    return [(index[pair[0]], label, index[pair[1]])]
