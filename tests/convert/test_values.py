"""Files that are read once and decoded value by value."""

import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert, detect, values
from spacy_rin.convert.records import Malformed
from spacy_rin.convert.values import Source
from spacy_rin.errors import FileError

from .support import FILES, JSON_FORMATS, JSONL, SAMPLES, write_json


@pytest.mark.parametrize("name", FILES)
def test_recognised_file_is_read_and_decoded_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    read: Counter[Path] = Counter()
    decoded: Counter[tuple[str, int]] = Counter()
    read_bytes = Path.read_bytes

    def count_read(path: Path) -> bytes:
        read[path] += 1
        return read_bytes(path)

    class Counting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            decoded[s, idx] += 1
            return super().raw_decode(s, idx)

    path = SAMPLES / name
    files = sorted(file for file in ([path] if path.is_file() else path.rglob("*.*")) if file.is_file())
    texts = {file.read_text(encoding="utf8") for file in files}
    monkeypatch.setattr(Path, "read_bytes", count_read)
    monkeypatch.setattr(values, "DECODER", Counting())
    _, report = convert(path)
    assert report.format == FILES[name]
    assert read and set(read.values()) == {1}
    assert path.is_dir() or path in read
    counts = [count for (text, _), count in decoded.items() if text in texts]
    assert set(counts) == ({1} if report.format in JSON_FORMATS else set())


