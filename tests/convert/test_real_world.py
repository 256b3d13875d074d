"""Files as people have them: redundant fields that are wrong, roles in both orders, events, untokenised texts."""

from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert
from spacy_rin.errors import FileError, SettingError

from ..support import run
from .support import counts_of, relations_of, triples_of, write_json

TOKENS = [("X", 0, 1), ("-", 1, 2), ("ray", 2, 5), ("helps", 6, 11), ("Bob", 12, 15)]
TOOL, BOB = (0, 3, "TOOL"), (4, 5, "PER")
SPANS: list[dict[str, Any]] = [
    {"start": 0, "end": 5, "token_start": 0, "token_end": 2, "label": "TOOL"},
    {"start": 12, "end": 15, "token_start": 4, "token_end": 4, "label": "PER"},
]


def prodigy(folder: Path, spans: list[dict[str, Any]], **relation: Any) -> Path:
    """Write a task with one relation."""
    tokens = [{"text": text, "start": start, "end": end} for text, start, end in TOKENS]
    relations = [{"head": 2, "child": 4, "label": "helps", **relation}]
    return write_json(
        folder / "a.jsonl", {"text": "X-ray helps Bob", "tokens": tokens, "spans": spans, "relations": relations}
    )


@pytest.mark.parametrize(
    "spans,head_span,counted",
    [
        (SPANS, {**SPANS[0], "token_start": 2}, 1),  # what Prodigy itself writes for a span at token 0
        (SPANS, {**SPANS[0], "token_start": None}, 0),
        (SPANS, {**SPANS[0], "label": "OLD"}, 1),
        (SPANS, {"token_start": 2, "token_end": 2, "label": "TOOL"}, 1),  # the list of spans wins
        (SPANS, {"token_start": 0, "token_end": 2}, 0),
        (SPANS, {"start": 1, "end": 4, "label": "TOOL"}, 1),  # it cuts a token, and the span of "head" is listed
        (SPANS, {"start": 6, "end": 11, "label": "TOOL"}, 1),  # it does not have the token "head"
        ([{**SPANS[0], "token_start": 2}, SPANS[1]], SPANS[0], 1),
        ([{**SPANS[0], "token_end": 77}, SPANS[1]], None, 1),
    ],
)
def test_prodigy_believes_characters_and_listed_spans(tmp_path: Path, spans: Any, head_span: Any, counted: int) -> None:
    (doc,), report = convert(prodigy(tmp_path, spans, head_span=head_span, child_span=SPANS[1]))
    assert relations_of(doc) == [(TOOL, "helps", BOB)] and len(doc.spans["rin"]) == 2
    assert sum(report.ignored.values()) == counted


@pytest.mark.parametrize("head", [2, 77])
def test_prodigy_believes_characters_of_a_span_that_is_not_listed(tmp_path: Path, head: int) -> None:
    ray = {"start": 2, "end": 5, "label": "PART"}
    (doc,), _ = convert(prodigy(tmp_path, SPANS, head=head, head_span=ray, child_span=SPANS[1]))
    assert relations_of(doc) == [((2, 3, "PART"), "helps", BOB)]


def brat(folder: Path, *lines: str, name: str = "a", text: str = "Ada met Bob and Cem.") -> Path:
    """Write a text of brat with three entities, T1 to T3, and further lines."""
    (folder / f"{name}.txt").write_text(text)
    entities = ["T1\tP 0 3\tAda", "T2\tP 8 11\tBob", "T3\tP 16 19\tCem"]
    (folder / f"{name}.ann").write_text("\n".join([*entities, *lines]))
    return folder


@pytest.mark.parametrize(
    "lines,subject",
    [
        (["R1\tr From:T1 To:T2", "R2\tr To:T2 From:T1"], "From"),
        (["R1\tr To:T2 From:T1", "R2\tr To:T2 From:T1"], "From"),
        (["R1\tr Arg1:T1 Arg2:T2", "R2\tr Arg2:T2 Arg1:T1"], "Arg1"),
        (["R1\tr B2:T2 B1:T1", "R2\tr b2:T2 b1:T1"], "B1"),
        (["R1\tr Who:T1 Whom:T2", "R2\tr Whom:T2 Who:T1", "R3\tr Who:T1 Whom:T2"], "Who"),
        (["R1\tr Whom:T2 Who:T1", "R2\tr Who:T1 Whom:T2", "R3\tr Who:T1 Whom:T2"], "Who"),
        (["R1\tr Who:T1 Whom:T2", "R2\tr Whom:T2 Who:T1"], "Who"),
    ],
)
def test_roles_of_a_label_have_one_direction(tmp_path: Path, lines: list[str], subject: str) -> None:
    (doc,), report = convert(brat(tmp_path, *lines))
    assert triples_of(doc) == [("Ada", "r", "Bob")] and report.duplicate_triples == len(lines) - 1
    assert all(f"with {subject} as subject" in note for note in report.notes) or subject == "B1"
    assert bool(report.notes) == (subject != "Arg1")


