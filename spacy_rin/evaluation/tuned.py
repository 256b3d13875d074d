"""The best thresholds and calibration of a pipeline, written to the state of its component.

The config keeps the settings that training began with: it can't hold all names of relations as keys."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import srsly
from spacy.language import Language
from spacy.training import Example

from ..errors import Errors, FileError, RinError
from ..files import require_new_folder, write_whole
from ..pipeline.component import find_component
from ..relations import has_relations
from .calibration import NO_CHANGE, Calibration, CalibrationChoice, calibrate, choose_calibration, correct
from .evaluate import copy_examples, lowest_candidate, predict, present_thresholds
from .thresholds import Candidates, Choice, Thresholds, choose


class Tuned(NamedTuple):
    """The settings of a component that are tuned.

    Attributes:
        threshold (float): Lowest probability of a triple.
        thresholds (dict[str, float]): Relations that have another one, and it.
        calibration (Calibration): Slope and offset of the logits of relations.
    """

    threshold: float
    thresholds: dict[str, float]
    calibration: Calibration


@dataclass(frozen=True)
class Tuning:
    """The best calibration and thresholds of a pipeline on some texts.

    Attributes:
        present (Tuned): The settings as they are.
        calibrations (dict[str, CalibrationChoice]): "none", probabilities as the network gives them; "global", one
            slope and offset for all relations; "per_relation", others for each.
        best_calibration (str): The key of the calibration with the best log loss on held-out texts. A simpler one is
            kept unless the gain is more than its standard error.
        calibration (Calibration): That calibration, for all relations of the component; empty for none.
        choices (dict[str, Choice]): Thresholds for the probabilities of the best calibration: "present", those that
            let the same triples through as now; "global", one for all relations; "per_relation", separate ones for
            frequent relations, too.
        best (str): The key of the thresholds with the best F1 on held-out texts, by the same rule.
        gold (dict[str, int]): Number of gold triples of each relation.
        lowest (float): Lowest probability of a candidate, before it is corrected.
    """

    present: Tuned
    calibrations: dict[str, CalibrationChoice]
    best_calibration: str
    calibration: Calibration
    choices: dict[str, Choice]
    best: str
    gold: dict[str, int]
    lowest: float

    @property
    def settings(self) -> Tuned:
        """The best settings.

        A triple must also reach the lowest probability of a candidate, before it is corrected. Without that, a
        correction that raises low probabilities would let triples in that were never scored.
        """
        chosen = self.choices[self.best].thresholds
        floors = {label: float(correct(self.lowest, *pair)) for label, pair in self.calibration.items()}
        raised = {label: floor for label, floor in floors.items() if floor > chosen.of(label)}
        return Tuned(chosen.threshold, {**chosen.thresholds, **raised}, self.calibration)


def tune(nlp: Language, examples: Iterable[Example], *, min_count: int = 20, folds: int = 5) -> Tuning:
    """Find the calibration with the best log loss on held-out texts, and then the thresholds with the best F1 of
    relations by exact match. The pipeline is not changed.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.
        examples (Iterable[Example]): Texts that were not used for training, and their annotation. They are not
            changed. Texts whose relations are not annotated are left out.
        min_count (int): Number of gold or predicted triples that a relation needs to get its own threshold.
        folds (int): Number of parts of the texts, for cross-validation.

    Returns:
        Tuning: The choices, and the best of them. `set_tuned` sets it, `write_tuned` writes it to a folder.

    Raises:
        RinError: R018 if there is no "rin_joint", R036 if no relations are annotated.
        NotTrainedError: R011 if the component is not trained.
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
    """
    name, component = find_component(nlp)
    examples = copy_examples(example for example in examples if has_relations(example.reference, component.attr))
    if not examples:
        raise RinError(Errors.R036, attr=component.attr)
    with component.settings(calibration={}):
        predict(nlp, name, component, examples)
    raw = Candidates.of(examples, component.attr)
    present = Tuned(*present_thresholds(component), component.calibration)
    calibrations, best_calibration = choose_calibration(raw, folds)
    calibration = calibrations[best_calibration].calibration
    if calibration:  # a relation without candidates has that of all relations
        shared = next(iter(calibrations["global"].calibration.values()))
        calibration = {label: calibration.get(label, shared) for label in component.relation_labels}
    choices, best = choose(
        calibrate(raw, calibration),
        keep_decisions(present, calibration, component.relation_labels),
        min_count=min_count,
        folds=folds,
    )
    counts = np.bincount(raw.gold_relations, minlength=len(raw.labels))
    gold = dict(zip(raw.labels, counts.tolist()))
    lowest = lowest_candidate(component)
    return Tuning(present, calibrations, best_calibration, calibration, choices, best, gold, lowest)


def keep_decisions(present: Tuned, calibration: Calibration, labels: Iterable[str]) -> Thresholds:
    """Find the thresholds that let the same triples through after another calibration.

    Args:
        present (Tuned): The present thresholds and calibration.
        calibration (Calibration): The other calibration; empty for none.
        labels (Iterable[str]): All relations.

    Returns:
        Thresholds: The thresholds. The one that most relations share is the common one.
    """
    thresholds = Thresholds(present.threshold, present.thresholds)
    if not calibration and not present.calibration:
        return thresholds

    def carry(label: str) -> float:
        threshold = thresholds.of(label)
        (slope, offset), new = (table.get(label, NO_CHANGE) for table in (present.calibration, calibration))
        if not 0.0 < threshold < 1.0 or (slope, offset) == tuple(new):
            return threshold
        return round(float(correct(correct(threshold, 1 / slope, -offset / slope), *new)), 6)

    carried = {label: carry(label) for label in labels}
    common, _ = Counter(carried.values()).most_common(1)[0]
    return Thresholds(common, {label: threshold for label, threshold in carried.items() if threshold != common})


def set_tuned(nlp: Language, tuned: Tuned) -> None:
    """Set the thresholds and the calibration of the first "rin_joint" of a pipeline.

    Args:
        nlp (Language): The pipeline.
        tuned (Tuned): The settings.

    Raises:
        RinError: R018 if there is no "rin_joint".
        SettingError: R010 if a threshold is not between 0 and 1.
    """
    _, component = find_component(nlp)
    component.set_thresholds(tuned.threshold, tuned.thresholds)
    component.set_calibration(tuned.calibration)


def require_pipeline(path: str | Path) -> None:
    """Check that a folder contains a pipeline.

    Args:
        path (str | Path): The folder.

    Raises:
        FileError: R052 if it has no config.cfg.
    """
    if not os.path.isfile(Path(path, "config.cfg")):
        raise FileError(Errors.R052, path=path)


def write_tuned(nlp: Language, path: str | Path, tuned: Tuned) -> None:
    """Write a pipeline with new settings to a new folder. If that fails, nothing is written.

    Args:
        nlp (Language): The pipeline. Its settings are changed, too.
        path (str | Path): The folder. It must not exist, or be empty.
        tuned (Tuned): The settings.

    Raises:
        FileError: R034 if it can't be written, or is there already.
    """
    require_new_folder(path)
    set_tuned(nlp, tuned)
    with write_whole(path) as unfinished:
        nlp.to_disk(unfinished)


def write_in_place(nlp: Language, path: str | Path, tuned: Tuned) -> None:
    """Change the thresholds and the calibration of the pipeline in a folder, and nothing else there. Whenever the
    process is killed, the folder has all of the old settings or all of the new ones.

    Args:
        nlp (Language): The pipeline, loaded from the folder. Its settings are changed, too.
        path (str | Path): The folder of the pipeline.
        tuned (Tuned): The settings.

    Raises:
        FileError: R034 if it can't be written, R052 if there is no such folder.
    """
    require_pipeline(path)
    name, component = find_component(nlp)
    set_tuned(nlp, tuned)
    with write_whole(Path(path, name, "cfg")) as unfinished:
        srsly.write_json(unfinished, component.cfg)
