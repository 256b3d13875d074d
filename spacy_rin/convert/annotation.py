"""The annotation of a Doc that is exported, whatever the format."""

from typing import NamedTuple

from spacy.tokens import Doc, Span

from .records import Triple


class Annotation(NamedTuple):
    """The annotation of a Doc that is exported.

    Attributes:
        doc (Doc): The Doc.
        entities (list[Span]): The entities, in their order in the text.
        triples (list[Triple]): The relations between them: index of the subject in `entities`, label, index of the
            object.
        probabilities (list[float] | None): Probability of each triple; None if the annotation is gold.
    """

    doc: Doc
    entities: list[Span]
    triples: list[Triple]
    probabilities: list[float] | None
