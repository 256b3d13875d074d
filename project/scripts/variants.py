"""Data sets, and the variants of the networks that are trained on them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

COMPONENT = "components.rin_joint"
MODEL = f"{COMPONENT}.model"
TOK2VEC = f"{MODEL}.tok2vec"
TRANSFORMER = "components.transformer.model"
RATE = "training.optimizer.learn_rate"


@dataclass(frozen=True)
class Settings:
    """Settings of the command line of reproduce.py.

    Attributes:
        data_set (str): A key of `DATA_SETS`.
        seeds (tuple[int, ...]): The seeds. Some variants use only the first ones.
        only (tuple[str, ...]): The only variants to run, with all seeds; empty for all variants.
        epochs (int | None): Number of epochs, or None to use the config.
        jobs (int): Number of runs at the same time.
        gpu_id (int): Number of the GPU, or -1 for the CPU.
        vectors (str | None): Folder made by `spacy init vectors`, or None for no word vectors.
        transformer (str): Name or folder of the transformer for variants that need one.
        parser (Path): Pipeline whose parser the variants with dependency trees use, made by the command `parser`.
        corpus (Path): Folder with the converted data sets.
        configs (Path): Folder with the configs.
        runs (Path): Folder for the runs.
        out (Path): Folder for the results.
    """

    data_set: str
    seeds: tuple[int, ...] = (0, 1, 2)
    only: tuple[str, ...] = ()
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
        match (str): The match that papers report and epochs are chosen by, "exact" or "partial".
        rounds (int): Number of rounds K in the paper, for this data set and match (Sun et al., EMNLP 2020, table 3).
        rate (float): The paper's learning rate.
        epochs (int): The paper's number of epochs.
        texts (int): The paper's number of training texts (table 2).
    """

    match: str
    rounds: int
    rate: float
    epochs: int
    texts: int


DATA_SETS = {
    "webnlg": DataSet("exact", 3, 5e-4, 150, 5019),
    "webnlg_new": DataSet("exact", 3, 5e-4, 150, 5019),
    "webnlg_names": DataSet("exact", 3, 5e-4, 150, 5019),
    "webnlg_star": DataSet("partial", 2, 5e-4, 150, 5019),
    "nyt": DataSet("exact", 7, 1e-3, 100, 56195),
    "nyt_star": DataSet("partial", 4, 1e-3, 100, 56195),
}


class Variant(NamedTuple):
    """A row of the table.

    Attributes:
        title (str): Name in the table.
        seeds (int | None): Number of seeds, or None for all. With `Settings.only`, all seeds are used.
        changes (dict[str, Any]): Changed settings of the config, by their full names.
        first_version (bool): Whether the network is the paper's first version.
        config (str): Name of the config to start from.
        gcn (bool): Whether to add a parser, and a graph convolution over its trees, to that config.
        names (bool): Whether to put other names into half of the training texts.
        published_rate (bool): Whether the learning rate, which is then constant, and the number of epochs are the
            paper's for the data set.
        match (str | None): The only match whose data sets have this row, or None for all. With `Settings.only`, all
            have it.
    """

    title: str
    seeds: int | None
    changes: dict[str, Any]
    first_version: bool = False
    config: str = "paper"
    gcn: bool = False
    names: bool = False
    published_rate: bool = False
    match: str | None = None

    @property
    def parses(self) -> bool:
        """Whether the variant needs a parser."""
        return self.gcn or (self.config == "interactive" and "nlp.pipeline" not in self.changes)


# The peak of the learning rate of the first version, the best by F1 on dev of webnlg_star over K = 0, 1 and 3, and the
# others that were tried.
FIRST_RATE = 0.008
OTHER_RATES = (0.001, 0.002, 0.004)


