import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_rin.errors import SettingError
from spacy_rin.pipeline.join import create_joining_batcher, create_text_joiner, group_texts, join_examples
from spacy_rin.relations import get_relations, has_relations, set_relations

from ..support import TRIPLES, make_examples, names


@pytest.fixture
def examples() -> list[Example]:
    return make_examples(spacy.blank("en").vocab)


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in doc.spans["rin"]]


def test_annotation_moves_with_its_text(examples: list[Example]) -> None:
    joined = join_examples(examples[:3])
    docs = [example.reference for example in examples[:3]]
    assert [token.text for token in joined.reference] == [token.text for doc in docs for token in doc]
    assert [token.text for token in joined.predicted] == [token.text for token in joined.reference]
    assert entities(joined.reference) == [entity for doc in docs for entity in entities(doc)]
    assert [ent.text for ent in joined.reference.ents] == [ent.text for doc in docs for ent in doc.ents]
    assert names(joined.reference) == set().union(*(names(doc) for doc in docs))
    places = [(r.subject.start, r.object.start) for r in get_relations(joined.reference)]
    assert len(places) == sum(len(get_relations(doc)) for doc in docs) and places == sorted(places)
    assert not joined.predicted.has_annotation("SENT_START")
    assert not has_relations(joined.predicted) and not joined.predicted.ents


def test_relations_of_another_component_are_joined_if_all_texts_have_them(examples: list[Example]) -> None:
    for example in examples[:2]:
        person, place = example.reference.spans["rin"]
        set_relations(example.reference, [(place, "birthplace_of", person)], "other")
    relations = get_relations(join_examples(examples[:2]).reference, "other")
    assert [(r.subject.text, r.object.text) for r in relations] == [("Larne", "Ada Brook"), ("Wick", "Tom Hale")]
    assert not has_relations(join_examples(examples[1:3]).reference, "other")


def test_share_of_the_texts(examples: list[Example]) -> None:
    random.seed(0)
    nlp = spacy.blank("en")
    joiner = create_text_joiner(share=0.5, max_texts=3)
    lengths = {len(example.reference) for example in examples}
    given = [example for _ in range(100) for one in examples for example in joiner(nlp, one)]
    joined = [example for example in given if len(example.reference) > max(lengths)]
    assert len(given) == 100 * len(TRIPLES) and 0.4 < len(joined) / len(given) < 0.6
    assert max(len(example.reference) for example in joined) <= 3 * max(lengths)
    alone = create_text_joiner(share=0.0)
    assert [list(alone(nlp, example)) for example in examples] == [[example] for example in examples]


def test_texts_without_annotation_stay_alone(examples: list[Example]) -> None:
    nlp = spacy.blank("en")
    unannotated = Example(nlp("Ada left ."), nlp("Ada left ."))
    joiner = create_text_joiner(share=1.0)
    assert list(joiner(nlp, examples[0])) == [examples[0]]
    assert list(joiner(nlp, unannotated)) == [unannotated]


@pytest.mark.parametrize("setting", [{"share": 1.5}, {"share": -0.1}, {"max_texts": 1}])
def test_refuses(setting: Any) -> None:
    with pytest.raises(SettingError, match="R010"):
        create_text_joiner(**setting)


def by_fives(items: Any) -> Iterator[list[Example]]:
    batch: list[Example] = []
    for item in items:
        batch.append(item)
        if len(batch) == 5:
            yield batch
            batch = []
    yield batch


def texts_of(example: Example) -> int:
    return example.text.count(".")


def test_batches_hold_each_text_once(examples: list[Example]) -> None:
    random.seed(0)
    batcher = create_joining_batcher(by_fives, share=0.5, max_texts=3)
    corpus = examples * 10
    epochs = [[example for batch in batcher(corpus) for example in batch] for _ in range(2)]
    for given in epochs:
        triples = Counter(triple for example in given for triple in names(example.reference))
        assert sum(map(len, (e.reference for e in given))) == sum(len(e.reference) for e in corpus)
        assert set(triples) == set().union(*(names(example.reference) for example in corpus))
        alone = [example for example in given if example in corpus]
        assert len(alone) >= len(corpus) // 2
        assert max(map(texts_of, given)) == 3
    first, second = ([example.text for example in given] for given in epochs)
    assert first != second, "the joins are the same in all epochs"


