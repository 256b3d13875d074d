"""Runs in shards: the rows are those of an unbroken run, whatever is killed."""

import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import spacy

from spacy_rin.extract import extract, extract_shards
from spacy_rin.extract.engines import Answer, read, run_shards
from spacy_rin.extract.results import Counts, Results
from spacy_rin.extract.sharded import ShardTask
from spacy_rin.extract.shards import Shard, cut, read_shard
from spacy_rin.extract.writers import triples

from ..support import TRIPLES, component_of, run

parquet = pytest.importorskip("pyarrow.parquet")

TEXTS = [f"{text} {i}" for i in range(300) for text, _ in TRIPLES]
SIZE = 2500  # 28 shards


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    half = len(TEXTS) // 2
    (folder / "a.txt").write_text("\n".join([*TEXTS[:half], "\udcff"]), "utf-8", "surrogateescape")
    (folder / "b.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS[half:]))
    return folder


Rows = list[tuple[Any, ...]]


def rows_of(out: Path) -> tuple[Rows, Rows]:
    """All triples and all errors of a folder, sorted, with what makes each of them different from the others."""
    found = [tuple(row.values()) for path in out.glob("*.parquet") for row in parquet.read_table(path).to_pylist()]
    failures = [
        tuple(json.loads(line).values())
        for path in out.glob("*.errors.jsonl")
        for line in path.read_text().splitlines()
    ]
    return sorted(found), sorted(failures)


@pytest.fixture(scope="module")
def unbroken(corpus: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Rows, Rows]]:
    """The folder of a run without interruptions, and its rows."""
    out = tmp_path_factory.mktemp("unbroken") / "out"
    summary = extract_shards(model, f"{corpus}/*", out, workers=2, shard_size=SIZE, entities=True, batch_size=16)
    assert (summary.documents, summary.failed, summary.resumed) == (len(TEXTS) + 1, 1, 0)
    assert not summary.failed_shards
    return out, rows_of(out)


def test_results(unbroken: Any, corpus: Path, model: Path) -> None:
    out, (found, failures) = unbroken
    shards = cut(f"{corpus}/*", size=SIZE)
    nlp = spacy.load(model)
    expected = []
    for shard in shards:
        rows = extract(nlp, read_shard(shard), failures=True, batch_size=16)
        expected += [tuple(triple) for row in rows for triple in triples(row)]
    assert len(set(found)) == len(found) == sum(len(names) for _, names in TRIPLES) * 300
    # Scores depend on what else is in a batch, in the last digit.
    assert [row[:10] for row in found] == [row[:10] for row in sorted(expected)]
    assert failures == [(f"a.txt:{sum(len(text) + 1 for text in TEXTS[:900])}", "the text is not UTF-8")]

    manifest = json.loads((out / "manifest.json").read_text())
    assert [entry["id"] for entry in manifest["shards"]] == [shard.id for shard in shards]
    assert (manifest["documents"], manifest["failed"], manifest["triples"]) == (len(TEXTS) + 1, 1, len(found))
    about = json.loads(parquet.read_metadata(out / f"{shards[0].id}.parquet").metadata[b"spacy_rin"])
    assert about["run"] == manifest["run"] and about["run"]["entities"] is True
    assert about["counts"] == {name: manifest["shards"][0][name] for name in Counts._fields}
    entities = parquet.read_table(out / "entities", columns=["document", "text", "type"]).to_pylist()
    names = {(entity["document"], entity["text"], entity["type"]) for entity in entities}
    assert {(row[0], row[1], row[2]) for row in found} | {(row[0], row[6], row[7]) for row in found} <= names


# Kills


