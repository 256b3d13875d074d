"""Facts: what is merged, what is counted, and what is refused."""

import csv
import io
import json
import math
import os
import signal
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from threading import Timer
from typing import Any

import fsspec
import pytest
from fsspec.registry import _registry
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rin.extract import facts as facts_module
from spacy_rin.extract import merge_facts
from spacy_rin.extract.facts import FACT_FORMATS, normal_form
from spacy_rin.extract.triples import triples
from spacy_rin.extract.writers import write

from ..support import run
from .support import Web, write_shards
from .test_writers import HOSTILE, make_row

parquet = pytest.importorskip("pyarrow.parquet")
duckdb = pytest.importorskip("duckdb")

BORN = ("born in", "London", "PLACE")
ROWS = [
    make_row("a", ("Ada", "PERSON", *BORN, 0.5), ("ADA", "PERSON", *BORN, 0.75)),
    make_row("b", ("Ada", "PERSON", "born in", "LONDON", "PLACE", 0.5)),
    make_row("c", ("Ada", "PERSON", "leads", "the\nＡＣＥ  club", "ORG", 1.0)),
    make_row("d", ("Ada", "ROBOT", *BORN, 0.25)),
    {"id": "e", "error": "the text is empty"},
]
FACTS = [
    # 0.875 = 1 - (1 - 0.75) * (1 - 0.5)
    ["Ada", "PERSON", "born in", "London", "PLACE", 2, 3, 0.75, 0.625, 0.875, "a", "ADA, London, "],
    ["Ada", "PERSON", "leads", "the ＡＣＥ club", "ORG", 1, 1, 1.0, 1.0, 1.0, "c", "Ada, the\nＡＣＥ  club, "],
    ["Ada", "ROBOT", "born in", "London", "PLACE", 1, 1, 0.25, 0.25, 0.25, "d", "Ada, London, "],
]


def read(path: Path) -> list[list[Any]]:
    return [list(row.values()) for row in parquet.read_table(path).to_pylist()]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_sentence_as_long_as_a_text(tmp_path: Path, format: str) -> None:
    row = make_row("a", ("Ada", "PERSON", *BORN, 0.5))
    row["text"] += "\u4e00" * 900_000
    row["sentences"] = [[0, len(row["text"])]]
    write([row, ROWS[1]], tmp_path / f"in.{format}", format)
    assert merge_facts([tmp_path / f"in.{format}"], tmp_path / "facts.parquet").triples == 2
    (fact,) = read(tmp_path / "facts.parquet")
    assert fact[-1] == row["text"]


@pytest.mark.parametrize("format", ["parquet", "csv", "tsv", "jsonl", "shards"])
def test_facts(tmp_path: Path, format: str) -> None:
    source = tmp_path / f"in [1]*'.{format}"  # a name that is no pattern
    write_shards(ROWS, source) if format == "shards" else write(ROWS, source, format)
    summary = merge_facts([source], tmp_path / "facts.parquet")
    assert read(tmp_path / "facts.parquet") == FACTS
    assert summary == (5, 4, 4, 3, 0, [])
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "texts") == ["facts.parquet", source.name]


@pytest.mark.parametrize("format", FACT_FORMATS)
def test_formats_of_the_output(tmp_path: Path, format: str) -> None:
    write(ROWS, tmp_path / "in.csv")
    merge_facts([tmp_path / "in.csv"], tmp_path / "out", format)
    text = (tmp_path / "out").read_bytes()
    if format == "parquet":
        assert read(tmp_path / "out") == FACTS
    elif format == "jsonl":
        assert [list(json.loads(line).values()) for line in text.decode().splitlines()] == FACTS
    else:
        rows = list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter="," if format == "csv" else "\t"))
        assert rows[0][5:10] == ["support", "mentions", "best_score", "mean_score", "combined_score"]
        assert rows[1:] == [list(map(str, fact)) for fact in FACTS]


# Names


@pytest.mark.parametrize(
    "name,same",
    [
        ("IBM", "ｉｂｍ"),
        ("Straße", "STRASSE"),
        ("ﬁsh", "FISH"),
        ("Zoe\u0308", "ZOË"),
        (" New \n York\u00a0", "new york"),
        ("ᾳ", "ΑΙ"),
    ],
)
def test_same_names(name: str, same: str) -> None:
    assert normal_form(name) == normal_form(same)


@pytest.mark.parametrize("name,other", [("Zoe", "Zoë"), ("The Beatles", "Beatles"), ('"X"', "X"), ("U.S.", "US")])
def test_different_names(name: str, other: str) -> None:
    assert normal_form(name) != normal_form(other)


