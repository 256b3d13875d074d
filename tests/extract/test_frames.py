"""Frames of Spark and Ray Data."""

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.extract import SPARK_SCHEMA, BatchExtractor, extract, spark
from spacy_rin.extract.parsing import Document
from spacy_rin.extract.writers import TripleRow, triples

from ..support import TRIPLES

pyarrow = pytest.importorskip("pyarrow")

TEXTS = [text for text, _ in TRIPLES]
IDS = [f"no {i}" for i in range(len(TEXTS))]


def expected(trained: Any) -> list[tuple[Any, ...]]:
    rows = extract(trained, map(Document, IDS, TEXTS))
    return sorted((*triple[:10], *triple[11:]) for row in rows for triple in triples(row))


def without_scores(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in TripleRow._fields if name != "score") for row in rows)


def test_batches(trained: Any, model: Path) -> None:
    extractor = BatchExtractor(model)
    columns = {"id": IDS, "text": TEXTS}
    tables = [extractor(columns), extractor(pyarrow.table(columns))]
    again = pickle.loads(pickle.dumps(extractor))
    assert again._nlp is None  # a pipeline is loaded where it is used, not sent
    for table in [*tables, again(columns)]:
        assert without_scores(table.to_pylist()) == expected(trained)
        assert table["error"].null_count == len(table)
        assert ", ".join(table.column_names) == ", ".join(part.split()[0] for part in SPARK_SCHEMA.split(", "))


def test_failures_are_rows(model: Path) -> None:
    table = BatchExtractor(model)({"id": [1, 2, 3], "text": [TEXTS[0], None, ""]})
    assert [(row["document"], row["relation"], row["error"]) for row in table.to_pylist()] == [
        ("1", "born_in", None),
        ("2", None, "there is no 'text'"),
        ("3", None, "the text is empty"),
    ]
    with pytest.raises(ValueError, match=r"R061.*'id'.*text"):
        BatchExtractor(model)({"text": TEXTS})


@pytest.mark.filterwarnings("ignore")
def test_spark(trained: Any, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    try:
        session = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    except Exception as err:
        pytest.skip(f"Spark can't start, perhaps for lack of Java: {err}")
    try:
        frame = session.createDataFrame([*zip(IDS, TEXTS), ("bad", " ")], "id string, text string")
        found = [row.asDict() for row in frame.mapInPandas(spark(model), SPARK_SCHEMA).collect()]
    finally:
        session.stop()
    assert [row for row in found if row["error"]] == [
        dict.fromkeys(TripleRow._fields) | {"document": "bad", "error": "the text is empty"}
    ]
    assert without_scores([row for row in found if not row["error"]]) == expected(trained)


@pytest.mark.filterwarnings("ignore")
def test_ray_data(trained: Any, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or it would starve beside other tests
    data = pytest.importorskip("ray.data")
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        source = data.from_items([{"id": ident, "text": text} for ident, text in zip(IDS, TEXTS)])
        options = {"fn_constructor_args": [str(model)], "concurrency": 1, "batch_size": 4}
        found = source.map_batches(BatchExtractor, **options).take_all()
    finally:
        ray.shutdown()
    assert without_scores(found) == expected(trained)
