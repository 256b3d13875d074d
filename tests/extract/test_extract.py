"""From texts to triples: documents that fail, runs that are killed, and the command."""

import json
import multiprocessing
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import Doc
from typer.testing import CliRunner

import spacy_rin.cli  # noqa: F401, adds the command to those of spaCy
from spacy_rin.errors import SettingError
from spacy_rin.extract import doc_to_row, doc_triples, extract, extract_file
from spacy_rin.extract.documents import Document
from spacy_rin.extract.journal import Journal, checksum
from spacy_rin.extract.run import content_of
from spacy_rin.suggest import suggest

from ..support import TRIPLES, component_of, make_examples

TEXTS = [text for text, _ in TRIPLES]
BAD = "Ada Brook is bad ."


@Language.component("fails_on_bad")
def fails_on_bad(doc: Doc) -> Any:
    if "bad" in doc.text:
        raise KeyError("a bug")
    return doc


@Language.component("tests_unsure")
def unsure(doc: Doc) -> Doc:
    doc._.relations = [(found.subject, found.label, found.object, 0.4) for found in doc._.relations]
    return doc


class StopsOnBad:
    """A component whose `pipe` leaves errors to nobody, and Docs of a batch with them."""

    def __call__(self, doc: Doc) -> Any:
        return fails_on_bad(doc)

    def pipe(self, docs: list[Doc], batch_size: Any) -> Any:
        yield from map(self, list(docs))


@Language.factory("stops_on_bad")
def make_stops_on_bad(nlp: Language, name: str) -> Any:
    return StopsOnBad()


class PassesBad:
    """A component that tells the handler of a failure, but goes on with the Doc."""

    def __call__(self, doc: Doc) -> Any:
        if "bad" in doc.text:
            self.error_handler("passes_bad", self, [doc], ValueError("lost"))
        return doc

    def set_error_handler(self, handler: Any) -> None:
        self.error_handler = handler

    def get_error_handler(self) -> Any:
        return self.error_handler

    error_handler = staticmethod(spacy.util.raise_error)


@Language.factory("passes_bad")
def make_passes_bad(nlp: Language, name: str) -> Any:
    return PassesBad()


@pytest.fixture
def nlp(model: Path) -> Any:
    return spacy.load(model)


def named(row: Any) -> Any:
    """Triples of a row as strings."""
    names = [row["text"][start:end] for start, end, _ in row["entities"]]
    return {(names[s], label, names[o]) for s, label, o in row["relations"]}


def test_extract(trained: Language) -> None:
    rows = list(extract(trained, [*TEXTS, Document("x", TEXTS[0], {"by": "me"})]))
    assert [row["id"] for row in rows] == [*range(1, len(TEXTS) + 1), "x"]
    assert [named(row) for row in rows] == [set(triples) for _, triples in [*TRIPLES, TRIPLES[0]]]
    assert rows[-1]["meta"] == {"by": "me"} and "meta" not in rows[0]
    assert {key: value for key, value in rows[0].items() if key != "id"} == doc_to_row(trained(TEXTS[0]))


def test_filters(nlp: Language) -> None:
    doc = nlp(TEXTS[2])
    person, place, company = doc.ents
    doc._.relations = [
        (person, "born_in", place, 0.5),
        (person, "founded", company, 0.75),
        (place, "leads", person, 1.0),
    ]

    def kept(**options: Any) -> Any:
        return [label for _, label, _ in doc_to_row(doc, **options)["relations"]]

    assert kept() == kept(min_score=0.5) == ["born_in", "founded", "leads"]
    assert kept(min_score=0.51) == kept(min_score=0.75) == ["founded", "leads"]
    assert kept(min_score=0.75, relations=["founded", "born_in"]) == ["founded"]
    assert doc_to_row(doc, relations=[])["entities"] == doc_to_row(doc)["entities"]
    rows = extract(nlp, TEXTS, relations=["founded"])
    assert [named(row) for row in rows] == [{t for t in triples if t[1] == "founded"} for _, triples in TRIPLES]
    nlp.add_pipe("tests_unsure")
    assert [len(row["relations"]) for row in extract(nlp, TEXTS, min_score=0.4)] == [len(found) for _, found in TRIPLES]
    assert not any(row["relations"] for row in extract(nlp, TEXTS, min_score=0.41))


