"""The Recurrent Interaction Network.

Sun, Zhang, Mensah, Mao, Liu: Recurrent Interaction Network for Jointly Extracting Entities and Classifying
Relations. EMNLP 2020. Equation numbers below are of that paper.

Tokens of a batch are packed, see `pairs`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Optional

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .pairs import pair_loss, pair_max

# A child that is forked after torch has started its threads hangs at the first parallel operation (spaCy's
# n_process, DataLoaders). One thread a process is what such a child wants anyway.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

IntArray = NDArray[np.int64]

DEFAULT_BYTES_CPU, DEFAULT_BYTES_GPU = 4 * 2**20, 512 * 2**20


class PaperGRU(nn.Module):
    """Gated recurrent unit with the reset gate before the product, and without biases (eq. 4).

    n_input (int): Width of the input y.
    width (int): Width of the state h.
    """

    def __init__(self, n_input: int, width: int):
        super().__init__()
        # Each of the paper's Wz, Wu and Wo by its columns for y and for h, those for y in one product.
        self.input = nn.Linear(n_input, 3 * width, bias=False)
        self.gates = nn.Linear(width, 2 * width, bias=False)
        self.candidate = nn.Linear(width, width, bias=False)
        for weight in self.parameters():
            # The range of the whole matrices: parts with few columns would start too large.
            nn.init.uniform_(weight, -((width + n_input) ** -0.5), (width + n_input) ** -0.5)

    def forward(self, y: Tensor, h: Tensor) -> Tensor:
        """Update the state.

        y (Tensor): *Shape:* (tokens, n_input).
        h (Tensor): *Shape:* (tokens, width).
        RETURNS (Tensor): *Shape:* (tokens, width).
        """
        width = h.shape[1]
        for_gates, for_candidate = self.input(y).split([2 * width, width], 1)
        update, reset = (for_gates + self.gates(h)).sigmoid().chunk(2, 1)
        candidate = (for_candidate + self.candidate(reset * h)).tanh()
        return h + update * (candidate - h)


class RIN(nn.Module):
    """Recurrent Interaction Network: entity tags and relations of token pairs that refine each other in K rounds.

    It is made without parameters; `build` makes them once the sizes are known.

    rounds (int): K, the rounds of interaction; 0 is the paper's "w/o interaction".
    width (Optional[int]): d, the width of the shared features; None takes that of the input as it is, another width
        than the input's adds a linear layer.
    use_entities (bool): Whether entity features enter the shared features; False is the paper's "w/o ER".
    use_relations (bool): Whether relation features enter the shared features; False is the paper's "w/o RC".
    relation_prior (float): Probability of a relation label that an untrained network gives to a token pair. Nearly
        all pairs have none: started at 0.5, as without it, the first epochs only learn that.
    stop_early (bool): Whether prediction leaves out further rounds for a sequence whose predictions a round did not
        change. Faster, but not always the same.
    chunk_bytes (Optional[int]): Bytes that token pairs may take at a time, in training and prediction; it changes no
        result. None is what is fast: 4 MiB on a CPU, which stay in its cache, and 512 MiB on a GPU.
    """

    def __init__(
        self,
        *,
        rounds: int = 3,
        width: Optional[int] = None,
        use_entities: bool = True,
        use_relations: bool = True,
        relation_prior: float = 0.001,
        stop_early: bool = False,
        chunk_bytes: Optional[int] = None,
    ):
        super().__init__()
        self.rounds = rounds
        self.width = width
        self.use_entities = use_entities
        self.use_relations = use_relations
        self.relation_prior = relation_prior
        self.stop_early = stop_early
        self.chunk_bytes = chunk_bytes

    def build(self, n_features: int, n_tags: int, n_relations: int) -> None:
        """Make the parameters.

        n_features (int): Width of the input.
        n_tags (int): e, the number of entity tags.
        n_relations (int): l, the number of relation labels.
        """
        width = self.width or n_features
        self.project = nn.Linear(n_features, width) if width != n_features else nn.Identity()
        if self.rounds:
            self.gru_e = PaperGRU(n_tags, width)
            self.gru_r = PaperGRU(n_relations, width)
        self.tagger = nn.Linear(width, n_tags)
        self.pair_terms = nn.Linear(width, 2 * width, bias=False)
        self.relation = nn.Linear(width, n_relations)
        with torch.no_grad():
            # Wm, which has 2d columns, stands here as two matrices of d, one on top of the other: drawn from a range
            # wider by √2 than Wm would be.
            self.pair_terms.weight.mul_(0.5**0.5)
            self.relation.bias.fill_(torch.tensor(self.relation_prior).logit())

    def build_like(self, state: Mapping[str, Tensor]) -> None:
        """Make parameters of the sizes of a state dict; KeyError if it lacks one that tells a size."""
        n_tags, width = state["tagger.weight"].shape
        n_features = state["project.weight"].shape[1] if "project.weight" in state else width
        self.build(n_features, n_tags, len(state["relation.bias"]))

    @property
    def n_features(self) -> Optional[int]:
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

    def forward(self, features: Tensor, lengths: Sequence[int]) -> tuple[Tensor, ...]:
        """Score tags, and make what pairs are scored from.

        The last round gives each token relation features of its own. Prediction needs those of the heads of entities
        alone, which are known once tags are scored, so outside of training this round is left to `last_terms`.

        features (Tensor): H⁰ before projection, packed. *Shape:* (tokens, n_features).
        lengths (Sequence[int]): Tokens of each sequence.
        RETURNS (Tuple[Tensor, ...]): Tag logits (tokens, n_tags), subject terms (tokens, width), object terms
            (tokens, width), Wr (n_relations, width) and br (n_relations,), to make an `Output` of; where the last round
            is left, the terms are those before it, and its state (tokens, width) follows.
        """
        shared = self.project(features)
        if self.stop_early and not self.training:
            entity, relation = self._refine_until_settled(shared, lengths)
        elif self.rounds and not self.training:
            entity, relation, shared = self._refine(shared, lengths, self.rounds - 1)
            entity = self._next_entity(self.tagger(entity), shared)
            return self.tagger(entity), *self._pair_terms(relation), self.relation.weight, self.relation.bias, shared
        else:
            entity, relation, _ = self._refine(shared, lengths, self.rounds)
        return self.tagger(entity), *self._pair_terms(relation), self.relation.weight, self.relation.bias

    def last_terms(
        self, tokens: Tensor, subjects: Tensor, objects: Tensor, state: Tensor, lengths: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Go through the last round for some tokens, see `forward`.

        tokens (Tensor): Positions in the packed batch, in order. *Shape:* (some,).
        subjects (Tensor): Subject terms of all tokens before the round. *Shape:* (tokens, width).
        objects (Tensor): Object terms of all tokens before the round. *Shape:* (tokens, width).
        state (Tensor): The shared features that enter the round. *Shape:* (tokens, width).
        lengths (Sequence[int]): Tokens of each sequence.
        RETURNS (Tuple[Tensor, Tensor]): Subject and object terms of the tokens. *Shape:* (some, width) each.
        """
        ends = torch.tensor(lengths).cumsum(0).to(tokens.device)
        owners = torch.searchsorted(ends, tokens, right=True)
        n_subjects = torch.bincount(owners, minlength=len(lengths)).tolist()
        best = pair_max(subjects[tokens], objects, self.relation.weight, lengths, self.chunk_size, n_subjects)
        return self._pair_terms(self._next_relation(best + self.relation.bias, state[tokens]))

    def _refine(self, shared: Tensor, lengths: Sequence[int], rounds: int) -> tuple[Tensor, Tensor, Tensor]:
        """Go through rounds; returns entity, relation and shared features. *Shape:* (tokens, width) each."""
        entity = relation = shared
        for _ in range(rounds):
            entity, relation, shared = self._interact(shared, *self._classify(entity, relation, lengths))
        return entity, relation, shared

    def _refine_until_settled(self, shared: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Do what `_refine` does, but leave sequences out of further rounds once a round has changed none of their
        predictions: the best tag of a token, and which relations it is probably the subject of."""
        entity = relation = shared
        settled_entity, settled_relation = shared.clone(), shared.clone()
        rows = torch.arange(len(shared), device=shared.device)
        before: Optional[Tensor] = None
        for _ in range(self.rounds):
            tag_logits, relation_logits = self._classify(entity, relation, lengths)
            now = torch.cat([tag_logits.argmax(1, keepdim=True), relation_logits > 0], 1)
            if before is not None:
                changes = (now != before).any(1).split(list(lengths))
                going_on = [bool(change.any()) for change in changes]
                kept = torch.tensor(going_on).repeat_interleave(torch.tensor(lengths)).to(shared.device)
                settled_entity[rows[~kept]], settled_relation[rows[~kept]] = entity[~kept], relation[~kept]
                lengths = [length for length, goes_on in zip(lengths, going_on) if goes_on]
                shared, rows, now = shared[kept], rows[kept], now[kept]
                tag_logits, relation_logits = tag_logits[kept], relation_logits[kept]
                if not lengths:
                    return settled_entity, settled_relation
            before = now
            entity, relation, shared = self._interact(shared, tag_logits, relation_logits)
        settled_entity[rows], settled_relation[rows] = entity, relation
        return settled_entity, settled_relation

    def _classify(self, entity: Tensor, relation: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Compute tag logits (eq. 6) and each token's highest relation logits as a subject (eq. 5, 7)."""
        subjects, objects = self._pair_terms(relation)
        best = pair_max(subjects, objects, self.relation.weight, lengths, self.chunk_size)
        return self.tagger(entity), best + self.relation.bias

    def _interact(self, shared: Tensor, tag_logits: Tensor, relation_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute entity, relation and shared features of the next round (eq. 2)."""
        relation = self._next_relation(relation_logits, shared)
        entity = self._next_entity(tag_logits, shared)
        if self.use_relations:
            shared = shared + relation
        if self.use_entities:
            shared = shared + entity
        return entity, relation, shared

    def _next_entity(self, tag_logits: Tensor, shared: Tensor) -> Tensor:
        """Compute the entity features of the next round (eq. 4)."""
        entity: Tensor = self.gru_e(tag_logits.softmax(1), shared)
        return entity

    def _next_relation(self, relation_logits: Tensor, shared: Tensor) -> Tensor:
        """Compute the relation features of the next round (eq. 4)."""
        # σ is monotonic: the maximum of probabilities is σ of the maximum of logits.
        relation: Tensor = self.gru_r(relation_logits.sigmoid(), shared)
        return relation

    def _pair_terms(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the subject and object terms. Pairs are scored in single precision, also under autocast."""
        subjects, objects = self.pair_terms(relation).to(self.relation.weight.dtype).chunk(2, 1)
        return subjects, objects


@dataclass(frozen=True)
class Output:
    """What RIN says of a batch of packed sequences; it scores pairs when asked, so that nobody needs all of them.

    tags (Tensor): Tag logits. *Shape:* (tokens, tags).
    subjects (Tensor): Subject terms. *Shape:* (tokens, width).
    objects (Tensor): Object terms. *Shape:* (tokens, width).
    weight (Tensor): Wr. *Shape:* (labels, width).
    bias (Tensor): br. *Shape:* (labels,).
    lengths (Sequence[int]): Tokens of each sequence.
    chunk_size (int): Pairs to hold at a time.
    last_terms (Optional[Callable[[Tensor], Tuple[Tensor, Tensor]]]): Gives the terms of tokens after the last round,
        where `subjects` and `objects` are those before it.
    """

    tags: Tensor
    subjects: Tensor
    objects: Tensor
    weight: Tensor
    bias: Tensor
    lengths: Sequence[int]
    chunk_size: int
    last_terms: Optional[Callable[[Tensor], tuple[Tensor, Tensor]]] = None

    @classmethod
    def of(cls, network: RIN, tensors: Sequence[Tensor], lengths: Sequence[int]) -> "Output":
        """Make it from what a network returned for a batch."""
        # Half precision ends here: decoding and loss are computed in the precision of the parameters.
        tags, subjects, objects, weight, bias, *state = (x.detach().to(network.relation.weight.dtype) for x in tensors)
        last_terms = None
        if state:
            last_terms = partial(
                network.last_terms, subjects=subjects, objects=objects, state=state[0], lengths=lengths
            )
        return cls(tags, subjects, objects, weight, bias, lengths, network.chunk_size, last_terms)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What the loss has gradients for, in the order of `RIN.forward`."""
        return self.tags, self.subjects, self.objects, self.weight, self.bias

    def tag_scores(self) -> NDArray[np.float32]:
        """Tag logits on the CPU. *Shape:* (tokens, tags)."""
        return self.tags.cpu().numpy()

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, Any]:
        """Find the relations of given pairs whose probability reaches their threshold (eq. 7).

        subjects (ndarray): Subject tokens, as positions in the packed batch. *Shape:* (pairs,).
        objects (ndarray): Object tokens. *Shape:* (pairs,).
        thresholds (ndarray): Lowest probability of each label. *Shape:* (labels,).
        RETURNS (Tuple[ndarray, ndarray, ndarray]): Positions in the list of pairs, labels and probabilities.
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

        gold_tags (ndarray): True tag of each token, -1 where it is not known. *Shape:* (tokens,).
        gold_triples (ndarray): True triples as (subject token, object token, label), distinct. *Shape:* (triples, 3).
        known_pairs (Sequence[bool]): For each sequence, whether its relations are annotated.
        scale (float): Factor of loss and gradients: 1 / batch size.
        RETURNS (Tuple[float, Tuple[Tensor, ...]]): The loss and the gradients of `tensors`.
        """
        device = self.tags.device
        tags = self.tags.detach().requires_grad_()
        with torch.enable_grad():
            tag_loss = F.cross_entropy(tags, torch.from_numpy(gold_tags).to(device), ignore_index=-1, reduction="sum")
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
