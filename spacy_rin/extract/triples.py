"""Triples and entities as rows of tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

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

Row = Mapping[str, Any]
Entity = tuple[str, str]  # text, type


class TripleRow(NamedTuple):
    """A triple with its source: one row of a table.

    Attributes:
        document (int | str): Id of the document.
        subject (str): Text of the subject.
        subject_type (str): Entity type of the subject.
        subject_start (int): Character offset where the subject starts.
        subject_end (int): Character offset where the subject ends, exclusive.
        relation (str): Label of the relation.
        object (str): Text of the object.
        object_type (str): Entity type of the object.
        object_start (int): Character offset where the object starts.
        object_end (int): Character offset where the object ends, exclusive.
        score (float): Probability of the triple.
        sentence (str): The sentence that states the triple.
        sentence_start (int): Character offset where the sentence starts.
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
        """The keys of subject and object in a graph: (text with normalized whitespace, type)."""
        return _entity(self.subject, self.subject_type), _entity(self.object, self.object_type)

    @property
    def details(self) -> dict[str, Any]:
        """The properties of an edge in a graph, by name: source, offsets and score."""
        return {name: getattr(self, name) for name in DETAILS} | {"document": str(self.document)}


def triples(row: Row) -> Iterator[TripleRow]:
    """Yield the triples of a row.

    Args:
        row (Mapping[str, Any]): A row of `extract`. "id" may be missing.

    Yields:
        TripleRow: The triples in order. A failed document has none.
    """
    text, entities = row.get("text", ""), row.get("entities", ())
    for (subject, label, object_), score, (start, end) in zip(
        row.get("relations", ()), row.get("scores", ()), row.get("sentences", ())
    ):
        ends = [(text[first:last], kind, first, last) for first, last, kind in (entities[subject], entities[object_])]
        yield TripleRow(row.get("id", ""), *ends[0], label, *ends[1], score, text[start:end], start)


def row_entities(row: Row) -> list[Entity]:
    """Get the entities of a row, whether they are in a triple or not.

    Args:
        row (Mapping[str, Any]): A row of `extract`. A failed document has none.

    Returns:
        list[Entity]: Their keys in a graph, see `TripleRow.entities`, each once.
    """
    return list(dict.fromkeys(_entity(row["text"][start:end], kind) for start, end, kind in row.get("entities", ())))


def triple_schema() -> Any:
    """Get the schema of triples in Parquet.

    Returns:
        pyarrow.Schema: A column for each field of `TripleRow`. Ids are strings.
    """
    import pyarrow

    types = {"document": pyarrow.string(), "score": pyarrow.float64()}
    types |= {name: pyarrow.int64() for name in TripleRow._fields if name.endswith(("_start", "_end"))}
    return pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in TripleRow._fields])


def triple_table(found: Iterable[TripleRow]) -> Any:
    """Make a table of triples.

    Args:
        found (Iterable[TripleRow]): The triples.

    Returns:
        pyarrow.Table: A row for each.
    """
    import pyarrow

    records = [triple._replace(document=str(triple.document))._asdict() for triple in found]
    return pyarrow.Table.from_pylist(records, triple_schema())


def entity_schema() -> Any:
    """Get the schema of entities in Parquet.

    Returns:
        pyarrow.Schema: Columns for the id of the document, the text and type of the entity, and its offsets.
    """
    import pyarrow

    text, number = pyarrow.string(), pyarrow.int64()
    return pyarrow.schema({"document": text, "text": text, "type": text, "start": number, "end": number})


def entity_table(rows: Iterable[Row]) -> Any:
    """Make a table of the entities of documents.

    Args:
        rows (Iterable[Mapping[str, Any]]): Rows of `extract`. Failed documents have no entities.

    Returns:
        pyarrow.Table: A row for each entity.
    """
    import pyarrow

    records = [
        {"document": str(row["id"]), "text": row["text"][start:end], "type": kind, "start": start, "end": end}
        for row in rows
        for start, end, kind in row.get("entities", ())
    ]
    return pyarrow.Table.from_pylist(records, entity_schema())


def _entity(name: str, kind: str) -> Entity:
    return " ".join(name.split()), kind
