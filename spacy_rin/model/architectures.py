"""Registered architectures: from Docs to token features, and from these to scores."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import PREFIX, SHAPE, SUFFIX, TAG
from spacy.ml.featureextractor import FeatureExtractor
from spacy.tokens import Doc
from thinc.api import (
    Dropout,
    HashEmbed,
    Model,
    chain,
    concatenate,
    get_array_module,
    list2ragged,
    ragged2list,
    with_array,
)
from thinc.types import Floats2d
from torch import Tensor

from ..errors import Errors, SettingError
from .networks.bilstm import BiLSTM
from .networks.joint import JointNetwork, Output
from .networks.rin import RIN
from .networks.rin_int import CELLS, RINInt
from .segments import Context, Segment, cut_windows, find_contexts, number_sentences
from .word_vectors import WordVectors
from .wrapper import Inputs, build_network, network_of, wrap_encoder, wrap_joint

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
    )
    return _joint_model(tok2vec, network, max_length, overlap, mixed_precision)


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
        entity_layers (int): See `build_rin`.
        relation_prior (float): See `build_rin`.
        max_length (int): See `build_rin`.
        overlap (int | None): See `build_rin`.
        chunk_bytes (int | None): See `build_rin`.
        mixed_precision (bool): See `build_rin`.

    Returns:
        Model[list[Doc], tuple[list[Segment], Output]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    _require("cell", cell, cell in CELLS, f"one of {CELLS}")
    inputs = use_entities or use_relations or use_features
    _require("use_features", use_features, bool(inputs or not rounds), "true if no other input is")
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
    )
    return _joint_model(tok2vec, network, max_length, overlap, mixed_precision)


def _joint_model(
    tok2vec: Model, network: JointNetwork, max_length: int, overlap: int | None, mixed_precision: bool
) -> Model[list[Doc], Scores]:
    _require_whole("max_length", max_length, 1)
    overlap = max_length // 4 if overlap is None else overlap
    _require_whole("rounds", network.rounds, 0)
    for name in ("width", "chunk_bytes"):
        if getattr(network, name) is not None:
            _require_whole(name, getattr(network, name), 1)
    _require_whole("entity_layers", network.entity_layers, 1)
    _require("relation_prior", network.relation_prior, 0.0 < network.relation_prior < 1.0, "between 0 and 1")
    _require_whole("overlap", overlap, 0)
    _require("overlap", overlap, overlap < max_length, "less than max_length")
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
            "labels": None,  # those of the component when it was saved
        },
    )


def build_word_pos_embed(
    width: int = 100,
    pos_width: int = 10,
    pos_rows: int = 500,
    affix_width: int = 0,
    affix_rows: int = 2500,
    word_dropout: float = 0.04,
    min_count: int = 1,
    features: Model[list[Doc], list[Floats2d]] | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """Build the paper's embedding: trainable word vectors beside part-of-speech embeddings, with dropout.

    The vectors start from `nlp.vocab.vectors`. Part of speech is `token.tag`, so a tagger must stand before the
    component, and in `training.annotating_components`. The rate of the input dropout is `training.dropout`.

    Args:
        width (int): Width of a word vector: that of the pipeline's vectors, if there are any.
        pos_width (int): Width of a part-of-speech embedding; 0 for none, the paper's "w/o POS".
        pos_rows (int): Rows of the hash table of part-of-speech embeddings, some times the number of tags.
        affix_width (int): Width of an embedding of the first letter of a word, of its last three, and of its shape
            each, which say something of words that were not seen in training; 0, as in the paper, for none.
        affix_rows (int): Rows of each of their hash tables.
        word_dropout (float): Share of words that are replaced by the unknown word in training.
        min_count (int): Times that a word must occur in the training corpus to get its own vector.
        features (Model[list[Doc], list[Floats2d]] | None): Other features of tokens to stand beside: a listener to a
            transformer, frozen or not.

    Returns:
        Model[list[Doc], list[Floats2d]]: The model, of width + pos_width + 3 * affix_width columns, and those of
            `features`.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    for name, value, least in (
        *(("width", width, 1), ("pos_rows", pos_rows, 1), ("affix_rows", affix_rows, 1), ("min_count", min_count, 1)),
        *(("pos_width", pos_width, 0), ("affix_width", affix_width, 0)),
    ):
        _require_whole(name, value, least)
    _require("word_dropout", word_dropout, 0.0 <= word_dropout < 1.0, "at least 0 and less than 1")
    parts: list[Model] = [WordVectors(width, word_dropout, min_count)]
    affixes = [(attr, affix_width, affix_rows) for attr in (PREFIX, SUFFIX, SHAPE)]
    hashed = [part for part in [(TAG, pos_width, pos_rows), *affixes] if part[1]]
    if hashed:
        attrs, widths, rows = zip(*hashed)
        tables = [HashEmbed(n, rows[i], column=i, dropout=0.0) for i, n in enumerate(widths)]
        table: Model = concatenate(*tables) if len(tables) > 1 else tables[0]
        parts.append(chain(FeatureExtractor(list(attrs)), list2ragged(), with_array(table), ragged2list()))
    if features is not None:
        parts.append(features)
    return chain(concatenate(*parts) if len(parts) > 1 else parts[0], Dropout(0.0))


