"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import Errors, FileError


@contextmanager
def finished_file(path: str | Path) -> Iterator[Path]:
    """Give a file to write to, beside the one that is wanted, which takes its place once it is finished.

    Args:
        path (str | Path): The file that is wanted; folders that it lacks are made.

    Yields:
        Path: The file to write to.

    Raises:
        RinError: R034 if it can't be written.
    """
    path = Path(path)
    unfinished = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=err.strerror) from err
    finally:
        with suppress(OSError):
            unfinished.unlink()
