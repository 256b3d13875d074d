"""Data sets, variants of the network, and the config of each run."""

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from spacy import util
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config

COMPONENT = "components.rin_joint"


MODEL = f"{COMPONENT}.model"


TOK2VEC = f"{MODEL}.tok2vec"


TRANSFORMER = "components.transformer.model"


@dataclass(frozen=True)
class Settings:
    """Settings of the command line of reproduce.py.

    Attributes:
        data_set (str): A key of `DATA_SETS`.
        seeds (tuple[int, ...]): The seeds. Some variants use only the first ones.
        only (str | None): The only variant to run, with all seeds, or None for all variants.
        epochs (int | None): Number of epochs, or None to use the config.
        jobs (int): Number of runs at the same time.
        gpu_id (int): Number of the GPU, or -1 for the CPU.
        vectors (str | None): Folder made by `spacy init vectors`, or None for no word vectors.
        transformer (str): Name of the transformer for variants that need one.
        parser (Path): Pipeline whose parser the variants with dependency trees use, made by the command `parser`.
        corpus (Path): Folder with the converted data sets.
        configs (Path): Folder with the configs.
        runs (Path): Folder for the runs.
        out (Path): Folder for the results.
    """

    data_set: str
    seeds: tuple[int, ...] = (0, 1, 2)
    only: str | None = None
    epochs: int | None = None
    jobs: int = 1
    gpu_id: int = -1
    vectors: str | None = None
    transformer: str = "sentence-transformers/all-MiniLM-L6-v2"
    parser: Path = Path("training/parser/model-best")
    corpus: Path = Path("corpus")
    configs: Path = Path("../configs")
    runs: Path = Path("reproduce")
    out: Path = Path("results")


class DataSet(NamedTuple):
    """Settings of a data set.

    Attributes:
        rounds (int): Number of rounds K in the paper.
        match (str): The match that papers report and epochs are chosen by, "exact" or "partial".
    """

    rounds: int
    match: str


DATA_SETS = {
    "webnlg": DataSet(3, "exact"),
    "webnlg_new": DataSet(3, "exact"),
    "webnlg_star": DataSet(2, "partial"),
    "nyt": DataSet(7, "exact"),
    "nyt_star": DataSet(7, "partial"),
}


class Variant(NamedTuple):
    """A row of the table.

    Attributes:
        title (str): Name in the table.
        seeds (int | None): Number of seeds, or None for all. With `Settings.only`, all seeds are used.
        changes (dict[str, Any]): Changed settings of the config, by their full names.
        published (dict[str, str]): F1 that a paper reports, by data set.
        first_version (bool): Whether the network is the paper's first version.
        config (str): Name of the config to start from.
        gcn (bool): Whether to add a parser, and a graph convolution over its trees, to that config.
    """

    title: str
    seeds: int | None
    changes: dict[str, Any]
    published: dict[str, str]
    first_version: bool = False
    config: str = "paper"
    gcn: bool = False

    @property
    def parses(self) -> bool:
        """Whether the variant needs a parser."""
        return self.gcn or (self.config == "interactive" and "nlp.pipeline" not in self.changes)


def first_version(title: str, published: str = "", **settings: Any) -> Variant:
    """Make a variant of the paper's first version. Its published F1 is for partial match on WebNLG."""
    changes = {f"{MODEL}.{name}": value for name, value in settings.items()}
    return Variant(title, 1, changes, {"webnlg_star": published} if published else {}, True)


def interactive(title: str, published: str = "", *, gcn: bool = True, **settings: Any) -> Variant:
    """Make a variant of the network of Yu et al., AAAI 2021. That paper does not say by which match it scores."""
    changes = {f"{MODEL}.{name}": value for name, value in settings.items()}
    if not gcn:
        changes |= {
            f"{TOK2VEC}.layers": 0,
            "nlp.pipeline": ["tagger", "rin_joint"],
            "training.annotating_components": ["tagger"],
            "training.frozen_components": [],
        }
    figures = dict.fromkeys(("webnlg", "webnlg_star"), published) if published else {}
    return Variant(title, None, changes, figures, config="interactive")


NOT_RIN_INT = ("stop_early", "relative_positions")


