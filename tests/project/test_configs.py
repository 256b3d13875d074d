"""The configs and the project: complete, valid, and named alike everywhere."""

import importlib.util
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly
from spacy import util
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from thinc.api import Model
from train import make_overrides
from typer.testing import CliRunner
from variants import DATA_SETS

import spacy_rin

from ..support import TRIPLES, component_of, gold_doc

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))
needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("spacy_transformers") is None, reason="spacy-transformers is not installed"
)


@pytest.fixture
def in_project(parser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a parser where the project's commands make it."""
    folder = tmp_path / "training" / "parser"
    folder.mkdir(parents=True)
    shutil.copytree(parser, folder / "model-best")
    monkeypatch.chdir(tmp_path)


def params() -> Any:
    return [
        pytest.param(path, marks=needs_transformers if path.stem == "transformer" else (), id=path.stem)
        for path in CONFIGS
    ]


@pytest.fixture
def corpus(nlp: Language, tmp_path: Path) -> Any:
    docs = [gold_doc(nlp.vocab, *item) for item in TRIPLES]
    for doc in docs:
        for token in doc:
            token.tag_ = "NNP" if token.text[0].isupper() else "X"
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "corpus.spacy")
    return str(tmp_path / "corpus.spacy")


def run_spacy(*args: Any) -> Any:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return result.output


def test_configs_are_there() -> None:
    assert [path.stem for path in CONFIGS] == ["interactive", "paper", "parser", "tagger", "transformer"]


@pytest.mark.usefixtures("in_project")
@pytest.mark.parametrize("path", params())
def test_fill_config_changes_nothing(path: Any, tmp_path: Path) -> None:
    run_spacy("init", "fill-config", path, tmp_path / "filled.cfg")
    assert (tmp_path / "filled.cfg").read_text() == path.read_text()


@pytest.mark.usefixtures("in_project")
@pytest.mark.parametrize("path", params())
def test_debug_config(path: Any, corpus: Any) -> None:
    output = run_spacy("debug", "config", path, "--paths.train", corpus, "--paths.dev", corpus)
    assert "Config is valid" in output


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_score_weights_exist(path: Any) -> None:
    """A misspelt score weight counts 0 without an error."""
    known = {"tag_acc", "pos_acc", "tag_micro_p", "tag_micro_r", "tag_micro_f", "rel_exact_per_type", "ents_per_type"}
    known |= {"dep_uas", "dep_las", "dep_las_per_type", "sents_p", "sents_r", "sents_f"}
    known |= {f"{name}_{letter}" for name in ("rel_exact", "rel_partial", "ents") for letter in "prf"}
    assert set(util.load_config(path)["training"]["score_weights"]) <= known


def test_settings_of_our_set_up() -> None:
    """It shares K, dropout, batches and widths with Sun et al., EMNLP 2020 (table 3, exact match, and 5.2)."""
    config = util.load_config(ROOT / "configs" / "paper.cfg").interpolate()
    model = config["components"]["rin_joint"]["model"]
    assert model["rounds"] == DATA_SETS["webnlg"].rounds == 3 and DATA_SETS["nyt"].rounds == 7
    assert model["tok2vec"]["embed"]["width"] == model["tok2vec"]["encode"]["width"] == 100
    assert model["tok2vec"]["embed"]["pos_width"] == 10
    assert model["tok2vec"]["embed"]["word_dropout"] == 0.04
    assert config["training"]["dropout"] == 0.1
    assert config["training"]["batcher"]["size"] == 50
    assert config["training"]["optimizer"]["use_averages"] is False
    assert config["training"]["annotating_components"] == ["tagger"]


def test_settings_of_the_bidirectional_network() -> None:
    """Yu et al., AAAI 2021, average directions, sum over neighbours in the tree (eq. 1), and keep all that is written.
    What they leave open is as in our set-up of RIN, so that networks are compared, and nothing else.
    """
    config = util.load_config(ROOT / "configs" / "interactive.cfg").interpolate()
    component, training = config["components"]["rin_joint"], config["training"]
    model = component["model"]
    graph, encoder = model["tok2vec"], model["tok2vec"]["tok2vec"]
    assert model["@architectures"] == "spacy_rin.Interactive.v1"
    assert graph["@architectures"] == "spacy_rin.DependencyGCN.v1"
    assert (graph["layers"], graph["norm"], encoder["encode"]["join"]) == (2, "sum", "mean")
    assert (model["slots"], model["copy_width"], model["order"], model["feed"]) == (5, 100, "text", "gold")
    assert model["use_interaction"] is model["bidirectional"] is model["share_cells"] is True
    assert model["entity_layers"] == 1 and model["width"] is graph["width"] is None
    assert (component["threshold"], component["thresholds"], component["calibration"]) == (0.0, {}, {})
    # The parser comes first, with features of its own that stay as they are, and annotates what is learned from.
    assert config["nlp"]["pipeline"] == ["tagger", "parser", "rin_joint"]
    assert config["components"]["parser"]["replace_listeners"] == ["model.tok2vec"]
    assert training["annotating_components"] == ["tagger", "parser"]
    assert training["frozen_components"] == ["parser"]
    ours = util.load_config(ROOT / "configs" / "paper.cfg").interpolate()
    other = ours["components"]["rin_joint"]
    assert encoder["embed"] == other["model"]["tok2vec"]["embed"]
    assert {**encoder["encode"], "join": "concat"} == other["model"]["tok2vec"]["encode"]
    assert (component["context"], component["head"]) == (other["context"], other["head"])
    for name in ("dropout", "batcher", "optimizer", "max_epochs", "seed"):
        assert training[name] == ours["training"][name], name


@pytest.mark.parametrize("config", ["paper", "transformer", "interactive"])
def test_settings_that_depend_on_the_data(corpus: str, config: str) -> None:
    overrides = make_overrides("nyt", config, ROOT / "configs", Path(corpus))
    batcher = util.load_config(ROOT / "configs" / f"{config}.cfg")["training"]["batcher"]
    assert overrides["training.eval_frequency"] == 1, batcher  # six short texts are one batch
    assert overrides.get("components.rin_joint.model.rounds") == (7 if config == "paper" else None)
    assert overrides["training.optimizer.learn_rate.total_steps"] == 20


def weights(model: Model) -> list[Any]:
    return [node.get_param(name).tolist() for node in model.walk() for name in node.param_names if node.has_param(name)]


@pytest.mark.usefixtures("in_project")
def test_interactive_config_trains(corpus: str) -> None:
    """With a parser that annotates the texts and learns nothing, and the trees where the network reads them."""
    changes = {"paths.train": corpus, "paths.dev": corpus, "training.max_epochs": 1, "training.eval_frequency": 1}
    nlp = init_nlp(util.load_config(ROOT / "configs" / "interactive.cfg", overrides=changes))
    before = weights(nlp.get_pipe("parser").model)
    output = io.StringIO()
    nlp, _ = train_nlp(nlp, stdout=output, stderr=output)
    assert weights(nlp.get_pipe("parser").model) == before
    assert component_of(nlp).cfg["annotation"] == ["DEP", "TAG"]
    with pytest.warns(UserWarning, match=r"W005.*dependency trees"), nlp.select_pipes(disable="parser"):
        nlp("Ada Brook was born in Larne .")


@pytest.mark.usefixtures("in_project")
def test_a_parser_that_stands_too_late(corpus: str) -> None:
    """Training says so, and goes on without trees."""
    changes = {"paths.train": corpus, "paths.dev": corpus, "training.max_epochs": 1, "training.eval_frequency": 1}
    changes["nlp.pipeline"] = ["tagger", "rin_joint", "parser"]
    nlp = init_nlp(util.load_config(ROOT / "configs" / "interactive.cfg", overrides=changes))
    output = io.StringIO()
    with pytest.warns(UserWarning, match=r"W003.*dependency trees.*put it before 'rin_joint'"):
        nlp, _ = train_nlp(nlp, stdout=output, stderr=output)
    assert component_of(nlp).cfg["annotation"] == ["TAG"]
    assert nlp("Ada Brook was born in Larne .").has_annotation("DEP")


def test_trains_from_the_command_line(corpus: Any, tmp_path: Path) -> None:
    """spacy rin init, train, init labels, evaluate and find-threshold."""
    paths = ["--paths.train", corpus, "--paths.dev", corpus]
    run_spacy("rin", "init", corpus, tmp_path / "made.cfg", "--dev", corpus)
    run_spacy("init", "labels", tmp_path / "made.cfg", tmp_path / "labels", *paths)
    assert (tmp_path / "labels" / "rin_joint.json").read_text().count("born_in") == 1
    config = util.load_config(tmp_path / "made.cfg")
    labels = {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "labels" / "rin_joint.json")}
    config["initialize"]["components"] = {"rin_joint": {"labels": labels}}
    config["training"].update(max_epochs=60, eval_frequency=20, dropout=0.0)
    config["training"]["optimizer"]["learn_rate"] = 0.004
    config.to_disk(tmp_path / "config.cfg")
    command = [sys.executable, "-m", "spacy", "train", str(tmp_path / "config.cfg"), "-o", str(tmp_path / "out")]
    done = subprocess.run([*command, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "REL_EXACT_F" in done.stdout
    model = tmp_path / "out" / "model-best"
    assert util.load_meta(model / "meta.json")["performance"]["rel_exact_f"] == 1.0
    run_spacy("evaluate", model, corpus, "--output", tmp_path / "metrics.json")
    assert '"rel_exact_f":1.0' in (tmp_path / "metrics.json").read_text().replace(" ", "")
    assert "Best threshold" in run_spacy(
        "find-threshold", model, corpus, "rin_joint", "threshold", "rel_exact_f", "-n", 3
    )


def test_project() -> None:
    project = srsly.read_yaml(ROOT / "project" / "project.yml")
    commands = {command["name"] for command in project["commands"]}
    for workflow, steps in project["workflows"].items():
        assert set(steps) <= commands, workflow
    # Each step of `own` finds what it needs: your annotation, or what earlier steps have made.
    made = {"${vars.annotations}"}
    by_name = {command["name"]: command for command in project["commands"]}
    for step in project["workflows"]["own"]:
        assert set(by_name[step]["deps"]) <= made, step
        made |= set(by_name[step].get("outputs", ()))
    assert (ROOT / "project" / project["vars"]["annotations"]).is_dir()
    assert project["vars"]["version"] == spacy_rin.__version__
    for asset in project["assets"]:
        assert asset["url"].startswith("https://raw.githubusercontent.com/")
        assert len(asset["url"].split("/")[5]) == 40  # a commit, which can't change


def test_sample_corpus_is_what_its_generator_makes(tmp_path: Path) -> None:
    script = ROOT / "project" / "scripts" / "make_sample.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    for part in ("train", "dev", "test"):
        made, kept = tmp_path / f"{part}.jsonl", ROOT / "project" / "assets" / "sample" / f"{part}.jsonl"
        assert made.read_bytes() == kept.read_bytes()
