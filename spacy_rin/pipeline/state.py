"""The saved state of a component against its network: labels and settings are believed only if they fit."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from thinc.api import Model

from ..model.segments import CONTEXTS
from ..model.wrapper import network_of
from .tagging import n_tags

# The kinds of labels, and the dimension of a model that each sets.
DIMS = {"entities": "tags", "relations": "relations"}


class Unfit(Exception):
    """What was loaded does not fit together; the message says why."""


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, which true and false are not."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def are_labels(value: Any) -> bool:
    """Whether a value is a list or tuple of non-empty strings."""
    return isinstance(value, (list, tuple)) and all(isinstance(label, str) and label for label in value)


def check_labels(cfg: Mapping[str, Any]) -> None:
    """Check the labels of a state: all code relies on their order, which is that of their ids.

    Args:
        cfg (Mapping[str, Any]): The state.

    Raises:
        Unfit: If they are not sorted lists of distinct strings.
    """
    for kind in DIMS:
        labels: Any = cfg.get(kind)
        if not are_labels(labels):
            raise Unfit(f"'{kind}' must be a list of non-empty strings, not {labels!r:.100}")
        if labels != sorted(set(labels)):
            raise Unfit(f"'{kind}' must be sorted, each label once, not {labels!r:.100}")


def check_network(cfg: Mapping[str, Any], model: Model[Any, Any]) -> None:
    """Check that a network has the names and numbers of labels of a state, and sound settings.

    Args:
        cfg (Mapping[str, Any]): The state.
        model (Model): The model with the network.

    Raises:
        Unfit: If it has others.
    """
    attrs, network = model.attrs, network_of(model.get_ref("network"))
    names = attrs.get("labels")  # it may be missing
    for kind in DIMS:
        if names is not None and list(names[kind]) != cfg[kind]:
            raise Unfit(f"the network was trained with the {kind} {names[kind]!r:.200}, not {cfg[kind]!r:.200}")
    layers = network.entity_layers
    if attrs["entity_layers"] != layers:
        raise Unfit(f"the model has {attrs['entity_layers']!r} layers of entities, and its network {layers}")
    if attrs["context"] not in (None, *CONTEXTS):
        raise Unfit(f"'context' must be one of {CONTEXTS}, or null, not {attrs['context']!r:.100}")
    length, overlap = attrs["max_length"], attrs["overlap"]
    if type(length) is not int or type(overlap) is not int or not 0 <= overlap < length:
        raise Unfit(f"'overlap' and 'max_length' are {overlap!r:.30} and {length!r:.30}")
    if network.n_features is None:
        if any(model.has_dim(name) for name in DIMS.values()):
            raise Unfit("the network has no parameters")
        return
    wanted = {"tags": layers * n_tags(len(cfg["entities"])), "relations": len(cfg["relations"])}
    built = {"tags": network.tagger.out_features, "relations": network.relation.out_features}
    for kind, name in DIMS.items():
        found = {model.maybe_get_dim(name), built[name]}
        if found != {wanted[name]}:
            raise Unfit(f"the network is not one for {len(cfg[kind])} {kind}: it has {built[name]} {name}")
