"""Compute scores of all ordered token pairs in chunks, so that they are never all in memory.

The paper scores a pair of tokens (i, j) with Wr · relu(Wm · (h_i ⊕ h_j)) + br (Sun et al., EMNLP 2020, eq. 7).
Wm · (h_i ⊕ h_j) is the sum of a subject term and an object term, so the functions here take these two terms for
every token, `subjects` and `objects`, and add them pair by pair.

A network can add a third term for the relative position of the two tokens, see `Positions`.

The tokens of a batch are packed: sequences are concatenated without padding, and `lengths` has the length of each.
Only tokens of the same sequence form pairs.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


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


Chunk = list[Block]

# A relative position is described by the distance in tokens and the distance in sentences, both with their sign. Token
# distances share a row from one of these numbers to the next, and sentence distances beyond the last one.
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

    def encode(self, subjects: Tensor, objects: Tensor) -> Tensor:
        """Encode the relative positions of pairs, so that their product with the table is the term of the pairs.

        Args:
            subjects (Tensor): Positions of the subjects in the packed batch. *Shape:* any.
            objects (Tensor): Positions of the objects. *Shape:* one that broadcasts with that of `subjects`.

        Returns:
            Tensor: A row for each pair, with a 1 for each of its two rows of the table. *Shape:* (pairs, N_POSITIONS).
        """
        codes = _token_codes(objects - subjects) + _sentence_codes(self.sentences[objects] - self.sentences[subjects])
        return self._rows(codes.flatten())

    def encode_chunk(self, chunk: Chunk, subjects: Tensor | None = None) -> Tensor:
        """Encode the relative positions of the pairs of a chunk.

        Args:
            chunk (list[Block]): The chunk.
            subjects (Tensor | None): Positions of all subjects in the packed batch. None if all tokens are subjects.

        Returns:
            Tensor: See `encode`. *Shape:* (pairs, N_POSITIONS).
        """
        codes = []
        for start, stop, first, last, _, _ in chunk:
            sentences = self.sentences[first:last].short()
            packed = torch.arange(start, stop, device=sentences.device) if subjects is None else subjects[start:stop]
            rows = packed - first
            tokens = _sequence_codes(last - first, sentences.device)[last - first - 1 - rows]
            codes.append((tokens + _sentence_codes(sentences - sentences[rows].unsqueeze(1))).flatten())
        return self._rows(torch.cat(codes))

    def _rows(self, codes: Tensor) -> Tensor:
        return _position_rows(self.table.device, self.table.dtype).index_select(0, codes.int())


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
    """Encode all combinations of a token distance and a sentence distance."""
    tokens, sentences = torch.meshgrid(torch.arange(_N_TOKEN_ROWS), torch.arange(_N_SENTENCE_ROWS), indexing="ij")
    rows = F.one_hot(torch.stack([tokens.flatten(), sentences.flatten() + _N_TOKEN_ROWS], 1), N_POSITIONS)
    return rows.sum(1).to(device, dtype)


def pair_chunks(
    lengths: Sequence[int],
    size: int,
    *,
    n_subjects: Sequence[int] | None = None,
    wanted: Sequence[bool] | None = None,
) -> Iterator[Chunk]:
    """Split the pair matrices of packed sequences into chunks of several short sequences, or of rows of a long one.

    Args:
        lengths (Sequence[int]): Number of tokens in each sequence.
        size (int): Maximum number of pairs in a chunk. A chunk has at least one row, even if that is longer.
        n_subjects (Sequence[int] | None): Number of subjects in each sequence. None if all tokens are subjects.
        wanted (Sequence[bool] | None): For each sequence, whether to include it. None includes all.

    Yields:
        list[Block]: The chunks, in order. Together they have every pair of the included sequences once.
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
    """Allocate a buffer for the largest chunk, because a new allocation for each chunk is slow."""
    return like.new_empty((max((chunk[-1].high for chunk in chunks), default=0), width))


def _hidden(
    subjects: Tensor,
    objects: Tensor,
    chunk: Chunk,
    buffer: Tensor,
    positions: Positions | None,
    rows: Tensor | None = None,
) -> Tensor:
    """Compute relu(sum of the terms) of the pairs of a chunk. *Shape:* (pairs, width).

    `rows` are the positions of the subjects in the packed batch, None if all tokens are subjects.
    """
    for start, stop, first, last, low, high in chunk:
        begins, ends = subjects[start:stop].unsqueeze(1), objects[first:last].unsqueeze(0)
        torch.add(begins, ends, out=buffer[low:high].view(stop - start, last - first, -1))
    hidden = buffer[: chunk[-1].high]
    if positions is not None:
        hidden.addmm_(positions.encode_chunk(chunk, rows), positions.table)
    return hidden.relu_()


