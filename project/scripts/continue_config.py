"""Write a config that trains a pipeline on.

Usage: python scripts/continue_config.py CONFIG PIPELINE OUT

OUT is CONFIG, with all components taken from the trained PIPELINE.
"""

import argparse
from pathlib import Path

from spacy.util import load_config
from thinc.api import Config


def continued(config: Config, pipeline: Path) -> Config:
    """Take the components of a config from a trained pipeline.

    Args:
        config (Config): The config of a training.
        pipeline (Path): Folder of the pipeline. It must have all components of the config.

    Returns:
        Config: A copy of the config, changed.
    """
    changed = config.copy()
    changed["components"] = {name: {"source": str(pipeline)} for name in config["nlp"]["pipeline"]}
    return changed


def main() -> None:
    """Write the config that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    continued(load_config(given.config, interpolate=False), given.pipeline).to_disk(given.out)


if __name__ == "__main__":
    main()
