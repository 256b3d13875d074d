"""A layer of trainable word vectors that start from those of the pipeline."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, to_numpy, uniform_init
from thinc.types import Floats2d

from ..errors import Errors, RinError, Warnings

# Row of the unknown word, and mark of a word without a row that has its vector in the pipeline.
UNKNOWN, FIXED = 0, -1

# Root mean square of the components that vectors as GloVe's have, and that the network learns from best.
USUAL_SIZE = 0.4


def WordVectors(width: int, dropout: float, min_count: int) -> Model[list[Doc], list[Floats2d]]:
    """Make a layer of trainable word vectors that start from those of the pipeline.

    Every word of the training corpus has a row of its own, which starts as the word's vector in `nlp.vocab.vectors`
    (as it is written, else in lower case), or random if there is none. A word that was not seen in training has its
    vector of `nlp.vocab.vectors`, or the row for unknown words, which word dropout trains. All vectors of
    `nlp.vocab.vectors` are multiplied by one number, so that it does not matter how long they are: vectors of unit
    length would be too short to learn much from.

    `collect_words` gives it the words of the corpus; without, it takes those of the Docs it is initialized with.

    Args:
        width (int): Columns of a vector.
        dropout (float): Share of words that are replaced by the unknown word in training.
        min_count (int): Times that a word must occur to have a row.

    Returns:
        Model: The layer; row i of an output is token i of that Doc.
    """
    return Model(
        "word_vectors",
        _forward,
        init=_init,
        dims={"nO": width, "nV": None},
        params={"vectors": None},
        # `words` are sorted ORTH values; row i + 1 belongs to word i.
        attrs={"words": [], "word_dropout": dropout, "min_count": min_count, "scale": 1.0},
    )


def collect_words(model: Model[Any, Any], docs: Iterable[Doc]) -> None:
    """Show all word vector layers of a model the training corpus. Do so before the model is initialized.

    Args:
        model (Model): Any model.
        docs (Iterable[Doc]): The corpus.
    """
    layers = [node for node in model.walk() if node.name == "word_vectors"]
    if layers:
        counts: Counter[int] = Counter()
        for doc in docs:
            counts.update(doc.to_array(ORTH).tolist())
        for layer in layers:
            words = [word for word, count in counts.items() if count >= layer.attrs["min_count"]]
            layer.attrs["words"] = sorted(words)


def _init(model: Model[Any, Any], X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    if not model.attrs["words"] and X:
        warnings.warn(Warnings.W002.format(n=len(X)), stacklevel=2)
        collect_words(model, X)
    words, width = model.attrs["words"], model.get_dim("nO")
    vectors = uniform_init(model.ops, (len(words) + 1, width))
    if X:
        model.attrs["scale"] = _find_scale(X[0].vocab)
        known, values = _pipeline_vectors(model, np.asarray(words, dtype=np.uint64), X[0].vocab, width)
        vectors[np.flatnonzero(known) + 1] = model.ops.asarray2f(values)
    model.set_dim("nV", len(vectors), force=True)
    model.set_param("vectors", vectors)


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    table = model.get_param("vectors")
    keys = np.concatenate([np.empty(0, np.uint64), *(doc.to_array(ORTH) for doc in docs)])
    rows = _find(np.asarray(model.attrs["words"], dtype=np.uint64), keys)
    unseen = np.flatnonzero(rows == UNKNOWN)
    found, values = _pipeline_vectors(model, keys[unseen], docs[0].vocab if docs else Vocab(), table.shape[1])
    rows[unseen[found]] = FIXED
    if is_train and model.attrs["word_dropout"]:
        rows[np.random.random(len(rows)) < model.attrs["word_dropout"]] = UNKNOWN
    output = table[model.ops.asarray1i(rows.clip(min=UNKNOWN))]
    still = rows[unseen[found]] == FIXED
    output[model.ops.asarray1i(unseen[found][still])] = model.ops.asarray2f(values[still])

    def backprop(d_output: list[Floats2d]) -> list[Doc]:
        d_table = model.ops.alloc2f(*table.shape)
        d_flat = model.ops.flatten(d_output)
        own = np.flatnonzero(rows != FIXED)
        model.ops.scatter_add(d_table, model.ops.asarray1i(rows[own]), d_flat[model.ops.asarray1i(own)])
        model.inc_grad("vectors", d_table)
        return []

    return model.ops.unflatten(output, model.ops.asarray1i([len(doc) for doc in docs])), backprop


def _find(words: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Find the row of each key: its position among the words + 1, or UNKNOWN."""
    if not len(words):
        return np.full(len(keys), UNKNOWN, dtype=np.int64)
    positions = np.searchsorted(words, keys).clip(max=len(words) - 1)
    return np.where(words[positions] == keys, positions + 1, UNKNOWN)


def _find_scale(vocab: Vocab) -> float:
    """Find the number that makes the components of the pipeline's vectors `USUAL_SIZE` on average."""
    rows = np.asarray(to_numpy(vocab.vectors.data), dtype=np.float32)
    rows = rows[rows.any(1)]
    size = float(np.sqrt(np.square(rows).mean(dtype=np.float64))) if rows.size else USUAL_SIZE
    return USUAL_SIZE / size


def _pipeline_vectors(
    model: Model[Any, Any], words: NDArray[np.uint64], vocab: Vocab, width: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Look words up in the pipeline's vectors as they stand, then in lower case, and scale their vectors.

    Returns:
        tuple[ndarray, ndarray]: Which words have a vector (words,), and the vectors of these (found, width).
    """
    vectors = vocab.vectors
    if not len(vectors):
        if model.attrs["scale"] != 1.0:
            warnings.warn(Warnings.W008.format(), stacklevel=2)
        return np.zeros(len(words), dtype=bool), np.empty((0, width), dtype=np.float32)
    if vectors.shape[1] != width:
        raise RinError(Errors.R021, found=vectors.shape[1], expected=width)
    found = np.zeros(len(words), dtype=bool)
    values = []
    for index, word in enumerate(words.tolist()):
        for key in (word, vocab.strings[vocab.strings[word].lower()]):
            if key in vectors:
                found[index] = True
                values.append(vectors[key])
                break
    stacked = np.stack([to_numpy(vector) for vector in values]) if values else np.empty((0, width))
    return found, stacked.astype(np.float32) * np.float32(model.attrs["scale"])
