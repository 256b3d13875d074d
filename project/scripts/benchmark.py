"""Measure speed and memory of the network and the pipeline, compared with two plain forms of the same network.

Usage: python scripts/benchmark.py OUT_DIR [--quick true] [--data FOLDER]

The package's other network, which writes triples, is measured beside them, with the parser that it needs.

Writes benchmark.json, benchmark.md and benchmark.png to OUT_DIR. Times are medians. Runs of the forms alternate, so
that ratios stay valid if the speed of the machine drifts. Without WebNLG, only the networks are measured.
"""

import argparse
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from plain_rin import N_TAGS, PlainOutput, PlainRIN, convert_plain
from reports import markdown, write_json, write_lines
from spacy import util
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as spacy_train
from torch import nn

from spacy_rin.convert import convert, write_docs
from spacy_rin.model.networks.interactive import Interactive
from spacy_rin.model.networks.joint import JointNetwork
from spacy_rin.model.networks.rin import RIN
from spacy_rin.model.word_vectors import collect_words
from spacy_rin.model.wrapper import network_of
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.corpus import create_corpus_reader

FORMS = ("plain", "split", "ours")
"""Forms of the network: "plain" is the equations as written, "split" multiplies each vector once instead of once per
pair, and "ours" is the network of the package."""

NETWORKS = (*FORMS, "positions", "interactive")
"""What is measured alone: the forms, "ours" with relative positions, and the network that writes triples."""


class Shape(NamedTuple):
    """Sizes of a batch and a network.

    Attributes:
        length (int): Tokens of a sentence.
        labels (int): Number of relations.
        rounds (int): Rounds of interaction.
        batch (int): Number of sentences.
        width (int): Columns of the features.
    """

    length: int
    labels: int
    rounds: int
    batch: int = 50
    width: int = 100


SHAPES = {"webnlg": Shape(25, 216, 3), "nyt": Shape(40, 24, 7)}


def make_output(network: nn.Module, tensors: Any, lengths: Sequence[int], *sentences: torch.Tensor) -> Any:
    """Make the output object of a network from its tensors."""
    if isinstance(network, JointNetwork):
        return network.make_output(tensors, lengths, *sentences)
    return PlainOutput(tensors, lengths)


