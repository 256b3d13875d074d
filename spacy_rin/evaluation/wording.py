"""Words and figures that the report and the command line share."""

from collections.abc import Mapping

from .scorer import PATTERNS, Row

TITLES = {
    "rel_exact": "relations, exact",
    "rel_exact_typed": "relations, exact, with types",
    "rel_partial": "relations, partial",
    "rel_partial_typed": "relations, partial, with types",
    "rel_pairs": "pairs, label ignored",
    "rel_pairs_typed": "pairs, with types",
    "rel_exact_given": "relations, entities given",
    "ents": "entities",
    "ents_all": "entities, overlapping too",
}


PATTERN_TITLES = dict(zip(PATTERNS, ("normal", "single entity overlap", "entity pair overlap", "no triples")))


VERDICT_TITLES = {
    "right": "right",
    "wrong_label": "wrong label",
    "wrong_boundary": "wrong boundary",
    "missed": "missed",
    "spurious": "spurious",
}


def percent(value: float | None) -> str:
    """Write a share as percents."""
    return "-" if value is None else f"{100 * value:.1f}"


def by_count(rows: Mapping[str, Row]) -> list[tuple[str, Row]]:
    """Sort rows by their number of gold triples, most first."""
    return sorted(rows.items(), key=lambda item: (-item[1]["gold"], item[0]))
