"""Merge the triples of many documents into facts: a table with one row for each triple.

Names are the same if their normal forms are (`normal_form`). DuckDB does the work, so the tables may be larger than the
memory.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Errors, FileError, MissingPackageError
from ..files import reason_of, require_targets, scratch_folder, write_whole
from .addresses import Found, copy_file, find_files, is_local, open_file, would_find
from .results import MANIFEST, is_result_name
from .triples import Row, TripleRow, triples
from .writers import choose_format, write

__all__ = ["FACT_FORMATS", "FactSummary", "merge_facts", "normal_form"]

# How DuckDB names the output formats
FACT_FORMATS = {
    "parquet": "FORMAT parquet, COMPRESSION zstd",
    "csv": "FORMAT csv, HEADER",
    "tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    "jsonl": "FORMAT json",
}
_INPUT_FORMATS = ("parquet", "csv", "tsv", "jsonl")
_LONGEST_HEADER = 1 << 16  # bytes
_LONGEST_ROW = 1 << 23  # bytes of CSV: a sentence can be as long as a text, a million characters of several bytes

# The columns that are read, and as what. Rows of data frames have no relation if their document failed.
_COLUMNS = {
    "document": "CAST(document AS VARCHAR)",
    "subject": "CAST(subject AS VARCHAR)",
    "subject_type": "coalesce(CAST(subject_type AS VARCHAR), '')",
    "relation": "CAST(relation AS VARCHAR)",
    "object": "CAST(object AS VARCHAR)",
    "object_type": "coalesce(CAST(object_type AS VARCHAR), '')",
    "score": "TRY_CAST(score AS DOUBLE)",
    "sentence": "coalesce(CAST(sentence AS VARCHAR), '')",
}

_NOT_VALID = """
    SELECT coalesce(document, '') FROM {table}
    WHERE document IS NULL OR subject IS NULL OR object IS NULL OR NOT coalesce(score BETWEEN 0 AND 1, false)
    LIMIT 1
"""

_SHARED = "SELECT count(*) FROM (SELECT document FROM triples GROUP BY document HAVING min(input) < max(input))"

# The steps below pass numbers on, of triples and entities, and not their texts, so that they need little memory. DuckDB
# reads the rows in the same order each time.
_TRIPLES = "CREATE TEMP VIEW triples AS SELECT *, row_number() OVER () AS number FROM ({tables})"

_NAMES = """
    CREATE TEMP TABLE names AS
    SELECT name, type, normal_form(name) AS key, on_one_line(name) AS shown, count(*) AS times
    FROM (SELECT subject AS name, subject_type AS type FROM triples UNION ALL SELECT object, object_type FROM triples)
    GROUP BY name, type
"""

# The name that is shown of an entity is the one that is most frequent, then the first in the order of characters.
_ENTITIES = """
    CREATE TEMP TABLE entities AS
    WITH forms AS (SELECT key, type, shown, sum(times) AS times FROM names GROUP BY key, type, shown)
    SELECT row_number() OVER () AS id, key, type, min(struct_pack(rank := -times, shown := shown)).shown AS name
    FROM forms
    GROUP BY key, type
"""

_ENDS = """
    CREATE TEMP TABLE ends AS
    SELECT names.name, names.type, entities.id AS entity
    FROM names JOIN entities ON names.key = entities.key AND names.type = entities.type
"""

# Sums are of decimals, which are the same in whatever order DuckDB adds them. The logarithm of 0 does not exist.
_FACTS = """
    WITH stated AS (
        SELECT
            subjects.entity AS subject_id, relation, objects.entity AS object_id, document,
            count(*) AS mentions,
            max(score) AS best,
            min(struct_pack(rank := -score, number := number)) AS example
        FROM triples
        JOIN ends AS subjects ON subject = subjects.name AND subject_type = subjects.type
        JOIN ends AS objects ON object = objects.name AND object_type = objects.type
        GROUP BY ALL
    ),
    facts AS (
        SELECT
            subject_id, relation, object_id,
            count(*) AS support,
            CAST(sum(mentions) AS BIGINT) AS mentions,
            max(best) AS best_score,
            CAST(sum(CAST(best AS DECIMAL(18, 12))) AS DOUBLE) / count(*) AS mean_score,
            1 - exp(CAST(sum(CAST(ln(greatest(1 - best, 1e-12)) AS DECIMAL(18, 12))) AS DOUBLE)) AS combined_score,
            min(example).number AS example
        FROM stated
        GROUP BY ALL
    )
    SELECT
        subjects.name AS subject, subjects.type AS subject_type, facts.relation,
        objects.name AS object, objects.type AS object_type,
        support, mentions, best_score, round(mean_score, 6) AS mean_score, round(combined_score, 6) AS combined_score,
        document, sentence
    FROM facts
    JOIN triples ON example = number
    JOIN entities AS subjects ON subject_id = subjects.id
    JOIN entities AS objects ON object_id = objects.id
    ORDER BY support DESC, combined_score DESC, 1, 2, 3, 4, 5
