"""The component with a network that writes triples one after the other."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rin.evaluation.tuned import tune
from spacy_rin.page.reader import RoundsReader
from spacy_rin.pipeline.factory import DEFAULT_MODEL
from spacy_rin.pipeline.join import join_examples

from ..support import TRIPLES, component_of, make_examples, names, same_predictions, train

TEXTS = [text for text, _ in TRIPLES]
NAME = "spacy_rin.Interactive.v1"


def pipeline(model: dict[str, Any] | None = None, **config: Any) -> Language:
    nlp = spacy.blank("en")
    gcn = {"@architectures": "spacy_rin.DependencyGCN.v1", "tok2vec": DEFAULT_MODEL["tok2vec"], "layers": 1}
    settings = {"@architectures": NAME, "slots": 3, "tok2vec": gcn, **(model or {})}
    nlp.add_pipe("tests_trees")
    nlp.add_pipe("rin_joint", config={"threshold": 0.0, "model": settings, **config})
    return nlp


def learn(nlp: Language, steps: int = 60) -> None:
    examples = make_examples(nlp.vocab)
    for example in examples:
        nlp.get_pipe("tests_trees")(example.predicted)
    train(nlp, examples, steps)


@pytest.fixture(scope="module")
def writer() -> Language:
    nlp = pipeline(context="sentence")
    learn(nlp)
    return nlp


def test_learns_its_corpus(writer: Language) -> None:
    docs = list(writer.pipe(TEXTS))
    assert [names(doc) for doc in docs] == [set(triples) for _, triples in TRIPLES]
    assert all(0.9 < r.score <= 1.0 for doc in docs for r in doc._.relations)
    assert writer.evaluate(make_examples(writer.vocab))["rel_exact_f"] == 1.0
    examples = [Example(doc, eg.reference) for doc, eg in zip(docs, make_examples(writer.vocab))]
    given = component_of(writer).predict_given(examples)
    assert [len(prediction.triples) for prediction in given] == [len(triples) for _, triples in TRIPLES]


def test_survives_copies(writer: Language, tmp_path: Path) -> None:
    docs = list(writer.pipe([*TEXTS, "", " ", "Ada"]))
    texts = [doc.text for doc in docs]
    writer.to_disk(tmp_path)
    assert same_predictions(docs, spacy.load(tmp_path).pipe(texts))
    assert same_predictions(docs, pipeline().from_bytes(writer.to_bytes()).pipe(texts))
    assert same_predictions(docs, writer.pipe(texts, n_process=2))
    assert same_predictions(docs, (writer(text) for text in texts))


def test_reads_sentence_by_sentence(writer: Language) -> None:
    (doc,) = writer.pipe([" ".join(TEXTS)])
    assert len(doc._.relations) == sum(len(triples) for _, triples in TRIPLES)


def test_settings_of_the_component(writer: Language) -> None:
    component = component_of(writer)
    (found,) = writer(TEXTS[0])._.relations
    with component.settings(threshold=1.0):
        assert not writer(TEXTS[0])._.relations
    with component.settings(thresholds={"born_in": 1.0}):
        assert not writer(TEXTS[0])._.relations and len(writer(TEXTS[3])._.relations) == 2
    with component.settings(calibration={"born_in": [1.0, -2.0]}):
        logit = np.log(found.score / (1 - found.score)) - 2.0
        assert writer(TEXTS[0])._.relations[0].score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-3)
    before = component.constraints
    try:
        component.set_constraints({"born_in": {"types": [["ORG", "ORG"]]}})
        assert not writer(TEXTS[0])._.relations
    finally:
        component.set_constraints(before)
    with pytest.raises(ValueError, match=r"R010.*trained without rounds"), component.settings(rounds=1):
        pass


def test_tune_and_page(writer: Language) -> None:
    tuning = tune(writer, make_examples(writer.vocab), folds=2)
    assert tuning.choices["present"].scores.fscore == 1.0
    reader = RoundsReader(writer)
    assert reader.rounds == 0
    (doc,) = reader.read(TEXTS[0], threshold=0.0, rounds=0)
    assert names(doc) == set(TRIPLES[0][1])


def test_windows(writer: Language) -> None:
    """In a long text, each window writes triples between its own tokens."""
    model = component_of(writer).model
    before = dict(model.attrs)
    model.attrs.update(context="text", max_length=7, overlap=0)
    try:
        doc = writer(" ".join([TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[4]]))
    finally:
        model.attrs.update(before)
    assert {(r.subject.start // 7, r.subject.text, r.label, r.object.text) for r in doc._.relations} == {
        (window, *triple) for window, text in enumerate((0, 1, 3, 4)) for triple in TRIPLES[text][1]
    }


def test_more_triples_than_slots() -> None:
    nlp = pipeline(context="text")
    example = join_examples(make_examples(nlp.vocab)[:3])
    nlp.get_pipe("tests_trees")(example.predicted)
    with pytest.warns(UserWarning, match=r"W006.*\(3\)") as caught:
        train(nlp, [example], 80)
    assert len(caught) == 1
    doc = nlp(Doc(nlp.vocab, words=[token.text for token in example.reference]))
    # The first of the four in the order of the text.
    assert names(doc) == {("Ada Brook", "born_in", "Larne"), ("Tom Hale", "born_in", "Wick")}
    assert len(doc._.relations) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([example], sgd=nlp.create_optimizer())


def test_as_many_triples_as_slots() -> None:
    """Nothing is lost, and no warning says so."""
    nlp = pipeline({"slots": 4}, context="text")
    example = join_examples(make_examples(nlp.vocab)[:3])
    assert len(example.reference._.relations) == 4
    nlp.get_pipe("tests_trees")(example.predicted)
    optimizer = nlp.initialize(lambda: [example])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([example], sgd=optimizer)


BAD = [{"slots": 0}, {"copy_width": 0}, {"order": "label"}, {"feed": "none"}, {"width": 0}, {"entity_layers": 0}]


@pytest.mark.parametrize("setting", BAD)
def test_bad_settings(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"R010.*'{next(iter(setting))}'"):
        pipeline(setting)


def test_loss_vanishes_without_annotation() -> None:
    nlp = pipeline(context="text")
    component = component_of(nlp)
    learn(nlp, steps=1)
    examples = make_examples(nlp.vocab)
    scores, _ = component.model.begin_update([eg.predicted for eg in examples])
    for eg in examples:
        eg.reference.user_data.clear()
    loss, (tags, *others) = component.get_loss(examples, scores)
    assert loss > 0.0 and tags.any()  # entities alone teach tags alone
    assert not any(grad.any() for grad in others)
    assert component.update(make_examples(nlp.vocab, [("", [])])) == {"rin_joint": 0.0}