@contextmanager
def killing_workers(times: int, chance: random.Random) -> Iterator[list[int]]:
    """Kill worker processes of this process at random moments."""
    killed: list[int] = []
    over = Event()

    def kill() -> None:
        while not over.is_set() and len(killed) < times:
            children = multiprocessing.active_children()
            if children:
                victim = chance.choice(children)
                over.wait(chance.uniform(0.05, 0.6))
                if victim.is_alive():
                    victim.kill()
                    killed.append(victim.pid or 0)
            over.wait(0.05)

    thread = Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def marked(marker: str) -> list[int]:
    """Processes that have a marker in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes can't be found here")
def test_killed_driver_and_workers(unbroken: Any, corpus: Path, model: Path, tmp_path: Path, hostile: int) -> None:
    chance, out = random.Random(hostile), tmp_path / "out"
    options = {"shard-size": SIZE, "batch-size": 16, "workers": 2}
    command = [sys.executable, "-m", "spacy", "rin", "extract", str(model), f"{corpus}/*", str(out)]
    command += ["--engine", "processes", "--entities", *(f"--{name}={value}" for name, value in options.items())]
    for _ in range(hostile):
        marker = f"SPACY_RIN_TEST={time.time_ns()}"
        before = len(list(out.glob("*.parquet")))
        driver = subprocess.Popen(
            command, env=os.environ | dict([marker.split("=")]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while driver.poll() is None and len(list(out.glob("*.parquet"))) < before + chance.randint(2, 6):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        kill = chance.choice([signal.SIGKILL, signal.SIGINT])
        driver.send_signal(kill)
        assert driver.wait() in (-signal.SIGKILL, 130)
        deadline = time.monotonic() + 30
        while marked(marker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not marked(marker)
    done = len(list(out.glob("*.parquet")))
    assert done and not (out / "manifest.json").exists()
    with killing_workers(2, chance) as killed:
        summary = extract_shards(model, f"{corpus}/*", out, workers=2, shard_size=SIZE, entities=True, batch_size=16)
    assert killed and summary.resumed == done and not summary.failed_shards
    whole, expected = unbroken
    assert rows_of(out) == expected
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    # All is done: nothing is read again.
    again = run("extract", model, f"{corpus}/*", out, "--entities", "--shard-size", SIZE, "--engine", "processes")
    assert again.exit_code == 0, again.output
    lines = [" ".join(line.split()) for line in again.output.splitlines()]
    assert f"shards {summary.shards}" in lines and f"done by a stopped run {summary.shards}" in lines


# What happens if workers die, without workers


class Script:
    """An engine whose workers answer as they are told."""

    def __init__(self, answer: Callable[[int, Shard | None], Answer], workers: int = 2) -> None:
        self.workers, self.answer = workers, answer
        self.started = 0
        self.alive: set[int] = set()
        self.given: dict[int, Shard | None] = {}
        self.stopped = False

    def start(self) -> int:
        self.started += 1
        self.alive.add(self.started)
        assert len(self.alive) <= self.workers
        self.given[self.started] = None
        return self.started

    def send(self, worker: int, shard: Shard) -> None:
        self.given[worker] = shard

    def receive(self, workers: Collection[int]) -> list[tuple[int, Answer]]:
        worker = min(workers)
        answer = self.answer(worker, self.given[worker])
        if answer.kind == "died":
            self.alive.remove(worker)
        return [(worker, answer)]

    def stop(self) -> None:
        self.stopped = True


SHARDS = [Shard(str(i), ()) for i in range(5)]
DONE = Answer("done", Counts(1, 0, 0))


def outcome(engine: Script) -> dict[str, str]:
    ended = [(shard.id, answer.kind) for shard, answer in run_shards(engine, SHARDS)]
    assert engine.stopped and len(dict(ended)) == len(ended)
    return dict(ended)


def test_a_shard_whose_worker_dies_is_read_by_another() -> None:
    deaths = Counter({"1": 3, "3": 1})

    def answer(worker: int, shard: Shard | None) -> Answer:
        if shard is None:
            return Answer("ready")
        if deaths[shard.id]:
            deaths[shard.id] -= 1
            return Answer("died")
        return Answer("failed", reason="why") if shard.id == "4" else DONE

    engine = Script(answer)
    assert outcome(engine) == {"0": "done", "1": "done", "2": "done", "3": "done", "4": "failed"}
    assert not deaths.total()


def test_a_shard_that_kills_its_workers_is_given_up() -> None:
    engine = Script(lambda _, shard: Answer("ready") if shard is None else Answer("died") if shard.id == "2" else DONE)
    assert outcome(engine) == {"0": "done", "1": "done", "2": "died", "3": "done", "4": "done"}


def test_workers_that_cannot_start() -> None:
    for reason, answer in [("no model", Answer("broken", reason="no model")), ("memory", Answer("died"))]:
        engine = Script(lambda *_, answer=answer: answer)
        with pytest.raises(ValueError, match=f"R081.*{reason}"):
            outcome(engine)
        assert engine.stopped


def test_a_worker_that_never_starts_is_not_waited_for() -> None:
    """As in a cluster that has no room for it."""

    class Slow(Script):
        def receive(self, workers: Collection[int]) -> list[tuple[int, Answer]]:
            return super().receive([worker for worker in workers if worker != 1])

    assert set(outcome(Slow(lambda _, shard: Answer("ready") if shard is None else DONE)).values()) == {"done"}


# Runs that differ


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read shards in this process, for tests of anything but processes."""

    class Here(Script):
        def __init__(self, task: Any, workers: int) -> None:
            task.load()

            def answer(_: int, shard: Shard | None) -> Answer:
                return Answer("ready") if shard is None else read(task, shard)

            super().__init__(answer, workers)

    monkeypatch.setattr("spacy_rin.extract.sharded.Processes", Here)


