"""Commands `spacy rin ...`.

spaCy imports this module on every call of its command line (entry point group `spacy_cli`), so everything that a
command needs is imported when it runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spacy.cli._util import Arg, Opt, app
from wasabi import msg

if TYPE_CHECKING:
    from .convert import Report

HELP = """Commands for joint entity and relation extraction (spacy-rin)."""

rin_cli = typer.Typer(name="rin", help=HELP, no_args_is_help=True, rich_markup_mode=None)
app.add_typer(rin_cli)


@rin_cli.callback()
def rin() -> None:
    # Without a callback, typer makes an app of one command that command itself.
    pass


@rin_cli.command("convert", no_args_is_help=True)
def convert_cli(
    input_path: Annotated[Path, Arg(help="File with annotated texts")],
    output_path: Annotated[Path, Arg(help="File to write, e.g. train.spacy")],
    format: Annotated[str, Opt("--format", "-f", help="Format: jointer, copy_re, copy_re_ids, casrel or jsonl")],
    lang: Annotated[str, Opt("--lang", "-l", help="Language code, for the tokenizer of raw text (jsonl)")] = "en",
    entity_label: Annotated[str, Opt("--entity-label", "-e", help="Label of entities without a type")] = "ENTITY",
    last_word: Annotated[bool, Opt("--last-word", "-w", help="Reduce every entity to its last token")] = False,
) -> None:
    """
    Convert a data set with entities and relations to a .spacy file.

    Entities go to doc.spans["rin"] and, as far as they don't overlap, to doc.ents; relations go to doc._.relations.
    What can't be aligned with the tokens is reported.

    Example: spacy rin convert webnlg/train.json corpus/train.spacy --format jointer
    """
    from .convert import convert, write_docs
    from .errors import Errors

    with _coded_errors():
        if output_path.resolve() == input_path.resolve():
            raise ValueError(Errors.R034.format(path=output_path, reason="the output would overwrite the input"))
        docs, report = convert(input_path, format, lang=lang, entity_label=entity_label, last_word=last_word)
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
            msg.text(f"{loss.path}:{loss.line}: {loss.reason}")


@contextmanager
def _coded_errors() -> Iterator[None]:
    """Show errors of the user's input as one line; any other error is a bug and keeps its traceback."""
    try:
        yield
    except ValueError as err:
        if not str(err).startswith("[R"):
            raise
        msg.fail(str(err), exits=1)
