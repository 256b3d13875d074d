"""Make documents of the content of files: lines, tables and whole files, wherever it comes from.

A text that can't be read becomes a Document with an `error`, so that one bad text doesn't stop a large run.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import chain, count
from math import isnan
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .. import strict_json
from ..characters import is_unicode
from ..errors import Errors, FileError, MissingPackageError, RinError
from ..files import reason_of, require_utf8

MAX_FIELD = 100_000_000  # characters in a CSV field; Python's default of 131,072 is too low for long documents

BOM = b"\xef\xbb\xbf"
_PARQUET_ROWS = 1024  # rows to read at a time
_PARQUET_BUFFER = 1 << 20  # bytes to read at a time, of each column


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


# Makes the id of a document that has none of its own, from its place in the file.
Label = Callable[[int], int | str]


def read_lines(file: Iterable[bytes], path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Number the lines of a file from 1, without the byte order mark.

    Args:
        file (Iterable[bytes]): The lines.
        path (str | Path): Its name, for messages.

    Yields:
        tuple[int, bytes]: The lines with their numbers.

    Raises:
        FileError: R034 if it is UTF-16.
    """
    for number, line in enumerate(file, 1):
        if number == 1:
            require_utf8(line, path)
            line = line.removeprefix(BOM)
        yield number, line


def read_texts(lines: Iterable[tuple[int, bytes]], label: Label = int) -> Iterator[Document]:
    """Read a text from each line.

    Args:
        lines (Iterable[tuple[int, bytes]]): The lines with their places.
        label (Label): Makes the ids.

    Yields:
        Document: The texts. Blank lines are skipped.
    """
    for place, line in lines:
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if text and not text.isspace():
            yield make_document(label(place), text)


def read_json_lines(
    lines: Iterable[tuple[int, bytes]], text_key: str, id_key: str | None, label: Label = int
) -> Iterator[Document]:
    """Read a JSON object from each line.

    Args:
        lines (Iterable[tuple[int, bytes]]): The lines with their places.
        text_key (str): Key of the text.
        id_key (str | None): Key of the id. None is "id".
        label (Label): Makes the ids of documents without one.

    Yields:
        Document: The texts. Blank lines are skipped.
    """
    for place, line in lines:
        if not line.strip():
            continue
        try:
            data = strict_json.loads(line.decode("utf-8"))
        except ValueError as err:
            yield Document(label(place), "", error=f"invalid JSON: {err}")
            continue
        if isinstance(data, dict):
            yield make_document(label(place), data.get(text_key), data.get(id_key or "id"), data.get("meta"), text_key)
        else:
            yield Document(label(place), "", error=f"an object was expected, not {data!r:.60}")


def read_csv(
    file: BinaryIO, path: str | Path, text_key: str, id_key: str | None, label: Label = int, *, delimiter: str = ","
) -> Iterator[Document]:
    """Read a text from each row of a CSV file.

    Args:
        file (BinaryIO): The file.
        path (str | Path): Its name, for messages.
        text_key (str): Column of the text.
        id_key (str | None): Column of the id. None uses "id" if it exists.
        label (Label): Makes the ids of documents without one, from the number of the row.
        delimiter (str): What separates cells.

    Yields:
        Document: The texts.

    Raises:
        FileError: R030 if a quote is not closed, R061 if a column is missing, R034 if it is there twice, or if the file
            is UTF-16.
    """
    csv.field_size_limit(MAX_FIELD)
    lines = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    try:
        first = lines.readline()
        require_utf8(first.encode("utf-8", "surrogateescape"), path)
        # Strictly: a quote at a wrong place would hide the ends of cells and rows.
        rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        try:
            header = next(rows, [])
        except csv.Error as err:
            raise FileError(Errors.R030, path=path, line=1, reason=f"invalid CSV: {err}") from err
        id_column = find_id_column(path, header, text_key, id_key)
        idents = map(label, count(1))
        while True:
            line = rows.line_num + 1
            try:
                cells = next(rows, None)
            except csv.Error as err:
                # A row that goes on for lines has a quote without its end, as far as can be known, and hides others.
                if rows.line_num > line:
                    reason = f"invalid CSV: in the row that begins here, a quote is not closed properly ({err})"
                    raise FileError(Errors.R030, path=path, line=line, reason=reason) from err
                yield Document(next(idents), "", error=f"invalid CSV in line {line}: {err}")
                continue
            if cells is None:
                return
            if any(cells[len(header) :]):
                error = f"line {line} has {len(cells)} cells, but the header {len(header)}: is a quote missing?"
                yield Document(next(idents), "", error=error)
            elif cells:
                row = dict(zip(header, cells))
                ident = None if id_column is None else row.get(id_column)
                yield make_document(next(idents), row.get(text_key), ident, text_key=text_key)
    finally:
        lines.detach()  # or it would close the file, which is the caller's


def read_parquet(
    source: BinaryIO | str | Path,
    path: str | Path,
    text_key: str,
    id_key: str | None,
    label: Label = int,
    *,
    rows: tuple[int, int] | None = None,
) -> Iterator[Document]:
    """Read a text from each row of a Parquet file.

    Args:
        source (BinaryIO | str | Path): The file or its path.
        path (str | Path): Its name, for messages.
        text_key (str): Column of the text.
        id_key (str | None): Column of the id. None uses "id" if it exists.
        label (Label): Makes the ids of documents without one, from the number of the row.
        rows (tuple[int, int] | None): The first row to read, from 0, and the one to stop before. None reads all.

    Yields:
        Document: The texts.

    Raises:
        FileError: R034 if the file can't be read or has a column twice, R061 if one is missing.
        MissingPackageError: R060 if pyarrow is not installed.
    """
    with _opened_parquet(source, path) as table:
        id_column = find_id_column(path, table.schema_arrow.names, text_key, id_key)
        columns = [text_key] if id_column is None else [text_key, id_column]
        first, last = rows or (0, table.metadata.num_rows)
        groups, place = _row_groups(table.metadata, first, last)
        for batch in table.iter_batches(_PARQUET_ROWS, row_groups=groups, columns=columns):
            start, stop = max(first - place, 0), min(last - place, len(batch))
            if start < stop:
                rows_of_batch = zip(*(batch.column(name)[start:stop] for name in columns))
                for number, cells in enumerate(rows_of_batch, place + start + 1):
                    yield _parquet_document(label(number), cells, text_key)
            place += len(batch)
            if place >= last:
                return


