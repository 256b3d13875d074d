"""Files with mistakes, for every reader: what can be read is right, and what can't is an error with a code."""

import functools
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import spacy

from spacy_rin.convert import CONVERTERS, EXPORTERS, convert, export, write_docs
from spacy_rin.extract.documents import INPUT_FORMATS, read_documents
from spacy_rin.pipeline.corpus import read_docs

from .mutate import hostile_text, mutated_bytes, mutated_json
from .support import in_child, outcome, seeds

DATA = Path(__file__).parents[1] / "convert" / "data"
# Without .spacy files, which have tests of their own
FILES = {path.stem: path for path in sorted(DATA.iterdir()) if path.is_file() and path.suffix != ".spacy"}
COPY_RE_IDS = "[[3, 5, 7], [1, 0, 2]]\n"


@pytest.fixture(scope="module", autouse=True)
def cached_pipelines() -> Any:
    """Making a pipeline takes longer than reading a small file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spacy_rin.convert.docs.blank_pipeline", functools.cache(spacy.blank))
        yield


def is_sound(docs: Any) -> None:
    """Whether all annotation of Docs is in their texts, and comes back from a file."""
    for doc in docs:
        for relation in doc._.relations:
            assert relation.label and len(relation.subject) and len(relation.object)
            assert doc.text[relation.subject.start_char : relation.subject.end_char] == relation.subject.text
    for format in EXPORTERS:
        outcome(lambda format=format: export(docs, format), "exports")


@pytest.mark.parametrize("stem", FILES)
def test_annotation(stem: str, tmp_path: Path, hostile: int) -> None:
    original = FILES[stem].read_bytes()
    names = [name for name in CONVERTERS if stem.startswith(name) or name.startswith(stem)]
    is_json = FILES[stem].suffix in (".json", ".jsonl")
    path = tmp_path / f"in{FILES[stem].suffix}"

    @seeds(3 * hostile)
    def check(seed: int) -> None:
        chance = Random(seed)
        mutate = mutated_json if is_json and chance.random() < 0.6 else mutated_bytes
        path.write_bytes(mutate(original, chance))
        for format in ("auto", names[-1] if names else "jsonl"):
            snap = chance.random() < 0.5
            found = outcome(lambda format=format, snap=snap: convert(path, format, snap=snap), "annotation files")
            if found is not None:
                is_sound(found[0])
                write_docs(found[0], tmp_path / "out.spacy")
                again = read_docs(tmp_path / "out.spacy", spacy.vocab.Vocab())
                assert [doc.text for doc in again] == [doc.text for doc in found[0]]

    check()


def test_brat(tmp_path: Path, hostile: int) -> None:
    pairs = [(path, path.with_suffix(".txt")) for path in sorted((DATA / "brat").rglob("*.ann"))]

    @seeds(5 * hostile)
    def check(seed: int) -> None:
        chance = Random(seed)
        contents = [file.read_bytes() for file in chance.choice(pairs)]
        at = chance.choice([0, 0, 0, 1])
        contents[at] = mutated_bytes(contents[at], chance)
        for suffix, content in zip((".ann", ".txt"), contents):
            (tmp_path / f"in{suffix}").write_bytes(content)
        found = outcome(lambda: convert(tmp_path / "in.ann", chance.choice(["brat", "auto"])), "annotation files")
        if found is not None:
            is_sound(found[0])

    check()


def texts_in(format: str, folder: Path, chance: Random) -> Path:
    """Write a file of texts, with mistakes in it."""
    texts = [hostile_text(chance) or "x" for _ in range(4)]
    path = folder / f"in.{format}"
    if format == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        columns = {"id": list(range(4)), "text": [text.encode("utf-8", "replace").decode() for text in texts]}
        parquet.write_table(pyarrow.table(columns), path)
        content = path.read_bytes()
    elif format == "jsonl":
        content = b"\n".join(json.dumps({"text": text, "id": i, "meta": [i]}).encode() for i, text in enumerate(texts))
    else:
        separator = {"csv": ",", "tsv": "\t"}.get(format, " ")
        rows = [("id", "text"), *((str(i), '"' + text.replace('"', '""') + '"') for i, text in enumerate(texts))]
        content = "\n".join(map(separator.join, rows)).encode("utf-8", "replace")
    path.write_bytes(mutated_json(content, chance) if format == "jsonl" and chance.random() < 0.5 else content)
    if chance.random() < 0.9:
        path.write_bytes(mutated_bytes(path.read_bytes(), chance))
    return path


@pytest.mark.parametrize("format", [name for name in INPUT_FORMATS if name != "folder"])
def test_texts(format: str, tmp_path: Path, hostile: int) -> None:
    def check(seed: int) -> None:
        chance = Random(seed)
        path = texts_in(format, tmp_path, chance)
        documents = outcome(lambda: list(read_documents(path, format)), "files of texts")
        for document in documents or ():
            assert bool(document.error) != bool(document.text)
            json.dumps([document.id, document.error]).encode()
            document.text.encode("utf-8")

    @seeds(max(1, hostile // 10))
    def check_many(seed: int) -> None:
        in_child(lambda: [check(1000 * seed + i) for i in range(40)] and None)

    check_many()
