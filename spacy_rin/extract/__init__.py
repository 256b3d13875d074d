"""Extract triples from large collections of texts."""

from .documents import Document
from .facts import FactSummary, merge_facts, normal_form
from .frames import SPARK_SCHEMA, BatchExtractor, spark
from .graphs import to_networkx
from .rows import doc_to_row, doc_triples
from .run import Summary, check_output, extract, extract_file
from .sharded import ShardSummary, extract_shards
from .triples import TripleRow

__all__ = [
    "SPARK_SCHEMA",
    "BatchExtractor",
    "Document",
    "FactSummary",
    "ShardSummary",
    "Summary",
    "TripleRow",
    "check_output",
    "doc_to_row",
    "doc_triples",
    "extract",
    "extract_file",
    "extract_shards",
    "merge_facts",
    "normal_form",
    "spark",
    "to_networkx",
]