@pytest.mark.usefixtures("here")
def test_another_run_is_refused(model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("\n".join(TEXTS[:6]))
    extract_shards(model, source, out, shard_size=100)
    before = rows_of(out)
    other = tmp_path / "model"
    nlp = spacy.load(model)
    component_of(nlp).set_thresholds(0.9)
    nlp.to_disk(other)
    changes: list[tuple[Path, dict[str, Any], str]] = [
        (model, {"min_score": 0.5}, "min_score was 0.0 and is 0.5"),
        (model, {"relations": ["leads"]}, r"relations was None and is \['leads'\]"),
        (model, {"entities": True}, "entities"),
        (model, {"shard_size": 50}, "input, or the size of shards"),
        (other, {}, "pipeline was .* and is "),
    ]
    for pipeline, options, reason in changes:
        with pytest.raises(ValueError, match=f"R080.*{reason}"):
            extract_shards(pipeline, source, out, **{"shard_size": 100, **options})
    source.write_text("\n".join(TEXTS[:7]))
    with pytest.raises(ValueError, match=r"R080.*the input"):
        extract_shards(model, source, out, shard_size=100)
    assert rows_of(out) == before
    summary = extract_shards(model, source, out, shard_size=100, overwrite=True)
    assert (summary.documents, summary.resumed) == (7, 0)
    assert len({row[0] for row in rows_of(out)[0]}) == sum(bool(names) for _, names in [*TRIPLES, TRIPLES[0]])


@pytest.mark.usefixtures("here")
def test_large_shards_begin_first(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, begun = tmp_path / "in", []
    folder.mkdir()
    for name, count in {"a.csv": 1, "b.csv": 9, "c.csv": 1, "d.csv": 5}.items():
        (folder / name).write_text("\n".join(["text", *TEXTS[:count]]))
    read_it = ShardTask.__call__

    def read_noted(task: ShardTask, shard: Shard) -> Counts:
        begun.append(shard.pieces[0].name)
        return read_it(task, shard)

    monkeypatch.setattr(ShardTask, "__call__", read_noted)
    assert extract_shards(model, folder, tmp_path / "out", shard_size=1).documents == 16
    assert begun == ["b.csv", "d.csv", "a.csv", "c.csv"]


@pytest.mark.usefixtures("here")
def test_damaged_and_foreign_files(model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("\n".join(TEXTS[:6]))
    extract_shards(model, source, out, shard_size=100)
    expected = rows_of(out)
    first, *_ = sorted(out.glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-20])
    (out / f".{first.name}.123.tmp").write_text("left by a process that was killed")
    summary = extract_shards(model, source, out, shard_size=100)
    assert summary.shards - summary.resumed == 1
    assert rows_of(out) == expected and not list(out.glob(".*"))
    (out / "mine.parquet").write_bytes(first.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"R034.*mine\.parquet"):
        extract_shards(model, source, out, shard_size=100, overwrite=True)
    assert (out / "mine.parquet").exists()


@pytest.mark.usefixtures("here")
def test_a_shard_that_cannot_be_read(model: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.csv").write_text(f"text\n{TEXTS[0]}\n")
    (folder / "b.csv").write_text(f'text\n"{TEXTS[0]}\n\n')
    summary = extract_shards(model, folder, out, shard_size=1)
    (ident,) = summary.failed_shards
    assert (summary.documents, summary.shards) == (1, 2)
    assert re.search(r"R030.*b\.csv:2.*not closed", summary.failed_shards[ident])
    report = json.loads((out / f"{ident}.errors.jsonl").read_text())
    assert report == {"shard": ident, "error": summary.failed_shards[ident]}
    assert len(list(out.glob("*.parquet"))) == 1 and not (out / "manifest.json").exists()
    command = run("extract", model, folder, out, "--shard-size", 1, "--engine", "processes")
    assert command.exit_code == 1 and "R030" in command.output
    (folder / "b.csv").write_text(f"text\n{TEXTS[0]}\n")
    assert extract_shards(model, folder, out, shard_size=1).documents == 2
    assert (out / "manifest.json").exists() and not list(out.glob("*.errors.jsonl"))


def test_settings_are_checked_first(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(TEXTS[0])
    source, out = tmp_path / "in", tmp_path / "out"
    for options, code in [
        ({"engine": "threads"}, "R010.*processes, ray"),
        ({"workers": 0}, "R010.*workers"),
        ({"min_score": 2}, "R010.*min_score"),
        ({"relations": ["leeds"]}, "R066"),
        ({"output_address": source / "out"}, "R034.*part of the input"),
        ({"input_address": tmp_path / "*" / "*.jsonl"}, "R034.*part of the input"),
        ({"input_address": tmp_path / "**" / "*.parquet", "entities": True}, "R034.*part of the input"),
        ({"model": tmp_path / "none"}, "R015"),
    ]:
        arguments: Any = {"model": model, "input_address": source, "output_address": out, **options}
        with pytest.raises(ValueError, match=code):
            extract_shards(**arguments)
        assert not out.exists()


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    for options, reason in [
        (["--engine", "ray", "--format", "nt", "--n-process", "2"], "--format, --n-process can't be used with"),
        (["--engine", "ray", "--gpu-id", "0"], "--gpu-id can't be used with --engine ray."),
        (["--engine", "processes", "--base", "http://a/", "--provenance"], "--base, --provenance can't be used with"),
        (["--engine", "processes", "--num-gpus", "1"], "--num-gpus can't be used with --engine processes."),
        (["--workers", "2", "--entities"], "--workers, --entities can't be used without"),
        (["--shard-size", "1"], "--shard-size can't be used without --engine."),
        (["--format", "csv", "--base", "http://a/"], "--base can't be used with the format csv."),
    ]:
        result = run("extract", "none", tmp_path, tmp_path / "out", *options)
        assert result.exit_code == 1 and "R083" in result.output
        assert reason in " ".join(result.output.split())
    result = run("extract", "none", tmp_path, "--format", "nt", "--overwrite")
    assert "--format, --overwrite can't be used without an output." in " ".join(result.output.split())
    assert run("extract", "none", tmp_path, "--engine", "processes").exit_code == 1


def test_a_worker_with_another_pipeline_is_refused(model: Path, tmp_path: Path) -> None:
    results = Results(str(tmp_path), {"pipeline": "0", "settings": {}, "spacy_rin": "0"})
    with pytest.raises(ValueError, match="R082"):
        ShardTask(str(model), results, {}, {"relations": None}).load()
