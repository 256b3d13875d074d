from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.training.augment import create_lower_casing_augmenter

from spacy_rin.pipeline.corpus import create_corpus_reader

from ..support import TRIPLES, gold_doc, names


@pytest.fixture
def path(nlp: Language, tmp_path: Path) -> Any:
    docs = [gold_doc(nlp.vocab, *item) for item in TRIPLES]
    # Spaces are known, and the tokens are not what the tokenizer would make.
    known = Doc(nlp.vocab, words=["Ada", "Brook's", "don't"], spaces=[True, True, False])
    path = tmp_path / "train.spacy"
    DocBin(docs=[*docs, known, Doc(nlp.vocab)], store_user_data=True).to_disk(path)
    return path


def test_keeps_tokens_and_relations(path: Any) -> None:
    nlp = spacy.blank("en")
    examples = list(create_corpus_reader(path)(nlp))
    assert len(examples) == len(TRIPLES) + 1  # the empty Doc has nothing to teach
    for (text, triples), eg in zip(TRIPLES, examples):
        assert [t.text for t in eg.predicted] == [t.text for t in eg.reference] == text.split()
        assert names(eg.reference) == set(triples)
        assert not eg.predicted.user_data
        assert not eg.predicted.ents
    assert [t.text for t in examples[-1].predicted] == ["Ada", "Brook's", "don't"]
    assert examples[-1].predicted.text == "Ada Brook's don't"


def test_limit_and_directory(path: Any) -> None:
    nlp = spacy.blank("en")
    assert len(list(create_corpus_reader(path.parent, limit=2)(nlp))) == 2


def test_same_corpus_twice(path: Any) -> None:
    nlp = spacy.blank("en")
    reader = create_corpus_reader(path)
    assert [eg.text for eg in reader(nlp)] == [eg.text for eg in reader(nlp)]


def test_spacy_reader_keeps_them_for_evaluate(path: Any) -> None:
    """`spacy evaluate` and `spacy find-threshold` read with spaCy's own reader."""
    nlp = spacy.blank("en")
    for (text, triples), eg in zip(TRIPLES, Corpus(path)(nlp)):
        assert [t.text for t in eg.predicted] == text.split()
        assert names(eg.reference) == set(triples)


def test_augmenters_keep_relations(path: Any) -> None:
    """spaCy's augmenters make a new reference without user data."""
    nlp = spacy.blank("en")
    reader = create_corpus_reader(path, augmenter=create_lower_casing_augmenter(1.0))
    for (text, triples), eg in zip(TRIPLES, reader(nlp)):
        assert eg.reference.text == text.lower() + " "
        assert names(eg.reference) == {(s.lower(), label, o.lower()) for s, label, o in triples}
        assert [s.label_ for s in eg.reference.spans["rin"]] == [e.label_ for e in eg.reference.ents]

    def shorten(nlp: Language, example: Any) -> Any:
        yield Example(Doc(nlp.vocab, words=["a"]), Doc(nlp.vocab, words=["a"]))

    with pytest.raises(ValueError, match="R035"):
        list(create_corpus_reader(path, augmenter=shorten)(nlp))


def test_norms_are_those_of_prediction(nlp: Language, tmp_path: Path) -> None:
    doc = nlp.make_doc("She ca n't leave")
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    (example,) = create_corpus_reader(tmp_path / "a.spacy")(nlp)
    assert [t.norm_ for t in example.predicted] == [t.norm_ for t in doc]
    text = "She can't leave"
    DocBin(docs=[nlp.make_doc(text)]).to_disk(tmp_path / "b.spacy")
    (example,) = create_corpus_reader(tmp_path / "b.spacy")(nlp)
    assert [t.norm_ for t in example.predicted] == ["she", "can", "not", "leave"]


def test_no_path() -> None:
    with pytest.raises(ValueError, match="E913"):
        create_corpus_reader(None)
