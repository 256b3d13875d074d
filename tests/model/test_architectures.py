"""The registered architectures: what a config sets is what the network does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from spacy import registry
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_rin.model.networks.interactive import Interactive
from spacy_rin.model.networks.joint import JointNetwork, Output
from spacy_rin.model.networks.rin import RIN
from spacy_rin.model.networks.rin_int import RINInt
from spacy_rin.model.wrapper import network_of

from ..support import given_features

LENGTHS = [5, 3]
SENTENCES = torch.tensor([0, 0, 1, 1, 1, 0, 1, 1])
FEATURES = 3.0 * torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
# All pairs of tokens of one text, and true tags and triples; the second text is shorter than the first.
PAIRS = np.array([(i, j) for part in (range(5), range(5, 8)) for i in part for j in part])
GOLD = np.array([[0, 2, 1], [1, 0, 2], [3, 3, 0], [4, 1, 1], [6, 5, 2]])

NETWORKS: dict[str, type[JointNetwork]] = {"RIN": RIN, "RINInt": RINInt, "Interactive": Interactive}
# Settings that change results, each with a value that is not its default.
ROUNDS: dict[str, Any] = {"rounds": 2, "relation_prior": 0.3, "label_smoothing": 0.2, "round_weight": 0.5}
INPUTS: dict[str, Any] = {"use_entities": False, "use_relations": False}
SIZES: dict[str, Any] = {"width": 6, "entity_layers": 2}
CHANGES: dict[str, dict[str, Any]] = {
    "RIN": {**SIZES, **ROUNDS, **INPUTS, "relative_positions": True, "stop_early": True},
    "RINInt": {**SIZES, **ROUNDS, **INPUTS, "use_features": False, "task_features": False, "cell": "rnn"},
    "Interactive": {
        **{**SIZES, "slots": 4, "copy_width": 5, "use_interaction": False, "bidirectional": False},
        **{"share_cells": True, "order": "random", "feed": "own"},
    },
}


def make_docs() -> list[Doc]:
    docs = []
    for features, sentences in zip(FEATURES.split(LENGTHS), SENTENCES.split(LENGTHS)):
        starts = [True, *(sentences.diff() != 0).tolist()]
        doc = Doc(Vocab(), words=["word"] * len(starts), sent_starts=starts)
        doc.tensor = features.numpy()
        docs.append(doc)
    return docs


def build(name: str, **setting: Any) -> Model[Any, Any]:
    """The model by its registered name, for six tags and three relations."""
    model = registry.architectures.get(f"spacy_rin.{name}.v1")(given_features(4), **setting)
    model.set_dim("tags", 6)
    model.set_dim("relations", 3)
    torch.manual_seed(0)
    model.initialize(X=make_docs())
    return model


def score(output: Output) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tags of all tokens, and probabilities of the relations of all pairs, 0 for those that are not found."""
    scores = np.zeros((len(PAIRS), 3), np.float32)
    pairs, labels, probs = output.probable(*PAIRS.T, np.zeros(3))
    scores[pairs, labels] = probs
    return output.tag_scores(), scores


def find_results(predicted: Output, trained: Output, network: JointNetwork) -> list[Any]:
    """Scores, loss, and parameters."""
    torch.manual_seed(1)  # some settings have random effects
    loss, _ = trained.loss(np.ones((8, network.entity_layers), np.int64), GOLD, [True, True], 1.0)
    return [*score(predicted), np.array(loss), *(x.numpy() for x in network.state_dict().values())]


def results_of_model(name: str, **setting: Any) -> list[Any]:
    model = build(name, **setting)
    trained = model.begin_update(make_docs())[0][1]
    return find_results(model.predict(make_docs())[1], trained, network_of(model.get_ref("network")))


def results_of_network(network: JointNetwork) -> list[Any]:
    """What a network gives whose parameters come from the same seed."""
    torch.manual_seed(0)
    network.build(4, 6, 3)
    sentences = [SENTENCES] if network.relative_positions else []
    outputs = []
    for is_train in (False, True):
        with torch.no_grad():
            tensors = network.train(is_train)(FEATURES, LENGTHS, *sentences)
        outputs.append(network.make_output(tensors, LENGTHS, *sentences))
    return find_results(*outputs, network)


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return [x.shape for x in left] == [x.shape for x in right] and all(map(np.allclose, left, right))


@pytest.mark.parametrize(
    ("name", "setting"), [(name, {key: value}) for name in CHANGES for key, value in CHANGES[name].items()], ids=str
)
def test_settings_are_those_of_the_network(name: str, setting: dict[str, Any]) -> None:
    """Each has an effect, which is the same as on the network alone."""
    found = results_of_model(name, **setting)
    assert same(found, results_of_network(NETWORKS[name](**setting)))
    assert not same(found, results_of_model(name))


@pytest.mark.parametrize("name", ["RIN", "RINInt"])
@pytest.mark.parametrize("use_entities", [True, False])
@pytest.mark.parametrize("use_relations", [True, False])
def test_interaction_goes_where_it_may(name: str, use_entities: bool, use_relations: bool) -> None:
    """Relations depend on the classifier of tags, and tags on that of relations, only if its results are used."""
    setting = {"rounds": 2, "relation_prior": 0.3, "use_entities": use_entities, "use_relations": use_relations}
    changed = {}
    for classifier in ("tagger", "relation"):
        model = build(name, **setting)
        tags, relations = score(model.predict(make_docs())[1])
        with torch.no_grad():
            network_of(model.get_ref("network")).get_submodule(classifier).weight.mul_(2.0)
        other_tags, other_relations = score(model.predict(make_docs())[1])
        changed[classifier] = (not np.array_equal(tags, other_tags), not np.array_equal(relations, other_relations))
    assert changed == {"tagger": (True, use_entities), "relation": (use_relations, True)}


@pytest.mark.parametrize("join", ["concat", "mean"])
def test_encoder_joins_directions(join: str) -> None:
    encoder = registry.architectures.get("spacy_rin.BiLSTMEncoder.v1")(width=4, join=join)
    features = FEATURES[:5]
    encoder.initialize(X=[features.numpy()])
    with torch.no_grad():
        both = network_of(encoder).lstm(features)[0]
    expected = both if join == "concat" else (both[:, :4] + both[:, 4:]) / 2
    assert encoder.predict([features.numpy()])[0] == pytest.approx(expected.numpy(), abs=1e-6)
