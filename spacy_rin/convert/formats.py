"""The formats by name, each with its reader, and how the format of a file is recognised."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import Errors, FileError
from .brat import is_ann_line, read_brat
from .datasets import parse_casrel, parse_copy_re, parse_copy_re_ids, parse_jointer, parse_spert, read_ids
from .jsonl import parse_jsonl
from .label_studio import read_label_studio
from .prodigy import parse_prodigy
from .quotes import QuotedText
from .records import Broken, Malformed, Note, Record, Skipped, Text
from .surfaces import SurfaceText
from .values import Source, read_records, refuse

AUTO = "auto"  # in place of a format: the one that is recognised

Converter = Callable[[Source], Iterator[Record | Text | QuotedText | SurfaceText | Skipped | Broken | Note]]

CONVERTERS: dict[str, Converter] = {
    "jsonl": partial(read_records, parse_jsonl),
    "prodigy": partial(read_records, parse_prodigy),
    "label_studio": read_label_studio,
    "brat": read_brat,
    "spert": partial(read_records, parse_spert),
    "jointer": partial(read_records, parse_jointer),
    "casrel": partial(read_records, parse_casrel),
    "copy_re": partial(read_records, parse_copy_re),
    "copy_re_ids": partial(read_records, parse_copy_re_ids, values=read_ids),
}

# The keys that a record of each JSON format has, with the types of their values; [type] is a list of that type. Where
# there are several sets of keys, one is enough.
_SHAPES: dict[str, list[dict[str, Any]]] = {
    "jsonl": [{"text": str, "entities": [list], "relations": [list]}],
    "prodigy": [
        {"text": str, "spans": [dict], "relations": [dict]},
        {"text": str, "tokens": [dict], "relations": [dict]},
    ],
    "label_studio": [{"data": dict, "annotations": [dict]}],
    "spert": [{"tokens": [str], "entities": [dict], "relations": [dict]}],
    "jointer": [{"tokens": [str], "pos_tags": [str], "spo_details": [list]}],
    "casrel": [{"text": str, "triple_list": [list]}, {"text": str, "triples": [list]}],
    "copy_re": [{"sentText": str, "entityMentions": [dict], "relationMentions": [dict]}],
}


def detect(path: str | Path) -> str:
    """Recognise the format of a file or folder by its content.

    Args:
        path (str | Path): The file or folder.

    Returns:
        str: A key of `CONVERTERS`.

    Raises:
        FileError: R041 if no format fits, R042 if several do, R032 if the file is empty; R030, R033 or R034 if it is
            malformed, does not exist or can't be read.
    """
    return detect_source(Source(path))


def detect_source(source: Source) -> str:
    """Recognise a format, as `detect` does, and leave what was read in the source for the reader of the format.

    Args:
        source (Source): The file or folder.

    Returns:
        str: A key of `CONVERTERS`.

    Raises:
        FileError: As `detect`.
    """
    path = source.path
    if path.is_dir():
        if any(path.rglob("*.ann")):
            return "brat"
        raise FileError(Errors.R041, path=path, seen="it is a folder without .ann files")
    start = source.content.removeprefix("\ufeff").strip()[:30]
    candidates = {"brat"} if _is_brat(source) else set()
    if start.startswith(("{", "[")):
        try:
            candidates |= _json_formats(source)
        except FileError:
            # The text of a brat file may start with a bracket, too.
            if not candidates:
                raise
    elif not start and not candidates:
        raise FileError(Errors.R032, path=path, format=AUTO)
    if not candidates:
        raise FileError(Errors.R041, path=path, seen=f"it starts with {start!r}")
    if len(candidates) > 1:
        names = " or ".join(name for name in CONVERTERS if name in candidates)
        raise FileError(Errors.R042, path=path, formats=names)
    return candidates.pop()


def _is_brat(source: Source) -> bool:
    if source.path.suffix not in (".ann", ".txt"):
        return False
    ann = source.beside(".ann")
    if not ann.path.exists():
        return False
    # One line is enough: others can be broken, or go on with the quote of a line.
    lines = [line for line in ann.content.removeprefix("\ufeff").split("\n") if line.strip()]
    return not lines or any(map(is_ann_line, lines))


def _json_formats(source: Source) -> set[str]:
    """Return the formats that fit all records so far, reading records until at most one format is left."""
    candidates = {*_SHAPES, "copy_re_ids"}
    line = malformed = None
    for line, value in source.peek():
        if isinstance(value, Malformed):
            malformed = malformed or (line, value)
            continue
        candidates &= _formats_of(value)
        if not candidates:
            raise FileError(Errors.R041, path=source.path, seen=f"the record in line {line} {_describe(value)}")
        if len(candidates) == 1:
            return candidates
    if malformed:
        refuse(source.path, *malformed)
    if line is None:
        raise FileError(Errors.R032, path=source.path, format=AUTO)
    return candidates


def _formats_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name for name, shapes in _SHAPES.items() if any(_has_shape(value, shape) for shape in shapes)}
    is_list_of_ids = isinstance(value, list) and all(
        isinstance(item, list) and all(type(number) is int for number in item) for item in value
    )
    return {"copy_re_ids"} if is_list_of_ids else set()


def _has_shape(record: dict[str, Any], shape: dict[str, Any]) -> bool:
    return all(_has_type(record.get(key), kind) for key, kind in shape.items())


def _has_type(value: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        return isinstance(value, list) and all(isinstance(item, kind[0]) for item in value)
    return isinstance(value, kind)


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"has the keys {', '.join(map(repr, value)):.200}" if value else "is an empty object"
    return f"is {value!r:.60}"
