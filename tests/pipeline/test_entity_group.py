from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_rin.pipeline.entity_group import EntityGroup

WORDS = ["Ada", "Brook", "left", "New", "Larne", "for", "Old", "Wick", "."]


@pytest.fixture
def doc() -> Any:
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    spans = [Span(doc, 0, 2, "PERSON"), Span(doc, 3, 5, "PLACE"), Span(doc, 6, 8, "PLACE")]
    doc.spans["rin"] = EntityGroup(doc, name="rin", attrs={"scores": [0.9, 0.8, 0.7]}, spans=spans)
    return doc


def found(doc: Doc) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in doc.spans["rin"]]


ENTITIES = [("Ada Brook", "PERSON"), ("New Larne", "PLACE"), ("Old Wick", "PLACE")]


def test_merged_tokens(doc: Any) -> None:
    """The last span would be behind the end of the Doc, the second one at other tokens."""
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
        retokenizer.merge(doc[6:8])
    assert len(doc) == 7 and found(doc) == ENTITIES
    assert doc.spans["rin"][2].text == "Old Wick" and not doc.spans["rin"].has_overlap
    for other in (
        doc.copy(),
        Doc(doc.vocab).from_bytes(doc.to_bytes()),
        next(DocBin(docs=[doc]).get_docs(doc.vocab)),
        Doc.from_docs([doc]),
    ):
        assert found(other) == ENTITIES
    assert doc.copy().spans["rin"].attrs["scores"] == [0.9, 0.8, 0.7]


def test_merged_beyond_an_entity(doc: Any) -> None:
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:4])
    assert found(doc) == [("Ada Brook left New", "PERSON"), ("Brook left New Larne", "PLACE"), ("Old Wick", "PLACE")]
    assert doc.spans["rin"].has_overlap


def test_split_tokens(doc: Any) -> None:
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["A", "da"], heads=[(doc[0], 1), doc[1]])
    assert len(doc) == 10 and found(doc) == ENTITIES


@pytest.mark.parametrize("index", [0, 1, 2, -1, -3])
def test_delete_an_entity(doc: Any, index: int) -> None:
    """spaCy's own groups delete another one, or break the process."""
    group, left = doc.spans["rin"], list(ENTITIES)
    scores = list(group.attrs["scores"])
    del group[index], left[index], scores[index]
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    assert found(doc) == left and group.attrs["scores"].tolist() == scores
    for _ in left:
        del group[0]
    assert found(doc) == [] and len(group.attrs["scores"]) == 0
    for wrong in (0, -1):
        with pytest.raises(IndexError):
            del group[wrong]


def test_is_a_span_group(doc: Any) -> None:
    group = doc.spans["rin"]
    group.append(Span(doc, 8, 9, "END"))
    group.extend([Span(doc, 2, 3, "VERB")])
    group[0] = Span(doc, 0, 1, "PERSON")
    del group[1]
    group += [Span(doc, 5, 6, "WORD")]
    group[4] = Span(doc, 5, 6, "FOR")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[3:5])
    assert found(doc) == [("Ada", "PERSON"), ("Old Wick", "PLACE"), (".", "END"), ("left", "VERB"), ("for", "FOR")]
    assert len(group) == 5
