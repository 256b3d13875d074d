"""The command group `spacy rin`, and helpers of its commands."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from spacy.cli._util import app
from wasabi import msg

if TYPE_CHECKING:
    from spacy.language import Language

MAX_CELL = 60  # most characters in a cell of a table
HELP = """Commands for joint entity and relation extraction (spacy-rin)."""

rin_cli = typer.Typer(name="rin", help=HELP, no_args_is_help=True, rich_markup_mode=None)
app.add_typer(rin_cli)


def load_pipeline(model: str, gpu_id: int) -> "Language":
    """Load a pipeline for a command. If there is no such GPU, print a message and exit with code 1.

    Args:
        model (str): Name or path of the pipeline.
        gpu_id (int): GPU ID, or -1 for the CPU.

    Returns:
        Language: The pipeline.

    Raises:
        RinError: R015 or R016 if it can't be loaded.
    """
    from spacy.cli._util import setup_gpu

    from ..pipeline.loading import load_pipeline as load

    try:
        setup_gpu(gpu_id, silent=True)
    except ValueError as err:
        advice = 'A GPU needs CuPy, e.g.: pip install "spacy[cuda12x]". Use --gpu-id -1 to run on the CPU.'
        msg.fail(f"Can't use GPU {gpu_id}: {err}", advice, exits=1)
    return load(model)


def show_tables(*tables: Sequence[Sequence[str]]) -> None:
    """Print tables, one below the other, with the same columns. All columns but the first are aligned to the right.

    Args:
        *tables (Sequence[Sequence[str]]): The rows of each table, the header first.
    """
    cleaned = [[[printable(cell) for cell in row] for row in table] for table in tables]
    rows = [row for table in cleaned for row in table]
    widths = [max(_width(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for header, *body in cleaned:
        typer.echo()
        for row in (header, ["-" * width for width in widths[: len(header)]], *body):
            name, *numbers = (" " * (width - _width(cell)) for width, cell in zip(widths, row))
            line = row[0] + name + "".join(f"   {room}{cell}" for room, cell in zip(numbers, row[1:]))
            typer.echo(line.rstrip())
    typer.echo()


def printable(cell: str) -> str:
    """Replace what would control a terminal, and shorten what is longer than a line of it.

    Args:
        cell (str): Text of users, such as a label.

    Returns:
        str: What can be shown on one line.
    """
    text = "".join(char if char.isprintable() else " " for char in cell)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _width(text: str) -> int:
    """Count the columns that a terminal needs for a text."""
    widths = (0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
    return sum(widths)


@contextmanager
def coded_errors() -> Iterator[None]:
    """Print any RinError as a message, and exit with code 1, and so for errors of the system, such as a full disk.
    Other errors are bugs and keep their traceback.
    """
    from ..errors import Errors, FileError, RinError
    from ..files import reason_of

    try:
        try:
            yield
        except BrokenPipeError:  # nobody reads what is printed
            raise
        except OSError as err:
            raise FileError(Errors.R034, path=err.filename or "a file", reason=reason_of(err)) from err
    except RinError as err:
        title, *more = str(err).split("\n")
        msg.fail(title)
        for line in more:
            # `msg.text` would wrap lines, and separate a path from its line number.
            typer.echo(line)
        raise typer.Exit(1) from None
