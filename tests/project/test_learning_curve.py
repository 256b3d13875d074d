"""Cells of a learning curve grow, go on after a stop, and are summed up."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import learning_curve
import pytest
import spacy
from learning_curve import Corpus, Settings, read_corpus, run_cell, summarize, write_tables
from spacy.language import Language
from spacy.tokens import Doc

from spacy_rin.convert import write_docs
from spacy_rin.relations import get_relations

from ..support import gold_doc

NAMES = ["Ada Brook", "Tom Hale"]
PLACES = ["Larne", "Wick"]
SAID = [(a, verb, b) for a in NAMES for b in PLACES for verb in ("founded", "leads", "never liked")]
TEXTS = [f"Once {' '.join(triple)} ." for triple in SAID]


@pytest.fixture
def curve(tmp_path: Path) -> Settings:
    vocab = spacy.blank("en").vocab
    docs = [gold_doc(vocab, text, [triple] * (triple[1] != "never liked")) for text, triple in zip(TEXTS, SAID)]
    for part in ("train", "dev", "test"):
        write_docs(docs, tmp_path / "corpus" / f"{part}.spacy")
    return Settings(tmp_path / "corpus", tmp_path / "out", [2, 4, 6])


@pytest.fixture
def trainings(trained: Language, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of each training; F1 is their share of all texts."""
    done: list[list[str]] = []

    def train(docs: Sequence[Doc], corpus: Corpus, settings: Settings, seed: int) -> Any:
        done.append([doc.text for doc in docs])
        if len(done) == 2:
            raise KeyboardInterrupt
        return trained, {"rel_exact_f": len(docs) / len(TEXTS), "ents_f": 1.0}

    monkeypatch.setattr(learning_curve, "train_and_score", train)
    return done


@pytest.mark.parametrize("strategy", learning_curve.STRATEGIES)
def test_a_cell_grows_and_goes_on(curve: Settings, trainings: Any, strategy: str) -> None:
    corpus = read_corpus(curve)
    with pytest.raises(KeyboardInterrupt):
        run_cell(strategy, 3, corpus, curve)
    run_cell(strategy, 3, corpus, curve)
    first, stopped, second, third = trainings
    assert stopped == second and second[:2] == first and third[:4] == second
    assert len({*third}) == 6 and not any("never" in text for text in first)
    cell = json.loads((curve.out / f"{strategy}-3.json").read_text("utf8"))
    assert [(step["size"], step["texts"]) for step in cell["steps"]] == [(2, 2), (4, 4), (6, 6)]
    run_cell(strategy, 3, corpus, curve)  # all is done
    assert len(trainings) == 4
    with pytest.raises(SystemExit, match="other settings"):
        run_cell(strategy, 3, corpus, curve._replace(epochs=2))
    with pytest.raises(SystemExit, match="Only 8 texts state a triple"):
        run_cell(strategy, 4, corpus, curve._replace(sizes=[9]))


def test_a_corpus_of_few_relations(curve: Settings) -> None:
    """Texts are held out of those to choose from, and the triples of other relations are no longer looked for."""
    corpus = read_corpus(curve._replace(relations=["founded"], held_out=5))
    assert [len(docs) for docs in corpus] == [7, 12, 5]
    assert {doc.text.strip() for doc in (*corpus.train, *corpus.test)} == {*TEXTS}
    for doc in (*corpus.train, *corpus.dev, *corpus.test):
        assert [relation.label for relation in get_relations(doc)] == ["founded"] * ("founded" in doc.text)
        assert len(doc.spans["rin"]) == 2
    again = read_corpus(curve._replace(held_out=5))
    assert [doc.text for doc in again.test] == [doc.text for doc in corpus.test]
    with pytest.raises(SystemExit, match=r"states left. There are: founded, leads"):
        read_corpus(curve._replace(relations=["founded", "left"]))


def test_tables(curve: Settings) -> None:
    def cell(strategy: str, seed: int, *scores: float) -> dict[str, Any]:
        steps = [{"size": 100 * 2**i, "rel_exact_f": f, "tokens": 1000, "triples": 150} for i, f in enumerate(scores)]
        return {"strategy": strategy, "seed": seed, "settings": curve.comparable(), "steps": steps}

    cells = [cell("unsure", 0, 0.4, 0.6), cell("unsure", 1, 0.2), cell("random", 0, 0.4, 0.5), cell("random", 2, 0.6)]
    first, second = summarize(cells)
    assert first["unsure"] == {
        "seeds": [0, 1],
        "f": pytest.approx(0.3),
        "f_std": pytest.approx(0.1414, abs=1e-4),
        "tokens": 1000,
        "triples": 150,
    }
    assert (first["gain"], second["gain"]) == (0.0, pytest.approx(0.1))  # of seed 0, which both have
    curve.out.mkdir()
    for item in [*cells, {**cell("random", 7, 0.0), "settings": {}}]:
        (curve.out / f"{item['strategy']}-{item['seed']}.json").write_text(json.dumps(item))
    write_tables(curve)
    assert (curve.out / "curve.md").read_text("utf8").splitlines()[2:] == [
        "| 100 | 30.0 ± 14.1 | 50.0 ± 14.1 | 0.0 | 1,000 / 150 | 1,000 / 150 |",
        "| 200 | 60.0 | 50.0 | 10.0 | 1,000 / 150 | 1,000 / 150 |",
    ]
    assert json.loads((curve.out / "curve.json").read_text("utf8"))[1]["size"] == 200
    write_tables(curve)  # its own files are no cells
