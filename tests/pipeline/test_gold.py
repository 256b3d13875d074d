"""What a network learns from an annotated text."""

from typing import Any

import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_rin.model.segments import Segment
from spacy_rin.pipeline.gold import Gold, entities_within, make_targets, read_gold
from spacy_rin.relations import set_relations

WORDS = ["New", "York", "lies", "in", "New", "York", "State", "."]
LABELS = {"entities": ["CITY", "STATE"], "relations": ["located_in", "part_of"]}


def annotate(nlp: Language, words: list[str] = WORDS, head: str = "last", n_layers: int = 2) -> Gold:
    """Read New York (CITY) lies in New York State (STATE, with a CITY inside)."""
    reference = Doc(nlp.vocab, words=WORDS)
    city, state, inner = (Span(reference, *key) for key in [(0, 2, "CITY"), (4, 7, "STATE"), (4, 6, "CITY")])
    reference.spans["rin"] = [city, state, inner]
    set_relations(reference, [(city, "located_in", state), (inner, "part_of", state), (city, "near", inner)])
    example = Example(Doc(nlp.vocab, words=words), reference)
    return read_gold(example, LABELS, n_layers=n_layers, head=head, spans_key="rin", attr="relations")


def test_entities_by_layer_and_triples_by_head(nlp: Language) -> None:
    gold = annotate(nlp)
    assert gold.layers == [[(0, 2, 0), (4, 7, 1)], [(4, 6, 0)]]
    assert gold.triples == [(1, 6, 0), (5, 6, 1)]
    assert gold.unknown == {("relations", "near")}
    assert annotate(nlp, head="first").triples == [(0, 4, 0), (4, 4, 1)]


def test_an_entity_without_a_layer_still_heads_a_triple(nlp: Language) -> None:
    gold = annotate(nlp, n_layers=1)
    assert gold.layers == [[(0, 2, 0), (4, 7, 1)]]
    assert gold.triples == [(1, 6, 0), (5, 6, 1)]


def test_other_tokens(nlp: Language) -> None:
    """A token more before the entities shifts them; one that joins two entities leaves neither."""
    gold = annotate(nlp, ["N", "ew", *WORDS[1:]])
    assert gold.layers == [[(0, 3, 0), (5, 8, 1)], [(5, 7, 0)]]
    assert gold.triples == [(2, 7, 0), (6, 7, 1)]
    gold = annotate(nlp, [*WORDS[:4], "New", "YorkState", "."])
    assert gold.layers is not None and [spans[:1] for spans in gold.layers] == [[(0, 2, 0)], []]


def test_what_is_not_annotated_is_not_known(nlp: Language) -> None:
    doc = Doc(nlp.vocab, words=WORDS)
    settings: dict[str, Any] = {"n_layers": 1, "head": "last", "spans_key": "rin", "attr": "relations"}
    assert read_gold(Example(doc.copy(), doc), LABELS, **settings) == Gold(None, None, set())
    doc.set_ents([Span(doc, 0, 2, label="CITY")])
    assert read_gold(Example(doc.copy(), doc), LABELS, **settings) == Gold([[(0, 2, 0)]], None, set())
    set_relations(doc, [])
    assert read_gold(Example(doc.copy(), doc), LABELS, **settings) == Gold([[(0, 2, 0)]], [], set())


@pytest.mark.parametrize("words", [WORDS, ["N", "ew", *WORDS[1:]]])
def test_tokens_whose_annotation_is_missing_are_not_known(nlp: Language, words: list[str]) -> None:
    doc = Doc(nlp.vocab, words=WORDS)
    doc.set_ents([Span(doc, 0, 2, label="CITY")], outside=[doc[2:4]], default="missing")
    settings: dict[str, Any] = {"n_layers": 1, "head": "last", "spans_key": "rin", "attr": "relations"}
    gold = read_gold(Example(Doc(nlp.vocab, words=words), doc), LABELS, **settings)
    shift = len(words) - len(WORDS)
    targets = make_targets([gold], [Segment(0, shift, 5 + shift, shift, 5 + shift)], 1)
    tags = make_targets([gold], [Segment(0, 0, len(words), 0, len(words))], 1).tags[:, 0].tolist()
    assert tags == [1, *[2] * shift, 3, 0, 0, -1, -1, -1, -1]
    assert targets.tags[:, 0].tolist()[2:] == [0, 0, -1]
    # What a triple needs is an entity, although doc.ents lacks it.
    set_relations(doc, [(Span(doc, 0, 2, label="CITY"), "located_in", Span(doc, 4, 7, label="STATE"))])
    gold = read_gold(Example(Doc(nlp.vocab, words=words), doc), LABELS, **settings)
    tags = make_targets([gold], [Segment(0, 0, len(words), 0, len(words))], 1).tags[:, 0].tolist()
    assert tags == [1, *[2] * shift, 3, 0, 0, 5, 6, 7, -1]


