"""The network with bidirectional interaction against values by hand and a plain form of its equations."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from spacy_rin.model.networks.interactive import (
    BEGIN,
    NOTHING,
    Interactive,
    InteractiveOutput,
    Packed,
    make_actions,
)


def make_network(seed: int = 0, **setting: Any) -> Interactive:
    torch.manual_seed(seed)
    network = Interactive(**{"slots": 2, "copy_width": 3, **setting})
    network.build(4, 5, 3)
    return network.double()


def pack(lengths: list[int], width: int = 4) -> Packed:
    return Packed.of(lengths, torch.randn(sum(lengths), width, dtype=torch.float64))


def one_number_network(**weights: Any) -> Interactive:
    """A network of width 1 whose parameters are 0 but for those that are given."""
    network = Interactive(slots=1, copy_width=1)
    network.build(1, 5, 2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.tensor(weights.get(name.replace(".", "_"), 0.0)))
    return network


def test_attention_by_hand() -> None:
    # Scores of the tokens are v tanh(Ua o) = 0 and ln 3 if tanh(Ua · ln 3) = 0.8 and v = ln 3 / 0.8.
    ln3 = math.log(3.0)
    network = one_number_network(attention_token_weight=math.atanh(0.8) / ln3, attention_score_weight=ln3 / 0.8)
    packed = Packed.of([2, 1], torch.tensor([[0.0], [ln3], [5.0]]))
    context = network.attend(packed, network.attention_token(packed.tokens), torch.zeros(2, 1))
    # Weights are 1/4 and 3/4; a sequence of one token attends to it alone.
    assert context.flatten().tolist() == pytest.approx([0.75 * ln3, 5.0])


def test_copy_scores_by_hand() -> None:
    network = one_number_network(copy_state_weight=1.0, copy_token_weight=1.0, copy_score_weight=2.0)
    packed = Packed.of([2, 1], torch.tensor([[1.0], [-1.0], [0.5]]))
    scores = network.copy_logits(packed, network.copy_token(packed.tokens), torch.tensor([[0.5], [0.0]]))
    # SELU(x) is 1.0507 x above 0, and 1.7581 (exp(x) - 1) below.
    expected = [[2 * 1.0507 * 1.5, 2 * 1.7581 * (math.exp(-0.5) - 1)], [2 * 1.0507 * 0.5, -math.inf]]
    for row, values in zip(scores.tolist(), expected):
        assert row == pytest.approx(values, rel=1e-4)


def test_written_by_hand() -> None:
    """Without a state all steps are biases: relation 1 over 0 over nothing, and any token over nothing."""
    network = one_number_network(relation_bias=[0.0, math.log(2.0)], nothing_bias=-math.log(4.0))
    output = network.make_output((torch.zeros(3, 5), torch.ones(3, 1)), [1, 2])
    # P(relation 1) = 2 / (2 + 1 + 1/4), and P(token) = 1 / (n + 1/4): copies score 0, and the first of equals wins.
    probs = [8 / 13 * (4 / 5) ** 2, 8 / 13 * (4 / 9) ** 2]
    assert output.written == {(0, 0): {1: pytest.approx(probs[0])}, (1, 1): {1: pytest.approx(probs[1])}}
    pairs, labels, scores = output.probable(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]), np.zeros(2))
    assert (pairs.tolist(), labels.tolist()) == ([0, 2], [1, 1])
    assert scores.tolist() == pytest.approx(probs)
    assert output.probable(np.array([0, 1]), np.array([0, 1]), np.array([0.0, 0.2]))[0].tolist() == [0]
    # A probability that equals the threshold is enough, in the precision of what is returned.
    for above in (0.0, 1e-9):
        thresholds = np.array([0.0, output.written[0, 0][1] + above])
        assert output.probable(np.array([0]), np.array([0]), thresholds)[0].tolist() == [0]
    assert len(output.probable(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(2))[0]) == 0
    # Logits are halved and raised by 1.
    logit = math.log(probs[0] / (1 - probs[0])) / 2 + 1
    calibrated = output.calibrated(np.array([1.0, 0.5]), np.array([9.0, 1.0]))
    assert calibrated.written[0, 0][1] == pytest.approx(1 / (1 + math.exp(-logit)))
    # The loss of relation 0 between tokens 2 and 1 for the second sequence; the first is not known.
    loss, grads = output.loss(np.full((3, 1), -1), np.array([[2, 1, 0]]), [False, True], 0.5)
    assert loss == pytest.approx(-0.5 * (math.log(4 / 13) + 2 * math.log(4 / 9)))
    assert [x.shape for x in grads] == [x.shape for x in network(torch.ones(3, 1), [1, 2])]


def test_a_part_is_missing() -> None:
    """If a step writes nothing, there is no triple; what is written twice counts once."""
    network = one_number_network(relation_bias=[0.0, 1.0], nothing_bias=0.5)
    network.slots = 3  # all places are equal, as nothing depends on the state
    network.decode_cells = nn.ModuleList([network.decode_cells[0]])
    network.interaction_forward = nn.ModuleList([network.interaction_forward[0]])
    network.interaction_backward = nn.ModuleList([network.interaction_backward[0]])
    tensors = (torch.zeros(2, 5), torch.ones(2, 1))
    assert network.make_output(tensors, [2]).written == {}
    with torch.no_grad():
        network.nothing.bias.fill_(-1.0)
    assert list(network.make_output(tensors, [2]).written) == [(0, 0)]
    assert len(network.make_output(tensors, [2]).written[0, 0]) == 1


@pytest.mark.parametrize("probs", [(0.6, 0.2), (0.2, 0.6)])
def test_of_equal_triples_the_best_counts(probs: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network()
    log_probs = torch.tensor([[[math.log(prob), 0.0, 0.0] for prob in probs]])
    monkeypatch.setattr(network, "write", lambda *_: (torch.tensor([[[2, 1, 3], [2, 1, 3]]]), log_probs))
    output = network.make_output((torch.zeros(3, 5), torch.zeros(3, 4)), [3])
    assert output.written == {(0, 2): {1: pytest.approx(0.6)}}


class Plain:
    """The equations for one sequence, step by step, with concatenations and sums written out."""

    def __init__(self, network: Interactive, tokens: Tensor):
        self.n, self.o = network, tokens
        self.mean = tokens.sum(0) / len(tokens)

    def cell(self, cells: Any, slot: int, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        lstm = cells[0 if self.n.share_cells else slot]
        gates = lstm.weight_ih @ x + lstm.bias_ih + lstm.weight_hh @ h + lstm.bias_hh
        i, f, g, o = gates.chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def context(self, h: Tensor) -> Tensor:
        n = self.n
        w = torch.cat([n.attention_state.weight, n.attention_token.weight], 1)
        scores = [
            n.attention_score.weight[0] @ torch.tanh(w @ torch.cat([h, o]) + n.attention_token.bias) for o in self.o
        ]
        exps = torch.exp(torch.stack(scores))
        return torch.stack([e * o for e, o in zip(exps / exps.sum(), self.o)]).sum(0)

    def interactive(self) -> list[list[Tensor]]:
        n, layer = self.n, []
        f = c = torch.zeros_like(self.mean)
        for slot in range(n.slots):
            f, c = 0.5 * (self.mean + f), 0.5 * c
            xs, fs = [], []
            for _ in range(3):
                xs.append(n.interaction_input.weight @ self.context(f))
                f, c = self.cell(n.interaction_forward, slot, xs[-1], f, c)
                fs.append(f)
            if n.bidirectional:
                g = d = torch.zeros_like(self.mean)
                gs = []
                for x in xs[::-1]:
                    g, d = self.cell(n.interaction_backward, slot, x, g, d)
                    gs.insert(0, g)
                fs = [(a + b) / 2 for a, b in zip(fs, gs)]
            layer.append(fs)
        return layer

    def log_probs(self, gold: list[list[int]]) -> list[Tensor]:
        n, found = self.n, []
        layer = self.interactive() if n.use_interaction else None
        w1 = torch.cat([n.copy_state.weight, n.copy_token.weight], 1)
        h = c = torch.zeros_like(self.mean)
        for slot, actions in enumerate(gold):
            h, c = 0.5 * (self.mean + h), 0.5 * c
            u = n.marks.weight[BEGIN]
            for step, action in enumerate(actions):
                x = layer[slot][step] if layer else self.context(h)
                h, c = self.cell(n.decode_cells, slot, n.decode_input(torch.cat([u, x])), h, c)
                if step == 0:
                    q = n.relation.weight @ h + n.relation.bias
                else:
                    q = torch.stack([(n.copy_score.weight @ F.selu(w1 @ torch.cat([h, o])))[0] for o in self.o])
                logits = torch.cat([n.nothing.weight @ h + n.nothing.bias, q])
                found.append(logits[action] - torch.logsumexp(logits, 0))
                fed = action if n.feed == "gold" else int(logits.argmax())
                vectors = n.relation_vectors.weight if step == 0 else self.o
                u = vectors[fed - 1] if fed else n.marks.weight[NOTHING]
        return found


SETTINGS: list[dict[str, Any]] = [
    {},
    {"bidirectional": False},
    {"use_interaction": False},
    {"share_cells": True},
    {"feed": "own"},
    {"feed": "own", "use_interaction": False, "share_cells": True},
    {"entity_layers": 1, "width": 6},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@settings(deadline=None, max_examples=6)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), data=st.data())
def test_network_equals_plain_form(setting: Any, lengths: list[int], data: Any) -> None:
    """Loss and all gradients, of packed sequences."""
    network = make_network(**setting)
    triples, ends = set(), np.cumsum(lengths).tolist()
    for length, end in zip(lengths, ends):
        place = st.integers(end - length, end - 1)
        triples |= set(data.draw(st.lists(st.tuples(place, place, st.integers(0, 2)), max_size=3)))
    gold = np.array(sorted(triples), np.int64).reshape(-1, 3)
    known = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    features = torch.randn(sum(lengths), 4, dtype=torch.float64, requires_grad=True)
    tags = np.zeros((sum(lengths), 1), np.int64)

    tensors = network(features, lengths)
    loss, grads = network.make_output(tensors, lengths).loss(tags, gold, known, 0.5)
    torch.autograd.backward(tensors, grads)

    tokens = network.project(features)
    expected = F.cross_entropy(network.tagger(tokens), torch.zeros(sum(lengths)).long(), reduction="sum")
    for sequence, end, wanted in zip(tokens.split(lengths), ends, known):
        start = end - len(sequence)
        own = [(label + 1, i - start + 1, j - start + 1) for i, j, label in gold.tolist() if start <= i < end]
        actions = [*own, (0, 0, 0), (0, 0, 0)][: network.slots]
        if wanted:
            expected = expected - torch.stack(Plain(network, sequence).log_probs(actions)).sum()
    assert loss == pytest.approx(0.5 * expected.item())
    inputs = [features, *network.parameters()]
    for mine, theirs in zip(inputs, torch.autograd.grad(0.5 * expected, inputs, allow_unused=True)):
        assert torch.allclose(mine.grad, torch.zeros_like(mine) if theirs is None else theirs)


@pytest.mark.parametrize("order", ["text", "random"])
def test_order_of_learning(order: str) -> None:
    """The loss is that of the order of the text, or of another order each time."""
    network, lengths = make_network(order=order), [3]
    tokens = pack(lengths).tokens
    gold = np.array([[0, 2, 1], [1, 0, 2]])
    actions = [(label + 1, subject + 1, object_ + 1) for subject, object_, label in gold.tolist()]
    possible = [-sum(Plain(network, tokens).log_probs(each)).item() for each in (actions, actions[::-1])]
    assert not np.isclose(*possible)
    output = network.make_output((torch.zeros(3, 5, dtype=torch.float64), tokens), lengths)
    seen = set()
    for seed in range(10):
        torch.manual_seed(seed)
        loss, _ = output.loss(np.full((3, 1), -1), gold, [True], 1.0)
        seen.update(np.isclose(possible, loss).nonzero()[0].tolist() or [None])
    assert seen == ({0, 1} if order == "random" else {0})


def test_batch_equals_one_by_one() -> None:
    network, lengths = make_network(slots=3), [4, 1, 6, 2]
    tokens = pack(lengths).tokens * 3
    together = network.write(tokens, lengths)
    apart = [network.write(x, [len(x)]) for x in tokens.split(lengths)]
    for mine, theirs in zip(together, zip(*apart)):
        assert torch.allclose(mine, torch.cat(theirs))
    # What was written scores as the same gold does.
    actions, log_probs = together
    assert torch.allclose(network.write(tokens, lengths, actions)[1], log_probs)
    assert len({tuple(row) for row in actions.flatten(0, 1).tolist()}) > 2  # else the test says little


@pytest.mark.parametrize("bidirectional", [True, False])
def test_interaction_goes_both_ways(bidirectional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of the relation depends on the context of the last entity only by the backward cell."""
    network, packed = make_network(bidirectional=bidirectional), pack([3, 2])
    contexts: list[Tensor] = []

    def attend(packed: Packed, keys: Tensor, state: Tensor) -> Tensor:
        contexts.append(torch.randn(2, 4, dtype=torch.float64, requires_grad=True))
        return contexts[-1]

    monkeypatch.setattr(network, "attend", attend)
    relation, _, object_ = network.interact(packed, packed.tokens)[0]
    backward = torch.autograd.grad(relation.sum(), contexts[2], retain_graph=True, allow_unused=True)[0]
    assert (backward is not None and bool(backward.abs().min() > 0)) == bidirectional
    forward = torch.autograd.grad(object_.sum(), contexts[0])[0]
    assert forward.abs().min() > 0


