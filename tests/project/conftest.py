from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example


@pytest.fixture(scope="session")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline with a parser that shares its features, as the command `parser` makes it."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 50, "window_size": 1}
    model |= {"maxout_pieces": 2, "subword_features": False, "pretrained_vectors": None}
    nlp.add_pipe("tok2vec", config={"model": model})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 8, "upstream": "*"}
    nlp.add_pipe("parser", config={"model": {"tok2vec": listener}, "min_action_freq": 1})
    gold = Doc(nlp.vocab, words=["Ada", "left", "Larne"], heads=[1, 1, 1], deps=["nsubj", "ROOT", "obj"])
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    folder = tmp_path_factory.mktemp("parser") / "model"
    nlp.to_disk(folder)
    return folder
