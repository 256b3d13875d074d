"""Characters that cut tokens, and texts cut into sentences."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_rin.convert import Record, Text, convert
from spacy_rin.convert.align import align, cut_sentences
from spacy_rin.relations import get_relations

from .support import JOINTER, counts_of, relations_of, write_json

NLP = spacy.blank("en")
# "xx" has no exceptions: tokens are split at white space and punctuation.
PLAIN = spacy.blank("xx")


@pytest.mark.parametrize(
    "start,end,found,snapped",
    [
        (4, 7, "can't", 1),  # the tokens are "ca" and "n't"
        (6, 7, "n't", 1),
        (15, 20, "Oslo", 1),
        (20, 23, "to", 1),
        (14, 18, ": Oslo", 1),
        (22, 25, "to\n🌊", 1),
        (23, 25, "\n🌊", 0),  # whole tokens, one of them white space
        (16, 20, "Oslo", 0),
    ],
)
def test_snap_widens_to_whole_tokens(start: int, end: int, found: str, snapped: int) -> None:
    text = "Kim can't stay: Oslo to\n🌊."
    record = align(Text("1", text, [(start, end, "X")], []), NLP, snap=True)
    doc = Doc(NLP.vocab, words=record.words, spaces=record.spaces)
    assert doc.text == text
    ((first, last, _),) = record.entities
    assert (doc[first:last].text, record.snapped_entities) == (found, snapped)


@pytest.mark.parametrize(
    "start,end,found", [(0, 4, "Kim"), (15, 20, "Oslo"), (14, 20, "Oslo"), (5, 7, None), (3, 4, None)]
)
def test_white_space_at_the_ends_is_left_out(tmp_path: Path, start: int, end: int, found: str | None) -> None:
    text = "Kim can't stay Oslo ."
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": text, "entities": [[start, end, "X"]], "relations": []}))
    (doc,), report = convert(path)
    assert [ent.text for ent in doc.ents] == ([found] if found else [])
    assert (report.snapped_entities, report.lost_entities) == ((1, 0) if found else (0, 1))


def test_snap(tmp_path: Path) -> None:
    record = {
        "text": "Kim can't  stay.",
        "entities": [[0, 2, "A"], [4, 7, "B"], [9, 11, "C"], [0, 3, "A"], [11, 15, "D"]],
        "relations": [[0, "r", 1], [3, "r", 1], [2, "s", 0], [4, "t", 4]],
    }
    path = write_json(tmp_path / "a.jsonl", record)
    (doc,), report = convert(path, snap=True)
    # The first and the fourth are the same tokens now; of white space alone there is nothing to widen.
    assert [(s.text, s.label_) for s in doc.spans["rin"]] == [("Kim", "A"), ("can't", "B"), ("stay", "D")]
    assert [(r.subject.text, r.label, r.object.text) for r in get_relations(doc)] == [
        ("Kim", "r", "can't"), ("stay", "t", "stay"),
    ]  # fmt: skip
    assert counts_of(report) == {
        "docs": 1, "incomplete_docs": 1,
        "entities": 3, "triples": 2, "duplicate_triples": 1, "lost_triples": 1, "reflexive_triples": 1,
        "lost_entities": 1, "snapped_entities": 2,
    }  # fmt: skip
    _, report = convert(path)
    assert (report.lost_entities, report.snapped_entities, report.triples) == (3, 0, 1)


def test_tokens_have_nothing_to_snap(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", [JOINTER])
    plain, snapped = convert(path), convert(path, snap=True)
    assert relations_of(plain[0][0]) == relations_of(snapped[0][0]) != [] and plain[1] == snapped[1]


texts = st.text("ab.' \n\u00a0😀é", min_size=1, max_size=14)


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(0, 13), st.integers(1, 14))
def test_snap_widens_as_little_as_it_can(text: Any, start: Any, end: Any) -> None:
    assume(start < end <= len(text))
    record = align(Text("1", text, [(start, end, "X")], []), PLAIN, snap=True)
    doc = Doc(PLAIN.vocab, words=record.words, spaces=record.spaces)
    assert doc.text == text
    if not text[start:end].strip():
        # White space alone is an entity if it is whole tokens.
        assert (not record.entities) == (doc.char_span(start, end) is None)
        return
    ((first, last, _),) = record.entities
    found = doc[first:last]
    assert found.text in text and text[start:end].strip() in found.text
    if record.snapped_entities:
        # Each of the tokens at the ends has some of it.
        assert set(range(start, end)) & set(range(doc[first].idx, doc[first].idx + len(doc[first])))
        assert set(range(start, end)) & set(range(doc[last - 1].idx, doc[last - 1].idx + len(doc[last - 1])))
        assert not doc[first].is_space and not doc[last - 1].is_space
    else:
        assert (found.start_char, found.end_char) == (start, end)


@settings(max_examples=100, deadline=None)
@given(texts, st.data())
def test_offsets_of_tokens_are_found_again(text: Any, data: Any) -> None:
    """An entity that is given by the characters of tokens is these tokens, with or without snap."""
    doc = PLAIN(text)
    first = data.draw(st.integers(0, len(doc) - 1))
    last = data.draw(st.integers(first, len(doc) - 1))
    span = doc[first : last + 1]
    for snap in (False, True):
        record = align(Text("1", text, [(span.start_char, span.end_char, "X")], [(0, "r", 0)]), PLAIN, snap=snap)
        assert record.words == [token.text for token in doc]
        assert (record.entities, record.relations, record.snapped_entities) == (
            [(first, last + 1, "X")],
            [(0, "r", 0)],
            0,
        )


STORY = {
    "text": "Ada sails. J. K. Roe, her friend, rows!\n\nBo swims in Oban.  It rains. ",
    "entities": [[0, 3, "P"], [11, 20, "P"], [41, 43, "P"], [53, 57, "T"]],
    "relations": [[2, "in", 3], [0, "knows", 1], [1, "knows", 0], [1, "is", 1]],
}


def test_sents(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", STORY, {"text": "One. Two.", "entities": [], "relations": []})
    docs, report = convert(path, sents=True)
    assert [doc.text for doc in docs] == [
        "Ada sails.", "J. K. Roe, her friend, rows!", "Bo swims in Oban.", "It rains.", "One.", "Two.",
    ]  # fmt: skip
    assert [[(s.text, s.label_) for s in doc.spans["rin"]] for doc in docs[:4]] == [
        [("Ada", "P")], [("J. K. Roe", "P")], [("Bo", "P"), ("Oban", "T")], [],
    ]  # fmt: skip
    assert [[(r.subject.text, r.label, r.object.text) for r in get_relations(doc)] for doc in docs[:4]] == [
        [], [("J. K. Roe", "is", "J. K. Roe")], [("Bo", "in", "Oban")], [],
    ]  # fmt: skip
    assert counts_of(report) == {
        "docs": 6, "incomplete_docs": 2, "entities": 4, "triples": 2, "crossing_triples": 2, "reflexive_triples": 1
    }  # fmt: skip
    assert report.source_numbers == [0, 0, 0, 0, 1, 1]
    assert report.examples == [
        (path, "1", "relation 'knows' of 'Ada' with 'J. K. Roe' crosses sentences"),
        (path, "1", "relation 'knows' of 'J. K. Roe' with 'Ada' crosses sentences"),
    ]
    (whole, _), report = convert(path)
    assert whole.text == STORY["text"] and len(get_relations(whole)) == 4 and report.crossing_triples == 0


def test_sents_of_tokens_of_the_format(tmp_path: Path) -> None:
    """Prodigy's texts are raw, but have tokens: these are kept."""
    text = "Ada sails. Bo rows."
    tokens = [{"text": text[s:e], "start": s, "end": e} for s, e in [(0, 3), (4, 10), (11, 13), (14, 18), (18, 19)]]
    task = {"text": text, "tokens": tokens, "spans": [], "relations": []}
    docs, _ = convert(write_json(tmp_path / "a.jsonl", task), sents=True)
    # "sails." is one token here, so the sentencizer sees no end of a sentence.
    assert [[token.text for token in doc] for doc in docs] == [["Ada", "sails.", "Bo", "rows", "."]]


