"""Names of relations and types that a config can't hold are learned, saved, tuned and found like others."""

from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from thinc.api import Config

from spacy_rin.errors import SettingError
from spacy_rin.evaluation import Tuned, set_tuned, write_in_place
from spacy_rin.init_config import init_config
from spacy_rin.pipeline.config_keys import fits_config
from spacy_rin.relations import get_relations, set_relations

from ..support import component_of, make_examples, run, train

NAMES = [
    *("org:founded_by", "a=b", "born.in", "1.5", "${x}", "$x", "US$", "@x", "*", "#h", "; s", " pad ", "[x]", "a\nb"),
    *("état", "出生地", "/people/person/born", "DEFAULT", "null", "100%", "%(x)s", "a b", 'a"b', "x:"),
]


def rename(doc: Doc, relation: str, kind: str) -> Doc:
    """Give all relations of a Doc a name, and all entities a type."""
    triples = [
        (*(Span(doc, span.start, span.end, kind) for span in (r.subject, r.object)), r.score)
        for r in get_relations(doc, "relations")
    ]
    doc.spans["rin"] = list({span.start: span for pair in triples for span in pair[:2]}.values())
    doc.ents = doc.spans["rin"]
    set_relations(doc, [(subject, relation, object_, score) for subject, object_, score in triples])
    return doc


def found(nlp: Language, text: str) -> list[Any]:
    return [(r.subject.text, r.label, r.object.label_, r.object.text, round(r.score, 4)) for r in nlp(text)._.relations]


def test_any_name_is_saved_tuned_and_found(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", config={"model": {"rounds": 1}})
    examples = []
    for i, name in enumerate(NAMES):
        doc = Doc(nlp.vocab, words=["Ada", f"verb{i}", f"Larne{i}", "."])
        doc.ents = [Span(doc, 0, 1, "PERSON"), Span(doc, 2, 3, name)]
        set_relations(doc, [(doc.ents[0], name, doc.ents[1])])
        examples.append(Example(nlp.make_doc(doc.text), doc))
    train(nlp, examples, 60)
    constraints = component_of(nlp).constraints
    assert constraints == {name: {"types": [["PERSON", name]]} for name in NAMES}
    expected = [found(nlp, example.text) for example in examples]
    assert [[triple[1:3] for triple in triples] for triples in expected] == [[(name, name)] for name in NAMES]
    folder = tmp_path / "model"
    nlp.to_disk(folder)
    own, calibration = dict.fromkeys(NAMES, 0.25), {name: [1.0, 0.0] for name in NAMES}
    write_in_place(spacy.load(folder), folder, Tuned(0.4, own, calibration))
    for _ in range(2):  # what is wrong may only show when it is written again
        loaded = spacy.load(folder)
        assert [found(loaded, example.text) for example in examples] == expected
        tuned = component_of(loaded)
        assert (tuned.thresholds, tuned.calibration, tuned.constraints) == (own, calibration, constraints)
        loaded.to_disk(folder)


def test_configs_are_written_for_any_names(tmp_path: Path) -> None:
    """`init` leaves out the constraints of what a config can't hold, says so, and its config trains."""
    docs = []
    for example in make_examples(spacy.blank("en").vocab):
        for name in NAMES:
            docs.append(rename(example.reference.copy(), name, name if name == "US$" else "THING"))
            docs.append(rename(example.reference.copy(), name, "PERSON"))
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "train.spacy")
    config, choices = init_config(tmp_path / "train.spacy")
    table = config["components"]["rin_joint"]["constraints"]
    left_out = {"born.in", "1.5", "US$", "@x", "*", "a\nb"}
    assert set(NAMES) - set(table) == left_out
    reason = next(choice.reason for choice in choices if choice.setting.endswith("constraints"))
    assert f"{len(left_out)} have none" in reason
    result = run("init", tmp_path / "train.spacy", tmp_path / "train.cfg", "--dev", tmp_path / "train.spacy")
    assert result.exit_code == 0, result.output
    nlp = init_nlp(Config().from_disk(tmp_path / "train.cfg", interpolate=True))
    assert component_of(nlp).constraints == table
    nlp.to_disk(tmp_path / "model")
    assert component_of(spacy.load(tmp_path / "model")).relation_labels == tuple(sorted(NAMES))


@pytest.mark.parametrize("setting", ["thresholds", "constraints"])
@pytest.mark.parametrize("name", sorted({*NAMES} - {"@x"}))  # which spaCy itself refuses
def test_a_config_gives_back_what_it_takes(setting: str, name: str, tmp_path: Path) -> None:
    """A name that a config can't hold is refused when it is set there, and not when the pipeline is loaded."""
    value: Any = {"thresholds": 0.25, "constraints": {"types": [["A", "B"]]}}[setting]
    nlp = spacy.blank("en")
    try:
        nlp.add_pipe("rin_joint", config={setting: {name: value, "other": value}})
    except SettingError as error:
        assert error.code == "R110" and repr(name) in str(error) and "other" not in str(error)
        assert f"set_{setting}" in str(error)
        return
    nlp.config.to_disk(tmp_path / "config.cfg")
    config = Config().from_disk(tmp_path / "config.cfg", interpolate=False)
    loaded = spacy.util.load_model_from_config(config)
    assert getattr(component_of(loaded), setting) == {name: value, "other": value}


def test_tuples_fit_a_config() -> None:
    assert fits_config({"r": {"types": [("A", "B")]}}) and not fits_config({"r": {"types": [("US$", "B")]}})


def test_set_tuned_leaves_the_config(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    before = srsly.json_dumps(nlp.config, sort_keys=True)
    set_tuned(nlp, Tuned(0.3, {"leads": 0.2}, {"leads": [1.0, 0.0]}))
    assert srsly.json_dumps(nlp.config, sort_keys=True) == before