def _add_term_grads(
    d_subjects: Tensor,
    d_objects: Tensor,
    d_table: Tensor | None,
    chunk: Chunk,
    hidden: Tensor,
    d_hidden: Tensor,
    positions: Positions | None,
) -> None:
    """Add the gradients of the terms, given the gradient of the hidden values after relu."""
    d_hidden = torch.ops.aten.threshold_backward(d_hidden, hidden, 0)
    if positions is not None and d_table is not None:
        d_table.addmm_(positions.encode_chunk(chunk).T, d_hidden)
    for start, stop, first, last, low, high in chunk:
        matrix = d_hidden[low:high].view(stop - start, last - first, -1)
        torch.sum(matrix, 1, out=d_subjects[start:stop])  # no other block has these subjects
        d_objects[first:last] += matrix.sum(0)


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
        positions = Positions.of(table, sentences)
        scores = _pair_max_forward(subjects, objects, weight, positions, lengths, size, winners=winners)
        ctx.save_for_backward(subjects, objects, weight, table, sentences, winners)
        ctx.lengths, ctx.size = lengths, size
        return scores

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> Any:
        # Only the pairs with the maximum have a gradient.
        sparse = d_scores.device.type == "cpu"
        backward = _pair_max_backward_sparse if sparse else _pair_max_backward_dense
        subjects, objects, weight, table, sentences, winners = ctx.saved_tensors
        positions = Positions.of(table, sentences)
        *grads, d_table = backward(
            subjects, objects, weight, positions, winners, d_scores.contiguous(), ctx.lengths, ctx.size
        )
        return *grads, d_table, None, None, None


