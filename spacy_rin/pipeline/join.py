"""Training on joined texts, so that the pairs of entities between them are learned to be unrelated.

A batcher joins other texts in each epoch. An augmenter joins them when the corpus is read. spaCy does that only once,
unless `training.max_epochs` is -1.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import Errors, SettingError
from ..relations import DEFAULT_ATTR, Relation, get_relations, has_relations, set_relations, stored_attrs
from .entity_group import copy_span

# Number of texts to choose from, so that a corpus is never held in memory.
POOL_SIZE = 1000

Text = TypeVar("Text")
Batcher = Callable[[Iterable[Any]], Iterable[list[Any]]]


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
        _check_settings(share, max_texts)
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
        yield join_examples([*others, example]) if others else example


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


def create_joining_batcher(
    batcher: Batcher,
    share: float = 0.8,
    max_texts: int = 5,
    max_length: int = 256,
    similar: float = 0.6,
    attr: str = DEFAULT_ATTR,
) -> Batcher:
    """Create a batcher that joins texts, others in each epoch, for training with `context = "text"`.

    Args:
        batcher (Callable[[Iterable[Example]], Iterable[list[Example]]]): Makes batches of joined and single texts.
        share (float): Share of the texts that are joined with others, from 0 to 1.
        max_texts (int): Highest number of texts that are joined, at least 2.
        max_length (int): Highest number of tokens of a joined text.
        similar (float): Share of the joined texts, from 0 to 1, that are joined with texts that have a relation in
            common. They teach most, as each of their subjects could be that of any of their objects.
        attr (str): The extension attribute of the relations.

    Returns:
        Callable[[Iterable[Example]], Iterable[list[Example]]]: The batcher.

    Raises:
        SettingError: R010 if a setting is out of range.
    """
    _check_settings(share, max_texts)
    if not 0.0 <= similar <= 1.0:
        raise SettingError(Errors.R010, name="similar", expected="from 0 to 1", value=similar)

    def labels(example: Example) -> list[str]:
        return [relation.label for relation in get_relations(example.reference, attr)]

    def join(examples: Iterable[Example]) -> Iterator[Example]:
        remaining = iter(examples)
        rng = random.Random(random.getrandbits(64))  # from the seed of the training
        while pool := list(islice(remaining, POOL_SIZE)):
            known = [example for example in pool if has_relations(example.reference, attr)]
            rng.shuffle(known)
            groups = group_texts(
                known,
                share=share,
                max_texts=max_texts,
                max_length=max_length,
                similar=similar,
                length=lambda example: len(example.predicted),
                labels=labels,
                rng=rng,
            )
            joined = [join_examples(group) if len(group) > 1 else group[0] for group in groups]
            joined += [example for example in pool if not has_relations(example.reference, attr)]
            rng.shuffle(joined)
            yield from joined

    return lambda examples: batcher(join(examples))


def group_texts(
    texts: Sequence[Text],
    *,
    share: float,
    max_texts: int,
    max_length: int,
    similar: float,
    length: Callable[[Text], int],
    labels: Callable[[Text], Sequence[str]],
    rng: random.Random,
) -> list[list[Text]]:
    """Choose which texts to join.

    Args:
        texts (Sequence[Text]): The texts, in random order.
        share (float): See `create_joining_batcher`.
        max_texts (int): See `create_joining_batcher`.
        max_length (int): See `create_joining_batcher`.
        similar (float): See `create_joining_batcher`.
        length (Callable[[Text], int]): Gives the number of tokens of a text.
        labels (Callable[[Text], Sequence[str]]): Gives the relations of a text.
        rng (Random): Makes the random choices.

    Returns:
        list[list[Text]]: Groups of texts to join, and single texts. Each text is in one of them.
    """
    n_joined = round(share * len(texts))
    n_similar = round(similar * n_joined)
    by_label = sorted(texts[:n_similar], key=lambda text: (rng.choice(labels(text) or [""]), rng.random()))
    groups: list[list[Text]] = []
    for part in (by_label, texts[n_similar:n_joined]):
        n_texts = n_tokens = 0
        for text in part:
            n_tokens += length(text)
            if n_texts and n_tokens <= max_length:
                groups[-1].append(text)
                n_texts -= 1
            else:
                groups.append([text])
                n_texts, n_tokens = rng.randint(1, max_texts - 1), length(text)
    return groups + [[text] for text in texts[n_joined:]]


def _check_settings(share: float, max_texts: int) -> None:
    if not 0.0 <= share <= 1.0:
        raise SettingError(Errors.R010, name="share", expected="from 0 to 1", value=share)
    if max_texts < 2:
        raise SettingError(Errors.R010, name="max_texts", expected="at least 2", value=max_texts)


def join_examples(examples: Sequence[Example]) -> Example:
    """Join Examples, with their entities and relations, to one.

    Args:
        examples (Sequence[Example]): The Examples, at least one, of one vocabulary.

    Returns:
        Example: The joined texts, separated by a space.
    """
    return Example(
        _join([example.predicted for example in examples]),
        _join_annotated([example.reference for example in examples]),
    )


def _join(docs: Sequence[Doc]) -> Doc:
    joined = Doc.from_docs(list(docs), exclude=["user_data", "spans"])  # type: ignore[call-arg]
    if not any(doc.has_annotation("DEP") or (len(doc) > 1 and doc.has_annotation("SENT_START")) for doc in docs):
        # spaCy has made a sentence of each text.
        for token in joined:
            token.is_sent_start = None
    return joined


def _join_annotated(docs: Sequence[Doc]) -> Doc:
    joined = _join(docs)
    spans: dict[str, list[Span]] = {}
    # Of all components. They are annotated in the whole only if they are in each text.
    attrs = [attr for attr in stored_attrs(docs[0]) if all(has_relations(doc, attr) for doc in docs)]
    relations: dict[str, list[Relation]] = {attr: [] for attr in attrs}
    offset = 0
    for doc in docs:

        def move(span: Span, offset: int = offset) -> Span:
            return copy_span(span, joined, span.start + offset, span.end + offset)

        for key, group in doc.spans.items():
            spans.setdefault(key, []).extend(map(move, group))
        for attr, moved in relations.items():
            moved += [Relation(move(s), label, move(o), score) for s, label, o, score in get_relations(doc, attr)]
        offset += len(doc)
    for key, group in spans.items():
        joined.spans[key] = group
    for attr, moved in relations.items():
        set_relations(joined, moved, attr)
    return joined
