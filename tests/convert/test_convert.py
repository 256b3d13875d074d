import json
import os
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_rin.convert import CONVERTERS, ConversionReport, Record, convert, make_doc, write_docs
from spacy_rin.relations import get_relations, has_relations

DATA = Path(os.environ.get("SPACY_RIN_DATA", "."))
needs_data = pytest.mark.skipif("SPACY_RIN_DATA" not in os.environ, reason="SPACY_RIN_DATA is not set")

JSON_FORMATS = [format for format in CONVERTERS if format != "brat"]
TREE = {"tokens": ["The", "old", "oak", "tree", "stands", "in", "Little", "Wood"]}
TREE_TAGS = ["DT", "JJ", "NN", "NN", "VBZ", "IN", "NNP", "NNP"]
JOINTER = {
    **TREE,
    "pos_tags": TREE_TAGS,
    "spo_details": [
        [6, 8, "PLACE", "contains", 2, 4, "None-label"],
        [2, 4, "None-label", "location", 6, 8, "PLACE"],
        [2, 4, "None-label", "kind", 2, 3, "None-label"],
        [2, 4, "None-label", "location", 6, 8, "PLACE"],
        [6, 8, "PLACE", "same as", 6, 8, "PLACE"],
    ],
}
COPY_RE = {
    "sentText": "Ada met Bo in Lima , and Bo left Lima Norte",
    "entityMentions": [
        {"text": "Ada", "label": "PERSON", "start": 0},
        {"text": "Bo", "label": "PERSON", "start": 1},
        {"text": "Lima", "label": "LOCATION", "start": 2},
        {"text": "Lima", "label": "ORGANIZATION", "start": 3},
        {"text": "Cem", "label": "PERSON", "start": 4},
    ],
    "relationMentions": [
        {"em1Text": "Bo", "em2Text": "Lima", "label": "/lives"},
        {"em1Text": "Ada", "em2Text": "Bo", "label": "None"},
        {"em1Text": "Ada", "em2Text": "Líma", "label": "/visits"},
        {"em1Text": "Ada", "em2Text": "Cem", "label": "/knows"},
        {"em1Text": "Lima Norte", "em2Text": "Lima", "label": "/near"},
    ],
}
COPY_RE_IDS = [[[0, 1, 2, 3], [3, 0]], [[2, 0, 1, 2, 0, 1, 2, 2, 0], []]]
WORDS = {"Ann": 0, "and": 1, "Ben": 2, "sing": 3}
RELATIONS = {"self": 0, "friend": 1}
CASREL = {
    "text": " the red door opens the door ",
    "triple_list": [["red door", "part", "door"], ["red  door", "part", "door"], ["window", "part", "door"]],
}
CASREL_TYPED = {"text": "Kim lives in Oslo", "triples": [["Kim", "home", "Oslo"]], "entities": [["Oslo", "CITY"]]}
JSONL = {
    "text": "Kim can't stay: Oslo\u00a0is far.",
    "entities": [[0, 3, "PERSON"], [16, 20, "CITY"], [4, 7, "VERB"], [16, 20, "TOWN"]],
    "relations": [[1, "far from", 0], [0, "hates", 2], [2, "hates", 0], [0, "visits", 3]],
}


def write_json(path: Path, *values: Any, sep: Any = "\n") -> Any:
    path.write_text(sep.join(json.dumps(value) for value in values), encoding="utf8")
    return path


def write_ids(path: Path, values: Any, words: Any = WORDS, relations: Any = RELATIONS) -> Any:
    write_json(path.with_name("words2id.json"), words)
    write_json(path.with_name("relations2id.json"), relations)
    return write_json(path, values)


def spans_of(doc: Doc) -> Any:
    return [(span.start, span.end, span.label_) for span in doc.spans["rin"]]


