import random
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rin.errors import SettingError
from spacy_rin.pipeline.join import create_text_joiner, join_examples
from spacy_rin.relations import get_relations, has_relations

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
