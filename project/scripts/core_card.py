"""Write the card of a core pipeline into its folder, from its scores on the test part.

Usage: python scripts/core_card.py PIPELINE METRICS.json --name rin_core_sm --version 0.1.0

METRICS.json is what `spacy rin evaluate` writes. The card is `meta.json`, with the scores and all that `spacy package`
needs; `README.md`, which is made from it as spaCy makes it; and `LICENSES_SOURCES`. All three go into the package. What
holds of all core pipelines is in assets/core: meta.json, and card.md for what is told in words.
"""

import argparse
from importlib.metadata import files
from pathlib import Path
from typing import Any

import srsly
from spacy.cli.package import generate_readme

from spacy_rin.evaluation.scorer import Row
from spacy_rin.evaluation.wording import by_count, match_rows, percent, percents

ASSETS = Path(__file__).parents[1] / "assets" / "core"
SCORES = [*(f"{what}_{letter}" for what in ("rel_exact", "ents") for letter in "prf"), "rel_exact_per_type"]
# A package under this license that is always installed with ours, and so has its text.
APACHE = "safetensors"
NOTHING = {"p": 0.0, "r": 0.0, "f": 0.0}


def make_meta(meta: dict[str, Any], scores: dict[str, Any], name: str, version: str) -> dict[str, Any]:
    """Make the meta.json of a pipeline.

    Args:
        meta (dict[str, Any]): The one that training wrote.
        scores (dict[str, Any]): The scores on the test part.
        name (str): Name of the pipeline, without its language.
        version (str): Its version.

    Returns:
        dict[str, Any]: The new one.
    """
    words = (ASSETS / "card.md").read_text("utf8").replace("NAME", f"{meta['lang']}_{name}")
    performance = {key: scores[key] for key in (*SCORES, "ents_per_type")}
    common = srsly.read_json(ASSETS / "meta.json")
    notes = f"{describe_scores(scores)}\n\n{words.strip()}\n"
    return {**meta, **common, "name": name, "version": version, "performance": performance, "notes": notes}


def describe_scores(scores: dict[str, Any]) -> str:
    """Describe scores in Markdown: a table of triples and entities, all together and by label, and the calibration."""
    total = {name: row for name, _, row in match_rows(scores)}
    entities = scores["ents_counts_per_type"]
    entities = {label: {**scores["ents_per_type"].get(label, NOTHING), **row} for label, row in entities.items()}
    rows = [("**all triples**", total["rel_exact"]), *_quoted(scores["rel_exact_per_type"])]
    rows += [("**all entities**", total["ents"]), *_quoted(entities)]
    confident, error = scores["rel_calibration"]["confident"], scores["rel_calibration"]["ece"]
    probabilities = f"The expected calibration error of the probabilities of triples is {percent(error)} %."
    if confident["count"]:
        share = percent(confident["right"])
        probabilities += f" Of the {confident['count']:,} above {confident['from']}, {share} % are right."
    return "\n".join(
        [
            f"### Scores\n\nOn the {scores['texts']:,} texts of the test part, in percent. A triple is right if its",
            "relation and both of its whole entities are.\n",
            "| | precision | recall | F1 | in the test part |",
            "|---|---|---|---|---|",
            *(f"| {' | '.join([title, *percents(row), format(row['gold'], ',')])} |" for title, row in rows),
            f"\n{probabilities}",
        ]
    )


def _quoted(rows: dict[str, Row]) -> list[tuple[str, Row]]:
    return [(f"`{label}`", row) for label, row in by_count(rows)]


def read_apache_license() -> str:
    """Return the text of the Apache license 2.0."""
    paths = [path for path in files(APACHE) or [] if path.name == "LICENSE"]
    if not paths:
        raise FileNotFoundError(f"the package {APACHE} has come without its LICENSE, which the card needs")
    return paths[0].read_text("utf8")


def write_card(folder: Path, metrics: Path, name: str, version: str) -> None:
    """Write the card into the folder of a pipeline.

    Args:
        folder (Path): The folder.
        metrics (Path): The scores on the test part, as JSON.
        name (str): Name of the pipeline, without its language.
        version (str): Its version.
    """
    meta = make_meta(srsly.read_json(folder / "meta.json"), srsly.read_json(metrics), name, version)
    sources = [f"{source['name']}: {source['license']}, {source['url']}" for source in meta["sources"]]
    licenses = "\n".join([*sources, "", "The text of the Apache license:", "", read_apache_license()])
    for file, text in (
        ("meta.json", srsly.json_dumps(meta, indent=2)),
        ("README.md", generate_readme(meta)),
        ("LICENSES_SOURCES", licenses),
    ):
        (folder / file).write_text(text, encoding="utf8", newline="\n")


def main() -> None:
    """Write the card of the pipeline named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    given = parser.parse_args()
    write_card(given.pipeline, given.metrics, given.name, given.version)


if __name__ == "__main__":
    main()