def ents_of(doc: Doc) -> Any:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def relations_of(doc: Doc) -> Any:
    return [
        ((r.subject.start, r.subject.end, r.subject.label_), r.label, (r.object.start, r.object.end, r.object.label_))
        for r in get_relations(doc)
    ]


def counts_of(report: Any) -> Any:
    return {name: count for name, count in vars(report).items() if isinstance(count, int) and count}


def test_jointer(tmp_path: Path) -> None:
    (doc,), report = convert(write_json(tmp_path / "a.json", [JOINTER]), "jointer")
    assert [token.text for token in doc] == TREE["tokens"]
    assert [token.tag_ for token in doc] == TREE_TAGS
    assert doc.has_unknown_spaces
    oak, tree, wood = (2, 3, "ENTITY"), (2, 4, "ENTITY"), (6, 8, "PLACE")
    assert spans_of(doc) == [oak, tree, wood]
    assert ents_of(doc) == [tree, wood]
    assert relations_of(doc) == [
        (wood, "contains", tree),
        (tree, "location", wood),
        (tree, "kind", oak),
        (wood, "same as", wood),
    ]
    assert report == ConversionReport(
        docs=1, entities=3, triples=4, duplicate_triples=1, reflexive_triples=1, overlapping_entities=1
    )


def test_copy_re(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.jsonl", COPY_RE, {**COPY_RE, "entityMentions": [], "relationMentions": []})
    (doc, empty), report = convert(path, "copy_re")
    ada, bo, lima, norte = (0, 1, "PERSON"), (2, 3, "PERSON"), (4, 5, "LOCATION"), (9, 11, "ENTITY")
    assert [token.text for token in doc] == COPY_RE["sentText"].split(" ")
    assert spans_of(doc) == [ada, bo, lima, (4, 5, "ORGANIZATION"), norte]
    assert ents_of(doc) == [ada, bo, lima, norte]
    assert relations_of(doc) == [(bo, "/lives", lima), (ada, "/visits", lima), (norte, "/near", lima)]
    assert counts_of(report) == {
        "docs": 2, "entities": 5, "triples": 3, "lost_triples": 1, "lost_entities": 1, "overlapping_entities": 1
    }  # fmt: skip
    assert report.examples == [(path, "1", "entity 'Cem' is not in the text (triples lost with it: 1)")]
    assert has_relations(empty) and get_relations(empty) == []
    assert empty.has_annotation("ENT_IOB") and spans_of(empty) == []


def test_copy_re_ids(tmp_path: Path) -> None:
    docs, report = convert(write_ids(tmp_path / "a.json", COPY_RE_IDS), "copy_re_ids", entity_label="THING")
    assert [[token.text for token in doc] for doc in docs] == [["Ann", "and", "Ben", "sing"], ["sing", "Ann"]]
    ann, ben = (0, 1, "THING"), (2, 3, "THING")
    assert spans_of(docs[0]) == ents_of(docs[0]) == [ann, ben]
    assert relations_of(docs[0]) == [(ben, "friend", ann), (ben, "self", ben)]
    assert relations_of(docs[1]) == [] and has_relations(docs[1])
    assert report == ConversionReport(docs=2, entities=2, triples=2, duplicate_triples=1, reflexive_triples=1)


@pytest.mark.parametrize("form", ["list", "lines"])
def test_casrel(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.json"
    if form == "list":
        path.write_text("\ufeff" + json.dumps([CASREL, CASREL_TYPED], indent=1), encoding="utf8")
    else:
        path.write_bytes(b"\r\n".join(json.dumps(record).encode() for record in (CASREL, CASREL_TYPED)) + b"\r\n\r\n")
    docs, report = convert(path, "casrel")
    assert [token.text for token in docs[0]] == ["the", "red", "door", "opens", "the", "door"]
    red_door, door = (1, 3, "ENTITY"), (2, 3, "ENTITY")
    assert spans_of(docs[0]) == [red_door, door]
    assert ents_of(docs[0]) == [red_door]
    assert relations_of(docs[0]) == [(red_door, "part", door)]
    assert spans_of(docs[1]) == [(0, 1, "ENTITY"), (3, 4, "CITY")]
    assert relations_of(docs[1]) == [((0, 1, "ENTITY"), "home", (3, 4, "CITY"))]
    assert counts_of(report) == {
        "docs": 2, "entities": 4, "triples": 2, "duplicate_triples": 1, "lost_triples": 1, "lost_entities": 1,
        "overlapping_entities": 1,
    }  # fmt: skip
    place = "2 (record 1)" if form == "list" else "1"
    assert report.examples == [(path, place, "entity 'window' is not in the text (triples lost with it: 1)")]


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
        "docs": 2, "entities": 3, "triples": 2, "lost_triples": 2, "lost_entities": 1, "overlapping_entities": 1
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


def test_last_word(tmp_path: Path) -> None:
    (doc,), report = convert(write_json(tmp_path / "a.json", [JOINTER]), "jointer", last_word=True)
    oak, tree, wood = (2, 3, "ENTITY"), (3, 4, "ENTITY"), (7, 8, "PLACE")
    assert spans_of(doc) == ents_of(doc) == [oak, tree, wood]
    assert relations_of(doc)[:2] == [(wood, "contains", tree), (tree, "location", wood)]
    assert report.overlapping_entities == 0
    path = write_json(tmp_path / "b.json", CASREL)
    (doc,), report = convert(path, "casrel", last_word=True)
    assert relations_of(doc) == [((2, 3, "ENTITY"), "part", (2, 3, "ENTITY"))]
    assert (report.entities, report.reflexive_triples) == (1, 1)


def test_examples_are_the_first_ten(tmp_path: Path) -> None:
    records = [{"text": "a b", "triples": [["a", "r", f"c{i}"]]} for i in range(12)]
    _, report = convert(write_json(tmp_path / "a.json", *records), "casrel")
    assert report.lost_entities == report.lost_triples == 12
    assert [loss.line for loss in report.examples] == [str(line) for line in range(1, 11)]


def test_make_doc_of_a_record() -> None:
    record = Record("1", ["Oslo", "!"], [(0, 1, "")], [(0, "is", 0)], spaces=[False, False])
    doc = make_doc(record, spacy.blank("en").vocab, "PLACE")
    assert doc.text == "Oslo!" and spans_of(doc) == [(0, 1, "PLACE")]
    assert relations_of(doc) == [((0, 1, "PLACE"), "is", (0, 1, "PLACE"))]


WRONG_RECORDS = {
    "jointer": [
        ([], "an object was expected"),
        ({"pos_tags": [], "spo_details": []}, "'tokens' is missing"),
        ({**JOINTER, "tokens": []}, "non-empty list"),
        ({**JOINTER, "tokens": "a b"}, "non-empty list"),
        ({**JOINTER, "tokens": [*TREE["tokens"][1:], ""]}, "non-empty strings"),
        ({**JOINTER, "tokens": [*TREE["tokens"][1:], "\ud800"]}, "non-empty strings"),
        ({**JOINTER, "pos_tags": TREE_TAGS[1:]}, "8 tokens but 7 pos_tags"),
        ({**JOINTER, "pos_tags": None}, "'pos_tags'"),
        ({**JOINTER, "spo_details": {}}, "'spo_details' must be a list"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "r", 1, 2]]}, "list of 7"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "r", 1, 9, "T"]]}, "1-9 is empty or out of the range 0-8"),
        ({**JOINTER, "spo_details": [[-1, 1, "T", "r", 1, 2, "T"]]}, "-1-1"),
        ({**JOINTER, "spo_details": [[1, 1, "T", "r", 1, 2, "T"]]}, "1-1 is empty"),
        ({**JOINTER, "spo_details": [[0, True, "T", "r", 1, 2, "T"]]}, "True .* must be a whole number"),
        ({**JOINTER, "spo_details": [[0, 1.0, "T", "r", 1, 2, "T"]]}, "1.0 .* must be a whole number"),
        ({**JOINTER, "spo_details": [[0, 1, "T", "", 1, 2, "T"]]}, "non-empty string"),
    ],
    "copy_re": [
        ("text", "an object was expected"),
        ({**COPY_RE, "sentText": ""}, "'sentText' must be a non-empty string"),
        ({**COPY_RE, "sentText": "  "}, "no tokens"),
        ({**COPY_RE, "entityMentions": ["Ada"]}, "an object was expected"),
        ({**COPY_RE, "entityMentions": [{"text": "Ada"}]}, "'label' is missing"),
        ({**COPY_RE, "relationMentions": [{"em1Text": "Ada", "label": "x"}]}, "'em2Text' is missing"),
        ({**COPY_RE, "relationMentions": [{"em1Text": "Ada", "em2Text": 1, "label": "x"}]}, "non-empty string"),
    ],
    "casrel": [
        (1, "an object was expected"),
        ({"text": "a"}, "'triple_list' is missing"),
        ({**CASREL, "text": ["a"]}, "'text' must be a non-empty string"),
        ({**CASREL, "triple_list": [["a", "b"]]}, "list of 3"),
        ({**CASREL, "triple_list": [["a", None, "b"]]}, "None .* non-empty string"),
        ({**CASREL, "entities": [["a", "b", "c"]]}, "list of 2"),
        ({**CASREL, "entities": None}, "'entities' must be a list"),
    ],
    "jsonl": [
        (None, "an object was expected"),
        ({"text": "a", "entities": []}, "'relations' is missing"),
        ({**JSONL, "text": ""}, "'text' must be a non-empty string"),
        ({**JSONL, "entities": [[0, 99, "X"]]}, "0-99 is empty or out of the range 0-28"),
        ({**JSONL, "entities": [[3, 0, "X"]]}, "3-0"),
        ({**JSONL, "entities": [[0, 3]]}, "list of 3"),
        ({**JSONL, "entities": [[0, "3", "X"]]}, "whole number"),
        ({**JSONL, "entities": [[0, 3, ""]]}, "non-empty string"),
        ({**JSONL, "relations": [[0, "r", 4]]}, r"\[0, 'r', 4\] points to an entity that does not exist; there are 4"),
        ({**JSONL, "relations": [[-1, "r", 0]]}, "does not exist"),
        ({**JSONL, "relations": [[0, 1, 2]]}, "non-empty string"),
    ],
}
GOOD_RECORDS = {
    "jointer": JOINTER,
    "copy_re": COPY_RE,
    "casrel": CASREL,
    "jsonl": JSONL,
    "prodigy": {"text": "a", "tokens": [{"text": "a", "start": 0, "end": 1}], "spans": [], "relations": []},
    "label_studio": {"data": {"text": "a"}, "annotations": [{"result": []}]},
    "spert": {"tokens": ["a"], "entities": [], "relations": []},
}


