"""Make the config of each run, and describe how it is trained."""

import json
from copy import deepcopy
from functools import lru_cache
from hashlib import sha256
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy import util
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from variants import DATA_SETS, MODEL, RATE, TRANSFORMER, Run, Settings, Variant

import spacy_rin.pipeline.factory  # noqa: F401 (registers the component with its defaults)

# To be raised whenever changed code trains other weights by the same config. Runs of different revisions are of
# different kinds.
REVISION = 2

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


def describe_training(config: Config, *, joins: bool = True) -> dict[str, Any]:
    """Describe how a run is trained. Runs are of one kind, and may be averaged, if their descriptions are the same.

    The seed does not count, and neither does where files lie.

    Args:
        config (Config): The config of a run.
        joins (bool): Whether other runs are to be averaged with these. If not, "revision", and "transformer" and
            "parser", which must be at hand, are left out.

    Returns:
        dict[str, Any]: The "revision" of the code; number of "texts" and "epochs"; the learning "rate", at its peak;
            the "rounds" K; what the "vectors", the "transformer" and the "parser" are; a hash of all other settings,
            "config". What a network does not have is None.
    """
    config = Config().from_str(Config(config).to_str(), interpolate=False)  # as if it was read from a file
    paths, components = config["paths"], config["components"]
    rate = config["training"]["optimizer"]["learn_rate"]
    found = {
        "texts": count_texts(Path(paths["train"])),
        "epochs": config["training"]["max_epochs"],
        "rate": rate["initial_rate"] if isinstance(rate, dict) else rate,
        "rounds": components["rin_joint"]["model"].get("rounds"),
        "vectors": None if paths["vectors"] is None else describe_vectors(paths["vectors"]),
    }
    if joins:
        found["revision"] = REVISION
        name = components["transformer"]["model"]["name"] if "transformer" in components else None
        found["transformer"] = None if name is None else describe_transformer(name)
        found["parser"] = describe_parser(Path(paths["parser"])) if "parser" in components else None
    return {**found, "config": _hash_settings(config)}


def describe_run(run: Run) -> dict[str, Any]:
    """Describe how a run was trained. The description is empty if its training has not ended."""
    return dict((run.read_trained() or run.read_scores() or {}).get("training", {}))


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Tell in which settings a description differs from a new one, see `describe_training`."""
    known = {name: old.get(name, "unknown") for name in new}
    return [f"{name} {known[name]}, not {value}" for name, value in new.items() if known[name] != value]


@lru_cache
def describe_vectors(name: str) -> str:
    """Describe the word vectors of a pipeline, given its name or folder."""
    return _describe_matrix(util.load_model(name).vocab.vectors.data)


@lru_cache
def describe_transformer(name: str) -> str:
    """Describe a transformer, which may have many names and folders."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(name)
    embeddings = _describe_matrix(model.get_input_embeddings().weight.detach().float().numpy())
    return f"{model.config.model_type}, {model.config.num_hidden_layers} layers, embeddings {embeddings}"


def describe_parser(folder: Path) -> str:
    """Describe a parser by a hash of its settings and labels. Its weights depend on the machine it was trained on."""
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    labels = json.loads((folder / "meta.json").read_text("utf8"))["labels"]["parser"]
    return _hash([{name: section for name, section in config.items() if name not in ("paths", "system")}, labels])


def _describe_matrix(data: NDArray[Any]) -> str:
    """Describe a matrix by what stays the same, to four digits, when it is computed anew on another machine."""
    rows, width = data.shape
    length = np.linalg.norm(data.astype(np.float32), axis=1).mean(dtype=float)
    return f"{rows} x {width}, mean length {length:.4g}"


def _hash_settings(config: Config) -> str:
    """Hash all settings of a config that a description does not have in words, and that are no paths of data.

    Our settings with their default are left out: older configs do not have all settings of today.
    """
    config = config.copy()
    del config["system"]
    config["paths"] = {k: v for k, v in config["paths"].items() if k not in ("train", "dev", "vectors", "parser")}
    for name in ("max_epochs", "eval_frequency"):
        del config["training"][name]
    if isinstance(rate := config["training"]["optimizer"]["learn_rate"], dict):
        del rate["total_steps"]
    if transformer := config["components"].get("transformer"):
        del transformer["model"]["name"]
    defaults, ours = Language.get_factory_meta("rin_joint").default_config or {}, config["components"]["rin_joint"]
    config["components"]["rin_joint"] = {k: v for k, v in ours.items() if k not in defaults or v != defaults[k]}
    return _hash(_drop_defaults(config))


def _drop_defaults(settings: Any) -> Any:
    """Leave out the arguments of our functions that have their default. Other functions may need other packages."""
    if not isinstance(settings, dict):
        return settings
    kept = {name: _drop_defaults(value) for name, value in settings.items()}
    for name, function in settings.items():
        if name.startswith("@") and function.startswith("spacy_rin."):
            parameters = signature(util.registry.get(name[1:], function)).parameters
            kept = {k: v for k, v in kept.items() if k not in parameters or v != parameters[k].default}
    return kept


def _hash(settings: Any) -> str:
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


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
