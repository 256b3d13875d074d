"""Score relations: precision, recall and F1 over sets of triples."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.scorer import PRFScore, get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations

Key = tuple[Any, str, Any]
TextTriple = tuple[str, str, str]  # texts of subject and object around the label
Row = dict[str, Any]

PATTERNS = ("normal", "seo", "epo", "none")
COUNTS = ("0", "1", "2", "3", "4", "5+")
LENGTHS = ("1-10", "11-20", "21-30", "31-40", "41-50", "51+")


def make_rin_scorer() -> Callable[..., dict[str, Any]]:
    """Make the scorer of the component. The component passes its settings `head` and `attr` to it.

    Returns:
        Callable[[Iterable[Example]], dict[str, Any]]: The scorer.
    """
    return score


def score(
    examples: Iterable[Example], *, head: str = "last", attr: str = DEFAULT_ATTR, **kwargs: Any
) -> dict[str, Any]:
    """Score entities and relations.

    By exact match, a triple is right if its label and the full spans of both entities are right. By partial match, its
    label and the heads of both entities must be right (Sun et al., EMNLP 2020, 5.1). Each triple of a Doc counts once.
    Gold triples that tokenization or decoding loses count as missed. For the scores of relations, Docs without
    annotated relations are skipped.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        head (str): Token of an entity that a partial match compares, "last" or "first".
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, Any]: `rel_exact_p/r/f`, `rel_exact_per_type` (by relation), `rel_partial_p/r/f`, and
            `ents_p/r/f` and `ents_per_type` of `doc.ents`. None where nothing is annotated.
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
    """Score relations by all criteria, and all entities.

    `rel_exact` and `rel_partial` are the same as in `score`. `rel_pairs` ignores the label, so each pair of whole
    entities counts once. `rel_text` compares entities by their texts, wherever they stand in a Doc, as the released
    code of OneRel (Shang et al., AAAI 2022) does. The criteria with the suffix `_typed` also compare the types of both
    entities. `ents_all` compares all entities and their types, including entities that overlap.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        head (str): Token of an entity that a partial match compares, "last" or "first".
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.

    Returns:
        dict[str, Row]: The row of each criterion, see `to_row`.
    """
    annotated = _annotated(examples, attr)
    rows = {name: to_row(_score_match(annotated, key, head, attr)) for name, key in MATCHES.items()}
    entities = PRFScore()
    for example in annotated:
        gold, predicted = (entity_keys(doc, spans_key, attr) for doc in (example.reference, example.predicted))
        entities.score_set(predicted, gold)
    rows["ents_all"] = to_row(entities)
    return rows


def score_entities(examples: Iterable[Example]) -> tuple[Row, dict[str, Row]]:
    """Score `doc.ents` as spaCy does, with the counts that spaCy does not tell.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs. Those without annotated entities are skipped.

    Returns:
        tuple[Row, dict[str, Row]]: The row of all entities, and the row of each type, see `to_row`.
    """
    per_type: defaultdict[str, PRFScore] = defaultdict(PRFScore)
    for example in examples:
        gold_doc = example.reference
        if not gold_doc.has_annotation("ENT_IOB"):
            continue
        to_gold = example.alignment.x2y  # it is checked anew each time that an Example is asked for it
        missed = {(ent.label_, ent.start, ent.end) for ent in gold_doc.ents}
        for ent in example.predicted.ents:
            tokens = to_gold[ent.start : ent.end]
            # Where the annotation is missing, a prediction is neither right nor wrong.
            if len(tokens) and all(token.ent_iob for token in gold_doc[tokens[0] : tokens[-1] + 1]):
                key = (ent.label_, int(tokens[0]), int(tokens[-1]) + 1)
                per_type[ent.label_] += PRFScore(tp=int(key in missed), fp=int(key not in missed))
                missed.discard(key)
        for label, *_ in missed:
            per_type[label] += PRFScore(fn=1)
    return to_row(sum(per_type.values(), PRFScore())), {label: to_row(prf) for label, prf in sorted(per_type.items())}