def test_sents_of_tokenised_sentences_are_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", [JOINTER])
    with pytest.raises(ValueError, match=r"^\[R043\].*a\.json.*'jointer'.*--sents"):
        convert(path, sents=True)


def test_what_is_lost_with_a_text_is_counted_once(tmp_path: Path) -> None:
    record = {**STORY, "entities": [*STORY["entities"], [0, 2, "P"], [5, 9, "V"]], "relations": [[4, "r", 0]]}
    _, report = convert(write_json(tmp_path / "a.jsonl", record), sents=True)
    assert (report.lost_entities, report.lost_triples) == (2, 1)
    _, report = convert(tmp_path / "a.jsonl", sents=True, snap=True)
    assert (report.snapped_entities, report.lost_entities, report.reflexive_triples) == (2, 0, 1)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_sentences_hold_the_whole_text(data: Any) -> None:
    words = data.draw(st.lists(st.sampled_from(["a", ".", "!", "\n", "b"]), min_size=1, max_size=12))
    starts = st.integers(0, len(words) - 1)
    bounds = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, len(words))))
    entities = [(*bound, str(i)) for i, bound in enumerate(data.draw(st.lists(bounds, max_size=4)))]
    index = st.integers(0, len(entities) - 1)
    relations = data.draw(st.lists(st.tuples(index, st.sampled_from("rs"), index), max_size=5)) if entities else []
    record = Record("1", words, entities, relations)
    sentences = cut_sentences(record, PLAIN.vocab)
    assert [w for sentence in sentences for w in sentence.words if w != "\n"] == [w for w in words if w != "\n"]
    assert all(set(sentence.words) != {"\n"} for sentence in sentences[1:])
    found = {label: sentence.words[start:end] for sentence in sentences for start, end, label in sentence.entities}
    assert found == {label: words[start:end] for start, end, label in entities}
    kept = [(s.entities[a][2], label, s.entities[b][2]) for s in sentences for a, label, b in s.relations]
    home = {entity[2]: i for i, s in enumerate(sentences) for entity in s.entities}
    named = [(str(a), label, str(b)) for a, label, b in relations]
    assert sorted(kept) == sorted(t for t in named if home[t[0]] == home[t[2]])
    assert sum(len(s.crossing_triples) for s in sentences) == len(named) - len(kept)


def test_real_texts_cut_and_whole_have_the_same_triples(real_data: Path, tmp_path: Path) -> None:
    """SciERC has one sentence a text, and our sentencizer cuts few of them."""
    records = json.loads((real_data / "scierc" / "dev.json").read_text())
    lines = []
    for record in records:
        offsets = [sum(len(word) + 1 for word in record["tokens"][:i]) for i in range(len(record["tokens"]) + 1)]
        spans = [[offsets[e["start"]], offsets[e["end"]] - 1, e["type"]] for e in record["entities"]]
        triples = [[r["head"], r["type"], r["tail"]] for r in record["relations"]]
        lines.append({"text": " ".join(record["tokens"]), "entities": spans, "relations": triples})
    path = write_json(tmp_path / "a.jsonl", *lines)
    _, whole = convert(path, snap=True)
    _, cut = convert(path, snap=True, sents=True)
    assert whole.lost_entities == cut.lost_entities == 0
    assert cut.docs >= whole.docs == 275 and whole.entities == cut.entities
    assert cut.triples + cut.crossing_triples + cut.duplicate_triples == whole.triples + whole.duplicate_triples == 455
