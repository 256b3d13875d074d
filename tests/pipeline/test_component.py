"""The component in a pipeline: what it learns, writes, keeps, refuses."""

import itertools
import multiprocessing
import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import filter_spans
from spacy.vocab import Vocab
from thinc.api import SGD, Adam, fix_random_seed, warmup_linear

from spacy_rin.errors import SettingError
from spacy_rin.extract import extract
from spacy_rin.pipeline.decode import Prediction, ScoredTriple
from spacy_rin.pipeline.factory import DEFAULT_MODEL
from spacy_rin.pipeline.gold import read_gold
from spacy_rin.relations import set_relations

from ..support import TRIPLES, component_of, gold_doc, make_examples, names, same_predictions, train

TEXTS = [text for text, _ in TRIPLES]


def predict(nlp: Language, texts: list[str] = TEXTS) -> list[Doc]:
    return [nlp(text) for text in texts]


def test_learns_its_corpus(trained: Language) -> None:
    for (text, triples), doc in zip(TRIPLES, predict(trained)):
        assert names(doc) == set(triples), text
        assert {(e.text, e.label_) for e in doc.ents} == {
            (e.text, e.label_) for e in gold_doc(trained.vocab, text, triples).ents
        }
        assert [(s.start, s.end, s.label_) for s in doc.spans["rin"]] == [(e.start, e.end, e.label_) for e in doc.ents]
        for relation in doc._.relations:
            assert 0.5 <= relation.score <= 1.0
            assert relation.subject.label_ == "PERSON"
    scores = trained.evaluate(make_examples(trained.vocab))
    assert scores["rel_exact_f"] == scores["rel_partial_f"] == scores["ents_f"] == 1.0


def test_batch_equals_one_by_one(trained: Language) -> None:
    texts = [*TEXTS, "", "Ada", " ", " ".join(TEXTS)] * 3
    random.Random(0).shuffle(texts)
    alone = predict(trained, texts)
    assert same_predictions(alone, trained.pipe(texts, batch_size=5))
    assert same_predictions(alone, trained.pipe(texts, batch_size=100))
    assert sum(len(doc._.relations) for doc in alone) > 20


def test_n_process(trained: Language) -> None:
    expected = predict(trained, TEXTS * 4)
    assert same_predictions(expected, trained.pipe(TEXTS * 4, n_process=2, batch_size=3))


def test_spawned_process(trained: Language) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        data = pool.apply(predict_bytes, (trained.to_bytes(), TEXTS))
    docs = [Doc(trained.vocab).from_bytes(x) for x in data]
    assert same_predictions(predict(trained), docs)


