"""Single texts, round by round."""

import sys
from pathlib import Path

import case_study
import pytest
from spacy.language import Language
from spacy.tokens import Doc

from spacy_rin.convert import write_docs
from spacy_rin.page.rounds import found_by_round, rows_of

from ..support import TRIPLES, gold_doc


def test_rows_are_what_changes(trained: Language) -> None:
    """All triples, and the entities that are not found in every round."""
    before, after = (gold_doc(trained.vocab, *TRIPLES[0]) for _ in range(2))
    before._.relations = []
    found = found_by_round([before, after], "relations")
    assert [(key.is_triple, key.text) for key in rows_of(found)] == [(True, "Ada Brook – born_in → Larne")]
    after.ents = after.ents[1:]
    rows = rows_of(found_by_round([before, after], "relations"))
    assert [key.text for key in rows] == ["Ada Brook (PERSON)", "Ada Brook – born_in → Larne"]


def test_texts_of_a_file(
    trained: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the tokens and the annotation of the file; the pipeline has three rounds."""
    trained.to_disk(tmp_path / "pipeline")
    docs = [gold_doc(trained.vocab, *row) for row in TRIPLES]
    write_docs([Doc(trained.vocab).from_bytes(doc.to_bytes()) for doc in docs], tmp_path / "test.spacy")
    command = ["case_study.py", str(tmp_path / "pipeline"), "--texts", str(tmp_path / "test.spacy"), "--containing"]
    monkeypatch.setattr(sys, "argv", [*command, "all day", "Brook leads"])
    case_study.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["> It rained all day .", "", "No triples are annotated or found.", ""]
    assert lines[4] == "> Ada Brook leads Orbix ."
    assert lines[6] == "|  | annotated | after 0 | after 1 | after 2 | after 3 |"
    cells = next([cell.strip() for cell in line.split("|")] for line in lines if "Ada Brook – leads → Orbix" in line)
    assert cells[2] == "1.00" and float(cells[6]) > 0.5
    monkeypatch.setattr(sys, "argv", [*command, "nowhere"])
    with pytest.raises(SystemExit, match="has one of: nowhere"):
        case_study.main()


def test_any_text(trained: Language) -> None:
    text, _ = TRIPLES[0]
    lines = case_study.study(trained, trained.make_doc(text))
    assert lines[0] == f"> {text}"
    assert lines[2] == "|  | after 0 | after 1 | after 2 | after 3 |"
    assert any("Ada Brook – born_in → Larne" in line for line in lines[4:])
    # The pipeline keeps its number of rounds.
    assert trained.get_pipe("rin_joint").rounds == 3


def test_a_text_that_would_control_a_terminal(trained: Language) -> None:
    lines = case_study.study(trained, trained.make_doc("Ada\x1b[2J \u202eBrook\nleft ."))
    assert lines[0] == "> Ada [2J  Brook left ."
