import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rin.relations import register_relations, set_relations
from spacy_rin.scorer import make_rin_scorer, score

VOCAB = Vocab()
register_relations()
WORDS = ["Ada", "May", "Brook", "left", "Larne", "for", "Wick", "Bay"]


def make_doc(relations=None, words=WORDS, ents=()):
    doc = Doc(VOCAB, words=words)
    doc.set_ents([Span(doc, *ent) for ent in ents])
    if relations is not None:
        set_relations(doc, [(doc[a:b], label, doc[c:d]) for (a, b), label, (c, d) in relations])
    return doc


ADA, LARNE, WICK = (0, 3), (4, 5), (6, 8)
GOLD = [(ADA, "left", LARNE), (ADA, "went_to", WICK), (ADA, "saw", WICK)]


def test_by_hand():
    predicted = [
        (ADA, "left", LARNE),  # right
        ((2, 3), "went_to", WICK),  # right head, wrong span
        (ADA, "saw", (6, 7)),  # wrong head
        (LARNE, "left", ADA),  # wrong way round
    ]
    scores = score([Example(make_doc(predicted), make_doc(GOLD))])
    assert scores["rel_exact_p"] == pytest.approx(1 / 4)
    assert scores["rel_exact_r"] == pytest.approx(1 / 3)
    assert scores["rel_exact_f"] == pytest.approx(2 / 7)
    assert scores["rel_partial_p"] == pytest.approx(2 / 4)
    assert scores["rel_partial_r"] == pytest.approx(2 / 3)
    per_type = scores["rel_exact_per_type"]
    assert list(per_type) == ["left", "saw", "went_to"]
    assert per_type["left"] == pytest.approx({"p": 0.5, "r": 1.0, "f": 2 / 3})
    assert per_type["saw"] == {"p": 0.0, "r": 0.0, "f": 0.0}


def test_first_heads():
    example = Example(make_doc([((0, 1), "left", LARNE), ((2, 3), "saw", WICK)]), make_doc(GOLD))
    assert make_rin_scorer()([example], head="first")["rel_partial_p"] == 0.5
    assert make_rin_scorer()([example], head="last")["rel_partial_r"] == pytest.approx(1 / 3)


def test_counts_are_over_all_docs():
    examples = [Example(make_doc(GOLD), make_doc(GOLD)), Example(make_doc([]), make_doc(GOLD[:1]))]
    examples.append(Example(make_doc(GOLD[:1]), make_doc([])))
    scores = score(examples)
    assert scores["rel_exact_p"] == scores["rel_exact_r"] == pytest.approx(3 / 4)


def test_doubles_count_once():
    scores = score([Example(make_doc([GOLD[0], GOLD[0]]), make_doc([GOLD[0], GOLD[1], GOLD[1]]))])
    assert scores["rel_exact_p"] == 1.0
    assert scores["rel_exact_r"] == 0.5


def test_unpredicted_docs_are_missed():
    """Docs that went through no pipeline, or whose pipeline failed."""
    scores = score([Example(make_doc(None), make_doc(GOLD))])
    assert scores["rel_exact_r"] == scores["rel_exact_f"] == 0.0


def test_missing_annotation_is_not_scored():
    scores = score([Example(make_doc(GOLD), make_doc(None))])
    assert scores["rel_exact_f"] is None
    assert scores["rel_partial_p"] is None
    assert scores["rel_exact_per_type"] is None
    scores = score([Example(make_doc(GOLD), make_doc(None)), Example(make_doc(GOLD), make_doc(GOLD))])
    assert scores["rel_exact_p"] == 1.0


def test_other_tokenization_is_compared_by_characters():
    split = ["Ada", "May", "Brook", "left", "La", "rne", "for", "Wick", "Bay"]
    spaces = [True, True, True, True, False, True, True, True, True]
    predicted = Doc(VOCAB, words=split, spaces=spaces)
    set_relations(predicted, [(predicted[0:3], "left", predicted[4:6]), (predicted[0:3], "went_to", predicted[7:9])])
    merged = Doc(VOCAB, words=["Ada", "May", "Brook", "left", "Larne for", "Wick", "Bay"])
    set_relations(merged, [(merged[0:3], "left", merged[4:5])])
    gold = make_doc(GOLD[:2])
    assert score([Example(predicted, gold)])["rel_exact_f"] == 1.0
    scores = score([Example(merged, gold)])
    assert scores["rel_exact_p"] == scores["rel_exact_r"] == 0.0


def test_entities():
    gold, predicted = [(0, 3, "PERSON"), (4, 5, "PLACE")], [(0, 3, "PERSON"), (4, 5, "PERSON"), (6, 8, "PLACE")]
    scores = score([Example(make_doc([], ents=predicted), make_doc([], ents=gold))])
    assert scores["ents_p"] == pytest.approx(1 / 3)
    assert scores["ents_r"] == pytest.approx(1 / 2)
    assert scores["ents_per_type"]["PLACE"]["r"] == 0.0


spans = st.sampled_from([(0, 1), (0, 2), (1, 2), (2, 3), (4, 6)])
triples = st.lists(st.tuples(spans, st.sampled_from("ab"), spans), max_size=6)


@given(st.lists(st.tuples(triples, triples), min_size=1, max_size=4))
def test_scores_equal_their_definition(pairs):
    scores = score([Example(make_doc(predicted), make_doc(gold)) for predicted, gold in pairs])
    for name, key in [("exact", lambda t: t), ("partial", lambda t: (t[0][1], t[1], t[2][1]))]:
        gold = {(i, key(t)) for i, (_, g) in enumerate(pairs) for t in g}
        predicted = {(i, key(t)) for i, (p, _) in enumerate(pairs) for t in p}
        right = len(gold & predicted)
        assert scores[f"rel_{name}_p"] == pytest.approx(right / len(predicted) if predicted else 0.0)
        assert scores[f"rel_{name}_r"] == pytest.approx(right / len(gold) if gold else 0.0)
