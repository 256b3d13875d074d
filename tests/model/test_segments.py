import itertools
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_rin.model.architectures import build_rin
from spacy_rin.model.segments import Context, Segment, cut_windows, find_contexts, find_sentences
from spacy_rin.model.wrapper import network_of

VOCAB = Vocab()


def make_doc(length: Any, sent_starts: Any = None) -> Any:
    return Doc(VOCAB, words=["a"] * length, sent_starts=sent_starts)


def windows(context: Context, max_length: int, overlap: int) -> list[Segment]:
    return list(cut_windows(context, max_length, overlap))


def test_texts() -> None:
    docs = [make_doc(3), make_doc(0), make_doc(4, [True, False, True, False])]
    assert find_contexts(docs, "text") == find_contexts(docs, None) == [Context(0, 0, 3), Context(2, 0, 4)]


def test_annotated_sentences() -> None:
    docs = [make_doc(3), make_doc(0), make_doc(4, [True, False, True, False])]
    assert find_contexts(docs, "sentence") == [Context(0, 0, 3), Context(2, 0, 2), Context(2, 2, 4)]


def test_sentences_by_rule() -> None:
    doc = spacy.blank("en")('Ada left. Ben! " Cy\n\nEd\nand Fay')
    before = doc.to_bytes()
    assert [doc[start:end].text for start, end in find_sentences(doc)] == [
        "Ada left.",
        'Ben! "',
        "Cy\n\n",
        "Ed\nand Fay",
    ]
    assert doc.to_bytes() == before and not doc.has_annotation("SENT_START")


WRAPPED = (
    "The board of Orbix, which was founded by Ada Brook and by Tom Hale in\nWick and led by them\nFrom 1990 on, met in"
)


@pytest.mark.parametrize(
    "text, sentences",
    [
        # Lists, tables and addresses: each line stands alone.
        ("Ada was born in Wick\nBen died in Larne\n", ["Ada was born in Wick\n", "Ben died in Larne\n"]),
        ("Ada Brook\r\n01/02/2018 Wick\r\n(Orbix)", ["Ada Brook\r\n", "01/02/2018 Wick\r\n", "(Orbix)"]),
        ("Ada\n\nBen\n \n \n Cy ", ["Ada\n\n", "Ben\n \n \n ", "Cy"]),
        # With bullets, items may be long, and go on in the next line.
        (
            "The founders are:\n• Ada, who led it\n  until 1990\n• Ben",
            ["The founders are:\n", "• Ada, who led it\n  until 1990\n", "• Ben"],
        ),
        # Running text goes on, with whatever its lines begin.
        (WRAPPED, [WRAPPED]),
        ("Ada met Ben\n- who leads Orbix - in\nWick", ["Ada met Ben\n- who leads Orbix - in\nWick"]),
        ("阿达出生于\n拉恩", ["阿达出生于\n拉恩"]),
        ("\n", ["\n"]),
        ("Ada\n", ["Ada\n"]),
    ],
)
def test_lines_of_lists(text: str, sentences: list[str]) -> None:
    doc = spacy.blank("en")(text)
    assert [doc[start:end].text_with_ws.rstrip(" ") for start, end in find_sentences(doc)] == [
        sentence.rstrip(" ") for sentence in sentences
    ]


def test_windows() -> None:
    assert windows(Context(2, 0, 10), max_length=6, overlap=2) == [Segment(2, 0, 6, 0, 5), Segment(2, 4, 10, 5, 10)]
    assert windows(Context(0, 2, 8), max_length=4, overlap=2) == [Segment(0, 2, 6, 2, 5), Segment(0, 4, 8, 5, 8)]
    assert windows(Context(0, 8, 9), max_length=4, overlap=2) == [Segment(0, 8, 9, 8, 9)]


@given(length=st.integers(1, 60), max_length=st.integers(1, 12), data=st.data())
def test_every_token_is_decided_once_with_context(length: Any, max_length: Any, data: Any) -> None:
    overlap = data.draw(st.integers(0, max_length - 1))
    segments = windows(Context(0, 0, length), max_length, overlap)
    decided = [i for s in segments for i in range(s.core_start, s.core_end)]
    assert decided == list(range(length))
    for segment in segments:
        assert 0 < segment.end - segment.start <= max_length
        assert segment.start <= segment.core_start < segment.core_end <= segment.end
    for left, right in itertools.pairwise(segments):
        assert left.end - right.start == overlap


def test_gradients_of_overlapping_windows_add_up() -> None:
    """A token in two windows has the gradients of both."""
    gradients: list[Any] = []

    def forward(model: Any, docs: list[Doc], is_train: Any) -> Any:
        return [np.ones((len(doc), 3), dtype="f") for doc in docs], gradients.extend

    model = build_rin(Model("features", forward, dims={"nO": 3}), rounds=0, max_length=4, overlap=2)
    model.set_dim("tags", 5)
    model.set_dim("relations", 2)
    model.initialize(X=[make_doc(8)])
    (segments, output), backprop = model.begin_update([make_doc(8)])
    assert [segment[1:3] for segment in segments] == [(0, 4), (2, 6), (4, 8)]
    tags, *others = (x for x in output.tensors if x is not None)
    backprop([torch.ones_like(tags), *map(torch.zeros_like, others)])
    # Without rounds, tags are linear in the features.
    once = network_of(model.get_ref("network")).tagger.weight.detach().numpy().sum(0)
    assert gradients[0] == pytest.approx(np.outer([1, 1, 2, 2, 2, 2, 1, 1], once))
