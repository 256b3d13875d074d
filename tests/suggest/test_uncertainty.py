"""How unsure a pipeline is of the triples of a text."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from spacy_rin.relations import get_relations, set_relations
from spacy_rin.suggest.uncertainty import LOWEST, Reader, entropy, rarity, shifted

from ..support import component_of, names

PROBABILITIES = st.floats(0.001, 0.999)


@given(PROBABILITIES, PROBABILITIES, PROBABILITIES)
def test_shift(probability: float, other: float, threshold: float) -> None:
    assert shifted(threshold, threshold) == pytest.approx(0.5)
    assert shifted(probability, 0.5) == pytest.approx(probability)
    assert (probability < other) <= (shifted(probability, threshold) <= shifted(other, threshold))
    # What is just as far from its threshold in logits is just as unsure.
    assert shifted(probability, 0.5) == pytest.approx(shifted(shifted(probability, 1 - threshold), threshold))


def test_right_values() -> None:
    assert shifted(0.9, 0.75) == pytest.approx(0.75)  # odds 9 : 1, divided by 3 : 1
    assert entropy(0.5) == 1.0 and entropy(0.0) == entropy(1.0) == pytest.approx(0.0, abs=1e-4)
    assert entropy(0.25) == entropy(0.75) == pytest.approx(2 - 0.75 * math.log2(3))
    # A mean of 4: (4 + 1) / (8 + 1), and (4 + 1) / (0 + 1)
    assert rarity({"a": 8, "b": 0}, "ab") == pytest.approx({"a": math.sqrt(5 / 9), "b": math.sqrt(5)})
    assert rarity({}, "ab") == rarity({"a": 7, "b": 7}, "ab") == {"a": 1.0, "b": 1.0}


def test_a_triple_is_right_if_all_of_it_is(trained: Language) -> None:
    pipe = component_of(trained)
    doc = Doc(trained.vocab, words=["Ada", "of", "Larne"])
    ada, larne = Span(doc, 0, 1, label="PERSON"), Span(doc, 2, 3, label="PLACE")
    doc.spans["rin"] = SpanGroup(doc, name="rin", spans=[ada, larne], attrs={"scores": [0.5, 1.0]})
    set_relations(doc, [(ada, "born_in", larne, 0.8), (larne, "leads", larne, 0.25), (ada, "leads", larne, 1.0)])
    reading = Reader(pipe).read(doc)
    assert reading.unsure == pytest.approx({"born_in": entropy(0.4), "leads": entropy(0.25) + entropy(0.5)}, abs=1e-4)
    assert reading.found == Counter(born_in=1, leads=1)
    # At a threshold of its own, 0.8 is even, and 0.25 no less likely than it was.
    with pipe.settings(thresholds={"born_in": 0.8}):
        reading = Reader(pipe).read(doc)
    assert reading.unsure["born_in"] == pytest.approx(entropy(0.25))


def test_what_is_nearly_found_counts(trained: Language) -> None:
    pipe = component_of(trained)
    before = pipe.threshold, pipe.thresholds
    text = "Tom Hale was born in Larne , founded Nimbus and leads Wick ."
    sure = trained(text)
    assert len(get_relations(sure)) == 3
    # Logits become a tenth, less 2: the surest triples get a probability of about a third.
    with pipe.settings(calibration={label: [0.1, -2.0] for label in pipe.relation_labels}):
        reader = Reader(pipe)
        assert not reader.read(trained(text)).unsure
        with reader.nearly():
            assert pipe.label_thresholds == pytest.approx(LOWEST)
            doc = trained(text)
        reading = reader.read(doc)
    assert names(doc) == names(sure) and all(LOWEST <= relation.score < 0.5 for relation in get_relations(doc))
    assert set(reading.unsure) == {label for _, label, _ in names(doc)} and not reading.found
    assert sum(reading.unsure.values()) > 3 * entropy(0.2)
    assert (pipe.threshold, pipe.thresholds) == before
    with pipe.settings(threshold=0.75), Reader(pipe).nearly():
        # Odds of 1 : 9, times 3
        assert pipe.label_thresholds == pytest.approx(0.25)
