"""The reproduction of the papers' tables: settings, scores, and going on after a stop."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import claims
import numpy as np
import plots
import published
import pytest
import reproduce
import run_config
import scoring
import spacy
import tables
import variants
from spacy import util
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import Config
from variants import Settings

from spacy_rin.convert import write_docs

from ..support import TRIPLES, component_of, gold_doc, make_examples, train

PROJECT = Path(__file__).parents[2] / "project"


def settings_of(data_set: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {"configs": PROJECT.parent / "configs", "vectors": "vectors", "transformer": "bert"}
    return Settings(data_set, **{**values, **changes})


def settings_with(settings: Settings, **changes: Any) -> Settings:
    return Settings(**{**vars(settings), **changes})


@pytest.mark.parametrize("data_set", ["webnlg", "webnlg_new", "webnlg_names", "webnlg_star", "nyt", "nyt_star"])
def test_every_variant_is_a_network_of_its_own(data_set: str, tmp_path: Path, parser: Path) -> None:
    (tmp_path / data_set).mkdir()
    vocab = spacy.blank("en").vocab
    write_docs([gold_doc(vocab, *TRIPLES[0]) for _ in range(120)], tmp_path / data_set / "train.spacy")
    seen = {}
    for name, variant in variants.VARIANTS.items():
        if variant.config == "transformer" and not find_spec("spacy_transformers"):
            continue
        config = run_config.make_config(settings_of(data_set, corpus=tmp_path, parser=parser), variant, seed=7)
        assert config["system"]["seed"] == 7
        assert variant.parses == ("parser" in config["components"])
        if data_set == "webnlg_star":  # the others have the same networks
            nlp = util.load_model_from_config(config.copy(), auto_fill=True)
            model = component_of(nlp).model
            network = model.get_ref("network").shims[0]._model
            kind = {"interactive": "Interactive"}.get(variant.config, "RIN")
            assert type(network).__name__ == ("RINInt" if variant.first_version else kind)
            reads_trees = any("DEP" in node.attrs.get("reads", ()) for node in model.walk())
            assert reads_trees == variant.parses == ("parser" in nlp.pipe_names)
        match = variants.DATA_SETS[data_set].match
        weights = {k: v for k, v in config["training"]["score_weights"].items() if v}
        assert weights == {f"rel_{match}_f": 1.0}
        # K of the paper is there under two names; the command runs it once.
        if name != f"k{variants.DATA_SETS[data_set].rounds}":
            seen[name] = Config(config).to_str()
    assert len(set(seen.values())) == len(seen)
    config = run_config.make_config(settings_of(data_set, corpus=tmp_path, epochs=7), variants.VARIANTS["best"], seed=0)
    # 120 texts, 50 a step
    assert config["training"]["eval_frequency"] == 3
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == 7 * 3


@pytest.mark.parametrize(
    ("data_set", "rounds", "rate", "epochs"),
    [("webnlg", 3, 5e-4, 150), ("webnlg_star", 2, 5e-4, 150), ("nyt", 7, 1e-3, 100), ("nyt_star", 4, 1e-3, 100)],
)
def test_the_papers_settings(data_set: str, rounds: int, rate: float, epochs: int, tmp_path: Path) -> None:
    """Sun et al., EMNLP 2020, table 3: a row that is trained as the paper says, which ours are not."""
    (tmp_path / data_set).mkdir()
    write_docs([gold_doc(spacy.blank("en").vocab, *TRIPLES[0])], tmp_path / data_set / "train.spacy")
    settings = settings_of(data_set, corpus=tmp_path)
    config = run_config.make_config(settings, variants.VARIANTS["paper_settings"], seed=0)
    training, model = config["training"], config["components"]["rin_joint"]["model"]
    assert training["optimizer"]["learn_rate"] == rate and training["max_epochs"] == epochs
    assert (training["dropout"], training["batcher"]["size"], training["optimizer"]["grad_clip"]) == (0.1, 50, 5.0)
    assert (model["rounds"], model["entity_layers"], model["relation_prior"]) == (rounds, 1, 0.5)
    assert model["tok2vec"]["embed"]["word_dropout"] == 0.04
    ours = run_config.make_config(settings, variants.VARIANTS["rin"], seed=0)
    assert ours["components"]["rin_joint"]["model"]["rounds"] == rounds
    assert ours["training"]["optimizer"]["learn_rate"]["initial_rate"] == 0.008
    # The rate of the first version's paper is the same for both data sets, and it gives no epochs.
    first = run_config.make_config(settings, variants.VARIANTS["int_paper_settings"], seed=0)
    assert (first["training"]["optimizer"]["learn_rate"], first["training"]["max_epochs"]) == (0.001, epochs)


def test_rows_of_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows have three seeds but those that cost most, and each is where the papers have it."""
    monkeypatch.setattr(reproduce, "has_transformer", lambda _: True)
    runs = reproduce.list_runs(settings_of("webnlg_star", parser=tmp_path / "none"))
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.variant, []).append(run.seed)
    assert {f"k{k}" for k in (0, 1, 3, 4, 5, 6, 7)} <= seeds.keys() and "k2" not in seeds  # K of "rin" is 2
    assert {"int", "int_k1", "int_k5", "int_rnn", "int_rnn_k3", "int_rnn_k5", "without_rc"} <= seeds.keys()
    assert not {"gcn", "interactive", "head_first"} & seeds.keys()
    single = {name for name, numbers in seeds.items() if numbers != [0, 1, 2]}
    assert {"transformer", "int_transformer_k2", "int_k1_rate_0.004"} <= single
    assert all("_rate_" in name or name.startswith(("transformer", "int_transformer")) for name in single)
    exact = {run.variant for run in reproduce.list_runs(settings_of("webnlg", parser=tmp_path / "none"))}
    assert "head_first" in exact and not {"int", "int_linear", "bilstm"} & exact
    # Asked for, a variant is run anywhere.
    asked = reproduce.list_runs(settings_of("webnlg", only=("bilstm", "rin"), seeds=(5,)))
    assert [(run.variant, run.seed) for run in asked] == [("rin", 5), ("bilstm", 5)]


