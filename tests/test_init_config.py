"""Configs that fit a corpus."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy import util
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.vectors import Vectors
from spacy.vocab import Vocab

from spacy_rin.errors import RinError
from spacy_rin.init_config import Choice, init_config
from spacy_rin.pipeline.corpus import read_docs
from spacy_rin.relations import set_relations

from .support import TRIPLES, gold_doc, run

PAIR = "components.rin_joint.constraints"


def write(path: Path, docs: list[Doc]) -> Path:
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def sample(n: int = 1) -> list[Doc]:
    return [gold_doc(Vocab(), *item) for _ in range(n) for item in TRIPLES]


def of(choices: list[Choice], name: str) -> Any:
    (value,) = [choice.value for choice in choices if choice.setting.endswith(name)]
    return value


def test_texts_are_joined_if_they_are_read_as_a_whole(tmp_path: Path) -> None:
    docs = []
    for number in range(200):
        doc = Doc(Vocab(), words=["Ada", "left", ".", "She", "was", "born", "in", f"Larne{number}", "."])
        person, place = Span(doc, 0, 1, "PERSON"), Span(doc, 7, 8, "PLACE")
        doc.spans["rin"] = [person, place]
        set_relations(doc, [(person, "born_in", place)])
        docs.append(doc)
    config, _ = init_config(write(tmp_path / "train.spacy", docs))
    batcher = config["training"]["batcher"]
    assert batcher["@batchers"] == "spacy_rin.join_texts.v1"
    assert batcher["batcher"]["@batchers"] == "spacy_rin.replace_names.v1"
    inner = batcher["batcher"]["batcher"]
    assert inner["@batchers"] == "spacy.batch_by_sequence.v1"
    # As many texts in a step as without joining, so fewer that are joined.
    assert 5 <= inner["size"] <= 9
    epochs, schedule = config["training"]["max_epochs"], config["training"]["optimizer"]["learn_rate"]
    steps = schedule["total_steps"] // epochs
    make_batches = util.registry.resolve({"batcher": batcher})["batcher"]
    batches = list(make_batches([Example(doc, doc) for doc in read_docs(tmp_path / "train.spacy", Vocab())]))
    assert abs(len(batches) - steps) <= 2
    assert max(example.text.count("Ada") for batch in batches for example in batch) > 1


@pytest.mark.parametrize("n_nested,head", [(0, "last"), (1, "last"), (3, "first")])
def test_first_words_stand_for_entities_if_that_saves_many_triples(tmp_path: Path, n_nested: int, head: str) -> None:
    """In "the Larne Club", two entities end with the same word. One triple in a hundred may be lost that way."""
    docs = []
    for number in range(200):
        doc = Doc(Vocab(), words=["Ada", "joined", "the", "Larne", "Club", "."])
        person, club = Span(doc, 0, 1, "PERSON"), Span(doc, 2, 5, "ORG")
        name = Span(doc, 3, 5, "NAME") if number < n_nested else club
        doc.spans["rin"] = list({span.start: span for span in (person, club, name)}.values())
        set_relations(doc, [(person, "joined", name)])
        docs.append(doc)
    config, choices = init_config(write(tmp_path / "train.spacy", docs))
    assert config["components"]["rin_joint"]["head"] == of(choices, "rin_joint.head") == head


def test_schedule_fits_the_data(tmp_path: Path) -> None:
    path = write(tmp_path / "train.spacy", sample(200))
    n_texts = 200 * len(TRIPLES)
    config, choices = init_config(path)
    size = of(choices, "training.batcher")["batcher"]["size"]
    assert size == min(50, max(16, round(n_texts / 100)))
    steps = -(-n_texts // size)
    schedule = config["training"]["optimizer"]["learn_rate"]
    assert schedule["total_steps"] == config["training"]["max_epochs"] * steps >= 600
    assert config["training"]["eval_frequency"] == steps
    assert schedule["warmup_steps"] < schedule["total_steps"]
    # A corpus of a few texts is read often enough.
    few = write(tmp_path / "few.spacy", sample())
    config, _ = init_config(few)
    schedule = config["training"]["optimizer"]["learn_rate"]
    assert schedule["total_steps"] == config["training"]["max_epochs"] >= 600


def test_language_whose_tokenizer_cuts_entities_is_told(tmp_path: Path) -> None:
    doc = Doc(Vocab(), words=["l'", "Airbus", "de", "Larne"], spaces=[False, True, True, False])
    set_relations(doc, [(Span(doc, 1, 2, "ORG"), "based_in", Span(doc, 3, 4, "PLACE"))])
    path = write(tmp_path / "train.spacy", [doc] * 20)
    with pytest.warns(UserWarning, match=r"W015.*20 of 40 entities .* 'en'"):
        config, choices = init_config(path)
    assert of(choices, "nlp.lang") == config["nlp"]["lang"] == "en"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config, choices = init_config(path, lang="fr")
    assert of(choices, "nlp.lang") == config["nlp"]["lang"] == "fr"


def test_reading_fits_the_data(tmp_path: Path) -> None:
    config, _ = init_config(write(tmp_path / "train.spacy", sample()))
    component = config["components"]["rin_joint"]
    assert (component["context"], component["head"], component["model"]["entity_layers"]) == ("sentence", "last", 1)
    assert component["constraints"]["born_in"] == {"types": [["PERSON", "PLACE"]]}
    docs = []
    for _ in range(10):
        doc = Doc(Vocab(), words=["New", "Larne", "Club", "left", ".", "It", "was", "in", "Wick", "."])
        outer, inner, place = Span(doc, 0, 3, "ORG"), Span(doc, 0, 2, "PLACE"), Span(doc, 8, 9, "PLACE")
        doc.spans["rin"] = [outer, inner, place]
        set_relations(doc, [(outer, "in", inner), (outer, "in", place)])
        docs.append(doc)
    config, _ = init_config(write(tmp_path / "other.spacy", docs))
    component = config["components"]["rin_joint"]
    assert (component["context"], component["model"]["entity_layers"]) == ("text", 2)
    assert component["model"]["relative_positions"]
    assert component["model"]["label_smoothing"] == 0.05


def people(n_people: int, *pairs: tuple[int, int]) -> Doc:
    """A text that names people, some of whom are in pairs."""
    doc = Doc(Vocab(), words=["Ada", "Ben", "Cleo"][:n_people])
    doc.spans["rin"] = [Span(doc, i, i + 1, "PERSON") for i in range(n_people)]
    set_relations(doc, [(doc.spans["rin"][first], "knows", doc.spans["rin"][second]) for first, second in pairs])
    return doc


# There is one type of entities, so types say nothing.
@pytest.mark.parametrize(
    ("docs", "row"),
    [
        ([people(2, (0, 1), (1, 0))] * 60, ["symmetric"]),
        ([people(2, (0, 1), (1, 0))] * 9, []),
        ([people(2, (0, 1))] * 60, []),
        ([people(2, (0, 1))] * 120, ["asymmetric"]),
        ([people(2, (0, 1))] * 120 + [people(2, (0, 1), (1, 0))], []),
        # With two names, nobody could have two objects. With three, they could.
        ([people(3, (0, 1))] * 99, []),
        ([people(3, (0, 1))] * 120, ["asymmetric", "one_object", "one_subject"]),
        ([people(3, (0, 1), (1, 0))] * 60, ["one_object", "one_subject", "symmetric"]),
        ([people(3, (0, 1))] * 120 + [people(3, (0, 1), (0, 2))] * 2, ["asymmetric", "one_subject"]),
        ([people(3, (0, 1))] * 120 + [people(3, (0, 2), (1, 2))], ["asymmetric", "one_object"]),
        # Who knows himself does not know another one in return.
        ([people(3, (0, 0))] * 75 + [people(3, (0, 1))] * 3, []),
        ([people(2, (0, 0)), people(2, (0, 1), (1, 0))] * 30, ["symmetric"]),
        ([people(2, (0, 1))] * 120 + [people(2, (0, 0))], []),
    ],
)
def test_constraints_hold_in_the_data(docs: list[Doc], row: list[str], tmp_path: Path) -> None:
    config, _ = init_config(write(tmp_path / "train.spacy", docs))
    found = config["components"]["rin_joint"]["constraints"].get("knows", {})
    assert sorted(found) == row and all(found.values())


def test_only_names_of_fitting_types_could_be_objects(tmp_path: Path) -> None:
    """A second place could have been another birth place, a club could not."""
    for other, row in (("PLACE", {"one_object"}), ("CLUB", set())):
        doc = Doc(Vocab(), words=["Ada", "left", "Larne", "for", "Wick", "."])
        spans = [Span(doc, at, at + 1, label) for at, label in ((0, "PERSON"), (2, "PLACE"), (4, other))]
        doc.spans["rin"] = spans
        set_relations(doc, [(spans[0], "born_in", spans[1])])
        config, _ = init_config(write(tmp_path / f"{other}.spacy", [doc] * 120))
        assert config["components"]["rin_joint"]["constraints"]["born_in"].keys() == {"types"} | row


@pytest.mark.parametrize("features", ["hash", "vectors", "tagger"])
def test_trains_with_the_config(features: str, tmp_path: Path) -> None:
    path = write(tmp_path / "train.spacy", sample())
    options: dict[str, Any] = {}
    if features == "vectors":
        nlp = spacy.blank("en")
        nlp.vocab.vectors = Vectors(shape=(2, 7))
        nlp.vocab.set_vector("ada", [1.0] * 7)
        nlp.to_disk(tmp_path / "vectors")
        options = {"vectors": str(tmp_path / "vectors")}
    if features == "tagger":
        nlp = spacy.blank("en")
        nlp.add_pipe("tagger").add_label("NN")
        nlp.initialize()
        nlp.to_disk(tmp_path / "tagger")
        options = {"tagger": str(tmp_path / "tagger")}
    config, choices = init_config(path, dev=path, **options)
    config.to_disk(tmp_path / "config.cfg")
    loaded = util.load_config(tmp_path / "config.cfg")
    loaded["training"]["max_epochs"] = 1
    nlp = init_nlp(loaded.interpolate())
    (tmp_path / "out").mkdir()
    best, _ = train(nlp, tmp_path / "out")
    assert (best.pipe_names == ["tagger", "rin_joint"]) == (features == "tagger")
    if features == "tagger":
        assert of(choices, "embed.attrs")[-1] == "TAG"
        assert len(of(choices, "embed.rows")) == len(of(choices, "embed.attrs"))
    if features == "vectors":
        assert of(choices, "embed.width") == 7
        assert of(choices, "embed.min_count") == 2
    assert all(choice.reason for choice in choices)


def test_tagger_that_shares_its_features(tmp_path: Path) -> None:
    """The taggers of spaCy's pipelines listen to a tok2vec, without which they give one tag to all words."""
    source = spacy.blank("en")
    source.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    source.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}})
    data = [("Ada left Larne", ["NNP", "VBD", "NNP"]), ("It rained", ["PRP", "VBD"])]
    examples = [Example.from_dict(source.make_doc(text), {"tags": tags}) for text, tags in data]
    optimizer = source.initialize(lambda: examples)
    for _ in range(20):
        source.update(examples, sgd=optimizer)
    source.to_disk(tmp_path / "tagger")
    path = write(tmp_path / "train.spacy", sample())
    config, _ = init_config(path, dev=path, tagger=str(tmp_path / "tagger"))
    nlp = init_nlp(config.interpolate())
    with nlp.select_pipes(enable="tagger"):
        assert [[token.tag_ for token in nlp(text)] for text, _ in data] == [tags for _, tags in data]


