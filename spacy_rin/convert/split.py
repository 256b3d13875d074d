"""Docs split into train, dev and test."""

import math
import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from spacy.tokens import Doc

from ..errors import Errors, RinError, SettingError
from ..files import write_whole
from ..groups import link_texts
from .docs import write_docs

PARTS = ("train", "dev", "test")


def split_docs(
    docs: Sequence[Doc], shares: Sequence[float], *, seed: int = 0, source_numbers: Sequence[int] | None = None
) -> list[list[Doc]]:
    """Split Docs at random. Docs from the same source, or with the same text, always come into the same part.

    Args:
        docs (Sequence[Doc]): The Docs.
        shares (Sequence[float]): The shares of train, dev and test, which add up to 1; without the third, there is no
            test part.
        seed (int): Seed of the random choice.
        source_numbers (Sequence[int] | None): For each Doc, the number of the text that it was made from, see
            `ConversionReport`; None if each Doc was made from another one.

    Returns:
        list[list[Doc]]: The Docs of each part, in their original order. The parts are as close to their shares as
            Docs that stay together allow.

    Raises:
        SettingError: R040 if the shares are not valid.
        RinError: R044 if a part would be empty.
    """
    if len(shares) not in (2, 3) or not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1):
        raise SettingError(Errors.R040, value=",".join(f"{share:g}" for share in shares))
    groups = _group(docs, source_numbers or range(len(docs)))
    random.Random(seed).shuffle(groups)
    # The largest groups first: small ones can fill the gaps at the end.
    groups.sort(key=len, reverse=True)
    parts: list[list[int]] = [[] for _ in shares]
    for group in groups:
        # Webster's method, known from seats in parliaments: to the part that would be least full with half the group.
        fill = [(len(part) + len(group) / 2) / share for share, part in zip(shares, parts, strict=True)]
        parts[fill.index(min(fill))] += group
    for name, part in zip(PARTS, parts):
        if not part:
            raise RinError(Errors.R044, part=name, docs=len(docs), groups=len(groups))
    return [[docs[i] for i in sorted(part)] for part in parts]


def write_parts(parts: Sequence[Sequence[Doc]], folder: str | Path) -> list[Path]:
    """Write train, dev and test to train.spacy, dev.spacy and test.spacy. If that fails, the files stay as they were.

    Args:
        parts (Sequence[Sequence[Doc]]): The Docs of each part, which may be train and dev alone.
        folder (str | Path): The folder, which is created if it is missing.

    Returns:
        list[Path]: The files.

    Raises:
        FileError: R034 if they can't be written.
    """
    paths = part_paths(folder, len(parts))
    with ExitStack() as files:
        for part, path in zip(parts, paths, strict=True):
            write_docs(part, files.enter_context(write_whole(path)))
    return paths


def part_paths(folder: str | Path, n: int) -> list[Path]:
    """Name the files of train, dev and test in a folder, or of the first n of them."""
    return [Path(folder) / f"{name}.spacy" for name in PARTS[:n]]


def _group(docs: Sequence[Doc], source_numbers: Sequence[int]) -> list[list[int]]:
    """Group Docs that share a source or a text, directly or through other Docs. White space does not count as text."""
    linked = link_texts(
        (("source", number), ("text", _text(doc))) for doc, number in zip(docs, source_numbers, strict=True)
    )
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(linked):
        groups.setdefault(group, []).append(index)
    return list(groups.values())


def _text(doc: Doc) -> str:
    return " ".join(token.text for token in doc if not token.is_space)
