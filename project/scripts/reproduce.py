"""Train the models of the papers and ours with several seeds, and write tables and pictures of the results.

Usage: python scripts/reproduce.py DATA_SET [--seeds 0,1,2] [--only VARIANT] [--jobs 2] [--vectors FOLDER]

The best epoch is chosen on dev, and test is scored once. A run is a variant with a seed. Each run has a folder under
--runs, with its config, log, pipeline and scores. Runs that have scores are skipped, so a stopped command can be
started again. The tables also show the figures of the papers: Sun et al., EMNLP 2020 (tables 1 and 5) and arXiv
2005.00162, version 1 (tables 1 and 5), and Yu et al., AAAI 2021 (table 1).

Variants with dependency trees need the parser that the command `parser` trains. Without it, they are left out, as are
those with a transformer without spacy-transformers.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy import util
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example
from tables import summarize, write_tables
from thinc.api import Config
from variants import DATA_SETS, VARIANTS, Run, Settings, make_config

import spacy_rin
from spacy_rin.evaluation.novelty import find_known, make_table, score_novelty, score_table
from spacy_rin.evaluation.scorer import score_matches
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.corpus import create_corpus_reader, read_docs
from spacy_rin.pipeline.decode import head_of


def score(run: Run, settings: Settings) -> None:
    """Score the best pipeline of a run on dev and test, and write scores.json."""
    nlp = spacy.load(run.folder / "model-best")
    result: dict[str, Any] = {
        "variant": run.variant,
        "seed": run.seed,
        "epoch": best_epoch(run.folder / "log.txt", DATA_SETS[settings.data_set].match),
        "minutes": round((time.time() - (run.folder / "config.cfg").stat().st_mtime) / 60, 1),
        "versions": {
            "python": platform.python_version(),
            **{name: __import__(name).__version__ for name in ("spacy", "torch", "thinc")},
            "spacy_rin": spacy_rin.__version__,
        },
    }
    train = read_docs(settings.corpus / settings.data_set / "train.spacy", nlp.vocab)
    known, table = find_known(train), make_table(train)
    for part in ("dev", "test"):
        examples = list(create_corpus_reader(settings.corpus / settings.data_set / f"{part}.spacy")(nlp))
        docs = nlp.pipe([eg.predicted.copy() for eg in examples])
        predicted = [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]
        scores = Scorer(nlp).score(predicted)
        result[part] = {
            name: {letter: scores[f"{name}_{letter}"] for letter in "prf"}
            for name in ("rel_exact", "rel_partial", "ents")
        }
        result[part].update(
            score_all_pairs(nlp, examples),
            rel_text=score_matches(predicted)["rel_text"],
            rel_table=score_table(predicted, table),
            rel_exact_per_novelty=score_novelty(predicted, known),
        )
    unfinished = run.folder / "scores.json.part"
    unfinished.write_text(json.dumps(result, indent=2) + "\n")
    unfinished.rename(run.folder / "scores.json")


def score_all_pairs(nlp: Language, examples: list[Example]) -> dict[str, dict[str, float]]:
    """Score a pipeline as the released code of the papers does.

    Every predicted token pair counts as a prediction, even if its tokens are not heads of entities. By exact match,
    only triples of the pipeline can be right. By partial match, a pair is right if its tokens are the heads of the
    entities of a gold triple with the same label.

    Args:
        nlp (Language): The pipeline.
        examples (list[Example]): Docs to predict, and gold Docs.

    Returns:
        dict[str, dict[str, float]]: Precision, recall and F1 of "all_pairs_exact" and "all_pairs_partial".
    """
    _, component = find_component(nlp)
    n_predicted = n_gold = n_exact = n_partial = 0
    for batch in util.minibatch(examples, 64):
        docs = list(nlp.pipe(eg.predicted.copy() for eg in batch))
        segments, output = component.model.predict(docs)
        pairs, owners, offset = [], [], 0
        for segment in segments:
            length = segment.end - segment.start
            pairs.append(np.stack(np.divmod(np.arange(length**2), length), 1) + offset)
            owners.append(np.array([[segment.doc, segment.start - offset]] * length**2))
            offset += length
        i, j = np.concatenate(pairs).T
        owner = np.concatenate(owners)
        where, labels, _ = output.probable(i, j, component.label_thresholds)
        found = {
            (owner[w, 0], int(i[w] + owner[w, 1]), component.relation_labels[label], int(j[w] + owner[w, 1]))
            for w, label in zip(where.tolist(), labels.tolist())
        }
        n_predicted += len(found)
        for index, eg in enumerate(batch):
            gold, predicted = eg.reference._.relations, docs[index]._.relations
            n_gold += len(gold)
            n_exact += len({_span_key(r) for r in gold} & {_span_key(r) for r in predicted})
            heads = {
                (
                    index,
                    head_of(r.subject.start, r.subject.end, component.head),
                    r.label,
                    head_of(r.object.start, r.object.end, component.head),
                )
                for r in gold
            }
            n_partial += len(heads & found)
    return {
        "all_pairs_exact": prf(n_exact, n_predicted, n_gold),
        "all_pairs_partial": prf(n_partial, n_predicted, n_gold),
    }


def _span_key(relation: Any) -> tuple[Any, ...]:
    return relation.subject.start, relation.subject.end, relation.label, relation.object.start, relation.object.end


def prf(right: int, predicted: int, gold: int) -> dict[str, float]:
    """Compute precision, recall and F1."""
    return {
        "p": right / max(predicted, 1),
        "r": right / max(gold, 1),
        "f": 2 * right / max(predicted + gold, 1),
    }


def epoch_rows(log: Path) -> list[list[str]]:
    """Read the rows of scores in a log of `spacy train`, which may be unfinished."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [cells for line in lines if len(cells := line.split()) > 3 and cells[0].isdigit() and cells[1].isdigit()]


