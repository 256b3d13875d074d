"""What makes a package of a trained core pipeline: rounded weights, the card, and that it needs nothing else."""

import shutil
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import core_card
import numpy as np
import pytest
import spacy
import srsly
from continue_config import continued
from core_tokenizer import adapt
from packaging.requirements import Requirement
from round_weights import round_weights
from spacy import util
from spacy.cli.package import package
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.vectors import Vectors
from spacy.vocab import Vocab

from spacy_rin.convert import write_docs
from spacy_rin.evaluation.evaluate import evaluate
from spacy_rin.init_config import init_config

from ..support import TRIPLES, make_examples, names, same_predictions

ROOT = Path(__file__).parents[2]
TEXTS = [text for text, _ in TRIPLES]


def weights(nlp: Language) -> list[Any]:
    """All weights of a pipeline, as arrays."""
    found: list[Any] = []
    for _, component in nlp.components:
        for node in component.model.walk() if hasattr(component, "model") else []:
            found += [node.get_param(name) for name in node.param_names if node.has_param(name)]
            found += [p.detach().numpy() for shim in node.shims for p in shim._model.parameters()]
    return found


def test_rounded_weights_have_few_bits_and_find_the_same(model: Path, tmp_path: Path) -> None:
    nlp = spacy.load(model)
    nlp.add_pipe("sentencizer", first=True)  # a component without weights
    before, expected = [w.copy() for w in weights(nlp)], [nlp(text) for text in TEXTS]
    round_weights(nlp)
    after = weights(nlp)
    assert len(after) == len(before) > 5
    for old, new in zip(before, after):
        assert new.dtype == np.float32
        assert (new.view(np.uint32) & 0xFFFF == 0).all()
        assert np.allclose(old, new, rtol=1 / 256, atol=0)
    assert any((old != new).any() for old, new in zip(before, after))
    assert [names(nlp(text)) for text in TEXTS] == [names(doc) for doc in expected]
    nlp.to_disk(tmp_path)
    assert same_predictions(map(nlp, TEXTS), map(spacy.load(tmp_path), TEXTS))


def test_a_config_that_trains_on(model: Path, tmp_path: Path) -> None:
    """The components are as they were, and what they are trained with is that of the config."""
    config = util.load_config(model / "config.cfg", interpolate=False)
    config["training"]["max_epochs"] = 7
    changed = continued(config, model)
    assert changed["training"]["max_epochs"] == 7 and "source" not in config["components"]["rin_joint"]
    changed.to_disk(tmp_path / "on.cfg")
    nlp = util.load_model_from_config(util.load_config(tmp_path / "on.cfg"), auto_fill=True)
    assert same_predictions(map(nlp, TEXTS), map(spacy.load(model), TEXTS))


