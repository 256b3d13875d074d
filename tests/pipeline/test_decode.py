import numpy as np
import pytest
from numpy.typing import NDArray

from spacy_rin.model.segments import Segment
from spacy_rin.pipeline.decode import FoundEntities, Prediction, ScoredTriple, decode, decode_entities
from spacy_rin.pipeline.tagging import encode_tags

IntArray = NDArray[np.int64]


class FixedScores:
    """Given tags and pair probabilities; everything else is improbable."""

    def __init__(self, tags: IntArray, probs: dict[tuple[int, int, int], float]):
        self.tags, self.probs = np.asarray(tags), probs

    def tag_scores(self) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = np.eye(9)[self.tags if self.tags.ndim > 1 else self.tags[:, None]]
        return scores

    def probable(
        self, subjects: IntArray, objects: IntArray, thresholds: NDArray[np.floating]
    ) -> tuple[IntArray, IntArray, NDArray[np.floating]]:
        found = [
            (pair, label, prob)
            for pair, (i, j) in enumerate(zip(subjects.tolist(), objects.tolist()))
            for (a, b, label), prob in self.probs.items()
            if (a, b) == (i, j) and prob >= thresholds[label]
        ]
        pairs, labels, probs = zip(*found) if found else ((), (), ())
        return np.array(pairs, np.int64), np.array(labels, np.int64), np.array(probs, np.float64)


def run(
    n_docs: int,
    segments: list[Segment],
    tags: IntArray,
    probs: dict[tuple[int, int, int], float],
    *,
    thresholds: tuple[float, float, float] = (0.5, 0.5, 0.5),
    head: str = "last",
    rescue: bool = False,
) -> list[Prediction]:
    scores = FixedScores(tags, probs)
    return decode(
        n_docs,
        segments,
        decode_entities(segments, scores.tag_scores(), np.zeros(len(tags), bool)),
        scores,
        thresholds=np.array(thresholds),
        head=head,
        rescue=rescue,
    )


# Tokens 0-1 are a person, 3 and 5-6 are places.
ENTITIES = [(0, 2, 0), (3, 4, 1), (5, 7, 1)]
ONE = [Segment(0, 0, 8, 0, 8)]
TAGS = encode_tags(ENTITIES, 8)


@pytest.mark.parametrize("head, found", [("first", [(3, 5, 0)]), ("last", [])])
def test_window_whose_core_has_the_head_decides(head: str, found: list[tuple[int, int, int]]) -> None:
    """The first of two windows finds an entity that begins in its core, and ends in that of the other."""
    windows = [Segment(0, 0, 6, 0, 4), Segment(0, 3, 8, 4, 8)]
    tags = np.concatenate([encode_tags([(3, 5, 0)], 6), encode_tags([], 5)])
    (prediction,) = run(1, windows, tags, {}, head=head)
    assert prediction.entities == found


def test_entities_of_windows_are_in_the_order_of_the_text() -> None:
    """An entity whose head is in the second core may begin before one of the first."""
    windows = [Segment(0, 0, 6, 0, 4), Segment(0, 1, 8, 4, 8)]
    tags = np.concatenate([encode_tags([(2, 4, 0)], 6), encode_tags([(0, 5, 1)], 7)])
    (prediction,) = run(1, windows, tags, {(3, 10, 0): 0.9})
    assert prediction.entities == [(1, 6, 1), (2, 4, 0)]


def test_triples_between_heads_of_entities() -> None:
    probs = {(1, 3, 0): 0.9, (1, 3, 1): 0.6, (6, 1, 0): 0.5, (3, 6, 2): 0.4, (1, 4, 0): 0.9, (3, 3, 0): 0.9}
    (prediction,) = run(1, ONE, TAGS, probs)
    assert prediction.entities == ENTITIES
    person, place, town = ENTITIES
    # Too improbable, and no entity at token 4: no triples.
    assert prediction.triples == [
        ScoredTriple(person, 0, place, 0.9),
        ScoredTriple(person, 1, place, 0.6),
        ScoredTriple(place, 0, place, 0.9),
        ScoredTriple(town, 0, person, 0.5),
    ]


