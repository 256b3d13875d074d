"""Make the config of each run."""

import json
from copy import deepcopy
from functools import lru_cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from spacy import util
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from variants import DATA_SETS, MODEL, RATE, TRANSFORMER, Settings, Variant

import spacy_rin.pipeline.factory  # noqa: F401 (registers the component with its defaults)

# Settings that "spacy_rin.RINInt.v1" does not have.
NOT_RIN_INT = ("stop_early", "relative_positions")

# The batcher of the variants with other names in half of the texts, around that of the config.
REPLACING = {"@batchers": "spacy_rin.replace_names.v1", "share": 0.5}


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
        if variant.config == "transformer":
            # The paper's network reads BERT, without words and a BiLSTM.
            model["tok2vec"] = model["tok2vec"]["embed"]["features"]
    if variant.gcn:
        add_gcn(config)
    if variant.names:
        config["training"]["batcher"] = {**REPLACING, "batcher": config["training"]["batcher"]}
    weights = config["training"]["score_weights"]
    weights.update({name: 0.0 for name, weight in weights.items() if weight})
    weights[f"rel_{data.match}_f"] = 1.0
    paths = {part: (settings.corpus / settings.data_set / f"{part}.spacy").resolve() for part in ("train", "dev")}
    own: dict[str, Any] = {"paths.parser": str(settings.parser.resolve())} if "parser" in config["paths"] else {}
    if variant.config == "paper":
        own[f"{MODEL}.rounds"] = data.rounds
    elif variant.config == "transformer":
        own[f"{TRANSFORMER}.name"] = settings.transformer
    if variant.published_rate:
        own |= {RATE: data.rate, "training.max_epochs": data.epochs}
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
    if isinstance(rate, dict):
        rate["total_steps"] = training["max_epochs"] * training["eval_frequency"]
    return Config(config)


def describe_training(config: Config, train: Path) -> dict[str, Any]:
    """Describe how a variant is trained by what most often differs between runs of the same name.

    Args:
        config (Config): The config of a run.
        train (Path): The training data, a .spacy file.

    Returns:
        dict[str, Any]: Number of "texts" and "epochs"; the learning "rate", at its peak; the "rounds" K, None for a
            network without them.
    """
    rate = config["training"]["optimizer"]["learn_rate"]
    return {
        "texts": count_texts(train),
        "epochs": config["training"]["max_epochs"],
        "rate": rate["initial_rate"] if isinstance(rate, dict) else rate,
        "rounds": config["components"]["rin_joint"]["model"].get("rounds"),
    }


def same_run(left: Config, right: Config) -> bool:
    """Check whether two configs are of the same run.

    Paths of data and word vectors may differ. A setting that is missing has its default: older configs do not have all
    settings of today.
    """
    same: bool = _comparable(left) == _comparable(right)
    return same


def _comparable(config: Config) -> Config:
    config = Config(config).copy()
    config["paths"] = {"vectors": config["paths"]["vectors"] is not None}
    component = {**(Language.get_factory_meta("rin_joint").default_config or {}), **config["components"]["rin_joint"]}
    # Only the settings of the network: its token features may need other packages, or other components.
    model = component["model"]
    function = util.registry.get("architectures", model["@architectures"])
    defaults = {
        name: parameter.default
        for name, parameter in signature(function).parameters.items()
        if parameter.default is not Parameter.empty
    }
    config["components"]["rin_joint"] = {**component, "model": {**defaults, **model}}
    return config


@lru_cache
def count_texts(path: Path) -> int:
    """Count the texts of a .spacy file."""
    return len(DocBin().from_disk(path))


@lru_cache
def count_steps(path: Path, batcher: str) -> int:
    """Count the training steps of an epoch.

    Args:
        path (Path): The training data, a .spacy file.
        batcher (str): Settings of the batcher as JSON.

    Returns:
        int: The number of steps.
    """
    settings = json.loads(batcher)
    # Names are replaced in Examples only, and change the number of texts in no batch.
    inner = settings["batcher"] if settings["@batchers"] == REPLACING["@batchers"] else settings
    make_batches = util.registry.resolve({"batcher": inner})["batcher"]
    return sum(1 for _ in make_batches(DocBin().from_disk(path).get_docs(Vocab())))
