"""Annotated texts are read into Docs, and Docs are written in the formats of annotation tools.

Reading goes through these modules, in this order:

- `values`: a file is read once and decoded into JSON values, each with its line.
- `jsonl`, `prodigy`, `label_studio`, `brat` (with `roles`), `doccano`, `webanno_lines`, `webanno_tsv`, `rel_component`,
  `datasets`, `docred`, `tacred`, `rebel`, `glirel`, `gliner2`: the readers of the formats turn each value into a
  `Record`, whose entities are given by tokens, or a `Text`, whose entities are given by characters. What is not valid
  becomes `Broken`, and reading goes on.
- `names`: names that have no offsets are found in the text.
- `formats`: all readers by the names of their formats, and recognition of the format of a file.
- `quotes`: for the whole file, it is found out what the offsets of a tool count, by the text that it quotes.
- `surfaces`: for the whole file, entities that are given as strings are found in the texts.
- `align`: a Text becomes a Record, or a Record for each sentence.
- `docs`: a Record becomes a Doc, and is counted in a `report`.
- `split`: the Docs are split into train, dev and test.

`exporters` writes Docs in some of the formats, and `export_forms` and `export_brat` say what a text looks like in each.
`json_docs` turns one text into a Doc and back. A new format needs a reader and an entry in `formats`.
"""

from .docs import convert, make_doc, write_docs
from .export_forms import EXPORTERS
from .exporters import ExportReport, check_target, export, export_file, write_records
from .formats import AUTO, CONVERTERS, detect
from .json_docs import doc_from_json, doc_to_json
from .records import Record, Text
from .report import ConversionReport, LostAnnotation
from .split import split_docs, write_parts

__all__ = [
    "AUTO",
    "CONVERTERS",
    "EXPORTERS",
    "ConversionReport",
    "ExportReport",
    "LostAnnotation",
    "Record",
    "Text",
    "check_target",
    "convert",
    "detect",
    "doc_from_json",
    "doc_to_json",
    "export",
    "export_file",
    "make_doc",
    "split_docs",
    "write_docs",
    "write_parts",
    "write_records",
]
