"""The reproduction of the papers' tables: settings, scores, and going on after a stop."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import plots
import pytest
import reproduce
import spacy
import tables
import variants
from spacy import util
from spacy.tokens import Doc
from thinc.api import Config
from variants import Settings

from spacy_rin.convert import write_docs

from ..support import TRIPLES, component_of, gold_doc, make_examples, train

PROJECT = Path(__file__).parents[2] / "project"


def settings_of(data_set: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {"configs": PROJECT.parent / "configs", "vectors": "vectors", "transformer": "bert"}
    return Settings(data_set, **{**values, **changes})


@pytest.mark.parametrize("data_set", ["webnlg", "webnlg_new", "webnlg_star", "nyt", "nyt_star"])
def test_every_variant_is_a_network_of_its_own(data_set: str, tmp_path: Path, parser: Path) -> None:
    (tmp_path / data_set).mkdir()
    vocab = spacy.blank("en").vocab
    write_docs([gold_doc(vocab, *TRIPLES[0]) for _ in range(120)], tmp_path / data_set / "train.spacy")
    seen = {}
    for name, variant in variants.VARIANTS.items():
        if variant.config == "transformer" and not find_spec("spacy_transformers"):
            continue
        config = variants.make_config(settings_of(data_set, corpus=tmp_path, parser=parser), variant, seed=7)
        nlp = util.load_model_from_config(config.copy(), auto_fill=True)
        model = component_of(nlp).model
        network = model.get_ref("network").shims[0]._model
        assert config["system"]["seed"] == 7
        kind = {"interactive": "Interactive"}.get(variant.config, "RIN")
        assert type(network).__name__ == ("RINInt" if variant.first_version else kind)
        reads_trees = any("DEP" in node.attrs.get("reads", ()) for node in model.walk())
        assert reads_trees == variant.parses == ("parser" in nlp.pipe_names) == ("parser" in config["components"])
        match = variants.DATA_SETS[data_set].match
        weights = {k: v for k, v in config["training"]["score_weights"].items() if v}
        assert weights == {f"rel_{match}_f": 1.0}
        # K of the paper is there under two names; the command runs it once.
        if name != f"k{variants.DATA_SETS[data_set].rounds}":
            seen[name] = Config(config).to_str()
    assert len(set(seen.values())) == len(seen)
    config = variants.make_config(settings_of(data_set, corpus=tmp_path, epochs=7), variants.VARIANTS["best"], seed=0)
    # 120 texts, 50 a step
    assert config["training"]["eval_frequency"] == 3
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == 7 * 3


def test_all_pairs_count_as_predictions() -> None:
    """Pairs of tokens that head no entities make the released code's precision lower."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 80)
    n_gold = sum(len(triples) for _, triples in TRIPLES)
    scores = reproduce.score_all_pairs(nlp, examples)
    assert scores["all_pairs_exact"]["r"] == scores["all_pairs_partial"]["r"] == 1.0
    # By a threshold of 0 every relation of every pair is predicted.
    component = component_of(nlp)
    component.cfg["threshold"] = 0.0
    n_pairs = sum(len(eg.predicted) ** 2 for eg in examples) * len(component.relation_labels)
    scores = reproduce.score_all_pairs(nlp, examples)
    assert scores["all_pairs_exact"]["p"] == pytest.approx(n_gold / n_pairs)
    assert scores["all_pairs_partial"]["p"] == pytest.approx(n_gold / n_pairs)


def test_means_and_deviations(tmp_path: Path) -> None:
    def write(seed: Any, f: Any) -> Any:
        prf = {"p": 0.5, "r": 0.25, "f": f}
        scores = {part: dict.fromkeys(tables.KINDS, prf) for part in ("dev", "test")}
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "scores.json").write_text(
            json.dumps({"seed": seed, "epoch": 3, "minutes": 1.5, "versions": {}, **scores})
        )
        return variants.Run("rin", seed, folder)

    runs = [write(0, 0.8), write(1, 0.82)]
    table = tables.summarize(runs)
    assert table["rin"]["seeds"] == [0, 1]
    # Deviations 0.01 of the mean, n - 1 = 1: √(2 · 0.01²)
    assert table["rin"]["test"]["rel_exact"]["f"] == {"mean": 81.0, "std": 1.41, "values": [80.0, 82.0]}
    assert tables.cell(table["rin"]["test"]["rel_exact"]["f"]) == "81.0 ± 1.4"
    assert tables.summarize(runs[:1])["rin"]["dev"]["ents"]["p"] == {"mean": 50.0, "std": None, "values": [50.0]}