class Subject:
    """A form of the network, with a batch to train on.

    Args:
        form (str): One of `NETWORKS`.
        shape (Shape): Sizes of the batch and the network.
    """

    def __init__(self, form: str, shape: Shape):
        torch.manual_seed(0)
        n_tokens = shape.batch * shape.length
        self.lengths = [shape.length] * shape.batch
        self.features = torch.randn(n_tokens, shape.width) * 0.1
        self.tags = np.zeros((n_tokens, 1), dtype=np.int64)
        heads = np.arange(0, n_tokens, 9)
        objects = heads // shape.length * shape.length + heads * 7 % shape.length
        self.gold = np.stack([heads, objects, heads % shape.labels], 1)
        # Every fifth token is the head of an entity.
        self.pairs = np.concatenate(
            [
                np.array(list(itertools.product(range(start, start + shape.length, 5), repeat=2)))
                for start in range(0, n_tokens, shape.length)
            ]
        ).T
        positions = form == "positions"
        # The last argument of a network with relative positions.
        self.sentences = [torch.arange(n_tokens) // shape.length] if positions else []
        self.network: nn.Module
        if form in FORMS[:2]:
            self.network = PlainRIN(shape.labels, shape.rounds, shape.width, form == "split")
        else:
            rin = form != "interactive"
            network = RIN(rounds=shape.rounds, relative_positions=positions) if rin else Interactive()
            network.build(shape.width, N_TAGS, shape.labels)
            self.network = network

    def train(self) -> None:
        """Run one training step, without the optimizer."""
        tensors = self.network.train()(self.features.clone().requires_grad_(), self.lengths, *self.sentences)
        output = make_output(self.network, tensors, self.lengths, *self.sentences)
        _, grads = output.loss(self.tags, self.gold, [True] * len(self.lengths), 1.0 / len(self.lengths))
        torch.autograd.backward(tensors[: len(grads)], grads)

    def predict(self) -> None:
        """Score the tags and the pairs of heads, as in prediction."""
        with torch.no_grad():
            tensors = self.network.eval()(self.features, self.lengths, *self.sentences)
            output = make_output(self.network, tensors, self.lengths, *self.sentences)
            output.tag_scores()
            n_labels = int(self.network.get_parameter("relation.weight").shape[0])
            output.probable(*self.pairs, np.full(n_labels, 0.5))


def timed(function: Callable[[], Any]) -> float:
    """Measure the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def take_turns(functions: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Time functions in turns. Each is first called once to warm up.

    Args:
        functions (dict[str, Callable]): The functions, by name.
        runs (int): Number of timed calls of each function.

    Returns:
        dict[str, float]: Median seconds of each function.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(runs):
        for name, function in functions.items():
            times[name].append(timed(function))
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory(form: str, shape: Shape) -> float:
    """Measure the peak memory of a training step in MiB, above the memory of its process before (Linux only)."""
    command = [sys.executable, __file__, "--peak", form, *map(str, shape)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory_kib(field: str) -> int:
    """Read the memory of this process in KiB (Linux only): "VmRSS" is the current value, "VmHWM" the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def matmul_rate(shape: Shape) -> float:
    """Measure the FLOP/s of the matrix product that scores pairs, on this machine."""
    hidden, weight = torch.randn(2500, shape.width), torch.randn(shape.labels, shape.width)
    out = torch.empty(2500, shape.labels)
    for _ in range(20):
        torch.mm(hidden, weight.T, out=out)
    best = min(timed(lambda: [torch.mm(hidden, weight.T, out=out) for _ in range(20)]) for _ in range(10)) / 20
    return 2.0 * hidden.numel() * shape.labels / best


def exact_flops(shape: Shape) -> float:
    """Compute the minimum FLOPs of a training step: K + 1 products over all pairs forward, and two backward.

    The backward pass of the rounds is left out, because it only needs the few pairs that won a maximum.
    """
    pairs = shape.batch * shape.length**2
    return (shape.rounds + 3) * 2.0 * pairs * shape.labels * shape.width


def measure_network(runs: int) -> tuple[dict[str, Any], list[list[str]]]:
    """Measure the network alone, on all `SHAPES`.

    Args:
        runs (int): Number of timed runs.

    Returns:
        tuple[dict[str, Any], list[list[str]]]: Figures, and the rows of a table.
    """
    figures: dict[str, Any] = {}
    rows = []
    for name, shape in SHAPES.items():
        subjects = {form: Subject(form, shape) for form in NETWORKS}
        train = take_turns({form: subject.train for form, subject in subjects.items()}, runs)
        predict = take_turns({form: subject.predict for form, subject in subjects.items()}, runs)
        memory = {form: peak_memory(form, shape) for form in subjects}
        limit = exact_flops(shape) / matmul_rate(shape)
        figures[f"train_step_ms_{name}"] = {form: round(1e3 * seconds, 1) for form, seconds in train.items()}
        figures[f"predict_ms_{name}"] = {form: round(1e3 * seconds, 1) for form, seconds in predict.items()}
        figures[f"step_memory_mib_{name}"] = {form: round(mib, 1) for form, mib in memory.items()}
        figures[f"train_step_ratio_{name}"] = round(train["plain"] / train["ours"], 2)
        figures[f"predict_ratio_{name}"] = round(predict["plain"] / predict["ours"], 2)
        figures[f"step_memory_ratio_{name}"] = round(memory["ours"] / memory["plain"], 3)
        figures[f"limit_ratio_{name}"] = round(train["ours"] / limit, 2)
        for form in subjects:
            cells = [f"{1e3 * train[form]:.0f} ms", f"{1e3 * predict[form]:.0f} ms", f"{memory[form]:.0f} MiB"]
            ratios = [f"{train['plain'] / train[form]:.1f}", f"{predict['plain'] / predict[form]:.1f}"]
            rows.append([name, form, *cells, *ratios])
    return figures, rows


def measure_curves(path: Path, quick: bool) -> dict[str, list[tuple[int, float]]]:
    """Time a training step for several sentence lengths and numbers of labels, and plot the times.

    Args:
        path (Path): The picture to write. Without matplotlib, none is written.
        quick (bool): Whether to measure few points.

    Returns:
        dict[str, list[tuple[int, float]]]: Pairs of length and milliseconds, and of labels and milliseconds.
    """
    by_length = (10, 25, 50, 100) if quick else (10, 20, 40, 80, 160, 320, 512)
    by_labels = (5, 50, 216) if quick else (5, 10, 24, 50, 100, 216, 500)
    shapes = {
        "length": [(n, Shape(n, 50, 3, batch=4)) for n in by_length],
        "labels": [(n, Shape(25, n, 3, batch=16)) for n in by_labels],
    }
    curves = {
        name: [(x, 1e3 * take_turns({"ours": Subject("ours", shape).train}, 3)["ours"]) for x, shape in points]
        for name, points in shapes.items()
    }
    try:
        from matplotlib import pyplot
    except ImportError:
        sys.stderr.write("matplotlib is not installed (`pip install matplotlib`): no picture is drawn\n")
        return curves
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5))
    titles = {"length": "tokens (4 sentences, 50 labels)", "labels": "labels (16 sentences of 25 tokens)"}
    for axis, (name, points) in zip(axes, curves.items()):
        axis.loglog(*zip(*points), marker="o")
        axis.set(xlabel=titles[name], ylabel="training step, ms")
        axis.grid(alpha=0.3, which="both")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    return curves


