"""`spacy rin data`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spacy.cli._util import Arg, Opt

from ._app import coded_errors, rin_cli
from .evaluate import read_train
from .screen import msg, shorten, show_tables

if TYPE_CHECKING:
    from ..evaluation.data_check import DataCheck

SHOWN = 20


@rin_cli.command("data", no_args_is_help=True)
def data_cli(
    data_path: Annotated[Path, Arg(help="File with gold annotation (.spacy), or folder of such files")],
    train_paths: Annotated[
        list[Path] | None,
        Opt("--train", "-t", help="File or folder of training data, to compare with. Can be repeated"),
    ] = None,
    lang: Annotated[str, Opt("--lang", "-l", help="Language code, for the tokenizer")] = "en",
    min_count: Annotated[int, Opt("--min-count", "-m", min=1, help="Labels with fewer examples are rare")] = 10,
    as_json: Annotated[bool, Opt("--json", "-j", help="Print only JSON")] = False,
    strict: Annotated[bool, Opt("--strict", "-s", help="Also exit with code 1 if there are warnings")] = False,
    attr: Annotated[str, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]")] = "relations",
    spans_key: Annotated[str, Opt("--spans-key", "-k", help="Key of all entities, doc.spans[key]")] = "rin",
) -> None:
    """
    Check annotated data: print statistics, and warn of problems for training and scoring.

    Exits with code 1 if training would fail or learn nothing.

    Example: spacy rin data corpus/dev.spacy --train corpus/train.spacy
    """
    import spacy
    import srsly

    from ..convert.docs import blank_pipeline
    from ..evaluation.data_check import check_data
    from ..pipeline.corpus import read_docs

    with coded_errors():
        vocab = spacy.blank("xx").vocab  # its words know what is punctuation
        docs = read_docs(data_path, vocab)
        train = [doc for path in train_paths for doc in read_train(path, vocab)] if train_paths else None
        nlp = blank_pipeline(lang)
        checked = check_data(docs, train, min_count=min_count, attr=attr, spans_key=spans_key, nlp=nlp)
    if as_json:
        typer.echo(srsly.json_dumps({**checked.counts, "findings": [asdict(f) for f in checked.findings]}, indent=2))
    else:
        _show(checked)
    if any(strict or finding.level == "error" for finding in checked.findings):
        raise typer.Exit(1)


def _show(checked: "DataCheck") -> None:
    from ..evaluation.wording import PATTERN_TITLES

    counts = checked.counts
    numbers = {"texts": counts["texts"], "tokens": counts["tokens"]}
    for name, value in counts["tokens_per_text"].items():
        numbers[f"tokens per text, {name}"] = value if counts["texts"] else None
    for name in (
        "entities",
        "entities_without_relations",
        "entities_overlapping",
        "entities_cut",
        "triples",
        "triples_reflexive",
        "triples_across_sentences",
    ):
        numbers[name.replace("_", " ")] = counts[name]
        if name == "entities":
            share = 100 * counts["entities_of_several_tokens"] / counts[name] if counts[name] else None
            numbers["entities of several tokens, %"] = share
    numbers.update({f"triples lost, {name}": value for name, value in counts["triples_lost_by_settings"].items()})
    patterns = {PATTERN_TITLES[name]: value for name, value in counts["texts_per_pattern"].items()}
    tables = [
        _table("all texts", "number", numbers),
        _table("texts by overlap", "texts", patterns),
        _table("texts by triples", "texts", counts["texts_per_count"]),
        _table("texts by tokens", "texts", counts["texts_per_length"]),
        _table("relations", "triples", counts["relations"]),
        _table("types of entities", "entities", counts["entity_labels"]),
        _table("triples by types", "triples", counts["triples_by_types"]),
    ]
    show_tables(*(table for table in tables if len(table) > 1))
    for finding in checked.findings:
        where = ", ".join(map(shorten, finding.where)) + (", ..." if finding.count > len(finding.where) else "")
        title = f"{finding.name}: {finding.count:,}" + (f" ({where})" if finding.where else "")
        if finding.level == "error":
            msg.fail(title, finding.advice)
        else:
            msg.warn(title, finding.advice)
    if not checked.findings:
        msg.good("No problems found")


def _table(title: str, unit: str, values: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Make the rows of a table, the header first. Units are in line with units, and tenths with tenths."""
    rows = [(title, f"{unit}  ")]
    for name, value in list(values.items())[:SHOWN]:
        number = "–" if value is None else f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
        rows.append((name, number if "." in number else f"{number}  "))
    if len(values) > SHOWN:
        rows.append((f"... and {len(values) - SHOWN} more, see --json", ""))
    return rows
