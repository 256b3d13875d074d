"""Docs, divided into parts to train, choose and test on."""

import math
import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from spacy.tokens import Doc

from ..errors import Errors, RinError, SettingError
from ..files import finished_file
from .docs import write_docs

PARTS = ("train", "dev", "test")


def split_docs(
    docs: Sequence[Doc], shares: Sequence[float], *, seed: int = 0, documents: Sequence[int] | None = None
) -> list[list[Doc]]:
    """Divide Docs at random, so that neither a document nor a text is in two parts.

    Args:
        docs (Sequence[Doc]): The Docs.
        shares (Sequence[float]): Share of each part, of train, dev and test; they add up to 1.
        seed (int): Seed of the choice.
        documents (Sequence[int] | None): For each Doc, the number of the document it is from; None if each is one.

    Returns:
        list[list[Doc]]: The Docs of each part, in their order. Parts differ from their share as far as documents
            and texts that belong together make it necessary.

    Raises:
        RinError: R040 if the shares are not right, R044 if a part would be empty.
    """
    if len(shares) != len(PARTS) or not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1):
        raise SettingError(Errors.R040, value=",".join(f"{share:g}" for share in shares))
    groups = _group(docs, documents or range(len(docs)))
    random.Random(seed).shuffle(groups)
    # The largest first: what is small can fill what is left.
    groups.sort(key=len, reverse=True)
    parts: list[list[int]] = [[] for _ in shares]
    for group in groups:
        # As seats are given to parties by Webster's method: to the part that would be the least full with half of it.
        fill = [(len(part) + len(group) / 2) / share for share, part in zip(shares, parts, strict=True)]
        parts[fill.index(min(fill))] += group
    for name, part in zip(PARTS, parts, strict=True):
        if not part:
            raise RinError(Errors.R044, part=name, docs=len(docs), groups=len(groups))
    return [[docs[i] for i in sorted(part)] for part in parts]


def write_parts(parts: Sequence[Sequence[Doc]], folder: str | Path) -> list[Path]:
    """Write the parts of a data set to train.spacy, dev.spacy and test.spacy, all of them or, if that fails, none.

    Args:
        parts (Sequence[Sequence[Doc]]): The Docs of each part.
        folder (str | Path): The folder; it is made if there is none.

    Returns:
        list[Path]: The files.

    Raises:
        RinError: R034 if they can't be written.
    """
    paths = [Path(folder) / f"{name}.spacy" for name in PARTS]
    with ExitStack() as files:
        for part, path in zip(parts, paths, strict=True):
            write_docs(part, files.enter_context(finished_file(path)))
    return paths


def _group(docs: Sequence[Doc], documents: Sequence[int]) -> list[list[int]]:
    """Group Docs that share a document or a text, if only by way of others; white space makes no other text."""
    parent: dict[object, object] = {}

    def root(key: object) -> object:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = above
        return key

    for doc, document in zip(docs, documents, strict=True):
        parent[root(_text(doc))] = root(document)
    groups: dict[object, list[int]] = {}
    for index, document in enumerate(documents):
        groups.setdefault(root(document), []).append(index)
    return list(groups.values())


def _text(doc: Doc) -> str:
    return " ".join(token.text for token in doc if not token.is_space)