def test_sentence(nlp: Language) -> None:
    text = "It rained .\nAda Brook was born in Larne . Tom Hale leads Orbix .\n"
    doc = nlp.make_doc(text)
    spans = [
        doc.char_span(text.index(name), text.index(name) + len(name), "X") for name in ("Ada Brook", "Larne", "Orbix")
    ]

    def sentences(doc: Doc) -> Any:
        doc._.relations = [(spans[1], "in", spans[0]), (spans[0], "by", spans[2])]
        return [text[start:end] for start, end in doc_to_row(doc)["sentences"]]

    first, second = "Ada Brook was born in Larne .", "Tom Hale leads Orbix ."
    assert sentences(doc) == [first, f"{first} {second}"]
    assert not doc.has_annotation("SENT_START")
    for token in doc:
        token.is_sent_start = token.i == 0 or (doc[token.i - 1].text in (".", "\n") and not token.is_space)
    assert sentences(doc) == [first, f"{first} {second}"]
    # What the pipeline has found counts.
    for token in doc:
        token.is_sent_start = token.i == 0
    assert sentences(doc) == [text.strip()] * 2


def test_refused(trained: Language, tmp_path: Path) -> None:
    blank = spacy.blank("en")
    untrained = spacy.blank("en")
    untrained.add_pipe("rin_joint")
    for nlp, options, code in [
        (blank, {}, "R018"),
        (untrained, {}, "R011"),
        (trained, {"relations": ["leeds"]}, "R066.*relations leeds.*leads"),
    ]:
        with pytest.raises(ValueError, match=code):
            extract(nlp, TEXTS, **options)
    with pytest.raises(ValueError, match=r"R068.*'x'.*empty"):
        list(extract(trained, [Document("x", "", error="empty")]))


@pytest.mark.parametrize("texts", ["Ada left.", b"Ada left.", Document(1, "Ada left.")])
def test_one_text_is_not_several(trained: Language, texts: Any) -> None:
    """It would be read character by character."""
    for read in (lambda: extract(trained, texts), lambda: suggest(trained, texts, 1)):
        with pytest.raises(SettingError, match=r"R010.*'texts' must be several texts"):
            read()


@pytest.mark.parametrize(
    "option,value",
    [
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("n_process", -2),
        ("n_process", 0),
        ("min_score", 2),
        ("min_score", "0.5"),
    ],
)
def test_numbers_out_of_range(trained: Language, tmp_path: Path, option: str, value: Any) -> None:
    """They would read or find nothing, or never end."""
    source = tmp_path / "in.txt"
    source.write_text(TEXTS[0])
    options = {option: value}
    for failures in (False, True):
        with pytest.raises(ValueError, match=f"R010.*'{option}'"):
            extract(trained, TEXTS, failures=failures, **options)
    with pytest.raises(ValueError, match=f"R010.*'{option}'"):
        extract_file(trained, source, tmp_path / "out.csv", **options)
    assert list(tmp_path.iterdir()) == [source]
    if option == "min_score":
        with pytest.raises(ValueError, match=r"R010.*'min_score'"):
            list(doc_triples([trained(TEXTS[0])], min_score=value))


def test_the_batch_size_of_the_pipeline_counts(nlp: Language) -> None:
    nlp.batch_size = 2
    assert len(list(extract(nlp, TEXTS, batch_size=None))) == len(TEXTS)
    nlp.batch_size = 0
    with pytest.raises(ValueError, match=r"R010.*'batch_size'"):
        extract(nlp, TEXTS, failures=True)


# Documents that fail

MIXED = [TEXTS[0], BAD, TEXTS[1], Document("unread", "", error="why"), *TEXTS[2:], BAD, TEXTS[0], BAD] * 2


@pytest.mark.parametrize("component", ["fails_on_bad", "stops_on_bad", "passes_bad"])
@pytest.mark.parametrize("options", [{"batch_size": 4}, {"batch_size": 1000}, {"batch_size": 3, "n_process": 2}])
@pytest.mark.parametrize("place", ["first", "last"])
def test_failures(nlp: Language, component: str, options: Any, place: str) -> None:
    nlp.add_pipe(component, **{place: True})
    nlp.set_error_handler(refuse)
    rows = list(extract(nlp, MIXED, failures=True, **options))
    assert [row["id"] for row in rows] == [getattr(text, "id", i) for i, text in enumerate(MIXED, 1)]
    expected = dict(TRIPLES)
    for text, row in zip(MIXED, rows):
        if text in expected:
            assert named(row) == set(expected[text])
        else:
            assert set(row) == {"id", "error"}
            reason = "lost" if component == "passes_bad" else "a bug"
            assert row["error"] == "why" if text != BAD else reason in row["error"]
    # The pipeline is as it was.
    assert nlp.default_error_handler is component_of(nlp).get_error_handler() is refuse
    if component != "stops_on_bad":  # which asks no handler
        with pytest.raises(LookupError):
            list(nlp.pipe([BAD]))