def first_version(title: str, rate: float = FIRST_RATE, *, seeds: int | None = None, **settings: Any) -> Variant:
    """Make a variant of the paper's first version, with a peak of the learning rate of its own."""
    changes = {f"{MODEL}.{name}": value for name, value in settings.items()}
    return Variant(title, seeds, {f"{RATE}.initial_rate": rate, **changes}, True, match="partial")


def first_on_transformer(rounds: int) -> Variant:
    """Make a variant of the first version that reads a transformer alone, as in the paper's rows on BERT."""
    title = f"first version on a transformer, K = {rounds} (the paper: BERT)"
    changes = {f"{MODEL}.rounds": rounds, "training.max_epochs": 10}  # an epoch on a CPU takes seven minutes
    return Variant(title, 1, changes, True, "transformer", match="partial")


def interactive(title: str, *, gcn: bool = True, **settings: Any) -> Variant:
    """Make a variant of the network of Yu et al., AAAI 2021."""
    changes = {f"{MODEL}.{name}": value for name, value in settings.items()}
    if not gcn:
        changes |= {
            f"{TOK2VEC}.layers": 0,
            "nlp.pipeline": ["tagger", "rin_joint"],
            "training.annotating_components": ["tagger"],
            "training.frozen_components": [],
        }
    return Variant(title, None, changes, config="interactive")


# Settings that improved F1 on the dev part of WebNLG.
BEST: dict[str, Any] = {
    "training.dropout": 0.4,
    f"{MODEL}.rounds": 1,
    f"{MODEL}.entity_layers": 2,
    f"{TOK2VEC}.embed.affix_width": 20,
    f"{TOK2VEC}.encode.width": 300,
}

ON_TRANSFORMER: dict[str, Any] = {f"{MODEL}.entity_layers": 2}

# An untrained network of the papers gives each relation about this probability.
NO_PRIOR: dict[str, Any] = {f"{MODEL}.relation_prior": 0.5}

