import os
from pathlib import Path

# Networks of tests are small: threads would only wait for each other. It holds if set before torch starts, and for
# child processes, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans
from thinc.api import fix_random_seed

from spacy_rin.relations import set_relations

TRIPLES = [
    # Normal, several triples of one entity, two triples of one pair, no triple
    ("Ada Brook was born in Larne .", [("Ada Brook", "born_in", "Larne")]),
    ("Tom Hale was born in Wick .", [("Tom Hale", "born_in", "Wick")]),
    (
        "Ada Brook , born in Larne , founded Nimbus .",
        [("Ada Brook", "born_in", "Larne"), ("Ada Brook", "founded", "Nimbus")],
    ),
    ("Tom Hale founded and leads Orbix .", [("Tom Hale", "founded", "Orbix"), ("Tom Hale", "leads", "Orbix")]),
    ("Ada Brook leads Orbix .", [("Ada Brook", "leads", "Orbix")]),
    ("It rained all day .", []),
]
TYPES = {
    "Ada Brook": "PERSON",
    "Tom Hale": "PERSON",
    "Larne": "PLACE",
    "Wick": "PLACE",
    "Nimbus": "ORG",
    "Orbix": "ORG",
}


def find_span(doc, text):
    """First occurrence of a name in a Doc, typed."""
    words = text.split()
    for i in range(len(doc)):
        if [token.text for token in doc[i : i + len(words)]] == words:
            return Span(doc, i, i + len(words), label=TYPES[text])
    raise ValueError(text)


def gold_doc(vocab, text, triples):
    doc = Doc(vocab, words=text.split())
    doc.spans["rin"] = [find_span(doc, name) for name in TYPES if f" {name} " in f" {text} "]
    doc.set_ents(filter_spans(doc.spans["rin"]))
    set_relations(doc, [(find_span(doc, s), label, find_span(doc, o)) for s, label, o in triples])
    return doc


def make_examples(vocab, data=TRIPLES):
    docs = [gold_doc(vocab, text, triples) for text, triples in data]
    return [Example(Doc(vocab, words=[t.text for t in doc]), doc) for doc in docs]


def names(doc):
    """Triples of a Doc as strings."""
    return {(r.subject.text, r.label, r.object.text) for r in doc._.relations}


def same_predictions(left, right):
    """Whether two sequences of Docs carry the same entities and triples, scores to rounding."""
    for a, b in zip(left, right, strict=True):
        if [(e.start, e.end, e.label_) for e in a.ents] != [(e.start, e.end, e.label_) for e in b.ents]:
            return False
        if [(s.start, s.end, s.label_) for s in a.spans["rin"]] != [(s.start, s.end, s.label_) for s in b.spans["rin"]]:
            return False
        if len(a._.relations) != len(b._.relations):
            return False
        for r, s in zip(a._.relations, b._.relations):
            if (r.subject.start, r.subject.end, r.label) != (s.subject.start, s.subject.end, s.label):
                return False
            if (r.object.start, r.object.end) != (s.object.start, s.object.end) or abs(r.score - s.score) > 1e-4:
                return False
    return True


def train(nlp, examples, steps, learn_rate=0.005):
    """Learn a few examples by heart, from the same seed."""
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


@pytest.fixture(scope="session")
def trained():
    """A pipeline that knows its small corpus by heart; tests must not change it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 80)
    return nlp


@pytest.fixture(scope="session")
def model(trained, tmp_path_factory):
    """The folder of that pipeline."""
    folder = tmp_path_factory.mktemp("model")
    trained.to_disk(folder)
    return folder


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real data sets."""
    folder = os.environ.get("SPACY_RIN_DATA")
    if not folder:
        pytest.skip("SPACY_RIN_DATA is not set")
    return Path(folder)