def test_roles_have_one_direction_in_all_files(tmp_path: Path) -> None:
    """A label can have its roles the other way round than another label."""
    brat(tmp_path, "R1\thires Who:T1 Whom:T2", "R2\tworks_for Whom:T2 Who:T1")
    brat(tmp_path, "R1\thires Who:T1 Whom:T2", "R2\tworks_for Whom:T2 Who:T1", name="b")
    brat(tmp_path, "R1\thires Whom:T2 Who:T1", "R2\tworks_for Who:T1 Whom:T2", name="c")
    docs, report = convert(tmp_path)
    assert [triples_of(doc) for doc in docs] == [[("Ada", "hires", "Bob"), ("Bob", "works_for", "Ada")]] * 3
    assert report.notes == {
        "relations ('hires') with Who as subject, Whom as object, see --roles": 3,
        "relations ('works_for') with Whom as subject, Who as object, see --roles": 3,
    }


def test_roles_that_are_chosen(tmp_path: Path) -> None:
    brat(tmp_path, "R1\tr From:T1 To:T2", "R2\tr To:T2 From:T1", "R3\ts Arg1:T1 Arg2:T2")
    result = run("convert", tmp_path, tmp_path / "out.spacy")
    assert "Relations ('r') with From as subject, To as object, see --roles: 2" in result.output
    result = run("convert", tmp_path, tmp_path / "out.spacy", "--roles", "To,From", "--roles", "Arg2,Arg1")
    assert "Relations ('r') with To as subject, From as object, see --roles: 2" in result.output
    (doc,), _ = convert(tmp_path, roles=[("To", "From"), ("Arg2", "Arg1")])
    assert triples_of(doc) == [("Bob", "r", "Ada"), ("Bob", "s", "Ada")]
    with pytest.raises(SettingError, match=r"^\[R010\] Setting 'roles' .*Arg1,Arg2; From,To; To,From.*'Form,To'"):
        convert(tmp_path, roles=[("Form", "To")])
    for wrong in ("From", "From,", "From,To,Via", "From,From"):
        result = run("convert", tmp_path, tmp_path / "out.spacy", "--roles", wrong)
        assert result.exit_code == 1 and "[R010]" in result.output


def test_roles_are_pairs(tmp_path: Path) -> None:
    brat(tmp_path, "R1\tr From:T1 To:T2")
    both: Any = [["To", "From"]]
    assert triples_of(convert(tmp_path, roles=both)[0][0]) == [("Bob", "r", "Ada")]
    wrong: list[Any] = ["To,From", ["To"], [("To", "To")], [("To", 1)], [("To", "From"), ("From", "To")]]
    for roles in wrong:
        with pytest.raises(SettingError, match=r"^\[R010\].*'roles' must be .*pair"):
            convert(tmp_path, roles=roles)


def test_notes_and_normalizations_go_on_in_the_next_line(tmp_path: Path) -> None:
    more = ["#1\tAnnotatorNotes T1\tIs this", "right?", "", "N1\tReference T2 W:1\tBob", "and Cem"]
    (doc,), report = convert(brat(tmp_path, *more, "R1\tr Arg1:T1 Arg2:T2"))
    assert triples_of(doc) == [("Ada", "r", "Bob")] and report.ignored == {"notes (#)": 1, "normalizations (N)": 1}


@pytest.mark.parametrize("line", ["#1\tAnnotatorNotes T1\ta\nR1 r Arg1:T1 Arg2:T2", "N1\tReference T2 W:1\tBob\nTom"])
def test_other_lines_do_not_belong_to_notes(tmp_path: Path, line: str) -> None:
    with pytest.raises(FileError, match=r"a\.ann:5: this is not a line of brat"):
        convert(brat(tmp_path, line))


def test_an_event_stands_for_its_trigger(tmp_path: Path) -> None:
    lines = ["R1\tr Arg1:E1 Arg2:T2", "R2\ts Arg1:E2 Arg2:E1", "E1\tMeet:T1 Who:T3", "E2\tMeet:T3", "E3\tMeet:T9"]
    (doc,), report = convert(brat(tmp_path, *lines))
    assert triples_of(doc) == [("Ada", "r", "Bob"), ("Cem", "s", "Ada")]
    assert report.ignored == {"events (E)": 3}
    assert report.notes == {"ends of relations that are events, read as the triggers of these": 3}