def test_all_pairs_count_as_predictions() -> None:
    """Pairs of tokens that head no entities make the released code's precision lower."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 80)
    n_gold = sum(len(triples) for _, triples in TRIPLES)
    scores = scoring.score_all_pairs(nlp, examples)
    assert scores["all_pairs_exact"]["r"] == scores["all_pairs_partial"]["r"] == 1.0
    # By a threshold of 0 every relation of every pair is predicted.
    component = component_of(nlp)
    component.cfg["threshold"] = 0.0
    n_pairs = sum(len(eg.predicted) ** 2 for eg in examples) * len(component.relation_labels)
    scores = scoring.score_all_pairs(nlp, examples)
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
    settings = settings_of("webnlg_new", corpus=tmp_path, out=tmp_path / "out", vectors=None)
    (tmp_path / "webnlg_new").mkdir()
    write_docs([gold_doc(spacy.blank("en").vocab, *TRIPLES[0])], tmp_path / "webnlg_new" / "train.spacy")
    first = ("rel_exact", "rel_partial", "all_pairs_exact", "all_pairs_partial", "ents")
    old: dict[str, Any] = {kind: {"p": 0.5, "r": 0.5, "f": 0.5} for kind in first}
    row = {"p": 0.5, "r": 0.25, "f": 1 / 3, "gold": 4, "predicted": 2, "right": 1}
    nothing = {"p": 0.0, "r": 0.0, "f": 0.0, "gold": 0, "predicted": 2, "right": 0}
    novelty = {"triple": nothing, "pair": row, "both_names": row, "one_name": row, "no_name": nothing, "new": row}
    new = {**old, "rel_text": row, "rel_table": row, "rel_exact_per_novelty": novelty}
    new |= {"rel_exact_per_pattern": {"normal": row}, "rel_exact_per_count": {"2": {"texts": 1, **row}}}
    runs = []
    for variant, scores in (("rin", old), ("k0", new)):
        run = variants.Run(variant, 0, tmp_path / variant)
        run.folder.mkdir()
        whole = {"seed": 0, "epoch": 3, "minutes": 1.5, "versions": {}, "dev": scores, "test": scores}
        (run.folder / "scores.json").write_text(json.dumps(whole))
        runs.append(run)
    table = tables.merge(tables.summarize(runs), settings)
    tables.write_tables(table, settings)
    text = capsys.readouterr().out
    scores, groups = read_markdown(text)  # the papers claim nothing about this data set
    assert [row["F1"] for row in scores] == ["50.0", "50.0"]
    # Columns that no row has are left out: here there are no figures of a paper, and no seen triples.
    assert "paper, F1" not in scores[0] and "seen" not in groups[0]
    assert [(row["entities"], row["normal"], row["2"], row["new"]) for row in groups] == [
        ("50.0", "–", "–", "–"),
        ("50.0", "33.3", "33.3", "33.3"),
    ]
    assert "A table of train's facts, without a network, has F1 33.3 by text." in text
    assert table["k0"]["test"]["rel_text"]["r"]["mean"] == 25.0 and table["rin"]["test"]["rel_text"] is None


def read_markdown(text: str) -> list[list[dict[str, str]]]:
    """The rows of each table."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("| "):
            header, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines())
            found.append([dict(zip(header, row, strict=True)) for row in rows])
    return found


def figure_of(mean: float, std: float | None = None) -> dict[str, Any]:
    return {"mean": mean, "std": std, "values": [mean] * (1 if std is None else 3)}


