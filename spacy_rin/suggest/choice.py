"""Choose texts that teach most and are unlike each other, out of more than the memory holds."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from ..extract.documents import Document

# Texts with this cosine are nearly the same.
NEAR = 0.8
# To open and understand a text takes a person as long as to annotate so many tokens.
START = 20
# How many times the wanted number of texts is kept while more are read.
_KEPT = 4
# Texts that the pipeline is sure of come last, those unlike the others first.
_LEAST = 1e-9

# Each word once, sorted: a sum of floats depends on the order, and that of a set on the process.
Words = tuple[str, ...]


class Candidate(NamedTuple):
    """A text that may be chosen.

    Attributes:
        document (Document): The text.
        words (Words): Its words, see `words_of`.
        tokens (int): Its length.
        unsure (Mapping[str, float]): By relation, how unsure the pipeline is, see `uncertainty.Reading`.
    """

    document: Document
    words: Words
    tokens: int
    unsure: Mapping[str, float] = {}

    def value(self, weights: Mapping[str, float]) -> float:
        """Compute what it teaches for the time that it takes.

        A second triple of a relation teaches less than the first one. So a table of names, in which every pair may be
        related, is not worth more than sentences.

        Args:
            weights (Mapping[str, float]): The weight of each relation.

        Returns:
            float: The value.
        """
        taught = (weights[label] * math.log2(1 + bits) for label, bits in self.unsure.items())
        return sum(taught) / (START + self.tokens)


def words_of(doc: Doc) -> Words:
    """Get the words of a Doc, whatever their case; if it has none, its text stands for them."""
    words = {token.lower_ for token in doc if not (token.is_punct or token.is_space)}
    return tuple(sorted(words or {doc.text}))


class WordIndex:
    """Compares texts with given ones by their words.

    Args:
        texts (Sequence[Words]): The words of the given texts.
    """

    def __init__(self, texts: Sequence[Words]):
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, words in enumerate(texts):
            for word in words:
                places[word].append(place)
        self.n_texts = len(texts)
        self._places = {word: np.array(found) for word, found in places.items()}
        self._weights = {word: self._weight(word) for word in places}
        self._unseen = self._weight("")
        self._norms = np.array([self._norm(words) for words in texts])
        self._lengths = np.array([len(words) for words in texts], np.float64)

    def likeness(self, words: Words) -> NDArray[np.float64]:
        """Compare a text with all given ones: the cosine of their words, where rare words count more (idf).

        Args:
            words (Words): Its words.

        Returns:
            ndarray: The cosine with each, from 0 to 1. *Shape:* (texts,).
        """
        cosine: NDArray[np.float64] = self._shared(words, self._weights) / (self._norms * self._norm(words))
        return cosine

    def near(self, words: Words) -> NDArray[np.bool_]:
        """Tell which of the given texts are nearly the same as a text: the cosine of their words is at least `NEAR`.

        All words count the same. Otherwise, the more copies of a text were given, the less they would be alike.

        Args:
            words (Words): Its words.

        Returns:
            ndarray: Whether each is nearly the same. *Shape:* (texts,).
        """
        shared = self._shared(words, dict.fromkeys(words, 1.0))
        nearly: NDArray[np.bool_] = shared >= NEAR * np.sqrt(self._lengths * len(words))
        return nearly

    def _shared(self, words: Words, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """Sum up the weights of the words that a text shares with each given one."""
        found = np.zeros(self.n_texts)
        for word in words:
            if word in self._places:
                found[self._places[word]] += weights[word]
        return found

    def _weight(self, word: str) -> float:
        """Get the square of a word's idf: vectors have it twice in a product."""
        return math.log(1 + self.n_texts / max(1, len(self._places.get(word, ())))) ** 2

    def _norm(self, words: Words) -> float:
        return math.sqrt(sum(self._weights.get(word, self._unseen) for word in words))


def choose(candidates: Sequence[Candidate], n: int, weights: Mapping[str, float]) -> list[tuple[int, float]]:
    """Choose texts one by one: each time the one with the highest value, less the more it is like one chosen before.

    Args:
        candidates (Sequence[Candidate]): The texts. Of equal ones, the first is chosen.
        n (int): How many to choose.
        weights (Mapping[str, float]): The weight of each relation.

    Returns:
        list[tuple[int, float]]: Position and value of each chosen text, the best first. There are fewer than `n` if the
            rest is nearly the same as chosen ones.
    """
    index = WordIndex([candidate.words for candidate in candidates])
    values = np.array([candidate.value(weights) for candidate in candidates])
    likeness = np.zeros(len(candidates))
    left = np.ones(len(candidates), bool)
    chosen: list[tuple[int, float]] = []
    while len(chosen) < n and left.any():
        best = int(np.where(left, (values + _LEAST) * (1 - likeness), -1.0).argmax())
        chosen.append((best, float(values[best])))
        words = candidates[best].words
        likeness = np.maximum(likeness, index.likeness(words))
        left &= ~index.near(words)
        left[best] = False
    return chosen


class Pool(Protocol):
    """Takes texts one by one, and keeps those that may be among the best."""

    def add(self, candidate: Candidate) -> None: ...

    def best(self) -> list[tuple[Candidate, float]]: ...


class UnsurePool:
    """Keeps the texts that teach most and are unlike each other.

    Args:
        n (int): How many are wanted.
        weigh (Callable[[], Mapping[str, float]]): Gets the weights of relations, which may change.
    """

    def __init__(self, n: int, weigh: Callable[[], Mapping[str, float]]):
        self.n = n
        self._weigh = weigh
        self._kept: list[Candidate] = []
        self._bar = -1.0  # the lowest value that was worth keeping

    def add(self, candidate: Candidate) -> None:
        """Take a text. It is forgotten if there are enough better ones."""
        if self._bar >= 0 and candidate.value(self._weigh()) <= self._bar:
            return
        self._kept.append(candidate)
        if len(self._kept) >= 2 * _KEPT * self.n:
            chosen = choose(self._kept, _KEPT * self.n, self._weigh())
            if len(chosen) == _KEPT * self.n:
                self._bar = min(value for _, value in chosen)
            # In their order of before, by which equal ones are chosen.
            self._kept = [self._kept[place] for place in sorted(place for place, _ in chosen)]

    def best(self) -> list[tuple[Candidate, float]]:
        """Get the best texts with their values, the best first."""
        return [(self._kept[place], value) for place, value in choose(self._kept, self.n, self._weigh())]


class RandomPool:
    """Keeps texts at random, each with the same chance.

    Args:
        n (int): How many are wanted.
        seed (int): Seed of the chance.
    """

    def __init__(self, n: int, seed: int):
        self.n = n
        self._chance = random.Random(seed)
        self._kept: list[Candidate] = []
        self._seen = 0

    def add(self, candidate: Candidate) -> None:
        """Take a text, in place of another one if there are enough (reservoir sampling)."""
        self._seen += 1
        if len(self._kept) < self.n:
            self._kept.append(candidate)
        elif (place := self._chance.randrange(self._seen)) < self.n:
            self._kept[place] = candidate

    def best(self) -> list[tuple[Candidate, float]]:
        """Get the texts; they have no value."""
        return [(candidate, 0.0) for candidate in self._kept]
