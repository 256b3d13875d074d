"""What offsets count, and quotes whose white space is not that of the text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rin.convert import ConversionReport, convert
from spacy_rin.convert.quotes import COUNTS, Count, Mention, QuotedText, is_same, place
from spacy_rin.convert.records import Broken, Note, Text

from ..support import run
from .support import triples_of, write_json


def count_units(text: str, count: Count) -> int:
    """How many units of a count a text has, worked out in another way than the package does it."""
    if not count.mark:
        text = text.removeprefix("\ufeff")
    if count.line_end == "CR LF as one character":
        text = text.replace("\r\n", "\n")
    elif count.line_end == "LF as two characters":
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if count.unit == "UTF-16 units":
        return len(text.encode("utf-16-le")) // 2
    return len(text.encode("utf-8")) if count.unit == "bytes" else len(text)


# Every word occurs once, so the quotes say where they are.
WORDS = ["Ada", "met", "Bób", "🌊🌊", "in", "Öban", "rows"]


@settings(max_examples=60, deadline=None)
@given(st.permutations(WORDS), st.data(), st.sampled_from(COUNTS), st.booleans())
def test_every_count_is_understood(words: Any, data: Any, count: Any, has_mark: Any) -> None:
    text = "\ufeff" if has_mark else ""
    quotes, expected = [], []
    for word in words:
        text += data.draw(st.sampled_from([" ", "\n", "\r\n", "é\r\n", "😀\n "]))
        start = text.removesuffix("\r\n") if text.endswith("\r\n\n") else text
        offsets = count_units(start, count), count_units(start + word, count)
        quotes.append(Mention("1", word, [offsets], word, word))
        expected.append(word)
        text += word
    (placed, *notes) = place([QuotedText("1", text, quotes, [], is_file=True)])
    assert isinstance(placed, Text) and placed.text == text.removeprefix("\ufeff")
    assert [placed.text[start:end] for start, end, _ in placed.entities] == expected
    assert len(notes) <= 1


def test_the_count_is_decided_for_the_whole_file() -> None:
    """The quote of the second text is at both places. The first text says what offsets count."""
    clear = QuotedText("1", "😀 Ada rows.", [Mention("1", "a", [(3, 6)], "Ada")], [])
    unclear = QuotedText("2", "😀 xxx", [Mention("2", "b", [(3, 4)], "x"), Mention("2", "c", [(4, 5)], None)], [])
    alone, *notes = place([unclear])
    assert [entity[:2] for entity in alone.entities] == [(3, 4), (4, 5)] and not notes
    for order in ([clear, unclear], [unclear, clear]):
        *texts, note = place(order)
        placed = texts[order.index(unclear)]
        assert [entity[:2] for entity in placed.entities] == [(2, 3), (3, 4)]
        assert note == Note("texts whose offsets count UTF-16 units", 2)


def test_one_wrong_quote_does_not_change_the_count() -> None:
    right = [Mention("1", "a", [(3, 6)], "Ada"), Mention("2", "b", [(7, 11)], "rows")]
    text, _ = place([QuotedText("1", "😀 Ada rows.", [*right, Mention("3", "c", [(0, 2)], "Bo")], [])])
    assert [entity[:2] for entity in text.entities[:2]] == [(2, 5), (6, 10)]
    assert isinstance(text.entities[2], Broken) and text.entities[2].line == "3"


@pytest.mark.parametrize(
    "found,quoted",
    [
        ("of  Leeds", "of Leeds"),
        ("of Leeds", " of \t Leeds\n"),
        ("of\u00a0Leeds", "of Leeds"),
        ("of\u202fLeeds", "ofLeeds"),
        ("of\r\nLeeds", "of\\nLeeds"),
        ("of\r\nLeeds", r"of\r\nLeeds"),
        ("of\tLeeds", r"of\tLeeds"),
        ("of\nLeeds", r"of\\nLeeds"),
        ("of\nLeeds", "ofLeeds"),
        ("of\u00a0Leeds", r"of\u00a0Leeds"),
        ("of\u00a0Leeds", r"of\xa0Leeds"),
        ("of\u00a0Leeds", "of&nbsp;Leeds"),
        ("o\u200bf Lee\u00adds", "of Leeds"),
        (r"C:\new file", r"C:\new file"),
        ("C:\\new\nfile", r"C:\new\nfile"),
    ],
)
def test_white_space_of_quotes(found: str, quoted: str) -> None:
    assert is_same(found, quoted) and is_same(quoted, found)


@pytest.mark.parametrize("found,quoted", [("of Leeds", "of Leed"), ("of Leeds", "of leeds"), ("", "a"), ("é", "e")])
def test_other_differences_of_quotes(found: str, quoted: str) -> None:
    assert not is_same(found, quoted)


def convert_brat(folder: Path, text: str, *lines: str, **options: Any) -> tuple[list[Any], ConversionReport]:
    """Convert a text of brat, written to files as it is."""
    (folder / "a.txt").write_bytes(text.encode())
    (folder / "a.ann").write_bytes("\n".join(lines).encode())
    return convert(folder / "a.ann", **options)


R = "R1\tmet Arg1:T1 Arg2:T2"


@pytest.mark.parametrize(
    "text,first,second",
    [
        ("Acid burns Bob.", "0 4\tAcid ", "11 14\tBob"),
        ("Acid burns Bob.", "0 5\tAcid", "11 14\t Bob"),
        ("Acid burns Bob.", "0 5\tAcid ", "10 14\tBob"),
        ("Of  Leeds met Bob.", "0 9\tOf Leeds", "14 17\tBob"),
        ("Of\tLeeds met Bob.", "0 8\tOf\\tLeeds", "13 16\tBob"),
        ("Of\nLeeds met Bob.", "0 8\tOf\nLeeds", "13 16\tBob"),
        ("Of\n\n Leeds met Bob.", "0 10\tOf\n\n Leeds", "15 18\tBob"),
        ("Of\r\nLeeds met Bob.", "0 9\tOf\r\nLeeds", "14 17\tBob"),
        ("Of\nR1 the\tLeeds met Bob.", "0 15\tOf\nR1 the\tLeeds", "20 23\tBob"),
    ],
)
def test_brat_quotes(tmp_path: Path, text: str, first: str, second: str) -> None:
    (doc,), report = convert_brat(tmp_path, text, f"T1\tX {first}", f"T2\tX {second}", R)
    ((subject, label, object_),) = triples_of(doc)
    last = "Leeds" if "Leeds" in text else "Acid"
    assert (subject, label, object_) == (text[: text.index(last) + len(last)], "met", "Bob")
    assert doc.text == text and not report.broken and not report.notes


def test_a_line_that_is_not_in_the_text_is_no_quote(tmp_path: Path) -> None:
    lines = ["T1\tX 0 3\tAda", "Eve", "T2\tX 8 11\tBob", R]
    with pytest.raises(ValueError, match=r"a\.ann:2: this is not a line of brat: 'Eve'"):
        convert_brat(tmp_path, "Ada met Bob.", *lines)
    (doc,), report = convert_brat(tmp_path, "Ada met Bob.", *lines, skip_errors=True)
    assert triples_of(doc) == [("Ada", "met", "Bob")] and [item.line for item in report.broken] == ["2"]


@pytest.mark.parametrize(
    "text,first,second,count",
    [
        ("\ufeffAda met Bob.", "1 4", "9 12", "the byte order mark"),
        ("\ufeffAda met Bob.", "0 3", "8 11", ""),
        ("🌊🌊\r\nAda met Bob.", "5 8", "13 16", "UTF-16 units, CR LF as one character"),
        ("🌊🌊\r\nAda met Bob.", "6 9", "14 17", "UTF-16 units"),
        ("🌊🌊\r\nAda met Bob.", "3 6", "11 14", "CR LF as one character"),
        (
            "\ufeff🌊🌊🌊\r\n\r\nAda met Bob.",
            "9 12",
            "17 20",
            "UTF-16 units, CR LF as one character, the byte order mark",
        ),
        ("\ufeffé\r\nAda met Bob.", "7 10", "15 18", "bytes, the byte order mark"),
        ("é\nAda met Bob.", "3 6", "11 14", "LF as two characters"),
        ("éé\nAda met Bob.", "5 8", "13 16", "bytes"),
    ],
)
def test_brat_counts(tmp_path: Path, text: str, first: str, second: str, count: str) -> None:
    (doc,), report = convert_brat(tmp_path, text, f"T1\tX {first}\tAda", f"T2\tX {second}\tBob", R)
    assert triples_of(doc) == [("Ada", "met", "Bob")] and doc.text == text.removeprefix("\ufeff")
    assert report.notes == ({f"texts whose offsets count {count}": 1} if count else {})
    result = run("convert", tmp_path / "a.ann", tmp_path / "out.spacy")
    assert result.exit_code == 0 and (not count or f"Texts whose offsets count {count}: 1" in result.output)


@pytest.mark.parametrize("quote", ["Of Leeds", "Of\\n Leeds", "OfLeeds", " Of  Leeds "])
def test_label_studio_quotes(tmp_path: Path, quote: str) -> None:
    """Two tasks: the first one tells that the second counts UTF-16 units, too."""
    region = {"type": "labels", "to_name": "text"}
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["met"]}
    tasks = [
        {"data": {"text": f"{start}Of\n Leeds met Bob"}, "annotations": [{"result": [
            {**region, "id": "a", "value": {"start": n, "end": n + 9, "text": text, "labels": ["X"]}},
            {**region, "id": "b", "value": {"start": n + 14, "end": n + 17, "text": None, "labels": ["X"]}},
            relation,
        ]}]}
        for start, n, text in (("😀 ", 3, quote), ("😀😀 ", 5, None))
    ]  # fmt: skip
    docs, report = convert(write_json(tmp_path / "a.json", tasks))
    assert [triples_of(doc) for doc in docs] == [[("Of\n Leeds", "met", "Bob")]] * 2
    assert report.notes == {"texts whose offsets count UTF-16 units": 2}


def test_prodigy_counts_and_quotes(tmp_path: Path) -> None:
    """Tokens are quotes, too: here they count UTF-16 units, and a line break became a blank."""
    text = "😀 Of\nLeeds"
    tokens = [
        {"text": word, "start": s, "end": e}
        for word, s, e in [("😀", 0, 2), ("Of", 3, 5), (" ", 5, 6), ("Leeds", 6, 11)]
    ]
    span = {"start": 3, "end": 11, "token_start": 1, "token_end": 3, "label": "X"}
    task = {"text": text, "tokens": tokens, "spans": [span], "relations": [{"head": 3, "child": 0, "label": "r"}]}
    (doc,), report = convert(write_json(tmp_path / "a.jsonl", task))
    assert triples_of(doc) == [("Of\nLeeds", "r", "😀")] and list(report.notes) == [
        "texts whose offsets count UTF-16 units"
    ]
    tokens[3]["text"] = "Leads"
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    with pytest.raises(ValueError, match=r"a\.jsonl:1: a token quotes 'Leads', which is not what the text has at 6 11"):
        convert(tmp_path / "a.jsonl")
