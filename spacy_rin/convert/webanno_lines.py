"""The lines of a file of WebAnno TSV 3: layers, text, tokens, and the values that these have."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from .records import Malformed
from .values import NOT_UTF8, Source, find_bad_line

_FORMAT = "#FORMAT=WebAnno TSV 3"
_OFFSETS = re.compile(r"(\d{1,12})-(\d{1,12})")
_UNIT = re.compile(r"\d+-\d+(?:\.\d+)?")
_STACKED = re.compile(r"(?:[^\\|]|\\.?)+", re.DOTALL)
_VALUE = re.compile(r"(.*?)(?:(?<!\\)\[(\d+)\])?", re.DOTALL)
_ESCAPE = re.compile(r"\\(->|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}


class Layer(NamedTuple):
    """A layer of annotation, as the head of the file declares it.

    Attributes:
        kind (str): "SP" for spans, "CH" for chains, "RL" for relations.
        name (str): The name, with its package.
        columns (int): Number of columns.
        label (int | None): The column of the type or label: of the feature "value", else "label", else the first one.
            None if the layer has no features.
        slots (tuple[int, ...]): The columns of roles. The next column of each has the spans that fill them.
        base (str): Of relations, the layer whose spans they join.
    """

    kind: str
    name: str
    columns: int
    label: int | None
    slots: tuple[int, ...]
    base: str

    @property
    def short(self) -> str:
        """The name without its package."""
        return self.name.rsplit(".", 1)[-1]


class Unit(NamedTuple):
    """A token or a part of one.

    Attributes:
        line (int): Its line.
        start (int): Its first character in the text.
        end (int): The character after its last one.
        cells (list[list[list[str]]]): For each layer and column, the values of the annotations here, as they are
            written: see `read_value`.
    """

    line: int
    start: int
    end: int
    cells: list[list[list[str]]]


@dataclass
class Lines:
    """What is in a file.

    Attributes:
        layers (list[Layer]): The layers, in the order of their columns.
        text (str): The text.
        tokens (list[tuple[int, int]]): The characters of each token.
        units (dict[str, Unit]): The tokens and parts of tokens, by their ids.
    """

    layers: list[Layer] = field(default_factory=list)
    text: str = ""
    tokens: list[tuple[int, int]] = field(default_factory=list)
    units: dict[str, Unit] = field(default_factory=dict)


def is_webanno_tsv(text: str) -> bool:
    """Whether a text begins as a file of WebAnno TSV 3.

    Args:
        text (str): The text.

    Returns:
        bool: Whether it does.
    """
    return text.startswith(_FORMAT)


def read_lines(source: Source) -> Lines:
    """Read a file.

    Args:
        source (Source): The file.

    Returns:
        Lines: What is in it.

    Raises:
        Malformed: If it is not valid, with the line.
        FileError: R033 or R034 if it can't be read.
    """
    if bad_line := find_bad_line(source.content):
        raise Malformed(NOT_UTF8, bad_line)
    content = source.content.removeprefix("\ufeff")
    if not is_webanno_tsv(content):
        raise Malformed(f"a file of WebAnno TSV 3 starts with {_FORMAT}", 1)
    lines = Lines()
    sentences: list[_Sentence] = []
    texts: list[str] = []  # of the next sentence, line by line
    for number, line in enumerate(content.split("\n"), 1):
        line = line.removesuffix("\r")
        try:
            if line.startswith("#T_") and not lines.units:
                lines.layers.append(_read_layer(line))
            elif line.startswith("#Text="):
                texts.append(_unescape(line.removeprefix("#Text=")))
            elif line.strip() and not line.startswith("#"):
                fields = line.split("\t")
                start, end = _read_offsets(fields)
                if texts:
                    text = "\n".join(texts)
                    # The first token need not be at the start of its sentence.
                    blanks = len(text) - len(text.lstrip())
                    sentences.append(_Sentence.after(sentences, text, start - blanks))
                    texts = []
                if not sentences:
                    raise Malformed("there is no line #Text= before the first token")
                _add_unit(lines, number, fields, *sentences[-1].place(start, end, _unescape(fields[2])))
        except Malformed as err:
            raise Malformed(str(err), number) from None
    lines.text = "".join(sentence.gap + sentence.text for sentence in sentences)
    return lines


def read_value(value: str) -> tuple[str, str]:
    """Read the value of an annotation.

    Args:
        value (str): The value, as it is written.

    Returns:
        tuple[str, str]: The value, empty if it is not set, and the number that the annotation has if it is on several
            tokens or not the only one; empty if it has none.
    """
    match = _VALUE.fullmatch(value)
    written, number = match.groups(default="") if match else (value, "")
    return ("" if written == "*" else _unescape(written)), number


class _Sentence(NamedTuple):
    """The text of a sentence: its first UTF-16 unit, its first character, and the character of each of its units."""

    first: int
    offset: int
    text: str
    gap: str
    characters: list[int]

    @classmethod
    def after(cls, sentences: list["_Sentence"], text: str, first: int) -> "_Sentence":
        """Make the next sentence. The format does not say what is between sentences: a line end is taken."""
        characters = [i for i, char in enumerate(text) for _ in range(1 + (ord(char) > 0xFFFF))] + [len(text)]
        if not sentences:
            return cls(first, 0, text, "", characters)
        last = sentences[-1]
        gap = "\n" if first >= last.first + len(last.characters) else ""
        return cls(first, last.offset + len(last.text) + len(gap), text, gap, characters)

    def place(self, start: int, end: int, word: str) -> tuple[int, int]:
        """Turn UTF-16 units of the document into characters of the text, which must have a word there."""
        if not self.first <= start <= end < self.first + len(self.characters):
            raise Malformed(f"{start}-{end} is not in the text of the sentence")
        first, last = self.characters[start - self.first], self.characters[end - self.first]
        if self.text[first:last] != word:
            raise Malformed(f"the text has {self.text[first:last]!r:.60} at {start}-{end}, not {word!r:.60}")
        return self.offset + first, self.offset + last


def _read_layer(line: str) -> Layer:
    kind, _, rest = line.removeprefix("#T_").partition("=")
    name, *features = rest.split("|")
    if kind not in ("SP", "CH", "RL") or not name:
        raise Malformed(f"this is not the head of a layer: {line!r:.100}")
    base = features.pop().removeprefix("BT_") if kind == "RL" and features else ""
    features = [feature for feature in features if feature]
    slots = tuple(i for i, feature in enumerate(features) if feature.startswith("ROLE_"))
    plain = {name: i for i, name in enumerate(features) if i not in slots and i - 1 not in slots}
    label = plain.get("value", plain.get("label", min(plain.values(), default=None)))
    return Layer(kind, name, len(features) + 1 if kind == "RL" else max(len(features), 1), label, slots, base)


def _read_offsets(fields: list[str]) -> tuple[int, int]:
    """Get the offsets of a line, which count UTF-16 units of the document."""
    match = _OFFSETS.fullmatch(fields[1]) if len(fields) > 2 else None
    if not match or not _UNIT.fullmatch(fields[0]):
        raise Malformed(f"this is not the line of a token: {' '.join(fields)!r:.100}")
    return int(match[1]), int(match[2])


def _add_unit(lines: Lines, number: int, fields: list[str], start: int, end: int) -> None:
    ident, columns = fields[0], fields[3:]
    if ident in lines.units:
        raise Malformed(f"there are two lines {ident}")
    if "." not in ident:
        if start == end or (lines.tokens and start < lines.tokens[-1][1]):
            raise Malformed(f"token {ident} is empty or out of order")
        lines.tokens.append((start, end))
    cells = []
    for layer in lines.layers:
        if len(columns) < layer.columns:
            raise Malformed(f"the columns of the layer {layer.name} are missing")
        cells.append([[] if cell == "_" else _STACKED.findall(cell) for cell in columns[: layer.columns]])
        columns = columns[layer.columns :]
    lines.units[ident] = Unit(number, start, end, cells)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
