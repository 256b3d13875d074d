"""A bidirectional LSTM over packed tokens."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence


class BiLSTM(nn.Module):
    """BiLSTM that reads the tokens of packed sequences (see `pairs`); `build` makes its parameters.

    Args:
        width (int): Columns of the output, half of them for each direction.
        depth (int): Number of layers.
    """

    def __init__(self, *, width: int, depth: int = 1):
        super().__init__()
        self.width = width
        self.depth = depth

    def build(self, n_features: int) -> None:
        """Make the parameters for an input of `n_features` columns."""
        self.lstm = nn.LSTM(n_features, self.width // 2, num_layers=self.depth, bidirectional=True)

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Make parameters of the sizes of a state dict; KeyError if it lacks one that tells a size."""
        self.build(state["lstm.weight_ih_l0"].shape[1])

    @property
    def n_features(self) -> int | None:
        """Width of the input; None before `build`."""
        return self.lstm.input_size if hasattr(self, "lstm") else None

    def forward(self, features: Tensor, lengths: Sequence[int]) -> Tensor:
        """Encode tokens in their context.

        Args:
            features (Tensor): *Shape:* (tokens, n_features).
            lengths (Sequence[int]): Tokens of each sequence.

        Returns:
            Tensor: *Shape:* (tokens, width).
        """
        sequences = [x for x in torch.split(features, list(lengths)) if len(x)]
        if not sequences:
            return features.new_zeros((0, self.width))
        output, _ = self.lstm(pack_sequence(sequences, enforce_sorted=False))
        return torch.cat(unpack_sequence(output))
