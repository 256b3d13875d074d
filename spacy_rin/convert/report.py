"""What was kept and what was lost when a file was converted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc

from ..errors import Errors, FileError
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations
from .records import Broken, Record

MAX_EXAMPLES = 10
MAX_BROKEN = 20


class LostAnnotation(NamedTuple):
    """An entity, triple or record that was lost, or left out because it is not valid.

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
        incomplete_docs (int): Number of Docs from whose annotation something was lost, or left out because it is not
            valid. They may seem to state nothing.
        entities (int): Number of distinct entities kept, all of them in `doc.spans["rin"]`.
        triples (int): Number of triples kept.
        duplicate_triples (int): Number of triples left out because the text has the same triple already.
        lost_triples (int): Number of triples lost because one of their entities was lost or broken.
        crossing_triples (int): Number of triples lost because their entities are in different sentences.
        reflexive_triples (int): Number of the kept triples whose subject and object are the same tokens.
        lost_entities (int): Number of entities lost because they are not in the text or cut a token.
        snapped_entities (int): Number of entities widened to whole tokens, or freed from white space at their ends.
        overlapping_entities (int): Number of entities that are in `doc.spans["rin"]` but not in `doc.ents`.
        ignored (Counter[str]): How often each kind of record or annotation was left out that is not for training.
        examples (list[LostAnnotation]): The first ten of the lost entities and the triples across sentences.
        broken (list[LostAnnotation]): Everything that was left out because it is not valid, see `skip_errors`.
        notes (Counter[str]): How the file was read where that could be wrong (what offsets count, which role is the
            subject), and how often.
        source_numbers (list[int]): For each Doc, the number of the text in the file that it was made from.
    """

    format: str = field(default="", compare=False)
    docs: int = 0
    incomplete_docs: int = 0
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
    broken: list[LostAnnotation] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
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
        self.incomplete_docs += bool(
            record.lost_entities or record.lost_triples or record.crossing_triples or record.broken
        )
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
        self.add_broken(record.path or path, record.broken)
        self.source_numbers.append(number)

    def add_broken(self, path: Path, broken: Iterable[Broken]) -> None:
        """Note what is not valid in a record, by its lines.

        Args:
            path (Path): The file of the record.
            broken (Iterable[Broken]): What is not valid.
        """
        found = [LostAnnotation(other or path, line, reason) for line, reason, other in broken]
        self.broken += sorted(found, key=lambda item: _line_number(item.line))


def list_broken(broken: Sequence[LostAnnotation]) -> list[str]:
    """List what is not valid, one a line: the first 20, and how many there are.

    Args:
        broken (Sequence[LostAnnotation]): What is not valid.

    Returns:
        list[str]: The lines.
    """
    lines = [f"{path}:{line}: {reason}" for path, line, reason in broken[:MAX_BROKEN]]
    more = len(broken) - MAX_BROKEN
    return [*lines, f"... and {more:,} more, {len(broken):,} in all"] if more > 0 else lines


def refuse_broken(broken: Sequence[LostAnnotation]) -> FileError:
    """Make the error of a file that is not valid.

    Args:
        broken (Sequence[LostAnnotation]): What is not valid.

    Returns:
        FileError: R030, with the first 20 places.
    """
    path, line, reason = broken[0]
    advice = "Nothing was converted. Mend this, or leave it out with --skip-errors (skip_errors=True)."
    lines = [reason, *list_broken(broken)[1:], advice]
    return FileError(Errors.R030, path=path, line=line, reason="\n".join(lines))


def _line_number(line: str) -> int:
    match = re.search(r"\d+", line)
    return int(match[0]) if match else 0
