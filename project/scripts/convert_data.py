"""Convert the parts of a data set to corpus/<data set>/{train,dev,test}.spacy.

Usage: python scripts/convert_data.py {sample,webnlg,webnlg_star,nyt,nyt_star}
"""

import subprocess
import sys
from typing import NamedTuple


class DataSet(NamedTuple):
    """The files of a data set, and how to convert them.

    Attributes:
        folder (str): Folder with the files train, dev and test.
        suffix (str): Suffix of the files, without the dot.
        options (list[str]): Options of `spacy rin convert`.
    """

    folder: str
    suffix: str
    options: list[str]


DATA_SETS = {
    "sample": DataSet("assets/sample", "jsonl", ["--format", "jsonl"]),
    "webnlg": DataSet("assets/data/webnlg", "json", ["--format", "jointer"]),
    # These have no part-of-speech tags. The tagger that the command `tagger` trains adds them.
    **{
        name: DataSet(f"assets/data/{name}", "json", ["--format", "casrel", "--tagger", "training/tagger/model-best"])
        for name in ("webnlg_star", "nyt", "nyt_star")
    },
}


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


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in DATA_SETS:
        sys.exit(f"Choose a data set: {', '.join(DATA_SETS)}")
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
