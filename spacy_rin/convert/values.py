"""Files of annotated texts, each read once, and the JSON values in them with their lines."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..errors import Errors, FileError
from ..files import reason_of, require_name
from ..strict_json import DECODER, TOO_DEEP, is_too_deep
from .records import Malformed

_T = TypeVar("_T")

_BLANKS = re.compile(r"[ \t\r\n]*")


class Source:
    """A file or folder of annotated texts. A file is read when its content is first needed, and only once.

    Attributes:
        path (Path): The file or folder.
    """

    def __init__(self, path: str | Path):
        """Name the file or folder; nothing is read yet.

        Args:
            path (str | Path): The file or folder.

        Raises:
            FileError: R034 if no file can have this name.
        """
        require_name(path)
        self.path = Path(path)
        self._beside: dict[Path, Source] = {}
        self._peeked: deque[tuple[str, Any]] = deque()

    @cached_property
    def text(self) -> str:
        """The content of the file, see `read_text`."""
        return read_text(self.path)

    def beside(self, suffix: str) -> "Source":
        """Get the file of the same name with another suffix: the same object at every call.

        Args:
            suffix (str): The suffix, with its dot.

        Returns:
            Source: The file, which need not exist; this one if it has the suffix already.
        """
        path = self.path.with_suffix(suffix)
        return self if path == self.path else self._beside.setdefault(path, Source(path))

    def values(self) -> Iterator[tuple[str, Any]]:
        """Decode the items of a JSON list, or JSON values one after another. Each is given once, then forgotten.

        Yields:
            tuple[str, Any]: The place of each value (its line), and the value.

        Raises:
            FileError: R030 if the file is not JSON or not UTF-8, R033 if it does not exist, R034 if it can't be read.
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
        return _decode(self.path, self.text)


def read_text(path: Path) -> str:
    """Read a UTF-8 file.

    Args:
        path (Path): The file.

    Returns:
        str: Its content, without a byte order mark.

    Raises:
        FileError: R030 if it is not UTF-8, R033 if it does not exist, R034 if it can't be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(Errors.R033, path=path) from None
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as err:
        refuse(path, content.count(b"\n", 0, err.start) + 1, "this is not UTF-8")


def read_records(
    parse: Callable[[str, Any], _T],
    source: Source,
    values: Callable[[Source], Iterator[tuple[str, Any]]] = Source.values,
) -> Iterator[_T]:
    """Parse the values of a file one by one.

    Args:
        parse (Callable[[str, Any], T]): Turns the place of a value, and the value, into a record.
        source (Source): The file.
        values (Callable[[Source], Iterator[tuple[str, Any]]]): Gets the values of the file, with their places.

    Yields:
        T: The records.

    Raises:
        FileError: R030 if the file or a record is malformed, R033 or R034 if the file can't be read.
    """
    for line, value in values(source):
        try:
            record = parse(line, value)
        except Malformed as err:
            refuse(source.path, line, err)
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


def _decode(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    pos = _skip_blanks(text, 0)
    # What ends the values: the bracket of the list, or without one, the end of the text.
    closing = "]" if text.startswith("[", pos) else ""
    if closing:
        pos = _skip_blanks(text, pos + 1)
    number, line, counted = 0, 1, 0
    while (char := text[pos : pos + 1]) != closing:
        if closing and number:
            if char != ",":
                reason = "',' or ']' was expected" if char else "the list ends too early"
                refuse(path, text.count("\n", 0, pos) + 1, reason)
            pos = _skip_blanks(text, pos + 1)
        number += 1
        line += text.count("\n", counted, pos)
        counted = pos
        try:
            value, pos = DECODER.raw_decode(text, pos)
            if is_too_deep(value):
                raise ValueError(TOO_DEEP)
        except (ValueError, RecursionError) as err:
            refuse(path, getattr(err, "lineno", line), f"invalid JSON, {getattr(err, 'msg', err)}")
        yield (f"{line} (record {number})" if closing else str(line)), value
        pos = _skip_blanks(text, pos)
    if closing and _skip_blanks(text, pos + 1) < len(text):
        refuse(path, text.count("\n", 0, pos) + 1, "there is more after the end of the list")


def _skip_blanks(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos
