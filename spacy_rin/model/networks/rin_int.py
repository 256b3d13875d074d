"""The first version of the Recurrent Interaction Network, with its interaction module INT.

Sun, Zhang, Mensah, Mao, Liu: Recurrent Interaction Network for Jointly Extracting Entities and Classifying
Relations. arXiv 2005.00162, version 1. Equation numbers refer to this paper.

The tokens of a batch are packed, see `pairs`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .pairwise import PairNetwork, PairTensors
from .rin import PaperGRU

CELLS = ("gru", "rnn", "linear")


class RINInt(PairNetwork):
    """First version of the network: interaction features of each token update its entity and relation features K times.

    The settings are those of `spacy_rin.RINInt.v1`, see `spacy_rin.model.architectures.build_rin_int`.
    """

    joins_terms = True

    def __init__(
        self,
        *,
        rounds: int = 3,
        width: int | None = None,
        cell: str = "gru",
        use_entities: bool = True,
        use_relations: bool = True,
        use_features: bool = True,
        task_features: bool = True,
        entity_layers: int = 1,
        relation_prior: float = 0.001,
        chunk_bytes: int | None = None,
        label_smoothing: float = 0.0,
        round_weight: float = 0.0,
    ):
        super().__init__(
            rounds=rounds,
            width=width,
            entity_layers=entity_layers,
            relation_prior=relation_prior,
            chunk_bytes=chunk_bytes,
            label_smoothing=label_smoothing,
            round_weight=round_weight,
        )
        self.cell = cell
        self.use_entities = use_entities
        self.use_relations = use_relations
        self.use_features = use_features
        self.task_features = task_features

    def build_rounds(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters of the rounds of interaction, see `PairNetwork.build_rounds`."""
        if self.task_features:
            self.entity_features, self.relation_features = nn.Linear(width, width), nn.Linear(width, width)
        n_input = n_relations * self.use_relations + n_tags * self.use_entities + width * self.use_features
        if self.rounds and self.cell != "linear":
            self.interaction = nn.Linear(n_input, width)
        self.cell_e: nn.Module
        self.cell_r: nn.Module
        if self.rounds and self.cell == "gru":
            self.cell_e, self.cell_r = PaperGRU(width, width), PaperGRU(width, width)
        elif self.rounds:
            n_columns = width + (n_input if self.cell == "linear" else width)
            self.cell_e, self.cell_r = nn.Linear(n_columns, width), nn.Linear(n_columns, width)

    def label_axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return the axes of tags and relations, see `JointNetwork.label_axes`."""
        axes = super().label_axes()
        if self.rounds:
            # As `forward` concatenates the inputs of the interaction. The cells of "linear" read these after the state.
            used = {"relations": self.use_relations, "tags": self.use_entities}
            inputs = tuple(block for block in used if used[block])
            if self.cell == "linear":
                axes |= {f"{cell}.weight": (1, ("other", *inputs)) for cell in ("cell_e", "cell_r")}
            else:
                axes["interaction.weight"] = (1, ("other", *inputs) if self.use_features else inputs)
        return axes

    def forward(self, features: Tensor, lengths: Sequence[int], sentences: Tensor | None = None) -> PairTensors:
        """Compute the tag logits, and the terms that give pair scores, after the last round.

        Args:
            features (Tensor): H before projection, packed. *Shape:* (tokens, n_features).
            lengths (Sequence[int]): Number of tokens in each sequence.
            sentences (Tensor | None): Not used.

        Returns:
            PairTensors: Tag logits (tokens, n_tags), subject and object terms (tokens, 2 * width) each,
                Wp (n_relations, 2 * width) and its bias (n_relations,), without a state.
        """
        shared = self.project(features)
        entity = relation = shared
        if self.task_features:
            entity, relation = self.entity_features(shared).relu(), self.relation_features(shared).relu()
        earlier = []
        for _ in range(self.rounds):
            earlier.append((entity, relation))
            inputs = [shared] if self.use_features else []
            if self.use_relations:
                inputs.append(self._best_scores(relation, lengths).sigmoid())
            if self.use_entities:
                inputs.append(self.tag_probs(entity))
            x = torch.cat(inputs, 1)
            if self.cell != "linear":
                x = self.interaction(x).relu()  # eq. 3
            entity, relation = self._update(self.cell_e, x, entity), self._update(self.cell_r, x, relation)
        return self.classify(entity, relation, earlier)

    def _update(self, cell: nn.Module, x: Tensor, h: Tensor) -> Tensor:
        if self.cell == "gru":
            updated: Tensor = cell(x, h)
            return updated
        updated = cell(torch.cat([h, x], 1))
        return updated.tanh() if self.cell == "rnn" else updated

    def _sides(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Compute hidden values of tokens as subjects and as objects (eq. 9), in the dtype of the parameters."""
        subjects, objects = self.pair_terms(relation).to(self.relation.weight.dtype).relu().chunk(2, 1)
        return subjects, objects

    def _best_scores(self, relation: Tensor, lengths: Sequence[int]) -> Tensor:
        """Compute the highest logit of each token as a subject, for each relation (eq. 1, 2, before σ).

        The logits of a pair are the sum of a subject part and an object part (eq. 10). The best object is therefore the
        same for all subjects of a sequence. Even with autocast, logits have the dtype of the parameters.
        """
        for_subjects, for_objects = self.relation.weight.chunk(2, 1)
        subjects, objects = self._sides(relation)
        owners = torch.repeat_interleave(torch.tensor(lengths)).to(relation.device)
        with torch.autocast(relation.device.type, enabled=False):
            best = torch.stack([part.amax(0) for part in torch.split(F.linear(objects, for_objects), list(lengths))])
            return F.linear(subjects, for_subjects, self.relation.bias) + best[owners]

    def _pair_terms(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Compute subject and object terms, padded with zeros so that their sum is the concatenation of both sides."""
        subjects, objects = self._sides(relation)
        zeros = torch.zeros_like(subjects)
        return torch.cat([subjects, zeros], 1), torch.cat([zeros, objects], 1)
