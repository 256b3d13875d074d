"""Cut an input into shards: parts of about the same size that are read alone, wherever and in whatever order.

The same files are always cut into the same shards, and a shard is named after what is in it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from ..characters import is_unicode
from ..errors import Errors, FileError, SettingError, require_whole
from ..files import require_utf8
from .addresses import Found, compression_suffix, find_files, open_file, read_start, takes_ranges
from .documents import INPUT_FORMATS, require_lines, suffix_format
from .parsing import BOM, Document, cut_rows, read_csv, read_json_lines, read_parquet, read_texts, read_whole

DEFAULT_SIZE = 4_000_000  # bytes of text, which take a process a minute or two


class Piece(NamedTuple):
    """A part of a file, or all of it.

    Attributes:
        address (str): Address of the file.
        name (str): Its path in the folder of the input.
        format (str): A key of `INPUT_FORMATS`. "folder" stands for a file that is one text.
        size (int | None): Size of the file, if it is known.
        modified (str): What the file system tells of its content.
        start (int): The first byte (lines) or row (Parquet).
        stop (int | None): The byte or row to stop before. None for the end of the file.
    """

    address: str
    name: str
    format: str
    size: int | None
    modified: str
    start: int = 0
    stop: int | None = None


class Shard(NamedTuple):
    """Some pieces of an input that are read together.

    Attributes:
        id (str): 20 hexadecimal digits, which depend on the pieces.
        pieces (tuple[Piece, ...]): The pieces in order.
        size (int): Bytes in the pieces, of text or of compressed files. Not a part of the id.
    """

    id: str
    pieces: tuple[Piece, ...]
    size: int = 0


def cut(address: str, format: str | None = None, *, text_key: str = "text", size: int = DEFAULT_SIZE) -> list[Shard]:
    """Cut an input into shards.

    Files with a text per line are cut at bytes, Parquet at rows and, if possible, between row groups. Files of other
    formats, compressed files, and those of web servers that send no parts stay whole. Small pieces share a shard.

    Args:
        address (str): A file, a folder, or a pattern such as "corpus/*.parquet", at any address that fsspec reads.
        format (str | None): A key of `INPUT_FORMATS`. None takes it from the suffix of each file. In a folder, a .txt
            file is one text, and files with other suffixes are left out if they have no known format.
        text_key (str): Column of the text in Parquet, whose size counts.
        size (int): Bytes of text in a shard, roughly.

    Returns:
        list[Shard]: The shards in order of the input.

    Raises:
        SettingError: R010 if the size is not valid, R031 if the format is unknown.
        FileError: R033 if there are no files, R034 or R061 if one can't be read.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    require_whole("shard_size", size, 1)
    if format is not None and format not in INPUT_FORMATS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(INPUT_FORMATS))
    known = [(file, _format(file) if format is None else format) for file in find_files(address)]
    if not any(kind for _, kind in known):
        raise FileError(Errors.R034, path=address, reason="none of its files has a known format. Name it")
    shards: list[Shard] = []
    pieces: list[Piece] = []
    weight = 0
    for file, kind in known:
        for piece, bytes_ in _cut_file(file, kind, text_key, size) if kind else ():
            if pieces and weight + bytes_ > size:
                shards.append(_shard(pieces, weight))
                pieces, weight = [], 0
            if pieces and pieces[-1][:-2] == piece[:-2] and pieces[-1].stop == piece.start:
                piece = piece._replace(start=pieces.pop().start)
            pieces.append(piece)
            weight += bytes_
    if pieces:
        shards.append(_shard(pieces, weight))
    return shards


