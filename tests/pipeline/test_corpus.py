import zlib
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.training.augment import create_lower_casing_augmenter

from spacy_rin.convert import write_docs
from spacy_rin.errors import FileError
from spacy_rin.pipeline.corpus import RelationCorpus, create_corpus_reader, read_docs
from spacy_rin.relations import get_relations, register_relations, set_relations

from ..support import TRIPLES, gold_doc, make_examples, names


@pytest.fixture
def path(nlp: Language, tmp_path: Path) -> Any:
    docs = [gold_doc(nlp.vocab, *item) for item in TRIPLES]
    # Spaces are known, and the tokens are not what the tokenizer would make.
    known = Doc(nlp.vocab, words=["Ada", "Brook's", "don't"], spaces=[True, True, False])
    path = tmp_path / "train.spacy"
    DocBin(docs=[*docs, known, Doc(nlp.vocab)], store_user_data=True).to_disk(path)
    return path


def test_keeps_tokens_and_relations(path: Any) -> None:
    nlp = spacy.blank("en")
    examples = list(create_corpus_reader(path)(nlp))
    assert len(examples) == len(TRIPLES) + 1  # the empty Doc has nothing to teach
    for (text, triples), eg in zip(TRIPLES, examples):
        assert [t.text for t in eg.predicted] == [t.text for t in eg.reference] == text.split()
        assert names(eg.reference) == set(triples)
        assert not eg.predicted.user_data
        assert not eg.predicted.ents
    assert [t.text for t in examples[-1].predicted] == ["Ada", "Brook's", "don't"]
    assert examples[-1].predicted.text == "Ada Brook's don't"


def test_limit_and_directory(path: Any) -> None:
    nlp = spacy.blank("en")
    assert len(list(create_corpus_reader(path.parent, limit=2)(nlp))) == 2


def test_same_corpus_twice(path: Any) -> None:
    nlp = spacy.blank("en")
    reader = create_corpus_reader(path)
    assert [eg.text for eg in reader(nlp)] == [eg.text for eg in reader(nlp)]


def test_spacy_reader_keeps_them_for_evaluate(path: Any) -> None:
    """`spacy evaluate` and `spacy find-threshold` read with spaCy's own reader."""
    nlp = spacy.blank("en")
    for (text, triples), eg in zip(TRIPLES, Corpus(path)(nlp)):
        assert [t.text for t in eg.predicted] == text.split()
        assert names(eg.reference) == set(triples)


def test_augmenters_keep_relations(path: Any) -> None:
    """spaCy's augmenters make a new reference without user data."""
    nlp = spacy.blank("en")
    reader = create_corpus_reader(path, augmenter=create_lower_casing_augmenter(1.0))
    for (text, triples), eg in zip(TRIPLES, reader(nlp)):
        assert eg.reference.text == text.lower() + " "
        assert names(eg.reference) == {(s.lower(), label, o.lower()) for s, label, o in triples}
        assert [s.label_ for s in eg.reference.spans["rin"]] == [e.label_ for e in eg.reference.ents]

    def shorten(nlp: Language, example: Any) -> Any:
        yield Example(Doc(nlp.vocab, words=["a"]), Doc(nlp.vocab, words=["a"]))

    # Those of all components, each with an attribute of its own.
    docs = [doc for doc in read_docs(path, nlp.vocab) if len(doc)]
    for doc in docs:
        register_relations("others")
        set_relations(doc, get_relations(doc)[:1], "others")
    write_docs(docs, path)
    kept = [eg.reference for eg in reader(nlp)]
    assert [len(get_relations(doc, "others")) for doc in kept] == [len(get_relations(doc, "others")) for doc in docs]
    assert sum(len(get_relations(doc)) for doc in kept) > sum(len(get_relations(doc, "others")) for doc in kept) > 0
    with pytest.raises(ValueError, match="R035"):
        list(create_corpus_reader(path, augmenter=shorten)(nlp))


