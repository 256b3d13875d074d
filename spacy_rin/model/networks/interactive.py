"""A network that writes triples down one after the other, with an interaction of relation and entities in each.

Yu et al.: Incorporating Bidirection-Interactive Information and Semantic Features for Relational Facts
Extraction. AAAI 2021, student abstract. Equation numbers refer to this paper. It leaves much open, and says nothing of
the loss, of the attention, or of entities of several tokens: `docs/network.md` has what was chosen here, and why.

The tokens of a batch are packed, see `joint`. A state has a row for each sequence, so nothing is padded but one score
for each token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .joint import IntArray, JointNetwork, Output

ORDERS = ("text", "random")
FEEDS = ("gold", "own")
# A triple is written in three steps: its relation, its subject, its object. The action of a step is a relation + 1 or a
# position in the sequence + 1. Action 0 writes nothing.
STEPS = 3
# Rows of `Interactive.marks`: what the first step of a triple is given, and what follows a step that wrote nothing.
BEGIN, NOTHING = 0, 1


class Interactive(JointNetwork):
    """Encoder-decoder network with an interactive layer D1 and a decode layer D2, each with a place for every triple.

    The settings are those of `spacy_rin.Interactive.v1`, see `spacy_rin.model.architectures.build_interactive`.
    """

    softmax_biases = ("tagger.bias", "relation.bias")

    def __init__(
        self,
        *,
        slots: int = 5,
        width: int | None = None,
        copy_width: int = 100,
        use_interaction: bool = True,
        bidirectional: bool = True,
        share_cells: bool = False,
        order: str = "text",
        feed: str = "gold",
        entity_layers: int = 1,
    ):
        super().__init__(width=width, entity_layers=entity_layers)
        self.slots = slots
        self.copy_width = copy_width
        self.use_interaction = use_interaction
        self.bidirectional = bidirectional
        self.share_cells = share_cells
        self.order = order
        self.feed = feed

    def build_rest(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters of the tagger and both layers, see `JointNetwork.build_rest`."""
        self.tagger = nn.Linear(width, n_tags)
        self.attention_state = nn.Linear(width, width, bias=False)
        self.attention_token = nn.Linear(width, width)
        self.attention_score = nn.Linear(width, 1, bias=False)
        if self.use_interaction:
            self.interaction_input = nn.Linear(width, width, bias=False)
            self.interaction_forward = self._make_cells(width)
            if self.bidirectional:
                self.interaction_backward = self._make_cells(width)
        self.marks = nn.Embedding(2, width)
        self.relation_vectors = nn.Embedding(n_relations, width)
        self.decode_input = nn.Linear(2 * width, width)
        self.decode_cells = self._make_cells(width)
        self.relation = nn.Linear(width, n_relations)
        self.nothing = nn.Linear(width, 1)
        self.copy_state = nn.Linear(width, self.copy_width, bias=False)
        self.copy_token = nn.Linear(width, self.copy_width, bias=False)
        self.copy_score = nn.Linear(self.copy_width, 1, bias=False)

    def _make_cells(self, width: int) -> nn.ModuleList:
        return nn.ModuleList(nn.LSTMCell(width, width) for _ in range(1 if self.share_cells else self.slots))

    def label_axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return the axes of tags and relations, see `JointNetwork.label_axes`."""
        return {**super().label_axes(), "relation_vectors.weight": (0, ("relations",))}

    def decoder_parameters(self) -> list[Tensor]:
        """Return the parameters that `write` uses, in a fixed order."""
        return [x for name, x in self.named_parameters() if not name.startswith(("project.", "tagger."))]

    def forward(self, features: Tensor, lengths: Sequence[int]) -> tuple[Tensor, ...]:
        """Compute the tag logits. Triples are written by the output, because training gives it the true ones first.

        Args:
            features (Tensor): Features of the packed tokens. *Shape:* (tokens, n_features).
            lengths (Sequence[int]): Number of tokens in each sequence.

        Returns:
            tuple[Tensor, ...]: Tag logits (tokens, n_tags), encoded tokens o (tokens, width), and the parameters of the
                decoder, so that the loss can give gradients of all of these.
        """
        tokens = self.project(features)
        return (self.tagger(tokens), tokens, *self.decoder_parameters())

    def make_output(self, tensors: Sequence[Tensor | None], lengths: Sequence[int]) -> "InteractiveOutput":
        """Make an output, see `JointNetwork.make_output`."""
        tags, tokens = (x.detach().to(self.relation.weight.dtype) for x in tensors[:2] if x is not None)
        return InteractiveOutput(self, (tags, tokens), lengths)

    def write(self, tokens: Tensor, lengths: Sequence[int], gold: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Write the triples of each sequence down, one after the other, by what is most probable at each step (D2).

            h_t = LSTM( W (u_{t-1}, x_t), h_{t-1} )

        u is what the last step wrote: the vector of a relation, or the encoding of a token. x is the state of the
        interactive layer at the same step, or without that layer, the context by h_{t-1}.

        Args:
            tokens (Tensor): Encoded tokens o, packed. *Shape:* (tokens, width).
            lengths (Sequence[int]): Number of tokens in each sequence.
            gold (Tensor | None): True actions. If they are given, they are what is scored, and with `feed` "gold" also
                what u comes from. *Shape:* (sequences, slots, 3).

        Returns:
            tuple[Tensor, Tensor]: The actions that were scored, and their log-probabilities.
                *Shape:* (sequences, slots, 3) each.
        """
        packed = Packed.of(lengths, tokens)
        relation_vectors = torch.cat([self.marks.weight[NOTHING:], self.relation_vectors.weight])
        copy_keys, attention_keys = self.copy_token(tokens), self.attention_token(tokens)
        interactive = self.interact(packed, attention_keys) if self.use_interaction else None
        actions, scores = [], []
        state = memory = torch.zeros_like(packed.mean)
        for slot in range(self.slots):
            state, memory = (packed.mean + state) / 2, memory / 2
            written = self.marks.weight[BEGIN].expand_as(state)
            for step in range(STEPS):
                if interactive is not None:
                    context = interactive[slot][step]
                else:
                    context = self.attend(packed, attention_keys, state)
                x = self.decode_input(torch.cat([written, context], 1))
                state, memory = self.decode_cells[slot % len(self.decode_cells)](x, (state, memory))
                logits = self.relation(state) if step == 0 else self.copy_logits(packed, copy_keys, state)
                log_probs = torch.cat([self.nothing(state), logits], 1).log_softmax(1)
                best = log_probs.argmax(1)
                scored = best if gold is None else gold[:, slot, step]
                actions.append(scored)
                scores.append(log_probs.gather(1, scored.unsqueeze(1)).squeeze(1))
                fed = scored if self.feed == "gold" else best
                written = F.embedding(fed, relation_vectors) if step == 0 else self._copied(packed, fed)
        shape = (len(lengths), self.slots, STEPS)
        return torch.stack(actions, 1).view(shape), torch.stack(scores, 1).view(shape)

    def interact(self, packed: "Packed", keys: Tensor) -> list[list[Tensor]]:
        """Compute the interactive states of each triple from the encoding alone (D1, eq. 2).

            f_t = LSTM( W c_t, f_{t-1} ),    g_t = LSTM( W c_t, g_{t+1} ),    h_t = (f_t + g_t) / 2,    t = 1, 2, 3

        The equation asks for a BiLSTM whose input c_t depends on its own state before. So the forward cell attends
        (c_t is the context by f_{t-1}), and the backward cell reads the same three inputs from the last to the first.
        By g, the state of the relation depends on both entities, as theirs depend on the relation by f.

        Args:
            packed (Packed): The encoded tokens.
            keys (Tensor): What `attend` compares a state with. *Shape:* (tokens, width).

        Returns:
            list[list[Tensor]]: h of each triple and step. *Shape:* (sequences, width) each.
        """
        layer = []
        state = memory = torch.zeros_like(packed.mean)
        for slot in range(self.slots):
            state, memory = (packed.mean + state) / 2, memory / 2
            inputs, states = [], []
            for _ in range(STEPS):
                inputs.append(self.interaction_input(self.attend(packed, keys, state)))
                state, memory = self.interaction_forward[slot % len(self.interaction_forward)](
                    inputs[-1], (state, memory)
                )
                states.append(state)
            if self.bidirectional:
                back = back_memory = torch.zeros_like(state)
                for step in reversed(range(STEPS)):
                    back, back_memory = self.interaction_backward[slot % len(self.interaction_backward)](
                        inputs[step], (back, back_memory)
                    )
                    states[step] = (states[step] + back) / 2
            layer.append(states)
        return layer

    def attend(self, packed: "Packed", keys: Tensor, state: Tensor) -> Tensor:
        """Compute the context of a state: the mean of the tokens of its sequence, weighted by attention.

            a_i = softmax_i( v · tanh(Wa h + Ua o_i) ),    c = sum_i a_i o_i

        Args:
            packed (Packed): The encoded tokens o.
            keys (Tensor): Ua o. *Shape:* (tokens, width).
            state (Tensor): h. *Shape:* (sequences, width).

        Returns:
            Tensor: c. *Shape:* (sequences, width).
        """
        mixed = (keys + self.attention_state(state)[packed.owners]).tanh()
        weights = packed.pad(self.attention_score(mixed).squeeze(1)).softmax(1)
        return packed.add_up(weights[packed.owners, packed.places].unsqueeze(1) * packed.tokens)

    def copy_logits(self, packed: "Packed", keys: Tensor, state: Tensor) -> Tensor:
        """Score the tokens of each sequence as the one to copy (eq. 3): q_i = f( [h, o_i] W1 ) W2, where f is SELU.

        Args:
            packed (Packed): The encoded tokens o.
            keys (Tensor): The part of [h, o_i] W1 that o_i adds. *Shape:* (tokens, copy_width).
            state (Tensor): h. *Shape:* (sequences, width).

        Returns:
            Tensor: q, and -inf beyond the end of a sequence. *Shape:* (sequences, longest).
        """
        hidden = F.selu(keys + self.copy_state(state)[packed.owners])
        return packed.pad(self.copy_score(hidden).squeeze(1))

    def _copied(self, packed: "Packed", actions: Tensor) -> Tensor:
        """Look up the tokens that were copied. *Shape:* (sequences,) -> (sequences, width)."""
        nothing = (actions == 0).unsqueeze(1)
        return torch.where(nothing, self.marks.weight[NOTHING], packed.tokens[packed.starts + (actions - 1).clamp(0)])


