"""Files of annotated texts, each read once, and the JSON values in them with their lines."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from json import JSONDecoder
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from ..errors import Errors, FileError
from ..files import beside, reason_of, require_name, require_utf8
from ..strict_json import DECODER, TOO_DEEP, is_too_deep
from .records import Broken, Malformed

_T = TypeVar("_T")

NOT_UTF8 = "this is not UTF-8"
_UNDECODED = re.compile("[\ud800-\udfff]")  # what Python makes of bytes that are not UTF-8, if it is told to go on

_BLANKS = re.compile(r"[ \t\r\n]*")


class Options(NamedTuple):
    """What the user says about a file that only some formats need.

    Attributes:
        text_field (str | None): The field of a task that holds its text.
        roles (Sequence[tuple[str, str]]): Pairs of roles of relations, each with the subject's first.
    """

    text_field: str | None = None
    roles: Sequence[tuple[str, str]] = ()


class _Content(str):
    """The content of a file. It counts its lines from where it last did, and not from the start of the file, as each
    error of the decoder and each message about a line does.
    """

    _lines = (0, 0)  # a place, and the line breaks before it

    def count(self, what: str, *bounds: Any) -> int:
        """Count as any string does."""
        if what != "\n" or len(bounds) != 2 or bounds[0] != 0 or not 0 <= bounds[1] <= len(self):
            return super().count(what, *bounds)
        (place, lines), end = self._lines, bounds[1]
        lines += super().count(what, place, end) - super().count(what, end, place)
        self._lines = end, lines
        return lines


class Source:
    """A file or folder of annotated texts. A file is read when its content is first needed, and only once.

    Attributes:
        path (Path): The file or folder.
        options (Options): What the user says about it.
    """

    def __init__(self, path: str | Path, options: Options = Options()):  # noqa: B008
        """Name the file or folder; nothing is read yet.

        Args:
            path (str | Path): The file or folder.
            options (Options): What the user says about it.

        Raises:
            FileError: R034 if no file can have this name.
        """
        require_name(path)
        self.path = Path(path)
        self.options = options
        self._beside: dict[Path, Source] = {}
        self._peeked: deque[tuple[str, Any]] = deque()

    @cached_property
    def content(self) -> str:
        """The content of the file, see `read_content`."""
        return _Content(read_content(self.path))

    @property
    def text(self) -> str:
        """The content of the file without a byte order mark; FileError R030 if it is not UTF-8."""
        if bad_line := find_bad_line(self.content):
            refuse(self.path, bad_line, NOT_UTF8)
        return self.content.removeprefix("\ufeff")

    def beside(self, suffix: str) -> "Source":
        """Get the file of the same name with another suffix: the same object at every call.

        Args:
            suffix (str): The suffix, with its dot.

        Returns:
            Source: The file, which need not exist; this one if it has the suffix already.
        """
        path = beside(self.path, suffix)
        return self if path == self.path else self._beside.setdefault(path, Source(path))

    def values(self) -> Iterator[tuple[str, Any]]:
        """Decode the items of a JSON list, or JSON values one after another. Each is given once, then forgotten.

        Yields:
            tuple[str, Any]: The place of each value (its line), and the value. Where a value can't be decoded, this is
                a `Malformed`. Reading goes on after it or, if its end is not clear, at the next line that begins with a
                value. In a list, it then ends, and the `Malformed` says so.

        Raises:
            FileError: R033 if the file does not exist, R034 if it can't be read.
        """
        while self._peeked:
            yield self._peeked.popleft()
        yield from self._decoded

    def peek(self) -> Iterator[tuple[str, Any]]:
        """Decode values from the next one on, as `values` does, but leave them to be given again by `values`.

        Yields:
            tuple[str, Any]: The place of each value, and the value.

        Raises:
            FileError: As `values`.
        """
        yield from tuple(self._peeked)
        for value in self._decoded:
            self._peeked.append(value)
            yield value

    @cached_property
    def _decoded(self) -> Iterator[tuple[str, Any]]:
        return _decode(self.content)


def read_content(path: Path) -> str:
    """Read a file that should be UTF-8.

    Args:
        path (Path): The file.

    Returns:
        str: Its content, with a byte order mark if it has one. Bytes that are not UTF-8 become single surrogates.

    Raises:
        FileError: R033 if it does not exist, R034 if it can't be read or is UTF-16.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(Errors.R033, path=path) from None
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err
    require_utf8(content, path)
    return content.decode("utf-8", errors="surrogateescape")


