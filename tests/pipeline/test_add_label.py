"""Labels that a trained pipeline gets later."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp

from spacy_rin.convert import write_docs
from spacy_rin.init_config import init_config
from spacy_rin.model.networks.interactive import make_actions
from spacy_rin.model.wrapper import network_of
from spacy_rin.pipeline.component import RINJoint
from spacy_rin.pipeline.factory import DEFAULT_MODEL

from ..support import Annotated, component_of, make_examples, names, same_predictions, train

KNOWN: list[Annotated] = [
    ("Ada Brook was born in Larne .", [("Ada Brook", "born_in", "Larne")]),
    ("Tom Hale was born in Wick .", [("Tom Hale", "born_in", "Wick")]),
]
NEW: list[Annotated] = [("Ada Brook founded Nimbus .", [("Ada Brook", "founded", "Nimbus")])]

SETTINGS: list[dict[str, Any]] = [
    {"@architectures": "spacy_rin.RIN.v1"},
    {"@architectures": "spacy_rin.RIN.v1", "rounds": 0, "entity_layers": 2},
    {"@architectures": "spacy_rin.RIN.v1", "width": 64},
    {"@architectures": "spacy_rin.RINInt.v1", "rounds": 2},
    {"@architectures": "spacy_rin.RINInt.v1", "rounds": 1, "cell": "linear"},
    {"@architectures": "spacy_rin.RINInt.v1", "rounds": 1, "cell": "rnn", "use_features": False},
    {"@architectures": "spacy_rin.RINInt.v1", "rounds": 1, "use_entities": False},
    {"@architectures": "spacy_rin.Interactive.v1", "slots": 2},
]


def pipeline(setting: dict[str, Any], steps: int = 40) -> Language:
    nlp = spacy.blank("en")
    rounds = {} if "slots" in setting else {"rounds": 1}
    config = {**rounds, "entity_layers": 1, **setting, "tok2vec": DEFAULT_MODEL["tok2vec"]}
    nlp.add_pipe("rin_joint", config={"model": config})
    train(nlp, make_examples(nlp.vocab, KNOWN), steps)
    return nlp


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_was_learned_is_kept(setting: Any, tmp_path: Path) -> None:
    nlp = pipeline(setting)
    texts = [text for text, _ in KNOWN + NEW]
    before = list(nlp.pipe(texts))
    assert [names(doc) for doc in before[:2]] == [set(triples) for _, triples in KNOWN]
    component = component_of(nlp)
    # One that comes first in the alphabet, and one that comes last.
    for label, kind in (("aided", "relations"), ("works_at", "relations"), ("ORG", "entities"), ("RIVER", "entities")):
        assert component.add_label(label, kind=kind) == 1
    assert component.relation_labels == ("aided", "born_in", "works_at")
    assert component.entity_labels == ("ORG", "PERSON", "PLACE", "RIVER")
    nlp.to_disk(tmp_path)
    for grown in (nlp, spacy.load(tmp_path)):
        after = list(grown.pipe(texts))
        for left, right in zip(before, after):
            assert [(s.start, s.end, s.label_) for s in left.spans["rin"]] == [
                (s.start, s.end, s.label_) for s in right.spans["rin"]
            ]
            assert names(left) == names(right)
    assert same_predictions(nlp.pipe(texts), spacy.load(tmp_path).pipe(texts))


def old_probabilities(component: RINJoint, doc: Doc) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities of the tags of two types in all layers, and of "born_in" between the tokens of a text."""
    _, output = component.model.predict([doc])
    types = [component.entity_labels.index(label) for label in ("PERSON", "PLACE")]
    tags = [0, *(1 + 4 * kind + part for kind in types for part in range(4))]
    by_tag = torch.from_numpy(output.tag_scores()).softmax(2)[:, :, tags].numpy()
    label, n_labels = component.relation_labels.index("born_in"), len(component.relation_labels)
    if "slots" in component.model.attrs:  # of each step of writing a given triple
        actions = make_actions(np.array([[0, 1, label]]), [len(doc)], output.network.slots, "text")
        with torch.no_grad():
            _, steps = output.network.write(output.tensors[1], [len(doc)], torch.from_numpy(actions))
        return by_tag, steps.exp().numpy()
    _, labels, probs = output.probable(*np.indices((len(doc), len(doc))).reshape(2, -1), np.zeros(n_labels))
    return by_tag, probs[labels == label]


RANDOM: list[dict[str, Any]] = [
    {"@architectures": "spacy_rin.RIN.v1", "relation_prior": 0.5},
    {"@architectures": "spacy_rin.RINInt.v1", "relation_prior": 0.5},
    {"@architectures": "spacy_rin.RINInt.v1", "relation_prior": 0.5, "cell": "linear"},
    {"@architectures": "spacy_rin.Interactive.v1", "slots": 1},
]


@pytest.mark.parametrize("setting", RANDOM)
def test_probabilities_of_old_labels_stay(setting: Any) -> None:
    """With random weights. Relations of pairs don't exclude each other: a new one changes nothing. A new class of a
    softmax takes very little from the others.
    """
    nlp = pipeline({**setting, "entity_layers": 2}, steps=0)
    component, doc = component_of(nlp), nlp.make_doc(KNOWN[0][0])
    for parameter in network_of(component.model.get_ref("network")).parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    tags, relations = old_probabilities(component, doc)
    for label, kind in (("aided", "relations"), ("works_at", "relations"), ("ORG", "entities"), ("RIVER", "entities")):
        component.add_label(label, kind=kind)
        nothing = kind == "relations" and "slots" not in setting
        for before, after in zip((tags, relations), old_probabilities(component, doc)):
            assert np.allclose(before, after, atol=1e-5 if nothing else 0.02), label


def test_new_labels_are_learned(tmp_path: Path) -> None:
    """The recipe of docs/training.md."""
    pipeline(SETTINGS[0]).to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    component = component_of(nlp)
    component.add_label("founded")
    component.add_label("ORG", kind="entities")
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    examples = make_examples(nlp.vocab, KNOWN + NEW)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    assert [names(nlp(text)) for text, _ in KNOWN + NEW] == [set(triples) for _, triples in KNOWN + NEW]


def test_grown_pipeline_is_trained_on_from_a_config(tmp_path: Path) -> None:
    """The recipe of docs/own_relations.md: `spacy train` takes the component as it is, and trains it further."""
    nlp = pipeline(SETTINGS[0])
    component_of(nlp).add_label("founded")
    component_of(nlp).add_label("ORG", kind="entities")
    nlp.to_disk(tmp_path / "grown")
    texts = [text for text, _ in KNOWN + NEW]
    before = list(nlp.pipe(texts))
    write_docs([example.reference for example in make_examples(nlp.vocab, KNOWN + NEW)], tmp_path / "train.spacy")
    config, _ = init_config(tmp_path / "train.spacy", dev=tmp_path / "train.spacy")
    config["components"]["rin_joint"] = {"source": str(tmp_path / "grown")}
    config["training"] |= {"max_epochs": 40, "eval_frequency": 20, "dropout": 0.0}
    config["training"]["optimizer"]["learn_rate"] = 0.005
    started = init_nlp(config)
    assert same_predictions(before, started.pipe(texts))
    output = io.StringIO()
    best, _ = train_nlp(started, stdout=output, stderr=output)
    assert [names(best(text)) for text in texts] == [set(triples) for _, triples in KNOWN + NEW]
