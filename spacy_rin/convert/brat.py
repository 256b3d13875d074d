"""Reader of brat's standoff format: a .txt file with the text, and an .ann file with its annotation."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ..errors import Errors, FileError
from .quotes import Quote, fit_offsets, fits
from .records import Skipped, Text, Triple
from .values import Source, refuse

_T_LINE = re.compile(r"(T\S*)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)", re.DOTALL)
_R_LINE = re.compile(r"R\S*\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*")
_OTHERS = {
    "E": "events (E)",
    "A": "attributes (A)",
    "M": "attributes (M)",
    "N": "normalizations (N)",
    "#": "notes (#)",
    "*": "equivalences (*)",
}
_LINE_START = re.compile(r"[TREAMN#]\S*\t\S|\*\t\S")


def read_brat(source: Source) -> Iterator[Text | Skipped]:
    """Read a text with its annotation, or all texts of a folder and its subfolders.

    Args:
        source (Source): A folder, or a .txt or .ann file with the other one beside it.

    Yields:
        Text | Skipped: Each text, in the order of the file names.

    Raises:
        FileError: R030 if a file is malformed, R034 if it can't be read, R045 if one of the two files is missing.
    """
    folder = source.path
    if not folder.is_dir():
        yield _read_pair(source.beside(".ann"), source.beside(".txt"))
        return
    # Systems and editors leave files and folders behind whose names start with a dot.
    paths = [p for p in sorted(folder.rglob("*")) if not any(n.startswith(".") for n in p.relative_to(folder).parts)]
    for path in paths:
        if path.suffix == ".ann":
            yield _read_pair(Source(path), Source(path.with_suffix(".txt")))
        elif path.suffix == ".txt" and not path.with_suffix(".ann").exists():
            yield Skipped("texts without an .ann file")


def is_ann_line(line: str) -> bool:
    """Whether a line looks like one of an .ann file: an id, a tab, and more."""
    return _LINE_START.match(line) is not None


class _EntityLine(NamedTuple):
    """A T line: its number, the type, and the quoted text with its offsets."""

    number: int
    type: str
    quote: Quote


class _RelationLine(NamedTuple):
    """An R line: its number, the label, and the ids of subject and object."""

    number: int
    label: str
    arguments: tuple[str, str]


class _Lines(NamedTuple):
    """The lines of an .ann file: entities by id, relations, and the number of lines of each kind that is ignored."""

    entities: dict[str, _EntityLine]
    relations: list[_RelationLine]
    ignored: Counter[str]


def _read_pair(ann: Source, txt: Source) -> Text | Skipped:
    for file in (ann, txt):
        if not file.path.exists():
            raise FileError(Errors.R045, path=file.path)
    text = txt.text
    lines = _read_lines(ann)
    if not text.strip() and not lines.entities:
        return Skipped("empty texts")
    pieces = _locate(lines.entities, ann.path, txt)
    triples = _triples(lines, ann.path)
    numbers = [entity.number for entity in lines.entities.values()]
    return Text(
        line=f"1-{max(numbers, default=1)}",
        text=text,
        entities=[
            (spans[0][0], spans[-1][1], entity.type)
            for spans, entity in zip(pieces, lines.entities.values(), strict=True)
        ],
        relations=triples,
        path=ann.path,
        lines=list(map(str, numbers)),
        in_pieces=frozenset(i for i, spans in enumerate(pieces) if _has_gap(text, spans)),
        ignored=lines.ignored,
    )


def _read_lines(ann: Source) -> _Lines:
    entities: dict[str, _EntityLine] = {}
    relations = []
    ignored: Counter[str] = Counter()
    for number, line in enumerate(ann.text.split("\n"), 1):
        line = line.rstrip("\r")
        if match := _T_LINE.fullmatch(line):
            ident, kind, offsets, quoted = match.groups()
            if ident in entities:
                refuse(ann.path, number, f"there are two annotations {ident}")
            bounds = [piece.split() for piece in offsets.split(";")]
            quote = Quote([(int(start), int(end)) for start, end in bounds], quoted)
            entities[ident] = _EntityLine(number, kind, quote)
        elif match := _R_LINE.fullmatch(line):
            relations.append(_RelationLine(number, match[1], _subject_and_object(*match.groups()[1:])))
        elif line[:1] in _OTHERS and is_ann_line(line):
            ignored[_OTHERS[line[0]]] += 1
        elif line.strip():
            refuse(ann.path, number, f"this is not a line of brat: {line!r:.100}")
    return _Lines(entities, relations, ignored)


def _locate(entities: dict[str, _EntityLine], ann: Path, txt: Source) -> list[list[tuple[int, int]]]:
    """Get the characters of each entity, piece by piece, in the order of the text."""
    at = fit_offsets(txt.text, [entity.quote for entity in entities.values()])
    if at is None:
        ident, wrong = next((i, e) for i, e in entities.items() if not fits(txt.text, e.quote))
        where = ";".join(f"{start} {end}" for start, end in wrong.quote.pieces)
        reason = f"{ident} quotes {wrong.quote.text!r:.60}, which is not what {txt.path.name} has at {where}"
        refuse(ann, wrong.number, reason)
    return [sorted((at[start], at[end]) for start, end in entity.quote.pieces) for entity in entities.values()]


def _triples(lines: _Lines, ann: Path) -> list[Triple]:
    """Get the relations between entities; those of events are counted as ignored."""
    index = {ident: i for i, ident in enumerate(lines.entities)}
    triples = []
    for number, label, arguments in lines.relations:
        if any(ident.startswith("E") for ident in arguments):
            lines.ignored["relations of events"] += 1
            continue
        for ident in arguments:
            if ident not in index:
                refuse(ann, number, f"the relation points to {ident}, which does not exist")
        subject, object_ = arguments
        triples.append((index[subject], label, index[object_]))
    return triples


def _subject_and_object(first_role: str, first: str, second_role: str, second: str) -> tuple[str, str]:
    """Order the arguments: Arg1 is the subject; if the roles have other names, the first one is."""
    return (second, first) if (first_role, second_role) == ("Arg2", "Arg1") else (first, second)


def _has_gap(text: str, pieces: list[tuple[int, int]]) -> bool:
    """Whether text is left out between pieces. White space does not count: brat splits entities at line ends."""
    return any(text[end:start].strip() for (_, end), (start, _) in pairwise(pieces))