def _zero_grads(
    subjects: Tensor, objects: Tensor, weight: Tensor, positions: Positions | None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Allocate gradients of subjects, objects, weight and the table of positions, if there is one."""
    d_table = None if positions is None else torch.zeros_like(positions.table)
    return torch.zeros_like(subjects), torch.zeros_like(objects), torch.zeros_like(weight), d_table


def _pair_max_forward(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    positions: Positions | None,
    lengths: Sequence[int],
    size: int,
    *,
    rows: Tensor | None = None,
    n_subjects: Sequence[int] | None = None,
    winners: Tensor | None = None,
) -> Tensor:
    """Compute the maxima. If `winners` is given, write to it which object of the sequence has each maximum."""
    scores = subjects.new_empty((len(subjects), len(weight)))
    chunks = list(pair_chunks(lengths, size, n_subjects=n_subjects))
    buffer, logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    for chunk in chunks:
        hidden = _hidden(subjects, objects, chunk, buffer, positions, rows)
        logits = torch.mm(hidden, weight.T, out=logits_buffer[: len(hidden)])
        for start, stop, first, last, low, high in chunk:
            matrix = logits[low:high].view(stop - start, last - first, -1)
            if winners is None:
                torch.amax(matrix, 1, out=scores[start:stop])
            else:
                _max_with_winners(matrix, scores[start:stop], winners[start:stop])
    return scores


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
    positions = torch.arange(n_columns, dtype=torch.uint8).view(1, -1, 1)
    winners.copy_((matrix == scores.unsqueeze(1)).view(torch.uint8).mul_(positions).amax(1))


def _pair_max_backward_dense(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    positions: Positions | None,
    winners: Tensor,
    d_scores: Tensor,
    lengths: Sequence[int],
    size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Compute the gradients of subjects, objects, weight and positions by matrix products over all pairs. This is fast
    on a GPU.

    Args:
        winners (Tensor): Position of the winning object in its sequence. *Shape:* (tokens, labels).
        d_scores (Tensor): Gradient of the maxima. *Shape:* (tokens, labels).
    """
    d_subjects, d_objects, d_weight, d_table = _zero_grads(subjects, objects, weight, positions)
    chunks = list(pair_chunks(lengths, size))
    buffer, d_logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    for chunk in chunks:
        hidden = _hidden(subjects, objects, chunk, buffer, positions)
        d_logits = d_logits_buffer[: len(hidden)].zero_()
        for start, stop, first, last, low, high in chunk:
            matrix = d_logits[low:high].view(stop - start, last - first, -1)
            matrix.scatter_(1, winners[start:stop].long().unsqueeze(1), d_scores[start:stop].unsqueeze(1))
        d_weight.addmm_(d_logits.T, hidden)
        _add_term_grads(d_subjects, d_objects, d_table, chunk, hidden, d_logits @ weight, positions)
    return d_subjects, d_objects, d_weight, d_table


def _pair_max_backward_sparse(
    subjects: Tensor,
    objects: Tensor,
    weight: Tensor,
    positions: Positions | None,
    winners: Tensor,
    d_scores: Tensor,
    lengths: Sequence[int],
    size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Compute the same as `_pair_max_backward_dense` by sums over the winning pairs only. This is fast on a CPU.

    There is one winner for each token and label. Embedding bags compute both sums: the gradient of a pair sums rows of
    the weight, and the gradient of a label sums hidden values.
    """
    d_subjects, d_objects, d_weight, d_table = _zero_grads(subjects, objects, weight, positions)
    n_labels = len(weight)
    columns = torch.tensor(lengths).repeat_interleave(torch.tensor(lengths))
    kind = torch.int32 if int(columns.sum()) < 2**31 else torch.int64
    # Pairs are numbered in the order of the chunks, so that after sorting by pair, the winners of a chunk are a slice.
    winners = winners + (columns.cumsum(0) - columns).to(kind).unsqueeze(1)
    sorted_winners, order = winners.flatten().sort()
    labels, values = (order % n_labels).to(kind), d_scores.flatten()[order]
    by_label, values_by_label = winners.T.contiguous(), d_scores.T.contiguous()
    chunks = list(pair_chunks(lengths, size))
    n_pairs_before = [0, *accumulate(chunk[-1].high for chunk in chunks)]
    bounds = torch.searchsorted(sorted_winners, torch.tensor(n_pairs_before, dtype=kind)).tolist()
    buffer = _buffer(subjects, chunks, subjects.shape[1])
    for chunk, n_pairs, low, high in zip(chunks, n_pairs_before, bounds, bounds[1:]):
        hidden = _hidden(subjects, objects, chunk, buffer, positions)
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
        _add_term_grads(d_subjects, d_objects, d_table, chunk, hidden, d_hidden, positions)
        d_weight += F.embedding_bag(
            (by_label[:, rows] - n_pairs).flatten(),
            hidden,
            torch.arange(0, n_labels * n_rows, n_rows, dtype=kind),
            mode="sum",
            per_sample_weights=values_by_label[:, rows].flatten(),
        )
    return d_subjects, d_objects, d_weight, d_table


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
        return _pair_max_forward(subjects, objects, weight, positions, lengths, size, rows=rows, n_subjects=n_subjects)
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
    d_subjects, d_objects, d_weight, d_table = _zero_grads(subjects, objects, weight, positions)
    d_bias = torch.zeros_like(bias)
    loss = torch.zeros((), dtype=torch.float64, device=subjects.device)
    chunks = list(pair_chunks(lengths, size, wanted=known))
    buffer, logits_buffer = _buffer(subjects, chunks, subjects.shape[1]), _buffer(subjects, chunks, len(weight))
    targets = _targets(gold, chunks)
    for chunk, target in zip(chunks, targets):
        hidden = _hidden(subjects, objects, chunk, buffer, positions)
        logits = torch.addmm(bias, hidden, weight.T, out=logits_buffer[: len(hidden)])
        loss += F.softplus(logits).sum() - (1.0 - label_smoothing) * logits[target].sum()
        d_logits = logits.sigmoid_()
        d_logits[target] -= 1.0 - label_smoothing
        d_weight.addmm_(d_logits.T, hidden)
        d_bias.add_(d_logits.sum(0))
        _add_term_grads(d_subjects, d_objects, d_table, chunk, hidden, d_logits @ weight, positions)
    return float(loss), PairGrads(d_subjects, d_objects, d_weight, d_bias, d_table)


def _targets(gold: Tensor, chunks: Sequence[Chunk]) -> list[tuple[Tensor, Tensor]]:
    """Get the (pair, label) positions of the true triples in each chunk."""
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
