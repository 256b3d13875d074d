"""Texts whose annotation has offsets of an annotation tool: what they count is found out by the text that it quotes."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

from .records import Broken, Entity, Note, Text, Triple

BOM = "\ufeff"


class Mention(NamedTuple):
    """An entity or token by its offsets, with the text that the annotation tool quotes for it.

    Attributes:
        line (str): Its place in the file.
        name (str): What messages call it.
        pieces (list[tuple[int, int]]): Start and end of each piece, counted as the tool does.
        quote (str | None): The text of the pieces; None if the tool does not quote it.
        label (str): Its type; empty if it has none.
    """

    line: str
    name: str
    pieces: list[tuple[int, int]]
    quote: str | None
    label: str = ""


@dataclass(frozen=True)
class QuotedText:
    """A text whose entities are given by offsets that may count something else than characters.

    Attributes:
        line (str): Its place in the file.
        text (str): The text, with its byte order mark if it is a file that has one.
        mentions (list[Mention | Broken]): The entities. One that is not valid keeps its position, for the relations.
        relations (list[Triple]): Index of the subject in `mentions`, label, index of the object.
        tokens (list[Mention] | None): The tokens, in order, if the format has them.
        path (Path | None): The file of the annotation, if the input is a folder.
        name (str): What messages call the text.
        ignored (Counter[str]): How often each kind of annotation was left out that is neither entity nor relation.
        broken (list[Broken]): The relations that are left out because they are not valid.
        is_file (bool): Whether the text is that of a whole file. In others, U+FEFF is a character like any other.
    """

    line: str
    text: str
    mentions: Sequence[Mention | Broken]
    relations: list[Triple]
    tokens: list[Mention] | None = None
    path: Path | None = None
    name: str = "the text"
    ignored: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    is_file: bool = False

    @property
    def has_mark(self) -> bool:
        """Whether there is a byte order mark before the text."""
        return self.is_file and self.text.startswith(BOM)

    @property
    def body(self) -> str:
        """The text without a byte order mark."""
        return self.text[self.has_mark :]


class Count(NamedTuple):
    """What offsets count. Without deviations: the characters of the text, and not its byte order mark.

    Attributes:
        unit (str): What one character is: empty for one, "UTF-16 units" or "bytes" for as many as it takes.
        line_end (str): Empty if line ends count as they are, "CR LF as one character", or "LF as two characters".
        mark (str): "the byte order mark" if that counts, too; else empty.
    """

    unit: str = ""
    line_end: str = ""
    mark: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, self))


_UTF16, _BYTES = "UTF-16 units", "bytes"
_CRLF_AS_ONE, _LF_AS_TWO = "CR LF as one character", "LF as two characters"
_MARK = "the byte order mark"
# Each way to count, those with the fewest deviations first. A byte order mark is the first character of its text for
# brat and for all that read it as plain UTF-8, so that it counts is the first guess.
COUNTS = sorted(
    (Count(*ways) for ways in product(("", _UTF16, _BYTES), ("", _CRLF_AS_ONE, _LF_AS_TWO), (_MARK, ""))),
    key=lambda count: bool(count.unit) + bool(count.line_end),
)

_BARE_LF = re.compile(r"(?<!\r)\n")
_SPACE = re.compile(r"\r\n|\s")
# White space of all kinds, also escaped (as two characters or more) and without a width.
_BLANKS = re.compile(
    r"(?:\\+(?:[nrtfv]|xa0|u(?:00a0|200b|2028|2029|feff))|&(?:nbsp|#160);|[\s\u00ad\u180e\u200b-\u200f\u2060\ufeff])+"
)


def is_same(found: str, quoted: str) -> bool:
    """Whether a text is what a tool quotes, but for white space, which tools change, escape or leave out."""
    return found == quoted or squeeze(found) == squeeze(quoted)


def squeeze(text: str) -> str:
    """Remove all white space from a text, also what is escaped or has no width."""
    return _BLANKS.sub("", text)


def place(items: Iterable[Any]) -> list[Any]:
    """Find out what the offsets of all texts of a file count.

    In each text, the count is taken that the most quotes fit. If there are several, that is the one of them that the
    most quotes of the whole file fit, then the plainest.

    Args:
        items (Iterable[T | QuotedText]): What a reader yields, of any types T.

    Returns:
        list[T | Text | Broken | Note]: The same, with a Text in place of each QuotedText, or Broken if its tokens are
            not in the text. Entities that are not in the text are Broken. Notes name the counts that are not plain.
    """
    items = list(items)
    measured = [_measure(item) if isinstance(item, QuotedText) else {} for item in items]
    votes = {count: sum(fits[count].fitting for fits in measured if fits) for count in COUNTS}
    placed: list[Any] = []
    taken: Counter[Count] = Counter()
    for item, fits in zip(items, measured, strict=True):
        if not isinstance(item, QuotedText):
            placed.append(item)
            continue
        count = max(COUNTS, key=lambda count: (fits[count], votes[count]))
        at, plain = _offsets(item, count), _offsets(item, Count())
        placed.append(_to_text(item, at))
        taken[_relevant(count, item)] += any(_spans(m, at) != _spans(m, plain) for m in _all_mentions(item))
    return [*placed, *(Note(f"texts whose offsets count {count}", n) for count, n in taken.items() if n)]


def count_fitting(text: str, mentions: Sequence[Mention]) -> int:
    """Count the mentions that fit a text, by the count that fits best."""
    return max(fit.fitting for fit in _measure(QuotedText("", text, mentions, [])).values())


class _Fit(NamedTuple):
    """How well a count fits a text: the number of quotes that fit, and of those that do to the last blank."""

    fitting: int
    exact: int


def _measure(item: QuotedText) -> dict[Count, _Fit]:
    """Get how well each count fits a text."""
    text, mentions = item.body, _all_mentions(item)
    same = {count: _relevant(count, item) for count in COUNTS}
    fits = {}
    for count in dict.fromkeys(same.values()):
        at = _offsets(item, count)
        fits[count] = _Fit(*map(sum, zip((0, 0), *(_compare(text, mention, at) for mention in mentions))))
    return {count: fits[same[count]] for count in COUNTS}


def _all_mentions(item: QuotedText) -> list[Mention]:
    return [*(mention for mention in item.mentions if isinstance(mention, Mention)), *(item.tokens or ())]


def _compare(text: str, mention: Mention, at: Sequence[int]) -> tuple[bool, bool]:
    """Whether a mention fits a text, and whether it does to the last blank."""
    found = _found(text, mention, at)
    if found is None or mention.quote is None:
        return (found is not None,) * 2
    return is_same(found, mention.quote), _SPACE.sub(" ", found) == _SPACE.sub(" ", mention.quote)


def _relevant(count: Count, item: QuotedText) -> Count:
    """Leave out of a count what makes no difference in a text."""
    unit, line_end, mark = count
    text = item.text
    if text.isascii() or (unit == _UTF16 and max(text) <= "\uffff"):
        unit = ""
    if (line_end == _CRLF_AS_ONE and "\r\n" not in text) or (line_end == _LF_AS_TWO and not _BARE_LF.search(text)):
        line_end = ""
    return Count(unit, line_end, mark if item.has_mark else "")


def _offsets(item: QuotedText, count: Count) -> Sequence[int]:
    """For each offset in a text, the character that it stands for, without the byte order mark."""
    text, mark = item.text, item.has_mark
    unit, line_end, counted_mark = count
    if not unit and not line_end:
        numbers = range(len(text) - mark + 1)
        return [0, *numbers] if mark and counted_mark else numbers
    at: list[int] = []
    for index, char in enumerate(text):
        width = _width(char, unit)
        if char == "\n" and line_end:
            after_cr = text[index - 1 : index] == "\r"
            if after_cr and line_end == _CRLF_AS_ONE:
                width = 0
            elif not after_cr and line_end == _LF_AS_TWO:
                width = 2
        elif mark and index == 0 and not counted_mark:
            width = 0
        at += [max(index - mark, 0)] * width
    return [*at, len(text) - mark]


def _width(char: str, unit: str) -> int:
    if unit == _UTF16:
        return 1 + (char > "\uffff")
    if unit == _BYTES:
        return 1 + (char > "\x7f") + (char > "\u07ff") + (char > "\uffff")
    return 1


def _spans(mention: Mention, at: Sequence[int]) -> list[tuple[int, int]] | None:
    """Get the characters of a mention, piece by piece; None if they are not in the text."""
    if not all(0 <= start < end < len(at) and at[start] < at[end] for start, end in mention.pieces):
        return None
    return [(at[start], at[end]) for start, end in mention.pieces]


def _found(text: str, mention: Mention, at: Sequence[int]) -> str | None:
    spans = _spans(mention, at)
    return None if spans is None else " ".join(text[start:end] for start, end in spans)


def _fits(text: str, mention: Mention, at: Sequence[int]) -> bool:
    return _compare(text, mention, at)[0]


def _to_text(item: QuotedText, at: Sequence[int]) -> Text | Broken:
    text = item.body
    wrong = next((token for token in item.tokens or () if not _fits(text, token, at)), None)
    if wrong is not None:
        return Broken(item.line, _misfit(wrong, at, item.name), item.path)
    entities: list[Entity | Broken] = []
    in_pieces = set()
    for index, mention in enumerate(item.mentions):
        if isinstance(mention, Broken):
            entities.append(mention)
        elif not _fits(text, mention, at):
            entities.append(Broken(mention.line, _misfit(mention, at, item.name)))
        else:
            spans = sorted(_spans(mention, at) or ())
            entities.append((spans[0][0], spans[-1][1], mention.label))
            if _has_gap(text, spans):
                in_pieces.add(index)
    return Text(
        item.line,
        text,
        entities,
        item.relations,
        tokens=None if item.tokens is None else [s for token in item.tokens for s in _spans(token, at) or ()],
        path=item.path,
        lines=[mention.line for mention in item.mentions],
        in_pieces=frozenset(in_pieces),
        ignored=item.ignored,
        broken=item.broken,
    )


def _misfit(mention: Mention, at: Sequence[int], text: str) -> str:
    """Say why a mention does not fit the text."""
    outside = next(((start, end) for start, end in mention.pieces if not 0 <= start < end < len(at)), None)
    if mention.quote is None and outside is not None:
        return f"{mention.name} at {outside[0]}-{outside[1]} is empty or out of the range 0-{len(at) - 1}"
    where = ";".join(f"{start} {end}" for start, end in mention.pieces)
    quotes = f"{mention.name} quotes {mention.quote!r:.60}, which is not what {text} has at {where}"
    return f"{quotes}: the offsets don't fit the text, whatever they count"


def _has_gap(text: str, pieces: list[tuple[int, int]]) -> bool:
    """Whether text is left out between pieces. White space does not count: brat splits entities at line ends."""
    return any(text[end:start].strip() for (_, end), (start, _) in pairwise(pieces))
