"""An augmenter that joins texts, so that the pairs of entities between them are learned to be unrelated."""

import random
from collections import deque
from collections.abc import Iterator, Sequence

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import Errors, SettingError
from ..relations import DEFAULT_ATTR, Relation, get_relations, has_relations, set_relations

# Number of texts to choose from. They are the last ones read, so a corpus is never held in memory.
POOL_SIZE = 1000


class TextJoiner:
    """Joins texts at random. It is an augmenter of spaCy: a callable of a pipeline and an Example.

    Args:
        share (float): Share of the texts that are joined with others, from 0 to 1.
        max_texts (int): Highest number of texts that are joined, at least 2.
        attr (str): The extension attribute of the relations.

    Raises:
        SettingError: R010 if a setting is out of range.
    """

    def __init__(self, share: float, max_texts: int, attr: str = DEFAULT_ATTR):
        if not 0.0 <= share <= 1.0:
            raise SettingError(Errors.R010, name="share", expected="from 0 to 1", value=share)
        if max_texts < 2:
            raise SettingError(Errors.R010, name="max_texts", expected="at least 2", value=max_texts)
        self.share = share
        self.max_texts = max_texts
        self.attr = attr
        self._pool: deque[Example] = deque(maxlen=POOL_SIZE)

    def __call__(self, nlp: Language, example: Example) -> Iterator[Example]:
        """Give the Example, or join it with some of those before it.

        Args:
            nlp (Language): The pipeline.
            example (Example): A text and its annotation.

        Yields:
            Example: One Example.
        """
        if not has_relations(example.reference, self.attr):
            yield example
            return
        others: list[Example] = []
        if self._pool and random.random() < self.share:
            others = random.sample(self._pool, min(random.randint(1, self.max_texts - 1), len(self._pool)))
        self._pool.append(example)
        yield join_examples([*others, example], self.attr) if others else example


def create_text_joiner(share: float = 0.5, max_texts: int = 4, attr: str = DEFAULT_ATTR) -> TextJoiner:
    """Create an augmenter that joins texts at random, for training with `context = "text"`.

    Args:
        share (float): Share of the texts that are joined with others, from 0 to 1.
        max_texts (int): Highest number of texts that are joined, at least 2.
        attr (str): The extension attribute of the relations.

    Returns:
        TextJoiner: The augmenter.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    return TextJoiner(share, max_texts, attr)


def join_examples(examples: Sequence[Example], attr: str = DEFAULT_ATTR) -> Example:
    """Join Examples, with their entities and relations, to one.

    Args:
        examples (Sequence[Example]): The Examples, at least one, of one vocabulary.
        attr (str): The extension attribute of the relations.

    Returns:
        Example: The joined texts, separated by a space.
    """
    return Example(
        _join([example.predicted for example in examples]),
        _join_annotated([example.reference for example in examples], attr),
    )


def _join(docs: Sequence[Doc]) -> Doc:
    joined = Doc.from_docs(list(docs), exclude=["user_data", "spans"])  # type: ignore[call-arg]
    if not any(len(doc) > 1 and doc.has_annotation("SENT_START") for doc in docs):
        # spaCy has made a sentence of each text.
        for token in joined:
            token.is_sent_start = None
    return joined


def _join_annotated(docs: Sequence[Doc], attr: str) -> Doc:
    joined = _join(docs)
    spans: dict[str, list[Span]] = {}
    relations, offset = [], 0
    for doc in docs:

        def move(span: Span, offset: int = offset) -> Span:
            return Span(joined, span.start + offset, span.end + offset, label=span.label)

        for key, group in doc.spans.items():
            spans.setdefault(key, []).extend(map(move, group))
        relations += [Relation(move(s), label, move(o), score) for s, label, o, score in get_relations(doc, attr)]
        offset += len(doc)
    for key, group in spans.items():
        joined.spans[key] = group
    set_relations(joined, relations, attr)
    return joined
