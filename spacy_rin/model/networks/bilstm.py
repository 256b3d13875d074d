"""A bidirectional LSTM for packed sequences."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

JOINS = ("concat", "mean")


class BiLSTM(nn.Module):
    """A bidirectional LSTM for packed sequences (see `pairs`). It has no parameters until `build` is called.

    Args:
        width (int): Width of the output.
        depth (int): Number of layers.
        join (str): How the two directions become the output: "concat", where each has half of the width, or "mean",
            where each has all of it. Between layers, they are always concatenated.
    """

    def __init__(self, *, width: int, depth: int = 1, join: str = "concat"):
        super().__init__()
        self.width = width
        self.depth = depth
        self.join = join

    def build(self, n_features: int) -> None:
        """Create the parameters.

        Args:
            n_features (int): Width of the input.
        """
        hidden = self.width // 2 if self.join == "concat" else self.width
        self.lstm = nn.LSTM(n_features, hidden, num_layers=self.depth, bidirectional=True)

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Create parameters with the sizes of those in a state dict.

        Args:
            state (Mapping[str, Tensor]): The state dict.

        Raises:
            KeyError: If the state dict lacks a parameter that is needed to get a size.
        """
        self.build(state["lstm.weight_ih_l0"].shape[1])

    @property
    def n_features(self) -> int | None:
        """Width of the input. None before `build`."""
        return self.lstm.input_size if hasattr(self, "lstm") else None

    def forward(self, features: Tensor, lengths: Sequence[int]) -> Tensor:
        """Encode each token with its context.

        Args:
            features (Tensor): Features of the tokens. *Shape:* (tokens, n_features).
            lengths (Sequence[int]): Number of tokens in each sequence.

        Returns:
            Tensor: Encoded tokens. *Shape:* (tokens, width).
        """
        if not len(features):
            return features.new_zeros((0, self.width))
        order, step_sizes = _by_step(lengths)
        steps = torch.from_numpy(order).to(features.device)
        output, _ = self.lstm(PackedSequence(features.index_select(0, steps), torch.from_numpy(step_sizes)))
        encoded: Tensor = output.data.index_select(0, torch.from_numpy(order.argsort()).to(features.device))
        if self.join == "mean":
            encoded = encoded.view(len(encoded), 2, self.width).mean(1)
        return encoded


def _by_step(lengths: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order packed tokens as an LSTM reads them: the first tokens of all sequences, then the second ones, and so on.

    Args:
        lengths (Sequence[int]): Number of tokens in each sequence.

    Returns:
        tuple[ndarray, ndarray]: Positions of the tokens in that order, at each step the longest sequence first, and the
            number of tokens of each step. *Shape:* (tokens,), (steps,).
    """
    sizes = np.asarray(lengths)
    step = np.arange(sizes.sum()) - (sizes.cumsum() - sizes).repeat(sizes)
    longest_first = np.argsort(np.argsort(-sizes, kind="stable"))
    return np.lexsort((longest_first.repeat(sizes), step)), np.bincount(step)