def predict_bytes(pipeline: Language, texts: list[str]) -> list[bytes]:
    """Load a pipeline in a fresh process, without importing the package by name."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    nlp.from_bytes(pipeline)
    return [doc.to_bytes() for doc in nlp.pipe(texts)]


def test_disk_and_bytes_give_the_same_predictions(trained: Language, tmp_path: Path) -> None:
    expected = predict(trained)
    trained.to_disk(tmp_path / "model")
    from_disk = spacy.load(tmp_path / "model")
    assert same_predictions(expected, predict(from_disk))
    again = spacy.blank("en")
    again.add_pipe("rin_joint")
    again.from_bytes(from_disk.to_bytes())
    assert same_predictions(expected, predict(again))
    assert component_of(again).label_data == component_of(trained).label_data
    assert same_predictions(expected, predict(pickle.loads(pickle.dumps(trained))))


def test_labels_that_were_added_after_loading_are_saved(nlp: Language, model: Path, tmp_path: Path) -> None:
    """The network is saved with the names of its labels, by which loading checks that it fits."""
    grown = spacy.load(model)
    component_of(grown).add_label("aided")
    nlp.add_pipe("rin_joint")
    nlp.from_bytes(grown.to_bytes())
    component_of(grown).add_label("misses")
    grown.to_disk(tmp_path)
    for loaded, added in ((nlp, {"aided"}), (spacy.load(tmp_path), {"aided", "misses"})):
        component = component_of(loaded)
        assert component.model.attrs["labels"] == component.label_data
        assert set(component.relation_labels) == {"born_in", "founded", "leads"} | added


def test_training_goes_on_after_loading(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    examples = make_examples(nlp.vocab, [*TRIPLES, ("Tom Hale leads Nimbus .", [("Tom Hale", "leads", "Nimbus")])])
    optimizer = nlp.resume_training()
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    assert names(nlp("Tom Hale leads Nimbus .")) == {("Tom Hale", "leads", "Nimbus")}
    assert names(nlp(TEXTS[2])) == set(TRIPLES[2][1])


def test_annotations_survive(trained: Language) -> None:
    docs = predict(trained)
    assert same_predictions(docs, [doc.copy() for doc in docs])
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    assert same_predictions(docs, DocBin().from_bytes(data).get_docs(trained.vocab))


def test_loss_and_gradient_vanish_without_annotation(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    examples = make_examples(nlp.vocab)
    nlp.initialize(lambda: examples)
    bare = [Example(eg.predicted, Doc(nlp.vocab, words=[t.text for t in eg.reference])) for eg in examples]
    scores, _ = component.model.begin_update([eg.predicted for eg in bare])
    loss, grads = component.get_loss(bare, scores)
    assert loss == 0.0
    assert not any(grad.any() for grad in grads)
    # Entities alone teach tags alone.
    ner = [Example(eg.predicted, eg.reference.copy()) for eg in examples]
    for eg in ner:
        eg.reference.user_data.clear()
    loss, (tags, subjects, *_) = component.get_loss(ner, scores)
    assert loss > 0.0
    assert tags.any()
    assert not subjects.any()


def test_loss_is_a_mean_over_the_batch(nlp: Language) -> None:
    """A batch that has each text twice has the same loss, and half of the gradient for each token."""
    component, examples = nlp.add_pipe("rin_joint"), make_examples(nlp.vocab)
    nlp.initialize(lambda: examples)
    (once, grads), (twice, more) = (
        component.get_loss(batch, component.model.begin_update([eg.predicted for eg in batch])[0])
        for batch in (examples, examples * 2)
    )
    assert once > 1.0 and twice == pytest.approx(once, rel=1e-4)
    assert np.allclose(more[0], torch.cat([grads[0], grads[0]]) / 2, atol=1e-6)


def test_gold_of_other_tokenization(nlp: Language) -> None:
    """Entities that the tokenizer cuts otherwise can't be learned; the rest of the Doc can."""
    reference = gold_doc(nlp.vocab, "Ada Brook , born in Larne , founded Nimbus .", TRIPLES[2][1])
    words = ["Ada", "Brook", ",", "born", "in", "La", "rne", ",", "founded", "Nimbus."]
    spaces = [True, True, True, True, True, False, True, True, True, False]
    example = Example(Doc(nlp.vocab, words=words, spaces=spaces), reference)
    component = nlp.add_pipe("rin_joint")
    nlp.initialize(lambda: [example])
    gold = read_gold(example, component.label_data, n_layers=1, head="last", spans_key="rin", attr="relations")
    types, labels = component.entity_labels, component.relation_labels
    assert gold.layers is not None and gold.triples is not None
    assert [(start, end, types[kind]) for start, end, kind in gold.layers[0]] == [(0, 2, "PERSON"), (5, 7, "PLACE")]
    assert [(i, j, labels[label]) for i, j, label in gold.triples] == [(1, 6, "born_in")]


@pytest.mark.filterwarnings("ignore:.*W004")
def test_loss_falls_in_windows(nlp: Language) -> None:
    """Long Docs are learned in windows, with what lies inside one."""
    nlp.add_pipe("rin_joint", config={"model": {"max_length": 12, "overlap": 4}})
    examples = make_examples(nlp.vocab, [(" ".join(TEXTS), [t for _, triples in TRIPLES for t in triples])])
    optimizer = nlp.initialize(lambda: examples)
    losses = [nlp.update(examples, sgd=optimizer)["rin_joint"] for _ in range(30)]
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("text", ["", " ", "\n\n", "Ada", "🏳️‍🌈 e\u0301\u0301 👩‍👩‍👧 \u202eabc ﷽", "Ada " * 3000])
def test_odd_texts(trained: Language, text: Any) -> None:
    doc = trained(text)
    assert doc.text == text
    assert isinstance(doc._.relations, list)
    assert doc.has_annotation("ENT_IOB")
    assert not any(ent[0].is_space or ent[-1].is_space for ent in doc.ents)


def test_batches_without_tokens(trained: Language) -> None:
    assert [doc._.relations for doc in trained.pipe(["", ""])] == [[], []]
    assert list(trained.pipe([])) == []
    nlp = trained
    assert component_of(nlp).update([Example(nlp.make_doc(""), nlp.make_doc(""))]) == {"rin_joint": 0.0}


