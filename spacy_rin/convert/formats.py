"""The formats by name, each with its reader, and how the format of a file is recognised."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import Errors, FileError
from ..files import beside, walk_files
from .brat import is_ann_line, read_brat
from .datasets import parse_casrel, parse_copy_re, parse_copy_re_ids, parse_jointer, parse_spert, read_ids
from .doccano import parse_doccano
from .docred import parse_docred
from .gliner2 import TASKS as GLINER2_TASKS
from .gliner2 import parse_gliner2
from .glirel import parse_glirel
from .jsonl import parse_jsonl
from .label_studio import read_label_studio
from .prodigy import parse_prodigy
from .quotes import QuotedText
from .rebel import parse_rebel, parse_unirel
from .records import Broken, Malformed, Note, Record, Skipped, Text
from .rel_component import read_rel_component
from .surfaces import SurfaceText
from .tacred import read_tacred
from .values import Source, read_records, refuse
from .webanno_lines import is_webanno_tsv
from .webanno_tsv import read_webanno_tsv

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
    "doccano": partial(read_records, parse_doccano),
    "webanno_tsv": read_webanno_tsv,
    "rel_component": read_rel_component,
    "docred": partial(read_records, parse_docred),
    "tacred": read_tacred,
    "rebel": partial(read_records, parse_rebel),
    "unirel": partial(read_records, parse_unirel),
    "glirel": partial(read_records, parse_glirel),
    "gliner2": partial(read_records, parse_gliner2),
}

# What the names of files end with that are read in a folder, or beside a file of the same name.
_SUFFIXES = {"brat": (".ann", ".txt"), "webanno_tsv": (".tsv",), "rel_component": (".spacy",)}

# The keys that a record of each JSON format has, with the types of their values; [type] is a list with that type
# in it, or an empty one, and a dict an object with these keys. Where there are several sets of keys, one is enough.
_SHAPES: dict[str, list[dict[str, Any]]] = {
    "jsonl": [{"text": str, "entities": [list], "relations": [list]}],
    "prodigy": [
        {"text": str, "spans": [dict], "relations": [dict]},
        {"text": str, "tokens": [dict], "relations": [dict]},
    ],
    "label_studio": [{"data": dict, "annotations": [dict]}, {"data": dict, "predictions": [dict]}],
    "spert": [{"tokens": [str], "entities": [dict], "relations": [dict]}],
    "jointer": [{"tokens": [str], "pos_tags": [str], "spo_details": [list]}],
    "casrel": [{"text": str, "triple_list": [list]}, {"text": str, "triples": [list]}],
    "copy_re": [{"sentText": str, "entityMentions": [dict], "relationMentions": [dict]}],
    "doccano": [{"text": str, "entities": [{"start_offset": int, "end_offset": int}], "relations": [dict]}],
    "docred": [{"sents": [list], "vertexSet": [list]}],
    "tacred": [{"token": [str], "relation": str, "subj_start": int, "subj_end": int, "obj_start": int, "obj_end": int}],
    "rebel": [{"docid": str, "uri": str, "text": str, "entities": [dict], "triples": [dict]}],
    "unirel": [{"text": str, "relation_list": [dict]}],
    "glirel": [{"tokenized_text": [str], "ner": [list], "relations": [dict]}],
    "gliner2": [
        {text: str, output: {key: kind}}
        for text, output in (("input", "output"), ("text", "schema"))
        for key, kind in GLINER2_TASKS.items()
    ],
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
        if any(walk_files(path, (".ann",))):
            return "brat"
        tables = map(Source, walk_files(path, _SUFFIXES["webanno_tsv"]))
        if any(is_webanno_tsv(table.content.removeprefix("\ufeff")) for table in tables):
            return "webanno_tsv"
        if any(walk_files(path, _SUFFIXES["rel_component"])):
            return "rel_component"
        seen = "it is a folder without .ann files, .tsv files of WebAnno and .spacy files; convert others one by one"
        raise FileError(Errors.R041, path=path, seen=seen)
    if path.suffix.lower() == ".spacy":
        return "rel_component"
    if is_webanno_tsv(source.content.removeprefix("\ufeff")):
        return "webanno_tsv"
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


def require_file(path: Path, format: str) -> None:
    """Check that an input is no folder if its format is that of single files.

    Args:
        path (Path): The input.
        format (str): The format, a key of `CONVERTERS`.

    Raises:
        FileError: R034 if it is a folder.
    """
    if path.is_dir() and format not in _SUFFIXES:
        reason = f"it is a folder, but the format '{format}' is that of single files. Convert them one by one"
        raise FileError(Errors.R034, path=path, reason=reason)


def files_of(path: str | Path, format: str = AUTO) -> Iterator[Path]:
    """List the files that `convert` reads.

    Args:
        path (str | Path): The file, which need not exist, or the folder.
        format (str): The format, a key of `CONVERTERS`, or "auto" to recognise that of a folder.

    Yields:
        Path: The files.

    Raises:
        FileError: See `detect`.
    """
    path = Path(path)
    if path.is_dir():
        yield from walk_files(path, _SUFFIXES.get(detect(path) if format == AUTO else format, ()))
    elif format == "brat" or (format == AUTO and path.suffix.lower() in _SUFFIXES["brat"]):
        yield from (beside(path, suffix) for suffix in _SUFFIXES["brat"])
    else:
        yield path


def _is_brat(source: Source) -> bool:
    if source.path.suffix.lower() not in _SUFFIXES["brat"]:
        return False
    ann = source.beside(".ann")
    if not ann.path.exists():
        return False
    # One line is enough: others can be broken, or go on with the quote of a line.
    lines = [line for line in ann.content.removeprefix("\ufeff").split("\n") if line.strip()]
    return not lines or any(map(is_ann_line, lines))


def _json_formats(source: Source) -> set[str]:
    """Return the formats that fit all records so far, reading records until one format is left. Records that fit no
    format at all are broken: the reader of the format says how.
    """
    candidates = {*_SHAPES, "copy_re_ids"}
    line = malformed = unknown = None
    has_known = False
    for line, value in source.peek():
        if isinstance(value, Malformed):
            malformed = malformed or (line, value)
            continue
        if not (fitting := _formats_of(value)):
            unknown = unknown or (line, value)
            continue
        has_known = True
        candidates &= fitting
        if not candidates:
            raise _not_recognised(source.path, line, value)
        if len(candidates) == 1:
            return candidates
    if unknown and not has_known:
        raise _not_recognised(source.path, *unknown)
    if malformed:
        refuse(source.path, *malformed)
    if line is None:
        raise FileError(Errors.R032, path=source.path, format=AUTO)
    # If there are neither entities nor relations, a file of doccano is one of ours.
    return candidates - {"doccano"} if "jsonl" in candidates else candidates


def _not_recognised(path: Path, line: str, value: Any) -> FileError:
    return FileError(Errors.R041, path=path, seen=f"the record in line {line} {_describe(value)}")


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
    if isinstance(kind, dict):
        return isinstance(value, dict) and _has_shape(value, kind)
    if isinstance(kind, list):
        return isinstance(value, list) and (not value or any(_has_type(item, kind[0]) for item in value))
    return isinstance(value, kind)


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"has the keys {', '.join(map(repr, value)):.200}" if value else "is an empty object"
    return f"is {value!r:.60}"
