"""Measure a pipeline of the core corpus on texts that were not written for it.

Usage: python scripts/mapped.py PIPELINE --data {webnlg,nyt} [--limit N]
       python scripts/mapped.py PIPELINE --data {webnlg,nyt} --judge N [--seed N] --out LIST.tsv
       python scripts/mapped.py --judged LIST.tsv
       python scripts/mapped.py PIPELINE --against OTHER --texts FILE.txt

The first form tells how many of the triples of a data set it finds. assets/core/mapping.json says which relations of
the data sets mean the same as ours; triples of other relations do not count. The second form draws triples that it
found, for judging by hand, and prints their texts. The third one reads the verdicts, and tells the precision. The
last one tells how much two pipelines agree, on texts that stand on one line each, or on a data set.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from judged import HEADER, Judged, draw, precision_rows, read_list, write_list
from reports import NO_FIGURE, markdown
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_rin.characters import without_controls
from spacy_rin.convert import convert
from spacy_rin.evaluation.scorer import triples
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.loading import load_pipeline
from spacy_rin.relations import Relation, get_relations

PROJECT = Path(__file__).parents[1]
MAPPING = PROJECT / "assets/core/mapping.json"
FORMATS = {"webnlg": "jointer", "nyt": "casrel"}


class Rule(NamedTuple):
    """What a relation of a data set is in the core corpus.

    Attributes:
        relations (tuple[str, ...]): Our relation; several if one of the data set's is split in ours.
        reversed (bool): Whether our subject is the data set's object.
        excepted (frozenset[str]): Names that make a triple mean something else, as subject or object.
    """

    relations: tuple[str, ...]
    reversed: bool
    excepted: frozenset[str]


class Gold(NamedTuple):
    """A triple of a data set in our terms: any of the relations is right."""

    subject: Span
    relations: tuple[str, ...]
    object: Span


def read_mapping(path: Path, data_set: str) -> dict[str, Rule]:
    """Read the rules for the relations of a data set that mean the same as ours."""
    mapped = json.loads(path.read_text("utf8"))[data_set]["mapped"]
    return {
        name: Rule(tuple(entry["relations"]), entry.get("reversed", False), frozenset(entry.get("except", ())))
        for name, entry in mapped.items()
    }


def map_gold(relations: Iterable[Relation], rules: Mapping[str, Rule]) -> list[Gold]:
    """Put the triples of a text in our terms. Equal ones become one, and those without a rule are left out."""
    gold = {}
    for relation in relations:
        rule = rules.get(relation.label)
        pair = (relation.subject, relation.object)
        if rule and rule.excepted.isdisjoint(span.text for span in pair):
            subject, object_ = reversed(pair) if rule.reversed else pair
            triple = Gold(subject, rule.relations, object_)
            gold[_offsets(subject), rule.relations, _offsets(object_)] = triple
    return list(gold.values())


def normalise(name: str) -> str:
    """Reduce a name to its letters and digits, in lower case and without "the", as data sets space and dot it anew."""
    bare = name.casefold().removeprefix("the ")
    return "".join(filter(str.isalnum, bare)) or name


def _offsets(span: Span) -> tuple[int, int]:
    return span.start_char, span.end_char


def _same_text(left: Span, right: Span) -> bool:
    return normalise(left.text) == normalise(right.text)


def _alike(left: Span, right: Span) -> bool:
    overlap = left.start_char < right.end_char and right.start_char < left.end_char
    return overlap or _same_text(left, right)


# When a name in a triple that was found is the data set's, each looser than the one before.
MATCHES: dict[str, Callable[[Span, Span], bool]] = {
    "exact spans": lambda left, right: _offsets(left) == _offsets(right),
    "same text": _same_text,
    "overlapping": _alike,
}


def count_found(gold: Sequence[Gold], found: Sequence[Relation]) -> Iterator[tuple[str, str]]:
    """Yield what counts towards recall in a text.

    Args:
        gold (Sequence[Gold]): What there is to find.
        found (Sequence[Relation]): What was found.

    Yields:
        tuple[str, str]: The relation of a triple, or several with "or" between, and "gold" or a key of `MATCHES`.
    """
    for subject, labels, object_ in gold:
        name = " or ".join(labels)
        yield name, "gold"
        for match, is_same in MATCHES.items():
            if any(r.label in labels and is_same(r.subject, subject) and is_same(r.object, object_) for r in found):
                yield name, match


def recall_rows(counts: Counter[tuple[str, str]]) -> list[list[str]]:
    """Make the rows of a table of recall: all relations, and each of them, the most frequent first."""
    total: Counter[tuple[str, str]] = Counter()
    for (_, kind), count in counts.items():
        total["all", kind] += count
    both = counts + total
    names = sorted((name for name, kind in both if kind == "gold"), key=lambda name: (-both[name, "gold"], name))
    names = ["all", *(name for name in names if name != "all")]
    return [
        [name, f"{both[name, 'gold']:,}", *(_percent(both[name, match], both[name, "gold"]) for match in MATCHES)]
        for name in names
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else NO_FIGURE


def find(nlp: Language, docs: Iterable[Doc]) -> list[list[Relation]]:
    """Find the triples of texts, whose tokens stay as they are.

    Args:
        nlp (Language): A pipeline with a "rin_joint".
        docs (Iterable[Doc]): The texts. They are not changed, and may be annotated.

    Returns:
        list[list[Relation]]: The distinct triples of each text.
    """
    attr = find_component(nlp)[1].attr
    bare = (Doc(nlp.vocab, [token.text for token in doc], [bool(token.whitespace_) for token in doc]) for doc in docs)
    return [list(triples(doc, attr).values()) for doc in nlp.pipe(bare)]


def list_found(data_set: str, found: Sequence[Sequence[Relation]]) -> list[Judged]:
    """List what was found in the texts of a data set, to be judged."""
    return [
        Judged(data_set, number, r.subject.text, r.label, r.object.text, r.score)
        for number, relations in enumerate(found, 1)
        for r in relations
    ]


def agreement_rows(first: Sequence[Sequence[Relation]], second: Sequence[Sequence[Relation]]) -> list[list[str]]:
    """Compare what two pipelines found in the same texts.

    Args:
        first (Sequence[Sequence[Relation]]): The triples of each text by the one.
        second (Sequence[Sequence[Relation]]): Those by the other.

    Returns:
        list[list[str]]: Rows of all relations, and of each: how many triples the first and the second found, how many
            both found with the same spans, and F1 of one against the other.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for pair in zip(first, second, strict=True):
        one, other = ({(r.label, _offsets(r.subject), _offsets(r.object)) for r in relations} for relations in pair)
        for kind, keys in (("first", one), ("second", other), ("both", one & other)):
            for label, *_ in keys:
                counts[label, kind] += 1
                counts["all", kind] += 1
    sizes = Counter({name: counts[name, "first"] + counts[name, "second"] for name, _ in counts})
    names = ["all", *sorted(sizes.keys() - {"all"}, key=lambda name: (-sizes[name], name))]
    rows = []
    for name in names:
        numbers = (f"{counts[name, kind]:,}" for kind in ("first", "second", "both"))
        rows.append([name, *numbers, _percent(2 * counts[name, "both"], sizes[name])])
    return rows