class Pipeline:
    """A pipeline of a tagger, a `rin_joint` that can use any form of the network, and an `ner` for comparison.

    Args:
        folder (Path): Folder with train.spacy, dev.spacy and test.spacy.
        config (Path): Config with the components "tagger" and "rin_joint".
        vectors (str | None): Folder or package with word vectors.
    """

    def __init__(self, folder: Path, config: Path, vectors: str | None):
        overrides = {
            "paths.train": str(folder / "train.spacy"),
            "paths.dev": str(folder / "dev.spacy"),
            "initialize.vectors": vectors,
        }
        loaded = util.load_config(config, overrides=overrides)
        self.nlp = init_nlp(loaded)
        self.settings = loaded.interpolate()["training"]
        (corpus,) = util.resolve_dot_names(loaded.interpolate(), ["corpora.train"])
        self.examples = list(corpus(self.nlp))
        tok2vec = loaded["components"]["rin_joint"]["model"]["tok2vec"]
        ner: Any = self.nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
        collect_words(ner.model, (eg.predicted for eg in self.examples))
        ner.initialize(lambda: self.examples, nlp=self.nlp)
        self.optimizer = self.nlp.create_optimizer()
        self.optimizer.learn_rate = 0.001
        _, self.component = find_component(self.nlp)
        self.wrapper = self.component.model.get_ref("network")
        network = network_of(self.wrapper)
        n_labels, width = network.relation.weight.shape
        self.networks = {form: PlainRIN(n_labels, network.rounds, width, form == "split") for form in FORMS[:2]}
        self.networks["ours"] = network
        self.convert_ours = self.wrapper.attrs["convert_outputs"]

    def take(self, form: str) -> None:
        """Switch the component to a form of the network."""
        self.wrapper.shims[0]._model = self.networks[form]
        self.wrapper.attrs["convert_outputs"] = self.convert_ours if form == "ours" else convert_plain

    def update(self, batch: list[Example]) -> None:
        """Train on a batch."""
        drop = self.settings["dropout"]
        self.nlp.update(batch, drop=drop, sgd=self.optimizer, annotates=["tagger"], exclude=["ner"])

    def pipe(self, examples: Sequence[Example], *names: str, batch_size: int = 256) -> None:
        """Run prediction with the named components."""
        with self.nlp.select_pipes(enable=list(names)):
            for _ in self.nlp.pipe((eg.predicted.copy() for eg in examples), batch_size=batch_size):
                pass

    @contextmanager
    def stopwatch(self) -> Iterator[list[float]]:
        """Collect the seconds of each call of the network, the encoder and the loss, while the context is open."""
        spent: list[float] = []

        def watch(function: Callable[..., Any]) -> Callable[..., Any]:
            def timed_function(*args: Any, **kwargs: Any) -> Any:
                start = time.perf_counter()
                try:
                    return function(*args, **kwargs)
                finally:
                    spent.append(time.perf_counter() - start)

            return timed_function

        models = [self.wrapper, self.component.model.get_ref("tok2vec")]
        originals = [model._func for model in models]
        for model, original in zip(models, originals):

            def forward(model: Any, X: Any, is_train: bool, original: Any = original) -> Any:
                output, backprop = watch(original)(model, X, is_train)
                return output, watch(backprop)

            model._func = forward
        component: Any = self.component
        component.get_loss = watch(self.component.get_loss)
        yield spent
        del component.get_loss
        for model, original in zip(models, originals):
            model._func = original