def test_relations_have_thresholds_of_their_own() -> None:
    probs = {(1, 3, 0): 0.6, (1, 3, 1): 0.6, (1, 3, 2): 0.2}
    (prediction,) = run(1, ONE, TAGS, probs, thresholds=(0.5, 0.7, 0.1))
    assert [triple.label for triple in prediction.triples] == [0, 2]


def test_entities_inside_entities() -> None:
    # Inside the person 0-1 the second layer has a person of another head, inside the town 5-6 a place of the same.
    person, place, town = ENTITIES
    inner_person, inner_place = (0, 1, 0), (6, 7, 1)
    tags = np.stack([TAGS, encode_tags([inner_person, (3, 4, 0), inner_place], 8)], 1)
    probs = {
        (1, 6, 0): 0.9,  # of two entities with one head, the longer one has the triples
        (6, 6, 1): 0.7,  # and is the subject of those with the shorter one
        (0, 3, 2): 0.6,
        (1, 0, 0): 0.8,
    }
    (prediction,) = run(1, ONE, tags, probs)
    # Two types of the same tokens: the first layer has its way.
    assert prediction.entities == [person, inner_person, place, town, inner_place]
    assert prediction.triples == [
        ScoredTriple(inner_person, 2, place, 0.6),
        ScoredTriple(person, 0, inner_person, 0.8),
        ScoredTriple(person, 0, town, 0.9),
        ScoredTriple(town, 1, inner_place, 0.7),
    ]
    # By first tokens, the two persons share their head, and the places don't.
    (prediction,) = run(1, ONE, tags, probs, head="first")
    assert prediction.triples == [
        ScoredTriple(person, 2, place, 0.6),
        ScoredTriple(inner_place, 1, inner_place, 0.7),
    ]
    # A token that is the head of an entity never stands for another one.
    (prediction,) = run(1, ONE, tags, {(0, 3, 0): 0.9, (5, 3, 0): 0.9}, rescue=True)
    assert prediction.triples == [ScoredTriple(inner_person, 0, place, 0.9), ScoredTriple(town, 0, place, 0.9)]


def test_head_decides_which_token_stands_for_an_entity() -> None:
    probs = {(0, 5, 0): 0.8, (1, 6, 1): 0.7}
    person, _, town = ENTITIES
    assert run(1, ONE, TAGS, probs)[0].triples == [ScoredTriple(person, 1, town, 0.7)]
    assert run(1, ONE, TAGS, probs, head="first")[0].triples == [ScoredTriple(person, 0, town, 0.8)]


def test_rescue_takes_any_token_of_an_entity_and_the_best_score() -> None:
    probs = {(0, 3, 0): 0.6, (1, 3, 0): 0.7, (0, 5, 1): 0.8, (0, 1, 0): 0.9}
    person, place, town = ENTITIES
    assert run(1, ONE, TAGS, probs)[0].triples == [ScoredTriple(person, 0, place, 0.7)]
    assert run(1, ONE, TAGS, probs, rescue=True)[0].triples == [
        ScoredTriple(person, 0, place, 0.7),
        ScoredTriple(person, 1, town, 0.8),
    ]


def test_docs_keep_their_own() -> None:
    segments = [Segment(0, 0, 2, 0, 2), Segment(2, 0, 2, 0, 2), Segment(2, 2, 4, 2, 4)]
    tags = [4, 8, 4, 0, 8, 4]
    # (1, 2) and (3, 4) would cross from one segment to the next.
    probs = {(0, 1, 0): 0.9, (1, 2, 0): 0.9, (2, 4, 0): 0.9, (5, 4, 1): 0.7}
    first, empty, last = run(3, segments, tags, probs)
    assert first.triples == [ScoredTriple((0, 1, 0), 0, (1, 2, 1), 0.9)]
    assert empty == Prediction([], [], [])
    assert last.entities == [(0, 1, 0), (2, 3, 1), (3, 4, 0)]
    assert last.triples == [ScoredTriple((3, 4, 0), 1, (2, 3, 1), 0.7)]


