import pickle
from typing import Any

import pytest
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_rin.relations import Relation, get_relations, has_relations, register_relations, set_relations


@pytest.fixture
def doc() -> Any:
    register_relations()
    return Doc(
        Vocab(), words=["Ada", "Brook", ",", "born", "in", "Larne"], spaces=[True, False, True, True, True, False]
    )


@pytest.fixture
def annotated(doc: Doc) -> Any:
    ada, larne = Span(doc, 0, 2, label="PERSON"), Span(doc, 5, 6, label="PLACE")
    doc._.relations = [(ada, "born_in", larne, 0.75), Relation(larne, "birthplace_of", ada)]
    return doc


def plain(doc: Doc) -> Any:
    return [
        (r.subject.text, r.subject.label_, r.label, r.object.text, r.object.label_, r.score) for r in doc._.relations
    ]


EXPECTED = [
    ("Ada Brook", "PERSON", "born_in", "Larne", "PLACE", 0.75),
    ("Larne", "PLACE", "birthplace_of", "Ada Brook", "PERSON", 1.0),
]


def test_set_and_get(annotated: Any) -> None:
    assert plain(annotated) == EXPECTED
    assert isinstance(annotated._.relations, list)
    assert annotated._.relations[0].subject.doc is annotated


def test_missing_is_not_empty(doc: Any) -> None:
    assert doc._.relations == []
    assert not has_relations(doc)
    doc._.relations = []
    assert doc._.relations == []
    assert has_relations(doc)


def docbin(doc: Doc, attrs: Any = ("ORTH", "SPACY")) -> Any:
    data = DocBin(attrs=attrs, docs=[doc], store_user_data=True).to_bytes()
    return next(DocBin(store_user_data=True).from_bytes(data).get_docs(doc.vocab))


@pytest.mark.parametrize(
    "trip",
    [
        lambda doc: doc.copy(),
        docbin,
        lambda doc: Doc(doc.vocab).from_bytes(doc.to_bytes()),
        lambda doc: pickle.loads(pickle.dumps(doc)),
        lambda doc: docbin(Doc(doc.vocab).from_bytes(docbin(doc).to_bytes())),
    ],
    ids=["copy", "DocBin", "bytes", "pickle", "all"],
)
def test_round_trips(annotated: Any, trip: Any) -> None:
    again = trip(annotated)
    assert plain(again) == EXPECTED
    again._.relations = []
    assert plain(annotated) == EXPECTED


def test_survives_retokenization(annotated: Any) -> None:
    with annotated.retokenize() as retokenizer:
        retokenizer.merge(annotated[0:2])
    assert plain(annotated) == EXPECTED
    assert len(annotated._.relations[0].subject) == 1


def test_cut_doc_is_refused(annotated: Any) -> None:
    part = annotated[3:6].as_doc(copy_user_data=True)
    with pytest.raises(ValueError, match="R003"):
        _ = part._.relations


def test_bad_values_change_nothing(annotated: Any) -> None:
    ada, larne = annotated[0:2], annotated[5:6]
    other = Doc(annotated.vocab, words=["Larne"])
    for value in [
        (ada, "born_in"),
        (ada, "", larne),
        (ada, 3, larne),
        (annotated[0], "born_in", larne),
        (ada, "born_in", other[0:1]),
        (ada, "born_in", annotated[2:2]),
        (ada, "born_in", larne, 1.5),
        (ada, "born_in", larne, float("nan")),
        (ada, "born_in", larne, "high"),
        (ada, "born_in", larne, True),
        None,
    ]:
        with pytest.raises(ValueError, match="R002"):
            annotated._.relations = [(ada, "born_in", larne), value]
        assert plain(annotated) == EXPECTED


def test_foreign_extension_is_refused() -> None:
    Doc.set_extension("taken", default=[])
    try:
        with pytest.raises(ValueError, match="R001"):
            register_relations("taken")
    finally:
        Doc.remove_extension("taken")


def test_two_attributes_on_a_doc(doc: Any) -> None:
    register_relations("facts")
    try:
        doc._.facts = [(doc[0:2], "born_in", doc[5:6])]
        doc._.relations = []
        assert [r.label for r in doc._.facts] == ["born_in"]
        assert [r.label for r in get_relations(doc, "facts")] == ["born_in"]
        set_relations(doc, [], "facts")
        assert doc._.facts == []
    finally:
        Doc.remove_extension("facts")
