"""The journal of a long run: what is done so far, so that a run that was killed goes on where it stopped.

It is a file of JSON lines beside the output. The first line says which run it is of; each other line is the result of
one document, in the order of the input. Lines are only ever added, a batch at a time, so what a kill leaves behind is
whole lines and perhaps a torn last one, which is dropped. The output itself is written from the finished journal.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..errors import Errors, FileError
from .documents import Document


class Journal:
    """The results of a run so far. Use it in a `with` statement, which opens and locks the file.

    Args:
        path (Path): The file; folders that it lacks are made.
        run (Mapping[str, Any]): What the results depend on (input, model, options), as JSON can hold it.
        overwrite (bool): Whether to discard what the file holds.

    Raises:
        RinError: R034 if the file can't be written, R062 if it is of another run, R063 if it is damaged or no
            journal, R065 if another process writes to it.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.path = path
        self.run = dict(run)
        self.overwrite = overwrite
        self.count = 0  # documents that are done

    def __enter__(self) -> "Journal":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as err:
            raise FileError(Errors.R034, path=self.path, reason=err.strerror) from err
        try:
            self._lock()
            self._recover()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.count:
            self.remove()
        self._close()

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the results of a batch, and see to it that they are on the disk.

        Args:
            rows (Iterable[Mapping[str, Any]]): The result of each document, with its "id".
        """
        lines = [json.dumps(row) + "\n" for row in rows]
        self._write("".join(lines))
        self.count += len(lines)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Read the results of all documents that are done, in order.

        Yields:
            dict[str, Any]: What was given to `append`.

        Raises:
            RinError: R063 if the file is damaged.
        """
        self._file.seek(0)
        self._file.readline()
        for number, line in enumerate(self._file, 2):
            yield self._parse(line, number)

    def skip(self, documents: Iterator[Document]) -> None:
        """Pass over the documents that are done.

        Args:
            documents (Iterator[Document]): All documents of the run from the first; those that are not done are left.

        Raises:
            RinError: R064 if the documents are not those that the journal has results of.
        """
        for number, row in enumerate(self.rows(), 1):
            document = next(documents, None)
            # What failed has no text here; what did not has one to compare.
            if document is None or row["id"] != document.id or row.get("text", document.text) != document.text:
                raise FileError(Errors.R064, path=self.path, number=number, id=row["id"])

    def remove(self) -> None:
        """Delete the file: the run is finished."""
        self._close()  # not every system deletes files that are open
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        with suppress(OSError):  # what could not be written was refused before
            self._file.close()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        try:
            # Not `flock`, which worker processes would inherit, and keep when this process is killed.
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as err:
            raise FileError(Errors.R065, path=self.path) from err
        except OSError:
            return  # a file system without locks

    def _recover(self) -> None:
        self._file.seek(0)
        sizes = [len(line) for line in self._file if line.endswith(b"\n")]
        if len(sizes) < 2 or self.overwrite:  # nothing in it to lose, or nothing to keep
            self._file.truncate(0)
            self._write(json.dumps(self.run) + "\n")
            return
        self._file.truncate(sum(sizes))
        self._file.seek(0)
        run = self._parse(self._file.readline(), 1)
        if run.keys() != self.run.keys():
            raise FileError(Errors.R063, path=self.path, line=1)
        differences = [f"{key} was {run[key]!r} and is {self.run[key]!r}" for key in run if run[key] != self.run[key]]
        if differences:
            raise FileError(Errors.R062, path=self.path, differences="; ".join(differences))
        self.count = len(sizes) - 1

    def _write(self, lines: str) -> None:
        try:
            self._file.write(lines.encode("utf-8"))
            self._file.flush()
            with suppress(OSError):  # not every file system can
                os.fsync(self._file.fileno())
        except OSError as err:
            raise FileError(Errors.R034, path=self.path, reason=err.strerror) from err

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise FileError(Errors.R063, path=self.path, line=number)
        return value


def checksum(folder: Path) -> str:
    """Make a short name for what a folder holds, which changes with any of its files.

    Args:
        folder (Path): The folder, of a pipeline for instance.

    Returns:
        str: 16 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
