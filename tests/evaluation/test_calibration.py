from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.evaluation.calibration import (
    calibrate,
    choose_calibration,
    fit_global,
    fit_per_relation,
    score_calibration,
)
from spacy_rin.evaluation.folds import split_folds
from spacy_rin.evaluation.thresholds import Candidates, Thresholds
from spacy_rin.evaluation.tuned import Tuned, keep_decisions


def candidates(scores: list[float], right: list[int], relations: list[int] | None = None) -> Candidates:
    """Candidates of texts that have two each, of relations "a" and "b"."""
    n = len(scores)
    texts = np.arange(n) // 2
    return Candidates(
        ("a", "b"),
        list(range(int(texts[-1]) + 1 if n else 0)),
        texts,
        np.array(relations or [0] * n, dtype=np.int64),
        np.array(scores, dtype=np.float32),
        np.array(right, dtype=bool),
        np.array([], dtype=np.int64),
        np.array([], dtype=np.int64),
    )


def test_error_is_the_mean_distance_of_bins() -> None:
    scores = score_calibration(np.array([0.95, 0.91, 0.99, 1.0, 0.5, 0.55]), np.array([1, 1, 1, 0, 0, 1], dtype=bool))
    # Four at 0.9625, three of them right; two at 0.525, one of them right.
    assert scores["ece"] == pytest.approx((4 * (0.9625 - 0.75) + 2 * 0.025) / 6)
    assert [(row["from"], row["to"], row["count"], row["right"]) for row in scores["bins"]] == [
        (0.5, 0.6, 2, 0.5),
        (0.9, 1.0, 4, 0.75),
    ]
    assert scores["confident"] == {"from": 0.9, "count": 4, "right": 0.75}


def test_nothing_found_has_no_error() -> None:
    assert score_calibration(np.array([]), np.array([], dtype=bool)) == {
        "ece": None,
        "bins": [],
        "confident": {"from": 0.9, "count": 0, "right": None},
    }


def test_overconfident_scores_are_lowered() -> None:
    # At 0.99, seven of ten are right; at 0.1, three of ten.
    some = candidates([0.99] * 400 + [0.1] * 400, ([1] * 7 + [0] * 3) * 40 + ([1] * 3 + [0] * 7) * 40)
    better = calibrate(some, fit_global(some))
    assert better.scores[0] == pytest.approx(0.7, abs=0.01) and better.scores[-1] == pytest.approx(0.3, abs=0.01)
    assert better.texts is some.texts and better.right is some.right
    choices, best = choose_calibration(some, folds=5)
    assert best != "none" and choices[best].ece < 0.05 < choices["none"].ece


def test_relations_have_their_own() -> None:
    some = candidates(
        [0.8] * 800, [1] * 400 + ([0] * 9 + [1]) * 40, [0] * 400 + [1] * 400
    )  # "a" is always right, "b" one time in ten
    better = calibrate(some, fit_per_relation(some))
    assert better.scores[0] > 0.95 and better.scores[-1] < 0.15
    assert choose_calibration(some, folds=2)[1] == "per_relation"
    few = candidates([0.8] * 402, [1] * 400 + [0, 0], [0] * 400 + [1] * 2)
    assert calibrate(few, fit_per_relation(few)).scores[-1] > 0.7  # two triples say little


def test_a_simpler_calibration_is_kept_unless_another_gains() -> None:
    """Both relations are right as often, so that slopes and offsets of their own only fit chance."""
    random = np.random.default_rng(0)
    scores = random.uniform(0.05, 0.95, 400)
    right = (random.uniform(size=400) < scores).astype(int)
    some = candidates(scores.tolist(), right.tolist(), [0, 1] * 200)
    assert choose_calibration(some, folds=5)[1] == "none"
    sure = candidates((scores**0.25).tolist(), right.tolist(), [0, 1] * 200)
    assert choose_calibration(sure, folds=5)[1] == "global"


def test_parts_are_judged_by_what_others_teach() -> None:
    """In one half of the texts all is right, in the other all is wrong: each half misleads about the other."""
    some = candidates([0.5] * 80, [0] * 80)
    some.right[:] = split_folds(some.groups, 2)[some.texts] == 0
    choices, best = choose_calibration(some, folds=2)
    assert best == "none" and choices["none"].log_loss == pytest.approx(np.log(2))
    assert min(choices[name].log_loss for name in ("global", "per_relation")) > 1.0
    assert choices["global"].calibration["a"] == pytest.approx([1.0, 0.0])  # what all texts teach together


def test_scores_stay_in_order() -> None:
    some = candidates([0.9] * 10 + [0.2] * 10, [0] * 10 + [1] * 10)  # worse than chance
    slope, _ = fit_global(some)["a"]
    assert slope > 0
    assert np.isfinite(calibrate(candidates([0.0, 1.0], [0, 1]), {"a": [2.0, 1.0]}).scores).all()


PAIRS = st.lists(st.tuples(st.floats(0.2, 3), st.floats(-2, 2)).map(list), min_size=2, max_size=2)
TABLES = st.one_of(
    st.just({}), *(PAIRS.map(lambda pairs, labels=labels: dict(zip(labels, pairs))) for labels in ("ab", "a", "b"))
)


@given(
    TABLES, TABLES, st.floats(0.05, 0.95), st.one_of(st.just({}), st.just({"b": 0.3}), st.just({"a": 0.0, "b": 1.0}))
)
def test_another_calibration_lets_the_same_triples_through(old: Any, new: Any, threshold: float, own: Any) -> None:
    raw = candidates(np.linspace(0.02, 0.98, 50).tolist(), [1] * 50, [0, 1] * 25)
    present = Thresholds(threshold, own)
    kept = keep_decisions(Tuned(*present, old), new, raw.labels)
    before, after = calibrate(raw, old), calibrate(raw, new)
    limits = np.array([present.of(raw.labels[i]) for i in raw.relations])
    clear = np.abs(before.scores - limits) > 1e-3  # others are at the threshold, where rounding decides
    assert np.array_equal(after.reach(kept)[clear], before.reach(present)[clear])
    assert old != new or [kept.of(label) for label in "ab"] == [present.of(label) for label in "ab"]


def test_one_calibration_keeps_one_threshold() -> None:
    kept = keep_decisions(Tuned(0.5, {}, {}), {label: [0.5, -1.0] for label in "abc"}, "abc")
    assert kept.thresholds == {} and kept.threshold == pytest.approx(0.268941, abs=1e-6)  # the logit of 0.5 is 0
    assert keep_decisions(Tuned(0.5, {"a": 0.9}, {}), {}, "ab") == Thresholds(0.5, {"a": 0.9})
