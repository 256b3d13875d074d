import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_rin.cli.screen import clean, echo, msg, shorten, show_tables
from spacy_rin.errors import Warnings

from ..support import run

# It would clear the screen, begin a line of its own, and turn round what follows.
EVIL = "a\x1b[2Jb\r\nc\u2028d\u202ee\x9b"
CLEANED = "a [2Jb  c d e "


def test_what_controls_a_terminal_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(EVIL) == CLEANED
    echo(EVIL)
    msg.text(EVIL, EVIL)
    msg.table([(EVIL, EVIL)])
    show_tables([(EVIL, "n"), (EVIL, "1")])
    output = capsys.readouterr().out
    assert output.count(CLEANED.strip()) == 7
    assert not set(EVIL) - set("abcde[2J\n") & set(output)


def test_values_in_warnings_are_cleaned() -> None:
    """Python prints a warning as it is, and its label can be of anybody."""
    assert f"'{CLEANED}'" in Warnings.W001.format(kind="Entity", label=EVIL, name="rin_joint")


@pytest.mark.parametrize("name", ["good", "info", "warn", "fail"])
def test_messages_are_cleaned(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    getattr(msg, name)("title" + EVIL, "text" + EVIL)
    output = capsys.readouterr().out
    assert "title" + CLEANED.strip() in output and "text" + CLEANED.strip() in output


@pytest.mark.parametrize("text", ["نمی‌خواهم", "👩‍🔬", "e\u0301", "non\u00a0breaking", "שלום\u200f"])
def test_letters_and_signs_of_all_languages_are_kept(text: str) -> None:
    assert clean(text) == text


def test_what_the_output_cannot_encode_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert clean("Malmö \ud800") == "Malm?  "


def test_long_labels_are_shortened() -> None:
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"


def test_names_of_files_and_labels_do_not_control_the_terminal(tmp_path: Path) -> None:
    source = tmp_path / "in\x1b[2J.json"
    source.write_text(
        json.dumps([{"text": "Kim lives in Oslo", "triples": [["Kim", EVIL, "Oslo"], ["Kim", EVIL, "Rome"]]}])
    )
    result = run("convert", source, tmp_path / "out\x1b[2J.spacy", "--format", "casrel")
    assert result.exit_code == 0, result.output
    assert "\x1b[2J" not in result.output
    assert "in [2J.json:1 (record 1): entity 'Rome" in " ".join(result.output.split())
    missing = run("convert", tmp_path / "no\x1b[2J.json", tmp_path / "out.spacy", "--format", "casrel")
    assert missing.exit_code == 1 and "\x1b[2J" not in missing.output
    assert "no [2J.json" in " ".join(missing.output.split())


def test_extracted_texts_do_not_control_the_terminal(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": "Ada Brook was born in Larne .\r\n\x1b[2J Tom Hale leads Orbix ."}))
    result = run("extract", model, path)
    assert result.exit_code == 0, result.output
    assert "\x1b[2J" not in result.output and "\r" not in result.output
    assert result.output.startswith("Ada Brook was born in Larne .   [2J Tom")


def test_an_output_of_few_letters_is_no_failure(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("Ada Brook leads Malmö .\n", encoding="utf-8")
    command = [sys.executable, "-m", "spacy", "rin", "extract", str(model), str(path)]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii", "PATH": ""})
    assert done.returncode == 0, done.stderr
    assert b"leads Malm? ." in done.stdout
