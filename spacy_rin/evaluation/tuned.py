"""The best thresholds of a pipeline, found and written into its config and its component, which must agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import srsly
from spacy.language import Language
from spacy.training import Example

from ..errors import Errors, FileError, RinError
from ..files import write_whole
from ..pipeline.component import find_component
from ..relations import has_relations
from .evaluate import predict, present_thresholds
from .thresholds import Candidates, Choice, Thresholds, choose


@dataclass(frozen=True)
class Tuning:
    """What was found out about the thresholds of a pipeline.

    Attributes:
        choices (dict[str, Choice]): "present", the thresholds as they are; "global", one for all relations;
            "per_relation", others for frequent relations, too.
        best (str): The key of the choice with the best F1 on texts that it was not made on.
        gold (dict[str, int]): Number of gold triples of each relation.
    """

    choices: dict[str, Choice]
    best: str
    gold: dict[str, int]

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds of the best choice."""
        return self.choices[self.best].thresholds


def tune(nlp: Language, examples: Iterable[Example], *, min_count: int = 20, folds: int = 5) -> Tuning:
    """Find the thresholds that give the best F1 of relations by exact match. The pipeline is not changed.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint", the first of them if there are several.
        examples (Iterable[Example]): Texts that it was not trained on, and their annotation. Their predicted Docs are
            replaced. Texts whose relations are not annotated are left out.
        min_count (int): A relation has a threshold of its own if it has so many gold triples, or so many are found.
        folds (int): Parts of the texts for cross-validation.

    Returns:
        Tuning: The choices, and the best of them. `set_thresholds` sets it, `write_tuned` writes it to a folder.

    Raises:
        RinError: R018 if there is no "rin_joint", R036 if no relations are annotated.
        SettingError: R050 if there are fewer texts than folds.
    """
    name, component = find_component(nlp)
    examples = [example for example in examples if has_relations(example.reference, component.attr)]
    if not examples:
        raise RinError(Errors.R036, attr=component.attr)
    predict(nlp, name, component, examples)
    candidates = Candidates.of(examples, component.attr)
    choices, best = choose(candidates, present_thresholds(component), min_count=min_count, folds=folds)
    counts = np.bincount(candidates.gold_relations, minlength=len(candidates.labels))
    return Tuning(choices, best, dict(zip(candidates.labels, counts.tolist())))


def set_thresholds(nlp: Language, thresholds: Thresholds) -> None:
    """Set the thresholds of the first "rin_joint" of a pipeline, and what its config says of them.

    Args:
        nlp (Language): The pipeline.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R018 if there is no "rin_joint".
    """
    name, component = find_component(nlp)
    settings = thresholds._asdict()
    component.set_thresholds(**settings)
    nlp.get_pipe_config(name).update(settings)


def require_new_folder(path: str | Path) -> None:
    """Check that a folder can be written to; FileError R034 if anything is there already."""
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileError(Errors.R034, path=path, reason="it exists already, and is not an empty folder")


def require_pipeline(path: str | Path) -> None:
    """Check that a pipeline is in a folder; FileError R052 if there is none."""
    if not (Path(path) / "config.cfg").exists():
        raise FileError(Errors.R052, path=path)


def write_tuned(nlp: Language, path: str | Path, thresholds: Thresholds) -> None:
    """Write a pipeline with other thresholds to a new folder, all of it or, if that fails, nothing.

    Args:
        nlp (Language): The pipeline; it gets the thresholds.
        path (str | Path): The folder.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R034 if it can't be written, or is there already.
    """
    require_new_folder(path)
    set_thresholds(nlp, thresholds)
    with write_whole(path) as unfinished:
        nlp.to_disk(unfinished)


def write_in_place(nlp: Language, path: str | Path, thresholds: Thresholds) -> None:
    """Change the thresholds of the pipeline in a folder, and nothing else there.

    Args:
        nlp (Language): The pipeline that was loaded from the folder; it gets the thresholds.
        path (str | Path): The folder.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R034 if it can't be written, R052 if there is no such folder.
    """
    require_pipeline(path)
    set_thresholds(nlp, thresholds)
    name, component = find_component(nlp)
    # What the component reads comes last: only when that is written does anything change.
    with write_whole(Path(path, "config.cfg")) as unfinished:
        nlp.config.to_disk(unfinished)
    with write_whole(Path(path, name, "cfg")) as unfinished:
        srsly.write_json(unfinished, component.cfg)
