"""Write the sample corpus: well-known facts in sentences made from templates, in three parts that share no names.

The output is the same, byte for byte, on every run. Each line of train.jsonl, dev.jsonl and test.jsonl is an object
with the `text` of a sentence, its `entities` as `[start, end, label]` (character offsets, end exclusive) and its
`relations` as `[subject, label, object]` (indices into `entities`).

The facts and templates are in assets/sample/source. A line of facts has one of these forms:

    Person (year of birth): relation Object, Object; relation Object
    relation: Subject > Object, Subject > Object

A lower-case "the " in front of a name is an article, and not part of the name.

A line of templates has the form `sentence | facts`. The variables are filled with names for which all the facts are
true. Each fact whose relation has a label becomes a relation of the sentence. The other facts only add names between
which no relation is annotated.

The lines of other.txt are sentences of other kinds of text, in which names are marked as [name|type]. None of them
states a relation: from them the network learns to be silent. They are in the training part only.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SOURCE = Path(__file__).parents[1] / "assets" / "sample" / "source"
SEED = 20
# Number of sentences in each part: with relations, from test-only templates, with entities only, without entities, of
# other kinds of text.
SIZES = {"train": (436, 0, 46, 18, 141), "dev": (69, 0, 8, 3, 0), "test": (77, 10, 9, 4, 0)}
MIN_TRIPLES = {"train": 30, "dev": 4, "test": 6}
ENTITY_LABELS = ("PERSON", "ORG", "PLACE", "WORK")
PREFIX_SHARE = 0.12
PREFIXES = (
    "As many people know, ",
    "According to most sources, ",
    "Historians agree that ",
    "In fact, ",
    "Indeed, ",
    "It is well known that ",
    "Experts confirm that ",
    "Interestingly, ",
)

# For each relation of facts: types of subject and object, and the label in the corpus ("" for none).
RELATIONS = {
    "born_in": ("PERSON", "PLACE", "born_in"),
    "studied_at": ("PERSON", "ORG", "studied_at"),
    "married_to": ("PERSON", "PERSON", "married_to"),
    "founded": ("PERSON", "ORG", "founded"),
    "led": ("PERSON", "ORG", "led"),
    "wrote": ("PERSON", "WORK", "wrote"),
    "scripted": ("PERSON", "WORK", "wrote"),
    "directed": ("PERSON", "WORK", "directed"),
    "painted": ("PERSON", "WORK", "created"),
    "composed": ("PERSON", "WORK", "created"),
    "based_in": ("ORG", "PLACE", "headquartered_in"),
    "capital_of": ("PLACE", "PLACE", "capital_of"),
    "city_in": ("PLACE", "PLACE", "located_in"),
    "located_in": ("PLACE", "PLACE", "located_in"),
    "died_in": ("PERSON", "PLACE", ""),
    "lived_in": ("PERSON", "PLACE", ""),
    "visited": ("PERSON", "PLACE", ""),
    "taught_at": ("PERSON", "ORG", ""),
    "admired": ("PERSON", "PERSON", ""),
    "met": ("PERSON", "PERSON", ""),
    "starred_in": ("PERSON", "WORK", ""),
    "rivals": ("ORG", "ORG", ""),
    "borders": ("PLACE", "PLACE", ""),
    "set_in": ("WORK", "PLACE", ""),
    "hangs_in": ("WORK", "ORG", ""),
    "birth_year": ("PERSON", "YEAR", ""),
    "release_year": ("WORK", "YEAR", ""),
    "start_year": ("ORG", "YEAR", ""),
}
SYMMETRIC = {"married_to", "met", "rivals", "borders"}
# Relations that follow from a relation in the source files.
IMPLIED = {
    "made": ("directed", "scripted"),
    "ran": ("founded", "led"),
    "city_in": ("city_in", "located_in"),
    "capital_of": ("capital_of", "city_in", "located_in"),
}


class Template(NamedTuple):
    """A sentence pattern, and the facts that must be true for the names in it."""

    pattern: str
    query: tuple[tuple[str, str, str], ...]


class Store(NamedTuple):
    """The facts of a part: pairs of names by relation, and the type and article of each name."""

    facts: dict[str, list[tuple[str, str]]]
    types: dict[str, str]
    articles: dict[str, str]


def read_source(name: str) -> str:
    """Read a text file in `SOURCE`."""
    return (SOURCE / f"{name}.txt").read_text("utf8").strip()


def read_templates(table: str) -> list[Template]:
    """Read templates from lines of the form `sentence | variable relation variable, ...`."""
    templates = []
    for line in table.strip().splitlines():
        pattern, _, facts = line.partition(" | ")
        query = tuple((s, relation, o) for s, relation, o in (fact.split() for fact in facts.split(", ")))
        if {name for s, _, o in query for name in (s, o)} != set(re.findall(r"\{(\w+)\}", pattern)):
            raise ValueError(f"template and its facts use different variables: {line}")
        templates.append(Template(pattern, query))
    return templates


def fact_lines(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield the relation, subject and object of each fact in a table."""
    for line in table.strip().splitlines():
        head, _, rest = line.partition(": ")
        if head in RELATIONS or head in IMPLIED:
            for pair in rest.split(", "):
                subject, _, target = pair.partition(" > ")
                yield head, subject, target
            continue
        subject, _, year = head.removesuffix(")").partition(" (")
        if year:
            yield "birth_year", subject, year
        for clause in rest.split("; "):
            relation, _, targets = clause.partition(" ")
            for target in targets.split(", "):
                yield relation, subject, target


