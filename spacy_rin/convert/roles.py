"""Relations whose two ends have roles: which role is the subject."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import Errors, SettingError
from .records import Note


class RoleRelation(NamedTuple):
    """A relation whose ends have roles, as brat has it.

    Attributes:
        line (str): Its place in the file.
        label (str): Its label.
        roles (tuple[str, str]): The roles of its ends, in the order of the file.
        ends (tuple[str, str]): The ids of its ends, in the same order.
    """

    line: str
    label: str
    roles: tuple[str, str]
    ends: tuple[str, str]

    def ordered(self, directions: "Directions") -> tuple[str, str]:
        """Get the ids of subject and object."""
        swapped = self.roles != directions.get(_key(self.label, self.roles), self.roles)
        return (self.ends[1], self.ends[0]) if swapped else self.ends


# For each label with two roles: the role of the subject, and that of the object.
Directions = dict[tuple[str, frozenset[str]], tuple[str, str]]

# Names that say which end is the subject. Names that differ by a number (Arg1, Arg2) say it, too.
_TELLING = [
    ("from", "to"),
    ("subject", "object"),
    ("subj", "obj"),
    ("source", "target"),
    ("head", "tail"),
    ("agent", "patient"),
]
_NUMBERED = re.compile(r"(.*?)(\d{1,9})")


def find_directions(
    relations: Iterable[RoleRelation], chosen: Sequence[tuple[str, str]] = ()
) -> tuple[Directions, list[Note]]:
    """Find out which role is the subject: the same one for all relations of a label, whatever their order.

    It is, in this order, the one that was chosen, the one whose name says so ("Arg1", "From", "Subject"), and the one
    that most often comes first.

    Args:
        relations (Iterable[RoleRelation]): All relations of the input.
        chosen (Sequence[tuple[str, str]]): Pairs of roles, each with the subject's first.

    Returns:
        tuple[Directions, list[Note]]: The directions, and what their user should know of them.

    Raises:
        SettingError: R010 if no relation has the roles that were chosen, or a pair is chosen in both orders.
    """
    orders: dict[tuple[str, frozenset[str]], Counter[tuple[str, str]]] = defaultdict(Counter)
    for relation in relations:
        orders[_key(relation.label, relation.roles)][relation.roles] += 1
    for pair in chosen:
        if (pair[1], pair[0]) in chosen:
            raise SettingError(Errors.R010, name="roles", expected="each pair in one order only", value=",".join(pair))
        if not any(set(pair) == roles for _, roles in orders):
            pairs = sorted({",".join(order) for counts in orders.values() for order in counts})
            expected = f"roles that a relation of the input has ({'; '.join(pairs) or 'it has none'})"
            raise SettingError(Errors.R010, name="roles", expected=expected, value=",".join(pair))
    directions = {key: _direction(counts, chosen) for key, counts in orders.items()}
    labels: dict[tuple[str, str], list[str]] = defaultdict(list)
    numbers: Counter[tuple[str, str]] = Counter()
    for (label, _), direction in directions.items():
        labels[direction].append(repr(label))
        numbers[direction] += orders[_key(label, direction)].total()
    return directions, [
        Note(
            f"relations ({', '.join(labels[direction])}) with {' as subject, '.join(direction)} as object, see --roles",
            n,
        )
        for direction, n in numbers.items()
        if direction != ("Arg1", "Arg2") and direction[0] != direction[1]
    ]


def _direction(orders: Counter[tuple[str, str]], chosen: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Choose one of the two orders of a pair of roles."""
    (first, second), _ = orders.most_common(1)[0]
    for order in ((first, second), (second, first)):
        if order in chosen:
            return order
    for order in ((first, second), (second, first)):
        if _says_subject_first(*order):
            return order
    return first, second


def _says_subject_first(first: str, second: str) -> bool:
    if (first.lower(), second.lower()) in _TELLING:
        return True
    a, b = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(second)
    return bool(a and b and a[1].lower() == b[1].lower() and int(a[2]) < int(b[2]))


def _key(label: str, roles: tuple[str, str]) -> tuple[str, frozenset[str]]:
    return label, frozenset(roles)
