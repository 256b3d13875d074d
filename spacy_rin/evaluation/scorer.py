"""Scores of relations: precision, recall and F1 over sets of triples, and the kinds of what is wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.scorer import PRFScore, get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations

Key = tuple[Any, str, Any]
Row = dict[str, Any]

PATTERNS = ("normal", "seo", "epo", "none")
COUNTS = ("0", "1", "2", "3", "4", "5+")
LENGTHS = ("1-10", "11-20", "21-30", "31-40", "41-50", "51+")


def make_rin_scorer() -> Callable[..., dict[str, Any]]:
    """Make the scorer of the component, which gives it its own `head` and `attr`.

    Returns:
        Callable[[Iterable[Example]], dict[str, Any]]: The scorer.
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

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        head (str): Token of an entity that a partial match compares, "last" or "first".
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, Any]: `rel_exact_p/r/f`, `rel_exact_per_type` (by relation), `rel_partial_p/r/f`, and
            `ents_p/r/f` and `ents_per_type` of `doc.ents`; None where nothing is annotated.
    """
    examples = list(examples)
    annotated = _annotated(examples, attr)
    scores: dict[str, Any] = {}
    for name in ("rel_exact", "rel_partial"):
        prf = _score_match(annotated, MATCHES[name], head, attr)
        for letter, value in prf.to_dict().items():
            scores[f"{name}_{letter}"] = value if annotated else None
    per_type = _score_per_type(annotated, attr)
    scores["rel_exact_per_type"] = {label: prf.to_dict() for label, prf in per_type.items()} if annotated else None
    scores.update(get_ner_prf(examples))
    return scores


def score_matches(
    examples: Iterable[Example], *, head: str = "last", attr: str = DEFAULT_ATTR, spans_key: str = DEFAULT_SPANS_KEY
) -> dict[str, Row]:
    """Score relations by all criteria, and entities.

    `rel_exact` and `rel_partial` are those of `score`; `rel_pairs` ignores the label, so that a pair of whole entities
    counts once. Each with `_typed` also compares the types of both entities. `ents_all` compares all entities with
    their types, also those that overlap.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        head (str): Token of an entity that a partial match compares, "last" or "first".
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.

    Returns:
        dict[str, Row]: For each criterion, what `to_row` says.
    """
    annotated = _annotated(examples, attr)
    rows = {name: to_row(_score_match(annotated, key, head, attr)) for name, key in MATCHES.items()}
    entities = PRFScore()
    for example in annotated:
        gold, predicted = (entity_keys(doc, spans_key, attr) for doc in (example.reference, example.predicted))
        entities.score_set(predicted, gold)
    rows["ents_all"] = to_row(entities)
    return rows


def score_groups(examples: Iterable[Example], *, attr: str = DEFAULT_ATTR) -> dict[str, dict[str, Row]]:
    """Score relations by exact match within groups.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, dict[str, Row]]: `rel_exact_per_type`, by relation, and by groups of texts
            `rel_exact_per_pattern`, `rel_exact_per_count`, `rel_exact_per_length`, as `text_groups` says; the rows of
            these have "texts", too.
    """
    annotated = _annotated(examples, attr)
    per_type = {label: to_row(prf) for label, prf in _score_per_type(annotated, attr).items()}
    groups: dict[str, dict[str, PRFScore]] = {name: {} for name in GROUPS}
    texts: dict[str, Counter[str]] = {name: Counter() for name in GROUPS}
    for example in annotated:
        gold, predicted = (set(triples(doc, attr)) for doc in (example.reference, example.predicted))
        for name, members in text_groups(example.reference, attr).items():
            for member in members:
                groups[name].setdefault(member, PRFScore()).score_set(predicted, gold)
                texts[name][member] += 1
    return {
        "rel_exact_per_type": per_type,
        **{
            f"rel_exact_{name}": {
                member: {"texts": texts[name][member], **to_row(groups[name][member])}
                for member in order
                if member in groups[name]
            }
            for name, order in GROUPS.items()
        },
    }


def text_groups(doc: Doc, attr: str = DEFAULT_ATTR) -> dict[str, Sequence[str]]:
    """Return the groups that a gold Doc belongs to.

    Args:
        doc (Doc): The Doc.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, Sequence[str]]: "per_pattern", see `overlap_patterns`; "per_count", its number of distinct
            triples; "per_length", its number of tokens.
    """
    keys = triples(doc, attr)
    length = next((name for name in LENGTHS[:-1] if len(doc) <= int(name.split("-")[1])), LENGTHS[-1])
    return {
        "per_pattern": overlap_patterns(keys),
        "per_count": [COUNTS[min(len(keys), len(COUNTS) - 1)]],
        "per_length": [length],
    }


GROUPS = {"per_pattern": PATTERNS, "per_count": COUNTS, "per_length": LENGTHS}


def overlap_patterns(keys: Iterable[Key]) -> list[str]:
    """Return how the triples of a text overlap (Zeng et al., ACL 2018, as CasRel's evaluation counts them).

    Args:
        keys (Iterable[Key]): Distinct triples: subject, label, object.

    Returns:
        list[str]: "normal" if no entity is in two places of triples; "epo" (entity pair overlap) if two triples
            have the same subject and object; "seo" (single entity overlap) if two pairs share an entity, or a pair is
            an entity with itself. A text may be both "seo" and "epo". "none" if it has no triples.
    """
    pairs = [(subject, object_) for subject, _, object_ in keys]
    if not pairs:
        return ["none"]
    distinct = set(pairs)
    shared = len({entity for pair in distinct for entity in pair}) < 2 * len(distinct)
    patterns = ["seo"] * shared + ["epo"] * (len(distinct) < len(pairs))
    return patterns or ["normal"]


def to_row(prf: PRFScore) -> Row:
    """Write a score with its counts: {"p", "r", "f", "gold", "predicted", "right"}; shares from 0 to 1."""
    return {**prf.to_dict(), "gold": prf.tp + prf.fn, "predicted": prf.tp + prf.fp, "right": prf.tp}


def triples(doc: Doc, attr: str = DEFAULT_ATTR) -> dict[Key, Relation]:
    """Get the distinct triples of a Doc by exact match, the most probable of those that are the same.

    Args:
        doc (Doc): The Doc.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[Key, Relation]: Triples by whole subject, label and whole object, in character offsets.
    """
    found: dict[Key, Relation] = {}
    for relation in get_relations(doc, attr):
        key = _exact_key(relation)
        if key not in found or found[key].score < relation.score:
            found[key] = relation
    return found


def entity_keys(doc: Doc, spans_key: str = DEFAULT_SPANS_KEY, attr: str = DEFAULT_ATTR) -> set[tuple[int, int, str]]:
    """Get all entities of a Doc: those of `doc.spans`, `doc.ents` and relations.

    Args:
        doc (Doc): The Doc.
        spans_key (str): Key of the entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        set[tuple[int, int, str]]: Start and end (exclusive) in characters, and type.
    """
    relations = get_relations(doc, attr)
    arguments = (span for relation in relations for span in (relation.subject, relation.object))
    return {(*characters_of(span), span.label_) for span in (*doc.spans.get(spans_key, ()), *doc.ents, *arguments)}


def _annotated(examples: Iterable[Example], attr: str) -> list[Example]:
    return [example for example in examples if has_relations(example.reference, attr)]


def _score_match(examples: Iterable[Example], key: "MatchKey", head: str, attr: str) -> PRFScore:
    prf = PRFScore()
    for example in examples:
        gold, predicted = (
            {key(relation, head) for relation in get_relations(doc, attr)}
            for doc in (example.reference, example.predicted)
        )
        prf.score_set(predicted, gold)
    return prf


def _score_per_type(examples: Iterable[Example], attr: str) -> dict[str, PRFScore]:
    per_type: dict[str, PRFScore] = {}
    for example in examples:
        gold, predicted = (set(triples(doc, attr)) for doc in (example.reference, example.predicted))
        for label in {key[1] for key in gold | predicted}:
            per_type.setdefault(label, PRFScore()).score_set(
                {key for key in predicted if key[1] == label}, {key for key in gold if key[1] == label}
            )
    return dict(sorted(per_type.items()))


def characters_of(span: Span) -> tuple[int, int]:
    # Characters compare across tokenizations of the same text.
    return span.start_char, span.end_char


def _exact_key(relation: Relation, head: str = "") -> Key:
    return characters_of(relation.subject), relation.label, characters_of(relation.object)


def _partial_key(relation: Relation, head: str) -> Key:
    side = 1 if head == "last" else 0
    return characters_of(relation.subject)[side], relation.label, characters_of(relation.object)[side]


def pair_key(relation: Relation, head: str = "") -> Key:
    return characters_of(relation.subject), "", characters_of(relation.object)


MatchKey = Callable[[Relation, str], Any]


def _typed(key: MatchKey) -> MatchKey:
    return lambda relation, head: (key(relation, head), relation.subject.label, relation.object.label)


MATCHES: dict[str, MatchKey] = {
    f"{name}{suffix}": typed(key)
    for name, key in (("rel_exact", _exact_key), ("rel_partial", _partial_key), ("rel_pairs", pair_key))
    for suffix, typed in (("", lambda key: key), ("_typed", _typed))
}
