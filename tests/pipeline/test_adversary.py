"""Adversarial training: the batch is learned a second time, from embeddings that were moved."""

from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import SGD, Model, fix_random_seed

from spacy_rin.model.adversary import Adversary
from spacy_rin.pipeline.factory import DEFAULT_MODEL

from ..support import component_of, make_examples, train

# The features of the component: its own, those of a tok2vec that it shares, and such with an encoder on top.
SHARED = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
ENCODED = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": SHARED,
    "encode": {"@architectures": "spacy_rin.BiLSTMEncoder.v1", "width": 64},
}
FEATURES = {"own": DEFAULT_MODEL["tok2vec"], "shared": SHARED, "encoded": ENCODED}


def make_pipeline(features: str, context: str = "text", **config: Any) -> tuple[Language, list[Any]]:
    fix_random_seed(0)
    nlp = spacy.blank("en")
    if features != "own":
        nlp.add_pipe("tok2vec")
    model = {**DEFAULT_MODEL, "tok2vec": FEATURES[features]}
    nlp.add_pipe("rin_joint", config={"model": model, "context": context, **config})
    examples = make_examples(nlp.vocab)
    nlp.initialize(lambda: examples)
    return nlp, examples


def parameters(nlp: Language) -> dict[Any, Any]:
    """Copy all parameters of a pipeline."""
    nodes = [node for _, pipe in nlp.pipeline for node in pipe.model.walk()]
    found: dict[Any, Any] = {
        (i, name): node.get_param(name).copy()
        for i, node in enumerate(nodes)
        for name in node.param_names
        if node.has_param(name)
    }
    for i, node in enumerate(nodes):
        for shim in node.shims:
            found.update({(i, name): x.detach().numpy().copy() for name, x in shim._model.state_dict().items()})
    return found


def test_moves_by_hand() -> None:
    """Embeddings of norm 5 and a gradient of norm 2: a tenth of 5 is moved along the gradient."""
    received: list[Any] = []

    def forward(model: Model, docs: list[Doc], is_train: bool) -> Any:
        return [np.array([[3.0, 0.0], [0.0, 4.0]]), np.ones((1, 2))], received.append

    embed: Model = Model("embed", forward)
    adversary = Adversary(0.1)
    first, backprop = adversary.read(embed, [])
    assert not adversary.is_ready
    backprop([np.array([[0.0, 0.0], [2.0, 0.0]]), np.zeros((1, 2))])
    assert adversary.is_ready and not received
    second, backprop = adversary.read(embed, [])
    assert np.allclose(first[0], [[3.0, 0.0], [0.0, 4.0]])
    assert np.allclose(second[0], [[3.0, 0.0], [0.5, 4.0]])
    assert np.allclose(second[1], 1.0)  # no gradient, no move
    backprop([np.ones((2, 2)), np.full((1, 2), 3.0)])
    (total,) = received
    assert np.allclose(total[0], [[1.0, 1.0], [3.0, 1.0]]) and np.allclose(total[1], 3.0)


@pytest.mark.parametrize("context", ["text", "sentence"])
@pytest.mark.parametrize("features", FEATURES)
def test_second_loss_is_higher(features: str, context: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp, examples = make_pipeline(features, context, adversarial=0.02)
    component = component_of(nlp)
    losses: list[float] = []
    get_loss = component.get_loss

    def record(*args: Any) -> Any:
        losses.append(get_loss(*args)[0])
        return get_loss(*args)

    monkeypatch.setattr(component, "get_loss", record)
    total = nlp.update(examples, sgd=SGD(0.0))
    assert len(losses) == 2 and losses[1] > losses[0] > 0
    assert total["rin_joint"] == losses[0]


@pytest.mark.parametrize("features", FEATURES)
def test_gradients_of_both_times_add_up(features: str) -> None:
    """If embeddings hardly move, a step of plain gradient descent is twice as long, in all parameters."""
    steps = []
    for share in (0.0, 1e-7):
        nlp, examples = make_pipeline(features, adversarial=share)
        before = parameters(nlp)
        nlp.update(examples, sgd=SGD(0.001, L2=0.0, grad_clip=0.0))
        steps.append({key: x - before[key] for key, x in parameters(nlp).items()})
    moved = [key for key, step in steps[0].items() if np.abs(step).max() > 1e-6]
    assert len(moved) > 10
    for key in moved:
        assert np.allclose(2 * steps[0][key], steps[1][key], rtol=1e-2, atol=1e-5), key


@pytest.mark.parametrize("features", FEATURES)
def test_learns_its_corpus(features: str) -> None:
    nlp, examples = make_pipeline(features, adversarial=0.1)
    train(nlp, examples, 60)
    assert nlp.evaluate(make_examples(nlp.vocab))["rel_exact_f"] == 1.0


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update, and after one that failed, the model holds no batch, and can be saved."""
    nlp, examples = make_pipeline("own", adversarial=0.1)
    component = component_of(nlp)
    nlp.update(examples, sgd=SGD(0.001))
    empty = [type(examples[0]).from_dict(nlp.make_doc(""), {})]
    assert nlp.update(empty, sgd=SGD(0.001))["rin_joint"] == 0.0
    saved = nlp.to_bytes()

    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(component, "get_loss", fail)
    with pytest.raises(MemoryError):
        nlp.update(examples, sgd=SGD(0.001))
    assert "adversary" not in component.model.attrs
    assert len(nlp.to_bytes()) == len(saved)
