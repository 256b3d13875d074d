"""Extract entities and triples from texts, as JSON-serializable values or to a file."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import minibatch
from tqdm import tqdm

from .. import strict_json
from ..characters import slow_run
from ..errors import Errors, FileError, NotTrainedError, SettingError
from ..files import remove_unfinished, require_targets
from ..pipeline.component import RINJoint, find_component
from .documents import STDIN, Document, count_documents, files_of, number_documents, read_documents
from .journal import Journal, checksum
from .reading import check_pipe_options, read_all, read_strictly
from .rows import doc_to_row, require_score
from .workers import ending_workers
from .writers import DEFAULT_BASE, check_target, target_files, write, write_lines

_ZONE = 10_000  # documents in a memory zone


def extract(
    nlp: Language,
    texts: Iterable[str | Document],
    *,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
    failures: bool = False,
    **pipe_options: Any,
) -> Iterator[dict[str, Any]]:
    """Extract entities and triples from texts.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.
        texts (Iterable[str | Document]): The texts. The id of a plain string is its position, starting at 1.
        min_score (float): Lowest probability of a triple, from 0 to 1. Triples below the threshold of the
            component are never found.
        relations (Collection[str] | None): Labels of the relations to keep. None keeps all.
        failures (bool): Whether to continue if a document fails, and return {"id", "error"} for it. If a batch fails,
            its documents are processed again one by one. The error handlers of the pipeline are replaced during the
            iteration.
        **pipe_options: Options of `nlp.pipe`: `batch_size`, `n_process`.

    Returns:
        Iterator[dict[str, Any]]: For each text, in order, "id", the items of `doc_to_row`, and "meta" if the
            document has metadata.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint".
        NotTrainedError: R011 if the component is not trained.
        SettingError: R010 if an option is not valid, R066 if the component does not know one of the relations.
        FileError: R068, while iterating, if a Document could not be read and `failures` is False.
    """
    require_score("min_score", min_score)
    check_pipe_options(nlp, **pipe_options)
    pipe = checked_pipe(nlp, relations)
    documents = (checked_document(document, nlp) for document in number_documents(texts))
    read = read_all if failures else read_strictly
    wanted = {"attr": pipe.attr, "spans_key": pipe.spans_key, "min_score": min_score, "relations": relations}
    return (_row(document, doc, wanted) for document, doc in read(nlp, documents, pipe_options))


def extract_in_zones(nlp: Language, documents: Iterator[Document], **options: Any) -> Iterator[dict[str, Any]]:
    """Extract as `extract` does, from any number of documents: the pipeline forgets new words from time to time.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        documents (Iterator[Document]): The texts.
        **options: Options of `extract`.

    Yields:
        dict[str, Any]: The rows of `extract`.

    Raises:
        RinError: See `extract`.
    """
    for part in in_zones(nlp, documents):
        yield from extract(nlp, part, **options)


def in_zones(nlp: Language, documents: Iterator[Document]) -> Iterator[Iterator[Document]]:
    """Cut documents into parts, each to be read in a memory zone: without it, the vocabulary would grow with every new
    word. What is made of a part can't be used after it.

    Args:
        nlp (Language): The pipeline.
        documents (Iterator[Document]): The documents.

    Yields:
        Iterator[Document]: A part, to be read to its end before the next one.
    """
    for first in documents:
        with nlp.memory_zone():
            yield chain([first], islice(documents, _ZONE - 1))


class Summary(NamedTuple):
    """Summary of an extraction run.

    Attributes:
        documents (int): Number of texts.
        failed (int): Number of texts that could not be read or processed.
        resumed (int): Number of texts that were already in the journal of a stopped run.
        triples (int): Number of triples.
        errors_path (Path): File with the ids of the failed texts and the reasons. It exists only if some failed.
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
    """Extract entities and triples from a file of texts, and write them to another file.

    Results are stored in a journal next to the output, "OUTPUT.journal.jsonl", until the run is complete. To resume a
    stopped run, call the function again with the same arguments. Documents that fail are left out of the output and
    listed in "OUTPUT.errors.jsonl".

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.
        input_path (str | Path): The file or folder of texts, or "-" for standard input.
        output_path (str | Path): The file to write, or the folder for "neo4j".
        input_format (str | None): Format of the input, see `documents.read_documents`.
        text_key (str): Key or column of the text, see `documents.read_documents`.
        id_key (str | None): Key or column of the id, see `documents.read_documents`.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): Labels of the relations to keep. None keeps all.
        format (str | None): Format of the output, see `writers.write`.
        base (str): Prefix of RDF IRIs, see `writers.write`.
        provenance (bool): Whether RDF includes the source and score of each triple, see `writers.write`.
        overwrite (bool): Whether to discard the journal of a stopped run.
        progress (bool): Whether to show a progress bar, if there is a terminal.
        batch_size (int): Texts in a batch.
        n_process (int): Number of processes, -1 for all cores.

    Returns:
        Summary: Counts of documents, failures and triples.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint".
        NotTrainedError: R011 if the component is not trained.
        SettingError: See `extract`, `documents.read_documents` and `writers.write`.
        FileError: See `check_output`, `documents.read_documents`, `writers.write` and `journal.Journal`.
        MissingPackageError: R060 if a format needs a package that is not installed.
    """
    require_score("min_score", min_score)
    check_pipe_options(nlp, batch_size=batch_size, n_process=n_process)
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
        **_identity(nlp, checked_pipe(nlp, relations)),
    }
    with Journal(journal_path, run, overwrite=overwrite) as journal, ending_workers():
        resumed = journal.count
        documents = journal.unfinished(documents)
        total = count_documents(input_path, input_format) if progress else None
        # With None, tqdm shows no bar if there is no terminal.
        with tqdm(total=total, initial=resumed, unit=" documents", disable=None if progress else True) as bar:
            for batch in minibatch(extract_in_zones(nlp, documents, **options), batch_size):
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
            errors_path.unlink(missing_ok=True)  # left by a previous run
        # A run that is killed while it writes its output leaves temporary files.
        for path in (errors_path, *target_files(output_path, format)):
            remove_unfinished(Path(os.path.realpath(path)), locked=True)
        journal.remove()
    return Summary(**{name: counts[name] for name in Summary._fields[:-1]}, errors_path=errors_path)


