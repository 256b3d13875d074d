"""`spacy rin extract`."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._app import coded_errors, load_pipeline, rin_cli


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

    from ..convert import finished_file, read_text
    from ..errors import Errors
    from ..extract import extract

    with coded_errors():
        nlp = load_pipeline(model, gpu_id)
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


def _show_triples(row: dict[str, Any]) -> None:
    typer.echo(row["text"])
    names = [row["text"][start:end] for start, end, _ in row["entities"]]
    for (subject, label, object_), score in zip(row["relations"], row["scores"]):
        typer.echo(f"  ({names[subject]}, {label}, {names[object_]})  {score:.2f}")
