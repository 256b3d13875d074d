"""Train the papers' models and ours over seeds, choose epochs on dev, score test once, and write tables and pictures.

Usage: python scripts/reproduce.py DATA_SET [--seeds 0,1,2] [--only VARIANT] [--jobs 2] [--vectors FOLDER]

A run is a variant and a seed. Each has a folder of its own, with its config, log, pipeline and scores, under --runs.
Runs that have scores are not done again, so a command that was stopped goes on with the run it was at. Figures of the
papers stand in the table beside ours: Sun et al., EMNLP 2020 (tables 1 and 5) and arXiv 2005.00162, version 1 (tables
1 and 5).
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import spacy
from spacy import util
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config

import spacy_rin
from spacy_rin.pipeline.corpus import create_corpus_reader
from spacy_rin.pipeline.decode import head_of

COMPONENT = "components.rin_joint"
MODEL = f"{COMPONENT}.model"
TOK2VEC = f"{MODEL}.tok2vec"
TRANSFORMER = "components.transformer.model"


class DataSet(NamedTuple):
    """What is particular to a data set.

    Attributes:
        config (str): Name of the config to start from.
        rounds (int): K of the paper.
        match (str): What epochs are chosen by, and the papers report: "exact" or "partial".
    """

    config: str
    rounds: int
    match: str


DATA_SETS = {
    "webnlg": DataSet("webnlg", 3, "exact"),
    "webnlg_star": DataSet("webnlg", 2, "partial"),
    "nyt": DataSet("nyt", 7, "exact"),
    "nyt_star": DataSet("nyt", 7, "partial"),
}


class Variant(NamedTuple):
    """A row of the table.

    Attributes:
        title (str): What it is called.
        seeds (int | None): How many seeds it has unless asked for otherwise; None takes all.
        changes (dict[str, Any]): Settings of the config, by their full names.
        published (dict[str, str]): F1 that a paper reports, by data set.
        first_version (bool): Whether the network is the paper's first version.
        config (str): Name of the config to start from, if not that of the data set.
    """

    title: str
    seeds: int | None
    changes: dict[str, Any]
    published: dict[str, str]
    first_version: bool = False
    config: str = ""


def first_version(title: str, published: str = "", **settings: Any) -> Variant:
    """Make a variant of the first version, which was scored by partial match on WebNLG."""
    changes = {f"{MODEL}.{name}": value for name, value in settings.items()}
    return Variant(title, 1, changes, {"webnlg_star": published} if published else {}, True)


NOT_RIN_INT = ("stop_early",)
# What helped on the dev part of WebNLG.
BEST: dict[str, Any] = {
    "training.dropout": 0.4,
    f"{MODEL}.rounds": 1,
    f"{MODEL}.entity_layers": 2,
    f"{TOK2VEC}.embed.affix_width": 20,
    f"{TOK2VEC}.encode.width": 300,
}
VARIANTS = {
    "rin": Variant("RIN", None, {}, {"webnlg": "77.0 ± 0.2", "webnlg_star": "87.3 ± 0.4", "nyt": "84.7 ± 0.4"}),
    "k0": Variant(
        "RIN w/o interaction (K = 0)",
        None,
        {f"{MODEL}.rounds": 0},
        {"webnlg": "74.2 ± 0.3", "webnlg_star": "85.6 ± 0.3", "nyt": "76.9 ± 0.3"},
    ),
    "best": Variant("RIN, our best", None, BEST, {}),
    "transformer": Variant("RIN on a transformer", 1, {f"{MODEL}.entity_layers": 2}, {}, config="transformer"),
    "without_er": Variant("RIN w/o ER", 1, {f"{MODEL}.use_entities": False}, {"webnlg": "76.4", "nyt": "83.9"}),
    "without_rc": Variant("RIN w/o RC", 1, {f"{MODEL}.use_relations": False}, {"webnlg": "76.0", "nyt": "77.3"}),
    "without_pos": Variant("RIN w/o POS", 1, {f"{TOK2VEC}.embed.pos_width": 0}, {"webnlg": "76.6", "nyt": "84.1"}),
    "without_vectors": Variant("RIN w/o word vectors", 1, {"paths.vectors": None}, {}),
    **{f"k{k}": Variant(f"RIN, K = {k}", 1, {f"{MODEL}.rounds": k}, {}) for k in range(1, 8)},
    "int": first_version("first version, K = 3", "87.0", rounds=3),
    "int_k1": first_version("first version, K = 1", "86.3", rounds=1),
    "int_rnn": first_version("first version, RNN, K = 1", rounds=1, cell="rnn"),
    "int_without_relations": first_version("RIN-ỹ, K = 1", "85.5", rounds=1, use_relations=False),
    "int_without_entities": first_version("RIN-ȳ, K = 1", "85.7", rounds=1, use_entities=False),
    "int_without_features": first_version("RIN-H, K = 1", "85.9", rounds=1, use_features=False),
    "int_linear": first_version("RIN-γ, K = 1", "84.9", rounds=1, cell="linear"),
    "bilstm_s": first_version("BiLSTM_s (RIN-INT)", "85.4", rounds=0),
    "bilstm": first_version("BiLSTM", "85.6", rounds=0, task_features=False),
}


class Run(NamedTuple):
    """A variant and a seed, and where they are kept."""

    variant: str
    seed: int
    folder: Path

    @property
    def scores(self) -> dict[str, Any] | None:
        """What the run has scored; None if it is not done."""
        path = self.folder / "scores.json"
        return json.loads(path.read_text()) if path.exists() else None


def make_config(args: argparse.Namespace, variant: Variant, seed: int) -> Config:
    """Make the config of a run."""
    data = DATA_SETS[args.data_set]
    config = util.load_config(args.configs / f"{variant.config or data.config}.cfg", interpolate=False)
    model = config["components"]["rin_joint"]["model"]
    if variant.first_version:
        model["@architectures"] = "spacy_rin.RINInt.v1"
        for name in NOT_RIN_INT:
            del model[name]
    weights = config["training"]["score_weights"]
    weights.update({name: 0.0 for name, weight in weights.items() if weight})
    weights[f"rel_{data.match}_f"] = 1.0
    paths = {part: (args.corpus / args.data_set / f"{part}.spacy").resolve() for part in ("train", "dev")}
    changes = {
        "system.seed": seed,
        "paths.vectors": args.vectors,
        **{f"paths.{part}": str(path) for part, path in paths.items()},
        **({f"{TRANSFORMER}.name": args.transformer} if variant.config else {f"{MODEL}.rounds": data.rounds}),
        **variant.changes,
        **({"training.max_epochs": args.epochs} if args.epochs else {}),
    }
    for name, value in changes.items():
        *sections, key = name.split(".")
        section = config
        for part in sections:
            section = section[part]
        section[key] = deepcopy(value)
    training = config["training"]
    training["eval_frequency"] = count_steps(paths["train"], json.dumps(training["batcher"]))
    rate = training["optimizer"]["learn_rate"]
    rate["total_steps"] = training["max_epochs"] * training["eval_frequency"]
    return Config(config)


@lru_cache
def count_steps(path: Path, batcher: str) -> int:
    """Count the steps of an epoch, of a .spacy file and the settings of a batcher as JSON."""
    make_batches = util.registry.resolve({"batcher": json.loads(batcher)})["batcher"]
    return sum(1 for _ in make_batches(DocBin().from_disk(path).get_docs(Vocab())))


def score(run: Run, args: argparse.Namespace) -> None:
    """Score the best pipeline of a run on dev and on test, and write scores.json."""
    nlp = spacy.load(run.folder / "model-best")
    result: dict[str, Any] = {
        "variant": run.variant,
        "seed": run.seed,
        "epoch": best_epoch(run.folder / "log.txt", DATA_SETS[args.data_set].match),
        "minutes": round((time.time() - (run.folder / "config.cfg").stat().st_mtime) / 60, 1),
        "versions": {
            "python": platform.python_version(),
            **{name: __import__(name).__version__ for name in ("spacy", "torch", "thinc")},
            "spacy_rin": spacy_rin.__version__,
        },
    }
    for part in ("dev", "test"):
        examples = list(create_corpus_reader(args.corpus / args.data_set / f"{part}.spacy")(nlp))
        scores = nlp.evaluate(examples)
        result[part] = {
            name: {letter: scores[f"{name}_{letter}"] for letter in "prf"}
            for name in ("rel_exact", "rel_partial", "ents")
        }
        result[part].update(score_all_pairs(nlp, examples))
    unfinished = run.folder / "scores.json.part"
    unfinished.write_text(json.dumps(result, indent=2) + "\n")
    unfinished.rename(run.folder / "scores.json")


def score_all_pairs(nlp: Language, examples: list[Example]) -> dict[str, dict[str, float]]:
    """Score as the papers' released code does: every token pair that is predicted counts as a prediction, also one of
    tokens that head no entities. By exact match it is right if it is a triple of ours that is; by partial match if
    its tokens head the entities of a gold triple.

    Args:
        nlp (Language): The pipeline.
        examples (list[Example]): Docs to predict, and gold Docs.

    Returns:
        dict[str, dict[str, float]]: P, R and F1 by kind of match.
    """
    component = nlp.get_pipe("rin_joint")
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
        where, labels, _ = output.probable(i, j, component.thresholds)
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
    """Read the rows that `spacy train` has written so far."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [cells for line in lines if len(cells := line.split()) > 3 and cells[0].isdigit() and cells[1].isdigit()]


