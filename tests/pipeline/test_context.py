"""What is read at once: settings `context`, and what follows from it."""

import logging
import warnings
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_rin.errors import SettingError
from spacy_rin.model.segments import find_sentences
from spacy_rin.pipeline.factory import DEFAULT_MODEL
from spacy_rin.pipeline.join import join_examples
from spacy_rin.relations import get_relations, set_relations

from ..support import TRIPLES, component_of, find_span, gold_doc, make_examples, names, train

TEXTS = [text for text, _ in TRIPLES]
Found = list[tuple[str, str, str, float]]


def scored(doc: Doc) -> Found:
    return [(r.subject.text, r.label, r.object.text, round(r.score, 4)) for r in get_relations(doc)]


def shared_pipeline(listener: bool) -> Language:
    nlp = spacy.blank("en")
    if listener:
        nlp.add_pipe("tok2vec", config={"model": DEFAULT_MODEL["tok2vec"]})
    features = {"@architectures": "spacy.Tok2VecListener.v1", "width": 128} if listener else DEFAULT_MODEL["tok2vec"]
    nlp.add_pipe("rin_joint", config={"context": "sentence", "model": {**DEFAULT_MODEL, "tok2vec": features}})
    return nlp


@pytest.mark.parametrize(
    "tok2vec",
    [
        DEFAULT_MODEL["tok2vec"],
        # Without the parts of "spacy.Tok2Vec.v2", sentences are read as Docs of their own.
        {"@architectures": "spacy.HashEmbedCNN.v2", "width": 48, "depth": 2, "embed_size": 200}
        | {"window_size": 1, "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None},
    ],
)
def test_neighbours_change_nothing(tok2vec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", config={"context": "sentence", "model": {**DEFAULT_MODEL, "tok2vec": tok2vec}})
    train(nlp, make_examples(nlp.vocab), 30)
    component_of(nlp).set_thresholds(0.01)
    alone = {text: scored(nlp(text)) for text in TEXTS}
    assert any(alone.values())
    for order in list(permutations(TEXTS, 3))[:10]:
        doc = nlp(" ".join(order))
        assert scored(doc) == [triple for text in order for triple in alone[text]]
        assert not doc.has_annotation("SENT_START")
    # The same by another way of reading: the whole model has no part that could be cut.
    model = component_of(nlp).model.get_ref("tok2vec")
    for name in ("embed", "encode"):
        if model.has_ref(name):
            monkeypatch.delitem(model._refs, name)
    assert scored(nlp(" ".join(TEXTS[:3]))) == [triple for text in TEXTS[:3] for triple in alone[text]]


def test_shared_features_see_the_whole_doc() -> None:
    nlp = shared_pipeline(listener=True)
    train(nlp, make_examples(nlp.vocab), 60)
    assert names(nlp(TEXTS[0])) == set(TRIPLES[0][1])
    # Pairs are still those of a sentence.
    component_of(nlp).set_thresholds(0.001)
    doc = nlp(Doc(nlp.vocab, words=" ".join(TEXTS).split()))
    sentences = [range(start, end) for start, end in find_sentences(doc)]
    assert len(sentences) == len(TEXTS) and len(get_relations(doc)) > 0
    assert all(any({r.subject.start, r.object.start} <= set(s) for s in sentences) for r in get_relations(doc))


@pytest.mark.parametrize("whole", [True, False])
def test_replaced_listener_keeps_the_predictions(whole: bool, tmp_path: Path) -> None:
    """A copy of shared features sees what they saw: the whole Doc, also in texts of several sentences."""
    nlp = shared_pipeline(listener=True)
    train(nlp, make_examples(nlp.vocab), 40)
    component_of(nlp).set_thresholds(0.001)
    component_of(nlp).model.attrs["context"] = "text" if whole else "sentence"
    component_of(nlp).model.attrs.update({"max_length": 7, "overlap": 2})  # windows of a text see the whole Doc, too
    before = scored(nlp(" ".join(TEXTS)))
    assert before
    nlp.replace_listeners("tok2vec", "rin_joint", ["model.tok2vec"])
    nlp.remove_pipe("tok2vec")
    assert scored(nlp(" ".join(TEXTS))) == before
    nlp.to_disk(tmp_path)
    assert scored(spacy.load(tmp_path)(" ".join(TEXTS))) == before


def test_encoder_that_takes_no_lists_reads_sentence_by_sentence() -> None:
    """In "spacy.Tok2Vec.v1", the encoder is inside of another layer."""
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v1",
        "embed": {"@architectures": "spacy.MultiHashEmbed.v2", "width": 48, "attrs": ["NORM"]}
        | {"rows": [200], "include_static_vectors": False},
        "encode": {"@architectures": "spacy.MaxoutWindowEncoder.v1", "width": 48, "depth": 2}
        | {"window_size": 1, "maxout_pieces": 3},
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", config={"context": "sentence", "model": {**DEFAULT_MODEL, "tok2vec": tok2vec}})
    train(nlp, [join_examples(make_examples(nlp.vocab))], 60)
    component_of(nlp).set_thresholds(0.01)
    alone = [triple for text in TEXTS for triple in scored(nlp(text))]
    assert alone and scored(nlp(" ".join(TEXTS))) == alone


@pytest.mark.parametrize("listener", [True, False])
def test_learns_from_several_sentences(listener: bool) -> None:
    """Gradients of sentences reach the tokens they come from."""
    nlp = shared_pipeline(listener)
    example = join_examples(make_examples(nlp.vocab))
    train(nlp, [example], 100)
    doc = nlp(Doc(nlp.vocab, words=[token.text for token in example.reference]))
    assert names(doc) == names(example.reference)


def across(nlp: Language, n_across: int, n_within: int) -> list[Example]:
    """Examples of two sentences, with triples across them and within one."""
    examples = []
    for i in range(n_across + n_within):
        words = ["Ada", "Brook", "left", ".", "She", "founded", "Nimbus", "in", "Larne", "."]
        doc = gold_doc(nlp.vocab, " ".join(words), [])
        subject = "Ada Brook" if i < n_across else "Nimbus"
        set_relations(doc, [(find_span(doc, subject), "based_in", find_span(doc, "Larne"))])
        examples.append(Example(Doc(nlp.vocab, words=words), doc))
    return examples


@pytest.mark.parametrize("n_across,context", [(1, "sentence"), (2, "text")])
def test_initialize_decides(nlp: Language, n_across: int, context: str, tmp_path: Path, caplog: Any) -> None:
    """By default, one triple in twenty may be lost."""
    component = nlp.add_pipe("rin_joint")
    examples = across(nlp, n_across, 20 - n_across)
    assert component.context is None
    logger = logging.getLogger("spacy")
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger="spacy"):
        nlp.initialize(lambda: examples)
    logger.removeHandler(caplog.handler)
    assert f'context = "{context}": {n_across} of 20 training triples' in caplog.text
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert component.context == component_of(loaded).context == context
    assert loaded.config["components"]["rin_joint"]["context"] == context
    restored = spacy.blank("en")
    restored.add_pipe("rin_joint").from_bytes(component.to_bytes())
    assert component_of(restored).context == context


@pytest.mark.parametrize("context", [None, "sentence"])
def test_entities_across_sentences_are_not_lost_in_silence(nlp: Language, context: str | None) -> None:
    """A sentence ends within "Dr . Ada", by the rule for texts without boundaries."""
    component = nlp.add_pipe("rin_joint", config={"context": context})
    doc = Doc(nlp.vocab, words=["Dr", ".", "Ada", "lives", "in", "Larne", "."])
    set_relations(doc, [(Span(doc, 0, 3, label="PERSON"), "lives_in", Span(doc, 5, 6, label="PLACE"))])
    examples = [Example(Doc(nlp.vocab, words=[token.text for token in doc]), doc)]
    nlp.initialize(lambda: examples)
    if context is None:
        assert component.context == "text"
        train(nlp, examples, 60)
        assert names(nlp(examples[0].predicted)) == {("Dr . Ada", "lives_in", "Larne")}
    else:
        with pytest.warns(UserWarning, match="W004"):
            nlp.update(examples)


def test_boundaries_cut_nothing_in_text(nlp: Language) -> None:
    """A triple across sentences is learned and found, also where a sentencizer has set boundaries."""
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("rin_joint", config={"context": "text"})
    examples = across(nlp, 3, 0)
    train(nlp, examples, 60)
    doc = nlp(examples[0].reference.text)
    assert len(list(doc.sents)) == 2
    assert names(doc) == {("Ada Brook", "based_in", "Larne")}


def test_refuses_another_context(nlp: Language) -> None:
    with pytest.raises(SettingError, match=r"R010.*'context'.*'paragraph'"):
        nlp.add_pipe("rin_joint", config={"context": "paragraph"})


def test_missing_annotation_is_told_once(nlp: Language) -> None:
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("rin_joint", config={"context": "sentence"})
    optimizer = nlp.initialize(lambda: make_examples(nlp.vocab))
    nlp.update(make_examples(nlp.vocab), sgd=optimizer, annotates=["sentencizer"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(TEXTS[0])
    nlp.remove_pipe("sentencizer")
    with pytest.warns(UserWarning, match=r"W005.*sentence boundaries"):
        nlp(TEXTS[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(TEXTS[0])


@pytest.mark.parametrize("config", [{"attr": "others"}, {"spans_key": "others"}, {}])
def test_two_components_need_places_of_their_own(nlp: Language, config: Any) -> None:
    nlp.add_pipe("rin_joint")
    with pytest.raises(SettingError, match=r"R019.*'second'.*'rin_joint'"):
        nlp.add_pipe("rin_joint", name="second", config=config)
    nlp.add_pipe("rin_joint", name="second", config={"attr": "second_relations", "spans_key": "second"})
    nlp.replace_pipe("rin_joint", "rin_joint")


def test_sourced_components_with_the_same_places_are_told(model: Path) -> None:
    """spaCy takes them without the factory, which would refuse the second one."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", source=spacy.load(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(nlp(TEXTS[0]))  # again by the same component
    nlp.add_pipe("rin_joint", name="second", source=spacy.load(model))
    with pytest.warns(UserWarning, match="W017.*'second' replaces what component 'rin_joint'"):
        nlp(TEXTS[0])


def test_constraints_are_collected_and_kept(trained: Language, tmp_path: Path) -> None:
    component = component_of(trained)
    assert component.constraints["born_in"] == {"types": [["PERSON", "PLACE"]]}
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert component_of(nlp).constraints == component.constraints
    component_of(nlp).set_thresholds(0.0)
    types = {(r.subject.label_, r.label, r.object.label_) for r in get_relations(nlp(TEXTS[0]))}
    allowed = {(s, label, o) for label, row in component.constraints.items() for s, o in row["types"]}
    assert types and types <= allowed
    examples = make_examples(nlp.vocab)
    born_in = component.relation_labels.index("born_in")

    def given() -> set[int]:
        (prediction,) = component_of(nlp).predict_given(examples[:1])
        return {triple.label for triple in prediction.triples}

    assert born_in in given()
    component_of(nlp).set_constraints({"born_in": {"types": [["ORG", "ORG"]]}})
    assert born_in not in given()
    with pytest.raises(SettingError, match=r"R010.*'constraints\.born_in\.types'"):
        component_of(nlp).set_constraints({"born_in": {"types": ["PERSON"]}})


def test_entities_have_probabilities(trained: Language) -> None:
    doc = trained(TEXTS[0])
    scores = doc.spans["rin"].attrs["scores"]
    assert len(scores) == len(doc.spans["rin"]) > 0 and (scores > 0.5).all() and (scores <= 1.0).all()
    assert Doc(doc.vocab).from_bytes(doc.to_bytes()).spans["rin"].attrs["scores"].tolist() == scores.tolist()
    assert trained("").spans["rin"].attrs["scores"].tolist() == []


def test_merged_entities_stay(trained: Language, tmp_path: Path) -> None:
    """As after `merge_entities`: entities, relations, bytes and extraction are those of the text."""
    from spacy_rin.extract import extract

    trained.to_disk(tmp_path)
    before = list(extract(trained, TEXTS))
    nlp = spacy.load(tmp_path)
    nlp.add_pipe("merge_entities")
    doc = nlp(TEXTS[0])
    assert len(doc) < len(TEXTS[0].split())
    assert {span.text for span in doc.spans["rin"]} == {ent.text for ent in doc.ents}
    for pipe_options in ({}, {"n_process": 2}):
        after = list(extract(nlp, TEXTS, **pipe_options))
        for left, right in zip(before, after):
            left.pop("sentences", None), right.pop("sentences", None)
        assert after == before
