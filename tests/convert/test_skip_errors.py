"""All that is not valid is listed in one run, or left out and counted."""

from pathlib import Path
from typing import Any

import pytest
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_rin.convert import ConversionReport, convert
from spacy_rin.errors import FileError

from ..support import run
from .support import (
    CASREL,
    COPY_RE,
    JOINTER,
    JSONL,
    SAMPLES,
    TREE,
    first_task,
    triples_of,
    write_ids,
    write_json,
)

# For each format: a record with several faults, the number of its faults, and the triples that are left.
Case = tuple[Any, int, list[tuple[str, str, str]]]
FAULTS: dict[str, Case] = {
    "jsonl": (
        {**JSONL, "entities": [[0, 3, "PERSON"], [16, 99, "CITY"], [16, 20, "TOWN"]],
         "relations": [[1, "near", 0], [0, "visits", 2], [0, "likes", 7], [0, "", 2]]},
        3, [("Kim", "visits", "Oslo")],
    ),
    "spert": (
        {**TREE, "entities": [{"type": "T", "start": 2, "end": 4}, {"type": "P", "start": 6, "end": 9},
                              {"type": "P", "start": 6, "end": 8}, {"start": 1, "end": 2}],
         "relations": [{"type": "in", "head": 0, "tail": 2}, {"type": "in", "head": 0, "tail": 1}, {"head": 0}]},
        3, [("old oak tree"[4:], "in", "Little Wood")],
    ),
    "jointer": (
        {**JOINTER, "spo_details": [[6, 8, "PLACE", "has", 2, 4, "T"], [6, 9, "PLACE", "has", 2, 4, "T"], [1, 2]]},
        2, [("Little Wood", "has", "oak tree")],
    ),
    "casrel": ({**CASREL, "triple_list": [["red door", "part", "door"], ["door"], [1, "a", "b"]]},
               2, [("red door", "part", "door")]),
    "copy_re": (
        {**COPY_RE, "entityMentions": [{"text": "Ada", "label": "P"}, {"text": "Bo"}],
         "relationMentions": [{"em1Text": "Ada", "em2Text": "Bo", "label": "r"}, {"em1Text": "Ada", "label": "r"}]},
        2, [("Ada", "r", "Bo")],
    ),
    "prodigy": (
        {**first_task("prodigy.jsonl"), "relations": [
            {"head": 1, "child": 5, "label": "runs"}, {"head": 1, "child": 50, "label": "runs"},
            {"head": 1, "child": 5}, {"head": 1, "label": "r", "child_span": {"start": 0, "end": 999, "label": "X"}}]},
        3, [("Mira Holt", "runs", "Tidewerk")],
    ),
    "label_studio": (
        {"data": {"text": "Ada met Bob"}, "annotations": [{"result": [
            {"id": "a", "type": "labels", "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["P"]}},
            {"id": "b", "type": "labels", "value": {"start": 8, "end": 11, "text": "Bob", "labels": ["P"]}},
            {"id": "c", "type": "labels", "value": {"start": 4, "end": 7, "text": "saw", "labels": ["P"]}},
            {"id": "d", "type": "labels", "value": {"start": 4, "labels": ["P"]}},
            {"type": "labels", "value": {"start": 4, "end": 7, "labels": ["P"]}},
            {"from_id": "a", "to_id": "b", "type": "relation", "labels": ["met"]},
            {"from_id": "a", "to_id": "c", "type": "relation", "labels": ["lost with c"]},
            {"from_id": "a", "to_id": "z", "type": "relation", "labels": ["r"]},
            {"from_id": "a", "to_id": "b", "type": "relation", "direction": "up"}]}]},
        5, [("Ada", "met", "Bob")],
    ),
    "doccano": (
        {"text": "Ada met Bob", "entities": [
            {"id": 1, "label": "P", "start_offset": 0, "end_offset": 3},
            {"id": 2, "label": "P", "start_offset": 8, "end_offset": 11},
            {"id": 3, "label": "P", "start_offset": 4, "end_offset": 99},
            {"id": 4, "label": "P", "start_offset": 4, "end_offset": 7},
            {"id": 4, "label": "Q", "start_offset": 4, "end_offset": 7}, {"label": "P"}, None],
         "relations": [
            {"from_id": 1, "to_id": 2, "type": "met"}, {"from_id": 1, "to_id": 3, "type": "lost with 3"},
            {"from_id": 2, "to_id": 4, "type": "lost with 4"}, {"from_id": 1, "to_id": 9, "type": "r"},
            {"from_id": 1, "to_id": 2, "type": 5}, 7]},
        7, [("Ada", "met", "Bob")],
    ),
    "docred": (
        {"sents": [["Ada", "met", "Bob"], ["He", "left"]], "vertexSet": [
            [{"sent_id": 0, "pos": [0, 1], "type": "P"}, {"sent_id": 7, "pos": [0, 1], "type": "P"}],
            [{"sent_id": 0, "pos": [2, 3], "type": "P"}], [{"sent_id": 1, "pos": [0, 9], "type": "P"}], []],
         "labels": [{"h": 0, "r": "met", "t": 1}, {"h": 0, "r": "lost with 2", "t": 2}, {"h": 3, "r": "r", "t": 2},
                    {"h": 0, "r": "r", "t": 4}, {"h": 0, "r": "r", "t": 1, "evidence": 3}, 7]},
        6, [("Ada", "met", "Bob")],
    ),
    "rebel": (
        {"docid": "1", "uri": "Q1", "text": "Ada met Bob", "entities": [{"surfaceform": "Ada", "boundaries": [0]}, 7],
         "triples": [{"subject": {"surfaceform": "Ada"}, "predicate": {"surfaceform": "met"},
                      "object": {"surfaceform": "Bob", "boundaries": [8, 11]}},
                     {"subject": {"surfaceform": "Ada"}, "predicate": {}, "object": {"surfaceform": "Bob"}}, {}]},
        4, [("Ada", "met", "Bob")],
    ),
    "unirel": (
        {"text": "Ada met Bob", "entity_list": [{"text": "Ada", "type": ""}, {"type": "P"}], "relation_list": [
            {"subject": "Ada", "predicate": "met", "object": "Bob", "obj_char_span": [8, 11]},
            {"subject": "Ada", "predicate": "", "object": "Bob"}, {"subject": "Ada", "subj_char_span": 0}]},
        4, [("Ada", "met", "Bob")],
    ),
    "glirel": (
        {"tokenized_text": ["Ada", "met", "Bob"], "ner": [[0, 0, "P", "Ada"], [2, 2, "P"], [2, 3, "P", "Bob"], 7],
         "relations": [
            {"head": {"position": [0, 0]}, "tail": {"position": [2, 2]}, "relation_text": "met"},
            {"head": {"position": [0, 0]}, "tail": {"position": [2, 5]}, "relation_text": "r"},
            {"head": {"position": [0, 0]}, "tail": {"position": [2, 2]}}, {"head": 0}]},
        5, [("Ada", "met", "Bob")],
    ),
    "gliner2": (
        {"input": "Ada met Bob", "output": {"entities": {"P": ["Ada", "Bob"], "": ["Ada"], "Q": [5]}, "relations": [
            {"met": {"head": "Ada", "tail": "Bob"}}, {"r": 3}, {"r": {"head": 3, "tail": "Ada"}}, 7]}},
        5, [("Ada", "met", "Bob")],
    ),
}  # fmt: skip


def check(path: Path, faults: int, lines: set[str], **options: Any) -> tuple[list[Any], ConversionReport]:
    """Convert with and without skipping what is not valid, in Python and on the command line."""
    with pytest.raises(FileError, match=r"^\[R030\] ") as caught:
        convert(path, **options)
    *listed, advice = str(caught.value).removeprefix("[R030] ").split("\n")
    assert "--skip-errors" in advice and len(listed) == min(faults, 20) + (faults > 20)
    docs, report = convert(path, skip_errors=True, **options)
    assert len(report.broken) == faults and {item.line for item in report.broken} == lines
    assert all(
        str(item.path) in listed[i] and f":{item.line}: " in listed[i] for i, item in enumerate(report.broken[:20])
    )
    out = path.with_name("out.spacy")
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", value)]
    result = run("convert", path, out, "--allow-empty", *arguments)
    assert result.exit_code == 1 and not out.exists() and advice in result.output
    result = run("convert", path, out, "--allow-empty", "--skip-errors", *arguments)
    assert result.exit_code == 0 and out.exists()
    assert ["passed over: broken", f"{faults}"] in [line.rsplit(maxsplit=1) for line in result.output.splitlines()]
    out.unlink()
    return docs, report


@pytest.mark.parametrize("format", FAULTS)
def test_broken_annotation_is_left_out(tmp_path: Path, format: str) -> None:
    record, faults, triples = FAULTS[format]
    path = tmp_path / "a.jsonl"
    write_json(path, record, record)
    (first, second), _ = check(path, 2 * faults, {"1", "2"}, format=format)
    assert triples_of(first) == triples_of(second) == triples


@pytest.mark.parametrize("format", FAULTS)
def test_broken_records_are_left_out(tmp_path: Path, format: str) -> None:
    record, faults, triples = FAULTS[format]
    path = write_json(tmp_path / "a.jsonl", record)
    broken = [b'{"a" 1}', b"{}", b'{"text": "\xe9"}']
    path.write_bytes(b"\n".join([path.read_bytes(), *broken, path.read_bytes(), broken[0]]))
    docs, _ = check(path, 2 * faults + 4, {"1", "2", "3", "4", "5", "6"}, format=format)
    assert [triples_of(doc) for doc in docs] == [triples, triples]


def test_broken_ids_are_left_out(tmp_path: Path) -> None:
    values = [[[0, 1, 2], [9], [3, 0]], [[0, 2, 1, 0, 7, 1, 0, 2, 5], [], [0]]]
    docs, _ = check(
        write_ids(tmp_path / "a.json", values), 4, {"record 1", "record 2", "record 3"}, format="copy_re_ids"
    )
    assert [triples_of(doc) for doc in docs] == [[("Ann", "friend", "Ben")]]


def test_broken_lines_of_brat_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ada met Bob.")
    (tmp_path / "b.txt").write_bytes(b"Ada met\nB\xf6b.")
    for name in "abc":
        lines = [
            b"T1\tP 0 3\tAda", b"T2\tP 8 11\tBob", b"T3\tP 4 7\tsaw", b"T4\tP 4", b"T5\tP 0 3\tAda", b"T5\tP 8 11\tBob",
            b"R1\tmet Arg1:T1 Arg2:T2", b"R2\tmet Arg1:T1 Arg2:T9", b"R3\tmet Arg1:T1", b"R4\tr Arg1:T1 Arg2:T3",
            b"R5\tr Arg1:T5 Arg2:T1", b"T6\tP 0 3\tAd\xe1", b"T7\tP " + b"9" * 5000 + b" 7\tx", b"nothing",
        ]  # fmt: skip
        (tmp_path / f"{name}.ann").write_bytes(b"\n".join(lines))
    (doc,), report = check(tmp_path, 10, {"3", "4", "6", "8", "9", "12", "13", "14", "2", "1"}, format="brat")
    assert triples_of(doc) == [("Ada", "met", "Bob")] and report.lost_triples == 2
    assert [(item.path.name, item.line) for item in report.broken[-2:]] == [("b.txt", "2"), ("c.ann", "1")]


def test_broken_annotation_of_webanno_is_left_out(tmp_path: Path) -> None:
    head = [
        "#FORMAT=WebAnno TSV 3.3",
        "#T_SP=custom.E|value",
        "#T_RL=custom.R|value|BT_custom.E",
        "",
        "#Text=Ada met Bob",
    ]
    rows = ["1-1\t0-3\tAda\tP\tr|r\t1-9|x", "1-2\t4-7\tmet\tV|W\tr\t1-1|1-1", "1-3\t8-11\tBob\tP\tmet|r\t1-1|1-2[7_0]"]
    path = tmp_path / "a.tsv"
    path.write_text("\n".join([*head, *rows, ""]))
    (doc,), _ = check(path, 5, {"6", "7", "8"})
    assert triples_of(doc) == [("Ada", "met", "Bob")]


def test_broken_relations_of_the_tutorial_are_left_out(tmp_path: Path) -> None:
    doc = Doc(Vocab(), words=["Ada", "met", "Bob"])
    doc.ents = [Span(doc, 0, 1, "P"), Span(doc, 2, 3, "P")]
    rel = {(0, 2): {"met": 1.0, "r": "yes", "": 1.0}, (0, 1): {"r": 1.0}, 2: {"r": 1.0}}
    doc.user_data["._.", "rel", None, None] = rel
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    (read,), _ = check(tmp_path / "a.spacy", 4, {"text 1"})
    assert triples_of(read) == [("Ada", "met", "Bob")]


def test_the_first_twenty_are_shown(tmp_path: Path) -> None:
    """A corpus with 80 ids that do not exist."""
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("Ada met Bob.")
        lines = ["T1\tP 0 3\tAda", *(f"R{n}\tmet Arg1:T1 Arg2:T{n}" for n in range(10, 50))]
        (tmp_path / f"{name}.ann").write_text("\n".join(lines))
    check(tmp_path, 80, {str(line) for line in range(2, 42)}, format="brat")
    result = run("convert", tmp_path, tmp_path / "out.spacy")
    assert result.output.count("a.ann:") == 20 and "... and 60 more, 80 in all" in result.output


def test_what_is_broken_is_counted_once_in_sentences(tmp_path: Path) -> None:
    record = {"text": "Ada met Bob. Cem left.", "entities": [[0, 3, "P"], [8, 11, "P"], [13, 99, "P"]],
              "relations": [[0, "met", 1], [0, "met", 2], [5, "met", 0]]}  # fmt: skip
    docs, report = convert(write_json(tmp_path / "a.jsonl", record), sents=True, skip_errors=True)
    assert [triples_of(doc) for doc in docs] == [[("Ada", "met", "Bob")], []]
    assert (len(report.broken), report.lost_triples) == (2, 1)


def test_nothing_valid_is_left(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", {"text": "a"}, {"text": ""})
    with pytest.raises(FileError, match=r"^\[R047\] .*2 broken records"):
        convert(path, "jsonl", skip_errors=True)


def test_a_broken_first_line_does_not_hide_the_format(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", JSONL)
    path.write_bytes(b'{"text": "Ada\n' + path.read_bytes())
    (_,), report = convert(path, skip_errors=True)
    assert report.format == "jsonl" and len(report.broken) == 1


def test_valid_samples_have_no_faults() -> None:
    for path in SAMPLES.iterdir():
        assert not convert(path if path.name != "copy_re_ids" else path / "train.json", skip_errors=True)[1].broken
