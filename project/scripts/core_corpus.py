"""Check the core corpus, count what is in it, and write it as JSON lines.

Usage: python scripts/core_corpus.py FILE_OR_FOLDER ... [--out FILE]

The texts are in assets/core, in the form that assets/core/guidelines.md describes. All faults are shown, each with its
file and line. Each line of the output is an object with the `text`, its `entities` as `[start, end, label]` (character
offsets, end exclusive) and its `relations` as `[subject, label, object]` (indices into `entities`).
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import spacy

from spacy_rin.characters import without_controls

TYPES = ("PERSON", "ORG", "PLACE", "WORK", "EVENT", "PRODUCT", "DATE", "ROLE")
# Types of subject and object of each relation.
RELATIONS = {
    "acquired": ("PERSON ORG", "ORG"),
    "borders": ("PLACE", "PLACE"),
    "born_in": ("PERSON", "PLACE"),
    "born_on": ("PERSON", "DATE"),
    "capital_of": ("PLACE", "PLACE"),
    "citizen_of": ("PERSON", "PLACE"),
    "composed": ("PERSON", "WORK"),
    "created": ("PERSON", "WORK PRODUCT PLACE"),
    "died_in": ("PERSON", "PLACE"),
    "died_on": ("PERSON", "DATE"),
    "directed": ("PERSON", "WORK"),
    "founded": ("PERSON ORG", "ORG"),
    "founded_on": ("ORG", "DATE"),
    "has_role": ("PERSON", "ROLE"),
    "headquartered_in": ("ORG", "PLACE"),
    "killed": ("PERSON", "PERSON"),
    "leads": ("PERSON", "ORG PLACE"),
    "lives_in": ("PERSON", "PLACE"),
    "located_in": ("PLACE ORG", "PLACE"),
    "made_by": ("PRODUCT", "ORG"),
    "married_to": ("PERSON", "PERSON"),
    "member_of": ("PERSON ORG PLACE", "ORG"),
    "owns": ("PERSON ORG", "ORG PLACE PRODUCT WORK"),
    "parent_of": ("PERSON", "PERSON"),
    "part_of": ("ORG WORK EVENT", "ORG WORK EVENT"),
    "performed_in": ("PERSON ORG", "WORK EVENT"),
    "published": ("ORG PERSON", "WORK"),
    "released_on": ("WORK PRODUCT", "DATE"),
    "sibling_of": ("PERSON", "PERSON"),
    "studied_at": ("PERSON", "ORG"),
    "took_part_in": ("PERSON ORG PLACE", "EVENT"),
    "took_place_in": ("EVENT", "PLACE"),
    "took_place_on": ("EVENT", "DATE"),
    "won": ("PERSON ORG WORK PLACE", "WORK EVENT"),
    "works_for": ("PERSON", "ORG"),
    "wrote": ("PERSON", "WORK"),
}
SYMMETRIC = {"borders", "married_to", "sibling_of"}

MARK = re.compile(r"\[(\d+) ([A-Z]+) |\]")


class Text(NamedTuple):
    """A text of the corpus, and the faults in it."""

    name: str
    text: str
    entities: list[tuple[int, int, str]]
    relations: list[tuple[int, str, int]]
    faults: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the text in the form of the output."""
        return {"text": self.text, "entities": self.entities, "relations": self.relations}


def read_marks(marked: str) -> tuple[str, list[tuple[int, int, str]], list[str]]:
    """Read a text with marks.

    Args:
        marked (str): The text.

    Returns:
        tuple[str, list[tuple[int, int, str]], list[str]]: The text without marks, the entities in the order of their
            numbers, and the faults.
    """
    text, position = "", 0
    entities: list[tuple[int, int, str]] = []
    open_marks: list[int] = []
    faults = []
    for match in MARK.finditer(marked):
        text += marked[position : match.start()]
        position = match.end()
        number, label = match.groups()
        if number is None:
            if not open_marks:
                faults.append("a mark ends that has not started")
                continue
            index = open_marks.pop()
            start, _, label = entities[index]
            entities[index] = (start, len(text), label)
            continue
        if int(number) != len(entities) + 1:
            faults.append(f"mark {number} comes where {len(entities) + 1} should")
        if label not in TYPES:
            faults.append(f"mark {number} has the unknown type {label}")
        open_marks.append(len(entities))
        entities.append((len(text), len(text), label))
    text += marked[position:]
    if open_marks:
        faults.append(f"mark {open_marks[-1] + 1} does not end")
    if "[" in text:
        faults.append(f"a mark is not written as [number TYPE name]: {text[text.index('[') :][:30]!r}")
    return text, entities, faults


def check_entities(text: str, entities: list[tuple[int, int, str]]) -> Iterator[str]:
    """Yield the faults of the entities of a text."""
    names = {text[start:end] for start, end, _ in entities}
    spans = [(start, end) for start, end, _ in entities]
    for number, (start, end, label) in enumerate(entities, 1):
        name = text[start:end]
        if not name.strip() or name != name.strip():
            yield f"mark {number} is empty, or starts or ends with a blank"
        elif re.match("the ", name, re.IGNORECASE) and label != "WORK":
            yield f"mark {number}: 'the' does not belong to {name!r}"
    for name in sorted(names):
        if name[:1].isupper():
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                if not any(start <= match.start() and match.end() <= end for start, end in spans):
                    yield f"{name!r} is marked in one place, and in another it is not"


