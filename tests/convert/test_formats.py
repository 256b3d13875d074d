"""How formats are recognised."""

import json
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import CONVERTERS, convert, detect

from ..support import run
from .support import ASSETS, FILES, SAMPLES

REAL_FILES = {
    "scierc/*.json": "spert",
    "webnlg/*.json": "jointer",
    "webnlg_casrel/*.json": "casrel",
    "webnlg_casrel_star/*.json": "casrel",
    "nyt_casrel/*.json": "casrel",
    "nyt_casrel_star/*.json": "casrel",
    "nyt/train_part.jsonl": "casrel",
    "nyt/dev.jsonl": "copy_re",
    "nyt/test.jsonl": "copy_re",
    "webnlg_copyre/[tdv]*.json": "copy_re_ids",
}


@pytest.mark.parametrize("name,format", FILES.items())
def test_samples_are_recognised(tmp_path: Path, name: Any, format: Any) -> None:
    assert detect(SAMPLES / name) == format
    docs, report = convert(SAMPLES / name)
    assert report.format == format and len(docs) == report.docs
    result = run("convert", SAMPLES / name, tmp_path / "out.spacy", "--allow-empty")
    assert result.exit_code == 0 and f"Recognised the format {format}" in result.output


def test_every_format_has_a_sample() -> None:
    assert set(FILES.values()) == set(CONVERTERS)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_sample_corpus_is_recognised(part: str) -> None:
    assert detect(ASSETS / "sample" / f"{part}.jsonl") == "jsonl"


@pytest.mark.parametrize("pattern,format", REAL_FILES.items())
def test_real_files_are_recognised(real_data: Path, pattern: Any, format: Any) -> None:
    files = list(real_data.glob(pattern))
    assert files and {detect(path) for path in files} == {format}


@pytest.mark.parametrize(
    "content,seen",
    [
        ("Plain text.", "it starts with 'Plain text.'"),
        ("# a\n1\tOban\t_", "it starts with '# a"),
        ('{"a": 1}', "the record in line 1 has the keys 'a'"),
        ("{}", "line 1 is an empty object"),
        ("[1, 2]", r"line 1 \(record 1\) is 1"),
        ('["a"]', "is 'a'"),
        ('{"text": "a", "entities": [], "relations": {}}', "has the keys 'text', 'entities', 'relations'"),
        ('{"text": "a", "entities": [{}], "relations": [[]]}', "has the keys"),
        ('{"text": "a", "label": [], "id": 1}', "has the keys 'text', 'label', 'id'"),
        # A JSON-MIN export of Label Studio has no relations
        ('[{"text": "a", "id": 1, "label": [{"start": 0}], "annotator": 1}]', "has the keys"),
    ],
)
def test_unknown_format(tmp_path: Path, content: str, seen: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"^\[R041\].*a\.txt was not recognised: .*{seen}"):
        convert(path)
    result = run("convert", path, tmp_path / "out.spacy")
    assert result.exit_code == 1 and "[R041]" in result.output and not (tmp_path / "out.spacy").exists()


@pytest.mark.parametrize("name", ["ud_english_ewt/dev.conllu", "webnlg_copyre/words2id.json"])
def test_real_files_of_other_formats_are_not_recognised(real_data: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"^\[R041\]") as caught:
        detect(real_data / name)
    assert len(str(caught.value)) < 600  # one of them has thousands of keys


@pytest.mark.parametrize(
    "records,formats",
    [
        ([{"text": "a", "entities": [], "relations": [], "triples": []}], "jsonl or casrel"),
        ([{"text": "a", "tokens": ["a"], "entities": [], "relations": []}] * 2, "jsonl or spert"),
        ([{"text": "a", "entities": [], "spans": [], "relations": []}], "jsonl or prodigy"),
    ],
)
def test_unclear_format(tmp_path: Path, records: Any, formats: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records))
    with pytest.raises(ValueError, match=rf"^\[R042\].*a\.json is ambiguous: it could be {formats}"):
        convert(path)


def test_later_records_make_it_clear(tmp_path: Path) -> None:
    unclear = {"text": "a", "tokens": ["a"], "entities": [], "relations": []}
    clear = {**unclear, "entities": [{"type": "X", "start": 0, "end": 1}]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([unclear, clear]))
    assert detect(path) == "spert"
    path.write_text(json.dumps([unclear, {**unclear, "entities": [1]}]))
    with pytest.raises(ValueError, match=r"^\[R041\].*line 1 \(record 2\)"):
        detect(path)


def test_text_with_annotation_beside_it(tmp_path: Path) -> None:
    record = json.dumps({"text": "Ada", "entities": [], "relations": []})
    (tmp_path / "a.txt").write_text(record)
    assert detect(tmp_path / "a.txt") == "jsonl"
    (tmp_path / "a.ann").write_text("not an annotation\n")
    assert detect(tmp_path / "a.txt") == "jsonl"
    (tmp_path / "a.ann").write_text("T1\tX 10 13\tAda\n")
    with pytest.raises(ValueError, match=r"^\[R042\].*could be jsonl or brat"):
        detect(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("[Ada] sails")
    assert detect(tmp_path / "a.txt") == "brat"


def test_folder_without_annotation(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"^\[R041\].*a folder without .ann files"):
        convert(tmp_path)


@pytest.mark.parametrize("name", ["prodigy.jsonl", "spert.json", "jointer.json", "brat/a.ann"])
def test_a_recognised_file_is_read_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert convert(SAMPLES / name)[0]
    assert len(reads) == len(set(reads)) == (2 if name.startswith("brat") else 1)
