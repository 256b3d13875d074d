"""Saved pipelines that are damaged: told at once, with the reason, by every way to load them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import spacy

from spacy_rin.errors import FileError, RinError, SettingError
from spacy_rin.model.features import build_bilstm_encoder, build_word_pos_embed
from spacy_rin.pipeline.loading import load_pipeline

from ..support import component_of, run

NAMES = ["born_in", "founded", "leads"]


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of a pipeline, to be damaged."""
    path = tmp_path_factory.mktemp("damaged") / "model"
    shutil.copytree(model, path)
    return path


def loads_with(folder: Path, name: str, content: bytes | None) -> Any:
    """Load a pipeline with another content of a file, or without the file, and put the file back."""
    file = folder / name
    before = file.read_bytes()
    try:
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        return load_pipeline(folder)
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    "change,reason",
    [
        ({"relations": [*NAMES, "zzz"]}, "trained with the relations .*, not .*zzz"),
        ({"relations": NAMES[:2]}, "trained with the relations"),
        ({"relations": ["born_at", "founded", "leads"]}, "trained with the relations .*born_in.*, not .*born_at"),
        ({"relations": NAMES[::-1]}, "sorted"),
        ({"relations": ["leads"] * 3}, "each label once"),
        ({"relations": [1, 2, 3]}, "strings"),
        ({"relations": None}, "list"),
        ({"entities": ["ORG", "PERSON", "PLACE", "THING"]}, "trained with the entities"),
        ({"entities": ["ORG", "PERSON"]}, "trained with the entities"),
        ({"entities": []}, "trained with the entities"),
        ({"threshold": 2}, "'threshold' must be from 0 to 1, but it is 2"),
        ({"threshold": None}, "'threshold'"),
        ({"threshold": "0.5"}, "'threshold'"),
        ({"threshold": True}, "'threshold'"),
        ({"thresholds": None}, "'thresholds' must be a table"),
        ({"thresholds": []}, "'thresholds' must be a table"),
        ({"thresholds": {"leads": -1}}, "'thresholds.leads'"),
        ({"calibration": None}, "'calibration'"),
        ({"calibration": {"leads": ["1", "2"]}}, "'calibration.leads'"),
        ({"calibration": {"leads": [0, 1]}}, "'calibration.leads'"),
        ({"calibration": {"leads": 1}}, "'calibration.leads'"),
        ({"constraints": 5}, "'constraints'"),
        ({"constraints": {"leads": {"types": "x"}}}, "'constraints.leads.types'"),
        ({"annotation": ["LEMMA"]}, "'annotation'"),
        ({"annotation": None}, "'annotation'"),
    ],
)
def test_state_that_does_not_fit(folder: Path, change: Any, reason: str) -> None:
    state = json.loads((folder / "rin_joint" / "cfg").read_text())
    with pytest.raises(RinError, match=f"R016.*{reason}"):
        loads_with(folder, "rin_joint/cfg", json.dumps({**state, **change}).encode())


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"threshold": NaN}', b"\xff"])
def test_state_that_is_no_state(folder: Path, content: bytes | None) -> None:
    with pytest.raises(RinError, match="R016"):
        loads_with(folder, "rin_joint/cfg", content)


def test_settings_that_a_state_lacks_are_those_of_the_config(folder: Path) -> None:
    state = json.loads((folder / "rin_joint" / "cfg").read_text())
    for name in ("threshold", "thresholds", "calibration"):
        del state[name]
    config = (folder / "config.cfg").read_bytes()
    (folder / "config.cfg").write_bytes(config.replace(b"threshold = 0.5", b"threshold = 0.25"))
    assert component_of(loads_with(folder, "rin_joint/cfg", json.dumps(state).encode())).threshold == 0.25
    (folder / "config.cfg").write_bytes(config)


