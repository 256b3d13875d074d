"""Files and folders that are written whole or not at all, and their names."""

import codecs
import errno
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from .errors import Errors, FileError

# The name of what is being written says what it will be, and which process writes it.
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.(?P<process>[0-9]+)\.tmp", re.DOTALL)


@contextmanager
def write_whole(path: str | Path) -> Iterator[Path]:
    """Give a path to write a file or folder to, which is moved to the wanted place once all is written.

    A link is written through, and a file that is replaced passes its permissions on. What killed processes left of the
    same file is removed.

    Args:
        path (str | Path): The wanted place. Missing folders are created.

    Yields:
        Path: The path to write to, in the same folder.

    Raises:
        FileError: R034 if it can't be written, or is a device or a pipe.
    """
    require_writable(path)
    target = Path(os.path.realpath(path))
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    remove_unfinished(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        with suppress(OSError):  # there is none yet, or the file system has no permissions
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except OSError as err:
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err
    finally:
        _remove(unfinished)


@contextmanager
def scratch_folder(unfinished: Path) -> Iterator[Path]:
    """Give a folder for what does not fit into memory while a file is written. It is removed at the end.

    Args:
        unfinished (Path): The path that `write_whole` gave. What killed processes left is removed with that of theirs.

    Yields:
        Path: The folder, beside the file.
    """
    folder = unfinished.with_name(f".{unfinished.name}.{os.getpid()}.tmp")
    try:
        folder.mkdir()
        yield folder
    finally:
        _remove(folder)


def remove_unfinished(target: Path, *, locked: bool = False) -> None:
    """Remove what processes that are gone were writing to a file or folder, and no other file.

    Args:
        target (Path): The file or folder.
        locked (bool): Whether a lock says that no other process writes to it now.
    """
    with suppress(OSError):
        for name in os.listdir(target.parent):
            match = _UNFINISHED.fullmatch(name)
            if match and _wanted_name(name) == target.name and (locked or not _runs(int(match["process"]))):
                _remove(target.with_name(name))


def is_unfinished(path: Path) -> bool:
    """Whether a file or folder has the name of one that is being written, or was when its process was killed."""
    return _UNFINISHED.fullmatch(path.name) is not None


def require_writable(path: str | Path) -> None:
    """Check that a path can be that of a file or folder to write.

    Args:
        path (str | Path): The path.

    Raises:
        FileError: R034 if no file can have this name, it is a device or a pipe, or one of its folders is a file.
    """
    mode = _mode(path)
    if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(Errors.R034, path=path, reason="it is a device or a pipe. Give a file instead")
    above = next(filter(os.path.exists, Path(path).parents), None)
    if above is not None and not above.is_dir():
        raise FileError(Errors.R034, path=path, reason=f"{above} is not a folder")


def require_targets(outputs: Sequence[str | Path], inputs: Iterable[str | Path] = ()) -> None:
    """Check that files can be written, and that this replaces nothing that is read. Call it before any other work.

    Args:
        outputs (Sequence[str | Path]): The files to write. Those that exist are to be replaced.
        inputs (Iterable[str | Path]): The files that are read; see `input_files` for those in folders.

    Raises:
        FileError: R034 if an output can't be written, is a folder, an input or another output.
    """
    for number, output in enumerate(outputs):
        require_writable(output)
        if os.path.isdir(output):
            raise FileError(Errors.R034, path=output, reason="it is a folder")
        if any(same_file(output, other) for other in outputs[:number]):
            raise FileError(Errors.R034, path=output, reason="two outputs would be the same file")
    existing = [output for output in outputs if os.path.exists(output)]
    # Without them, the inputs need not even be listed.
    for path in inputs if existing else ():
        for output in existing:
            if same_file(output, path):
                raise FileError(Errors.R034, path=output, reason="the output would overwrite the input")


def require_new_folder(path: str | Path) -> None:
    """Check that a path is free: it does not exist, or is an empty folder.

    Args:
        path (str | Path): The path.

    Raises:
        FileError: R034 if there is a file or a folder with content.
    """
    require_writable(path)
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileError(Errors.R034, path=path, reason="it already exists, and is not an empty folder")


def require_existing(path: str | Path) -> Path:
    """Check that there is a file or folder.

    Args:
        path (str | Path): Its path.

    Returns:
        Path: The path.

    Raises:
        FileError: R033 if it does not exist, R034 if no file can have this name.
    """
    if _mode(path) is None:
        raise FileError(Errors.R033, path=path)
    return Path(path)


def require_name(path: str | Path) -> None:
    """Check that a file can have a name: it is not too long, and has no zero character; FileError R034 otherwise."""
    _mode(path)


def require_utf8(start: bytes, path: str | Path) -> None:
    """Check that a file does not begin as UTF-16 does, of which some bytes are texts in UTF-8, too, or as one that is
    compressed.

    Args:
        start (bytes): Four bytes or more that it begins with.
        path (str | Path): Its path.

    Raises:
        FileError: R034 if it has the byte order mark of UTF-16, or is compressed by gzip or zip.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(Errors.R034, path=path, reason="this is UTF-16. Save it as UTF-8")
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise FileError(Errors.R034, path=path, reason="this is compressed. Uncompress it first")


def input_files(path: str | Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """List the files of an input: the path itself or, if it is a folder, those of `walk_files`.

    Args:
        path (str | Path): The file, which need not exist, or the folder.
        suffixes (tuple[str, ...]): What the names of files in folders end with.

    Returns:
        Iterator[Path]: The files.

    Raises:
        FileError: R034, while iterating, if a folder can't be read.
    """
    return walk_files(path, suffixes) if os.path.isdir(path) else iter([Path(path)])


def walk_files(folder: str | Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """List the files in a folder and in its subfolders.

    Args:
        folder (str | Path): The folder.
        suffixes (tuple[str, ...]): What the names of the files end with, in lower case or any other.

    Yields:
        Path: The files, sorted by name in each folder. Hidden files, and files in hidden folders, are left out: systems
            and editors leave them behind.

    Raises:
        FileError: R034 if a folder can't be read.
    """

    def refuse(error: OSError) -> NoReturn:
        raise FileError(Errors.R034, path=error.filename, reason=reason_of(error)) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        # In place, which also sets where the walk goes on.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield Path(place, name)


def beside(path: Path, suffix: str) -> Path:
    """Get the path of a file that stands beside another one, and differs in its suffix.

    Args:
        path (Path): The other file.
        suffix (str): The suffix, with its dot, in lower case. If there is only a file that has it in upper case, it is
            that.

    Returns:
        Path: The path. The file need not exist. If the other file has the suffix, in any case, it is that.
    """
    if path.suffix.lower() == suffix:
        return path
    wanted, upper = path.with_suffix(suffix), path.with_suffix(suffix.upper())
    return upper if upper.exists() and not wanted.exists() else wanted


def same_file(first: str | Path, second: str | Path) -> bool:
    """Whether two paths lead to the same file, which need not exist."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        with suppress(ValueError):
            return os.path.realpath(first) == os.path.realpath(second)
    except ValueError:  # a zero character
        pass
    return False


def reason_of(error: Exception) -> str:
    """Say why a file can't be read or written."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _wanted_name(name: str) -> str:
    """Get the name that an unfinished file is to have. It may be that of a part of an unfinished whole."""
    while match := _UNFINISHED.fullmatch(name):
        name = match["name"]
    return name


def _mode(path: str | Path) -> int | None:
    """Get the kind of a file, through links; None if there is none."""
    try:
        return os.stat(path).st_mode
    except OSError as err:
        if err.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err
        return None
    except ValueError as err:  # a zero character
        raise FileError(Errors.R034, path=path, reason=reason_of(err)) from err


def _runs(process: int) -> bool:
    """Whether a process runs; on systems that can't tell, whether it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