class Packed(NamedTuple):
    """Encoded tokens of sequences, and where each of them is.

    Attributes:
        tokens (Tensor): The tokens. *Shape:* (tokens, width).
        owners (Tensor): Sequence of each token. *Shape:* (tokens,).
        places (Tensor): Position of each token in its sequence. *Shape:* (tokens,).
        starts (Tensor): Position of the first token of each sequence. *Shape:* (sequences,).
        longest (int): Length of the longest sequence.
        mean (Tensor): Mean of the tokens of each sequence. *Shape:* (sequences, width).
    """

    tokens: Tensor
    owners: Tensor
    places: Tensor
    starts: Tensor
    longest: int
    mean: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], tokens: Tensor) -> "Packed":
        """Find where the tokens are, and their means.

        Args:
            lengths (Sequence[int]): Number of tokens in each sequence, at least 1.
            tokens (Tensor): The tokens. *Shape:* (tokens, width).

        Returns:
            Packed: The tokens with these.
        """
        sizes = torch.tensor(lengths, device=tokens.device)
        starts = sizes.cumsum(0) - sizes
        owners = torch.repeat_interleave(sizes)
        places = torch.arange(len(tokens), device=tokens.device) - starts[owners]
        mean = tokens.new_zeros(len(lengths), tokens.shape[1]).index_add(0, owners, tokens) / sizes.unsqueeze(1)
        return cls(tokens, owners, places, starts, max(lengths), mean)

    def pad(self, scores: Tensor) -> Tensor:
        """Give each sequence a row of its scores, and -inf. *Shape:* (tokens,) -> (sequences, longest)."""
        rows = scores.new_full((len(self.starts), self.longest), -torch.inf)
        return rows.index_put((self.owners, self.places), scores)

    def add_up(self, values: Tensor) -> Tensor:
        """Sum over the tokens of each sequence. *Shape:* (tokens, width) -> (sequences, width)."""
        return values.new_zeros(len(self.starts), values.shape[1]).index_add(0, self.owners, values)


