"""Files of spaCy's relation tutorial."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_rin.convert import convert
from spacy_rin.relations import set_relations

from ..support import run
from .support import SAMPLES, counts_of, ents_of, relations_of, spans_of

SAMPLE = SAMPLES / "rel_component.spacy"
VOCAB = spacy.blank("xx").vocab
HOLT, TIDEWERK = (0, 2, "PERSON"), (3, 4, "FIRM")


def write(path: Path, *values: Any) -> Path:
    """Write Docs with values of `doc._.rel`."""
    docs = []
    for value in values:
        doc = Doc(VOCAB, words=["Mira", "Holt", "runs", "Tidewerk"])
        doc.ents = [Span(doc, 0, 2, "PERSON"), Span(doc, 3, 4, "FIRM")]
        doc.user_data["._.", "rel", None, None] = value
        docs.append(doc)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_rel_component() -> None:
    assert not Doc.has_extension("rel")
    (doc, rain), report = convert(SAMPLE, "rel_component")
    assert doc.text == "Mira Holt runs Tidewerk." and not doc.has_unknown_spaces
    assert [token.tag_ for token in doc] == ["NNP", "NNP", "VBZ", "NNP", "."]
    assert spans_of(doc) == ents_of(doc) == [HOLT, TIDEWERK]
    # Values of 0.5 and more hold.
    assert relations_of(doc) == [
        (HOLT, "runs", TIDEWERK), (HOLT, "owns", TIDEWERK), (TIDEWERK, "owns", TIDEWERK),
    ]  # fmt: skip
    assert rain.text == "It rained " and not relations_of(rain)
    assert counts_of(report) == {"docs": 2, "entities": 2, "triples": 3, "reflexive_triples": 1}
    assert report.ignored == {"texts without doc._.rel": 1}
    assert not Doc.has_extension("rel")


def test_written_by_the_extension_attribute(tmp_path: Path) -> None:
    """As the tutorial writes its corpus, whose white space may be unknown."""
    Doc.set_extension("rel", default={})
    try:
        doc = Doc(spacy.blank("en").vocab, words=["Ada", "rows"])
        doc.ents = [Span(doc, 0, 1, "PERSON"), Span(doc, 1, 2, "SPORT")]
        doc._.rel = {(0, 1): {"does": 1.0}, (1, 0): {"does": 0.0}}
        DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    finally:
        Doc.remove_extension("rel")
    (read,), report = convert(tmp_path / "a.spacy")
    assert relations_of(read) == [((0, 1, "PERSON"), "does", (1, 2, "SPORT"))] and read.has_unknown_spaces
    assert report.format == "rel_component"


def test_folder(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.spacy", {(0, 3): {name: 1}})
    docs, report = convert(tmp_path)
    assert report.format == "rel_component"
    assert [relations_of(doc) for doc in docs] == [[(HOLT, name, TIDEWERK)] for name in "ab"]


def test_values_that_the_component_of_the_tutorial_sets(tmp_path: Path) -> None:
    (doc,), _ = convert(write(tmp_path / "a.spacy", {(0, 3): {"r": np.float32(0.9), "q": np.float32(0.1)}}))
    assert relations_of(doc) == [(HOLT, "r", TIDEWERK)]


def test_by_cli(tmp_path: Path) -> None:
    result = run("convert", SAMPLE, tmp_path / "new.spacy", "--format", "rel_component")
    assert result.exit_code == 0, result.output
    docs = list(DocBin().from_disk(tmp_path / "new.spacy").get_docs(spacy.blank("en").vocab))
    assert [len(relations_of(doc)) for doc in docs] == [3, 0]


@pytest.mark.parametrize(
    "rel,reason",
    [
        (5, "doc._.rel must be a dict, not 5"),
        ({0: {"r": 1.0}}, "must be a pair of tokens with a dict, not 0"),
        ({(0, 3, 4): {"r": 1.0}}, r"not \(0, 3, 4\)"),
        ({(0, 3): ["r"]}, r"not \(0, 3\): \('r',\)"),
        ({(0, 3): {"r": "yes"}}, "must have labels with numbers, not 'r': 'yes'"),
        ({(0, 3): {"r": None}}, "not 'r': None"),
        ({(0, 3): {"": 1.0}}, "not '': 1.0"),
        ({(0, 1): {"r": 1.0}}, r"relation 'r' of the tokens \(0, 1\) points to a token that starts no entity"),
        ({(0, "3"): {"r": 1.0}}, "points to a token that starts no entity"),
        ({((0,), 3): {"r": 1.0}}, "points to a token that starts no entity"),
    ],
)
def test_malformed(tmp_path: Path, rel: Any, reason: str) -> None:
    path = write(tmp_path / "a.spacy", {}, rel)
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.spacy:text 2: .*{reason}"):
        convert(path, lang="xx")


def test_pairs_that_do_not_hold_may_be_of_any_tokens(tmp_path: Path) -> None:
    (doc,), _ = convert(write(tmp_path / "a.spacy", {(0, 1): {"r": 0.0, "q": float("nan")}, (0, 3): {}}))
    assert relations_of(doc) == []


def test_other_spacy_files(tmp_path: Path) -> None:
    doc = Doc(VOCAB, words=["Mira"])
    set_relations(doc, [])
    path = tmp_path / "a.spacy"
    DocBin(docs=[doc], store_user_data=True).to_disk(path)
    with pytest.raises(ValueError, match=r"^\[R047\] \S+a\.spacy has no texts to train on, only 1 texts without doc"):
        convert(path)
    path.write_bytes(b"no docs")
    with pytest.raises(ValueError, match=r"^\[R053\] \S+a\.spacy can't be read as a .spacy file"):
        convert(path)
    with pytest.raises(ValueError, match=r"^\[R033\] \S+b\.spacy does not exist"):
        convert(tmp_path / "b.spacy")
