"""Registered architectures of the joint networks: from Docs to scores."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d
from torch import Tensor

from ..errors import require_setting, require_whole
from .features import initialize_features, read_features, shares_features
from .networks.interactive import FEEDS, ORDERS, Interactive
from .networks.joint import JointNetwork, Output
from .networks.pairwise import PairNetwork
from .networks.rin import RIN
from .networks.rin_int import CELLS, RINInt
from .segments import Segment, cut_windows, find_contexts, number_sentences
from .wrapper import Inputs, build_network, network_of, wrap_joint

Scores = tuple[list[Segment], Output]


def build_rin(
    tok2vec: Model[list[Doc], list[Floats2d]],
    rounds: int = 3,
    width: int | None = None,
    use_entities: bool = True,
    use_relations: bool = True,
    entity_layers: int = 1,
    relation_prior: float = 0.001,
    max_length: int = 256,
    overlap: int | None = None,
    stop_early: bool = False,
    chunk_bytes: int | None = None,
    mixed_precision: bool = False,
    relative_positions: bool = False,
    label_smoothing: float = 0.0,
    round_weight: float = 0.0,
) -> Model[list[Doc], Scores]:
    """Build the Recurrent Interaction Network (Sun et al., EMNLP 2020) on any token features.

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features: a tok2vec, or a listener to a shared one.
        rounds (int): K, the rounds of interaction between entities and relations, at least 0, which is the paper's
            "w/o interaction".
        width (int | None): d, the width of the shared features. None takes that of the token features as they are;
            another width adds a linear layer.
        use_entities (bool): Whether entity features enter the shared features; False is the paper's "w/o ER".
        use_relations (bool): Whether relation features enter the shared features; False is the paper's "w/o RC".
        entity_layers (int): How many entities may overlap at a token, one inside the other.
        relation_prior (float): Probability of each relation that an untrained network gives to a pair of tokens.
            Nearly all pairs have none: a network that starts at 0.5 spends its first epochs learning that.
        max_length (int): Highest number of tokens of a sentence, or of a text, that is read as a whole; see the setting
            `context` of the component.
        overlap (int | None): Tokens that the windows of a longer stretch share; None is a quarter of `max_length`.
        stop_early (bool): Whether prediction skips further rounds for a sentence once a round has not changed its
            predictions. It is faster, and results may differ.
        chunk_bytes (int | None): Memory for the pairs that are scored at a time, in bytes. It changes no result. None
            is 4 MiB on a CPU, which fit into its cache, and 512 MiB on a GPU.
        mixed_precision (bool): Whether to compute in half precision on a GPU.
        relative_positions (bool): Whether the score of a pair also depends on how many tokens and how many sentences
            apart the two are, and on their order. The paper's network knows nothing of this.
        label_smoothing (float): How far the score of a gold triple should be below 1, less than 0.5. It makes the
            network less sure, above all on text unlike the training data. The paper's network learns 1.
        round_weight (float): Weight in training of the predictions before the last round, those before the first one
            among them. The paper's network is trained by the last round alone, which is 0.

    Returns:
        Model[list[Doc], tuple[list[Segment], Output]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    network = RIN(
        rounds=rounds,
        width=width,
        use_entities=use_entities,
        use_relations=use_relations,
        entity_layers=entity_layers,
        relation_prior=relation_prior,
        stop_early=stop_early,
        chunk_bytes=chunk_bytes,
        relative_positions=relative_positions,
        label_smoothing=label_smoothing,
        round_weight=round_weight,
    )
    return _pair_model(tok2vec, network, max_length, overlap, mixed_precision)


def build_rin_int(
    tok2vec: Model[list[Doc], list[Floats2d]],
    rounds: int = 3,
    width: int | None = None,
    cell: str = "gru",
    use_entities: bool = True,
    use_relations: bool = True,
    use_features: bool = True,
    task_features: bool = True,
    entity_layers: int = 1,
    relation_prior: float = 0.001,
    max_length: int = 256,
    overlap: int | None = None,
    chunk_bytes: int | None = None,
    mixed_precision: bool = False,
    label_smoothing: float = 0.0,
    round_weight: float = 0.0,
) -> Model[list[Doc], Scores]:
    """Build the first version of the network, with an interaction module (Sun et al., arXiv 2005.00162, version 1).

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features: a tok2vec, or a listener to a shared one.
        rounds (int): K, the rounds of interaction between entities and relations, at least 0, the paper's "BiLSTM_s".
        width (int | None): Width of the features; None is that of the token features.
        cell (str): How features are updated: "gru", "rnn" (a vanilla RNN), or "linear", the paper's "RIN-γ".
        use_entities (bool): Whether tag probabilities enter the interaction; False is the paper's "RIN-ȳ".
        use_relations (bool): Whether relation scores enter the interaction; False is the paper's "RIN-ỹ".
        use_features (bool): Whether token features enter the interaction; False is the paper's "RIN-H".
        task_features (bool): Whether entities and relations have features of their own; False, without rounds, is the
            paper's "BiLSTM".
        entity_layers (int): See `spacy_rin.RIN.v1`.
        relation_prior (float): See `spacy_rin.RIN.v1`.
        max_length (int): See `spacy_rin.RIN.v1`.
        overlap (int | None): See `spacy_rin.RIN.v1`.
        chunk_bytes (int | None): See `spacy_rin.RIN.v1`.
        mixed_precision (bool): See `spacy_rin.RIN.v1`.
        label_smoothing (float): See `spacy_rin.RIN.v1`.
        round_weight (float): See `spacy_rin.RIN.v1`.

    Returns:
        Model[list[Doc], tuple[list[Segment], Output]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    require_setting("cell", cell, cell in CELLS, f"one of {CELLS}")
    inputs = use_entities or use_relations or use_features
    require_setting("use_features", use_features, bool(inputs or not rounds), "true if no other input is")
    network = RINInt(
        rounds=rounds,
        width=width,
        cell=cell,
        use_entities=use_entities,
        use_relations=use_relations,
        use_features=use_features,
        task_features=task_features,
        entity_layers=entity_layers,
        relation_prior=relation_prior,
        chunk_bytes=chunk_bytes,
        label_smoothing=label_smoothing,
        round_weight=round_weight,
    )
    return _pair_model(tok2vec, network, max_length, overlap, mixed_precision)


def build_interactive(
    tok2vec: Model[list[Doc], list[Floats2d]],
    slots: int = 5,
    width: int | None = None,
    copy_width: int = 100,
    use_interaction: bool = True,
    bidirectional: bool = True,
    share_cells: bool = False,
    order: str = "text",
    feed: str = "gold",
    entity_layers: int = 1,
    max_length: int = 256,
    overlap: int | None = None,
) -> Model[list[Doc], Scores]:
    """Build the network with bidirectional interaction, which writes triples one after the other (Yu et al., AAAI
    2021).

    Of each triple it writes the most probable relation, subject and object. So the `threshold` of the component can
    leave triples out, but a lower one adds none. With 0, all that are written are kept, as in the paper.

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features: a tok2vec, or a listener to a shared one. In the
            paper, a "spacy_rin.DependencyGCN.v1" on a BiLSTM.
        slots (int): Highest number of triples that are found in a sentence, or in a text that is read as a whole.
        width (int | None): Width of the network; None takes that of the token features as they are; another width
            adds a linear layer.
        copy_width (int): Width of the hidden layer that scores the tokens of an entity.
        use_interaction (bool): Whether there is an interactive layer; without, the network is like CopyMTL's.
        bidirectional (bool): Whether that layer also goes from the entities to the relation, or only from the relation
            to the entities.
        share_cells (bool): Whether all triples are written by the same cells, rather than by cells of their own.
        order (str): Order in which triples are learned: "text", by their tokens, or "random", another one each time.
        feed (str): What the network is told in training about the steps before: "gold", what they should have
            written, or "own", what they would have written.
        entity_layers (int): See `spacy_rin.RIN.v1`.
        max_length (int): See `spacy_rin.RIN.v1`.
        overlap (int | None): See `spacy_rin.RIN.v1`.

    Returns:
        Model[list[Doc], tuple[list[Segment], Output]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    require_whole("slots", slots, 1)
    require_whole("copy_width", copy_width, 1)
    require_setting("order", order, order in ORDERS, f"one of {ORDERS}")
    require_setting("feed", feed, feed in FEEDS, f"one of {FEEDS}")
    network = Interactive(
        slots=slots,
        width=width,
        copy_width=copy_width,
        use_interaction=use_interaction,
        bidirectional=bidirectional,
        share_cells=share_cells,
        order=order,
        feed=feed,
        entity_layers=entity_layers,
    )
    return _joint_model(tok2vec, network, max_length, overlap, slots=slots)


def _pair_model(
    tok2vec: Model, network: PairNetwork, max_length: int, overlap: int | None, mixed_precision: bool
) -> Model[list[Doc], Scores]:
    prior, smoothing, chunk_bytes = network.relation_prior, network.label_smoothing, network.chunk_bytes
    require_whole("rounds", network.rounds, 0)
    require_setting("relation_prior", prior, 0.0 < prior < 1.0, "between 0 and 1")
    require_setting("label_smoothing", smoothing, 0.0 <= smoothing < 0.5, "at least 0 and less than 0.5")
    require_setting("round_weight", network.round_weight, 0.0 <= network.round_weight < inf, "at least 0, and finite")
    if chunk_bytes is not None:
        require_whole("chunk_bytes", chunk_bytes, 1)
    return _joint_model(tok2vec, network, max_length, overlap, mixed_precision=mixed_precision)


def _joint_model(
    tok2vec: Model,
    network: JointNetwork,
    max_length: int,
    overlap: int | None,
    *,
    mixed_precision: bool = False,
    **attrs: Any,
) -> Model[list[Doc], Scores]:
    require_whole("max_length", max_length, 1)
    overlap = max_length // 4 if overlap is None else overlap
    if network.width is not None:
        require_whole("width", network.width, 1)
    require_whole("entity_layers", network.entity_layers, 1)
    require_whole("overlap", overlap, 0)
    require_setting("overlap", overlap, overlap < max_length, "less than max_length")
    layer = wrap_joint(network, mixed_precision)
    return Model(
        "rin",
        _rin_forward,
        init=_rin_init,
        layers=[tok2vec, layer],
        refs={"tok2vec": tok2vec, "network": layer},
        dims={"tags": None, "relations": None},
        attrs={
            "max_length": max_length,
            "overlap": overlap,
            "entity_layers": network.entity_layers,
            "context": None,
            "shared_features": shares_features(tok2vec),
            "labels": None,  # those of the component when it was saved
            **attrs,
        },
    )


def _rin_init(model: Model[Any, Any], X: list[Doc] | None = None, Y: Any = None) -> None:
    n_features = initialize_features(model.get_ref("tok2vec"), X)
    if n_features is not None and model.has_dim("tags") and model.has_dim("relations"):
        build_network(model.get_ref("network"), n_features, model.get_dim("tags"), model.get_dim("relations"))


def _rin_forward(
    model: Model[Any, Any], docs: list[Doc], is_train: bool
) -> tuple[Scores, Callable[[Sequence[Tensor]], list[Doc]]]:
    tok2vec, network = model.layers
    contexts = find_contexts(docs, model.attrs["context"])
    shared = model.attrs["shared_features"]
    features, backprop_features = read_features(tok2vec, docs, contexts, is_train, shared=shared)
    segments, slices = [], []
    for i, context in enumerate(contexts):
        for segment in cut_windows(context, model.attrs["max_length"], model.attrs["overlap"]):
            segments.append(segment)
            slices.append((i, slice(segment.start - context.start, segment.end - context.start)))
    sentences = _number_sentences(docs, segments) if network_of(network).relative_positions else None
    output, backprop_output = network(Inputs([features[i][part] for i, part in slices], sentences), is_train)

    def backprop(d_output: Sequence[Tensor]) -> list[Doc]:
        d_features = [model.ops.alloc2f(*x.shape) for x in features]
        for (i, part), d_piece in zip(slices, backprop_output(d_output)):
            d_features[i][part] += d_piece
        return backprop_features(d_features)

    return (segments, output), backprop


def _number_sentences(docs: list[Doc], segments: list[Segment]) -> NDArray[np.int64]:
    """Number the sentences of the tokens of all segments."""
    numbers = [number_sentences(doc) for doc in docs]
    parts = [numbers[segment.doc][segment.start : segment.end] for segment in segments]
    return np.concatenate([np.empty(0, np.int64), *parts])
