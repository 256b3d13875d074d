"""Data divided into train, dev and test."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_rin.convert import convert, split_docs, write_parts
from spacy_rin.relations import get_relations

from ..support import run
from .support import write_json

VOCAB = spacy.blank("xx").vocab
SHARES = (0.8, 0.1, 0.1)


def docs_of(*texts: list[str]) -> Any:
    return [Doc(VOCAB, words=text.split(" ")) for text in texts]


def texts_of(path: Path) -> Any:
    return [doc.text for doc in DocBin().from_disk(path).get_docs(VOCAB)]


@pytest.mark.parametrize("n,sizes", [(6, [4, 1, 1]), (10, [8, 1, 1]), (100, [80, 10, 10]), (57, [45, 6, 6])])
def test_sizes_follow_the_shares(n: int, sizes: Any) -> None:
    parts = split_docs(docs_of(*(f"text {i}" for i in range(n))), SHARES)
    assert all(abs(len(part) - size) <= 1 for part, size in zip(parts, sizes)) and sum(map(len, parts)) == n


def test_seed_and_order() -> None:
    docs = docs_of(*(f"text {i}" for i in range(40)))
    parts = split_docs(docs, (0.5, 0.25, 0.25), seed=1)
    assert parts == split_docs(docs, (0.5, 0.25, 0.25), seed=1) != split_docs(docs, (0.5, 0.25, 0.25), seed=2)
    assert all(part == sorted(part, key=docs.index) for part in parts)
    assert parts[0] != docs[:20]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 14)), min_size=3, max_size=40), st.integers(0, 3))
def test_nothing_is_in_two_parts(rows: Any, seed: Any) -> None:
    docs = docs_of(*(f"text {text}" for _, text in rows))
    numbers = [number for number, _ in rows]
    try:
        parts = split_docs(docs, (0.4, 0.3, 0.3), seed=seed, source_numbers=numbers)
    except ValueError as err:
        assert "[R044]" in str(err)
        return
    at = {id(doc): number for number, part in enumerate(parts) for doc in part}
    assert Counter(id(doc) for part in parts for doc in part) == Counter(map(id, docs))
    for key in (lambda i: numbers[i], lambda i: docs[i].text):
        homes = {}
        for i, doc in enumerate(docs):
            assert homes.setdefault(key(i), at[id(doc)]) == at[id(doc)]


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 120), st.lists(st.integers(1, 20), min_size=3, max_size=3), st.integers(0, 9))
def test_single_texts_are_shared_out_exactly(n: Any, weights: Any, seed: Any) -> None:
    shares = [weight / sum(weights) for weight in weights]
    try:
        parts = split_docs(docs_of(*(f"text {i}" for i in range(n))), shares, seed=seed)
    except ValueError as err:
        assert "[R044]" in str(err) and min(shares) * n < 1
        return
    assert all(abs(len(part) - share * n) <= 1 for part, share in zip(parts, shares))


def test_white_space_makes_no_other_text() -> None:
    docs = [Doc(VOCAB, words=words) for words in (["a", "b"], ["a", "\n", "b"], ["c"], ["d"])]
    for seed in range(5):
        parts = split_docs(docs, (0.5, 0.25, 0.25), seed=seed)
        assert [docs[0], docs[1]] in parts


def test_shared_texts_keep_sources_together() -> None:
    # The sources 0 and 1 share a text, and so do 1 and 2: all three stay together.
    docs = docs_of("a", "b", "b", "c", "c", "d", "e", "f")
    for seed in range(5):
        parts = split_docs(docs, SHARES, seed=seed, source_numbers=[0, 0, 1, 1, 2, 2, 3, 4])
        assert sorted(map(len, parts)) == [1, 1, 6]


@pytest.mark.parametrize(
    "shares",
    [
        (1,),
        (0.4, 0.2, 0.2, 0.2),
        (0.8, 0.3),
        (1, 0),
        (0.8, 0.2, 0),
        (0.8, 0.1, 0.2),
        (0.5, -0.5, 1),
        (float("nan"), 0.5, 0.5),
    ],
)
def test_wrong_shares(shares: Any) -> None:
    with pytest.raises(ValueError, match=r"^\[R040\]"):
        split_docs(docs_of("a", "b", "c"), shares)


def test_two_shares_make_no_test_part(tmp_path: Path) -> None:
    path, out = write_lines(tmp_path / "a.jsonl", 20), tmp_path / "corpus"
    result = run("convert", path, out, "--split", "0.8,0.2")
    assert result.exit_code == 0, result.output
    assert {file: len(texts_of(out / file)) for file in sorted(os.listdir(out))} == {"dev.spacy": 4, "train.spacy": 16}


def test_too_few_texts() -> None:
    with pytest.raises(ValueError, match=r"^\[R044\].*'dev' would be empty: there are 3 texts in 2 groups"):
        split_docs(docs_of("a", "b", "b"), SHARES)


def write_lines(path: Path, n: Any) -> Any:
    return write_json(
        path, *({"text": f"Ada {i}. Bo {i}.", "entities": [[0, 3, "P"]], "relations": [[0, "r", 0]]} for i in range(n))
    )


def test_cli(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", 20)
    out = tmp_path / "new" / "corpus"
    result = run("convert", path, out, "--split", "0.8,0.1,0.1", "--sents", "--seed", "3")
    assert result.exit_code == 0, result.output
    assert sorted(os.listdir(out)) == ["dev.spacy", "test.spacy", "train.spacy"]
    parts = [texts_of(out / f"{name}.spacy") for name in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [32, 4, 4] and "train.spacy (32 texts)" in " ".join(result.output.split())
    # Sentences of a text stay together.
    numbers = [{text.split()[1] for text in part} for part in parts]
    assert sum(map(len, numbers)) == len(set().union(*numbers)) == 20
    kept = [
        doc for name in ("train", "dev", "test") for doc in DocBin().from_disk(out / f"{name}.spacy").get_docs(VOCAB)
    ]
    assert sum(len(get_relations(doc)) for doc in kept) == 20
    again = tmp_path / "again"
    assert run("convert", path, again, "--split", "0.8,0.1,0.1", "--sents", "--seed", "3").exit_code == 0
    assert texts_of(again / "dev.spacy") == parts[1]


@pytest.mark.parametrize(
    "split,lines,code",
    [("0.8,0.3", 9, "R040"), ("a,b,c", 9, "R040"), ("0.8,,0.2", 9, "R040"), ("0.8,0.1,0.1", 2, "R044")],
)
def test_cli_refuses(tmp_path: Path, split: str, lines: int, code: str) -> None:
    result = run("convert", write_lines(tmp_path / "a.jsonl", lines), tmp_path / "out", "--split", split)
    assert result.exit_code == 1 and f"[{code}]" in result.output
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_all_parts_or_none(tmp_path: Path) -> None:
    docs, _ = convert(write_lines(tmp_path / "a.jsonl", 3))
    write_parts([[doc] for doc in docs], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(AttributeError):
        write_parts([docs, docs, ["no Doc"]], tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    with pytest.raises(ValueError, match=r"^\[R034\]"):
        write_parts([[doc] for doc in docs], tmp_path / "a.jsonl")


def test_real_sentences_that_occur_twice(real_data: Path) -> None:
    docs, report = convert(real_data / "nyt" / "dev.jsonl")
    parts = split_docs(docs, SHARES, source_numbers=report.source_numbers)
    texts = [{json.dumps([t.text for t in doc]) for doc in part} for part in parts]
    assert sum(map(len, texts)) == len(set().union(*texts)) < len(docs)
    assert [len(part) for part in parts] == [4000, 500, 500]
