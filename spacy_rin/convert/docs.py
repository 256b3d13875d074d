"""Records turned into Docs, with a report of what was kept and what was lost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from ..characters import slow_run
from ..errors import Errors, FileError, SettingError, require_setting
from ..files import write_whole
from ..pipeline.loading import load_pipeline
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, register_relations, set_relations
from . import quotes, surfaces
from .align import align, cut_sentences
from .formats import AUTO, CONVERTERS, detect_source, require_file
from .records import Broken, Note, Record, Skipped, Text, is_text
from .report import ConversionReport, refuse_broken
from .values import Options, Source

DEFAULT_ENTITY_LABEL = "ENTITY"

Item = Record | Text | Skipped | Broken | Note


def convert(
    path: str | Path,
    format: str = AUTO,
    *,
    lang: str = "en",
    entity_label: str = DEFAULT_ENTITY_LABEL,
    last_word: bool = False,
    tagger: str | Path | None = None,
    attr: str = DEFAULT_ATTR,
    snap: bool = False,
    sents: bool = False,
    text_field: str | None = None,
    roles: Sequence[tuple[str, str]] = (),
    skip_errors: bool = False,
    allow_empty: bool = True,
) -> tuple[list[Doc], ConversionReport]:
    """Read a file of annotated texts into Docs.

    Args:
        path (str | Path): The file; a folder if the format is "brat".
        format (str): The format, a key of `CONVERTERS`, or "auto" to recognise it.
        lang (str): Language code of the vocabulary, and of the tokenizer if the texts are not tokenised.
        entity_label (str): Label of the entities that have no type.
        last_word (bool): Whether to reduce each entity to its last token, as the papers do for partial match.
        tagger (str | Path | None): A pipeline whose tagger tags the texts that have no tags.
        attr (str): The extension attribute of the relations.
        snap (bool): Whether to widen entities that cut a token to whole tokens, instead of losing them. No effect if
            the texts are tokenised.
        sents (bool): Whether to make a Doc of each sentence. An entity is never cut. Not possible if the texts are
            tokenised.
        text_field (str | None): The field of the tasks of Label Studio that holds the text; None for "text", or else
            the only string.
        roles (Sequence[tuple[str, str]]): Pairs of roles of brat's relations, each with the subject's first, e.g.
            [("From", "To")]. Without it, the subject is found by the names and the order of the roles.
        skip_errors (bool): Whether to leave out what is not valid (entities, relations, records), and to list it in
            the report, instead of failing.
        allow_empty (bool): Whether Docs without a single triple are a result, and not an error. On the command line,
            they are an error by default.

    Returns:
        tuple[list[Doc], ConversionReport]: The Docs, and what was kept and what was lost.

    Raises:
        SettingError: R010, R031 or R037 if an argument is not valid.
        FileError: R030, R032-R034, R041-R043, R045, R047 or R049 if the file is missing, malformed or empty, or its
            format is not known or does not allow `sents`. R030 lists all that is not valid.
    """
    if format not in (AUTO, *CONVERTERS):
        raise SettingError(Errors.R031, format=format, formats=", ".join((AUTO, *CONVERTERS)))
    if not entity_label:
        raise SettingError(Errors.R010, name="entity_label", expected="a non-empty string", value=entity_label)
    register_relations(attr)
    source, nlp, docs = Source(path, Options(text_field, _pairs(roles))), blank_pipeline(lang), []
    path = source.path
    tag = _load_tagger(tagger, nlp) if tagger is not None else None
    report = ConversionReport(format=detect_source(source) if format == AUTO else format)
    require_file(path, report.format)
    _check_options(report.format, source.options)
    for number, item in enumerate(read(source, report.format)):
        if isinstance(item, Skipped):
            report.ignored[item.what] += 1
            continue
        if isinstance(item, Broken):
            report.add_broken(path, [item])
            continue
        if isinstance(item, Note):
            report.notes[item.what] += item.number
            continue
        if sents and isinstance(item, Record):
            raise FileError(Errors.R043, path=path, format=report.format)
        if isinstance(item, Text) and (reason := slow_text(item, nlp)):
            report.add_broken(path, [Broken(item.line, reason, item.path)])
            continue
        record = align(item, nlp, snap=snap) if isinstance(item, Text) else item
        for part in cut_sentences(record, nlp.vocab) if sents else [record]:
            if last_word:
                part = replace(part, entities=[(end - 1, end, label) for _, end, label in part.entities])
            doc = make_doc(part, nlp.vocab, entity_label, attr)
            if tag is not None and part.tags is None:
                doc = tag(doc)
            report.add(path, number, part, doc, attr)
            docs.append(doc)
    if report.broken and not skip_errors:
        raise refuse_broken(report.broken)
    if not docs:
        if report.ignored or report.broken:
            raise FileError(Errors.R047, path=path, counts=_count_left_out(report))
        raise FileError(Errors.R032, path=path, format=report.format)
    if not report.triples and not allow_empty:
        raise FileError(Errors.R049, path=path, texts=report.docs, counts=_count_left_out(report))
    return docs, report


def read(source: Source, format: str) -> Iterator[Item]:
    """Read a file of annotated texts as it is, without making Docs.

    Args:
        source (Source): The file; a folder if the format is "brat".
        format (str): The format, a key of `CONVERTERS`.

    Yields:
        Item: The texts, what is left out, what is not valid, and how the file was read.

    Raises:
        FileError: R030, R033, R034 or R045 if the file as a whole can't be read.
    """
    # Both look at the file as a whole.
    yield from surfaces.place(quotes.place(CONVERTERS[format](source)))


def make_doc(record: Record, vocab: Vocab, entity_label: str = DEFAULT_ENTITY_LABEL, attr: str = DEFAULT_ATTR) -> Doc:
    """Make the Doc of a record, with entities in `doc.spans["rin"]` and `doc.ents` and relations in `doc._.relations`.

    Args:
        record (Record): The record.
        vocab (Vocab): The vocabulary of the Doc.
        entity_label (str): Label of the entities that have no type.
        attr (str): The extension attribute of the relations.

    Returns:
        Doc: The Doc. It counts as annotated even if the record has no entities and relations.
    """
    doc = Doc(vocab, words=record.words, spaces=record.spaces, tags=record.tags)
    entities = [(start, end, label or entity_label) for start, end, label in record.entities]
    # The sort is stable: if the same tokens have two types, `doc.ents` gets the first one.
    spans = {key: Span(doc, *key) for key in sorted(dict.fromkeys(entities), key=lambda entity: entity[:2])}
    doc.spans[DEFAULT_SPANS_KEY] = list(spans.values())
    doc.set_ents(filter_spans(spans.values()), default="outside")
    triples = dict.fromkeys((entities[s], label, entities[o]) for s, label, o in record.relations)
    set_relations(doc, [(spans[s], label, spans[o]) for s, label, o in triples], attr)
    return doc


def write_docs(docs: Iterable[Doc], path: str | Path) -> None:
    """Write Docs with their relations to a .spacy file. If that fails, the file stays as it was.

    Args:
        docs (Iterable[Doc]): The Docs.
        path (str | Path): The file. Missing folders are created.

    Raises:
        FileError: R034 if it can't be written.
    """
    with write_whole(path) as unfinished:
        DocBin(docs=docs, store_user_data=True).to_disk(unfinished)


def slow_text(text: Text, nlp: Language) -> str:
    """Say what a tokenizer by rules would need too long for.

    Args:
        text (Text): The text.
        nlp (Language): The pipeline with the tokenizer.

    Returns:
        str: What is wrong with the text; empty if nothing is, or the tokenizer is not used.
    """
    by_rules = text.tokens is None and isinstance(nlp.tokenizer, Tokenizer)
    return slow_run(text.text) if by_rules else ""


def _pairs(roles: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Check pairs of roles, and make tuples of them."""
    valid = isinstance(roles, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == len(set(pair)) == 2 and all(map(is_text, pair))
        for pair in roles
    )
    expected = "a list of pairs of two roles, each with the subject's first, e.g. [('From', 'To')]"
    require_setting("roles", roles, valid, expected)
    return [(subject, object_) for subject, object_ in roles]


