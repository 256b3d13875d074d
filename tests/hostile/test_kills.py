"""The commands, killed at random moments: what they leave is whole, and a rerun ends as if nothing had been.

A child process runs the command line of spaCy, with all libraries loaded, so that kills hit its work.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import spacy
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_rin.convert import convert
from spacy_rin.errors import RinError
from spacy_rin.pipeline.corpus import read_docs
from spacy_rin.pipeline.loading import load_pipeline

from ..support import TRIPLES, make_examples
from .support import TALLY

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here"),
    pytest.mark.filterwarnings("ignore"),
]
TEXTS = [text for text, _ in TRIPLES] * 40


def start(arguments: list[object]) -> int:
    """Run a command in a child process, silently."""
    child = os.fork()
    if child:
        return child
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    code = 1
    try:
        app(list(map(str, arguments)), standalone_mode=False)
        code = 0
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    finally:
        os._exit(code)


def run_whole(arguments: list[object]) -> float:
    """Run a command to its end, and return how long it took."""
    began = time.perf_counter()
    _, status = os.waitpid(start(arguments), 0)
    assert os.waitstatus_to_exitcode(status) == 0, arguments
    return time.perf_counter() - began


def kill_at_random(name: str, arguments: list[object], seconds: float, chance: Random) -> None:
    """Run a command, and kill it at a moment of the time that it takes."""
    child = start(arguments)
    time.sleep(chance.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    TALLY[f"kills of {name}"] += os.WIFSIGNALED(status)


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.tmp")]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join([*TEXTS, "\udcff"]), "utf-8", "surrogateescape")
    return path


@pytest.fixture
def gold(trained: Language, tmp_path: Path) -> Path:
    docs = [example.reference for example in make_examples(trained.vocab)] * 5
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "gold.spacy")
    return tmp_path / "gold.spacy"


def test_extract(model: Path, texts: Path, tmp_path: Path, hostile: int) -> None:
    chance, out = Random(hostile), tmp_path / "out"
    for format in ("jsonl", "csv", "nt", "neo4j")[:hostile]:
        whole, killed = out / f"whole.{format}", out / f"killed.{format}"

        def command(path: Path, format: str = format) -> list[object]:
            return ["rin", "extract", model, texts, path, "--format", format, "--batch-size", 8]

        seconds = run_whole(command(whole))
        for _ in range(max(1, hostile // 4)):
            for _ in range(chance.randint(1, 3)):
                kill_at_random("extract", command(killed), seconds, chance)
            run_whole(command(killed))
            assert content(killed) == content(whole)
            assert not unfinished(out) and not list(out.glob("*.journal.jsonl"))


def content(path: Path) -> Any:
    """The rows of an output, without what differs from batch to batch."""
    errors = path.with_name(f"{path.name}.errors.jsonl").read_text("utf-8")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    if path.suffix == ".jsonl":
        return errors, [{**json.loads(line), "scores": None} for line in lines]
    return errors, len(lines) if path.suffix != ".nt" else sorted(lines)


def test_convert(tmp_path: Path, hostile: int) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "corpus" / "out.spacy"
    record = {
        "text": "Ada leads Orbix.",
        "entities": [[0, 3, "PERSON"], [10, 15, "ORG"]],
        "relations": [[0, "leads", 1]],
    }
    source.write_text("\n".join([json.dumps(record)] * 300))
    command: list[object] = ["rin", "convert", source, out, "--format", "jsonl"]
    seconds, chance = run_whole(command), Random(hostile)
    expected = convert(source, "jsonl")[1].triples
    for _ in range(max(1, hostile)):
        kill_at_random("convert", command, seconds, chance)
        assert sum(len(doc._.relations) for doc in read_docs(out, spacy.vocab.Vocab())) == expected
    run_whole(command)
    assert [path.name for path in out.parent.iterdir()] == ["out.spacy"]


def test_tune(model: Path, gold: Path, tmp_path: Path, hostile: int) -> None:
    folder, chance = tmp_path / "model", Random(hostile)

    def settings() -> Any:
        nlp = load_pipeline(folder)
        component: Any = nlp.get_pipe("rin_joint")
        return component.threshold, component.thresholds, component.calibration

    def reset() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        nlp = spacy.load(model)
        nlp.get_pipe("rin_joint").set_thresholds(1.0)  # nothing is found, so that there is something to tune
        nlp.to_disk(folder)

    command: list[object] = ["rin", "tune", folder, gold, "--in-place"]
    reset()
    before = settings()
    seconds = run_whole(command)
    after = settings()
    assert before != after
    for _ in range(max(1, hostile)):
        reset()
        kill_at_random("tune", command, seconds, chance)
        assert settings() in (before, after)
        run_whole(command)
        assert not unfinished(folder)


def test_evaluate(model: Path, gold: Path, tmp_path: Path, hostile: int) -> None:
    page, scores = tmp_path / "out" / "report.html", tmp_path / "out" / "scores.json"
    command: list[object] = ["rin", "evaluate", model, gold, "--html", page, "--output", scores]
    seconds, chance = run_whole(command), Random(hostile)
    before = page.read_bytes(), json.loads(scores.read_text())["rel_exact_f"]
    for _ in range(max(1, hostile)):
        kill_at_random("evaluate", command, seconds, chance)
        assert (page.read_bytes(), json.loads(scores.read_text())["rel_exact_f"]) == before
    run_whole(command)
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "scores.json"]


def test_train(model: Path, gold: Path, tmp_path: Path, hostile: int) -> None:
    """Training goes on from a pipeline: whatever a kill leaves can be loaded, or says that it is damaged."""
    config = Config(spacy.load(model).config)
    config["components"]["rin_joint"] = {"source": str(model)}
    config["corpora"] = {
        part: {"@readers": "spacy_rin.Corpus.v1", "path": str(gold), "limit": 6} for part in ("train", "dev")
    }
    config["training"].update(max_steps=4, eval_frequency=1, patience=0)
    config["initialize"]["components"] = {}
    config.to_disk(tmp_path / "train.cfg")
    out, chance = tmp_path / "training", Random(hostile)
    command: list[object] = ["train", tmp_path / "train.cfg", "--output", out]
    seconds = run_whole(command)
    for _ in range(max(1, hostile)):
        kill_at_random("train", command, seconds, chance)
        for path in (out / "model-best", out / "model-last"):
            use_or_refuse(lambda path=path: load_pipeline(path))
    run_whole(command)
    assert load_pipeline(out / "model-best")(TEXTS[0])._.relations


def use_or_refuse(load: Callable[[], Language]) -> None:
    try:
        load()
    except RinError:
        TALLY["damaged by kills of train: refused"] += 1
