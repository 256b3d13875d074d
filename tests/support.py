"""A small corpus and what tests do with pipelines."""

from collections.abc import Iterable

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans
from spacy.vocab import Vocab
from thinc.api import Model, fix_random_seed
from typer.testing import CliRunner, Result

from spacy_rin.cli import rin_cli
from spacy_rin.model.segments import find_sentences
from spacy_rin.pipeline.component import RINJoint, find_component
from spacy_rin.relations import get_relations, set_relations

Annotated = tuple[str, list[tuple[str, str, str]]]  # a text, and its triples by the names of the entities

TRIPLES: list[Annotated] = [
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


def find_span(doc: Doc, text: str) -> Span:
    """First occurrence of a name in a Doc, typed."""
    words = text.split()
    for i in range(len(doc)):
        if [token.text for token in doc[i : i + len(words)]] == words:
            return Span(doc, i, i + len(words), label=TYPES[text])
    raise ValueError(text)


def gold_doc(vocab: Vocab, text: str, triples: list[tuple[str, str, str]]) -> Doc:
    doc = Doc(vocab, words=text.split())
    doc.spans["rin"] = [find_span(doc, name) for name in TYPES if f" {name} " in f" {text} "]
    doc.set_ents(filter_spans(doc.spans["rin"]))
    set_relations(doc, [(find_span(doc, s), label, find_span(doc, o)) for s, label, o in triples])
    return doc


def make_examples(vocab: Vocab, data: list[Annotated] = TRIPLES) -> list[Example]:
    docs = [gold_doc(vocab, text, triples) for text, triples in data]
    return [Example(Doc(vocab, words=[t.text for t in doc]), doc) for doc in docs]


def component_of(nlp: Language) -> RINJoint:
    """Return the component of a pipeline, with its type."""
    component: RINJoint = find_component(nlp)[1]
    return component


def names(doc: Doc) -> set[tuple[str, str, str]]:
    """Triples of a Doc as strings."""
    return {(r.subject.text, r.label, r.object.text) for r in get_relations(doc)}


def same_predictions(left: Iterable[Doc], right: Iterable[Doc]) -> bool:
    """Whether two sequences of Docs carry the same entities and triples, scores to rounding."""
    for a, b in zip(left, right, strict=True):
        if [(e.start, e.end, e.label_) for e in a.ents] != [(e.start, e.end, e.label_) for e in b.ents]:
            return False
        if [(s.start, s.end, s.label_) for s in a.spans["rin"]] != [(s.start, s.end, s.label_) for s in b.spans["rin"]]:
            return False
        if len(get_relations(a)) != len(get_relations(b)):
            return False
        for r, s in zip(get_relations(a), get_relations(b)):
            if (r.subject.start, r.subject.end, r.label) != (s.subject.start, s.subject.end, s.label):
                return False
            if (r.object.start, r.object.end) != (s.object.start, s.object.end) or abs(r.score - s.score) > 1e-4:
                return False
    return True


def train(nlp: Language, examples: list[Example], steps: int, learn_rate: float = 0.005) -> dict[str, float]:
    """Learn a few examples by heart, from the same seed."""
    fix_random_seed(0)
    losses: dict[str, float] = {}
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


def run(*args: object) -> Result:
    """Run `spacy rin` with arguments."""
    # Wide enough for the help texts to stay on one line.
    return CliRunner().invoke(rin_cli, list(map(str, args)), env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})


def given_features(width: int) -> Model:
    """Token features that are given with each Doc, in `doc.tensor`."""
    return Model("given", lambda _, docs, is_train: ([doc.tensor for doc in docs], lambda _: docs), dims={"nO": width})


@Language.component("tests_trees")
def set_trees(doc: Doc) -> Doc:
    """Stand in for a parser: in each sentence, the head of a token is the next one, and the last is the root."""
    ends = {end - 1 for _, end in find_sentences(doc)}
    heads = [0 if i in ends else 1 for i in range(len(doc))]
    deps = [doc.vocab.strings.add("ROOT" if i in ends else "dep") for i in range(len(doc))]
    if heads:
        doc.from_array(["HEAD", "DEP"], np.array([heads, deps], dtype=np.uint64).T)
    return doc