def _check_options(format: str, options: Options) -> None:
    """Refuse options that have no effect on the format."""
    for name, value, owner in (("text_field", options.text_field, "label_studio"), ("roles", options.roles, "brat")):
        if value and format != owner:
            expected = f"left out, because the format is '{format}': only '{owner}' has it"
            raise SettingError(Errors.R010, name=name, expected=expected, value=value)


def _count_left_out(report: ConversionReport) -> str:
    """Say what of a file was not kept."""
    counts = {
        **report.ignored,
        "broken records or annotations": len(report.broken),
        "lost entities": report.lost_entities,
        "lost triples": report.lost_triples + report.crossing_triples,
    }
    examples = [f"{path}:{line}: {reason}" for path, line, reason in report.examples]
    return "\n".join([", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing", *examples])


def _load_tagger(name: str | Path, nlp: Language) -> Callable[[Doc], Doc]:
    """Load the tagger of a pipeline, and what it needs, with the vocabulary of another pipeline."""
    source = load_pipeline(name, vocab=nlp.vocab)
    if not source.has_pipe("tagger"):
        raise FileError(Errors.R034, path=name, reason="the pipeline has no component 'tagger'")
    pipes = [pipe for pipe_name, pipe in source.pipeline if pipe_name in ("tok2vec", "transformer", "tagger")]
    return lambda doc: reduce(lambda tagged, pipe: pipe(tagged), pipes, doc)


def blank_pipeline(lang: str) -> Language:
    """Make an empty pipeline of a language; SettingError R037 if spaCy has none, or lacks a package for it."""
    try:
        return spacy.blank(lang)
    except (ImportError, AttributeError, ValueError) as err:
        raise SettingError(Errors.R037, lang=lang, reason=" ".join(str(err).split())) from err