def refuse(name: str, pipe: Any, docs: list[Doc], error: Any) -> None:
    """An error handler of the user's own."""
    raise LookupError(name) from error


def test_batch_that_fails_is_read_one_by_one(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with memory that does not suffice for a batch, but for each of its documents."""
    component = component_of(nlp)
    predict = component.predict

    def small_batches_only(docs: list[Doc]) -> Any:
        if len(docs) > 1:
            raise MemoryError
        return predict(docs)

    monkeypatch.setattr(component, "predict", small_batches_only)
    assert [named(row) for row in extract(nlp, TEXTS, failures=True)] == [set(triples) for _, triples in TRIPLES]
    with pytest.raises(MemoryError):
        list(extract(nlp, TEXTS))


def test_text_that_the_tokenizer_refuses(nlp: Language) -> None:
    nlp.max_length = 40
    rows = list(extract(nlp, [TEXTS[0], "x" * 41, TEXTS[1]], failures=True, batch_size=2))
    assert [named(rows[0]), named(rows[2])] == [set(TRIPLES[0][1]), set(TRIPLES[1][1])]
    assert "E088" in rows[1]["error"]


@pytest.mark.parametrize("n_process", [1, 2])
def test_input_that_breaks_off_is_an_error(nlp: Language, n_process: int) -> None:
    """An error of the input is none of a document, and never taken for its end."""

    def texts() -> Any:
        yield from TEXTS
        raise OSError("the disk is gone")

    rows = extract(nlp, texts(), failures=True, batch_size=2, n_process=n_process)
    found = []
    with pytest.raises(OSError, match="the disk"):
        for row in rows:
            found.append(named(row))
    assert found == [set(triples) for _, triples in TRIPLES]


def test_all_fail(nlp: Language) -> None:
    nlp.add_pipe("fails_on_bad", first=True)
    rows = list(extract(nlp, [BAD] * 10, failures=True, batch_size=3))
    assert [row["id"] for row in rows] == list(range(1, 11)) and all("error" in row for row in rows)


# Runs that are stopped

LINES = [f"{text} {i}" for i in range(150) for text in TEXTS]


@pytest.fixture
def source(tmp_path: Path) -> Any:
    path = tmp_path / "in.txt"
    path.write_text("\n".join([*LINES[:50], "\udcff", *LINES[50:]]), "utf-8", "surrogateescape")
    return path


def same_rows(path: Path, expected: Any) -> Any:
    """Whether two files have the same triples, in order; scores may be those of other batches."""
    rows, others = ([json.loads(line) for line in file.read_text().splitlines()] for file in (path, expected))
    for row, other in zip(rows, others, strict=True):
        assert row.pop("scores") == pytest.approx(other.pop("scores"), abs=2e-4)
        assert row == other
    return True


def run_killed(job: Any, journal: Any, size: Any, delay: Any) -> Any:
    """Run a job in a process, and kill that once it has added to its journal; tell if it was still at work."""
    before = journal.stat().st_size if journal.exists() else 0
    process = multiprocessing.get_context("fork").Process(target=extract_file, kwargs=job)
    process.start()
    while process.is_alive() and not (journal.exists() and journal.stat().st_size > before + size):
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9)
    return process.exitcode == -9


def test_killed_runs_go_on(nlp: Language, source: Any, tmp_path: Path) -> None:
    whole, out, journal = (tmp_path / name for name in ("whole.jsonl", "out.jsonl", "out.jsonl.journal.jsonl"))
    done = extract_file(nlp, source, whole, batch_size=8)
    assert (done.documents, done.failed, done.resumed) == (len(LINES) + 1, 1, 0)
    size, chance = whole.stat().st_size, random.Random(0)
    job = {"nlp": nlp, "input_path": source, "output_path": out, "batch_size": 8}
    kills = sum(run_killed(job, journal, chance.uniform(0, size / 10), chance.uniform(0, 0.01)) for _ in range(5))
    assert kills >= 3
    if kills == 5:
        assert 0 < len(journal.read_text().splitlines()) < len(LINES)
        assert not out.exists()
    summary = extract_file(nlp, source, out, batch_size=8)
    assert summary[:2] == done[:2] and summary.triples == done.triples and summary.resumed > 0
    assert same_rows(out, whole)
    assert (
        out.with_name("out.jsonl.errors.jsonl").read_bytes() == whole.with_name("whole.jsonl.errors.jsonl").read_bytes()
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl", "out.jsonl.errors.jsonl"]


def test_workers_end_with_a_run_that_is_killed(nlp: Language, tmp_path: Path) -> None:
    """Even those that wait for texts, as all do here when the run waits for its input."""
    source, out = tmp_path / "in", tmp_path / "out.csv"
    os.mkfifo(source)
    texts = os.open(source, os.O_RDWR)
    os.write(texts, "\n".join(LINES[:21]).encode())  # as many as the workers get beforehand, and a batch
    ours, theirs = os.pipe()  # at its end once no process is left that could write to it
    journal = tmp_path / "out.csv.journal.jsonl"
    job = {"nlp": nlp, "input_path": source, "output_path": out, "batch_size": 4, "n_process": 2}
    assert run_killed(job, journal, 1000, 1)
    os.close(theirs)
    ready, _, _ = select.select([ours], [], [], 20)
    assert ready and os.read(ours, 1) == b""
    os.close(ours)
    os.close(texts)


def test_a_run_goes_on_from_any_byte(nlp: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a kill leaves of the journal, the result is the same."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(json.dumps({"text": text, "meta": "ü"}) for text in [*TEXTS[:3], "", *TEXTS[3:]]))
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", lambda self: None)
        extract_file(nlp, source, out, batch_size=2)
    left, expected = tmp_path / "out.jsonl.journal.jsonl", tmp_path / "expected.jsonl"
    whole = left.read_bytes()
    out.rename(expected)
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    cuts = {end + shift for end in ends for shift in (-1, 0, 1) if end + shift <= len(whole)}
    for cut in sorted({0, 1, *cuts, *random.Random(0).sample(range(len(whole)), 15)}):
        left.write_bytes(whole[:cut])
        summary = extract_file(nlp, source, out, batch_size=2)
        assert summary.resumed == max(0, sum(end <= cut for end in ends) - 1)
        assert same_rows(out, expected)
        assert not left.exists()
        out.unlink()


@pytest.mark.parametrize("n_process", [1, 2])
def test_words_are_forgotten(
    nlp: Language, source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_process: int
) -> None:
    """A vocabulary that grows with the texts would fill the memory in the end."""
    monkeypatch.setattr("spacy_rin.extract.run._ZONE", 400)
    size = len(nlp.vocab.strings)
    summary = extract_file(nlp, source, tmp_path / "out.jsonl", batch_size=32, n_process=n_process)
    assert summary.documents == len(LINES) + 1 and len(nlp.vocab.strings) == size
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == LINES
    assert [named(row) for row in rows] == [named(row) for row in extract(nlp, LINES)]


def stop(nlp: Language, source: Any, out: Any, lines: Any, **options: Any) -> Any:
    """Leave the journal of a run that stopped after some documents."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "remove", lambda self: None)
        extract_file(nlp, source, out, **options)
    out.unlink()
    journal = out.with_name(f"{out.name}.journal.jsonl")
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[: lines + 1]))
    return journal


