"""Scores of relations: precision, recall and F1 over sets of triples."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.scorer import PRFScore, get_ner_prf
from spacy.tokens import Span
from spacy.training import Example

from .relations import DEFAULT_ATTR, Relation, get_relations, has_relations

Key = tuple[Any, str, Any]


def make_rin_scorer() -> Callable[..., dict[str, Any]]:
    """Make the scorer of the component, which gives it its own `head` and `attr`.

    RETURNS (Callable[[Iterable[Example]], Dict[str, Any]]): The scorer.
    """
    return score


def score(
    examples: Iterable[Example], *, head: str = "last", attr: str = DEFAULT_ATTR, **kwargs: Any
) -> dict[str, Any]:
    """Score entities and relations.

    A triple is right by exact match if its label and the full spans of both entities are, by partial match if its
    label and the heads of both entities are (Sun et al., EMNLP 2020, 5.1). Triples of a Doc are a set. Every gold
    triple that is not predicted is missed, whatever it was lost by: the network, decoding or tokenization. Docs
    whose relations are not annotated are left out.

    examples (Iterable[Example]): Predicted and gold Docs.
    head (str): Token of an entity that a partial match compares, "last" or "first".
    attr (str): The extension attribute of the relations.
    RETURNS (Dict[str, Any]): `rel_exact_p/r/f`, `rel_exact_per_type` (by relation), `rel_partial_p/r/f`, and
        `ents_p/r/f` and `ents_per_type` of `doc.ents`; None where nothing is annotated.
    """
    examples = list(examples)
    exact: dict[str, PRFScore] = {}
    partial_ = PRFScore()
    annotated = [eg for eg in examples if has_relations(eg.reference, attr)]
    for example in annotated:
        gold, predicted = (get_relations(doc, attr) for doc in (example.reference, example.predicted))
        gold_keys, predicted_keys = ({_exact_key(r) for r in relations} for relations in (gold, predicted))
        for label in {key[1] for key in gold_keys | predicted_keys}:
            exact.setdefault(label, PRFScore()).score_set(
                {key for key in predicted_keys if key[1] == label}, {key for key in gold_keys if key[1] == label}
            )
        partial_.score_set({_partial_key(r, head) for r in predicted}, {_partial_key(r, head) for r in gold})
    total = sum(exact.values(), PRFScore())
    scores: dict[str, Any] = {}
    for name, prf in (("rel_exact", total), ("rel_partial", partial_)):
        for letter, value in (("p", prf.precision), ("r", prf.recall), ("f", prf.fscore)):
            scores[f"{name}_{letter}"] = value if annotated else None
    scores["rel_exact_per_type"] = {label: exact[label].to_dict() for label in sorted(exact)} if annotated else None
    scores.update(get_ner_prf(examples))
    return scores


def _exact_key(relation: Relation) -> Key:
    return _chars(relation.subject), relation.label, _chars(relation.object)


def _chars(span: Span) -> tuple[int, int]:
    # Characters compare across tokenizations of the same text.
    return span.start_char, span.end_char


def _partial_key(relation: Relation, head: str) -> Key:
    side = 1 if head == "last" else 0
    return _chars(relation.subject)[side], relation.label, _chars(relation.object)[side]
