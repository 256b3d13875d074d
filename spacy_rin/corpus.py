"""Reader of training corpora that keeps tokens and relations as they were annotated."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Optional, Union

from spacy.errors import Errors as SpacyErrors
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example

from .relations import DEFAULT_ATTR, register_relations


class RelationCorpus(Corpus):
    """Reads Examples from .spacy files like spaCy's Corpus, but tokens are those of the annotation.

    spaCy's reader tokenizes anew what has spaces, and splits long Docs without their relations. Here every Doc is
    one Example whose predicted side has the same tokens, so that no annotation is lost in alignment.
    """

    def _make_example(self, nlp: Language, reference: Doc, gold_preproc: bool) -> Example:
        words = [token.text for token in reference]
        spaces = None if reference.has_unknown_spaces else [bool(token.whitespace_) for token in reference]
        return Example(Doc(nlp.vocab, words=words, spaces=spaces), reference)


def create_corpus_reader(
    path: Optional[Union[str, Path]],
    limit: int = 0,
    shuffle: bool = False,
    augmenter: Optional[Callable[[Language, Example], Iterable[Example]]] = None,
    attr: str = DEFAULT_ATTR,
) -> Callable[[Language], Iterable[Example]]:
    """Create a corpus reader that keeps the gold relations.

    path (Optional[Union[str, Path]]): A .spacy file, or a directory with such files.
    limit (int): Number of Docs to read at the most; 0 is all.
    shuffle (bool): Whether to shuffle the Docs each time.
    augmenter (Optional[Callable]): Data augmentation, as for "spacy.Corpus.v1".
    attr (str): The extension attribute of the relations.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader.
    RAISES (ValueError): spaCy's E913 if there is no path.
    """
    register_relations(attr)
    if path is None:
        raise ValueError(SpacyErrors.E913)
    return RelationCorpus(path, limit=limit, shuffle=shuffle, augmenter=augmenter)
