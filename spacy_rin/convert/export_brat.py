"""Writer of brat's standoff format: a folder with a .txt and an .ann file for each text, and the labels to offer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Span

from ..errors import Errors, RinError
from .annotation import Annotation
from .quotes import BOM

_LINE = re.compile(r"[^\r\n]+")
# brat turns other characters into "_" when it reads its configuration.
_LABEL = re.compile(r"[A-Za-z0-9_-]+")


def brat_record(annotation: Annotation) -> dict[str, Any]:
    """Make the record of a text.

    Args:
        annotation (Annotation): Its annotation.

    Returns:
        dict[str, Any]: "text", after a byte order mark if it begins with such a character itself; "entities", each with
            its type, pieces and quote; "relations", each with its label and the indices of subject and object in
            "entities".

    Raises:
        RinError: R048 if a label can't be written.
    """
    check_labels(span.label_ for span in annotation.entities)
    check_labels(label for _, label, _ in annotation.triples)
    text = annotation.doc.text
    # What comes first in a file is not taken as a part of its text, but brat counts it.
    mark = BOM if text.startswith(BOM) else ""
    return {
        "text": mark + text,
        "entities": [[span.label_, *_pieces(span, len(mark))] for span in annotation.entities],
        "relations": [[label, subject, object_] for subject, label, object_ in annotation.triples],
    }


def check_labels(labels: Iterable[str]) -> None:
    """Check that brat can hold labels.

    Args:
        labels (Iterable[str]): The labels.

    Raises:
        RinError: R048 if it can't hold one of them.
    """
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise RinError(Errors.R048, label=label)


def write_brat(records: Sequence[dict[str, Any]], folder: Path, labels: Mapping[str, Iterable[str]]) -> None:
    """Write records to a folder, with the file `annotation.conf` that brat takes labels from.

    Args:
        records (Sequence[dict[str, Any]]): The records. A "name" is that of the files; without one, they have numbers.
        folder (Path): The folder, which is made.
        labels (Mapping[str, Iterable[str]]): "entities" and "relations" to choose from, besides those of the records.

    Raises:
        OSError: If it can't be written.
    """
    folder.mkdir(exist_ok=True)
    width = len(str(len(records)))
    for number, record in enumerate(records, 1):
        name = record.get("name", f"{number:0{width}}")
        _write(folder / f"{name}.txt", record["text"])
        _write(folder / f"{name}.ann", "".join(f"{line}\n" for line in _lines(record)))
    types = {kind for record in records for kind, *_ in record["entities"]}.union(labels.get("entities", ()))
    names = {label for record in records for label, *_ in record["relations"]}.union(labels.get("relations", ()))
    sections = {
        "entities": sorted(types),
        "relations": [f"{name}\tArg1:<ENTITY>, Arg2:<ENTITY>" for name in sorted(names)],
        "events": [],
        "attributes": [],
    }
    config = "\n\n".join("\n".join([f"[{section}]", *lines]) for section, lines in sections.items())
    _write(folder / "annotation.conf", f"{config}\n")


def _lines(record: dict[str, Any]) -> list[str]:
    """Write the lines of an .ann file."""
    entities = [
        f"T{number}\t{kind} {';'.join(f'{start} {end}' for start, end in pieces)}\t{quote}"
        for number, (kind, pieces, quote) in enumerate(record["entities"], 1)
    ]
    relations = [
        f"R{number}\t{label} Arg1:T{subject + 1} Arg2:T{object_ + 1}"
        for number, (label, subject, object_) in enumerate(record["relations"], 1)
    ]
    return entities + relations


def _pieces(span: Span, before: int) -> tuple[list[list[int]], str]:
    """Cut an entity at the ends of lines, as brat does, and quote it. One of line ends alone stays whole."""
    lines = list(_LINE.finditer(span.text))
    offset = before + span.start_char
    if not lines:
        return [[offset, offset + len(span.text)]], " "
    return [[offset + line.start(), offset + line.end()] for line in lines], " ".join(line[0] for line in lines)


def _write(path: Path, content: str) -> None:
    path.write_bytes(content.encode("utf-8"))
