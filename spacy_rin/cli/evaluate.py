"""`spacy rin evaluate`."""

from pathlib import Path
from typing import Annotated, Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._app import coded_errors, load_pipeline, percent, rin_cli


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

    from ..corpus import create_corpus_reader
    from ..errors import Errors

    with coded_errors():
        nlp = load_pipeline(model, gpu_id)
        if not data_path.exists():
            raise ValueError(Errors.R033.format(path=data_path))
        scores = nlp.evaluate(list(create_corpus_reader(data_path)(nlp)))
        if scores.get("rel_exact_f") is None:
            raise ValueError(Errors.R036.format(path=data_path))
    rows = [
        (title, *(percent(scores.get(f"{key}_{letter}")) for letter in "prf"))
        for title, key in [
            ("relations, exact", "rel_exact"),
            ("relations, partial", "rel_partial"),
            ("entities", "ents"),
        ]
    ]
    header, aligns = ("", "P", "R", "F1"), ("l", "r", "r", "r")
    msg.table(rows, header=header, aligns=aligns, divider=True)
    per_type = scores.get("rel_exact_per_type") or {}
    rows = [(label, *(percent(prf[letter]) for letter in "prf")) for label, prf in per_type.items()]
    msg.table(rows, header=("relation, exact", *header[1:]), aligns=aligns, divider=True)
    if output_path is not None:
        output_path.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output_path, scores)
        msg.good(f"Wrote {output_path}")
