"""`spacy rin init`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, rin_cli
from .screen import msg

MAX_WIDTH = 28


@rin_cli.command("init", no_args_is_help=True)
def init_cli(
    train_path: Annotated[Path, Arg(help="File with training data (.spacy), or folder of such files")],
    config_path: Annotated[Path, Arg(help="Config to write, e.g. config.cfg")],
    dev_path: Annotated[Path | None, Opt("--dev", "-d", help="File with development data (.spacy)")] = None,
    lang: Annotated[str, Opt("--lang", "-l", help="Language code")] = "en",
    vectors: Annotated[str | None, Opt("--vectors", "-v", help="Pipeline with word vectors, name or folder")] = None,
    transformer: Annotated[str | None, Opt("--transformer", "-t", help="Transformer, name or folder")] = None,
    tagger: Annotated[str | None, Opt("--tagger", "-T", help="Pipeline whose tagger the network reads")] = None,
    gpu: Annotated[bool, Opt("--gpu", "-g", help="Whether training runs on a GPU")] = False,
    attr: Annotated[str, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]")] = "relations",
) -> None:
    """
    Write a config that fits your training data, and say why each setting has its value.

    Train with it: spacy train CONFIG --output training. All settings can be changed in the file.

    Example: spacy rin init corpus/train.spacy config.cfg --dev corpus/dev.spacy
    """
    from ..files import require_targets, write_whole
    from ..init_config import init_config
    from ..pipeline.corpus import corpus_files

    with coded_errors():
        require_targets([config_path], corpus_files(*(path for path in (train_path, dev_path) if path is not None)))
        config, choices = init_config(
            train_path,
            dev=dev_path,
            lang=lang,
            vectors=vectors,
            transformer=transformer,
            tagger=tagger,
            gpu=gpu,
            attr=attr,
        )
        with write_whole(config_path) as unfinished:
            config.to_disk(unfinished)
    rows = [
        (choice.setting.removeprefix("components.").removeprefix("training."), _show(choice.value), choice.reason)
        for choice in choices
    ]
    msg.table(rows, header=("setting", "value", "why"), divider=True, max_col=90)
    msg.good(f"Wrote {config_path}")
    command = shlex.join(["python", "-m", "spacy", "train", str(config_path), "--output", "training"])
    msg.text(f"Train with: {command}" + (" --gpu-id 0" if gpu else ""))


def _show(value: Any) -> str:
    if isinstance(value, dict):
        registered = [str(name) for key, name in value.items() if key.startswith("@")]
        return registered[0] if registered else f"{len(value)} relations"
    shown = "null" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return shown if len(shown) <= MAX_WIDTH else f"...{shown[-MAX_WIDTH:]}"
