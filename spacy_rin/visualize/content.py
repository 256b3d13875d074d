"""What the pictures show: the entities and relations of Docs, as far as the options ask for them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from spacy.displacy.render import DEFAULT_LABEL_COLORS
from spacy.tokens import Doc, Span
from spacy.util import registry

from ..errors import Errors, SettingError
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations
from .svg import DARK, FONT, PALE, pick

MIN_WIDTH = 200


class DrawnEntity(NamedTuple):
    """An entity: its first character, the one after its last, and its type."""

    start: int
    end: int
    label: str


class Arc(NamedTuple):
    """A relation between two entities."""

    subject: DrawnEntity
    label: str
    object: DrawnEntity
    score: float


class Content(NamedTuple):
    """What a picture shows of a text.

    Attributes:
        span (Span): The text.
        text (str): The text of the whole Doc, which characters are counted in.
        entities (list[DrawnEntity]): In the order of the text, an entity before those inside it.
        arcs (list[Arc]): Relations between them.
    """

    span: Span
    text: str
    entities: list[DrawnEntity]
    arcs: list[Arc]

    def name(self, entity: DrawnEntity) -> str:
        """Get the text of an entity on one line."""
        return " ".join(self.text[entity.start : entity.end].split())


@dataclass(frozen=True)
class Options:
    """How `render` draws. Those of displaCy's that make sense here have its names.

    Attributes:
        ents (Collection[str] | None): Types of entities to show, None for all.
        rels (Collection[str] | None): Relations to show, None for all.
        colors (Mapping[str, str]): Colours of types and of relations, as CSS has them. Others have those of displaCy,
            of `spacy.registry.displacy_colors`, or one that is chosen by the name.
        scores (bool): Whether to write scores beside relations.
        width (float): Width of the picture in pixels: text wraps there. A graph may be wider if it must.
        color (str): Colour of the text.
        bg (str): Colour of the background.
        font (str): Font of the text, as CSS has it.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of entities in `doc.spans`.
    """

    ents: Collection[str] | None = None
    rels: Collection[str] | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    scores: bool = True
    width: float = 900
    color: str = "#1a202c"
    bg: str = "#ffffff"
    font: str = FONT
    attr: str = DEFAULT_ATTR
    spans_key: str = DEFAULT_SPANS_KEY

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Options":
        """Check the options that a user gave.

        Args:
            options (Mapping[str, Any]): The options.

        Returns:
            Options: All options.

        Raises:
            RinError: R070 for an option that does not exist, R010 for a wrong value.
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
        if not isinstance(checked.width, (int, float)) or checked.width < MIN_WIDTH:
            raise SettingError(Errors.R010, name="width", expected=f"at least {MIN_WIDTH}", value=checked.width)
        return checked

    def entity_color(self, label: str) -> str:
        """Get the colour of a type of entities."""
        known = dict(DEFAULT_LABEL_COLORS)
        for colors in registry.displacy_colors.get_all().values():
            known.update(colors() if callable(colors) else colors)
        return self.colors.get(label) or known.get(label.upper()) or pick(PALE, label)

    def relation_color(self, label: str) -> str:
        """Get the colour of a relation."""
        return self.colors.get(label) or pick(DARK, label)


def content_of(part: Doc | Span, options: Options) -> Content:
    """Get what a picture shows of a text.

    Args:
        part (Doc | Span): The document, or a part of it, which has the relations that are wholly inside it.
        options (Options): The options.

    Returns:
        Content: What to show.
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
