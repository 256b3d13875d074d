"""Files at any address that fsspec reads: local paths, and s3://, gs://, hdfs://, https:// and others."""

import io
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from fsspec import filesystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem, make_path_posix
from fsspec.spec import AbstractBufferedFile
from fsspec.utils import glob_translate

from ..errors import Errors, FileError, MissingPackageError, RinError
from ..files import is_unfinished, reason_of

_COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
# Packages that errors of fsspec and Python name, and the extras that install them
_EXTRAS = {"s3fs": "s3", "gcsfs": "gs", "aiohttp": "http", "pyarrow": "parquet"}
# SCHEME://..., or a chain such as SCHEME::SCHEME://... Local names can have colons, too.
_ADDRESS = re.compile(r"[\w.+-]{2,}://|([\w.+-]+::)+[\w.+-]{2,}://", re.ASCII)


class Found(NamedTuple):
    """A file of an input.

    Attributes:
        address (str): Its address.
        name (str): Its path in the folder of the input.
        size (int | None): Its size in bytes, if it is known.
        modified (str): When it was changed, or its checksum: whatever the file system tells of its content.
        in_folder (bool): Whether it was found in a folder that was named, and is not named itself.
    """

    address: str
    name: str
    size: int | None
    modified: str
    in_folder: bool


def connect(address: str) -> tuple[Any, str]:
    """Get the file system of an address, and the path there.

    Args:
        address (str): The address or local path.

    Returns:
        tuple[AbstractFileSystem, str]: The file system and the path.

    Raises:
        MissingPackageError: R060 or R084 if the package for such addresses is not installed.
        FileError: R034 if there are no such addresses.
    """
    with _coded(address):
        if _ADDRESS.match(address):
            system, path = url_to_fs(address)
        else:
            system = filesystem("file")
            path = system._strip_protocol(make_path_posix(address))  # an absolute path first: a name can begin "file:"
        return system, str(path)


def is_local(address: str) -> bool:
    """Whether an address is a path on this machine; FileError or MissingPackageError as `connect`."""
    return isinstance(connect(address)[0], LocalFileSystem)


def find_files(address: str) -> list[Found]:
    """List the files of an input.

    Args:
        address (str): A file, a folder, or a pattern with *, ? or [].

    Returns:
        list[Found]: The files, sorted by name. Hidden files, and files in hidden folders, are left out.

    Raises:
        FileError: R033 if there are none, R034 if they can't be listed.
        MissingPackageError: R060 or R084 if the package for such addresses is not installed.
    """
    system, path = connect(address)
    with _coded(address):
        in_folder = False
        if _is_pattern(system, path):
            base = _fixed_part(path)
            infos = list(system.glob(path, detail=True).values())
        elif system.isdir(path):
            base, in_folder = path, True
            infos = list(system.find(path, detail=True).values())
        else:
            base = os.path.dirname(path)
            infos = [system.info(path)]
    found = [_found(system, info, base, in_folder, address) for info in infos if info["type"] == "file"]
    found = [file for file in found if not any(part.startswith(".") for part in PurePosixPath(file.name).parts)]
    if not found:
        raise FileError(Errors.R033, path=address)
    return sorted(found, key=lambda file: file.name)


def would_find(address: str, file: str) -> bool:
    """Whether `find_files` would find a certain file, if it existed.

    Args:
        address (str): A file, a folder, or a pattern with *, ? or [].
        file (str): Address of the file.

    Returns:
        bool: Whether it would, whatever is hidden.

    Raises:
        FileError: R034 if an address is not valid.
        MissingPackageError: R060 or R084 if the package for such addresses is not installed.
    """
    (system, path), (other, target) = connect(address), connect(file)
    if system != other:
        return False
    if isinstance(system, LocalFileSystem):  # a folder may have several paths, by links
        path, target = (Path(os.path.realpath(name)).as_posix() for name in (path, target))
    with _coded(address):
        if _is_pattern(system, path):
            return re.match(glob_translate(path), target) is not None
        return path == target or (target.startswith(f"{path.rstrip('/')}/") and bool(system.isdir(path)))


@contextmanager
def open_file(address: str) -> Iterator[BinaryIO]:
    """Open a file to read bytes. What is compressed (.gz, .zst) is decompressed.

    Args:
        address (str): The address or local path.

    Yields:
        BinaryIO: The open file. It can seek if it is not compressed.

    Raises:
        FileError: R034 if the file can't be read, also later, in the `with` block.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    system, path = connect(address)
    with _coded(address, OSError), _opened(address, system, path) as file:
        compression = _COMPRESSED.get(compression_suffix(path))
        if compression is None:
            yield file
            return
        import pyarrow

        with io.BufferedReader(pyarrow.input_stream(file, compression=compression)) as stream:
            yield stream


def read_start(address: str, size: int) -> bytes:
    """Read what a file begins with, as it is.

    Args:
        address (str): The address.
        size (int): How many bytes to read; fewer if the file has no more.

    Returns:
        bytes: The first bytes.

    Raises:
        FileError: R033 or R034 if it can't be read.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    system, path = connect(address)
    with _coded(address):
        return bytes(system.cat_file(path, start=0, end=size))


def copy_file(address: str, path: Path) -> None:
    """Copy a file, as it is, to this machine.

    Args:
        address (str): The address.
        path (Path): The local path.

    Raises:
        FileError: R033 or R034 if it can't be read or written.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    system, source = connect(address)
    with _coded(address):
        system.get_file(source, str(path))


def takes_ranges(address: str) -> bool:
    """Whether a file can be read from any byte on. Some web servers send files only as a whole."""
    system, path = connect(address)
    if not _is_web(system):
        return True
    try:
        with _coded(address), system.open(path, "rb") as file:
            return _seeks(file)
    except FileError:  # whoever reads it will say so
        return False


def compression_suffix(name: str) -> str:
    """Return the suffix of a name that says how the file is compressed; empty if it is not."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in _COMPRESSED else ""


