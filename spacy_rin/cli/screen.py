"""What the commands print. Texts, labels and the names of files are of users, so they can hold anything."""

import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import typer
from wasabi.printer import Printer

MAX_CELL = 60  # most characters in a cell of a table


def clean(text: str) -> str:
    """Replace what would control a terminal by blanks, and what the output can't encode by question marks.

    Args:
        text (str): Any text.

    Returns:
        str: What can be printed, on one line.
    """
    from ..characters import without_controls

    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return without_controls(text).encode(encoding, "replace").decode(encoding)


def shorten(cell: str) -> str:
    """Clean a text of users, such as a label, and shorten what is longer than a line of a terminal."""
    text = clean(cell)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


class _CleanPrinter(Printer):
    """A printer of messages that cleans them."""

    # All of `good`, `info`, `warn` and `fail` end here.
    def text(self, title: Any = "", text: Any = "", *args: Any, **settings: Any) -> Any:
        return super().text(clean(str(title)), clean(str(text)), *args, **settings)

    def table(self, data: Any, **settings: Any) -> Any:
        return super().table([[clean(str(cell)) for cell in row] for row in data], **settings)


msg = _CleanPrinter()


def echo(line: str = "", *, err: bool = False) -> None:
    """Print a line that is not wrapped: a path in it stays together with its line number.

    Args:
        line (str): The line. It is cleaned.
        err (bool): Whether to print it to stderr.
    """
    typer.echo(clean(line), err=err)


def show_tables(*tables: Sequence[Sequence[str]]) -> None:
    """Print tables, one below the other, with the same columns. All columns but the first are aligned to the right.

    Args:
        *tables (Sequence[Sequence[str]]): The rows of each table, the header first.
    """
    cleaned = [[[shorten(cell) for cell in row] for row in table] for table in tables]
    rows = [row for table in cleaned for row in table]
    widths = [max(_width(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for header, *body in cleaned:
        echo()
        for row in (header, ["-" * width for width in widths[: len(header)]], *body):
            name, *numbers = (" " * (width - _width(cell)) for width, cell in zip(widths, row))
            line = row[0] + name + "".join(f"   {room}{cell}" for room, cell in zip(numbers, row[1:]))
            echo(line.rstrip())
    echo()


def _width(text: str) -> int:
    """Count the columns that a terminal needs for a text."""
    widths = (0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
    return sum(widths)