def test_pipelines_of_before_have_no_names_in_the_network(folder: Path) -> None:
    """Their numbers of labels are checked."""
    nlp = spacy.load(folder)
    component = component_of(nlp)
    component.model.attrs["labels"] = None
    plain, data = component.model.to_bytes(), component.to_bytes()
    for labels in (["a", "b"], ["a", "b", "c", "d"]):
        component.cfg["relations"] = labels
        component.model.attrs["labels"] = None
        assert component.model.to_bytes() == plain
        with pytest.raises(RinError, match=rf"R016.*{len(labels)} relations: it has 3"):
            component.from_bytes(plain_state(component, plain))
    assert component.from_bytes(data).relation_labels == tuple(NAMES)


def plain_state(component: Any, model: bytes) -> Any:
    """The state of a component with a model, as it was written before models had names of labels."""
    return spacy.util.to_bytes({"cfg": lambda: json.dumps(component.cfg).encode(), "model": lambda: model}, [])


@pytest.mark.parametrize(
    "name", ["config.cfg", "meta.json", "tokenizer", "rin_joint/model", "vocab/strings.json", "vocab/vectors"]
)
@pytest.mark.parametrize("content", [b"", b"\xff\0{]"])
def test_damaged_files_of_a_pipeline(folder: Path, name: str, content: bytes) -> None:
    with pytest.raises(RinError, match=r"R015|R016"):
        loads_with(folder, name, content)


def test_every_command_says_so(folder: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"text": "Ada", "entities": [[0, 3, "X"]], "relations": [[0, "is", 0]]}))
    gold = tmp_path / "gold.spacy"
    assert run("convert", texts, gold, "--format", "jsonl").exit_code == 0
    config = (folder / "config.cfg").read_bytes()
    (folder / "config.cfg").write_bytes(config[:500])
    for model, code in ((folder, "R015"), (tmp_path / "none", "R015"), ("no_such_name", "R015")):
        for command in (
            ("evaluate", model, gold),
            ("tune", model, gold),
            ("extract", model, texts),
            ("extract", model, texts, tmp_path / "out.csv"),
            ("export", gold, tmp_path / "out.jsonl", "--format", "jsonl", "--model", model),
            ("convert", texts, tmp_path / "out.spacy", "--tagger", model),
            ("init", gold, tmp_path / "out.cfg", "--vectors", model),
            ("init", gold, tmp_path / "out.cfg", "--tagger", model),
        ):
            result = run(*command)
            found = "R075" if command[0] == "init" else code
            assert result.exit_code == 1 and f"[{found}]" in result.output, (command, result.output)
    (folder / "config.cfg").write_bytes(config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gold.spacy", "texts.jsonl"]


def test_what_is_not_trained_is_loaded(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    component_of(nlp).add_label("leads")
    nlp.to_disk(tmp_path / "model")
    assert component_of(load_pipeline(tmp_path / "model")).relation_labels == ("leads",)
    with pytest.raises(FileError, match="R015"):
        load_pipeline("a\0b")


def test_numbers_that_are_none() -> None:
    nan, nlp = float("nan"), spacy.blank("en")
    nlp.add_pipe("rin_joint")
    for build in (
        lambda: build_word_pos_embed(width=nan),
        lambda: build_word_pos_embed(pos_width=-1),
        lambda: build_word_pos_embed(word_dropout=nan),
        lambda: build_bilstm_encoder(width=nan),
        lambda: build_bilstm_encoder(depth=0),
        lambda: component_of(nlp).set_thresholds(nan),
        lambda: component_of(nlp).set_thresholds(0.5, {"leads": "0.5"}),
        lambda: component_of(nlp).set_calibration({"leads": [nan, 0.0]}),
        lambda: spacy.blank("en").add_pipe("rin_joint", config={"learn_rate_factor": 0.0}),
        lambda: spacy.blank("en").add_pipe("rin_joint", config={"model": {"rounds": -1}}),
    ):
        with pytest.raises(SettingError, match="R010"):
            build()
