"""The graph convolution over dependency trees: its equation, and what it reads in a pipeline."""

import warnings
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from torch import Tensor

from spacy_rin.model.features import build_dependency_gcn, find_heads
from spacy_rin.model.networks.gcn import GCN
from spacy_rin.model.wrapper import network_of
from spacy_rin.pipeline.factory import DEFAULT_MODEL

from ..support import TRIPLES, component_of, given_features, make_examples, names, same_predictions, train

TEXTS = [text for text, _ in TRIPLES]
GCN_CONFIG = {"@architectures": "spacy_rin.DependencyGCN.v1", "tok2vec": DEFAULT_MODEL["tok2vec"]}


@pytest.mark.parametrize(
    "norm,heads,weight,expected",
    [
        # z = 2 o + 1 = 3, 5, 7; token 1 is the head of both others, and counted once for itself.
        ("sum", [1, 1, 1], 2.0, [8.0, 15.0, 12.0]),
        ("mean", [1, 1, 1], 2.0, [4.0, 5.0, 6.0]),
        ("sum", [0, 1, 2], 2.0, [3.0, 5.0, 7.0]),  # without a tree
        ("sum", [1, 1, 1], -2.0, [0.0, 0.0, 0.0]),  # z = -1, -3, -5
    ],
)
def test_layer_by_hand(norm: str, heads: list[int], weight: float, expected: list[float]) -> None:
    network = GCN(layers=1, norm=norm)
    network.build(1)
    with torch.no_grad():
        network.maps[0].weight.fill_(weight)
        network.maps[0].bias.fill_(1.0)
    features = torch.tensor([[1.0], [2.0], [3.0]])
    assert network(features, torch.tensor(heads)).flatten().tolist() == expected


def dense_gcn(network: GCN, features: Tensor, heads: list[int]) -> Tensor:
    """Eq. 1 for one sequence, with the adjacency written out as a matrix."""
    adjacency = torch.eye(len(heads), dtype=features.dtype)
    for child, head in enumerate(heads):
        adjacency[child, head] = adjacency[head, child] = 1.0
    if network.norm == "mean":
        adjacency = adjacency / adjacency.sum(1, keepdim=True)
    for layer in network.maps:
        features = torch.relu(adjacency @ (features @ layer.weight.T + layer.bias))
    return features


@st.composite
def forests(draw: Any) -> list[list[int]]:
    """Heads of the tokens of some sequences, without cycles; edges may cross."""
    sequences = []
    for length in draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)):
        order = draw(st.permutations(range(length)))
        heads = list(range(length))
        for place, token in enumerate(order):
            heads[token] = draw(st.sampled_from([token, *order[:place]]))
        sequences.append(heads)
    return sequences


@settings(deadline=None, max_examples=40)
@given(heads=forests(), norm=st.sampled_from(["sum", "mean"]), width=st.sampled_from([None, 2]))
def test_packed_equals_dense(heads: list[list[int]], norm: str, width: int | None) -> None:
    torch.manual_seed(0)
    network = GCN(layers=2, norm=norm, width=width)
    network.build(3)
    network.double()
    lengths = [len(x) for x in heads]
    features = torch.randn(sum(lengths), 3, dtype=torch.float64, requires_grad=True)
    starts = np.cumsum([0, *lengths[:-1]])
    packed = torch.tensor([start + head for start, x in zip(starts.tolist(), heads) for head in x])
    inputs = [features, *network.parameters()]
    ours = network(features, packed)
    dense = torch.cat([dense_gcn(network, x, h) for x, h in zip(features.split(lengths), heads)])
    assert torch.allclose(ours, dense)
    upstream = torch.randn_like(ours)
    for mine, theirs in zip(*(torch.autograd.grad((y * upstream).sum(), inputs) for y in (ours, dense))):
        assert torch.allclose(mine, theirs)


def test_gradcheck() -> None:
    torch.manual_seed(0)
    network = GCN(layers=2)
    network.build(2)
    network.double()
    features = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x, torch.tensor([1, 1, 1, 4, 4])), features)


def test_heads_are_those_of_a_piece(nlp: Language) -> None:
    words, heads = ["a", "b", "c", "d", "e"], [2, 0, 2, 4, 2]
    doc = Doc(nlp.vocab, words=words, heads=heads, deps=["dep"] * 5)
    distances = doc.to_array("HEAD").astype(np.int64)
    assert find_heads(distances).tolist() == heads
    # A token whose head is cut off is a root.
    assert find_heads(distances[1:]).tolist() == [0, 1, 3, 1]
    assert find_heads(distances[3:]).tolist() == [1, 1]
    assert find_heads(distances[:2]).tolist() == [0, 0]
    assert find_heads(Doc(nlp.vocab, words=words).to_array("HEAD").astype(np.int64)).tolist() == [0, 1, 2, 3, 4]
    assert find_heads(distances[:0]).tolist() == []


