"""Annotated texts: read into Docs, and Docs written for annotation tools.

Data flows one way, a module a step:

- `values`: a file is read once, and decoded into values, each with its place.
- `jsonl`, `prodigy`, `label_studio`, `brat`, `datasets`: the reader of a format turns each value into a `Record`, whose
  entities are given by tokens, or a `Text`, where they are given by characters.
- `quotes`: which units the offsets of a tool count, found out by the text that they quote.
- `formats`: the readers by name, and which of them a file is for.
- `align`: a Text becomes a Record, whole or sentence by sentence.
- `docs`: a Record becomes a Doc, and is counted.
- `split`: Docs are divided into train, dev and test.
- `exporters`: Docs become the records of a format.

A new format needs a reader, and its lines in `formats`.
"""

from .docs import ConversionReport, Loss, convert, make_doc, write_docs
from .exporters import EXPORTERS, ExportReport, export, export_file, write_records
from .formats import AUTO, CONVERTERS, detect
from .records import Record, Text
from .split import split_docs, write_parts

__all__ = [
    "AUTO",
    "CONVERTERS",
    "EXPORTERS",
    "ConversionReport",
    "ExportReport",
    "Loss",
    "Record",
    "Text",
    "convert",
    "detect",
    "export",
    "export_file",
    "make_doc",
    "split_docs",
    "write_docs",
    "write_parts",
    "write_records",
]
