"""The plain forms that speed is measured against compute what the package computes."""

from pathlib import Path

import benchmark
import numpy as np
import plain_rin
import pytest
import torch

from spacy_rin.model.networks.rin import RIN

SCRIPT = Path(__file__).parents[2] / "project" / "scripts" / "plain_rin.py"


@pytest.mark.parametrize("split", [False, True])
def test_plain_forms_equal_ours(split: bool) -> None:
    torch.manual_seed(0)
    lengths, gold_tags = [4, 1, 3], np.array([[0], [1], [2], [3], [4], [0], [0], [4]])
    triples = np.array([[0, 3, 1], [5, 7, 0], [7, 5, 2]])
    ours = RIN(rounds=2, relation_prior=0.3)
    ours.build(6, plain_rin.N_TAGS, 3)
    plain = plain_rin.PlainRIN(3, 2, 6, split)
    state = ours.state_dict()
    state["pair.weight"] = torch.cat(state.pop("pair_terms.weight").chunk(2), 1)
    plain.load_state_dict(state)
    features = torch.randn(8, 6)
    results = []
    for network in (ours, plain):
        x = features.clone().requires_grad_()
        tensors = network(x, lengths)
        output = benchmark.make_output(network, tensors, lengths)
        loss, grads = output.loss(gold_tags, triples, [True] * 3, 0.5)
        torch.autograd.backward(tensors[: len(grads)], grads)
        with torch.no_grad():
            output = benchmark.make_output(network, network.eval()(features, lengths), lengths)
        found = output.probable(np.array([0, 3, 5, 7]), np.array([3, 1, 6, 7]), np.full(3, 0.3))
        results.append((loss, x.grad, output.tag_scores(), *found))
    assert len(results[0][3]) > 2
    for mine, theirs in zip(*results):
        assert np.allclose(mine, theirs, atol=1e-5)


def test_every_network_is_measured() -> None:
    """A step gives every parameter a gradient, and prediction finds what it is asked for."""
    for form in benchmark.NETWORKS:
        subject = benchmark.Subject(form, benchmark.Shape(9, 4, 1, batch=2, width=6))
        subject.train()
        assert all(parameter.grad is not None for parameter in subject.network.parameters()), form
        subject.predict()
