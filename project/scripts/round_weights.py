"""Round the weights of a trained pipeline to half precision, so that its package is half the size.

Usage: python scripts/round_weights.py PIPELINE OUT_DIR

They are stored with 32 bits as before, so that nothing else changes: the pipeline loads everywhere, and trains on. But
the last 13 bits of each number are 0, and take no space in the compressed files of a wheel. Predictions change where a
score is as near to a threshold as a rounding error. So round first, then calibrate and score.
"""

import argparse
from pathlib import Path

import numpy as np
import spacy
import torch
from spacy.language import Language
from thinc.api import Model

# Larger numbers are infinite in half precision.
LARGEST = float(np.finfo(np.float16).max)


def round_weights(nlp: Language) -> None:
    """Round the weights of all components of a pipeline.

    Args:
        nlp (Language): The pipeline.

    Raises:
        ValueError: If a weight is too large for half precision. The pipeline is then of no use any more.
    """
    for _, component in nlp.components:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            for name in node.param_names:
                if node.has_param(name):
                    values = torch.as_tensor(node.get_param(name))
                    node.set_param(name, _round(values).numpy())
            for shim in node.shims:
                for parameter in shim._model.parameters():
                    parameter.data.copy_(_round(parameter.data))


def _round(values: torch.Tensor) -> torch.Tensor:
    if values.numel() and not values.abs().max() <= LARGEST:
        raise ValueError(f"a weight of {values.abs().max():g} has no value in half precision")
    return values.half().float()


def main() -> None:
    """Round the weights of the pipeline named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("out_dir", type=Path)
    given = parser.parse_args()
    nlp = spacy.load(given.pipeline)
    round_weights(nlp)
    nlp.to_disk(given.out_dir)


if __name__ == "__main__":
    main()
