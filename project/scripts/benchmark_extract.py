"""Measure the extraction from many texts: how fast the engines are, what a shard costs, and what kills leave.

Usage:
    python scripts/benchmark_extract.py corpus SENTENCES FOLDER [--documents 1000000]
    python scripts/benchmark_extract.py speed MODEL TEXTS OUT [--ways "pipe 1,processes 2"] [--shard-size 500000]
    python scripts/benchmark_extract.py shards MODEL TEXTS OUT [--shards 4000]
    python scripts/benchmark_extract.py kills MODEL TEXTS OUT [--engine ray] [--victims worker,driver,both] [--runs 5]

`corpus` makes documents of one to three sentences, which are the texts of a JSON lines file. The others write their
figures to OUT/NAME.json, and show a table. They run the command line: what users wait for is measured. Needs psutil.
"""

import argparse
import gzip
import itertools
import json
import random
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pyarrow
from pyarrow import parquet
from reports import markdown, write_json
from watched import Run

from spacy_rin.extract.shards import cut, read_shard

WAYS = ("pipe 1", "pipe 2", "file 1", "processes 1", "processes 2", "ray 1", "ray 2")
"""What reads texts, with the number of processes. "pipe" is `nlp.pipe` alone, and "file" writes one file."""

_PARTS = 10  # files of a corpus: one is Parquet, and three are compressed
_FAULTY = 1000  # one document of so many is empty
_KILLED_SHARD = 100_000  # bytes; so small that some are done, some are being read, and some not begun
_MIB = 1 << 20


