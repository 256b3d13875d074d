"""Convert the parts of a data set to corpus/<data set>/{train,dev,test}.spacy.

Usage: python scripts/convert_data.py {sample,webnlg,webnlg_new,webnlg_star,nyt,nyt_star}

"webnlg_new" is WebNLG with new facts in test: texts of train and dev are left out if they share a pair with test.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_rin.convert import write_docs
from spacy_rin.pipeline.corpus import read_docs
from spacy_rin.relations import get_relations


class DataSet(NamedTuple):
    """The files of a data set, and how to convert them.

    Attributes:
        folder (str): Folder with the files train, dev and test.
        suffix (str): Suffix of the files, without the dot.
        options (list[str]): Options of `spacy rin convert`.
        new (bool): Whether to leave out the texts of train and dev that share a pair with test.
    """

    folder: str
    suffix: str
    options: list[str]
    new: bool = False


DATA_SETS = {
    "sample": DataSet("assets/sample", "jsonl", ["--format", "jsonl"]),
    "webnlg": DataSet("assets/data/webnlg", "json", ["--format", "jointer"]),
    "webnlg_new": DataSet("assets/data/webnlg", "json", ["--format", "jointer"], new=True),
    # These have no part-of-speech tags. The tagger that the command `tagger` trains adds them.
    **{
        name: DataSet(f"assets/data/{name}", "json", ["--format", "casrel", "--tagger", "training/tagger/model-best"])
        for name in ("webnlg_star", "nyt", "nyt_star")
    },
}


def pairs_of(doc: Doc) -> set[frozenset[str]]:
    """Get the texts of subject and object of each triple, without their order."""
    return {frozenset((relation.subject.text, relation.object.text)) for relation in get_relations(doc)}


def leave_out_shared(docs: Iterable[Doc], others: Iterable[Doc]) -> list[Doc]:
    """Leave out the texts that share a pair of subject and object with other texts.

    Args:
        docs (Iterable[Doc]): The texts.
        others (Iterable[Doc]): The other texts.

    Returns:
        list[Doc]: Those of `docs` that share none.
    """
    taken = {pair for doc in others for pair in pairs_of(doc)}
    return [doc for doc in docs if taken.isdisjoint(pairs_of(doc))]


def main(name: str) -> None:
    """Convert a data set.

    Args:
        name (str): A key of `DATA_SETS`.

    Raises:
        CalledProcessError: If a file can't be converted. `spacy rin convert` prints the reason.
    """
    data = DATA_SETS[name]
    for part in ("train", "dev", "test"):
        source, target = f"{data.folder}/{part}.{data.suffix}", f"corpus/{name}/{part}.spacy"
        subprocess.run([sys.executable, "-m", "spacy", "rin", "convert", source, target, *data.options], check=True)
    if data.new:
        folder, vocab = Path("corpus", name), Vocab()
        test = read_docs(folder / "test.spacy", vocab)
        for part in ("train", "dev"):
            docs = read_docs(folder / f"{part}.spacy", vocab)
            kept = leave_out_shared(docs, test)
            write_docs(kept, folder / f"{part}.spacy")
            n_triples = sum(len(get_relations(doc)) for doc in kept)
            sys.stdout.write(f"{part}: {len(kept):,} of {len(docs):,} texts are kept, with {n_triples:,} triples\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in DATA_SETS:
        sys.exit(f"Choose a data set: {', '.join(DATA_SETS)}")
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
