"""From documents to Docs, with or without those that fail."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import raise_error

from ..errors import Errors, FileError
from .documents import Document

_FAILED = "spacy_rin.failed"  # in `doc.user_data`


# Each document with its Doc, or without one if it failed.
_Read = Iterator[tuple[Document, Doc | None]]


def read_strictly(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    """Process documents; FileError R068 for one that can't be read, and any error of the pipeline."""

    def texts() -> Iterator[tuple[str, Document]]:
        for document in documents:
            if document.error:
                raise FileError(Errors.R068, id=document.id, reason=document.error)
            yield document.text, document

    for doc, document in nlp.pipe(texts(), as_tuples=True, **pipe_options):
        yield document, doc


def read_all(nlp: Language, documents: Iterable[Document], pipe_options: dict[str, Any]) -> _Read:
    """Process documents. One that fails comes without a Doc, and with the reason."""
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


def _mark_failed(name: str, pipe: object, docs: list[Doc] | None, error: Exception) -> None:
    # Most components drop the Docs, but some go on with them. The mark comes through from other processes.
    for doc in docs or ():
        doc.user_data[_FAILED] = True


def _reason(error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}"
    # spaCy raises some errors of components again as its own, which say less.
    return reason if error.__cause__ is None else f"{reason} ({_reason(error.__cause__)})"
