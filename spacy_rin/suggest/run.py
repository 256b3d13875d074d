"""Read texts, choose those to annotate, and write them as tasks."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from ..convert.export_brat import check_labels
from ..convert.exporters import ExportReport, check_target, export, write_records
from ..errors import Errors, FileError, RinError, Warnings, require_setting, require_whole
from ..extract.documents import STDIN, Document, count_documents, files_of, number_documents, read_documents
from ..extract.reading import read_all
from ..extract.run import checked_document, checked_pipe, in_zones
from ..pipeline.component import RINJoint
from ..pipeline.corpus import corpus_files, read_docs
from ..relations import get_relations
from .choice import Candidate, Pool, RandomPool, UnsurePool, WordIndex, words_of
from .hints import Labels, offered_labels
from .uncertainty import Reader, rarity

UNSURE, RANDOM = "unsure", "random"
STRATEGIES = (UNSURE, RANDOM)
# Formats of annotation tools that show predictions.
TOOLS = ("prodigy", "label_studio", "brat")
_WHOLE = 2**53  # whole numbers from here on are not exact in JavaScript, which shows the tasks


class Suggestion(NamedTuple):
    """A text that a person should annotate.

    Attributes:
        document (Document): The text.
        value (float): What it teaches: weighted bits for each token. 0 if it was chosen at random.
    """

    document: Document
    value: float


class Choice(NamedTuple):
    """Texts that were chosen, and how many there were.

    Attributes:
        suggestions (list[Suggestion]): The chosen texts, the best first.
        texts (int): Number of texts.
        failed (int): Number of those that could not be read or processed.
        known (int): Number of those that are nearly the same as a text of the training data.
        error (str | None): Id of the first text that failed, and the reason.
    """

    suggestions: list[Suggestion]
    texts: int
    failed: int
    known: int
    error: str | None = None

    @property
    def sure(self) -> int:
        """Number of chosen texts that the pipeline finds nothing unsure in."""
        return sum(not suggestion.value for suggestion in self.suggestions)


class Summary(NamedTuple):
    """Summary of what was chosen and written.

    Attributes:
        choice (Choice): The chosen texts.
        report (ExportReport): What was written of the predictions, and what the format can't hold.
        labels (Labels): The labels that the annotation tool is to offer.
    """

    choice: Choice
    report: ExportReport
    labels: Labels


def suggest(
    nlp: Language,
    documents: Iterable[str | Document],
    n: int,
    *,
    train: Iterable[Doc] = (),
    strategy: str = UNSURE,
    seed: int = 0,
    batch_size: int = 256,
) -> Choice:
    """Choose the texts whose annotation would teach a pipeline most. The texts may be more than the memory holds.

    A text is valued by how unsure the pipeline is of its triples, also of those that it nearly finds. Rare relations
    count more, many triples of one relation count less, and the sum is divided by the length. Texts are chosen one by
    one, each unlike those before.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.
        documents (Iterable[str | Document]): The texts. The id of a plain string is its position, starting at 1.
        n (int): How many to choose.
        train (Iterable[Doc]): Annotated texts. Relations are rare that are rare there, and texts nearly the same as one
            of them are not chosen. Without triples that the pipeline knows, relations are rare that it rarely finds.
        strategy (str): "unsure", or "random" for texts by chance, to compare with.
        seed (int): Seed of "random".
        batch_size (int): Texts in a batch.

    Returns:
        Choice: The chosen texts. They are fewer than `n` if there are no more that differ.

    Raises:
        SettingError: R010 if an argument is not valid.
        RinError: R018 if the pipeline has no "rin_joint".
        NotTrainedError: R011 if the component is not trained.
    """
    require_whole("n", n, 1)
    require_whole("batch_size", batch_size, 1)
    require_setting("strategy", strategy, strategy in STRATEGIES, f"one of {STRATEGIES}")
    pipe = checked_pipe(nlp, None)
    reader = Reader(pipe)
    known, gold = _read_train(train, pipe)
    found: Counter[str] = Counter()
    error = None
    pool: Pool = RandomPool(n, seed)
    if strategy == UNSURE:
        pool = UnsurePool(n, lambda: rarity(gold or found, pipe.relation_labels))
    counts: Counter[str] = Counter()
    numbered = number_documents(documents)
    # Texts by chance are read, too: their predictions are wanted, so those that fail are not chosen.
    with reader.nearly():
        for document, doc in _read(nlp, numbered, batch_size):
            counts["texts"] += 1
            if doc is None:
                counts["failed"] += 1
                error = error or f"{document.id}: {document.error}"
                continue
            words = words_of(doc)
            if known.near(words).any():
                counts["known"] += 1
                continue
            reading = reader.read(doc)
            found += reading.found
            pool.add(Candidate(document, words, len(doc), reading.unsure))
    suggestions = [Suggestion(candidate.document, value) for candidate, value in pool.best()]
    return Choice(suggestions, counts["texts"], counts["failed"], counts["known"], error)


def suggest_file(
    nlp: Language,
    input_path: str | Path,
    output_path: str | Path,
    format: str,
    n: int,
    *,
    train: Iterable[str | Path] = (),
    input_format: str | None = None,
    text_key: str = "text",
    id_key: str | None = None,
    strategy: str = UNSURE,
    seed: int = 0,
    batch_size: int = 256,
    progress: bool = False,
) -> Summary:
    """Choose texts of a file as `suggest` does, and write them as tasks, with the predictions of the pipeline.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.
        input_path (str | Path): The file or folder of texts, or "-" for standard input.
        output_path (str | Path): The file to write, or the new folder for "brat".
        format (str): The annotation tool: "prodigy", "label_studio" or "brat".
        n (int): How many texts to choose.
        train (Iterable[str | Path]): Files or folders of annotated texts (.spacy), see `suggest`.
        input_format (str | None): Format of the input, see `read_documents`.
        text_key (str): Key or column of the text, see `read_documents`.
        id_key (str | None): Key or column of the id, see `read_documents`.
        strategy (str): "unsure" or "random", see `suggest`.
        seed (int): Seed of "random".
        batch_size (int): Texts in a batch.
        progress (bool): Whether to show a progress bar, if there is a terminal.

    Returns:
        Summary: What was chosen and written.

    Raises:
        RinError: R100 if there is nothing to suggest, R048 if brat can't hold a label; see also `suggest`.
        SettingError: See `suggest`, `check_output` and `read_documents`.
        FileError: R034 if a training file has no texts; see also `check_output`, `read_docs` and `read_documents`.
        MissingPackageError: R060 if the input needs a package that is not installed.
    """
    train = list(train)
    check_output(input_path, output_path, format, train)
    checked_pipe(nlp, None)
    labels = offered_labels(nlp)
    if format == "brat":
        check_labels(chain.from_iterable(labels.values()))
    annotated = [doc for path in train for doc in _read_annotated(path, nlp)]
    documents: Iterable[Document] = read_documents(input_path, input_format, text_key=text_key, id_key=id_key)
    total = count_documents(input_path, input_format) if progress else None
    # With None, tqdm shows no bar if there is no terminal.
    with tqdm(documents, total=total, unit=" documents", disable=None if progress else True) as bar:
        options: dict[str, Any] = {"strategy": strategy, "seed": seed, "batch_size": batch_size}
        choice = suggest(nlp, bar, n, train=annotated, **options)
    records, report = make_tasks(nlp, choice.suggestions, format, batch_size=batch_size)
    if not records:
        reason = f" (the first, {choice.error})" if choice.error else ""
        raise RinError(Errors.R100, texts=choice.texts, failed=choice.failed, reason=reason, known=choice.known)
    write_records(records, output_path, format, labels=labels)
    return Summary(choice, report, labels)


def check_output(
    input_path: str | Path, output_path: str | Path, format: str, train: Iterable[str | Path] = ()
) -> None:
    """Check that tasks can be written. This is fast, so call it before you load a pipeline.

    Args:
        input_path (str | Path): The file or folder of texts, or "-" for standard input.
        output_path (str | Path): The file to write, or the new folder for "brat".
        format (str): The annotation tool: "prodigy", "label_studio" or "brat".
        train (Iterable[str | Path]): Files or folders of annotated texts.

    Raises:
        SettingError: R010 if the format is not that of an annotation tool.
        FileError: R034 if the output is an input, or in a folder of the input, or is not free for the format.
    """
    require_setting("format", format, format in TOOLS, f"one of {TOOLS}")
    train = list(train)
    check_target(output_path, format, chain(files_of(input_path), corpus_files(*train)))
    for path in (input_path, *train):
        if str(path) != STDIN and Path(path).is_dir() and Path(path).resolve() in Path(output_path).resolve().parents:
            raise FileError(Errors.R034, path=output_path, reason="the next run would read the output as its input")


def make_tasks(
    nlp: Language, suggestions: Iterable[Suggestion], format: str, *, batch_size: int = 256
) -> tuple[list[dict[str, Any]], ExportReport]:
    """Make tasks with the predictions of a pipeline. The ids of the texts are where the tool shows or keeps them.

    Args:
        nlp (Language): The pipeline.
        suggestions (Iterable[Suggestion]): The texts.
        format (str): The annotation tool: "prodigy", "label_studio" or "brat".
        batch_size (int): Texts in a batch.

    Returns:
        tuple[list[dict[str, Any]], ExportReport]: The records, in the same order, and what they have and what not.

    Raises:
        RinError: R048 if the format can't hold a label.
    """
    suggestions = list(suggestions)
    pipe = checked_pipe(nlp, None)
    read = read_all(nlp, (suggestion.document for suggestion in suggestions), {"batch_size": batch_size})
    pairs = [(document, doc) for document, doc in read if doc is not None]
    records, report = export((doc for _, doc in pairs), format, attr=pipe.attr, spans_key=pipe.spans_key, scores=True)
    width = len(str(len(records)))
    for number, ((document, _), record) in enumerate(zip(pairs, records, strict=True), 1):
        if format == "prodigy":
            record["meta"] = {"id": _shown(document.id)}
        elif format == "label_studio":
            record["data"]["id"] = _shown(document.id)
        else:
            name = re.sub(r"\W+", "_", str(document.id))[:40]
            record["name"] = f"{number:0{width}}-{name}"
    return records, report


def _shown(ident: int | str) -> int | str:
    return str(ident) if isinstance(ident, int) and abs(ident) >= _WHOLE else ident


def _read(nlp: Language, documents: Iterator[Document], batch_size: int) -> Iterator[tuple[Document, Doc | None]]:
    for part in in_zones(nlp, documents):
        checked = (_checked(document, nlp) for document in part)
        yield from read_all(nlp, checked, {"batch_size": batch_size})


def _checked(document: Document, nlp: Language) -> Document:
    document = checked_document(document, nlp)
    return document if document.error or document.text.strip() else document._replace(error="the text is empty")


def _read_train(train: Iterable[Doc], pipe: RINJoint) -> tuple[WordIndex, Counter[str]]:
    """Get the words of annotated texts, and the number of triples of each relation."""
    words, gold = [], Counter[str]()
    for doc in train:
        if len(doc):
            words.append(words_of(doc))
            gold.update(relation.label for relation in get_relations(doc, pipe.attr))
    known = Counter({label: gold[label] for label in pipe.relation_labels if label in gold})
    if gold and not known:
        warnings.warn(Warnings.W007.format(name=pipe.name, labels=", ".join(sorted(gold))), stacklevel=3)
    return WordIndex(words), known


def _read_annotated(path: str | Path, nlp: Language) -> list[Doc]:
    docs = read_docs(path, nlp.vocab)
    if not any(map(len, docs)):
        raise FileError(Errors.R034, path=path, reason="there are no texts in it to compare with")
    return docs
