import random
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_rin.errors import SettingError
from spacy_rin.pipeline.replace import collect_names, create_replacing_batcher, replace_names
from spacy_rin.relations import get_relations, set_relations

from ..support import TYPES, make_examples, names

KEYS = {"spans_key": "rin", "attr": "relations"}


@pytest.fixture
def examples() -> list[Example]:
    return make_examples(spacy.blank("en").vocab)


def replace(example: Example, others: list[Example], seed: int = 0) -> Example:
    known = collect_names([other.reference for other in others], **KEYS)
    return replace_names(example, known, random.Random(seed), **KEYS)


def words(doc: Doc) -> list[str]:
    return [token.text for token in doc]


def test_names_by_what_they_can_stand_for(examples: list[Example]) -> None:
    found = collect_names([example.reference for example in examples], **KEYS)
    assert {kind: [span.text for span in spans] for kind, spans in found.items()} == {
        ("PERSON", "born_in", "subject"): ["Ada Brook", "Tom Hale"],
        ("PLACE", "born_in", "object"): ["Larne", "Wick"],
        ("PERSON", "founded", "subject"): ["Ada Brook", "Tom Hale"],
        ("ORG", "founded", "object"): ["Nimbus", "Orbix"],
        ("PERSON", "leads", "subject"): ["Tom Hale", "Ada Brook"],
        ("ORG", "leads", "object"): ["Orbix"],
    }


def test_annotation_moves_with_the_words(examples: list[Example]) -> None:
    vocab = examples[0].reference.vocab
    long = Doc(vocab, words=["Ann", "van", "der", "Meer", "left", "Sankt", "Pölten", "."])
    long.spans["rin"] = [Span(long, 0, 4, label="PERSON"), Span(long, 5, 7, label="PLACE")]
    set_relations(long, [(long.spans["rin"][0], "born_in", long.spans["rin"][1])])
    known = collect_names([long], **KEYS)
    new = replace_names(examples[0], known, random.Random(0), **KEYS)
    doc = new.reference
    assert (
        words(doc) == ["Ann", "van", "der", "Meer", "was", "born", "in", "Sankt", "Pölten", "."] == words(new.predicted)
    )
    assert names(doc) == {("Ann van der Meer", "born_in", "Sankt Pölten")}
    places = [(span.start, span.end, span.label_) for span in doc.spans["rin"]]
    assert places == [(0, 4, "PERSON"), (7, 9, "PLACE")]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann van der Meer", "PERSON"), ("Sankt Pölten", "PLACE")]
    assert not new.predicted.ents and not new.predicted.has_annotation("SENT_START")
    assert names(examples[0].reference) == {("Ada Brook", "born_in", "Larne")}, "the text itself has changed"


@pytest.mark.parametrize("seed", range(5))
def test_relations_stay_but_for_names(examples: list[Example], seed: int) -> None:
    for example in examples:
        new = replace(example, examples, seed)
        before, after = get_relations(example.reference), get_relations(new.reference)
        assert [relation.label for relation in before] == [relation.label for relation in after]
        for old, found in zip(before, after):
            assert (TYPES[found.subject.text], TYPES[found.object.text]) == (old.subject.label_, old.object.label_)
        plain = [word for word in words(example.reference) if not any(word in name.split() for name in TYPES)]
        assert [word for word in words(new.reference) if not any(word in name.split() for name in TYPES)] == plain


def test_a_name_that_comes_back_stays_one_name() -> None:
    vocab = spacy.blank("en").vocab
    text = "Tom Hale founded Orbix . Larne knows Tom Hale ."
    [example, other] = make_examples(
        vocab,
        [(text, [("Tom Hale", "founded", "Orbix")]), ("Ada Brook runs Nimbus", [("Ada Brook", "founded", "Nimbus")])],
    )
    doc = example.reference
    doc.spans["rin"] = [Span(doc, 0, 2, label="PERSON"), Span(doc, 3, 4, label="ORG"), Span(doc, 7, 9, label="PERSON")]
    new = replace(example, [other])
    assert new.reference.text.strip() == "Ada Brook founded Nimbus . Larne knows Ada Brook ."


