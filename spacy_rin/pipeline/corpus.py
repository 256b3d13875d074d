"""Reader of training corpora that keeps tokens and relations as they were annotated."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from spacy.errors import Errors as SpacyErrors
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from spacy.training.corpus import FILE_TYPE, walk_corpus
from spacy.vocab import Vocab

from ..errors import Errors, FileError, RinError
from ..relations import DEFAULT_ATTR, Relation, get_relations, has_relations, register_relations, set_relations

Augmenter = Callable[[Language, Example], Iterable[Example]]


class RelationCorpus(Corpus):
    """Reads Examples from .spacy files like spaCy's Corpus, but tokens are those of the annotation.

    spaCy's reader tokenizes texts with spaces again, and splits long Docs without their relations. Here every Doc is
    one Example whose predicted side has the same tokens, so that no annotation is lost in alignment.
    """

    def _make_example(self, nlp: Language, reference: Doc, gold_preproc: bool) -> Example:
        words = [token.text for token in reference]
        predicted = nlp.make_doc(reference.text)
        # Tokens of the tokenizer are better where they are the same: they have its norms, as at prediction.
        if [token.text for token in predicted] != words:
            spaces = None if reference.has_unknown_spaces else [bool(token.whitespace_) for token in reference]
            predicted = Doc(nlp.vocab, words=words, spaces=spaces)
        return Example(predicted, reference)


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
        augmenter = partial(_augment, augmenter=augmenter, attr=attr)
    return RelationCorpus(path, limit=limit, shuffle=shuffle, augmenter=augmenter)


def _augment(nlp: Language, example: Example, *, augmenter: Augmenter, attr: str) -> Iterator[Example]:
    """Augment an Example and give the result the spans and relations that spaCy's augmenters lose."""
    source = example.reference
    for augmented in augmenter(nlp, example):
        target = augmented.reference
        if target is not source and has_relations(source, attr) and not has_relations(target, attr):
            if len(target) != len(source):
                raise RinError(Errors.R035)

            def move(span: Span, doc: Doc = target) -> Span:
                return Span(doc, span.start, span.end, label=span.label_)

            for key, group in source.spans.items():
                target.spans[key] = [move(span) for span in group]
            relations = get_relations(source, attr)
            set_relations(target, [Relation(move(s), label, move(o), score) for s, label, o, score in relations], attr)
        yield augmented


def read_docs(path: str | Path, vocab: Vocab) -> list[Doc]:
    """Read annotated Docs.

    Args:
        path (str | Path): A .spacy file, or a folder of them.
        vocab (Vocab): The vocabulary of the Docs.

    Returns:
        list[Doc]: The Docs.

    Raises:
        RinError: R033 if there is no such file, R053 if one is not a .spacy file.
    """
    path = Path(path)
    if not path.exists():
        raise FileError(Errors.R033, path=path)
    docs: list[Doc] = []
    for file in walk_corpus(path, FILE_TYPE) if path.is_dir() else [path]:
        try:
            docs += DocBin().from_disk(file).get_docs(vocab)
        except Exception as error:
            raise FileError(Errors.R053, path=file, reason=f"{type(error).__name__}: {error}") from error
    return docs


def read_examples(nlp: Language, path: str | Path) -> list[Example]:
    """Read annotated Docs for a pipeline, see `RelationCorpus`.

    Args:
        nlp (Language): The pipeline.
        path (str | Path): A .spacy file, or a folder of them.

    Returns:
        list[Example]: The texts and their annotation.

    Raises:
        RinError: R033 if there is no such file, R053 if it is not a .spacy file.
    """
    return list(RelationCorpus(path).make_examples(nlp, read_docs(path, nlp.vocab)))