def read_relations(line: str, entities: list[tuple[int, int, str]]) -> tuple[list[tuple[int, str, int]], list[str]]:
    """Read a line of relations, and return them and the faults."""
    relations, faults = [], []
    for piece in filter(None, (piece.strip() for piece in line.split(";"))):
        match = re.fullmatch(r"(\d+) (\w+) (\d+)", piece)
        if not match or match[2] not in RELATIONS:
            faults.append(f"{piece!r} is not 'number relation number', with a relation of the guidelines")
            continue
        subject, label, object_ = int(match[1]) - 1, match[2], int(match[3]) - 1
        if not all(0 <= i < len(entities) for i in (subject, object_)) or subject == object_:
            faults.append(f"{piece!r} has a number without a mark, or the same number twice")
            continue
        for index, allowed in zip((subject, object_), RELATIONS[label]):
            if entities[index][2] not in allowed.split():
                faults.append(f"{piece!r}: {index + 1} is {entities[index][2]}, not {' or '.join(allowed.split())}")
        relations.append((subject, label, object_))
    return relations, faults


def read_text(name: str, lines: list[str]) -> Text:
    """Read a text.

    Args:
        name (str): Its id.
        lines (list[str]): Its lines without that of the id.

    Returns:
        Text: The text.
    """
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    stated = [line[1:] for line in lines if line.startswith("=")]
    rows = [line.strip() for line in lines if not line.startswith("=")]
    paragraphs = re.split(r"\n{2,}", "\n".join(rows).strip())
    text, entities, faults = read_marks("\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs))
    relations, more = read_relations(";".join(stated), entities)
    faults += [*more, *check_entities(text, entities)]
    if not stated:
        faults.append("there is no line of relations")
    repeated = [key for key, count in Counter(relations).items() if count > 1]
    missing = [(s, label, o) for s, label, o in relations if label in SYMMETRIC and (o, label, s) not in relations]
    faults += [f"{s + 1} {label} {o + 1} stands twice" for s, label, o in repeated]
    faults += [f"{o + 1} {label} {s + 1} is missing" for s, label, o in missing]
    return Text(name, text, entities, relations, faults)


def read_file(path: Path) -> Iterator[tuple[int, Text]]:
    """Yield the texts of a file, each with the number of its first line. What stands before them is a fault."""
    lines = path.read_text("utf-8-sig").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("#")]
    for number, line in enumerate(lines[: starts[0] if starts else None], 1):
        if line.strip():
            yield number, Text("", "", [], [], ["a text begins with a line '# id', but this stands before it"])
            break
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        yield start + 1, read_text(lines[start][1:].strip(), lines[start + 1 : end])


def count(texts: list[Text]) -> str:
    """Describe what is in the texts."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    n_sentences = n_silent = n_across = n_torn = 0
    for text, doc in zip(texts, nlp.pipe(text.text for text in texts)):
        sentences = list(doc.sents)
        n_sentences += len(sentences)
        number = {token.idx: i for i, sentence in enumerate(sentences) for token in sentence}
        spans = [doc.char_span(start, end) for start, end, _ in text.entities]
        n_torn += spans.count(None)
        homes = [None if span is None else number[span[0].idx] for span in spans]
        said = {homes[i] for s, _, o in text.relations for i in (s, o)}
        n_silent += len(sentences) - len(said - {None})
        n_across += sum(homes[s] != homes[o] for s, _, o in text.relations)
    n_texts, n_triples = len(texts), sum(len(text.relations) for text in texts)
    rows = [
        f"{n_texts:,} texts, {n_sentences:,} sentences ({n_sentences / max(1, n_texts):.1f} a text), of which "
        f"{n_silent:,} state nothing",
        f"{n_triples:,} triples, {n_across:,} across sentences; {n_torn} marks do not fit the tokens",
    ]
    for counts in (
        Counter(label for text in texts for _, _, label in text.entities),
        Counter(label for text in texts for _, label, _ in text.relations),
    ):
        rows.append(", ".join(f"{label} {n}" for label, n in counts.most_common()))
    if unused := sorted(set(RELATIONS) - {label for text in texts for _, label, _ in text.relations}):
        rows.append(f"not used: {', '.join(unused)}")
    return "\n".join(rows)


def main() -> None:
    """Check and count the files named on the command line, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders of .txt files")
    parser.add_argument("--out", type=Path, help="file to write, as JSON lines")
    given = parser.parse_args()
    files = [file for path in given.paths for file in (sorted(path.rglob("*.txt")) if path.is_dir() else [path])]
    texts: list[Text] = []
    seen: dict[str, str] = {}
    n_faults = 0
    for file in files:
        for line, text in read_file(file):
            place = f"{file}:{line}"
            faults = list(text.faults)
            for key in filter(None, (text.name, text.text)):
                if seen.setdefault(key, place) != place:
                    faults.append(f"{key[:40]!r} stands also at {seen[key]}")
            for fault in faults:
                sys.stderr.write(without_controls(f"{place}: {text.name}: {fault}") + "\n")
            n_faults += len(faults)
            texts.append(text)
    sys.stdout.write(count(texts) + "\n")
    if n_faults:
        sys.exit(f"{n_faults} faults")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        rows = (json.dumps(text.to_json(), ensure_ascii=False) + "\n" for text in texts)
        given.out.write_text("".join(rows), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
