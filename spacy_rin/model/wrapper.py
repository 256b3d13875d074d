"""Networks of torch as layers of thinc: how values are handed over."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.layers.pytorchwrapper import forward
from thinc.types import Floats2d
from torch import Tensor

from ..errors import Errors, NotTrainedError, RinError
from .networks.bilstm import BiLSTM
from .networks.gcn import GCN
from .networks.joint import JointNetwork, Output
from .shim import Network, NetworkShim

Features = list[Floats2d]  # of each sequence: (tokens, columns)
Heads = list[NDArray[np.int64]]  # of each sequence: position in it of the head of each token, its own for a root


class Inputs(NamedTuple):
    """What a joint network reads of a batch.

    Attributes:
        features (list[Floats2d]): Features of each sequence. *Shape:* (tokens, columns) each.
        sentences (ndarray | None): Number of the sentence of each token; None if the network does not read it.
            *Shape:* (tokens,).
    """

    features: Features
    sentences: NDArray[np.int64] | None


def wrap_encoder(network: BiLSTM) -> Model[Features, Features]:
    """Make a layer that turns token features into token features.

    Args:
        network (BiLSTM): The network.

    Returns:
        Model[list[Floats2d], list[Floats2d]]: The layer.
    """
    return _wrap(network, _features_to_torch, _features_from_torch)


def wrap_graph(network: GCN) -> Model[tuple[Features, Heads], Features]:
    """Make a layer that turns token features and dependency trees into token features.

    Args:
        network (GCN): The network.

    Returns:
        Model[tuple[list[Floats2d], list[ndarray]], list[Floats2d]]: The layer. Its backward pass gives the gradients
            of the features alone.
    """
    return _wrap(network, _graph_to_torch, _graph_from_torch)


def wrap_joint(network: JointNetwork, mixed_precision: bool) -> Model[Inputs, Output]:
    """Make a layer that turns token features into scores of tags and pairs.

    Args:
        network (JointNetwork): The network.
        mixed_precision (bool): Whether to compute in half precision on a GPU.

    Returns:
        Model[Inputs, Output]: The layer.
    """
    return _wrap(network, _inputs_to_torch, _output_from_torch, mixed_precision)


def network_of(layer: Model[Any, Any]) -> Any:
    """Return the torch network inside a layer that a function of this module made."""
    return layer.shims[0]._model


def build_network(layer: Model[Any, Any], *sizes: int) -> None:
    """Make the parameters of the network inside a layer, on the layer's device.

    Args:
        layer (Model): The layer.
        *sizes (int): What the `build` of the network takes.
    """
    device = layer.shims[0].device  # once there are parameters, it is theirs
    network_of(layer).build(*sizes)
    network_of(layer).to(device)
    layer.shims[0].renew()


def grow_network(layer: Model[Any, Any], tags: Sequence[int | None], relations: Sequence[int | None]) -> None:
    """Make room for labels in the network inside a layer.

    Args:
        layer (Model): A layer with a joint network.
        tags (Sequence[int | None]): What the `add_labels` of the network takes.
        relations (Sequence[int | None]): The same.
    """
    network_of(layer).add_labels(tags, relations)
    layer.shims[0].renew()


def _wrap(
    network: Network,
    convert_inputs: Callable[..., Any],
    convert_outputs: Callable[..., Any],
    mixed_precision: bool = False,
) -> Model[Any, Any]:
    return Model(
        "pytorch",
        forward,
        attrs={"convert_inputs": convert_inputs, "convert_outputs": convert_outputs},
        shims=[NetworkShim(network, mixed_precision)],
        dims={"nI": None, "nO": None},
    )


def _features_to_torch(
    layer: Model[Any, Any], X: Features, is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], Features]]:
    """Pack features of sequences: (tokens, columns) each, into one tensor (all tokens, columns) and their lengths."""
    expected = network_of(layer).n_features
    if expected is None:
        raise NotTrainedError(Errors.R022)
    found = X[0].shape[1] if X else expected
    if found != expected:
        raise RinError(Errors.R020, found=found, expected=expected)
    lengths = [len(x) for x in X]
    flat = layer.ops.as_contig(layer.ops.flatten(X)) if sum(lengths) else layer.ops.alloc2f(0, found)
    features = xp2torch(flat, requires_grad=is_train, device=layer.shims[0].device)

    def backprop(d_inputs: ArgsKwargs) -> Features:
        d_flat = torch2xp(d_inputs.args[0])
        unpacked: Features = layer.ops.unflatten(d_flat, layer.ops.asarray1i(lengths))
        return unpacked

    return ArgsKwargs(args=(features, lengths), kwargs={}), backprop


def _inputs_to_torch(
    layer: Model[Any, Any], X: Inputs, is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], Features]]:
    packed, backprop = _features_to_torch(layer, X.features, is_train)
    return ArgsKwargs(args=(*packed.args, *_sentences(layer, X)), kwargs={}), backprop


def _sentences(layer: Model[Any, Any], X: Inputs) -> list[Tensor]:
    """Return the numbers of the sentences as a further argument, if there are any."""
    return [] if X.sentences is None else [torch.from_numpy(X.sentences).to(layer.shims[0].device)]


def _features_from_torch(
    layer: Model[Any, Any], X_Y: tuple[Features, Tensor], is_train: bool
) -> tuple[Features, Callable[[Features], ArgsKwargs]]:
    X, y = X_Y
    lengths = layer.ops.asarray1i([len(x) for x in X])

    def backprop(dY: Features) -> ArgsKwargs:
        d_y = xp2torch(layer.ops.as_contig(layer.ops.flatten(dY)), device=y.device)
        return ArgsKwargs(args=((y,),), kwargs={"grad_tensors": (d_y,)})

    return layer.ops.unflatten(torch2xp(y.detach()), lengths), backprop


def _graph_to_torch(
    layer: Model[Any, Any], X: tuple[Features, Heads], is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], Features]]:
    """Pack features and heads of sequences: the heads become positions in the packed batch."""
    features, heads = X
    inputs, backprop = _features_to_torch(layer, features, is_train)
    flat, lengths = inputs.args
    starts = np.cumsum([0, *lengths[:-1]])
    positions = [start + x for start, x in zip(starts, heads)]
    packed = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *positions])).to(flat.device)
    return ArgsKwargs(args=(flat, packed), kwargs={}), backprop


def _graph_from_torch(
    layer: Model[Any, Any], X_Y: tuple[tuple[Features, Heads], Tensor], is_train: bool
) -> tuple[Features, Callable[[Features], ArgsKwargs]]:
    (features, _), y = X_Y
    return _features_from_torch(layer, (features, y), is_train)


def _output_from_torch(
    layer: Model[Any, Any], X_Y: tuple[Inputs, Sequence[Tensor | None]], is_train: bool
) -> tuple[Output, Callable[[Sequence[Tensor]], ArgsKwargs]]:
    X, tensors = X_Y
    output = network_of(layer).make_output(tensors, [len(x) for x in X.features], *_sentences(layer, X))

    def backprop(d_tensors: Sequence[Tensor]) -> ArgsKwargs:
        scored = [x for x in tensors if x is not None]
        grads = [grad.to(x.dtype) for grad, x in zip(d_tensors, scored)]
        return ArgsKwargs(args=(scored,), kwargs={"grad_tensors": grads})

    return output, backprop
