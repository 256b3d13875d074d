"""Measure speed and memory of the network and of what is around it, against two plain forms of the same network.

Usage: python scripts/benchmark.py OUT_DIR [--quick true] [--train TRAIN.spacy] [--test TEST.spacy]

Writes benchmark.json, benchmark.md and benchmark.png to OUT_DIR. Times are medians of runs that take turns, so that
ratios hold when the machine's speed drifts. Without the corpora, only the network alone is measured.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spacy_rin.features import collect_words
from spacy_rin.networks.rin import RIN, Output, PaperGRU


class Shape(NamedTuple):
    """A batch: `batch` sentences of `length` tokens, `labels` relations, `rounds` of interaction, `width` features."""

    length: int
    labels: int
    rounds: int
    batch: int = 50
    width: int = 100


SHAPES = {"webnlg": Shape(25, 216, 3), "nyt": Shape(40, 24, 7)}
N_TAGS = 5


class PlainRIN(nn.Module):
    """The network as its equations are written: all pairs of all rounds, held at once, with autograd.

    shape (Shape): Sizes.
    split (bool): False joins the two vectors of every pair and multiplies (eq. 7); True multiplies each vector once,
        and adds.
    """

    def __init__(self, shape: Shape, split: bool):
        super().__init__()
        self.rounds, self.split = shape.rounds, split
        self.gru_e, self.gru_r = PaperGRU(N_TAGS, shape.width), PaperGRU(shape.labels, shape.width)
        self.tagger, self.relation = nn.Linear(shape.width, N_TAGS), nn.Linear(shape.width, shape.labels)
        self.pair = nn.Linear(2 * shape.width, shape.width, bias=False)
        nn.init.constant_(self.relation.bias, -7.0)

    def score_pairs(self, h: Tensor) -> Tensor:
        """Score all pairs. *Shape:* (batch, length, width) -> (batch, length, length, labels)."""
        if self.split:
            left, right = self.pair.weight.chunk(2, 1)
            return self.relation(F.relu((h @ left.T).unsqueeze(2) + (h @ right.T).unsqueeze(1)))
        grid = (*h.shape[:2], *h.shape[1:])
        pairs = torch.cat([h.unsqueeze(2).expand(grid), h.unsqueeze(1).expand(grid)], -1)
        return self.relation(F.relu(self.pair(pairs)))

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Score tags and pairs. *Shape:* (batch, length, width) -> (tokens, tags), (batch, length, length, labels)."""
        entity = relation = h
        for _ in range(self.rounds):
            tags = self.tagger(entity).softmax(-1)
            best = self.score_pairs(relation).sigmoid().amax(2)
            flat = h.flatten(0, 1)
            relation = self.gru_r(best.flatten(0, 1), flat).view_as(h)
            entity = self.gru_e(tags.flatten(0, 1), flat).view_as(h)
            h = h + relation + entity
        return self.tagger(entity).flatten(0, 1), self.score_pairs(relation)


