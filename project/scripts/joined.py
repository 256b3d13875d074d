"""Score a pipeline on texts joined to longer ones, as in a report of many sentences.

Usage: python scripts/joined.py PIPELINE TEST.spacy [--texts 1,2,4,8]

Texts that stand together in the file are joined, so a file that is ordered by topic gives the hardest joins. No triple
goes from one text to another, so a pipeline that tells them apart scores the same whatever is joined.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language
from spacy.training import Example

from spacy_rin.evaluation import evaluate
from spacy_rin.pipeline.corpus import read_examples
from spacy_rin.pipeline.join import join_examples
from spacy_rin.pipeline.loading import load_pipeline


class Row(NamedTuple):
    """Scores of joined texts, from 0 to 1.

    Attributes:
        texts (int): How many texts are joined.
        f (float): F1 of triples by exact match.
        ece (float | None): Expected calibration error of their probabilities; None if no triples are found.
        confident (float | None): Share of the triples with a probability above 0.9 that are right; None if there are
            none.
    """

    texts: int
    f: float
    ece: float | None
    confident: float | None


def score_joined(nlp: Language, examples: Sequence[Example], n_texts: int) -> Row:
    """Join texts and score them.

    Args:
        nlp (Language): A pipeline with a "rin_joint".
        examples (Sequence[Example]): The texts.
        n_texts (int): How many texts to join; 1 leaves them as they are.

    Returns:
        Row: The scores.
    """
    groups = [examples[start : start + n_texts] for start in range(0, len(examples), n_texts)]
    joined = [join_examples(group) if len(group) > 1 else group[0] for group in groups]
    scores = evaluate(nlp, joined).scores
    calibration = scores["rel_calibration"]
    return Row(n_texts, scores["rel_exact_f"], calibration["ece"], calibration["confident"]["right"])


def main() -> None:
    """Print a table, with a row for each number of texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--texts", default="1,2,4,8", help="how many texts to join")
    args = parser.parse_args()
    nlp = load_pipeline(args.pipeline)
    print("| texts joined | F1, exact | calibration error, % | right of those above 0.9, % |\n|---|---|---|---|")
    for n_texts in map(int, args.texts.split(",")):
        row = score_joined(nlp, read_examples(nlp, args.test), n_texts)
        cells = ("–" if value is None else f"{100 * value:.1f}" for value in row[1:])
        print(f"| {row.texts} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
