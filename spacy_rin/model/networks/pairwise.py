"""Joint networks that score the relations of every pair of tokens: their classifiers, their scores and their loss.

Equation numbers refer to Sun et al., EMNLP 2020.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .joint import IntArray, JointNetwork, Output
from .pairs import pair_loss
from .positions import N_POSITIONS, Positions

DEFAULT_BYTES_CPU, DEFAULT_BYTES_GPU = 4 * 2**20, 512 * 2**20


class PairTensors(NamedTuple):
    """The output of a pair network for a batch: tag logits, and the terms that give pair scores (eq. 7).

    In a network with `joins_terms`, the terms and Wr are twice as wide as the network.

    Attributes:
        tags (Tensor): Tag logits, layer by layer. *Shape:* (tokens, layers * tags).
        subjects (Tensor): Subject terms. *Shape:* (tokens, width).
        objects (Tensor): Object terms. *Shape:* (tokens, width).
        weight (Tensor): Wr. *Shape:* (labels, width).
        bias (Tensor): br. *Shape:* (labels,).
        table (Tensor | None): The table of relative positions, see `positions.Positions`. None in a network without
            them. *Shape:* (N_POSITIONS, width).
        state (Tensor | None): Shared features before the last round, if `PairNetwork.last_round` must still compute
            it. `subjects` and `objects` are then also those before the last round. None if all rounds are done.
            *Shape:* (tokens, width).
        earlier (Tensor | None): Tag logits, subject and object terms after each round but the last, the first of them
            after none, side by side. None if only the last round is trained.
            *Shape:* (rounds, tokens, layers * tags + 2 * width).
    """

    tags: Tensor
    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor
    table: Tensor | None = None
    state: Tensor | None = None
    earlier: Tensor | None = None


class PairNetwork(JointNetwork):
    """Base class: classifiers of entity tags and token pairs. Subclasses add the rounds of interaction between them.

    For the settings, see `spacy_rin.model.architectures.build_rin`.
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
        label_smoothing: float = 0.0,
        round_weight: float = 0.0,
    ):
        super().__init__(width=width, entity_layers=entity_layers)
        self.relative_positions = relative_positions
        self.label_smoothing = label_smoothing
        self.round_weight = round_weight
        self.rounds = rounds
        self.relation_prior = relation_prior
        self.chunk_bytes = chunk_bytes

    def build_rest(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters of the rounds and the classifiers, see `JointNetwork.build_rest`."""
        self.build_rounds(width, n_tags, n_relations)
        self.tagger = nn.Linear(width, n_tags)
        self.pair_terms = nn.Linear(width, 2 * width, bias=False)
        self.relation = nn.Linear(2 * width if self.joins_terms else width, n_relations)
        if self.relative_positions:
            self.table = nn.Parameter(torch.zeros(N_POSITIONS, width))
        with torch.no_grad():
            self.relation.bias.fill_(torch.tensor(self.relation_prior).logit())

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

    def _pair_terms(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Compute subject and object terms from relation features. *Shape:* (tokens, width) each."""
        raise NotImplementedError

    def classify(
        self,
        entity: Tensor,
        relation: Tensor,
        earlier: Sequence[tuple[Tensor, Tensor]] = (),
        state: Tensor | None = None,
    ) -> PairTensors:
        """Apply the classifiers to the features of a round, and in training to those of the rounds before it.

        Args:
            entity (Tensor): Entity features after the last round. *Shape:* (tokens, width).
            relation (Tensor): Relation features after the last round. *Shape:* (tokens, width).
            earlier (Sequence[tuple[Tensor, Tensor]]): Entity and relation features after each round before the last.
            state (Tensor | None): See `PairTensors`.

        Returns:
            PairTensors: The output of `forward`.
        """
        before = None
        if earlier and self.training and self.round_weight:
            before = torch.stack([torch.cat([self.tagger(e), *self._pair_terms(r)], 1) for e, r in earlier])
        table = self.table if self.relative_positions else None
        terms = self._pair_terms(relation)
        return PairTensors(self.tagger(entity), *terms, self.relation.weight, self.relation.bias, table, state, before)

    def last_round(
        self, tokens: Tensor, before: PairTensors, lengths: Sequence[int], sentences: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Give the pair terms of selected tokens after the last round, which is computed here if `forward` left it out.

        Args:
            tokens (Tensor): Positions of the tokens in the packed batch, ascending. *Shape:* (selected,).
            before (PairTensors): Output of `forward`.
            lengths (Sequence[int]): Number of tokens in each sequence.
            sentences (Tensor | None): Number of the sentence of each token, for relative positions.
                *Shape:* (tokens,).

        Returns:
            tuple[Tensor, Tensor]: Subject and object terms of the tokens. *Shape:* (selected, width) each.
        """
        return before.subjects[tokens], before.objects[tokens]

    def make_output(
        self, tensors: Sequence[Tensor | None], lengths: Sequence[int], sentences: Tensor | None = None
    ) -> "PairOutput":
        """Make an output, see `JointNetwork.make_output`."""
        precision = self.relation.weight.dtype
        plain: Any = (None if x is None else x.detach().to(precision) for x in tensors)
        return PairOutput(self, PairTensors(*plain), lengths, sentences=sentences)

    @property
    def chunk_size(self) -> int:
        """Number of token pairs to score at a time. Hidden values, their gradient and logits fit in `chunk_bytes`."""
        weight = self.relation.weight
        n_bytes = self.chunk_bytes or (DEFAULT_BYTES_CPU if weight.device.type == "cpu" else DEFAULT_BYTES_GPU)
        n_relations, width = weight.shape
        return max(1, n_bytes // (4 * (2 * width + n_relations)))


@dataclass(frozen=True)
class PairOutput(Output):
    """The output of a pair network for packed sequences. Pairs are scored on request, because few are needed.

    Attributes:
        network (PairNetwork): The network.
        tensors (PairTensors): What the network returned, detached from the graph, in the dtype of its parameters.
        lengths (Sequence[int]): Number of tokens in each sequence.
        sentences (Tensor | None): Number of the sentence of each token, for relative positions. *Shape:* (tokens,).
    """

    network: PairNetwork
    tensors: PairTensors
    lengths: Sequence[int]
    sentences: Tensor | None = None

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
        """Find the relations of given pairs (eq. 7), see `Output.probable`."""
        found: list[tuple[Any, ...]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        weight, bias, positions = self.tensors.weight, self.tensors.bias, self._positions
        device, size = weight.device, self.network.chunk_size
        lowest = torch.from_numpy(np.asarray(thresholds, dtype=np.float32)).to(device)
        if self.calibration is not None:
            slope, offset = (torch.from_numpy(np.asarray(x)).to(weight) for x in self.calibration)
            weight, bias = weight * slope[:, None], bias * slope + offset
        with torch.no_grad():
            tokens, inverse = np.unique(np.stack([subjects, objects]), return_inverse=True)
            rows = inverse.reshape(2, -1)
            selected = torch.from_numpy(tokens).to(device)
            subject_terms, object_terms = self.network.last_round(selected, self.tensors, self.lengths, self.sentences)
            for start in range(0, len(subjects), size):
                i, j = torch.from_numpy(rows[:, start : start + size]).to(device)
                hidden = subject_terms[i] + object_terms[j]
                if positions is not None:
                    hidden += positions.terms(positions.codes(selected[i], selected[j]))
                probs = torch.addmm(bias, hidden.relu_(), weight.T).sigmoid_()
                pair, label = (probs >= lowest).nonzero(as_tuple=True)
                found.append(tuple(x.cpu().numpy() for x in (pair + start, label, probs[pair, label])))
        pairs, labels, scores = (np.concatenate(parts) for parts in zip(*found))
        return pairs, labels, scores

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss (eq. 8, 9) and the gradients of all tensors that are not None, see `Output.loss`.

        If there are tensors of earlier rounds, the loss of each of these rounds is added with `round_weight`.
        """
        tag_loss, d_tags = self.tag_loss(gold_tags)
        with torch.no_grad():
            relation_loss, d_pairs = pair_loss(
                self.tensors.subjects,
                self.tensors.objects,
                self.tensors.weight,
                self.tensors.bias,
                self.lengths,
                torch.from_numpy(gold_triples).to(d_tags.device),
                known_pairs,
                self.network.chunk_size,
                positions=self._positions,
                label_smoothing=self.network.label_smoothing,
            )
        grads = tuple(grad for grad in (d_tags, *d_pairs) if grad is not None)
        for grad in grads:
            grad.mul_(scale)
        total = (tag_loss + relation_loss) * scale
        if self.tensors.earlier is None:
            return total, grads
        widths = [self.tensors.tags.shape[1], *[self.tensors.subjects.shape[1]] * 2]
        d_earlier = []
        for after in self.tensors.earlier:
            tags, subjects, objects = (part.contiguous() for part in after.split(widths, 1))
            tensors = self.tensors._replace(tags=tags, subjects=subjects, objects=objects, earlier=None)
            weight = scale * self.network.round_weight
            loss, d_round = replace(self, tensors=tensors).loss(gold_tags, gold_triples, known_pairs, weight)
            total += loss
            d_earlier.append(torch.cat(d_round[:3], 1))
            for shared, more in zip(grads[3:], d_round[3:]):
                shared.add_(more)
        return total, (*grads, torch.stack(d_earlier))

    @property
    def _positions(self) -> Positions | None:
        return Positions.of(self.tensors.table, self.sentences)