def test_transformer(tmp_path: Path) -> None:
    pytest.importorskip("spacy_transformers")
    config, _ = init_config(write(tmp_path / "train.spacy", sample()), transformer="some-model")
    assert config["nlp"]["pipeline"] == ["transformer", "rin_joint"]
    assert config["components"]["transformer"]["model"]["name"] == "some-model"
    assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == 0.0001
    assert config["components"]["rin_joint"]["learn_rate_factor"] > 1
    # Of a small corpus, enough steps are more important than large ones.
    assert config["training"]["batcher"]["batcher"]["size"] == 500
    util.load_model_from_config(config)


def test_command(tmp_path: Path) -> None:
    path = write(tmp_path / "train.spacy", sample())
    result = run("init", path, tmp_path / "new" / "config.cfg", "--dev", path, "--gpu")
    assert result.exit_code == 0, result.output
    config = util.load_config(tmp_path / "new" / "config.cfg")
    assert config["paths"] == {**config["paths"], "train": str(path), "dev": str(path)}
    assert config["training"]["gpu_allocator"] == "pytorch"
    rows = {line.split()[0] for line in result.output.splitlines() if line.strip()}
    assert {"rin_joint.context", "rin_joint.constraints", "max_epochs", "optimizer.learn_rate"} <= rows
    assert "--gpu-id 0" in result.output


def test_refuses(tmp_path: Path) -> None:
    path = write(tmp_path / "train.spacy", sample())
    blank = tmp_path / "blank"
    spacy.blank("en").to_disk(blank)
    unannotated = write(tmp_path / "none.spacy", [Doc(Vocab(), words=["a"])])
    for args, code in (
        ((path, {"vectors": str(blank)}), "R075"),
        ((path, {"vectors": str(tmp_path / "none")}), "R075"),
        ((path, {"vectors": "a", "transformer": "b"}), "R075"),
        ((path, {"tagger": "a", "transformer": "b"}), "R075"),
        ((path, {"tagger": str(blank)}), "R075"),
        ((path, {"lang": "nowhere"}), "R037"),
        ((unannotated, {}), "R036"),
        ((tmp_path / "missing.spacy", {}), "R033"),
        ((path, {"dev": tmp_path / "missing.spacy"}), "R033"),
    ):
        with pytest.raises(RinError, match=code):
            init_config(args[0], **args[1])
    out = tmp_path / "config.cfg"
    assert run("init", unannotated, out).exit_code == 1 and not out.exists()
