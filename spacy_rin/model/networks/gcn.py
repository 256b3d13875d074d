"""A graph convolution over dependency trees: the second half of the encoder of a model with bidirectional interaction.

The paper is described in `interactive`; equation numbers refer to it.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

NORMS = ("sum", "mean")


class GCN(nn.Module):
    """A graph convolution over the trees of packed sequences. It has no parameters until `build` is called.

    A layer gives each token t a new vector, from those of its neighbourhood N(t): t itself, its head and its children,
    without the direction of the edges (eq. 1).

        o'_t = ReLU( sum over v in N(t) of (W o_v + b) )

    Args:
        layers (int): Number of layers, each with its own W and b.
        norm (str): "sum", as in the equation, or "mean", which divides the sum by the size of N(t).
        width (int | None): Width of the output. None is that of the input.
    """

    def __init__(self, *, layers: int = 2, norm: str = "sum", width: int | None = None):
        super().__init__()
        self.layers = layers
        self.norm = norm
        self.width = width

    def build(self, n_features: int) -> None:
        """Create the parameters.

        Args:
            n_features (int): Width of the input.
        """
        widths = [n_features, *[self.width or n_features] * self.layers]
        self.maps = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Create parameters with the sizes of those in a state dict.

        Args:
            state (Mapping[str, Tensor]): The state dict.

        Raises:
            KeyError: If the state dict lacks a parameter that is needed to get a size.
        """
        self.build(state["maps.0.weight"].shape[1])

    @property
    def n_features(self) -> int | None:
        """Width of the input. None before `build`."""
        return self.get_parameter("maps.0.weight").shape[1] if hasattr(self, "maps") else None

    def forward(self, features: Tensor, heads: Tensor) -> Tensor:
        """Mix the features of neighbours.

        Args:
            features (Tensor): Features of the packed tokens. *Shape:* (tokens, n_features).
            heads (Tensor): Position of the head of each token in the packed batch; that of the token itself if it is a
                root. *Shape:* (tokens,).

        Returns:
            Tensor: Encoded tokens. *Shape:* (tokens, width).
        """
        children = (heads != torch.arange(len(heads), device=heads.device)).nonzero().squeeze(1)
        targets, sources = torch.cat([children, heads[children]]), torch.cat([heads[children], children])
        sizes = torch.bincount(targets, minlength=len(heads)).unsqueeze(1) + 1
        for layer in self.maps:
            mapped = layer(features)
            total = mapped.index_add(0, targets, mapped[sources])
            features = (total / sizes if self.norm == "mean" else total).relu()
        return features
