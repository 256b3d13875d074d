"""Write triples to formats that other tools read: tables, RDF and property graphs.

Each writer takes an iterable of rows, as `extract` returns them. To add a format, write a function and add it to
`OUTPUT_FORMATS`. In graphs, mentions with the same text and type are one entity. Differences in whitespace are ignored.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path, PurePath
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from spacy.util import minibatch

from .. import strict_json
from ..characters import is_unicode
from ..errors import Errors, FileError, MissingPackageError, SettingError
from ..files import write_whole
from .graphs import triple_graph
from .triples import DETAILS, Entity, Row, TripleRow, triple_schema, triple_table, triples

__all__ = [
    "DEFAULT_BASE",
    "OUTPUT_FORMATS",
    "TripleRow",
    "check_target",
    "choose_format",
    "target_files",
    "triples",
    "write",
    "write_lines",
]

DEFAULT_BASE = "https://example.org/"

_NEO4J_FILES = ("nodes.csv", "relationships.csv")
_CHUNK = 10_000  # triples in memory at a time, for formats that can be written in parts
_LINE_BREAKS = re.compile("[\r\n]")
_NOT_IN_IRIS = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Statement = tuple[Any, Any, Any]  # RDF subject, predicate, object


def write(
    rows: Iterable[Row],
    path: str | Path,
    format: str | None = None,
    *,
    base: str = DEFAULT_BASE,
    provenance: bool = False,
) -> None:
    """Write extracted triples to a file. If this fails, no incomplete file is left behind.

    Args:
        rows (Iterable[Mapping[str, Any]]): Rows of `extract`. Failed documents are left out.
        path (str | Path): The file, or the folder for "neo4j". Missing folders are created.
        format (str | None): A key of `OUTPUT_FORMATS`. None takes it from the suffix.
        base (str): Prefix of RDF IRIs.
        provenance (bool): Whether RDF includes the source and score of each triple.

    Raises:
        SettingError: R031 if the format is unknown, R067 if `base` is not a valid IRI and the format is RDF.
        FileError: R034 if the file can't be written, or if neither `format` nor a suffix is given.
        MissingPackageError: R060 if the format needs a package that is not installed.
    """
    format = check_target(path, format, base=base)
    target = OUTPUT_FORMATS[format]
    options = {"base": base, "provenance": provenance} if target.package == "rdflib" else {}
    target.write((row for row in rows if "error" not in row), Path(path), **options)


def check_target(path: str | Path, format: str | None = None, *, base: str = DEFAULT_BASE) -> str:
    """Get the format of an output, and check its settings and required package.

    Args:
        path (str | Path): The file or folder.
        format (str | None): A key of `OUTPUT_FORMATS`. None takes it from the suffix.
        base (str): Prefix of RDF IRIs.

    Returns:
        str: The format.

    Raises:
        SettingError: R031 if the format is unknown, R067 if `base` is not a valid IRI and the format is RDF.
        FileError: R034 if neither `format` nor a suffix is given.
        MissingPackageError: R060 if the format needs a package that is not installed.
    """
    format = choose_format(path, format, OUTPUT_FORMATS)
    _, package, extra = OUTPUT_FORMATS[format]
    if package and find_spec(package) is None:
        raise MissingPackageError(Errors.R060, what=f"The format '{format}'", package=package, extra=extra)
    if package == "rdflib" and not _is_base(base):
        raise SettingError(Errors.R067, base=base)
    return format


def choose_format(path: str | Path, format: str | None, formats: Collection[str]) -> str:
    """Get the format of a file.

    Args:
        path (str | Path): The file.
        format (str | None): The format, if it is given. None takes it from the suffix.
        formats (Collection[str]): All formats.

    Returns:
        str: The format.

    Raises:
        SettingError: R031 if the format is unknown.
        FileError: R034 if neither `format` nor a suffix is given.
    """
    format = _named_format(path, format)
    if not format:
        raise FileError(Errors.R034, path=path, reason="it has no suffix, so the format must be given with --format")
    if format not in formats:
        raise SettingError(Errors.R031, format=format, formats=", ".join(formats))
    return format


def target_files(path: str | Path, format: str | None = None) -> list[Path]:
    """Name the files that `write` writes.

    Args:
        path (str | Path): The file, or the folder for "neo4j".
        format (str | None): A key of `OUTPUT_FORMATS`. None takes it from the suffix.

    Returns:
        list[Path]: The files; the path itself if the format is unknown.
    """
    names = _NEO4J_FILES if _named_format(path, format) == "neo4j" else ("",)
    return [Path(path, name) for name in names]


def _named_format(path: str | Path, format: str | None) -> str:
    return PurePath(path).suffix.lower().removeprefix(".") if format is None else format


# Writers, one for each format


def write_lines(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSON lines, unchanged.

    Args:
        rows (Iterable[Mapping[str, Any]]): The rows.
        path (Path): The file. Missing folders are created.

    Raises:
        FileError: R034 if the file can't be written.
    """
    with write_whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.writelines(strict_json.dumps(row) + "\n" for row in rows)