"""


class FactSummary(NamedTuple):
    """Summary of a table of facts.

    Attributes:
        triples (int): Number of triples that were read.
        documents (int): Number of documents that state them.
        entities (int): Number of names with a type, after merging.
        facts (int): Number of facts.
        shared (int): Number of ids of documents that are in more than one input. Each counts as one document.
        unfinished (list[str]): Folders of shards that have no manifest, because some shards are missing.
    """

    triples: int
    documents: int
    entities: int
    facts: int
    shared: int
    unfinished: list[str]


def normal_form(name: str) -> str:
    """Get the form of a name by which names are compared: two names are the same if they differ only in what Unicode
    calls compatible (NFKC: widths, ligatures, composed accents), in upper and lower case, and in white space.

    Quotes, articles, accents and punctuation all count.

    Args:
        name (str): The name.

    Returns:
        str: Its normal form, which has itself as normal form.
    """
    # The compatibility caseless match of the Unicode standard, 3.13, but composed.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    return _on_one_line(unicodedata.normalize("NFKC", decomposed.casefold()))


def merge_facts(inputs: Sequence[str | Path], output_path: str | Path, format: str | None = None) -> FactSummary:
    """Merge the triples of many documents into a table of facts, sorted by support, then by combined score.

    Args:
        inputs (Sequence[str | Path]): What `extract_shards` or `extract_file` wrote: folders of Parquet files, or
            Parquet, CSV, TSV or JSON lines files, or patterns, at any address that fsspec reads.
        output_path (str | Path): The file. It is written whole or not at all.
        format (str | None): A key of `FACT_FORMATS`. None takes it from the suffix.

    Returns:
        FactSummary: The counts.

    Raises:
        SettingError: R031 if the format of the output or of an input is unknown.
        FileError: R033 or R034 if an input can't be found or read, R034 if the output can't be written or is an input,
            R090 if an input has no triples of `extract`.
        MissingPackageError: R060 or R084 if duckdb, or a package for an address, is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingPackageError(Errors.R060, what="A table of facts", package="duckdb", extra="facts") from None
    options = FACT_FORMATS[choose_format(output_path, format, FACT_FORMATS)]
    found = {str(address): find_files(str(address)) for address in inputs}
    _check_output(found, output_path)
    with (
        write_whole(output_path) as unfinished,
        scratch_folder(unfinished) as scratch,
        _coded(output_path),
        closing(duckdb.connect(config={"temp_directory": str(scratch)})) as database,
    ):
        tables = [_read(database, address, found[address], scratch / f"input_{i}") for i, address in enumerate(found)]
        _execute(database, _TRIPLES.format(tables=" UNION ALL ".join(f"FROM {table}" for table in tables)))
        database.create_function("normal_form", normal_form, ["VARCHAR"], "VARCHAR")
        database.create_function("on_one_line", _on_one_line, ["VARCHAR"], "VARCHAR")
        for step in (_NAMES, _ENTITIES, _ENDS):
            _execute(database, step)
        n_triples, documents = _values(database, "SELECT count(*), count(DISTINCT document) FROM triples")
        (entities,) = _values(database, "SELECT count(*) FROM entities")
        (shared,) = _values(database, _SHARED) if len(tables) > 1 else (0,)
        (facts,) = _values(database, f"COPY ({_FACTS}) TO {_quoted(str(unfinished))} ({options})")
    missing = [address for address, files in found.items() if _lacks_manifest(files)]
    return FactSummary(n_triples, documents, entities, facts, shared, missing)


def _check_output(found: Mapping[str, Sequence[Found]], path: str | Path) -> None:
    require_targets([path], (file.address for files in found.values() for file in files))
    if any(would_find(address, str(path)) for address in found):
        raise FileError(Errors.R034, path=path, reason="the output would be a part of the input")


def _lacks_manifest(files: Sequence[Found]) -> bool:
    """Whether an input is the folder of a run in shards that is not finished."""
    names = {file.name for file in files if file.in_folder}
    return MANIFEST not in names and any(map(is_result_name, names))


def _read(database: Any, address: str, found: Sequence[Found], scratch: Path) -> str:
    """Make a view of the triples of an input, check it, and return its name."""
    # Folders in a folder hold something else, such as entities.
    files = [file for file in found if not file.in_folder or ("/" not in file.name and file.name.endswith(".parquet"))]
    if not files:
        raise FileError(Errors.R090, path=address, reason="there are no Parquet files in this folder")
    table = scratch.name
    columns = ", ".join(f"{value} AS {name}" for name, value in _COLUMNS.items())
    with _coded(address):
        parts = [f"SELECT {columns} FROM {source}" for source in _sources(database, files, scratch)]
        _execute(
            database,
            f"CREATE TEMP VIEW {table} AS SELECT *, '{table}' AS input FROM ({' UNION ALL '.join(parts)}) "
            "WHERE relation IS NOT NULL",
        )
        if wrong := _execute(database, _NOT_VALID.format(table=table)):
            reason = f"a row of document '{wrong[0][0]}' lacks a name, or its score is not a number from 0 to 1"
            raise FileError(Errors.R090, path=address, reason=reason)
    return table


