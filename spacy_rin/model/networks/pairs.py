"""Compute scores of all ordered token pairs in chunks, so that they are never all in memory.

The paper scores a pair of tokens (i, j) with Wr · relu(Wm · (h_i ⊕ h_j)) + br (Sun et al., EMNLP 2020, eq. 7).
Wm · (h_i ⊕ h_j) is the sum of a subject term and an object term, so the functions here take these two terms for
every token, `subjects` and `objects`, and add them pair by pair.

A network can add a third term for the relative position of the two tokens, see `positions`.

The tokens of a batch are packed: sequences are concatenated without padding, and `lengths` has the length of each.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .chunks import BlockChunk, Chunk, form_for, make_chunks
from .positions import Positions


class Terms(NamedTuple):
    """What the scores of pairs are computed from.

    Attributes:
        subjects (Tensor): Subject terms of the packed tokens, or of some of them. *Shape:* (subjects, width).
        objects (Tensor): Object terms of the packed tokens. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        positions (Positions | None): The term of relative positions, if there is one.
    """

    subjects: Tensor
    objects: Tensor
    weight: Tensor
    positions: Positions | None = None

    def hidden(self, chunk: Chunk, buffer: Tensor, rows: Tensor | None = None) -> Tensor:
        """Compute the hidden values of the pairs of a chunk: relu of the sum of their terms.

        Args:
            chunk (Chunk): The chunk.
            buffer (Tensor): Where to write them. *Shape:* (at least the pairs, width).
            rows (Tensor | None): Positions of the subjects in the packed batch. None if all tokens are subjects.

        Returns:
            Tensor: The hidden values. *Shape:* (pairs, width).
        """
        hidden = buffer[: len(chunk)]
        chunk.add_terms(self.subjects, self.objects, hidden)
        if self.positions is not None:
            hidden += self.positions.terms(chunk.codes(self.positions, rows))
        return hidden.relu_()


class _Grads:
    """Gradients of terms, which begin at 0. `table` is None without relative positions."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self.subjects = torch.zeros_like(terms.subjects)
        self.objects = torch.zeros_like(terms.objects)
        self.weight = torch.zeros_like(terms.weight)
        self.table = None if terms.positions is None else torch.zeros_like(terms.positions.table)

    def add(self, chunk: Chunk, hidden: Tensor, d_hidden: Tensor) -> None:
        """Add the gradients of all but the weight, given the gradient of the hidden values of a chunk.

        Args:
            chunk (Chunk): The chunk.
            hidden (Tensor): The hidden values. *Shape:* (pairs, width).
            d_hidden (Tensor): Their gradient. *Shape:* (pairs, width).
        """
        positions = self.terms.positions
        d_sums = self.add_table(hidden, d_hidden, None if positions is None else chunk.codes(positions))
        chunk.add_grads(d_sums, self.subjects, self.objects)

    def add_table(self, hidden: Tensor, d_hidden: Tensor, codes: Tensor | None) -> Tensor:
        """Add the gradient of the table, and return that of the sums of terms.

        Args:
            hidden (Tensor): The hidden values of pairs. *Shape:* (pairs, width).
            d_hidden (Tensor): Their gradient. *Shape:* (pairs, width).
            codes (Tensor | None): The codes of the pairs' relative positions, if there is a table. *Shape:* (pairs,).

        Returns:
            Tensor: The gradient of the sums. *Shape:* (pairs, width).
        """
        d_sums: Tensor = torch.ops.aten.threshold_backward(d_hidden, hidden, 0)
        if self.terms.positions is not None and self.table is not None and codes is not None:
            self.table += self.terms.positions.table_grad(codes, d_sums)
        return d_sums


def _buffer(like: Tensor, chunks: Sequence[Chunk], width: int) -> Tensor:
    """Allocate a buffer for the largest chunk, because a new allocation for each chunk is slow."""
    return like.new_empty((max(map(len, chunks), default=0), width))


