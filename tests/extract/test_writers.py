"""Every target read back by its own library, and compared with the triples."""

import csv
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.extract.writers import DETAILS, OUTPUT_FORMATS, TripleRow, triples, write


def make_row(ident: Any, *facts: Any, sentence: Any = "{}") -> Any:
    """A row that states facts (subject, type, relation, object, type, score), each in a line of its own."""
    row = {"id": ident, "text": "", "entities": [], "relations": [], "scores": [], "sentences": []}
    for subject, subject_type, relation, object_, object_type, score in facts:
        start = len(row["text"])
        for name, kind in ((subject, subject_type), (object_, object_type)):
            row["entities"].append([len(row["text"]), len(row["text"]) + len(name), kind])
            row["text"] += f"{name}, "
        row["relations"].append([len(row["entities"]) - 2, relation, len(row["entities"]) - 1])
        row["scores"].append(score)
        row["sentences"].append([start, len(row["text"])])
    return row


ROWS = [
    make_row(
        1,
        ("Ada", "PERSON", "born in", "London", "PLACE", 0.75),
        ("Ada", "PERSON", "née", 'the "Ace", =1+1', "NAME;X", 0.5),
        ("Ada", "PERSON", "born in", "London", "PLACE", 0.25),
    ),
    make_row("a/b?c", ("שלום\nעולם", "ORG/EU", "<in> & {of} a/b", "😀 \\ 'x'\t", "PLACE", 1.0)),
    {"id": 3, "error": "the text is empty"},
    make_row(4),
    make_row("-5", ("=cmd", "PLACE", "born in", "London", "ORG", 0.125), ("=cmd", "PLACE", "is", "=cmd", "PLACE", 1)),
]
TRIPLES = [triple for row in ROWS for triple in triples(row)]


def as_text(triple: Any) -> Any:
    return tuple(map(str, triple))


def test_triples() -> None:
    assert TRIPLES[1] == TripleRow(
        1, "Ada", "PERSON", 13, 16, "née", 'the "Ace", =1+1', "NAME;X", 18, 33, 0.5, 'Ada, the "Ace", =1+1, ', 13
    )
    assert len(TRIPLES) == 6
    assert TRIPLES[3].entities == (("שלום עולם", "ORG/EU"), ("😀 \\ 'x'", "PLACE"))


def test_jsonl(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "out.jsonl")
    assert list(map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())) == [
        row for row in ROWS if "text" in row
    ]


def read_csv(path: Path, delimiter: Any = ",") -> Any:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    return tuple(header), [tuple(row) for row in rows]


@pytest.mark.parametrize("suffix,delimiter", [("csv", ","), ("tsv", "\t")])
def test_tables(tmp_path: Path, suffix: str, delimiter: str) -> None:
    write(ROWS, tmp_path / f"out.{suffix}")
    assert read_csv(tmp_path / f"out.{suffix}", delimiter) == (TripleRow._fields, list(map(as_text, TRIPLES)))


# NUL is left out: Python's own reader of CSV refuses it in 3.10.
HOSTILE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
FACTS = st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.floats(0, 1)), max_size=4)