@pytest.mark.parametrize(
    "format,record,reason", [(format, *case) for format, cases in WRONG_RECORDS.items() for case in cases]
)
def test_malformed_record(tmp_path: Path, format: Any, record: Any, reason: Any) -> None:
    path = write_json(tmp_path / "a.json", GOOD_RECORDS[format], record)
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:2: .*{reason}"):
        convert(path, format)


@pytest.mark.parametrize("format", GOOD_RECORDS)
@pytest.mark.parametrize(
    "content,line,reason",
    [
        (b"%s\n{", 2, "invalid JSON"),
        (b'%s\n{"text": "a', 2, "invalid JSON"),
        (b'%s\n\n{"text": NaN}', 3, "NaN is not a JSON value"),
        (b'%s\n{"text": 1' + b"0" * 5000 + b"}", 2, "invalid JSON"),
        (b"%s\n" + b'{"a":' * 100_000, 2, "invalid JSON"),
        (b'%s\n{"text": "\xe9"}', 2, "not UTF-8"),
        (b"[%s,\n%s", 2, "the list ends too early"),
        (b"[%s,\n", 2, "invalid JSON"),
        (b"[%s,\n]", 2, "invalid JSON"),
        (b"[%s\n%s]", 2, "',' or ']' was expected"),
        (b"[\n%s] %s", 2, "there is more after the end of the list"),
        (b"[\n%s, []]", r"2 \(record 2\)", "an object was expected"),
    ],
)
def test_malformed_file(tmp_path: Path, format: Any, content: Any, line: int | str, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.replace(b"%s", json.dumps(GOOD_RECORDS[format]).encode()))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:{line}: .*{reason}"):
        convert(path, format)


