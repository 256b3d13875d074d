"""Thresholds against what can be counted by hand, or tried one after the other."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rin.evaluation.thresholds import (
    GRID,
    Candidates,
    Thresholds,
    choose,
    choose_threshold,
    choose_thresholds,
    cross_validate,
    score_thresholds,
)
from spacy_rin.relations import register_relations, set_relations

VOCAB = Vocab()
register_relations()


def make_candidates(texts: list[str]) -> Any:
    """Candidates of texts, each a list of (label, probability, whether it is right) and a list of labels missed."""
    examples = []
    for found, missed in texts:
        n = len(found) + len(missed) + 1
        gold, predicted = (Doc(VOCAB, words=["w"] * n) for _ in range(2))
        places = range(1, n)
        set_relations(
            predicted,
            [(predicted[0:1], label, predicted[i : i + 1], p) for i, (label, p, _) in zip(places, found)],
        )
        rights = [(i, label) for i, (label, _, right) in zip(places, found) if right]
        rights += [(i, label) for i, label in zip(places[len(found) :], missed)]
        set_relations(gold, [(gold[0:1], label, gold[i : i + 1]) for i, label in rights])
        examples.append(Example(predicted, gold))
    return Candidates.of(examples)


BY_HAND = [
    ([("a", 0.9, True), ("a", 0.6, False), ("b", 0.3, True)], ["b"]),
    ([("a", 0.4, True), ("b", 0.7, False)], []),
]


def test_scores_of_all_thresholds() -> None:
    rows = score_thresholds(make_candidates(BY_HAND))
    assert list(rows) == [f"{t:.2f}" for t in GRID] and len(rows) == 99
    counts = {t: tuple(row[key] for key in ("gold", "predicted", "right")) for t, row in rows.items()}
    assert counts["0.01"] == counts["0.30"] == (4, 5, 3)
    assert counts["0.31"] == counts["0.40"] == (4, 4, 2)
    assert counts["0.41"] == counts["0.60"] == (4, 3, 1)
    assert counts["0.70"] == (4, 2, 1)
    assert counts["0.90"] == (4, 1, 1)
    assert counts["0.99"] == (4, 0, 0)
    assert rows["0.30"]["p"] == pytest.approx(3 / 5) and rows["0.30"]["r"] == pytest.approx(3 / 4)
    assert rows["0.30"]["f"] == pytest.approx(2 / 3)


def test_a_probability_reaches_a_threshold_in_the_precision_of_the_network() -> None:
    score = float(np.float32(0.7))
    assert score < 0.7
    candidates = make_candidates([([("a", score, True)], [])])
    assert score_thresholds(candidates)["0.70"]["right"] == candidates.score(Thresholds(0.7, {})).tp == 1


def test_best_thresholds() -> None:
    candidates = make_candidates(BY_HAND)
    # Up to 0.3, F1 is 6/9; later at the most 4/8.
    assert choose_threshold(candidates, near=0.5) == (0.3, {})
    assert choose_threshold(candidates, near=0.1) == (0.1, {})
    # 0.3 for all; a alone could be better at nothing, b has as many at all thresholds up to 0.3.
    assert choose_thresholds(candidates, near=0.5, min_count=1) == (0.3, {})
    # b is better at nothing than at all: its gold triples are missed, its false one is not found.
    worse = make_candidates([([("a", 0.4, True)] * 3 + [("b", 0.9, False)] * 3, ["b"])])
    assert choose_thresholds(worse, near=0.5, min_count=1) == (0.4, {"b": 0.91})
    assert choose_thresholds(worse, near=0.5, min_count=4) == (0.4, {})
    # By the F1 of the common threshold, 4/8, a is as good with its one right triple of four as without it. By 4/7,
    # which b reaches without its wrong one, it is not: without a, F1 is 2/3.
    found = [("a", 0.5, True), ("a", 0.5, False), ("a", 0.8, False), ("a", 0.5, False)]
    steps = make_candidates([([*found, ("b", 0.8, True), ("b", 0.5, False)], [])])
    assert choose_thresholds(steps, near=0.5, min_count=1) == (0.5, {"a": 0.81, "b": 0.51})


TEXTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0.1, 0.35, 0.5, 0.8]), st.booleans()), max_size=5),
        st.lists(st.sampled_from("ab"), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(TEXTS)
def test_choices_are_the_best_there_are(texts: Any) -> None:
    candidates = make_candidates(texts)
    tried = [0.1, 0.35, 0.5, 0.8, 0.9]
    chosen = choose_threshold(candidates, near=0.5)
    best = max(candidates.score(Thresholds(t, {})).fscore for t in tried)
    assert candidates.score(chosen).fscore == pytest.approx(best)
    assert score_thresholds(candidates)[f"{chosen.threshold:.2f}"]["f"] == pytest.approx(best)
    own = choose_thresholds(candidates, near=0.5, min_count=1)
    best = max(candidates.score(Thresholds(0, {"a": a, "b": b})).fscore for a, b in product(tried, tried))
    assert own.threshold == chosen.threshold
    assert candidates.score(own).fscore == pytest.approx(best)


def test_folds_are_scored_with_what_others_chose() -> None:
    """Each text is held out once, and never seen by the choice that it is scored with."""
    candidates = make_candidates([([("a", 0.5, i % 2 == 0)], ["b"] * i) for i in range(5)])
    seen = []

    def choose(others: Any) -> Any:
        seen.append(set(others.gold_texts) | set(others.texts))
        return Thresholds(0.2, {})

    scores = sum(cross_validate(candidates, choose, 3), PRFScore())
    whole = candidates.score(Thresholds(0.2, {}))
    assert (scores.tp, scores.fp, scores.fn) == (whole.tp, whole.fp, whole.fn) == (3, 2, 10)
    assert sorted(text for part in seen for text in set(range(5)) - part) == [0, 1, 2, 3, 4]
    assert sorted(map(len, seen)) == [3, 3, 4]
    for folds in (1, 6):
        with pytest.raises(ValueError, match="R050"):
            cross_validate(candidates, choose, folds)


def test_texts_about_the_same_names_are_held_out_together() -> None:
    """What texts say of the names of others gives nothing away. Of three names, each has two texts."""
    examples = []
    for i in (0, 1, 2, 0, 1, 2):
        gold, predicted = (Doc(VOCAB, words=["a", f"b{i}"]) for _ in range(2))
        for doc in (gold, predicted):
            set_relations(doc, [(doc[0:1], "r", doc[1:2], 0.5)])
        examples.append(Example(predicted, gold))
    candidates = Candidates.of(examples)
    held_out = []

    def choose(others: Any) -> Any:
        held_out.append(sorted({*range(6)} - {*others.texts.tolist()}))
        return Thresholds(0.2, {})

    cross_validate(candidates, choose, 3)
    assert sorted(held_out) == [[0, 3], [1, 4], [2, 5]]


def test_choose_keeps_what_helps_on_other_texts() -> None:
    present = Thresholds(0.5, {})
    # Right triples are more probable than others, but all by too little: one threshold is enough.
    low = make_candidates([([("a", 0.3, True), ("b", 0.3, True), ("a", 0.1, False)], [])] * 10)
    choices, best = choose(low, present, min_count=1)
    assert best == "global" and choices[best].thresholds == (0.3, {})
    assert choices["present"].scores.fscore == 0.0 and choices[best].held_out.fscore == 1.0
    # What is probable is right for one relation, wrong for the other.
    mixed = make_candidates([([("a", 0.3, True), ("b", 0.6, False), ("b", 0.9, True)], [])] * 10)
    choices, best = choose(mixed, present, min_count=10)
    assert best == "per_relation" and choices[best].thresholds.of("a") <= 0.3 < 0.6 < choices[best].thresholds.of("b")
    assert choices[best].held_out.fscore == 1.0 > choices["global"].held_out.fscore
    # One text has each relation: what is chosen for it is chosen on nothing else, and helps nowhere.
    rare = make_candidates([([(f"r{i}", 0.6, i % 2 == 0)], []) for i in range(10)])
    choices, best = choose(rare, present, min_count=1)
    assert best == "present"
    assert choices["per_relation"].scores.fscore == 1.0
    assert choices["per_relation"].held_out.fscore <= choices["present"].held_out.fscore


@pytest.mark.parametrize(("right", "best"), [([6, 6, 6, 6, 7], "global"), ([9, 2, 9, 2, 6], "present")])
def test_a_gain_by_chance_is_no_gain(right: list[int], best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten triples in each part, five are found with the thresholds as they are, and 28 or 31 in all with others."""
    found = {"choose": [5] * 5, "choose_threshold": right, "choose_thresholds": right}

    def score(candidates: Any, choose: Any, folds: int) -> Any:
        way = next(name for name in reversed(found) if name in choose.__code__.co_names or name == "choose")
        return [PRFScore(tp=n, fp=0, fn=10 - n) for n in found[way]]

    monkeypatch.setattr("spacy_rin.evaluation.thresholds.cross_validate", score)
    candidates = make_candidates([([("a", 0.3, True)], [])] * 10)
    choices, kept = choose(candidates, Thresholds(0.5, {}), min_count=1)
    assert kept == best
    assert choices["global"].held_out.tp == sum(right) > choices["present"].held_out.tp == 25


def test_nothing_found() -> None:
    candidates = make_candidates([([], ["a"]), ([], [])])
    choices, best = choose(candidates, Thresholds(0.5, {"a": 0.2}), folds=2)
    assert best == "present" and choices["global"].thresholds == (0.5, {})
    assert score_thresholds(candidates)["0.50"]["r"] == 0.0