def formats_of(address: str) -> set[str]:
    """Get the formats of the files that `cut` finds, if it is not told one.

    Args:
        address (str): A file, a folder or a pattern, see `cut`.

    Returns:
        set[str]: Keys of `INPUT_FORMATS`.

    Raises:
        FileError: R033 if there are no files, R034 if they can't be listed, or if one that is named has no lines of
            text, see `documents.require_lines`.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    return {kind for file in find_files(address) if (kind := _format(file))}


def read_shard(shard: Shard, *, text_key: str = "text", id_key: str | None = None) -> Iterator[Document]:
    """Read the documents of a shard.

    Args:
        shard (Shard): The shard.
        text_key (str): Key or column of the text.
        id_key (str | None): Key or column of the id. None uses "id" if it exists.

    Yields:
        Document: The texts in order. The id of one that has none is NAME:PLACE, with the name of its file and the
            byte (lines) or number of the row where it is. For a file that is one text, it is the name.

    Raises:
        FileError: R030, R033, R034 or R061 if a file can't be read.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    for piece in shard.pieces:
        with open_file(piece.address) as file:
            yield from _read_piece(piece, file, text_key, id_key)


def _format(file: Found) -> str:
    """Get the format of a file from its suffix; empty if it is none of ours."""
    suffix = PurePosixPath(file.name.removesuffix(compression_suffix(file.name))).suffix
    if format := suffix_format(suffix):
        return format
    if file.in_folder:
        return "folder" if suffix.lower() == ".txt" else ""
    require_lines(suffix, file.address)
    return "text"


def _cut_file(file: Found, format: str, text_key: str, size: int) -> Iterator[tuple[Piece, int]]:
    """Yield the pieces of a file with the bytes in each."""
    name = file.name if is_unicode(file.name) else ascii(file.name)
    whole = Piece(file.address, name, format, file.size, file.modified)
    if format == "parquet":
        with open_file(file.address) as table:
            for start, stop, weight in cut_rows(table, file.address, text_key, size):
                yield whole._replace(start=start, stop=stop), weight
    elif format in ("text", "jsonl") and file.size is not None and _can_cut(file, size):
        if file.size > size:  # a part does not show what its file begins with
            require_utf8(read_start(file.address, 4), file.address)
        for start in range(0, file.size, size):
            stop = min(start + size, file.size)
            yield whole._replace(start=start, stop=stop), stop - start
    else:
        yield whole, size if file.size is None else file.size


def _can_cut(file: Found, size: int) -> bool:
    """Whether a file can be read in parts. The server is asked only if there would be several."""
    return not compression_suffix(file.name) and ((file.size or 0) <= size or takes_ranges(file.address))


def _shard(pieces: Iterable[Piece], size: int) -> Shard:
    pieces = tuple(pieces)
    digest = hashlib.blake2b(json.dumps(pieces).encode("ascii"), digest_size=10)
    return Shard(digest.hexdigest(), pieces, size)


def _read_piece(piece: Piece, file: BinaryIO, text_key: str, id_key: str | None) -> Iterator[Document]:
    address, keys = piece.address, (text_key, id_key)
    label = partial(_label, piece.name)
    if piece.format == "folder":
        yield read_whole(file.read(), 0, piece.name)
    elif piece.format == "text":
        yield from read_texts(_lines(piece, file), label)
    elif piece.format == "jsonl":
        yield from read_json_lines(_lines(piece, file), *keys, label)
    elif piece.format == "parquet":
        rows = None if piece.stop is None else (piece.start, piece.stop)
        yield from read_parquet(file, address, *keys, label, rows=rows)
    else:
        yield from read_csv(file, address, *keys, label, delimiter="\t" if piece.format == "tsv" else ",")


def _label(name: str, place: int) -> str:
    return f"{name}:{place}"


def _lines(piece: Piece, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that begin in a piece, with the byte where they begin."""
    place = piece.start
    if place:
        file.seek(place - 1)
        place += len(file.readline()) - 1  # the rest of a line that begins before the piece, or a line break alone
    if piece.stop is not None and place >= piece.stop:
        return
    for line in file:
        if not place:
            require_utf8(line, piece.address)
        yield place, line if place else line.removeprefix(BOM)
        place += len(line)
        if piece.stop is not None and place >= piece.stop:
            return