@pytest.mark.parametrize(
    "values,line,reason",
    [
        ([[[0]], [[0, 0]]], "record 1", "three numbers"),
        ([[[0], [0]], [[], [0, 1, 0]]], "record 2", "0-1|1-2 is empty or out of the range"),
        ([[[0]], [[-1, 0, 0]]], "record 1", "out of the range"),
        ([[[0]], [[0, True, 0]]], "record 1", "whole numbers"),
        ([[[9]], [[]]], "record 1", "9 is not the id of a word"),
        ([[["a"]], [[]]], "record 1", "'a' is not the id of a word"),
        ([[[True]], [[]]], "record 1", "True is not the id of a word"),
        ([[[0]], [[0, 0, 7]]], "record 1", "7 is not the id of a relation"),
        ([[[]], [[]]], "record 1", "a list of word ids"),
        ([[0], [[]]], "record 1", "a list of word ids"),
        ([[[0]], [0]], "record 1", "a list of word ids"),
        ([[[0]], []], 1, "two lists of the same length"),
        ([[[0]]], 1, "two lists"),
        ({"a": 1}, 1, "two lists"),
    ],
)
def test_malformed_ids(tmp_path: Path, values: Any, line: int | str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.json:{line}: .*({reason})"):
        convert(write_ids(tmp_path / "a.json", values), "copy_re_ids")


@pytest.mark.parametrize("words", [[], {}, {"a": "0"}, {"a": 0, "b": 0}, {"": 0}, {"a": True}])
def test_malformed_names_of_ids(tmp_path: Path, words: Any) -> None:
    with pytest.raises(ValueError, match=r"^\[R030\] \S+words2id\.json:1: .*names"):
        convert(write_ids(tmp_path / "a.json", COPY_RE_IDS, words=words), "copy_re_ids")


def test_missing_names_of_ids(tmp_path: Path) -> None:
    path = write_ids(tmp_path / "a.json", COPY_RE_IDS)
    (tmp_path / "relations2id.json").unlink()
    with pytest.raises(ValueError, match=r"^\[R033\] \S+relations2id\.json"):
        convert(path, "copy_re_ids")


@pytest.mark.parametrize("format", [*JSON_FORMATS, "auto"])
@pytest.mark.parametrize("content", ["", "\n \n", "[]", " [\n] ", "\ufeff"])
def test_empty_file(tmp_path: Path, format: Any, content: str) -> None:
    path = write_ids(tmp_path / "a.json", [])
    path.write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=rf"^\[R032\] \S+a\.json has no records.*'{format}'"):
        convert(path, format)