class Folder:
    """A folder for results, whose files are written whole or not at all.

    Args:
        address (str): The address or local path.

    Raises:
        FileError: R034 if the address is not valid.
        MissingPackageError: R060 or R084 if the package for such addresses is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._system, self._path = connect(address)

    def create(self, *parts: str) -> None:
        """Create the folder, or one in it, if it is missing; FileError R034 if that fails."""
        with _coded(self.address):
            self._system.makedirs(self._join(*parts), exist_ok=True)

    def names(self, *parts: str) -> set[str]:
        """List the names of its files, or of those of a folder in it; none if there is no such folder."""
        path = self._join(*parts)
        with _coded(self.address):
            self._system.invalidate_cache()
            if not self._system.isdir(path):
                return set()
            return {PurePosixPath(info).name for info in self._system.ls(path, detail=False)}

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """Open a file of the folder to read bytes; FileError R034 if that fails."""
        with _coded(f"{self.address}/{name}", OSError), self._system.open(self._join(name), "rb") as file:
            yield file

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Open a file to write bytes. It has its name only once all is written.

        Args:
            name (str): Its name, which may contain that of a folder.

        Yields:
            BinaryIO: The file.

        Raises:
            FileError: R034 if it can't be written.
        """
        target = self._join(name)
        folder, _, last = target.rpartition("/")
        # As in `files.write_whole`, but other machines may write to the same folder: a process id does not tell.
        unfinished = f"{folder}/.{last}.{uuid.uuid4().int}.tmp"
        with _coded(f"{self.address}/{name}", OSError):
            try:
                with self._system.open(unfinished, "wb") as file:
                    yield file
                if isinstance(self._system, LocalFileSystem):
                    os.replace(unfinished, target)
                else:  # a copy is there as a whole or not at all; files of object stores have no other way to a name
                    self._system.cp_file(unfinished, target)
            finally:
                with suppress(Exception):
                    if self._system.exists(unfinished):
                        self._system.rm_file(unfinished)

    def remove(self, *names: str) -> None:
        """Delete files, which need not exist; FileError R034 if that fails."""
        for name in names:
            with _coded(f"{self.address}/{name}"), suppress(FileNotFoundError):
                self._system.rm_file(self._join(name))

    def remove_unfinished(self, *parts: str) -> None:
        """Delete what killed processes were writing."""
        for name in self.names(*parts):
            if is_unfinished(Path(name)):
                self.remove("/".join((*parts, name)))

    def _join(self, *parts: str) -> str:
        return "/".join((self._path.rstrip("/"), *parts))


@contextmanager
def _coded(address: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Raise errors of file systems, which are of many kinds, as our own. Around foreign code, only those of a kind."""
    try:
        yield
    except RinError:
        raise
    except FileNotFoundError as err:
        raise FileError(Errors.R033, path=address) from err
    except ImportError as err:
        package = next((name for name in _EXTRAS if name in str(err)), None)
        if package is None:
            reason = str(err).removesuffix(".")
            raise MissingPackageError(Errors.R084, path=address, reason=reason) from err
        raise MissingPackageError(Errors.R060, what=address, package=package, extra=_EXTRAS[package]) from err
    except kind as err:
        raise FileError(Errors.R034, path=address, reason=reason_of(err)) from err


@contextmanager
def _opened(address: str, system: Any, path: str) -> Iterator[BinaryIO]:
    """Open a file such that it has all methods of Python's own files, and can seek."""
    with system.open(path, "rb") as file:
        if not isinstance(file, AbstractBufferedFile):
            yield file
            return
        if not _is_web(system) or _seeks(file):
            with io.BufferedReader(file) as buffered:
                yield buffered
            return
    # The connection would not last until all is processed, so the file is fetched first.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        copy_file(address, copy)
        with copy.open("rb") as file:
            yield file


def _is_web(system: Any) -> bool:
    return "http" in system.protocol


def _seeks(file: Any) -> bool:
    """Whether an open file of a web server can seek; it is then at its beginning."""
    try:
        file.seek(-1, os.SEEK_END)
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


def _is_pattern(system: Any, path: str) -> bool:
    """Whether a path is a pattern. A file may be called like one."""
    return any(char in path for char in "*?[") and not system.exists(path)


def _fixed_part(pattern: str) -> str:
    """Get the folder above the first name of a path that is a pattern."""
    parts = pattern.split("/")
    first = next(i for i, part in enumerate(parts) if any(char in part for char in "*?["))
    return "/".join(parts[:first])


def _found(system: Any, info: dict[str, Any], base: str, in_folder: bool, source: str) -> Found:
    path = str(info["name"])
    keys = ("mtime", "ETag", "etag", "md5Hash", "LastModified", "Last-Modified", "CRC")
    modified = next((info[key] for key in keys if info.get(key)), "")
    name = path.removeprefix(base).lstrip("/")
    address = path if isinstance(system, LocalFileSystem) else _address(system, path, source)
    return Found(address, name, info.get("size"), str(modified), in_folder)


def _address(system: Any, path: str, source: str) -> str:
    """Get the address of a file that was found in a source, which may be a chain, e.g. of archive and server."""
    links = source.split("::")
    if len(links) == 1:
        return str(system.unstrip_protocol(path))
    place = next(i for i, link in enumerate(links) if "://" in link)  # those before it have no paths, as simplecache
    scheme = links[place].partition("://")[0]
    links[place] = path if path.startswith(f"{scheme}://") else f"{scheme}://{path}"
    return "::".join(links)