def test_another_run_is_refused(nlp: Language, model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("\n".join(TEXTS))
    journal = stop(nlp, source, out, 3)
    before = journal.read_bytes()
    other = tmp_path / "other.txt"
    other.write_text("\n".join(TEXTS))
    for path, options, reason in [
        (source, {"min_score": 0.7}, "R062.*min_score was 0.0 and is 0.7"),
        (source, {"relations": ["leads"]}, r"R062.*relations was None and is \['leads'\]"),
        (other, {}, "R062.*input was .*in.txt.* and is .*other.txt"),
        (source, {"text_key": "body"}, "R062.*text_key"),
    ]:
        with pytest.raises(ValueError, match=reason):
            extract_file(nlp, path, out, **options)
    settings: list[dict[str, Any]] = [{"threshold": 0.9}, {"rounds": 1}, {"calibration": {"leads": [1, 0.5]}}]
    for setting in settings:
        with component_of(nlp).settings(**setting), pytest.raises(ValueError, match=r"R062.*settings was .* and is "):
            extract_file(nlp, source, out)
    assert journal.read_bytes() == before and not out.exists()
    # The input has the same name, but other texts, or fewer.
    for texts in ([TEXTS[0], TEXTS[2], TEXTS[1]], TEXTS[:2]):
        source.write_text("\n".join(texts))
        with pytest.raises(ValueError, match=r"R064.*document [23] "):
            extract_file(nlp, source, out)
    assert journal.read_bytes() == before
    # The size of batches, and what the results are written to, may change; so may texts that are not read yet.
    source.write_text("\n".join([*TEXTS[:3], TEXTS[0]]))
    out_nt = tmp_path / "out.csv"
    summary = extract_file(nlp, source, out_nt, batch_size=1, n_process=2, format="tsv")
    assert (summary.documents, summary.resumed) == (4, 3)


@pytest.mark.parametrize(
    "number,change",
    [
        (1, {"text": TEXTS[0]}),
        (1, {"text": 5}),
        (2, {"meta": "new"}),
        (2, {"meta": 1.0}),
        (3, {"id": "3"}),
        (3, {"id": 4}),
    ],
)
def test_other_input_of_finished_documents_is_refused(
    nlp: Language, tmp_path: Path, number: int, change: dict[str, Any]
) -> None:
    """Also of documents that failed, and what is only passed on."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    documents: list[dict[str, Any]] = [
        {"id": 1, "text": None},
        {"id": 2, "text": TEXTS[1], "meta": 1},
        {"id": 3, "text": TEXTS[2]},
        {"id": 4, "text": TEXTS[3], "meta": [float("1e300"), "ü"]},
    ]
    source.write_text("\n".join(map(json.dumps, documents)))
    before = stop(nlp, source, out, 3).read_bytes()
    changed = [{**document, **(change if document["id"] == number else {})} for document in documents]
    source.write_text("\n".join(map(json.dumps, changed)))
    with pytest.raises(ValueError, match=rf"R064.*document {number} "):
        extract_file(nlp, source, out)
    assert not out.exists() and out.with_name("out.jsonl.journal.jsonl").read_bytes() == before
    source.write_text("\n".join(map(json.dumps, documents)))
    summary = extract_file(nlp, source, out)
    assert (summary.documents, summary.resumed, summary.failed) == (4, 3, 1)
    keys = {"id", "text", "entities", "relations", "scores", "sentences"}
    assert [set(json.loads(line)) - keys for line in out.read_text().splitlines()] == [{"meta"}, set(), {"meta"}]


def test_another_model_is_refused(nlp: Language, model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("\n".join(TEXTS))
    nlp.to_disk(tmp_path / "model")
    stop(spacy.load(tmp_path / "model"), source, out, 3)
    assert checksum(tmp_path / "model") == checksum(tmp_path / "model")
    (tmp_path / "model" / "meta.json").write_text((tmp_path / "model" / "meta.json").read_text() + " ")
    again = spacy.load(tmp_path / "model")
    with pytest.raises(ValueError, match=r"R062.*model was "):
        extract_file(again, source, out)
    assert extract_file(again, source, out, overwrite=True).resumed == 0
    assert not out.with_name("out.csv.journal.jsonl").exists()


def test_a_model_in_memory_is_known_by_its_content(trained: Language, model: Path, tmp_path: Path) -> None:
    nlp = spacy.util.load_model_from_config(trained.config)
    nlp.from_bytes(trained.to_bytes())
    before = content_of(nlp)
    list(nlp.pipe(["Words that nobody has ever said , such as xyzzy ."]))
    assert before == content_of(nlp) == content_of(trained)
    assert content_of(spacy.load(model)) == content_of(spacy.load(model))
    source, out = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("\n".join(TEXTS))
    stop(nlp, source, out, 3)
    nlp.update(make_examples(nlp.vocab), sgd=nlp.resume_training())
    with pytest.raises(ValueError, match=r"R062.*model was 'in memory \("):
        extract_file(nlp, source, out)
    nlp.from_bytes(trained.to_bytes())
    assert extract_file(nlp, source, out).resumed == 3


def test_a_tokenizer_that_cannot_be_saved(nlp: Language, tmp_path: Path) -> None:
    """As those of users, which need to do no more than make a Doc."""
    tokenizer = nlp.tokenizer
    nlp.tokenizer = lambda text: tokenizer(text)
    nlp._path = None
    (tmp_path / "in.txt").write_text(TEXTS[0])
    assert extract_file(nlp, tmp_path / "in.txt", tmp_path / "out.csv").triples == len(TRIPLES[0][1])


def test_damaged_journal(nlp: Language, tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("\n".join(TEXTS))
    journal = stop(nlp, source, out, 3)
    lines = journal.read_bytes().splitlines(keepends=True)
    for number, content in [
        (1, b"some notes\nof mine\n"),
        (1, b'{"a": 1}\n{"b": 2}\n'),
        (3, b"".join([*lines[:2], b"\0\0\0\n", *lines[3:]])),
        (2, b"".join([lines[0], b'{"id": 1}\n'])),
    ]:
        journal.write_bytes(content)
        with pytest.raises(ValueError, match=f"R063.*:{number}"):
            extract_file(nlp, source, out)
        assert journal.read_bytes() == content
    assert extract_file(nlp, source, out, overwrite=True).documents == len(TEXTS)


@pytest.mark.parametrize("content", [b"my only notes\n", b"notes without an end", b'{"a": 1}\n', b'{"a": ', b"[1]\n\n"])
def test_a_file_that_is_no_journal_stays(nlp: Language, tmp_path: Path, content: bytes) -> None:
    source, out, journal = tmp_path / "in.txt", tmp_path / "out.csv", tmp_path / "out.csv.journal.jsonl"
    source.write_text("\n".join(TEXTS))
    journal.write_bytes(content)
    with pytest.raises(ValueError, match=r"R063.*journal\.jsonl:1"):
        extract_file(nlp, source, out)
    assert journal.read_bytes() == content
    assert extract_file(nlp, source, out, overwrite=True).documents == len(TEXTS) and not journal.exists()


def test_one_run_at_a_time(nlp: Language, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    job = {"nlp": nlp, "input_path": tmp_path / "in.txt", "output_path": tmp_path / "out.csv"}
    journal = stop(nlp, job["input_path"], job["output_path"], 3)
    run = json.loads(journal.read_bytes().splitlines()[0])
    with Journal(journal, run), multiprocessing.get_context("fork").Pool(1) as pool:
        assert "R065" in pool.apply(_error_of, (tmp_path, journal, run))
    assert extract_file(**job).resumed == 3


def _error_of(folder: Any, journal: Any, run: Any) -> Any:
    try:
        with Journal(journal, run):
            return ""
    except ValueError as err:
        return str(err)


def test_mistake_leaves_nothing_behind(nlp: Language, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("body\nAda\n")
    with pytest.raises(ValueError, match="R061"):
        extract_file(nlp, tmp_path / "in.csv", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    # Neither do errors of a run before, or what it was writing when it was killed.
    for name in ("out.csv.errors.jsonl", ".out.csv.123.tmp", ".out.csv.errors.jsonl.12.tmp"):
        (tmp_path / name).write_text("{}\n")
    extract_file(nlp, tmp_path / "in.csv", tmp_path / "out.csv", text_key="body")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


# The command


def run(*args: Any, **kwargs: Any) -> Any:
    return CliRunner().invoke(
        app, ["rin", "extract", *map(str, args)], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}, **kwargs
    )


def test_command(model: Path, tmp_path: Path) -> None:
    rows = [{"text": text, "id": f"doc {i}"} for i, text in enumerate(TEXTS)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"id": "none"}])))
    out = tmp_path / "out.csv"
    result = run(model, tmp_path / "in.jsonl", out, "--relations", "leads, founded", "--min-score", "0.6")
    assert result.exit_code == 0, result.output
    assert [line.split(",")[0] for line in out.read_text().splitlines()] == [
        "document",
        "doc 2",
        "doc 3",
        "doc 3",
        "doc 4",
    ]
    assert json.loads((tmp_path / "out.csv.errors.jsonl").read_text()) == {"id": "none", "error": "there is no 'text'"}
    shown = [line.split() for line in result.output.splitlines()]
    assert all(line in shown for line in (["documents", "7"], ["triples", "4"], ["failed", "1"]))
    assert run(model, tmp_path / "in.jsonl", out, "--strict").exit_code == 1
    assert len(out.read_text().splitlines()) == 1 + sum(len(triples) for _, triples in TRIPLES)


def test_command_that_is_stopped(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    add = Journal.append

    def append_once(journal: Any, rows: Any) -> None:
        if journal.count:
            raise KeyboardInterrupt
        add(journal, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", append_once)
        result = run(model, tmp_path / "in.txt", tmp_path / "out.csv", "--batch-size", "2")
    assert result.exit_code == 130 and "same command" in result.output and not (tmp_path / "out.csv").exists()
    result = run(model, tmp_path / "in.txt", tmp_path / "out.csv")
    assert result.exit_code == 0 and ["done", "by", "a", "stopped", "run", "2"] in map(
        str.split, result.output.splitlines()
    )


def test_stopped_while_the_first_results_are_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C when they are in the file, and not yet counted."""
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    journal, sync = tmp_path / "out.csv.journal.jsonl", os.fsync

    def sync_and_stop(number: int) -> None:
        sync(number)
        if len(journal.read_text().splitlines()) > 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync_and_stop)
        result = run(model, tmp_path / "in.txt", tmp_path / "out.csv", "--batch-size", "2")
    assert result.exit_code == 130 and len(journal.read_text().splitlines()) == 3
    result = run(model, tmp_path / "in.txt", tmp_path / "out.csv")
    assert result.exit_code == 0 and ["done", "by", "a", "stopped", "run", "2"] in map(
        str.split, result.output.splitlines()
    )


