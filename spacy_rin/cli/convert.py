"""`spacy rin convert`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._app import coded_errors, rin_cli

if TYPE_CHECKING:
    from ..convert import Report


@rin_cli.command("convert", no_args_is_help=True)
def convert_cli(
    input_path: Annotated[Path, Arg(help="File with annotated texts")],
    output_path: Annotated[Path, Arg(help="File to write, e.g. train.spacy")],
    format: Annotated[str, Opt("--format", "-f", help="Format: jointer, copy_re, copy_re_ids, casrel or jsonl")],
    lang: Annotated[str, Opt("--lang", "-l", help="Language code, for the tokenizer of raw text (jsonl)")] = "en",
    entity_label: Annotated[str, Opt("--entity-label", "-e", help="Label of entities without a type")] = "ENTITY",
    last_word: Annotated[bool, Opt("--last-word", "-w", help="Reduce every entity to its last token")] = False,
    tagger: Annotated[Optional[str], Opt("--tagger", "-t", help="Pipeline to tag texts that have no tags")] = None,
    attr: Annotated[str, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]")] = "relations",
) -> None:
    """
    Convert a data set with entities and relations to a .spacy file.

    Entities go to doc.spans["rin"] and, as far as they don't overlap, to doc.ents; relations go to doc._.relations.
    What can't be aligned with the tokens is reported.

    Example: spacy rin convert webnlg/train.json corpus/train.spacy --format jointer
    """
    from ..convert import convert, write_docs
    from ..errors import Errors

    with coded_errors():
        if output_path.resolve() == input_path.resolve():
            raise ValueError(Errors.R034.format(path=output_path, reason="the output would overwrite the input"))
        docs, report = convert(
            input_path, format, lang=lang, entity_label=entity_label, last_word=last_word, tagger=tagger, attr=attr
        )
        write_docs(docs, output_path)
    _show_report(report)
    msg.good(f"Wrote {output_path}")


def _show_report(report: "Report") -> None:
    counts = {
        "texts": report.docs,
        "entities": report.entities,
        "  not in doc.ents (overlap)": report.overlapping_entities,
        "  lost (not aligned)": report.lost_entities,
        "triples": report.triples,
        "  with subject = object": report.reflexive_triples,
        "  lost (not aligned)  ": report.lost_triples,
        "  duplicates left out": report.duplicate_triples,
    }
    msg.table([(name, f"{count:,}") for name, count in counts.items()], aligns=("l", "r"))
    if report.examples:
        msg.warn(f"Could not be aligned (first {len(report.examples)} of {report.lost_entities}):")
        for loss in report.examples:
            # Not `msg.text`, which breaks lines: this keeps a path and its line in one piece.
            typer.echo(f"{loss.path}:{loss.line}: {loss.reason}")
