"""Write the results of runs as JSON and Markdown tables."""

import itertools
import json
import statistics
import sys
from collections.abc import Collection, Sequence
from typing import Any

from claims import judge_claims, rank
from plots import draw
from published import OTHERS, parse_prf, published
from reports import NO_FIGURE, markdown, write_json, write_lines
from run_config import REVISION, compare, describe_training, make_config
from scoring import GROUP_KINDS, KINDS
from variants import DATA_SETS, VARIANTS, Run, Settings, title_of

from spacy_rin.evaluation.novelty import NEW, NOVELTY
from spacy_rin.evaluation.scorer import COUNTS, PATTERNS
from spacy_rin.evaluation.wording import PATTERN_TITLES

GROUPS = dict(zip(GROUP_KINDS, ((*NOVELTY, NEW), PATTERNS, COUNTS), strict=True))
PER_SEED = ("seeds", "epochs", "minutes", "versions")
EARLIER = "†"
MATCH_TITLES = {"exact": "exact match", "partial": "partial match"}

Figures = dict[str, dict[str, Any] | None] | None  # of "p", "r" and "f"
Table = dict[str, Any]  # a row for each variant


def summarize(runs: list[Run]) -> Table:
    """Compute means and standard deviations of the scores of each variant, over its seeds."""
    table: Table = {}
    for variant, group in itertools.groupby(runs, key=lambda run: run.variant):
        found = [scores for run in group if (scores := run.read_scores())]
        row: dict[str, Any] = {f"{name}s": [s[name] for s in found] for name in ("seed", "epoch")}
        row |= {name: [s[name] for s in found] for name in ("minutes", "versions")}
        for part in ("dev", "test"):
            row[part] = {kind: average([s[part].get(kind) for s in found]) for kind in KINDS}
            for kind, members in GROUPS.items():
                row[part][kind] = {
                    member: average([s[part].get(kind, {}).get(member) for s in found]) for member in members
                }
        table[variant] = row
    return table


def training_of(variant: str, settings: Settings, *, joins: bool = True) -> dict[str, Any]:
    """Describe how the runs of a variant are trained, see `describe_training`."""
    return describe_training(make_config(settings, VARIANTS[variant], 0), joins=joins)


def read_table(settings: Settings) -> Table:
    """Read the results that are already there."""
    path = settings.out / f"{settings.data_set}.json"
    table: Table = json.loads(path.read_text("utf8")) if path.exists() else {}
    return table


def find_others(variants: Collection[str], settings: Settings) -> dict[str, list[str]]:
    """Find the rows of the results that were not made with the settings of a command.

    Args:
        variants (Collection[str]): The variants that the command trains. The others need no transformer or parser, and
            may be of an earlier revision of the code: they only stand beside.
        settings (Settings): The settings.

    Returns:
        dict[str, list[str]]: What differs, by the name of the row.
    """
    others = {
        name: compare(row.get("training", {}), training_of(name, settings, joins=name in variants))
        if name in VARIANTS
        else ["a variant that is not known"]
        for name, row in read_table(settings).items()
    }
    return {name: differences for name, differences in others.items() if differences}


def refuse(others: dict[str, list[str]], settings: Settings) -> None:
    """Stop if there are results of other settings, so that they are neither lost nor averaged with new ones.

    Args:
        others (dict[str, list[str]]): What differs, by the name of a row or the folder of a run.
        settings (Settings): The settings.

    Raises:
        SystemExit: If there are any.
    """
    names: dict[str, list[str]] = {}
    for name, differences in others.items():
        for difference in differences:
            names.setdefault(difference, []).append(name)
    if names:
        lines = [f"{difference}: {', '.join(having)}" for difference, having in names.items()]
        folders = f"--out (here {settings.out}) and --runs (here {settings.runs})"
        advice = f"New runs can't join them. Name other folders by {folders}, or choose the settings that they have."
        sys.exit("\n".join(["There are results of other settings:", *lines, advice]))


def merge(found: Table, settings: Settings) -> Table:
    """Join the results of runs with those already in the results, whose runs may be gone.

    Args:
        found (Table): The results of runs.
        settings (Settings): The settings.

    Returns:
        Table: All rows, in the order of the table. A row has the seeds of the results and of the runs.

    Raises:
        SystemExit: If a row of the results was made with other settings.
    """
    refuse(find_others(found, settings), settings)
    table = read_table(settings)
    for variant, row in found.items():
        joined = _join_rows(table[variant], row) if variant in table else row
        table[variant] = {"training": training_of(variant, settings), **joined}
    return {name: table[name] for name in VARIANTS if name in table}


