"""Word vectors made from a sentence transformer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spacy.vocab import Vocab

from spacy_rin.convert import write_docs

from ..support import TRIPLES, gold_doc

pytest.importorskip("transformers")

import make_vectors


class Tokenizer:
    def get_vocab(self) -> dict[str, int]:
        return {"##ing": 3, "[CLS]": 0, "the": 2, "Larne": 1, "!": 4}


def test_words_of_texts_come_first(tmp_path: Path) -> None:
    path = tmp_path / "texts.spacy"
    write_docs([gold_doc(Vocab(), *TRIPLES[0])], path)
    tokenizer: Any = Tokenizer()
    words = make_vectors.list_words(tokenizer, [path], "en")
    assert words[:2] == ["ada", "brook"]
    assert words[-1] == "the" and words.count("larne") == 1
    assert not {"##ing", "[CLS]", "[cls]"} & set(words)


def test_vectors_keep_what_differs_most() -> None:
    torch.manual_seed(0)
    # Of three independent columns, the last varies least, and all have a mean that says nothing.
    vectors = torch.randn(500, 3) * torch.tensor([3.0, 2.0, 0.1]) + 7.0
    reduced = make_vectors.reduce(vectors, 2)
    assert reduced.dtype == np.float16 and reduced.shape == (500, 2)
    for column in range(2):
        assert abs(np.corrcoef(reduced[:, column], vectors[:, column])[0, 1]) > 0.99
