"""The command group `spacy rin`, and helpers of its commands."""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from spacy.cli._util import app

from .screen import echo, msg

if TYPE_CHECKING:
    from spacy.language import Language

HELP = """Commands for joint entity and relation extraction (spacy-rin)."""
NOTHING_WRITTEN = "Stopped. Nothing was written."

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
            echo(line)
        raise typer.Exit(1) from None


def refuse_options(how: str, options: Mapping[str, object]) -> None:
    """Refuse options that would have no effect.

    Args:
        how (str): Why they have none, e.g. "without --split".
        options (Mapping[str, object]): Their values by name; None and False are those of options that were not given.

    Raises:
        SettingError: R083 if one of them was given.
    """
    from ..errors import Errors, SettingError

    if given := [name for name, value in options.items() if value is not None and value is not False]:
        raise SettingError(Errors.R083, options=", ".join(given), how=how)


def read_keys(text_key: str | None, id_key: str | None, formats: Callable[[], Collection[str]]) -> dict[str, str]:
    """Get the keys or columns of texts, as arguments of the functions that read these.

    Args:
        text_key (str | None): The value of --text-key; None if it was not given.
        id_key (str | None): The value of --id-key.
        formats (Callable[[], Collection[str]]): Finds the formats of the input.

    Returns:
        dict[str, str]: Those that were given.

    Raises:
        SettingError: R083 if one was given, but no format has keys or columns.
    """
    from ..extract.documents import PLAIN_FORMATS

    keys = {name: key for name, key in (("text_key", text_key), ("id_key", id_key)) if key is not None}
    if keys and PLAIN_FORMATS.issuperset(formats()):
        refuse_options("for texts that have no keys or columns", {"--text-key": text_key, "--id-key": id_key})
    return keys


@contextmanager
def stoppable(message: str, *, workers: bool = False) -> Iterator[None]:
    """Print a message when the user presses Ctrl+C, and exit with code 130.

    Args:
        message (str): What to print.
        workers (bool): Whether there can be workers of `nlp.pipe`, which `ending_workers` kills.
    """
    try:
        yield
    except KeyboardInterrupt:
        msg.warn(message)
        if workers:
            # This process would wait forever for the queues of the killed workers.
            sys.stdout.flush()
            os._exit(130)
        raise typer.Exit(130) from None