def find_bad_line(content: str, start: int = 0, end: int | None = None) -> int | None:
    """Find bytes that are not UTF-8 in what was read of a file.

    Args:
        content (str): What `read_content` read.
        start (int): Where to begin.
        end (int | None): Where to end; None for the end of the content.

    Returns:
        int | None: The number of the first line with such bytes; None if there are none.
    """
    match = _UNDECODED.search(content, start, len(content) if end is None else end)
    return content.count("\n", 0, match.start()) + 1 if match else None


def read_records(
    parse: Callable[[str, Any], _T],
    source: Source,
    values: Callable[[Source], Iterator[tuple[str, Any]]] = Source.values,
) -> Iterator[_T | Broken]:
    """Parse the values of a file one by one.

    Args:
        parse (Callable[[str, Any], T]): Turns the place of a value, and the value, into a record.
        source (Source): The file.
        values (Callable[[Source], Iterator[tuple[str, Any]]]): Gets the values of the file, with their places.

    Yields:
        T | Broken: The records.

    Raises:
        FileError: R033 or R034 if the file can't be read.
    """
    for line, value in values(source):
        try:
            if isinstance(value, Malformed):
                raise value
            record = parse(line, value)
        except Malformed as err:
            yield Broken(line, str(err), source.path)
        else:
            yield record


def refuse(path: Path, line: int | str, reason: object) -> NoReturn:
    """Raise the error of a malformed file.

    Args:
        path (Path): The file.
        line (int | str): The place of the mistake, usually a line number.
        reason (object): What is wrong there.

    Raises:
        FileError: R030, always.
    """
    raise FileError(Errors.R030, path=path, line=line, reason=reason) from None


_LENIENT = JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_NEXT_VALUE = re.compile(r"\n(?=[\[{])")


def _decode(text: str) -> Iterator[tuple[str, Any]]:
    pos = _skip_blanks(text, len("\ufeff") if text.startswith("\ufeff") else 0)
    # What ends the values: the bracket of the list, or without one, the end of the text.
    closing = "]" if text.startswith("[", pos) else ""
    if closing:
        pos = _skip_blanks(text, pos + 1)
    number = 0
    while (char := text[pos : pos + 1]) != closing:
        if closing and number:
            if char != ",":
                reason = "',' or ']' was expected" if char else "the list ends too early"
                yield _line_at(text, pos), Malformed(f"{reason}, so nothing more is read")
                return
            pos = _skip_blanks(text, pos + 1)
        number += 1
        start = pos
        line = _line_at(text, start)
        place = f"{line} (record {number})" if closing else line
        try:
            value, pos = DECODER.raw_decode(text, start)
            if is_too_deep(value):
                raise ValueError(TOO_DEEP)
        except (ValueError, RecursionError) as err:
            after = _find_end(text, start, in_list=bool(closing))
            rest = ", so nothing more is read" if closing and after is None else ""
            reason = f"invalid JSON, {getattr(err, 'msg', err)}{rest}"
            if bad_line := find_bad_line(text, start, getattr(err, "pos", start) + 1):
                yield str(bad_line), Malformed(f"{NOT_UTF8}{rest}")
            else:
                yield str(getattr(err, "lineno", line)), Malformed(reason)
            if after is None:
                return
            pos = _skip_blanks(text, after)
            continue
        bad_line = find_bad_line(text, start, pos)
        yield (str(bad_line), Malformed(NOT_UTF8)) if bad_line else (place, value)
        pos = _skip_blanks(text, pos)
    if closing and _skip_blanks(text, pos + 1) < len(text):
        yield _line_at(text, pos), Malformed("there is more after the end of the list, which is not read")


def _find_end(text: str, start: int, in_list: bool) -> int | None:
    """Find where a value that can't be decoded ends, or else where the next one begins; None if that is not clear."""
    try:
        return _LENIENT.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        match = None if in_list else _NEXT_VALUE.search(text, start)
        return match.end() if match else None


def _line_at(text: str, pos: int) -> str:
    return str(text.count("\n", 0, pos) + 1)


def _skip_blanks(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos
