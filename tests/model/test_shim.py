"""Averages of the parameters of torch networks, and the keys by which an optimizer knows these."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_by_config
from thinc.api import SGD, Adam, Config, Model, Optimizer, fix_random_seed

from spacy_rin.model.networks.bilstm import BiLSTM
from spacy_rin.model.networks.gcn import GCN
from spacy_rin.model.networks.interactive import Interactive
from spacy_rin.model.networks.rin import RIN
from spacy_rin.model.networks.rin_int import RINInt
from spacy_rin.model.wrapper import build_network, network_of, wrap_encoder, wrap_graph, wrap_joint

from ..support import TRIPLES, component_of, make_examples, same_predictions

TEXTS = [text for text, _ in TRIPLES]
Values = dict[Any, Any]


def joint(network: Any) -> Model[Any, Any]:
    layer = wrap_joint(network, mixed_precision=False)
    build_network(layer, 4, 5, 2)
    return layer


def encoder() -> Model[Any, Any]:
    layer = wrap_encoder(BiLSTM(width=4, depth=2))
    build_network(layer, 3)
    return layer


def graph(width: int = 3) -> Model[Any, Any]:
    layer = wrap_graph(GCN(layers=1))
    build_network(layer, width)
    return layer


LAYERS: dict[str, Callable[[], Model[Any, Any]]] = {
    "RIN": lambda: joint(RIN(rounds=2, width=None, entity_layers=1)),
    "RINInt": lambda: joint(RINInt(rounds=1, width=None, entity_layers=1)),
    "Interactive": lambda: joint(Interactive(width=None, entity_layers=1)),
    "BiLSTM": encoder,
    "GCN": graph,
}


def values_of(model: Model[Any, Any]) -> Values:
    """All parameters of a model by the keys that an optimizer gets."""
    values = {}
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                values[node.id, name] = node.get_param(name).copy()
        for shim in node.shims:
            values.update({(shim.id, name): x.detach().numpy().copy() for name, x in shim._model.named_parameters()})
    return values


def same(left: Values, right: Values) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[key], right[key]) for key in left)


def others(values: Values) -> Values:
    return {key: x + 1 for key, x in values.items()}


def test_averages_by_hand() -> None:
    """y = relu(w x + b) of a single token without neighbours, with dy = 1: the gradient of w is x, that of b is 1."""
    layer = graph(1)
    linear = network_of(layer).maps[0]
    linear.weight.data.fill_(2.0)
    linear.bias.data.fill_(1.0)
    optimizer = SGD(1.0, L2=0.0, grad_clip=0.0, use_averages=True)

    def predict(x: float) -> float:
        return float(layer.predict(([np.array([[x]], dtype="f")], [np.array([0])]))[0].item())

    def step() -> None:
        _, backprop = layer.begin_update(([np.ones((1, 1), dtype="f")], [np.array([0])]))
        backprop([np.ones((1, 1), dtype="f")])
        layer.finish_update(optimizer)

    # After t steps, average = d average + (1 - d) value, where d = (1 + t) / (10 + t); it starts at 0.
    step()  # w = 1, b = 0; d = 2 / 11
    with layer.use_params(optimizer.averages):
        assert predict(11.0) == pytest.approx(9.0)  # 9 / 11 * 11 + 0
    step()  # w = 0, b = -1; d = 3 / 12
    with layer.use_params(optimizer.averages):
        assert linear.weight.item() == pytest.approx(9 / 44)  # 1 / 4 * 9 / 11 + 3 / 4 * 0
        assert linear.bias.item() == pytest.approx(-3 / 4)
        assert predict(11.0) == pytest.approx(1.5)
    assert (linear.weight.item(), linear.bias.item(), predict(11.0)) == (0.0, -1.0, 0.0)


@pytest.mark.parametrize("name", LAYERS)
def test_values_come_back(name: str) -> None:
    """Whatever happens inside, and after blocks in blocks."""
    layer = LAYERS[name]()
    before = values_of(layer)
    with layer.use_params(others(before)):
        assert same(values_of(layer), others(before))
        with layer.use_params(others(others(before))):
            assert same(values_of(layer), others(others(before)))
        assert same(values_of(layer), others(before))
    assert same(values_of(layer), before)
    with pytest.raises(KeyboardInterrupt), layer.use_params(others(before)):
        raise KeyboardInterrupt
    assert same(values_of(layer), before)


def test_a_value_that_does_not_fit_changes_nothing() -> None:
    layer = graph(3)
    before = values_of(layer)
    last, value = list(before.items())[-1]
    with pytest.raises(RuntimeError), layer.use_params({**others(before), last: value[:-1]}):
        pass
    assert same(values_of(layer), before)


@pytest.mark.parametrize("name", LAYERS)
def test_others_keep_their_values(name: str) -> None:
    """Keys of other layers, other names and other forms change nothing, nor do parameters change that have no key."""
    layer, neighbour = LAYERS[name](), LAYERS[name]()
    before = values_of(layer)
    ((number, first), value), *_ = before.items()
    foreign = {(number, "other"): value + 1, (number + 10**6, first): value + 1, first: value + 1}
    with layer.use_params({**others(values_of(neighbour)), **foreign}):
        assert same(values_of(layer), before)
    with layer.use_params({(number, first): value + 1}):
        assert same(values_of(layer), {**before, (number, first): value + 1})


def test_parameters_that_do_not_learn_have_no_average() -> None:
    layer = graph(2)
    network_of(layer).maps[0].bias.requires_grad_(False)
    optimizer = Adam(0.1, use_averages=True)
    _, backprop = layer.begin_update(([np.ones((3, 2), dtype="f")], [np.array([0, 0, 1])]))
    backprop([np.ones((3, 2), dtype="f")])
    layer.finish_update(optimizer)
    before = values_of(layer)
    assert optimizer.averages.keys() == {key for key in before if key[1] == "maps.0.weight"}
    with layer.use_params(optimizer.averages):
        assert same(values_of(layer), {**before, **optimizer.averages})


def test_keys() -> None:
    """They stay when parameters are loaded, as those of thinc's layers do. Copies and new parameters have others."""
    layer, loaded = encoder(), encoder()
    seen, own = set(values_of(layer)), set(values_of(loaded))
    assert seen.isdisjoint(own)
    loaded.from_bytes(layer.to_bytes())
    assert set(values_of(loaded)) == own
    before = values_of(loaded)
    assert [x.tolist() for x in before.values()] == [x.tolist() for x in values_of(layer).values()]
    with loaded.use_params(others(before)):
        assert same(values_of(loaded), others(before))
    copied = layer.copy()
    assert [x.tolist() for x in values_of(copied).values()] == [x.tolist() for x in values_of(layer).values()]
    for _ in range(2):
        assert seen.isdisjoint(values_of(copied))
        seen |= set(values_of(copied))
        build_network(copied, 5)


@pytest.fixture
def full() -> Language:
    """A pipeline with all layers that learn: word vectors, hashed affixes, BiLSTM, GCN and joint network."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_trees")
    embed = {"@architectures": "spacy_rin.WordPosEmbed.v1", "width": 32, "pos_width": 0, "affix_width": 8}
    encode = {"@architectures": "spacy_rin.BiLSTMEncoder.v1", "width": 32}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    graph = {"@architectures": "spacy_rin.DependencyGCN.v1", "tok2vec": tok2vec}
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": graph, "rounds": 1}})
    return nlp


@pytest.mark.filterwarnings("ignore:.*W003")
@pytest.mark.filterwarnings("ignore:.*W013")
def test_labels_that_are_added_in_training(full: Language) -> None:
    """All parameters of the component have averages, also those that were made for a new label."""
    examples, component = make_examples(full.vocab), component_of(full)
    full.initialize(lambda: examples)
    optimizer = Adam(0.005, use_averages=True)
    full.update(examples, sgd=optimizer)
    before = values_of(component.model)
    assert before.keys() == optimizer.averages.keys()
    component.add_label("aided")
    grown = values_of(component.model)
    with full.use_params(optimizer.averages):
        used = values_of(component.model)
    for key, value in grown.items():
        assert np.array_equal(used[key], optimizer.averages[key] if key in before else value)
    assert not grown.keys() <= before.keys()
    full.update(examples, sgd=optimizer)
    current = values_of(component.model)
    assert current.keys() <= optimizer.averages.keys()
    with full.use_params(optimizer.averages):
        assert same(values_of(component.model), {key: optimizer.averages[key] for key in current})
        full(TEXTS[0])
    assert same(values_of(component.model), current)


@pytest.mark.filterwarnings("ignore:.*W003")
def test_an_error_inside_a_pipeline(full: Language) -> None:
    """The values of the networks come back. This says nothing of thinc's own layers, which don't look for errors."""
    examples, component = make_examples(full.vocab), component_of(full)
    full.initialize(lambda: examples)
    optimizer = Adam(0.005, use_averages=True)
    full.update(examples, sgd=optimizer)
    before = values_of(component.model)
    with pytest.raises(KeyboardInterrupt), full.use_params(optimizer.averages):
        raise KeyboardInterrupt
    gc.collect()  # spaCy leaves its blocks as soon as nothing holds the error
    after = values_of(component.model)
    networks = {shim.id: network_of(node) for node in component.model.walk() for shim in node.shims}
    keys = [(number, name) for number, network in networks.items() for name, _ in network.named_parameters()]
    assert len(networks) == 3
    assert all(np.array_equal(before[key], after[key]) for key in keys)


def keep(optimizers: list[Optimizer]) -> Callable[[], Optimizer]:
    def create() -> Optimizer:
        optimizers.append(Adam(0.02, use_averages=True))
        return optimizers[-1]

    return create


def test_saved_pipelines_hold_the_averages(full: Language, tmp_path: Path) -> None:
    """Both of those that `spacy train` saves."""
    docs = [example.reference for example in make_examples(full.vocab)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "train.spacy")
    optimizers: list[Optimizer] = []
    spacy.registry.optimizers("tests.kept", func=keep(optimizers))
    reader = {"@readers": "spacy_rin.Corpus.v1", "path": str(tmp_path / "train.spacy")}
    training = {
        "annotating_components": ["tests_trees"],
        **{"max_steps": 80, "eval_frequency": 80, "train_corpus": "corpora.train", "dev_corpus": "corpora.dev"},
        **{"optimizer": {"@optimizers": "tests.kept"}, "score_weights": {"rel_exact_f": 1.0}},
    }
    config = Config(full.config).merge({"corpora": {"train": reader, "dev": reader}, "training": training})
    nlp = init_nlp(config)
    with (tmp_path / "log").open("w") as log:
        train_by_config(nlp, tmp_path, stdout=log, stderr=log)
    component = component_of(nlp)
    current = values_of(component.model)
    with nlp.use_params(optimizers[-1].averages):
        averaged, expected = values_of(component.model), list(nlp.pipe(TEXTS))
    assert same(values_of(component.model), current)
    assert all(not np.array_equal(averaged[key], current[key]) for key in current)
    assert any(doc._.relations for doc in expected)
    for folder in ("model-best", "model-last"):
        saved = spacy.load(tmp_path / folder)
        found = values_of(component_of(saved).model)
        assert [x.tolist() for x in found.values()] == [x.tolist() for x in averaged.values()]
        assert same_predictions(expected, saved.pipe(TEXTS))


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_made_on_the_device_in_use(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thinc.shims.pytorch.get_torch_default_device", lambda: torch.device("meta"))
    assert {parameter.device.type for parameter in network_of(LAYERS[name]()).parameters()} == {"meta"}
