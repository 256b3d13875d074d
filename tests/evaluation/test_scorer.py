import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rin.evaluation.scorer import (
    make_rin_scorer,
    overlap_patterns,
    score,
    score_groups,
    score_matches,
    text_groups,
    triples,
)
from spacy_rin.evaluation.verdicts import compare, count_confusion
from spacy_rin.relations import register_relations, set_relations

VOCAB = Vocab()
register_relations()
WORDS = ["Ada", "May", "Brook", "left", "Larne", "for", "Wick", "Bay"]


def make_doc(relations: Any = None, words: Any = WORDS, ents: Any = ()) -> Any:
    doc = Doc(VOCAB, words=words)
    doc.set_ents([Span(doc, *ent) for ent in ents])
    if relations is not None:
        set_relations(doc, [(doc[a:b], label, doc[c:d]) for (a, b), label, (c, d) in relations])
    return doc


ADA, LARNE, WICK = (0, 3), (4, 5), (6, 8)
GOLD = [(ADA, "left", LARNE), (ADA, "went_to", WICK), (ADA, "saw", WICK)]


def test_exact_and_partial_match() -> None:
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


def test_first_heads() -> None:
    predicted = [((0, 1), "left", LARNE), ((0, 2), "went_to", (6, 7)), ((2, 3), "saw", WICK)]
    example = Example(make_doc(predicted), make_doc(GOLD))
    assert make_rin_scorer()([example], head="first")["rel_partial_p"] == pytest.approx(2 / 3)
    assert make_rin_scorer()([example], head="last")["rel_partial_p"] == pytest.approx(1 / 3)


def test_counts_are_over_all_docs() -> None:
    examples = [Example(make_doc(GOLD), make_doc(GOLD)), Example(make_doc([]), make_doc(GOLD[:1]))]
    examples.append(Example(make_doc(GOLD[:1]), make_doc([])))
    scores = score(examples)
    assert scores["rel_exact_p"] == scores["rel_exact_r"] == pytest.approx(3 / 4)


def test_doubles_count_once() -> None:
    scores = score([Example(make_doc([GOLD[0], GOLD[0]]), make_doc([GOLD[0], GOLD[1], GOLD[1]]))])
    assert scores["rel_exact_p"] == 1.0
    assert scores["rel_exact_r"] == 0.5


def test_unpredicted_docs_are_missed() -> None:
    """Docs that went through no pipeline, or whose pipeline failed."""
    scores = score([Example(make_doc(None), make_doc(GOLD))])
    assert scores["rel_exact_r"] == scores["rel_exact_f"] == 0.0


def test_missing_annotation_is_not_scored() -> None:
    scores = score([Example(make_doc(GOLD), make_doc(None))])
    assert scores["rel_exact_f"] is None
    assert scores["rel_partial_p"] is None
    assert scores["rel_exact_per_type"] is None
    scores = score([Example(make_doc(GOLD), make_doc(None)), Example(make_doc(GOLD), make_doc(GOLD))])
    assert scores["rel_exact_p"] == 1.0


def test_other_tokenization_is_compared_by_characters() -> None:
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


def test_entities() -> None:
    gold, predicted = [(0, 3, "PERSON"), (4, 5, "PLACE")], [(0, 3, "PERSON"), (4, 5, "PERSON"), (6, 8, "PLACE")]
    scores = score([Example(make_doc([], ents=predicted), make_doc([], ents=gold))])
    assert scores["ents_p"] == pytest.approx(1 / 3)
    assert scores["ents_r"] == pytest.approx(1 / 2)
    assert scores["ents_per_type"]["PLACE"]["r"] == 0.0


spans = st.sampled_from([(0, 1), (0, 2), (1, 2), (2, 3), (4, 6)])
triples_strategy = st.lists(st.tuples(spans, st.sampled_from("ab"), spans), max_size=6)


