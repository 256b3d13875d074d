"""Reader of brat's standoff annotation: a text and, in a file beside it, what is annotated in it."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ..errors import Errors
from .files import read_text, refuse
from .quotes import Quote, fit_offsets, fits
from .records import Skipped, Text

_ENTITY = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)", re.DOTALL)
_RELATION = re.compile(r"R\S*\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*")
_OTHERS = {
    "E": "events (E)",
    "A": "attributes (A)",
    "M": "attributes (M)",
    "N": "normalizations (N)",
    "#": "notes (#)",
    "*": "equivalences (*)",
}
LINE = re.compile(r"[TREAMN#]\S*\t\S|\*\t\S")  # how a line of an .ann file starts


def read_brat(path: Path) -> Iterator[Text | Skipped]:
    """Read a text with its annotation, or all of a folder and its subfolders.

    path (Path): A folder, or a file .txt or .ann with the other beside it.
    YIELDS (Union[Text, Skipped]): Each text, in the order of the file names.
    RAISES (ValueError): R030 or R034 for a file that is malformed or can't be read, R045 for one without the other.
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


def _read_pair(ann: Path, txt: Path) -> Text | Skipped:
    for path in (ann, txt):
        if not path.exists():
            raise ValueError(Errors.R045.format(path=path))
    text = read_text(txt)
    lines = [(number, line.rstrip("\r")) for number, line in enumerate(read_text(ann).split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line.strip()]
    if not text.strip() and not lines:
        return Skipped("empty texts")
    quotes: dict[str, Quote] = {}
    kinds, places = [], []
    relations: list[tuple[int, re.Match[str]]] = []
    passed_over: Counter[str] = Counter()
    for number, line in lines:
        if match := _ENTITY.fullmatch(line):
            ident, kind, offsets, quoted = match.groups()
            if ident in quotes:
                refuse(ann, number, f"there are two annotations {ident}")
            pieces = [tuple(map(int, piece.split())) for piece in offsets.split(";")]
            quotes[ident] = Quote([(start, end) for start, end in pieces], quoted)
            kinds.append(kind)
            places.append(str(number))
        elif match := _RELATION.fullmatch(line):
            relations.append((number, match))
        elif line[0] in _OTHERS and LINE.match(line):
            passed_over[_OTHERS[line[0]]] += 1
        else:
            refuse(ann, number, f"this is not a line of brat: {line!r:.100}")
    at = fit_offsets(text, list(quotes.values()))
    if at is None:
        place, ident = next((p, i) for p, (i, quote) in zip(places, quotes.items()) if not fits(text, quote))
        pieces_of = ";".join(f"{start} {end}" for start, end in quotes[ident].pieces)
        refuse(
            ann, place, f"{ident} quotes {quotes[ident].text!r:.60}, which is not what {txt.name} has at {pieces_of}"
        )
    spans = [sorted((at[start], at[end]) for start, end in quote.pieces) for quote in quotes.values()]
    triples = []
    index = {ident: i for i, ident in enumerate(quotes)}
    for number, match in relations:
        label, *arguments = match.groups()
        ends = _subject_and_object(*arguments)
        if any(ident.startswith("E") for ident in ends):
            passed_over["relations of events"] += 1
            continue
        for ident in ends:
            if ident not in index:
                refuse(ann, number, f"the relation points to {ident}, which is not there")
        triples.append((index[ends[0]], label, index[ends[1]]))
    return Text(
        line=f"1-{lines[-1][0]}" if lines else "1",
        text=text,
        entities=[(pieces[0][0], pieces[-1][1], kind) for pieces, kind in zip(spans, kinds, strict=True)],
        relations=triples,
        path=ann,
        lines=places,
        in_pieces=frozenset(i for i, pieces in enumerate(spans) if _has_gap(text, pieces)),
        passed_over=passed_over,
    )


def _subject_and_object(first_role: str, first: str, second_role: str, second: str) -> tuple[str, str]:
    """Arg1 is the subject; where roles have names of their own, the one that comes first."""
    return (second, first) if (first_role, second_role) == ("Arg2", "Arg1") else (first, second)


def _has_gap(text: str, pieces: list[tuple[int, int]]) -> bool:
    """Whether there is more between pieces than white space: brat cuts an annotation at the end of a line."""
    return any(text[end:start].strip() for (_, end), (start, _) in pairwise(pieces))
