"""Reader of brat's standoff format: a .txt file with the text, and an .ann file with its annotation."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

from ..errors import Errors, FileError
from ..files import beside, walk_files
from .quotes import BOM, Mention, QuotedText, squeeze
from .records import Broken, Malformed, Note, Skipped, Triple, attempt, sort_out
from .roles import Directions, RoleRelation, find_directions
from .values import NOT_UTF8, Source, find_bad_line

_T_LINE = re.compile(r"(T\S*)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)", re.DOTALL)
_R_LINE = re.compile(r"R\S*\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*")
_E_LINE = re.compile(r"(E\S*)\t[^\s:]+:(\S+)(?:\s.*)?")
_OTHERS = {
    "E": "events (E)",
    "A": "attributes (A)",
    "M": "attributes (M)",
    "N": "normalizations (N)",
    "#": "notes (#)",
    "*": "equivalences (*)",
}
_ID = re.compile(r"(?:[TREAMN#]\d+|\*)\s")
_LINE_START = re.compile(r"[TREAMN#]\S*\t\S|\*\t\S")


def read_brat(source: Source) -> Iterator[QuotedText | Skipped | Broken | Note]:
    """Read a text with its annotation, or all texts of a folder and its subfolders.

    Args:
        source (Source): A folder, or a .txt or .ann file with the other one beside it.

    Yields:
        QuotedText | Skipped | Broken | Note: Each text, in the order of the file names, and what to know of all.

    Raises:
        SettingError: R010 if no relation has the roles that were chosen.
        FileError: R034 if a file can't be read, R045 if one of the two files of a single text is missing.
    """
    if source.path.is_dir():
        items = list(_read_folder(source))
    else:
        ann, txt = source.beside(".ann"), source.beside(".txt")
        for file in (ann, txt):
            if not file.path.exists():
                raise FileError(Errors.R045, path=file.path)
        items = [_read_pair(ann, txt)]
    files = [item for item in items if isinstance(item, _Annotation)]
    directions, notes = find_directions((r for file in files for r in file.relations), source.options.roles)
    for item in items:
        yield item.to_text(directions) if isinstance(item, _Annotation) else item
    yield from notes
    if events := sum(file.events.get(end) in file.entities for file in files for r in file.relations for end in r.ends):
        yield Note("ends of relations that are events, read as the triggers of these", events)


def is_ann_line(line: str) -> bool:
    """Whether a line looks like one of an .ann file: an id, a tab, and more."""
    return _LINE_START.match(line) is not None


@dataclass
class _Annotation:
    """A text, and the lines of its .ann file.

    Attributes:
        ann (Source): The file.
        text (str): The text.
        name (str): The name of the file of the text.
        entities (dict[str, Mention | Broken]): The entities by id.
        relations (list[RoleRelation]): The relations.
        events (dict[str, str | None]): The id of the trigger of each event; None if there are several.
        ignored (Counter[str]): The number of lines of each kind that is left out.
        broken (list[Broken]): The lines that are not valid.
    """

    ann: Source
    text: str
    name: str
    entities: dict[str, Mention | Broken] = field(default_factory=dict)
    relations: list[RoleRelation] = field(default_factory=list)
    events: dict[str, str | None] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    @cached_property
    def squeezed(self) -> str:
        """The text as it is compared with what annotations quote of it."""
        return squeeze(self.text)

    def to_text(self, directions: Directions) -> QuotedText | Skipped | Broken:
        """Put the lines together."""
        if not self.text.removeprefix(BOM).strip():
            if self.entities or self.broken:
                return Broken("1", f"{self.name} is empty, but here is annotation", self.ann.path)
            return Skipped("empty texts")
        index = {ident: number for number, ident in enumerate(self.entities)}
        triple = partial(self._triple, index=index, directions=directions)
        triples, dangling = sort_out(attempt(relation.line, triple, relation) for relation in self.relations)
        lines = [int(mention.line) for mention in self.entities.values()]
        return QuotedText(
            line=f"1-{max(lines, default=1)}",
            text=self.text,
            mentions=list(self.entities.values()),
            relations=triples,
            path=self.ann.path,
            name=self.name,
            ignored=self.ignored,
            broken=self.broken + dangling,
            is_file=True,
        )

    def _triple(self, relation: RoleRelation, index: dict[str, int], directions: Directions) -> Triple:
        subject, object_ = (self._entity_of(end) for end in relation.ordered(directions))
        return index[subject], relation.label, index[object_]

    def _entity_of(self, ident: str) -> str:
        """Get the entity that an end of a relation stands for: the trigger, if it is an event."""
        entity = self.events.get(ident, ident)
        if entity is None:
            raise Malformed(f"the relation points to {ident}, but there are two annotations {ident}")
        if entity not in self.entities:
            what = f"{ident}, whose trigger {entity}" if entity != ident else ident
            raise Malformed(f"the relation points to {what}, which does not exist among the entities")
        return entity


def _read_folder(folder: Source) -> Iterator[_Annotation | Skipped | Broken]:
    for path in walk_files(folder.path, (".ann", ".txt")):
        if not path.is_file():
            continue
        if path.suffix.lower() == ".ann":
            txt = beside(path, ".txt")
            if txt.is_file():
                yield _read_pair(Source(path), Source(txt))
            else:
                yield Broken("1", f"there is no {txt.name} beside it, the file with the text", path)
        elif not beside(path, ".ann").exists():
            yield Skipped("texts without an .ann file")


def _read_pair(ann: Source, txt: Source) -> _Annotation | Broken:
    if bad_line := find_bad_line(txt.content):
        return Broken(str(bad_line), NOT_UTF8, txt.path)
    read = _Annotation(ann, txt.content, txt.path.name)
    last: str | None = None  # the annotation whose text may go on in the next line
    for number, line in enumerate(ann.content.removeprefix(BOM).split("\n"), 1):
        last = _read_line(read, str(number), line.rstrip("\r"), last)
    return read


def _read_line(read: _Annotation, number: str, line: str, last: str | None) -> str | None:
    """Read a line, and return the id of the annotation whose text may go on in the next one."""
    if not line.strip():
        return last
    if find_bad_line(line):
        _spoil(read, number, line, NOT_UTF8)
    elif match := _T_LINE.fullmatch(line):
        ident, kind, offsets, quoted = match.groups()
        if ident in read.entities:
            _spoil(read, number, line, f"there are two annotations {ident}")
            return None
        bounds = [piece.split() for piece in offsets.split(";")]
        pieces = [(int(start), int(end)) for start, end in bounds]
        read.entities[ident] = Mention(number, ident, pieces, quoted, kind)
        return ident
    elif match := _R_LINE.fullmatch(line):
        label, first_role, first, second_role, second = match.groups()
        read.relations.append(RoleRelation(number, label, (first_role, second_role), (first, second)))
    elif line[:1] in _OTHERS and is_ann_line(line):
        read.ignored[_OTHERS[line[0]]] += 1
        if match := _E_LINE.fullmatch(line):
            event, trigger = match.groups()
            read.events[event] = trigger if read.events.get(event, trigger) == trigger else None
        if line[0] in "N#":
            return line.split("\t", 1)[0]
    elif last is not None and _goes_on(read, last, line):
        mention = read.entities.get(last)
        if isinstance(mention, Mention):
            read.entities[last] = mention._replace(quote=f"{mention.quote}\n{line}")
        return last
    else:
        _spoil(read, number, line, f"this is not a line of brat: {line!r:.100}")
    return None


def _goes_on(read: _Annotation, last: str, line: str) -> bool:
    """Whether a line can belong to the annotation above it: entities and normalizations quote the text, notes don't."""
    return not _ID.match(line) if last.startswith("#") else squeeze(line) in read.squeezed


def _spoil(read: _Annotation, number: str, line: str, reason: str) -> None:
    """Note a line that is not valid. The entity of its id is not clear any more."""
    ident = line.split("\t", 1)[0]
    if ident.startswith("T") and "\t" in line and not isinstance(read.entities.get(ident), Broken):
        read.entities[ident] = Broken(number, reason)
    else:
        read.broken.append(Broken(number, reason))
