"""The term of a pair of tokens that depends on their relative position."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# A relative position is described by the distance in tokens and the distance in sentences, both with their sign. Token
# distances from one of these numbers up to the next share a row, and so do all sentence distances from the highest on.
_TOKEN_STEPS = (1, 2, 3, 5, 9, 17, 33)
_MAX_SENTENCES = 3
_N_TOKEN_ROWS, _N_SENTENCE_ROWS = 2 * len(_TOKEN_STEPS) + 1, 2 * _MAX_SENTENCES + 1
N_POSITIONS = _N_TOKEN_ROWS + _N_SENTENCE_ROWS


class Positions(NamedTuple):
    """The term of a pair that depends on the relative position of its tokens: the sum of two rows of a table, one for
    the distance in tokens and one for the distance in sentences.

    Attributes:
        table (Tensor): The rows. *Shape:* (N_POSITIONS, width).
        sentences (Tensor): Number of the sentence of each packed token. *Shape:* (tokens,).
    """

    table: Tensor
    sentences: Tensor

    @classmethod
    def of(cls, table: Tensor | None, sentences: Tensor | None) -> "Positions | None":
        """Return the term, or None if there is no table or the sentences are not numbered."""
        return None if table is None or sentences is None else cls(table, sentences)

    def codes(self, subjects: Tensor, objects: Tensor) -> Tensor:
        """Return a number for the relative position of each pair.

        Args:
            subjects (Tensor): Positions of the subjects in the packed batch. *Shape:* any.
            objects (Tensor): Positions of the objects. *Shape:* one that broadcasts with that of `subjects`.

        Returns:
            Tensor: The codes. *Shape:* that of the two together.
        """
        return _token_codes(objects - subjects) + _sentence_codes(self.sentences[objects] - self.sentences[subjects])

    def codes_within(self, subjects: Tensor, first: int, last: int) -> Tensor:
        """Return what `codes` returns for pairs of some tokens of a sequence with each of its tokens, only faster.

        Args:
            subjects (Tensor): Positions of the subjects in the packed batch. *Shape:* (subjects,).
            first (int): Position of the first token of the sequence.
            last (int): End of the sequence.

        Returns:
            Tensor: The codes. *Shape:* (subjects, last - first).
        """
        sentences, rows = self.sentences[first:last].short(), subjects - first
        tokens = _sequence_codes(last - first, sentences.device)[last - first - 1 - rows]
        return tokens + _sentence_codes(sentences - sentences[rows].unsqueeze(1))

    def terms(self, codes: Tensor) -> Tensor:
        """Return the terms of pairs.

        Args:
            codes (Tensor): The codes of the pairs. *Shape:* any.

        Returns:
            Tensor: The terms. *Shape:* (pairs, width).
        """
        sums = _position_rows(self.table.device, self.table.dtype) @ self.table
        return sums.index_select(0, codes.flatten().int())

    def table_grad(self, codes: Tensor, d_terms: Tensor) -> Tensor:
        """Compute the gradient of the table, given that of the terms of pairs.

        Args:
            codes (Tensor): The codes of the pairs. *Shape:* any.
            d_terms (Tensor): The gradient. *Shape:* (pairs, width).

        Returns:
            Tensor: The gradient of the table. *Shape:* (N_POSITIONS, width).
        """
        rows = _position_rows(self.table.device, self.table.dtype)
        d_sums = d_terms.new_zeros((len(rows), d_terms.shape[1])).index_add_(0, codes.flatten().int(), d_terms)
        d_table: Tensor = rows.T @ d_sums
        return d_table


def _token_codes(distances: Tensor) -> Tensor:
    """Return the part of a code that tells the distance in tokens."""
    steps = torch.tensor(_TOKEN_STEPS, device=distances.device)
    rows = torch.bucketize(distances.abs(), steps, right=True) * distances.sign() + len(_TOKEN_STEPS)
    return rows * _N_SENTENCE_ROWS


def _sentence_codes(distances: Tensor) -> Tensor:
    """Return the part of a code that tells the distance in sentences."""
    return distances.clamp(-_MAX_SENTENCES, _MAX_SENTENCES) + _MAX_SENTENCES


@lru_cache(maxsize=1024)
def _sequence_codes(length: int, device: torch.device) -> Tensor:
    """Return the token codes of all pairs of a sequence, last subject first. *Shape:* (length, length).

    Rows are windows of one vector, so that little memory is used.
    """
    distances = torch.arange(1 - length, length, device=device)
    return _token_codes(distances).short().unfold(0, length, 1)


@lru_cache
def _position_rows(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return which two rows of the table are summed up for each code. *Shape:* (codes, N_POSITIONS)."""
    tokens, sentences = torch.meshgrid(torch.arange(_N_TOKEN_ROWS), torch.arange(_N_SENTENCE_ROWS), indexing="ij")
    rows = F.one_hot(torch.stack([tokens.flatten(), sentences.flatten() + _N_TOKEN_ROWS], 1), N_POSITIONS)
    return rows.sum(1).to(device, dtype)
