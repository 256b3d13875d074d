"""Write figures as Markdown tables and files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy_rin.files import write_whole

NO_FIGURE = "–"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a Markdown table.

    Args:
        header (Sequence[str]): The titles of the columns.
        rows (Sequence[Sequence[str]]): The rows, each with a cell for each column.

    Returns:
        list[str]: The lines.
    """
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write a file of lines, which is there only once it is whole.

    Args:
        path (Path): The file. What was there is overwritten, missing folders are created.
        lines (Sequence[str]): The lines, without line ends.
    """
    with write_whole(path) as unfinished:
        unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf8", newline="\n")


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file, which is there only once it is whole.

    Args:
        path (Path): The file. What was there is overwritten, missing folders are created.
        data (Any): What to write: lists, dicts, strings, numbers, booleans and None.
    """
    write_lines(path, [json.dumps(data, indent=2)])
