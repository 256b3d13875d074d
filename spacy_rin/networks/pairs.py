"""Scores of all ordered token pairs, computed block by block so that they are never held all at once.

The paper scores a pair of tokens (i, j) with Wr · relu(Wm · (h_i ⊕ h_j)) + br (Sun et al., EMNLP 2020, eq. 7).
Wm · (h_i ⊕ h_j) is the sum of a subject term and an object term, so the functions here take these two terms for
every token, `subjects` and `objects`, and add them pair by pair.

Tokens of a batch are packed: all sequences one after the other, without padding, with their `lengths` beside.
Pairs are formed inside a sequence only.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor
from torch.nn import functional as F


class Block(NamedTuple):
    """Some rows of the pair matrix of one sequence: subjects [start, stop) against objects [first, last)."""

    start: int
    stop: int
    first: int
    last: int


def pair_blocks(lengths: Sequence[int], block_size: int, wanted: Optional[Sequence[bool]] = None) -> Iterator[Block]:
    """Cut the pair matrices of packed sequences into blocks.

    lengths (Sequence[int]): Tokens of each sequence.
    block_size (int): Pairs in a block at the most, but at least one row.
    wanted (Optional[Sequence[bool]]): Whether to yield a sequence's blocks; None is all.
    YIELDS (Block): The blocks, in order; together they hold every pair of the wanted sequences once.
    """
    first = 0
    for index, length in enumerate(lengths):
        last = first + length
        rows = max(1, block_size // max(1, length))
        if wanted is None or wanted[index]:
            for start in range(first, last, rows):
                yield Block(start, min(start + rows, last), first, last)
        first = last


def pair_hidden(subjects: Tensor, objects: Tensor, block: Block) -> Tensor:
    """Compute relu(subject term + object term) of the pairs of a block.

    RETURNS (Tensor): *Shape:* (rows, columns, width).
    """
    rows = subjects[block.start : block.stop].unsqueeze(1)
    columns = objects[block.first : block.last].unsqueeze(0)
    return (rows + columns).relu_()


class _PairMax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, subjects: Tensor, objects: Tensor, weight: Tensor, lengths: Sequence[int], block_size: int
    ) -> Tensor:
        scores = subjects.new_empty((len(subjects), len(weight)))
        winners = torch.empty(scores.shape, dtype=torch.int64, device=scores.device)
        for block in pair_blocks(lengths, block_size):
            logits = pair_hidden(subjects, objects, block) @ weight.T
            torch.max(logits, 1, out=(scores[block.start : block.stop], winners[block.start : block.stop]))
        ctx.save_for_backward(subjects, objects, weight, winners)
        ctx.lengths, ctx.block_size = lengths, block_size
        return scores

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> Any:
        subjects, objects, weight, winners = ctx.saved_tensors
        grads = PairGrads.zeros(subjects, objects, weight)
        for block in pair_blocks(ctx.lengths, ctx.block_size):
            hidden = pair_hidden(subjects, objects, block)
            rows = slice(block.start, block.stop)
            # Only the pair that won the maximum has a gradient.
            d_logits = hidden.new_zeros((*hidden.shape[:2], len(weight)))
            d_logits.scatter_(1, winners[rows].unsqueeze(1), d_scores[rows].unsqueeze(1))
            grads.add(block, hidden, weight, d_logits)
        return grads.subjects, grads.objects, grads.weight, None, None


class PairGrads(NamedTuple):
    """Gradients of what pair scores are made of, each of the shape of its tensor."""

    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor

    @classmethod
    def zeros(cls, subjects: Tensor, objects: Tensor, weight: Tensor) -> "PairGrads":
        """Make zero gradients."""
        d_subjects, d_objects, d_weight = (torch.zeros_like(x) for x in (subjects, objects, weight))
        return cls(d_subjects, d_objects, d_weight, weight.new_zeros(len(weight)))

    def add(self, block: Block, hidden: Tensor, weight: Tensor, d_logits: Tensor) -> None:
        """Add the gradients that come from the logits of one block.

        hidden (Tensor): What `pair_hidden` gave. *Shape:* (rows, columns, width).
        weight (Tensor): *Shape:* (labels, width).
        d_logits (Tensor): *Shape:* (rows, columns, labels).
        """
        flat_hidden, flat_logits = hidden.flatten(0, 1), d_logits.flatten(0, 1)
        self.weight.addmm_(flat_logits.T, flat_hidden)
        d_hidden = (flat_logits @ weight).view_as(hidden).mul_(hidden > 0)
        self.subjects[block.start : block.stop] += d_hidden.sum(1)
        self.objects[block.first : block.last] += d_hidden.sum(0)


def pair_max(subjects: Tensor, objects: Tensor, weight: Tensor, lengths: Sequence[int], block_size: int) -> Tensor:
    """Compute each token's highest score as a subject, over all objects of its sequence (eq. 5 and 7, before σ).

    Equal to the maximum over dim 1 of the dense scores, in value and gradient, but nothing of the size of the pair
    matrix is kept: the backward pass recomputes blocks.

    subjects (Tensor): Subject terms of the packed tokens. *Shape:* (tokens, width).
    objects (Tensor): Object terms. *Shape:* (tokens, width).
    weight (Tensor): Wr. *Shape:* (labels, width).
    lengths (Sequence[int]): Tokens of each sequence.
    block_size (int): Pairs to hold at a time.
    RETURNS (Tensor): *Shape:* (tokens, labels).
    """
    return _PairMax.apply(subjects, objects, weight, lengths, block_size)


def pair_loss(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    bias: Tensor,
    lengths: Sequence[int],
    gold: Tensor,
    known: Sequence[bool],
    block_size: int,
) -> tuple[float, PairGrads]:
    """Compute the binary cross-entropy over all pairs and labels, summed, and its gradient in the same pass (eq. 8).

    subjects (Tensor): Subject terms of the packed tokens. *Shape:* (tokens, width).
    objects (Tensor): Object terms. *Shape:* (tokens, width).
    weight (Tensor): Wr. *Shape:* (labels, width).
    bias (Tensor): br. *Shape:* (labels,).
    lengths (Sequence[int]): Tokens of each sequence.
    gold (Tensor): True triples as (subject token, object token, label), distinct. *Shape:* (triples, 3).
    known (Sequence[bool]): For each sequence, whether its triples are known; the others add nothing.
    block_size (int): Pairs to hold at a time.
    RETURNS (Tuple[float, PairGrads]): The loss and the gradients.
    """
    grads = PairGrads.zeros(subjects, objects, weight)
    loss = torch.zeros((), dtype=torch.float64, device=subjects.device)
    # Sorted by subject, the true triples of a block are a slice.
    gold = gold[gold[:, 0].argsort()]
    gold_subjects = gold[:, 0].contiguous()
    for block in pair_blocks(lengths, block_size, known):
        hidden = pair_hidden(subjects, objects, block)
        logits = torch.addmm(bias, hidden.flatten(0, 1), weight.T).view(*hidden.shape[:2], -1)
        low, high = torch.searchsorted(gold_subjects, gold_subjects.new_tensor([block.start, block.stop])).tolist()
        i, j, label = gold[low:high].unbind(1)
        where = (i - block.start, j - block.first, label)
        loss += F.softplus(logits).sum() - logits[where].sum()
        d_logits = logits.sigmoid_()
        d_logits[where] -= 1.0
        grads.add(block, hidden, weight, d_logits)
        grads.bias.add_(d_logits.sum((0, 1)))
    return float(loss), grads