@pytest.mark.parametrize("format", JSON_FORMATS)
def test_wrong_paths_and_arguments(tmp_path: Path, format: Any) -> None:
    with pytest.raises(ValueError, match=r"^\[R033\] \S+nothing\.json"):
        convert(tmp_path / "nothing.json", format)
    with pytest.raises(ValueError, match=r"^\[R034\]"):
        convert(tmp_path, format)
    with pytest.raises(ValueError, match=r"^\[R031\].*auto, jsonl, prodigy, label_studio, brat, spert, jointer"):
        convert(tmp_path / "nothing.json", format.upper())
    with pytest.raises(ValueError, match=r"^\[R010\].*lang"):
        convert(tmp_path / "nothing.json", format, lang="no such language")
    with pytest.raises(ValueError, match=r"^\[R010\].*entity_label"):
        convert(tmp_path / "nothing.json", format, entity_label="")


def test_round_trip(tmp_path: Path) -> None:
    docs, _ = convert(write_json(tmp_path / "a.json", JOINTER), "jointer")
    docs += convert(write_json(tmp_path / "b.json", JSONL), "jsonl")[0]
    path = tmp_path / "new" / "folder" / "a.spacy"
    write_docs(docs, path)
    assert os.listdir(path.parent) == ["a.spacy"]
    read = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    for doc, again in zip(docs, read, strict=True):
        assert again.text == doc.text and again.has_unknown_spaces == doc.has_unknown_spaces
        assert [token.tag_ for token in again] == [token.tag_ for token in doc]
        assert spans_of(again) == spans_of(doc) != []
        assert ents_of(again) == ents_of(doc) and again.has_annotation("ENT_IOB")
        assert relations_of(again) == relations_of(doc) != []


