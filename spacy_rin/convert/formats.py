"""The formats: the reader of each, and what tells a file of it from the others."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import Errors, FileError
from .brat import LINE_START, read_brat
from .datasets import parse_casrel, parse_copy_re, parse_copy_re_ids, parse_jointer, parse_spert, read_ids
from .jsonl import parse_jsonl
from .label_studio import parse_label_studio
from .prodigy import parse_prodigy
from .records import Record, Skipped, Text
from .values import read_records, read_text, read_values

AUTO = "auto"  # the name that stands for whatever format is recognised

Reader = Callable[[Path], Iterator[Record | Text | Skipped]]

CONVERTERS: dict[str, Reader] = {
    "jsonl": partial(read_records, parse_jsonl),
    "prodigy": partial(read_records, parse_prodigy),
    "label_studio": partial(read_records, parse_label_studio),
    "brat": read_brat,
    "spert": partial(read_records, parse_spert),
    "jointer": partial(read_records, parse_jointer),
    "casrel": partial(read_records, parse_casrel),
    "copy_re": partial(read_records, parse_copy_re),
    "copy_re_ids": partial(read_records, parse_copy_re_ids, source=read_ids),
}

# What an object must have to be a record of a JSON format, in one of these ways; [type] is a list of that.
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
        RinError: R041 if it is in none of the formats, R042 if it could be in several, R032 if there is nothing
            in it; R030, R033 or R034 if it can't be read.
    """
    path = Path(path)
    if path.is_dir():
        if any(path.rglob("*.ann")):
            return "brat"
        raise FileError(Errors.R041, path=path, seen="it is a folder without .ann files")
    text = read_text(path).strip()
    ann = path.with_suffix(".ann")
    candidates = {"brat"} if path.suffix in (".ann", ".txt") and ann.exists() and _is_ann(ann) else set()
    if text.startswith(("{", "[")):
        try:
            candidates |= _detect_json(path)
        except ValueError:
            if not candidates:
                raise
    elif not text and not candidates:
        raise FileError(Errors.R032, path=path, format=AUTO)
    if not candidates:
        raise FileError(Errors.R041, path=path, seen=f"it starts with {text[:30]!r}")
    if len(candidates) > 1:
        names = " or ".join(name for name in CONVERTERS if name in candidates)
        raise FileError(Errors.R042, path=path, formats=names)
    return candidates.pop()


def _detect_json(path: Path) -> set[str]:
    """Name the formats that the records of a file can be of: of the first, or so many that no more than one is left."""
    candidates = {*_SHAPES, "copy_re_ids"}
    line = None
    for line, value in read_values(path):
        candidates &= _formats_of(value)
        if not candidates:
            raise FileError(Errors.R041, path=path, seen=f"the record in line {line} {_describe(value)}")
        if len(candidates) == 1:
            return candidates
    if line is None:
        raise FileError(Errors.R032, path=path, format=AUTO)
    return candidates


def _formats_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name for name, shapes in _SHAPES.items() if any(_has_shape(value, shape) for shape in shapes)}
    ids = isinstance(value, list) and all(
        isinstance(item, list) and all(type(ident) is int for ident in item) for item in value
    )
    return {"copy_re_ids"} if ids else set()


def _has_shape(value: dict[str, Any], shape: dict[str, Any]) -> bool:
    for key, kind in shape.items():
        item = value.get(key)
        if isinstance(kind, list):
            if not isinstance(item, list) or not all(isinstance(part, kind[0]) for part in item):
                return False
        elif not isinstance(item, kind):
            return False
    return True


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"has the keys {', '.join(map(repr, value)):.200}" if value else "is an empty object"
    return f"is {value!r:.60}"


def _is_ann(path: Path) -> bool:
    return all(LINE_START.match(line) for line in read_text(path).split("\n") if line.strip())
