"""Round the weights of a trained pipeline, so that its package is smaller.

Usage: python scripts/round_weights.py PIPELINE OUT_DIR

Weights keep the 8 significant bits of bfloat16. Word vectors, those of the pipeline and those that the network
trained, become multiples of a power of two, at most a tenth of the root mean square of their values. All keep their
types, so that nothing else changes: the pipeline loads everywhere, and trains on. But the bits that are 0 take little
space in the compressed files of a wheel. Predictions change where a score is as near to a threshold as a rounding
error. So round first, then calibrate and score.
"""

import argparse
import math
from pathlib import Path

import spacy
import torch
from spacy.language import Language
from thinc.api import Model


def round_weights(nlp: Language) -> None:
    """Round the weights of all components of a pipeline, and its word vectors.

    Args:
        nlp (Language): The pipeline.
    """
    for _, component in nlp.components:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            change = _round_vectors if node.name == "word_vectors" else _round
            for name in node.param_names:
                if node.has_param(name):
                    node.set_param(name, change(torch.as_tensor(node.get_param(name))).numpy())
            for shim in node.shims:
                for parameter in shim._model.parameters():
                    parameter.data.copy_(_round(parameter.data))
    nlp.vocab.vectors.data = _round_vectors(torch.as_tensor(nlp.vocab.vectors.data)).numpy()


def _round(values: torch.Tensor) -> torch.Tensor:
    return values.bfloat16().to(values.dtype)


def _round_vectors(vectors: torch.Tensor) -> torch.Tensor:
    size = vectors.double().square().mean().sqrt().item()
    if not size > 0:  # there are none, or all are 0
        return vectors
    step = 2.0 ** math.floor(math.log2(size / 10))
    return ((vectors.double() / step).round() * step).to(vectors.dtype)


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
