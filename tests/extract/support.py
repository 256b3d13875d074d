"""Results of extractions, without a pipeline, and files of a web server, without a web."""

from pathlib import Path
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from spacy_rin.extract.results import Results
from spacy_rin.extract.shards import cut


def write_shards(rows: Any, folder: Path) -> None:
    """Write rows as an extraction in shards does, half of them to each of two shards."""
    texts = folder.parent / "texts"
    texts.mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (texts / name).write_text(name)
    shards = cut(str(texts / "*.txt"), size=len("a.txt"))
    results = Results(str(folder), {}, entities=True)
    results.prepare(shards)
    counts = {shard.id: results.write(shard, rows[i::2]) for i, shard in enumerate(shards)}
    results.finish(shards, counts)


class WebFile(AbstractBufferedFile):
    """A file that is read in blocks, as those of most file systems of fsspec."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        if start and not self.fs.ranges:
            raise ValueError("The server doesn't support range requests.")
        return bytes(self.fs.files[self.path][start:end])


class Web(AbstractFileSystem):
    """A web server. Register it for "http"."""

    protocol = ("http", "https")
    cachable = False
    files: dict[str, bytes] = {}
    ranges = False  # whether it sends parts of files

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.files[path]), "type": "file"}

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        return [self.info(path)]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> WebFile:
        return WebFile(self, path, mode)