def row_of(f: float, std: float | None = None, ents: float = 90.0) -> dict[str, Any]:
    prf = {letter: figure_of(f, std) for letter in "prf"}
    return {"test": {"rel_exact": prf, "rel_partial": prf, "ents": {"f": figure_of(ents, std)}}}


def test_claims_are_judged_by_their_deviation() -> None:
    """A difference counts if it is larger than the root of the summed squares of both deviations."""
    table = {
        "rin": row_of(84.0, 0.3),
        "k0": row_of(83.0, 0.4),  # 1.0 ± 0.5
        "without_er": row_of(84.4, 0.4),  # -0.4 ± 0.5
        "without_rc": row_of(84.6, 0.4),  # -0.6 ± 0.5
        "paper_settings": row_of(84.0),
        "paper_settings_k0": row_of(80.0, 0.1),
    }
    judged = {(found.claim.better, found.claim.worse): found for found in claims.judge_claims(table, "webnlg")}
    assert [judged["rin", name].verdict for name in ("k0", "without_er", "without_rc")] == [
        "yes",
        "no, within one deviation",
        "no, the other way round",
    ]
    single = judged["paper_settings", "paper_settings_k0"]
    assert (single.deviation, single.verdict) == (None, "not told: too few seeds")
    # The deviation of two seeds says next to nothing.
    table["k0"]["test"]["rel_exact"]["f"]["values"] = [83.0, 83.0]
    assert claims.judge_claims(table, "webnlg")[0].verdict == "not told: too few seeds"
    table["k0"]["test"]["rel_exact"]["f"]["values"] = [83.0] * 3
    # 77.0 against 74.2 in the paper
    assert judged["rin", "k0"][1:] == (2.8, 1.0, 0.5)
    # On NYT by partial match the paper has no such figures, but the claim.
    assert claims.judge_claims(table, "nyt_star")[-2].paper is None
    assert not claims.judge_claims(table, "webnlg_new")


def test_claims_about_one_data_set_and_about_entities() -> None:
    table = {"int": row_of(86, 1), "int_k1": row_of(87, 1, 95), "int_k5": row_of(88, 1, 94), "bilstm_s": row_of(85, 1)}
    for data_set, better in (("webnlg_star", "int"), ("nyt_star", "int_k5")):
        found = [judged for judged in claims.judge_claims(table, data_set) if {"int", "int_k5"} <= set(judged.claim)]
        assert [(judged.claim.better, judged.claim.kind) for judged in found] == [(better, "rel")]
        assert found[0].paper == pytest.approx(0.2 if better == "int" else 0.3)
        assert found[0].here == (-2 if better == "int" else 2)
        entities = [judged for judged in claims.judge_claims(table, data_set) if judged.claim.kind == "ents"]
        assert [(judged.paper, judged.here) for judged in entities] == [(2.5, 5), (0.8, -1)] * (data_set == "nyt_star")


def test_ranks() -> None:
    table = {"rin": row_of(80), "k0": row_of(82), "without_er": row_of(81), "without_rc": row_of(81), "k1": row_of(99)}
    assert claims.rank(table, "webnlg") == {
        "Sun et al., EMNLP 2020": [("rin", 1, 4), ("without_er", 2, 2), ("without_rc", 3, 2), ("k0", 4, 1)]
    }
    assert claims.rank({name: table[name] for name in ("rin", "k0")}, "webnlg") == {}


def test_published_figures_belong_to_variants() -> None:
    """Each has an F1, which lies between precision and recall, but for rounding."""
    named = published._TRIPLES | published._ENTITIES
    assert named.keys() <= variants.VARIANTS.keys()
    names = {name for claim in published.CLAIMS for name in claim[:2]}
    assert names.union(*published.RANKED.values()) <= variants.VARIANTS.keys()
    texts = [text for rows in (published._TRIPLES, published.OTHERS) for row in rows.values() for text in row.values()]
    for text in texts:
        p, r, f = published.parse_prf(text).values()
        assert f is not None and (p is None) == (r is None)
        if p and r:
            harmonic = 2 * p["mean"] * r["mean"] / (p["mean"] + r["mean"])
            assert f["mean"] == pytest.approx(harmonic, abs=0.3), text
    assert published.published("rin", "nyt")["f"] == {"mean": 84.7, "std": 0.4}
    assert published.published("int_k1", "nyt_star")["ents"] == {"mean": 90.1, "std": None}
    assert published.published("without_er", "webnlg")["p"] is None