def build_bilstm_encoder(width: int = 100, depth: int = 1) -> Model[list[Floats2d], list[Floats2d]]:
    """Build the paper's encoder: a BiLSTM, for the `encode` of a "spacy.Tok2Vec.v2".

    Args:
        width (int): Width of the output, half of it for each direction, so it must be even.
        depth (int): Number of layers.

    Returns:
        Model[list[Floats2d], list[Floats2d]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    _require_whole("depth", depth, 1)
    _require_whole("width", width, 2)
    _require("width", width, width % 2 == 0, "even")
    model = wrap_encoder(BiLSTM(width=width, depth=depth))
    model.init = _bilstm_init
    model.set_dim("nO", width)
    return model


def _rin_init(model: Model[Any, Any], X: list[Doc] | None = None, Y: Any = None) -> None:
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X)
    n_features = tok2vec.maybe_get_dim("nO")
    if n_features is None and X:
        n_features = tok2vec.predict(X[:1])[0].shape[1]
    if n_features is not None and model.has_dim("tags") and model.has_dim("relations"):
        build_network(model.get_ref("network"), n_features, model.get_dim("tags"), model.get_dim("relations"))


def _rin_forward(
    model: Model[Any, Any], docs: list[Doc], is_train: bool
) -> tuple[Scores, Callable[[Sequence[Tensor]], list[Doc]]]:
    tok2vec, network = model.layers
    contexts = find_contexts(docs, model.attrs["context"])
    features, backprop_features = _read_features(tok2vec, docs, contexts, is_train)
    segments, slices = [], []
    for i, context in enumerate(contexts):
        for segment in cut_windows(context, model.attrs["max_length"], model.attrs["overlap"]):
            segments.append(segment)
            slices.append((i, slice(segment.start - context.start, segment.end - context.start)))
    sentences = _number_sentences(network_of(network), docs, segments)
    inputs = Inputs([features[i][part] for i, part in slices], sentences)
    output, backprop_output = network(inputs, is_train)

    def backprop(d_output: Sequence[Tensor]) -> list[Doc]:
        d_features = [model.ops.alloc2f(*x.shape) for x in features]
        for (i, part), d_piece in zip(slices, backprop_output(d_output)):
            d_features[i][part] += d_piece
        return backprop_features(d_features)

    return (segments, output), backprop


def _number_sentences(network: JointNetwork, docs: list[Doc], segments: list[Segment]) -> NDArray[np.int64] | None:
    """Number the sentences of the tokens of all segments, if the network reads relative positions."""
    if not network.relative_positions or not segments:
        return None
    numbers = [number_sentences(doc) for doc in docs]
    return np.concatenate([numbers[segment.doc][segment.start : segment.end] for segment in segments])


def _read_features(
    tok2vec: Model[list[Doc], list[Floats2d]], docs: list[Doc], contexts: list[Context], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    """Compute the token features of each context, so that nothing outside of it has an influence on them.

    Features that other components share are those of the whole Doc: they are computed before this component runs.
    """
    if all(context == (i, 0, len(docs[i])) for i, context in enumerate(contexts)) and len(contexts) == len(docs):
        features, backprop_features = tok2vec(docs, is_train)
        return features, backprop_features
    if tok2vec.has_ref("embed") and tok2vec.has_ref("encode"):
        # The embedding of a token knows nothing of other tokens, so it is the encoder that is kept inside a context.
        embedded, backprop_embed = tok2vec.get_ref("embed")(docs, is_train)
        features, backprop_encode = tok2vec.get_ref("encode")(_cut(embedded, contexts), is_train)
        return features, lambda d_features: backprop_embed(_join(backprop_encode(d_features), embedded, contexts))
    if any(hasattr(node, "upstream_name") for node in tok2vec.walk()):  # a listener
        features, backprop_features = tok2vec(docs, is_train)
        return _cut(features, contexts), lambda d_cut: backprop_features(_join(d_cut, features, contexts))
    features, backprop_features = tok2vec([docs[i][start:end].as_doc() for i, start, end in contexts], is_train)
    return features, backprop_features


def _cut(features: list[Floats2d], contexts: list[Context]) -> list[Floats2d]:
    return [features[i][start:end] for i, start, end in contexts]


def _join(pieces: list[Floats2d], features: list[Floats2d], contexts: list[Context]) -> list[Floats2d]:
    """Put the gradients of contexts together to gradients of the features of Docs."""
    joined = [get_array_module(x).zeros_like(x) for x in features]
    for (i, start, end), piece in zip(contexts, pieces):
        joined[i][start:end] = piece
    return joined


def _bilstm_init(model: Model[Any, Any], X: list[Floats2d] | None = None, Y: Any = None) -> None:
    if X:
        build_network(model, X[0].shape[1])


def _require_whole(name: str, value: Any, least: int) -> None:
    _require(name, value, type(value) is int and value >= least, f"a whole number, at least {least}")


def _require(name: str, value: Any, valid: bool, expected: str) -> None:
    if not valid:
        raise SettingError(Errors.R010, name=name, expected=expected, value=value)
