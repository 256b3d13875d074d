"""Malformed files: each error names the file, the line and the reason."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert

from ..support import run
from .support import (
    CASREL,
    COPY_RE,
    COPY_RE_IDS,
    FILES,
    JOINTER,
    JSON_FORMATS,
    JSONL,
    SAMPLES,
    TREE,
    TREE_TAGS,
    changed,
    first_task,
    triples_of,
    write_ids,
    write_json,
)

WRONG_RECORDS: dict[str, list[tuple[Any, str]]] = {
    "jointer": [
        ([], "an object was expected"),
        ({"pos_tags": [], "spo_details": []}, "'tokens' is missing"),
        ({**JOINTER, "tokens": []}, "non-empty list"),
        ({**JOINTER, "tokens": "a b"}, "non-empty list"),
        ({**JOINTER, "tokens": [*TREE["tokens"][1:], ""]}, "non-empty strings"),
        ({**JOINTER, "tokens": [*TREE["tokens"][1:], "\ud800"]}, "non-empty strings"),
        ({**JOINTER, "pos_tags": TREE_TAGS[1:]}, "8 tokens but 7 pos_tags"),
        ({**JOINTER, "pos_tags": None}, "'pos_tags'"),
        ({**JOINTER, "spo_details": {}}, "'spo_details' must be a list"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "r", 1, 2]]}, "list of 7"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "r", 1, 9, "T"]]}, "1-9 is empty or out of the range 0-8"),
        ({**JOINTER, "spo_details": [[-1, 1, "T", "r", 1, 2, "T"]]}, "-1-1"),
        ({**JOINTER, "spo_details": [[1, 1, "T", "r", 1, 2, "T"]]}, "1-1 is empty"),
        ({**JOINTER, "spo_details": [[0, True, "T", "r", 1, 2, "T"]]}, "True .* must be a whole number"),
        ({**JOINTER, "spo_details": [[0, 1.0, "T", "r", 1, 2, "T"]]}, "1.0 .* must be a whole number"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "", 1, 2, "T"]]}, "non-empty string"),
    ],
    "copy_re": [
        ("text", "an object was expected"),
        ({**COPY_RE, "sentText": ""}, "'sentText' must be a non-empty string"),
        ({**COPY_RE, "sentText": "  "}, "no tokens"),
        ({**COPY_RE, "entityMentions": ["Ada"]}, "an object was expected"),
        ({**COPY_RE, "entityMentions": [{"text": "Ada"}]}, "'label' is missing"),
        ({**COPY_RE, "relationMentions": [{"em1Text": "Ada", "label": "x"}]}, "'em2Text' is missing"),
        ({**COPY_RE, "relationMentions": [{"em1Text": "Ada", "em2Text": 1, "label": "x"}]}, "non-empty string"),
    ],
    "casrel": [
        (1, "an object was expected"),
        ({"text": "a"}, "'triple_list' is missing"),
        ({**CASREL, "text": ["a"]}, "'text' must be a non-empty string"),
        ({**CASREL, "triple_list": [["a", "b"]]}, "list of 3"),
        ({**CASREL, "triple_list": [["a", None, "b"]]}, "None .* non-empty string"),
        ({**CASREL, "entities": [["a", "b", "c"]]}, "list of 2"),
        ({**CASREL, "entities": None}, "'entities' must be a list"),
    ],
    "jsonl": [
        (None, "an object was expected"),
        ({"text": "a", "entities": []}, "'relations' is missing"),
        ({**JSONL, "text": ""}, "'text' must be a non-empty string"),
        ({**JSONL, "entities": [[0, 99, "X"]]}, "0-99 is empty or out of the range 0-28"),
        ({**JSONL, "entities": [[3, 0, "X"]]}, "3-0"),
        ({**JSONL, "entities": [[0, 3]]}, "list of 3"),
        ({**JSONL, "entities": [[0, "3", "X"]]}, "whole number"),
        ({**JSONL, "entities": [[0, 3, ""]]}, "non-empty string"),
        ({**JSONL, "relations": [[0, "r", 4]]}, r"\[0, 'r', 4\] points to an entity that does not exist; there are 4"),
        ({**JSONL, "relations": [[-1, "r", 0]]}, "does not exist"),
        ({**JSONL, "relations": [[0, 1, 2]]}, "non-empty string"),
    ],
}
GOOD_RECORDS: dict[str, Any] = {
    "jointer": JOINTER,
    "copy_re": COPY_RE,
    "casrel": CASREL,
    "jsonl": JSONL,
    "prodigy": {"text": "a", "tokens": [{"text": "a", "start": 0, "end": 1}], "spans": [], "relations": []},
    "label_studio": {"data": {"text": "a"}, "annotations": [{"result": []}]},
    "spert": {"tokens": ["a"], "entities": [], "relations": []},
}


@pytest.mark.parametrize(
    "format,record,reason", [(format, *case) for format, cases in WRONG_RECORDS.items() for case in cases]
)
def test_malformed_record(tmp_path: Path, format: Any, record: Any, reason: Any) -> None:
    path = write_json(tmp_path / "a.json", GOOD_RECORDS[format], record)
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:2: .*{reason}"):
        convert(path, format)


@pytest.mark.parametrize("format", GOOD_RECORDS)
@pytest.mark.parametrize(
    "content,line,reason",
    [
        (b"%s\n{", 2, "invalid JSON"),
        (b'%s\n{"text": "a', 2, "invalid JSON"),
        (b'%s\n\n{"text": NaN}', 3, "NaN is not a JSON value"),
        (b'%s\n{"text": 1' + b"0" * 5000 + b"}", 2, "invalid JSON"),
        (b"%s\n" + b'{"a":' * 100_000, 2, "invalid JSON"),
        (b'%s\n{"text": "\xe9"}', 2, "not UTF-8"),
        (b"[%s,\n%s", 2, "the list ends too early"),
        (b"[%s,\n", 2, "invalid JSON"),
        (b"[%s,\n]", 2, "invalid JSON"),
        (b"[%s\n%s]", 2, "',' or ']' was expected"),
        (b"[\n%s] %s", 2, "there is more after the end of the list"),
        (b"[\n%s, []]", r"2 \(record 2\)", "an object was expected"),
    ],
)
def test_malformed_file(tmp_path: Path, format: Any, content: Any, line: int | str, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.replace(b"%s", json.dumps(GOOD_RECORDS[format]).encode()))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:{line}: .*{reason}"):
        convert(path, format)


@pytest.mark.parametrize(
    "values,line,reason",
    [
        ([[[0]], [[0, 0]]], "record 1", "three numbers"),
        ([[[0], [0]], [[], [0, 1, 0]]], "record 2", "0-1|1-2 is empty or out of the range"),
        ([[[0]], [[-1, 0, 0]]], "record 1", "out of the range"),
        ([[[0]], [[0, True, 0]]], "record 1", "whole numbers"),
        ([[[9]], [[]]], "record 1", "9 is not the id of a word"),
        ([[["a"]], [[]]], "record 1", "'a' is not the id of a word"),
        ([[[True]], [[]]], "record 1", "True is not the id of a word"),
        ([[[0]], [[0, 0, 7]]], "record 1", "7 is not the id of a relation"),
        ([[[]], [[]]], "record 1", "a list of word ids"),
        ([[0], [[]]], "record 1", "a list of word ids"),
        ([[[0]], [0]], "record 1", "a list of word ids"),
        ([[[0]], []], 1, "two lists of the same length"),
        ([[[0]]], 1, "two lists"),
        ({"a": 1}, 1, "two lists"),
    ],
)
def test_malformed_ids(tmp_path: Path, values: Any, line: int | str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:{line}: .*({reason})"):
        convert(write_ids(tmp_path / "a.json", values), "copy_re_ids")


@pytest.mark.parametrize("words", [[], {}, {"a": "0"}, {"a": 0, "b": 0}, {"": 0}, {"a": True}])
def test_malformed_names_of_ids(tmp_path: Path, words: Any) -> None:
    with pytest.raises(ValueError, match=r"^\[R030\] \S+words2id\.json:1: .*names"):
        convert(write_ids(tmp_path / "a.json", COPY_RE_IDS, words=words), "copy_re_ids")


def test_missing_names_of_ids(tmp_path: Path) -> None:
    path = write_ids(tmp_path / "a.json", COPY_RE_IDS)
    (tmp_path / "relations2id.json").unlink()
    with pytest.raises(ValueError, match=r"^\[R033\] \S+relations2id\.json"):
        convert(path, "copy_re_ids")


@pytest.mark.parametrize("format", [*JSON_FORMATS, "auto"])
@pytest.mark.parametrize("content", ["", "\n \n", "[]", " [\n] ", "\ufeff"])
def test_empty_file(tmp_path: Path, format: Any, content: str) -> None:
    path = write_ids(tmp_path / "a.json", [])
    path.write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=rf"^\[R032\] \S+a\.json has no records.*'{format}'"):
        convert(path, format)


REGION = ("annotations", 1, "result", 0)
RELATION = ("annotations", 1, "result", 4)
WRONG_TASKS: dict[str, list[tuple[tuple[str | int, ...], Any, str]]] = {
    "prodigy.jsonl": [
        (("text",), "", "'text' must be a non-empty string"),
        (("answer",), "maybe", "'answer' must be accept, reject or ignore, not 'maybe'"),
        (("tokens",), None, "'tokens' is missing"),
        (("tokens", 9, "end"), 99, "a token quotes '.', which is not what the text has at 34 99"),
        (("tokens", 1, "text"), "Hold", "a token quotes 'Hold', which is not what the text has at 5 9"),
        (("tokens", 2, "start"), 3, "'🌊' at 3-11 is out of order: the one before ends at 9"),
        (("spans",), {}, "'spans' must be a list of objects"),
        (("spans", 0, "label"), None, "'label' is missing"),
        (("spans", 0, "label"), 5, "'label' must be a non-empty string"),
        (("spans", 0, "end"), 99, "a span at 0-99 is empty or out of the range 0-35"),
        (("spans", 0), {"token_start": 0, "token_end": 10}, "tokens 0-10 of a span do not exist; there are 10"),
        (("spans", 0, "token_end"), "1", "must be whole numbers"),
        (("spans", 0), {"label": "X"}, "are missing"),
        (("relations",), "r", "'relations' must be a list of objects"),
        (("relations", 0, "label"), None, "'label' is missing"),
        (("relations", 0, "head_span"), 7, "a span must be an object"),
        (("relations", 0, "head_span", "label"), "", "label of 'head_span'"),
    ],
    "label_studio.json": [
        (("data",), {"title": "a", "body": "b"}, "it has: title, body"),
        (("data", "text"), "", "'text' must be a non-empty string"),
        (("data", "text"), "Somewhere else, nothing at all is the same.", "don't fit the text"),
        ((*REGION, "value", "start"), 4, "don't fit the text"),
        ((*REGION, "value", "end"), 1000, "don't fit the text"),
        ((*REGION, "value", "end"), "12", "must be whole numbers"),
        ((*REGION, "value", "labels"), "PERSON", "'labels' of a region must be a list"),
        ((*REGION, "value"), None, "'value' is missing"),
        ((*REGION, "to_name"), "other", "more than one text"),
        ((*REGION, "id"), "t", "two regions 't'"),
        ((*REGION, "id"), None, "'id' is missing"),
        ((*RELATION, "from_id"), "x", "from 'x' to 't' points to a region that does not exist"),
        ((*RELATION, "to_id"), None, "'to_id' is missing"),
        ((*RELATION, "labels"), [1], "'labels' of a relation must be a list of non-empty strings"),
        ((*RELATION, "direction"), "up", "must be right, left or bi, not 'up'"),
        (("annotations", 1, "result"), None, "'result' is missing"),
    ],
    "spert.json": [
        (("tokens",), [], "'tokens' must be a non-empty list"),
        (("entities", 0, "end"), 8, "0-8 is empty or out of the range 0-7"),
        (("entities", 0, "end"), 0, "0-0 is empty"),
        (("entities", 0, "start"), 1.0, "1.0 in 'entities' must be a whole number"),
        (("entities", 0, "type"), None, "'type' is missing"),
        (("relations", 0, "tail"), 3, "points to an entity that does not exist; there are 3"),
        (("relations", 0, "head"), -1, "does not exist"),
        (("relations", 0, "type"), "", "non-empty string"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "name,path,to,reason", [(name, *case) for name, cases in WRONG_TASKS.items() for case in cases], ids=str
)
def test_malformed_task(tmp_path: Path, name: Any, path: Any, to: Any, reason: Any) -> None:
    good = first_task(name)
    file = tmp_path / "a.json"
    file.write_text("\n".join(json.dumps(task) for task in (good, good, changed(good, *path, to=to))))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:3: .*{reason}"):
        convert(file, FILES[name])


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_malformed_record_by_cli(tmp_path: Path, name: Any) -> None:
    good = first_task(name)
    path, to, reason = WRONG_TASKS[name][0]
    file, out = tmp_path / "a.json", tmp_path / "out" / "a.spacy"
    file.write_text(json.dumps([good, changed(good, *path, to=to)]))
    result = run("convert", file, out)
    shown = " ".join(result.output.split())
    assert result.exit_code == 1 and "a.json:1 (record 2):" in shown and reason in shown
    assert not out.parent.exists()


def test_prodigy_argument_that_is_not_clear(tmp_path: Path) -> None:
    task = first_task("prodigy.jsonl")
    task["spans"].append({"token_start": 1, "token_end": 1, "label": "NAME"})
    task["relations"] = [{"head": 1, "child": 5, "label": "r"}]
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    with pytest.raises(ValueError, match=r"a\.jsonl:1: 'head' of a relation is in 2 spans"):
        convert(tmp_path / "a.jsonl")
    task["relations"] = [{"head": 0, "child": 5, "label": "r"}]  # not the last token, but in one span alone
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    assert triples_of(convert(tmp_path / "a.jsonl")[0][0]) == [("Mira Holt", "r", "Tidewerk")]
    task["relations"] = [{"head": 10, "child": 5, "label": "r"}]
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    with pytest.raises(ValueError, match=r"a\.jsonl:1: 'head' of a relation must be the index of a token, not 10"):
        convert(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "line,reason",
    [
        ("T9\tPERSON 0 4", "not a line of brat"),
        ("T9 PERSON 0 4 Mira", "not a line of brat"),
        ("T9\tPERSON 4\tMira", "not a line of brat"),
        ("Mira Holt", "not a line of brat"),
        ("{", "not a line of brat"),
        ("T1\tPERSON 0 4\tMira", "two annotations T1"),
        ("T9\tPERSON 1 5\tMira", "T9 quotes 'Mira', which is not what a.txt has at 1 5"),
        ("T9\tPERSON 4 0\tMira", "T9 quotes 'Mira'"),
        ("T9\tPERSON 90 94\tMira", "T9 quotes 'Mira'"),
        ("T9\tPERSON 0 4;5 8\tMira Holt", "T9 quotes 'Mira Holt', which is not what a.txt has at 0 4;5 8"),
        ("R9\truns Arg1:T1 Arg2:T77", "points to T77, which does not exist"),
        ("R9\truns Arg1:T1", "not a line of brat"),
    ],
)
def test_malformed_brat(tmp_path: Path, line: str, reason: str) -> None:
    folder = tmp_path / "brat"
    shutil.copytree(SAMPLES / "brat", folder)
    with (folder / "a.ann").open("a") as file:
        file.write(line + "\nA9\tLast T1\n")
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.ann:16: .*{reason}"):
        convert(folder, "brat")
    result = run("convert", folder, tmp_path / "out.spacy", "--format", "brat")
    assert result.exit_code == 1 and not (tmp_path / "out.spacy").exists() and "a.ann:16" in result.output


def test_brat_with_a_file_missing(tmp_path: Path) -> None:
    (tmp_path / "a.ann").write_text("T1\tX 0 1\ta\n")
    for path in (tmp_path / "a.ann", tmp_path / "a.txt"):
        with pytest.raises(ValueError, match=r"^\[R045\] \S+a\.txt does not exist"):
            convert(path, "brat")
    with pytest.raises(ValueError, match=r"^\[R030\] \S+a\.ann:1: there is no a\.txt beside it"):
        convert(tmp_path)
    with pytest.raises(ValueError, match=r"^\[R045\] \S+b\.ann does not exist"):
        convert(tmp_path / "b.txt", "brat")
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"^\[R030\] \S+a\.txt:1: this is not UTF-8"):
        convert(tmp_path)