def score_groups(examples: Iterable[Example], *, attr: str = DEFAULT_ATTR) -> dict[str, dict[str, Row]]:
    """Score relations by exact match within groups.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, dict[str, Row]]: `rel_exact_per_type` has a row for each relation. `rel_exact_per_pattern`,
            `rel_exact_per_count` and `rel_exact_per_length` have a row for each group of texts, see `text_groups`.
            These rows also have "texts", the number of texts.
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
    """Get the groups that a gold Doc belongs to.

    Args:
        doc (Doc): The Doc.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, Sequence[str]]: "per_pattern": how its triples overlap, see `overlap_patterns`. "per_count": its
            number of distinct triples. "per_length": its number of tokens.
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
    """Classify how the triples of a text overlap (Zeng et al., ACL 2018, counted as in CasRel's evaluation).

    Args:
        keys (Iterable[Key]): Distinct triples: subject, label, object.

    Returns:
        list[str]: "none" if the text has no triples. "normal" if no entity occurs twice in the triples. "epo" (entity
            pair overlap) if two triples have the same subject and object. "seo" (single entity overlap) if two
            different pairs share an entity, or a pair is an entity with itself. A text may be both "seo" and "epo".
    """
    pairs = [(subject, object_) for subject, _, object_ in keys]
    if not pairs:
        return ["none"]
    distinct = set(pairs)
    shared = len({entity for pair in distinct for entity in pair}) < 2 * len(distinct)
    patterns = ["seo"] * shared + ["epo"] * (len(distinct) < len(pairs))
    return patterns or ["normal"]


def to_row(prf: PRFScore) -> Row:
    """Convert a score to a dict that also has its counts.

    Args:
        prf (PRFScore): The score.

    Returns:
        Row: Precision "p", recall "r" and F1 "f", each from 0 to 1, and the counts "gold", "predicted" and "right".
    """
    return {**prf.to_dict(), "gold": prf.tp + prf.fn, "predicted": prf.tp + prf.fp, "right": prf.tp}


def triples(doc: Doc, attr: str = DEFAULT_ATTR) -> dict[Key, Relation]:
    """Get the distinct triples of a Doc by exact match. Of equal triples, the most probable one is kept.

    Args:
        doc (Doc): The Doc.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[Key, Relation]: The triples. A key has the character offsets of the subject, the label, and the character
            offsets of the object.
    """
    found: dict[Key, Relation] = {}
    for relation in get_relations(doc, attr):
        key = _exact_key(relation)
        if key not in found or found[key].score < relation.score:
            found[key] = relation
    return found


def entity_keys(doc: Doc, spans_key: str = DEFAULT_SPANS_KEY, attr: str = DEFAULT_ATTR) -> set[tuple[int, int, str]]:
    """Get all entities of a Doc, from `doc.spans`, `doc.ents` and its relations.

    Args:
        doc (Doc): The Doc.
        spans_key (str): Key of the entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        set[tuple[int, int, str]]: Start, end (exclusive) and type of each entity. Offsets are in characters.
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
    """Get the start and end of a span in characters, which compare across tokenizations of the same text."""
    return span.start_char, span.end_char


def _exact_key(relation: Relation, head: str = "") -> Key:
    return characters_of(relation.subject), relation.label, characters_of(relation.object)


def _partial_key(relation: Relation, head: str) -> Key:
    side = 1 if head == "last" else 0
    return characters_of(relation.subject)[side], relation.label, characters_of(relation.object)[side]


def pair_key(relation: Relation, head: str = "") -> Key:
    """Get the key of a relation that ignores its label. `head` is not used."""
    return characters_of(relation.subject), "", characters_of(relation.object)


def text_key(relation: Relation, head: str = "") -> TextTriple:
    """Get the key of a relation by the texts of its entities. `head` is not used."""
    return relation.subject.text, relation.label, relation.object.text


MatchKey = Callable[[Relation, str], Any]


def _typed(key: MatchKey) -> MatchKey:
    return lambda relation, head: (key(relation, head), relation.subject.label, relation.object.label)


MATCHES: dict[str, MatchKey] = {
    f"{name}{suffix}": typed(key)
    for name, key in (("rel_exact", _exact_key), ("rel_partial", _partial_key), ("rel_pairs", pair_key))
    for suffix, typed in (("", lambda key: key), ("_typed", _typed))
}
MATCHES["rel_text"] = text_key
