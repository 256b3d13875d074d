import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_rin.model.segments import Segment, segment_docs

VOCAB = Vocab()


def make_doc(length: Any, sent_starts: Any = None) -> Any:
    return Doc(VOCAB, words=["a"] * length, sent_starts=sent_starts)


def test_sentences_and_windows() -> None:
    docs = [make_doc(3), make_doc(0), make_doc(10)]
    assert segment_docs(docs, max_length=6, overlap=2) == [
        Segment(0, 0, 3, 0, 3),
        Segment(2, 0, 6, 0, 5),
        Segment(2, 4, 10, 5, 10),
    ]


def test_sentences() -> None:
    doc = make_doc(9, [True, False, True, False, False, False, False, False, True])
    assert segment_docs([doc], max_length=4, overlap=2) == [
        Segment(0, 0, 2, 0, 2),
        Segment(0, 2, 6, 2, 5),
        Segment(0, 4, 8, 5, 8),
        Segment(0, 8, 9, 8, 9),
    ]


@given(length=st.integers(0, 60), max_length=st.integers(1, 12), data=st.data())
def test_every_token_is_decided_once_with_context(length: Any, max_length: Any, data: Any) -> None:
    overlap = data.draw(st.integers(0, max_length - 1))
    segments = segment_docs([make_doc(length)], max_length, overlap)
    decided = [i for s in segments for i in range(s.core_start, s.core_end)]
    assert decided == list(range(length))
    for segment in segments:
        assert 0 < segment.end - segment.start <= max_length
        assert segment.start <= segment.core_start < segment.core_end <= segment.end
    for left, right in itertools.pairwise(segments):
        assert left.end - right.start == overlap