class _PairMax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        subjects: Tensor,
        objects: Tensor,
        weight: Tensor,
        table: Tensor | None,
        sentences: Tensor | None,
        lengths: Sequence[int],
        size: int,
    ) -> Tensor:
        winners = torch.empty((len(subjects), len(weight)), dtype=torch.int32, device=weight.device)
        terms = Terms(subjects, objects, weight, Positions.of(table, sentences))
        scores = _pair_max_forward(terms, lengths, size, winners=winners)
        ctx.save_for_backward(subjects, objects, weight, table, sentences, winners)
        ctx.lengths, ctx.size = lengths, size
        return scores

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> Any:
        # Only the pairs with the maximum have a gradient.
        sparse = d_scores.device.type == "cpu" and form_for(d_scores.device) is BlockChunk
        backward = _pair_max_backward_sparse if sparse else _pair_max_backward_dense
        subjects, objects, weight, table, sentences, winners = ctx.saved_tensors
        terms = Terms(subjects, objects, weight, Positions.of(table, sentences))
        grads = backward(terms, winners, d_scores.contiguous(), ctx.lengths, ctx.size)
        return grads.subjects, grads.objects, grads.weight, grads.table, None, None, None


def _pair_max_forward(
    terms: Terms,
    lengths: Sequence[int],
    size: int,
    *,
    rows: Tensor | None = None,
    n_subjects: Sequence[int] | None = None,
    winners: Tensor | None = None,
) -> Tensor:
    """Compute the maxima. If `winners` is given, write to it which object of the sequence has each maximum."""
    weight = terms.weight
    scores = weight.new_empty((len(terms.subjects), len(weight)))
    chunks = make_chunks(lengths, size, weight.device, n_subjects=n_subjects)
    buffer, logits_buffer = _buffer(weight, chunks, weight.shape[1]), _buffer(weight, chunks, len(weight))
    for chunk in chunks:
        hidden = terms.hidden(chunk, buffer, rows)
        chunk.max(torch.mm(hidden, weight.T, out=logits_buffer[: len(hidden)]), scores, winners)
    return scores


def _pair_max_backward_dense(
    terms: Terms, winners: Tensor, d_scores: Tensor, lengths: Sequence[int], size: int
) -> _Grads:
    """Compute the gradients by matrix products over all pairs. This is fast on a GPU.

    Args:
        terms (Terms): The terms.
        winners (Tensor): Position of the winning object in its sequence. *Shape:* (tokens, labels).
        d_scores (Tensor): Gradient of the maxima. *Shape:* (tokens, labels).
        lengths (Sequence[int]): Number of tokens in each sequence.
        size (int): Number of pairs in memory at a time.

    Returns:
        _Grads: The gradients.
    """
    grads, weight = _Grads(terms), terms.weight
    chunks = make_chunks(lengths, size, weight.device)
    buffer, d_logits_buffer = _buffer(weight, chunks, weight.shape[1]), _buffer(weight, chunks, len(weight))
    for chunk in chunks:
        hidden = terms.hidden(chunk, buffer)
        d_logits = d_logits_buffer[: len(hidden)].zero_()
        chunk.scatter(d_scores, winners, d_logits)
        grads.weight.addmm_(d_logits.T, hidden)
        grads.add(chunk, hidden, d_logits @ weight)
    return grads