def read_facts(table: str) -> Store:
    """Read the facts of a table, and add the facts that they imply."""
    store = Store({relation: [] for relation in RELATIONS}, {}, {})

    def name_of(phrase: str, label: str) -> str:
        name = phrase.removeprefix("the ")
        article = phrase[: len(phrase) - len(name)]
        if store.types.setdefault(name, label) != label or store.articles.setdefault(name, article) != article:
            raise ValueError(f"{name!r} appears with two types or with and without its article")
        return name

    for given, subject, target in fact_lines(table):
        for relation in IMPLIED.get(given, (given,)):
            subject_label, object_label, _ = RELATIONS[relation]
            pair = name_of(subject, subject_label), name_of(target, object_label)
            if pair in store.facts[relation]:
                raise ValueError(f"fact given twice: {relation} {pair}")
            store.facts[relation].extend([pair, pair[::-1]] if relation in SYMMETRIC else [pair])
    return store


def bindings(template: Template, store: Store, uses: Counter[str], rng: random.Random) -> Iterator[dict[str, str]]:
    """Yield the ways to fill a template with distinct names so that all facts are true, rarely used names first."""
    ranked = {}
    for _, relation, _ in template.query:
        keys = {pair: (uses[pair[0]] + uses[pair[1]], rng.random()) for pair in store.facts[relation]}
        ranked[relation] = sorted(keys, key=keys.__getitem__)

    def extend(bound: dict[str, str], position: int) -> Iterator[dict[str, str]]:
        if position == len(template.query):
            yield bound
            return
        s, relation, o = template.query[position]
        for pair in ranked[relation]:
            new = {**bound, s: pair[0], o: pair[1]}
            consistent = all(new[variable] == name for variable, name in bound.items())
            if consistent and len(set(new.values())) == len(new):
                yield from extend(new, position + 1)

    return extend({}, 0)


def render(template: Template, bound: dict[str, str], store: Store, prefix: str) -> dict[str, Any]:
    """Make an example from a template and the names of its variables."""
    text = prefix
    entities: list[list[Any]] = []
    index: dict[str, int] = {}
    for position, piece in enumerate(re.split(r"\{(\w+)\}", template.pattern)):
        if position % 2 == 0:
            text += piece
            continue
        name = bound[piece]
        text += store.articles[name]
        if store.types[name] in ENTITY_LABELS:
            index[piece] = len(entities)
            entities.append([len(text), len(text) + len(name), store.types[name]])
        text += name
    labelled = ((s, RELATIONS[relation][2], o) for s, relation, o in template.query)
    relations = sorted([index[s], label, index[o]] for s, label, o in labelled if label)
    return {"text": text[0].upper() + text[1:], "entities": entities, "relations": relations}


def generate(templates: list[Template], store: Store, count: int, uses: Counter[str], rng: random.Random) -> list[Any]:
    """Make `count` different examples. Templates and labels are used as evenly as the facts allow."""
    examples: list[dict[str, Any]] = []
    texts: set[str] = set()
    used = [0] * len(templates)
    open_templates = set(range(len(templates)))
    labels: Counter[str] = Counter()

    def rank(number: int) -> tuple[int, int, float]:
        stated = {RELATIONS[relation][2] for _, relation, _ in templates[number].query} - {""}
        return used[number], min((labels[label] for label in stated), default=0), rng.random()

    while len(examples) < count:
        if not open_templates:
            raise ValueError(f"the facts give only {len(examples)} of {count} sentences")
        number = min(sorted(open_templates), key=rank)
        for bound in bindings(templates[number], store, uses, rng):
            example = render(templates[number], bound, store, "")
            if example["text"] not in texts:
                break
        else:
            open_templates.remove(number)
            continue
        texts.add(example["text"])
        if templates[number].pattern.startswith("{") and rng.random() < PREFIX_SHARE:
            example = render(templates[number], bound, store, PREFIXES[int(rng.random() * len(PREFIXES))])
        examples.append(example)
        used[number] += 1
        uses.update(bound.values())
        labels.update(label for _, label, _ in example["relations"])
    return examples


