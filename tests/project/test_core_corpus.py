"""The form of the core corpus, and the corpus itself."""

import json
import sys
from pathlib import Path

import core_corpus
import pytest

ASSETS = Path(__file__).parents[2] / "project/assets/core"

LINES = [
    "The [1 ORG University of [2 PLACE Larne]] hired [3 PERSON Ada Brook]",
    "on [4 DATE 3 May].",
    "",
    "[5 PERSON Brook] left.",
    "= 3 works_for 1",
    "= 3 born_in 2",
]


def test_marks_and_relations_are_read() -> None:
    text = core_corpus.read_text("a", LINES)
    assert text.text == "The University of Larne hired Ada Brook on 3 May.\nBrook left."
    names = [(text.text[start:end], label) for start, end, label in text.entities]
    assert names == [
        ("University of Larne", "ORG"),
        ("Larne", "PLACE"),
        ("Ada Brook", "PERSON"),
        ("3 May", "DATE"),
        ("Brook", "PERSON"),
    ]
    assert text.relations == [(2, "works_for", 0), (2, "born_in", 1)]
    assert not text.faults


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["[2 PERSON Ada].", "="], "mark 2 comes where 1 should"),
        (["[1 MAN Ada].", "="], "unknown type MAN"),
        (["[1 PERSON Ada.", "="], "mark 1 does not end"),
        (["Ada]", "="], "ends that has not started"),
        (["[PERSON Ada].", "="], "ends that has not started"),
        (["[1 PERSON Ada ] left.", "="], "starts or ends with a blank"),
        (["[1 PLACE The Hague] lies.", "="], "'the' does not belong"),
        (["[1 PERSON Ada] and Ada left.", "="], "'Ada' is marked in one place"),
        (["[1 PERSON Ada]."], "no line of relations"),
        (["[1 PERSON Ada] of [2 PLACE Wick].", "= 1 from 2"], "with a relation of the guidelines"),
        (["[1 PERSON Ada] of [2 PLACE Wick].", "= 1 born_in 3"], "a number without a mark"),
        (["[1 PERSON Ada] of [2 PLACE Wick].", "= 1 born_in 1"], "the same number twice"),
        (["[1 PERSON Ada] of [2 PLACE Wick].", "= 2 born_in 1"], "2 is PLACE, not PERSON"),
        (["[1 PERSON Ada] of [2 PLACE Wick].", "= 1 born_in 2; 1 born_in 2"], "stands twice"),
        (["[1 PERSON Ada], wife of [2 PERSON Ben].", "= 1 married_to 2"], "2 married_to 1 is missing"),
    ],
)
def test_faults_are_found(lines: list[str], fault: str) -> None:
    assert any(fault in found for found in core_corpus.read_text("a", lines).faults)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(["# a", *LINES, "", "# b", "Nothing.", "="]), encoding="utf8")
    monkeypatch.setattr(sys, "argv", ["core_corpus.py", str(tmp_path), "--out", str(tmp_path / "out" / "texts.jsonl")])
    core_corpus.main()
    assert "2 texts, 3 sentences" in capsys.readouterr().out
    first, second = map(json.loads, (tmp_path / "out" / "texts.jsonl").read_text("utf8").splitlines())
    assert first["relations"] == [[2, "works_for", 0], [2, "born_in", 1]]
    assert second == {"text": "Nothing.", "entities": [], "relations": []}
    # A fault is shown with its place, and nothing is written.
    (tmp_path / "out" / "texts.jsonl").unlink()
    file.write_text("# a\nNothing.\n=\n\n# a\nNothing more.\n", encoding="utf8")
    with pytest.raises(SystemExit, match="2 faults"):
        core_corpus.main()
    assert f"{file}:5: a: there is no line of relations" in capsys.readouterr().err
    assert not (tmp_path / "out" / "texts.jsonl").exists()


def test_the_corpus_is_sound() -> None:
    parts = {
        part: [text for file in sorted((ASSETS / part).glob("*.txt")) for _, text in core_corpus.read_file(file)]
        for part in ("train", "dev", "test")
    }
    texts = [text for part in parts.values() for text in part]
    assert not [(text.name, text.faults) for text in texts if text.faults]
    assert len(texts) >= 1200
    assert len({text.name for text in texts}) == len({text.text for text in texts}) == len(texts)
    triples = {
        part: {
            (text.text[slice(*text.entities[s][:2])], label, text.text[slice(*text.entities[o][:2])])
            for text in part_texts
            for s, label, o in text.relations
        }
        for part, part_texts in parts.items()
    }
    for part, found in triples.items():
        assert {label for _, label, _ in found} == set(core_corpus.RELATIONS), part
    assert not triples["train"] & triples["test"]


def test_the_guidelines_have_what_is_checked() -> None:
    lines = (ASSETS / "guidelines.md").read_text("utf8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    relations = {
        row[0]: tuple(cell.replace(",", "") for cell in row[1:3]) for row in rows if "_" in row[0] or len(row) == 4
    }
    del relations["relation"]
    assert {name: types for name, types in relations.items() if "-" not in name} == core_corpus.RELATIONS
    assert {row[0] for row in rows if row[0].isupper()} == set(core_corpus.TYPES)


def test_no_text_of_a_file_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"# {name}\n[1 PERSON Ada] left {name}.\n=\n" for name in "ab"]
    path = tmp_path / "in.txt"
    path.write_text("\ufeff\n" + "".join(texts), "utf8")
    assert [text.name for _, text in core_corpus.read_file(path) if not text.faults] == ["a", "b"]
    path.write_text("\n" + "".join(texts).removeprefix("# a\n"), "utf8")
    (line, fault), (_, text) = core_corpus.read_file(path)
    assert line == 2 and "before it" in fault.faults[0] and text.name == "b"
    path.write_text("[1 PERSON Ada] left.\n=\n", "utf8")
    ((_, fault),) = core_corpus.read_file(path)
    assert fault.faults
    path.write_text("# a\x1b[2J\n[1 PERSON Ada left.\n=\n", "utf8")
    monkeypatch.setattr(sys, "argv", ["core_corpus.py", str(path)])
    with pytest.raises(SystemExit, match="faults"):
        core_corpus.main()
    assert "\x1b" not in capsys.readouterr().err
