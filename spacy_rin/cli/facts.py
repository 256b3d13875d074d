"""`spacy rin facts`."""

from pathlib import Path
from typing import Annotated

from spacy.cli._util import Arg, Opt

from ._app import NOTHING_WRITTEN, coded_errors, rin_cli, stoppable
from .screen import msg


@rin_cli.command("facts", no_args_is_help=True)
def facts_cli(
    inputs: Annotated[list[str], Arg(help="What `extract` wrote: folders of shards, or files, or patterns")],
    output_path: Annotated[Path, Arg(help="File to write or replace, e.g. facts.parquet")],
    format: Annotated[
        str | None, Opt("--format", "-f", help="parquet, csv, tsv or jsonl. Default: output suffix")
    ] = None,
) -> None:
    """
    Merge the triples of many documents into a table of facts.

    Each fact is one row: the same triple, whatever documents state it, with the number of these documents, scores, and
    the sentence of the best. Names are the same if they differ in upper and lower case, white space and Unicode forms
    only. The input may be larger than the memory.

    Example: spacy rin facts out/ facts.parquet
    """
    from ..extract.facts import merge_facts

    with coded_errors(), stoppable(NOTHING_WRITTEN):
        summary = merge_facts(inputs, output_path, format)
    counts = {
        "triples": summary.triples,
        "documents with triples": summary.documents,
        "facts": summary.facts,
        "entities": summary.entities,
    }
    msg.table([(name, f"{count:,}") for name, count in counts.items()], aligns=("l", "r"))
    for address in summary.unfinished:
        msg.warn(f"{address} is not finished, so the facts are of a part of its documents. Start its extraction again.")
    if summary.shared:
        msg.warn(f"Ids of documents that are in several inputs: {summary.shared:,}. Each counts as one document.")
    if not summary.triples:
        msg.warn("The input has no triples")
    msg.good(f"Wrote {output_path}")