def test_earlier_entities_are_kept_unless_told_otherwise(trained: Language) -> None:
    component = component_of(trained)
    person = component.entity_labels.index("PERSON")
    place = component.entity_labels.index("PLACE")
    prediction = Prediction(
        [(0, 2, person), (4, 5, place)], [0.9, 0.8], [ScoredTriple((0, 2, person), 0, (4, 5, place), 0.9)]
    )

    def annotate(overwrite: bool) -> list[tuple[str, str]]:
        doc = Doc(trained.vocab, words=["Ada", "Brook", "in", "old", "Larne", "1999"])
        doc.ents = [Span(doc, 1, 2, label="RIVER"), Span(doc, 5, 6, label="DATE")]
        component.overwrite = overwrite
        try:
            component.set_annotations([doc], [prediction])
        finally:
            component.overwrite = False
        assert [(s.text, s.label_) for s in doc.spans["rin"]] == [("Ada Brook", "PERSON"), ("Larne", "PLACE")]
        assert [r.subject.text for r in doc._.relations] == ["Ada Brook"]
        return [(e.text, e.label_) for e in doc.ents]

    assert annotate(False) == [("Brook", "RIVER"), ("Larne", "PLACE"), ("1999", "DATE")]
    assert annotate(True) == [("Ada Brook", "PERSON"), ("Larne", "PLACE")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_blocked_tokens_stay_out_of_entities(
    trained: Language, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = component_of(trained)
    monkeypatch.setattr(component, "overwrite", overwrite)
    doc = trained.make_doc("Ada Brook was born in Larne .")
    doc.set_ents([], blocked=[doc[0:1]], default="unmodified")
    doc = component(doc)
    assert [ent.text for ent in doc.ents] == ["Larne"]
    assert (doc[0].ent_iob_, doc[0].ent_type_) == ("B", "") and doc[1].ent_iob_ == "O"
    assert names(doc) == {("Ada Brook", "born_in", "Larne")}


def test_threshold_is_read_at_prediction(trained: Language) -> None:
    component = component_of(trained)
    counts = []
    for threshold in (0.0, 0.5, 1.0):
        with component.settings(threshold=threshold):
            counts.append(sum(len(doc._.relations) for doc in predict(trained)))
    assert counts[0] > counts[1] > counts[2]


def test_settings_hold_inside_their_block_alone(trained: Language) -> None:
    component = component_of(trained)
    before = predict(trained)
    with pytest.raises(KeyError), component.settings(threshold=0.0, thresholds={"leads": 1.0}, rounds=1):
        assert (component.threshold, component.thresholds, component.rounds) == (0.0, {"leads": 1.0}, 1)
        assert component.label_thresholds.tolist() == [0.0, 0.0, 1.0]
        assert not same_predictions(before, predict(trained))
        raise KeyError
    assert (component.threshold, component.thresholds, component.rounds) == (0.5, {}, 3)
    assert same_predictions(before, predict(trained))


def test_all_settings_come_back(nlp: Language) -> None:
    own = {"threshold": 0.3, "thresholds": {"leads": 0.4}, "calibration": {"leads": [2.0, 1.0]}}
    others = {"threshold": 0.6, "thresholds": {"founded": 0.7}, "calibration": {"founded": [0.5, -1.0]}, "rounds": 1}
    component = nlp.add_pipe("rin_joint", config=own)

    def current() -> dict[str, Any]:
        return {name: getattr(component, name) for name in others}

    before = current()
    with component.settings(**others):
        assert current() == others
    assert current() == before == {**own, "rounds": 3}


@pytest.mark.parametrize(
    "bad",
    [{"threshold": 1.1}, {"thresholds": {"leads": -0.1}}, {"calibration": {"leads": [-1.0, 0.0]}}, {"rounds": -1}],
)
def test_settings_are_refused_or_end_as_a_whole(trained: Language, bad: dict[str, Any]) -> None:
    component = component_of(trained)
    before = dict(component.cfg), component.rounds
    good = {"threshold": 0.9, "thresholds": {"leads": 0.8}, "calibration": {"leads": [0.5, 0.0]}, "rounds": 1}
    with pytest.raises(SettingError, match="R010"), component.settings(**{**good, **bad}):
        pass
    assert (component.cfg, component.rounds) == before
    with pytest.raises(KeyError), component.settings(**good):
        raise KeyError
    assert (component.cfg, component.rounds) == before


def test_network_without_rounds_can_do_none(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint", config={"model": {**DEFAULT_MODEL, "rounds": 0}})
    with component.settings(rounds=0):
        pass
    with pytest.raises(SettingError, match="trained without rounds"), component.settings(rounds=1):
        pass


def test_every_round_can_be_trained(nlp: Language) -> None:
    """A network that is trained in all of its rounds knows its corpus before the first one."""
    component = nlp.add_pipe("rin_joint", config={"model": {**DEFAULT_MODEL, "rounds": 2, "round_weight": 1.0}})
    train(nlp, make_examples(nlp.vocab), 60)
    for rounds in range(3):
        with component.settings(rounds=rounds):
            assert [names(nlp(text)) for text, _ in TRIPLES] == [set(triples) for _, triples in TRIPLES], rounds


def test_labels(nlp: Language, trained: Language) -> None:
    component = component_of(trained)
    assert component.labels == ("ORG", "PERSON", "PLACE", "born_in", "founded", "leads")
    assert component.label_data == {
        "entities": ["ORG", "PERSON", "PLACE"],
        "relations": ["born_in", "founded", "leads"],
    }
    assert component.add_label("leads") == 0
    fresh = nlp.add_pipe("rin_joint")
    assert fresh.add_label("owns") == 1
    assert fresh.add_label("RIVER", kind="entities") == 1
    assert fresh.labels == ("RIVER", "owns")
    with pytest.raises(ValueError, match="R010"):
        fresh.add_label("x", kind="tags")


def test_labels_from_file(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    labels = {"entities": ["PLACE", "PERSON"], "relations": ["leads", "born_in"]}
    examples = make_examples(nlp.vocab)
    component.initialize(lambda: examples, nlp=nlp, labels=labels)
    assert component.label_data == {"entities": ["PERSON", "PLACE"], "relations": ["born_in", "leads"]}
    # Labels of the corpus that are not in the file: told once, and not learned.
    with pytest.warns(UserWarning, match="W001.*'(founded|ORG)'"):
        nlp.update(examples, sgd=nlp.create_optimizer())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(examples, sgd=nlp.create_optimizer())


def test_types_that_constraints_forbid_are_told(nlp: Language) -> None:
    """A type that is added to a trained component is none of those that its relations may join."""
    component = nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 1)
    component.add_label("CITY", kind="entities")
    examples = make_examples(nlp.vocab)
    for example in examples:
        relations = [
            (r.subject, r.label, Span(r.object.doc, r.object.start, r.object.end, "CITY"))
            if r.label == "born_in"
            else r[:3]
            for r in example.reference._.relations
        ]
        cities = [object_ for _, label, object_ in relations if label == "born_in"]
        example.reference.ents = filter_spans([*cities, *example.reference.ents])
        set_relations(example.reference, relations)
    with pytest.warns(UserWarning, match="W009.*'born_in' from PERSON to CITY"):
        nlp.update(examples, sgd=nlp.create_optimizer())
    component.set_constraints({})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(examples, sgd=nlp.create_optimizer())


def test_an_untrained_network_does_not_flood_memory(nlp: Language) -> None:
    """At first, a network without a prior finds half of all relations of all pairs, and spaCy scores dev at once."""
    component: Any = nlp.add_pipe("rin_joint", config={"threshold": 0.0, "constraints": {}})
    for label in range(200):
        component.add_label(str(label))
    text, triples = TRIPLES[2]
    train(nlp, [*make_examples(nlp.vocab)], 1)
    examples = [Example(nlp.make_doc(text), gold_doc(nlp.vocab, text, triples))]
    with pytest.warns(UserWarning, match="W012.*'rin_joint'"):
        (prediction,) = component.predict_given(examples)
    assert len(prediction.triples) == 100 + 10 * len(text.split())
    component.set_thresholds(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        component.predict_given(examples)


def test_initialize_chooses_anew(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 1)
    assert component.constraints["leads"] == {"types": [["PERSON", "ORG"]]}
    component.cfg["annotation"] = ["TAG"]
    doc = Doc(nlp.vocab, words=["Orbix", "leads", "Nimbus"])
    set_relations(doc, [(Span(doc, 0, 1, label="ORG"), "leads", Span(doc, 2, 3, label="ORG"))])
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    assert component.constraints["leads"] == {"types": [["ORG", "ORG"]]}
    assert "annotation" not in component.cfg
    # What somebody has set stays.
    component.set_constraints({"leads": {"symmetric": True}})
    nlp.initialize(lambda: make_examples(nlp.vocab))
    assert component.constraints == {"leads": {"symmetric": True}}


def test_a_rate_of_zero_is_told(nlp: Language) -> None:
    """`resume_training` gives an optimizer whose rate rises from 0 only if somebody steps its schedules."""
    nlp.add_pipe("rin_joint")
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 1)
    for steps in ((2, 100), (0, 2)):  # the first ones, and those after the last one, have no rate
        optimizer = Adam(warmup_linear(0.01, *steps))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(6):
                nlp.update(examples, sgd=optimizer)
                optimizer.step_schedules()
    nlp.initialize(lambda: examples)
    optimizer = Adam(warmup_linear(0.01, 2, 100))
    with pytest.warns(UserWarning, match="W010.* 0 in 3 updates"):
        for _ in range(3):
            nlp.update(examples, sgd=optimizer)


def test_relations_of_others_are_not_lost_in_silence(trained: Language, tmp_path: Path) -> None:
    """A pipeline takes components of others as they are, so two may write to the same places."""
    trained.to_disk(tmp_path / "one")
    other = spacy.blank("en")
    other.add_pipe("rin_joint")
    data = [("Ada Brook was born in Larne .", [("Ada Brook", "native_of", "Larne")])]
    train(other, make_examples(other.vocab, data), 40)
    other.to_disk(tmp_path / "other")
    nlp = spacy.load(tmp_path / "one")
    nlp.add_pipe("rin_joint", source=spacy.load(tmp_path / "other"), name="second")
    with pytest.warns(UserWarning, match="W011.*'born_in'.*components.rin_joint.attr"):
        nlp(data[0][0])
    # What the warning advises.
    nlp = spacy.load(tmp_path / "one")
    config = {"components.rin_joint.attr": "others", "components.rin_joint.spans_key": "others"}
    nlp.add_pipe("rin_joint", source=spacy.load(tmp_path / "other", config=config), name="second")
    nlp.to_disk(tmp_path / "both")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doc = spacy.load(tmp_path / "both")(data[0][0])
        doc = nlp(doc)
    assert [[r.label for r in found] for found in (doc._.relations, doc._.others)] == [["born_in"], ["native_of"]]


def test_label_unseen_in_training_is_missed_by_evaluation(trained: Language) -> None:
    data = [("Ada Brook was born in Larne .", [("Ada Brook", "born_in", "Larne"), ("Larne", "twin_of", "Larne")])]
    scores = trained.evaluate(make_examples(trained.vocab, data))
    assert scores["rel_exact_r"] == 0.5
    assert scores["rel_exact_per_type"]["twin_of"]["r"] == 0.0


@pytest.mark.parametrize(
    "labels",
    [
        ["leads"],
        {"relations": ["leads"]},
        {"entities": [], "relations": ["leads"]},
        {"entities": [""], "relations": ["a"]},
    ],
)
def test_bad_label_data(nlp: Language, labels: Any) -> None:
    component = nlp.add_pipe("rin_joint")
    with pytest.raises(ValueError, match="R014"):
        component.initialize(lambda: make_examples(nlp.vocab), labels=labels)


def test_entity_without_a_label(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    doc = Doc(nlp.vocab, words=["Ada", "left", "Larne"])
    set_relations(doc, [(doc[0:1], "left", doc[2:3])])
    with pytest.raises(ValueError, match=r"R017.*'Ada'"):
        component.initialize(lambda: [Example(doc.copy(), doc)])


def test_corpora_that_teach_nothing(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    with pytest.raises(ValueError, match=r"R012.*store_user_data"):
        component.initialize(lambda: make_examples(nlp.vocab, [("It rained .", [])]))
    empty = Doc(nlp.vocab)
    set_relations(empty, [])
    with pytest.raises(ValueError, match="R013"):
        component.initialize(lambda: [Example(Doc(nlp.vocab), empty)])
    with pytest.raises(ValueError, match="R011"):
        component.predict([nlp.make_doc("Ada Brook leads Orbix .")])
    with pytest.raises(ValueError, match="R011"):
        component.update(make_examples(nlp.vocab))


@pytest.mark.parametrize(
    "config",
    [
        {"threshold": 1.5},
        {"head": "middle"},
        {"model": {"rounds": -1}},
        {"model": {"overlap": 300}},
        {"model": {"relation_prior": 1.0}},
        {"model": {"width": 0}},
        {"model": {"chunk_bytes": 0}},
        {"model": {"label_smoothing": 0.5}},
        {"model": {"round_weight": -0.1}},
        {"model": {"max_length": 0}},
    ],
)
def test_bad_settings(nlp: Language, config: Any) -> None:
    with pytest.raises(ValueError, match="R010"):
        nlp.add_pipe("rin_joint", config=config)


def test_attribute_clash(nlp: Language) -> None:
    Doc.set_extension("taken", default=[])
    try:
        with pytest.raises(ValueError, match="R001"):
            nlp.add_pipe("rin_joint", config={"attr": "taken"})
    finally:
        Doc.remove_extension("taken")


def test_attribute_taken_later(trained: Language) -> None:
    """Other plugins replace `doc._.relations` by force; that must not pass in silence."""
    original = Doc.get_extension("relations")
    Doc.set_extension("relations", default=[], force=True)
    try:
        with pytest.raises(ValueError, match="R001"):
            trained(TEXTS[0])
    finally:
        Doc.set_extension("relations", getter=original[2], setter=original[3], force=True)
    assert names(trained(TEXTS[0])) == set(TRIPLES[0][1])


def test_own_attribute(nlp: Language) -> None:
    nlp.add_pipe("rin_joint", config={"attr": "facts"})
    docs = [gold_doc(nlp.vocab, *item) for item in TRIPLES]
    for doc in docs:
        set_relations(doc, doc._.relations, "facts")
        doc.user_data.pop("spacy_rin.relations")
    train(nlp, [Example(Doc(nlp.vocab, words=[t.text for t in doc]), doc) for doc in docs], 60)
    doc = nlp(TEXTS[0])
    assert [r.label for r in doc._.facts] == ["born_in"]
    assert doc._.relations == []
    assert next(extract(nlp, TEXTS[:1]))["relations"] == [[0, "born_in", 1]]
    assert nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in docs])["rel_exact_f"] > 0.9
    Doc.remove_extension("facts")


def test_head_reaches_the_scorer(trained: Language) -> None:
    component = component_of(trained)
    gold = gold_doc(trained.vocab, *TRIPLES[0])
    predicted = gold.copy()
    (born_in,) = TRIPLES[0][1]
    predicted._.relations = [(predicted[1:2], born_in[1], predicted[5:6])]  # "Brook" for "Ada Brook"
    scores = {}
    for head in ("first", "last"):
        component.head = head
        scores[head] = component.score([Example(predicted, gold)])["rel_partial_f"]
    assert scores == {"first": 0.0, "last": 1.0}


def test_warns_of_tags_in_prediction_alone(nlp: Language) -> None:
    """Without the tagger in `annotating_components`, tags at prediction are a surprise to the network."""
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 16, "attrs": ["NORM", "TAG"], "rows": [50, 50]}
    embed["include_static_vectors"] = False
    tok2vec = {"embed": embed, "encode": {"@architectures": "spacy_rin.BiLSTMEncoder.v1", "width": 16}}
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": {"@architectures": "spacy.Tok2Vec.v2", **tok2vec}}})
    examples = make_examples(nlp.vocab)
    optimizer = nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match="W003"):
        nlp.update(examples, sgd=optimizer)
    for eg in examples:
        for token in eg.predicted:
            token.tag_ = "X"
    with pytest.warns(UserWarning, match="W013.*reads part-of-speech tags") as caught:
        for _ in range(2):
            component_of(nlp).predict([example.predicted for example in examples])
    assert len(caught) == 1
    nlp.update(examples, sgd=optimizer)


def test_settings_of_relations_that_are_not_there(nlp: Language) -> None:
    """A name that is written wrong would have no effect."""
    config = {"thresholds": {"foundet": 0.1, "founded": 0.2}, "constraints": {"led": {"one_object": True}}}
    component = nlp.add_pipe("rin_joint", config=config)
    with pytest.warns(UserWarning, match="W014") as caught:
        nlp.initialize(lambda: make_examples(nlp.vocab))
    assert ["foundet" in str(w.message) for w in caught] == [True, False]
    assert "`constraints` of component 'rin_joint' names 'led'" in str(caught[1].message)
    with pytest.warns(UserWarning, match="`calibration` .*'gone'.*born_in, founded"):
        component.set_calibration({"gone": [1.0, 0.0]})
    with pytest.warns(UserWarning, match="W016.*'founded' join entities of type 'person'.* ORG, PERSON, PLACE"):
        component.set_constraints({"founded": {"types": [["person", "ORG"]]}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        component.set_calibration({"founded": [1.0, 0.0]})
        component.set_constraints({"founded": {"types": [["PERSON", "ORG"]]}, "leads": {}})
        component.set_thresholds(0.5, {"born_in": 0.4})
        component.set_constraints({"born_in": {"one_object": True}})


def test_relations_of_a_doc_that_was_cut_out_are_replaced(nlp: Language) -> None:
    """`as_doc` copies relations, whose places are those of the whole Doc."""
    nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 20)
    doc = nlp(TRIPLES[0][0] + " " + TRIPLES[1][0])
    part = doc[len(nlp(TRIPLES[0][0])) :].as_doc(copy_user_data=True)
    (again,) = nlp.pipe([part])
    assert again is part and same_predictions([part], [nlp(part.text)])


def test_relations_across_sentences_are_not_learned_in_silence(nlp: Language) -> None:
    component = nlp.add_pipe("rin_joint")
    examples = make_examples(nlp.vocab)
    nlp.initialize(lambda: examples)
    reference = examples[2].reference
    for i in (0, 4):
        examples[2].predicted[i].is_sent_start = True
    with pytest.warns(UserWarning, match="W004"):
        nlp.update(examples[2:3])
    scores, _ = component.model.begin_update([examples[2].predicted])
    assert [(s.start, s.end) for s in scores[0]] == [(0, 4), (4, len(reference))]


def test_many_entities_in_a_doc(trained: Language) -> None:
    """Decoding looks entities up at once: two thousand of them, each with a relation."""
    doc = trained(" ".join(["Ada Brook leads Orbix ."] * 1000))
    assert len(doc._.relations) >= 1000


@pytest.mark.parametrize("damage", ["cut", "missing", "swapped bytes"])
def test_damaged_folder(trained: Language, tmp_path: Path, damage: str) -> None:
    trained.to_disk(tmp_path)
    path = tmp_path / "rin_joint" / "model"
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else data[::-1])
    with pytest.raises(ValueError, match=r"R016.*'rin_joint'"):
        spacy.load(tmp_path)


def test_model_of_another_config(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path)
    config = (tmp_path / "config.cfg").read_text()
    (tmp_path / "config.cfg").write_text(config.replace("rounds = 3", "rounds = 0"))
    with pytest.raises(ValueError, match="R016"):
        spacy.load(tmp_path)


def test_model_file_holds_no_pickle(trained: Language, tmp_path: Path) -> None:
    """Arbitrary code in a model file can't run: tensors are safetensors, the rest is msgpack and JSON."""
    trained.to_disk(tmp_path)
    assert sorted(path.name for path in (tmp_path / "rin_joint").iterdir()) == ["cfg", "model"]
    data = (tmp_path / "rin_joint" / "model").read_bytes()
    assert b'"dtype":"F32"' in data  # the header of safetensors
    assert b"PK\x03\x04" not in data  # what torch.save writes


def test_untrained_pipeline_round_trips(nlp: Language, tmp_path: Path) -> None:
    nlp.add_pipe("rin_joint")
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    train(again, make_examples(again.vocab), 60)
    assert names(again(TEXTS[0])) == set(TRIPLES[0][1])


def test_same_seed_same_model(nlp: Language) -> None:
    weights = []
    for _ in range(2):
        fresh = spacy.blank("en")
        component = fresh.add_pipe("rin_joint")
        train(fresh, make_examples(fresh.vocab), 3)
        weights.append(component.model.get_ref("network").shims[0].to_bytes())
    assert weights[0] == weights[1]


def test_predictions_leave_docs_alone(trained: Language) -> None:
    doc = trained.make_doc(TEXTS[0])
    (prediction,) = component_of(trained).predict([doc])
    assert len(prediction.triples) == 1
    assert not doc.user_data
    assert not doc.has_annotation("ENT_IOB")
    assert np.isfinite(prediction.triples[0].score)


def nested_examples(vocab: Vocab) -> list[Example]:
    """Texts with an entity inside another one: of another head, and of the same."""
    data = [
        ("Ada Brook leads the Larne Library .", (4, 6), (4, 5)),
        ("Tom Hale leads the Wick Library .", (4, 6), (4, 5)),
        ("Ada Brook leads the Library of Wick .", (4, 7), (6, 7)),
        ("Tom Hale leads the Library of Larne .", (4, 7), (6, 7)),
    ]
    examples = []
    for text, library, place in data:
        doc = Doc(vocab, words=text.split())
        person = Span(doc, 0, 2, label="PERSON")
        library, place = Span(doc, *library, label="ORG"), Span(doc, *place, label="PLACE")
        doc.spans["rin"] = [person, library, place]
        doc.set_ents([person, library])
        set_relations(doc, [(person, "leads", library), (library, "is_in", place)])
        examples.append(Example(Doc(vocab, words=text.split()), doc))
    return examples


def test_learns_entities_inside_entities(nlp: Language, tmp_path: Path) -> None:
    examples = nested_examples(nlp.vocab)
    nlp.add_pipe("rin_joint", config={"model": {**DEFAULT_MODEL, "entity_layers": 2}})
    train(nlp, examples, 100)
    expected = [eg.reference for eg in examples]
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        docs = list(pipeline.pipe(Doc(pipeline.vocab, words=[t.text for t in doc]) for doc in expected))
        for doc, gold in zip(docs, expected):
            assert {(s.start, s.end, s.label_) for s in doc.spans["rin"]} == {
                (s.start, s.end, s.label_) for s in gold.spans["rin"]
            }
            assert [ent.text for ent in doc.ents] == [ent.text for ent in gold.ents]
            assert names(doc) == names(gold)
    assert nlp.evaluate(examples)["rel_exact_f"] == 1.0
    # What it finds is what is annotated, so it makes no difference that it is given.
    component = component_of(nlp)
    found = component.predict([eg.predicted for eg in examples])
    certain = [prediction._replace(scores=[1.0] * len(prediction.scores)) for prediction in found]
    assert component.predict_given(examples) == certain


def test_thresholds_by_relation(trained: Language, tmp_path: Path) -> None:
    """Only the relation that has a threshold of its own is affected, also after a round trip."""
    trained.to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"R010.*thresholds\.leads"):
        spacy.load(tmp_path).create_pipe("rin_joint", config={"thresholds": {"leads": 1.5}})
    nlp = spacy.load(tmp_path)
    text = "Tom Hale was born in Wick ."
    assert names(nlp(text)) == {("Tom Hale", "born_in", "Wick")}
    component_of(nlp).set_thresholds(0.5, {"leads": 0.0})
    component_of(nlp).set_constraints({})
    nlp.to_disk(tmp_path / "tuned")
    # Everything passes a threshold of 0.
    pairs = itertools.product(["Tom Hale", "Wick"], repeat=2)
    everything = {("Tom Hale", "born_in", "Wick"), *((s, "leads", o) for s, o in pairs)}
    for pipeline in (nlp, spacy.load(tmp_path / "tuned")):
        assert names(pipeline(text)) == everything