def test_tokens_of_web_texts(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    text = "Ann (1931–2004), born 2009-04-01 in <b>Wick</b>.[2] It's a well-known 3-year-old, see https://a.b/c-d."
    before = [token.text for token in nlp(text)]
    adapt(nlp)
    nlp.to_disk(tmp_path)
    tokens = [token.text for token in spacy.load(tmp_path)(text)]
    assert tokens[:13] == ["Ann", "(", "1931", "–", "2004", ")", ",", "born", "2009-04-01", "in", "<b>", "Wick", "</b>"]
    assert tokens[13:15] == [".", "[2]"] and tokens[15:] == before[before.index("It") :]


def test_word_vectors_become_multiples_of_a_power_of_two() -> None:
    nlp = spacy.blank("en")
    round_weights(nlp)  # there are none
    # Their size is 0.755, and the largest power of two in a tenth of it is 1/16.
    nlp.vocab.vectors = Vectors(data=np.array([[1, -1], [0.53, 0]], dtype=np.float16), keys=["a", "b"])
    round_weights(nlp)
    assert nlp.vocab.vectors.data.dtype == np.float16
    assert nlp.vocab.vectors.data.tolist() == [[1, -1], [0.5, 0]]


@pytest.mark.filterwarnings("ignore")
def test_word_vectors_of_the_network_are_rounded_as_those_of_the_pipeline(tmp_path: Path) -> None:
    base = spacy.blank("en")
    words = sorted({word.lower() for text in TEXTS for word in text.split()})
    values = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    base.vocab.vectors = Vectors(data=values, keys=words)
    base.to_disk(tmp_path / "vectors")
    write_docs([example.reference for example in make_examples(Vocab())], tmp_path / "train.spacy")
    config, _ = init_config(tmp_path / "train.spacy", dev=tmp_path / "train.spacy", vectors=str(tmp_path / "vectors"))
    nlp = init_nlp(config)
    (layer,) = (node for node in nlp.get_pipe("rin_joint").model.walk() if node.name == "word_vectors")
    before = layer.get_param("vectors").copy()
    round_weights(nlp)
    after = layer.get_param("vectors")
    step = 2.0 ** np.floor(np.log2(np.sqrt(np.square(before).mean()) / 10))
    assert (after % step == 0).all()
    assert len(np.unique(after)) > 10
    assert np.abs(after - before).max() <= step / 2


@pytest.fixture
def carded(model: Path, tmp_path: Path) -> Path:
    """A pipeline with a card from the scores on its corpus, where it finds all triples but those of `leads`."""
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    nlp = spacy.load(folder)
    nlp.get_pipe("rin_joint").set_calibration({"leads": (1.0, -1000.0)})
    srsly.write_json(tmp_path / "metrics.json", evaluate(nlp, make_examples(nlp.vocab)).scores)
    core_card.write_card(folder, tmp_path / "metrics.json", "rin_core_sm", "1.2.3")
    return folder


def test_card_shows_the_scores_of_each_relation(carded: Path) -> None:
    lines = (carded / "README.md").read_text("utf8").splitlines()
    # Of seven triples, the two of `leads` are not found.
    assert "| `leads` | – | 0.0 | 0.0 | 2 |" in lines
    assert "| `founded` | 100.0 | 100.0 | 100.0 | 2 |" in lines
    assert "| `born_in` | 100.0 | 100.0 | 100.0 | 3 |" in lines
    assert "| **all triples** | 100.0 | 71.4 | 83.3 | 7 |" in lines
    assert "| `PERSON` | 100.0 | 100.0 | 100.0 | 5 |" in lines
    assert "| `REL_EXACT_R` | 71.43 |" in lines
    assert "### What it can't do" in lines
    assert 'nlp = spacy.load("en_rin_core_sm")' in lines
    # It is the pipeline's meta, and so also that of one that is loaded.
    meta = spacy.load(carded).meta
    assert meta["performance"]["rel_exact_per_type"]["leads"]["gold"] == 2
    licenses = (carded / "LICENSES_SOURCES").read_text("utf8")
    assert all(source["url"] in licenses for source in meta["sources"])
    assert "TERMS AND CONDITIONS" in licenses


@pytest.mark.filterwarnings("ignore")  # spaCy leaves files open
def test_package_has_the_card_and_the_bounds(carded: Path, tmp_path: Path) -> None:
    (tmp_path / "packages" / "en_rin_core_sm-1.2.3").mkdir(parents=True)
    stale = tmp_path / "packages" / "en_rin_core_sm-1.2.3" / "README.md"
    stale.write_text("of another run", "utf8")
    package(carded, tmp_path / "packages", create_sdist=False, force=True, require_parent=True)
    folder = stale.parent
    assert stale.read_bytes() == (carded / "README.md").read_bytes()
    assert (folder / "en_rin_core_sm" / "en_rin_core_sm-1.2.3" / "LICENSES_SOURCES").is_file()
    needed = {r.name: r for r in map(Requirement, srsly.read_json(folder / "meta.json")["requirements"])}
    assert set(needed) == {"spacy", "spacy-rin"}
    ours = {r.name: r for r in map(Requirement, requires("spacy-rin") or [])}
    for version in ("3.7.5", "3.8.0", "3.8.99", "3.9.0"):
        assert needed["spacy"].specifier.contains(version) == ours["spacy"].specifier.contains(version), version


@pytest.mark.filterwarnings("ignore")
def test_pipeline_with_a_transformer_needs_it_no_more(tiny_bert: str, tmp_path: Path) -> None:
    transformer = tmp_path / "transformer"
    shutil.copytree(tiny_bert, transformer)
    write_docs([example.reference for example in make_examples(Vocab())], tmp_path / "train.spacy")
    config, _ = init_config(tmp_path / "train.spacy", dev=tmp_path / "train.spacy", transformer=str(transformer))
    nlp = init_nlp(config)
    nlp.get_pipe("rin_joint").set_thresholds(0.0)
    round_weights(nlp)
    assert all((w.view(np.uint32) & 0xFFFF == 0).all() for w in weights(nlp))
    expected = [nlp(text) for text in TEXTS]
    nlp.to_disk(tmp_path / "model")
    package(tmp_path / "model", tmp_path, create_sdist=False)
    shutil.rmtree(transformer)
    assert same_predictions(expected, map(spacy.load(tmp_path / "model"), TEXTS))
    (made,) = tmp_path.glob("en_pipeline-*/meta.json")
    needed = {r.name: r for r in map(Requirement, util.load_meta(made)["requirements"])}
    assert set(needed) == {"spacy-rin", "spacy-transformers"}
    assert needed["spacy-transformers"].specifier.contains("1.3.99")
    assert not needed["spacy-transformers"].specifier.contains("1.4.0")


def test_what_is_released_can_be_made() -> None:
    workflow = srsly.read_yaml(ROOT / ".github" / "workflows" / "pipelines.yml")
    project = srsly.read_yaml(ROOT / "project" / "project.yml")
    outputs = {command["name"]: command.get("outputs_no_cache", []) for command in project["commands"]}
    for made in workflow["jobs"]["build"]["strategy"]["matrix"]["pipeline"]:
        assert made["workflow"] in project["workflows"]
        (wheel,) = outputs[f"{made['workflow']}-package"]
        assert wheel.startswith(f"packages/en_rin_{made['name']}-${{vars.version}}/dist/")