def make_corpus(sentences: Path, folder: Path, documents: int) -> None:
    """Make documents of one to three sentences, in files of several formats. One in a thousand can't be read.

    Args:
        sentences (Path): JSON lines with a "text".
        folder (Path): The folder to write.
        documents (int): Number of documents.
    """
    chance = random.Random(0)
    with sentences.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    folder.mkdir(parents=True, exist_ok=True)
    numbers = iter(range(documents))
    for part in range(_PARTS):
        rows = [
            {
                "id": f"d{n:09}",
                "text": "" if n % _FAULTY == 7 else " ".join(chance.choices(texts, k=chance.choice((1, 2, 3)))),
            }
            for n in itertools.islice(numbers, -(-documents // _PARTS))
        ]
        if part == 0:
            parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"part-{part}.parquet")
        else:
            opened: Any = gzip.open if part <= 3 else open
            name = f"part-{part}.jsonl{'.gz' if part <= 3 else ''}"
            with opened(folder / name, "wt", encoding="utf-8") as written:
                written.writelines(json.dumps(row) + "\n" for row in rows)


# Commands


def command_of(way: str, model: str, texts: Path, out: Path, *options: object) -> list[object]:
    """Write the command line of one of `WAYS`."""
    kind, workers = way.split()
    if kind == "pipe":
        return [sys.executable, __file__, "pipe", model, texts, workers]
    command: list[object] = [sys.executable, "-m", "spacy", "rin", "extract", model, texts, out]
    if kind != "file":
        command += ["--engine", kind, "--workers", workers, *options]
    return command


def pipe(model: str, texts: Path, n_process: int) -> None:
    """Read texts with `nlp.pipe`, and do nothing with what it finds."""
    import spacy

    nlp = spacy.load(model)
    with texts.open(encoding="utf-8") as file:
        for _ in nlp.pipe((json.loads(line)["text"] for line in file), batch_size=256, n_process=n_process):
            pass


# What is measured


def measure_speed(model: str, texts: Path, out: Path, ways: Sequence[str], shard_size: int) -> Iterator[dict[str, Any]]:
    """Measure the documents per second of several ways to read texts.

    The start-up is a run with one document. The speed is that of the other documents in the rest of the time.

    Args:
        model (str): The pipeline.
        texts (Path): JSON lines. For engines, it may be a folder.
        out (Path): Folder for what is written.
        ways (Sequence[str]): Some of `WAYS`.
        shard_size (int): Bytes of text in a shard. If it is small, the workers end at about the same time.

    Yields:
        dict[str, Any]: Figures of each of the ways.
    """
    documents = [document for shard in cut(str(texts)) for document in read_shard(shard)]
    count, one = len(documents), out / "one.jsonl"
    one.write_text(json.dumps({"text": documents[0].text}), "utf-8")
    del documents
    options = ("--shard-size", shard_size)
    for way in ways:
        name = way.replace(" ", "-")
        target = f"{name}.csv" if way.startswith("file") else name
        _remove(out / target, out / f"one-{target}")
        start, _ = Run(command_of(way, model, one, out / f"one-{target}", *options)).wait()
        seconds, memory = Run(command_of(way, model, texts, out / target, *options)).wait()
        quarters = [memory[len(memory) * i // 4 : len(memory) * (i + 1) // 4] for i in range(4)]
        yield {
            "way": way,
            "documents": count,
            "start_s": round(start, 1),
            "seconds": round(seconds, 1),
            "documents_per_s": round((count - 1) / (seconds - start)),
            "driver_mib": [_median(m.driver for m in quarter) for quarter in quarters],
            "worker_mib": [_median(size for m in quarter for size in m.workers) for quarter in quarters],
            "others_mib": [_median(m.others for m in quarter) for quarter in quarters],
            "peak_mib": round(max(m.driver + sum(m.workers) + m.others for m in memory) / _MIB),
        }


def measure_shards(model: str, texts: Path, out: Path, shards: int) -> Iterator[dict[str, Any]]:
    """Measure what a shard costs: the same documents, each of them as a shard or all in one, read one by one.

    Args:
        model (str): The pipeline.
        texts (Path): JSON lines.
        out (Path): Folder for what is written.
        shards (int): Number of documents.

    Yields:
        dict[str, Any]: Figures of each run.
    """
    folder = out / "texts"
    _remove(folder, out / "many", out / "few")
    folder.mkdir()
    with texts.open(encoding="utf-8") as file:
        for number, line in enumerate(itertools.islice(file, shards)):
            (folder / f"{number:09}.txt").write_text(json.loads(line)["text"] or "-", "utf-8")
    for name, size in {"few": 1 << 40, "many": 1, "many, done before": 1}.items():
        target = out / name.partition(",")[0]
        options = ("--batch-size", 1, "--shard-size", size)
        seconds, memory = Run(command_of("processes 1", model, folder, target, *options)).wait()
        files = list(target.glob("*.parquet"))
        yield {
            "run": name,
            "shards": len(files),
            "seconds": round(seconds, 2),
            "parquet_bytes": sum(path.stat().st_size for path in files),
            "manifest_bytes": (target / "manifest.json").stat().st_size,
            "driver_mib": round(max(m.driver for m in memory) / _MIB, 1),
        }


class Content(NamedTuple):
    """What a run wrote.

    Attributes:
        triples (Counter[tuple[Any, ...]]): How often each triple is there.
        failures (Counter[str]): How often each document that failed is there.
        manifest (dict[str, Any]): The counts. Empty if the run is not complete.
        names (set[str]): The names of the files.
    """

    triples: Counter[tuple[Any, ...]]
    failures: Counter[str]
    manifest: dict[str, Any]
    names: set[str]

    def difference(self, expected: "Content") -> tuple[int, int]:
        """Count the rows that are lost, and those that are there too often."""
        lost = (expected.triples - self.triples).total() + (expected.failures - self.failures).total()
        return lost, (self.triples - expected.triples).total() + (self.failures - expected.failures).total()


def content_of(folder: Path) -> Content:
    """Read the results of a run."""
    triples: Counter[tuple[Any, ...]] = Counter()
    for path in folder.glob("*.parquet"):
        triples.update(zip(*parquet.read_table(path).to_pydict().values()))
    failures = Counter(line for path in folder.glob("*.errors.jsonl") for line in path.read_text("utf-8").splitlines())
    manifest = folder / "manifest.json"
    counts = json.loads(manifest.read_text("utf-8")) if manifest.exists() else {}
    return Content(triples, failures, counts, {path.name for path in folder.iterdir()})


def measure_kills(
    model: str, texts: Path, out: Path, engine: str, victims: Sequence[str], runs: int
) -> Iterator[dict[str, Any]]:
    """Kill a process of a run at a random moment, start the run again until it is complete, and compare what it wrote.

    A run is started again at once, whatever the killed one has left behind.

    Args:
        model (str): The pipeline.
        texts (Path): JSON lines.
        out (Path): Folder for what is written.
        engine (str): The engine.
        victims (Sequence[str]): What to kill: "worker", "driver" or "both".
        runs (int): Number of runs for each of the victims.

    Yields:
        dict[str, Any]: Figures of each run: when it was killed, rows that are lost, and rows that are there twice.
    """
    chance = random.Random(0)
    whole, killed = out / f"whole-{engine}", out / f"killed-{engine}"

    def command(target: Path) -> list[object]:
        return command_of(f"{engine} 2", model, texts, target, "--shard-size", _KILLED_SHARD)

    _remove(whole)
    seconds, _ = Run(command(whole)).wait()
    expected = content_of(whole)
    for victim in [victim for victim in victims for _ in range(runs)]:
        _remove(killed)
        began = time.perf_counter()
        moment = chance.uniform(0, seconds)
        left = _kill(Run(command(killed)), victim, moment, chance)
        done = len(list(killed.glob("*.parquet")))
        if victim != "worker":
            Run(command(killed)).wait()
        total = time.perf_counter() - began
        found = content_of(killed)
        lost, too_many = found.difference(expected)
        time.sleep(1)  # for what the system has to end
        yield {
            "engine": engine,
            "victim": victim,
            "unbroken_s": round(seconds, 1),
            "killed_after_s": round(moment, 1),
            "shards_done": f"{done} of {len(expected.manifest['shards'])}",
            "seconds": round(total, 1),
            "rows": found.triples.total() + found.failures.total(),
            "lost": lost,
            "too_many": too_many,
            "same_manifest": found.manifest == expected.manifest,
            "other_files": sorted(found.names ^ expected.names),
            "processes_left": sum(process.is_running() and process.status() != "zombie" for process in left),
        }


def _kill(run: Run, victim: str, moment: float, chance: random.Random) -> list[psutil.Process]:
    """Kill a part of a run, and wait for the rest if the driver lives. Return the processes that it had."""
    time.sleep(moment)
    while victim != "driver" and not run.workers() and run.driver.poll() is None:
        time.sleep(0.01)
    all_processes = [run.driver, *run.children()]
    workers = run.workers()
    doomed = [run.driver] if victim != "worker" else []
    doomed += chance.sample(workers, min(1, len(workers))) if victim != "driver" else []
    for process in doomed:
        try:
            process.kill()
        except psutil.Error:
            continue
    if victim == "worker":
        run.wait()
    else:
        run.driver.wait()
    return all_processes


# Helpers


def _remove(*paths: Path) -> None:
    """Remove what runs wrote, a folder or files, and nothing else."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
        for end in ("", ".journal.jsonl", ".errors.jsonl"):
            path.with_name(path.name + end).unlink(missing_ok=True)


def _median(sizes: Iterator[int]) -> int | None:
    found = list(sizes)
    return round(statistics.median(found) / _MIB) if found else None


def main() -> None:
    """Run a command, and write what it finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    corpus = commands.add_parser("corpus")
    corpus.add_argument("sentences", type=Path)
    corpus.add_argument("folder", type=Path)
    corpus.add_argument("--documents", type=int, default=1_000_000)
    piped = commands.add_parser("pipe")
    piped.add_argument("model")
    piped.add_argument("texts", type=Path)
    piped.add_argument("n_process", type=int)
    measured = {name: commands.add_parser(name) for name in ("speed", "shards", "kills")}
    for command in measured.values():
        command.add_argument("model")
        command.add_argument("texts", type=Path)
        command.add_argument("out", type=Path)
    measured["speed"].add_argument("--ways", type=lambda text: text.split(","), default=WAYS)
    measured["speed"].add_argument("--shard-size", type=int, default=500_000)
    measured["shards"].add_argument("--shards", type=int, default=4000)
    measured["kills"].add_argument("--engine", default="processes")
    measured["kills"].add_argument("--victims", type=lambda text: text.split(","), default=["worker", "driver", "both"])
    measured["kills"].add_argument("--runs", type=int, default=5)
    options = vars(parser.parse_args())
    name = options.pop("command")
    if name in ("corpus", "pipe"):
        (make_corpus if name == "corpus" else pipe)(**options)
        return
    functions: dict[str, Callable[..., Iterator[dict[str, Any]]]]
    functions = {"speed": measure_speed, "shards": measure_shards, "kills": measure_kills}
    out, texts = options["out"], options["texts"].resolve()
    if out.resolve() in (texts, *texts.parents):
        parser.error(f"{options['texts']} is in {out}, where what was there is overwritten: give another OUT")
    out.mkdir(parents=True, exist_ok=True)
    label = f"{name}-{options['engine']}" if name == "kills" else name
    figures = []
    for row in functions[name](**options):
        figures.append(row)
        sys.stderr.write(f"{row}\n")
        write_json(out / f"{label}.json", figures)
    lines = markdown(list(figures[0]), [[_cell(value) for value in row.values()] for row in figures])
    sys.stdout.write("\n".join(lines) + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if type(value) is int else str(value)


if __name__ == "__main__":
    main()