@given(st.lists(st.tuples(triples_strategy, triples_strategy), min_size=1, max_size=4))
def test_scores_equal_their_definition(pairs: Any) -> None:
    scores = score([Example(make_doc(predicted), make_doc(gold)) for predicted, gold in pairs])
    for name, key in [("exact", lambda t: t), ("partial", lambda t: (t[0][1], t[1], t[2][1]))]:
        gold = {(i, key(t)) for i, (_, g) in enumerate(pairs) for t in g}
        predicted = {(i, key(t)) for i, (p, _) in enumerate(pairs) for t in p}
        right = len(gold & predicted)
        assert scores[f"rel_{name}_p"] == pytest.approx(right / len(predicted) if predicted else 0.0)
        assert scores[f"rel_{name}_r"] == pytest.approx(right / len(gold) if gold else 0.0)


def relations_of(*rows: Any, words: Any = WORDS) -> Any:
    return triples(make_doc(rows, words=words))


@pytest.mark.parametrize(
    "rows,patterns",
    [
        ([], ["none"]),
        ([("A", "r", "B")], ["normal"]),
        ([("A", "r", "B"), ("C", "r", "D")], ["normal"]),
        ([("A", "r", "B"), ("A", "s", "B")], ["epo"]),
        ([("A", "r", "B"), ("A", "r", "C")], ["seo"]),
        ([("A", "r", "B"), ("B", "r", "C")], ["seo"]),
        # The other way round it is another pair.
        ([("A", "r", "B"), ("B", "s", "A")], ["seo"]),
        ([("A", "r", "A")], ["seo"]),
        ([("A", "r", "B"), ("A", "s", "B"), ("A", "r", "C")], ["seo", "epo"]),
        ([("A", "r", "B"), ("A", "s", "B"), ("C", "r", "D")], ["epo"]),
    ],
)
def test_patterns(rows: Any, patterns: Any) -> None:
    assert overlap_patterns(rows) == patterns


def test_patterns_are_those_of_the_papers(real_data: Path) -> None:
    """Table 1 of CasRel (Wei et al., ACL 2020): NYT test has 3,266 normal, 1,297 SEO and 978 EPO sentences."""
    data = json.loads((real_data / "nyt_casrel_star" / "test_triples.json").read_text("utf8"))
    counts = Counter(p for text in data for p in overlap_patterns({tuple(t) for t in text["triple_list"]}))
    assert counts == {"normal": 3266, "seo": 1297, "epo": 978}


def test_all_criteria() -> None:
    """Of four predictions, one each is right in all, in heads, in the pair, and in all but the type of its subject."""
    rows = [(ADA, "left", LARNE), (ADA, "went_to", WICK), (ADA, "saw", WICK), (WICK, "left", LARNE)]
    gold, predicted = make_doc(), make_doc()

    def typed(doc: Doc, row: Any, kind: Any) -> Any:
        (a, b), label, (c, d) = row
        return Span(doc, a, b, label=kind), label, Span(doc, c, d, label="X")

    set_relations(gold, [typed(gold, row, "X") for row in rows])
    found = [(rows[0], "X"), (((2, 3), "went_to", WICK), "X"), ((ADA, "met", WICK), "X"), (rows[3], "Y")]
    set_relations(predicted, [typed(predicted, row, kind) for row, kind in found])
    scores = score_matches([Example(predicted, gold)])
    right = {name: row["right"] for name, row in scores.items()}
    assert right == {
        "rel_exact": 2,
        "rel_exact_typed": 1,
        "rel_partial": 3,
        "rel_partial_typed": 2,
        "rel_pairs": 3,
        "rel_pairs_typed": 2,
        "rel_text": 2,
        "ents_all": 3,
    }
    # ADA and WICK have two gold relations, but are one pair.
    assert (scores["rel_exact"]["gold"], scores["rel_pairs"]["gold"]) == (4, 3)
    assert (scores["rel_pairs"]["p"], scores["rel_pairs"]["r"]) == (0.75, 1.0)
    # Gold: ADA, LARNE, WICK of one type; found: the same, (2, 3), and WICK of another type.
    assert (scores["ents_all"]["gold"], scores["ents_all"]["predicted"]) == (3, 5)


