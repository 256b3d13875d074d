"""Sample files and records, and what tests of conversion compare."""

import json
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Span

from spacy_rin.convert import CONVERTERS, ConversionReport
from spacy_rin.convert.records import Entity
from spacy_rin.relations import get_relations

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "project" / "assets"
SAMPLES = Path(__file__).parent / "data"

JSON_FORMATS = [format for format in CONVERTERS if format not in ("brat", "webanno_tsv", "rel_component")]
# Sample files of text, with their formats
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
    "doccano.jsonl": "doccano",
    "webanno.tsv": "webanno_tsv",
    "docred.json": "docred",
    "tacred.json": "tacred",
    "rebel.jsonl": "rebel",
    "unirel.json": "unirel",
    "glirel.jsonl": "glirel",
    "gliner2.jsonl": "gliner2",
}
# All sample files
ALL_FILES = {**FILES, "rel_component.spacy": "rel_component"}

TREE: dict[str, list[str]] = {"tokens": ["The", "old", "oak", "tree", "stands", "in", "Little", "Wood"]}
TREE_TAGS = ["DT", "JJ", "NN", "NN", "VBZ", "IN", "NNP", "NNP"]
JOINTER: dict[str, Any] = {
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
COPY_RE: dict[str, Any] = {
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
CASREL: dict[str, Any] = {
    "text": " the red door opens the door ",
    "triple_list": [["red door", "part", "door"], ["red  door", "part", "door"], ["window", "part", "door"]],
}
CASREL_TYPED = {"text": "Kim lives in Oslo", "triples": [["Kim", "home", "Oslo"]], "entities": [["Oslo", "CITY"]]}
JSONL: dict[str, Any] = {
    "text": "Kim can't stay: Oslo\u00a0is far.",
    "entities": [[0, 3, "PERSON"], [16, 20, "CITY"], [4, 7, "VERB"], [16, 20, "TOWN"]],
    "relations": [[1, "far from", 0], [0, "hates", 2], [2, "hates", 0], [0, "visits", 3]],
}


def write_json(path: Path, *values: Any) -> Path:
    """Write values as JSON lines."""
    path.write_text("\n".join(json.dumps(value) for value in values), encoding="utf8")
    return path


def write_ids(path: Path, values: Any, words: Any = WORDS, relations: Any = RELATIONS) -> Path:
    """Write an id file of copy_re, with the names of the ids beside it."""
    write_json(path.with_name("words2id.json"), words)
    write_json(path.with_name("relations2id.json"), relations)
    return write_json(path, values)


def first_task(name: str) -> Any:
    """The first record of a sample file."""
    text = (SAMPLES / name).read_text(encoding="utf8")
    return json.loads(text)[0] if name.endswith(".json") else json.loads(text.splitlines()[0])


def changed(task: Any, *keys: str | int, to: Any) -> Any:
    """A copy of a record with another value at a path of keys; None removes the last key."""
    task = json.loads(json.dumps(task))
    item = task
    for key in keys[:-1]:
        item = item[key]
    if to is None:
        del item[keys[-1]]
    else:
        item[keys[-1]] = to
    return task


def accept_predictions(path: Path) -> None:
    """Do to the tasks of Label Studio what a person does who accepts all predictions."""
    tasks = json.loads(path.read_text("utf8"))
    for task in tasks:
        task["annotations"] = [{"was_cancelled": False, "result": task["predictions"][0]["result"]}]
    path.write_text(json.dumps(tasks), "utf8")


def spans_of(doc: Doc) -> list[Entity]:
    return [(span.start, span.end, span.label_) for span in doc.spans["rin"]]


def ents_of(doc: Doc) -> list[Entity]:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def relations_of(doc: Doc) -> list[tuple[Entity, str, Entity]]:
    """Relations by the tokens of their entities."""
    return [
        ((r.subject.start, r.subject.end, r.subject.label_), r.label, (r.object.start, r.object.end, r.object.label_))
        for r in get_relations(doc)
    ]


def triples_of(doc: Doc) -> list[tuple[str, str, str]]:
    """Relations by the text of their entities."""
    return [(r.subject.text, r.label, r.object.text) for r in get_relations(doc)]


def whole(doc: Doc, start: int, end: int) -> Span | None:
    """The whole tokens at some characters, with or without the white space at their ends."""
    quoted = doc.text[start:end]
    inner = start + len(quoted) - len(quoted.lstrip()), start + len(quoted.rstrip())
    return doc.char_span(start, end) or (doc.char_span(*inner) if inner[0] < inner[1] else None)


def counts_of(report: ConversionReport) -> dict[str, int]:
    """The counts of a report that are not 0."""
    return {name: count for name, count in vars(report).items() if isinstance(count, int) and count}