def read_marked(line: str) -> dict[str, Any]:
    """Make an example without relations from a sentence with marked names."""
    text = ""
    entities: list[list[Any]] = []
    for position, piece in enumerate(re.split(r"\[(.+?\|[A-Z]+)\]", line)):
        name, _, label = piece.rpartition("|") if position % 2 else (piece, "", "")
        if label:
            entities.append([len(text), len(text) + len(name), label])
        text += name
    return {"text": text, "entities": entities, "relations": []}


def make_corpus() -> dict[str, list[dict[str, Any]]]:
    """Make all parts of the corpus. Each has its own facts and random order."""
    plain, other = read_source("plain").splitlines(), read_source("other").splitlines()
    corpus = {}
    for part, (related, paraphrased, unrelated, without, of_other_kinds) in SIZES.items():
        rng = random.Random(f"{SEED} {part}")
        store = read_facts(read_source(f"facts_{part}"))
        uses: Counter[str] = Counter()
        examples = []
        for table, count in (("test_templates", paraphrased), ("templates", related), ("unrelated", unrelated)):
            examples += generate(read_templates(read_source(table)), store, count, uses, rng)
        examples += [{"text": text, "entities": [], "relations": []} for text in plain[:without]]
        plain = plain[without:]
        corpus[part] = [*sorted(examples, key=lambda _: rng.random()), *map(read_marked, other[:of_other_kinds])]
        other = other[of_other_kinds:]
    return corpus


def check(corpus: dict[str, list[dict[str, Any]]]) -> None:
    """Check the corpus.

    Args:
        corpus (dict[str, list[dict[str, Any]]]): The examples of each part.

    Raises:
        ValueError: If sentences repeat, parts share names, or an annotation or a count is wrong.
    """
    labels = {label for _, _, label in RELATIONS.values() if label}
    texts = Counter(example["text"] for examples in corpus.values() for example in examples)
    if repeated := [text for text, count in texts.items() if count > 1]:
        raise ValueError(f"duplicate sentences: {repeated}")
    seen: dict[str, str] = {}
    marked: dict[str, str] = {}
    for example in map(read_marked, read_source("other").splitlines()):
        for start, end, label in example["entities"]:
            name = example["text"][start:end]
            if marked.setdefault(name, label) != label:
                raise ValueError(f"{name!r} is marked with two types")
    for part, examples in corpus.items():
        if len(examples) != sum(SIZES[part]):
            raise ValueError(f"{part} has {len(examples)} sentences, not {sum(SIZES[part])}")
        types = {**marked, **read_facts(read_source(f"facts_{part}")).types}
        triples: Counter[str] = Counter()
        for example in examples:
            text, end = example["text"], 0
            for start, stop, label in example["entities"]:
                name = text[start:stop]
                if start < end or types.get(name) != label:
                    raise ValueError(f"{part}: {name!r} is not the {label} it is marked as in {text!r}")
                if seen.setdefault(name, part) != part:
                    raise ValueError(f"{name!r} is a name in {seen[name]} and in {part}")
                end = stop
            for s, label, o in example["relations"]:
                if label not in labels or s == o or not 0 <= min(s, o) <= max(s, o) < len(example["entities"]):
                    raise ValueError(f"{part}: bad relation {[s, label, o]} in {text!r}")
                triples[label] += 1
        if rare := sorted(label for label in labels if triples[label] < MIN_TRIPLES[part]):
            raise ValueError(f"{part} has fewer than {MIN_TRIPLES[part]} triples of {', '.join(rare)}")


def main() -> None:
    """Write the corpus to the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path, help="folder for train.jsonl, dev.jsonl and test.jsonl")
    out_dir = parser.parse_args().out_dir
    corpus = make_corpus()
    check(corpus)
    out_dir.mkdir(parents=True, exist_ok=True)
    for part, examples in corpus.items():
        lines = (json.dumps(example, ensure_ascii=False) + "\n" for example in examples)
        (out_dir / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
