"""Run `spacy train` on a data set, with the settings that depend on the data.

Usage: python scripts/train.py DATA_SET [--config paper] [--vectors FOLDER] [--gpu-id 0] [--seed 1]

For the config "paper", the number of rounds is the paper's. The pipeline is scored after each epoch. If the learning
rate has a schedule with `total_steps`, it ends with the last epoch.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from run_config import count_steps
from spacy import util
from variants import DATA_SETS, MODEL


def make_overrides(data_set: str, config: str, configs: Path, train: Path) -> dict[str, Any]:
    """Make the settings of a config that depend on the data.

    Args:
        data_set (str): A key of `DATA_SETS`.
        config (str): Name of the config, without its suffix.
        configs (Path): Folder with the configs.
        train (Path): The training data, a .spacy file.

    Returns:
        dict[str, Any]: Settings by their full names, such as "training.eval_frequency".
    """
    training = util.load_config(configs / f"{config}.cfg", interpolate=False)["training"]
    steps = count_steps(train, json.dumps(training["batcher"]))
    overrides: dict[str, Any] = {"training.eval_frequency": steps}
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict) and "total_steps" in rate:
        overrides["training.optimizer.learn_rate.total_steps"] = training["max_epochs"] * steps
    if config == "paper":
        overrides[f"{MODEL}.rounds"] = DATA_SETS[data_set].rounds
    return overrides


def main() -> None:
    """Train, and exit with the exit code of `spacy train`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=DATA_SETS)
    parser.add_argument("--config", default="paper", help="name of a file in ../configs, without .cfg")
    parser.add_argument("--vectors", default="null", help="folder made by `spacy init vectors`")
    parser.add_argument("--gpu-id", default="-1")
    parser.add_argument("--seed", default="0")
    args = parser.parse_args()
    configs, corpus = Path("../configs"), Path("corpus") / args.data_set
    overrides = {
        "paths.train": corpus / "train.spacy",
        "paths.dev": corpus / "dev.spacy",
        "initialize.vectors": args.vectors,
        "system.seed": args.seed,
        **make_overrides(args.data_set, args.config, configs, corpus / "train.spacy"),
    }
    command = [sys.executable, "-m", "spacy", "train", str(configs / f"{args.config}.cfg")]
    command += ["--output", f"training/{args.data_set}", "--gpu-id", args.gpu_id]
    command += [part for name, value in overrides.items() for part in (f"--{name}", str(value))]
    sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
