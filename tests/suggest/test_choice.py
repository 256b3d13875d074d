"""The choice of texts by their value and their words."""

import math
from collections import Counter
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rin.extract import Document
from spacy_rin.suggest.choice import Candidate, RandomPool, UnsurePool, WordIndex, choose, words_of

WEIGHTS = {"r": 1.0, "s": 2.0}


def candidate(ident: int, words: str, bits: float, tokens: int = 20) -> Candidate:
    return Candidate(Document(ident, words), tuple(sorted(set(words.split()))), tokens, {"r": bits})


def test_value_for_the_time_it_takes() -> None:
    short = Candidate(Document(1, ""), (), 20, {"r": 1.0, "s": 0.5})
    assert short.value(WEIGHTS) == pytest.approx((1 + 2 * math.log2(1.5)) / 40)
    assert short._replace(tokens=40, unsure={"r": 3.0}).value(WEIGHTS) == pytest.approx(2 / 60)
    # Two relations teach more than one that is doubted twice; a table of names, with many pairs, teaches little.
    assert short._replace(unsure={"r": 2.0, "s": 0.5}).value(WEIGHTS) > short._replace(unsure={"r": 3.0}).value(WEIGHTS)
    assert short._replace(tokens=100, unsure={"r": 10.0, "s": 5.0}).value(WEIGHTS) < 1.4 * short.value(WEIGHTS)


def test_words() -> None:
    nlp = spacy.blank("en")
    assert words_of(nlp("Ada, ada of\nLarne (1815)!")) == ("1815", "ada", "larne", "of")
    assert words_of(nlp("?!")) == ("?!",)


def test_likeness_by_hand() -> None:
    index = WordIndex([("a", "b"), ("a", "c"), ("d",)])
    idf = {"a": math.log(1 + 3 / 2), "b": math.log(1 + 3), "d": math.log(1 + 3)}
    same = idf["a"] ** 2 / (idf["a"] ** 2 + idf["b"] ** 2)
    assert index.likeness(("a", "b")) == pytest.approx([1.0, same, 0.0])
    unknown = math.log(1 + 3)
    assert index.likeness(("d", "new")) == pytest.approx([0, 0, idf["d"] / math.hypot(idf["d"], unknown)])
    # All words count the same: 2 of 2 and 3 are shared, which is 0.816.
    assert index.near(("a", "c", "d")).tolist() == [False, True, False]
    assert not index.near(("b", "d")).any()
    assert WordIndex([]).near(("a",)).tolist() == []


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1).map(lambda w: tuple(sorted(set(w)))), min_size=1))
def test_likeness_is_a_cosine(texts: list[Any]) -> None:
    index = WordIndex(texts)
    for place, words in enumerate(texts):
        likeness = index.likeness(words)
        assert likeness[place] == pytest.approx(1.0) and ((likeness > -1e-9) & (likeness < 1 + 1e-9)).all()
        assert index.near(words)[place]


def test_unlike_texts_are_chosen() -> None:
    texts = [
        candidate(0, "a b c d e f", 1.0),
        candidate(1, "a b c d e f", 0.9),  # the same
        candidate(2, "a b c d y z", 0.8),  # like the first one
        candidate(3, "p q r s t u", 0.7),
        candidate(4, "v w", 0.0),
    ]
    chosen = choose(texts, 5, WEIGHTS)
    assert [place for place, _ in chosen] == [0, 3, 2, 4]
    assert [value for _, value in chosen] == pytest.approx([math.log2(1 + bits) / 40 for bits in (1.0, 0.7, 0.8, 0.0)])
    assert choose(texts, 2, WEIGHTS) == chosen[:2]
    assert choose([], 2, WEIGHTS) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 5), unique=True, max_size=60), st.integers(1, 3))
def test_a_stream_gives_what_all_texts_at_once_give(bits: list[float], n: int) -> None:
    """If texts have no words in common, the best are those of the highest value, wherever they stand."""
    pool = UnsurePool(n, lambda: WEIGHTS)
    for ident, value in enumerate(bits):
        pool.add(candidate(ident, f"w{ident}", value))
        assert len(pool._kept) < 8 * n  # bounded, however many there are
    expected = sorted(range(len(bits)), key=lambda ident: -bits[ident])[:n]
    assert [found.document.id for found, _ in pool.best()] == expected


def test_copies_do_not_crowd_out_others() -> None:
    pool = UnsurePool(2, lambda: WEIGHTS)
    pool.add(candidate(0, "x y z", 0.1))
    for ident in range(1, 100):
        pool.add(candidate(ident, "a b c", 1.0))
    assert [found.document.id for found, _ in pool.best()] == [1, 0]


@pytest.mark.parametrize("copies", [2, 10, 100])
def test_texts_of_one_form_are_copies_however_many_there_are(copies: int) -> None:
    form = "the board of the works met in hall nr {} and chose tim cook as its chief for another term"
    texts = [candidate(ident, form.format(ident), 1.0) for ident in range(copies)]
    others = [candidate(copies + ident, f"w{ident}", 0.1) for ident in range(3)]
    assert [place for place, _ in choose([*texts, *others], 4, WEIGHTS)] == [0, *range(copies, copies + 3)]
    known = WordIndex([text.words for text in texts])
    assert known.near(candidate(0, form.format("new"), 1.0).words).all()


def test_all_texts_have_the_same_chance() -> None:
    def draw(seed: int) -> list[Any]:
        pool = RandomPool(2, seed)
        for ident in range(5):
            pool.add(candidate(ident, "a", 0.0))
        return [found.document.id for found, _ in pool.best()]

    assert draw(7) == draw(7)
    counts = Counter(ident for seed in range(1000) for ident in draw(seed))
    assert sum(counts.values()) == 2000 and all(340 < counts[ident] < 460 for ident in range(5))
    pool = RandomPool(3, 0)
    pool.add(candidate(0, "a", 0.0))
    assert len(pool.best()) == 1
