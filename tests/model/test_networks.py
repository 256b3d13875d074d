"""The networks against values worked out by hand and a plain dense reference."""

import itertools
import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from spacy_rin.model.networks.bilstm import BiLSTM
from spacy_rin.model.networks.chunks import FORMS, BlockChunk, IndexChunk, cut_blocks
from spacy_rin.model.networks.pairs import (
    Terms,
    _pair_max_backward_dense,
    _pair_max_backward_sparse,
    _pair_max_forward,
    pair_loss,
    pair_max,
)
from spacy_rin.model.networks.pairwise import PairTensors
from spacy_rin.model.networks.positions import N_POSITIONS, Positions
from spacy_rin.model.networks.rin import RIN, PaperGRU
from spacy_rin.model.networks.rin_int import RINInt

shapes = st.fixed_dictionaries(
    {
        "lengths": st.lists(st.integers(1, 6), min_size=1, max_size=4),
        "width": st.integers(1, 5),
        "labels": st.integers(1, 4),
        "size": st.integers(1, 40),
        "seed": st.integers(0, 1000),
    }
)


@pytest.fixture(scope="module", params=[BlockChunk, IndexChunk], ids=["blocks", "index"])
def form(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compute pairs in the form for a CPU, and in that for a GPU."""
    FORMS["cpu"] = request.param
    yield
    del FORMS["cpu"]


def random_positions(lengths: list[int], width: int) -> Positions:
    """A table, and sentences of one to three tokens that begin anew in each sequence."""
    sentences = [(torch.rand(length) < 0.5).cumsum(0) for length in lengths]
    return Positions(torch.randn(N_POSITIONS, width, dtype=torch.float64).requires_grad_(), torch.cat(sentences))


def random_pairs(
    lengths: list[int], width: int, labels: int, seed: int, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    torch.manual_seed(seed)
    n = sum(lengths)
    tensors = [torch.randn(*shape, dtype=dtype) for shape in [(n, width), (n, width), (labels, width), (labels,)]]
    return [x.requires_grad_() for x in tensors]


def dense_logits(
    subjects: Tensor, objects: Tensor, weight: Tensor, bias: Tensor | float, positions: Positions | None = None
) -> Tensor:
    terms = subjects[:, None] + objects[None]
    if positions is not None:
        terms = terms + dense_positions(*positions)
    return torch.relu(terms) @ weight.T + bias


def dense_positions(table: Tensor, sentences: Tensor) -> Tensor:
    """The term of relative positions of all pairs of one sequence, pair by pair."""
    rows = []
    for i, j in itertools.product(range(len(sentences)), repeat=2):
        step = sum(abs(j - i) >= least for least in (1, 2, 3, 5, 9, 17, 33))
        apart = max(-3, min(3, int(sentences[j] - sentences[i])))
        rows.append(table[7 + step if j > i else 7 - step] + table[15 + 3 + apart])
    return torch.stack(rows).view(len(sentences), len(sentences), -1)


def split_positions(positions: Positions | None, lengths: list[int]) -> list[Positions | None]:
    if positions is None:
        return [None] * len(lengths)
    return [Positions(positions.table, x) for x in positions.sentences.split(lengths)]


def split(lengths: list[int], *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(x.split(lengths) for x in tensors))


Round = tuple[Tensor, Tensor]  # logits of tags and of pairs


def reference_rin(network: RIN, features: Tensor, sentences: Tensor | None = None) -> list[Round]:
    """The paper's equations for one sequence, pair by pair: eq. 2-7 with the concatenation written out. With sentences,
    the term of relative positions is added. One result for each number of rounds, from 0 to K.
    """
    terms: Any = itertools.repeat(itertools.repeat(0.0))
    if sentences is not None:
        terms = dense_positions(network.table, sentences)
    wm = torch.cat(network.pair_terms.weight.chunk(2), 1)
    wr, br = network.relation.weight, network.relation.bias

    def classify_relations(hr: Tensor) -> Tensor:
        rows = [
            [wr @ torch.relu(wm @ torch.cat([subject, object_]) + term) + br for object_, term in zip(hr, row)]
            for subject, row in zip(hr, terms)
        ]
        return torch.stack([torch.stack(row) for row in rows])

    def classify_tags(he: Tensor) -> Tensor:
        return he @ network.tagger.weight.T + network.tagger.bias

    def gru(cell: PaperGRU, y: Tensor, h: Tensor) -> Tensor:
        d = h.shape[1]
        recurrent = [*cell.gates.weight.split(d), cell.candidate.weight]
        wz, wu, wo = (torch.cat(pair, 1) for pair in zip(recurrent, cell.input.weight.split(d)))
        hy = torch.cat([h, y], 1)
        z, u = torch.sigmoid(hy @ wz.T), torch.sigmoid(hy @ wu.T)
        candidate = torch.tanh(torch.cat([u * h, y], 1) @ wo.T)
        return (1 - z) * h + z * candidate

    h = network.project(features)
    he = hr = h
    results = [(classify_tags(he), classify_relations(hr))]
    for _ in range(network.rounds):
        ye = torch.cat([torch.softmax(y, 1) for y in classify_tags(he).chunk(network.entity_layers, 1)], 1)
        yr = torch.sigmoid(classify_relations(hr)).amax(1)
        hr, he = gru(network.gru_r, yr, h), gru(network.gru_e, ye, h)
        h = h + (hr if network.use_relations else 0) + (he if network.use_entities else 0)
        results.append((classify_tags(he), classify_relations(hr)))
    return results


def test_gru_resets_before_the_product() -> None:
    cell = PaperGRU(1, 1)
    with torch.no_grad():
        cell.gates.weight[:] = torch.tensor([[1.0], [0.0]])  # z from h
        cell.candidate.weight[:] = 3.0
        cell.input.weight[:] = torch.tensor([[0.0], [2.0], [0.5]])  # u from y
    h, y = 0.4, 0.3
    z, u = 1 / (1 + np.exp(-h)), 1 / (1 + np.exp(-2 * y))
    expected = (1 - z) * h + z * np.tanh(3 * u * h + 0.5 * y)
    assert cell(torch.tensor([[y]]), torch.tensor([[h]])).item() == pytest.approx(expected, rel=1e-6)


def test_initial_ranges() -> None:
    """Each matrix of the paper has the range of a linear layer with all of its columns, also where it is split."""
    torch.manual_seed(0)
    network = RIN()
    network.build(n_features=50, n_tags=50, n_relations=150)
    for name, parameter in network.named_parameters():
        n_columns = {"gru_e": 50 + 50, "gru_r": 50 + 150, "pair_terms": 2 * 50}.get(name.split(".")[0])
        if n_columns:
            ends = [parameter.min().item(), parameter.max().item()]
            assert ends == pytest.approx([-(n_columns**-0.5), n_columns**-0.5], rel=0.01), name


def test_pair_max_is_over_objects(form: None) -> None:
    subjects, objects = torch.tensor([[1.0], [-1.0]]), torch.tensor([[0.5], [2.0]])
    # relu(s_i + o_j): row 0 is 1.5, 3; row 1 is 0, 1
    weight = torch.tensor([[1.0], [-1.0]])
    assert pair_max(subjects, objects, weight, [2], 100).tolist() == [[3.0, -1.5], [1.0, 0.0]]
    # Apart, each token is paired with itself alone.
    assert pair_max(subjects, objects, weight, [1, 1], 100).tolist() == [[1.5, -1.5], [1.0, -1.0]]


@given(lengths=st.lists(st.integers(0, 9), max_size=6), size=st.integers(1, 50))
def test_chunks_hold_every_pair_once(lengths: Any, size: Any) -> None:
    pairs = []
    for chunk in cut_blocks(lengths, size):
        found = []
        for block in chunk:
            assert block.low == len(found)
            found += [(i, j) for i in range(block.start, block.stop) for j in range(block.first, block.last)]
            assert block.high == len(found)
        assert len(found) <= size or (len(chunk) == 1 and chunk[0].stop - chunk[0].start == 1)
        pairs += found
    starts = np.cumsum([0, *lengths])
    assert pairs == [(i, j) for a, b in itertools.pairwise(starts) for i in range(a, b) for j in range(a, b)]


def test_relative_positions_have_a_sign_and_steps() -> None:
    sentences = torch.tensor([0, 0, 0, 1, 1, 2, 9])
    positions = Positions(torch.eye(N_POSITIONS), sentences)

    def rows(i: int, j: int) -> list[int]:
        (term,) = positions.terms(positions.codes(torch.tensor([i]), torch.tensor([j])))
        found: list[int] = term.nonzero().flatten().tolist()
        return found

    # Rows 0 to 14 are for tokens, 7 for none between; rows 15 to 21 for sentences, 18 for the same one.
    assert rows(2, 2) == [7, 18]
    assert rows(0, 1) == [8, 18] and rows(1, 0) == [6, 18]
    assert rows(0, 3) == [10, 19] and rows(0, 4) == [10, 19] and rows(4, 0) == [4, 17]
    assert rows(0, 5) == [11, 20] and rows(0, 6) == [11, 21] and rows(6, 0) == [3, 15]


@settings(deadline=None)
@given(shape=shapes, ties=st.booleans(), relative=st.booleans())
@example(shape={"lengths": [4, 6], "width": 3, "labels": 70, "size": 30, "seed": 0}, ties=False, relative=True)
@example(shape={"lengths": [4, 6], "width": 3, "labels": 70, "size": 30, "seed": 0}, ties=True, relative=False)
@example(shape={"lengths": [40, 2], "width": 3, "labels": 2, "size": 99, "seed": 0}, ties=False, relative=True)
def test_pair_max_equals_dense(form: None, shape: Any, ties: Any, relative: Any) -> None:
    lengths, size = shape["lengths"], shape["size"]
    subjects, objects, weight, _ = random_pairs(lengths, shape["width"], shape["labels"], shape["seed"])
    positions = random_positions(lengths, shape["width"]) if relative and not ties else None
    if ties:
        # Equal objects tie everywhere; the values are the same whoever wins.
        objects = (objects.detach() * 0).requires_grad_()
    inputs = (subjects, objects, weight, *([] if positions is None else [positions.table]))
    ours = pair_max(subjects, objects, weight, lengths, size, positions=positions)
    parts = zip(split(lengths, subjects, objects), split_positions(positions, lengths))
    dense = torch.cat([dense_logits(s, o, weight, 0.0, p).max(1).values for (s, o), p in parts])
    assert torch.allclose(ours, dense)
    upstream = torch.randn_like(ours)
    grads = [torch.autograd.grad((y * upstream).sum(), inputs) for y in (ours, dense)]
    for name, mine, theirs in zip(["subjects", "objects", "weight", "table"], *grads):
        if ties and name == "objects":
            # A tie may go to another object, of the same sequence.
            mine, theirs = ([x.sum(0) for x in g.split(lengths)] for g in (mine, theirs))
            assert all(torch.allclose(a, b) for a, b in zip(mine, theirs))
        else:
            assert torch.allclose(mine, theirs), name


def test_pair_max_of_what_is_no_number(form: None) -> None:
    """A training that went wrong is told by its loss, not by a place outside of a tensor."""
    subjects, objects, weight, _ = random_pairs([3, 2], 4, 80, seed=1)
    ours = pair_max(subjects * torch.nan, objects, weight, [3, 2], 4)
    assert ours.isnan().all()
    ours.sum().backward()
    assert objects.grad is not None


def test_pair_max_gradcheck(form: None) -> None:
    subjects, objects, weight, _ = random_pairs([3, 2], 4, 3, seed=1)
    assert torch.autograd.gradcheck(lambda *x: pair_max(*x, [3, 2], 4), (subjects, objects, weight))


@settings(deadline=None)
@given(shape=shapes, relative=st.booleans(), data=st.data())
def test_pair_loss_equals_dense(form: None, shape: Any, relative: Any, data: Any) -> None:
    lengths, labels = shape["lengths"], shape["labels"]
    tensors = random_pairs(lengths, shape["width"], labels, shape["seed"])
    subjects, objects, weight, bias = tensors
    positions = random_positions(lengths, shape["width"]) if relative else None
    known = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    gold, dense_loss, offset = set(), 0.0, 0
    parts = zip(known, subjects.split(lengths), objects.split(lengths), split_positions(positions, lengths))
    for wanted, s, o, p in parts:
        length = len(s)
        target = torch.zeros(length, length, labels, dtype=torch.float64)
        token = st.integers(0, length - 1)
        for i, j, t in data.draw(st.lists(st.tuples(token, token, st.integers(0, labels - 1)), max_size=5)):
            target[i, j, t] = 1.0
            gold.add((i + offset, j + offset, t))
        if wanted:
            logits = dense_logits(s, o, weight, bias, p)
            dense_loss = dense_loss + F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
        offset += length
    gold = torch.tensor(list(gold), dtype=torch.int64).view(-1, 3)
    with torch.no_grad():
        loss, (*grads, d_table) = pair_loss(
            subjects, objects, weight, bias, lengths, gold, known, shape["size"], positions=positions
        )
    assert (d_table is None) == (positions is None)
    if positions is not None:
        tensors.append(positions.table)
        grads.append(d_table)
    if not any(known):
        assert loss == 0.0
        assert all(not grad.any() for grad in grads)
        return
    assert loss == pytest.approx(dense_loss.item())
    for mine, theirs in zip(grads, torch.autograd.grad(dense_loss, tensors)):
        assert torch.allclose(mine, theirs)


@pytest.mark.parametrize("rounds", [0, 1, 3])
@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"use_entities": False},
        {"use_relations": False},
        {"width": 6},
        {"entity_layers": 2},
        {"relative_positions": True},
        {"label_smoothing": 0.2},
    ],
    ids=["RIN", "w/o ER", "w/o RC", "d", "layers", "positions", "smoothing"],
)
def test_rin_equals_paper(form: None, rounds: int, setting: Any) -> None:
    torch.manual_seed(0)
    lengths = [3, 1, 4]
    network = RIN(rounds=rounds, chunk_bytes=300, relation_prior=0.3, **setting)
    n_layers = network.entity_layers
    network.build(n_features=4, n_tags=5 * n_layers, n_relations=3)
    network.double()
    features = torch.randn(8, 4, dtype=torch.float64, requires_grad=True)
    sentences = None
    if network.relative_positions:
        sentences = torch.tensor([0, 1, 1, 0, 0, 0, 1, 2])
        with torch.no_grad():
            network.table.normal_()
    tensors = network(features, lengths, sentences)
    tags, subjects, objects, weight, bias, table, state, earlier = tensors
    assert (table is None) == (sentences is None) and state is earlier is None
    inputs = [features, *network.parameters()]
    gold = torch.tensor([[0, 2, 1], [0, 2, 2], [5, 4, 0], [3, 3, 1]])
    true = 1.0 - setting.get("label_smoothing", 0.0)
    reference_loss, offset = 0.0, 0
    numbers = [None] * 3 if sentences is None else sentences.split(lengths)
    for (x, tag, s, o), n in zip(split(lengths, features, tags, subjects, objects), numbers):
        expected_tags, expected_pairs = reference_rin(network, x, n)[-1]
        assert torch.allclose(tag, expected_tags)
        positions = None if n is None else Positions(table, n)
        assert torch.allclose(dense_logits(s, o, weight, bias, positions), expected_pairs)
        target = torch.zeros_like(expected_pairs)
        for i, j, t in gold.tolist():
            if offset <= i < offset + len(x):
                target[i - offset, j - offset, t] = true
        for layer, logits in enumerate(expected_tags.chunk(n_layers, 1)):
            truth = torch.full((len(x),), layer)
            reference_loss = reference_loss + F.cross_entropy(logits, truth, reduction="sum")
        reference_loss = reference_loss + F.binary_cross_entropy_with_logits(expected_pairs, target, reduction="sum")
        offset += len(x)
    output = network.make_output(tensors, lengths, sentences)
    loss, grads = output.loss(np.array([range(n_layers)] * 8), gold.numpy(), [True] * 3, scale=0.5)
    assert loss == pytest.approx(reference_loss.item() / 2)
    expected = torch.autograd.grad(reference_loss / 2, inputs, retain_graph=True, allow_unused=True)
    torch.autograd.backward([x for x in tensors if x is not None], grads)
    for parameter, theirs in zip(inputs, expected):
        assert torch.allclose(parameter.grad, theirs)


def reference_rin_int(network: RINInt, features: Tensor) -> list[Round]:
    """The first version's equations for one sequence, pair by pair, with concatenations written out. One result for
    each number of rounds, from 0 to K.
    """
    wm, wr = network.pair_terms.weight.chunk(2)
    wp, b = network.relation.weight, network.relation.bias

    def classify_relations(h: Tensor) -> Tensor:
        n = len(h)
        rows = [[wp @ torch.relu(torch.cat([wm @ h[i], wr @ h[j]])) + b for j in range(n)] for i in range(n)]
        return torch.stack([torch.stack(row) for row in rows])

    def update(cell: nn.Module, h: Tensor, x: Tensor) -> Tensor:
        if network.cell == "linear":
            return torch.cat([h, x], 1) @ cell.weight.T + cell.bias
        if network.cell == "rnn":
            return torch.tanh(torch.cat([h, x], 1) @ cell.weight.T + cell.bias)
        d = h.shape[1]
        wz, wu, wo_x = cell.input.weight.split(d)
        vz, vu, wo_h = *cell.gates.weight.split(d), cell.candidate.weight
        z, u = torch.sigmoid(h @ vz.T + x @ wz.T), torch.sigmoid(h @ vu.T + x @ wu.T)
        return (1 - z) * h + z * torch.tanh((u * h) @ wo_h.T + x @ wo_x.T)

    he = hr = h = network.project(features)
    if network.task_features:
        he, hr = torch.relu(network.entity_features(h)), torch.relu(network.relation_features(h))
    results = [(network.tagger(he), classify_relations(hr))]
    for _ in range(network.rounds):
        y_hat = torch.sigmoid(classify_relations(hr)).amax(1)
        y_bar = torch.softmax(network.tagger(he), 1)
        parts = [(h, network.use_features), (y_hat, network.use_relations), (y_bar, network.use_entities)]
        x = torch.cat([part for part, used in parts if used], 1)
        if network.cell != "linear":
            x = torch.relu(network.interaction(x))
        he, hr = update(network.cell_e, he, x), update(network.cell_r, hr, x)
        results.append((network.tagger(he), classify_relations(hr)))
    return results


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"cell": "rnn"},
        {"cell": "linear"},
        {"use_relations": False},
        {"use_entities": False},
        {"use_features": False},
        {"rounds": 0},
        {"rounds": 0, "task_features": False},
        {"width": 6},
    ],
    ids=["RIN", "RNN", "RIN-γ", "RIN-ỹ", "RIN-ȳ", "RIN-H", "BiLSTM_s", "BiLSTM", "d"],
)
def test_rin_int_equals_paper(setting: Any) -> None:
    torch.manual_seed(0)
    lengths = [3, 1, 4]
    network = RINInt(**{"rounds": 2, "relation_prior": 0.3, **setting})
    network.build(n_features=4, n_tags=5, n_relations=3)
    network.double()
    features = torch.randn(8, 4, dtype=torch.float64, requires_grad=True)
    parameters = [features, *network.parameters()]
    tags, subjects, objects, weight, bias, *_ = network(features, lengths)
    sums = [0.0, 0.0]
    for x, tag, s, o in split(lengths, features, tags, subjects, objects):
        pairs = dense_logits(s, o, weight, bias)
        expected_tags, expected_pairs = reference_rin_int(network, x)[-1]
        assert torch.allclose(tag, expected_tags)
        assert torch.allclose(pairs, expected_pairs)
        for index, (a, b) in enumerate([(tag, pairs), (expected_tags, expected_pairs)]):
            sums[index] = sums[index] + a.square().sum() + b.square().sum()
    grads = [torch.autograd.grad(x, parameters, retain_graph=True, allow_unused=True) for x in sums]
    for mine, theirs in zip(*grads):
        assert torch.allclose(mine, theirs)


@pytest.mark.parametrize("rounds", [0, 1, 3])
@pytest.mark.parametrize("kind", [RIN, RINInt])
def test_every_round_is_trained(kind: Any, rounds: int) -> None:
    """The loss of each earlier round is added with its weight, that of round 0 among them, with exact gradients."""
    torch.manual_seed(0)
    lengths, weight = [3, 2], 0.25
    positions = {"relative_positions": True} if kind is RIN else {}
    network = kind(rounds=rounds, chunk_bytes=300, relation_prior=0.3, round_weight=weight, **positions)
    network.build(n_features=4, n_tags=5, n_relations=3)
    network.double()
    features = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    sentences = torch.tensor([0, 0, 1, 0, 1]) if positions else None
    if positions:
        torch.nn.init.normal_(network.table)
    gold = np.array([[0, 2, 1], [0, 2, 2], [4, 3, 0]])
    tags = np.array([[1], [-1], [0], [2], [4]])  # one is not known
    reference, start = torch.zeros((), dtype=torch.float64), 0
    for x in features.split(lengths):
        end = start + len(x)
        numbers = () if sentences is None else (sentences[start:end],)
        by_round = (reference_rin if kind is RIN else reference_rin_int)(network, x, *numbers)
        assert len(by_round) == rounds + 1
        target = torch.zeros_like(by_round[0][1])
        for i, j, label in gold[(gold[:, 0] >= start) & (gold[:, 0] < end)].tolist():
            target[i - start, j - start, label] = 1.0
        truth = torch.from_numpy(tags[start:end, 0])
        for number, (tag_logits, pair_logits) in enumerate(by_round):
            loss = F.cross_entropy(tag_logits, truth, ignore_index=-1, reduction="sum")
            loss = loss + F.binary_cross_entropy_with_logits(pair_logits, target, reduction="sum")
            reference = reference + loss * (1.0 if number == rounds else weight)
        start = end
    tensors = network(features, lengths, sentences)
    output = network.make_output(tensors, lengths, *([] if sentences is None else [sentences]))
    loss, grads = output.loss(tags, gold, [True] * 2, scale=0.5)
    assert loss == pytest.approx(reference.item() / 2)
    inputs = [features, *network.parameters()]
    expected = torch.autograd.grad(reference / 2, inputs, allow_unused=True)
    torch.autograd.backward([x for x in tensors if x is not None], grads)
    for parameter, theirs in zip(inputs, expected):
        assert parameter.grad is None if theirs is None else torch.allclose(parameter.grad, theirs)
    # Prediction has no use for earlier rounds.
    assert network.eval()(features, lengths, sentences).earlier is None


@pytest.mark.parametrize("relative", [False, True])
def test_early_stop(form: None, relative: bool) -> None:
    """A sequence stops after the first round that changes none of its predictions, whatever others do."""
    torch.manual_seed(3)
    lengths = [4, 1, 6, 3, 5]
    network = RIN(rounds=6, relation_prior=0.5, relative_positions=relative)
    network.build(4, 5, 3)
    features = torch.randn(sum(lengths), 4) * 3
    positions = Positions(network.table, torch.randint(3, (sum(lengths),))) if relative else None
    sentences = None if positions is None else positions.sentences
    if positions is not None:
        positions.table.data.normal_()
    with torch.no_grad():
        by_round = []
        for rounds in range(7):
            network.rounds = rounds
            tags, subjects, objects, weight, bias, *_ = network(features, lengths, sentences)
            best = pair_max(subjects, objects, weight, lengths, 100, positions=positions) + bias
            by_round.append((tags, subjects, torch.cat([tags.argmax(1, keepdim=True), best > 0], 1)))
        network.stop_early = True
        tags, subjects, *_ = network.eval()(features, lengths, sentences)
    stops = []
    for index, rows in enumerate(torch.arange(sum(lengths)).split(lengths)):
        predictions = [round_[2][rows] for round_ in by_round]
        stop = next((k for k in range(1, 6) if torch.equal(predictions[k], predictions[k - 1])), 6)
        stops.append(stop)
        assert torch.allclose(tags[rows], by_round[stop][0][rows], atol=1e-5), index
        assert torch.allclose(subjects[rows], by_round[stop][1][rows], atol=1e-5), index
    assert len(set(stops)) > 1  # else the test says little


@pytest.mark.parametrize("kind", [RIN, RINInt])
def test_mixed_precision(kind: Any) -> None:
    """Autocast, here that of the CPU, changes results by rounding only, and logits stay in single precision."""
    torch.manual_seed(0)
    network = kind(rounds=2, width=6)
    network.build(4, 5, 3)
    features = torch.randn(8, 4)
    expected = network(features, [3, 5])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tags, *tensors = (x for x in network(features, [3, 5]) if x is not None)
    assert all(x.dtype == torch.float32 for x in tensors)
    for x, y in zip([tags, *tensors], expected):
        assert torch.allclose(x.float(), y, atol=0.05)
    torch.autograd.backward([tags, *tensors], [torch.ones_like(x) for x in (tags, *tensors)])
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("kind", [RIN, RINInt])
def test_pairs_are_scored_in_single_precision(kind: Any) -> None:
    """Also those of the rounds of interaction, and with autocast."""
    torch.manual_seed(0)
    network = kind(relation_prior=0.3)
    network.build(16, 5, 3)
    relation = torch.randn(5, 16)
    sentences = (None,) if kind is RIN else ()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        best = network._best_scores(relation, [5], *sentences)
        subjects, objects = network._pair_terms(relation)
    expected = dense_logits(subjects, objects, network.relation.weight, network.relation.bias).amax(1)
    assert best.dtype == torch.float32 and torch.allclose(best, expected, atol=1e-6)


@pytest.mark.parametrize("lengths", [[3, 5, 1], [300, 2]])
def test_sparse_backward_equals_dense(lengths: Any) -> None:
    """The form for CPUs against the form for GPUs, with labels enough for the search by bytes, and without."""
    for labels in (5, 80):
        subjects, objects, weight, _ = (x.detach() for x in random_pairs(lengths, 4, labels, seed=0))
        terms = Terms(subjects, objects, weight, Positions(*(x.detach() for x in random_positions(lengths, 4))))
        winners = torch.empty(sum(lengths), labels, dtype=torch.int32)
        _pair_max_forward(terms, lengths, 50, winners=winners)
        d_scores = torch.randn(sum(lengths), labels, dtype=torch.float64)
        sparse = _pair_max_backward_sparse(terms, winners, d_scores, lengths, 50)
        dense = _pair_max_backward_dense(terms, winners, d_scores, lengths, 1000)
        for name in ("subjects", "objects", "weight", "table"):
            assert torch.allclose(getattr(sparse, name), getattr(dense, name)), name
        for rows, o in zip(winners.split(lengths), objects.split(lengths)):
            assert rows.max() < len(o)


@pytest.mark.parametrize("length", [256, 257, 300])
def test_winners_equal_dense(form: None, length: int) -> None:
    """Also where a position is too large for a byte."""
    torch.manual_seed(0)
    # All sums are above 0. Labels with three weights above 0 are won by the last object.
    subjects, objects = torch.rand(2, length, 3, dtype=torch.float64).sort(1).values
    weight = torch.randn(80, 3, dtype=torch.float64)
    winners = torch.empty(length, 80, dtype=torch.int32)
    _pair_max_forward(Terms(subjects, objects, weight), [length], 10_000, winners=winners)
    assert torch.equal(winners.long(), dense_logits(subjects, objects, weight, 0.0).argmax(1))
    assert winners.max() == length - 1


def test_variants_differ() -> None:
    torch.manual_seed(0)
    features = torch.randn(5, 4)
    results = []
    for setting in [{}, {"rounds": 2}, {"rounds": 0}, {"use_entities": False}, {"use_relations": False}]:
        torch.manual_seed(1)
        network = RIN(**{"rounds": 3, **setting})
        network.build(4, 5, 3)
        results.append(network(features, [5])[0])
    for i, a in enumerate(results):
        assert not any(torch.allclose(a, b, atol=1e-4) for b in results[:i])


def test_untrained_network_starts_at_prior() -> None:
    torch.manual_seed(0)
    network = RIN(relation_prior=0.002)
    network.build(4, 5, 3)
    assert network.relation.bias.sigmoid().tolist() == pytest.approx([0.002] * 3)


def test_unknown_tags_add_nothing() -> None:
    network = RIN(rounds=1)
    network.build(4, 5, 3)
    tensors = network(torch.randn(3, 4), [3])
    output = network.make_output(tensors, [3])
    loss, grads = output.loss(np.full((3, 1), -1), np.empty((0, 3), np.int64), [False], 1.0)
    assert loss == 0.0
    assert not any(grad.any() for grad in grads)


def test_probable_pairs() -> None:
    network = RIN(rounds=0, chunk_bytes=1)  # one pair at a time
    network.build(1, 5, 2)
    weight, bias = torch.tensor([[1.0], [-1.0]]), torch.tensor([-2.0, 0.5])
    subjects, objects = torch.tensor([[1.0], [-1.0]]), torch.tensor([[0.5], [2.0]])
    output = network.make_output(PairTensors(torch.zeros(2, 5), subjects, objects, weight, bias), [2])
    # Hidden values of the pairs (0, 0), (0, 1), (1, 1) are 1.5, 3, 1.
    pairs, labels, probs = output.probable(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.3, 0.3]))
    # Their logits are (-0.5, -1), (1, -2.5), (-1, -0.5), and that of the threshold is -0.85.
    found = dict(zip(zip(pairs.tolist(), labels.tolist()), probs.tolist()))
    assert found == pytest.approx({(0, 0): 0.3775407, (1, 0): 0.7310586, (2, 1): 0.3775407})
    # A probability that equals the threshold is enough: with this bias, both logits of the pair (0, 1) are 0.
    tensors = output.tensors._replace(bias=torch.tensor([-3.0, 3.0]))
    equal = network.make_output(tensors, [2]).probable(np.array([0]), np.array([1]), np.array([0.5, 0.5]))
    assert [x.tolist() for x in equal] == [[0, 0], [0, 1], [0.5, 0.5]]
    assert len(output.probable(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(2))[0]) == 0


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    rounds=st.integers(0, 3),
    stop_early=st.booleans(),
    relative=st.booleans(),
    data=st.data(),
)
def test_prediction_equals_training_form(
    form: None, lengths: Any, rounds: Any, stop_early: Any, relative: Any, data: Any
) -> None:
    """What prediction computes for some pairs alone is what the form for training computes for all."""
    torch.manual_seed(0)
    network = RIN(rounds=rounds, relation_prior=0.4, chunk_bytes=200, relative_positions=relative)
    network.build(4, 5, 3)
    features, sentences = torch.randn(sum(lengths), 4) * 2, torch.arange(sum(lengths)) // 2
    if relative:
        network.table.data.normal_()
    pairs = data.draw(st.lists(st.sampled_from(list(_pairs_inside(lengths))), max_size=8))
    i, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    with torch.no_grad():
        whole = network.make_output(network(features, lengths, sentences), lengths, sentences)
        # With less than two rounds there is nothing to stop.
        network.stop_early = stop_early and rounds < 2
        output = network.make_output(network.eval()(features, lengths, sentences), lengths, sentences)
    assert np.allclose(output.tag_scores(), whole.tag_scores(), atol=1e-5)
    _, subjects, objects, weight, bias, table, *_ = whole.tensors
    terms = subjects[i] + objects[j]
    if table is not None:
        codes = Positions(table, sentences).codes(torch.from_numpy(i), torch.from_numpy(j))
        terms += Positions(table, sentences).terms(codes)
    expected = torch.sigmoid(torch.relu(terms) @ weight.T + bias).numpy()
    pair, label, prob = output.probable(i, j, np.zeros(3))
    assert list(zip(pair, label)) == [(p, t) for p in range(len(pairs)) for t in range(3)]
    assert np.allclose(prob, expected[pair, label], atol=1e-5)


@settings(deadline=None)
@given(
    rounds=st.integers(0, 3),
    kind=st.sampled_from([RIN, RINInt]),
    slopes=st.lists(st.floats(0.05, 4), min_size=3, max_size=3),
    offsets=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_calibration_changes_the_result_alone(kind: Any, rounds: Any, slopes: Any, offsets: Any) -> None:
    """Rounds of interaction read the logits that they were trained with."""
    torch.manual_seed(0)
    network = kind(rounds=rounds, relation_prior=0.4)
    network.build(4, 5, 3)
    lengths = [3, 2]
    with torch.no_grad():
        output = network.make_output(network.eval()(torch.randn(5, 4) * 2, lengths), lengths)
    i, j = np.array(list(_pairs_inside(lengths))).T
    pairs, labels, probs = output.probable(i, j, np.zeros(3))
    logits = np.log(probs / (1 - probs)) * np.array(slopes)[labels] + np.array(offsets)[labels]
    found = output.calibrated(np.array(slopes), np.array(offsets)).probable(i, j, np.zeros(3))
    assert np.array_equal(found[0], pairs) and np.array_equal(found[1], labels)
    assert np.allclose(found[2], 1 / (1 + np.exp(-logits)), atol=1e-4)


def _pairs_inside(lengths: list[int]) -> Iterator[tuple[int, int]]:
    starts = np.cumsum([0, *lengths])
    for a, b in itertools.pairwise(starts.tolist()):
        yield from itertools.product(range(a, b), repeat=2)


def test_bilstm_ignores_its_neighbours() -> None:
    torch.manual_seed(0)
    network = BiLSTM(width=4)
    network.build(3)
    features, lengths = torch.randn(7, 3), [2, 0, 4, 1]
    together = network(features, lengths)
    apart = torch.cat([network(x, [len(x)]) for x in features.split(lengths)])
    assert together.shape == (7, 4)
    assert torch.allclose(together, apart, atol=1e-6)
    # The second direction reads from the end.
    reversed_, _ = network.lstm(features[:2])
    assert torch.allclose(together[:2], reversed_, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2])
def test_directions_are_averaged(depth: int) -> None:
    torch.manual_seed(0)
    network = BiLSTM(width=3, depth=depth, join="mean")
    network.build(2)
    features, lengths = torch.randn(6, 2), [4, 2]
    forward, backward = torch.cat([network.lstm(x)[0] for x in features.split(lengths)]).split(3, 1)
    assert torch.allclose(network(features, lengths), (forward + backward) / 2, atol=1e-6)
    again = BiLSTM(width=3, depth=depth, join="mean")
    again.build_like(network.state_dict())
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(features, lengths), network(features, lengths))
    assert network(features[:0], [0]).shape == (0, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_computes() -> None:
    torch.randn(500, 500) @ torch.randn(500, 500)  # starts the threads of the parent
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a child that hangs is killed
        network = RIN(rounds=1)
        network.build(100, 5, 50)
        network(torch.randn(300, 100), [300])
        os._exit(0 if torch.get_num_threads() == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