def test_unfinished_output_is_not_left(tmp_path: Path) -> None:
    docs, _ = convert(write_json(tmp_path / "a.json", JOINTER), "jointer")
    path = tmp_path / "out" / "a.spacy"
    write_docs(docs, path)
    before = path.read_bytes()

    def interrupted() -> Any:
        yield docs[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_docs(interrupted(), path)
    (tmp_path / "out" / "folder.spacy").mkdir()
    for wrong in (tmp_path / "out" / "folder.spacy", path / "a.spacy"):
        with pytest.raises(ValueError, match=r"^\[R034\]"):
            write_docs(docs, wrong)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["a.spacy", "folder.spacy"]


@st.composite
def annotations(draw: Any) -> Any:
    """Words, entities as token offsets, and relations of our own format, all of them aligned."""
    words = draw(st.lists(st.text("abcdÄß漢", min_size=1, max_size=4), min_size=1, max_size=8))
    starts = st.integers(0, len(words) - 1)
    bounds = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, len(words))))
    entities = draw(st.lists(st.tuples(bounds, st.sampled_from("XYZ")), max_size=6))
    index = st.integers(0, len(entities) - 1)
    relations = draw(st.lists(st.tuples(index, st.sampled_from("rst"), index), max_size=8)) if entities else []
    return words, [(start, end, label) for (start, end), label in entities], relations


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotations())
def test_aligned_annotation_survives(tmp_path: Path, annotation: Any) -> None:
    words, entities, relations = annotation
    offsets = [sum(len(word) + 1 for word in words[:i]) for i in range(len(words) + 1)]
    record = {
        "text": " ".join(words),
        "entities": [(offsets[start], offsets[end] - 1, label) for start, end, label in entities],
        "relations": relations,
    }
    # "xx" has no exceptions, so these words are its tokens.
    (doc,), report = convert(write_json(tmp_path / "a.jsonl", record), "jsonl", lang="xx")
    triples = {(entities[s], label, entities[o]) for s, label, o in relations}
    assert [token.text for token in doc] == words
    assert sorted(spans_of(doc)) == sorted(set(entities))
    assert set(ents_of(doc)) <= set(entities)
    assert sorted(relations_of(doc)) == sorted(triples)
    assert counts_of(report) == counts_of(
        ConversionReport(
            docs=1,
            entities=len(set(entities)),
            triples=len(triples),
            duplicate_triples=len(relations) - len(triples),
            reflexive_triples=sum(s[:2] == o[:2] for s, _, o in triples),
            overlapping_entities=len(set(entities)) - len(doc.ents),
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text("ab c.'", min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("rs"), st.integers(0, 4)), max_size=8),
    st.booleans(),
)
def test_every_triple_is_accounted_for(tmp_path: Path, text: Any, bounds: Any, relations: Any, last_word: Any) -> None:
    entities = [(start, end, "X") for start, end in bounds if start < end <= len(text)]
    relations = [row for row in relations if max(row[0], row[2]) < len(entities)]
    record = {"text": text, "entities": entities, "relations": relations}
    path = write_json(tmp_path / "a.jsonl", record)
    (doc,), report = convert(path, "jsonl", last_word=last_word)
    aligned = [doc.char_span(start, end) is not None for start, end, _ in entities]
    assert report.lost_entities == aligned.count(False)
    assert report.lost_triples == sum(not (aligned[s] and aligned[o]) for s, _, o in relations)
    assert report.triples + report.lost_triples + report.duplicate_triples == len(relations)
    if last_word:
        assert all(len(span) == 1 for span in doc.spans["rin"])


