"""A network of torch as thinc knows it: its parameters, as an optimizer changes and averages them, and as bytes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import safetensors.torch
import torch
from thinc.api import PyTorchShim, xp2torch
from thinc.shims import Shim

from .networks.bilstm import BiLSTM
from .networks.gcn import GCN
from .networks.joint import JointNetwork

Network = JointNetwork | BiLSTM | GCN


class NetworkShim(PyTorchShim):  # type: ignore[misc]
    """The parameters of a network, which an optimizer knows by the id of the shim and their names.

    thinc's own shim looks for averages of parameters under other keys than those that it gives to the optimizer, and so
    never finds any.

    Args:
        network (Network): The network.
        mixed_precision (bool): Whether to compute in half precision on a GPU.
    """

    def __init__(self, network: Network, mixed_precision: bool = False):
        super().__init__(
            network, mixed_precision=mixed_precision, serialize_model=_serialize, deserialize_model=_deserialize
        )

    @contextmanager
    def use_params(self, params: Mapping[tuple[int, str], Any]) -> Iterator[None]:
        """Compute with other values of parameters inside a `with` block.

        Args:
            params (Mapping[tuple[int, str], Array]): Values by key, such as the averages of an optimizer. Parameters
                that are not there keep theirs.
        """
        named = ((parameter, (self.id, name)) for name, parameter in self._model.named_parameters())
        replaced = [(parameter, params[key]) for parameter, key in named if key in params]
        before = [(parameter, parameter.data.clone()) for parameter, _ in replaced]
        try:
            # In place, because on a GPU the parameters of an LSTM are one block of memory.
            for parameter, value in replaced:
                parameter.data.copy_(xp2torch(value, device=parameter.device))
            yield
        finally:
            for parameter, value in before:
                parameter.data.copy_(value)

    def renew(self) -> None:
        """Take another id. An optimizer then knows nothing of the parameters, as is right for those made anew."""
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id

    def copy(self) -> "NetworkShim":
        """Copy the network. The copy has an id of its own, as the copies of thinc's layers have."""
        copied: NetworkShim = super().copy()
        copied.renew()
        return copied


def _serialize(network: Network) -> bytes:
    return safetensors.torch.save({name: x.contiguous() for name, x in network.state_dict().items()})


def _deserialize(network: Network, data: bytes, device: torch.device) -> Network:
    state = safetensors.torch.load(data)
    if state:
        network.build_like(state)
        network.load_state_dict(state)
        network.to(device)
    return network
