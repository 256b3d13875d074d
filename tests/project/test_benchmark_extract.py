"""The figures of extraction at scale: its documents are what it says, and it would see what a kill loses."""

import json
import sys
from pathlib import Path

import pytest

from spacy_rin.extract import extract_shards
from spacy_rin.extract.shards import cut, read_shard

from ..support import TRIPLES

pytest.importorskip("psutil")
pytest.importorskip("pyarrow")
import benchmark_extract


def test_corpus(tmp_path: Path) -> None:
    texts = ["Ada leads Orbix.", "Bo was born in Larne.", "Cy owns a boat."]
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    for folder in (tmp_path / "corpus", tmp_path / "again"):
        benchmark_extract.make_corpus(tmp_path / "texts.jsonl", folder, 2005)
    found = [[d for shard in cut(str(tmp_path / name)) for d in read_shard(shard)] for name in ("corpus", "again")]
    assert found[0] == found[1]
    assert sorted(document.id for document in found[0]) == [f"d{n:09}" for n in range(2005)]
    assert [document.id for document in found[0] if document.error] == ["d000000007", "d000001007"]
    assert {document.text.count(".") for document in found[0]} == {0, 1, 2, 3}


def test_what_is_lost_or_doubled_is_seen(model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "texts.txt", tmp_path / "out"
    part = "\n".join(text for text, _ in TRIPLES) + "\n"
    source.write_text(part * 3)
    extract_shards(model, source, out, workers=1, shard_size=len(part))
    whole = benchmark_extract.content_of(out)
    first, second, _ = sorted(out.glob("*.parquet"))
    again = second.with_name("again.parquet")
    again.write_bytes(second.read_bytes())
    first.unlink()
    broken = benchmark_extract.content_of(out)
    lost, doubled = broken.difference(whole)
    assert 0 < lost == doubled < whole.triples.total()
    assert broken.names != whole.names and whole.difference(whole) == (0, 0)


def test_only_what_runs_wrote_is_removed(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for name in ("few/x.parquet", "few-notes.txt", "file-1.csv", "file-1.csv.journal.jsonl", "file-1.csv.errors.jsonl"):
        (tmp_path / name).write_text("x")
    benchmark_extract._remove(tmp_path / "few", tmp_path / "file-1.csv", tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["few-notes.txt"]


@pytest.mark.parametrize("texts", ["texts", "one.jsonl", "."])
def test_texts_where_runs_write_are_refused(
    tmp_path: Path, texts: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark_extract.py", "shards", "model", str(tmp_path / texts), str(tmp_path)])
    with pytest.raises(SystemExit):
        benchmark_extract.main()
    assert "give another OUT" in capsys.readouterr().err and not list(tmp_path.iterdir())