def test_joined_texts_stay_short(examples: list[Example]) -> None:
    longest = max(len(example.reference) for example in examples)
    batcher = create_joining_batcher(by_fives, share=1.0, max_texts=9, max_length=2 * longest)
    lengths = [len(example.reference) for batch in batcher(examples * 10) for example in batch]
    assert longest < max(lengths) <= 2 * longest
    # A text that is too long by itself is read alone.
    batcher = create_joining_batcher(by_fives, share=1.0, max_length=1)
    assert sum(len(batch) for batch in batcher(examples)) == len(examples)


def test_similar_texts_are_joined(examples: list[Example]) -> None:
    random.seed(0)
    labels = [{relation.label for relation in get_relations(example.reference)} for example in examples]
    groups = group_texts(
        list(range(len(examples))) * 20,
        share=1.0,
        max_texts=2,
        max_length=1000,
        similar=1.0,
        length=lambda i: len(examples[i].reference),
        labels=lambda i: sorted(labels[i]),
        rng=random.Random(0),
    )
    pairs = [group for group in groups if len(group) == 2]
    assert sum(bool(labels[i] & labels[j]) or labels[i] == labels[j] for i, j in pairs) >= 0.8 * len(pairs)


def test_batches_of_texts_without_annotation(examples: list[Example]) -> None:
    nlp = spacy.blank("en")
    unannotated = Example(nlp("Ada left ."), nlp("Ada left ."))
    batcher = create_joining_batcher(by_fives, share=1.0)
    given = [example for batch in batcher([unannotated, *examples, unannotated]) for example in batch]
    assert given.count(unannotated) == 2


@pytest.mark.parametrize("setting", [{"share": 1.5}, {"max_texts": 1}, {"similar": -0.1}])
def test_batcher_refuses(setting: Any) -> None:
    with pytest.raises(SettingError, match="R010"):
        create_joining_batcher(by_fives, **setting)


def test_batcher_from_a_config() -> None:
    inner = {"@batchers": "spacy.batch_by_sequence.v1", "size": 2}
    config = {"batcher": {"@batchers": "spacy_rin.join_texts.v1", "batcher": inner}}
    batcher = registry.resolve(config)["batcher"]
    assert [len(batch) for batch in batcher(make_examples(spacy.blank("en").vocab)[:1])] == [1]


def test_other_texts_are_joined_in_each_epoch(examples: list[Example]) -> None:
    """Also if the corpus gives them in one order."""
    random.seed(0)
    alone = []
    batcher = create_joining_batcher(lambda texts: ([text] for text in texts), share=0.5, max_texts=2, similar=0.0)
    for _ in range(5):
        given = [example for batch in batcher(examples) for example in batch]
        alone.append(frozenset(example.reference.text for example in given) & {e.reference.text for e in examples})
    assert len(set(alone)) > 1


def test_parsed_texts_of_one_token_are_joined() -> None:
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=[word], heads=[0], deps=["ROOT"]) for word in ("Yes", "No")]
    joined = join_examples([Example(doc.copy(), doc) for doc in docs]).reference
    assert [token.dep_ for token in joined] == ["ROOT", "ROOT"] and len(list(joined.sents)) == 2


def test_ids_of_entities_are_kept(examples: list[Example]) -> None:
    doc = examples[1].reference
    doc.spans["rin"] = [Span(doc, 0, 2, label="PERSON", kb_id="Q1", span_id="s1")]
    joined = join_examples(examples[:2]).reference
    (span,) = (span for span in joined.spans["rin"] if span.kb_id)
    assert (span.text, span.kb_id_, span.id_) == ("Tom Hale", "Q1", "s1")