@dataclass(frozen=True)
class InteractiveOutput(Output):
    """The output of an interactive network for packed sequences. Triples are written when they are first asked for.

    Attributes:
        network (Interactive): The network.
        tensors (tuple[Tensor, Tensor]): Tag logits and encoded tokens, detached from the graph.
        lengths (Sequence[int]): Number of tokens in each sequence.
    """

    network: Interactive
    tensors: tuple[Tensor, Tensor]
    lengths: Sequence[int]

    @cached_property
    def written(self) -> dict[tuple[int, int], dict[int, float]]:
        """The triples: by subject and object token in the packed batch, the labels and their probabilities.

        The probability of a triple is the product of those of its three steps. A place that lacks a part has no triple,
        and of equal triples, the best counts.
        """
        with torch.no_grad():
            actions, log_probs = self.network.write(self.tensors[1], self.lengths)
            probs = log_probs.double().sum(2).exp()
            if self.calibration is not None:
                labels = (actions[:, :, 0] - 1).clamp(0)
                slope, offset = (torch.from_numpy(np.asarray(x)).to(probs)[labels] for x in self.calibration)
                probs = (slope * probs.logit() + offset).sigmoid()
        starts = np.cumsum([0, *self.lengths[:-1]]).tolist()
        triples: dict[tuple[int, int], dict[int, float]] = {}
        for start, sequence, scores in zip(starts, actions.tolist(), probs.tolist()):
            for (relation, subject, object_), prob in zip(sequence, scores):
                if relation and subject and object_:
                    of_pair = triples.setdefault((start + subject - 1, start + object_ - 1), {})
                    of_pair[relation - 1] = max(prob, of_pair.get(relation - 1, 0.0))
        return triples

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
        """Find which of the triples are of given pairs, see `Output.probable`."""
        n_tokens = sum(self.lengths)
        keys = [subject * n_tokens + object_ for subject, object_ in self.written]
        found = [
            (place, label, prob)
            for place in np.flatnonzero(np.isin(subjects * n_tokens + objects, keys)).tolist()
            for label, prob in sorted(self.written[int(subjects[place]), int(objects[place])].items())
        ]
        columns = zip(*found) if found else ((), (), ())
        pairs, labels, probs = map(np.array, columns, (np.int64, np.int64, np.float32))
        kept = probs >= np.asarray(thresholds, dtype=np.float32)[labels]
        return pairs[kept], labels[kept], probs[kept]

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss and the gradients of all that `Interactive.forward` returns, see `Output.loss`.

        The loss is the cross-entropy of the tags and of every step of every triple, summed. Places that are left over
        are to write nothing; triples beyond the last place are not learned.
        """
        loss, d_tags = self.tag_loss(gold_tags)
        tokens = self.tensors[1].detach().requires_grad_()
        learned = [tokens, *self.network.decoder_parameters()]
        d_learned: Sequence[Tensor | None] = [None] * len(learned)
        if any(known_pairs):
            gold = make_actions(gold_triples, self.lengths, self.network.slots, self.network.order)
            with torch.enable_grad():
                _, log_probs = self.network.write(tokens, self.lengths, torch.from_numpy(gold).to(tokens.device))
                step_loss = -log_probs[torch.tensor(known_pairs, device=tokens.device)].sum()
            d_learned = torch.autograd.grad(step_loss, learned, allow_unused=True)
            loss += float(step_loss.detach())
        grads = [d_tags, *(torch.zeros_like(x) if d is None else d for d, x in zip(d_learned, learned))]
        return loss * scale, tuple(grad * scale for grad in grads)


def make_actions(triples: IntArray, lengths: Sequence[int], slots: int, order: str) -> IntArray:
    """Turn true triples into the actions that write them.

    Args:
        triples (ndarray): Subject and object token by their positions in the packed batch, and label.
            *Shape:* (triples, 3).
        lengths (Sequence[int]): Number of tokens in each sequence.
        slots (int): Number of triples that a sequence has a place for. Those beyond it are left out.
        order (str): "text", by subject, object and label, or "random", which is another one in each call.

    Returns:
        ndarray: The actions, 0 where there is nothing left to write. *Shape:* (sequences, slots, 3).
    """
    ends = np.cumsum(lengths)
    keys = triples.T[::-1] if order == "text" else (torch.randperm(len(triples)).numpy(),)
    owners = np.searchsorted(ends, triples[:, 0], side="right")
    in_order = np.lexsort((*keys, owners))
    owners, (subjects, objects, labels) = owners[in_order], triples[in_order].T
    ranks = np.arange(len(owners)) - np.searchsorted(owners, owners)
    starts = (ends - lengths)[owners]
    actions = np.zeros((len(lengths), slots, STEPS), dtype=np.int64)
    kept = ranks < slots
    written = np.stack([labels, subjects - starts, objects - starts], 1) + 1
    actions[owners[kept], ranks[kept]] = written[kept]
    return actions
