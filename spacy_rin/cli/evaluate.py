"""`spacy rin evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, refuse_options, rin_cli
from .screen import msg, shorten, show_tables

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

SHOWN = 20
# Probabilities with a higher calibration error mislead. With fewer triples, an error is mostly chance.
HIGH_ERROR = 0.1
MIN_TRIPLES = 50


@rin_cli.command("evaluate", no_args_is_help=True)
def evaluate_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    data_path: Annotated[Path, Arg(help="File with gold annotation (.spacy), or folder of such files")],
    train_paths: Annotated[
        list[Path] | None,
        Opt("--train", "-t", help="File or folder with training data, to compare with. Can be repeated"),
    ] = None,
    output_path: Annotated[Path | None, Opt("--output", "-o", help="File to write the scores to, as JSON")] = None,
    html_path: Annotated[Path | None, Opt("--html", "-H", help="File to write an HTML report to")] = None,
    theme: Annotated[
        str | None, Opt("--theme", help="Colours of the report: light, dark or auto, as readers prefer. Default: auto")
    ] = None,
    raw: Annotated[
        bool, Opt("--raw", "-r", help="Score raw text: tokens are the pipeline's own, not those of the file")
    ] = False,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Evaluate the entities and relations of a pipeline, overall and per relation.

    Exact match: the relation and both whole entities are correct. Partial match: the relation and the heads of both
    entities are correct. Every gold triple that is not found counts as missed. With --train, triples that stood in the
    training data are scored apart from new ones. The HTML report has more details: scores by overlap pattern, number of
    triples and text length, thresholds, confused relations, and the texts with the most errors.

    Example: spacy rin evaluate training/model-best corpus/test.spacy --train corpus/train.spacy --html report.html
    """
    import srsly

    from ..evaluation.evaluate import evaluate
    from ..evaluation.report import render_html
    from ..files import require_targets, write_whole
    from ..markup import color_scheme
    from ..pipeline.corpus import corpus_files, read_examples

    with coded_errors():
        color_scheme("auto" if theme is None else theme)  # a wrong one shows before the pipeline has read any text
        if html_path is None:
            refuse_options("without --html", {"--theme": theme})
        outputs = [path for path in (output_path, html_path) if path is not None]
        require_targets(outputs, corpus_files(data_path, *(train_paths or ())))
        nlp = load_pipeline(model, gpu_id)
        # Training data come first: a wrong path shows before the pipeline has read any text.
        train = [doc for path in train_paths or () for doc in read_train(path, nlp.vocab)]
        evaluation = evaluate(nlp, read_examples(nlp, data_path, raw=raw), train)
        if output_path is not None:
            with write_whole(output_path) as unfinished:
                srsly.write_json(unfinished, evaluation.scores)
        if html_path is not None:
            report = render_html(evaluation, model=model, data=str(data_path), theme=theme or "auto")
            with write_whole(html_path) as unfinished:
                unfinished.write_text(report, encoding="utf8")
    _show_scores(evaluation.scores)
    _show_novelty(evaluation.scores)
    _show_calibration(evaluation.scores)
    _show_unknown(evaluation.scores)
    _show_cut(evaluation.scores)
    for path in outputs:
        msg.good(f"Wrote {path}")


def read_train(path: Path, vocab: "Vocab") -> "list[Doc]":
    """Read training data to compare with; FileError R034 if it has no texts."""
    from ..errors import Errors, FileError
    from ..pipeline.corpus import read_docs

    docs = read_docs(path, vocab)
    if not docs:
        raise FileError(Errors.R034, path=path, reason="there are no texts in it to compare with")
    return docs


def _show_novelty(scores: dict[str, Any]) -> None:
    from ..evaluation.wording import NOVELTY_TITLES, percent, percents

    groups = scores.get("rel_exact_per_novelty")
    if groups is None:
        return
    whole = scores["counts"]["rel_exact"]["gold"]
    rows = [
        (
            NOVELTY_TITLES[name],
            *percents(row),
            f"{row['gold']:,}",
            percent(row["gold"] / whole if whole else None),
        )
        for name, row in groups.items()
    ]
    show_tables([("stood in the training data", "P", "R", "F1", "gold", "% of gold"), *rows])


def _show_calibration(scores: dict[str, Any]) -> None:
    from ..evaluation.wording import percent

    calibration = scores["rel_calibration"]
    confident = calibration["confident"]
    rows = [
        ("expected calibration error", percent(calibration["ece"])),
        (f"triples with a probability above {confident['from']:g}", f"{confident['count']:,}"),
        ("  right", percent(confident["right"])),
    ]
    show_tables([("probabilities", ""), *rows])
    n_found = sum(row["count"] for row in calibration["bins"])
    if n_found >= MIN_TRIPLES and calibration["ece"] > HIGH_ERROR:
        msg.warn(
            "The probabilities of triples mislead: correct them with `spacy rin tune` on development data like these."
        )


def _show_unknown(scores: dict[str, Any]) -> None:
    unknown = scores["unknown_labels"]
    for kind, title in (("relations", "relations"), ("entities", "types of entities")):
        if unknown[kind]:
            total = sum(unknown[kind].values())
            names = ", ".join(f"{shorten(label)} ({n:,})" for label, n in unknown[kind].items())
            msg.warn(
                f"The pipeline does not know {len(unknown[kind])} {title} of this data ({total:,} missed): {names}"
            )


def _show_cut(scores: dict[str, Any]) -> None:
    from ..evaluation.data_check import MAX_CUT

    cut, total = scores["entities_cut"]["count"], scores["entities_cut"]["of"]
    if cut > MAX_CUT * total:
        msg.warn(
            f"{cut:,} of {total:,} entities begin or end inside a token of the pipeline's tokenizer. In raw text "
            "(--raw), they are never found. Does the pipeline have the language of the texts? See --lang of `spacy rin "
            "init`."
        )


def _show_scores(scores: dict[str, Any]) -> None:
    from ..evaluation.wording import by_count, match_rows, percents

    rows = [(title, *percents(row)) for _, title, row in match_rows(scores)]
    per_type = by_count(scores["rel_exact_per_type"])
    relations = [(label, *percents(row), f"{row['gold']:,}") for label, row in per_type[:SHOWN]]
    show_tables([("", "P", "R", "F1"), *rows], [("relation, exact", "P", "R", "F1", "gold"), *relations])
    if len(per_type) > SHOWN:
        msg.text(f"... and {len(per_type) - SHOWN} more relations, see --output or --html")