@pytest.mark.parametrize(
    "setting", [{}, {"cell": "rnn", "use_features": False}, {"cell": "linear"}, {"rounds": 0, "task_features": False}]
)
def test_first_version_learns_and_loads(nlp: Language, tmp_path: Path, setting: Any) -> None:
    model = {"@architectures": "spacy_rin.RINInt.v1", "rounds": 2, "tok2vec": DEFAULT_MODEL["tok2vec"], **setting}
    nlp.add_pipe("rin_joint", config={"model": model})
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 80)
    assert nlp.evaluate(examples)["rel_exact_f"] > 0.8
    nlp.to_disk(tmp_path)
    assert same_predictions(predict(nlp), predict(spacy.load(tmp_path)))


@pytest.mark.parametrize(
    "setting,name",
    [
        ({"cell": "lstm"}, "cell"),
        ({"rounds": -1}, "rounds"),
        ({"use_features": False, "use_entities": False, "use_relations": False}, "use_features"),
    ],
)
def test_first_version_refuses(nlp: Language, setting: Any, name: str) -> None:
    model = {"@architectures": "spacy_rin.RINInt.v1", "tok2vec": DEFAULT_MODEL["tok2vec"], **setting}
    with pytest.raises(ValueError, match=f"R010.*'{name}'"):
        nlp.add_pipe("rin_joint", config={"model": model})


