"""From Docs to plain values: the entities and triples of a text as what JSON can hold."""

from collections.abc import Iterable, Iterator
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from .component import RINJoint
from .errors import Errors
from .relations import DEFAULT_ATTR, get_relations


def extract(nlp: Language, texts: Iterable[str], **pipe_options: Any) -> Iterator[dict[str, Any]]:
    """Read texts and give what is stated in each.

    nlp (Language): A pipeline with a trained "rin_joint", the first of them if there are several.
    texts (Iterable[str]): The texts.
    **pipe_options: Options of `nlp.pipe`: `batch_size`, `n_process`.
    YIELDS (Dict[str, Any]): `doc_to_json` of each text, in order.
    RAISES (ValueError): R018 if the pipeline has no "rin_joint".
    """
    attr = next((pipe.attr for _, pipe in nlp.pipeline if isinstance(pipe, RINJoint)), None)
    if attr is None:
        raise ValueError(Errors.R018)
    for doc in nlp.pipe(texts, **pipe_options):
        yield doc_to_json(doc, attr=attr)


def doc_to_json(doc: Doc, *, attr: str = DEFAULT_ATTR) -> dict[str, Any]:
    """Write a Doc in the format "jsonl" of `spacy rin convert`, with a score for each relation.

    doc (Doc): The document.
    attr (str): The extension attribute of the relations.
    RETURNS (Dict[str, Any]): {"text", "entities": [[start, end, label], ...], "relations": [[index of the subject,
        label, index of the object], ...], "scores": [...]}, with character offsets, end exclusive.
    """
    relations = get_relations(doc, attr)
    spans = [*doc.ents, *(span for relation in relations for span in (relation.subject, relation.object))]
    entities = sorted({_offsets(span) for span in spans})
    index = {entity: i for i, entity in enumerate(entities)}
    return {
        "text": doc.text,
        "entities": [list(entity) for entity in entities],
        "relations": [[index[_offsets(r.subject)], r.label, index[_offsets(r.object)]] for r in relations],
        "scores": [round(relation.score, 4) for relation in relations],
    }


def _offsets(span: Span) -> tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_
