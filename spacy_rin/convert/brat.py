"""Reader of brat's standoff annotation: a text and, in a file beside it, what is annotated in it."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ..errors import Errors, FileError
from .quotes import Quote, fit_offsets, fits
from .records import Skipped, Text
from .values import read_text, refuse

_T_LINE = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)", re.DOTALL)
_R_LINE = re.compile(r"R\S*\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*")
_OTHERS = {
    "E": "events (E)",
    "A": "attributes (A)",
    "M": "attributes (M)",
    "N": "normalizations (N)",
    "#": "notes (#)",
    "*": "equivalences (*)",
}
LINE_START = re.compile(r"[TREAMN#]\S*\t\S|\*\t\S")  # how a line of an .ann file starts


def read_brat(path: Path) -> Iterator[Text | Skipped]:
    """Read a text with its annotation, or all of a folder and its subfolders.

    Args:
        path (Path): A folder, or a file .txt or .ann with the other beside it.

    Yields:
        Text | Skipped: Each text, in the order of the file names.

    Raises:
        RinError: R030 or R034 for a file that is malformed or can't be read, R045 for one without the other.
    """
    if not path.is_dir():
        yield _read_pair(path.with_suffix(".ann"), path.with_suffix(".txt"))
        return
    # Names that start with a dot are not the user's: systems and editors leave such files behind.
    files = [p for p in sorted(path.rglob("*")) if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    for file in files:
        if file.suffix == ".ann":
            yield _read_pair(file, file.with_suffix(".txt"))
        elif file.suffix == ".txt" and not file.with_suffix(".ann").exists():
            yield Skipped("texts without an .ann file")


class _Entity(NamedTuple):
    """A line T: its number, the type, and the pieces with what they read."""

    line: int
    kind: str
    quote: Quote


class _Relation(NamedTuple):
    """A line R: its number, the name, and the ids of what it relates."""

    line: int
    label: str
    ends: tuple[str, str]


def _read_pair(ann: Path, txt: Path) -> Text | Skipped:
    for path in (ann, txt):
        if not path.exists():
            raise FileError(Errors.R045, path=path)
    text = read_text(txt)
    entities, relations, passed_over = _read_lines(ann)
    if not text.strip() and not entities:
        return Skipped("empty texts")
    at = fit_offsets(text, [entity.quote for entity in entities.values()])
    if at is None:
        ident, wrong = next((i, e) for i, e in entities.items() if not fits(text, e.quote))
        where = ";".join(f"{start} {end}" for start, end in wrong.quote.pieces)
        refuse(ann, wrong.line, f"{ident} quotes {wrong.quote.text!r:.60}, which is not what {txt.name} has at {where}")
    index = {ident: i for i, ident in enumerate(entities)}
    triples = []
    for line, label, ends in relations:
        if any(ident.startswith("E") for ident in ends):
            passed_over["relations of events"] += 1
            continue
        for ident in ends:
            if ident not in index:
                refuse(ann, line, f"the relation points to {ident}, which is not there")
        triples.append((index[ends[0]], label, index[ends[1]]))
    spans = [sorted((at[start], at[end]) for start, end in entity.quote.pieces) for entity in entities.values()]
    lines = [entity.line for entity in entities.values()]
    return Text(
        line=f"1-{max(lines, default=1)}",
        text=text,
        entities=[
            (span[0][0], span[-1][1], entity.kind) for span, entity in zip(spans, entities.values(), strict=True)
        ],
        relations=triples,
        path=ann,
        lines=list(map(str, lines)),
        in_pieces=frozenset(i for i, span in enumerate(spans) if _has_gap(text, span)),
        passed_over=passed_over,
    )


def _read_lines(ann: Path) -> tuple[dict[str, _Entity], list[_Relation], Counter[str]]:
    """Read the entities of an .ann file by their ids, its relations, and how many lines of other kinds it has."""
    entities: dict[str, _Entity] = {}
    relations = []
    others: Counter[str] = Counter()
    for number, line in enumerate(read_text(ann).split("\n"), 1):
        line = line.rstrip("\r")
        if match := _T_LINE.fullmatch(line):
            ident, kind, offsets, quoted = match.groups()
            if ident in entities:
                refuse(ann, number, f"there are two annotations {ident}")
            bounds = [piece.split() for piece in offsets.split(";")]
            entities[ident] = _Entity(number, kind, Quote([(int(start), int(end)) for start, end in bounds], quoted))
        elif match := _R_LINE.fullmatch(line):
            relations.append(_Relation(number, match[1], _subject_and_object(*match.groups()[1:])))
        elif line[:1] in _OTHERS and LINE_START.match(line):
            others[_OTHERS[line[0]]] += 1
        elif line.strip():
            refuse(ann, number, f"this is not a line of brat: {line!r:.100}")
    return entities, relations, others


def _subject_and_object(first_role: str, first: str, second_role: str, second: str) -> tuple[str, str]:
    """Arg1 is the subject; where roles have names of their own, the one that comes first."""
    return (second, first) if (first_role, second_role) == ("Arg2", "Arg1") else (first, second)


def _has_gap(text: str, pieces: list[tuple[int, int]]) -> bool:
    """Whether there is more between pieces than white space: brat cuts an annotation at the end of a line."""
    return any(text[end:start].strip() for (_, end), (start, _) in pairwise(pieces))