VARIANTS = {
    "rin": Variant("RIN, our set-up", None, {}),
    "paper_settings": Variant("RIN, the paper's settings", None, NO_PRIOR, published_rate=True),
    "paper_settings_k0": Variant(
        "RIN w/o interaction, the paper's settings", None, {**NO_PRIOR, f"{MODEL}.rounds": 0}, published_rate=True
    ),
    "k0": Variant("RIN w/o interaction (K = 0)", None, {f"{MODEL}.rounds": 0}),
    "best": Variant("RIN, our best", None, BEST),
    "positions": Variant("RIN, our best, with relative positions", None, {**BEST, f"{MODEL}.relative_positions": True}),
    "names": Variant("RIN, our best, with names replaced in training", None, BEST, names=True),
    "transformer": Variant("RIN on a transformer", 1, ON_TRANSFORMER, config="transformer"),
    "transformer_names": Variant(
        "RIN on a transformer, with names replaced in training", 1, ON_TRANSFORMER, config="transformer", names=True
    ),
    "transformer_small_batches": Variant(
        "RIN on a transformer, with names replaced, small batches",
        1,
        {**ON_TRANSFORMER, "training.batcher.batcher.size": 500},
        config="transformer",
        names=True,
    ),
    "every_round": Variant("RIN, every round trained", None, {f"{MODEL}.round_weight": 1.0}),
    "without_er": Variant("RIN w/o ER", None, {f"{MODEL}.use_entities": False}),
    "without_rc": Variant("RIN w/o RC", None, {f"{MODEL}.use_relations": False}),
    "without_pos": Variant("RIN w/o POS", None, {f"{TOK2VEC}.embed.pos_width": 0}),
    "without_vectors": Variant("RIN w/o word vectors", None, {"paths.vectors": None}),
    # With partial match, entities are single words.
    "head_first": Variant("RIN, first words as heads", None, {f"{COMPONENT}.head": "first"}, match="exact"),
    **{f"k{k}": Variant(f"RIN, K = {k}", None, {f"{MODEL}.rounds": k}) for k in range(1, 8)},
    "int": first_version("first version, K = 3", rounds=3),
    "int_k1": first_version("first version, K = 1", rounds=1),
    "int_k5": first_version("first version, K = 5", rounds=5),
    "int_rnn": first_version("first version, RNN, K = 1", rounds=1, cell="rnn"),
    "int_rnn_k3": first_version("first version, RNN, K = 3", rounds=3, cell="rnn"),
    "int_rnn_k5": first_version("first version, RNN, K = 5", rounds=5, cell="rnn"),
    "int_without_relations": first_version("RIN-ỹ, K = 1", rounds=1, use_relations=False),
    "int_without_entities": first_version("RIN-ȳ, K = 1", rounds=1, use_entities=False),
    "int_without_features": first_version("RIN-H, K = 1", rounds=1, use_features=False),
    "int_linear": first_version("RIN-γ, K = 1", rounds=1, cell="linear"),
    "bilstm_s": first_version("BiLSTM_s (RIN-INT)", rounds=0),
    "bilstm": first_version("BiLSTM", rounds=0, task_features=False),
    **{
        f"int_rate_{rate}": first_version(f"first version, K = 3, rate {rate}", rate, seeds=1, rounds=3)
        for rate in OTHER_RATES
    },
    "int_k1_rate_0.004": first_version("first version, K = 1, rate 0.004", 0.004, seeds=1, rounds=1),
    "bilstm_s_rate_0.004": first_version("BiLSTM_s (RIN-INT), rate 0.004", 0.004, seeds=1, rounds=0),
    "int_paper_settings": Variant(
        "first version, K = 3, the paper's rate",
        None,
        {**NO_PRIOR, f"{MODEL}.rounds": 3, RATE: 0.001},
        first_version=True,
        published_rate=True,
        match="partial",
    ),
    "int_transformer_k1": first_on_transformer(1),
    "int_transformer_k2": first_on_transformer(2),
    "gcn": Variant("RIN + GCN", None, {}, gcn=True),
    "interactive": interactive("Yu et al."),
    "interactive_without_gcn": interactive("Yu et al. w/o GCN", gcn=False),
    "interactive_without_interaction": interactive("Yu et al. w/o interaction", use_interaction=False),
    "interactive_forward_only": interactive("Yu et al., forward only", bidirectional=False),
    "interactive_own_cells": interactive("Yu et al., own cells for each triple", share_cells=False),
    "copymtl_mul": interactive(
        "as CopyMTL-Mul: w/o GCN and interaction, own cells", gcn=False, use_interaction=False, share_cells=False
    ),
}


def title_of(variant: str, row: dict[str, Any]) -> str:
    """Name a row of the results. The number of rounds K is part of the name."""
    title, rounds = VARIANTS[variant].title, row["training"]["rounds"]
    return title if rounds is None or "K = " in title else f"{title}, K = {rounds}"


# Variants that differ in the number of rounds only, by that number. "rin" has the paper's.
ROUNDS: dict[str, dict[int, str]] = {
    "GRU": {0: "bilstm_s", 1: "int_k1", 3: "int", 5: "int_k5"},
    "RNN": {0: "bilstm_s", 1: "int_rnn", 3: "int_rnn_k3", 5: "int_rnn_k5"},
}


class Run(NamedTuple):
    """A variant with a seed, and the folder of its files."""

    variant: str
    seed: int
    folder: Path

    @property
    def trained(self) -> Path:
        """The file that is written once the run is trained."""
        return self.folder / "trained.json"

    @property
    def scores(self) -> Path:
        """The file of its scores."""
        return self.folder / "scores.json"

    def read_trained(self) -> dict[str, Any] | None:
        """Read what tells of the training, or return None if that has not ended."""
        return _read(self.trained)

    def read_scores(self) -> dict[str, Any] | None:
        """Read the scores of the run, or return None if it has none."""
        return _read(self.scores)


def _read(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text("utf8")) if path.exists() else None
    return found
