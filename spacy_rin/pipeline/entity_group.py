"""A span group that stays right when tokens are merged or split."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from spacy.tokens import Doc, Span, SpanGroup


def copy_span(span: Span, doc: Doc, start: int, end: int) -> Span:
    """Copy a span, with its label and ids, to tokens of another Doc.

    Args:
        span (Span): The span.
        doc (Doc): The other Doc.
        start (int): Its first token there.
        end (int): The one after its last token.

    Returns:
        Span: The copy.
    """
    return Span(doc, start, end, label=span.label, kb_id=span.kb_id, span_id=span.id)


class EntityGroup(SpanGroup):
    """The entities of a Doc, with their probabilities in `attrs["scores"]`.

    spaCy's span groups keep token positions, which are wrong after a component such as `merge_entities` has merged or
    split tokens. This group also keeps the characters of its spans, by which it finds their tokens again.

    Args:
        doc (Doc): The Doc.
        name (str): Key of the group in `doc.spans`.
        attrs (dict[str, Any] | None): Values to keep with the group.
        spans (Iterable[Span]): The entities.

    Attributes:
        component (str): Name of the component that made the group.
    """

    component = ""

    def __init__(
        self, doc: Doc, *, name: str = "", attrs: dict[str, Any] | None = None, spans: Iterable[Span] = ()
    ) -> None:
        spans = list(spans)
        super().__init__(doc, name=name, attrs=attrs or {}, spans=spans)
        self._places = [_Place.of(span) for span in spans]

    def __iter__(self) -> Iterator[Span]:
        self._realign()  # once: spaCy's loop would call `__getitem__`, and with it this, for each span
        yield from (super(EntityGroup, self).__getitem__(i) for i in range(len(self)))

    def __getitem__(self, index: int) -> Span:
        self._realign()
        return super().__getitem__(index)

    def __setitem__(self, index: int, span: Span) -> None:
        self._realign()
        super().__setitem__(index, span)  # type: ignore[misc]
        self._places[index] = _Place.of(span)

    def __delitem__(self, index: int) -> None:
        spans, attrs = list(self), self.attrs
        index = range(len(spans))[index]
        if len(scores := attrs.get("scores", ())) == len(spans):
            attrs["scores"] = np.delete(scores, index)
        del spans[index]
        # spaCy's own method deletes another span, or breaks the process (explosion/spaCy#13638).
        self.from_bytes(SpanGroup(self.doc, name=self.name, spans=spans).to_bytes())
        self.attrs = attrs

    @property
    def has_overlap(self) -> bool:
        """Whether two of the spans overlap."""
        self._realign()
        overlaps: bool = super().has_overlap
        return overlaps

    def append(self, span: Span) -> None:
        """Add a span.

        Args:
            span (Span): The span.
        """
        self._realign()
        super().append(span)
        self._places.append(_Place.of(span))

    def extend(self, spans: Iterable[Span]) -> None:
        """Add spans.

        Args:
            spans (Iterable[Span]): The spans.
        """
        for span in spans:
            self.append(span)

    def copy(self, doc: Doc | None = None) -> SpanGroup:
        """Return a copy of the group.

        Args:
            doc (Doc | None): The Doc of the copy, by default that of the group.

        Returns:
            SpanGroup: The copy.
        """
        self._realign()
        target = self.doc if doc is None else doc
        spans = [copy_span(span, target, span.start, span.end) for span in self]
        return EntityGroup(target, name=self.name, attrs=dict(self.attrs), spans=spans)

    def to_bytes(self) -> bytes:
        """Serialize the group."""
        self._realign()
        data: bytes = super().to_bytes()
        return data

    def from_bytes(self, bytes_data: bytes) -> "EntityGroup":
        """Read the spans of a group that was serialized.

        Args:
            bytes_data (bytes): What `to_bytes` returned.

        Returns:
            EntityGroup: The group itself.
        """
        super().from_bytes(bytes_data)
        self._places = []
        self._realign()
        return self

    def _realign(self) -> None:
        """Find the tokens of spans whose tokens were merged or split."""
        for i in range(len(self._places), len(self)):  # `+=` adds spans without calling a method of the group
            self._places.append(_Place.of(super().__getitem__(i)))
        for i, place in enumerate(self._places):
            try:
                right = _Place.of(super().__getitem__(i)) == place
            except IndexError:  # the Doc has fewer tokens now
                right = False
            if not right:
                super().__setitem__(i, place.find(self.doc))  # type: ignore[misc]


class _Place(NamedTuple):
    """A span by its characters."""

    start: int
    end: int
    label: int
    kb_id: int
    span_id: int

    @classmethod
    def of(cls, span: Span) -> "_Place":
        # By the tokens, because `start_char` of a span is not updated when tokens change.
        last = span.doc[span.end - 1]
        return cls(span.doc[span.start].idx, last.idx + len(last), span.label, span.kb_id, span.id)

    def find(self, doc: Doc) -> Span | None:
        start, end, label, kb_id, span_id = self
        return doc.char_span(start, end, label, kb_id=kb_id, span_id=span_id, alignment_mode="expand")