def _pair_max_backward_sparse(
    terms: Terms, winners: Tensor, d_scores: Tensor, lengths: Sequence[int], size: int
) -> _Grads:
    """Compute the same as `_pair_max_backward_dense` from the winning pairs alone. This is fast on a CPU.

    There is one winner for each token and label, and a pair often wins several labels. Embedding bags compute the sums:
    that of two terms for each pair, of rows of the weight for its gradient, and of hidden values for that of a label.
    """
    grads, weight, table = _Grads(terms), terms.weight, torch.cat([terms.subjects, terms.objects])
    n_tokens, n_labels = winners.shape
    wins = _list_wins(winners, lengths)
    kind = wins.order.dtype
    labels = torch.arange(n_labels, dtype=kind).repeat(n_tokens).index_select(0, wins.order)
    values, values_by_label = d_scores.flatten().index_select(0, wins.order), d_scores.T.contiguous()
    pairs_before = [0, *torch.bincount(wins.subjects, minlength=n_tokens).cumsum(0).tolist()]
    start = 0
    while start < n_tokens:
        # As many tokens as have no more than `size` winning pairs, but one at least.
        stop = max(start + 1, bisect_right(pairs_before, pairs_before[start] + size) - 1)
        low, high, n_rows = pairs_before[start], pairs_before[stop], stop - start
        subjects, objects = wins.subjects[low:high], wins.objects[low:high]
        both = torch.stack([subjects, objects + n_tokens], 1).to(kind)
        hidden = F.embedding_bag(both.flatten(), table, torch.arange(0, 2 * len(both), 2, dtype=kind), mode="sum")
        codes = None
        if terms.positions is not None:
            codes = terms.positions.codes(subjects, objects)
            hidden += terms.positions.terms(codes)
        hidden.relu_()
        within = slice(start * n_labels, stop * n_labels)
        d_hidden = F.embedding_bag(
            labels[within],
            weight,
            wins.before[low:high] - within.start,
            mode="sum",
            per_sample_weights=values[within],
        )
        grads.weight += F.embedding_bag(
            (wins.pairs[:, start:stop] - low).flatten(),
            hidden,
            torch.arange(0, n_labels * n_rows, n_rows, dtype=kind),
            mode="sum",
            per_sample_weights=values_by_label[:, start:stop].flatten(),
        )
        d_sums = grads.add_table(hidden, d_hidden, codes)
        grads.subjects.index_add_(0, subjects, d_sums)
        grads.objects.index_add_(0, objects, d_sums)
        start = stop
    return grads


class _Wins(NamedTuple):
    """The maxima of all tokens and labels, sorted by the pair that has them.

    Attributes:
        order (Tensor): For each of them, its position among all, token by token. *Shape:* (tokens * labels,).
        before (Tensor): Number of maxima before those of each winning pair. *Shape:* (winning pairs,).
        subjects (Tensor): Subject of each winning pair. They are sorted by it. *Shape:* (winning pairs,).
        objects (Tensor): Object of each winning pair. *Shape:* (winning pairs,).
        pairs (Tensor): Winning pair of each maximum. *Shape:* (labels, tokens).
    """

    order: Tensor
    before: Tensor
    subjects: Tensor
    objects: Tensor
    pairs: Tensor


def _list_wins(winners: Tensor, lengths: Sequence[int]) -> _Wins:
    """List the winning pairs, given the position of the winning object in its sequence for each token and label."""
    n_tokens, n_labels = winners.shape
    counts = torch.tensor(lengths)
    columns, firsts = (x.repeat_interleave(counts) for x in (counts, counts.cumsum(0) - counts))
    kind = torch.int32 if max(int(columns.sum()), winners.numel()) < 2**31 else torch.int64
    # The number of a pair counts all pairs of the sequences, row by row.
    numbers, order = (winners + (columns.cumsum(0) - columns).to(kind).unsqueeze(1)).flatten().sort()
    _, pairs, n_wins = numbers.unique_consecutive(return_inverse=True, return_counts=True)
    before = n_wins.cumsum(0) - n_wins
    first_win = order[before]
    subjects = first_win // n_labels
    objects = firsts[subjects] + winners.flatten()[first_win]
    by_label = torch.empty_like(pairs).scatter_(0, order, pairs).view(n_tokens, n_labels).T
    return _Wins(order.to(kind), before.to(kind), subjects, objects, by_label.to(kind).contiguous())


def pair_max(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    lengths: Sequence[int],
    size: int,
    *,
    positions: Positions | None = None,
    rows: Tensor | None = None,
) -> Tensor:
    """Compute the highest score of each subject over all objects of its sequence, by label (eq. 5 and 7, before σ).

    Value and gradient equal those of the maximum over dim 1 of the dense scores. To save memory, the pair matrix is not
    stored, and the backward pass computes the chunks again.

    Args:
        subjects (Tensor): Subject terms of the packed tokens, or of some of them. *Shape:* (subjects, width).
        objects (Tensor): Object terms of the packed tokens. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        lengths (Sequence[int]): Number of tokens in each sequence.
        size (int): Number of pairs in memory at a time.
        positions (Positions | None): The term of relative positions, if there is one.
        rows (Tensor | None): Positions of the subjects in the packed batch, ascending. None if all tokens are
            subjects. Only used without gradients. *Shape:* (subjects,).

    Returns:
        Tensor: Highest scores. *Shape:* (subjects, labels).
    """
    if not torch.is_grad_enabled():
        n_subjects = None if rows is None else _count_by_sequence(rows, lengths)
        terms = Terms(subjects, objects, weight, positions)
        return _pair_max_forward(terms, lengths, size, rows=rows, n_subjects=n_subjects)
    apply: Callable[..., Tensor] = _PairMax.apply
    return apply(subjects, objects, weight, *(positions or (None, None)), lengths, size)