@pytest.mark.parametrize(
    "line,reason",
    [
        ("E1\tMeet:T9", "points to E1, whose trigger T9, which does not exist among the entities"),
        ("E2\tMeet:T1", "points to E1, which does not exist among the entities"),
        ("E1\tMeet", "points to E1, which does not exist"),
        ("E1\tMeet:T1\nE1\tMeet:T2", "points to E1, but there are two annotations E1"),
    ],
)
def test_an_event_without_a_trigger(tmp_path: Path, line: str, reason: str) -> None:
    brat(tmp_path, "R1\tr Arg1:E1 Arg2:T2", line)
    with pytest.raises(FileError, match=rf"a\.ann:4: the relation {reason}"):
        convert(tmp_path)
    (doc,), report = convert(tmp_path, skip_errors=True)
    assert not triples_of(doc) and len(report.broken) == 1


RAW = {
    "text": "Ada was born in Leeds, and met Bob.",
    "triple_list": [["Ada", "born_in", "Leeds"], ["Ada", "met", "Bob"]],
}


def test_names_in_untokenised_texts(tmp_path: Path) -> None:
    records = [
        RAW,
        {"text": "Ann, Annabel and Ann. Zed", "triple_list": [["Annabel", "r", "Ann"], ["Zed", "r", "Annabel"]]},
        {"text": "Annabel, Bo", "triple_list": [["Ann", "r", "Bo"]], "entities": [["Annabel", "P"], ["Bo", "Q"]]},
    ]
    docs, report = convert(write_json(tmp_path / "a.json", *records))
    assert [token.text for token in docs[0]] == ["Ada", "was", "born", "in", "Leeds", ",", "and", "met", "Bob", "."]
    assert [triples_of(doc) for doc in docs] == [
        [("Ada", "born_in", "Leeds"), ("Ada", "met", "Bob")], [("Zed", "r", "Annabel")], [],
    ]  # fmt: skip
    assert [span.label_ for span in docs[2].spans["rin"]] == ["P", "Q"]
    assert [loss.reason.split(" (")[0] for loss in report.examples] == [
        "entity 'Ann' is in the text 2 times, but not between blanks: it is not clear which is meant",
        "entity 'Ann' is in the text only as a part of a word",
    ]
    assert report.notes == {"texts without blanks between their tokens, tokenised by spaCy": 3}


def test_names_in_texts_without_blanks(tmp_path: Path) -> None:
    record = {"text": "艾达出生在利兹。", "triple_list": [["艾达", "born_in", "利兹"]]}
    (doc,), _ = convert(write_json(tmp_path / "a.json", record), lang="zh")
    assert triples_of(doc) == [("艾达", "born_in", "利兹")]
    record["text"] = "艾达在利兹，利兹。"
    _, report = convert(write_json(tmp_path / "a.json", record), lang="zh")
    assert report.lost_entities == 1 and "利兹' is in the text 2 times" in report.examples[0].reason


def test_a_name_between_no_blanks_in_a_tokenised_file(tmp_path: Path) -> None:
    records = [{"text": "Ada met Bo", "triple_list": [["Ada", "met", "Bo"]]}] * 60
    records.append({"text": "Ada-Bo met Cem", "triple_list": [["Bo", "met", "Cem"]]})
    docs, report = convert(write_json(tmp_path / "a.json", *records))
    assert [token.text for token in docs[-1]] == ["Ada-Bo", "met", "Cem"] and not report.notes
    reason = "entity 'Bo' is in the text, but not between blanks: this format is tokenised (triples lost with it: 1)"
    assert report.examples == [(tmp_path / "a.json", "61", reason)]


def test_a_corpus_without_triples_is_an_error(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"text": "Ada sails", "triple_list": [["Ada", "met", "Bob"]]})
    result = run("convert", path, tmp_path / "out.spacy")
    assert result.exit_code == 1 and "[R049]" in result.output and not (tmp_path / "out.spacy").exists()
    assert "entity 'Bob' is not in the text" in result.output and "--allow-empty" in result.output
    assert run("convert", path, tmp_path / "out.spacy", "--allow-empty").exit_code == 0
    with pytest.raises(FileError, match=r"^\[R049\] Not one triple is left of the 1 text"):
        convert(path, allow_empty=False)
    assert counts_of(convert(path)[1])["docs"] == 1
