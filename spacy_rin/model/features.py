"""Registered architectures of token features, and how features are read that see only a part of a Doc."""

from collections.abc import Callable
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

from ..errors import require_setting, require_whole
from .networks.bilstm import JOINS, BiLSTM
from .networks.gcn import GCN, NORMS
from .segments import Context
from .word_vectors import WordVectors
from .wrapper import build_network, wrap_encoder, wrap_graph


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
        require_whole(name, value, least)
    require_setting("word_dropout", word_dropout, 0.0 <= word_dropout < 1.0, "at least 0 and less than 1")
    parts: list[Model] = [WordVectors(width, word_dropout, min_count)]
    affixes = [(attr, affix_width, affix_rows) for attr in (PREFIX, SUFFIX, SHAPE)]
    hashed = [part for part in [(TAG, pos_width, pos_rows), *affixes] if part[1]]
    if hashed:
        attrs, widths, rows = zip(*hashed)
        tables = [HashEmbed(n, rows[i], seed=i, column=i) for i, n in enumerate(widths)]
        table: Model = concatenate(*tables) if len(tables) > 1 else tables[0]
        parts.append(chain(FeatureExtractor(list(attrs)), list2ragged(), with_array(table), ragged2list()))
    if features is not None:
        parts.append(features)
    return chain(concatenate(*parts) if len(parts) > 1 else parts[0], Dropout(0.0))


def build_bilstm_encoder(
    width: int = 100, depth: int = 1, join: str = "concat"
) -> Model[list[Floats2d], list[Floats2d]]:
    """Build the paper's encoder: a BiLSTM, for the `encode` of a "spacy.Tok2Vec.v2".

    Args:
        width (int): Width of the output. It must be even if the directions are concatenated.
        depth (int): Number of layers.
        join (str): How the two directions become the output: "concat", where each has half of the width, or "mean",
            where each has all of it.

    Returns:
        Model[list[Floats2d], list[Floats2d]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    require_setting("join", join, join in JOINS, f"one of {JOINS}")
    require_whole("depth", depth, 1)
    require_whole("width", width, 1)
    require_setting("width", width, join != "concat" or width % 2 == 0, "even if the directions are concatenated")
    model = wrap_encoder(BiLSTM(width=width, depth=depth, join=join))
    model.init = _bilstm_init
    model.set_dim("nO", width)
    return model


def build_dependency_gcn(
    tok2vec: Model[list[Doc], list[Floats2d]], layers: int = 2, norm: str = "sum", width: int | None = None
) -> Model[list[Doc], list[Floats2d]]:
    """Build a graph convolution over dependency trees, around any token features.

    The trees are those of the pipeline (`token.head`), so a parser must stand before the component, and in
    `training.annotating_components`. In a Doc without a tree, each token is its own neighbour alone.

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features: a tok2vec, or a listener to a shared one.
        layers (int): Layers of the convolution: how many edges away a token is seen. 0 leaves the features as they
            are, and reads no trees.
        norm (str): "sum" adds up the vectors of a token, its head and its children, as in the paper; "mean" divides
            the sum by their number.
        width (int | None): Width of the output; None is that of the token features.

    Returns:
        Model[list[Doc], list[Floats2d]]: The model.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    require_whole("layers", layers, 0)
    require_setting("norm", norm, norm in NORMS, f"one of {NORMS}")
    if width is not None:
        require_whole("width", width, 1)
    if not layers:
        require_setting("width", width, width is None, "null if there are no layers")
        return tok2vec
    graph = wrap_graph(GCN(layers=layers, norm=norm, width=width))
    return Model(
        "dependency_gcn",
        _gcn_forward,
        init=_gcn_init,
        layers=[tok2vec, graph],
        refs={"graph": graph},
        dims={"nO": width},
        attrs={"reads": ["DEP"]},
    )


def shares_features(tok2vec: Model[list[Doc], list[Floats2d]]) -> bool:
    """Whether token features are those of whole Docs, because other components share them, through a listener.

    If only the embedding listens, the encoder after it is this component's own.
    """
    if tok2vec.has_ref("graph"):
        return shares_features(tok2vec.layers[0])
    return not _has_own_encoder(tok2vec) and any(hasattr(node, "upstream_name") for node in tok2vec.walk())