def test_match_by_text_ignores_places() -> None:
    words = ["Ada", "saw", "Larne", "and", "Ada", "left", "Larne"]
    gold = make_doc([((0, 1), "saw", (2, 3)), ((4, 5), "left", (6, 7)), ((0, 1), "left", (6, 7))], words)
    predicted = make_doc([((4, 5), "saw", (2, 3)), ((0, 1), "left", (2, 3)), ((0, 1), "saw", (5, 6))], words)
    scores = score_matches([Example(predicted, gold)])
    counts = {name: [scores[name][kind] for kind in ("gold", "predicted", "right")] for name in scores}
    # Gold is twice (Ada, left, Larne), which is one by text; (Ada, saw, left) is wrong.
    assert (counts["rel_exact"], counts["rel_text"]) == ([3, 3, 0], [2, 3, 2])


def test_example_of_the_docs() -> None:
    words = ["Ada", "Brook", "founded", "Nimbus", ".", "Tom", "Hale", "leads", "Orbix", "."]
    gold_rows = [((0, 2), "founded", (3, 4)), ((5, 7), "leads", (8, 9))]
    rows = [gold_rows[0], ((6, 7), "leads", (8, 9)), ((0, 2), "leads", (3, 4))]
    entities = [(0, 2, ""), (3, 4, ""), (8, 9, "")]
    gold = make_doc(gold_rows, words, [*entities, (5, 7, "")])
    predicted = make_doc(rows, words, [*entities, (6, 7, "")])
    scores = score_matches([Example(predicted, gold)])
    percents = {name: [round(100 * row[letter], 1) for letter in "prf"] for name, row in scores.items()}
    assert percents["rel_exact"] == [33.3, 50.0, 40.0]
    assert percents["rel_partial"] == [66.7, 100.0, 80.0]
    assert percents["rel_pairs"] == [50.0, 50.0, 50.0]
    assert percents["rel_text"] == [33.3, 50.0, 40.0]
    assert percents["ents_all"] == [75.0, 75.0, 75.0]
    verdicts = compare(triples(gold), triples(predicted))
    assert [(kind, p.label) for kind, _, p in verdicts] == [
        ("right", "founded"),
        ("wrong_boundary", "leads"),
        ("spurious", "leads"),
    ]
    assert text_groups(gold) == {"per_pattern": ["normal"], "per_count": ["2"], "per_length": ["1-10"]}


def test_groups_of_texts() -> None:
    one = Example(make_doc(GOLD[:1]), make_doc(GOLD[:1]))
    three = Example(make_doc(GOLD[:2]), make_doc(GOLD))
    nothing = Example(make_doc(GOLD[:1]), make_doc([]))
    unknown = Example(make_doc(GOLD), make_doc(None))
    many = [f"w{i}" for i in range(11)]
    long = Example(make_doc([], words=many), make_doc([((i, i + 1), "left", (i, i + 1)) for i in range(6)], words=many))
    scores = score_groups([one, three, nothing, unknown, long])

    def counts(name: str) -> Any:
        return {key: tuple(row.values())[-3:] for key, row in scores[name].items()}

    assert counts("rel_exact_per_type") == {"left": (8, 3, 2), "saw": (1, 0, 0), "went_to": (1, 1, 1)}
    # ADA left LARNE; twice ADA and WICK and once LARNE, which is both; six entities each with themselves
    assert counts("rel_exact_per_pattern") == {
        "normal": (1, 1, 1),
        "seo": (9, 2, 2),
        "epo": (3, 2, 2),
        "none": (0, 1, 0),
    }
    assert counts("rel_exact_per_count") == {"0": (0, 1, 0), "1": (1, 1, 1), "3": (3, 2, 2), "5+": (6, 0, 0)}
    assert counts("rel_exact_per_length") == {"1-10": (4, 4, 3), "11-20": (6, 0, 0)}
    assert [row["texts"] for row in scores["rel_exact_per_pattern"].values()] == [1, 2, 1, 1]
    assert list(scores["rel_exact_per_pattern"]) == ["normal", "seo", "epo", "none"]


