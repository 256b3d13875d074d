"""Scores of all ordered token pairs, computed chunk by chunk so that they are never held all at once.

The paper scores a pair of tokens (i, j) with Wr · relu(Wm · (h_i ⊕ h_j)) + br (Sun et al., EMNLP 2020, eq. 7).
Wm · (h_i ⊕ h_j) is the sum of a subject term and an object term, so the functions here take these two terms for
every token, `subjects` and `objects`, and add them pair by pair.

Tokens of a batch are packed: all sequences one after the other, without padding, with their `lengths` beside.
Pairs are formed inside a sequence only.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Block(NamedTuple):
    """Some rows of the pair matrix of one sequence, and where they lie in their chunk.

    Attributes:
        start, stop: The subjects, as positions among all subjects.
        first, last: The objects, as positions in the packed batch: all tokens of the sequence.
        low, high: The pairs, as positions in the chunk, row by row.
    """

    start: int
    stop: int
    first: int
    last: int
    low: int
    high: int


Chunk = list[Block]


def pair_chunks(
    lengths: Sequence[int],
    size: int,
    *,
    n_subjects: Sequence[int] | None = None,
    wanted: Sequence[bool] | None = None,
) -> Iterator[Chunk]:
    """Cut the pair matrices of packed sequences into chunks: of some short sequences, or of some rows of a long one.

    Args:
        lengths (Sequence[int]): Tokens of each sequence.
        size (int): Pairs in a chunk at the most, but at least one row.
        n_subjects (Sequence[int] | None): How many of the packed subjects each sequence has; None if all its tokens
            are.
        wanted (Sequence[bool] | None): Whether to take a sequence; None takes all.

    Yields:
        list[Block]: The chunks, in order; together they hold every pair of the wanted sequences once.
    """
    chunk: Chunk = []
    first = begin = n_pairs = 0
    for index, (length, n_rows) in enumerate(zip(lengths, n_subjects or lengths)):
        last, end = first + length, begin + n_rows
        rows = max(1, size // max(1, length))
        for start in range(begin, end, rows) if wanted is None or wanted[index] else ():
            stop = min(start + rows, end)
            pairs = (stop - start) * length
            if chunk and n_pairs + pairs > size:
                yield chunk
                chunk, n_pairs = [], 0
            chunk.append(Block(start, stop, first, last, n_pairs, n_pairs + pairs))
            n_pairs += pairs
        first, begin = last, end
    if chunk:
        yield chunk


def _buffer(like: Tensor, chunks: Sequence[Chunk], width: int) -> Tensor:
    """Make room for the largest chunk once: asking for memory again for each chunk is slow."""
    return like.new_empty((max((chunk[-1].high for chunk in chunks), default=0), width))


def _hidden(subjects: Tensor, objects: Tensor, chunk: Chunk, buffer: Tensor) -> Tensor:
    """Compute relu(subject term + object term) of the pairs of a chunk. *Shape:* (pairs, width)."""
    for start, stop, first, last, low, high in chunk:
        rows, columns = subjects[start:stop].unsqueeze(1), objects[first:last].unsqueeze(0)
        torch.add(rows, columns, out=buffer[low:high].view(stop - start, last - first, -1))
    return buffer[: chunk[-1].high].relu_()


def _add_term_grads(d_subjects: Tensor, d_objects: Tensor, chunk: Chunk, hidden: Tensor, d_hidden: Tensor) -> None:
    """Add the gradients of the subject and object terms, given those of the hidden values after relu."""
    d_hidden = torch.ops.aten.threshold_backward(d_hidden, hidden, 0)
    for start, stop, first, last, low, high in chunk:
        matrix = d_hidden[low:high].view(stop - start, last - first, -1)
        torch.sum(matrix, 1, out=d_subjects[start:stop])  # the only block that has these subjects
        d_objects[first:last] += matrix.sum(0)


class _PairMax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, subjects: Tensor, objects: Tensor, weight: Tensor, lengths: Sequence[int], size: int
    ) -> Tensor:
        winners = torch.empty((len(subjects), len(weight)), dtype=torch.int32, device=weight.device)
        scores = _pair_max_forward(subjects, objects, weight, lengths, size, winners=winners)
        ctx.save_for_backward(subjects, objects, weight, winners)
        ctx.lengths, ctx.size = lengths, size
        return scores

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> Any:
        # Only the pairs that won the maximum have a gradient.
        sparse = d_scores.device.type == "cpu"
        backward = _pair_max_backward_sparse if sparse else _pair_max_backward_dense
        subjects, objects, weight, winners = ctx.saved_tensors
        grads = backward(subjects, objects, weight, winners, d_scores.contiguous(), ctx.lengths, ctx.size)
        return *grads, None, None


def _pair_max_forward(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    lengths: Sequence[int],
    size: int,
    *,
    n_subjects: Sequence[int] | None = None,
    winners: Tensor | None = None,
) -> Tensor:
    """Compute the maxima, and write to `winners`, if given, which object of its sequence has each."""
    scores = subjects.new_empty((len(subjects), len(weight)))
    chunks = list(pair_chunks(lengths, size, n_subjects=n_subjects))
    buffer, logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    for chunk in chunks:
        hidden = _hidden(subjects, objects, chunk, buffer)
        logits = torch.mm(hidden, weight.T, out=logits_buffer[: len(hidden)])
        for start, stop, first, last, low, high in chunk:
            matrix = logits[low:high].view(stop - start, last - first, -1)
            if winners is None:
                torch.amax(matrix, 1, out=scores[start:stop])
            else:
                _max_with_winners(matrix, scores[start:stop], winners[start:stop])
    return scores


def _max_with_winners(matrix: Tensor, scores: Tensor, winners: Tensor) -> None:
    """Write the maxima over dim 1 of a matrix (rows, columns, labels), and where they are, each (rows, labels)."""
    n_columns, n_labels = matrix.shape[1:]
    if matrix.device.type != "cpu" or n_labels < 64 or n_columns > 256:
        values, positions = matrix.max(1)
        scores.copy_(values)
        winners.copy_(positions)
        return
    # On a CPU, torch searches positions one by one. For many labels it is faster to find the maximum alone, and then,
    # in bytes, the last position that equals it.
    torch.amax(matrix, 1, out=scores)
    positions = torch.arange(n_columns, dtype=torch.uint8).view(1, -1, 1)
    winners.copy_((matrix == scores.unsqueeze(1)).view(torch.uint8).mul_(positions).amax(1))


def _pair_max_backward_dense(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    winners: Tensor,
    d_scores: Tensor,
    lengths: Sequence[int],
    size: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of subjects, objects and weight by products over all pairs: fast on a GPU.

    Args:
        winners (Tensor): Position of the winning object in its sequence. *Shape:* (tokens, labels).
        d_scores (Tensor): Gradient of the maxima. *Shape:* (tokens, labels).
    """
    d_subjects, d_objects, d_weight = (torch.zeros_like(x) for x in (subjects, objects, weight))
    chunks = list(pair_chunks(lengths, size))
    buffer, d_logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    for chunk in chunks:
        hidden = _hidden(subjects, objects, chunk, buffer)
        d_logits = d_logits_buffer[: len(hidden)].zero_()
        for start, stop, first, last, low, high in chunk:
            matrix = d_logits[low:high].view(stop - start, last - first, -1)
            matrix.scatter_(1, winners[start:stop].long().unsqueeze(1), d_scores[start:stop].unsqueeze(1))
        d_weight.addmm_(d_logits.T, hidden)
        _add_term_grads(d_subjects, d_objects, chunk, hidden, d_logits @ weight)
    return d_subjects, d_objects, d_weight


