"""From texts to plain values: the entities and triples of each as what JSON can hold."""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from glob import escape
from importlib.metadata import version
from itertools import chain, count, islice
from multiprocessing.util import register_after_fork
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch, raise_error
from tqdm import tqdm

from ..errors import Errors, FileError, NotTrainedError, SettingError
from ..pipeline.component import RINJoint, find_component
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations
from .documents import STDIN, Document, count_documents, read_documents
from .journal import Journal, checksum
from .writers import DEFAULT_BASE, check_target, write, write_lines

_ZONE = 10_000  # documents after which their words are forgotten
_FAILED = "spacy_rin.failed"  # in `doc.user_data`


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
    read = _read_all if failures else _read
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
        min_score, relations: The triples to keep, see `extract`.
        overwrite (bool): Whether to throw the journal of a run that was stopped away.
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
    watch = _Watch()  # for as long as this name stands for it
    register_after_fork(watch, _Watch.start)
    with Journal(journal_path, run, overwrite=overwrite) as journal, _interruptible():
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
        input_path, output_path, format, base: As those of `extract_file`.

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


def doc_to_json(
    doc: Doc,
    *,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
) -> dict[str, Any]:
    """Write a Doc in the format "jsonl" of `spacy rin convert`, with a score and a sentence for each relation.

    Args:
        doc (Doc): The document.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): The relations to keep, None for all.

    Returns:
        dict[str, Any]: {"text", "entities": [[start, end, label], ...], "relations": [[index of the subject,
            label, index of the object], ...], "scores": [...], "sentences": [[start, end], ...]}, with character
            offsets, end exclusive. The sentence is that of both entities, or their lines where the pipeline finds none.
    """
    found = [
        relation
        for relation in get_relations(doc, attr)
        if relation.score >= min_score and (relations is None or relation.label in relations)
    ]
    text = doc.text
    arguments = (span for relation in found for span in (relation.subject, relation.object))
    entities = sorted({_offsets(span) for span in [*doc.ents, *doc.spans.get(spans_key, ()), *arguments]})
    index = {entity: i for i, entity in enumerate(entities)}
    return {
        "text": text,
        "entities": [list(entity) for entity in entities],
        "relations": [[index[_offsets(r.subject)], r.label, index[_offsets(r.object)]] for r in found],
        "scores": [round(relation.score, 4) for relation in found],
        "sentences": [_sentence(doc, text, relation) for relation in found],
    }


def _checked_pipe(nlp: Language, relations: Collection[str] | None) -> RINJoint:
    """Get the component, and make sure that it knows the relations."""
    _, pipe = find_component(nlp)
    if not pipe.relation_labels:
        raise NotTrainedError(Errors.R011, name=pipe.name)
    if unknown := sorted(set(relations or ()) - set(pipe.relation_labels)):
        raise SettingError(Errors.R066, unknown=", ".join(unknown), known=", ".join(sorted(pipe.relation_labels)))
    return pipe


def _identity(nlp: Language, pipe: RINJoint) -> dict[str, Any]:
    """Tell what results depend on: the files of a pipeline, and the settings that can change once it is loaded."""
    settings = {key: value for key, value in pipe.cfg.items() if key not in ("entities", "relations")}
    files = None if nlp.path is None else f"{nlp.path.resolve()} ({checksum(nlp.path)})"
    return {"model": files, "settings": settings, "spacy_rin": version("spacy-rin")}


def _row(document: Document, doc: Doc | None, wanted: dict[str, Any]) -> dict[str, Any]:
    if doc is None:
        return {"id": document.id, "error": document.error}
    row = {"id": document.id, **doc_to_json(doc, **wanted)}
    return row if document.meta is None else {**row, "meta": document.meta}


def _offsets(span: Span) -> tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_


