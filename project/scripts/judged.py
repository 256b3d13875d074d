"""Lists of triples that a pipeline found, for judging by hand, and the precision that the verdicts give.

A list is a table with tabs between its columns: the triples and what is said of them, without the texts.
"""

import csv
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from reports import NO_FIGURE

VERDICTS = ("right", "wrong", "unsure")
BANDS = (0.9, 0.7, 0.5, 0.0)  # lowest score of each
HEADER = ["triples", "right", "wrong", "unsure", "precision, %", "95 % interval"]


class Judged(NamedTuple):
    """A triple that was found, and what is said of it.

    Attributes:
        data_set (str): Where its text is from.
        text (int): The number of the text in the file, from 1.
        subject (str): The subject.
        relation (str): The relation.
        object (str): The object.
        score (float): Its probability.
        verdict (str): One of `VERDICTS`; empty if it is not judged yet.
        reason (str): Why, in a few words.
    """

    data_set: str
    text: int
    subject: str
    relation: str
    object: str
    score: float
    verdict: str = ""
    reason: str = ""


def draw(triples: Sequence[Judged], n: int, seed: int) -> list[Judged]:
    """Draw a random sample of triples, all with the same chance; all of them if there are no more than `n`."""
    return sorted(random.Random(seed).sample(triples, min(n, len(triples))))


def write_list(path: Path, rows: Iterable[Judged]) -> None:
    """Write a list; FileExistsError if there is one, because it may have verdicts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, "excel-tab", lineterminator="\n")
        writer.writerow(Judged._fields)
        writer.writerows(row._replace(score=round(row.score, 4)) for row in rows)


def read_list(path: Path) -> list[Judged]:
    """Read a list that is judged.

    Args:
        path (Path): The list.

    Returns:
        list[Judged]: Its triples.

    Raises:
        ValueError: If a row is not valid, or its triple is not judged.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, "excel-tab")
        if next(reader, None) != list(Judged._fields):
            raise ValueError(f"{path}: the columns must be {', '.join(Judged._fields)}")
        return [_read_row(cells, f"{path}:{reader.line_num}") for cells in reader if cells]


def _read_row(cells: list[str], place: str) -> Judged:
    # Spreadsheets leave out empty cells at the end.
    cells = [cell.strip() for cell in cells] + [""] * (len(Judged._fields) - len(cells))
    try:
        data_set, text, subject, relation, object_, score, verdict, reason = cells
        row = Judged(data_set, int(text), subject, relation, object_, float(score), verdict, reason)
    except ValueError:
        raise ValueError(f"{place}: the text's number and the score must be numbers, without more columns") from None
    if verdict not in VERDICTS:
        raise ValueError(f"{place}: the verdict must be {', '.join(VERDICTS)}, not {verdict!r}")
    return row


def wilson(right: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Compute Wilson's score interval of a share.

    Args:
        right (int): How many are right.
        n (int): Of how many; not 0.
        level (float): Level of confidence.

    Returns:
        tuple[float, float]: The bounds, from 0 to 1.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = right / n
    middle = share + z**2 / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, (middle - reach) / (1 + z**2 / n)), min(1.0, (middle + reach) / (1 + z**2 / n))


def precision_rows(rows: Sequence[Judged]) -> list[list[str]]:
    """Make the rows of a table of precision: of all triples, by score and by relation, the most frequent first.

    Triples with the verdict "unsure" are counted, but are neither right nor wrong.

    Args:
        rows (Sequence[Judged]): The judged triples.

    Returns:
        list[list[str]]: A row for each group, with the columns of `HEADER`.
    """
    groups: list[tuple[str, list[Judged]]] = [("all", list(rows))]
    for band, members in groupby(sorted(rows, key=lambda row: -row.score), lambda row: _band_of(row.score)):
        groups.append((f"score {band}", list(members)))
    counts = Counter(row.relation for row in rows)
    for relation, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        groups.append((relation, [row for row in rows if row.relation == relation]))
    return [[name, *_cells(members)] for name, members in groups]


def _band_of(score: float) -> str:
    low = next(band for band in BANDS if score >= band)
    high = min((band for band in BANDS if band > low), default=1.0)
    return f"{low} to {high}"


def _cells(rows: Sequence[Judged]) -> list[str]:
    counts = Counter(row.verdict for row in rows)
    numbers = [str(counts[verdict]) for verdict in VERDICTS]
    if not (n := counts["right"] + counts["wrong"]):
        return [*numbers, NO_FIGURE, NO_FIGURE]
    low, high = wilson(counts["right"], n)
    return [*numbers, f"{100 * counts['right'] / n:.1f}", f"{100 * low:.1f} to {100 * high:.1f}"]