def _write_csv(rows: Iterable[Row], path: Path, delimiter: str = ",") -> None:
    with write_whole(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter)
        table.writerow(TripleRow._fields)
        table.writerows(_all_triples(rows))


def _write_parquet(rows: Iterable[Row], path: Path) -> None:
    from pyarrow.parquet import ParquetWriter

    with write_whole(path) as unfinished, ParquetWriter(unfinished, triple_schema()) as table:
        for chunk in minibatch(_all_triples(rows), _CHUNK):
            table.write_table(triple_table(chunk))


def _write_nt(rows: Iterable[Row], path: Path, base: str, provenance: bool) -> None:
    from rdflib import Graph

    # Lines are independent, so the file is written in chunks and may be larger than the memory.
    with write_whole(path) as unfinished, unfinished.open("wb") as file:
        for chunk in minibatch(_statements(rows, base, provenance), _CHUNK):
            graph = Graph()
            for statement in chunk:
                graph.add(statement)
            file.write(graph.serialize(format="nt", encoding="utf-8"))


def _write_ttl(rows: Iterable[Row], path: Path, base: str, provenance: bool) -> None:
    from rdflib import Graph
    from rdflib.namespace import NamespaceManager

    class Prefixes(NamespaceManager):
        """Shortens what our prefixes fit, and nothing else: rdflib cuts others within a percent-encoded character."""

        def compute_qname(self, uri: str, generate: bool = True) -> Any:
            return super().compute_qname(uri, generate=False)

    graph = Graph()
    graph.namespace_manager = Prefixes(graph)
    for kind in ("entity", "type", "relation", "statement", "property"):
        graph.bind(kind, f"{_prefix(base)}{kind}/")
    for statement in _statements(rows, base, provenance):
        graph.add(statement)
    with write_whole(path) as unfinished, unfinished.open("wb") as file:
        file.write(graph.serialize(format="turtle", encoding="utf-8"))


def _write_graphml(rows: Iterable[Row], path: Path) -> None:
    import networkx

    graph = triple_graph(_all_triples(rows), node=_Numbers().__getitem__, text=_xml)
    with write_whole(path) as unfinished:
        networkx.write_graphml(graph, unfinished)


def _write_neo4j(rows: Iterable[Row], path: Path) -> None:
    numbers = _Numbers()
    with ExitStack() as stack:

        def table(name: str, *header: str) -> Callable[..., None]:
            file = stack.enter_context(write_whole(path / name))
            rows = csv.writer(stack.enter_context(file.open("w", encoding="utf-8", newline="")))

            def write_row(*cells: Any) -> None:
                # Neo4j reads a line as a row, unless told otherwise.
                rows.writerow(_LINE_BREAKS.sub(" ", str(cell)) for cell in cells)

            write_row(*header)
            return write_row

        add_node = table(_NEO4J_FILES[0], "entity:ID", "name", "type", ":LABEL")
        add_relationship = table(_NEO4J_FILES[1], ":START_ID", ":END_ID", ":TYPE", *map(_neo4j_field, DETAILS))
        for triple in _all_triples(rows):
            for entity in triple.entities:
                if entity not in numbers:
                    # A semicolon separates labels in neo4j files.
                    add_node(numbers[entity], *entity, entity[1].replace(";", ","))
            subject, object_ = (numbers[entity] for entity in triple.entities)
            add_relationship(subject, object_, triple.relation, *triple.details.values())