def test_norms_are_those_of_prediction(nlp: Language, tmp_path: Path) -> None:
    doc = nlp.make_doc("She ca n't leave")
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    (example,) = create_corpus_reader(tmp_path / "a.spacy")(nlp)
    assert [t.norm_ for t in example.predicted] == [t.norm_ for t in doc]
    text = "She can't leave"
    DocBin(docs=[nlp.make_doc(text)]).to_disk(tmp_path / "b.spacy")
    (example,) = create_corpus_reader(tmp_path / "b.spacy")(nlp)
    assert [t.norm_ for t in example.predicted] == ["she", "can", "not", "leave"]


def test_no_path() -> None:
    with pytest.raises(ValueError, match="E913"):
        create_corpus_reader(None)


def damaged(path: Path, change: Any) -> Path:
    """Write a file whose second text is damaged."""
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp.vocab)]
    message = srsly.msgpack_loads(zlib.decompress(DocBin(docs=docs, store_user_data=True).to_bytes()))
    change(message)
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(message)))
    return path


def stored(value: Any) -> Any:
    """A change of the relations of the second text, "Tom Hale was born in Wick ."."""

    def change(message: Any) -> None:
        message["user_data"][1] = srsly.msgpack_dumps({"spacy_rin.relations": value})

    return change


def row(*values: Any) -> Any:
    return stored({"length": 27, "relations": [list(values)]})


def without_place(message: Any) -> None:
    message["strings"].remove("PLACE")


PERSON, PLACE = [0, 8, "PERSON"], [21, 25, "PLACE"]


@pytest.mark.parametrize(
    "change",
    [
        *map(
            stored, (5, {}, [], None, {"length": 27}, {"length": 28, "relations": []}, {"length": 27, "relations": 3})
        ),
        *(row(PERSON, "born_in", other, 1.0) for other in ([21, 99, "PLACE"], [21, 2**62, "PLACE"], [-1, 4, "PLACE"])),
        *(row(PERSON, "born_in", other, 1.0) for other in ([25, 21, "PLACE"], [21, 25], [21, 25, 7], "PLACE", None)),
        *(row(PERSON, label, PLACE, 1.0) for label in (7, "", None)),
        *(row(PERSON, "born_in", PLACE, score) for score in ("1", None, 1.5, -1, float("nan"), True)),
        row(PERSON, "born_in", PLACE),
        row(),
        without_place,
    ],
)
def test_what_a_file_says_is_checked(tmp_path: Path, change: Any) -> None:
    """Wherever a file is read: by all commands, and by `spacy train`."""
    path = damaged(tmp_path / "bad.spacy", change)
    number = 1 if change is without_place else 2
    for nlp in (spacy.blank("en"), spacy.blank("xx")):
        for read in (lambda nlp: read_docs(path, nlp.vocab), create_corpus_reader(path)):
            with pytest.raises(FileError, match=rf"R055.*bad.spacy: text {number} "):
                list(read(nlp))


def test_what_is_right_is_read(tmp_path: Path) -> None:
    path = damaged(tmp_path / "good.spacy", row(PERSON, "born_in", PLACE, 1))
    assert read_docs(path, spacy.blank("en").vocab)[1]._.relations[0].object.text == "Wick"


@pytest.mark.parametrize("name", ["none.spacy", "none", "x" * 300, "bad.spacy"])
def test_wrong_paths_of_a_corpus(tmp_path: Path, nlp: Language, name: str) -> None:
    (tmp_path / "bad.spacy").write_bytes(b"no corpus")
    with pytest.raises(FileError, match=r"R033|R034|R053"):
        list(create_corpus_reader(tmp_path / name)(nlp))


def test_slow_texts_keep_their_tokens(nlp: Language) -> None:
    """The tokenizer would need seconds for each such text, every epoch, or refuse it."""
    nlp.tokenizer = None
    nlp.max_length = 10_000
    for word in ("(" * 5000, "a" * 10_000):
        example = RelationCorpus("x")._make_example(nlp, Doc(nlp.vocab, words=["Ada", word]), False)
        assert [token.text for token in example.predicted] == ["Ada", word]
