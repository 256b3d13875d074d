"""Reader of training corpora that keeps tokens and relations as they were annotated."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path

from spacy.attrs import ENT_TYPE, ORTH, TAG
from spacy.errors import Errors as SpacyErrors
from spacy.language import Language
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from spacy.training.corpus import FILE_TYPE, walk_corpus
from spacy.vocab import Vocab

from ..characters import slow_run
from ..errors import Errors, FileError, RinError
from ..files import reason_of, require_existing
from ..relations import (
    DEFAULT_ATTR,
    Relation,
    get_relations,
    has_relations,
    register_relations,
    set_relations,
    stored_attrs,
)
from .entity_group import copy_span

Augmenter = Callable[[Language, Example], Iterable[Example]]


class RelationCorpus(Corpus):
    """Reads Examples from .spacy files like spaCy's Corpus, but tokens are those of the annotation.

    spaCy's reader tokenizes texts with spaces again, and splits long Docs without their relations. Here every Doc is
    one Example whose predicted side has the same tokens, so that no annotation is lost in alignment.
    """

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the Examples; FileError R033 if the path is wrong, R053 or R055 if a file is damaged."""
        require_existing(self.path)
        yield from super().__call__(nlp)

    def _make_example(self, nlp: Language, reference: Doc, gold_preproc: bool) -> Example:
        # Tokens of the tokenizer are better where they are the same: they have its norms, as at prediction.
        predicted = tokenize(nlp, reference.text)
        if predicted is None or [token.text for token in predicted] != [token.text for token in reference]:
            predicted = _copy_tokens(nlp, reference)
        return Example(predicted, reference)

    def read_docbin(self, vocab: Vocab, locs: Iterable[str | Path]) -> Iterator[Doc]:
        """Read the Docs that have tokens, up to the limit, and check them as `read_docs` does."""
        docs = (doc for file in locs for doc in _read_file(Path(file), vocab) if len(doc))
        yield from islice(docs, self.limit) if self.limit >= 1 else docs


def create_corpus_reader(
    path: str | Path | None,
    limit: int = 0,
    shuffle: bool = False,
    augmenter: Augmenter | None = None,
    attr: str = DEFAULT_ATTR,
) -> Callable[[Language], Iterable[Example]]:
    """Create a corpus reader that keeps the gold relations.

    Args:
        path (str | Path | None): A .spacy file, or a directory with such files.
        limit (int): Number of Docs to read at the most; 0 is all.
        shuffle (bool): Whether to shuffle the Docs each time.
        augmenter (Callable | None): Data augmentation, as for "spacy.Corpus.v1"; one that keeps the tokens.
        attr (str): The extension attribute of the relations.

    Returns:
        Callable[[Language], Iterable[Example]]: The reader.

    Raises:
        RinError: spaCy's E913 if there is no path.
    """
    register_relations(attr)
    if path is None:
        raise ValueError(SpacyErrors.E913)
    if augmenter is not None:
        augmenter = partial(_augment, augmenter=augmenter)
    return RelationCorpus(path, limit=limit, shuffle=shuffle, augmenter=augmenter)


def _augment(nlp: Language, example: Example, *, augmenter: Augmenter) -> Iterator[Example]:
    """Augment an Example and give the result the spans and relations that spaCy's augmenters lose."""
    source = example.reference
    for augmented in augmenter(nlp, example):
        target = augmented.reference
        lost = [attr for attr in stored_attrs(source) if not has_relations(target, attr)]  # of all components
        if target is not source and lost:
            if len(target) != len(source):
                raise RinError(Errors.R035)

            def move(span: Span, doc: Doc = target) -> Span:
                return copy_span(span, doc, span.start, span.end)

            for key, group in source.spans.items():
                target.spans[key] = [move(span) for span in group]
            for attr in lost:
                found = get_relations(source, attr)
                set_relations(target, [Relation(move(s), label, move(o), score) for s, label, o, score in found], attr)
        yield augmented