@pytest.mark.parametrize("seed", range(20))
def test_two_names_never_become_one(seed: int) -> None:
    vocab = spacy.blank("en").vocab
    [example, other] = make_examples(
        vocab, [("Ada Brook likes Tom Hale", [("Ada Brook", "likes", "Tom Hale")]), ("Ann likes Bo", [])]
    )
    doc = other.reference
    doc.spans["rin"] = [Span(doc, 0, 1, label="PERSON"), Span(doc, 2, 3, label="PERSON")]
    ann, bo = doc.spans["rin"]
    set_relations(doc, [(ann, "likes", bo), (bo, "likes", ann)])
    new = replace(example, [example, other], seed)
    assert len({span.text for span in new.reference.spans["rin"]}) == 2


def test_names_that_share_words_or_overlap_stay() -> None:
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=["Tom", "Hale", ",", "Hale", "says", ",", "left", "Hale", "Hall", "in", "Wick"])
    spans = [(0, 2, "PERSON"), (3, 4, "PERSON"), (7, 9, "PLACE"), (10, 11, "PLACE"), (9, 11, "PLACE")]
    doc.spans["rin"] = [Span(doc, start, end, label=label) for start, end, label in spans]
    set_relations(doc, [])
    other = Doc(vocab, words=["Ada", "saw", "Larne"])
    other.spans["rin"] = [Span(other, 0, 1, label="PERSON"), Span(other, 2, 3, label="PLACE")]
    set_relations(other, [])
    example = Example(Doc(vocab, words=words(doc)), doc)
    assert replace(example, [Example(other, other)]) is example


def test_sentences_tags_and_missing_entities_stay() -> None:
    nlp = spacy.blank("en")
    doc = Doc(
        nlp.vocab,
        words=["It", "rained", ".", "Tom", "Hale", "left", "Wick", "."],
        tags=["PRP", "VBD", ".", "NNP", "NNP", "VBD", "NNP", "."],
        sent_starts=[1, -1, -1, 1, -1, -1, -1, -1],
    )
    person, place = Span(doc, 3, 5, label="PERSON"), Span(doc, 6, 7, label="PLACE")
    doc.set_ents([person], missing=[Span(doc, 6, 8)])
    doc.spans["rin"] = [person, place]
    set_relations(doc, [(person, "left", place)])
    # Where the first name begins its sentence, the new one stands within one, and the other way round.
    other = Doc(nlp.vocab, words=["New", "Wark", "misses", "Ada"], tags=["JJ", "NN", "VBZ", "NN"])
    other.spans["rin"] = [Span(other, 3, 4, label="PERSON"), Span(other, 0, 2, label="PLACE")]
    set_relations(other, [(other.spans["rin"][0], "left", other.spans["rin"][1])])
    new = replace(Example(nlp.make_doc(doc.text), doc), [Example(other, other)]).reference
    assert words(new) == ["It", "rained", ".", "Ada", "left", "New", "Wark", "."]
    assert [token.tag_ for token in new] == ["PRP", "VBD", ".", "NN", "VBD", "JJ", "NN", "."]
    assert [sent.text for sent in new.sents] == ["It rained .", "Ada left New Wark ."]
    assert [token.ent_iob_ for token in new] == ["O", "O", "O", "B", "O", "", "", ""]