def test_command_reads_standard_input(model: Path, tmp_path: Path) -> None:
    result = run(model, "-", input="\n".join(TEXTS).encode() + b"\n\xff")
    assert result.exit_code == 0 and "(Ada Brook, born_in, Larne)" in result.output
    assert "UTF-8" in result.stderr and "UTF-8" not in result.stdout
    assert run(model, "-", "--strict", input=b"\xff").exit_code == 1
    assert run(model, "-", tmp_path / "out.x", "-f", "tsv", "-i", "csv", input="text\n" + TEXTS[0]).exit_code == 0
    assert "\tborn_in\t" in (tmp_path / "out.x").read_text()


def test_command_tells_which_text_a_triple_is_from(model: Path, tmp_path: Path) -> None:
    (tmp_path / "texts" / "b").mkdir(parents=True)
    (tmp_path / "texts" / "a.txt").write_text(TEXTS[0])
    (tmp_path / "texts" / "b" / "c.txt").write_bytes(b"\xff")
    shown = run(model, tmp_path / "texts")
    assert shown.stdout.startswith(f"a.txt: {TEXTS[0]}\n  (Ada Brook, born_in, Larne)")
    assert "b/c.txt: the text is not UTF-8" in shown.stderr
    written = run(model, tmp_path / "texts", tmp_path / "out.csv")
    assert "Documents that failed: 1" in shown.output and "Documents that failed: 1." in written.output