def read_docs(path: str | Path, vocab: Vocab) -> list[Doc]:
    """Read annotated Docs.

    Args:
        path (str | Path): A .spacy file, or a folder of them.
        vocab (Vocab): The vocabulary of the Docs.

    Returns:
        list[Doc]: The Docs.

    Raises:
        FileError: R033 if there is no such file, R053 if one is not a .spacy file, R055 if a text in it is damaged.
    """
    return list(iter_docs(path, vocab))


def iter_docs(path: str | Path, vocab: Vocab) -> Iterator[Doc]:
    """Read annotated Docs one by one, file by file, see `read_docs`."""
    for file in corpus_files(require_existing(path)):
        yield from _read_file(file, vocab)


def corpus_files(*paths: str | Path) -> Iterator[Path]:
    """List the files that `read_docs` reads: each path itself or, if it is a folder, its .spacy files."""
    for path in map(Path, paths):
        yield from walk_corpus(path, FILE_TYPE) if path.is_dir() else [path]


def read_examples(nlp: Language, path: str | Path, *, raw: bool = False) -> list[Example]:
    """Read annotated Docs for a pipeline, see `RelationCorpus`.

    Args:
        nlp (Language): The pipeline.
        path (str | Path): A .spacy file, or a folder of them.
        raw (bool): Whether the pipeline gets the tokens of its own tokenizer, as in raw text, rather than those of the
            annotation.

    Returns:
        list[Example]: The texts and their annotation.

    Raises:
        FileError: As `read_docs`.
    """
    docs = iter_docs(path, nlp.vocab)
    if not raw:
        return list(RelationCorpus(path).make_examples(nlp, docs))
    pairs = ((tokenize(nlp, doc.text), doc) for doc in docs if len(doc))
    return [Example(_copy_tokens(nlp, doc) if predicted is None else predicted, doc) for predicted, doc in pairs]


def tokenize(nlp: Language, text: str) -> Doc | None:
    """Make a Doc with the tokens of a pipeline's tokenizer; None if the text is too long for it, or would take too
    long."""
    return None if len(text) > nlp.max_length or slow_run(text) else nlp.make_doc(text)


def _copy_tokens(nlp: Language, doc: Doc) -> Doc:
    """Make a Doc of a pipeline with the tokens of another one."""
    spaces = None if doc.has_unknown_spaces else [bool(token.whitespace_) for token in doc]
    return Doc(nlp.vocab, words=[token.text for token in doc], spaces=spaces)


def _read_file(path: Path, vocab: Vocab) -> Iterator[Doc]:
    try:
        data = DocBin().from_disk(path)
    except OSError as error:
        raise FileError(Errors.R034, path=path, reason=reason_of(error)) from error
    except Exception as error:
        raise FileError(Errors.R053, path=path, reason=_describe(error)) from error
    docs, strings = data.get_docs(vocab), StringStore(data.strings)
    for number in count(1):
        try:
            doc = next(docs, None)
            if doc is not None:
                _check(doc, strings)
        except Exception as error:
            raise FileError(Errors.R055, path=path, number=number, reason=_describe(error)) from error
        if doc is None:
            return
        yield doc


_NAMED_BY_HASH = [ORTH, TAG, ENT_TYPE]


def _check(doc: Doc, strings: StringStore) -> None:
    """Look at all that the package reads of a Doc from a file, so that what is damaged shows at once."""
    spans = [*doc.ents, *(span for group in doc.spans.values() for span in group)]
    hashes = {*doc.to_array(_NAMED_BY_HASH).ravel().tolist(), *(span.label for span in spans)}
    for name in hashes - {0}:
        strings[name]  # KeyError, spaCy's E018, if the file has no such string
    for span in spans:
        if not 0 <= span.start < span.end <= len(doc):
            raise IndexError(f"a span has the tokens {span.start} to {span.end}, of {len(doc)}")
    for attr in stored_attrs(doc):
        get_relations(doc, attr)


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, RinError) else f"{type(error).__name__}: {error}"
