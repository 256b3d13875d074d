"""The pages about using triples: their code runs with the real libraries, and finds what it should."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from spacy_rin.extract import merge_facts
from spacy_rin.extract.writers import write

from .support import write_shards
from .test_writers import make_row

pytest.importorskip("pyarrow")

PAGES = Path(__file__).parents[2] / "docs" / "use"
BORN = ("born_in", "London", "PLACE")
ROWS = [
    make_row("a", ("Ada", "PERSON", *BORN, 0.5), ("Ada", "PERSON", "leads", "Nimbus", "ORG", 0.75)),
    make_row("b", ("Ada", "PERSON", *BORN, 0.875)),
    make_row("c", ("Bo", "PERSON", *BORN, 1.0)),
]
FACTS = [
    ("Ada", "born_in", "London", 2, 0.875),
    ("Bo", "born_in", "London", 1, 1.0),
    ("Ada", "leads", "Nimbus", 1, 0.75),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with what extractions wrote."""
    write_shards(ROWS, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_page(name: str) -> dict[str, Any]:
    """Run the Python code of a page, and return its variables."""
    document = Sybil([PythonCodeBlockParser()]).parse(PAGES / name)
    for example in document.examples():
        example.evaluate()
    return document.namespace


def test_every_page_is_tested() -> None:
    tested = {"facts.md", "duckdb.md", "ladybug.md", "rdf.md", "python.md", "frameworks.md"}
    assert {page.name for page in PAGES.glob("*.md") if "```python" in page.read_text("utf8")} == tested


def test_facts(folder: Path) -> None:
    pytest.importorskip("duckdb")
    assert run_page("facts.md")["summary"][:4] == (4, 3, 4, 3)


def test_duckdb(folder: Path) -> None:
    pytest.importorskip("duckdb")
    merge_facts(["out"], "facts.parquet")
    found = run_page("duckdb.md")
    assert [fact[:5] for fact in found["facts"].fetchall()] == FACTS
    assert found["facts"].fetchall()[0][5] == "Ada, London, "
    assert all(hasattr(found["facts"], name) for name in ("df", "arrow", "write_csv"))
    assert found["born"].fetchall() == [("Ada", "Bo", "London", 1)]


def test_ladybug(folder: Path) -> None:
    pytest.importorskip("ladybug")
    found = run_page("ladybug.md")
    assert list(map(tuple, found["facts"])) == FACTS
    assert list(map(tuple, found["born"])) == [("Bo", "London")]
    found["graph"].close()


def test_rdf(folder: Path) -> None:
    pytest.importorskip("pyoxigraph")
    pytest.importorskip("rdflib")
    write(ROWS, "triples.nt", provenance=True)
    found = run_page("rdf.md")
    assert [(*fact[:3], int(fact[3]), float(fact[4])) for fact in found["facts"]] == FACTS


def test_python(folder: Path, model: Path) -> None:
    for package in ("networkx", "pandas", "duckdb"):
        pytest.importorskip(package)
    merge_facts(["out"], "facts.parquet")
    shutil.copytree(model, "training/model-best")
    found = run_page("python.md")
    assert [tuple(row) for row in found["frame"][["document", "subject", "relation", "object"]].to_numpy()] == [
        ("a", "Ada Brook", "born_in", "Larne"),
        ("b", "Ada Brook", "leads", "Orbix"),
        ("c", "Tom Hale", "founded", "Orbix"),
        ("c", "Tom Hale", "leads", "Orbix"),
    ]
    assert found["graph"].number_of_edges() == 4
    assert (len(found["found"]), len(found["facts"])) == (4, 3)


@pytest.mark.filterwarnings("ignore")
def test_frameworks(folder: Path, model: Path) -> None:
    for package in ("neo4j_graphrag", "llama_index.core", "langchain_neo4j"):
        pytest.importorskip(package)
    shutil.copytree(model, "training/model-best")
    found = run_page("frameworks.md")
    assert [(s.name, relation.label, o.name) for s, relation, o in found["stated"]] == [
        ("Ada Brook", "born_in", "Larne")
    ]
    (edge,) = found["graphs"][0].relationships
    assert (edge.source.id, edge.type, edge.target.id) == ("Ada Brook", "born_in", "Larne")
    chunks = {"text": "Ada Brook leads Orbix ."}
    graph = asyncio.run(found["pipeline"].run({"splitter": chunks})).result["extractor"]
    assert [edge["type"] for edge in graph["relationships"]].count("leads") == 1