def test_command_refuses(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(TEXTS[0])
    (tmp_path / "out.csv.errors.jsonl").write_text("{}")
    for args, code in [
        ((tmp_path / "in.txt", tmp_path / "out.xml"), "R031"),
        ((tmp_path / "in.txt", tmp_path / "out.nt", "--base", "x"), "R067"),
        ((tmp_path / "in.txt", tmp_path / "out.csv", "--relations", "leads,leeds"), "R066"),
        ((tmp_path / "out.csv.errors.jsonl", tmp_path / "out.csv"), "R034"),
        ((tmp_path / "in.txt", tmp_path / "out.csv", "--input-format", "xml"), "R031"),
    ]:
        result = run(model, *args)
        assert result.exit_code == 1 and f"[{code}]" in result.output, result.output
    assert (tmp_path / "out.csv.errors.jsonl").read_text() == "{}"


@pytest.mark.parametrize(
    ("output", "filled", "advice"), [(["out.csv"], "out.csv.journal.jsonl", True), ([], "shown", False)]
)
def test_interrupt_ends_workers_too(
    trained: Language, tmp_path: Path, output: list[str], filled: str, advice: bool
) -> None:
    """Ctrl+C while workers are full of results: nobody waits for anybody."""
    trained.to_disk(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("Ada Brook , born in Larne , founded Nimbus .\n" * 50_000)
    command = [sys.executable, "-m", "spacy", "rin", "extract", "model", "texts.txt", *output, "--n-process", "2"]
    written, shown = tmp_path / filled, tmp_path / "shown"
    with shown.open("wb") as file, subprocess.Popen(command, cwd=tmp_path, stderr=file, stdout=file) as process:
        while process.poll() is None and (not written.exists() or written.stat().st_size < 10_000):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=30) == 130
        finally:
            process.kill()
    assert "Stopped." in shown.read_text() and ("Start the same command again" in shown.read_text()) is advice
    assert written.exists() and not (tmp_path / "out.csv").exists()


def test_outputs_that_cant_be_are_refused_before_the_work(
    trained: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.to_disk(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("Ada Brook leads Orbix .")
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.chdir(tmp_path)
    outputs = [["folder.csv"], [".", "-f", "csv"], ["/"], ["..", "-f", "neo4j"], [".", "-f", "neo4j"]]
    for output, reason in [*((output, "it is a folder") for output in outputs), (["nothing"], "--format")]:
        result = CliRunner().invoke(app, ["rin", "extract", "model", "texts.txt", *output])
        assert result.exit_code == 1 and "[R034]" in result.output and reason in " ".join(result.output.split())
        assert not list(tmp_path.glob("*.journal.jsonl"))


def test_a_file_of_another_kind_is_an_error(trained: Language, tmp_path: Path) -> None:
    """If nothing of a file could be read, it is not the file that was meant."""
    trained.to_disk(tmp_path / "model")
    (tmp_path / "texts.txt").write_bytes(b"\xff\xfa\n\xff\xff")
    arguments = ["rin", "extract", *(str(tmp_path / name) for name in ("model", "texts.txt", "out.csv"))]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    (tmp_path / "texts.txt").write_bytes(b"\xff\xfa\nAda Brook leads Orbix .")
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_records_that_would_stop_a_run(nlp: Language, tmp_path: Path) -> None:
    """What a record holds is an error of that record alone, and no rerun is needed."""
    deep = "[" * 974 + "]" * 974
    lines = [json.dumps({"text": text}) for text in TEXTS]
    bad = [
        f'{{"text": "Ada", "meta": {deep}}}',
        '{"text": "Ada", "meta": "\\ud800"}',
        json.dumps({"text": "()" * 5000}),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join([lines[0], *bad, *lines[1:]]))
    summary = extract_file(nlp, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (summary.documents, summary.failed) == (len(TEXTS) + 3, 3)
    errors = [json.loads(line) for line in summary.errors_path.read_text().splitlines()]
    assert [row["id"] for row in errors] == [2, 3, 4]
    for row, reason in zip(errors, ("nested", "Unicode", "without a blank")):
        assert reason in row["error"]
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == len(TEXTS)
    assert not (tmp_path / "out.jsonl.journal.jsonl").exists()


def test_metadata_of_python(trained: Language) -> None:
    documents = [
        Document("a", TEXTS[0], {"x": float("inf")}),
        Document("b", TEXTS[0], {1, 2}),
        Document("c", TEXTS[0], 1),
    ]
    rows = list(extract(trained, documents, failures=True))
    assert ["error" in row for row in rows] == [True, True, False]
    with pytest.raises(ValueError, match=r"R068.*'a'.*metadata"):
        list(extract(trained, documents))


def test_files_of_the_user_stay(nlp: Language, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    (tmp_path / "graph").mkdir()
    for name in ("graph/.draft.tmp", ".t.csv.old.tmp", "graph/.nodes.csv.tmp"):
        (tmp_path / name).write_text("mine")
    left = tmp_path / "graph" / f".nodes.csv.{2**22 + 1}.tmp"  # larger than any number of a process
    left.write_text("half")
    extract_file(nlp, tmp_path / "in.txt", tmp_path / "graph", format="neo4j")
    extract_file(nlp, tmp_path / "in.txt", tmp_path / "t.csv")
    assert sorted(path.name for path in (tmp_path / "graph").iterdir()) == [
        ".draft.tmp",
        ".nodes.csv.tmp",
        "nodes.csv",
        "relationships.csv",
    ]
    assert (tmp_path / ".t.csv.old.tmp").read_text() == "mine"


def test_leftovers_are_no_part_of_a_pipeline(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    spacy.load(model).to_disk(folder)
    before = checksum(folder)
    for name in (".config.cfg.123.tmp", "rin_joint/.cfg.123.tmp"):
        (folder / name).write_text("half")
    assert checksum(folder) == before
    (folder / "rin_joint" / "cfg").write_text("{}")
    assert checksum(folder) != before


def test_output_that_is_a_link_or_a_device(nlp: Language, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(TEXTS[0])
    (tmp_path / "link.csv").symlink_to("real.csv")
    extract_file(nlp, tmp_path / "in.txt", tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink() and "born_in" in (tmp_path / "real.csv").read_text()
    (tmp_path / "in.csv").symlink_to("in.txt")
    for path in (os.devnull, tmp_path / "in.csv", tmp_path / ("x" * 300), "a\0b"):
        with pytest.raises(ValueError, match="R034"):
            extract_file(nlp, tmp_path / "in.txt", path, format="csv")
