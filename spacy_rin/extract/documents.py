"""Stream texts from files, folders and standard input, without holding them all in memory."""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..characters import is_unicode
from ..errors import Errors, FileError, SettingError
from ..files import input_files, reason_of, require_existing, walk_files
from .parsing import Document, read_csv, read_json_lines, read_lines, read_parquet, read_texts, read_whole

__all__ = [
    "INPUT_FORMATS",
    "PLAIN_FORMATS",
    "STDIN",
    "Document",
    "count_documents",
    "files_of",
    "input_format",
    "number_documents",
    "read_documents",
    "require_lines",
    "suffix_format",
]

STDIN = "-"
PLAIN_FORMATS = frozenset(("text", "folder"))  # those that have texts alone, without keys or columns
_WHOLE = (".txt",)  # suffixes of the files in a folder that are one text each
# Suffixes of files that are given by mistake, because they have no text in each line.
_NO_LINES = frozenset(
    (
        *(".json", ".spacy", ".html", ".htm", ".xml", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".xls", ".xlsx", ".ods"),
        *(".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".tar", ".7z"),
    )
)


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
        FileError: R033 if the input does not exist, R034 if its name is not valid, or is that of a file without lines
            of text, see `require_lines`. While iterating, R034 if it can't be read, is UTF-16 or compressed, or has a
            column twice, R030 if it is a table that is cut or has an unclosed quote, and R061 if a column is missing.
        MissingPackageError: R060, while iterating, if the format is "parquet" and pyarrow is not installed.
    """
    if format is not None and format not in INPUT_FORMATS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(INPUT_FORMATS))
    if str(path) != STDIN:
        require_existing(path)
    format = input_format(path) if format is None else format
    return INPUT_FORMATS[format](path, text_key, id_key)


def number_documents(texts: Iterable[str | Document]) -> Iterator[Document]:
    """Make Documents of texts.

    Args:
        texts (Iterable[str | Document]): The texts. The id of a plain string is its position, starting at 1.

    Returns:
        Iterator[Document]: The Documents.

    Raises:
        SettingError: R010 if there is one text in place of several.
    """
    if isinstance(texts, (str, bytes, Document)):
        raise SettingError(Errors.R010, name="texts", expected="several texts, such as a list", value=texts)
    return (text if isinstance(text, Document) else Document(i, text) for i, text in enumerate(texts, 1))


def files_of(path: str | Path) -> Iterator[Path]:
    """List the files that `read_documents` reads; there are none for standard input.

    Args:
        path (str | Path): The file or folder, or "-" for standard input.

    Yields:
        Path: The files.

    Raises:
        FileError: R034 if a folder can't be read.
    """
    if str(path) != STDIN:
        yield from input_files(path, _WHOLE)


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
    with _opened(path) as file:
        return sum(not line.isspace() for _, line in read_lines(file, path))


def input_format(path: str | Path) -> str:
    """Detect the format of an input from its path.

    Args:
        path (str | Path): The file or folder, or "-" for standard input.

    Returns:
        str: A key of `INPUT_FORMATS`: "folder" for a folder, otherwise the suffix if it is known, or "text".

    Raises:
        FileError: R034 if the suffix is that of files without lines of text.
    """
    if str(path) != STDIN and os.path.isdir(path):
        return "folder"
    suffix = Path(path).suffix
    if format := suffix_format(suffix):
        return format
    require_lines(suffix, path)
    return "text"


def suffix_format(suffix: str) -> str | None:
    """Get the format that the suffix of a file stands for.

    Args:
        suffix (str): The suffix, with its dot; empty if there is none.

    Returns:
        str | None: A key of `INPUT_FORMATS` with keys or columns. None for any other suffix.
    """
    format = suffix.lower().removeprefix(".")
    format = "jsonl" if format == "ndjson" else format
    return format if format in INPUT_FORMATS.keys() - PLAIN_FORMATS else None


def require_lines(suffix: str, path: str | Path) -> None:
    """Check that files with a suffix can have a text in each line, as JSON, HTML and compressed files have not.

    Args:
        suffix (str): The suffix, with its dot; empty if there is none.
        path (str | Path): The file, for the message.

    Raises:
        FileError: R034 if they can't.
    """
    if suffix.lower() in _NO_LINES:
        reason = (
            f"a {suffix.lower()} file has no text in its lines. Convert it, for example to .txt or .jsonl. If it is "
            "something else, name the format"
        )
        raise FileError(Errors.R034, path=path, reason=reason)


# Readers of paths, one for each format


def _read_text(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    with _opened(path) as file:
        yield from read_texts(read_lines(file, path))


def _read_jsonl(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    with _opened(path) as file:
        yield from read_json_lines(read_lines(file, path), text_key, id_key)


def _read_csv(path: str | Path, text_key: str, id_key: str | None, delimiter: str = ",") -> Iterator[Document]:
    with _opened(path) as file:
        yield from read_csv(file, path, text_key, id_key, delimiter=delimiter)


def _read_parquet(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    if str(path) == STDIN:
        raise FileError(Errors.R034, path=path, reason="Parquet can't be read from standard input")
    return read_parquet(path, path, text_key, id_key)


def _read_folder(path: str | Path, text_key: str, id_key: str | None) -> Iterator[Document]:
    for number, file in enumerate(walk_files(path, _WHOLE), 1):
        ident = file.relative_to(path).as_posix()
        try:
            if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe would wait forever
                raise OSError("it is not a file")
            content = file.read_bytes()
        except OSError as err:
            yield Document(ident if is_unicode(ident) else number, "", error=reason_of(err))
        else:
            yield read_whole(content, number, ident)


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