class Target(NamedTuple):
    """An output format.

    Attributes:
        write (Callable): Function that writes rows to a path. For RDF it also takes `base` and `provenance`.
        package (str): Package that the format needs. Empty if none.
        extra (str): Extra of spacy-rin that installs the package.
    """

    write: Callable[..., None]
    package: str = ""
    extra: str = ""


OUTPUT_FORMATS = {
    "jsonl": Target(write_lines),
    "csv": Target(_write_csv),
    "tsv": Target(partial(_write_csv, delimiter="\t")),
    "parquet": Target(_write_parquet, "pyarrow", "parquet"),
    "nt": Target(_write_nt, "rdflib", "graph"),
    "ttl": Target(_write_ttl, "rdflib", "graph"),
    "graphml": Target(_write_graphml, "networkx", "graph"),
    "neo4j": Target(_write_neo4j),
}


# Helpers of the writers


class _Numbers(dict[Entity, int]):
    """Numbers entities from 0, in the order in which they are first looked up."""

    def __missing__(self, entity: Entity) -> int:
        self[entity] = len(self)
        return self[entity]


def _all_triples(rows: Iterable[Row]) -> Iterator[TripleRow]:
    return (triple for row in rows for triple in triples(row))


def _statements(rows: Iterable[Row], base: str, provenance: bool) -> Iterator[Statement]:
    """Convert rows to RDF statements. Statements about known entities, relations and triples are not repeated."""
    from rdflib import RDF, RDFS, Literal, URIRef

    known: set[tuple[Any, ...]] = set()
    numbers: Counter[str] = Counter()  # of the statements of each document, as several can have the same id

    def iri(*names: str) -> URIRef:
        return URIRef(_prefix(base) + "/".join(map(_segment, names)))

    def named(*names: str) -> Iterator[Statement]:
        """Yield the label of a resource, which is its last name, and its type, if there is a middle name."""
        if names not in known:
            known.add(names)
            yield iri(*names), RDFS.label, Literal(names[-1])
            if names[1:-1] and names[1]:
                yield iri(*names), RDF.type, iri("type", names[1])
                yield from named("type", names[1])

    for row in rows:
        for triple in triples(row):
            ends = [("entity", kind, text) for text, kind in triple.entities]
            subject, relation, object_ = iri(*ends[0]), iri("relation", triple.relation), iri(*ends[1])
            for names in (*ends, ("relation", triple.relation)):
                yield from named(*names)
            if (ends[0], triple.relation, ends[1]) not in known:
                known.add((ends[0], triple.relation, ends[1]))
                yield subject, relation, object_
            if provenance:
                ident = str(triple.document)
                statement = iri("statement", ident, str(numbers[ident]))
                numbers[ident] += 1
                yield statement, RDF.type, RDF.Statement
                yield from zip(
                    repeat(statement), (RDF.subject, RDF.predicate, RDF.object), (subject, relation, object_)
                )
                for name, value in triple.details.items():
                    yield statement, iri("property", name), Literal(value)


def _prefix(base: str) -> str:
    return base if base.endswith(("/", "#", ":")) else f"{base}/"


def _is_base(base: str) -> bool:
    """Whether IRIs can begin with a string."""
    try:
        return bool(urlsplit(base).scheme) and is_unicode(base) and not _NOT_IN_IRIS.search(base)
    except ValueError:  # brackets that hold no address
        return False


def _segment(name: str) -> str:
    """Write a name as a part of an IRI. Programs resolve "." and ".." as they do in paths, so these are encoded."""
    return name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="")


def _xml(text: str) -> str:
    """Replace characters that XML can't represent, such as control characters."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _neo4j_field(name: str) -> str:
    return f"{name}:double" if name == "score" else f"{name}:long" if name.endswith(("_start", "_end")) else name
