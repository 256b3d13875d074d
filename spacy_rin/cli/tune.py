"""`spacy rin tune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, rin_cli
from .screen import msg, show_tables

if TYPE_CHECKING:
    from ..evaluation.tuned import Tuning

CALIBRATION_TITLES = {"none": "none", "global": "all relations together", "per_relation": "per relation"}
TITLES = {"present": "current", "global": "one threshold", "per_relation": "per relation"}


@rin_cli.command("tune", no_args_is_help=True)
def tune_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    data_path: Annotated[Path, Arg(help="File with gold annotation (.spacy), not used for training")],
    output_path: Annotated[Path | None, Opt("--output", "-o", help="New folder for the tuned pipeline")] = None,
    in_place: Annotated[bool, Opt("--in-place", "-i", help="Update the folder of the pipeline instead")] = False,
    min_count: Annotated[
        int,
        Opt(
            "--min-count", "-m", min=1, help="Triples that a relation needs to get its own threshold, gold or predicted"
        ),
    ] = 20,
    folds: Annotated[int, Opt("--folds", "-f", min=2, help="Number of folds for cross-validation")] = 5,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Calibrate the probabilities of relations, choose the thresholds with the best F1 (exact match), and write both.

    Probabilities are calibrated for all relations together, or for each relation, or left alone, whatever predicts best
    on held-out texts which triples are right. Then three choices of thresholds are compared: the current ones, one
    threshold for all relations, and separate thresholds for frequent relations. Thresholds that are best on the texts
    they were chosen on may not be best on other texts. The last columns therefore show F1 on held-out texts, by
    cross-validation. Thresholds are changed only if this F1 improves by more than its standard error. Without --output
    or --in-place, nothing is written.

    Example: spacy rin tune training/model-best corpus/dev.spacy --output training/model-tuned
    """
    from ..errors import Errors, SettingError
    from ..evaluation.tuned import require_pipeline, tune, write_in_place, write_tuned
    from ..files import require_new_folder
    from ..pipeline.corpus import read_examples

    with coded_errors():
        if in_place and output_path is not None:
            raise SettingError(Errors.R051)
        if in_place:
            require_pipeline(Path(model))
        if output_path is not None:
            require_new_folder(output_path)
        nlp = load_pipeline(model, gpu_id)
        tuning = tune(nlp, read_examples(nlp, data_path), min_count=min_count, folds=folds)
        _show_calibrations(tuning)
        _show_choices(tuning)
        _show_best(tuning)
        if output_path is not None:
            write_tuned(nlp, output_path, tuning.settings)
        elif in_place and tuning.settings != tuning.present:
            write_in_place(nlp, Path(model), tuning.settings)
        else:
            return
    msg.good(f"Wrote {output_path or model}")


def _show_calibrations(tuning: "Tuning") -> None:
    rows = [
        (
            CALIBRATION_TITLES[name],
            f"{choice.log_loss:.3f}",
            f"{choice.ece:.3f}",
            "kept" * (name == tuning.best_calibration),
        )
        for name, choice in tuning.calibrations.items()
    ]
    header = ("calibration", "log loss held out", "calibration error held out", "")
    msg.table(rows, header=header, aligns=("l", "r", "r", "l"), divider=True)


def _show_choices(tuning: "Tuning") -> None:
    from ..evaluation.wording import percent

    choices = tuning.choices
    first = choices["present"]
    rows: list[tuple[str, ...]] = []
    for name, choice in choices.items():
        row = [TITLES[name], f"{choice.thresholds.threshold:g}", str(len(choice.thresholds.thresholds))]
        for scores, base in ((choice.scores, first.scores), (choice.held_out, first.held_out)):
            gain = 100 * (scores.fscore - base.fscore)
            row += [percent(scores.fscore), f"{gain:+.1f}"]
        rows.append(tuple(row))
    header = ("", "threshold", "own", "F1", "gain", "F1 held out", "gain")
    msg.table(rows, header=header, aligns=("l", *"rrrrrr"), divider=True)
    own = choices["per_relation"].thresholds.thresholds
    if own:
        gold = tuning.gold
        lines = [(label, f"{own[label]:g}", f"{gold[label]:,}") for label in sorted(own, key=lambda x: -gold[x])]
        show_tables([("relation", "threshold", "gold"), *lines])


def _show_best(tuning: "Tuning") -> None:
    kept, best = tuning.settings, tuning.best
    if kept == tuning.present:
        msg.warn("Nothing improves on held-out texts. Thresholds and calibration are left as they are.")
    elif best == "present":
        msg.info(
            "No other thresholds improve F1 on held-out texts by more than chance, so the same triples are found as "
            "before, with other probabilities."
        )
    elif best == "global":
        msg.info(
            f"One threshold is kept, {kept.threshold:g}. Separate thresholds don't improve F1 on held-out texts by "
            "more than chance."
        )
    else:
        msg.info(
            f"Separate thresholds improve F1: {kept.threshold:g}, and {len(kept.thresholds)} relations have their own."
        )