class Subject:
    """One form of the network with a batch to learn.

    form (str): "plain", "split" or "ours".
    shape (Shape): Sizes.
    """

    def __init__(self, form: str, shape: Shape):
        torch.manual_seed(0)
        self.form, self.shape = form, shape
        n_tokens = shape.batch * shape.length
        self.features = torch.randn(n_tokens, shape.width) * 0.1
        self.tags = torch.zeros(n_tokens, dtype=torch.int64)
        heads = torch.arange(0, n_tokens, 9)
        objects = heads // shape.length * shape.length + heads * 7 % shape.length
        self.gold = torch.stack([heads, objects, heads % shape.labels], 1)
        self.network: Any = RIN(rounds=shape.rounds) if form == "ours" else PlainRIN(shape, form == "split")
        if form == "ours":
            self.network.build(shape.width, N_TAGS, shape.labels)

    def train(self) -> float:
        """Do one training step without the optimizer; returns the loss."""
        features, shape = self.features.clone().requires_grad_(), self.shape
        if self.form == "ours":
            lengths = [shape.length] * shape.batch
            tensors = self.network.train()(features, lengths)
            output = Output.of(self.network, tensors, lengths)
            loss, grads = output.loss(
                self.tags.numpy(), self.gold.numpy(), [True] * shape.batch, scale=1.0 / shape.batch
            )
            torch.autograd.backward(tensors, grads)
            return loss
        tags, pairs = self.network(features.view(shape.batch, shape.length, -1))
        target = torch.zeros_like(pairs)
        i, j, label = self.gold.unbind(1)
        target[i // shape.length, i % shape.length, j % shape.length, label] = 1.0
        loss = F.cross_entropy(tags, self.tags, reduction="sum")
        loss = (loss + F.binary_cross_entropy_with_logits(pairs, target, reduction="sum")) / shape.batch
        loss.backward()
        return float(loss.detach())

    def predict(self) -> None:
        """Score the batch as prediction does: here every fifth token heads an entity."""
        shape = self.shape
        with torch.no_grad():
            if self.form != "ours":
                _, pairs = self.network(self.features.view(shape.batch, shape.length, -1))
                (pairs.sigmoid() >= 0.5).nonzero()
                return
            lengths = [shape.length] * shape.batch
            network = self.network.eval()
            output = Output.of(network, network(self.features, lengths), lengths)
            heads = torch.arange(0, len(self.features)).view(shape.batch, -1)[:, ::5]
            i = heads.unsqueeze(2).expand(-1, -1, heads.shape[1]).flatten()
            j = heads.unsqueeze(1).expand(-1, heads.shape[1], -1).flatten()
            output.probable(i.numpy(), j.numpy(), 0.5)


def timed(function: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def take_turns(functions: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Time functions in turns after one call each to warm up.

    functions (Dict[str, Callable]): What to time.
    runs (int): Counted calls of each.
    RETURNS (Dict[str, float]): Median seconds of each.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(runs):
        for name, function in functions.items():
            times[name].append(timed(function))
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory(form: str, shape: Shape) -> float:
    """MiB that a training step takes at its peak, above what its process had before (Linux)."""
    command = [sys.executable, __file__, "--peak", form, *map(str, shape)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory_kib(field: str) -> int:
    """Read a figure of this process from Linux: "VmRSS", what it has, or "VmHWM", the most that it had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def matmul_rate(shape: Shape) -> float:
    """FLOP/s of the product that scores pairs, on this machine."""
    hidden, weight = torch.randn(2500, shape.width), torch.randn(shape.labels, shape.width)
    out = torch.empty(2500, shape.labels)
    for _ in range(20):
        torch.mm(hidden, weight.T, out=out)
    best = min(timed(lambda: [torch.mm(hidden, weight.T, out=out) for _ in range(20)]) for _ in range(10)) / 20
    return 2.0 * hidden.numel() * shape.labels / best


def exact_flops(shape: Shape) -> float:
    """FLOPs that a training step can't do without: K + 1 products over all pairs forward, and two backward.

    The pairs that won a maximum are too few to count.
    """
    pairs = shape.batch * shape.length**2
    return (shape.rounds + 3) * 2.0 * pairs * shape.labels * shape.width


def measure_network(runs: int) -> tuple[dict[str, Any], list[list[str]]]:
    """Measure the network alone on both shapes; returns figures and the rows of a table."""
    figures: dict[str, Any] = {}
    rows = []
    for name, shape in SHAPES.items():
        subjects = {form: Subject(form, shape) for form in ("plain", "split", "ours")}
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
    """Time a training step by sentence length and by number of labels, and draw it.

    path (Path): Picture to write; it is left out where matplotlib is not installed.
    quick (bool): Whether to measure few points.
    RETURNS (Dict[str, List[Tuple[int, float]]]): Milliseconds by length and by labels.
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


def measure_pipeline(train_path: Path, test_path: Path, config: Path, vectors: str, quick: bool) -> dict[str, Any]:
    """Measure training and prediction of a whole pipeline on real sentences.

    train_path (Path): Training corpus.
    test_path (Path): Corpus to predict.
    config (Path): Config with the components "tagger" and "rin_joint".
    vectors (str): Word vectors, or "null".
    quick (bool): Whether to take few sentences.
    RETURNS (Dict[str, Any]): Figures.
    """
    from spacy import util
    from spacy.tokens import Doc
    from spacy.training import Example
    from spacy.training.initialize import init_nlp

    overrides = {
        "paths.train": str(train_path),
        "paths.dev": str(test_path),
        "initialize.vectors": None if vectors == "null" else vectors,
    }
    loaded = util.load_config(config, overrides=overrides)
    nlp = init_nlp(loaded)
    settings = loaded.interpolate()["training"]
    examples = list(util.resolve_dot_names(loaded.interpolate(), ["corpora.train"])[0](nlp))
    # The yardstick: spaCy's own named entity recognizer on features of its own like those of rin_joint.
    tok2vec = loaded["components"]["rin_joint"]["model"]["tok2vec"]
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
    collect_words(ner.model, (eg.predicted for eg in examples))
    ner.initialize(lambda: examples, nlp=nlp)
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.001
    size = settings["batcher"]["size"]
    n_batches = 20 if quick else len(examples) // size
    batches = [examples[i * size : (i + 1) * size] for i in range(n_batches)]
    component = nlp.get_pipe("rin_joint")

    network_seconds = 0.0

    def watch(function: Callable[..., Any]) -> Callable[..., Any]:
        def timed_function(*args: Any, **kwargs: Any) -> Any:
            nonlocal network_seconds
            start = time.perf_counter()
            result = function(*args, **kwargs)
            network_seconds += time.perf_counter() - start
            return result

        return timed_function

    network, tok2vec_model = component.model.get_ref("network"), component.model.get_ref("tok2vec")
    for model in (network, tok2vec_model):
        original = model._func

        def forward(model: Any, X: Any, is_train: bool, original: Any = original) -> Any:
            output, backprop = watch(original)(model, X, is_train)
            return output, watch(backprop)

        model._func = forward
    component.get_loss = watch(component.get_loss)

    def update(batch: list[Example]) -> None:
        nlp.update(batch, drop=settings["dropout"], sgd=optimizer, annotates=["tagger"], exclude=["ner"])

    update(batches[0])
    network_seconds = 0.0
    epoch = timed(lambda: [update(batch) for batch in batches])
    figures: dict[str, Any] = {
        "update_ms": round(1e3 * epoch / n_batches, 1),
        "updates_of_an_epoch_s": round(epoch / n_batches * len(examples) / size, 1),
        "outside_network_share": round(1.0 - network_seconds / epoch, 3),
    }
    texts = list(util.resolve_dot_names(loaded.interpolate(), ["corpora.dev"])[0](nlp))[: 200 if quick else None]

    def docs() -> list[Doc]:
        return [eg.predicted.copy() for eg in texts]

    def pipe(*names: str) -> Callable[[], Any]:
        def run() -> None:
            with nlp.select_pipes(enable=list(names)):
                for _ in nlp.pipe(docs(), batch_size=256):
                    pass

        return run

    seconds = take_turns({"rin": pipe("tagger", "rin_joint"), "ner": pipe("tagger", "ner")}, 3 if quick else 7)
    figures["pipe_sentences_per_s"] = round(len(texts) / seconds["rin"])
    figures["pipe_words_per_s"] = round(sum(len(eg.predicted) for eg in texts) / seconds["rin"])
    figures["pipe_ratio_to_ner"] = round(seconds["rin"] / seconds["ner"], 2)
    return figures


def main() -> None:
    """Measure and write."""
    if sys.argv[1:2] == ["--peak"]:
        subject = Subject(sys.argv[2], Shape(*map(int, sys.argv[3:])))
        Subject(sys.argv[2], Shape(2, 2, 1, batch=1, width=2)).train()  # what torch loads at its first step
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
        before = memory_kib("VmRSS")
        subject.train()
        sys.stdout.write(str((memory_kib("VmHWM") - before) / 1024))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", type=str.lower, default="false", choices=["true", "false"])
    parser.add_argument("--train", type=Path, default=Path("corpus/webnlg/train.spacy"))
    parser.add_argument("--test", type=Path, default=Path("corpus/webnlg/test.spacy"))
    parser.add_argument("--config", type=Path, default=Path("../configs/webnlg.cfg"))
    parser.add_argument("--vectors", default="null")
    args = parser.parse_args()
    quick = args.quick == "true"
    args.out.mkdir(parents=True, exist_ok=True)
    figures, rows = measure_network(3 if quick else 11)
    figures["curves_ms"] = measure_curves(args.out / "benchmark.png", quick)
    if args.train.exists() and args.test.exists():
        figures.update(measure_pipeline(args.train, args.test, args.config, args.vectors, quick))
    figures["machine"] = {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    figures["versions"] = {"python": platform.python_version(), "torch": torch.__version__}
    (args.out / "benchmark.json").write_text(json.dumps(figures, indent=2) + "\n")
    header = ["shape", "form", "training step", "prediction", "peak memory", "× training", "× prediction"]
    table = [header, ["---"] * len(header), *rows]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    lines += ["", *(f"- `{key}`: {value}" for key, value in figures.items() if not isinstance(value, dict))]
    (args.out / "benchmark.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
