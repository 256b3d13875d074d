"""Extract triples from large collections of texts."""

from .documents import Document
from .facts import FactSummary, merge_facts, normal_form
from .frames import SPARK_SCHEMA, BatchExtractor, spark
from .rows import doc_to_row
from .run import Summary, check_output, extract, extract_file
from .sharded import ShardSummary, extract_shards

__all__ = [
    "SPARK_SCHEMA",
    "BatchExtractor",
    "Document",
    "FactSummary",
    "ShardSummary",
    "Summary",
    "check_output",
    "doc_to_row",
    "extract",
    "extract_file",
    "extract_shards",
    "merge_facts",
    "normal_form",
    "spark",
]