# The first tables of the three papers: P, R and F1 on NYT, then on WebNLG; a star is for partial match.
TABLES = """
rin                                     | 83.9±0.5 85.5±0.5 84.7±0.4 | 77.3±0.7 76.8±1.0 77.0±0.2
rin*                                    | 87.2±0.2 87.3±0.3 87.3±0.1 | 87.6±0.1 87.0±0.9 87.3±0.4
k0                                      | 77.4±1.1 76.4±0.7 76.9±0.3 | 75.0±1.1 73.3±0.7 74.2±0.3
k0*                                     | 83.9±0.6 83.1±0.6 83.5±0.2 | 84.9±0.6 86.3±0.8 85.6±0.3
bilstm*                                 | 79.0 77.4 78.2 | 84.9 86.3 85.6
bilstm_s*                               | 78.1 78.0 78.1 | 85.0 85.8 85.4
int_k1*                                 | 81.0 82.0 81.5 | 86.7 86.0 86.3
int*                                    | 81.1 83.2 82.1 | 86.0 88.0 87.0
int_k5*                                 | 82.2 82.6 82.4 | 86.1 87.6 86.8
int_transformer_k1*                     | 88.5 86.5 87.5 | 89.1 90.3 89.7
int_transformer_k2*                     | 88.4 87.1 87.8 | 90.0 90.3 90.1
interactive                             | 78.2 69.1 73.3 | 59.2 61.3 60.2
interactive*                            | 78.2 69.1 73.3 | 59.2 61.3 60.2
copymtl_mul                             | 75.7 68.7 72.0 | 58.0 54.9 56.4
copymtl_mul*                            | 75.7 68.7 72.0 | 58.0 54.9 56.4
NovelTagging (Zheng et al. 2017)        | 62.4 31.7 42.0 | 52.5 19.3 28.3
OneDecoder (Zeng et al. 2018)*          | 59.4 53.1 56.0 | 32.2 28.9 30.5
MultiDecoder (Zeng et al. 2018)*        | 61.0 56.6 58.7 | 37.7 36.4 37.1
GraphRel, one phase (Fu et al. 2019)    | 62.9 57.3 60.0 | 42.3 39.2 40.7
GraphRel, two phases (Fu et al. 2019)   | 63.9 60.0 61.9 | 44.7 41.1 42.9
OrderRL (Zeng et al. 2019)*             | 77.9 67.2 72.1 | 63.3 59.9 61.6
CasRel on BERT (Wei et al. 2019)*       | 89.7 85.4 87.5 | 89.5 88.0 88.8
CopyMTL-One (Zeng et al. 2020)          | 72.7 69.2 70.9 | 57.8 60.1 58.9
CopyMTL-Mul (Zeng et al. 2020)          | 75.7 68.7 72.0 | 58.0 54.9 56.4
"""


@pytest.mark.parametrize("line", TABLES.strip().splitlines(), ids=lambda line: line.partition("|")[0].strip())
def test_figures_are_those_of_the_papers(line: str) -> None:
    title, *parts = (part.strip() for part in line.split("|"))
    name, star = title.removesuffix("*"), "_star" * title.endswith("*")
    for data_set, figures in zip((f"nyt{star}", f"webnlg{star}"), parts, strict=True):
        if name in published.OTHERS:
            found = published.parse_prf(published.OTHERS[name][data_set])
        else:
            found = published.published(name, data_set)
        for letter, figure in zip("prf", figures.split(), strict=True):
            mean, _, std = figure.partition("±")
            assert found[letter] == {"mean": float(mean), "std": float(std) if std else None}


def test_figures_of_rows_that_were_not_run() -> None:
    """They stand on the page of the data set, too."""
    settings, run = settings_of("nyt_star"), {"rin": {}, "k0": {}, "int_k1": {}}
    (rows,) = read_markdown("\n".join(tables._not_run_section(run, settings)[2:]))
    shown = {row["model"]: row for row in rows}
    k5 = {"paper, P": "82.2", "paper, R": "82.6", "paper, F1": "82.4", "paper, entities": "90.9"}
    assert shown["first version, K = 5"] == {"model": "first version, K = 5", **k5}
    assert shown["RIN-γ, K = 1"]["paper, F1"] == "77.8" and shown["RIN-γ, K = 1"]["paper, entities"] == "–"
    assert not {"first version, K = 1", "RIN w/o RC", "RIN, our best"} & shown.keys()
    assert tables._not_run_section({}, settings_of("webnlg_new")) == []


def row_with(scores: dict[int, dict[str, float | None]], **settings: Any) -> dict[str, Any]:
    """A row of the results with an F1 for each seed and kind of scores. P and R are the same."""
    row: dict[str, Any] = {name: [f"{name} {seed}" for seed in scores] for name in tables.PER_SEED}
    row["seeds"] = list(scores)
    kinds = {kind for of_seed in scores.values() for kind in of_seed}
    for part in ("dev", "test"):
        row[part] = {}
        for kind in kinds:
            found = [None if (f := of_seed[kind]) is None else dict.fromkeys("prf", f) for of_seed in scores.values()]
            row[part][kind] = tables.average(found)
    return {**row, **settings}