def _count_by_sequence(tokens: Tensor, lengths: Sequence[int]) -> list[int]:
    """Count the given tokens of each sequence."""
    ends = torch.tensor(lengths).cumsum(0).to(tokens.device)
    counts: list[int] = torch.bincount(torch.searchsorted(ends, tokens, right=True), minlength=len(lengths)).tolist()
    return counts


class PairGrads(NamedTuple):
    """Gradients of the tensors that pair scores are computed from. Each has the shape of its tensor. `table` is None
    without relative positions.
    """

    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor
    table: Tensor | None


def pair_loss(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    bias: Tensor,
    lengths: Sequence[int],
    gold: Tensor,
    known: Sequence[bool],
    size: int,
    *,
    positions: Positions | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, PairGrads]:
    """Compute the binary cross-entropy, summed over all pairs and labels, and its gradients in one pass (eq. 8).

    Args:
        subjects (Tensor): Subject terms of the packed tokens. *Shape:* (tokens, width).
        objects (Tensor): Object terms. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        bias (Tensor): br. *Shape:* (labels,).
        lengths (Sequence[int]): Number of tokens in each sequence.
        gold (Tensor): True triples as (subject token, object token, label), without duplicates.
            *Shape:* (triples, 3).
        known (Sequence[bool]): For each sequence, whether its triples are known. If not, it does not add to the loss.
        size (int): Number of pairs in memory at a time.
        positions (Positions | None): The term of relative positions, if there is one.
        label_smoothing (float): How far the target of a true triple is below 1.

    Returns:
        tuple[float, PairGrads]: The loss and the gradients.
    """
    terms = Terms(subjects, objects, weight, positions)
    grads, d_bias = _Grads(terms), torch.zeros_like(bias)
    loss = torch.zeros((), dtype=torch.float64, device=weight.device)
    chunks = make_chunks(lengths, size, weight.device, wanted=known)
    buffer, logits_buffer = _buffer(weight, chunks, weight.shape[1]), _buffer(weight, chunks, len(weight))
    for chunk, target in zip(chunks, _targets(gold, chunks)):
        hidden = terms.hidden(chunk, buffer)
        logits = torch.addmm(bias, hidden, weight.T, out=logits_buffer[: len(hidden)])
        loss += F.softplus(logits).sum() - (1.0 - label_smoothing) * logits[target].sum()
        d_logits = logits.sigmoid_()
        d_logits[target] -= 1.0 - label_smoothing
        grads.weight.addmm_(d_logits.T, hidden)
        d_bias.add_(d_logits.sum(0))
        grads.add(chunk, hidden, d_logits @ weight)
    return float(loss), PairGrads(grads.subjects, grads.objects, grads.weight, d_bias, grads.table)


def _targets(gold: Tensor, chunks: Sequence[Chunk]) -> list[tuple[Tensor, Tensor]]:
    """Get the (pair, label) positions of the true triples in each chunk."""
    by_subject: dict[int, list[tuple[int, int]]] = {}
    for subject, object_, label in gold.tolist():
        by_subject.setdefault(subject, []).append((object_, label))
    targets = []
    for chunk in chunks:
        found = [
            (low + (subject - start) * (last - first) + object_ - first, label)
            for start, stop, first, last, low, _ in chunk.blocks
            for subject in range(start, stop)
            for object_, label in by_subject.get(subject, ())
        ]
        pairs, labels = torch.tensor(found, dtype=torch.int64, device=gold.device).view(-1, 2).unbind(1)
        targets.append((pairs, labels))
    return targets
