"""Titles and number formats shared by the report and the command line."""

from collections.abc import Iterator, Mapping
from typing import Any

from .scorer import PATTERNS, Row

TITLES = {
    "rel_exact": "relations, exact",
    "rel_exact_typed": "relations, exact, with types",
    "rel_partial": "relations, partial",
    "rel_partial_typed": "relations, partial, with types",
    "rel_pairs": "pairs, label ignored",
    "rel_pairs_typed": "pairs, with types",
    "rel_text": "relations, by text",
    "rel_exact_given": "relations, entities given",
    "rel_table": "training facts, by text",
    "ents": "entities",
    "ents_all": "entities, with overlapping",
}


PATTERN_TITLES = dict(zip(PATTERNS, ("normal", "single entity overlap", "entity pair overlap", "no triples")))


NOVELTY_TITLES = {
    "triple": "the triple",
    "pair": "the pair, not the triple",
    "both_names": "both names, not the pair",
    "one_name": "one name",
    "no_name": "no name",
    "new": "new: all but the triple",
}


VERDICT_TITLES = {
    "right": "right",
    "wrong_label": "wrong label",
    "wrong_boundary": "wrong boundary",
    "missed": "missed",
    "spurious": "spurious",
}


def percent(value: float | None) -> str:
    """Format a share as a percentage.

    Args:
        value (float | None): The share, from 0 to 1.

    Returns:
        str: The percentage without "%", or "–" for None.
    """
    return "–" if value is None else f"{100 * value:.1f}"


def percents(row: Row) -> list[str]:
    """Format precision, recall and F1 as percentages.

    Args:
        row (Row): The scores and their counts.

    Returns:
        list[str]: The percentages, or "–" where there is nothing to divide by: nothing predicted for precision,
            nothing annotated for recall, neither for F1.
    """
    divisors = {"p": row["predicted"], "r": row["gold"], "f": row["predicted"] + row["gold"]}
    return [percent(row[letter] if divisors[letter] else None) for letter in "prf"]


def match_rows(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, Row]]:
    """Yield the name, the title and the row of each criterion that was scored.

    Args:
        scores (Mapping[str, Any]): The scores of an `Evaluation`.

    Yields:
        tuple[str, str, Row]: Name in JSON, title, and scores with their counts.
    """
    for name, title in TITLES.items():
        if name in scores["counts"]:
            yield name, title, {**{letter: scores[f"{name}_{letter}"] for letter in "prf"}, **scores["counts"][name]}


def by_count(rows: Mapping[str, Row]) -> list[tuple[str, Row]]:
    """Sort rows by their number of gold triples, the highest first.

    Args:
        rows (Mapping[str, Row]): Rows by label.

    Returns:
        list[tuple[str, Row]]: Labels and rows. Equal numbers are sorted by label.
    """
    return sorted(rows.items(), key=lambda item: (-item[1]["gold"], item[0]))
