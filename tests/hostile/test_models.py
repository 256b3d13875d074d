"""Pipelines with one damaged file: they can't be loaded, and the error says so, or they work."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest
import spacy

from spacy_rin.evaluation.tuned import Tuned, set_tuned
from spacy_rin.extract import extract
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.loading import load_pipeline

from ..support import TRIPLES, make_examples, train
from .mutate import mutated_bytes, mutated_json
from .support import in_child, outcome, seeds

FILES = ["config.cfg", "meta.json", "tokenizer", "rin_joint/cfg", "rin_joint/model", "vocab/strings.json"]
FILES += ["vocab/vectors", "vocab/vectors.cfg", "vocab/key2row", "vocab/lookups.bin"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline whose files are small."""
    nlp = spacy.blank("xx")
    embed = {"width": 8, "rows": [20] * 4}
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": {"embed": embed, "encode": {"width": 8}}}})
    train(nlp, make_examples(nlp.vocab), 3)
    set_tuned(nlp, Tuned(0.25, {"leads": 0.5}, {"founded": [0.5, 0.25]}))
    path = tmp_path_factory.mktemp("tiny") / "model"
    nlp.to_disk(path)
    return path


def read_texts(folder: Path) -> list[dict[str, Any]]:
    nlp = load_pipeline(folder)
    rows = list(extract(nlp, [text for text, _ in TRIPLES]))
    component: Any = find_component(nlp)[1]
    for row in rows:
        json.dumps(row, allow_nan=False)
        assert {label for _, label, _ in row["relations"]} <= set(component.relation_labels)
    nlp.to_bytes()
    return rows


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_files(tiny: Path, tmp_path: Path, name: str, hostile: int) -> None:
    folder, data = tmp_path / "model", (tiny / name).read_bytes()

    def check(seed: int) -> None:
        chance = Random(seed)
        is_json = name.endswith((".json", "/cfg", "vectors.cfg")) and chance.random() < 0.7
        shutil.copytree(tiny, folder, dirs_exist_ok=True)
        (folder / name).write_bytes((mutated_json if is_json else mutated_bytes)(data, chance))
        outcome(lambda: read_texts(folder), "damaged pipelines")

    @seeds(max(1, hostile // 4))
    def check_many(seed: int) -> None:
        in_child(lambda: [check(1000 * seed + i) for i in range(4)] and None)

    check_many()
