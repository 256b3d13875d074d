"""The formats of annotation tools, and how a format is recognised."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from typer.testing import CliRunner

from spacy_rin.cli import rin_cli
from spacy_rin.convert import CONVERTERS, convert, detect
from spacy_rin.convert.quotes import Quote, fit_offsets
from spacy_rin.relations import get_relations, has_relations

from .test_convert import DATA as REAL
from .test_convert import counts_of, ents_of, needs_data, relations_of, spans_of

SAMPLES = Path(__file__).parent / "data"
OWN = SAMPLES.parents[2] / "project" / "assets"
FILES = {
    "jsonl.jsonl": "jsonl",
    "prodigy.jsonl": "prodigy",
    "label_studio.json": "label_studio",
    "brat": "brat",
    "brat/a.txt": "brat",
    "brat/a.ann": "brat",
    "brat/more/d.ann": "brat",
    "spert.json": "spert",
    "jointer.json": "jointer",
    "casrel.json": "casrel",
    "casrel_typed.jsonl": "casrel",
    "copy_re.jsonl": "copy_re",
    "copy_re_ids/train.json": "copy_re_ids",
}
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


def triples_of(doc: Doc) -> Any:
    return [(r.subject.text, r.label, r.object.text) for r in get_relations(doc)]


def run(*args: Any) -> Any:
    return CliRunner().invoke(rin_cli, [str(arg) for arg in args], env={"COLUMNS": "300"})


def first_task(name: str) -> Any:
    text = (SAMPLES / name).read_text(encoding="utf8")
    return json.loads(text)[0] if name.endswith(".json") else json.loads(text.splitlines()[0])


def changed(task: Any, *path: Path, to: Any) -> Any:
    """A copy of a record with one value changed; `to=None` takes it away."""
    task = json.loads(json.dumps(task))
    item = task
    for key in path[:-1]:
        item = item[key]
    if to is None:
        del item[path[-1]]
    else:
        item[path[-1]] = to
    return task


# Reading


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
    assert triples_of(holt) == [("Mira Holt", "runs", "Tidewerk"), ("Ada\nHolt", "runs", "Tidewerk")]
    assert [(s.text, s.label_) for s in oban.spans["rin"]] == [("Oban", "TOWN")]
    assert has_relations(rain) and rain.has_annotation("ENT_IOB") and not spans_of(rain)
    assert counts_of(report) == {"docs": 3, "entities": 5, "triples": 2, "lost_entities": 1, "lost_triples": 1}
    assert report.ignored == {
        "events (E)": 1, "attributes (A)": 1, "attributes (M)": 1, "normalizations (N)": 1, "notes (#)": 1,
        "equivalences (*)": 1, "relations of events": 1, "texts without an .ann file": 1,
    }  # fmt: skip
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
        _, report = convert(OWN / "brat", sents=sents)
        assert counts_of(report) == {"docs": texts, "entities": 205, "triples": 107} and not report.ignored


def test_spert() -> None:
    (doc, empty), report = convert(SAMPLES / "spert.json", "spert")
    mira, boat, town = (0, 2, "PERSON"), (3, 6, "BOAT"), (4, 5, "TOWN")
    assert spans_of(doc) == [mira, boat, town] and ents_of(doc) == [mira, boat]
    assert relations_of(doc) == [
        (mira, "runs", boat), (mira, "steers", boat), (boat, "named_after", town), (mira, "is", mira),
    ]  # fmt: skip
    assert has_relations(empty) and not spans_of(empty)
    assert counts_of(report) == {
        "docs": 2, "entities": 3, "triples": 4, "reflexive_triples": 1, "overlapping_entities": 1
    }  # fmt: skip


@needs_data
@pytest.mark.parametrize("part,texts,triples", [("train", 1861, 3215), ("dev", 275, 455), ("test", 551, 974)])
def test_real_spert(part: str, texts: int, triples: int) -> None:
    path = REAL / "scierc" / f"{part}.json"
    docs, report = convert(path)
    assert (report.docs, report.triples, report.lost_triples, report.lost_entities) == (texts, triples, 0, 0)
    for record, doc in zip(json.loads(path.read_text()), docs, strict=True):
        assert [token.text for token in doc] == record["tokens"]
        assert set(spans_of(doc)) == {(e["start"], e["end"], e["type"]) for e in record["entities"]}
        spans = [(e["start"], e["end"], e["type"]) for e in record["entities"]]
        assert set(relations_of(doc)) == {(spans[r["head"]], r["type"], spans[r["tail"]]) for r in record["relations"]}


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    task = changed(first_task("prodigy.jsonl"), "answer", to="reject")
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(task)}\n" * 2)
    with pytest.raises(ValueError, match=r"^\[R047\].*a\.jsonl.* 2 tasks with the answer 'reject'"):
        convert(tmp_path / "a.jsonl")
    (tmp_path / "b.txt").write_text("Bare.")
    with pytest.raises(ValueError, match=r"^\[R047\].* 1 texts without an .ann file"):
        convert(tmp_path, "brat")


# Malformed files

REGION = ("annotations", 1, "result", 0)
RELATION = ("annotations", 1, "result", 4)
WRONG = {
    "prodigy.jsonl": [
        (("text",), "", "'text' must be a non-empty string"),
        (("answer",), "maybe", "'answer' must be accept, reject or ignore, not 'maybe'"),
        (("tokens",), None, "'tokens' is missing"),
        (("tokens", 0, "end"), 99, "0-99 is empty or out of the range 0-35"),
        (("tokens", 1, "text"), "Hold", "'Hold' at 5-9 is not what the text has there"),
        (("tokens", 2, "start"), 3, "not what the text has there, or out of order"),
        (("spans",), {}, "'spans' must be a list of objects"),
        (("spans", 0, "label"), None, "'label' is missing"),
        (("spans", 0, "label"), 5, "'label' must be a non-empty string"),
        (("spans", 0, "token_end"), 2, "disagree"),
        (("spans", 0, "token_end"), 10, "tokens 0-10 of a span are not there; there are 10"),
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
        ((*REGION, "value", "start"), 2, "don't fit the text"),
        ((*REGION, "value", "end"), 1000, "don't fit the text"),
        ((*REGION, "value", "end"), "12", "must be whole numbers"),
        ((*REGION, "value", "labels"), "PERSON", "'labels' of a region must be a list"),
        ((*REGION, "value"), None, "'value' is missing"),
        ((*REGION, "to_name"), "other", "more than one text"),
        ((*REGION, "id"), "t", "two regions 't'"),
        ((*REGION, "id"), None, "'id' is missing"),
        ((*RELATION, "from_id"), "x", "from 'x' to 't' points to a region that is not there"),
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
    "name,path,to,reason", [(name, *case) for name, cases in WRONG.items() for case in cases], ids=str
)
def test_malformed_record(tmp_path: Path, name: Any, path: Any, to: Any, reason: Any) -> None:
    good = first_task(name)
    file = tmp_path / "a.json"
    file.write_text("\n".join(json.dumps(task) for task in (good, good, changed(good, *path, to=to))))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:3: .*{reason}"):
        convert(file, FILES[name])


@pytest.mark.parametrize("name", WRONG)
def test_malformed_record_by_cli(tmp_path: Path, name: Any) -> None:
    good = first_task(name)
    path, to, reason = WRONG[name][0]
    file, out = tmp_path / "a.json", tmp_path / "out" / "a.spacy"
    file.write_text(json.dumps([good, changed(good, *path, to=to)]))
    result = run("convert", file, out)
    shown = " ".join(result.output.split())
    assert result.exit_code == 1 and "a.json:1 (record 2):" in shown and reason in shown
    assert not out.parent.exists()


@settings(max_examples=100, deadline=None)
@given(st.text("a🌊é\r\n ", min_size=1, max_size=12), st.sampled_from(["characters", "utf-16", "one"]), st.data())
def test_offsets_of_any_count_are_understood(text: Any, count: Any, data: Any) -> None:
    """Offsets lead to what was quoted, whatever the tool counted."""

    def offset(i: Any) -> Any:
        if count == "utf-16":
            return len(text[:i].encode("utf-16-le")) // 2
        return len(text[:i].replace("\r\n", "\n")) if count == "one" else i

    quotes = []
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        # No tool that takes CR LF for one character tells them apart.
        assume(count != "one" or not any(text[i - 1 : i + 1] == "\r\n" for i in (start, end) if i))
        quotes.append(Quote([(offset(start), offset(end))], text[start:end]))
    at = fit_offsets(text, quotes)
    assert at is not None
    for quote in quotes:
        ((start, end),) = quote.pieces
        assert text[at[start] : at[end]].split() == quote.text.split()


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
    for path in (tmp_path, tmp_path / "a.ann", tmp_path / "a.txt"):
        with pytest.raises(ValueError, match=r"^\[R045\] \S+a\.txt doesn't exist"):
            convert(path, "brat")
    with pytest.raises(ValueError, match=r"^\[R045\] \S+b\.ann doesn't exist"):
        convert(tmp_path / "b.txt", "brat")
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"^\[R030\] \S+a\.txt:1: this is not UTF-8"):
        convert(tmp_path)


# Recognising a format


@pytest.mark.parametrize("name,format", FILES.items())
def test_samples_are_recognised(tmp_path: Path, name: Any, format: Any) -> None:
    assert detect(SAMPLES / name) == format
    docs, report = convert(SAMPLES / name)
    assert report.format == format and len(docs) == report.docs
    result = run("convert", SAMPLES / name, tmp_path / "out.spacy")
    assert result.exit_code == 0 and f"Recognised the format {format}" in result.output


def test_every_format_has_a_sample() -> None:
    assert set(FILES.values()) == set(CONVERTERS)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_sample_corpus_is_recognised(part: str) -> None:
    assert detect(OWN / "sample" / f"{part}.jsonl") == "jsonl"


@needs_data
@pytest.mark.parametrize("pattern,format", REAL_FILES.items())
def test_real_files_are_recognised(pattern: Any, format: Any) -> None:
    files = list(REAL.glob(pattern))
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


@needs_data
@pytest.mark.parametrize("name", ["ud_english_ewt/dev.conllu", "webnlg_copyre/words2id.json"])
def test_real_files_of_other_formats_are_not_recognised(name: str) -> None:
    with pytest.raises(ValueError, match=r"^\[R041\]") as caught:
        detect(REAL / name)
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
    with pytest.raises(ValueError, match=rf"^\[R042\].*a\.json is not clear: it could be {formats}"):
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