def _sentence(doc: Doc, text: str, relation: Relation) -> list[int]:
    start, end = min(relation.subject.start, relation.object.start), max(relation.subject.end, relation.object.end)
    if doc.has_annotation("SENT_START"):
        return [doc[start].sent.start_char, doc[end - 1].sent.end_char]
    first, last = doc[start:end].start_char, doc[start:end].end_char
    line_end = text.find("\n", last)
    return [text.rfind("\n", 0, first) + 1, len(text) if line_end < 0 else line_end]


# Documents -> Docs

_Read = Iterator[tuple[Document, Doc | None]]


def _read(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    def texts() -> Iterator[tuple[str, Document]]:
        for document in documents:
            if document.error:
                raise FileError(Errors.R068, id=document.id, reason=document.error)
            yield document.text, document

    for doc, document in nlp.pipe(texts(), as_tuples=True, **pipe_options):
        yield document, doc


def _read_all(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    """Read Documents, whatever happens: one that fails comes with the reason, and without a Doc."""
    numbered = zip(count(), documents)
    waiting: deque[tuple[int, Document]] = deque()  # in the pipeline
    finished: list[Exception | None] = []  # how the documents ended, once they did

    def docs() -> Iterator[tuple[Doc, int]]:
        try:
            for number, document in numbered:
                doc = None
                if not document.error:
                    try:
                        doc = nlp.make_doc(document.text)
                    except Exception as err:
                        document = document._replace(error=_reason(err))
                waiting.append((number, document))
                # An empty Doc stands for what can't be read, so that nothing waits for long, and batches stay full.
                yield (nlp.make_doc("") if doc is None else doc), number
        except Exception as err:
            finished.append(err)
        else:
            finished.append(None)

    with _error_handler(nlp, _mark_failed):
        while not finished:
            try:
                for doc, number in nlp.pipe(docs(), as_tuples=True, **pipe_options):
                    while waiting[0][0] < number:  # these never came
                        yield _read_alone(nlp, waiting.popleft()[1])
                    _, document = waiting.popleft()
                    yield _read_alone(nlp, document) if document.error or _FAILED in doc.user_data else (document, doc)
            except Exception:
                # A component that does not leave its errors to the handler ends the pipeline, not the documents.
                if not waiting:
                    raise
            while waiting:
                yield _read_alone(nlp, waiting.popleft()[1])
    if finished[0] is not None:
        raise finished[0]


def _read_alone(nlp: Language, document: Document) -> tuple[Document, Doc | None]:
    if document.error:
        return document, None
    try:
        with _error_handler(nlp, raise_error):
            return document, nlp(document.text)
    except Exception as err:
        return document._replace(error=_reason(err)), None


@contextmanager
def _error_handler(nlp: Language, handler: Callable[..., None]) -> Iterator[None]:
    """Set the error handler of a pipeline for a while."""
    default = nlp.default_error_handler
    own: list[tuple[Any, Any]] = [
        (pipe, pipe.get_error_handler()) for _, pipe in nlp.pipeline if hasattr(pipe, "get_error_handler")
    ]
    nlp.set_error_handler(handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        nlp.default_error_handler = default
        for pipe, before in own:
            pipe.set_error_handler(before)


class _Watch:
    """Ends worker processes that are forked in its lifetime when this process is killed: they would wait for ever."""

    def start(self) -> None:
        Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt end worker processes before anything else: spaCy would wait for them to end, and they for
    somebody to take what they have found."""
    if current_thread() is not main_thread():
        yield
        return
    process = os.getpid()

    def stop(signum: int, frame: object) -> None:
        if os.getpid() == process:  # a worker that is forked has this handler, too, and waits for its end
            for worker in multiprocessing.active_children():
                worker.kill()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _mark_failed(name: str, pipe: object, docs: list[Doc] | None, error: Exception) -> None:
    # Most components drop the Docs, but some go on with them. The mark comes through from other processes.
    for doc in docs or ():
        doc.user_data[_FAILED] = True


def _reason(error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}"
    # spaCy raises some errors of components again as its own, which say less.
    return reason if error.__cause__ is None else f"{reason} ({_reason(error.__cause__)})"