@given(st.text())
def test_normal_form(name: str) -> None:
    form = normal_form(name)
    assert normal_form(form) == form
    assert form == unicodedata.normalize("NFKC", form)
    assert normal_form(f"  {name.upper()}\t") == normal_form(name.upper())


def expected_facts(rows: Any) -> list[list[Any]]:
    """The facts of rows, made in plain Python."""
    forms: dict[Any, Counter[str]] = defaultdict(Counter)
    stated: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for number, triple in enumerate(triple for row in rows for triple in triples(row)):
        ends = []
        for name, kind in ((triple.subject, triple.subject_type), (triple.object, triple.object_type)):
            ends.append((normal_form(name), kind))
            forms[ends[-1]][" ".join(name.split())] += 1
        stated[ends[0], triple.relation, ends[1]][triple.document].append((-triple.score, number, triple.sentence))
    shown = {key: min(counts, key=lambda form: (-counts[form], form)) for key, counts in forms.items()}
    found = []
    for (subject, relation, object_), documents in stated.items():
        best = {document: -min(mentions)[0] for document, mentions in documents.items()}
        top, _, sentence, document = min((*min(mentions), ident) for ident, mentions in documents.items())
        found.append(
            [
                *(shown[subject], subject[1], relation, shown[object_], object_[1]),
                *(len(documents), sum(map(len, documents.values())), -top),
                *(sum(best.values()) / len(best), 1 - math.prod(1 - score for score in best.values())),
                *(document, sentence),
            ]
        )  # fmt: skip
    return found


NAMES = st.sampled_from(["Ada", "ADA", "ada ", "Bo", "ＢＯ", "x\0y", '"a,\tb"\r\n']) | HOSTILE
SCORES = st.integers(0, 64).map(lambda n: n / 64)
MANY = st.lists(
    st.lists(
        st.tuples(NAMES, st.sampled_from("PQ"), st.sampled_from("rs"), NAMES, st.sampled_from("PQ"), SCORES), max_size=4
    ),
    max_size=4,
)


@settings(max_examples=15, deadline=None)
@given(MANY, st.sampled_from(["parquet", "csv", "jsonl"]))
def test_any_triples(tmp_path_factory: pytest.TempPathFactory, documents: Any, format: str) -> None:
    folder = tmp_path_factory.mktemp("facts")
    rows = [make_row(f"no {i}", *found) for i, found in enumerate(documents)]
    write(rows, folder / f"in.{format}")
    merge_facts([folder / f"in.{format}"], folder / "out.parquet")
    found = read(folder / "out.parquet")
    key = slice(0, 5)
    expected = {tuple(fact[key]): fact for fact in expected_facts(rows)}
    assert sorted(tuple(fact[key]) for fact in found) == sorted(expected)
    for fact in found:
        right = expected[tuple(fact[key])]
        assert fact[5:8] + fact[10:] == right[5:8] + right[10:]
        assert fact[8:10] == pytest.approx(right[8:10], abs=2e-6)
    order = [(-fact[5], -fact[9], *(name.encode() for name in fact[key])) for fact in found]
    assert order == sorted(order)


# Inputs


def test_several_inputs(tmp_path: Path) -> None:
    write(ROWS[:2], tmp_path / "1.csv")
    write(ROWS[1:], tmp_path / "2.jsonl")
    inputs = [tmp_path / "1.csv", tmp_path / "2.jsonl", tmp_path / "1.csv"]
    assert merge_facts(inputs, tmp_path / "facts.parquet") == (6, 4, 4, 3, 1, [])
    assert [fact[5:7] for fact in read(tmp_path / "facts.parquet")] == [[2, 4], [1, 1], [1, 1]]


def test_patterns_and_addresses(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for number, row in enumerate(ROWS):
        write([row], tmp_path / f"{number}.parquet")
    system.put(str(tmp_path), "/facts", recursive=True)
    for address in (f"{tmp_path}/*.parquet", "memory://facts"):
        merge_facts([address], tmp_path / "out" / "facts.parquet")
        assert read(tmp_path / "out" / "facts.parquet") == FACTS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "shards"])