def _sources(database: Any, files: Sequence[Found], scratch: Path) -> Iterator[str]:
    """Yield what DuckDB reads, as it is written in SQL."""
    found = [(file.address, choose_format(file.name, None, _INPUT_FORMATS)) for file in files]
    tables: dict[str, str] = {}  # paths of Parquet files, with their addresses
    for number, (address, format) in enumerate(found):
        path = address
        if format == "jsonl":
            # Its triples are nested: they are laid out as a table first.
            path = str(scratch.with_name(f"{scratch.name}_{number}"))
            write(_rows(address), path, "parquet")
        elif not is_local(address):
            # DuckDB reads a table several times, and not from every file system.
            path = str(scratch.with_name(f"{scratch.name}_{number}"))
            copy_file(address, Path(path))
        if format in ("jsonl", "parquet"):
            tables[path] = address
        else:
            yield _csv_source(address, path, "\t" if format == "tsv" else ",")
    if tables:
        listed = _quoted(*map(_literal, tables))
        names: dict[str, set[str]] = {path: set() for path in tables}
        for path, name in _execute(database, f"SELECT file_name, name FROM parquet_schema([{listed}])"):
            names.setdefault(path, set()).add(name)
        for path in names:
            _check_columns(tables.get(path, path), names[path])
        yield f"read_parquet([{listed}], union_by_name = true)"


def _csv_source(address: str, path: str, delimiter: str) -> str:
    with open_file(path) as file:
        first = file.readline(_LONGEST_HEADER).decode("utf-8-sig")
    header = next(csv.reader([first], delimiter=delimiter), [])
    _check_columns(address, header)
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in header)
    # Several threads would have to guess whether a line break is inside quotes.
    return (
        f"read_csv({_quoted(_literal(path))}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"parallel = false, delim = {_quoted(delimiter)}, quote = '\"', escape = '\"', "
        f"max_line_size = {_LONGEST_ROW}, buffer_size = {4 * _LONGEST_ROW})"
    )


def _check_columns(address: str, names: Sequence[str] | set[str]) -> None:
    if missing := [name for name in _COLUMNS if name not in names]:
        raise FileError(Errors.R090, path=address, reason=f"there is no column {', '.join(map(repr, missing))}")


def _rows(address: str) -> Iterator[Row]:
    """Yield the rows of a JSON lines file, after a check."""
    with open_file(address) as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                # Annotation that was written by hand has no scores and sentences.
                found = list(triples(row))
                valid = "error" in row or (len(found) == len(row["relations"]) and all(map(_is_valid, found)))
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
                valid = False
            if not valid:
                reason = f"line {number} has no triples with scores and sentences, or not as `extract` writes them"
                raise FileError(Errors.R090, path=address, reason=reason)
            yield row


def _is_valid(triple: TripleRow) -> bool:
    """Whether the values of a triple fit into the columns of a table. Whether a score is one is checked there."""
    values = triple._asdict()
    offsets = [values.pop(name) for name in TripleRow._fields if name.endswith(("_start", "_end"))]
    document, score = values.pop("document"), values.pop("score")
    return (
        type(document) in (int, str)
        and (type(score) is float or (type(score) is int and score in (0, 1)))
        and all(type(number) is int and abs(number) < 2**63 for number in offsets)
        and all(isinstance(name, str) for name in values.values())
    )


@contextmanager
def _coded(path: str | Path) -> Iterator[None]:
    """Raise errors of DuckDB, and of text that is none, as our own."""
    import duckdb

    try:
        yield
    except (duckdb.Error, csv.Error, UnicodeError, RuntimeError) as err:
        reason = re.sub(r"\s+", " ", reason_of(err))
        raise FileError(Errors.R034, path=path, reason=reason) from err


def _execute(database: Any, query: str) -> list[tuple[Any, ...]]:
    """Run a query, and return its rows. It runs in a thread, because DuckDB does not stop for Ctrl+C within a step."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(lambda: database.execute(query).fetchall())
        try:
            while not wait([future], timeout=0.2).done:
                pass
        except KeyboardInterrupt:
            # A query that has not begun yet is not stopped by a single call.
            while not future.done():
                database.interrupt()
                wait([future], timeout=0.2)
            raise
        rows: list[tuple[Any, ...]] = future.result()
        return rows


def _values(database: Any, query: str) -> tuple[Any, ...]:
    return _execute(database, query)[0]


def _quoted(*texts: str) -> str:
    """Write texts in SQL, separated by commas."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def _literal(path: str) -> str:
    """Write a path as a pattern that finds this path alone: DuckDB reads all paths as patterns."""
    return re.sub(r"[*?[]", r"[\g<0>]", path)


def _on_one_line(name: str) -> str:
    return " ".join(name.split())
