"""From texts to plain values: the entities and triples of each as what JSON can hold."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from glob import escape
from importlib.metadata import version
from itertools import chain, islice
from multiprocessing.util import register_after_fork
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from tqdm import tqdm

from ..errors import Errors, FileError, NotTrainedError, SettingError
from ..pipeline.component import RINJoint, find_component
from .documents import STDIN, Document, count_documents, read_documents
from .journal import Journal, checksum
from .reading import read_all, read_strictly
from .rows import doc_to_json
from .workers import ParentWatch, interruptible
from .writers import DEFAULT_BASE, check_target, write, write_lines

_ZONE = 10_000  # documents after which their words are forgotten


def extract(
    nlp: Language,
    texts: Iterable[str | Document],
    *,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
    failures: bool = False,
    **pipe_options: Any,
) -> Iterator[dict[str, Any]]:
    """Read texts and give what is stated in each.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint", the first of them if there are several.
        texts (Iterable[str | Document]): The texts. The id of one without is its position, from 1.
        min_score (float): Lowest probability of a triple, from 0 to 1; those below the threshold of the component are
            never
            found.
        relations (Collection[str] | None): The relations to keep, None for all.
        failures (bool): Whether to go on if a document fails, and give {"id", "error"} for it. What fails in a batch is
            read again alone. The error handlers of the pipeline are set meanwhile.
        **pipe_options: Options of `nlp.pipe`: `batch_size`, `n_process`.

    Returns:
        Iterator[dict[str, Any]]: For each text, in order, {"id", **`doc_to_json`}, and "meta" if it has that.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint", R011 if that is not trained, R066 if it does not know
            one of the relations, R068 for a Document that could not be read, unless `failures`.
    """
    pipe = _checked_pipe(nlp, relations)
    documents = (text if isinstance(text, Document) else Document(i, text) for i, text in enumerate(texts, 1))
    read = read_all if failures else read_strictly
    wanted = {"attr": pipe.attr, "spans_key": pipe.spans_key, "min_score": min_score, "relations": relations}
    return (_row(document, doc, wanted) for document, doc in read(nlp, documents, pipe_options))


class Summary(NamedTuple):
    """What came of the texts of a file.

    Attributes:
        documents (int): Number of texts.
        failed (int): Those of them that could not be read or processed.
        resumed (int): Those that an earlier run, which stopped, had left in its journal.
        triples (int): Number of triples.
        errors_path (Path): File with the ids of those that failed and the reasons, if there are any.
    """

    documents: int
    failed: int
    resumed: int
    triples: int
    errors_path: Path


def extract_file(
    nlp: Language,
    input_path: str | Path,
    output_path: str | Path,
    *,
    input_format: str | None = None,
    text_key: str = "text",
    id_key: str | None = None,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
    format: str | None = None,
    base: str = DEFAULT_BASE,
    provenance: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    batch_size: int = 256,
    n_process: int = 1,
) -> Summary:
    """Read the texts of a file and write what is stated in them to another.

    Results are kept in a journal beside the output, "OUTPUT.journal.jsonl", until all are there. Call it again after it
    was stopped, and it goes on with the batch that was in work. Documents that fail are left out, and listed in
    "OUTPUT.errors.jsonl".

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        input_path (str | Path): The file or folder, or "-"; as input_format, text_key and id_key, see
            `documents.read_documents`.
        output_path (str | Path): The file, or the folder for "neo4j"; as format, base and provenance, see
            `writers.write`.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): The relations to keep, None for all.
        overwrite (bool): Whether to discard the journal of an interrupted run.
        progress (bool): Whether to show a progress bar, if there is a terminal.
        batch_size (int): Texts in a batch.
        n_process (int): Number of processes, -1 for all cores.

    Returns:
        Summary: What came of it.

    Raises:
        RinError: As `extract`, `documents.read_documents`, `writers.write` and `journal.Journal`.
    """
    output_path = Path(output_path)
    journal_path, errors_path = check_output(input_path, output_path, format, base=base)
    relations = None if relations is None else sorted(set(relations))
    documents = read_documents(input_path, input_format, text_key=text_key, id_key=id_key)
    options: dict[str, Any] = {"min_score": min_score, "relations": relations, "failures": True}
    options |= {"batch_size": batch_size, "n_process": n_process}
    run = {
        "input": STDIN if str(input_path) == STDIN else str(Path(input_path).resolve()),
        "input_format": input_format,
        "text_key": text_key,
        "id_key": id_key,
        "min_score": min_score,
        "relations": relations,
        **_identity(nlp, _checked_pipe(nlp, relations)),
    }
    watch = ParentWatch()  # the fork hook holds it weakly: keep a reference until the run ends
    register_after_fork(watch, ParentWatch.start)
    with Journal(journal_path, run, overwrite=overwrite) as journal, interruptible():
        resumed = journal.count
        journal.skip(documents)
        total = count_documents(input_path, input_format) if progress else None
        # Without a terminal there is no bar, as None says.
        with tqdm(total=total, initial=resumed, unit=" documents", disable=None if progress else True) as bar:
            for first in documents:
                # The vocabulary keeps all words that it ever saw, but not beyond a zone.
                with nlp.memory_zone():
                    rows = extract(nlp, chain([first], islice(documents, _ZONE - 1)), **options)
                    for batch in minibatch(rows, batch_size):
                        journal.append(batch)
                        bar.update(len(batch))
        counts = Counter(documents=journal.count, resumed=resumed)

        def counted() -> Iterator[dict[str, Any]]:
            for row in journal.rows():
                counts.update(failed="error" in row, triples=len(row.get("relations", ())))
                yield row

        write(counted(), output_path, format, base=base, provenance=provenance)
        if counts["failed"]:
            write_lines((row for row in journal.rows() if "error" in row), errors_path)
        else:
            errors_path.unlink(missing_ok=True)  # of another run
        # Killed while it wrote these, a run leaves them unfinished.
        for unfinished in [*output_path.parent.glob(f".{escape(output_path.name)}.*.tmp"), *output_path.glob(".*.tmp")]:
            unfinished.unlink(missing_ok=True)
        journal.remove()
    return Summary(**{name: counts[name] for name in Summary._fields[:-1]}, errors_path=errors_path)


def check_output(
    input_path: str | Path, output_path: Path, format: str | None = None, *, base: str = DEFAULT_BASE
) -> tuple[Path, Path]:
    """Make sure that an output can be written, before there is a pipeline, which may take long to load.

    Args:
        input_path (str | Path): As of `extract_file`.
        output_path (Path): As of `extract_file`.
        format (str | None): As of `extract_file`.
        base (str): As of `extract_file`.

    Returns:
        tuple[Path, Path]: The journal and the file of errors, which go beside it.

    Raises:
        RinError: R034 if one of the three is the input, or as `writers.check_target`.
    """
    journal_path, errors_path = (
        output_path.with_name(f"{output_path.name}.{kind}.jsonl") for kind in ("journal", "errors")
    )
    for path in (output_path, journal_path, errors_path):
        if path.resolve() == Path(input_path).resolve():
            raise FileError(Errors.R034, path=path, reason="the output would overwrite the input")
    if check_target(output_path, format, base=base) != "neo4j" and output_path.is_dir():
        raise FileError(Errors.R034, path=output_path, reason="it is a folder")
    return journal_path, errors_path


def _checked_pipe(nlp: Language, relations: Collection[str] | None) -> RINJoint:
    """Get the component, and make sure that it knows the relations."""
    _, pipe = find_component(nlp)
    if not pipe.relation_labels:
        raise NotTrainedError(Errors.R011, name=pipe.name)
    if unknown := sorted(set(relations or ()) - set(pipe.relation_labels)):
        raise SettingError(Errors.R066, unknown=", ".join(unknown), known=", ".join(sorted(pipe.relation_labels)))
    return pipe


def _identity(nlp: Language, pipe: RINJoint) -> dict[str, Any]:
    """Return what results depend on: the files of a pipeline, and the settings that can change once it is loaded."""
    settings = {
        name: getattr(pipe, name) for name in ("threshold", "thresholds", "head", "rescue", "overwrite", "rounds")
    }
    files = None if nlp.path is None else f"{nlp.path.resolve()} ({checksum(nlp.path)})"
    return {"model": files, "settings": settings, "spacy_rin": version("spacy-rin")}


def _row(document: Document, doc: Doc | None, wanted: dict[str, Any]) -> dict[str, Any]:
    if doc is None:
        return {"id": document.id, "error": document.error}
    row = {"id": document.id, **doc_to_json(doc, **wanted)}
    return row if document.meta is None else {**row, "meta": document.meta}


# Documents -> Docs