# Settings that improved F1 on the dev part of WebNLG.
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
    "positions": Variant(
        "RIN, our best, with relative positions", 1, {**BEST, f"{MODEL}.relative_positions": True}, {}
    ),
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
    "gcn": Variant("RIN + GCN", None, {}, {}, gcn=True),
    "interactive": interactive("interactive", "60.2"),
    "interactive_without_gcn": interactive("interactive w/o GCN", gcn=False),
    "interactive_without_interaction": interactive("interactive w/o interaction", use_interaction=False),
    "interactive_forward_only": interactive("interactive, forward only", bidirectional=False),
    "copymtl_mul": interactive("interactive w/o both, as CopyMTL-Mul", "56.4", gcn=False, use_interaction=False),
}


class Run(NamedTuple):
    """A variant with a seed, and the folder of its files."""

    variant: str
    seed: int
    folder: Path

    def read_scores(self) -> dict[str, Any] | None:
        """Read the scores of the run, or return None if it has none."""
        path = self.folder / "scores.json"
        scores: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return scores


def add_gcn(config: Config) -> None:
    """Add a parser to a config, and a graph convolution over its trees to the features of the network."""
    config["paths"]["parser"] = None
    config["nlp"]["pipeline"].insert(-1, "parser")
    config["components"]["parser"] = {"source": "${paths.parser}", "replace_listeners": ["model.tok2vec"]}
    config["training"]["frozen_components"].append("parser")
    config["training"]["annotating_components"].append("parser")
    model = config["components"]["rin_joint"]["model"]
    model["tok2vec"] = {"@architectures": "spacy_rin.DependencyGCN.v1", "tok2vec": model["tok2vec"]}


def make_config(settings: Settings, variant: Variant, seed: int) -> Config:
    """Make the config of a run."""
    data = DATA_SETS[settings.data_set]
    config = util.load_config(settings.configs / f"{variant.config}.cfg", interpolate=False)
    model = config["components"]["rin_joint"]["model"]
    if variant.first_version:
        model["@architectures"] = "spacy_rin.RINInt.v1"
        for name in NOT_RIN_INT:
            del model[name]
    if variant.gcn:
        add_gcn(config)
    weights = config["training"]["score_weights"]
    weights.update({name: 0.0 for name, weight in weights.items() if weight})
    weights[f"rel_{data.match}_f"] = 1.0
    paths = {part: (settings.corpus / settings.data_set / f"{part}.spacy").resolve() for part in ("train", "dev")}
    own: dict[str, Any] = {"paths.parser": str(settings.parser.resolve())} if "parser" in config["paths"] else {}
    if variant.config == "paper":
        own[f"{MODEL}.rounds"] = data.rounds
    elif variant.config == "transformer":
        own[f"{TRANSFORMER}.name"] = settings.transformer
    changes = {
        "system.seed": seed,
        "paths.vectors": settings.vectors,
        **{f"paths.{part}": str(path) for part, path in paths.items()},
        **own,
        **variant.changes,
        **({"training.max_epochs": settings.epochs} if settings.epochs else {}),
    }
    for name, value in changes.items():
        *sections, key = name.split(".")
        section = config
        for part in sections:
            section = section[part]
        section[key] = deepcopy(value)
    # spaCy would load a component with a source, even if it is not in the pipeline.
    config["components"] = {name: config["components"][name] for name in config["nlp"]["pipeline"]}
    training = config["training"]
    training["eval_frequency"] = count_steps(paths["train"], json.dumps(training["batcher"]))
    rate = training["optimizer"]["learn_rate"]
    rate["total_steps"] = training["max_epochs"] * training["eval_frequency"]
    return Config(config)


@lru_cache
def count_steps(path: Path, batcher: str) -> int:
    """Count the training steps of an epoch.

    Args:
        path (Path): The training data, a .spacy file.
        batcher (str): Settings of the batcher as JSON.

    Returns:
        int: The number of steps.
    """
    make_batches = util.registry.resolve({"batcher": json.loads(batcher)})["batcher"]
    return sum(1 for _ in make_batches(DocBin().from_disk(path).get_docs(Vocab())))