def write_vectors(folder: Path, data: Any) -> str:
    """Word vectors, as `spacy init vectors` makes them."""
    nlp = spacy.blank("en")
    keys = [nlp.vocab.strings.add(f"word{row}") for row in range(len(data))]
    nlp.vocab.vectors = Vectors(data=np.asarray(data, dtype=np.float32), keys=keys)
    nlp.to_disk(folder)
    return str(folder)


@pytest.fixture
def one_text(tmp_path: Path) -> Settings:
    """Settings to train on one text and on word vectors, with an empty folder for the results."""
    vocab = spacy.blank("en").vocab
    write_docs([gold_doc(vocab, *TRIPLES[0])], tmp_path / "corpus" / "webnlg" / "train.spacy")
    vectors = write_vectors(tmp_path / "vectors", np.random.default_rng(0).normal(size=(50, 100)))
    folders = {"corpus": tmp_path / "corpus", "out": tmp_path / "out", "runs": tmp_path / "runs"}
    folders["out"].mkdir()
    return settings_of("webnlg", vectors=vectors, **folders)


def test_seeds_of_earlier_runs_stay(one_text: Settings) -> None:
    training = tables.training_of("rin", one_text)
    one = {"rel_exact": 0.8, "ents": 0.9}
    kept = {
        "rin": row_with({0: one, 2: {"rel_exact": 0.84, "ents": 0.8}}, training=training),
        "without_er": row_with({0: one}, training=tables.training_of("without_er", one_text)),
    }
    (one_text.out / "webnlg.json").write_text(json.dumps(kept))
    found = {
        "rin": row_with({1: {"rel_exact": 0.7, "ents": 0.7}, 2: {"rel_exact": 0.9, "ents": None}}),
        "k2": row_with({1: one}),
    }
    merged = tables.merge(found, one_text)
    assert {name: row["seeds"] for name, row in merged.items()} == {"rin": [0, 1, 2], "without_er": [0], "k2": [1]}
    rin = merged["rin"]
    assert rin["minutes"] == ["minutes 0", "minutes 1", "minutes 2"] and rin["training"] == training
    # The new run of seed 2 replaces the old one. Deviations 0, -10 and 10: √(200 / 2)
    assert rin["test"]["rel_exact"]["f"] == {"mean": 80.0, "std": 10.0, "values": [80.0, 70.0, 90.0]}
    # A mean over some of the seeds would be compared with means over all of them.
    assert rin["dev"]["ents"] is None and rin["dev"]["rel_partial"] is None
    assert merged["without_er"] == kept["without_er"]
    assert merged["k2"]["training"] == tables.training_of("k2", one_text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 10}, "epochs 10, not 20: rin"),
        ({"texts": 2}, "texts 2, not 1: rin"),
        ({"vectors": "400000 x 100, mean length 5.12"}, "vectors 400000 x 100, mean length 5.12, not 50 x 100, mean "),
        ({"transformer": "bert, 12 layers"}, None),  # there is none in the rows to train
        ({"config": "0"}, "config 0, not "),
    ],
)
def test_rows_of_other_settings_are_not_lost(changes: dict[str, Any], message: str | None, one_text: Settings) -> None:
    """New rows beside them could not be compared with them."""
    training = {**tables.training_of("rin", one_text), **changes}
    (one_text.out / "webnlg.json").write_text(json.dumps({"rin": row_with({0: {"ents": 0.9}}, training=training)}))
    found = {"k2": row_with({1: {"ents": 0.9}})}
    if message is None:
        assert tables.merge(found, one_text).keys() == {"rin", "k2"}
        return
    with pytest.raises(SystemExit) as refused:
        tables.merge(found, one_text)
    assert message in str(refused.value) and "--out" in str(refused.value)


def test_rows_that_do_not_tell_their_settings_are_not_lost(one_text: Settings) -> None:
    row = row_with({0: {"ents": 0.9}})
    for name, message in (("rin", "epochs unknown, not 20: rin"), ("gone", "a variant that is not known: gone")):
        (one_text.out / "webnlg.json").write_text(json.dumps({name: row}))
        with pytest.raises(SystemExit, match=message):
            tables.merge({"k2": row}, one_text)