def measure_pipeline(
    pipeline: Pipeline, test: Sequence[Example], quick: bool
) -> tuple[dict[str, Any], list[list[str]]]:
    """Measure training and prediction of a whole pipeline on real sentences.

    Args:
        pipeline (Pipeline): The pipeline.
        test (Sequence[Example]): The sentences to predict.
        quick (bool): Whether to use few sentences.

    Returns:
        tuple[dict[str, Any], list[list[str]]]: Figures, and the rows of a table.
    """
    size = pipeline.settings["batcher"]["size"]
    batches = [pipeline.examples[start : start + size] for start in range(0, len(pipeline.examples), size)]
    if quick:
        batches, test = batches[:8], test[:200]
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    with pipeline.stopwatch() as spent:
        inside = 0.0
        for index, batch in enumerate(batches[:12]):
            for form in FORMS:
                pipeline.take(form)
                spent.clear()
                seconds = timed(partial(pipeline.update, batch))
                if index > 1:  # in the first steps, torch and thinc allocate buffers
                    times[form].append(seconds)
                    inside += sum(spent) if form == "ours" else 0.0
    outside = 1.0 - inside / sum(times["ours"])
    # An untrained network finds few entities, which makes prediction too fast. Train it first.
    pipeline.take("ours")
    for batch in batches * (1 if quick else 2):
        pipeline.update(batch)
    functions = {
        "ours": lambda: pipeline.pipe(test, "tagger", "rin_joint"),
        "ner": lambda: pipeline.pipe(test, "tagger", "ner"),
    }
    medians = take_turns(functions, 3 if quick else 9)
    for form in FORMS[:2]:
        pipeline.take(form)
        # The plain forms hold all pairs of a batch at once, so they are faster with small batches.
        medians[form] = timed(lambda: pipeline.pipe(test, "tagger", "rin_joint", batch_size=50))
    pipeline.take("ours")
    update = {form: statistics.median(values) for form, values in times.items()}
    n_words = sum(len(eg.predicted) for eg in test)
    figures: dict[str, Any] = {
        "update_ms": {form: round(1e3 * x, 1) for form, x in update.items()},
        "outside_network_share": round(outside, 3),
        "pipe_sentences_per_s": round(len(test) / medians["ours"]),
        "pipe_words_per_s": round(n_words / medians["ours"]),
        "pipe_ratio_to_ner": round(medians["ours"] / medians["ner"], 2),
    }
    rows = [
        [form, f"{1e3 * update[form]:.0f} ms", f"{len(test) / medians[form]:.0f}", f"{n_words / medians[form]:.0f}"]
        for form in FORMS
    ]
    rows.append(["spaCy's ner", "-", f"{len(test) / medians['ner']:.0f}", f"{n_words / medians['ner']:.0f}"])
    return figures, rows