def cut_rows(source: BinaryIO, path: str | Path, text_key: str, size: int) -> Iterator[tuple[int, int, int]]:
    """Cut a Parquet file into ranges of rows: row groups, or parts of those that are large.

    Args:
        source (BinaryIO): The file.
        path (str | Path): Its name, for messages.
        text_key (str): Column of the text.
        size (int): Bytes of text in a range, roughly.

    Yields:
        tuple[int, int, int]: The first row, the row to stop before, and the bytes of text between them.

    Raises:
        FileError: R034 if the file can't be read or has a column twice, R061 if it has no such column.
        MissingPackageError: R060 if pyarrow is not installed.
    """
    with _opened_parquet(source, path) as table:
        find_id_column(path, table.schema_arrow.names, text_key, None)
        first = 0
        for number in range(table.metadata.num_row_groups):
            group = table.metadata.row_group(number)
            columns = [group.column(i) for i in range(group.num_columns)]
            weight = sum(column.total_uncompressed_size for column in columns if column.path_in_schema == text_key)
            parts = max(1, min(group.num_rows, -(-weight // size)))
            for part in range(parts):
                start, stop = (group.num_rows * i // parts for i in (part, part + 1))
                if start < stop:
                    yield first + start, first + stop, weight // parts
            first += group.num_rows


@contextmanager
def _opened_parquet(source: BinaryIO | str | Path, path: str | Path) -> Iterator[Any]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError(Errors.R060, what="Parquet", package="pyarrow", extra="parquet") from None
    try:
        # By default, all of a row group is read at once: a large one would fill the memory, and for each of its shards.
        with parquet.ParquetFile(source, pre_buffer=False, buffer_size=_PARQUET_BUFFER) as table:
            yield table
    except RinError:
        raise
    except Exception as err:  # damaged files fail in many ways
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err


def _row_groups(metadata: Any, first: int, last: int) -> tuple[list[int], int]:
    """Find the row groups that hold a range of rows, and the row where they begin."""
    groups: list[int] = []
    begin = start = 0
    for group in range(metadata.num_row_groups):
        end = start + metadata.row_group(group).num_rows
        if start < last and end > first:
            begin = begin if groups else start
            groups.append(group)
        start = end
    return groups, begin


def _parquet_document(place: int | str, cells: Sequence[Any], text_key: str) -> Document:
    """Make the Document of a row; a cell that is no value of Python is an error of this row alone."""
    try:
        text, ident = [cell.as_py() for cell in cells] if len(cells) > 1 else (cells[0].as_py(), None)
    except Exception as err:
        return Document(place, "", error=f"a value can't be read: {reason_of(err)}")
    return make_document(place, text, ident, text_key=text_key)


def read_whole(content: bytes, number: int, ident: str) -> Document:
    """Read a file as one text.

    Args:
        content (bytes): The content of the file.
        number (int): The id if `ident` can't be one.
        ident (str): The id.

    Returns:
        Document: The text.
    """
    return make_document(number, content.removeprefix(BOM).decode("utf-8", "surrogateescape"), ident)


# Helpers of the readers


def make_document(
    number: int | str, text: Any, ident: Any = None, meta: Any = None, text_key: str = "text"
) -> Document:
    """Make a Document of raw values. If they are not valid, its `error` says why.

    Args:
        number (int | str): The id if it has none.
        text (Any): The text.
        ident (Any): The id. None, NaN and "" are none.
        meta (Any): The metadata.
        text_key (str): What the text is called, for messages.

    Returns:
        Document: The document.
    """
    error = ""
    if isinstance(ident, date):
        ident = ident.isoformat()
    elif isinstance(ident, float):
        # Whole numbers become floats in a table where one is missing. Larger ones may have been rounded.
        ident = None if isnan(ident) else int(ident) if ident.is_integer() and abs(ident) < 2**53 else ident
    if ident is None or (isinstance(ident, str) and not ident):
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


def find_id_column(path: str | Path, columns: Sequence[str], text_key: str, id_key: str | None) -> str | None:
    """Check that the requested columns exist once.

    Args:
        path (str | Path): Name of the table, for messages.
        columns (Sequence[str]): Its columns.
        text_key (str): Column of the text.
        id_key (str | None): Column of the id. None is "id" if it exists.

    Returns:
        str | None: The name of the id column, if there is one.

    Raises:
        FileError: R061 if a column is missing, R034 if it is there twice.
    """
    id_column = id_key or ("id" if "id" in columns else None)
    for key in (text_key, id_column):
        if key is not None and key not in columns:
            raise FileError(Errors.R061, path=path, column=key, columns=", ".join(map(str, columns)))
        if columns.count(key) > 1:
            reason = f"it has the column '{key}' {columns.count(key)} times, so it is not clear which one is meant"
            raise FileError(Errors.R034, path=path, reason=f"{reason}. Rename the others")
    return id_column
