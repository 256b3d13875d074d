"""The base class of the joint networks: classifiers of tags and token pairs, their scores and their loss.

The tokens of a batch are packed, see `pairs`. Equation numbers refer to Sun et al., EMNLP 2020.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .pairs import N_POSITIONS, Positions, pair_loss

# If a process is forked after torch has started its threads (by spaCy's n_process or a DataLoader), the child hangs at
# its first parallel operation. One thread prevents this, and is usually the right number for a child process.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

IntArray = NDArray[np.int64]

# Bias of a tag that is added to a trained network, low enough to leave the other tags as they are.
_NEW_TAG_BIAS = -5.0

DEFAULT_BYTES_CPU, DEFAULT_BYTES_GPU = 4 * 2**20, 512 * 2**20


class Tensors(NamedTuple):
    """The output of a joint network for a batch: tag logits, and the terms that give pair scores (eq. 7).

    In a network with `joins_terms`, the terms and Wr are twice as wide as the network.

    Attributes:
        tags (Tensor): Tag logits, layer by layer. *Shape:* (tokens, layers * tags).
        subjects (Tensor): Subject terms. *Shape:* (tokens, width).
        objects (Tensor): Object terms. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        bias (Tensor): br. *Shape:* (labels,).
        table (Tensor | None): The table of relative positions, see `pairs.Positions`. None in a network without them.
            *Shape:* (N_POSITIONS, width).
        state (Tensor | None): Shared features before the last round, if `JointNetwork.last_round` must still compute
            it. `subjects` and `objects` are then also those before the last round. None if all rounds are done.
            *Shape:* (tokens, width).
    """

    tags: Tensor
    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor
    table: Tensor | None = None
    state: Tensor | None = None


class JointNetwork(nn.Module):
    """Base class: classifiers of entity tags and token pairs. Subclasses add the rounds of interaction between them.

    For the settings, see `spacy_rin.model.architectures.build_rin`. A network has no parameters until `build` is
    called, because the sizes are not known before.
    """

    joins_terms = False
    """Whether the terms of a pair are concatenated rather than added."""

    def __init__(
        self,
        *,
        rounds: int,
        width: int | None,
        entity_layers: int,
        relation_prior: float,
        chunk_bytes: int | None,
        relative_positions: bool = False,
    ):
        super().__init__()
        self.rounds = rounds
        self.width = width
        self.entity_layers = entity_layers
        self.relation_prior = relation_prior
        self.chunk_bytes = chunk_bytes
        self.relative_positions = relative_positions

    def build(self, n_features: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters.

        Args:
            n_features (int): Width of the input.
            n_tags (int): e, the number of entity tags, summed over all layers.
            n_relations (int): l, the number of relation labels.
        """
        width = self.width or n_features
        self.project = nn.Linear(n_features, width) if width != n_features else nn.Identity()
        self.build_rounds(width, n_tags, n_relations)
        self.tagger = nn.Linear(width, n_tags)
        self.pair_terms = nn.Linear(width, 2 * width, bias=False)
        self.relation = nn.Linear(2 * width if self.joins_terms else width, n_relations)
        if self.relative_positions:
            self.table = nn.Parameter(torch.zeros(N_POSITIONS, width))
        with torch.no_grad():
            self.relation.bias.fill_(torch.tensor(self.relation_prior).logit())

    def add_labels(self, tags: Sequence[int | None], relations: Sequence[int | None]) -> None:
        """Make room for new tags and relations. The parameters of the others are kept, so their scores stay as they
        are, but for the small probability that new tags get.

        Args:
            tags (Sequence[int | None]): Previous position of each tag, those of all layers; None for a new tag.
            relations (Sequence[int | None]): Previous position of each relation; None for a new relation.
        """
        positions = {"tags": tags, "relations": relations}
        sizes = {"tags": self.tagger.out_features, "relations": self.relation.out_features}
        before = {name: value.clone() for name, value in self.state_dict().items()}
        device = self.relation.weight.device
        self.build(self.n_features or 0, len(tags), len(relations))
        self.to(device)
        with torch.no_grad():
            for name, value in self.state_dict().items():
                axis, blocks = self.label_axes().get(name, (0, ("other",)))
                n_other = before[name].shape[axis] - sum(sizes.get(block, 0) for block in blocks)
                sources: list[int | None] = []
                offset = 0
                for block in blocks:
                    sources += [None if i is None else offset + i for i in positions.get(block, range(n_other))]
                    offset += sizes.get(block, n_other)
                fresh = torch.tensor([i for i, source in enumerate(sources) if source is None], dtype=torch.long)
                kept = torch.tensor([i for i, source in enumerate(sources) if source is not None])
                origin = torch.tensor([source for source in sources if source is not None])
                if axis == 1:
                    value.index_fill_(1, fresh.to(device), 0.0)
                elif name == "tagger.bias":
                    value.index_fill_(0, fresh.to(device), _NEW_TAG_BIAS)
                value.index_copy_(axis, kept.to(device), before[name].index_select(axis, origin.to(device)))

    def label_axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return which axis of a parameter has an entry for each tag or relation, and what is on that axis.

        Returns:
            dict[str, tuple[int, tuple[str, ...]]]: By parameter, the axis, and the blocks "tags", "relations" and
                "other" in their order.
        """
        return {
            f"{layer}.{kind}": (0, (block,))
            for layer, block in (("tagger", "tags"), ("relation", "relations"))
            for kind in ("weight", "bias")
        }

    def build_rounds(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters of the rounds of interaction.

        Args:
            width (int): Width of the network.
            n_tags (int): Number of entity tags, summed over all layers.
            n_relations (int): Number of relation labels.
        """
        raise NotImplementedError

    def tag_probs(self, entity: Tensor) -> Tensor:
        """Compute the tag distribution of every layer (eq. 6). *Shape:* (tokens, width) -> (tokens, n_tags)."""
        return self.by_layer(self.tagger(entity)).softmax(2).flatten(1)

    def by_layer(self, tags: Tensor) -> Tensor:
        """Reshape tags so that layers are a dimension. *Shape:* (tokens, layers * tags) -> (tokens, layers, tags)."""
        return tags.view(len(tags), self.entity_layers, tags.shape[1] // self.entity_layers)

    def last_round(
        self, tokens: Tensor, before: Tensors, lengths: Sequence[int], sentences: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the last round for the pair terms of selected tokens, if `forward` left it out.

        Args:
            tokens (Tensor): Positions of the tokens in the packed batch, ascending. *Shape:* (selected,).
            before (Tensors): Output of `forward`, with a state.
            lengths (Sequence[int]): Number of tokens in each sequence.
            sentences (Tensor | None): Number of the sentence of each token, for relative positions.
                *Shape:* (tokens,).

        Returns:
            tuple[Tensor, Tensor]: Subject and object terms of the tokens. *Shape:* (selected, width) each.
        """
        raise NotImplementedError

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Create parameters with the sizes of those in a state dict.

        Args:
            state (Mapping[str, Tensor]): The state dict.

        Raises:
            KeyError: If the state dict lacks a parameter that is needed to get a size.
        """
        n_tags, width = state["tagger.weight"].shape
        n_features = state["project.weight"].shape[1] if "project.weight" in state else width
        self.build(n_features, n_tags, len(state["relation.bias"]))

    @property
    def n_features(self) -> int | None:
        """Width of the input. None before `build`."""
        if not hasattr(self, "tagger"):
            return None
        return (self.project if isinstance(self.project, nn.Linear) else self.tagger).in_features

    @property
    def chunk_size(self) -> int:
        """Number of token pairs to score at a time. Hidden values, their gradient and logits fit in `chunk_bytes`."""
        weight = self.relation.weight
        n_bytes = self.chunk_bytes or (DEFAULT_BYTES_CPU if weight.device.type == "cpu" else DEFAULT_BYTES_GPU)
        n_relations, width = weight.shape
        return max(1, n_bytes // (4 * (2 * width + n_relations)))


@dataclass(frozen=True)
class Output:
    """The output of a joint network for packed sequences. Pairs are scored on request, because few are needed.

    Attributes:
        network (JointNetwork): The network.
        tensors (Tensors): What the network returned, detached from the graph, in the dtype of its parameters.
        lengths (Sequence[int]): Number of tokens in each sequence.
        sentences (Tensor | None): Number of the sentence of each token, for relative positions. *Shape:* (tokens,).
    """

    network: JointNetwork
    tensors: Tensors
    lengths: Sequence[int]
    sentences: Tensor | None = None

    @classmethod
    def of(
        cls, network: JointNetwork, tensors: Tensors, lengths: Sequence[int], sentences: Tensor | None = None
    ) -> "Output":
        """Create an output from what a network returned for a batch, with or without autocast.

        Args:
            network (JointNetwork): The network.
            tensors (Tensors): What the network returned.
            lengths (Sequence[int]): Number of tokens in each sequence.
            sentences (Tensor | None): Number of the sentence of each token, for relative positions.
                *Shape:* (tokens,).

        Returns:
            Output: The output.
        """
        precision = network.relation.weight.dtype
        plain: Any = (None if x is None else x.detach().to(precision) for x in tensors)
        return cls(network, Tensors(*plain), lengths, sentences)

    def tag_scores(self) -> NDArray[np.float32]:
        """Return the tag logits on the CPU. *Shape:* (tokens, layers, tags)."""
        scores: NDArray[np.float32] = self.network.by_layer(self.tensors.tags).cpu().numpy()
        return scores

    def calibrated(self, slopes: NDArray[np.floating], offsets: NDArray[np.floating]) -> "Output":
        """Return the output with other relation logits: slope * logit + offset (Platt 1999).

        Args:
            slopes (ndarray): Slope of each label. *Shape:* (labels,).
            offsets (ndarray): Offset of each label. *Shape:* (labels,).

        Returns:
            Output: The output. It shares all tensors but the weight and bias of the relations.
        """
        weight, bias = self.tensors.weight, self.tensors.bias
        slope, offset = (torch.from_numpy(np.asarray(x)).to(weight.device, weight.dtype) for x in (slopes, offsets))
        return replace(self, tensors=self.tensors._replace(weight=weight * slope[:, None], bias=bias * slope + offset))

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
        """Find the relations of given pairs with a probability at or above the threshold of their label (eq. 7).

        Args:
            subjects (ndarray): Positions of the subject tokens in the packed batch. *Shape:* (pairs,).
            objects (ndarray): Positions of the object tokens in the packed batch. *Shape:* (pairs,).
            thresholds (ndarray): Lowest probability of each label. *Shape:* (labels,).

        Returns:
            tuple[ndarray, ndarray, ndarray]: For each relation found: index of its pair, label and probability.
                *Shape:* (found,) each.
        """
        found: list[tuple[Any, ...]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        _, subject_terms, object_terms, weight, bias, _, state = self.tensors
        positions = self._positions
        device, size = weight.device, self.network.chunk_size
        lowest = torch.from_numpy(np.asarray(thresholds, dtype=np.float32)).to(device)
        with torch.no_grad():
            tokens, inverse = np.unique(np.stack([subjects, objects]), return_inverse=True)
            rows = inverse.reshape(2, -1)
            selected = torch.from_numpy(tokens).to(device)
            if state is None:
                subject_terms, object_terms = subject_terms[selected], object_terms[selected]
            elif len(subjects):
                subject_terms, object_terms = self.network.last_round(
                    selected, self.tensors, self.lengths, self.sentences
                )
            for start in range(0, len(subjects), size):
                i, j = torch.from_numpy(rows[:, start : start + size]).to(device)
                hidden = subject_terms[i] + object_terms[j]
                if positions is not None:
                    hidden.addmm_(positions.encode(selected[i], selected[j]), positions.table)
                probs = torch.addmm(bias, hidden.relu_(), weight.T).sigmoid_()
                pair, label = (probs >= lowest).nonzero(as_tuple=True)
                found.append(tuple(x.cpu().numpy() for x in (pair + start, label, probs[pair, label])))
        pairs, labels, scores = (np.concatenate(parts) for parts in zip(*found))
        return pairs, labels, scores

    @property
    def _positions(self) -> Positions | None:
        table = self.tensors.table
        return None if table is None or self.sentences is None else Positions(table, self.sentences)

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss and its gradients (eq. 8, 9).

        Args:
            gold_tags (ndarray): True tags of each token, -1 if not known. *Shape:* (tokens, layers).
            gold_triples (ndarray): True triples as (subject token, object token, label), without duplicates.
                *Shape:* (triples, 3).
            known_pairs (Sequence[bool]): For each sequence, whether its relations are annotated.
            scale (float): Factor for the loss and the gradients, usually 1 / batch size.

        Returns:
            tuple[float, tuple[Tensor, ...]]: The loss, and the gradients of all fields of `Tensors` that are not None.
        """
        tags = self.tensors.tags.detach().requires_grad_()
        with torch.enable_grad():
            gold = torch.from_numpy(gold_tags).to(tags.device).flatten()
            logits = self.network.by_layer(tags).flatten(0, 1)
            tag_loss = F.cross_entropy(logits, gold, ignore_index=-1, reduction="sum")
        (d_tags,) = torch.autograd.grad(tag_loss, tags)
        with torch.no_grad():
            relation_loss, d_pairs = pair_loss(
                self.tensors.subjects,
                self.tensors.objects,
                self.tensors.weight,
                self.tensors.bias,
                self.lengths,
                torch.from_numpy(gold_triples).to(tags.device),
                known_pairs,
                self.network.chunk_size,
                positions=self._positions,
            )
        grads = tuple(grad for grad in (d_tags, *d_pairs) if grad is not None)
        for grad in grads:
            grad.mul_(scale)
        return (float(tag_loss.detach()) + relation_loss) * scale, grads