@given(FACTS)
def test_tables_keep_all_characters(tmp_path_factory: pytest.TempPathFactory, facts: Any) -> None:
    path = tmp_path_factory.mktemp("out") / "out.csv"
    row = make_row("x", *facts)
    write([row], path)
    assert read_csv(path)[1] == list(map(as_text, triples(row)))


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write(ROWS, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert [TripleRow(**row) for row in table.to_pylist()] == [t._replace(document=str(t.document)) for t in TRIPLES]
    assert str(table.schema.field("score").type) == "double"
    assert str(table.schema.field("subject_start").type) == "int64"


def parse_rdf(path: Path) -> Any:
    """Labels of what has some, triples by label, and types by label."""
    from rdflib import RDF, RDFS, Graph

    graph = Graph().parse(path)
    labels = {node: str(label) for node, _, label in graph.triples((None, RDFS.label, None))}
    types = {node: labels[kind] for node, _, kind in graph.triples((None, RDF.type, None)) if kind != RDF.Statement}
    stated = {
        ((labels[s], types.get(s, "")), labels[p], (labels[o], types.get(o, "")))
        for s, p, o in graph
        if "/relation/" in p and s in labels
    }
    return graph, stated


def graph_triples(triples: Any) -> Any:
    return {(t.entities[0], t.relation, t.entities[1]) for t in triples}


@pytest.mark.parametrize("suffix", ["nt", "ttl"])
def test_rdf(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("rdflib")
    write(ROWS, tmp_path / f"out.{suffix}", base="https://kb.test/x")
    graph, stated = parse_rdf(tmp_path / f"out.{suffix}")
    assert stated == graph_triples(TRIPLES) and len(stated) == 5
    for node in graph.all_nodes():
        if "/entity/" in node:
            kind, text = (unquote(part) for part in node.removeprefix("https://kb.test/x/entity/").split("/"))
            assert (text, kind) in {entity for t in TRIPLES for entity in t.entities}
    assert "0.75" not in (tmp_path / f"out.{suffix}").read_text()


@given(FACTS)
def test_rdf_keeps_all_characters(tmp_path_factory: pytest.TempPathFactory, facts: Any) -> None:
    pytest.importorskip("rdflib")
    row = make_row("x", *facts)
    for suffix in ("nt", "ttl"):
        path = tmp_path_factory.mktemp("out") / f"out.{suffix}"
        write([row], path)
        assert parse_rdf(path)[1] == graph_triples(triples(row))


@pytest.mark.parametrize("suffix", ["nt", "ttl"])
def test_strict_stores_read_any_relation(tmp_path: Path, suffix: str) -> None:
    pyoxigraph = pytest.importorskip("pyoxigraph")
    names = ["/people/person/born", "état", "born_in", "a b", "100%", "1.5", "org:founded", "出生", "x", "%41", "a%2Fb"]
    row = make_row("x", *((f"Ada {i}", "PERSON", name, "Larne", "PLACE", 0.5) for i, name in enumerate(names)))
    write([row], tmp_path / f"out.{suffix}", provenance=True)
    quads = list(pyoxigraph.parse(path=str(tmp_path / f"out.{suffix}")))
    _, stated = parse_rdf(tmp_path / f"out.{suffix}")
    found = {
        unquote(quad.predicate.value.rpartition("/relation/")[2])
        for quad in quads
        if "/relation/" in quad.predicate.value
    }
    assert found == {*names} == {relation for _, relation, _ in stated}


def test_rdf_provenance(tmp_path: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    write(ROWS, tmp_path / "out.nt", base="urn:kb:", provenance=True)
    graph = rdflib.Graph().parse(tmp_path / "out.nt")
    found = []
    for statement in graph.subjects(rdflib.RDF.type, rdflib.RDF.Statement):
        fact = tuple(
            graph.value(statement, part) for part in (rdflib.RDF.subject, rdflib.RDF.predicate, rdflib.RDF.object)
        )
        assert fact in graph  # also stated itself
        names = tuple(str(graph.value(node, rdflib.RDFS.label)) for node in fact)
        values = {name: graph.value(statement, rdflib.URIRef(f"urn:kb:property/{name}")).toPython() for name in DETAILS}
        found.append((names, values))
    expected = [((t.entities[0][0], t.relation, t.entities[1][0]), t.details) for t in TRIPLES]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_statements_of_documents_with_the_same_id(tmp_path: Path) -> None:
    """The number 1 and the string "1" are the same in an IRI."""
    rdflib = pytest.importorskip("rdflib")
    facts = [("Ada", "P", "left", "Rome", "C", 0.9), ("Tom", "P", "left", "Wick", "C", 0.5)]
    write(
        [{**make_row("", fact), "id": ident} for ident, fact in zip((1, "1"), facts)],
        tmp_path / "out.nt",
        provenance=True,
    )
    graph = rdflib.Graph().parse(tmp_path / "out.nt")
    found = set()
    for statement in graph.subjects(rdflib.RDF.type, rdflib.RDF.Statement):
        (subject,) = graph.objects(statement, rdflib.RDF.subject)
        (score,) = graph.objects(statement, rdflib.URIRef("https://example.org/property/score"))
        found.add((str(graph.value(subject, rdflib.RDFS.label)), score.toPython()))
    assert found == {("Ada", 0.9), ("Tom", 0.5)}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_nt_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    pytest.importorskip("rdflib")
    monkeypatch.setattr("spacy_rin.extract.writers._CHUNK", count)
    write(ROWS, tmp_path / "out.nt")
    assert parse_rdf(tmp_path / "out.nt")[1] == graph_triples(TRIPLES)
    lines = (tmp_path / "out.nt").read_text("utf-8").splitlines()
    assert len(lines) == len(set(lines))  # nothing is stated twice


def test_graphml(tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    write([*ROWS, make_row("z", ("a\0b", "X", "\x1f", "\ufffe", "Y", 0.5))], tmp_path / "out.graphml")
    graph = networkx.read_graphml(tmp_path / "out.graphml")
    assert isinstance(graph, networkx.MultiDiGraph)
    found = [
        ((nodes[s]["label"], nodes[s]["type"]), edge.pop("label"), (nodes[o]["label"], nodes[o]["type"]), edge)
        for nodes in [graph.nodes]
        for s, o, edge in graph.edges(data=True)
    ]
    expected = [(t.entities[0], t.relation, t.entities[1], t.details) for t in TRIPLES]
    replaced = [entry for entry in found if entry[3]["document"] == "z"]
    assert sorted((e for e in found if e not in replaced), key=str) == sorted(expected, key=str)
    assert [entry[:3] for entry in replaced] == [(("a\ufffdb", "X"), "\ufffd", ("\ufffd", "Y"))]
    assert graph.number_of_nodes() == len({entity for t in TRIPLES for entity in t.entities}) + 2


def test_neo4j(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "out.neo4j")
    header, nodes = read_csv(tmp_path / "out.neo4j" / "nodes.csv")
    assert header == ("entity:ID", "name", "type", ":LABEL")
    assert [row[1:3] for row in nodes] == list(dict.fromkeys(entity for t in TRIPLES for entity in t.entities))
    assert [row[3] for row in nodes if row[2] == "NAME;X"] == ["NAME,X"]
    names = {row[0]: row[1:3] for row in nodes}
    assert len(names) == len(nodes)
    header, relationships = read_csv(tmp_path / "out.neo4j" / "relationships.csv")
    assert header[:5] == (":START_ID", ":END_ID", ":TYPE", "document", "score:double")
    assert [name.split(":")[0] for name in header[3:]] == list(DETAILS)
    assert [(names[row[0]], row[2], names[row[1]]) for row in relationships] == [
        (t.entities[0], t.relation, t.entities[1]) for t in TRIPLES
    ]
    assert [row[3:] for row in relationships] == [
        tuple(str(value).replace("\n", " ") for value in t.details.values()) for t in TRIPLES
    ]
    # One line each, as neo4j-admin reads it unless told otherwise
    assert len((tmp_path / "out.neo4j" / "relationships.csv").read_bytes().split(b"\n")) == len(TRIPLES) + 2


def test_line_breaks_for_neo4j(tmp_path: Path) -> None:
    write([make_row("a\nb", ("Ada\nL.", "A\r\nB", "is\nin", "London", "A B", 0.5))], tmp_path / "out.neo4j")
    for name, rows in [("nodes", 2), ("relationships", 1)]:
        content = (tmp_path / "out.neo4j" / f"{name}.csv").read_bytes()
        assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n") == rows + 1
    _, nodes = read_csv(tmp_path / "out.neo4j" / "nodes.csv")
    assert [row[1:] for row in nodes] == [("Ada L.", "A  B", "A  B"), ("London", "A B", "A B")]
    _, relationships = read_csv(tmp_path / "out.neo4j" / "relationships.csv")
    assert relationships[0][2:4] == ("is in", "a b")


# The header of neo4j-admin import: NAME:TYPE, where properties without a type are strings.
NEO4J_TYPES = {"double": float, "long": int, "": str}


def test_neo4j_as_its_manual_says(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "out.neo4j")
    tables = {}
    for name, special in [("nodes", ["ID", "LABEL"]), ("relationships", ["END_ID", "START_ID", "TYPE"])]:
        header, rows = read_csv(tmp_path / "out.neo4j" / f"{name}.csv")
        fields = [field.partition(":")[::2] for field in header]
        assert sorted(kind for _, kind in fields if kind.isupper()) == special
        properties = [prop for prop, kind in fields if not kind.isupper()]
        assert len(set(properties)) == len(properties) and all(prop.isidentifier() for prop in properties)
        for row in rows:
            assert len(row) == len(header)
            for cell, (_, kind) in zip(row, fields):
                assert kind.isupper() or NEO4J_TYPES[kind](cell) is not None
                assert not kind.isupper() or kind == "LABEL" or cell
        tables[name] = [dict(zip((kind if kind.isupper() else prop for prop, kind in fields), row)) for row in rows]
    ids = [node["ID"] for node in tables["nodes"]]
    assert len(set(ids)) == len(ids)
    assert {edge[end] for edge in tables["relationships"] for end in ("START_ID", "END_ID")} == set(ids)


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_nothing_found(tmp_path: Path, format: Any) -> None:
    package = OUTPUT_FORMATS[format].package
    if package:
        pytest.importorskip(package)
    write([make_row(1), {"id": 2, "error": "x"}], tmp_path / "out", format)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_nothing_is_half_written(tmp_path: Path, format: Any) -> None:
    package = OUTPUT_FORMATS[format].package
    if package:
        pytest.importorskip(package)
    path = tmp_path / "out"
    write(ROWS, path, format)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    def broken() -> Any:
        yield ROWS[1]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(broken(), path, format)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, options, code in [
        ("out.xml", {}, "R031.*neo4j"),
        ("out", {}, "R034.*--format"),
        ("out.nt", {"base": "no iri"}, "R067"),
        ("out.ttl", {"base": "https://x.test/<"}, "R067"),
    ]:
        with pytest.raises(ValueError, match=code):
            write(ROWS, tmp_path / name, **options)
    monkeypatch.setattr("spacy_rin.extract.writers.find_spec", lambda package: None)
    for format, extra in [("parquet", "parquet"), ("ttl", "graph"), ("graphml", "graph")]:
        with pytest.raises(ValueError, match=rf"R060.*spacy-rin\[{extra}\]"):
            write(ROWS, tmp_path / "out", format)
    assert not list(tmp_path.iterdir())


def test_dots_are_no_paths(tmp_path: Path) -> None:
    """Programs resolve "." and ".." in IRIs, and would read another one."""
    rdflib = pytest.importorskip("rdflib")
    row = make_row("..", ("..", "A", ".", "a.b", "..", 0.5))
    for suffix in ("nt", "ttl"):
        write([row], tmp_path / f"out.{suffix}", provenance=True)
        graph = rdflib.Graph().parse(tmp_path / f"out.{suffix}")
        assert (rdflib.URIRef("https://example.org/entity/A/%2E%2E"), None, None) in graph
        assert (None, rdflib.URIRef("https://example.org/relation/%2E"), None) in graph
        assert (None, None, rdflib.URIRef("https://example.org/entity/%2E%2E/a.b")) in graph
        assert (rdflib.URIRef("https://example.org/statement/%2E%2E/0"), None, None) in graph


def test_infinity_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write([{"id": 1, "text": "a", "meta": float("inf")}], tmp_path / "out.jsonl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("base", ["http://[", "http://a\ud800/", "//x", "https://x.test/ a"])
def test_bases_that_are_no_iris(tmp_path: Path, base: str) -> None:
    pytest.importorskip("rdflib")
    with pytest.raises(ValueError, match="R067"):
        write(ROWS, tmp_path / "out.nt", base=base)
