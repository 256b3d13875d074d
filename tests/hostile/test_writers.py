"""Hostile names through every writer, read back by another library."""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from spacy_rin.extract.writers import OUTPUT_FORMATS, TripleRow, triples, write

from .mutate import STRANGE, hostile_text
from .support import TALLY, seeds

NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def hostile_row(number: int, chance: Random) -> dict[str, Any]:
    """A row of `extract` with hostile names, types and relations."""

    def name() -> str:
        return hostile_text(chance).strip() or chance.choice(["..", ".", "x"])

    text, entities = "", []
    for _ in range(chance.randint(1, 5)):
        word = name()
        entities.append([len(text), len(text) + len(word), chance.choice([name(), "PERSON", ".."])])
        text += word + chance.choice([" ", "\n", ""])
    places = range(len(entities))
    relations = [[chance.choice(places), name(), chance.choice(places)] for _ in range(chance.randint(0, 4))]
    scores = [chance.choice([0.0, 1.0, 0.5, 1e-300]) for _ in relations]
    ident = chance.choice([number, f"{number} {chance.choice(STRANGE)}", f"{number}/.."])
    sentences = [[0, len(text)]] * len(relations)
    return {
        "id": ident,
        "text": text,
        "entities": entities,
        "relations": relations,
        "scores": scores,
        "sentences": sentences,
    }


def read_table(path: Path, delimiter: str) -> Any:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=delimiter))


def facts(found: list[TripleRow], plain: Any = lambda text: text) -> Counter[Any]:
    """How often each triple is stated, by the names of the graph."""
    return Counter(
        tuple(plain(part) for part in (*triple.entities[0], triple.relation, *triple.entities[1])) for triple in found
    )


def read_rdf(path: Path) -> Any:
    from rdflib import RDFS, Graph, URIRef

    graph = Graph().parse(path)
    names = {node: str(label) for node, label in graph.subject_objects(RDFS.label)}
    for node in graph.all_nodes():
        assert not isinstance(node, URIRef) or not {".", ".."} & set(node.split("/"))
    return {(names[s], names[p], names[o]) for s, p, o in graph if p in names}


def check_back(path: Path, format: str, rows: Any) -> None:
    """Compare a file with the rows that were written."""
    found = [triple for row in rows for triple in triples(row)]
    match format:
        case "jsonl":
            assert [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]] == rows
        case "csv" | "tsv":
            table = read_table(path, "," if format == "csv" else "\t")
            assert table == [list(TripleRow._fields), *([str(value) for value in triple] for triple in found)]
        case "parquet":
            parquet = pytest.importorskip("pyarrow.parquet")
            plain = [triple._replace(document=str(triple.document))._asdict() for triple in found]
            assert parquet.read_table(path).to_pylist() == plain
        case "nt" | "ttl":
            expected = {(triple.entities[0][0], triple.relation, triple.entities[1][0]) for triple in found}
            assert read_rdf(path) == expected
        case "graphml":
            networkx = pytest.importorskip("networkx")
            graph = networkx.read_graphml(path)
            nodes = graph.nodes
            edges = [
                (nodes[s]["label"], nodes[s]["type"], edge["label"], nodes[o]["label"], nodes[o]["type"])
                for s, o, edge in graph.edges(data=True)
            ]
            assert Counter(map(unbroken, edges)) == Counter(map(unbroken, facts(found, printable).elements()))
        case "neo4j":
            nodes = {row[0]: row[1:3] for row in read_table(path / "nodes.csv", ",")[1:]}
            lines = read_table(path / "relationships.csv", ",")[1:]
            assert Counter((*nodes[row[0]], row[2], *nodes[row[1]]) for row in lines) == facts(found, on_one_line)


def printable(text: str) -> str:
    return NO_XML.sub("\ufffd", text)


def on_one_line(text: str) -> str:
    """Neo4j reads a line as a row."""
    return re.sub("[\r\n]", " ", text)


def unbroken(names: tuple[str, ...]) -> tuple[str, ...]:
    """XML turns all line breaks into one kind."""
    return tuple(name.replace("\r\n", "\n").replace("\r", "\n") for name in names)


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_writers(format: str, tmp_path: Path, hostile: int) -> None:
    if package := OUTPUT_FORMATS[format].package:
        pytest.importorskip(package)

    @seeds(5 * hostile)
    def check(seed: int) -> None:
        chance = Random(seed)
        rows = [hostile_row(number, chance) for number in range(chance.randint(0, 5))]
        options = {"provenance": True} if format in ("nt", "ttl") and chance.random() < 0.3 else {}
        write(rows, tmp_path / "out", format, **options)
        if format not in ("nt", "ttl"):
            check_back(tmp_path / "out", format, rows)
        else:
            (tmp_path / "out").rename(tmp_path / f"out.{format}")
            check_back(tmp_path / f"out.{format}", format, rows)
        TALLY["files written"] += 1

    check()
