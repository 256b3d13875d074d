"""What can't be stated: which types a relation joins, and how many objects or subjects it can have. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import Errors, SettingError
from .decode import ScoredTriple

Table = dict[str, dict[str, Any]]  # constraints by relation, as a config holds them


@dataclass(frozen=True)
class Constraint:
    """What holds of a relation. The fields are the keys of a relation in the setting `constraints`.

    Attributes:
        types (frozenset[tuple[str, str]] | None): Types of subject and object that it joins; None for any.
        symmetric (bool): Whether it holds in both directions or in none.
        asymmetric (bool): Whether it never holds in both directions; the more probable one is kept. So nothing has the
            relation with itself.
        one_object (bool): Whether a subject has at most one object; the most probable one is kept.
        one_subject (bool): Whether an object has at most one subject; the most probable one is kept.
    """

    types: frozenset[tuple[str, str]] | None = field(default=None)
    symmetric: bool = False
    asymmetric: bool = False
    one_object: bool = False
    one_subject: bool = False


def check_constraints(table: Any) -> dict[str, Constraint]:
    """Read constraints as a config holds them.

    Args:
        table (Any): Constraints by relation: {"born_in": {"types": [["PERSON", "PLACE"]], "one_object": true}}.

    Returns:
        dict[str, Constraint]: The constraints by relation.

    Raises:
        SettingError: R010 if one is not valid.
    """
    if not isinstance(table, Mapping):
        raise SettingError(Errors.R010, name="constraints", expected="a table of relations, or null", value=table)
    constraints = {}
    for label, values in table.items():
        name = f"constraints.{label}"
        if not isinstance(values, Mapping) or not set(values) <= _KEYS:
            raise SettingError(Errors.R010, name=name, expected=f"a table with keys of {sorted(_KEYS)}", value=values)
        for key in _KEYS - {"types"}:
            if not isinstance(values.get(key, False), bool):
                raise SettingError(Errors.R010, name=f"{name}.{key}", expected="true or false", value=values[key])
        if values.get("symmetric") and values.get("asymmetric"):
            raise SettingError(Errors.R010, name=name, expected="symmetric or asymmetric, not both", value=values)
        types = values.get("types")
        if types is not None and not _is_pairs(types):
            expected = "a list of pairs [type of the subject, type of the object]"
            raise SettingError(Errors.R010, name=f"{name}.types", expected=expected, value=types)
        pairs = None if types is None else frozenset((subject, object_) for subject, object_ in types)
        constraints[label] = Constraint(**{**values, "types": pairs})
    return constraints


def collect_types(triples: Iterable[tuple[str, str, str]]) -> Table:
    """Make a table that allows the combinations of types that occur.

    Args:
        triples (Iterable[tuple[str, str, str]]): Type of the subject, relation and type of the object of triples.

    Returns:
        Table: The constraints, relations and types sorted.
    """
    table: Table = {}
    for subject, label, object_ in sorted(set(triples)):
        table.setdefault(label, {"types": []})["types"].append([subject, object_])
    return dict(sorted(table.items()))


def allows(constraint: Constraint, subject: str, object_: str) -> bool:
    """Whether a relation can join entities of two types.

    Args:
        constraint (Constraint): The constraint of the relation.
        subject (str): Type of the subject.
        object_ (str): Type of the object.

    Returns:
        bool: Whether it can.
    """
    allowed = constraint.types
    reverse = constraint.symmetric and allowed is not None and (object_, subject) in allowed
    return allowed is None or (subject, object_) in allowed or reverse


def constrain(
    triples: Sequence[ScoredTriple], constraints: Sequence[Constraint], types: Sequence[str]
) -> list[ScoredTriple]:
    """Keep the triples of a Doc that can be true together.

    Args:
        triples (Sequence[ScoredTriple]): The triples.
        constraints (Sequence[Constraint]): The constraint of each relation, in the order of their ids.
        types (Sequence[str]): Entity types, in the order of their ids.

    Returns:
        list[ScoredTriple]: The triples, in the same order. Symmetric ones are completed: both directions have the
            higher probability.
    """
    best: dict[tuple[Any, int, Any], float] = {}
    for subject, label, object_, score in triples:
        constraint = constraints[label]
        itself = constraint.asymmetric and subject == object_
        if not itself and allows(constraint, types[subject[2]], types[object_[2]]):
            best[subject, label, object_] = score
    for (subject, label, object_), score in list(best.items()):
        if constraints[label].symmetric:
            best[object_, label, subject] = max(score, best.get((object_, label, subject), 0.0))
            best[subject, label, object_] = best[object_, label, subject]
    ranked = sorted(best, key=lambda triple: (-best[triple], triple[0], triple[2]))
    taken: set[tuple[Any, ...]] = set()
    kept = []
    for subject, label, object_ in ranked:
        one_object, one_subject = constraints[label].one_object, constraints[label].one_subject
        if constraints[label].symmetric:
            one_object = one_subject = one_object or one_subject
        slots: set[tuple[Any, ...]] = {("object of", subject, label)} if one_object else set()
        slots |= {("subject of", object_, label)} if one_subject else set()
        slots |= {(frozenset((subject, object_)), label)} if constraints[label].asymmetric else set()
        if taken.isdisjoint(slots):
            taken |= slots
            kept.append(ScoredTriple(subject, label, object_, best[subject, label, object_]))
    return sorted(kept, key=lambda triple: (triple.subject, triple.object, triple.label))


UNCONSTRAINED = Constraint()
_KEYS = {item.name for item in fields(Constraint)}


def _is_pairs(types: Any) -> bool:
    return isinstance(types, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(name, str) and name for name in pair)
        for pair in types
    )
