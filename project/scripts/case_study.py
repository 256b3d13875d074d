"""Show what a pipeline finds in single texts round by round, beside the annotation if there is one.

Usage: python scripts/case_study.py PIPELINE --texts TEST.spacy --containing WORDS [WORDS ...]
       python scripts/case_study.py PIPELINE TEXT [TEXT ...]

With --texts, the texts of an annotated file are shown that have one of the given strings in them. This prints Markdown.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import NO_FIGURE, markdown
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rin.characters import without_controls
from spacy_rin.page.rounds import found_by_round, rows_of
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.corpus import read_examples
from spacy_rin.pipeline.loading import load_pipeline


def study(nlp: Language, doc: Doc, gold: Doc | None = None) -> list[str]:
    """Show what is found in one text.

    Args:
        nlp (Language): A pipeline with a "rin_joint".
        doc (Doc): The text, without annotation.
        gold (Doc | None): The annotated text, or None if there is no annotation.

    Returns:
        list[str]: Lines of Markdown: the text, and a table with a column for each number of rounds. Entities that all
            columns have are left out.
    """
    _, component = find_component(nlp)
    docs = []
    for rounds in range(component.rounds + 1):
        with component.settings(rounds=rounds):
            docs.append(nlp(doc.copy()))
    header = ["", *(["annotated"] if gold else []), *(f"after {rounds}" for rounds in range(len(docs)))]
    columns = found_by_round([*([gold] if gold else []), *docs], component.attr)
    rows = [[key.text, *(column.get(key, NO_FIGURE) for column in columns)] for key in rows_of(columns)]
    table = markdown(header, rows) if rows else ["No triples are annotated or found."]
    return [*map(without_controls, (f"> {doc.text.strip()}", "", *table, ""))]


def choose(examples: Sequence[Example], parts: Sequence[str]) -> list[Example]:
    """Choose the texts that have one of the given strings in them, in the order of the strings."""
    return [example for part in parts for example in examples if part in example.reference.text]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("text", nargs="*")
    parser.add_argument("--texts", type=Path, help="annotated file (.spacy) to choose texts from")
    parser.add_argument("--containing", nargs="+", default=[], metavar="WORDS", help="what the texts have in them")
    args = parser.parse_args()
    if bool(args.text) == bool(args.texts) or bool(args.texts) != bool(args.containing):
        parser.error("give texts, or --texts with --containing")
    nlp = load_pipeline(args.pipeline)
    for text in args.text:
        sys.stdout.write("\n".join(study(nlp, nlp.make_doc(text))) + "\n")
    if args.texts:
        chosen = choose(read_examples(nlp, args.texts), args.containing)
        if not chosen:
            sys.exit(f"No text of {args.texts} has one of: {', '.join(args.containing)}")
        for example in chosen:
            sys.stdout.write("\n".join(study(nlp, example.predicted, example.reference)) + "\n")


if __name__ == "__main__":
    main()