def test_learn_rate_factor() -> None:
    """A step of plain gradient descent is longer by the factor, in all parameters of the component."""
    steps = []
    for factor in (1.0, 10.0):
        fix_random_seed(0)
        nlp = spacy.blank("en")
        component = nlp.add_pipe("rin_joint", config={"learn_rate_factor": factor})
        examples = make_examples(nlp.vocab)
        nlp.initialize(lambda examples=examples: examples)
        parameters = component.model.get_ref("network").shims[0]._model.state_dict()
        before = {name: x.clone() for name, x in parameters.items()}
        table = next(node for node in component.model.walk() if node.has_param("E"))
        embedded = table.get_param("E").copy()
        nlp.update(examples, sgd=SGD(0.001, L2=0.0, grad_clip=0.0))
        after = component.model.get_ref("network").shims[0]._model.state_dict()
        moved = {name: (after[name] - x).numpy() for name, x in before.items()}
        steps.append({**moved, "E": table.get_param("E") - embedded})
    for name, step in steps[0].items():
        assert np.abs(step).max() > 0, name
        assert np.allclose(10 * step, steps[1][name], rtol=1e-2, atol=1e-5), name
    with pytest.raises(ValueError, match=r"R010.*learn_rate_factor"):
        spacy.blank("en").add_pipe("rin_joint", config={"learn_rate_factor": 0.0})