def tree(vocab: Vocab, heads: list[int]) -> Doc:
    """A Doc with that tree, and random features of four columns."""
    doc = Doc(vocab, words=[f"w{i}" for i in range(len(heads))], heads=heads, deps=["dep"] * len(heads))
    set_features(doc)
    return doc


def set_features(doc: Doc) -> None:
    doc.tensor = np.random.default_rng(0).normal(size=(len(doc), 4)).astype("f")


def registered(doc: Doc, **setting: Any) -> Model[Any, Any]:
    build = spacy.registry.architectures.get("spacy_rin.DependencyGCN.v1")
    model = build(given_features(doc.tensor.shape[1]), **setting)
    torch.manual_seed(0)
    model.initialize(X=[doc])
    return model


def equals_dense(doc: Doc, heads: list[int]) -> bool:
    """Whether the registered architecture gives a Doc what the equation gives for these heads."""
    model = registered(doc)
    with torch.no_grad():
        dense = dense_gcn(network_of(model.get_ref("graph")), torch.from_numpy(doc.tensor), heads)
    return np.allclose(model.predict([doc])[0], dense.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        # As above: 2 o + 1 of each token, then of these results.
        ({"layers": 1}, [8.0, 15.0, 12.0]),
        ({"layers": 1, "norm": "mean"}, [4.0, 5.0, 6.0]),
        ({}, [17.0 + 31.0, 17.0 + 31.0 + 25.0, 31.0 + 25.0]),
        ({"norm": "mean"}, [(9.0 + 11.0) / 2, (9.0 + 11.0 + 13.0) / 3, (11.0 + 13.0) / 2]),
    ],
    ids=str,
)
def test_settings_by_hand(nlp: Language, setting: dict[str, Any], expected: list[float]) -> None:
    doc = tree(nlp.vocab, [1, 1, 1])
    doc.tensor = np.array([[1.0], [2.0], [3.0]], dtype="f")
    model = registered(doc, **setting)
    with torch.no_grad():
        for layer in network_of(model.get_ref("graph")).maps:
            layer.weight.fill_(2.0)
            layer.bias.fill_(1.0)
    assert model.predict([doc])[0].flatten().tolist() == expected


@pytest.mark.parametrize("step", [1, -1])
def test_long_chain(nlp: Language, step: int) -> None:
    """Each token is the head of its neighbour: a tree as deep as the text is long."""
    n_tokens = 1500
    heads = [min(max(i + step, 0), n_tokens - 1) for i in range(n_tokens)]
    assert equals_dense(tree(nlp.vocab, heads), heads)


@pytest.mark.parametrize(
    ("spans", "heads"),
    [
        ([(0, 2)], [5, 0, 0, 2, 3, 5, 5, 5]),  # with children outside
        ([(3, 6)], [1, 4, 1, 1, 4, 4, 4]),  # a whole branch
        ([(1, 3), (5, 7)], [1, 4, 1, 2, 4, 4, 4]),  # the root, and tokens that are not neighbours in the tree
        ([(0, 9)], [0]),
    ],
    ids=str,
)
def test_merged_tokens(nlp: Language, spans: list[tuple[int, int]], heads: list[int]) -> None:
    """The tree that is read is that of the tokens as they are when it is read."""
    doc = tree(nlp.vocab, [1, 6, 1, 1, 3, 4, 6, 6, 6])
    with doc.retokenize() as retokenizer:
        for start, end in spans:
            retokenizer.merge(doc[start:end])
    set_features(doc)
    assert [token.head.i for token in doc] == heads
    assert equals_dense(doc, heads)