def test_runs_on_another_transformer_are_not_averaged(
    one_text: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transformer is told by its weights, wherever they lie."""
    transformers = pytest.importorskip("transformers")
    for name in ("one", "other"):
        sizes = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        transformers.BertModel(transformers.BertConfig(**sizes)).save_pretrained(tmp_path / name)
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    folders = (str(tmp_path / name) for name in ("one", "other", "moved"))
    one, other, moved = (settings_with(one_text, transformer=folder) for folder in folders)
    table = tables.merge({"transformer": row_with({0: {"ents": 0.9}})}, one)
    (one.out / "webnlg.json").write_text(json.dumps(table))
    found = {"transformer": row_with({1: {"ents": 0.5}})}
    assert tables.merge(found, moved)["transformer"]["seeds"] == [0, 1]
    with pytest.raises(SystemExit, match=r"transformer bert, 1 layers, .*: transformer"):
        tables.merge(found, other)
    # It does not matter to other rows, and need not be there.
    gone = settings_with(one, transformer="gone")
    assert tables.merge({"rin": found["transformer"]}, gone).keys() == {"rin", "transformer"}
    # A command adds all runs with its settings. It does not find out too late that one can't join.
    run = one_text.runs / "webnlg" / "transformer" / "0"
    run.mkdir(parents=True)
    (run / "scores.json").write_text(json.dumps({"training": tables.training_of("transformer", other)}))
    names = ("vectors", "transformer", "corpus", "configs", "runs", "out")
    options = [f"--{name}={getattr(other, name)}" for name in names]
    monkeypatch.setattr(sys, "argv", ["reproduce.py", "webnlg", "--only=rin", *options])
    monkeypatch.setattr(reproduce, "work", lambda *_: pytest.fail("a run was started"))
    with pytest.raises(SystemExit, match="transformer bert"):
        reproduce.main()


def test_runs_on_other_word_vectors_are_other_runs(one_text: Settings, tmp_path: Path) -> None:
    made = np.random.default_rng(0).normal(size=(50, 100))
    # Principal components have any sign, and each machine rounds in its own way.
    again = settings_with(one_text, vectors=write_vectors(tmp_path / "again", -made * (1 + 1e-6)))
    other = settings_with(one_text, vectors=write_vectors(tmp_path / "other", 1.01 * made))
    run = variants.Run("rin", 3, tmp_path / "run")
    run.folder.mkdir()
    run_config.make_config(one_text, variants.VARIANTS["rin"], 3).to_disk(run.folder / "config.cfg")
    assert not reproduce.is_trained(run, one_text)  # its training has not ended
    run.trained.write_text(json.dumps(reproduce.describe_end(run, one_text, 60.0)))
    # It is told what the vectors were, which may be gone.
    shutil.rmtree(tmp_path / "vectors")
    run_config.describe_vectors.cache_clear()
    assert reproduce.is_trained(run, again) and not reproduce.is_trained(run, other)


def test_runs_of_changed_code_are_not_averaged(one_text: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of earlier code may stand beside those of today, and are marked."""
    monkeypatch.setattr(tables, "draw", lambda *_: None)
    row = row_with(dict.fromkeys(range(3), dict.fromkeys(scoring.KINDS, 0.5)), minutes=[1, 2, 3])
    tables.write_tables(tables.merge({"rin": row, "k1": row}, one_text), one_text)
    monkeypatch.setattr(run_config, "REVISION", run_config.REVISION + 1)
    monkeypatch.setattr(tables, "REVISION", run_config.REVISION)
    with pytest.raises(SystemExit, match="revision 2, not 3: rin"):
        tables.merge({"rin": row}, one_text)
    tables.write_tables(tables.merge({"k2": row}, one_text), one_text)
    text = (one_text.out / "webnlg.md").read_text("utf8")
    models = [row["model"] for row in read_markdown(text)[0]]
    assert models == ["RIN, our set-up, K = 3†", "RIN, K = 1†", "RIN, K = 2"]
    assert "Rows with † were trained by an earlier version" in text


def test_a_run_is_worked_on_by_one_command(one_text: Settings, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    run = variants.Run("rin", 0, tmp_path / "run")
    run.folder.mkdir()
    (run.folder / "model-last").mkdir()
    holder = "import fcntl, sys; log = open(sys.argv[1], 'a'); fcntl.lockf(log, fcntl.LOCK_EX); print(); input()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", holder, str(run.folder / "log.txt")], **pipes) as other:
        assert other.stdout and other.stdout.readline()
        with pytest.raises(SystemExit, match="rin, seed 0: another command works on it"):
            next(reproduce.train(run, one_text))
        other.communicate(b"\n")
    assert (run.folder / "model-last").exists()


