"""Triples written to files that other tools read: tables, RDF and property graphs.

Each writer takes rows as `extract` gives them, one after another. A new target needs a function, and an entry in
`OUTPUT_FORMATS`. In graphs, an entity is what has the same text, runs of blanks aside, and the same type.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from spacy.util import minibatch

from ..errors import Errors, FileError, MissingPackageError, SettingError
from ..files import write_whole

DEFAULT_BASE = "https://example.org/"

DETAILS = (
    "document",
    "score",
    "subject_start",
    "subject_end",
    "object_start",
    "object_end",
    "sentence",
    "sentence_start",
)
_CHUNK = 10_000  # triples that are in memory at a time, where the target can be written in parts
_LINE_BREAKS = re.compile("[\r\n]")
_NOT_IN_IRIS = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Row = Mapping[str, Any]
Entity = tuple[str, str]  # text, type
Statement = tuple[Any, Any, Any]  # of RDF


class TripleRow(NamedTuple):
    """A triple with all that is known of it: a line of a table.

    Attributes:
        document (int | str): Id of the document.
        subject, object: The entities, as they stand in the text.
        subject_type, object_type: Their types.
        subject_start, subject_end, object_start, object_end: Where they stand, in characters, end exclusive.
        relation (str): The label of the relation.
        score (float): Its probability.
        sentence (str): The text that states it.
        sentence_start (int): Where that starts, in characters.
    """

    document: int | str
    subject: str
    subject_type: str
    subject_start: int
    subject_end: int
    relation: str
    object: str
    object_type: str
    object_start: int
    object_end: int
    score: float
    sentence: str
    sentence_start: int

    @property
    def entities(self) -> tuple[Entity, Entity]:
        """Subject and object as what identifies them in a graph: text and type."""
        return (" ".join(self.subject.split()), self.subject_type), (" ".join(self.object.split()), self.object_type)

    @property
    def details(self) -> dict[str, Any]:
        """What a graph tells of a triple besides its entities and its relation."""
        return {name: getattr(self, name) for name in DETAILS} | {"document": str(self.document)}


def triples(row: Row) -> Iterator[TripleRow]:
    """Yield the triples of a row.

    Args:
        row (Mapping[str, Any]): A row as `extract` gives it; "id" may be missing.

    Yields:
        TripleRow: Its triples, in order; none if the document failed.
    """
    text, entities = row.get("text", ""), row.get("entities", ())
    for (subject, label, object_), score, (start, end) in zip(
        row.get("relations", ()), row.get("scores", ()), row.get("sentences", ())
    ):
        ends = [(text[first:last], kind, first, last) for first, last, kind in (entities[subject], entities[object_])]
        yield TripleRow(row.get("id", ""), *ends[0], label, *ends[1], score, text[start:end], start)


def write(
    rows: Iterable[Row],
    path: str | Path,
    format: str | None = None,
    *,
    base: str = DEFAULT_BASE,
    provenance: bool = False,
) -> None:
    """Write what was extracted to a file, all of it or, if that fails, nothing.

    Args:
        rows (Iterable[Mapping[str, Any]]): Rows as `extract` gives them; documents that failed are left out.
        path (str | Path): The file, or the folder for "neo4j"; folders that it lacks are made.
        format (str | None): A key of `OUTPUT_FORMATS`; None tells it by the suffix.
        base (str): What the IRIs of RDF start with.
        provenance (bool): Whether RDF says where each triple was found, and its score.

    Raises:
        RinError: R031, R034, R060 or R067 if the format is unknown, the file can't be written, a package is
            missing, or the base is no IRI.
    """
    format = check_target(path, format, base=base)
    target = OUTPUT_FORMATS[format]
    options = {"base": base, "provenance": provenance} if target.package == "rdflib" else {}
    target.write((row for row in rows if "error" not in row), Path(path), **options)


def check_target(path: str | Path, format: str | None = None, *, base: str = DEFAULT_BASE) -> str:
    """Return the format of a target, and make sure that it can be written on this machine.

    Args:
        path (str | Path): The file or folder.
        format (str | None): A key of `OUTPUT_FORMATS`; None tells it by the suffix.
        base (str): What the IRIs of RDF start with.

    Returns:
        str: The format.

    Raises:
        RinError: R031, R060 or R067, as `write`.
    """
    format = Path(path).suffix.lower().removeprefix(".") if format is None else format
    if not format:
        raise FileError(Errors.R034, path=path, reason="without a suffix, --format must tell what to write")
    if format not in OUTPUT_FORMATS:
        raise SettingError(Errors.R031, format=format, formats=", ".join(OUTPUT_FORMATS))
    _, package, extra = OUTPUT_FORMATS[format]
    if package and find_spec(package) is None:
        raise MissingPackageError(Errors.R060, what=f"The format '{format}'", package=package, extra=extra)
    if package == "rdflib" and (not urlsplit(base).scheme or _NOT_IN_IRIS.search(base)):
        raise SettingError(Errors.R067, base=base)
    return format


# Writers: rows -> a file


def write_lines(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSON lines, the same as they are.

    Args:
        rows (Iterable[Mapping[str, Any]]): The rows.
        path (Path): The file; folders that it lacks are made.

    Raises:
        RinError: R034 if it can't be written.
    """
    with write_whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _write_csv(rows: Iterable[Row], path: Path, delimiter: str = ",") -> None:
    with write_whole(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter)
        table.writerow(TripleRow._fields)
        table.writerows(_all_triples(rows))


