"""Records turned into Docs, with a report of what was kept and what was lost."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from ..characters import slow_run
from ..errors import Errors, FileError, SettingError
from ..files import write_whole
from ..pipeline.loading import load_pipeline
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations, register_relations, set_relations
from .align import align, cut_sentences
from .formats import AUTO, CONVERTERS, detect_source
from .records import Record, Skipped, Text
from .values import Source, refuse

DEFAULT_ENTITY_LABEL = "ENTITY"
MAX_EXAMPLES = 10


class LostAnnotation(NamedTuple):
    """An entity or triple that was lost.

    Attributes:
        path (Path): Its file.
        line (str): Its place in the file.
        reason (str): Why it was lost.
    """

    path: Path
    line: str
    reason: str


@dataclass
class ConversionReport:
    """What was kept and what was lost of the annotation of a file. Each triple is counted once.

    Attributes:
        format (str): The format of the file.
        docs (int): Number of Docs.
        entities (int): Number of distinct entities kept, all of them in `doc.spans["rin"]`.
        triples (int): Number of triples kept.
        duplicate_triples (int): Number of triples left out because the text has the same triple already.
        lost_triples (int): Number of triples lost because one of their entities was lost.
        crossing_triples (int): Number of triples lost because their entities are in different sentences.
        reflexive_triples (int): Number of the kept triples whose subject and object are the same tokens.
        lost_entities (int): Number of entities lost because they are not in the text or cut a token.
        snapped_entities (int): Number of entities widened to whole tokens.
        overlapping_entities (int): Number of entities that are in `doc.spans["rin"]` but not in `doc.ents`.
        ignored (Counter[str]): How often each kind of record or annotation was left out that is not for training.
        examples (list[LostAnnotation]): The first ten of the lost entities and the triples across sentences.
        source_numbers (list[int]): For each Doc, the number of the text in the file that it was made from.
    """

    format: str = field(default="", compare=False)
    docs: int = 0
    entities: int = 0
    triples: int = 0
    duplicate_triples: int = 0
    lost_triples: int = 0
    crossing_triples: int = 0
    reflexive_triples: int = 0
    lost_entities: int = 0
    snapped_entities: int = 0
    overlapping_entities: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    examples: list[LostAnnotation] = field(default_factory=list)
    source_numbers: list[int] = field(default_factory=list, compare=False, repr=False)

    def add(self, path: Path, number: int, record: Record, doc: Doc, attr: str = DEFAULT_ATTR) -> None:
        """Count a Doc.

        Args:
            path (Path): The input, a file or folder.
            number (int): Number of the text in the input.
            record (Record): The text or sentence that was read.
            doc (Doc): The Doc made from it.
            attr (str): The extension attribute of the relations.
        """
        relations = get_relations(doc, attr)
        self.docs += 1
        self.entities += len(doc.spans[DEFAULT_SPANS_KEY])
        self.triples += len(relations)
        self.duplicate_triples += len(record.relations) - len(relations)
        self.lost_triples += record.lost_triples
        self.crossing_triples += len(record.crossing_triples)
        self.reflexive_triples += sum(
            (r.subject.start, r.subject.end) == (r.object.start, r.object.end) for r in relations
        )
        self.lost_entities += len(record.lost_entities)
        self.snapped_entities += record.snapped_entities
        self.overlapping_entities += len(doc.spans[DEFAULT_SPANS_KEY]) - len(doc.ents)
        self.ignored.update(record.ignored)
        lost = (*record.lost_entities, *record.crossing_triples)
        self.examples += [LostAnnotation(record.path or path, line, reason) for line, reason in lost]
        del self.examples[MAX_EXAMPLES:]
        self.source_numbers.append(number)


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

    Returns:
        tuple[list[Doc], ConversionReport]: The Docs, and what was kept and what was lost.

    Raises:
        SettingError: R010 or R031 if an argument is not valid.
        FileError: R030, R032-R034, R041-R043, R045 or R047 if the file is missing, malformed or empty, or its format
            is not known or does not allow `sents`.
    """
    if format not in (AUTO, *CONVERTERS):
        raise SettingError(Errors.R031, format=format, formats=", ".join((AUTO, *CONVERTERS)))
    if not entity_label:
        raise SettingError(Errors.R010, name="entity_label", expected="a non-empty string", value=entity_label)
    register_relations(attr)
    source, nlp, docs = Source(path), blank_pipeline(lang), []
    path = source.path
    tag = _load_tagger(tagger, nlp) if tagger is not None else None
    report = ConversionReport(format=detect_source(source) if format == AUTO else format)
    for number, item in enumerate(CONVERTERS[report.format](source)):
        if isinstance(item, Skipped):
            report.ignored[item.what] += 1
            continue
        if sents and isinstance(item, Record):
            raise FileError(Errors.R043, path=path, format=report.format)
        if isinstance(item, Text) and (reason := _slow_run(item, nlp)):
            refuse(item.path or path, item.line, reason)
        record = align(item, nlp, snap=snap) if isinstance(item, Text) else item
        for part in cut_sentences(record, nlp.vocab) if sents else [record]:
            if last_word:
                part = replace(part, entities=[(end - 1, end, label) for _, end, label in part.entities])
            doc = make_doc(part, nlp.vocab, entity_label, attr)
            if tag is not None and part.tags is None:
                doc = tag(doc)
            report.add(path, number, part, doc, attr)
            docs.append(doc)
    if not docs:
        if report.ignored:
            counts = ", ".join(f"{count} {what}" for what, count in report.ignored.items())
            raise FileError(Errors.R047, path=path, counts=counts)
        raise FileError(Errors.R032, path=path, format=report.format)
    return docs, report


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


def _slow_run(text: Text, nlp: Language) -> str:
    """Say what a tokenizer by rules would need too long for; empty if it is not used, or there is no such thing."""
    by_rules = text.tokens is None and isinstance(nlp.tokenizer, Tokenizer)
    return slow_run(text.text) if by_rules else ""


def _load_tagger(name: str | Path, nlp: Language) -> Callable[[Doc], Doc]:
    """Load the tagger of a pipeline, and what it needs, with the vocabulary of another pipeline."""
    source = load_pipeline(name, vocab=nlp.vocab)
    if not source.has_pipe("tagger"):
        raise FileError(Errors.R034, path=name, reason="the pipeline has no component 'tagger'")
    pipes = [pipe for pipe_name, pipe in source.pipeline if pipe_name in ("tok2vec", "transformer", "tagger")]
    return lambda doc: reduce(lambda tagged, pipe: pipe(tagged), pipes, doc)


def blank_pipeline(lang: str) -> Language:
    """Make an empty pipeline of a language; SettingError R010 if spaCy does not have it."""
    try:
        return spacy.blank(lang)
    except (ImportError, AttributeError, ValueError) as err:
        expected = "a language code of spaCy, with the packages that its tokenizer needs"
        raise SettingError(Errors.R010, name="lang", expected=expected, value=lang) from err