def _pair_max_backward_sparse(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    winners: Tensor,
    d_scores: Tensor,
    lengths: Sequence[int],
    size: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute what `_pair_max_backward_dense` does by sums over the winners, one a token and label: fast on a CPU.

    Both sums are those of an embedding bag: a pair's gradient sums rows of the weight, a label's sums hidden values.
    """
    d_subjects, d_objects, d_weight = (torch.zeros_like(x) for x in (subjects, objects, weight))
    n_labels = len(weight)
    columns = torch.tensor(lengths).repeat_interleave(torch.tensor(lengths))
    kind = torch.int32 if int(columns.sum()) < 2**31 else torch.int64
    # Pairs are numbered in the order of the chunks: sorted by pair, the winners of a chunk are a slice.
    winners = winners + (columns.cumsum(0) - columns).to(kind).unsqueeze(1)
    sorted_winners, order = winners.flatten().sort()
    labels, values = (order % n_labels).to(kind), d_scores.flatten()[order]
    by_label, values_by_label = winners.T.contiguous(), d_scores.T.contiguous()
    chunks = list(pair_chunks(lengths, size))
    n_pairs_before = [0, *accumulate(chunk[-1].high for chunk in chunks)]
    bounds = torch.searchsorted(sorted_winners, torch.tensor(n_pairs_before, dtype=kind)).tolist()
    buffer = _buffer(subjects, chunks, subjects.shape[1])
    for chunk, n_pairs, low, high in zip(chunks, n_pairs_before, bounds, bounds[1:]):
        hidden = _hidden(subjects, objects, chunk, buffer)
        rows = slice(chunk[0].start, chunk[-1].stop)
        n_rows = rows.stop - rows.start
        counts = torch.bincount(sorted_winners[low:high] - n_pairs, minlength=len(hidden))
        d_hidden = F.embedding_bag(
            labels[low:high],
            weight,
            (counts.cumsum(0) - counts).to(kind),
            mode="sum",
            per_sample_weights=values[low:high],
        )
        _add_term_grads(d_subjects, d_objects, chunk, hidden, d_hidden)
        d_weight += F.embedding_bag(
            (by_label[:, rows] - n_pairs).flatten(),
            hidden,
            torch.arange(0, n_labels * n_rows, n_rows, dtype=kind),
            mode="sum",
            per_sample_weights=values_by_label[:, rows].flatten(),
        )
    return d_subjects, d_objects, d_weight


def pair_max(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    lengths: Sequence[int],
    size: int,
    n_subjects: Sequence[int] | None = None,
) -> Tensor:
    """Compute each subject's highest scores over all objects of its sequence (eq. 5 and 7, before σ).

    Equal to the maximum over dim 1 of the dense scores, in value and gradient, but nothing of the size of the pair
    matrix is kept: the backward pass computes the chunks again.

    Args:
        subjects (Tensor): Subject terms of the packed tokens, or of some of them. *Shape:* (subjects, width).
        objects (Tensor): Object terms of the packed tokens. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        lengths (Sequence[int]): Tokens of each sequence.
        size (int): Pairs to hold at a time.
        n_subjects (Sequence[int] | None): Subjects of each sequence, for prediction; None if all its tokens are.

    Returns:
        Tensor: *Shape:* (subjects, labels).
    """
    if not torch.is_grad_enabled():
        return _pair_max_forward(subjects, objects, weight, lengths, size, n_subjects=n_subjects)
    apply: Callable[..., Tensor] = _PairMax.apply
    return apply(subjects, objects, weight, lengths, size)


class PairGrads(NamedTuple):
    """Gradients of what pair scores are made of, each of the shape of its tensor."""

    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor


def pair_loss(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    bias: Tensor,
    lengths: Sequence[int],
    gold: Tensor,
    known: Sequence[bool],
    size: int,
) -> tuple[float, PairGrads]:
    """Compute the binary cross-entropy over all pairs and labels, summed, and its gradient in the same pass (eq. 8).

    Args:
        subjects (Tensor): Subject terms of the packed tokens. *Shape:* (tokens, width).
        objects (Tensor): Object terms. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        bias (Tensor): br. *Shape:* (labels,).
        lengths (Sequence[int]): Tokens of each sequence.
        gold (Tensor): True triples as (subject token, object token, label), distinct. *Shape:* (triples, 3).
        known (Sequence[bool]): For each sequence, whether its triples are known; the others add nothing.
        size (int): Pairs to hold at a time.

    Returns:
        tuple[float, PairGrads]: The loss and the gradients.
    """
    grads = PairGrads(*(torch.zeros_like(x) for x in (subjects, objects, weight, bias)))
    loss = torch.zeros((), dtype=torch.float64, device=subjects.device)
    chunks = list(pair_chunks(lengths, size, wanted=known))
    buffer, logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    targets = _targets(gold, chunks)
    for chunk, target in zip(chunks, targets):
        hidden = _hidden(subjects, objects, chunk, buffer)
        logits = torch.addmm(bias, hidden, weight.T, out=logits_buffer[: len(hidden)])
        loss += F.softplus(logits).sum() - logits[target].sum()
        d_logits = logits.sigmoid_()
        d_logits[target] -= 1.0
        grads.weight.addmm_(d_logits.T, hidden)
        grads.bias.add_(d_logits.sum(0))
        _add_term_grads(grads.subjects, grads.objects, chunk, hidden, d_logits @ weight)
    return float(loss), grads


def _targets(gold: Tensor, chunks: Sequence[Chunk]) -> list[tuple[Tensor, Tensor]]:
    """Find the true (pair, label) positions of every chunk."""
    by_subject: dict[int, list[tuple[int, int]]] = {}
    for subject, object_, label in gold.tolist():
        by_subject.setdefault(subject, []).append((object_, label))
    targets = []
    for chunk in chunks:
        found = [
            (low + (subject - start) * (last - first) + object_ - first, label)
            for start, stop, first, last, low, _ in chunk
            for subject in range(start, stop)
            for object_, label in by_subject.get(subject, ())
        ]
        pairs, labels = torch.tensor(found, dtype=torch.int64, device=gold.device).view(-1, 2).unbind(1)
        targets.append((pairs, labels))
    return targets