def _write_parquet(rows: Iterable[Row], path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    types = {"document": pyarrow.string(), "score": pyarrow.float64()}
    types |= {name: pyarrow.int64() for name in TripleRow._fields if name.endswith(("_start", "_end"))}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in TripleRow._fields])
    with write_whole(path) as unfinished, ParquetWriter(unfinished, schema) as table:
        for chunk in minibatch(_all_triples(rows), _CHUNK):
            records = [triple._replace(document=str(triple.document))._asdict() for triple in chunk]
            table.write_table(pyarrow.Table.from_pylist(records, schema))


def _write_nt(rows: Iterable[Row], path: Path, base: str, provenance: bool) -> None:
    from rdflib import Graph

    # Each line stands for itself, so that the file can be larger than the memory.
    with write_whole(path) as unfinished, unfinished.open("wb") as file:
        for chunk in minibatch(_statements(rows, base, provenance), _CHUNK):
            graph = Graph()
            for statement in chunk:
                graph.add(statement)
            file.write(graph.serialize(format="nt", encoding="utf-8"))


def _write_ttl(rows: Iterable[Row], path: Path, base: str, provenance: bool) -> None:
    from rdflib import Graph

    graph = Graph()
    for kind in ("entity", "type", "relation", "statement", "property"):
        graph.bind(kind, f"{_prefix(base)}{kind}/")
    for statement in _statements(rows, base, provenance):
        graph.add(statement)
    with write_whole(path) as unfinished, unfinished.open("wb") as file:
        file.write(graph.serialize(format="turtle", encoding="utf-8"))


def _write_graphml(rows: Iterable[Row], path: Path) -> None:
    import networkx

    graph, numbers = networkx.MultiDiGraph(), _Numbers()
    for count, triple in enumerate(_all_triples(rows)):
        for entity in triple.entities:
            graph.add_node(numbers[entity], label=_xml(entity[0]), type=_xml(entity[1]))
        subject, object_ = (numbers[entity] for entity in triple.entities)
        details = {name: _xml(value) if isinstance(value, str) else value for name, value in triple.details.items()}
        graph.add_edge(subject, object_, key=f"e{count}", label=_xml(triple.relation), **details)
    with write_whole(path) as unfinished:
        networkx.write_graphml(graph, unfinished)


def _write_neo4j(rows: Iterable[Row], path: Path) -> None:
    numbers = _Numbers()
    with ExitStack() as stack:

        def table(name: str, *header: str) -> Any:
            file = stack.enter_context(write_whole(path / name))
            rows = csv.writer(stack.enter_context(file.open("w", encoding="utf-8", newline="")))
            rows.writerow(header)
            return rows

        nodes = table("nodes.csv", "entity:ID", "name", "type", ":LABEL")
        relationships = table("relationships.csv", ":START_ID", ":END_ID", ":TYPE", *map(_neo4j_field, DETAILS))
        for triple in _all_triples(rows):
            for entity in triple.entities:
                if entity not in numbers:
                    # A semicolon would begin another label.
                    nodes.writerow([numbers[entity], *entity, entity[1].replace(";", ",")])
            subject, object_ = (numbers[entity] for entity in triple.entities)
            details = (_LINE_BREAKS.sub(" ", str(value)) for value in triple.details.values())
            relationships.writerow([subject, object_, triple.relation, *details])


class Target(NamedTuple):
    """A format of files with triples.

    Attributes:
        write (Callable): Writes rows to a path; those of RDF take `base` and `provenance`, too.
        package (str): The package that it needs, empty if none.
        extra (str): The extra of ours that installs it.
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


# What the writers share


class _Numbers(dict[Entity, int]):
    """Entities and their numbers, in the order in which they were asked for."""

    def __missing__(self, entity: Entity) -> int:
        self[entity] = len(self)
        return self[entity]


def _all_triples(rows: Iterable[Row]) -> Iterator[TripleRow]:
    return (triple for row in rows for triple in triples(row))


def _statements(rows: Iterable[Row], base: str, provenance: bool) -> Iterator[Statement]:
    """Turn rows into statements of RDF; what was stated before is not stated again."""
    from rdflib import RDF, RDFS, Literal, URIRef

    known: set[tuple[Any, ...]] = set()

    def iri(*names: str) -> URIRef:
        return URIRef(_prefix(base) + "/".join(quote(name, safe="") for name in names))

    def named(*names: str) -> Iterator[Statement]:
        """Name what the last of the names is the label of, and its type if there is one between first and last."""
        if names not in known:
            known.add(names)
            yield iri(*names), RDFS.label, Literal(names[-1])
            if names[1:-1] and names[1]:
                yield iri(*names), RDF.type, iri("type", names[1])
                yield from named("type", names[1])

    for row in rows:
        for number, triple in enumerate(triples(row)):
            ends = [("entity", kind, text) for text, kind in triple.entities]
            subject, relation, object_ = iri(*ends[0]), iri("relation", triple.relation), iri(*ends[1])
            for names in (*ends, ("relation", triple.relation)):
                yield from named(*names)
            if (ends[0], triple.relation, ends[1]) not in known:
                known.add((ends[0], triple.relation, ends[1]))
                yield subject, relation, object_
            if provenance:
                statement = iri("statement", str(triple.document), str(number))
                yield statement, RDF.type, RDF.Statement
                yield from zip(
                    repeat(statement), (RDF.subject, RDF.predicate, RDF.object), (subject, relation, object_)
                )
                for name, value in triple.details.items():
                    yield statement, iri("property", name), Literal(value)


def _prefix(base: str) -> str:
    return base if base.endswith(("/", "#", ":")) else f"{base}/"


def _xml(text: str) -> str:
    """Replace what XML has no way to write: control characters."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _neo4j_field(name: str) -> str:
    return f"{name}:double" if name == "score" else f"{name}:long" if name.endswith(("_start", "_end")) else name