def test_ambiguous_records_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that recognition had to look at are converted, too."""
    unclear = {"text": "a", "tokens": ["a"], "entities": [], "relations": []}
    clear = {**unclear, "entities": [{"type": "X", "start": 0, "end": 1}]}
    path = write_json(tmp_path / "a.jsonl", unclear, unclear, clear, unclear)
    positions = []

    class Noting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            positions.append(idx)
            return super().raw_decode(s, idx)

    monkeypatch.setattr(values, "DECODER", Noting())
    docs, report = convert(path)
    assert (report.format, len(docs), report.entities) == ("spert", 4, 1)
    assert len(positions) == len(set(positions)) == 4


def test_peek_leaves_values(tmp_path: Path) -> None:
    source = Source(write_json(tmp_path / "a.jsonl", *range(5)))
    expected = [(str(number + 1), number) for number in range(5)]
    assert list(islice(source.peek(), 2)) == expected[:2]
    assert list(islice(source.peek(), 3)) == expected[:3]
    assert list(source.values()) == expected
    assert list(source.values()) == []


def test_values_are_decoded_when_they_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(JSONL) + "\n{")
    assert detect(path) == "jsonl"
    values = Source(path).values()
    assert next(values) == ("1", JSONL)
    line, fault = next(values)
    assert line == "2" and isinstance(fault, Malformed) and "invalid JSON" in str(fault)


@pytest.mark.parametrize(
    "content,expected",
    [
        (b'{"a": 1}\n{"a" 2}\n{"a": 3}', [("1", {"a": 1}), ("2", None), ("3", {"a": 3})]),
        (b'{"a": "\xe9"}\n\n{"a": 3}', [("1", None), ("3", {"a": 3})]),
        (b'{"a": \xe9}\n{"a": 3}\n', [("1", None), ("2", {"a": 3})]),
        (b'{"a":\n 1,\n}\n{"a": 3}\n{', [("3", None), ("4", {"a": 3}), ("5", None)]),
        (b'{"a": 1}}\n{"a": 3}', [("1", {"a": 1}), ("1", None), ("2", {"a": 3})]),
        (b'[{"a": 1}, {"a" 2}, {"a": 3}]', [("1 (record 1)", {"a": 1}), ("1", None)]),
        (
            b'[{"a": 1}\n,{"a": "\xe9"}, {"a": 3}]',
            [("1 (record 1)", {"a": 1}), ("2", None), ("2 (record 3)", {"a": 3})],
        ),
        (
            b'[{"a": 1e999},\n{"a": 2}, [NaN], {"a": 3}]',
            [("1", None), ("2 (record 2)", {"a": 2}), ("2", None), ("2 (record 4)", {"a": 3})],
        ),
        (
            b'[{"a": 1}, ' + b"[" * 200 + b"]" * 200 + b', {"a": ' + b"9" * 5000 + b'}, {"a": 3}]',
            [("1 (record 1)", {"a": 1}), ("1", None), ("1", None), ("1 (record 4)", {"a": 3})],
        ),
        (b'[{"a": 1}] 5', [("1 (record 1)", {"a": 1}), ("1", None)]),
    ],
)
def test_reading_goes_on_after_a_fault(tmp_path: Path, content: bytes, expected: Any) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    found = [(line, None if isinstance(value, Malformed) else value) for line, value in Source(path).values()]
    assert found == expected


def test_file_beside(tmp_path: Path) -> None:
    source = Source(tmp_path / "a.txt")
    assert source.beside(".txt") is source
    assert source.beside(".ann") is source.beside(".ann")
    assert source.beside(".ann").path == tmp_path / "a.ann"


def test_the_end_of_reading_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a" 2}, {"a": 3}]')
    ((_, value),) = Source(path).values()
    assert isinstance(value, Malformed) and "so nothing more is read" in str(value)
    path.write_text('{"a" 2}\n{"a": 3}')
    (_, value), _ = Source(path).values()
    assert isinstance(value, Malformed) and "nothing more" not in str(value)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_names_that_no_file_can_have(name: str) -> None:
    for format in ("auto", "jsonl", "brat"):
        with pytest.raises(FileError, match="R034"):
            convert(name, format)


@pytest.mark.parametrize("value", ["1e999", "[-1e999]", "9" * 5000, "[" * 200 + "]" * 200, "NaN"])
def test_values_that_json_has_not(tmp_path: Path, value: str) -> None:
    (tmp_path / "in.jsonl").write_text(f'{{"text": "a", "entities": [], "relations": [], "meta": {value}}}')
    with pytest.raises(FileError, match=r"R030.*in.jsonl:1: invalid JSON"):
        convert(tmp_path / "in.jsonl", "jsonl")


def test_texts_that_the_tokenizer_is_slow_at(tmp_path: Path) -> None:
    """Only where a tokenizer by rules is used."""
    record = {"text": "()" * 5000, "entities": [], "relations": []}
    (tmp_path / "in.jsonl").write_text(json.dumps(record))
    with pytest.raises(FileError, match=r"R030.*in.jsonl:1: .*without a blank"):
        convert(tmp_path / "in.jsonl", "jsonl")
    record["tokens"] = ["()" * 5000]
    (tmp_path / "in.json").write_text(json.dumps([{**record, "entities": [], "relations": []}]))
    docs, _ = convert(tmp_path / "in.json", "spert")
    assert len(docs[0]) == 1


def test_offsets_of_very_many_digits(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ada")
    (tmp_path / "in.ann").write_text(f"T1\tPERSON 0 {'9' * 5000}\tAda\n")
    with pytest.raises(FileError, match=r"R030.*in.ann:1"):
        convert(tmp_path / "in.ann", "brat")


def test_lines_are_counted_from_where_they_last_were(tmp_path: Path) -> None:
    """As often as there are faults, and at any places, without reading all that comes before."""
    record = json.dumps({"text": "Ada left café Rome.", "entities": [], "relations": []}, ensure_ascii=False)
    read = 0

    class Counted(values._Content):
        def count(self, what: str, *bounds: Any) -> int:
            nonlocal read
            before = self._lines[0]
            lines = super().count(what, *bounds)
            read += abs(self._lines[0] - before)
            assert lines == str(self).count(what, *bounds)
            return lines

    for line in (record.encode("latin-1"), record[:-1].encode() + b",}"):
        source = Source(tmp_path / "in.jsonl")
        content = (line + b"\n") * 200
        source.content = Counted(content.decode("utf-8", "surrogateescape"))
        read = 0
        assert [line for line, _ in source.values()] == [str(number + 1) for number in range(200)]
        assert len(content) / 2 < read < 4 * len(content)


@pytest.mark.parametrize("name", ["in.json", "in.jsonl", "in.tsv", "in.ann"])
def test_utf_16_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(json.dumps(JSONL).encode("utf-16"))
    (tmp_path / "in.txt").write_text("Ada")
    for format in ("auto", "brat" if name == "in.ann" else "jsonl"):
        with pytest.raises(FileError, match=rf"R034.*{name}: this is UTF-16\. Save it as UTF-8"):
            convert(tmp_path / name, format)