def pipeline(model: dict[str, Any] | None = None, **config: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_trees")
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": GCN_CONFIG, **(model or {})}, **config})
    return nlp


def learn(nlp: Language, steps: int = 40) -> None:
    """Learn the small corpus from texts with trees."""
    examples = make_examples(nlp.vocab)
    for example in examples:
        nlp.get_pipe("tests_trees")(example.predicted)
    train(nlp, examples, steps)


@pytest.fixture(scope="module")
def parsed() -> Language:
    nlp = pipeline(context="sentence")
    learn(nlp)
    return nlp


def test_network_learns_on_trees(parsed: Language, tmp_path: Path) -> None:
    docs = list(parsed.pipe(TEXTS))
    assert [names(doc) for doc in docs] == [set(triples) for _, triples in TRIPLES]
    parsed.to_disk(tmp_path)
    from_disk = spacy.load(tmp_path)
    assert same_predictions(docs, from_disk.pipe(TEXTS))
    assert same_predictions(docs, pipeline().from_bytes(parsed.to_bytes()).pipe(TEXTS))
    assert same_predictions(docs, parsed.pipe(TEXTS, n_process=2))
    for text in ("", " ", "Ada"):
        assert not parsed(text)._.relations
    # The trees make a difference.
    component = component_of(parsed)
    bare = parsed.make_doc(TEXTS[2])
    features = [component.model.get_ref("tok2vec").predict([doc])[0] for doc in (bare, parsed(TEXTS[2]))]
    assert not np.allclose(*features, atol=1e-3)


@pytest.mark.parametrize("whole", [False, True])
def test_sentences_are_read_alone(parsed: Language, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours change nothing, whether the encoder is cut or sentences are read as Docs of their own."""
    if whole:
        inner = component_of(parsed).model.get_ref("tok2vec").layers[0]
        for name in ("embed", "encode"):
            monkeypatch.delitem(inner._refs, name)

    def scored(doc: Doc) -> list[tuple[Any, ...]]:
        return [(r.subject.text, r.label, r.object.text, round(r.score, 4)) for r in doc._.relations]

    alone = {text: scored(parsed(text)) for text in TEXTS}
    for order in list(permutations(TEXTS, 3))[:6]:
        assert scored(parsed(" ".join(order))) == [triple for text in order for triple in alone[text]]


def test_windows_cut_no_edges() -> None:
    """Features come from the whole text, so that a token at the border of a window sees its head behind it."""
    nlp = pipeline({"rounds": 0, "overlap": 0}, context="text")
    learn(nlp, steps=1)
    model = component_of(nlp).model
    doc = nlp(TEXTS[0])
    _, whole = model.predict([doc])
    model.attrs["max_length"] = 3
    segments, cut = model.predict([doc])
    assert len(segments) == 3
    assert np.allclose(cut.tag_scores(), whole.tag_scores(), atol=1e-5)


def test_missing_trees_are_told_once(parsed: Language, tmp_path: Path) -> None:
    nlp = pipeline()
    examples = make_examples(nlp.vocab)
    optimizer = nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match=r"W003.*dependency trees") as caught:
        nlp.update(examples, sgd=optimizer)
        nlp.update(examples, sgd=optimizer)
    assert len(caught) == 1
    parsed.to_disk(tmp_path)
    without = spacy.load(tmp_path, exclude=["tests_trees"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        without("Ada")  # a single token is a tree
    component_of(without).model.attrs["context"] = "text"
    with pytest.warns(UserWarning, match=r"W005.*dependency trees") as caught:
        without(TEXTS[0])
        without(TEXTS[0])
    assert len(caught) == 1
    again = spacy.load(tmp_path, exclude=["tests_trees"])
    component_of(again).model.attrs["context"] = "text"
    with pytest.warns(UserWarning, match=r"W005.*dependency trees"):
        component_of(again).predict_given(make_examples(again.vocab))


def test_tokens_are_merged_behind_the_parser(parsed: Language) -> None:
    """What is found is what is found in a text whose tokens are the merged ones from the start."""
    doc = parsed.get_pipe("tests_trees")(parsed.make_doc(TEXTS[2]))
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
        retokenizer.merge(doc[3:6])
    words = ["Ada Brook", ",", "born in Larne", ",", "founded", "Nimbus", "."]
    assert [token.text for token in doc] == words
    same = parsed.get_pipe("tests_trees")(Doc(parsed.vocab, words=words))
    component = component_of(parsed)
    assert np.allclose(*(component.model.predict([x])[1].tag_scores() for x in (doc, same)), atol=1e-4)
    assert same_predictions([component(doc)], [component(same)])


def test_trees_that_come_too_late(parsed: Language, tmp_path: Path) -> None:
    """With the parser behind it, the component warns, and reads texts without trees."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": GCN_CONFIG}, "context": "text"})
    nlp.add_pipe("tests_trees")
    examples = make_examples(nlp.vocab)
    optimizer = nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match=r"W003.*dependency trees.*put it before 'rin_joint'"):
        nlp.update(examples, sgd=optimizer, annotates=["tests_trees"])
    parsed.to_disk(tmp_path)
    late = spacy.load(tmp_path, exclude=["tests_trees"])
    late.add_pipe("tests_trees")
    component_of(late).model.attrs["context"] = "text"
    with pytest.warns(UserWarning, match=r"W005.*dependency trees.*before 'rin_joint'"):
        docs = list(late.pipe(TEXTS))
    assert all(doc.has_annotation("DEP") for doc in docs)
    assert same_predictions(docs, map(component_of(late), map(late.make_doc, TEXTS)))


def test_a_layer_counts(nlp: Language) -> None:
    tok2vec = nlp.add_pipe("rin_joint").model.get_ref("tok2vec")
    assert build_dependency_gcn(tok2vec, layers=0) is tok2vec
    model = build_dependency_gcn(tok2vec, layers=1, width=7)
    assert model.get_dim("nO") == 7
    for setting in ({"layers": -1}, {"norm": "max"}, {"width": 0}, {"layers": 0, "width": 5}):
        with pytest.raises(ValueError, match="R010"):
            build_dependency_gcn(tok2vec, **setting)