def test_each_triple_has_one_verdict() -> None:
    gold = relations_of((ADA, "left", LARNE), (ADA, "saw", WICK), (LARNE, "near", WICK), (WICK, "far", LARNE))
    predicted = relations_of(
        (ADA, "left", LARNE),
        ((2, 3), "saw", (6, 7)),
        (LARNE, "in", WICK),
        (LARNE, "far", WICK),
        ((7, 8), "saw", (0, 1)),
    )
    verdicts = compare(gold, predicted)
    labels = [(kind, g and g.label, p and p.label) for kind, g, p in verdicts]
    assert labels == [
        ("right", "left", "left"),
        ("wrong_label", "near", "in"),
        ("wrong_boundary", "saw", "saw"),
        ("missed", "far", None),
        # The wrong way round, both of them
        ("spurious", None, "far"),
        ("spurious", None, "saw"),
    ]
    assert count_confusion(verdicts) == {
        "left": {"left": 1},
        "near": {"in": 1},
        "saw": {"none": 1},
        "far": {"none": 1},
        "none": {"saw": 2, "far": 1},
    }


def test_a_gold_triple_excuses_one_error_alone() -> None:
    gold = relations_of((ADA, "saw", WICK))
    predicted = triples(make_doc([(ADA, "met", WICK), (ADA, "left", WICK)]))
    predicted = {key: r._replace(score=0.9 if r.label == "met" else 0.6) for key, r in predicted.items()}
    for found in (predicted, dict(reversed(predicted.items()))):
        kinds = [(kind, p.label) for kind, _, p in compare(gold, found)]
        assert kinds == [("wrong_label", "met"), ("spurious", "left")]


@pytest.mark.parametrize("left,right", [((0, 3), (3, 4)), ((3, 4), (0, 3))])
def test_neighbours_are_no_wrong_boundary(left: Any, right: Any) -> None:
    verdicts = compare(relations_of((left, "saw", WICK)), relations_of((right, "saw", WICK)))
    assert [verdict.kind for verdict in verdicts] == ["missed", "spurious"]
    verdicts = compare(relations_of((WICK, "saw", left)), relations_of((WICK, "saw", (0, 4))))
    assert [verdict.kind for verdict in verdicts] == ["wrong_boundary"]


@pytest.mark.parametrize("scores", [(0.6, 0.9), (0.9, 0.6)])
def test_of_two_types_the_more_probable_counts(scores: Any) -> None:
    doc = make_doc()
    spans = [Span(doc, 0, 3, label="X"), Span(doc, 0, 3, label="Y")]
    set_relations(doc, [(span, "left", doc[4:5], score) for span, score in zip(spans, scores)])
    (relation,) = triples(doc).values()
    assert relation.score == 0.9


@given(triples_strategy, triples_strategy)
def test_verdicts_add_up(gold: Any, predicted: Any) -> None:
    gold, predicted = relations_of(*gold), relations_of(*predicted)
    verdicts = compare(gold, predicted)
    assert sorted(map(id, gold.values())) == sorted(id(v.gold) for v in verdicts if v.gold)
    assert sorted(map(id, predicted.values())) == sorted(id(v.predicted) for v in verdicts if v.predicted)
    assert sum(v.kind == "right" for v in verdicts) == len(gold.keys() & predicted.keys())
    confusion = count_confusion(verdicts)
    for label in "ab":
        assert sum(confusion.get(label, {}).values()) == sum(r.label == label for r in gold.values())
        assert sum(row.get(label, 0) for row in confusion.values()) == sum(r.label == label for r in predicted.values())