def raw_triples(path: Path, key: Any, distinct: Any) -> Any:
    """Count the triples of a file independently of the converters."""
    text = path.read_text(encoding="utf8")
    records = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    triples = [[json.dumps(triple) for triple in record[key]] for record in records]
    return len(records), sum(len(set(record) if distinct else record) for record in triples)


@needs_data
@pytest.mark.parametrize(
    "name,format,key,docs,total,duplicates,reflexive",
    [
        ("webnlg/train.json", "jointer", "spo_details", 5019, 11313, 1, 41),
        ("webnlg/dev.json", "jointer", "spo_details", 500, 1224, 1, 4),
        ("webnlg/test.json", "jointer", "spo_details", 703, 1607, 0, 11),
        ("webnlg_casrel/train_triples.json", "casrel", "triple_list", 5019, 11313, 1, 41),
        ("webnlg_casrel_star/test_triples.json", "casrel", "triple_list", 703, 1591, 10, 78),
        ("nyt_casrel/test_triples.json", "casrel", "triple_list", 5000, 8616, 496, 0),
        ("nyt_casrel_star/val_triples.json", "casrel", "triple_list", 4999, 7976, 0, 52),
        ("nyt/train_part.jsonl", "casrel", "triples", 8726, 28732, 198, 65),
        ("nyt/dev.jsonl", "copy_re", "relationMentions", 5000, 8489, 504, 0),
        ("nyt/test.jsonl", "copy_re", "relationMentions", 5000, 8616, 496, 0),
    ],
)
def test_real_counts(name: str, format: str, key: str, docs: int, total: int, duplicates: int, reflexive: int) -> None:
    assert raw_triples(DATA / name, key, distinct=False) == (docs, total)
    assert raw_triples(DATA / name, key, distinct=True) == (docs, total - duplicates)
    _, report = convert(DATA / name, format)
    assert (report.docs, report.triples, report.duplicate_triples) == (docs, total - duplicates, duplicates)
    assert (report.lost_triples, report.reflexive_triples) == (0, reflexive)
    assert report.lost_entities == (1 if name == "nyt/dev.jsonl" else 0)


@needs_data
@pytest.mark.parametrize("ids,star", [("train", "train"), ("valid", "val"), ("dev", "test")])
def test_real_ids_agree_with_last_words(ids: str, star: str) -> None:
    """The same sentences were published with the last words as strings: subject first, then object."""
    docs, report = convert(DATA / "webnlg_copyre" / f"{ids}.json", "copy_re_ids")
    records = json.loads((DATA / "webnlg_casrel_star" / f"{star}_triples.json").read_text(encoding="utf8"))
    assert report.lost_triples == 0 and report.docs == len(records)
    for doc, record in zip(docs, records, strict=True):
        assert [token.text for token in doc] == record["text"].split(" ")
        found = {(r.subject.text, r.label, r.object.text) for r in get_relations(doc)}
        assert found == set(map(tuple, record["triple_list"]))