def test_targets_of_packed_segments() -> None:
    golds = [
        Gold([[(1, 2, 0)]], [(1, 1, 0)], set(), extents={(1, 1, 0): (1, 2)}),
        Gold(None, None, set()),
        Gold([[(0, 2, 1)]], [(1, 3, 1)], set(), extents={(1, 3, 1): (0, 4)}),
    ]
    segments = [Segment(0, 0, 2, 0, 2), Segment(1, 0, 1, 0, 1), Segment(2, 0, 4, 0, 4)]
    targets = make_targets(golds, segments, 1)
    assert targets.tags[:, 0].tolist() == [0, 4, -1, 5, 7, 0, 0]
    assert targets.triples.tolist() == [[1, 1, 0], [4, 6, 1]]
    assert targets.known == [True, False, True]
    assert not targets.cut
    assert targets.most == 1


@pytest.mark.parametrize(
    "bounds, tags, triples, cut",
    [
        # Whole entities, and the triple between them.
        ([(0, 9)], [1, 3, 0, 1, 2, 3, 0, 0, 4], [[1, 5, 0]], False),
        # What a border cuts is not known. A triple across it is in no segment.
        ([(0, 5), (5, 9)], [1, 3, 0, -1, -1, -1, 0, 0, 4], [], True),
        # Segments that overlap both have it.
        ([(0, 6), (0, 9)], [1, 3, 0, 1, 2, 3, 1, 3, 0, 1, 2, 3, 0, 0, 4], [[1, 5, 0], [7, 11, 0]], False),
    ],
)
def test_targets_of_cut_texts(
    bounds: list[tuple[int, int]], tags: list[int], triples: list[list[int]], cut: bool
) -> None:
    gold = Gold([[(0, 2, 0), (3, 6, 0), (8, 9, 0)]], [(1, 5, 0)], set(), extents={(1, 5, 0): (0, 6)})
    targets = make_targets([gold], [Segment(0, start, end, start, end) for start, end in bounds], 1)
    assert targets.tags[:, 0].tolist() == tags
    assert (targets.triples.tolist(), targets.cut) == (triples, cut)
    assert targets.most == (0 if cut else 1)


@pytest.mark.parametrize("starts, cut", [([0], False), ([0, 3], False), ([0, 4], True), ([0, 4, 7], True)])
def test_triple_of_an_entity_that_no_segment_has_as_a_whole_is_cut(starts: list[int], cut: bool) -> None:
    gold = Gold([[(3, 6, 0), (8, 9, 0)]], [(5, 8, 0)], set(), extents={(5, 8, 0): (3, 9)})
    segments = [Segment(0, start, 9, start, 9) for start in starts[1:]] or [Segment(0, 0, 9, 0, 9)]
    assert make_targets([gold], segments, 1).cut == cut


def test_entities_within_a_segment() -> None:
    gold = Gold([[(0, 2, 0), (3, 6, 1)], [(4, 5, 0)]], [], set())
    assert entities_within(gold, Segment(0, 2, 6, 2, 6), 2) == [[(1, 4, 1)], [(2, 3, 0)]]
    assert entities_within(gold, Segment(0, 2, 5, 2, 5), 2) == [[], [(2, 3, 0)]]
    assert entities_within(Gold(None, None, set()), Segment(0, 2, 5, 2, 5), 2) == [[], []]


def test_no_segments() -> None:
    targets = make_targets([Gold(None, None, set())], [], 2)
    assert targets.tags.shape == (0, 2) and targets.triples.shape == (0, 3)
    assert targets.tags.dtype == targets.triples.dtype == np.int64
