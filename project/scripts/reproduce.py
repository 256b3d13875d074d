"""Train the models of the papers and ours with several seeds, and write tables and pictures of the results.

Usage: python scripts/reproduce.py DATA_SET [--seeds 0,1,2] [--only VARIANT,...] [--jobs 2] [--vectors FOLDER]

The best epoch is chosen on dev, and test is scored once. A run is a variant with a seed. Each run has a folder under
--runs, with its config, log, pipeline and scores. Runs that have scores are skipped, and runs that are trained are
scored, so a stopped command can be started again. A training that was stopped begins anew. The tables also show the
figures of the papers, and which of their claims came back.

The results that are already there keep their rows, and give their seeds to the same rows of new runs. If any of them
were made with other settings, nothing is trained: name other folders by --out and --runs.

Variants with dependency trees need the parser that the command `parser` trains. Without it, they are left out, as are
those with a transformer that is not at hand, or without spacy-transformers.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import spacy
import thinc
import torch
from reports import write_json
from run_config import compare, describe_run, describe_transformer, make_config
from scoring import epoch_rows, is_scored, score
from tables import find_others, merge, read_table, refuse, summarize, training_of, write_tables
from variants import DATA_SETS, VARIANTS, Run, Settings

import spacy_rin

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None


def train(run: Run, settings: Settings) -> Iterator[None]:
    """Train and score a run in separate processes. A run that is trained is only scored.

    Args:
        run (Run): The run.
        settings (Settings): The settings.

    Yields:
        None: While a process is running, so that the caller can work on other runs.

    Raises:
        SystemExit: If a process fails, or another command works on the run. The message names the log or the folder.
    """
    folder, log = str(run.folder), run.folder / "log.txt"
    run.folder.mkdir(parents=True, exist_ok=True)
    # The log of a training stays: it tells the best epoch.
    with log.open("a", encoding="utf8") as stream:
        lock(run, stream)
        if not (is_trained(run, settings) and (run.folder / "model-best").exists()):
            clear(run, stream)
            config = make_config(settings, VARIANTS[run.variant], run.seed)
            config.to_disk(run.folder / "config.cfg")
            command = ["-m", "spacy", "train", f"{folder}/config.cfg", "--output", folder]
            start = time.monotonic()
            yield from execute([*command, "--gpu-id", str(settings.gpu_id)], run, settings, stream)
            write_json(run.trained, describe_end(run, settings, time.monotonic() - start))
            shutil.rmtree(run.folder / "model-last", ignore_errors=True)
        command = [__file__, settings.data_set, "--corpus", str(settings.corpus), "--score", run.variant]
        yield from execute([*command, str(run.seed), folder], run, settings, stream)


def lock(run: Run, log: TextIO) -> None:
    """Stop if another command works on a run. Windows, and some file systems, have no such locks."""
    if fcntl is None:
        return
    try:
        fcntl.lockf(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        sys.exit(f"{run.variant}, seed {run.seed}: another command works on it in {run.folder}")
    except OSError:
        pass


def clear(run: Run, log: TextIO) -> None:
    """Delete what an earlier training has left of a run. The log is emptied."""
    log.truncate(0)
    for path in run.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "log.txt":
            path.unlink()


def execute(command: list[str], run: Run, settings: Settings, log: TextIO) -> Iterator[None]:
    """Run a command of Python in a process of its own, which writes to the log of a run. See `train`."""
    threads = max(1, (os.cpu_count() or 1) // settings.jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, env=environment)
    try:
        while process.poll() is None:
            yield
    finally:
        process.kill()
    if process.returncode:
        sys.exit(f"{run.variant}, seed {run.seed}, failed: see {run.folder / 'log.txt'}")


def describe_end(run: Run, settings: Settings, seconds: float) -> dict[str, Any]:
    """Describe a training that has ended: how many minutes it took, and with what.

    Args:
        run (Run): The run.
        settings (Settings): The settings.
        seconds (float): How long the training took.

    Returns:
        dict[str, Any]: The "minutes", the "versions" of packages, and "training", see `describe_training`.
    """
    packages = {package.__name__: package.__version__ for package in (spacy, torch, thinc, spacy_rin)}
    return {
        "minutes": round(seconds / 60, 1),
        "versions": {"python": platform.python_version(), **packages},
        "training": training_of(run.variant, settings),
    }


def is_trained(run: Run, settings: Settings) -> bool:
    """Check whether a run was trained with the current settings, to the end."""
    if not (training := describe_run(run)):
        return False
    try:
        return not compare(training, training_of(run.variant, settings))
    except (OSError, ImportError):  # there is no such transformer or parser here
        return False


def is_done(run: Run, settings: Settings) -> bool:
    """Check whether there is nothing to do for a run: it has all scores, or some, and no pipeline to get the others."""
    has_scores = run.scores.exists() and is_trained(run, settings)
    return has_scores and (is_scored(run) or not (run.folder / "model-best").exists())


def work(runs: list[Run], settings: Settings) -> None:
    """Do all unfinished runs, several at a time, and show the progress."""
    waiting = [run for run in runs if not is_done(run, settings)]
    n_done, start, done_epochs = len(runs) - len(waiting), time.time(), 0.0
    active: dict[Run, Iterator[None]] = {}
    n_epochs = {
        run: int(make_config(settings, VARIANTS[run.variant], run.seed)["training"]["max_epochs"]) for run in runs
    }
    total = sum(n_epochs[run] for run in waiting)
    while waiting or active:
        while waiting and len(active) < settings.jobs:
            run = waiting.pop(0)
            active[run] = train(run, settings)
        for run, steps in list(active.items()):
            if next(steps, "done") == "done":
                del active[run]
                n_done, done_epochs = n_done + 1, done_epochs + n_epochs[run]
                sys.stderr.write(f"\r\033[K{describe(run, settings)}\n")
        epochs = {run: len(epoch_rows(run.folder / "log.txt")) - 1 for run in active}
        reached = done_epochs + sum(max(0, n) for n in epochs.values())
        left = (
            f"{(total - reached) * (time.time() - start) / reached / 60:.0f} min left" if reached >= 1 else "starting"
        )
        now = ", ".join(f"{run.variant} seed {run.seed} epoch {max(0, n)}/{n_epochs[run]}" for run, n in epochs.items())
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{n_done} of {len(runs)} runs done, about {left}: {now}")
            sys.stderr.flush()
        time.sleep(2)


def describe(run: Run, settings: Settings) -> str:
    """Describe the results of a run on one line."""
    scores = run.read_scores() or {}
    name = f"rel_{DATA_SETS[settings.data_set].match}"
    parts = ", ".join(f"{part} {100 * scores[part][name]['f']:.1f}" for part in ("dev", "test") if part in scores)
    return f"{run.variant}, seed {run.seed}: F1 ({DATA_SETS[settings.data_set].match}) {parts}"


def has_row(name: str, settings: Settings) -> bool:
    """Check whether a variant belongs to the data set and can be trained."""
    variant, data = VARIANTS[name], DATA_SETS[settings.data_set]
    if name == f"k{data.rounds}":
        return False  # "rin" has this K
    if variant.config == "transformer" and not has_transformer(settings.transformer):
        return False
    return variant.match in (None, data.match) and (settings.parser.exists() or not variant.parses)


@lru_cache
def has_transformer(name: str) -> bool:
    """Check whether pipelines can use a transformer, and say so if it can't be loaded."""
    if not find_spec("spacy_transformers"):
        return False
    try:
        describe_transformer(name)
    except OSError as err:
        sys.stderr.write(f"Variants on a transformer are left out, because it can't be loaded: {err}\n")
        return False
    return True


