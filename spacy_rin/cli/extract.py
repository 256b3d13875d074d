"""`spacy rin extract`."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, read_keys, refuse_options, rin_cli, stoppable
from .screen import echo, msg

if TYPE_CHECKING:
    from ..extract.run import Summary


# A name in quotes, in which a double quote is written twice, or without
_NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^,]*))\s*(?:,|$)')
RESUME = "Stopped. Start the same command again to resume."


@rin_cli.command("extract", no_args_is_help=True)
def extract_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    input_path: Annotated[
        str, Arg(help="Texts: a file, a folder, or - for standard input; with --engine also a pattern or an address")
    ],
    output_path: Annotated[
        str | None, Arg(help="File to write or replace, or folder with --engine. If not given, print triples")
    ] = None,
    format: Annotated[
        str | None,
        Opt("--format", "-f", help="jsonl, csv, tsv, parquet, nt, ttl, graphml or neo4j. Default: output suffix"),
    ] = None,
    input_format: Annotated[
        str | None,
        Opt("--input-format", "-i", help="text, jsonl, csv, tsv, parquet or folder. Default: input suffix"),
    ] = None,
    text_key: Annotated[str | None, Opt("--text-key", help="Key or column of the text. Default: 'text'")] = None,
    id_key: Annotated[str | None, Opt("--id-key", help="Key or column of the id. Default: 'id', if it exists")] = None,
    min_score: Annotated[float, Opt("--min-score", "-s", min=0, max=1, help="Lowest probability of a triple")] = 0.0,
    relations: Annotated[
        str | None, Opt("--relations", "-r", help="Relations to keep, separated by commas; those with commas in quotes")
    ] = None,
    base: Annotated[str | None, Opt("--base", help="Prefix of IRIs (nt, ttl). Default: https://example.org/")] = None,
    provenance: Annotated[bool, Opt("--provenance", help="Also write scores and sources (nt, ttl)")] = False,
    batch_size: Annotated[int, Opt("--batch-size", "-b", min=1, help="Texts in a batch")] = 256,
    n_process: Annotated[int, Opt("--n-process", "-n", min=-1, help="Number of processes, -1 for all cores")] = 1,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU; see --num-gpus for ray")] = -1,
    engine: Annotated[
        str | None, Opt("--engine", "-e", help="processes or ray: read in shards, and write a folder of Parquet files")
    ] = None,
    workers: Annotated[
        int | None, Opt("--workers", "-w", min=1, help="Workers of the engine. Default: all CPUs")
    ] = None,
    address: Annotated[str | None, Opt("--address", help="Address of a Ray cluster. Default: this machine")] = None,
    num_gpus: Annotated[float, Opt("--num-gpus", min=0, help="GPUs of each worker (ray)")] = 0,
    shard_size: Annotated[
        int | None, Opt("--shard-size", min=1, help="Bytes of text in a shard (engines). Default: 4000000")
    ] = None,
    entities: Annotated[bool, Opt("--entities", help="Also write the entities of all texts (engines)")] = False,
    overwrite: Annotated[bool, Opt("--overwrite", help="Discard the results of an interrupted or other run")] = False,
    strict: Annotated[bool, Opt("--strict", help="Exit with code 1 if any document fails, not only if all do")] = False,
) -> None:
    """
    Extract entities and relations from raw texts. The input may be larger than the memory.

    The input is a file with one text per line, a jsonl, csv, tsv or parquet file with a key or column "text", or a
    folder of .txt files. The output formats are jsonl, tables of the triples, and graphs of the triples. The jsonl
    output can be corrected and used for training: it is the format of `spacy rin convert`, with scores.

    To resume a stopped run, start the same command again. Results are stored in OUTPUT.journal.jsonl until the run is
    complete. Documents that fail are listed in OUTPUT.errors.jsonl, with the reason.

    With --engine, a large input is cut into shards, which many workers read. The output is a folder with a Parquet file
    of triples for each shard. A run that stopped, or lost workers, goes on in the same way.

    Example: spacy rin extract training/model-best texts.txt triples.jsonl
    """
    from ..extract.documents import read_documents
    from ..extract.run import check_output, extract, extract_file
    from ..extract.workers import ending_workers

    options: dict[str, Any] = {
        "min_score": min_score,
        "relations": None if relations is None else _split(relations),
        "batch_size": batch_size,
        "n_process": n_process,
    }
    given: dict[str, Any] = {
        "--workers": workers,
        "--shard-size": shard_size,
        "--entities": entities,
        "--overwrite": overwrite,
    }
    given |= {"--address": address, "--num-gpus": num_gpus, "--gpu-id": gpu_id >= 0, "--n-process": n_process != 1}
    given |= {"--format": format, "--base": base, "--provenance": provenance}
    with coded_errors():
        _check_options({name for name, value in given.items() if value}, engine, output_path, format)
        source: dict[str, Any] = read_keys(text_key, id_key, partial(_formats, input_path, input_format, engine))
        if engine is not None:
            options.pop("n_process")
            options |= {"input_format": input_format, "gpu_id": gpu_id, "overwrite": overwrite, "entities": entities}
            options |= {"workers": workers, "address": address, "num_gpus": num_gpus}
            options |= {} if shard_size is None else {"shard_size": shard_size}
            n_documents, failed = _extract_shards(model, input_path, output_path, engine, **source, **options)
        elif output_path is None:
            documents = read_documents(input_path, input_format, **source)
            rows = extract(load_pipeline(model, gpu_id), documents, failures=True, **options)
            with stoppable("Stopped.", workers=n_process != 1), ending_workers():
                shown = [_show_triples(row, named=Path(input_path).is_dir()) for row in rows]
            n_documents, failed = len(shown), shown.count(False)
            if failed:
                msg.warn(f"Documents that failed: {failed:,}")
        else:
            iris = {} if base is None else {"base": base}
            check_output(input_path, Path(output_path), format, **iris)
            nlp = load_pipeline(model, gpu_id)
            options |= {"input_format": input_format, "format": format, "provenance": provenance, **iris}
            with stoppable(RESUME, workers=n_process != 1):
                summary = extract_file(
                    nlp, input_path, output_path, overwrite=overwrite, progress=True, **source, **options
                )
            n_documents, failed = summary.documents, summary.failed
            _show_summary(summary, Path(output_path))
    if not n_documents:
        msg.warn(f"{input_path} has no texts")
    # If all documents failed, the input is probably the wrong file.
    if failed and (strict or failed == n_documents):
        raise typer.Exit(1)


def _split(names: str) -> list[str]:
    """Split names at commas. Those in double quotes are taken as they are."""
    found = [(quoted.replace('""', '"'), plain.strip()) for quoted, plain in _NAME.findall(names)]
    return [quoted or plain for quoted, plain in found if quoted or plain] or [names]


def _check_options(given: set[str], engine: str | None, output_path: str | None, format: str | None) -> None:
    """Refuse options that would have no effect."""
    from ..extract.writers import OUTPUT_FORMATS, choose_format

    rdf = ["--base", "--provenance"]
    useless: dict[str, list[str]] = {}
    if engine is None:
        useless["without --engine"] = ["--workers", "--shard-size", "--entities", "--address", "--num-gpus"]
    else:
        useless["with --engine"] = ["--format", *rdf, "--n-process"]
        of_others = {"ray": ["--gpu-id"], "processes": ["--address", "--num-gpus"]}
        useless[f"with --engine {engine}"] = of_others.get(engine, [])
    if engine is None and output_path is None:
        useless["without an output"] = ["--format", *rdf, "--overwrite"]
    elif engine is None and output_path is not None and given.intersection(rdf):
        format = choose_format(output_path, format, OUTPUT_FORMATS)
        if OUTPUT_FORMATS[format].package != "rdflib":
            useless[f"with the format {format}"] = rdf
    for how, options in useless.items():
        refuse_options(how, {name: name in given for name in options})


def _formats(path: str, format: str | None, engine: str | None) -> set[str]:
    """Find the formats of the input."""
    from ..extract.documents import input_format
    from ..extract.shards import formats_of

    if format is not None:
        return {format}
    return {input_format(path)} if engine is None else formats_of(path)


def _extract_shards(
    model: str, input_address: str, output_address: str | None, engine: str, **options: Any
) -> tuple[int, int]:
    """Extract in shards. Return the numbers of documents, and of those that failed."""
    from ..extract.sharded import extract_shards

    if output_address is None:
        msg.fail("--engine needs an output: the folder to write", exits=1)
    with stoppable(RESUME):
        summary = extract_shards(model, input_address, output_address, engine=engine, progress=True, **options)
    counts = [
        ("documents", summary.documents),
        ("  failed", summary.failed),
        ("triples", summary.triples),
        ("shards", summary.shards),
        ("  done by a stopped run", summary.resumed),
        ("  failed", len(summary.failed_shards)),
    ]
    msg.table([(name, f"{count:,}") for name, count in counts], aligns=("l", "r"))
    if summary.failed:
        msg.warn(f"Documents that failed: {summary.failed:,}. The reasons are in {output_address}/ID.errors.jsonl")
    if summary.failed_shards:
        ident, reason = next(iter(summary.failed_shards.items()))
        msg.fail(f"Shards that failed: {len(summary.failed_shards):,}, e.g. {ident}", reason)
        echo("Start the same command again to try them again.")
        raise typer.Exit(1)
    msg.good(f"Wrote {output_address}")
    return summary.documents, summary.failed


def _show_triples(row: dict[str, Any], *, named: bool) -> bool:
    """Print the triples of a document, or why it failed; with its id, if that is a name. Return True if it did not
    fail."""
    if "error" in row:
        echo(f"{row['id']}: {row['error']}", err=True)
        return False
    echo(f"{row['id']}: {row['text']}" if named else row["text"])
    names = [row["text"][start:end] for start, end, _ in row["entities"]]
    for (subject, label, object_), score in zip(row["relations"], row["scores"]):
        echo(f"  ({names[subject]}, {label}, {names[object_]})  {score:.2f}")
    return True


def _show_summary(summary: "Summary", path: Path) -> None:
    counts = {
        "documents": summary.documents,
        "  failed": summary.failed,
        "  done by a stopped run": summary.resumed,
        "triples": summary.triples,
    }
    msg.table([(name, f"{count:,}") for name, count in counts.items()], aligns=("l", "r"))
    if summary.failed:
        msg.warn(f"Documents that failed: {summary.failed:,}. The reasons are in {summary.errors_path}")
    msg.good(f"Wrote {path}")
