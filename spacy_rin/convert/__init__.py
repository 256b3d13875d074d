"""Annotated texts, read into Docs.

Data flows one way, a room a step:

- `files`: a file is decoded into values, each with its place.
- `jsonl`, `prodigy`, `label_studio`, `brat`, `datasets`: the reader of a format turns each value into a `Record`, whose
  annotation is by tokens, or a `Text`, where it is by characters.
- `quotes`: what the offsets of a tool count, told by the text that they quote.
- `formats`: the readers by name, and which of them a file is for.
- `align`: a Text becomes a Record, whole or sentence by sentence.
- `docs`: a Record becomes a Doc, and is counted.
- `split`: Docs are divided into train, dev and test.

A new format needs a reader only, and its lines in `formats`.
"""

from ..files import finished_file
from .docs import Loss, Report, convert, make_doc, write_docs
from .formats import AUTO, CONVERTERS, detect
from .records import Record, Text
from .split import split_docs, write_parts
from .values import read_text

__all__ = [
    "AUTO",
    "CONVERTERS",
    "Loss",
    "Record",
    "Report",
    "Text",
    "convert",
    "detect",
    "finished_file",
    "make_doc",
    "read_text",
    "split_docs",
    "write_docs",
    "write_parts",
]
