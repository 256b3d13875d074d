"""`spacy rin export`."""

from pathlib import Path
from typing import Annotated

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, refuse_options, rin_cli
from .screen import msg

FORMATS = "jsonl, prodigy, label_studio, brat, spert, glirel or gliner2"


@rin_cli.command("export", no_args_is_help=True)
def export_cli(
    data_path: Annotated[Path, Arg(help="File with annotated texts (.spacy), or folder of such files")],
    output_path: Annotated[Path, Arg(help="File to write, e.g. tasks.jsonl, or new folder for brat")],
    format: Annotated[str, Opt("--format", "-f", help=f"Format of the output: {FORMATS}")],
    model: Annotated[str | None, Opt("--model", "-m", help="Trained pipeline, to export its predictions")] = None,
    attr: Annotated[
        str | None, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]. Default: relations")
    ] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Export the entities and relations of a .spacy file to the format of an annotation tool.

    With --model, the predictions of a pipeline are exported instead of the annotation. Correct them in the tool, and
    convert them back with `spacy rin convert`. Entities and relations that the format can't represent are left out and
    counted.

    Example: spacy rin export corpus/dev.spacy dev.jsonl --format prodigy
    """
    from ..convert import check_target, export_file, write_records
    from ..pipeline.component import find_component
    from ..pipeline.corpus import corpus_files
    from ..relations import DEFAULT_ATTR

    with coded_errors():
        if model is None:
            refuse_options("without --model", {"--gpu-id": gpu_id >= 0})
        else:
            refuse_options("with --model", {"--attr": attr})
        check_target(output_path, format, corpus_files(data_path))
        nlp = load_pipeline(model, gpu_id) if model is not None else None
        records, report = export_file(data_path, format, nlp=nlp, attr=attr or DEFAULT_ATTR)
        # A person who corrects predictions may need labels that were not predicted.
        labels = find_component(nlp)[1].label_data if nlp else None
        write_records(records, output_path, format, labels=labels)
    counts = [
        ("texts", report.texts),
        ("  with unknown white space", report.unknown_spaces),
        ("entities", report.entities),
        ("  left out (overlap, same name)", report.dropped_entities),
        ("triples", report.triples),
        ("  left out (overlap, same name)", report.dropped_triples),
        *((f"left out: {what}", count) for what, count in report.left_out.items()),
    ]
    msg.table([(name, f"{count:,}") for name, count in counts], aligns=("l", "r"), max_col=60)
    msg.good(f"Wrote {output_path}")
