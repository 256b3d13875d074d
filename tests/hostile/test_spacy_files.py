"""Damaged .spacy files, for all that reads them."""

import zlib
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_rin.convert import export
from spacy_rin.evaluation.data_check import check_data
from spacy_rin.evaluation.evaluate import evaluate
from spacy_rin.evaluation.report import render_html
from spacy_rin.init_config import Corpus
from spacy_rin.pipeline.corpus import create_corpus_reader, read_docs, read_examples
from spacy_rin.visualize import render

from ..support import component_of, make_examples
from .mutate import mutated_bytes, mutated_value
from .support import in_child, outcome, seeds


@pytest.fixture(scope="module")
def original() -> bytes:
    docs = [example.reference for example in make_examples(spacy.blank("en").vocab)]
    data: bytes = DocBin(docs=docs, store_user_data=True).to_bytes()
    return data


def damaged(data: bytes, chance: Random) -> bytes:
    """Change the file, what is packed in it, or the relations of a text."""
    kind = chance.random()
    if kind < 0.2:
        return mutated_bytes(data, chance)
    if kind < 0.5:
        return zlib.compress(mutated_bytes(zlib.decompress(data), chance))
    message = srsly.msgpack_loads(zlib.decompress(data))
    at = chance.randrange(len(message["user_data"]))
    if kind < 0.9:
        values = srsly.msgpack_loads(message["user_data"][at])
        with suppress(TypeError, ValueError, OverflowError):  # what the file can't hold is no damage
            message["user_data"][at] = srsly.msgpack_dumps(mutated_value(values, chance))
    else:
        message["strings"].remove(chance.choice(message["strings"]))
    return zlib.compress(srsly.msgpack_dumps(message))


def use(path: Path, trained: Language) -> None:
    """Read a file in all ways, and do with what is read what the commands do."""
    docs = outcome(lambda: read_docs(path, spacy.blank("xx").vocab), ".spacy files")
    for example in outcome(lambda: list(create_corpus_reader(path)(spacy.blank("en"))), ".spacy files") or ():
        assert [token.text for token in example.predicted] == [token.text for token in example.reference]
    if docs is None:
        return
    outcome(lambda: check_data(docs, docs), "uses of .spacy files")
    outcome(lambda: Corpus.of(docs), "uses of .spacy files")
    for format in ("jsonl", "prodigy", "label_studio", "brat", "spert"):
        outcome(lambda format=format: export(docs, format), "uses of .spacy files")
    for style in ("rel", "graph"):
        outcome(lambda style=style: render(docs, style, jupyter=False), "uses of .spacy files")
    examples = outcome(lambda: read_examples(trained, path), "uses of .spacy files")
    if examples is not None:
        evaluation = outcome(lambda: evaluate(trained, examples), "uses of .spacy files")
        if evaluation is not None:
            render_html(evaluation, model="m", data="d")
        outcome(lambda: component_of(trained).get_loss(examples, losses_of(trained, examples)), "uses of .spacy files")


def losses_of(trained: Language, examples: Any) -> Any:
    return component_of(trained).model.predict([example.predicted for example in examples])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files(trained: Language, original: bytes, tmp_path: Path, hostile: int) -> None:
    def check(seed: int) -> None:
        path = tmp_path / "in.spacy"
        path.write_bytes(damaged(original, Random(seed)))
        use(path, trained)

    @seeds(hostile)
    def check_many(seed: int) -> None:
        in_child(lambda: [check(1000 * seed + i) for i in range(10)] and None)

    check_many()
