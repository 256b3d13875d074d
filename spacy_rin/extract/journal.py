"""The journal of a long run. It stores the results so far, so that a stopped run can be resumed.

The journal is a JSON lines file next to the output. The first line describes the run. Each other line is the result of
one document, in input order, with a checksum of what the input says of the document. Lines are only appended, one batch
at a time. If the process is killed, at most the last line is incomplete, and it is dropped on recovery. The output is
written from the complete journal.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .. import strict_json
from ..errors import Errors, FileError
from ..files import is_unfinished, reason_of
from .documents import Document

_INPUT = "input"  # key of the checksum of a document


class Journal:
    """The results of a run so far. Use it in a `with` statement, which opens and locks the file.

    Args:
        path (Path): The file. Missing folders are created.
        run (Mapping[str, Any]): Everything that the results depend on (input, model, options), as JSON-serializable
            values.
        overwrite (bool): Whether to discard the existing content of the file.

    Raises:
        FileError: On entering the `with` statement: R034 if the file can't be written, R062 if it belongs to another
            run, R063 if it is damaged or not a journal, R065 if another process has locked it.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.path = path
        self.run = dict(run)
        self.overwrite = overwrite
        self.count = 0  # finished documents
        self._inputs: deque[str] = deque()  # checksums of the documents that have no result yet

    def __enter__(self) -> "Journal":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as err:
            raise FileError(Errors.R034, path=self.path, reason=reason_of(err)) from err
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
        """Append the results of a batch, and flush them to disk.

        Args:
            rows (Iterable[Mapping[str, Any]]): The results of the next documents that `unfinished` gave.

        Raises:
            FileError: R034 if the file can't be written.
        """
        lines = [strict_json.dumps({**row, _INPUT: self._inputs.popleft()}) + "\n" for row in rows]
        # Counted before they are written: the user may stop the run meanwhile, and a file without results is removed.
        self.count += len(lines)
        self._write("".join(lines))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Read the results of all finished documents, in order.

        Yields:
            dict[str, Any]: A result, as it was passed to `append`.

        Raises:
            FileError: R063 if the file is damaged.
        """
        for row, _ in self._entries():
            yield row

    def unfinished(self, documents: Iterator[Document]) -> Iterator[Document]:
        """Skip the documents that are finished, and pass the others on.

        Args:
            documents (Iterator[Document]): All documents of the run, as they are in the input, starting with the first.

        Returns:
            Iterator[Document]: Those that have no result. Results must be appended in the same order.

        Raises:
            FileError: R063 if the file is damaged, R064 if the documents differ from those in the journal.
        """
        for number, (row, found) in enumerate(self._entries(), 1):
            document = next(documents, None)
            if document is None or found != _checksum(document):
                raise FileError(Errors.R064, path=self.path, number=number, id=row.get("id"))
        return map(self._noted, documents)

    def remove(self) -> None:
        """Delete the file: the run is finished."""
        self._close()  # some systems can't delete open files
        self.path.unlink(missing_ok=True)

    def _noted(self, document: Document) -> Document:
        self._inputs.append(_checksum(document))
        return document

    def _entries(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the result of each finished document, and the checksum of what the input says of it."""
        self._file.seek(0)
        self._file.readline()
        for number, line in enumerate(self._file, 2):
            row = self._parse(line, number)
            if _INPUT not in row:
                raise FileError(Errors.R063, path=self.path, line=number)
            yield row, row.pop(_INPUT)

    def _close(self) -> None:
        with suppress(OSError):  # failed writes were already reported
            self._file.close()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        try:
            # Worker processes would inherit a `flock` lock, and keep it after this process is killed.
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as err:
            raise FileError(Errors.R065, path=self.path) from err
        except OSError:
            return  # the file system has no locks

    def _recover(self) -> None:
        self._file.seek(0)
        first = self._file.readline()
        header = strict_json.dumps(self.run) + "\n"
        sizes = [len(first), *(len(line) for line in self._file if line.endswith(b"\n"))]
        run = None if self.overwrite else self._parse_header(first, header)
        if run is None or len(sizes) == 1:  # the file has no results, or they are to be discarded
            self._file.truncate(0)
            self._write(header)
            return
        self._file.truncate(sum(sizes))
        differences = [f"{key} was {run[key]!r} and is {self.run[key]!r}" for key in run if run[key] != self.run[key]]
        if differences:
            raise FileError(Errors.R062, path=self.path, differences="; ".join(differences))
        self.count = len(sizes) - 1

    def _parse_header(self, line: bytes, expected: str) -> dict[str, Any] | None:
        """Read the description of the run; None if it was not written to its end."""
        if not line.endswith(b"\n"):
            # That of another run begins in the same way, with the name of the first value.
            start = expected[: expected.index(":") + 1].encode("utf-8")
            if line[: len(start)] != start[: len(line)]:
                raise FileError(Errors.R063, path=self.path, line=1)
            return None
        run = self._parse(line, 1)
        if run.keys() != self.run.keys():
            raise FileError(Errors.R063, path=self.path, line=1)
        return run

    def _write(self, lines: str) -> None:
        try:
            self._file.write(lines.encode("utf-8"))
            self._file.flush()
            with suppress(OSError):  # some file systems don't support it
                os.fsync(self._file.fileno())
        except OSError as err:
            raise FileError(Errors.R034, path=self.path, reason=reason_of(err)) from err

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise FileError(Errors.R063, path=self.path, line=number)
        return value


def _checksum(document: Document) -> str:
    # Not of values that are equal, but of how they are written: the output tells 1 from 1.0.
    return hashlib.blake2b(ascii(tuple(document)).encode("ascii"), digest_size=8).hexdigest()


def checksum(folder: Path) -> str:
    """Compute a checksum of all files in a folder: their paths, sizes and content. Files that were not written to their
    end are no part of it.

    Args:
        folder (Path): The folder, e.g. of a pipeline.

    Returns:
        str: 16 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        if any(map(is_unfinished, (name, *name.parents))):
            continue
        digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