def test_overlapping_windows_agree() -> None:
    # Windows [0, 6) and [4, 10), the border between them at 5. Packed token 6 + k is token 4 + k.
    segments = [Segment(0, 0, 6, 0, 5), Segment(0, 4, 10, 5, 10)]
    left = encode_tags([(1, 2, 0), (4, 5, 1), (5, 6, 1)], 6)
    right = encode_tags([(0, 1, 1), (1, 3, 1), (4, 5, 0)], 6)
    # Token 5 is one entity to the left window, and the first token of another to the right one, which decides.
    probs = {
        (1, 4, 0): 0.9,  # seen by the left window alone
        (1, 5, 0): 0.9,  # with an entity that the right window overrules
        (10, 6, 1): 0.8,  # seen by the right one, its object decided by the left one
        (8, 6, 2): 0.6,
    }
    (prediction,) = run(1, segments, np.concatenate([left, right]), probs)
    assert prediction.entities == [(1, 2, 0), (4, 5, 1), (5, 7, 1), (8, 9, 0)]
    assert prediction.triples == [
        ScoredTriple((1, 2, 0), 0, (4, 5, 1), 0.9),
        ScoredTriple((5, 7, 1), 2, (4, 5, 1), 0.6),
        ScoredTriple((8, 9, 0), 1, (4, 5, 1), 0.8),
    ]


@pytest.mark.parametrize("n_docs", [0, 2])
def test_no_segments(n_docs: int) -> None:
    assert run(n_docs, [], np.empty(0, int), {}) == [Prediction([], [], [])] * n_docs


def test_a_doc_keeps_its_most_probable_triples() -> None:
    """Of 192 triples between 8 entities of one token each, 100 and 10 for each token."""
    entities = [(i, i + 1, 0) for i in range(8)]
    order = np.random.default_rng(0).permutation(192)
    probs = {(i, j, label): 0.5 + order[24 * i + 3 * j + label] / 1000 for i, j, label in np.ndindex(8, 8, 3)}
    probs[9, 10, 2] = 0.5  # in the second Doc, as improbable as the least of the first
    segments = [*ONE, Segment(1, 0, 8, 0, 8)]
    tags = np.concatenate([encode_tags(entities, 8), encode_tags([(1, 2, 0), (2, 3, 1)], 8)])
    full, sparse = run(2, segments, tags, probs)
    expected = {(i, label, j) for (i, j, label), prob in probs.items() if 0.512 <= prob < 0.7 and i < 8}
    assert {(t.subject[0], t.label, t.object[0]) for t in full.triples} == expected
    assert (len(full.triples), full.cut) == (180, True)
    assert sparse == Prediction([(1, 2, 0), (2, 3, 1)], sparse.scores, [ScoredTriple((1, 2, 0), 2, (2, 3, 1), 0.5)])


def test_given_entities_take_the_place_of_those_found() -> None:
    """The network says other entities, inside and outside; relations are its own."""
    network = FixedScores(TAGS, {(4, 2, 0): 0.9, (4, 4, 1): 0.8, (2, 4, 0): 0.4, (4, 3, 2): 0.9, (1, 3, 0): 0.9})
    outer, inner = (2, 5, 0), (2, 3, 0)
    (prediction,) = decode(
        1,
        ONE,
        [FoundEntities([[outer], [inner]])],
        network,
        thresholds=np.full(3, 0.5),
        head="last",
        rescue=False,
    )
    assert prediction.entities == [outer, inner]
    assert prediction.triples == [ScoredTriple(outer, 0, inner, 0.9), ScoredTriple(outer, 1, outer, 0.8)]
