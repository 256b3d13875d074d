"""Extract triples from large collections of texts."""

from .documents import Document
from .rows import doc_to_row
from .run import Summary, check_output, extract, extract_file

__all__ = ["Document", "Summary", "check_output", "doc_to_row", "extract", "extract_file"]
