import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_rin.pipeline.tagging import decode_tags, encode_tags, n_tags, span_scores, split_layers

OUT, B1, I1, E1, S1, B2, I2, E2, S2 = range(9)


def one_hot(tags: Any, n: Any) -> Any:
    return np.eye(n)[list(tags)]


def well_formed(tags: Any) -> Any:
    """The grammar of BIOES, written down by regular expression."""
    text = "".join("OBIESbies"[tag] for tag in tags)
    return re.fullmatch("(O|S|BI*E|s|bi*e)*", text) is not None


def test_encode_writes_bioes() -> None:
    spans = [(0, 1, 0), (2, 5, 1), (5, 7, 0)]
    assert encode_tags(spans, 8).tolist() == [S1, OUT, B2, I2, E2, B1, E1, OUT]
    assert n_tags(1) == 5
    assert n_tags(2) == 9


def test_second_label_of_the_same_tokens_takes_no_place() -> None:
    doc = Doc(Vocab(), words=["Ada", "Brook", "Club"])
    spans = [Span(doc, 0, 3, "ORG"), Span(doc, 0, 3, "PLACE"), Span(doc, 0, 2, "PERSON"), Span(doc, 1, 2, "NAME")]
    assert split_layers(spans, 3) == [[spans[0]], [spans[2]], [spans[3]]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 1)), max_size=4), st.integers(0, 3))
def test_spans_survive(parts: Any, rest: Any) -> None:
    spans, position = [], 0
    for gap, length, kind in parts:
        spans.append((position + gap, position + gap + length, kind))
        position += gap + length
    length = position + rest
    if length:
        tags = encode_tags(spans, length)
        assert well_formed(tags)
        # Packed with a neighbour on either side, spans stay with their sequence.
        packed = np.concatenate([[S1], tags, [OUT]])
        assert decode_tags(one_hot(packed, 9), [1, length, 1]) == [[(0, 1, 0)], spans, []]


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(9)), elements=st.integers(-5, 5)))
def test_decoding_is_the_best_well_formed_sequence(scores: Any) -> None:
    n = len(scores)
    best = max(sum(scores[range(n), seq]) for seq in itertools.product(range(9), repeat=n) if well_formed(seq))
    (spans,) = decode_tags(scores, [n])
    tags = encode_tags(spans, n)
    assert well_formed(tags)
    assert sum(scores[range(n), tags]) == best


def test_only_faulty_sequences_are_mended() -> None:
    good = one_hot([B1, E1, OUT], 9)
    faulty = one_hot([B1, OUT, S2], 9) * [[1.0], [3.0], [3.0]]
    assert decode_tags(np.concatenate([good, faulty, good]), [3, 3, 3]) == [[(0, 2, 0)], [(2, 3, 1)], [(0, 2, 0)]]


def test_spans_have_no_white_space_at_their_ends() -> None:
    tags = one_hot([S1, OUT, B1, I1, E1, B2, E2], 9)
    blank = np.array([1, 0, 0, 1, 0, 1, 0], bool)
    # White space inside a span is left alone; a span that begins with it is mended.
    assert decode_tags(tags * 2 + one_hot([OUT] * 6 + [S2], 9), [7], blank) == [[(2, 5, 0), (6, 7, 1)]]
    assert decode_tags(tags, [7]) == [[(0, 1, 0), (2, 5, 0), (5, 7, 1)]]


def test_probability_of_a_span_is_the_product_of_its_tags() -> None:
    probs = np.empty((6, 5))
    for token, (tag, prob) in enumerate([(S1, 0.6), (B1, 0.5), (I1, 0.4), (E1, 0.2), (OUT, 0.6), (S1, 0.3)]):
        probs[token] = (1 - prob) / 4
        probs[token, tag] = prob
    logits = np.log(probs) + np.arange(6)[:, None]  # a softmax knows no constant
    found = span_scores(logits, [1, 5], [[(0, 1, 0)], [(0, 3, 0), (4, 5, 0)]])
    assert found == [pytest.approx([0.6]), pytest.approx([0.5 * 0.4 * 0.2, 0.3])]
    assert span_scores(logits, [1, 5], [[], []]) == [[], []]


def test_nothing_to_decode() -> None:
    assert decode_tags(np.empty((0, 5)), []) == []
