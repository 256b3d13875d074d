"""Draw the results of runs."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from variants import DATA_SETS, ROUNDS, Settings, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, dict[str, Any]]  # a place on the other axis, and a figure: its mean, deviation and values


def draw(table: dict[str, Any], settings: Settings) -> None:
    """Draw F1 over the number of rounds of RIN, F1, P and R over those of the first version (figure 3 of both papers),
    and F1 of all variants.

    Args:
        table (dict[str, Any]): The results by variant.
        settings (Settings): The settings.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        sys.stderr.write("matplotlib is not installed (`pip install matplotlib`): no picture is drawn\n")
        return
    match = DATA_SETS[settings.data_set].match
    by_rounds = sorted((n_rounds(variant, settings), row) for variant, row in table.items() if is_round(variant))
    if len(by_rounds) > 1:
        figure, axis = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
        for part in ("dev", "test"):
            draw_points(axis, [(k, row[part][f"rel_{match}"]["f"]) for k, row in by_rounds], label=part)
        axis.set_xticks([k for k, _ in by_rounds])
        axis.set(xlabel="rounds of interaction K", ylabel=f"F1, {match} match", title=settings.data_set)
        axis.legend()
        figure.savefig(settings.out / f"{settings.data_set}_rounds.png", dpi=120, bbox_inches="tight")
        pyplot.close(figure)
    curves = rounds_of_cells(table)
    if curves:
        figure, axes = pyplot.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
        for axis, (letter, name) in zip(axes, (("f", "F1"), ("p", "precision"), ("r", "recall"))):
            for cell, rows in curves.items():
                figures = [(k, row["test"][f"rel_{match}"][letter]) for k, row in rows]
                draw_points(axis, [point for point in figures if point[1]], label=cell)
            axis.set_xticks(sorted({k for rows in curves.values() for k, _ in rows}))
            axis.set(xlabel="rounds of interaction K", ylabel=f"test {name}, {match} match")
        axes[0].legend()
        figure.suptitle(f"{settings.data_set}, first version")
        figure.savefig(settings.out / f"{settings.data_set}_cells.png", dpi=120, bbox_inches="tight")
        pyplot.close(figure)
    if table:
        figure, axis = pyplot.subplots(figsize=(6, 1 + 0.3 * len(table)), layout="constrained")
        places = range(len(table), 0, -1)
        points = [(place, row["test"][f"rel_{match}"]["f"]) for place, row in zip(places, table.values())]
        draw_points(axis, points, across=True)
        axis.set_yticks(places, [title_of(variant, row) for variant, row in table.items()])
        axis.set(xlabel=f"test F1, {match} match", title=settings.data_set)
        figure.savefig(settings.out / f"{settings.data_set}_variants.png", dpi=120, bbox_inches="tight")
        pyplot.close(figure)


def draw_points(axis: "Axes", points: Sequence[Point], *, across: bool = False, label: str = "") -> None:
    """Draw means as points, with the standard deviations that are known, and the values of all seeds.

    Bars would have to begin at zero, where differences between variants can't be seen.

    Args:
        axis (Axes): The diagram.
        points (Sequence[Point]): The points.
        across (bool): Whether figures go from left to right. Else they go up, and the means are joined.
        label (str): Name in the legend.
    """
    places = [place for place, _ in points]
    means = [figure["mean"] for _, figure in points]
    errors = [float("nan") if figure["std"] is None else figure["std"] for _, figure in points]
    seeds = [(place, value) for place, figure in points if len(figure["values"]) > 1 for value in figure["values"]]
    error: dict[str, Any] = {"xerr": errors} if across else {"yerr": errors}
    x, y = (means, places) if across else (places, means)
    drawn = axis.errorbar(x, y, **error, fmt="o" if across else "o-", capsize=3, label=label)
    color = drawn.lines[0].get_color()
    spots = [(value, place) if across else (place, value) for place, value in seeds]
    axis.plot(*(zip(*spots) if spots else ((), ())), "|" if across else "_", color=color, alpha=0.6)
    axis.grid(alpha=0.3)


def rounds_of_cells(table: dict[str, Any]) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Get the results of the first version by cell, each with its number of rounds.

    Args:
        table (dict[str, Any]): The results by variant.

    Returns:
        dict[str, list[tuple[int, dict[str, Any]]]]: By name of the cell, if there are two numbers of rounds or more.
            K = 0 has no cell, and belongs to both.
    """
    curves = {
        cell: [(k, table[variant]) for k, variant in variants.items() if variant in table]
        for cell, variants in ROUNDS.items()
    }
    return {cell: rows for cell, rows in curves.items() if len(rows) > 1}


def is_round(variant: str) -> bool:
    """Check whether a variant differs from the paper's in the number of rounds only."""
    return variant == "rin" or (variant[0] == "k" and variant[1:].isdigit())


def n_rounds(variant: str, settings: Settings) -> int:
    """Get the number of rounds of such a variant."""
    return DATA_SETS[settings.data_set].rounds if variant == "rin" else int(variant[1:])
