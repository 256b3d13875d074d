"""Stream texts from files, folders and standard input, without holding them all in memory.

A text that can't be read becomes a Document with an `error`, so that one bad text doesn't stop a large run.
"""

import csv
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from .. import strict_json
from ..characters import is_unicode
from ..errors import Errors, FileError, MissingPackageError, RinError, SettingError
from ..files import reason_of, require_existing

STDIN = "-"
MAX_FIELD = 100_000_000  # characters in a CSV field; Python's default of 131,072 is too low for long documents

_BOM = b"\xef\xbb\xbf"
_PARQUET_ROWS = 1024  # rows to read at a time


class Document(NamedTuple):
    """A text to read.

    Attributes:
        id (int | str): Identifier. By default, the position in the input, starting at 1.
        text (str): The text.
        meta (Any): Any JSON-serializable metadata of the text, or None.
        error (str): Why the text can't be read. Empty if it can.
    """

    id: int | str
    text: str
    meta: Any = None
    error: str = ""


def read_documents(
    path: str | Path,
    format: str | None = None,
    *,
    text_key: str = "text",
    id_key: str | None = None,
) -> Iterator[Document]:
    """Read the texts of a file or folder, or of standard input.

    Args:
        path (str | Path): The file or folder, or "-" for standard input.
        format (str | None): A key of `INPUT_FORMATS`. None detects it from the path, see `input_format`.
        text_key (str): Key (jsonl) or column (csv, tsv, parquet) of the text.
        id_key (str | None): Key or column of the id. None uses "id" if it exists.

    Returns:
        Iterator[Document]: The texts in order. Texts that can't be read have an `error`. Blank lines of a text or
            jsonl file are skipped.

    Raises:
        SettingError: R031 if the format is unknown.
        FileError: R033 if the input does not exist, R034 if its name is not valid. While iterating, R034 if it can't
            be read, R030 if it is a table that is cut or has an unclosed quote, and R061 if a column is missing.
        MissingPackageError: R060, while iterating, if the format is "parquet" and pyarrow is not installed.
    """
    format = input_format(path) if format is None else format
    if format not in INPUT_FORMATS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(INPUT_FORMATS))
    if str(path) != STDIN:
        require_existing(path)
    return INPUT_FORMATS[format](path, text_key, id_key)


def count_documents(path: str | Path, format: str | None = None) -> int | None:
    """Count the texts of a file for a progress bar, if that is fast.

    Args:
        path (str | Path): The file or folder, or "-" for standard input.
        format (str | None): A key of `INPUT_FORMATS`. None detects it from the path.

    Returns:
        int | None: The number of non-blank lines of a text or jsonl file. None for any other input.

    Raises:
        FileError: R034 if the file can't be read.
    """
    format = input_format(path) if format is None else format
    # Only a regular file can be read twice. Standard input and named pipes can't.
    if not os.path.isfile(path) or str(path) == STDIN or format not in ("text", "jsonl"):
        return None
    return sum(not line.isspace() for line in _lines(path))


def input_format(path: str | Path) -> str:
    """Detect the format of an input from its path.

    Args:
        path (str | Path): The file or folder, or "-" for standard input.

    Returns:
        str: A key of `INPUT_FORMATS`: "folder" for a folder, otherwise the suffix if it is known, or "text".
    """
    if str(path) != STDIN and os.path.isdir(path):
        return "folder"
    suffix = Path(path).suffix.lower().removeprefix(".")
    return suffix if suffix in ("jsonl", "csv", "tsv", "parquet") else "text"


# Readers, one for each format


