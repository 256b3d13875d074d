"""`spacy rin convert`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, refuse_options, rin_cli
from .screen import echo, msg

if TYPE_CHECKING:
    from ..convert import ConversionReport

FORMATS = (
    "auto, jsonl, prodigy, label_studio, brat, doccano, webanno_tsv, rel_component, spert, jointer, casrel, copy_re, "
    "copy_re_ids, docred, tacred, rebel, unirel, glirel or gliner2"
)


@rin_cli.command("convert", no_args_is_help=True)
def convert_cli(
    input_path: Annotated[Path, Arg(help="File with annotated texts, or folder of brat, WebAnno or .spacy files")],
    output_path: Annotated[Path, Arg(help="File to write, e.g. train.spacy, or folder with --split")],
    format: Annotated[str, Opt("--format", "-f", help=f"Format of the input: {FORMATS}")] = "auto",
    lang: Annotated[str, Opt("--lang", "-l", help="Language code, also for the tokenizer of raw texts")] = "en",
    entity_label: Annotated[str, Opt("--entity-label", "-e", help="Label for entities without a type")] = "ENTITY",
    last_word: Annotated[bool, Opt("--last-word", "-w", help="Reduce each entity to its last token")] = False,
    tagger: Annotated[str | None, Opt("--tagger", "-t", help="Pipeline whose tagger tags untagged texts")] = None,
    attr: Annotated[str, Opt("--attr", "-a", help="Attribute of the relations, doc._.[attr]")] = "relations",
    snap: Annotated[bool, Opt("--snap", "-p", help="Expand entities that split a token to whole tokens")] = False,
    sents: Annotated[bool, Opt("--sents", "-s", help="Create one Doc per sentence")] = False,
    split: Annotated[
        str | None, Opt("--split", "-S", help="Shares of train, dev and maybe test, e.g. 0.8,0.1,0.1")
    ] = None,
    seed: Annotated[int | None, Opt("--seed", help="Random seed of the split. Default: 0")] = None,
    text_field: Annotated[str | None, Opt("--text-field", help="Field of Label Studio's tasks with the text")] = None,
    roles: Annotated[
        list[str] | None, Opt("--roles", help="Roles of subject and object in brat, e.g. From,To (can be repeated)")
    ] = None,
    skip_errors: Annotated[bool, Opt("--skip-errors", help="Leave out what is not valid, and list it")] = False,
    allow_empty: Annotated[bool, Opt("--allow-empty", help="Write texts that have not a single triple")] = False,
) -> None:
    """
    Convert annotated texts with entities and relations to a .spacy file.

    The format is detected from the content of the file. Entities are written to doc.spans["rin"], and to doc.ents
    where they don't overlap. Relations are written to doc._.relations. Entities that can't be aligned with the tokens
    are reported. If anything is not valid, all of it is listed and nothing is written; --skip-errors leaves it out.
    With --split, train.spacy, dev.spacy and test.spacy are written to a folder; with two shares, the first two.
    Sentences of the same text, and identical texts, always go to the same file.

    Example: spacy rin convert webnlg/train.json corpus/train.spacy --format jointer
    """
    from ..convert import convert, split_docs, write_docs, write_parts
    from ..convert.formats import files_of
    from ..convert.split import part_paths
    from ..files import require_targets

    with coded_errors():
        if split is None:
            refuse_options("without --split", {"--seed": seed})
        shares = _shares(split) if split is not None else None
        outputs = [output_path] if shares is None else part_paths(output_path, len(shares))
        require_targets(outputs, files_of(input_path, format))
        docs, report = convert(
            input_path,
            format,
            lang=lang,
            entity_label=entity_label,
            last_word=last_word,
            tagger=tagger,
            attr=attr,
            snap=snap,
            sents=sents,
            text_field=text_field,
            roles=[_pair(names) for names in roles or ()],
            skip_errors=skip_errors,
            allow_empty=allow_empty,
        )
        if shares is None:
            write_docs(docs, output_path)
            written = [(len(docs), output_path)]
        else:
            parts = split_docs(docs, shares, seed=seed or 0, source_numbers=report.source_numbers)
            written = list(zip(map(len, parts), write_parts(parts, output_path)))
    if format != report.format:
        msg.info(f"Recognised the format {report.format}")
    _show_report(report)
    for count, path in written:
        msg.good(f"Wrote {path}" + (f" ({count:,} texts)" if shares is not None else ""))


def _shares(split: str) -> list[float]:
    from ..errors import Errors, SettingError

    try:
        return [float(share) for share in split.split(",")]
    except ValueError:
        raise SettingError(Errors.R040, value=split) from None


def _pair(names: str) -> tuple[str, str]:
    from ..errors import Errors, SettingError

    subject, _, object_ = (name.strip() for name in names.partition(","))
    if not subject or not object_ or "," in object_ or subject == object_:
        raise SettingError(Errors.R010, name="roles", expected="two names, as in From,To", value=names)
    return subject, object_


def _show_report(report: "ConversionReport") -> None:
    from ..convert.report import list_broken

    counts = [
        ("texts", report.docs),
        ("  with annotation that is lost", report.incomplete_docs),
        ("entities", report.entities),
        ("  not in doc.ents (overlap)", report.overlapping_entities),
        ("  moved to whole tokens", report.snapped_entities),
        ("  lost (not aligned)", report.lost_entities),
        ("triples", report.triples),
        ("  with subject = object", report.reflexive_triples),
        ("  lost (not aligned)", report.lost_triples),
        ("  lost (across sentences)", report.crossing_triples),
        ("  duplicates left out", report.duplicate_triples),
        *((f"ignored: {what}", count) for what, count in report.ignored.items()),
        *([("passed over: broken", len(report.broken))] if report.broken else []),
    ]
    msg.table([(name, f"{count:,}") for name, count in counts], aligns=("l", "r"), max_col=80)
    if report.notes:
        msg.info("How the file was read:")
        for what, count in report.notes.items():
            echo(f"{what[0].upper()}{what[1:]}: {count:,}")
    if report.broken:
        msg.warn("Passed over, because it is not valid:")
        for line in list_broken(report.broken):
            echo(line)
    if report.examples:
        total = report.lost_entities + report.crossing_triples
        msg.warn(f"Lost (first {len(report.examples)} of {total}):")
        for lost in report.examples:
            echo(f"{lost.path}:{lost.line}: {lost.reason}")
