"""Chunks of the ordered token pairs of packed sequences, and what is done with all pairs of a chunk at a time.

Only tokens of the same sequence form pairs. The pairs of a sequence are a matrix: a row for each subject, a column for
each object, which are all tokens of the sequence.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .positions import Positions


class Block(NamedTuple):
    """Rows of the pair matrix of one sequence, and their position in a chunk. All ends are exclusive.

    Attributes:
        start (int): Position of the first subject, among all subjects.
        stop (int): End of the subjects.
        first (int): Position of the first object in the packed batch. Objects are all tokens of the sequence.
        last (int): End of the objects.
        low (int): Position of the first pair in the chunk. Pairs are ordered row by row.
        high (int): End of the pairs.
    """

    start: int
    stop: int
    first: int
    last: int
    low: int
    high: int


def cut_blocks(
    lengths: Sequence[int],
    size: int,
    *,
    n_subjects: Sequence[int] | None = None,
    wanted: Sequence[bool] | None = None,
) -> Iterator[list[Block]]:
    """Split the pair matrices of packed sequences into chunks of several short sequences, or of rows of a long one.

    Args:
        lengths (Sequence[int]): Number of tokens in each sequence.
        size (int): Maximum number of pairs in a chunk. A chunk has at least one row, even if that is longer.
        n_subjects (Sequence[int] | None): Number of subjects in each sequence. None if all tokens are subjects.
        wanted (Sequence[bool] | None): For each sequence, whether to include it. None includes all.

    Yields:
        list[Block]: The blocks of each chunk, in order. Together they have every pair of the included sequences once.
    """
    blocks: list[Block] = []
    first = begin = n_pairs = 0
    for index, (length, n_rows) in enumerate(zip(lengths, n_subjects or lengths)):
        last, end = first + length, begin + n_rows
        rows = max(1, size // max(1, length))
        for start in range(begin, end, rows) if wanted is None or wanted[index] else ():
            stop = min(start + rows, end)
            pairs = (stop - start) * length
            if blocks and n_pairs + pairs > size:
                yield blocks
                blocks, n_pairs = [], 0
            blocks.append(Block(start, stop, first, last, n_pairs, n_pairs + pairs))
            n_pairs += pairs
        first, begin = last, end
    if blocks:
        yield blocks


def make_chunks(
    lengths: Sequence[int],
    size: int,
    device: torch.device,
    *,
    n_subjects: Sequence[int] | None = None,
    wanted: Sequence[bool] | None = None,
) -> "list[Chunk]":
    """Make the chunks of packed sequences, see `cut_blocks`, in the form that is fast on a device."""
    form = form_for(device)
    return [form(blocks, device) for blocks in cut_blocks(lengths, size, n_subjects=n_subjects, wanted=wanted)]


def form_for(device: torch.device) -> "type[Chunk]":
    """Return the form of chunks that is fast on a device."""
    return FORMS.get(device.type, BlockChunk)


class Chunk:
    """Base class: the pairs of some blocks, one after the other.

    Args:
        blocks (list[Block]): The blocks.
        device (torch.device): Where the pairs are computed.
    """

    def __init__(self, blocks: list[Block], device: torch.device):
        self.blocks = blocks
        self.device = device

    def __len__(self) -> int:
        return self.blocks[-1].high

    def add_terms(self, subjects: Tensor, objects: Tensor, out: Tensor) -> None:
        """Write the sum of the two terms of each pair.

        Args:
            subjects (Tensor): Subject terms. *Shape:* (subjects, width).
            objects (Tensor): Object terms of all tokens. *Shape:* (tokens, width).
            out (Tensor): The output. *Shape:* (pairs, width).
        """
        raise NotImplementedError

    def codes(self, positions: Positions, rows: Tensor | None = None) -> Tensor:
        """Return the codes of the relative positions of the pairs, see `Positions.codes`.

        Args:
            positions (Positions): The relative positions.
            rows (Tensor | None): Positions of all subjects in the packed batch. None if all tokens are subjects.

        Returns:
            Tensor: The codes. *Shape:* (pairs,).
        """
        raise NotImplementedError

    def add_grads(self, d_pairs: Tensor, d_subjects: Tensor, d_objects: Tensor) -> None:
        """Add the gradients of the terms, given that of their sums.

        Args:
            d_pairs (Tensor): Gradient of the sums. *Shape:* (pairs, width).
            d_subjects (Tensor): Gradient of the subject terms, 0 where this chunk has subjects, changed in place.
                *Shape:* (subjects, width).
            d_objects (Tensor): Gradient of the object terms, changed in place. *Shape:* (tokens, width).
        """
        raise NotImplementedError

    def max(self, logits: Tensor, scores: Tensor, winners: Tensor | None) -> None:
        """Write the maximum of each row, and where it is.

        Args:
            logits (Tensor): Values of the pairs. *Shape:* (pairs, labels).
            scores (Tensor): Output for the maxima. *Shape:* (subjects, labels).
            winners (Tensor | None): Output for their columns, None if they are not wanted. *Shape:* (subjects, labels).
        """
        raise NotImplementedError

    def scatter(self, scores: Tensor, winners: Tensor, pairs: Tensor) -> None:
        """Write a value of each row into the column that has its maximum.

        Args:
            scores (Tensor): The values. *Shape:* (subjects, labels).
            winners (Tensor): The columns. *Shape:* (subjects, labels).
            pairs (Tensor): The output. *Shape:* (pairs, labels).
        """
        raise NotImplementedError


class BlockChunk(Chunk):
    """The form for a CPU: one block after the other, as views of the values of a chunk, without an index."""

    def add_terms(self, subjects: Tensor, objects: Tensor, out: Tensor) -> None:
        for start, stop, first, last, low, high in self.blocks:
            begins, ends = subjects[start:stop].unsqueeze(1), objects[first:last].unsqueeze(0)
            torch.add(begins, ends, out=out[low:high].view(stop - start, last - first, -1))

    def codes(self, positions: Positions, rows: Tensor | None = None) -> Tensor:
        codes = []
        for start, stop, first, last, _, _ in self.blocks:
            packed = torch.arange(start, stop, device=self.device) if rows is None else rows[start:stop]
            codes.append(positions.codes_within(packed, first, last).flatten())
        return torch.cat(codes)

    def add_grads(self, d_pairs: Tensor, d_subjects: Tensor, d_objects: Tensor) -> None:
        for start, stop, first, last, low, high in self.blocks:
            matrix = d_pairs[low:high].view(stop - start, last - first, -1)
            torch.sum(matrix, 1, out=d_subjects[start:stop])  # no other block has these subjects
            d_objects[first:last] += matrix.sum(0)

    def max(self, logits: Tensor, scores: Tensor, winners: Tensor | None) -> None:
        for start, stop, first, last, low, high in self.blocks:
            matrix = logits[low:high].view(stop - start, last - first, -1)
            if winners is None:
                torch.amax(matrix, 1, out=scores[start:stop])
            else:
                _max_with_winners(matrix, scores[start:stop], winners[start:stop])

    def scatter(self, scores: Tensor, winners: Tensor, pairs: Tensor) -> None:
        for start, stop, first, last, low, high in self.blocks:
            matrix = pairs[low:high].view(stop - start, last - first, -1)
            matrix.scatter_(1, winners[start:stop].long().unsqueeze(1), scores[start:stop].unsqueeze(1))


def _max_with_winners(matrix: Tensor, scores: Tensor, winners: Tensor) -> None:
    """Write the maxima over dim 1 and their positions.

    Args:
        matrix (Tensor): *Shape:* (rows, columns, labels).
        scores (Tensor): Output for the maxima. *Shape:* (rows, labels).
        winners (Tensor): Output for the positions. *Shape:* (rows, labels).
    """
    n_columns, n_labels = matrix.shape[1:]
    if matrix.device.type != "cpu" or n_labels < 64 or n_columns > 256:
        values, positions = matrix.max(1)
        scores.copy_(values)
        winners.copy_(positions)
        return
    # On a CPU, torch searches positions one at a time, which is slow. For many labels it is faster to compute only the
    # maximum first, and then, with positions as bytes, the last position that equals it.
    torch.amax(matrix, 1, out=scores)
    wins = (matrix == scores.unsqueeze(1)).view(torch.uint8)
    winners.copy_(wins.mul_(_byte_positions(n_columns)).amax(1))


@lru_cache(maxsize=256)
def _byte_positions(n_columns: int) -> Tensor:
    """Number up to 256 columns. *Shape:* (columns, 1)."""
    return torch.arange(n_columns, dtype=torch.uint8).unsqueeze(1)


class _Index(NamedTuple):
    """Positions of the pairs and of the rows of a chunk.

    Attributes:
        subjects (Tensor): Subject of each pair, among all subjects. *Shape:* (pairs,).
        objects (Tensor): Object of each pair, in the packed batch. *Shape:* (pairs,).
        columns (Tensor): Column of each pair in its row. *Shape:* (pairs,).
        rows (Tensor): Subject of each row. *Shape:* (rows,).
        starts (Tensor): First pair of each row. *Shape:* (rows,).
        widths (Tensor): Number of pairs of each row. *Shape:* (rows,).
    """

    subjects: Tensor
    objects: Tensor
    columns: Tensor
    rows: Tensor
    starts: Tensor
    widths: Tensor


class IndexChunk(Chunk):
    """The form for a GPU with CUDA: all blocks at a time by an index of the pairs. There, to start a computation takes
    longer than to do it for one sequence.
    """

    def __init__(self, blocks: list[Block], device: torch.device):
        super().__init__(blocks, device)
        self._index = _make_index(tuple(blocks), device)

    def add_terms(self, subjects: Tensor, objects: Tensor, out: Tensor) -> None:
        torch.add(subjects[self._index.subjects], objects[self._index.objects], out=out)

    def codes(self, positions: Positions, rows: Tensor | None = None) -> Tensor:
        subjects = self._index.subjects if rows is None else rows[self._index.subjects]
        return positions.codes(subjects, self._index.objects)

    def add_grads(self, d_pairs: Tensor, d_subjects: Tensor, d_objects: Tensor) -> None:
        d_subjects.index_add_(0, self._index.subjects, d_pairs)
        d_objects.index_add_(0, self._index.objects, d_pairs)

    def max(self, logits: Tensor, scores: Tensor, winners: Tensor | None) -> None:
        _, _, columns, rows, _, widths = self._index
        highest = torch.segment_reduce(logits, "max", lengths=widths, unsafe=True)
        scores[rows] = highest
        if winners is not None:
            wins = logits == highest.repeat_interleave(widths, 0, output_size=len(logits))
            # 0 where nothing wins, as with scores that are not a number: a place outside of a row would stop the GPU.
            places = torch.where(wins, columns.to(logits.dtype).unsqueeze(1), 0.0)
            winners[rows] = torch.segment_reduce(places, "max", lengths=widths, unsafe=True).to(winners.dtype)

    def scatter(self, scores: Tensor, winners: Tensor, pairs: Tensor) -> None:
        _, _, _, rows, starts, _ = self._index
        pairs.scatter_(0, starts.unsqueeze(1) + winners[rows], scores[rows])


@lru_cache(maxsize=8)
def _make_index(blocks: tuple[Block, ...], device: torch.device) -> _Index:
    """Make an index. A training step asks for that of each chunk several times, in every round and for the loss."""
    start, stop, first, last, _, _ = np.array(blocks).T
    rows = np.concatenate([np.arange(*ends) for ends in zip(start, stop)])
    widths, firsts = (x.repeat(stop - start) for x in (last - first, first))
    starts = widths.cumsum() - widths
    columns = np.arange(widths.sum()) - starts.repeat(widths)
    parts = (rows.repeat(widths), firsts.repeat(widths) + columns, columns, rows, starts, widths)
    return _Index(*(torch.from_numpy(part).to(device) for part in parts))


FORMS: dict[str, type[Chunk]] = {"cuda": IndexChunk}
"""Forms of chunks by the type of a device. Others have blocks."""