def _read_text(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    for number, line in enumerate(_lines(path), 1):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if text and not text.isspace():
            yield _document(number, text)


def _read_jsonl(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            data = strict_json.loads(line.decode("utf-8"))
        except ValueError as err:
            yield Document(number, "", error=f"invalid JSON: {err}")
            continue
        if isinstance(data, dict):
            yield _document(number, data.get(text_key), data.get(id_key or "id"), data.get("meta"), text_key)
        else:
            yield Document(number, "", error=f"an object was expected, not {data!r:.60}")


def _read_csv(path: str | Path, text_key: str, id_key: str | None, delimiter: str = ",") -> Iterator[Document]:
    csv.field_size_limit(MAX_FIELD)
    with _opened(path) as file:
        lines = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
        # Strictly: a quote at a wrong place would hide the ends of cells and rows.
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            header = next(rows, [])
        except csv.Error as err:
            raise FileError(Errors.R030, path=path, line=1, reason=f"invalid CSV: {err}") from err
        id_column = _id_column(path, header, text_key, id_key)
        numbers = count(1)
        while True:
            line = rows.line_num + 1
            try:
                cells = next(rows, None)
            except csv.Error as err:
                # A row that goes on for lines has a quote without its end, as far as can be known, and hides others.
                if rows.line_num > line:
                    reason = f"invalid CSV: in the row that begins here, a quote is not closed properly ({err})"
                    raise FileError(Errors.R030, path=path, line=line, reason=reason) from err
                yield Document(next(numbers), "", error=f"invalid CSV in line {line}: {err}")
                continue
            if cells is None:
                return
            if any(cells[len(header) :]):
                error = f"line {line} has {len(cells)} cells, but the header {len(header)}: is a quote missing?"
                yield Document(next(numbers), "", error=error)
            elif cells:
                row = dict(zip(header, cells))
                ident = None if id_column is None else row.get(id_column)
                yield _document(next(numbers), row.get(text_key), ident, text_key=text_key)


def _read_parquet(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError(Errors.R060, what="Parquet", package="pyarrow", extra="parquet") from None
    if str(path) == STDIN:
        raise FileError(Errors.R034, path=path, reason="Parquet can't be read from standard input")
    try:
        with parquet.ParquetFile(path) as file:
            id_column = _id_column(path, file.schema_arrow.names, text_key, id_key)
            columns = [text_key] if id_column is None else [text_key, id_column]
            numbers = count(1)
            for batch in file.iter_batches(_PARQUET_ROWS, columns=columns):
                for cells in zip(*(batch.column(name) for name in columns)):
                    yield _parquet_document(next(numbers), cells, text_key)
    except RinError:
        raise
    except Exception as err:  # damaged files fail in many ways
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err


def _parquet_document(number: int, cells: Sequence[Any], text_key: str) -> Document:
    """Make the Document of a row; a cell that is no value of Python is an error of this row alone."""
    try:
        text, ident = [cell.as_py() for cell in cells] if len(cells) > 1 else (cells[0].as_py(), None)
    except Exception as err:
        return Document(number, "", error=f"a value can't be read: {reason_of(err)}")
    if isinstance(ident, date):
        ident = ident.isoformat()
    return _document(number, text, ident, text_key=text_key)


def _read_folder(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    numbers = count(1)

    def refuse(error: OSError) -> NoReturn:
        raise FileError(Errors.R034, path=error.filename, reason=reason_of(error)) from error

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders.sort()  # in place, which also sets the order of the walk
        for name in sorted(names):
            if not name.endswith(".txt"):
                continue
            file, number = Path(folder, name), next(numbers)
            ident = file.relative_to(path).as_posix()
            try:
                if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe would wait forever
                    raise OSError("it is not a file")
                text = file.read_bytes().removeprefix(_BOM).decode("utf-8", "surrogateescape")
            except OSError as err:
                yield Document(ident if is_unicode(ident) else number, "", error=reason_of(err))
            else:
                yield _document(number, text, ident)


Reader = Callable[[str | Path, str, str | None], Iterator[Document]]

INPUT_FORMATS: dict[str, Reader] = {
    "text": _read_text,
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": partial(_read_csv, delimiter="\t"),
    "parquet": _read_parquet,
    "folder": _read_folder,
}


# Helpers of the readers


def _document(number: int, text: Any, ident: Any = None, meta: Any = None, text_key: str = "text") -> Document:
    """Create a Document from raw values. If they are not valid, its `error` says why."""
    error = ""
    if ident is None or ident == "":
        ident = number
    elif type(ident) not in (int, str) or not is_unicode(str(ident)):
        error = f"the id must be a whole number or a string of Unicode characters, not {ident!a:.60}"
        ident = number
    if text is None:
        error = error or f"there is no '{text_key}'"
    elif not isinstance(text, str):
        error = error or f"the text must be a string, not {text!r:.60}"
    elif not text or text.isspace():
        error = error or "the text is empty"
    elif not is_unicode(text):
        error = error or "the text is not UTF-8"
    return Document(ident, "" if error else text, meta, error)


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    if str(path) == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err


def _lines(path: str | Path) -> Iterator[bytes]:
    with _opened(path) as file:
        for number, line in enumerate(file):
            yield line if number else line.removeprefix(_BOM)


def _id_column(path: str | Path, columns: Sequence[str], text_key: str, id_key: str | None) -> str | None:
    """Check that the requested columns exist, and return the name of the id column, if there is one."""
    for key in (text_key, id_key):
        if key is not None and key not in columns:
            raise FileError(Errors.R061, path=path, column=key, columns=", ".join(map(str, columns)))
    return id_key or ("id" if "id" in columns else None)
