"""The results of shards: a Parquet file for each, which says by itself which run and which shard it is of.

A file has its name only once it is whole, and is the last that is written of a shard. So a shard is done if its file is
there, whatever was killed before and however often the shard was read.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

from spacy.util import minibatch

from .. import strict_json
from ..errors import Errors, FileError, MissingPackageError
from .addresses import Folder
from .shards import Shard
from .triples import Row, entity_schema, entity_table, triple_schema, triple_table, triples

MANIFEST = "manifest.json"
ENTITIES = "entities"  # the folder of the tables of entities

_IDENT = re.compile("[0-9a-f]{20}")
_KEY = "spacy_rin"  # in the metadata of Parquet
_CHUNK = 1000  # documents in memory at a time
_COMPRESSION = "zstd"
_THREADS = 16  # files whose metadata is read at a time


class Counts(NamedTuple):
    """What was read of a shard.

    Attributes:
        documents (int): Number of texts.
        failed (int): Number of texts that could not be read or processed.
        triples (int): Number of triples.
    """

    documents: int
    failed: int
    triples: int


def is_result_name(name: str) -> bool:
    """Whether a file has the name of the result of a shard."""
    return _IDENT.fullmatch(name.removesuffix(".parquet")) is not None and name.endswith(".parquet")


def example_names() -> list[str]:
    """Name a file of each kind that results may have, as paths in their folder."""
    ident = "0" * 20
    return [f"{ident}.parquet", f"{ident}.errors.jsonl", f"{ENTITIES}/{ident}.parquet", MANIFEST]


class Results:
    """The results of a run in a folder.

    Args:
        address (str): Address of the folder.
        run (Mapping[str, Any]): What all results depend on besides the texts, as JSON-serializable values.
        entities (bool): Whether to write the entities of the documents, too.

    Raises:
        MissingPackageError: R060 if pyarrow or a package for the address is not installed.
        FileError: R034 if the address is not valid.
    """

    def __init__(self, address: str, run: Mapping[str, Any], *, entities: bool = False) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingPackageError(Errors.R060, what="A shard", package="pyarrow", extra="parquet") from None
        self.folder = Folder(address)
        self.run = dict(run)
        self.entities = entities

    def prepare(self, shards: Sequence[Shard], *, overwrite: bool = False) -> dict[str, Counts]:
        """Create the folder, and find which shards are done.

        Args:
            shards (Sequence[Shard]): All shards of the run.
            overwrite (bool): Whether to delete the results of other runs. Those of this run are kept.

        Returns:
            dict[str, Counts]: The counts of the shards that are done, by id.

        Raises:
            FileError: R034 if the folder can't be read or written, or has Parquet files that are no results, R080 if
                it has results of another run.
        """
        self.folder.create(*([ENTITIES] if self.entities else []))
        idents = {shard.id for shard in shards}
        names = sorted(name for name in self.folder.names() if name.endswith(".parquet") and not name.startswith("."))
        done: dict[str, Counts] = {}
        others: list[str] = []
        differences: set[str] = set()
        with ThreadPoolExecutor(_THREADS) as pool:
            for name, found in zip(names, pool.map(self._read, names)):
                ident = name.removesuffix(".parquet")
                if found is None:
                    if ident not in idents:
                        reason = f"it has Parquet files that are no results, e.g. {name}. Choose another folder"
                        raise FileError(Errors.R034, path=self.folder.address, reason=reason)
                elif found["run"] == self.run and ident in idents:
                    done[ident] = Counts(**found["counts"])
                else:
                    others.append(ident)
                    differences.update(self._differences(found["run"]))
        if others and not overwrite:
            said = "; ".join(sorted(differences)) or "the input, or the size of shards, was another"
            raise FileError(Errors.R080, path=self.folder.address, count=len(others), differences=said)
        for ident in others:
            self.folder.remove(f"{ident}.parquet", f"{ident}.errors.jsonl", f"{ENTITIES}/{ident}.parquet")
        if len(done) < len(shards):
            self.folder.remove(MANIFEST)
        return done

    def counts(self, shard: Shard) -> Counts | None:
        """Return the counts of a shard if it is done, otherwise None."""
        found = self._read(f"{shard.id}.parquet")
        return Counts(**found["counts"]) if found is not None and found["run"] == self.run else None

    def write(self, shard: Shard, rows: Iterable[Row]) -> Counts:
        """Write the results of a shard.

        Args:
            shard (Shard): The shard.
            rows (Iterable[Mapping[str, Any]]): Rows of `extract`.

        Returns:
            Counts: The counts.

        Raises:
            FileError: R034 if a file can't be written.
        """
        from pyarrow.parquet import ParquetWriter

        found = documents = 0
        failures: list[Row] = []
        with ExitStack() as last:  # to get its name: that of the triples, which says that the shard is done
            file = last.enter_context(self.folder.writing(f"{shard.id}.parquet"))
            table = last.enter_context(ParquetWriter(file, triple_schema(), compression=_COMPRESSION))
            with ExitStack() as first:
                entities = None
                if self.entities:
                    file = first.enter_context(self.folder.writing(f"{ENTITIES}/{shard.id}.parquet"))
                    entities = first.enter_context(ParquetWriter(file, entity_schema(), compression=_COMPRESSION))
                for chunk in minibatch(rows, _CHUNK):
                    documents += len(chunk)
                    failures += [row for row in chunk if "error" in row]
                    part = triple_table(triple for row in chunk for triple in triples(row))
                    found += len(part)
                    table.write_table(part)
                    if entities is not None:
                        entities.write_table(entity_table(chunk))
            self.report(shard, failures)
            counts = Counts(documents, len(failures), found)
            content = {"run": self.run, "pieces": shard.pieces, "counts": counts._asdict()}
            table.add_key_value_metadata({_KEY: json.dumps(content)})
        return counts

    def report(self, shard: Shard, failures: Sequence[Row]) -> None:
        """Write what failed in a shard to ID.errors.jsonl, or delete that file if nothing did; FileError R034 if that
        fails.
        """
        name = f"{shard.id}.errors.jsonl"
        if not failures:
            self.folder.remove(name)
            return
        with self.folder.writing(name) as file:
            file.write("".join(strict_json.dumps(row) + "\n" for row in failures).encode())

    def finish(self, shards: Sequence[Shard], done: Mapping[str, Counts]) -> None:
        """Write the manifest, which says that all is done, and delete what killed and failed processes left.

        Args:
            shards (Sequence[Shard]): All shards of the run.
            done (Mapping[str, Counts]): Their counts by id.

        Raises:
            FileError: R034 if a file can't be written.
        """
        entries = [{"id": shard.id, **done[shard.id]._asdict(), "pieces": shard.pieces} for shard in shards]
        total = {name: sum(getattr(counts, name) for counts in done.values()) for name in Counts._fields}
        with self.folder.writing(MANIFEST) as file:
            file.write(json.dumps({"run": self.run, **total, "shards": entries}, indent=1).encode())
        idents = {shard.id for shard in shards}
        for parts, suffix in (((), ".errors.jsonl"), ((ENTITIES,), ".parquet")):
            self.folder.remove_unfinished(*parts)
            # A shard that failed before its file was changed, and so is no shard any more, leaves these.
            for name in self.folder.names(*parts):
                ident = name.removesuffix(suffix)
                if ident != name and _IDENT.fullmatch(ident) and ident not in idents:
                    self.folder.remove("/".join((*parts, name)))

    def _read(self, name: str) -> dict[str, Any] | None:
        """Read what a file says of itself; None if it is no whole result."""
        from pyarrow.parquet import read_metadata

        try:
            with self.folder.reading(name) as file:
                found = json.loads(read_metadata(file).metadata[_KEY.encode()])
        except Exception:  # damaged files fail in many ways
            return None
        return found if isinstance(found, dict) and {"run", "counts"} <= found.keys() else None

    def _differences(self, run: Mapping[str, Any]) -> set[str]:
        names = sorted(run.keys() | self.run.keys())
        return {
            f"{name} was {run.get(name)!r} and is {self.run.get(name)!r}"
            for name in names
            if run.get(name) != self.run.get(name)
        }
