"""Files and folders that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import Errors, FileError


@contextmanager
def write_whole(path: str | Path) -> Iterator[Path]:
    """Give a path to write a file or folder to, which is moved to the wanted place once all is written.

    Args:
        path (str | Path): The wanted place. Missing folders are created.

    Yields:
        Path: The path to write to, in the same folder.

    Raises:
        FileError: R034 if it can't be written.
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
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        with suppress(OSError):
            unfinished.unlink()