def test_names_that_would_be_patterns(tmp_path: Path, format: str) -> None:
    for name, rows in (("in[1]*?", ROWS), ("in1xy", ROWS[:1])):
        source = tmp_path / f"{name}.{format}"
        write_shards(rows, source) if format == "shards" else write(rows, source, format)
    output = tmp_path / "out[1]*" / "facts[1].parquet"
    merge_facts([tmp_path / f"in[1]*?.{format}"], output)
    assert read(output) == FACTS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_with_colons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, rows in (
        ("in/a.csv::new.csv", ROWS),
        ("in/a.csv", ROWS[:1]),
        ("file:in.csv", ROWS),
        ("in.csv", ROWS[:1]),
    ):
        write(rows, Path(name))
    for name in ("in/a.csv::new.csv", "in/*::new.csv", "file:in.csv"):
        merge_facts([name], "out::facts.parquet")
        assert read(tmp_path / "out::facts.parquet") == FACTS


@pytest.mark.parametrize("format", ["parquet", "csv", "tsv", "jsonl"])
@pytest.mark.parametrize("ranges", [True, False])
def test_files_of_a_web_server(tmp_path: Path, format: str, ranges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ROWS, tmp_path / f"in.{format}")
    monkeypatch.setitem(_registry, "http", Web)
    monkeypatch.setattr(Web, "ranges", ranges)
    monkeypatch.setitem(Web.files, f"web/in.{format}", (tmp_path / f"in.{format}").read_bytes())
    merge_facts([f"http://web/in.{format}"], tmp_path / "out" / "facts.parquet")
    assert read(tmp_path / "out" / "facts.parquet") == FACTS
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["facts.parquet"]


def test_files_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for format in ("csv", "jsonl", "parquet"):
            write(ROWS, tmp_path / f"in.{format}")
            archive.write(tmp_path / f"in.{format}", f"in.{format}")
    for format in ("csv", "jsonl", "parquet"):
        merge_facts([f"zip://*.{format}::{tmp_path}/in.zip"], tmp_path / "facts.parquet")
        assert read(tmp_path / "facts.parquet") == FACTS


def test_rows_of_data_frames_that_failed(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "in.parquet")
    table = parquet.read_table(tmp_path / "in.parquet")
    rows = [*({**row, "error": None} for row in table.to_pylist()), {"document": "x", "error": "the text is empty"}]
    parquet.write_table(type(table).from_pylist(rows), tmp_path / "in.parquet")
    merge_facts([tmp_path / "in.parquet"], tmp_path / "facts.parquet")
    assert read(tmp_path / "facts.parquet") == FACTS