def read_features(
    tok2vec: Model[list[Doc], list[Floats2d]],
    docs: list[Doc],
    contexts: list[Context],
    is_train: bool,
    *,
    shared: bool = False,
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    """Compute the token features of each context, so that nothing outside of it has an influence on them.

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features.
        docs (list[Doc]): The Docs.
        contexts (list[Context]): What is read at once.
        is_train (bool): Whether the features are for training.
        shared (bool): Whether they are cut from those of whole Docs, see `shares_features`. They still are once
            `nlp.replace_listeners` has put a copy of the shared layers into the place of a listener.

    Returns:
        tuple[list[Floats2d], Callable]: The features of each context, *Shape:* (tokens, columns) each; and a function
            that takes their gradients.
    """
    if tok2vec.has_ref("graph"):
        inner, graph = tok2vec.layers
        features, backprop_inner = read_features(inner, docs, contexts, is_train, shared=shared)
        # Negative distances are stored as unsigned.
        distances = [doc.to_array("HEAD").astype(np.int64) for doc in docs]
        heads = [find_heads(distances[i][start:end]) for i, start, end in contexts]
        features, backprop_graph = graph((features, heads), is_train)
        return features, lambda d_features: backprop_inner(backprop_graph(d_features))
    if all(context == (i, 0, len(docs[i])) for i, context in enumerate(contexts)) and len(contexts) == len(docs):
        features, backprop_features = tok2vec(docs, is_train)
        return features, backprop_features
    if shared:
        features, backprop_features = tok2vec(docs, is_train)
        return _cut(features, contexts), lambda d_cut: backprop_features(_join(d_cut, features, contexts))
    if _has_own_encoder(tok2vec):
        # The embedding of a token knows nothing of other tokens, so it is the encoder that is kept inside a context.
        embed, encode = tok2vec.layers
        embedded, backprop_embed = embed(docs, is_train)
        features, backprop_encode = encode(_cut(embedded, contexts), is_train)
        return features, lambda d_features: backprop_embed(_join(backprop_encode(d_features), embedded, contexts))
    features, backprop_features = tok2vec(_cut_docs(docs, contexts), is_train)
    return features, backprop_features


def _has_own_encoder(tok2vec: Model[list[Doc], list[Floats2d]]) -> bool:
    """Whether token features are an embedding and then an encoder, as those of "spacy.Tok2Vec.v2" are."""
    named = tok2vec.has_ref("embed") and tok2vec.has_ref("encode")
    return named and len(tok2vec.layers) == 2 and tok2vec.get_ref("embed") is tok2vec.layers[0]


def find_heads(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the syntactic heads of neighbouring tokens.

    Args:
        distances (ndarray): From each token to its head, 0 for a root; all 0 without a dependency tree.
            *Shape:* (tokens,).

    Returns:
        ndarray: Position of the head of each token among them. A root has its own, as has a token whose head is not one
            of them. *Shape:* (tokens,).
    """
    positions = np.arange(len(distances))
    heads = positions + distances
    return np.where((heads >= 0) & (heads < len(distances)), heads, positions)


def _gcn_forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    return read_features(model, docs, [Context(i, 0, len(doc)) for i, doc in enumerate(docs)], is_train)


def _gcn_init(model: Model[Any, Any], X: list[Doc] | None = None, Y: Any = None) -> None:
    tok2vec, graph = model.layers
    n_features = initialize_features(tok2vec, X)
    if n_features is not None:
        build_network(graph, n_features)
        if not model.has_dim("nO"):
            model.set_dim("nO", n_features)


def initialize_features(tok2vec: Model[list[Doc], list[Floats2d]], X: list[Doc] | None) -> int | None:
    """Initialize token features, and find their width.

    Args:
        tok2vec (Model[list[Doc], list[Floats2d]]): Token features.
        X (list[Doc] | None): Docs to initialize them with.

    Returns:
        int | None: The number of columns, or None if it is not known yet.
    """
    tok2vec.initialize(X=X)
    n_features: int | None = tok2vec.maybe_get_dim("nO")
    return tok2vec.predict(X[:1])[0].shape[1] if n_features is None and X else n_features


def _cut(features: list[Floats2d], contexts: list[Context]) -> list[Floats2d]:
    return [features[i][start:end] for i, start, end in contexts]


def _cut_docs(docs: list[Doc], contexts: list[Context]) -> list[Doc]:
    """Make a Doc of each context. The attributes of a whole Doc are read once, not for each of its contexts."""
    untyped: Any = docs  # the types of spaCy lack what `as_doc` takes
    attrs = untyped[0]._get_array_attrs()
    arrays = [doc.to_array(attrs) for doc in untyped]
    # `as_doc` changes the rows of its tokens in the array. No other context has these.
    return [untyped[i][start:end].as_doc(array_head=attrs, array=arrays[i]) for i, start, end in contexts]


def _join(pieces: list[Floats2d], features: list[Floats2d], contexts: list[Context]) -> list[Floats2d]:
    """Put the gradients of contexts together to gradients of the features of Docs."""
    joined = [get_array_module(x).zeros_like(x) for x in features]
    for (i, start, end), piece in zip(contexts, pieces):
        joined[i][start:end] = piece
    return joined


def _bilstm_init(model: Model[Any, Any], X: list[Floats2d] | None = None, Y: Any = None) -> None:
    if X:
        build_network(model, X[0].shape[1])