def check_output(
    input_path: str | Path, output_path: Path, format: str | None = None, *, base: str = DEFAULT_BASE
) -> tuple[Path, Path]:
    """Check that an output can be written. This is fast, so call it before you load a pipeline.

    Args:
        input_path (str | Path): The file or folder of texts, or "-" for standard input.
        output_path (Path): The file to write, or the folder for "neo4j".
        format (str | None): Format of the output, see `writers.write`.
        base (str): Prefix of RDF IRIs, see `writers.write`.

    Returns:
        tuple[Path, Path]: Paths of the journal and of the error file, both next to the output.

    Raises:
        SettingError: See `writers.check_target`.
        FileError: R034 if the output, the journal or the error file is an input or can't be written, e.g. because the
            output is a folder but the format is not "neo4j", or if no format is known.
        MissingPackageError: R060 if the format needs a package that is not installed.
    """
    if output_path.name in ("", ".."):  # no file beside it could be called after it
        raise FileError(Errors.R034, path=output_path, reason="it is a folder without a name. Write its name")
    journal_path, errors_path = (
        output_path.with_name(f"{output_path.name}.{kind}.jsonl") for kind in ("journal", "errors")
    )
    require_targets([*target_files(output_path, format), journal_path, errors_path], files_of(input_path))
    check_target(output_path, format, base=base)
    return journal_path, errors_path


def checked_document(document: Document, nlp: Language) -> Document:
    """Give a document an error if the run could not go on with it, or its result could not be written.

    Args:
        document (Document): The document.
        nlp (Language): The pipeline that is to read it.

    Returns:
        Document: The document, with an `error` if it has a fault.
    """
    error = document.error
    if not error and document.meta is not None and (fault := strict_json.fault(document.meta)):
        error = f"the metadata can't be kept: {fault}"
    if not error and isinstance(nlp.tokenizer, Tokenizer) and isinstance(document.text, str):
        error = slow_run(document.text)
    return document._replace(error=error)


def checked_pipe(nlp: Language, relations: Collection[str] | None) -> RINJoint:
    """Get the component of a pipeline, and check that it can be used.

    Args:
        nlp (Language): The pipeline.
        relations (Collection[str] | None): Labels that it must know.

    Returns:
        RINJoint: The component. If there are several, the first.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint".
        NotTrainedError: R011 if the component is not trained.
        SettingError: R066 if the component does not know one of the relations.
    """
    _, pipe = find_component(nlp)
    if not pipe.relation_labels:
        raise NotTrainedError(Errors.R011, name=pipe.name)
    if unknown := sorted(set(relations or ()) - set(pipe.relation_labels)):
        raise SettingError(Errors.R066, unknown=", ".join(unknown), known=", ".join(sorted(pipe.relation_labels)))
    return pipe


def settings_of(pipe: RINJoint) -> dict[str, Any]:
    """Return what results depend on besides texts and files: settings that can change after loading, and our version.

    Args:
        pipe (RINJoint): The component.

    Returns:
        dict[str, Any]: JSON-serializable values by name.
    """
    names = ("threshold", "thresholds", "head", "rescue", "overwrite", "rounds", "context")
    # These can be too long for a message.
    tables = json.dumps([pipe.calibration, pipe.constraints], sort_keys=True).encode("utf-8")
    settings = {name: getattr(pipe, name) for name in names} | {"tables": _digest(tables)}
    return {"settings": settings, "spacy_rin": version("spacy-rin")}


def content_of(nlp: Language) -> str:
    """Compute a checksum of a pipeline as it is in memory, wherever it comes from.

    Args:
        nlp (Language): The pipeline.

    Returns:
        str: 16 hexadecimal digits. They stay the same while the pipeline reads texts, which adds words to it.
    """
    # Like components, tokenizers of users may be unable to save themselves.
    exclude = ["strings"] if hasattr(nlp.tokenizer, "to_bytes") else ["strings", "tokenizer"]
    return _digest(nlp.to_bytes(exclude=exclude))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _identity(nlp: Language, pipe: RINJoint) -> dict[str, Any]:
    files = f"in memory ({content_of(nlp)})" if nlp.path is None else f"{nlp.path.resolve()} ({checksum(nlp.path)})"
    return {"model": files, **settings_of(pipe)}


def _row(document: Document, doc: Doc | None, wanted: dict[str, Any]) -> dict[str, Any]:
    if doc is None:
        return {"id": document.id, "error": document.error}
    row = {"id": document.id, **doc_to_row(doc, **wanted)}
    return row if document.meta is None else {**row, "meta": document.meta}
