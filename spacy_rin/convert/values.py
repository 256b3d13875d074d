"""Files of annotation, read into values that each keep their place."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..errors import Errors, FileError
from .records import Malformed

_BLANKS = re.compile(r"[ \t\r\n]*")

T = TypeVar("T")


def refuse(path: Path, line: int | str, reason: object) -> NoReturn:
    """Raise the error R030 of a malformed file, with the place and what is wrong there."""
    raise FileError(Errors.R030, path=path, line=line, reason=reason) from None


def read_text(path: Path) -> str:
    """Read a UTF-8 file, without a byte order mark; ValueError R030, R033 or R034 if that can't be done."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(Errors.R033, path=path) from None
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=err.strerror) from err
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as err:
        refuse(path, content.count(b"\n", 0, err.start) + 1, "this is not UTF-8")


def read_values(path: Path) -> Iterator[tuple[str, Any]]:
    """Decode the items of a JSON list, or JSON values one after another, one by one.

    Args:
        path (Path): The file.

    Yields:
        tuple[str, Any]: The place of each item, and the item.

    Raises:
        RinError: R030, R033 or R034 if it can't be read, or is not JSON.
    """
    text = read_text(path)
    pos = _skip(text, 0)
    closing = "]" if text.startswith("[", pos) else ""  # a text that is not a list ends with nothing
    if closing:
        pos = _skip(text, pos + 1)
    number, line, counted = 0, 1, 0
    while (char := text[pos : pos + 1]) != closing:
        if closing and number:
            if char != ",":
                reason = "',' or ']' was expected" if char else "the list ends too early"
                refuse(path, text.count("\n", 0, pos) + 1, reason)
            pos = _skip(text, pos + 1)
        number += 1
        line += text.count("\n", counted, pos)
        counted = pos
        try:
            value, pos = _DECODER.raw_decode(text, pos)
        except (ValueError, RecursionError) as err:
            refuse(path, getattr(err, "lineno", line), f"invalid JSON, {getattr(err, 'msg', err)}")
        yield (f"{line} (record {number})" if closing else str(line)), value
        pos = _skip(text, pos)
    if closing and _skip(text, pos + 1) < len(text):
        refuse(path, text.count("\n", 0, pos) + 1, "there is more after the end of the list")


def read_records(
    parse: Callable[[str, Any], T],
    path: Path,
    source: Callable[[Path], Iterator[tuple[str, Any]]] = read_values,
) -> Iterator[T]:
    """Parse the values of a file one by one.

    Args:
        parse (Callable[[str, Any], T]): Makes a record of the place of a value and the value.
        path (Path): The file.
        source (Callable[[Path], Iterator[tuple[str, Any]]]): Gives the values of a file, with their places.

    Yields:
        T: The records.

    Raises:
        RinError: R030, R033 or R034 if the file can't be read, or a record is malformed.
    """
    for line, value in source(path):
        try:
            record = parse(line, value)
        except Malformed as err:
            refuse(path, line, err)
        yield record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of it")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _skip(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos
