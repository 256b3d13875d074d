"""The Recurrent Interaction Network.

Sun, Zhang, Mensah, Mao, Liu: Recurrent Interaction Network for Jointly Extracting Entities and Classifying
Relations. EMNLP 2020. Equation numbers refer to this paper.

The tokens of a batch are packed, see `pairs`.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .pairs import pair_max
from .pairwise import PairNetwork, PairTensors
from .positions import Positions


class PaperGRU(nn.Module):
    """Gated recurrent unit that applies the reset gate before the matrix product, and has no biases (eq. 4).

    Args:
        n_input (int): Width of the input y.
        width (int): Width of the state h.
    """

    def __init__(self, n_input: int, width: int):
        super().__init__()
        # Wz, Wu and Wo of the paper, each split into columns for y and for h. Those for y are computed in one product.
        self.input = nn.Linear(n_input, 3 * width, bias=False)
        self.gates = nn.Linear(width, 2 * width, bias=False)
        self.candidate = nn.Linear(width, width, bias=False)
        for weight in self.parameters():
            # The range is that of the whole matrices, because parts with few columns would get too large values.
            nn.init.uniform_(weight, -((width + n_input) ** -0.5), (width + n_input) ** -0.5)

    def forward(self, y: Tensor, h: Tensor) -> Tensor:
        """Update the state.

        Args:
            y (Tensor): The input. *Shape:* (tokens, n_input).
            h (Tensor): The state. *Shape:* (tokens, width).

        Returns:
            Tensor: The new state. *Shape:* (tokens, width).
        """
        width = h.shape[1]
        for_gates, for_candidate = self.input(y).split([2 * width, width], 1)
        update, reset = (for_gates + self.gates(h)).sigmoid().chunk(2, 1)
        candidate = (for_candidate + self.candidate(reset * h)).tanh()
        state: Tensor = h + update * (candidate - h)
        return state


class RIN(PairNetwork):
    """Recurrent Interaction Network: entity tags and relations of token pairs refine each other in K rounds.

    The settings are those of `spacy_rin.RIN.v1`, see `spacy_rin.model.architectures.build_rin`.
    """

    def __init__(
        self,
        *,
        rounds: int = 3,
        width: int | None = None,
        use_entities: bool = True,
        use_relations: bool = True,
        entity_layers: int = 1,
        relation_prior: float = 0.001,
        stop_early: bool = False,
        chunk_bytes: int | None = None,
        relative_positions: bool = False,
        label_smoothing: float = 0.0,
        round_weight: float = 0.0,
    ):
        super().__init__(
            rounds=rounds,
            width=width,
            entity_layers=entity_layers,
            relation_prior=relation_prior,
            chunk_bytes=chunk_bytes,
            relative_positions=relative_positions,
            label_smoothing=label_smoothing,
            round_weight=round_weight,
        )
        self.use_entities = use_entities
        self.use_relations = use_relations
        self.stop_early = stop_early

    def build(self, n_features: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters, see `JointNetwork.build`."""
        super().build(n_features, n_tags, n_relations)
        with torch.no_grad():
            # Wm with its 2d columns is stored as two stacked matrices with d columns. Their default range is √2 times
            # that of Wm.
            self.pair_terms.weight.mul_(0.5**0.5)

    def build_rounds(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters of the rounds of interaction, see `PairNetwork.build_rounds`."""
        if self.rounds:
            self.gru_e = PaperGRU(n_tags, width)
            self.gru_r = PaperGRU(n_relations, width)

    def label_axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return the axes of tags and relations, see `JointNetwork.label_axes`."""
        inputs = {"gru_e.input.weight": (1, ("tags",)), "gru_r.input.weight": (1, ("relations",))}
        return {**super().label_axes(), **(inputs if self.rounds else {})}

    def forward(self, features: Tensor, lengths: Sequence[int], sentences: Tensor | None = None) -> PairTensors:
        """Compute the tag logits, and the terms that give pair scores.

        Prediction needs the pair terms only of tokens that are heads of entities. These are known once the tags are
        scored. Outside of training, `forward` therefore computes the last round for tags only, and `last_round`
        computes it for the pair terms of selected tokens. With `stop_early`, all rounds are computed here.

        Args:
            features (Tensor): H⁰ before projection, packed. *Shape:* (tokens, n_features).
            lengths (Sequence[int]): Number of tokens in each sequence.
            sentences (Tensor | None): Number of the sentence of each token, for relative positions.
                *Shape:* (tokens,).

        Returns:
            PairTensors: Tag logits and pair terms, with a state if the last round is not done for pairs.
        """
        shared = self.project(features)
        if self.stop_early and not self.training:
            return self.classify(*self._refine_until_settled(shared, lengths, sentences))
        n_rounds = self.rounds if self.training else max(0, self.rounds - 1)
        *earlier, (entity, relation, state) = self._refine(shared, lengths, sentences, n_rounds)
        if n_rounds < self.rounds:
            return self.classify(self._next_entity(entity, state), relation, state=state)
        return self.classify(entity, relation, [(e, r) for e, r, _ in earlier])

    def last_round(
        self, tokens: Tensor, before: PairTensors, lengths: Sequence[int], sentences: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the last round for the pair terms of selected tokens, see `PairNetwork.last_round`."""
        _, subjects, objects, weight, bias, _, state, _ = before
        if state is None:
            return super().last_round(tokens, before, lengths, sentences)
        positions = self._positions(sentences)
        best = pair_max(subjects[tokens], objects, weight, lengths, self.chunk_size, positions=positions, rows=tokens)
        return self._pair_terms(self._next_relation(best + bias, state[tokens]))

    def _refine(
        self, shared: Tensor, lengths: Sequence[int], sentences: Tensor | None, rounds: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Compute rounds, and yield entity, relation and shared features before and after each of them.

        *Shape:* (tokens, width) each.
        """
        entity = relation = shared
        yield entity, relation, shared
        for _ in range(rounds):
            entity, relation, shared = self._interact(shared, entity, self._best_scores(relation, lengths, sentences))
            yield entity, relation, shared

    def _refine_until_settled(
        self, shared: Tensor, lengths: Sequence[int], sentences: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Compute rounds like `_refine`, but skip further rounds for a sequence once its predictions are unchanged.

        The predictions of a token are its best tags, and the relations that it is probably the subject of.
        """
        entity = relation = shared
        settled_entity, settled_relation = shared.clone(), shared.clone()
        rows = torch.arange(len(shared), device=shared.device)
        before: Tensor | None = None
        for _ in range(self.rounds):
            relation_logits = self._best_scores(relation, lengths, sentences)
            tags = self.by_layer(self.tagger(entity)).argmax(2)
            now = torch.cat([tags, relation_logits > 0], 1)
            if before is not None:
                changes = torch.split((now != before).any(1), list(lengths))
                going_on = [bool(change.any()) for change in changes]
                kept = torch.tensor(going_on).repeat_interleave(torch.tensor(lengths)).to(shared.device)
                settled_entity[rows[~kept]], settled_relation[rows[~kept]] = entity[~kept], relation[~kept]
                lengths = [length for length, goes_on in zip(lengths, going_on) if goes_on]
                shared, rows, now = shared[kept], rows[kept], now[kept]
                sentences = None if sentences is None else sentences[kept]
                entity, relation_logits = entity[kept], relation_logits[kept]
                if not lengths:
                    return settled_entity, settled_relation
            before = now
            entity, relation, shared = self._interact(shared, entity, relation_logits)
        settled_entity[rows], settled_relation[rows] = entity, relation
        return settled_entity, settled_relation

    def _best_scores(self, relation: Tensor, lengths: Sequence[int], sentences: Tensor | None) -> Tensor:
        """Compute the highest logit of each token as a subject, for each relation (eq. 5, 7)."""
        subjects, objects = self._pair_terms(relation)
        positions = self._positions(sentences)
        best = pair_max(subjects, objects, self.relation.weight, lengths, self.chunk_size, positions=positions)
        return best + self.relation.bias

    def _positions(self, sentences: Tensor | None) -> Positions | None:
        """Return the term of relative positions of a batch, if the network has one."""
        return Positions.of(self.table if self.relative_positions else None, sentences)

    def _interact(self, shared: Tensor, entity: Tensor, relation_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute entity, relation and shared features of the next round (eq. 2)."""
        relation = self._next_relation(relation_logits, shared)
        entity = self._next_entity(entity, shared)
        if self.use_relations:
            shared = shared + relation
        if self.use_entities:
            shared = shared + entity
        return entity, relation, shared

    def _next_entity(self, entity: Tensor, shared: Tensor) -> Tensor:
        """Compute the entity features of the next round (eq. 4)."""
        updated: Tensor = self.gru_e(self.tag_probs(entity), shared)
        return updated

    def _next_relation(self, relation_logits: Tensor, shared: Tensor) -> Tensor:
        """Compute the relation features of the next round (eq. 4)."""
        # σ is monotonic, so the maximum of the probabilities is σ of the maximum of the logits.
        relation: Tensor = self.gru_r(relation_logits.sigmoid(), shared)
        return relation

    def _pair_terms(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the subject and object terms. Even with autocast, they have the dtype of the parameters."""
        subjects, objects = self.pair_terms(relation).to(self.relation.weight.dtype).chunk(2, 1)
        return subjects, objects
