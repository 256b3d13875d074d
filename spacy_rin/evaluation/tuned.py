"""Find the best thresholds of a pipeline, and write them to its component and its config, which must agree."""

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
    """The result of `tune`.

    Attributes:
        choices (dict[str, Choice]): "present": the current thresholds. "global": one threshold for all relations.
            "per_relation": also separate thresholds for frequent relations.
        best (str): The key of the choice with the best F1 by cross-validation.
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
        nlp (Language): A pipeline with a trained "rin_joint". If it has several, the first one is tuned.
        examples (Iterable[Example]): Texts that the pipeline was not trained on, and their annotation. Their predicted
            Docs are replaced. Texts without annotated relations are skipped.
        min_count (int): A relation gets a separate threshold if it has at least this many gold or predicted triples.
        folds (int): Number of parts of the texts for cross-validation.

    Returns:
        Tuning: The choices, and the best of them. Apply it with `set_thresholds`, or save it with `write_tuned`.

    Raises:
        RinError: R018 if there is no "rin_joint", R036 if no relations are annotated.
        NotTrainedError: R011 if the component is not trained.
        SettingError: R050 if there are fewer texts than folds, or fewer than two folds.
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
    """Set the thresholds of the first "rin_joint" of a pipeline, in the component and in the config.

    Args:
        nlp (Language): The pipeline.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R018 if there is no "rin_joint".
        SettingError: R010 if a threshold is not between 0 and 1.
    """
    name, component = find_component(nlp)
    settings = thresholds._asdict()
    component.set_thresholds(**settings)
    nlp.get_pipe_config(name).update(settings)


def require_new_folder(path: str | Path) -> None:
    """Check that a path is free: it does not exist, or is an empty folder.

    Args:
        path (str | Path): The path.

    Raises:
        FileError: R034 if there is a file or a folder with content.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileError(Errors.R034, path=path, reason="it already exists, and is not an empty folder")


def require_pipeline(path: str | Path) -> None:
    """Check that a folder contains a pipeline.

    Args:
        path (str | Path): The folder.

    Raises:
        FileError: R052 if it has no config.cfg.
    """
    if not (Path(path) / "config.cfg").exists():
        raise FileError(Errors.R052, path=path)


def write_tuned(nlp: Language, path: str | Path, thresholds: Thresholds) -> None:
    """Write a pipeline with new thresholds to a new folder. If that fails, nothing is written.

    Args:
        nlp (Language): The pipeline. Its thresholds are changed, too.
        path (str | Path): The folder. It must not exist, or be empty.
        thresholds (Thresholds): The thresholds.

    Raises:
        FileError: R034 if the folder can't be written, or is not empty.
        RinError: R018 if there is no "rin_joint".
    """
    require_new_folder(path)
    set_thresholds(nlp, thresholds)
    with write_whole(path) as unfinished:
        nlp.to_disk(unfinished)


def write_in_place(nlp: Language, path: str | Path, thresholds: Thresholds) -> None:
    """Change the thresholds of a saved pipeline, and no other settings.

    Args:
        nlp (Language): The pipeline, loaded from the folder. Its thresholds are changed, too.
        path (str | Path): The folder of the pipeline.
        thresholds (Thresholds): The thresholds.

    Raises:
        FileError: R034 if the folder can't be written, R052 if it has no pipeline.
        RinError: R018 if there is no "rin_joint".
    """
    require_pipeline(path)
    set_thresholds(nlp, thresholds)
    name, component = find_component(nlp)
    # The component loads its thresholds from its "cfg". It is written last, so that a failure before it has no effect.
    with write_whole(Path(path, "config.cfg")) as unfinished:
        nlp.config.to_disk(unfinished)
    with write_whole(Path(path, name, "cfg")) as unfinished:
        srsly.write_json(unfinished, component.cfg)