def test_scores_depend_on_the_state() -> None:
    """A linear score would move all tokens alike; both scores have a nonlinearity, so that the state has a say."""
    network, packed = make_network(), pack([4])
    keys, states = network.copy_token(packed.tokens), torch.randn(2, 1, 4, dtype=torch.float64)
    copies = [network.copy_logits(packed, keys, state).softmax(1) for state in states]
    assert not torch.allclose(*copies, atol=1e-4)
    contexts = [network.attend(packed, network.attention_token(packed.tokens), state) for state in states]
    assert not torch.allclose(*contexts, atol=1e-4)


def test_gradcheck() -> None:
    network, lengths = make_network(slots=1), [2, 1]
    tokens = pack(lengths).tokens.requires_grad_()
    gold = torch.tensor([[[2, 1, 2]], [[0, 0, 0]]])
    assert torch.autograd.gradcheck(lambda x: network.write(x, lengths, gold)[1], tokens)


def test_actions() -> None:
    triples = np.array([[4, 3, 1], [3, 5, 0], [0, 1, 2], [3, 4, 0], [3, 4, 2]])
    # Sequences of 2, 1 and 3 tokens; the second has no triple, and the third one more than there are places.
    assert make_actions(triples, [2, 1, 3], 3, "text").tolist() == [
        [[3, 1, 2], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0]] * 3,
        [[1, 1, 2], [3, 1, 2], [1, 1, 3]],
    ]
    assert make_actions(np.empty((0, 3), np.int64), [2], 1, "text").tolist() == [[[0, 0, 0]]]
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        actions = make_actions(triples, [2, 1, 3], 4, "random")
        assert actions[0].tolist() == [[3, 1, 2], *[[0, 0, 0]] * 3]
        assert sorted(actions[2].tolist()) == [[1, 1, 2], [1, 1, 3], [2, 2, 1], [3, 1, 2]]
        seen.add(actions[2].tobytes())
    assert len(seen) > 5


def test_sizes_come_from_the_state() -> None:
    for setting in SETTINGS:
        network = make_network(**setting)
        again = Interactive(**{"slots": 2, "copy_width": 3, **setting})
        again.build_like(network.state_dict())
        again.load_state_dict(network.state_dict())
        assert again.n_features == 4
        assert isinstance(again.make_output(again(torch.ones(2, 4), [2]), [2]), InteractiveOutput)
