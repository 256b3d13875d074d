"""Features of a transformer: a small one with random weights."""

from pathlib import Path
from typing import Any

import pytest
import spacy

from ..support import TRIPLES, make_examples, names, same_predictions, train

pytest.importorskip("spacy_transformers")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("width", [None, 24])
def test_learns_through_a_listener_and_round_trips(tiny_bert: Any, tmp_path: Path, width: int | None) -> None:
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 64, "stride": 48}
    transformer = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert, "get_spans": spans}
    nlp.add_pipe("transformer", config={"model": transformer})
    pooling = {"@layers": "reduce_mean.v1"}
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "grad_factor": 1.0, "pooling": pooling}
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": listener, "width": width}})
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 120, learn_rate=0.002)
    texts = [eg.text for eg in examples]
    expected = [nlp(text) for text in texts]
    assert [names(doc) for doc in expected] == [set(triples) for _, triples in TRIPLES]
    assert same_predictions([*expected, nlp("")], nlp.pipe([*texts, ""], batch_size=2))
    nlp.to_disk(tmp_path)
    assert same_predictions(expected, [spacy.load(tmp_path)(text) for text in texts])
