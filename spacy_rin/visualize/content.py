"""Select the entities and relations that a picture shows, and check the options."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from ..errors import Errors, SettingError
from ..markup import color_scheme
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations
from .svg import FONT

MIN_WIDTH, MAX_WIDTH = 200, 1_000_000


class DrawnEntity(NamedTuple):
    """An entity: its start and end (exclusive) in characters, and its type."""

    start: int
    end: int
    label: str


class Arc(NamedTuple):
    """A relation between two entities."""

    subject: DrawnEntity
    label: str
    object: DrawnEntity
    score: float

    @property
    def written_score(self) -> str:
        """The score as it is written. A score of 1, which gold annotation has, says nothing and is not written."""
        return "" if self.score == 1.0 else f"{self.score:.2f}"


class Content(NamedTuple):
    """The content of a picture.

    Attributes:
        span (Span): The text.
        text (str): The text of the whole Doc. Character offsets refer to it.
        entities (list[DrawnEntity]): The entities in text order. An entity comes before the entities inside it.
        arcs (list[Arc]): The relations between the entities.
    """

    span: Span
    text: str
    entities: list[DrawnEntity]
    arcs: list[Arc]

    def name(self, entity: DrawnEntity) -> str:
        """Get the text of an entity, with white space and line breaks collapsed."""
        return " ".join(self.text[entity.start : entity.end].split())


@dataclass(frozen=True)
class Options:
    """Options of `render`. Options that displaCy also has use the same names.

    Attributes:
        ents (Collection[str] | None): Entity types to show, or None for all.
        rels (Collection[str] | None): Relations to show, or None for all.
        colors (Mapping[str, str]): CSS colours of entity types and relations, by label. Other types get the colours of
            displaCy and `spacy.registry.displacy_colors`, unless two of a picture look alike. See `Palette`.
        scores (bool): Whether to write scores beside relations. A score of 1, as in gold annotation, is not written.
        width (float): Width of the picture in pixels. Text wraps at this width. A graph may be wider if it doesn't fit.
        theme (str): "light", "dark", or "auto": the colour scheme that the reader prefers (`prefers-color-scheme`).
        color (str): CSS colour of the text, or "auto" for that of the theme.
        bg (str): CSS colour of the background, or "auto" for that of the theme.
        font (str): CSS font family of the text.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of the entities in `doc.spans`.
    """

    ents: Collection[str] | None = None
    rels: Collection[str] | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    scores: bool = True
    width: float = 900
    theme: str = "auto"
    color: str = "auto"
    bg: str = "auto"
    font: str = FONT
    attr: str = DEFAULT_ATTR
    spans_key: str = DEFAULT_SPANS_KEY

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Options":
        """Check the user's options, and fill in the defaults.

        Args:
            options (Mapping[str, Any]): The user's options, by name.

        Returns:
            Options: All options.

        Raises:
            SettingError: R070 for an unknown option, R010 for a wrong value.
        """
        names = [option.name for option in fields(cls)]
        for name in options:
            if name not in names:
                raise SettingError(Errors.R070, name=name, names=", ".join(names))
        checked = cls(**options)
        for name in ("ents", "rels"):
            value = getattr(checked, name)
            if value is not None and (isinstance(value, str) or not isinstance(value, Collection)):
                raise SettingError(Errors.R010, name=name, expected="a list of labels or None", value=value)
        colors = checked.colors
        if not isinstance(colors, Mapping) or not all(isinstance(color, str) for color in colors.values()):
            raise SettingError(Errors.R010, name="colors", expected="a dict of strings", value=colors)
        for name in ("color", "bg", "font", "attr", "spans_key"):
            if not isinstance(getattr(checked, name), str):
                raise SettingError(Errors.R010, name=name, expected="a string", value=getattr(checked, name))
        color_scheme(checked.theme)
        if not isinstance(checked.width, (int, float)) or not MIN_WIDTH <= checked.width <= MAX_WIDTH:
            expected = f"from {MIN_WIDTH} to {MAX_WIDTH:,}"
            raise SettingError(Errors.R010, name="width", expected=expected, value=checked.width)
        return checked


def content_of(part: Doc | Span, options: Options) -> Content:
    """Select the entities and relations of a text that a picture shows.

    Args:
        part (Doc | Span): The document, or a part of it. For a part, only relations wholly inside it are shown.
        options (Options): The options.

    Returns:
        Content: The content of the picture.
    """
    span, doc = (part[:], part) if isinstance(part, Doc) else (part, part.doc)
    text = doc.text
    arcs = [
        Arc(_entity(relation.subject), relation.label, _entity(relation.object), relation.score)
        for relation in get_relations(doc, options.attr)
        if options.rels is None or relation.label in options.rels
    ]
    spans = [*doc.ents, *doc.spans.get(options.spans_key, ())]
    found = {*map(_entity, spans), *(entity for arc in arcs for entity in (arc.subject, arc.object))}
    shown = {
        entity
        for entity in found
        if span.start_char <= entity.start < entity.end <= span.end_char
        and not text[entity.start : entity.end].isspace()
        and (options.ents is None or entity.label in options.ents)
    }
    return Content(
        span,
        text,
        sorted(shown, key=lambda entity: (entity.start, -entity.end, entity.label)),
        [arc for arc in arcs if arc.subject in shown and arc.object in shown],
    )


def _entity(span: Span) -> DrawnEntity:
    return DrawnEntity(span.start_char, span.end_char, span.label_)
