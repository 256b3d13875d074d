"""Extract from tables that an engine of data frames cuts into batches: Ray Data and Spark."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language

from ..errors import Errors, FileError, MissingPackageError, require_whole
from ..pipeline.loading import load_pipeline
from .parsing import find_id_column, make_document
from .rows import require_score
from .run import extract
from .triples import triple_schema, triple_table, triples

# The columns of `spark`, as Spark names their types: those of `TripleRow`, and why a document failed.
SPARK_SCHEMA = (
    "document string, subject string, subject_type string, subject_start bigint, subject_end bigint, relation string, "
    "object string, object_type string, object_start bigint, object_end bigint, score double, sentence string, "
    "sentence_start bigint, error string"
)


class BatchExtractor:
    """Extracts triples from batches of texts. It loads its pipeline when it gets the first one, so it is small to send.

    Give it to `map_batches` of Ray Data as a class, or see `spark`.

    Args:
        model (str | Path): Name or path of a pipeline with a trained "rin_joint", the same on all machines.
        text_key (str): Column of the text.
        id_key (str): Column of the id, which is needed: a batch has no other place.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): Labels of the relations to keep. None keeps all.
        batch_size (int): Texts that the pipeline reads at a time.

    Raises:
        SettingError: R010 if an option is not valid.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        text_key: str = "text",
        id_key: str = "id",
        min_score: float = 0.0,
        relations: Collection[str] | None = None,
        batch_size: int = 256,
    ) -> None:
        require_score("min_score", min_score)
        require_whole("batch_size", batch_size, 1)
        self.model = str(model)
        self.text_key = text_key
        self.id_key = id_key
        self.options: dict[str, Any] = {"min_score": min_score, "relations": relations, "batch_size": batch_size}
        self._nlp: Language | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_nlp": None}

    def __call__(self, batch: Any) -> Any:
        """Extract from a batch.

        Args:
            batch (pandas.DataFrame | pyarrow.Table | dict[str, Sequence]): The batch, with columns of texts and ids.

        Returns:
            pyarrow.Table: A row for each triple, with the fields of `TripleRow`. A document that failed has a row with
                its id and the reason in the column "error", which is empty for all others.

        Raises:
            RinError: R015, R016 or R018 if the pipeline can't be used.
            FileError: R061 if a column is missing, R034 if it is there twice, or not as long as the other.
            MissingPackageError: R060 if pyarrow is not installed.
        """
        try:
            import pyarrow
        except ImportError:
            raise MissingPackageError(Errors.R060, what="A table", package="pyarrow", extra="parquet") from None
        if self._nlp is None:
            self._nlp = load_pipeline(self.model)
        names = list(batch.column_names if hasattr(batch, "column_names") else batch.keys())
        find_id_column("the table", names, self.text_key, self.id_key)
        texts, idents = (_values(batch[key]) for key in (self.text_key, self.id_key))
        if len(texts) != len(idents):
            reason = f"it has {len(texts)} text(s) and {len(idents)} id(s)"
            raise FileError(Errors.R034, path="the table", reason=reason)
        documents = [make_document("", text, ident, text_key=self.text_key) for text, ident in zip(texts, idents)]
        with self._nlp.memory_zone():
            rows = list(extract(self._nlp, documents, failures=True, **self.options))
        found = triple_table(triple for row in rows for triple in triples(row))
        found = found.append_column("error", pyarrow.nulls(len(found), pyarrow.string()))
        schema = triple_schema().append(pyarrow.field("error", pyarrow.string()))
        failed = [{"document": str(row["id"]), "error": row["error"]} for row in rows if "error" in row]
        return pyarrow.concat_tables([found, pyarrow.Table.from_pylist(failed, schema)])


def spark(model: str | Path, **options: Any) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Make a function for `mapInPandas` of Spark: `df.mapInPandas(spark(model), SPARK_SCHEMA)`.

    Args:
        model (str | Path): Name or path of a pipeline with a trained "rin_joint", the same on all machines.
        **options: Options of `BatchExtractor`.

    Returns:
        Callable: A function from pandas frames of texts to pandas frames with the columns of `SPARK_SCHEMA`.
    """
    extractor = BatchExtractor(model, **options)

    def extract_frames(frames: Iterable[Any]) -> Iterator[Any]:
        import pyarrow
        from pandas import Int64Dtype

        for frame in frames:
            table = extractor(frame).combine_chunks()
            found = table.to_pandas(types_mapper={pyarrow.int64(): Int64Dtype()}.get)
            # Spark can't take the strings of pandas 3.
            yield found.astype({f.name: object for f in table.schema if f.type == pyarrow.string()})

    return extract_frames


def _values(column: Any) -> list[Any]:
    """Get the values of a column as those of Python; what stands for a missing one is None."""
    convert = next((getattr(column, name) for name in ("to_pylist", "tolist") if hasattr(column, name)), None)
    values = (value.item() if isinstance(value, np.generic) else value for value in (convert() if convert else column))
    return [None if _is_missing(value) else value for value in values]


def _is_missing(value: Any) -> bool:
    """Whether a value stands for none: NaN and NaT are not equal to themselves, and pandas.NA does not say."""
    try:
        return bool(value != value)
    except TypeError:
        return True
    except ValueError:  # an array, of which each item is compared
        return False
