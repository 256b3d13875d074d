"""Run a pipeline on documents, and either stop at the first error or continue."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import raise_error

from ..errors import Errors, FileError, require_setting, require_whole
from .documents import Document

_FAILED = "spacy_rin failed"  # in `doc.user_data`


# Pairs of a document and its Doc, which is None if the document failed.
_Read = Iterator[tuple[Document, Doc | None]]


def check_pipe_options(nlp: Language, *, batch_size: int | None = None, n_process: int = 1, **others: Any) -> None:
    """Check options of `nlp.pipe`. With some that are not valid, it would read nothing, and not say so.

    Args:
        nlp (Language): The pipeline.
        batch_size (int | None): Texts in a batch. None is the size that the pipeline has.
        n_process (int): Number of processes, -1 for all cores.
        **others: Others, which are left to `nlp.pipe`.

    Raises:
        SettingError: R010 if one is not valid.
    """
    require_whole("batch_size", nlp.batch_size if batch_size is None else batch_size, 1)
    require_setting(
        "n_process", n_process, type(n_process) is int and (n_process > 0 or n_process == -1), "-1, or at least 1"
    )


def read_strictly(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    """Process documents, and stop at the first error.

    Args:
        nlp (Language): The pipeline.
        documents (Iterable[Document]): The documents.
        pipe_options (dict[str, Any]): Options of `nlp.pipe`.

    Yields:
        tuple[Document, Doc]: Each document with its Doc, in order.

    Raises:
        FileError: R068 if a document can't be read.
        Exception: Any error of the pipeline.
    """

    def texts() -> Iterator[tuple[str, Document]]:
        for document in documents:
            if document.error:
                raise FileError(Errors.R068, id=document.id, reason=document.error)
            yield document.text, document

    for doc, document in nlp.pipe(texts(), as_tuples=True, **pipe_options):
        yield document, doc


def read_all(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    """Process documents, and continue if one of them fails.

    Documents that fail or get lost in a batch are processed again, one by one.

    Args:
        nlp (Language): The pipeline. Its error handlers are replaced during the iteration.
        documents (Iterable[Document]): The documents.
        pipe_options (dict[str, Any]): Options of `nlp.pipe`.

    Yields:
        tuple[Document, Doc | None]: Each document with its Doc, in order. If it failed, the Doc is None and the
            document has an `error`.

    Raises:
        Exception: Any error of `documents` itself.
    """
    numbered = zip(count(), documents)
    waiting: deque[tuple[int, Document]] = deque()  # sent to the pipeline, result not received
    finished: list[Exception | None] = []  # one item once `documents` ends: its error, or None

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
                # An empty Doc replaces an unreadable text, so that its result is not held back and batches stay full.
                yield (nlp.make_doc("") if doc is None else doc), number
        except Exception as err:
            finished.append(err)
        else:
            finished.append(None)

    with _error_handler(nlp, _mark_failed):
        while not finished:
            try:
                for doc, number in nlp.pipe(docs(), as_tuples=True, **pipe_options):
                    while waiting[0][0] < number:  # the pipeline dropped these
                        yield _read_alone(nlp, waiting.popleft()[1])
                    _, document = waiting.popleft()
                    yield _read_alone(nlp, document) if document.error or _FAILED in doc.user_data else (document, doc)
            except Exception:
                # A component that bypasses the error handler stops `nlp.pipe`, but the run must continue.
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
    """Set the error handler of a pipeline and its components, and restore the previous ones on exit."""
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


def _mark_failed(name: str, pipe: object, docs: list[Doc] | None, error: Exception) -> None:
    # Most components drop failed Docs, but some pass them on. Worker processes send user data back with the Doc.
    for doc in docs or ():
        doc.user_data[_FAILED] = True


def _reason(error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}"
    # spaCy wraps some errors of components in its own, which are less specific.
    return reason if error.__cause__ is None else f"{reason} ({_reason(error.__cause__)})"
