"""Commands `spacy rin ...`.

spaCy imports this module on every call of its command line (entry point group `spacy_cli`), so everything that a
command needs is imported when it runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from spacy.cli._util import Arg, Opt, app
from wasabi import msg

if TYPE_CHECKING:
    from spacy.language import Language

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
    tagger: Annotated[Optional[str], Opt("--tagger", "-t", help="Pipeline to tag texts that have no tags")] = None,
    attr: Annotated[str, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]")] = "relations",
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
        docs, report = convert(
            input_path, format, lang=lang, entity_label=entity_label, last_word=last_word, tagger=tagger, attr=attr
        )
        write_docs(docs, output_path)
    _show_report(report)
    msg.good(f"Wrote {output_path}")


@rin_cli.command("evaluate", no_args_is_help=True)
def evaluate_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    data_path: Annotated[Path, Arg(help="File with gold annotation (.spacy)")],
    output_path: Annotated[Optional[Path], Opt("--output", "-o", help="File for the scores as JSON")] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Score the entities and relations of a pipeline, relation by relation.

    Exact match: the relation and both whole entities are right. Partial match: the relation and the heads of both
    entities are right. Every gold triple that is not found counts as missed.

    Example: spacy rin evaluate training/model-best corpus/test.spacy --output metrics.json
    """
    import srsly

    from .corpus import create_corpus_reader
    from .errors import Errors

    with _coded_errors():
        nlp = _load(model, gpu_id)
        if not data_path.exists():
            raise ValueError(Errors.R033.format(path=data_path))
        scores = nlp.evaluate(list(create_corpus_reader(data_path)(nlp)))
        if scores.get("rel_exact_f") is None:
            raise ValueError(Errors.R036.format(path=data_path))
    rows = [
        (title, *(_percent(scores.get(f"{key}_{letter}")) for letter in "prf"))
        for title, key in [
            ("relations, exact", "rel_exact"),
            ("relations, partial", "rel_partial"),
            ("entities", "ents"),
        ]
    ]
    header, aligns = ("", "P", "R", "F1"), ("l", "r", "r", "r")
    msg.table(rows, header=header, aligns=aligns, divider=True)
    per_type = scores.get("rel_exact_per_type") or {}
    rows = [(label, *(_percent(prf[letter]) for letter in "prf")) for label, prf in per_type.items()]
    msg.table(rows, header=("relation, exact", *header[1:]), aligns=aligns, divider=True)
    if output_path is not None:
        output_path.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output_path, scores)
        msg.good(f"Wrote {output_path}")


@rin_cli.command("extract", no_args_is_help=True)
def extract_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    input_path: Annotated[Path, Arg(help="File with one text a line")],
    output_path: Annotated[Optional[Path], Arg(help="File to write (.jsonl); without it, triples are shown")] = None,
    batch_size: Annotated[int, Opt("--batch-size", "-b", min=1, help="Texts in a batch")] = 256,
    n_process: Annotated[int, Opt("--n-process", "-n", min=-1, help="Number of processes, -1 for all cores")] = 1,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Extract entities and relations from raw texts, one a line.

    The output can be corrected and learned from: it is in the format jsonl of `spacy rin convert`, with scores.

    Example: spacy rin extract training/model-best texts.txt triples.jsonl
    """
    import srsly

    from .convert import finished_file, read_text
    from .errors import Errors
    from .extract import extract

    with _coded_errors():
        nlp = _load(model, gpu_id)
        texts = filter(str.strip, read_text(input_path).split("\n"))
        rows = extract(nlp, texts, batch_size=batch_size, n_process=n_process)
        if output_path is None:
            for row in rows:
                _show_triples(row)
            return
        if output_path.resolve() == input_path.resolve():
            raise ValueError(Errors.R034.format(path=output_path, reason="the output would overwrite the input"))
        with finished_file(output_path) as unfinished:
            srsly.write_jsonl(unfinished, rows)
    msg.good(f"Wrote {output_path}")


def _load(model: str, gpu_id: int) -> "Language":
    import spacy
    from spacy.cli._util import setup_gpu

    setup_gpu(gpu_id, silent=True)
    try:
        return spacy.load(model)
    except OSError as err:
        msg.fail(f"Can't load the pipeline '{model}'", str(err), exits=1)
        raise


def _percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _show_triples(row: dict[str, Any]) -> None:
    typer.echo(row["text"])
    names = [row["text"][start:end] for start, end, _ in row["entities"]]
    for (subject, label, object_), score in zip(row["relations"], row["scores"]):
        typer.echo(f"  ({names[subject]}, {label}, {names[object_]})  {score:.2f}")


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


@contextmanager
def _coded_errors() -> Iterator[None]:
    """Show errors in the user's input as a message; any other error is a bug and keeps its traceback."""
    try:
        yield
    except ValueError as err:
        if not str(err).startswith("[R"):
            raise
        msg.fail(str(err), exits=1)