def measure_interactive(
    folder: Path, config: Path, parser: Path, vectors: str | None, quick: bool
) -> tuple[dict[str, Any], list[list[str]]]:
    """Measure a pipeline with the network that writes triples, and what its parser takes of the time.

    Args:
        folder (Path): Folder with train.spacy, dev.spacy and test.spacy.
        config (Path): Config with the components "tagger", "parser" and "rin_joint".
        parser (Path): The pipeline that has the parser.
        vectors (str | None): Folder or package with word vectors.
        quick (bool): Whether to use few sentences.

    Returns:
        tuple[dict[str, Any], list[list[str]]]: Figures, and the rows of a table.
    """
    paths = {f"paths.{part}": str(folder / f"{part}.spacy") for part in ("train", "dev")}
    loaded = util.load_config(config, overrides={**paths, "paths.parser": str(parser), "initialize.vectors": vectors})
    nlp = init_nlp(loaded)
    (corpus,) = util.resolve_dot_names(loaded.interpolate(), ["corpora.train"])
    examples = list(itertools.islice(corpus(nlp), 400))
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.001
    seconds = []
    for start in range(0, len(examples), 50):
        batch = examples[start : start + 50]
        update = partial(nlp.update, batch, drop=0.1, sgd=optimizer, annotates=["tagger", "parser"], exclude=["parser"])
        seconds.append(timed(update))
    # Read again, because Docs belong to the vocabulary of their pipeline.
    test = list(create_corpus_reader(folder / "test.spacy", limit=200 if quick else 0)(nlp))

    def pipe(*names: str) -> None:
        with nlp.select_pipes(enable=list(names)):
            for _ in nlp.pipe((eg.predicted.copy() for eg in test), batch_size=256):
                pass

    forms = {
        "interactive": ("tagger", "parser", "rin_joint"),
        "interactive, without the parser": ("tagger", "rin_joint"),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\[W005\]")  # trees are missing on purpose
        medians = take_turns({form: partial(pipe, *names) for form, names in forms.items()}, 3 if quick else 9)
    n_words = sum(len(eg.predicted) for eg in test)
    step = f"{1e3 * statistics.median(seconds[2:]):.0f} ms"
    rows = [
        [form, step if "parser" in names else "-", f"{len(test) / medians[form]:.0f}", f"{n_words / medians[form]:.0f}"]
        for form, names in forms.items()
    ]
    share = 1.0 - medians["interactive, without the parser"] / medians["interactive"]
    return {"pipe_parser_share": round(share, 3)}, rows


def measure_epochs(pipeline: Pipeline, config: Path, overrides: dict[str, Any]) -> dict[str, float]:
    """Time epochs of `spacy train`, with evaluation on dev and saving of pipelines.

    Args:
        pipeline (Pipeline): Provides the plain forms of the network.
        config (Path): The config.
        overrides (dict[str, Any]): Settings of the config to override, such as paths.

    Returns:
        dict[str, float]: Seconds of an epoch for each form. For "ours", it is the median of three epochs.
    """
    seconds = {}
    for form in FORMS:
        stamps: list[float] = []
        loaded = util.load_config(config, overrides=overrides)
        # The pipeline is evaluated after the first step and after each epoch.
        frequency = loaded["training"]["eval_frequency"]
        loaded["training"]["max_steps"] = frequency * (3 if form == "ours" else 1) + 1
        if form != "ours":
            loaded["nlp"]["batch_size"] = 50  # see `measure_pipeline`
        nlp = init_nlp(loaded)
        wrapper = find_component(nlp)[1].model.get_ref("network")
        if form != "ours":
            wrapper.shims[0]._model = pipeline.networks[form]
            wrapper.attrs["convert_outputs"] = convert_plain
        evaluate = nlp.evaluate

        def stamped(*args: Any, evaluate: Any = evaluate, stamps: list[float] = stamps, **kwargs: Any) -> Any:
            scores = evaluate(*args, **kwargs)
            stamps.append(time.perf_counter())
            return scores

        nlp.evaluate = stamped  # type: ignore[method-assign]
        with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
            # The plain forms can't be saved.
            out = Path(folder) if form == "ours" else None
            spacy_train(nlp, out, stdout=nowhere, stderr=nowhere)
        seconds[form] = round(statistics.median(b - a for a, b in itertools.pairwise(stamps)), 1)
    return seconds


def find_data(folder: Path) -> Path | None:
    """Find WebNLG, in the folder of `spacy project assets` or in the folder named by SPACY_RIN_DATA."""
    candidates = [folder, Path(os.environ.get("SPACY_RIN_DATA", "")) / "webnlg"]
    return next((path for path in candidates if (path / "train.json").exists()), None)


def main() -> None:
    """Run the benchmark and write the results."""
    if sys.argv[1:2] == ["--peak"]:
        subject = Subject(sys.argv[2], Shape(*map(int, sys.argv[3:])))
        Subject(sys.argv[2], Shape(2, 2, 1, batch=1, width=2)).train()  # so that what torch loads first isn't counted
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = memory_kib("VmRSS")
        subject.train()
        sys.stdout.write(str((memory_kib("VmHWM") - before) / 1024))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", type=str.lower, default="false", choices=["true", "false"])
    parser.add_argument("--data", type=Path, default=Path("assets/data/webnlg"))
    parser.add_argument("--config", type=Path, default=Path("../configs/paper.cfg"))
    parser.add_argument("--vectors", default="null")
    parser.add_argument("--parser", type=Path, default=Path("training/parser/model-best"))
    args = parser.parse_args()
    quick = args.quick == "true"
    args.out.mkdir(parents=True, exist_ok=True)
    figures, rows = measure_network(3 if quick else 11)
    header = ["shape", "form", "training step", "prediction", "peak memory", "× training", "× prediction"]
    lines = markdown(header, rows)
    figures["curves_ms"] = measure_curves(args.out / "benchmark.png", quick)
    data = find_data(args.data)
    if data is None:
        sys.stderr.write(f"No WebNLG in {args.data} (`spacy project assets` fetches it): no pipeline is measured\n")
    else:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("train", "dev", "test"):
                write_docs(convert(data / f"{part}.json", "jointer")[0], Path(folder) / f"{part}.spacy")
            vectors = None if args.vectors == "null" else args.vectors
            pipeline = Pipeline(Path(folder), args.config, vectors)
            test = list(create_corpus_reader(Path(folder) / "test.spacy")(pipeline.nlp))
            found, rows = measure_pipeline(pipeline, test, quick)
            figures.update(found)
            if args.parser.exists():
                config = args.config.with_name("interactive.cfg")
                found, more = measure_interactive(Path(folder), config, args.parser, vectors, quick)
                figures.update(found)
                rows += more
            else:
                sys.stderr.write(f"No parser in {args.parser} (the command `parser` trains it): it is not measured\n")
            header = ["component on WebNLG", "update", "sentences/s", "words/s"]
            if not quick:
                overrides = {f"paths.{part}": f"{folder}/{part}.spacy" for part in ("train", "dev")}
                epochs = measure_epochs(pipeline, args.config, {**overrides, "initialize.vectors": vectors})
                figures["train_epoch_s"] = epochs
                header.append("epoch of `spacy train`")
                rows = [[*row, f"{epochs[row[0]]:.1f} s" if row[0] in epochs else "-"] for row in rows]
            lines += ["", *markdown(header, rows)]
    figures["machine"] = {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    figures["versions"] = {"python": platform.python_version(), "torch": torch.__version__}
    write_json(args.out / "benchmark.json", figures)
    lines += ["", *(f"- `{key}`: {value}" for key, value in figures.items() if not isinstance(value, dict))]
    write_lines(args.out / "benchmark.md", lines)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
