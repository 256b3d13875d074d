"""Compare what the papers claim with results: which variant is better than which, and by how much."""

from math import hypot
from typing import Any, NamedTuple

from published import CLAIMS, RANKED, Claim, Figure, published
from variants import DATA_SETS

CAME_BACK, REVERSED = "yes", "no, the other way round"
WITHIN, TOO_FEW = "no, within one deviation", "not told: too few seeds"
LEAST_SEEDS = 3  # two give no deviation to trust


class Judged(NamedTuple):
    """A claim beside the results.

    Attributes:
        claim (Claim): The claim.
        paper (float | None): By how many points the paper finds the better variant better; None if it has no figures.
        here (float): The same here, between means over seeds.
        deviation (float | None): Standard deviation of `here`; None if a variant has fewer than `LEAST_SEEDS` seeds.
    """

    claim: Claim
    paper: float | None
    here: float
    deviation: float | None

    @property
    def verdict(self) -> str:
        """Whether the claim came back: by more than one standard deviation, or not."""
        if self.deviation is None:
            return TOO_FEW
        if abs(self.here) <= self.deviation:
            return WITHIN
        return CAME_BACK if self.here > 0 else REVERSED


def judge_claims(table: dict[str, Any], data_set: str) -> list[Judged]:
    """Compare the claims about a data set with its results.

    Args:
        table (dict[str, Any]): The results by variant.
        data_set (str): Name of the data set.

    Returns:
        list[Judged]: The claims that a paper makes about this data set, and whose two variants both have results.
    """
    judged = []
    for claim in CLAIMS:
        pair = claim.better, claim.worse
        if data_set not in claim.only or not all(variant in table for variant in pair):
            continue
        ours = [_ours(table[variant], data_set, claim.kind) for variant in pair]
        theirs = [published(variant, data_set)["f" if claim.kind == "rel" else "ents"] for variant in pair]
        here, paper = _difference(*ours), _difference(*theirs)
        if here is not None:
            judged.append(Judged(claim, paper, here, _deviation(*ours)))
    return judged


def rank(table: dict[str, Any], data_set: str) -> dict[str, list[tuple[str, int, int]]]:
    """Rank the variants of each paper by F1, among those with a figure in the paper and results here.

    Args:
        table (dict[str, Any]): The results by variant.
        data_set (str): Name of the data set.

    Returns:
        dict[str, list[tuple[str, int, int]]]: By paper, each variant with its rank in the paper and here, in the
            paper's order. Papers with fewer than three variants are left out. Equal figures share a rank.
    """
    ranks = {}
    for paper, variants in RANKED.items():
        both = {
            variant: (theirs["mean"], ours["mean"])
            for variant in variants
            if variant in table
            and (theirs := published(variant, data_set)["f"])
            and (ours := _ours(table[variant], data_set, "rel"))
        }
        if len(both) < 3:
            continue
        places = {
            variant: tuple(1 + sum(other[side] > pair[side] for other in both.values()) for side in (0, 1))
            for variant, pair in both.items()
        }
        ranks[paper] = sorted(((name, *place) for name, place in places.items()), key=lambda row: row[1])
    return ranks


def _difference(better: Figure | None, worse: Figure | None) -> float | None:
    return round(better["mean"] - worse["mean"], 2) if better and worse else None


def _deviation(*figures: Figure | None) -> float | None:
    """Compute the standard deviation of a difference."""
    if any(figure is None or len(figure["values"]) < LEAST_SEEDS for figure in figures):
        return None
    return round(hypot(*(figure["std"] for figure in figures if figure)), 2)


def _ours(row: dict[str, Any], data_set: str, kind: str) -> Figure | None:
    name = "ents" if kind == "ents" else f"rel_{DATA_SETS[data_set].match}"
    figure: Figure | None = (row["test"][name] or {}).get("f")
    return figure