def best_epoch(log: Path, match: str) -> int:
    """Find the epoch whose pipeline was kept, by the F1 on dev in the log. Of equal scores, take the last epoch.

    The final score in the log can't be used for this, because it has too few digits.
    """
    (header,) = (line.split() for line in log.read_text(errors="replace").splitlines() if line.startswith("E "))
    # Count columns from the right, because names of losses contain spaces.
    column = header.index(f"REL_{match.upper()}_F") - len(header)
    return int(max(reversed(epoch_rows(log)), key=lambda row: float(row[column]))[0])


def train(run: Run, settings: Settings) -> Iterator[None]:
    """Train and score a run in separate processes.

    Args:
        run (Run): The run.
        settings (Settings): The settings.

    Yields:
        None: While a process is running, so that the caller can work on other runs.

    Raises:
        SystemExit: If a process fails. The message names its log.
    """
    config = make_config(settings, VARIANTS[run.variant], run.seed)
    if run.folder.exists():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True)
    config.to_disk(run.folder / "config.cfg")
    threads = max(1, (os.cpu_count() or 1) // settings.jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    folder, log = str(run.folder), run.folder / "log.txt"
    commands = [
        ["-m", "spacy", "train", f"{folder}/config.cfg", "--output", folder, "--gpu-id", str(settings.gpu_id)],
        [__file__, settings.data_set, "--corpus", str(settings.corpus), "--score", run.variant, str(run.seed), folder],
    ]
    with log.open("w") as stream:
        for command in commands:
            process = subprocess.Popen([sys.executable, *command], stdout=stream, stderr=stream, env=environment)
            try:
                while process.poll() is None:
                    yield
            finally:
                process.kill()
            if process.returncode:
                sys.exit(f"{run.variant}, seed {run.seed}, failed: see {log}")
    shutil.rmtree(run.folder / "model-last", ignore_errors=True)


def is_done(run: Run, settings: Settings) -> bool:
    """Check whether a run has scores for the current settings. Paths of data and word vectors may differ."""
    if run.read_scores() is None:
        return False
    texts = (run.folder / "config.cfg").read_text(), make_config(settings, VARIANTS[run.variant], run.seed).to_str()
    configs = [Config().from_str(text, interpolate=False) for text in texts]
    for config in configs:
        config["paths"] = {"vectors": config["paths"]["vectors"] is not None}
    return bool(configs[0] == configs[1])


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


def list_runs(settings: Settings) -> list[Run]:
    """List the runs of all variants, or of one variant, in the order of the table."""
    names = [settings.only] if settings.only else list(VARIANTS)
    if not settings.only and not find_spec("spacy_transformers"):
        names = [name for name in names if VARIANTS[name].config != "transformer"]
    if not settings.only and not settings.parser.exists():
        names = [name for name in names if not VARIANTS[name].parses]
    # The variant "rin" already has the K of the paper.
    names = [name for name in names if settings.only or name != f"k{DATA_SETS[settings.data_set].rounds}"]
    return [
        Run(name, seed, settings.runs / settings.data_set / name / str(seed))
        for name in names
        for seed in (settings.seeds if settings.only else settings.seeds[: VARIANTS[name].seeds])
    ]


def main() -> None:
    """Do the runs, and write the tables and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=DATA_SETS)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated; some variants use only the first seeds")
    parser.add_argument("--only", default="", choices=["", *VARIANTS], help="run only this variant, with all seeds")
    parser.add_argument("--epochs", type=int, default=0, help="number of epochs; 0 uses the config")
    parser.add_argument("--jobs", type=int, default=1, help="number of runs at the same time")
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
    given = vars(parser.parse_args())
    scored = given.pop("score")
    given["seeds"] = tuple(int(seed) for seed in given["seeds"].split(","))
    # project.yml passes unset variables as "" (variant), 0 (epochs) or "null" (vectors).
    given |= {"only": given["only"] or None, "epochs": given["epochs"] or None}
    given["vectors"] = None if given["vectors"] == "null" else given["vectors"]
    settings = Settings(**given)
    if scored:
        variant, seed, folder = scored
        score(Run(variant, int(seed), Path(folder)), settings)
        return
    if not (settings.corpus / settings.data_set / "train.spacy").exists():
        sys.exit(
            f"{settings.corpus / settings.data_set} does not exist: run the command `convert` with this data set first"
        )
    work(list_runs(settings), settings)
    # The table has all finished runs with these settings, not only the runs of this command.
    folders = (path.parent for path in (settings.runs / settings.data_set).glob("*/*/scores.json"))
    runs = [Run(folder.parent.name, int(folder.name), folder) for folder in folders if folder.parent.name in VARIANTS]
    order = list(VARIANTS)
    runs = sorted((run for run in runs if is_done(run, settings)), key=lambda run: (order.index(run.variant), run.seed))
    write_tables(summarize(runs), settings)


if __name__ == "__main__":
    main()