@pytest.mark.parametrize(
    "wrong", [["--jobs", "0"], ["--jobs=-1"], ["--epochs=-1"], ["--seeds", "a"], ["--seeds", ""], ["--seeds=0,-1"]]
)
def test_wrong_numbers_are_refused(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", "webnlg", *wrong])
    with pytest.raises(SystemExit, match="2"):
        reproduce.main()
    assert "is not a whole number of at least" in capsys.readouterr().err


def test_tables_of_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", "nyt", "--tables", f"--out={tmp_path}"])
    with pytest.raises(SystemExit, match="has no results of nyt"):
        reproduce.main()
    assert not list(tmp_path.iterdir())


def test_tables_for_an_output_of_few_letters(tmp_path: Path) -> None:
    """The names of the first version's variants have letters that many encodings lack."""
    shutil.copy(PROJECT / "results/webnlg_star.json", tmp_path)
    script = PROJECT / "scripts/reproduce.py"
    command = [sys.executable, script, "webnlg_star", "--tables", f"--out={tmp_path}"]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert ran.returncode == 0 and b"RIN-?" in ran.stdout, ran.stderr
    assert "RIN-ỹ" in (tmp_path / "webnlg_star.md").read_text("utf8")
    assert (tmp_path / "webnlg_star_variants.png").exists() == bool(find_spec("matplotlib"))


def test_rows_whose_transformer_is_missing_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("spacy_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    runs = reproduce.list_runs(settings_of("webnlg", transformer=str(tmp_path / "none"), parser=tmp_path / "none"))
    assert {"rin", "best"} <= {run.variant for run in runs}
    assert not any(variants.VARIANTS[run.variant].config == "transformer" for run in runs)
    assert capsys.readouterr().err.count("Variants on a transformer are left out") == 1


def test_what_a_run_is_told_by(one_text: Settings, parser: Path, tmp_path: Path) -> None:
    """Neither by its seed nor by where files lie, but by all that it is trained with."""
    settings = settings_with(one_text, parser=parser)
    config = run_config.make_config(settings, variants.VARIANTS["gcn"], 0)
    training = run_config.describe_training(config)
    assert training["parser"] and run_config.describe_training(config, joins=False).keys() == training.keys() - {
        "revision",
        "transformer",
        "parser",
    }
    for name, path in {"train": config["paths"]["train"], "vectors": settings.vectors, "parser": parser}.items():
        copy = shutil.copytree if Path(path).is_dir() else shutil.copyfile
        config["paths"][name] = str(copy(path, tmp_path / f"copy of {name}"))
    config["system"] = {"seed": 5, "gpu_allocator": "pytorch"}
    del config["components"]["rin_joint"]["model"]["round_weight"]  # older configs do not have it
    assert run_config.describe_training(config) == training

    def differences(section: str, key: str, value: Any) -> list[str]:
        changed = config.copy()
        place = changed
        for name in section.split("."):
            place = place[name]
        place[key] = value
        return [line.split()[0] for line in run_config.compare(training, run_config.describe_training(changed))]

    assert differences("training", "max_epochs", 7) == ["epochs"]
    assert differences("training", "dropout", 0.5) == ["config"]
    assert differences("components.rin_joint", "head", "first") == ["config"]
    assert differences("components.rin_joint.model", "round_weight", 1.0) == ["config"]
    assert differences("paths", "init_tok2vec", "weights") == ["config"]
    assert differences("paths", "vectors", None) == ["vectors"]
    smaller = Config().from_disk(tmp_path / "copy of parser" / "config.cfg", interpolate=False)
    smaller["training"]["dropout"] = 0.3
    smaller.to_disk(tmp_path / "copy of parser" / "config.cfg")
    assert differences("paths", "parser", config["paths"]["parser"]) == ["parser"]


def test_runs_can_join_the_committed_results(tmp_path: Path) -> None:
    """Their rows tell what they were trained with, and have the settings that their variants have."""
    for data_set in ("webnlg", "webnlg_new", "webnlg_names", "webnlg_star", "nyt_star"):
        write_docs([gold_doc(spacy.blank("en").vocab, *TRIPLES[0])], tmp_path / data_set / "train.spacy")
        settings = settings_of(data_set, corpus=tmp_path, out=PROJECT / "results", vectors=None)
        for name, row in tables.read_table(settings).items():
            training, variant = row["training"], variants.VARIANTS[name]
            assert training["config"] == tables.training_of(name, settings, joins=False)["config"]
            assert (training["vectors"] is None) == (name == "without_vectors")
            assert (training["transformer"] is not None) == (variant.config == "transformer")
            assert (training["parser"] is not None) == variant.parses


def test_committed_results_say_how_they_were_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are what the JSON gives."""
    monkeypatch.setattr(tables, "draw", lambda *_: None)
    for data_set in ("webnlg", "webnlg_new", "webnlg_names", "webnlg_star", "nyt_star"):
        table = tables.read_table(settings_of(data_set, out=PROJECT / "results"))
        tables.write_tables(table, settings_of(data_set, out=tmp_path))
        for suffix in ("md", "json"):
            made, kept = tmp_path / f"{data_set}.{suffix}", PROJECT / "results" / f"{data_set}.{suffix}"
            assert made.read_text() == kept.read_text()
        for row, shown in zip(table.values(), read_markdown((tmp_path / f"{data_set}.md").read_text())[0], strict=True):
            rounds = row["training"]["rounds"]
            assert ("K = " in shown["model"]) == (rounds is not None)
            assert rounds is None or f"K = {rounds}" in shown["model"]
        for variant, row in table.items():
            made_as = variants.VARIANTS[variant]
            rounds = {"paper": variants.DATA_SETS[data_set].rounds, "transformer": 1, "interactive": None}
            assert row["training"]["rounds"] == made_as.changes.get(
                "components.rin_joint.model.rounds", rounds[made_as.config]
            )
    assert {row["training"]["texts"] for row in table.values()} == {8726}


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
    assert f"Trained on {len(docs)} texts, the papers on 5,019: their figures can't be compared." in printed
    assert [row["epochs"] for row in read_markdown(printed)[0]] == ["1"]
    # The same texts are train and test, so all triples are seen. The table finds all of them, and nothing else:
    # where names occur together, half of the texts or more state the fact.
    scores = json.loads((tmp_path / "runs/webnlg/k0/0/scores.json").read_text())["test"]
    groups = scores["rel_exact_per_novelty"]
    assert groups["triple"]["gold"] == scores["rel_text"]["gold"] == 7 and groups["new"]["gold"] == 0
    assert (scores["rel_table"]["f"], scores["rel_table"]["right"]) == (1.0, 7)
    assert {name: row["texts"] for name, row in scores["rel_exact_per_pattern"].items()}["normal"] == 3
    assert scores["rel_exact_per_count"]["2"]["gold"] == 4
    assert "A table of train's facts, without a network, has F1 100.0 by text." in printed
    after = run("--seeds=0,1", "--jobs=2")
    assert after[0] == before
    assert len(after) == 2
    assert "RIN w/o interaction (K = 0) | 2 |" in capsys.readouterr().out
    assert (killed / "model-best").exists()
    assert not (killed / "model-last").exists()
    assert json.loads((tmp_path / "out/webnlg.json").read_text())["k0"]["seeds"] == [0, 1]
    # A run that was stopped while it was scored, or that lacks scores of today, is scored without training.
    folder = tmp_path / "runs/webnlg/k0/0"
    whole = json.loads((folder / "scores.json").read_text())
    assert whole["training"] == json.loads((tmp_path / "out/webnlg.json").read_text())["k0"]["training"]
    assert whole["minutes"] < 10 and whole["versions"]["spacy"] == spacy.__version__
    trained = (folder / "model-best/meta.json").stat().st_mtime_ns
    less = {**whole, "test": {k: v for k, v in whole["test"].items() if k != "rel_text"}}
    for text in (None, json.dumps(less)):
        (folder / "scores.json").unlink()
        if text:
            (folder / "scores.json").write_text(text)
        run("--seeds=0")
        assert json.loads((folder / "scores.json").read_text()) == whole
        assert (folder / "model-best/meta.json").stat().st_mtime_ns == trained
    capsys.readouterr()
    # Other settings need other folders, for the results and for the runs.
    done = run("--seeds=0")
    results = (tmp_path / "out/webnlg.json").read_text()
    monkeypatch.setattr(reproduce, "work", lambda *_: pytest.fail("a run was started"))
    for more in ([], [f"--runs={tmp_path / 'new'}"], [f"--out={tmp_path / 'new'}"]):
        with pytest.raises(SystemExit, match="epochs 1, not 2: "):
            run("--seeds=0", "--epochs=2", *more)
    assert (tmp_path / "out/webnlg.json").read_text() == results
    monkeypatch.undo()
    assert run("--seeds=0", "--epochs=2", f"--runs={tmp_path / 'new'}", f"--out={tmp_path / 'new'}") == done
    assert json.loads((tmp_path / "new/webnlg.json").read_text())["k0"]["seeds"] == [0]
    # The same settings on files that lie elsewhere are the same run.
    (tmp_path / "corpus").rename(tmp_path / "moved")
    assert run("--seeds=0", f"--corpus={tmp_path / 'moved'}") == done


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
    assert scoring.best_epoch(tmp_path / "log.txt", "exact") == 14
    assert scoring.best_epoch(tmp_path / "log.txt", "partial") == 8


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


def test_cells_have_a_curve_from_two_numbers_of_rounds_on() -> None:
    """K = 0 belongs to both cells, and is no curve by itself."""
    rows: dict[str, Any] = {name: {"name": name} for name in ("bilstm_s", "int_k1", "int")}
    gru = [(0, rows["bilstm_s"]), (1, rows["int_k1"]), (3, rows["int"])]
    assert plots.rounds_of_cells({name: rows[name] for name in ("int_k1", "int")}) == {"GRU": gru[1:]}
    assert plots.rounds_of_cells(rows) == {"GRU": gru}
    assert plots.rounds_of_cells({"bilstm_s": rows["bilstm_s"]}) == {}
