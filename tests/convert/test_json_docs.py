"""One text turned into a Doc and back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_rin.convert import doc_from_json, doc_to_json
from spacy_rin.errors import RinError
from spacy_rin.relations import get_relations, set_relations

from .support import JSONL, changed, triples_of

NLP = spacy.blank("en")
RECORD: dict[str, Any] = {
    "text": "Ada  left Rome.\n",
    "entities": [[0, 3, "PERSON"], [10, 14, "CITY"], [10, 14, "TOWN"]],
    "relations": [[0, "left", 1], [1, "knows", 0], [0, "left", 2]],
}


def test_a_record_and_back() -> None:
    doc = doc_from_json(RECORD, NLP)
    assert doc.text == RECORD["text"] and doc.vocab is NLP.vocab
    assert triples_of(doc) == [("Ada", "left", "Rome"), ("Rome", "knows", "Ada"), ("Ada", "left", "Rome")]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ada", "PERSON"), ("Rome", "CITY")]
    assert doc_to_json(doc) == RECORD == json.loads(json.dumps(doc_to_json(doc)))


def test_scores() -> None:
    record = {**RECORD, "scores": [0.5, 1.0, 0.25]}
    doc = doc_from_json(record, NLP)
    assert [relation.score for relation in get_relations(doc)] == record["scores"] and doc_to_json(doc) == record
    for wrong in ([0.5], "abc", [0.5, 2, 0.1], [0.5, 10**400, 0.1], None):
        with pytest.raises(RinError, match=r"^\[R0(39|02)\]"):
            doc_from_json({**RECORD, "scores": wrong}, NLP)


def test_a_doc_without_annotation() -> None:
    doc = NLP("Rain again.")
    assert doc_to_json(doc) == {"text": "Rain again.", "entities": [], "relations": []} and not doc.user_data
    with pytest.raises(RinError, match=r"^\[R039\].*empty"):
        doc_to_json(Doc(NLP.vocab))


def test_tuples() -> None:
    rows = {key: [tuple(row) for row in RECORD[key]] for key in ("entities", "relations")}
    assert doc_to_json(doc_from_json({**RECORD, **rows}, NLP)) == RECORD


def test_a_text_that_the_tokenizer_is_slow_at() -> None:
    with pytest.raises(RinError, match=r"^\[R039\].*very long"):
        doc_from_json({"text": "[" * 50_000, "entities": [], "relations": []}, NLP)


def test_another_attribute() -> None:
    doc = doc_from_json(RECORD, NLP, attr="facts")
    assert len(doc._.facts) == 3 and not get_relations(doc) and doc_to_json(doc, attr="facts") == RECORD


@pytest.mark.parametrize(
    "keys,to,reason",
    [
        (("text",), None, "the key 'text' is missing"),
        (("entities", 0, 1), 2, "entity 'Ad' at 0-2 cuts a token"),
        (("entities", 0, 1), 99, "0-99 is empty or out of the range 0-16"),
        (("relations", 0, 2), 3, "points to an entity that does not exist; there are 3"),
        (("relations", 0), ["left"], "must be a list of 3"),
    ],
)
def test_nothing_is_lost_in_silence(keys: Any, to: Any, reason: str) -> None:
    record = changed(RECORD, *keys, to=to)
    with pytest.raises(RinError, match=rf"^\[R039\] This can't be made a Doc: .*{reason}"):
        doc_from_json(record, NLP)


def test_snap() -> None:
    doc = doc_from_json(JSONL, NLP, snap=True)
    assert [span.text for span in doc.spans["rin"]] == ["Kim", "can't", "Oslo", "Oslo"]


@settings(max_examples=25, deadline=None)
@given(st.text("ab.' \n\u00a0😀", min_size=1, max_size=14), st.data())
def test_docs_survive(text: Any, data: Any) -> None:
    doc = NLP(text)
    bounds = st.integers(0, len(doc) - 1).flatmap(lambda i: st.tuples(st.just(i), st.integers(i + 1, len(doc))))
    spans = [doc[start:end] for start, end in data.draw(st.lists(bounds, min_size=1, max_size=4, unique=True))]
    for number, span in enumerate(spans):
        span.label_ = f"L{number}"
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(spans), st.sampled_from(spans)), max_size=4, unique=True))
    set_relations(doc, [(subject, "r", object_) for subject, object_ in pairs])
    again = doc_from_json(doc_to_json(doc), NLP)
    assert again.text == doc.text and doc_to_json(again) == doc_to_json(doc)


def test_what_apply_wrote_is_read_once_a_pipeline_is_loaded(trained: Language, model: Path, tmp_path: Path) -> None:
    """Loading the pipeline registers the attribute; without it, `register_relations` does."""
    DocBin(docs=[trained("Ada Brook was born in Larne .")], store_user_data=True).to_disk(tmp_path / "a.spacy")
    read = """
import sys, spacy
from spacy.tokens import DocBin
{}
(doc,) = DocBin().from_disk(sys.argv[2]).get_docs(nlp.vocab)
print([(r.subject.text, r.label, r.object.text) for r in doc._.relations])
"""
    for prepare in (
        "nlp = spacy.load(sys.argv[1])",
        "import spacy_rin; spacy_rin.register_relations(); nlp = spacy.blank('en')",
    ):
        command = [sys.executable, "-c", read.format(prepare), str(model), str(tmp_path / "a.spacy")]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert result.stdout == "[('Ada Brook', 'born_in', 'Larne')]\n"
