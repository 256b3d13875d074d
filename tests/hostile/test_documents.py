"""Hostile documents through `extract`: each is in the output or among the errors, once, at its place."""

import csv
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from spacy.language import Language

from spacy_rin.convert import convert
from spacy_rin.extract import extract_file
from spacy_rin.extract.documents import read_documents

from .mutate import hostile_text, hostile_value
from .support import TALLY, seeds

BATCH = 100


def write_texts(folder: Path, chance: Random) -> Path:
    """Write documents to a file of some format; not all can be read."""
    texts = [hostile_text(chance) for _ in range(BATCH)]
    format = chance.choice(["jsonl", "jsonl", "csv", "tsv", "txt", "folder"])
    path = folder / f"in.{format}"
    if format == "jsonl":
        records = [{"text": text, "id": f"d{i}", "meta": hostile_value(chance)} for i, text in enumerate(texts)]
        path.write_text("\n".join(map(json.dumps, records)))
    elif format == "txt":
        path.write_text("\n".join(texts), "utf-8", newline="")
    elif format == "folder":
        path.mkdir(exist_ok=True)
        for i, text in enumerate(texts):
            (path / f"{i}.txt").write_text(text, "utf-8", newline="")
    else:
        table = io.StringIO(newline="")
        csv.writer(table, delimiter="\t" if format == "tsv" else ",").writerows(
            [("text",), *((text,) for text in texts)]
        )
        path.write_text(table.getvalue(), "utf-8", newline="")
    return path


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_documents(trained: Language, tmp_path: Path, hostile: int) -> None:
    @seeds(2 * hostile)
    def check(seed: int) -> None:
        chance = Random(seed)
        source, out = write_texts(tmp_path, chance), tmp_path / "out.jsonl"
        documents = list(read_documents(source))
        summary = extract_file(trained, source, out, batch_size=chance.choice([16, 64, 256]))
        rows, errors = read_lines(out), read_lines(summary.errors_path)
        failed = {error["id"] for error in errors}
        assert all(document.id in failed for document in documents if document.error)
        expected = [document for document in documents if document.id not in failed]
        assert [(row["id"], row["text"]) for row in rows] == [(document.id, document.text) for document in expected]
        assert len(rows) + len(errors) == len(documents) == summary.documents
        for row, document in zip(rows, expected):
            assert row.get("meta") == document.meta
            spans = [row["text"][start:end] for start, end, _ in row["entities"]]
            assert all(spans) and all(max(subject, object_) < len(spans) for subject, _, object_ in row["relations"])
        if rows and chance.random() < 0.1:
            docs, _ = convert(out, "jsonl")
            assert [doc.text for doc in docs] == [row["text"] for row in rows]
        TALLY["documents"] += len(documents)
        TALLY["documents: refused"] += len(errors)

    check()
