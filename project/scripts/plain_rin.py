"""The Recurrent Interaction Network exactly as its equations are written, as a baseline for benchmarks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from thinc.api import ArgsKwargs, Model
from torch import Tensor, nn
from torch.nn import functional as F

from spacy_rin.model.networks.rin import PaperGRU

IntArray = NDArray[np.int64]


N_TAGS = 5


class PlainRIN(nn.Module):
    """The network as its equations are written: padded, with autograd, and with all pairs of all rounds in memory.

    Args:
        n_labels (int): Number of relation labels.
        rounds (int): Rounds of interaction.
        width (int): Columns of the features.
        split (bool): Whether to multiply each vector once, and add the products for each pair. False concatenates
            the two vectors of each pair and multiplies them (eq. 7).
    """

    def __init__(self, n_labels: int, rounds: int, width: int, split: bool):
        super().__init__()
        self.rounds, self.n_features, self.split = rounds, width, split
        self.gru_e, self.gru_r = PaperGRU(N_TAGS, width), PaperGRU(n_labels, width)
        self.tagger, self.relation = nn.Linear(width, N_TAGS), nn.Linear(width, n_labels)
        self.pair = nn.Linear(2 * width, width, bias=False)
        nn.init.constant_(self.relation.bias, -7.0)

    def score_pairs(self, h: Tensor) -> Tensor:
        """Score all pairs. *Shape:* (batch, length, width) -> (batch, length, length, labels)."""
        if self.split:
            left, right = self.pair.weight.chunk(2, 1)
            scores: Tensor = self.relation(F.relu((h @ left.T).unsqueeze(2) + (h @ right.T).unsqueeze(1)))
            return scores
        grid = (*h.shape[:2], *h.shape[1:])
        pairs = torch.cat([h.unsqueeze(2).expand(grid), h.unsqueeze(1).expand(grid)], -1)
        logits: Tensor = self.relation(F.relu(self.pair(pairs)))
        return logits

    def forward(self, features: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Score tags and pairs. *Shape:* (tokens, width) -> (batch, length, tags), (batch, length, length, labels)."""
        h = nn.utils.rnn.pad_sequence(list(torch.split(features, list(lengths))), batch_first=True)
        padding = (torch.arange(h.shape[1]) >= torch.tensor(lengths).unsqueeze(1))[:, None, :, None]
        entity = relation = h
        for _ in range(self.rounds):
            tags = self.tagger(entity).softmax(-1)
            probs = self.score_pairs(relation).sigmoid()
            best = (probs.masked_fill(padding, 0.0) if padding.any() else probs).amax(2)
            flat = h.flatten(0, 1)
            relation = self.gru_r(best.flatten(0, 1), flat).view_as(h)
            entity = self.gru_e(tags.flatten(0, 1), flat).view_as(h)
            h = h + relation + entity
        return self.tagger(entity), self.score_pairs(relation)


class PlainOutput:
    """The same interface as `Output`, with all pairs in memory.

    Args:
        tensors (Sequence[Tensor]): The output of `PlainRIN`.
        lengths (Sequence[int]): Number of tokens in each sequence.
    """

    def __init__(self, tensors: Sequence[Tensor], lengths: Sequence[int]):
        self.tensors = [x.detach() for x in tensors]
        self.sequence = np.repeat(np.arange(len(lengths)), lengths)
        self.token = np.concatenate([np.arange(length) for length in lengths])

    def tag_scores(self) -> NDArray[np.float32]:
        """Get the logits of tags. *Shape:* (tokens, 1, tags)."""
        scores: NDArray[np.float32] = self.tensors[0][self.sequence, self.token].unsqueeze(1).numpy()
        return scores

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, Any]:
        """Find the relations of the given pairs whose probability reaches its threshold."""
        probs = self.tensors[1].sigmoid()[self.sequence[subjects], self.token[subjects], self.token[objects]]
        pair, label = (probs >= torch.from_numpy(thresholds)).nonzero(as_tuple=True)
        return pair.numpy(), label.numpy(), probs[pair, label].numpy()

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss and its gradients. All pairs must be annotated, as they are in WebNLG."""
        tags, pairs = leaves = [x.requires_grad_() for x in self.tensors]
        target = torch.zeros_like(pairs)
        i, j, label = gold_triples.T
        target[self.sequence[i], self.token[i], self.token[j], label] = 1.0
        weight = torch.zeros(pairs.shape[:2])
        weight[self.sequence, self.token] = 1.0
        weight = (weight.unsqueeze(2) * weight.unsqueeze(1)).unsqueeze(3)
        loss = F.cross_entropy(tags[self.sequence, self.token], torch.from_numpy(gold_tags[:, 0]), reduction="sum")
        loss = loss + F.binary_cross_entropy_with_logits(pairs, target, weight, reduction="sum")
        loss = loss * scale
        return float(loss.detach()), torch.autograd.grad(loss, leaves)


def convert_plain(model: Model[Any, Any], X_Y: Any, is_train: bool) -> tuple[PlainOutput, Callable[..., Any]]:
    """Convert the tensors of `PlainRIN` to a `PlainOutput`, as `convert_outputs` of the PyTorch wrapper."""
    X, tensors = X_Y

    def backprop(grads: Sequence[Tensor]) -> ArgsKwargs:
        return ArgsKwargs(args=(tensors,), kwargs={"grad_tensors": grads})

    return PlainOutput(tensors, [len(x) for x in X]), backprop
