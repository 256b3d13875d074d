"""Write the results of runs as JSON and Markdown tables."""

import itertools
import json
import statistics
import sys
from typing import Any

from plots import draw
from spacy.tokens import DocBin
from variants import DATA_SETS, VARIANTS, Run, Settings

from spacy_rin.evaluation.novelty import NEW, NOVELTY

KINDS = ("rel_exact", "rel_partial", "all_pairs_exact", "all_pairs_partial", "ents")
# Runs of earlier versions do not have these.
LATER = ("rel_text", "rel_table")
NOVELTY_KIND = "rel_exact_per_novelty"

Figures = dict[str, dict[str, Any] | None] | None  # of "p", "r" and "f"


def summarize(runs: list[Run]) -> dict[str, Any]:
    """Compute means and standard deviations of the scores of each variant, over its seeds."""
    table: dict[str, Any] = {}
    for variant, group in itertools.groupby(runs, key=lambda run: run.variant):
        found = [scores for run in group if (scores := run.read_scores())]
        row: dict[str, Any] = {f"{name}s": [s[name] for s in found] for name in ("seed", "epoch")}
        row.update({name: [s[name] for s in found] for name in ("minutes", "versions")})
        for part in ("dev", "test"):
            row[part] = {kind: average([s[part][kind] for s in found]) for kind in KINDS}
            row[part].update({kind: average([s[part].get(kind) for s in found]) for kind in LATER})
            row[part][NOVELTY_KIND] = {
                group: average([s[part].get(NOVELTY_KIND, {}).get(group) for s in found]) for group in (*NOVELTY, NEW)
            }
        table[variant] = row
    return table


def average(scores: list[dict[str, Any] | None]) -> Figures:
    """Compute mean, standard deviation and values of precision, recall and F1 over runs.

    Args:
        scores (list[dict[str, Any] | None]): The scores of each run, from 0 to 1, or None if a run does not have them.

    Returns:
        Figures: The figures in percent, or None if a run does not have these scores, or there are no gold triples.
            Precision is None if a run has predicted nothing.
    """
    rows = [row for row in scores if row is not None and row.get("gold") != 0]
    if len(rows) < len(scores):
        return None
    figures: dict[str, dict[str, Any] | None] = {}
    for letter in "prf":
        values = [100 * row[letter] for row in rows]
        if letter == "p" and any(row.get("predicted") == 0 for row in rows):
            figures[letter] = None
            continue
        figures[letter] = {
            "mean": round(statistics.mean(values), 2),
            "std": round(statistics.stdev(values), 2) if len(values) > 1 else None,
            "values": [round(value, 2) for value in values],
        }
    return figures


def cell(figure: dict[str, Any] | None) -> str:
    """Format a mean, with its standard deviation if there is one. Without a figure, it is "–"."""
    if figure is None:
        return "–"
    return f"{figure['mean']:.1f}" + ("" if figure["std"] is None else f" ± {figure['std']:.1f}")


def write_tables(table: dict[str, Any], settings: Settings) -> None:
    """Write results as JSON and as a Markdown table, and draw them."""
    settings.out.mkdir(parents=True, exist_ok=True)
    data = DATA_SETS[settings.data_set]
    titles = {"exact": "exact match", "partial": "partial match"}
    (settings.out / f"{settings.data_set}.json").write_text(json.dumps(table, indent=2) + "\n")
    header = [
        "model",
        "seeds",
        "dev F1",
        "test P",
        "test R",
        "test F1",
        "seen, F1",
        "new, F1",
        "all pairs, F1",
        "other match, F1",
        "paper, F1",
        "minutes",
    ]
    other = "partial" if data.match == "exact" else "exact"
    n_texts = len(DocBin().from_disk(settings.corpus / settings.data_set / "train.spacy"))
    epochs = f" for {settings.epochs} epochs" if settings.epochs else ""
    lines = [
        f"# {settings.data_set}, {titles[data.match]}",
        "",
        f"Trained on {n_texts:,} texts{epochs}. Epochs are chosen by dev.",
        'Mean ± standard deviation over seeds. A triple counts if both of its entities are found; "all pairs" is the',
        'count of the papers\' released code: every predicted token pair is a prediction. "Other match" is',
        f'{titles[other]}. "Seen" are the test triples that also stand in train, by text; "new" are all others;',
        f"both by exact match. {describe_table(table)}Minutes are those of one run, wall time.",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
    ]
    for variant, row in table.items():
        ours, test = f"rel_{data.match}", row["test"]
        cells = [VARIANTS[variant].title, str(len(row["seeds"])), cell(row["dev"][ours]["f"])]
        cells += [cell(test[ours][letter]) for letter in "prf"]
        cells += [cell((test[NOVELTY_KIND][group] or {}).get("f")) for group in ("triple", NEW)]
        cells += [cell(test[f"all_pairs_{data.match}"]["f"]), cell(test[f"rel_{other}"]["f"])]
        cells += [VARIANTS[variant].published.get(settings.data_set, ""), f"{statistics.mean(row['minutes']):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    (settings.out / f"{settings.data_set}.md").write_text(text)
    sys.stdout.write(text)
    draw(table, settings)


def describe_table(table: dict[str, Any]) -> str:
    """Say what a table of train's facts scores. It is the same for all runs."""
    for row in table.values():
        if figures := row["test"]["rel_table"]:
            return f"A table of train's facts, without a network, has F1 {figures['f']['mean']:.1f} by text. "
    return ""
