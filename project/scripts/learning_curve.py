"""Draw learning curves: is a pipeline better with texts that `spacy rin suggest` chooses than with random ones?

Usage: python scripts/learning_curve.py CORPUS OUT [--vectors FOLDER] [--strategies unsure] [--seeds 0]
       python scripts/learning_curve.py CORPUS OUT --relations born_on,capital_of --held-out 1500

CORPUS is a folder with train.spacy, dev.spacy and test.spacy. A cell is a strategy with a seed. It begins with random
texts that state a triple, the same for all strategies. At each size a pipeline is trained from scratch and scored on
test, and chooses the texts to add.

With --relations, only the triples of some relations are kept, as if nothing else had been looked for. These may be too
few in test to tell strategies apart; --held-out takes texts of train in its place, and chooses from the others.

A cell writes OUT/STRATEGY-SEED.json after each size, and goes on from there if it is started again. Cells can run at
the same time, as processes of their own. The tables curve.json and curve.md are of all cells that are there.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from reports import NO_FIGURE, markdown, write_json, write_lines
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_rin.convert import write_docs
from spacy_rin.evaluation import evaluate
from spacy_rin.extract import Document
from spacy_rin.init_config import init_config
from spacy_rin.pipeline.corpus import read_docs, read_examples
from spacy_rin.pipeline.loading import load_pipeline
from spacy_rin.relations import get_relations, set_relations
from spacy_rin.suggest import STRATEGIES, suggest

SPLIT_SEED = 5  # of the texts that are held out


class Settings(NamedTuple):
    """What all cells of a curve have in common.

    Attributes:
        corpus (Path): Folder with train.spacy, dev.spacy and test.spacy.
        out (Path): Folder of the results.
        sizes (list[int]): Numbers of training texts, ascending.
        relations (list[str] | None): The relations whose triples are kept; None for all.
        held_out (int): How many texts of train are taken to score on, in place of test; 0 for test.
        epochs (int | None): Epochs of each training; None for as many as `spacy rin init` chooses.
        vectors (str | None): Pipeline with word vectors.
    """

    corpus: Path
    out: Path
    sizes: list[int]
    relations: list[str] | None = None
    held_out: int = 0
    epochs: int | None = None
    vectors: str | None = None

    def comparable(self) -> dict[str, Any]:
        """Get what must be the same for cells to be compared."""
        same = {name: getattr(self, name) for name in ("sizes", "relations", "held_out", "epochs")}
        return {"corpus": self.corpus.name, **same, "vectors": bool(self.vectors)}


class Corpus(NamedTuple):
    """The texts of a curve.

    Attributes:
        train (list[Doc]): The texts to choose from.
        dev (list[Doc]): The texts by which the best epoch is picked.
        test (list[Doc]): The texts to score on.
    """

    train: list[Doc]
    dev: list[Doc]
    test: list[Doc]


def read_corpus(settings: Settings) -> Corpus:
    """Read the texts, with the triples that are looked for.

    Args:
        settings (Settings): The settings.

    Returns:
        Corpus: The texts.
    """
    vocab = Vocab()
    train, dev, test = (read_docs(settings.corpus / f"{part}.spacy", vocab) for part in Corpus._fields)
    if settings.held_out:
        random.Random(SPLIT_SEED).shuffle(train)
        train, test = train[settings.held_out :], train[: settings.held_out]
    if settings.relations is not None:
        known = {relation.label for doc in train for relation in get_relations(doc)}
        if unknown := sorted({*settings.relations} - known):
            sys.exit(f"No text to choose from states {', '.join(unknown)}. There are: {', '.join(sorted(known))}")
        for doc in (*train, *dev, *test):
            kept = [relation for relation in get_relations(doc) if relation.label in settings.relations]
            set_relations(doc, kept)
    return Corpus(train, dev, test)


def train_and_score(
    docs: Sequence[Doc], corpus: Corpus, settings: Settings, seed: int
) -> tuple[Language, dict[str, float]]:
    """Train a pipeline from scratch, and score it on test.

    Args:
        docs (Sequence[Doc]): The training texts.
        corpus (Corpus): Where dev and test are.
        settings (Settings): The settings.
        seed (int): Seed of the training.

    Returns:
        tuple[Language, dict[str, float]]: The pipeline that is best on dev, and its scores from 0 to 1.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {part: folder / f"{part}.spacy" for part in Corpus._fields}
        for path, texts in zip(paths.values(), (docs, corpus.dev, corpus.test)):
            write_docs(texts, path)
        config, _ = init_config(paths["train"], dev=paths["dev"], vectors=settings.vectors)
        training = config["training"]
        if settings.epochs is not None:
            rate = training["optimizer"]["learn_rate"]
            steps = rate["total_steps"] // training["max_epochs"]
            rate["total_steps"] = settings.epochs * steps
            rate["warmup_steps"] = min(rate["warmup_steps"], rate["total_steps"] // 8)
            training["max_epochs"] = settings.epochs
            training["eval_frequency"] = max(1, settings.epochs // 10) * steps
        config["system"]["seed"] = seed
        config.to_disk(folder / "config.cfg")
        train(folder / "config.cfg", folder / "training")
        nlp = load_pipeline(str(folder / "training" / "model-best"))
        scores = evaluate(nlp, read_examples(nlp, paths["test"])).scores
    return nlp, {name: scores[name] for name in ("rel_exact_p", "rel_exact_r", "rel_exact_f", "ents_f")}


def run_cell(strategy: str, seed: int, corpus: Corpus, settings: Settings) -> None:
    """Run what is left to do of a cell.

    Args:
        strategy (str): How texts are chosen, see `suggest`.
        seed (int): Seed of the first texts, of the training, and of random choices.
        corpus (Corpus): The texts.
        settings (Settings): The settings.
    """
    path = settings.out / f"{strategy}-{seed}.json"
    docs = corpus.train
    stating = [i for i, doc in enumerate(docs) if get_relations(doc)]
    if len(stating) < settings.sizes[0]:
        sys.exit(f"Only {len(stating)} texts state a triple: begin with fewer than {settings.sizes[0]} texts.")
    cell: dict[str, Any] = {"strategy": strategy, "seed": seed, "settings": settings.comparable(), "steps": []}
    cell["chosen"] = random.Random(seed).sample(stating, settings.sizes[0])
    if path.exists():
        before = json.loads(path.read_text("utf8"))
        if before["settings"] != cell["settings"]:
            sys.exit(f"{path} is of other settings: {before['settings']}. Choose another folder, or delete it.")
        cell = before
    for at in range(len(cell["steps"]), len(settings.sizes)):
        start = time.perf_counter()
        chosen = cell["chosen"]
        texts = [docs[i] for i in chosen]
        nlp, scores = train_and_score(texts, corpus, settings, seed)
        step = {"size": settings.sizes[at], "texts": len(texts), "tokens": sum(map(len, texts))}
        step["triples"] = sum(len(get_relations(doc)) for doc in texts)
        if at + 1 < len(settings.sizes):
            rest = [Document(i, docs[i].text) for i in sorted(set(range(len(docs))) - set(chosen))]
            n = settings.sizes[at + 1] - len(chosen)
            found = suggest(nlp, rest, n, train=texts, strategy=strategy, seed=1000 * seed + at)
            cell["chosen"] = [*chosen, *(suggestion.document.id for suggestion in found.suggestions)]
        cell["steps"].append({**step, **scores, "minutes": (time.perf_counter() - start) / 60})
        write_json(path, cell)


def summarize(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare strategies at each size.

    Args:
        cells (Sequence[dict[str, Any]]): The cells, as they were written.

    Returns:
        list[dict[str, Any]]: For each size, "size", and by strategy the seeds, the mean and standard deviation of F1,
            and the mean numbers of tokens and triples; "gain", the mean difference of "unsure" from "random", of the
            seeds that both have, and "gain_std".
    """
    by_size: defaultdict[int, defaultdict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        for step in cell["steps"]:
            by_size[step["size"]][cell["strategy"]][cell["seed"]] = step
    rows = []
    for size, strategies in sorted(by_size.items()):
        row: dict[str, Any] = {"size": size}
        for strategy, steps in strategies.items():
            row[strategy] = {"seeds": sorted(steps)}
            row[strategy]["f"], row[strategy]["f_std"] = _mean([step["rel_exact_f"] for step in steps.values()])
            for name in ("tokens", "triples"):
                row[strategy][name] = fmean(step[name] for step in steps.values())
        ours, theirs = (strategies.get(strategy, {}) for strategy in STRATEGIES)
        both = [ours[seed]["rel_exact_f"] - theirs[seed]["rel_exact_f"] for seed in sorted({*ours} & {*theirs})]
        row["gain"], row["gain_std"] = _mean(both)
        rows.append(row)
    return rows


def write_tables(settings: Settings) -> None:
    """Write the tables of all cells of the same settings."""
    cells = [json.loads(path.read_text("utf8")) for path in sorted(settings.out.glob("*-*.json"))]
    rows = summarize([cell for cell in cells if cell["settings"] == settings.comparable()])
    header = ["texts", *(f"{name}, F1" for name in STRATEGIES), "gain"]
    header += [f"{name}, tokens / triples" for name in STRATEGIES]
    table = []
    for row in rows:
        found = [row.get(strategy) for strategy in STRATEGIES]
        scores = [_percent(cell["f"], cell["f_std"]) if cell else NO_FIGURE for cell in found]
        work = [f"{cell['tokens']:,.0f} / {cell['triples']:,.0f}" if cell else NO_FIGURE for cell in found]
        table.append([f"{row['size']:,}", *scores, _percent(row["gain"], row["gain_std"]), *work])
    write_json(settings.out / "curve.json", rows)
    write_lines(settings.out / "curve.md", markdown(header, table))


def _mean(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (fmean(values) if values else None), (stdev(values) if len(values) > 1 else None)


def _percent(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return NO_FIGURE
    return f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def main() -> None:
    """Run cells, one after the other, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--vectors", help="pipeline with word vectors")
    parser.add_argument("--sizes", default="100,200,400,800", help="numbers of training texts, ascending")
    parser.add_argument("--relations", help="keep the triples of these relations only, e.g. born_on,capital_of")
    parser.add_argument("--held-out", type=int, default=0, help="texts of train to score on, in place of test")
    parser.add_argument("--epochs", type=int, help="epochs of each training. Default: what `spacy rin init` chooses")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", default="0,1,2")
    args = parser.parse_args()
    sizes = sorted(map(int, args.sizes.split(",")))
    relations = None if args.relations is None else sorted(args.relations.split(","))
    settings = Settings(args.corpus.resolve(), args.out, sizes, relations, args.held_out, args.epochs, args.vectors)
    corpus = read_corpus(settings)
    for seed in map(int, args.seeds.split(",")):
        for strategy in args.strategies.split(","):
            run_cell(strategy, seed, corpus, settings)
    write_tables(settings)


if __name__ == "__main__":
    main()
