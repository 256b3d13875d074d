"""What each round of interaction found: entities and triples, and in which rounds they are there."""

from collections.abc import Sequence
from typing import NamedTuple

from spacy.tokens import Doc

from ..relations import get_relations


class Key(NamedTuple):
    """Identifies an entity or a triple across rounds, by its offsets and labels."""

    is_triple: bool
    offsets: tuple[int, ...]
    text: str


Found = dict[Key, str]  # with a check mark for an entity, the score for a triple


def found_by_round(docs: Sequence[Doc], attr: str) -> list[Found]:
    """Get the entities and triples that are found after each number of rounds.

    Args:
        docs (Sequence[Doc]): The predictions after 0, 1, ... rounds, of the same text.
        attr (str): The extension attribute of the relations.

    Returns:
        list[Found]: What was found after each number of rounds.
    """
    return [_found(doc, attr) for doc in docs]


def rows_of(found: Sequence[Found]) -> list[Key]:
    """Select what is worth a row of a table: all triples, and the entities that are not found in every round.

    Args:
        found (Sequence[Found]): What was found after each number of rounds.

    Returns:
        list[Key]: The rows, sorted: entities first, by their place in the text.
    """
    always = set.intersection(*map(set, found))
    return sorted(key for key in set().union(*found) if key.is_triple or key not in always)


def _found(doc: Doc, attr: str) -> Found:
    entities = {Key(False, (ent.start_char, ent.end_char), f"{ent.text} ({ent.label_})"): "✓" for ent in doc.ents}
    triples = {
        Key(
            True,
            (subject.start_char, subject.end_char, object_.start_char, object_.end_char),
            f"{subject.text} – {label} → {object_.text}",
        ): f"{score:.2f}"
        for subject, label, object_, score in get_relations(doc, attr)
    }
    return {**entities, **triples}
