"""Let the tokenizer of a trained pipeline know dates, ranges of years, footnote marks and tags, as web texts have them.

Usage: python scripts/core_tokenizer.py PIPELINE

spaCy's tokenizer for English cuts "2009-04-01" at its hyphens, and keeps "1931–2004", "Larne.[2]" and "Hale</b>" whole.
A network that learned from clean texts then finds the year alone, or names with marks in them. The pipeline is changed
in place. The rules are stored with it, so that it needs no code.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
RANGE = r"(?<=\d)[–—](?=\d)"
FOOTNOTE = r"\[\d{1,3}\]"
TAG = r"</?[A-Za-z][A-Za-z0-9]*/?>"


def adapt(nlp: Language) -> None:
    """Add the rules to the tokenizer of a pipeline.

    Args:
        nlp (Language): The pipeline.
    """
    tokenizer: Any = nlp.tokenizer
    rules: Any = nlp.Defaults
    tokenizer.prefix_search = compile_prefix_regex([TAG, *rules.prefixes]).search
    tokenizer.suffix_search = compile_suffix_regex([FOOTNOTE, TAG, *rules.suffixes]).search
    tokenizer.infix_finditer = compile_infix_regex([*rules.infixes, RANGE]).finditer
    tokenizer.token_match = re.compile(rf"{ISO_DATE}$").match


def main() -> None:
    """Adapt the pipeline named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    given = parser.parse_args()
    nlp = spacy.load(given.pipeline)
    adapt(nlp)
    nlp.to_disk(given.pipeline)


if __name__ == "__main__":
    main()