def test_shards_that_are_missing(tmp_path: Path) -> None:
    write_shards(ROWS, tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    result = run("facts", tmp_path / "out", tmp_path / "facts.csv")
    assert result.exit_code == 0
    assert f"{tmp_path / 'out'} is not finished" in result.output.replace("\n", " ")


def test_nothing_found(tmp_path: Path) -> None:
    for name in ("in.csv", "in.jsonl", "in.parquet"):
        write([make_row(1)], tmp_path / name)
        result = run("facts", tmp_path / name, tmp_path / "facts.parquet")
        assert result.exit_code == 0 and "has no triples" in result.output
        assert read(tmp_path / "facts.parquet") == []


# Refusals


def test_refused_inputs(tmp_path: Path) -> None:
    write(ROWS, tmp_path / "in.csv")
    header, *lines = (tmp_path / "in.csv").read_text("utf8").splitlines(keepends=True)
    other = tmp_path / "other"
    other.mkdir()
    parquet.write_table(parquet.read_table(write_and_name(tmp_path)).drop(["score"]), other / "x.parquet")
    (tmp_path / "nothing").mkdir()
    files = {
        "empty.csv": "",
        "empty.parquet": "",
        "foreign.csv": "a,b\n1,2\n",
        "text.parquet": "text",
        "gold.jsonl": json.dumps({"text": "Ada", "entities": [[0, 3, "X"]], "relations": [[0, "is", 0]]}) + "\n",
        "cut.jsonl": json.dumps(ROWS[0])[:50],
        "list.jsonl": "[1]\n",
        "score.csv": header + lines[0].replace("0.5", "high"),
        "high.csv": header + lines[0].replace("0.5", "1.5"),
        "nan.csv": header + lines[0].replace("0.5", "nan"),
        "cells.csv": header + "1,2\n",
        "bytes.csv": header + "\udcff" + lines[0],
        "out.xml": "",
    }
    row = ROWS[0]
    wrong = {
        "score": {"scores": ["high"] * len(row["scores"])},
        "whole": {"scores": [10**400] * len(row["scores"])},
        "type": {"entities": [[start, end, 5] for start, end, _ in row["entities"]]},
        "sentence": {"sentences": [[2**70, 2**71]] * len(row["sentences"])},
        "id": {"id": {"a": 1}},
    }
    files |= {f"{name}.jsonl": "\n".join(map(json.dumps, (row, row | change))) for name, change in wrong.items()}
    files["error.jsonl"] = json.dumps(row) + '\n"an error"\n'
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf8", "surrogateescape", newline="")
    cases = {
        "missing": "R033",
        "no/*.parquet": "R033",
        "nothing": "R090.*no Parquet files|R033",
        "other": "R090.*'score'",
        "empty.csv": "R090.*'document'",
        "empty.parquet": "R034",
        "foreign.csv": "R090.*'document', 'subject'",
        "text.parquet": "R034",
        "gold.jsonl": "R090.*line 1",
        "cut.jsonl": "R090.*line 1",
        "list.jsonl": "R090.*line 1",
        **{f"{name}.jsonl": rf"R090.*{name}.jsonl.*line 2" for name in (*wrong, "error")},
        "score.csv": "R090.*document 'a'.*score",
        "high.csv": "R090.*document 'a'.*score",
        "nan.csv": "R090.*document 'a'.*score",
        "cells.csv": "R034",
        "bytes.csv": "R034",
        "out.xml": "R031",
    }
    out = tmp_path / "out" / "facts.parquet"
    write_shards(ROWS, tmp_path / "shards")
    merge_facts([tmp_path / "in.csv"], out)
    before = out.read_bytes()
    for name, code in cases.items():
        with pytest.raises(ValueError, match=code):
            merge_facts([tmp_path / "shards", f"{tmp_path}/{name}"], out)
        assert [path.name for path in out.parent.iterdir()] == ["facts.parquet"] and out.read_bytes() == before, name


def write_and_name(folder: Path) -> Path:
    write(ROWS, folder / "in.parquet")
    return folder / "in.parquet"


def test_refused_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ROWS, tmp_path / "in.csv")
    write_shards(ROWS, tmp_path / "out")
    (tmp_path / "link").symlink_to("out")
    for source, target, code in [
        ("in.csv", "in.csv", "R034.*overwrite"),
        ("out", "out/facts.parquet", "R034.*part of the input"),
        ("*.csv", "in.csv", "R034.*overwrite"),
        ("*.csv", "new.csv", "R034.*part of the input"),
        ("link", "out/facts.parquet", "R034.*part of the input"),
        ("in.csv", "out", "R034.*--format"),
        ("in.csv", "facts.nt", "R031.*jsonl"),
    ]:
        with pytest.raises(ValueError, match=code):
            merge_facts([tmp_path / source], tmp_path / target)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ValueError, match=r"R060.*spacy-rin\[facts\]"):
        merge_facts([tmp_path / "in.csv"], tmp_path / "facts.csv")


def test_what_killed_processes_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ROWS, tmp_path / "in.jsonl")
    unfinished = ".facts.csv.99999999.tmp"  # no process has this number
    (tmp_path / unfinished).write_text("x")
    (tmp_path / f".{unfinished}.99999999.tmp").mkdir()
    monkeypatch.setattr(facts_module, "_FACTS", "SELECT 1 / 0 FROM nowhere")
    with pytest.raises(ValueError, match="R034"):
        merge_facts([tmp_path / "in.jsonl"], tmp_path / "facts.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing on Windows")
def test_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ROWS, tmp_path / "in.csv")
    monkeypatch.setattr(facts_module, "_FACTS", "SELECT sum(hash(range)) AS n FROM range(1000000000000)")
    execute = facts_module._execute

    def press_during_the_last_query(database: Any, query: str) -> Any:
        if "hash(range)" in query:
            Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return execute(database, query)

    monkeypatch.setattr(facts_module, "_execute", press_during_the_last_query)
    # Processes that a shell starts in the background ignore the signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = run("facts", tmp_path / "in.csv", tmp_path / "facts.csv")
    finally:
        signal.signal(signal.SIGINT, handler)
    assert result.exit_code == 130 and "Nothing was written" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_command(tmp_path: Path) -> None:
    write_shards(ROWS, tmp_path / "out")
    result = run("facts", tmp_path / "out", tmp_path / "facts.parquet")
    assert result.exit_code == 0 and "facts" in result.output and "Wrote" in result.output
    assert read(tmp_path / "facts.parquet") == FACTS
    result = run("facts", tmp_path / "missing", tmp_path / "facts.parquet")
    assert result.exit_code == 1 and "R033" in result.output
