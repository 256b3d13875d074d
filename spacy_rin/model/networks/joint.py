"""The base classes of the joint networks and of their outputs: what they have in common, whatever finds relations.

The tokens of a batch are packed: sequences are concatenated without padding, and `lengths` has the length of each.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

# If a process is forked after torch has started its threads (by spaCy's n_process or a DataLoader), the child hangs at
# its first parallel operation. One thread prevents this, and is usually the right number for a child process.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

IntArray = NDArray[np.int64]

# Bias of a class that is added to a trained softmax, low enough to leave the other classes as they are.
_NEW_CLASS_BIAS = -5.0


class JointNetwork(nn.Module):
    """Base class: a classifier of entity tags, and whatever subclasses add to find relations.

    A network has no parameters until `build` is called, because the sizes are not known before. `forward` takes packed
    features and their lengths, and returns tensors; the tag logits are the first. `make_output` reads them.

    Args:
        width (int | None): Width of the network. None is that of its input.
        entity_layers (int): How many entities may overlap at a token.

    Attributes:
        rounds (int): Rounds of interaction. 0 for a network that has none.
        relative_positions (bool): Whether `forward` and `make_output` also take the number of each token's sentence.
    """

    project: nn.Module
    tagger: nn.Linear
    relation: nn.Linear
    rounds = 0
    relative_positions = False
    softmax_biases: tuple[str, ...] = ("tagger.bias",)
    """Biases of labels that exclude each other."""

    def __init__(self, *, width: int | None, entity_layers: int):
        super().__init__()
        self.width = width
        self.entity_layers = entity_layers

    def build(self, n_features: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters.

        Args:
            n_features (int): Width of the input.
            n_tags (int): e, the number of entity tags, summed over all layers.
            n_relations (int): l, the number of relation labels.
        """
        width = self.width or n_features
        self.project = nn.Linear(n_features, width) if width != n_features else nn.Identity()
        self.build_rest(width, n_tags, n_relations)

    def build_rest(self, width: int, n_tags: int, n_relations: int) -> None:
        """Create the parameters that follow the projection: `tagger`, `relation` and others.

        Args:
            width (int): Width of the network.
            n_tags (int): Number of entity tags, summed over all layers.
            n_relations (int): Number of relation labels.
        """
        raise NotImplementedError

    def make_output(self, tensors: Sequence[Tensor | None], lengths: Sequence[int]) -> "Output":
        """Make an output from what `forward` returned for a batch, with or without autocast.

        Args:
            tensors (Sequence[Tensor | None]): What `forward` returned.
            lengths (Sequence[int]): Number of tokens in each sequence.

        Returns:
            Output: The output.
        """
        raise NotImplementedError

    def add_labels(self, tags: Sequence[int | None], relations: Sequence[int | None]) -> None:
        """Make room for new tags and relations. The parameters of the others are kept, so their scores stay as they
        are, but for the small probability that new ones get where labels exclude each other.

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
                elif name in self.softmax_biases:
                    value.index_fill_(0, fresh.to(device), _NEW_CLASS_BIAS)
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

    def by_layer(self, tags: Tensor) -> Tensor:
        """Reshape tags so that layers are a dimension. *Shape:* (tokens, layers * tags) -> (tokens, layers, tags)."""
        return tags.view(len(tags), self.entity_layers, tags.shape[1] // self.entity_layers)

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


@dataclass(frozen=True)
class Output:
    """Base class: the output of a joint network for packed sequences. Relations are scored on request.

    Attributes:
        network (JointNetwork): The network.
        tensors (Sequence[Tensor]): What the network returned, detached from the graph, in the dtype of its parameters.
        lengths (Sequence[int]): Number of tokens in each sequence.
        calibration (tuple[ndarray, ndarray] | None): Slope and offset of each label's logits, see `calibrated`.
            *Shape:* (labels,) each.
    """

    network: Any
    tensors: Any
    lengths: Sequence[int]
    calibration: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None

    def tag_scores(self) -> NDArray[np.float32]:
        """Return the tag logits on the CPU. *Shape:* (tokens, layers, tags)."""
        scores: NDArray[np.float32] = self.network.by_layer(self.tensors[0]).cpu().numpy()
        return scores

    def tag_loss(self, gold_tags: IntArray) -> tuple[float, Tensor]:
        """Compute the cross-entropy of the tags, summed over tokens and layers, and its gradient.

        Args:
            gold_tags (ndarray): True tags of each token, -1 if not known. *Shape:* (tokens, layers).

        Returns:
            tuple[float, Tensor]: The loss, and the gradient of the tag logits.
        """
        tags = self.tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            gold = torch.from_numpy(gold_tags).to(tags.device).flatten()
            logits = self.network.by_layer(tags).flatten(0, 1)
            loss = F.cross_entropy(logits, gold, ignore_index=-1, reduction="sum")
        (d_tags,) = torch.autograd.grad(loss, tags)
        return float(loss.detach()), d_tags

    def calibrated(self, slopes: NDArray[np.floating], offsets: NDArray[np.floating]) -> "Output":
        """Return the output with other relation logits: slope * logit + offset (Platt 1999).

        Only the logits of the result change. Those that rounds of interaction read stay as the network was trained.

        Args:
            slopes (ndarray): Slope of each label. *Shape:* (labels,).
            offsets (ndarray): Offset of each label. *Shape:* (labels,).

        Returns:
            Output: The output. It shares with this one what does not change.
        """
        return replace(self, calibration=(slopes, offsets))

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
        """Find the relations of given pairs with a probability at or above the threshold of their label.

        Args:
            subjects (ndarray): Positions of the subject tokens in the packed batch. *Shape:* (pairs,).
            objects (ndarray): Positions of the object tokens in the packed batch. *Shape:* (pairs,).
            thresholds (ndarray): Lowest probability of each label. *Shape:* (labels,).

        Returns:
            tuple[ndarray, ndarray, ndarray]: For each relation found: index of its pair, label and probability.
                *Shape:* (found,) each.
        """
        raise NotImplementedError

    def loss(
        self, gold_tags: IntArray, gold_triples: IntArray, known_pairs: Sequence[bool], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Compute the loss and its gradients.

        Args:
            gold_tags (ndarray): True tags of each token, -1 if not known. *Shape:* (tokens, layers).
            gold_triples (ndarray): True triples as (subject token, object token, label), without duplicates.
                *Shape:* (triples, 3).
            known_pairs (Sequence[bool]): For each sequence, whether its relations are annotated.
            scale (float): Factor for the loss and the gradients, usually 1 / batch size.

        Returns:
            tuple[float, tuple[Tensor, ...]]: The loss, and the gradients of the tensors that the network returned.
        """
        raise NotImplementedError