def test_seen_and_new_triples_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores of an earlier version do not have these, and a data set may have no seen triples."""
    monkeypatch.setattr(tables, "draw", lambda *_: None)
    settings = settings_of("webnlg_new", corpus=tmp_path, out=tmp_path / "out")
    (tmp_path / "webnlg_new").mkdir()
    write_docs([gold_doc(spacy.blank("en").vocab, *TRIPLES[0])], tmp_path / "webnlg_new" / "train.spacy")
    old: dict[str, Any] = {kind: {"p": 0.5, "r": 0.5, "f": 0.5} for kind in tables.KINDS}
    row = {"p": 0.5, "r": 0.25, "f": 1 / 3, "gold": 4, "predicted": 2, "right": 1}
    nothing = {"p": 0.0, "r": 0.0, "f": 0.0, "gold": 0, "predicted": 2, "right": 0}
    novelty = {"triple": nothing, "pair": row, "both_names": row, "one_name": row, "no_name": nothing, "new": row}
    new = {**old, "rel_text": row, "rel_table": row, "rel_exact_per_novelty": novelty}
    runs = []
    for variant, scores in (("rin", old), ("k0", new)):
        run = variants.Run(variant, 0, tmp_path / variant)
        run.folder.mkdir()
        whole = {"seed": 0, "epoch": 3, "minutes": 1.5, "versions": {}, "dev": scores, "test": scores}
        (run.folder / "scores.json").write_text(json.dumps(whole))
        runs.append(run)
    table = tables.summarize(runs)
    tables.write_tables(table, settings)
    lines = capsys.readouterr().out.splitlines()
    header, *rows = ([cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| "))
    places = [header.index(name) for name in ("test F1", "seen, F1", "new, F1")]
    assert [[row[place] for place in places] for row in rows] == [["50.0", "–", "–"], ["50.0", "–", "33.3"]]
    assert "A table of train's facts, without a network, has F1 33.3 by text." in " ".join(lines)
    assert table["k0"]["test"]["rel_text"]["r"]["mean"] == 25.0 and table["rin"]["test"]["rel_text"] is None


def test_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vocab = spacy.blank("en").vocab
    docs = [gold_doc(vocab, text, triples) for text, triples in TRIPLES]
    for doc in docs:
        for token in doc:
            token.tag_ = "NN" if token.is_title else "X"
    for part in ("train", "dev", "test"):
        write_docs([Doc(vocab).from_bytes(doc.to_bytes()) for doc in docs], tmp_path / f"corpus/webnlg/{part}.spacy")
    folders = [f"--{name}={tmp_path / name}" for name in ("corpus", "runs", "out")]
    configs = f"--configs={PROJECT.parent / 'configs'}"
    command = ["reproduce.py", "webnlg", "--only=k0", "--epochs=1", configs, *folders]

    def run(*more: Any) -> Any:
        monkeypatch.setattr(sys, "argv", [*command, *more])
        reproduce.main()
        return [path.stat().st_mtime_ns for path in sorted((tmp_path / "runs/webnlg/k0").glob("*/scores.json"))]

    # A run that was killed has a folder, but no scores.
    killed = tmp_path / "runs/webnlg/k0/1"
    killed.mkdir(parents=True)
    (killed / "log.txt").write_text("0 0 0.0")
    (before,) = run("--seeds=0")
    printed = capsys.readouterr().out
    assert "RIN w/o interaction (K = 0) | 1 |" in printed
    assert f"Trained on {len(docs)} texts for 1 epochs." in printed
    # The same texts are train and test, so all triples are seen. The table finds all of them, and nothing else:
    # where names occur together, half of the texts or more state the fact.
    scores = json.loads((tmp_path / "runs/webnlg/k0/0/scores.json").read_text())["test"]
    groups = scores["rel_exact_per_novelty"]
    assert groups["triple"]["gold"] == scores["rel_text"]["gold"] == 7 and groups["new"]["gold"] == 0
    assert (scores["rel_table"]["f"], scores["rel_table"]["right"]) == (1.0, 7)
    assert "A table of train's facts, without a network, has F1 100.0 by text." in printed
    after = run("--seeds=0,1", "--jobs=2")
    assert after[0] == before
    assert len(after) == 2
    assert "RIN w/o interaction (K = 0) | 2 |" in capsys.readouterr().out
    assert (killed / "model-best").exists()
    assert not (killed / "model-last").exists()
    assert json.loads((tmp_path / "out/webnlg.json").read_text())["k0"]["seeds"] == [0, 1]
    # Another config is another run.
    again = run("--seeds=0", "--epochs=2")
    assert again[0] > before
    # Seed 1 had other settings: it does not count any more.
    assert "RIN w/o interaction (K = 0) | 1 |" in capsys.readouterr().out
    # The same settings on files that lie elsewhere are the same run.
    (tmp_path / "corpus").rename(tmp_path / "moved")
    assert run("--seeds=0", "--epochs=2", f"--corpus={tmp_path / 'moved'}") == again


def test_epoch_that_was_kept(tmp_path: Path) -> None:
    """The final score of the log has two digits only."""
    (tmp_path / "log.txt").write_text(
        "ℹ Using CPU\n"
        "E    #       LOSS TRANS...  REL_EXACT_F  REL_EXACT_P  REL_PARTIAL_F  ENTS_F  SCORE\n"
        "---  ------  -------------  -----------  -----------  -------------  ------  ------\n"
        "  0       0           0.10         0.00         0.00           0.00    5.34    0.00\n"
        "  8     936         106.18        90.66        91.03          91.20   97.09    0.91\n"
        " 13    1560           7.28        90.98        90.86          90.98   97.18    0.91\n"
        " 14    1664           8.74        90.98        90.86          90.98   97.18    0.91\n"
    )
    assert reproduce.best_epoch(tmp_path / "log.txt", "exact") == 14
    assert reproduce.best_epoch(tmp_path / "log.txt", "partial") == 8


def test_pictures_are_points_with_deviations(tmp_path: Path) -> None:
    """Each mean is where it belongs, a deviation is drawn where there are several seeds, and nothing is a bar."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figures = [
        (1, {"mean": 81.0, "std": 1.0, "values": [80.0, 81.0, 82.0]}),
        (2, {"mean": 83.0, "std": None, "values": [83.0]}),
    ]
    figure, (up, across) = pyplot.subplots(1, 2)
    plots.draw_points(up, figures)
    plots.draw_points(across, figures, across=True)
    for axis, turn in ((up, 1), (across, -1)):
        assert not axis.patches
        (drawn,) = axis.containers
        means, seeds = drawn.lines[0], axis.lines[-1]
        assert means.get_xydata()[:, ::turn].tolist() == [[1, 81], [2, 83]]
        assert seeds.get_xydata()[:, ::turn].tolist() == [[1, 80], [1, 81], [1, 82]]
        (bars,) = drawn.lines[2]
        first, second = (np.asarray(segment).reshape(-1, 2)[:, ::turn] for segment in bars.get_segments())
        assert first.tolist() == [[1, 80], [1, 82]] and not len(second[~np.isnan(second).any(1)])
    pyplot.close(figure)


def test_precision_of_no_predictions_is_no_number() -> None:
    row = {"p": 0.0, "r": 0.0, "f": 0.0, "gold": 3, "predicted": 0, "right": 0}
    figures = tables.average([row])
    assert [tables.cell(figures[letter]) for letter in "prf"] == ["–", "0.0", "0.0"]