def read_lines(nlp: Language, path: Path) -> list[Doc]:
    """Read a file with a text on each line; empty lines are left out."""
    return [nlp.make_doc(line) for line in map(str.strip, path.read_text("utf8").split("\n")) if line]


def report_recall(docs: Sequence[Doc], found: Sequence[Sequence[Relation]], rules: Mapping[str, Rule]) -> list[str]:
    """Write a table of recall, as lines of Markdown.

    Args:
        docs (Sequence[Doc]): The texts of a data set, with its triples.
        found (Sequence[Sequence[Relation]]): What was found in each.
        rules (Mapping[str, Rule]): What the relations of the data set are in ours.

    Returns:
        list[str]: The lines.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for doc, relations in zip(docs, found, strict=True):
        counts.update(count_found(map_gold(get_relations(doc), rules), relations))
    table = markdown(["relation", "triples", *(f"recall, {match}" for match in MATCHES)], recall_rows(counts))
    n_gold, n_found = sum(len(get_relations(doc)) for doc in docs), sum(map(len, found))
    return [*table, "", f"{len(docs):,} texts with {n_gold:,} triples of all relations; {n_found:,} triples were found"]


def report_drawn(docs: Sequence[Doc], found: Sequence[Sequence[Relation]], drawn: Sequence[Judged]) -> list[str]:
    """Show the texts of triples that are drawn for judging, each with its number."""
    texts = [
        f"{number}: {without_controls(docs[number - 1].text.strip())}" for number in sorted({row.text for row in drawn})
    ]
    return [*texts, "", f"{len(drawn):,} of {sum(map(len, found)):,} triples are drawn, to be judged by these texts"]


def main() -> None:
    """Print a table, or write a list to judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", nargs="?")
    parser.add_argument("--data", choices=FORMATS, help="data set; its test part is in assets/data")
    parser.add_argument("--texts", type=Path, help="the data set's file elsewhere; without --data a text on each line")
    parser.add_argument("--limit", type=int, help="how many texts to read at the most")
    parser.add_argument("--seed", type=int, default=0, help="seed of what is drawn")
    parser.add_argument("--out", type=Path, help="file for what is drawn, .tsv")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--judge", type=int, metavar="N", help="draw N triples for judging")
    forms.add_argument("--judged", type=Path, metavar="LIST", help="a list that is judged")
    forms.add_argument("--against", metavar="OTHER", help="another pipeline")
    args = parser.parse_args()
    if args.judged:
        try:
            lines = markdown(HEADER, precision_rows(read_list(args.judged)))
        except (OSError, ValueError) as error:
            sys.exit(str(error))
        sys.stdout.write("\n".join(lines) + "\n")
        return
    if not args.pipeline or not (args.data or (args.against and args.texts)):
        parser.error("give a pipeline and --data, or --against with --data or --texts, or --judged alone")
    if (args.judge is None) != (args.out is None):
        parser.error("give --judge and --out together")
    if args.out and args.out.exists():
        parser.error(f"{args.out} is there already, and may have verdicts")
    nlp = load_pipeline(args.pipeline)
    if args.data:
        docs, _ = convert(args.texts or PROJECT / f"assets/data/{args.data}/test.json", FORMATS[args.data])
    else:
        docs = read_lines(nlp, args.texts)
    docs = docs[: args.limit]
    found = find(nlp, docs)
    if args.against:
        rows = agreement_rows(found, find(load_pipeline(args.against), docs))
        lines = markdown(["relation", args.pipeline, args.against, "both", "F1"], rows)
    elif args.out:
        drawn = draw(list_found(args.data, found), args.judge, args.seed)
        write_list(args.out, drawn)
        lines = report_drawn(docs, found, drawn)
    else:
        lines = report_recall(docs, found, read_mapping(MAPPING, args.data))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
