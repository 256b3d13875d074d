"""Pipelines loaded for commands and functions: whatever is wrong with their files is one kind of error."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from ..errors import Errors, FileError, RinError

_TRIAL = "Ada Brook was born in Larne."


def load_pipeline(name: str | Path, **options: Any) -> Language:
    """Load a pipeline, and let it read a sentence, as damage may show only then.

    Args:
        name (str | Path): Name or path of the pipeline.
        **options: Options of `spacy.load`.

    Returns:
        Language: The pipeline.

    Raises:
        RinError: R016 if the "rin_joint" is damaged.
        FileError: R015 if there is no such pipeline, or another part of it is damaged.
    """
    try:
        nlp = spacy.load(name, **options)
        with nlp.memory_zone():
            nlp(_TRIAL)
    except RinError as error:
        if error.code == Errors.R011.name:  # it is not trained, which is for the caller to say
            return nlp
        raise
    except Warning:
        raise
    except Exception as error:  # other packages' files fail in many ways
        reason = f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else str(error)
        raise FileError(Errors.R015, name=name, reason=" ".join(reason.split())) from error
    return nlp