def _join_rows(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Join two rows of a variant by seed. A seed that both have is that of the new row."""
    by_seed = {seed: (row, place) for row in (old, new) for place, seed in enumerate(row["seeds"])}
    sources = [by_seed[seed] for seed in sorted(by_seed)]
    joined: dict[str, Any] = {name: [row[name][place] for row, place in sources] for name in PER_SEED}
    for part in ("dev", "test"):
        joined[part] = {kind: _join_figures([(row[part].get(kind), place) for row, place in sources]) for kind in KINDS}
        for kind, members in GROUPS.items():
            joined[part][kind] = {
                member: _join_figures([(row[part].get(kind, {}).get(member), place) for row, place in sources])
                for member in members
            }
    return joined


def _join_figures(sources: list[tuple[Figures, int]]) -> Figures:
    """Join figures of rows: of each source, the value at one place. They are None if a row does not have them."""
    if any(figures is None for figures, _ in sources):
        return None
    joined: dict[str, dict[str, Any] | None] = {}
    for letter in "prf":
        found = [(figures[letter], place) for figures, place in sources if figures is not None]
        values = [figure["values"][place] for figure, place in found if figure is not None]
        joined[letter] = _describe(values) if len(values) == len(sources) else None
    return joined


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
        figures[letter] = _describe(values)
    return figures


def _describe(values: list[float]) -> dict[str, Any]:
    """Compute mean and standard deviation of values, and round all of them."""
    return {
        "mean": round(statistics.mean(values), 2),
        "std": round(statistics.stdev(values), 2) if len(values) > 1 else None,
        "values": [round(value, 2) for value in values],
    }


def cell(figure: dict[str, Any] | None) -> str:
    """Format a mean, with its standard deviation if there is one. Without a figure, it is "–"."""
    if figure is None:
        return NO_FIGURE
    return f"{figure['mean']:.1f}" + ("" if figure["std"] is None else f" ± {figure['std']:.1f}")


def write_tables(table: Table, settings: Settings) -> None:
    """Write results as JSON and as Markdown tables, and draw them."""
    write_json(settings.out / f"{settings.data_set}.json", table)
    data = DATA_SETS[settings.data_set]
    sections = [
        [f"# {settings.data_set}, {MATCH_TITLES[data.match]}"],
        _scores_section(table, settings),
        _groups_section(table, settings),
        _claims_section(table, settings),
        _ranks_section(table, settings),
        _not_run_section(table, settings),
        _others_section(settings),
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines)
    write_lines(settings.out / f"{settings.data_set}.md", [text])
    draw(table, settings)
    # Not all encodings of the output have all letters of the titles.
    encoding = sys.stdout.encoding or "utf8"
    sys.stdout.write(f"{text}\n".encode(encoding, "replace").decode(encoding))


def drop_empty(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Leave out the columns of a table in which no row has a figure."""
    columns = [column for column in zip(header, *rows) if set(column[1:]) != {NO_FIGURE}]
    first, *others = zip(*columns)
    return first, list(others)


def _scores_section(table: Table, settings: Settings) -> list[str]:
    data = DATA_SETS[settings.data_set]
    ours, other = f"rel_{data.match}", "partial" if data.match == "exact" else "exact"
    rows = []
    for variant, row in table.items():
        test, paper = row["test"], published(variant, settings.data_set)
        earlier = EARLIER * (row["training"]["revision"] < REVISION)
        cells = [title_of(variant, row) + earlier, str(len(row["seeds"])), str(row["training"]["epochs"])]
        cells += [cell((row["dev"][ours] or {}).get("f")), *(cell((test[ours] or {}).get(letter)) for letter in "prf")]
        cells += [cell((test[name] or {}).get("f")) for name in (f"all_pairs_{data.match}", f"rel_{other}")]
        cells += [cell(paper[letter]) for letter in "prf"]
        rows.append([*cells, f"{statistics.median(row['minutes']):.0f}"])
    header = ["model", "seeds", "epochs", "dev F1", "P", "R", "F1", "all pairs, F1", "other match, F1"]
    header += ["paper, P", "paper, R", "paper, F1", "minutes"]
    n_texts = max((row["training"]["texts"] for row in table.values()), default=0)  # the same in all rows
    papers = "" if n_texts == data.texts else f", the papers on {data.texts:,}: their figures can't be compared"
    return [
        f"Trained on {n_texts:,} texts{papers}.",
        "K is the number of rounds of interaction.",
        *([_YU_ET_AL] if any(VARIANTS[variant].config == "interactive" for variant in table) else []),
        "The best epoch is chosen by dev, and P, R and F1 are those of test: mean ± standard deviation over seeds.",
        'A triple counts if both of its entities are found; "all pairs" is the count of the papers\' released code:',
        f'every predicted token pair is a prediction. "Other match" is {MATCH_TITLES[other]}.',
        f"{_describe_table(table)}Minutes are those of one run, wall time (the median of the seeds).",
        *([_EARLIER] if any(row["training"]["revision"] < REVISION for row in table.values()) else []),
        "",
        *markdown(*drop_empty(header, rows)),
    ]


_EARLIER = (
    f"Rows with {EARLIER} were trained by an earlier version, whose training differs a little: see the README of this "
    "folder."
)

_YU_ET_AL = (
    "Yu et al. is the network that writes triples one after the other (`spacy_rin.Interactive.v1`), by LSTM cells. "
    "GCN is the convolution over dependency trees."
)


def _describe_table(table: Table) -> str:
    """Say what a table of train's facts scores. It is the same for all runs."""
    for row in table.values():
        if figures := row["test"].get("rel_table"):
            return f"A table of train's facts, without a network, has F1 {figures['f']['mean']:.1f} by text. "
    return ""


def _groups_section(table: Table, settings: Settings) -> list[str]:
    members = [
        *(("rel_exact_per_pattern", name) for name in PATTERNS if name != "none"),
        *(("rel_exact_per_count", name) for name in COUNTS if name != "0"),
        *(("rel_exact_per_novelty", name) for name in ("triple", NEW)),
    ]
    titles = [*(PATTERN_TITLES[name] for name in PATTERNS if name != "none"), *COUNTS[1:], "seen", "new"]
    rows = []
    for variant, row in table.items():
        groups = [(row["test"].get(kind, {}).get(member) or {}).get("f") for kind, member in members]
        texts = [(row["test"].get(name) or {}).get("f") for name in ("ents", "rel_text")]
        cells = [cell(texts[0]), cell(published(variant, settings.data_set)["ents"]), cell(texts[1])]
        rows.append([title_of(variant, row), *cells, *map(cell, groups)])
    return [
        "## Entities, and triples by kind",
        "",
        "F1 of test. Entities are scored by span and type. The other columns are triples: compared by the texts of",
        'their entities; by how those of a text overlap; by how many a text has; and "seen", which also stand in',
        'train, by text, or "new". Figures that are missing were not measured by the version that scored the row.',
        "",
        *markdown(*drop_empty(["model", "entities", "paper, entities", "by text", *titles], rows)),
    ]


def _claims_section(table: Table, settings: Settings) -> list[str]:
    rows = []
    for claim, paper, here, deviation, verdict in (
        (*judged, judged.verdict) for judged in judge_claims(table, settings.data_set)
    ):
        what = "entities: " if claim.kind == "ents" else ""
        better, worse = (title_of(variant, table[variant]) for variant in (claim.better, claim.worse))
        title, published_gain = f"{what}{better} above {worse}", NO_FIGURE if paper is None else f"{paper:+.1f}"
        spread = "" if deviation is None else f" ± {deviation:.1f}"
        rows.append([title, published_gain, f"{here:+.1f}{spread}", verdict])
    if not rows:
        return []
    return [
        "## The papers' claims",
        "",
        "Differences of F1 on test, in points. A claim came back if the difference is as claimed, and larger than its",
        "standard deviation: the root of the summed squares of those of both variants.",
        "",
        *markdown(["claim", "paper", "here", "came back"], rows),
    ]


def _ranks_section(table: Table, settings: Settings) -> list[str]:
    lines = []
    for paper, rows in rank(table, settings.data_set).items():
        cells = [[title_of(variant, table[variant]), str(theirs), str(ours)] for variant, theirs, ours in rows]
        lines += ["", *markdown([paper, "rank in the paper", "rank here"], cells)]
    return ["## Ranks by F1", "", "Without regard to deviations.", *lines] if lines else []


def _not_run_section(table: Table, settings: Settings) -> list[str]:
    rows = []
    for variant in VARIANTS:
        figures = published(variant, settings.data_set)
        if variant not in table and figures["f"]:
            rows.append([VARIANTS[variant].title, *(cell(figures[name]) for name in (*"prf", "ents"))])
    if not rows:
        return []
    header = ["model", "paper, P", "paper, R", "paper, F1", "paper, entities"]
    return ["## Not run here", "", *markdown(*drop_empty(header, rows))]


def _others_section(settings: Settings) -> list[str]:
    rows = [
        [name, *(cell(figure) for figure in parse_prf(figures[settings.data_set]).values())]
        for name, figures in OTHERS.items()
        if settings.data_set in figures
    ]
    if not rows:
        return []
    return ["## Other systems, as the papers quote them", "", *markdown(["system", "P", "R", "F1"], rows)]
