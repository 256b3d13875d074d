"""Raw texts, from annotation tools and in the plugin's own format."""

import json
from pathlib import Path

import pytest
import spacy

from spacy_rin.convert import brat, convert
from spacy_rin.convert.quotes import squeeze
from spacy_rin.relations import get_relations, has_relations

from .support import (
    ASSETS,
    JSONL,
    SAMPLES,
    changed,
    counts_of,
    first_task,
    relations_of,
    spans_of,
    triples_of,
    write_json,
)


def test_jsonl(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", JSONL, {"text": "Hi.", "entities": [], "relations": []})
    (doc, empty), report = convert(path, "jsonl")
    assert doc.text == JSONL["text"] and not doc.has_unknown_spaces
    assert [token.text for token in doc] == [token.text for token in spacy.blank("en")(JSONL["text"])]
    assert [span.text for span in doc.spans["rin"]] == ["Kim", "Oslo", "Oslo"]
    assert [ent.label_ for ent in doc.ents] == ["PERSON", "CITY"]
    assert [(r.subject.text, r.label, r.object.text, r.object.label_) for r in get_relations(doc)] == [
        ("Oslo", "far from", "Kim", "PERSON"),
        ("Kim", "visits", "Oslo", "TOWN"),
    ]
    assert has_relations(empty) and empty.has_annotation("ENT_IOB")
    assert counts_of(report) == {
        "docs": 2, "incomplete_docs": 1,
        "entities": 3, "triples": 2, "lost_triples": 2, "lost_entities": 1, "overlapping_entities": 1
    }  # fmt: skip
    reason = 'entity "can" at 4-7 cuts a token (triples lost with it: 2)'.replace('"', "'")
    assert report.examples == [(path, "1", reason)]


def test_jsonl_is_tokenised_by_the_language(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", {"text": "z.B. so", "entities": [[0, 3, "X"]], "relations": []})
    assert convert(path, "jsonl", lang="de")[1].lost_entities == 1
    assert convert(path, "jsonl", lang="zh")[1].lost_entities == 0


def test_jsonl_longer_than_a_pipeline_takes(tmp_path: Path) -> None:
    text = "word " * 200_001
    path = write_json(tmp_path / "a.jsonl", {"text": text, "entities": [[0, 4, "X"]], "relations": []})
    (doc,), _ = convert(path, "jsonl")
    assert doc.text == text


def test_prodigy() -> None:
    (mira, ada, empty), report = convert(SAMPLES / "prodigy.jsonl", "prodigy")
    assert mira.text == "Mira Holt 🌊  runs Tidewerk\nin Oban."
    assert [t.text for t in mira] == ["Mira", "Holt", "🌊", " ", "runs", "Tidewerk", "\n", "in", "Oban", "."]
    holt, firm, town = (0, 2, "PERSON"), (5, 6, "FIRM"), (8, 9, "TOWN")
    runs = (4, 5, "ENTITY")  # an argument that is in no span
    assert spans_of(mira) == [holt, runs, firm, town]
    assert relations_of(mira) == [(holt, "runs", firm), (holt, "owns", firm), (town, "where", runs)]
    # Arguments by their last token alone
    assert relations_of(ada) == [((0, 2, "PERSON"), "avoids", (4, 5, "ENTITY"))]
    assert has_relations(empty) and empty.has_annotation("ENT_IOB") and not spans_of(empty)
    assert counts_of(report) == {"docs": 3, "entities": 6, "triples": 4}
    assert report.ignored == {"tasks with the answer 'reject'": 1, "tasks with the answer 'ignore'": 1}


def test_prodigy_without_answer_is_accepted_as_prodigy_does(tmp_path: Path) -> None:
    task = changed(first_task("prodigy.jsonl"), "answer", to=None)
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    assert convert(tmp_path / "a.jsonl")[1].triples == 3


def test_prodigy_tokens_that_leave_gaps(tmp_path: Path) -> None:
    """Tokens of other tokenizers may leave out white space, and be parts of words."""
    text = "a  bc\n\nd "
    tokens = [{"text": text[s:e], "start": s, "end": e} for s, e in [(0, 1), (3, 4), (4, 5), (7, 8)]]
    task = {
        "text": text,
        "tokens": tokens,
        "spans": [{"token_start": 1, "token_end": 2, "label": "X"}, {"start": 7, "end": 8, "label": "Y"}],
        "relations": [{"head": 2, "child": 3, "label": "r"}],
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(task))
    (doc,), report = convert(tmp_path / "a.jsonl")
    assert doc.text == text and [t.text for t in doc] == ["a", " ", "b", "c", "\n\n", "d"]
    assert relations_of(doc) == [((2, 4, "X"), "r", (5, 6, "Y"))]
    assert report.lost_entities == 0


def test_label_studio() -> None:
    (oban, ada), report = convert(SAMPLES / "label_studio.json", "label_studio")
    # In the first text offsets count characters, in the second JavaScript's: both start with two emoji.
    assert [(s.text, s.label_) for s in oban.spans["rin"]] == [
        ("Mira Holt", "PERSON"), ("Tidewerk", "FIRM"), ("Tidewerk", "BRAND"), ("Oban", "TOWN"),
    ]  # fmt: skip
    assert triples_of(oban) == [
        ("Mira Holt", "runs", "Tidewerk"),
        ("Mira Holt", "owns", "Tidewerk"),
        ("Tidewerk", "based_in", "Oban"),
        ("Mira Holt", "knows", "Oban"),
        ("Oban", "knows", "Mira Holt"),
    ]
    assert [(s.text, s.label_) for s in ada.spans["rin"]] == [("🌊🌊", "ENTITY"), ("Ada", "PERSON")]
    assert triples_of(ada) == [("Ada", "is", "Ada")]
    assert report.ignored == {
        "cancelled annotations": 1,
        "further annotations": 1,
        "regions of the type 'choices'": 1,
        "relations without a label": 1,
        "relations of other regions": 1,
        "tasks without annotations": 1,
        "tasks whose annotations are all cancelled": 1,
    }


def test_brat() -> None:
    (holt, oban, rain), report = convert(SAMPLES / "brat", "brat")
    assert holt.text == (SAMPLES / "brat" / "a.txt").read_text()
    # Ada Holt is in two pieces because the line ends there; "wave ... firm" is lost.
    assert [(s.text, s.label_) for s in holt.spans["rin"]] == [
        ("Mira Holt", "PERSON"), ("Ada\nHolt", "PERSON"), ("run", "Run"), ("Tidewerk", "FIRM"),
    ]  # fmt: skip
    # Arg1 is the subject, wherever it stands.
    assert triples_of(holt) == [
        ("Mira Holt", "runs", "Tidewerk"),
        ("Ada\nHolt", "runs", "Tidewerk"),
        ("run", "causes", "Tidewerk"),  # an event, by its trigger
    ]
    assert [(s.text, s.label_) for s in oban.spans["rin"]] == [("Oban", "TOWN")]
    assert has_relations(rain) and rain.has_annotation("ENT_IOB") and not spans_of(rain)
    assert counts_of(report) == {
        "docs": 3,
        "incomplete_docs": 1,
        "entities": 5,
        "triples": 3,
        "lost_entities": 1,
        "lost_triples": 1,
    }
    assert report.ignored == {
        "events (E)": 1, "attributes (A)": 1, "attributes (M)": 1, "normalizations (N)": 1, "notes (#)": 1,
        "equivalences (*)": 1, "texts without an .ann file": 1,
    }  # fmt: skip
    assert report.notes == {
        "relations ('kind_of') with Whole as subject, Kind as object, see --roles": 1,
        "ends of relations that are events, read as the triggers of these": 1,
    }
    reason = "entity 'wave and tidal firm' at 56-75 is in several pieces (triples lost with it: 1)"
    assert report.examples == [(SAMPLES / "brat" / "a.ann", "4", reason)]


def test_brat_in_pieces_is_widened_by_snap() -> None:
    (holt, *_), report = convert(SAMPLES / "brat", snap=True)
    assert triples_of(holt)[2] == ("Tidewerk", "kind_of", "wave and tidal firm")
    assert (report.snapped_entities, report.lost_entities, report.lost_triples) == (1, 0, 0)


def test_brat_line_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ada\u2028Bo rows.", encoding="utf8")
    (tmp_path / "a.ann").write_text("T1\tP 0 6\tAda\u2028Bo\nT2\tQ 7 11\trows\n", encoding="utf8")
    (doc,), _ = convert(tmp_path / "a.txt", snap=True)
    assert [span.text for span in doc.spans["rin"]] == ["Ada\u2028Bo", "rows"]


def test_brat_text_is_searched_for_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes that go on for lines, in a text that is squeezed once."""
    squeezed: list[int] = []
    text = "\n".join(f"line {number} of the text" for number in range(100))
    monkeypatch.setattr(brat, "squeeze", lambda part: (squeezed.append(len(part)), squeeze(part))[1])
    (tmp_path / "in.txt").write_text(text)
    (tmp_path / "in.ann").write_text(f"T1\tLIST 0 {len(text)}\t{text}\n")
    docs, _ = convert(tmp_path / "in.txt", "brat")
    assert [span.text for span in docs[0].spans["rin"]] == [text] and squeezed.count(len(text)) == 1


def test_brat_files() -> None:
    docs = [convert(SAMPLES / "brat" / name, "brat")[0] for name in ("a.txt", "a.ann")]
    assert [len(found) for found in docs] == [1, 1] and relations_of(docs[0][0]) == relations_of(docs[1][0]) != []


@pytest.mark.parametrize("ann_ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("as_one", [False, True])
def test_brat_line_ends(tmp_path: Path, ann_ends: bytes, as_one: bool) -> None:
    """A line end of two characters counts as two, or as one in a file that got it after it was annotated."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfAda sails.\r\nBo\r\nrows.\r\n")
    offsets = ("11 13", "14 18") if as_one else ("12 14", "16 20")
    lines = [
        b"T1\tPERSON 0 3\tAda",
        *(b"T%d\tX %s\t%s" % (i, o.encode(), w) for i, o, w in zip((2, 3), offsets, (b"Bo", b"rows"))),
    ]
    (tmp_path / "a.ann").write_bytes(ann_ends.join([*lines, b"R1\tr Arg1:T2 Arg2:T3\t", b"", b""]))
    (doc,), _ = convert(tmp_path / "a.txt")
    assert triples_of(doc) == [("Bo", "r", "rows")] and [span.text for span in doc.spans["rin"]] == [
        "Ada",
        "Bo",
        "rows",
    ]
    assert doc.text == "Ada sails.\r\nBo\r\nrows.\r\n"


def test_brat_example_of_the_docs() -> None:
    """Nothing of the example set is lost, in sentences or whole."""
    for sents, texts in ((False, 12), (True, 110)):
        _, report = convert(ASSETS / "brat", sents=sents)
        assert counts_of(report) == {"docs": texts, "entities": 205, "triples": 107} and not report.ignored
