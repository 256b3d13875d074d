"""How formats are recognised."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import CONVERTERS, convert, detect
from spacy_rin.convert.formats import _formats_of
from spacy_rin.convert.values import Source

from ..support import run
from .support import ALL_FILES, ASSETS, FILES, JSON_FORMATS, JSONL, ROOT, SAMPLES, triples_of, write_json

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


@pytest.mark.parametrize("name,format", ALL_FILES.items())
def test_samples_are_recognised(tmp_path: Path, name: Any, format: Any) -> None:
    assert detect(SAMPLES / name) == format
    docs, report = convert(SAMPLES / name)
    assert report.format == format and len(docs) == report.docs
    result = run("convert", SAMPLES / name, tmp_path / "out.spacy", "--allow-empty")
    assert result.exit_code == 0 and f"Recognised the format {format}" in result.output


def test_every_format_has_a_sample_and_is_named_in_the_help() -> None:
    assert set(ALL_FILES.values()) == set(CONVERTERS)
    help_text = run("convert", "--help").output
    assert all(re.search(rf"\b{format}\b", help_text) for format in CONVERTERS)


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
        # Exports of doccano without relations
        ('{"id": 1, "text": "a", "label": [[0, 1, "X"]]}', "has the keys 'id', 'text', 'label'"),
        ('{"id": 1, "text": "a", "entities": [{"id": 1, "label": "X"}]}', "has the keys"),
        # GLiNER, instructions, FewRel, REBEL without its ids, TACRED without a relation, other tasks of GLiNER2
        ('{"tokenized_text": ["a"], "ner": [[0, 0, "X"]]}', "has the keys"),
        ('{"instruction": "a", "input": "a", "output": "b"}', "has the keys"),
        ('{"input": "a", "output": {"answer": "b"}}', "has the keys"),
        ('{"tokens": ["a"], "h": ["a", "Q1", [[0]]], "t": ["a", "Q1", [[0]]]}', "has the keys"),
        ('{"text": "a", "entities": [{}], "triples": [{}]}', "has the keys"),
        ('{"token": ["a"], "subj_start": 0, "subj_end": 0, "obj_start": 0, "obj_end": 0}', "has the keys"),
        ('{"sents": [["a"]], "labels": []}', "has the keys"),
        ('{"text": "a", "relation_list": [[]]}', "has the keys"),
        # Version 2 of WebAnno's TSV, and a table
        ("# webanno.custom.Span | f\n#id=1\n#text=a\n1-1\ta\tX", "it starts with '# webanno"),
        ("subject\tobject\na\tb", "it starts with 'subject"),
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
        (
            [{"text": "a", "entities": [{"start_offset": 0, "end_offset": 1}], "relations": [], "triple_list": []}],
            "casrel or doccano",
        ),
        ([{"docid": "1", "uri": "Q1", "text": "a", "entities": [], "triples": []}], "casrel or rebel"),
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
    path.write_text(json.dumps([unclear, {**unclear, "triple_list": [["a", "r", "a"]], "entities": 1}]))
    with pytest.raises(ValueError, match=r"^\[R041\].*line 1 \(record 2\)"):
        detect(path)


@pytest.mark.parametrize("first", [{"error": "timeout"}, {}])
@pytest.mark.parametrize("name", ["jsonl.jsonl", "prodigy.jsonl", "label_studio.json", "docred.json", "glirel.jsonl"])
def test_a_first_record_of_no_format_does_not_hide_the_format(tmp_path: Path, name: str, first: Any) -> None:
    values = [value for _, value in Source(SAMPLES / name).values()]
    assert detect(write_json(tmp_path / "a.jsonl", first, *values)) == FILES[name]


def test_a_broken_entity_of_the_first_record_does_not_hide_the_format(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", {**JSONL, "entities": [*JSONL["entities"], None]})
    (doc,), report = convert(path, skip_errors=True)
    assert report.format == "jsonl" and len(report.broken) == 1
    assert triples_of(doc) == [("Oslo", "far from", "Kim"), ("Kim", "visits", "Oslo")]


@pytest.mark.parametrize("name,format", [item for item in FILES.items() if item[1] in JSON_FORMATS])
def test_each_record_of_a_sample_has_one_format(name: str, format: str) -> None:
    """Records with annotation are recognised one by one, whatever the others are."""
    values = [value for _, value in Source(SAMPLES / name).values()]
    # The two lists of a file of ids are one record; a text without entities can be of several formats.
    annotated = [value for value in values if format == "copy_re_ids" or any(_annotation(value))]
    assert annotated and all(_formats_of(value) == {format} for value in annotated)


def _annotation(value: Any) -> Any:
    return [item for key, item in value.items() if isinstance(item, (list, dict)) and key not in ("tokens", "Comments")]


EXAMPLES = re.findall(
    r"^### (\w+)\n\n```(?:json)?\n(.*?)^```$", (ROOT / "docs" / "formats.md").read_text("utf8"), re.M | re.S
)


@pytest.mark.parametrize("format,content", EXAMPLES, ids=[format for format, _ in EXAMPLES])
def test_example_of_the_docs(tmp_path: Path, format: str, content: str) -> None:
    (tmp_path / "a").write_text(content, encoding="utf8")
    (doc,), report = convert(tmp_path / "a")
    assert report.format == format and doc.text.strip().startswith("Ada was born in Oban")
    assert triples_of(doc) == [("Ada", "born_in", "Oban")]


def test_new_formats_have_an_example_in_the_docs() -> None:
    formats = list(CONVERTERS)
    assert {format for format, _ in EXAMPLES} == {*formats[formats.index("doccano") :]} - {"rel_component"}


def test_texts_without_annotation_are_ours(tmp_path: Path) -> None:
    """They are a form of doccano, too, but that means the same."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "entities": [], "relations": []}\n' * 2)
    assert detect(path) == "jsonl"
    clear = {"text": "a", "entities": [{"id": 1, "label": "X", "start_offset": 0, "end_offset": 1}], "relations": []}
    path.write_text('{"text": "a", "entities": [], "relations": []}\n' + json.dumps(clear))
    assert detect(path) == "doccano"


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a"])
def test_webanno_tsv_is_recognised_by_its_first_line(tmp_path: Path, name: str) -> None:
    content = (SAMPLES / "webanno.tsv").read_text(encoding="utf8")
    path = tmp_path / name
    path.write_text("\ufeff" + content.replace("3.3", "3.2"), encoding="utf8")
    assert detect(path) == "webanno_tsv"
    assert detect(tmp_path) == "webanno_tsv" if name == "a.tsv" else True


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
    with pytest.raises(ValueError, match=r"^\[R041\].*a folder without .ann files, .tsv files of WebAnno and .spacy"):
        convert(tmp_path)
    (tmp_path / "a.tsv").write_text("name\tage")
    with pytest.raises(ValueError, match=r"^\[R041\]"):
        convert(tmp_path)


@pytest.mark.parametrize("format", ["auto", "brat"])
def test_suffixes_in_upper_case(format: str, tmp_path: Path) -> None:
    """Some systems write them so."""
    for name in ("a.txt", "B.TXT"):
        (tmp_path / name).write_text("Ada sails")
    for name in ("a.ann", "B.ANN"):
        (tmp_path / name).write_text("T1\tX 0 3\tAda\n")
    (tmp_path / "C.TXT").write_text("no annotation")
    docs, report = convert(tmp_path, format=format)
    assert [[ent.text for ent in doc.ents] for doc in docs] == [["Ada"]] * 2
    assert "texts without an .ann file" in str(report)
    for name in ("B.TXT", "B.ANN"):
        assert [[ent.text for ent in doc.ents] for doc in convert(tmp_path / name, format=format)[0]] == [["Ada"]]


@pytest.mark.parametrize("hidden", [".git/a.ann", ".a.ann", ".git/a.spacy", "a.ann/.a.ann"])
def test_hidden_files_and_folders_are_no_annotation(tmp_path: Path, hidden: str) -> None:
    (tmp_path / hidden).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / hidden).write_text("x")
    with pytest.raises(ValueError, match=r"^\[R041\]"):
        detect(tmp_path)


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