def best_epoch(log: Path, match: str) -> int:
    """Find the epoch whose pipeline was kept: the last that has the best F1 of dev. The final score of the log has too
    few digits to tell.
    """
    (header,) = (line.split() for line in log.read_text(errors="replace").splitlines() if line.startswith("E "))
    # From the right, as names of losses have spaces.
    column = header.index(f"REL_{match.upper()}_F") - len(header)
    return int(max(reversed(epoch_rows(log)), key=lambda row: float(row[column]))[0])


def train(run: Run, args: argparse.Namespace) -> Iterator[None]:
    """Train and score a run in processes of their own; gives way while they work.

    Raises:
        SystemExit: If one fails; its log is named.
    """
    config = make_config(args, VARIANTS[run.variant], run.seed)
    if run.folder.exists():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True)
    config.to_disk(run.folder / "config.cfg")
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    folder, log = str(run.folder), run.folder / "log.txt"
    commands = [
        ["-m", "spacy", "train", f"{folder}/config.cfg", "--output", folder, "--gpu-id", str(args.gpu_id)],
        [__file__, args.data_set, "--corpus", str(args.corpus), "--score", run.variant, str(run.seed), folder],
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


def is_done(run: Run, args: argparse.Namespace) -> bool:
    """Whether a run has scores, of the settings that it would have now. Its files may have been elsewhere."""
    if run.scores is None:
        return False
    texts = (run.folder / "config.cfg").read_text(), make_config(args, VARIANTS[run.variant], run.seed).to_str()
    configs = [Config().from_str(text, interpolate=False) for text in texts]
    for config in configs:
        config["paths"] = {"vectors": config["paths"]["vectors"] is not None}
    return configs[0] == configs[1]


def work(runs: list[Run], args: argparse.Namespace) -> None:
    """Do the runs that are not done, some at a time, and show what is left."""
    waiting = [run for run in runs if not is_done(run, args)]
    n_done, start, done_epochs = len(runs) - len(waiting), time.time(), 0.0
    active: dict[Run, Iterator[None]] = {}
    n_epochs = {run: int(make_config(args, VARIANTS[run.variant], run.seed)["training"]["max_epochs"]) for run in runs}
    total = sum(n_epochs[run] for run in waiting)
    while waiting or active:
        while waiting and len(active) < args.jobs:
            run = waiting.pop(0)
            active[run] = train(run, args)
        for run, steps in list(active.items()):
            if next(steps, "done") == "done":
                del active[run]
                n_done, done_epochs = n_done + 1, done_epochs + n_epochs[run]
                sys.stderr.write(f"\r\033[K{describe(run, args)}\n")
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


def describe(run: Run, args: argparse.Namespace) -> str:
    """Say what a run has reached."""
    scores = run.scores or {}
    name = f"rel_{DATA_SETS[args.data_set].match}"
    parts = ", ".join(f"{part} {100 * scores[part][name]['f']:.1f}" for part in ("dev", "test") if part in scores)
    return f"{run.variant}, seed {run.seed}: F1 ({DATA_SETS[args.data_set].match}) {parts}"


KINDS = ("rel_exact", "rel_partial", "all_pairs_exact", "all_pairs_partial", "ents")


def summarize(runs: list[Run]) -> dict[str, Any]:
    """Compute means and standard deviations over the seeds of every variant that has scores."""
    table: dict[str, Any] = {}
    for variant, group in itertools.groupby(runs, key=lambda run: run.variant):
        found = [scores for run in group if (scores := run.scores)]
        row: dict[str, Any] = {f"{name}s": [s[name] for s in found] for name in ("seed", "epoch")}
        row.update({name: [s[name] for s in found] for name in ("minutes", "versions")})
        for part, kind, letter in itertools.product(("dev", "test"), KINDS, "prf"):
            values = [100 * s[part][kind][letter] for s in found]
            row.setdefault(part, {}).setdefault(kind, {})[letter] = {
                "mean": round(statistics.mean(values), 2),
                "std": round(statistics.stdev(values), 2) if len(values) > 1 else None,
                "values": [round(value, 2) for value in values],
            }
        table[variant] = row
    return table


def cell(figure: dict[str, Any]) -> str:
    """Write a mean, and its standard deviation if there is one."""
    return f"{figure['mean']:.1f}" + ("" if figure["std"] is None else f" ± {figure['std']:.1f}")


def write_tables(table: dict[str, Any], args: argparse.Namespace) -> None:
    """Write results as JSON and as a table in Markdown, and draw them."""
    args.out.mkdir(parents=True, exist_ok=True)
    data = DATA_SETS[args.data_set]
    titles = {"exact": "exact match", "partial": "partial match"}
    (args.out / f"{args.data_set}.json").write_text(json.dumps(table, indent=2) + "\n")
    header = [
        "model",
        "seeds",
        "dev F1",
        "test P",
        "test R",
        "test F1",
        "all pairs, F1",
        "other match, F1",
        "paper, F1",
        "minutes",
    ]
    other = "partial" if data.match == "exact" else "exact"
    n_texts = len(DocBin().from_disk(args.corpus / args.data_set / "train.spacy"))
    lines = [
        f"# {args.data_set}, {titles[data.match]}",
        "",
        f"Trained on {n_texts:,} texts{f' for {args.epochs} epochs' if args.epochs else ''}. Epochs are chosen by dev.",
        'Mean ± standard deviation over seeds. A triple counts if both of its entities are found; "all pairs" is the',
        'count of the papers\' released code: every predicted token pair is a prediction. "Other match" is',
        f"{titles[other]}. Minutes are those of one run, wall time.",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
    ]
    for variant, row in table.items():
        ours, test = f"rel_{data.match}", row["test"]
        cells = [VARIANTS[variant].title, str(len(row["seeds"])), cell(row["dev"][ours]["f"])]
        cells += [cell(test[ours][letter]) for letter in "prf"]
        cells += [cell(test[f"all_pairs_{data.match}"]["f"]), cell(test[f"rel_{other}"]["f"])]
        cells += [VARIANTS[variant].published.get(args.data_set, ""), f"{statistics.mean(row['minutes']):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    (args.out / f"{args.data_set}.md").write_text(text)
    sys.stdout.write(text)
    draw(table, args)


def draw(table: dict[str, Any], args: argparse.Namespace) -> None:
    """Draw F1 by the number of rounds (figure 3 of the paper), and bars of all variants."""
    try:
        from matplotlib import pyplot
    except ImportError:
        sys.stderr.write("matplotlib is not installed (`pip install matplotlib`): no picture is drawn\n")
        return
    data = DATA_SETS[args.data_set]
    kind = f"rel_{data.match}"

    def rounds(variant: str) -> int:
        if variant == "rin":
            return data.rounds
        return int(variant[1:]) if variant[0] == "k" and variant[1:].isdigit() else -1

    curve = sorted({rounds(v): row for v, row in table.items() if rounds(v) >= 0}.items())
    if len(curve) > 1:
        figure, axis = pyplot.subplots(figsize=(5, 3.5))
        ks = [k for k, _ in curve]
        for part in ("dev", "test"):
            points = [row[part][kind]["f"] for _, row in curve]
            means, errors = ([point[name] or 0.0 for point in points] for name in ("mean", "std"))
            axis.errorbar(ks, means, errors, marker="o", capsize=3, label=part)
        axis.set_xticks(ks)
        axis.set(xlabel="rounds of interaction K", ylabel=f"F1, {data.match} match", title=args.data_set)
        axis.legend()
        axis.grid(alpha=0.3)
        figure.tight_layout()
        figure.savefig(args.out / f"{args.data_set}_rounds.png", dpi=120)
    rows = list(table.items())[::-1]
    if rows:
        figure, axis = pyplot.subplots(figsize=(6, 1 + 0.3 * len(rows)))
        means = [row["test"][kind]["f"]["mean"] for _, row in rows]
        errors = [row["test"][kind]["f"]["std"] or 0.0 for _, row in rows]
        axis.barh([VARIANTS[v].title for v, _ in rows], means, xerr=errors)
        axis.set(xlabel=f"test F1, {data.match} match", xlim=(min(means) - 3, max(means) + 2), title=args.data_set)
        figure.tight_layout()
        figure.savefig(args.out / f"{args.data_set}_variants.png", dpi=120)


def list_runs(args: argparse.Namespace) -> list[Run]:
    """List the runs of the table, or of one variant, in order."""
    seeds = [int(seed) for seed in args.seeds.split(",")]
    names = [args.only] if args.only else list(VARIANTS)
    if not args.only and not find_spec("spacy_transformers"):
        names = [name for name in names if not VARIANTS[name].config]
    # K of the paper is the variant "rin".
    names = [name for name in names if args.only or name != f"k{DATA_SETS[args.data_set].rounds}"]
    return [
        Run(name, seed, args.runs / args.data_set / name / str(seed))
        for name in names
        for seed in (seeds if args.only else seeds[: VARIANTS[name].seeds])
    ]


def main() -> None:
    """Train, score and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=DATA_SETS)
    parser.add_argument("--seeds", default="0,1,2", help="seeds, with commas; some variants take the first one only")
    parser.add_argument("--only", default="", choices=["", *VARIANTS], help="one variant alone, with all seeds")
    parser.add_argument("--epochs", type=int, default=0, help="epochs, 0 for those of the config")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--gpu-id", type=int, default=-1)
    parser.add_argument("--vectors", default="null", help="folder made by `spacy init vectors`")
    parser.add_argument(
        "--transformer", default="sentence-transformers/all-MiniLM-L6-v2", help="of the variants that need one"
    )
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--configs", type=Path, default=Path("../configs"))
    parser.add_argument("--runs", type=Path, default=Path("reproduce"))
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--score", nargs=3, metavar=("VARIANT", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.vectors = None if args.vectors == "null" else args.vectors
    if args.score:
        variant, seed, folder = args.score
        score(Run(variant, int(seed), Path(folder)), args)
        return
    if not (args.corpus / args.data_set / "train.spacy").exists():
        sys.exit(f"There is no {args.corpus / args.data_set}: run the command `convert` with this data set first")
    work(list_runs(args), args)
    # The table has all runs that were ever done with these settings, not those of this command alone.
    folders = (path.parent for path in (args.runs / args.data_set).glob("*/*/scores.json"))
    runs = [Run(folder.parent.name, int(folder.name), folder) for folder in folders if folder.parent.name in VARIANTS]
    order = list(VARIANTS)
    runs = sorted((run for run in runs if is_done(run, args)), key=lambda run: (order.index(run.variant), run.seed))
    write_tables(summarize(runs), args)


if __name__ == "__main__":
    main()