def test_annotation_for_other_components_stays(examples: list[Example]) -> None:
    doc = examples[0].reference
    doc.cats = {"news": 1.0}
    # The borders of the second span are inside of names.
    doc.spans["sc"] = [Span(doc, 2, 4, label="EVENT"), Span(doc, 1, 6, label="EVENT")]
    person, place = doc.spans["rin"]
    set_relations(doc, [(place, "birthplace_of", person)], "other")
    vocab = doc.vocab
    long = Doc(vocab, words=["Ann", "van", "Dyk", "left", "New", "Wark"])
    long.spans["rin"] = [Span(long, 0, 3, label="PERSON"), Span(long, 4, 6, label="PLACE")]
    set_relations(long, [(long.spans["rin"][0], "born_in", long.spans["rin"][1])])
    new = replace(examples[0], [Example(long, long)]).reference
    assert new.text.strip() == "Ann van Dyk was born in New Wark ."
    assert new.cats == {"news": 1.0}
    assert [span.text for span in new.spans["sc"]] == ["was born", "Ann van Dyk was born in New Wark"]
    [relation] = get_relations(new, "other")
    assert (relation.subject.text, relation.label, relation.object.text) == ("New Wark", "birthplace_of", "Ann van Dyk")


def in_one(examples: Any) -> list[list[Example]]:
    return [list(examples)]


def test_share_of_the_texts(examples: list[Example]) -> None:
    random.seed(0)
    corpus = examples[:5] * 40
    [same] = create_replacing_batcher(in_one, share=0.0)(corpus)
    assert same == corpus
    [given] = create_replacing_batcher(in_one, share=0.5)(corpus)
    changed = sum(new is not old for new, old in zip(given, corpus))
    assert len(given) == len(corpus) and 0.3 < changed / len(corpus) < 0.5  # for some, there is no other name
    [again] = create_replacing_batcher(in_one, share=0.5)(corpus)
    assert [example.text for example in given] != [example.text for example in again]


def test_texts_without_annotation_stay(examples: list[Example]) -> None:
    nlp = spacy.blank("en")
    unannotated = Example(nlp("Ada left ."), nlp("Ada left ."))
    [given] = create_replacing_batcher(in_one, share=1.0)([unannotated, *examples])
    assert given[0] is unannotated


def test_refuses() -> None:
    with pytest.raises(SettingError, match="R010"):
        create_replacing_batcher(in_one, share=1.5)


def test_from_a_config_within_joined_texts(examples: list[Example]) -> None:
    inner = {"@batchers": "spacy.batch_by_sequence.v1", "size": 2}
    replacing = {"@batchers": "spacy_rin.replace_names.v1", "share": 1.0, "batcher": inner}
    config = {"batcher": {"@batchers": "spacy_rin.join_texts.v1", "share": 1.0, "batcher": replacing}}
    batches = list(registry.resolve(config)["batcher"](examples))
    before = sum(len(get_relations(example.reference)) for example in examples)
    assert sum(len(get_relations(example.reference)) for batch in batches for example in batch) == before


def test_the_pipeline_annotates_new_names_itself(examples: list[Example]) -> None:
    """A tagger leaves tags alone that are there: those of other texts would be taken for its own."""
    for example in examples:
        for token in example.reference:
            token.tag_, token.lemma_ = "GOLD", "gold"
    new = replace(examples[0], examples[1:2])
    assert words(new.reference) == ["Tom", "Hale", "was", "born", "in", "Wick", "."]
    assert [token.tag_ for token in new.reference] == ["GOLD"] * 7
    assert not new.predicted.has_annotation("TAG") and not new.predicted.has_annotation("LEMMA")


def test_entities_that_stay_keep_their_ids(examples: list[Example]) -> None:
    doc = examples[0].reference
    person, place = doc.spans["rin"]
    doc.spans["rin"] = [
        Span(doc, span.start, span.end, label=span.label, kb_id=f"Q{i}", span_id=f"s{i}")
        for i, span in enumerate((person, place))
    ]
    other = make_examples(doc.vocab, [("Tom Hale and Orbix", [("Tom Hale", "born_in", "Orbix")])])
    new = replace(examples[0], other).reference
    ids = [(span.text, span.kb_id_, span.id_) for span in new.spans["rin"]]
    assert ids == [("Tom Hale", "", ""), ("Larne", "Q1", "s1")]
