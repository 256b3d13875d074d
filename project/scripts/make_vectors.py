"""Make word vectors from a sentence transformer, for words that it was not made for one by one.

Usage: python scripts/make_vectors.py TRANSFORMER OUT_DIR [--words FILE] [--texts FILE.spacy ...] [--width 100]

The vector of a word is the mean of the transformer's output over the pieces of the word alone. The vectors of all words
are reduced to their first principal components, and saved in half precision as the vectors of a pipeline without
components, as `spacy init vectors` does.

The words are those of --words, one in a line, or else those in --texts and the whole words in the vocabulary of the
transformer. They are in lower case. TRANSFORMER is a name or a folder that the package `transformers` can load.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import spacy
import torch
from numpy.typing import NDArray
from spacy.vectors import Vectors
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from spacy_rin.convert.docs import blank_pipeline
from spacy_rin.pipeline.corpus import read_docs

BATCH = 256


def list_words(tokenizer: PreTrainedTokenizerBase, texts: Iterable[Path], lang: str) -> list[str]:
    """List the words in texts, and then the whole words in the vocabulary of a tokenizer, in lower case."""
    vocab = blank_pipeline(lang).vocab
    in_texts = (token.lower_ for path in texts for doc in read_docs(path, vocab) for token in doc if not token.is_space)
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    whole = (piece.lower() for piece, _ in pieces if piece.isalnum())
    return list(dict.fromkeys([*in_texts, *whole]))


def encode(words: Sequence[str], transformer: str, tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """Encode words.

    Args:
        words (Sequence[str]): The words.
        transformer (str): Name or folder of the transformer.
        tokenizer (PreTrainedTokenizerBase): Its tokenizer.

    Returns:
        Tensor: The mean of the output over the pieces of each word. *Shape:* (words, width of the transformer).
    """
    model = AutoModel.from_pretrained(transformer).eval()
    # Words of similar length together need little padding.
    order = sorted(range(len(words)), key=lambda i: len(words[i]))
    out = torch.empty(len(words), model.config.hidden_size)
    with torch.no_grad():
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            given = tokenizer(
                [words[i] for i in batch],
                padding=True,
                truncation=True,
                max_length=32,
                return_tensors="pt",
                return_special_tokens_mask=True,
            )
            special = given.pop("special_tokens_mask")
            pieces = (given["attention_mask"] * (1 - special)).unsqueeze(2)
            hidden = model(**given).last_hidden_state
            out[batch] = (hidden * pieces).sum(1) / pieces.sum(1).clamp(min=1)
    return out


def reduce(vectors: torch.Tensor, width: int) -> NDArray[np.float16]:
    """Reduce vectors to their first principal components."""
    centred = vectors - vectors.mean(0)
    _, _, components = torch.linalg.svd(centred.T @ centred)
    reduced: NDArray[np.float16] = (centred @ components[:width].T).numpy().astype(np.float16)
    return reduced


def main() -> None:
    """Make the vectors, and save them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transformer")
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--words", type=Path, help="a text file with a word in each line")
    parser.add_argument("--texts", type=Path, nargs="*", default=[], help=".spacy files whose words are added")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--lang", default="en")
    given = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.transformer)
    words = given.words.read_text("utf8").split() if given.words else list_words(tokenizer, given.texts, given.lang)
    data = reduce(encode(words, given.transformer, tokenizer), given.width)
    nlp = spacy.blank(given.lang)
    nlp.vocab.vectors = Vectors(data=data, keys=[nlp.vocab.strings.add(word) for word in words], name="sentence")
    nlp.to_disk(given.out_dir)


if __name__ == "__main__":
    main()
