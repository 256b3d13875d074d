"""`spacy rin suggest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from spacy.cli._util import Arg, Opt

from ._app import NOTHING_WRITTEN, coded_errors, load_pipeline, read_keys, refuse_options, rin_cli, stoppable
from .screen import echo, msg

if TYPE_CHECKING:
    from ..suggest import Summary


@rin_cli.command("suggest", no_args_is_help=True)
def suggest_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    input_path: Annotated[str, Arg(help="Texts without annotation: a file, a folder, or - for standard input")],
    output_path: Annotated[Path, Arg(help="File to write, e.g. tasks.jsonl, or new folder for brat")],
    format: Annotated[str, Opt("--format", "-f", help="Annotation tool: prodigy, label_studio or brat")],
    number: Annotated[int, Opt("--number", "-n", min=1, help="How many texts to choose")] = 100,
    train_paths: Annotated[
        list[Path] | None,
        Opt("--train", "-t", help="File or folder with training data, to know what it lacks. Can be repeated"),
    ] = None,
    random: Annotated[bool, Opt("--random", help="Choose by chance, to compare with")] = False,
    seed: Annotated[int | None, Opt("--seed", help="Seed of --random. Default: 0")] = None,
    input_format: Annotated[
        str | None,
        Opt("--input-format", "-i", help="text, jsonl, csv, tsv, parquet or folder. Default: input suffix"),
    ] = None,
    text_key: Annotated[str | None, Opt("--text-key", help="Key or column of the text. Default: 'text'")] = None,
    id_key: Annotated[str | None, Opt("--id-key", help="Key or column of the id. Default: 'id', if it exists")] = None,
    batch_size: Annotated[int, Opt("--batch-size", "-b", min=1, help="Texts in a batch")] = 256,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Choose the texts whose annotation would teach a pipeline most, and write them as tasks of an annotation tool.

    The tasks have the predictions of the pipeline, so that a person corrects them. Texts are chosen that the pipeline
    is unsure of, in particular of triples of rare relations, and that are unlike each other. With --train, a
    relation is rare if it is rare in that data, and texts that are nearly the same as one of its texts are not chosen.
    The input may be larger than the memory.

    Correct the tasks in the tool, convert its export with `spacy rin convert`, add it to the training data, train
    again, and go on with the new pipeline.

    Example: spacy rin suggest training/model-best texts.jsonl tasks.jsonl --format prodigy --train corpus/train.spacy
    """
    from ..extract.documents import input_format as find_format
    from ..suggest import suggest_file
    from ..suggest.hints import hint
    from ..suggest.run import RANDOM, UNSURE, check_output

    train = train_paths or []
    with coded_errors():
        if not random:
            refuse_options("without --random", {"--seed": seed})
        keys = read_keys(text_key, id_key, lambda: {find_format(input_path) if input_format is None else input_format})
        check_output(input_path, output_path, format, train)
        nlp = load_pipeline(model, gpu_id)
        with stoppable(NOTHING_WRITTEN):
            summary = suggest_file(
                nlp,
                input_path,
                output_path,
                format,
                number,
                train=train,
                input_format=input_format,
                **keys,
                strategy=RANDOM if random else UNSURE,
                seed=seed or 0,
                batch_size=batch_size,
                progress=True,
            )
    _show(summary, number, random)
    msg.good(f"Wrote {output_path}")
    for line in hint(summary.labels, output_path, format, str(nlp.lang)).split("\n"):
        echo(line)


def _show(summary: "Summary", number: int, random: bool) -> None:
    choice, report, _ = summary
    counts = {
        "texts": choice.texts,
        "  failed": choice.failed,
        "  nearly the same as in training": choice.known,
        "tasks": report.texts,
        **({} if random else {"  that it is sure of": choice.sure}),
        "  entities": report.entities,
        "  triples": report.triples,
        "  triples left out (overlap)": report.dropped_triples,
    }
    msg.table([(name, f"{count:,}") for name, count in counts.items()], aligns=("l", "r"))
    if choice.failed:
        msg.warn(f"Texts that failed: {choice.failed:,}, the first one: {choice.error}")
    if report.texts < number:
        others = "" if random else " that differ from them"
        msg.warn(f"There are fewer than {number:,} tasks, because no other texts are left{others}")