def list_runs(settings: Settings) -> list[Run]:
    """List the runs of all variants that the data set has, or of the given ones, in the order of the table."""
    names = [name for name in VARIANTS if (name in settings.only if settings.only else has_row(name, settings))]
    return [
        Run(name, seed, settings.runs / settings.data_set / name / str(seed))
        for name in names
        for seed in (settings.seeds if settings.only else settings.seeds[: VARIANTS[name].seeds])
    ]


def list_scored(settings: Settings) -> list[Run]:
    """List all runs that have scores for the settings, not only those of a command, in the order of the table."""
    folders = (path.parent for path in (settings.runs / settings.data_set).glob("*/*/scores.json"))
    named = [folder for folder in folders if folder.parent.name in VARIANTS and folder.name.isdecimal()]
    runs = [Run(folder.parent.name, int(folder.name), folder) for folder in named]
    order = list(VARIANTS)
    trained = (run for run in runs if is_trained(run, settings))
    return sorted(trained, key=lambda run: (order.index(run.variant), run.seed))


def number(least: int) -> Callable[[str], int]:
    """Make a type of arguments: whole numbers that are not less than another."""

    def parse(text: str) -> int:
        if not (text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return parse


def seeds(text: str) -> tuple[int, ...]:
    """Parse seeds that are separated by commas."""
    return tuple(map(number(0), text.split(",")))


def main() -> None:
    """Do the runs, and write the tables and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=DATA_SETS)
    parser.add_argument(
        "--seeds", type=seeds, default=(0, 1, 2), help="comma-separated; some variants use only the first seeds"
    )
    parser.add_argument("--only", default="", help="comma-separated variants to run, with all seeds")
    parser.add_argument("--epochs", type=number(0), default=0, help="number of epochs; 0 uses the config")
    parser.add_argument("--jobs", type=number(1), default=1, help="number of runs at the same time")
    parser.add_argument("--gpu-id", type=int, default=-1)
    parser.add_argument("--vectors", default="null", help="folder made by `spacy init vectors`")
    parser.add_argument(
        "--transformer", default="sentence-transformers/all-MiniLM-L6-v2", help="for the variants that need one"
    )
    parser.add_argument(
        "--parser", type=Path, default=Path("training/parser/model-best"), help="for the variants with dependency trees"
    )
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--configs", type=Path, default=Path("../configs"))
    parser.add_argument("--runs", type=Path, default=Path("reproduce"))
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--score", nargs=3, metavar=("VARIANT", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--tables", action="store_true", help="run nothing: only write tables from the results in JSON")
    given = vars(parser.parse_args())
    scored, only_tables = given.pop("score"), given.pop("tables")
    # project.yml passes unset variables as "" (variant), 0 (epochs) or "null" (vectors).
    given |= {"only": tuple(filter(None, given["only"].split(","))), "epochs": given["epochs"] or None}
    given["vectors"] = None if given["vectors"] == "null" else given["vectors"]
    settings = Settings(**given)
    if unknown := set(settings.only) - VARIANTS.keys():
        parser.error(f"no variants: {', '.join(sorted(unknown))}; choose from {', '.join(VARIANTS)}")
    if scored:
        variant, seed, folder = scored
        score(Run(variant, int(seed), Path(folder)), settings)
        return
    if only_tables:
        if not (table := read_table(settings)):
            sys.exit(f"{settings.out} has no results of {settings.data_set}")
        write_tables(table, settings)
        return
    if not (settings.corpus / settings.data_set / "train.spacy").exists():
        sys.exit(
            f"{settings.corpus / settings.data_set} does not exist: run the command `convert` with this data set first"
        )
    runs = list_runs(settings)
    others = find_others({run.variant for run in [*runs, *list_scored(settings)]}, settings)
    for run in runs:
        if run.scores.exists() or run.trained.exists():
            others[str(run.folder)] = compare(describe_run(run), training_of(run.variant, settings))
    refuse(others, settings)
    work(runs, settings)
    write_tables(merge(summarize(list_scored(settings)), settings), settings)


if __name__ == "__main__":
    main()
