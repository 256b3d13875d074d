"""Thresholds written into a pipeline: into its config and its component, which must agree."""

import os
import shutil
from pathlib import Path

import srsly
from spacy.language import Language

from ..errors import Errors, FileError
from ..files import finished_file
from ..pipeline.component import find_component
from .thresholds import Thresholds


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
    component.cfg.update(settings)
    nlp.get_pipe_config(name).update(settings)


def require_new_folder(path: Path) -> None:
    """Check that a folder can be written to; ValueError R034 if anything is there already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileError(Errors.R034, path=path, reason="it exists already, and is not an empty folder")


def require_pipeline(path: Path) -> None:
    """Check that a pipeline is in a folder; ValueError R052 if there is none."""
    if not (path / "config.cfg").exists():
        raise FileError(Errors.R052, path=path)


def write_tuned(nlp: Language, path: Path, thresholds: Thresholds) -> None:
    """Write a pipeline with other thresholds to a new folder, all of it or, if that fails, nothing.

    Args:
        nlp (Language): The pipeline; it gets the thresholds.
        path (Path): The folder.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R034 if it can't be written, or is there already.
    """
    require_new_folder(path)
    set_thresholds(nlp, thresholds)
    unfinished = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        nlp.to_disk(unfinished)
        unfinished.replace(path)
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=err.strerror) from err
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_in_place(nlp: Language, path: Path, thresholds: Thresholds) -> None:
    """Change the thresholds of the pipeline in a folder, and nothing else there.

    Args:
        nlp (Language): The pipeline that was loaded from the folder; it gets the thresholds.
        path (Path): The folder.
        thresholds (Thresholds): The thresholds.

    Raises:
        RinError: R034 if it can't be written, R052 if there is no such folder.
    """
    require_pipeline(path)
    set_thresholds(nlp, thresholds)
    name, component = find_component(nlp)
    # What the component reads comes last: only when that is written does anything change.
    with finished_file(path / "config.cfg") as unfinished:
        nlp.config.to_disk(unfinished)
    with finished_file(path / name / "cfg") as unfinished:
        srsly.write_json(unfinished, component.cfg)
