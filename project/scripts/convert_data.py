"""Convert the parts of a data set to corpus/<data set>/{train,dev,test}.spacy.

"webnlg_new" is WebNLG with new facts in test: texts of train and dev are left out if they share a pair with test.
"webnlg_names" has the same texts, divided so that some names occur in dev only. Choose by this dev part what should
help on names that training does not show.
"""

import argparse
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
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
        new_facts (bool): Whether to leave out the texts of train and dev that share a pair with test.
        new_names (bool): Whether to divide train and dev anew, so that some names occur in dev only.
    """

    folder: str
    suffix: str
    options: list[str]
    new_facts: bool = False
    new_names: bool = False


# Of data sets with new names: the lowest number of texts in dev. A name in more than MAX_TEXTS texts is never held out.
N_HELD_OUT = 400
MAX_TEXTS = 25

PARTS = ("train", "dev", "test")

DATA_SETS = {
    "sample": DataSet("assets/sample", "jsonl", ["--format", "jsonl"]),
    "webnlg": DataSet("assets/data/webnlg", "json", ["--format", "jointer"]),
    "webnlg_new": DataSet("assets/data/webnlg", "json", ["--format", "jointer"], new_facts=True),
    "webnlg_names": DataSet("assets/data/webnlg", "json", ["--format", "jointer"], new_facts=True, new_names=True),
    "scierc": DataSet("assets/data/scierc", "json", ["--format", "spert"]),
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


def hold_out_names(docs: Sequence[Doc], n_texts: int, max_texts: int) -> tuple[list[Doc], list[Doc]]:
    """Divide texts so that some names, chosen at random, are held out: they occur in the second part only.

    Args:
        docs (Sequence[Doc]): The texts.
        n_texts (int): Lowest number of texts in the second part. It has fewer if there are not enough names.
        max_texts (int): Names in more texts than this are not held out.

    Returns:
        tuple[list[Doc], list[Doc]]: The texts without a name that is held out, and those with one.
    """
    names = [{span.text.lower() for r in get_relations(doc) for span in (r.subject, r.object)} for doc in docs]
    counts = Counter(name for in_text in names for name in in_text)
    rare = sorted(name for name, count in counts.items() if count <= max_texts)
    random.Random(0).shuffle(rare)
    held: set[int] = set()
    for name in rare:
        if len(held) >= n_texts:
            break
        held |= {i for i, in_text in enumerate(names) if name in in_text}
    return [doc for i, doc in enumerate(docs) if i not in held], [docs[i] for i in sorted(held)]


def main(name: str) -> None:
    """Convert a data set.

    Args:
        name (str): A key of `DATA_SETS`.

    Raises:
        CalledProcessError: See `convert_parts`.
    """
    data, target = DATA_SETS[name], Path("corpus", name)
    if not data.new_facts:
        convert_parts(data, target)
        return
    # The whole parts share facts with test, so they must not be taken for the data set if this is stopped.
    with TemporaryDirectory() as folder:
        convert_parts(data, Path(folder))
        vocab = Vocab()
        train, dev, test = (list(read_docs(Path(folder, f"{part}.spacy"), vocab)) for part in PARTS)
    kept = [leave_out_shared(docs, test) for docs in (train, dev)]
    n_before, n_after = len(train) + len(dev), sum(map(len, kept))
    if data.new_names:
        kept = list(hold_out_names([doc for docs in kept for doc in docs], N_HELD_OUT, MAX_TEXTS))
    sys.stdout.write(f"{n_after:,} of {n_before:,} texts of train and dev are kept\n")
    for part, docs in zip(PARTS, [*kept, test], strict=True):
        write_docs(docs, target / f"{part}.spacy")
        n_triples = sum(len(get_relations(doc)) for doc in docs)
        sys.stdout.write(f"{part}: {len(docs):,} texts with {n_triples:,} triples\n")


def convert_parts(data: DataSet, folder: Path) -> None:
    """Convert the files of a data set as they are.

    Args:
        data (DataSet): The data set.
        folder (Path): The folder for train.spacy, dev.spacy and test.spacy.

    Raises:
        CalledProcessError: If a file can't be converted. `spacy rin convert` prints the reason.
    """
    for part in PARTS:
        source, target = f"{data.folder}/{part}.{data.suffix}", str(folder / f"{part}.spacy")
        subprocess.run([sys.executable, "-m", "spacy", "rin", "convert", source, target, *data.options], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=list(DATA_SETS))
    try:
        main(parser.parse_args().data_set)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
