"""What the joint networks share: classifiers of tags and of token pairs, and what they say of a batch.

Tokens of a batch are packed, see `pairs`. Equation numbers are of Sun et al., EMNLP 2020.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .pairs import pair_loss

# A child that is forked after torch has started its threads hangs at the first parallel operation (spaCy's
# n_process, DataLoaders). One thread a process is what such a child wants anyway.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

IntArray = NDArray[np.int64]

DEFAULT_BYTES_CPU, DEFAULT_BYTES_GPU = 4 * 2**20, 512 * 2**20


class JointNetwork(nn.Module):
    """A classifier of entity tags, one of token pairs, and rounds of interaction between them, which subclasses add.

    It is made without parameters; `build` makes them once the sizes are known.

    Args:
        rounds (int): K, the rounds of interaction.
        width (int | None): d, the width of the features; None takes that of the input as it is, another width than the
            input's adds a linear layer.
        entity_layers (int): Layers of tags, each with a distribution of its own.
        relation_prior (float): Probability of a relation label that an untrained network gives to a token pair. Nearly
            all pairs have none: started at 0.5, as without it, the first epochs only learn that.
        chunk_bytes (int | None): Bytes that token pairs may take at a time, in training and prediction; it changes no
            result. None is what is fast: 4 MiB on a CPU, which stay in its cache, and 512 MiB on a GPU.
    """

    joins_terms = False
    """Whether a pair's hidden values are those of its subject beside those of its object, instead of their sum."""

    def __init__(
        self,
        *,
        rounds: int,
        width: int | None,
        entity_layers: int,
        relation_prior: float,
        chunk_bytes: int | None,
    ):
        super().__init__()
        self.rounds = rounds
        self.width = width
        self.entity_layers = entity_layers
        self.relation_prior = relation_prior
        self.chunk_bytes = chunk_bytes

    def build(self, n_features: int, n_tags: int, n_relations: int) -> None:
        """Make the parameters.

        Args:
            n_features (int): Width of the input.
            n_tags (int): e, the number of entity tags, those of all layers.
            n_relations (int): l, the number of relation labels.
        """
        width = self.width or n_features
        self.project = nn.Linear(n_features, width) if width != n_features else nn.Identity()
        self.build_rounds(width, n_tags, n_relations)
        self.tagger = nn.Linear(width, n_tags)
        self.pair_terms = nn.Linear(width, 2 * width, bias=False)
        self.relation = nn.Linear(2 * width if self.joins_terms else width, n_relations)
        with torch.no_grad():
            self.relation.bias.fill_(torch.tensor(self.relation_prior).logit())

    def build_rounds(self, width: int, n_tags: int, n_relations: int) -> None:
        """Make the parameters of the rounds of interaction."""
        raise NotImplementedError

    def tag_probs(self, entity: Tensor) -> Tensor:
        """Compute the tag distribution of every layer (eq. 6). *Shape:* (tokens, width) -> (tokens, n_tags)."""
        logits: Tensor = self.tagger(entity)
        return logits.unflatten(1, (self.entity_layers, -1)).softmax(2).flatten(1)

    def last_terms(
        self, tokens: Tensor, subjects: Tensor, objects: Tensor, state: Tensor, lengths: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Do for some tokens what `forward` has left, of networks whose `forward` leaves anything.

        Args:
            tokens (Tensor): Positions in the packed batch, in order. *Shape:* (some,).
            subjects (Tensor): Subject terms of all tokens as `forward` returned them. *Shape:* (tokens, width).
            objects (Tensor): Object terms of all tokens as `forward` returned them. *Shape:* (tokens, width).
            state (Tensor): What else `forward` returned. *Shape:* (tokens, width).
            lengths (Sequence[int]): Tokens of each sequence.

        Returns:
            tuple[Tensor, Tensor]: Subject and object terms of the tokens. *Shape:* (some, width) each.
        """
        raise NotImplementedError

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Make parameters of the sizes of a state dict; KeyError if it lacks one that tells a size."""
        n_tags, width = state["tagger.weight"].shape
        n_features = state["project.weight"].shape[1] if "project.weight" in state else width
        self.build(n_features, n_tags, len(state["relation.bias"]))

    @property
    def n_features(self) -> int | None:
        """Width of the input; None before `build`."""
        if not hasattr(self, "tagger"):
            return None
        return (self.project if isinstance(self.project, nn.Linear) else self.tagger).in_features

    @property
    def chunk_size(self) -> int:
        """Token pairs to score at a time, by `chunk_bytes`: each has hidden values, their gradient, and logits."""
        weight = self.relation.weight
        n_bytes = self.chunk_bytes or (DEFAULT_BYTES_CPU if weight.device.type == "cpu" else DEFAULT_BYTES_GPU)
        n_relations, width = weight.shape
        return max(1, n_bytes // (4 * (2 * width + n_relations)))


@dataclass(frozen=True)
class Output:
    """What a joint network says of packed sequences; it scores pairs when asked, so that nobody needs all of them.

    Attributes:
        tags (Tensor): Tag logits, layer by layer. *Shape:* (tokens, layers * tags).
        subjects (Tensor): Subject terms. *Shape:* (tokens, width).
        objects (Tensor): Object terms. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        bias (Tensor): br. *Shape:* (labels,).
        lengths (Sequence[int]): Tokens of each sequence.
        chunk_size (int): Pairs to hold at a time.
        entity_layers (int): Layers of tags.
        last_terms (Callable[[Tensor], tuple[Tensor, Tensor]] | None): Gives the terms of tokens after the last round,
            where `subjects` and `objects` are those before it.
    """

    tags: Tensor
    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor
    lengths: Sequence[int]
    chunk_size: int
    entity_layers: int = 1
    last_terms: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None

    @classmethod
    def of(cls, network: JointNetwork, tensors: Sequence[Tensor], lengths: Sequence[int]) -> "Output":
        """Make it from what a network returned for a batch."""
        # Half precision ends here: decoding and loss are computed in the precision of the parameters.
        tags, subjects, objects, weight, bias, *state = (x.detach().to(network.relation.weight.dtype) for x in tensors)
        last_terms = None
        if state:
            last_terms = partial(
                network.last_terms, subjects=subjects, objects=objects, state=state[0], lengths=lengths
            )
        settings = network.chunk_size, network.entity_layers
        return cls(tags, subjects, objects, weight, bias, lengths, *settings, last_terms)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What the loss has gradients for, in the order of what `forward` returns."""
        return self.tags, self.subjects, self.objects, self.weight, self.bias

    def tag_scores(self) -> NDArray[np.float32]:
        """Tag logits on the CPU. *Shape:* (tokens, layers, tags)."""
        return self.tags.unflatten(1, (self.entity_layers, -1)).cpu().numpy()

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, Any]:
        """Find the relations of given pairs whose probability reaches their threshold (eq. 7).

        Args:
            subjects (ndarray): Subject tokens, as positions in the packed batch. *Shape:* (pairs,).
            objects (ndarray): Object tokens. *Shape:* (pairs,).
            thresholds (ndarray): Lowest probability of each label. *Shape:* (labels,).

        Returns:
            tuple[ndarray, ndarray, ndarray]: Positions in the list of pairs, labels and probabilities.
                *Shape:* (found,) each.
        """
        found: list[tuple[Any, ...]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        lowest = torch.from_numpy(np.asarray(thresholds, dtype=np.float32)).to(self.tags.device)
        subject_terms, object_terms = self.subjects, self.objects
        with torch.no_grad():
            if self.last_terms is not None and len(subjects):
                tokens, positions = np.unique(np.stack([subjects, objects]), return_inverse=True)
                subjects, objects = positions.reshape(2, -1)
                subject_terms, object_terms = self.last_terms(torch.from_numpy(tokens).to(self.tags.device))
            for start in range(0, len(subjects), self.chunk_size):
                stop = start + self.chunk_size
                i, j = (torch.from_numpy(x[start:stop]).to(self.tags.device) for x in (subjects, objects))
                hidden = (subject_terms[i] + object_terms[j]).relu_()
                probs = torch.addmm(self.bias, hidden, self.weight.T).sigmoid_()
                pair, label = (probs >= lowest).nonzero(as_tuple=True)
                found.append(tuple(x.cpu().numpy() for x in (pair + start, label, probs[pair, label])))
        pairs, labels, scores = (np.concatenate(parts) for parts in zip(*found))
        return pairs, labels, scores

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss and its gradients (eq. 8, 9).

        Args:
            gold_tags (ndarray): True tags of each token, -1 where they are not known. *Shape:* (tokens, layers).
            gold_triples (ndarray): True triples as (subject token, object token, label), distinct. *Shape:* (triples,
                3).
            known_pairs (Sequence[bool]): For each sequence, whether its relations are annotated.
            scale (float): Factor of loss and gradients: 1 / batch size.

        Returns:
            tuple[float, tuple[Tensor, ...]]: The loss and the gradients of `tensors`.
        """
        device = self.tags.device
        tags = self.tags.detach().requires_grad_()
        with torch.enable_grad():
            gold = torch.from_numpy(gold_tags).to(device).flatten()
            logits = tags.unflatten(1, (self.entity_layers, -1)).flatten(0, 1)
            tag_loss = F.cross_entropy(logits, gold, ignore_index=-1, reduction="sum")
        (d_tags,) = torch.autograd.grad(tag_loss, tags)
        with torch.no_grad():
            relation_loss, d_pairs = pair_loss(
                self.subjects,
                self.objects,
                self.weight,
                self.bias,
                self.lengths,
                torch.from_numpy(gold_triples).to(device),
                known_pairs,
                self.chunk_size,
            )
        grads: tuple[Tensor, ...] = (d_tags, *d_pairs)
        for grad in grads:
            grad.mul_(scale)
        return (float(tag_loss.detach()) + relation_loss) * scale, grads
