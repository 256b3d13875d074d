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


def test_ids_that_are_missing(model: Path) -> None:
    """They are none of their own documents, and change nothing of the others."""
    import numpy as np

    pandas: Any = pytest.importorskip("pandas")
    extractor = BatchExtractor(model)

    def documents(ids: Any, texts: Any = TEXTS[:3]) -> list[tuple[str, str | None]]:
        frame = ids if isinstance(ids, pandas.DataFrame) else {"id": ids, "text": texts}
        return [(row["document"], row["error"]) for row in extractor(frame).to_pylist()][:3]

    def frame(ids: Any, **options: Any) -> Any:
        return pandas.DataFrame({"id": pandas.Series(ids, **options), "text": TEXTS[:3]})

    whole = [("7", None), ("", None), ("9", None)]
    for ids in (
        [7, None, 9],
        [np.int64(7), np.nan, 9.0],
        [7, pandas.NA, 9],
        np.array([7, np.nan, 9]),
        np.array([7, None, 9], object),
        pyarrow.array([7.0, None, 9.0]),
        frame([7, None, 9]),
        frame([7, None, 9], dtype="Int64"),
        frame(["7", None, "9"], dtype="string"),
        frame([np.int64(7), pandas.NA, 9], dtype=object),
    ):
        assert documents(ids) == whole
    days = pandas.Series(pandas.to_datetime(["2020-01-02", None, "2020-01-03"]))
    assert [document for document, _ in documents(frame(days))] == ["2020-01-02T00:00:00", "", "2020-01-03T00:00:00"]
    bad = documents([[1, 2], np.array([1, 2]), True])
    assert all(document == "" and error and "the id must be" in error for document, error in bad)
    missing = documents([1, 2, 3], pandas.Series(["x", pandas.NA, None], dtype="string"))
    assert missing == [("2", "there is no 'text'"), ("3", "there is no 'text'")]


def test_columns_that_are_not_as_long(model: Path) -> None:
    with pytest.raises(ValueError, match=r"R034.*3 text.* and 2 id"):
        BatchExtractor(model)({"id": [1, 2], "text": TEXTS[:3]})


def test_columns_that_are_there_twice(model: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    extractor = BatchExtractor(model)
    for name in ("text", "id"):
        frame = pandas.DataFrame([[1, "a", "b"]], columns=["id", "text", name])
        for batch in (frame, pyarrow.Table.from_arrays([[1], ["a"], ["b"]], names=["id", "text", name])):
            with pytest.raises(ValueError, match=f"R034.*'{name}' 2 times"):
                extractor(batch)
        with pytest.raises(ValueError, match=f"R034.*'{name}' 2 times"):
            list(spark(model)([frame]))


def test_numbers_out_of_range(model: Path) -> None:
    options: list[dict[str, Any]] = [{"batch_size": 0}, {"min_score": 2}, {"min_score": float("nan")}]
    for option in options:
        for make in (BatchExtractor, spark):
            with pytest.raises(ValueError, match=f"R010.*'{next(iter(option))}'"):
                make(model, **option)


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
