"""Counts of what is annotated, and checks for problems in training or scoring."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import mean, median
from typing import Any, Literal

import numpy as np
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..model.segments import Segment
from ..pipeline.decode import HEADS, FoundEntities, decode, head_of
from ..pipeline.tagging import split_layers
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations
from .scorer import GROUPS, Key, entity_keys, text_groups, triples

MAX_TOKENS = 256  # default of `max_length` of the network
MAX_PLACES = 5


@dataclass(frozen=True)
class Finding:
    """A problem in training or scoring.

    Attributes:
        level (str): "error" if training fails or learns nothing, else "warning".
        name (str): Its name, which stays the same.
        count (int): How often it is there.
        advice (str): What it is, and what to do about it.
        where (list[str]): Its first places: labels, or numbers of texts, from 1.
    """

    level: Literal["error", "warning"]
    name: str
    count: int
    advice: str
    where: list[str]


FINDINGS: Mapping[str, tuple[Literal["error", "warning"], str]] = {
    "no_texts": ("error", "There are no texts. Is it the right file?"),
    "no_triples": (
        "error",
        "No text has a relation, so there is nothing to learn. Write the file with DocBin(store_user_data=True), and "
        "look whether --attr is the attribute that the relations are in.",
    ),
    "entities_without_label": ("error", "entities have no label, and training refuses them. Give each a type."),
    "texts_without_annotation": (
        "warning",
        "texts have no annotation of relations: they are neither learned from nor scored. If they state none, set "
        "doc._.relations = [].",
    ),
    "texts_empty": ("warning", "texts have no tokens. Leave them out."),
    "texts_too_long": (
        "warning",
        f"texts, or sentences of them, have more than {MAX_TOKENS} tokens, and are read in windows: relations that "
        "reach further are lost. Set sentence boundaries, or raise max_length of the network.",
    ),
    "triples_across_sentences": (
        "warning",
        "triples are between different sentences, where none are learned or found. Leave out the sentence boundaries "
        "of these texts, so that they are read as a whole.",
    ),
    "entities_overlapping": (
        "warning",
        "entities overlap with a longer one, and are neither learned nor found by default. Set entity_layers = 2 of "
        "the network.",
    ),
    "entities_crossing": (
        "warning",
        "entities cross the border of another one. entity_layers = 2 can hold them, but few are right: look at them, "
        "and shorten or lengthen one of each two if it is a mistake.",
    ),
    "entities_with_blanks": (
        "warning",
        "entities begin or end in white space, and are never found that way. Take the white space off.",
    ),
    "triples_lost": (
        "warning",
        "triples can't be found by a component with its default settings, as their entities overlap: recall stays "
        "below 100 %. The counts say how many are lost by other settings of entity_layers and head.",
    ),
    "texts_repeated": (
        "warning",
        "texts are repeated in the data. They count twice in training and in scores: leave the repetitions out.",
    ),
    "texts_contradicting": (
        "warning",
        "repeated texts have other triples each time. Decide which are right.",
    ),
    "texts_in_train": (
        "warning",
        "texts are in the training data, too, so that scores on them are too good. Leave them out of one of the two.",
    ),
    "rare_relations": (
        "warning",
        "relations have too few examples to be learned or scored well. Annotate more of them, or merge or leave out "
        "such relations.",
    ),
    "rare_entity_labels": (
        "warning",
        "types of entities have too few examples to be learned or scored well. Annotate more, or merge labels.",
    ),
    "relations_not_in_train": (
        "warning",
        "relations are not in the training data: all their triples will be missed. Annotate some for training, or "
        "split the data again.",
    ),
    "entity_labels_not_in_train": (
        "warning",
        "types of entities are not in the training data, and will never be found. Annotate some for training, or split "
        "the data again.",
    ),
}


@dataclass(frozen=True)
class DataCheck:
    """What is in annotated texts.

    Attributes:
        counts (dict[str, Any]): Values for JSON; `docs/scores.md` names them.
        findings (list[Finding]): The problems, errors first.
    """

    counts: dict[str, Any]
    findings: list[Finding]


def check_data(
    docs: Iterable[Doc],
    train: Iterable[Doc] = (),
    *,
    min_count: int = 10,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
) -> DataCheck:
    """Count what is in annotated texts, and look for problems.

    Args:
        docs (Iterable[Doc]): The texts.
        train (Iterable[Doc]): Texts that a pipeline is trained on, if the others are to score it.
        min_count (int): A label with fewer examples is rare.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.

    Returns:
        DataCheck: The counts and what they say.
    """
    docs, train = list(docs), list(train)
    texts = [_Text(doc, attr, spans_key) for doc in docs]
    by_text = {name: [int(count(text)) for text in texts] for name, count in COUNTERS.items()}
    by_text.update(_count_repetitions(texts, [_plain(doc) for doc in train]))
    relations = Counter(relation.label for text in texts for relation in text.relations)
    types = Counter(span.label_ for text in texts for span in text.entities)
    labels = {
        "rare_relations": sorted(label for label, n in relations.items() if n < min_count),
        "rare_entity_labels": sorted(label for label, n in types.items() if n < min_count),
    }
    if train:
        known = {relation.label for doc in train for relation in get_relations(doc, attr)}
        known_types = {label for doc in train for *_, label in entity_keys(doc, spans_key, attr)}
        labels["relations_not_in_train"] = sorted(set(relations) - known)
        labels["entity_labels_not_in_train"] = sorted(set(types) - known_types)
    groups: dict[str, Counter[str]] = {name: Counter() for name in GROUPS}
    for doc in docs:
        for name, members in text_groups(doc, attr).items():
            groups[name].update(members)
    lengths = [len(doc) for doc in docs] or [0]
    counts: dict[str, Any] = {
        "texts": len(docs),
        "tokens": sum(lengths),
        "tokens_per_text": {"mean": round(mean(lengths), 1), "median": median(lengths), "max": max(lengths)},
        **{name: sum(values) for name, values in by_text.items()},
        "triples_lost_by_settings": {
            f"entity_layers={n}, head={head}": sum(_count_lost(text, n_layers=n, head=head) for text in texts)
            for n in (1, 2)
            for head in HEADS
        },
        **{f"texts_{name}": {member: groups[name][member] for member in order} for name, order in GROUPS.items()},
        "relations": dict(sorted(relations.items(), key=_most_first)),
        "entity_labels": dict(sorted(types.items(), key=_most_first)),
        **labels,
    }
    places = {name: [str(i) for i, n in enumerate(values, 1) if n] for name, values in by_text.items()}
    return DataCheck(counts, list(_find(counts, {**places, **labels})))


def _find(counts: Mapping[str, Any], places: Mapping[str, list[str]]) -> Iterable[Finding]:
    absent = {"no_texts": not counts["texts"], "no_triples": counts["texts"] and not counts["triples"]}
    for name, (level, advice) in FINDINGS.items():
        value = absent.get(name, counts.get(name, 0))
        count = len(value) if isinstance(value, list) else int(value)
        if count:
            yield Finding(level, name, count, advice, places.get(name, [])[:MAX_PLACES])


@dataclass(frozen=True)
class _Text:
    """A Doc with its distinct entities, in order, and distinct relations."""

    doc: Doc
    attr: str
    spans_key: str

    @cached_property
    def relations(self) -> list[Relation]:
        return list(triples(self.doc, self.attr).values())

    @cached_property
    def entities(self) -> list[Span]:
        keys = sorted(entity_keys(self.doc, self.spans_key, self.attr))
        spans = (self.doc.char_span(start, end, label, alignment_mode="expand") for start, end, label in keys)
        return [span for span in spans if span is not None]


def _tokens(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _longest_part(doc: Doc) -> int:
    return max(map(len, doc.sents), default=0) if doc.has_annotation("SENT_START") else len(doc)


def _count_unrelated(text: _Text) -> int:
    related = {_tokens(span) for relation in text.relations for span in (relation.subject, relation.object)}
    return sum(_tokens(span) not in related for span in text.entities)


def _count_crossing(text: _Text) -> int:
    """Count entities that begin inside an earlier one and end after it."""
    return sum(
        any(other.start < span.start < other.end < span.end for other in text.entities[:i])
        for i, span in enumerate(text.entities)
    )


def _has_blank(span: Span) -> bool:
    # Not by `is_space`, which a vocabulary without a language doesn't know.
    return bool(span[0].text.isspace() or span[-1].text.isspace())


def _count_blank(text: _Text) -> int:
    return sum(map(_has_blank, text.entities))


def _count_reflexive(text: _Text) -> int:
    return sum(_tokens(relation.subject) == _tokens(relation.object) for relation in text.relations)


def _count_across(text: _Text) -> int:
    if not text.doc.has_annotation("SENT_START"):
        return 0
    sentence = np.cumsum([bool(token.is_sent_start) for token in text.doc])
    ends = [[span[place].i for span in (r.subject, r.object) for place in (0, -1)] for r in text.relations]
    return sum(len(set(sentence[tokens])) > 1 for tokens in ends)


class _CertainPairs:
    """Scores by which given pairs are related for sure, and no others."""

    def __init__(self, pairs: Iterable[tuple[int, int, int]]):
        self._labels: dict[tuple[int, int], list[int]] = {}
        for left, right, label in sorted(pairs):
            self._labels.setdefault((left, right), []).append(label)

    def probable(self, subjects: Any, objects: Any, thresholds: Any) -> tuple[Any, Any, Any]:
        tokens = enumerate(zip(subjects.tolist(), objects.tolist()))
        found = [(place, label) for place, pair in tokens for label in self._labels.get(pair, ())]
        places, labels = np.asarray(found, dtype=np.int64).reshape(-1, 2).T
        return places, labels, np.ones(len(found), dtype=np.float32)


def _count_lost(text: _Text, *, n_layers: int, head: str) -> int:
    """Count triples that even a network without a fault can't give: they are written as layers of entities and pairs
    of tokens, as the component learns them, and read again."""
    doc, relations = text.doc, text.relations
    if not relations:
        return 0
    labels = sorted({relation.label for relation in relations})
    pairs = {
        (head_of(*_tokens(r.subject), head), head_of(*_tokens(r.object), head), labels.index(r.label))
        for r in relations
    }
    layers = split_layers(text.entities, n_layers)
    (prediction,) = decode(
        1,
        [Segment(0, 0, len(doc), 0, len(doc))],
        [FoundEntities([[(*_tokens(span), 0) for span in layer if not _has_blank(span)] for layer in layers])],
        _CertainPairs(pairs),
        thresholds=np.ones(len(labels)),
        head=head,
        rescue=False,
    )
    found = {(triple.subject[:2], labels[triple.label], triple.object[:2]) for triple in prediction.triples}
    return sum((_tokens(r.subject), r.label, _tokens(r.object)) not in found for r in relations)


COUNTERS: Mapping[str, Callable[[_Text], int]] = {
    "texts_without_annotation": lambda text: not has_relations(text.doc, text.attr),
    "texts_empty": lambda text: not len(text.doc),
    "texts_too_long": lambda text: _longest_part(text.doc) > MAX_TOKENS,
    "entities": lambda text: len(text.entities),
    "entities_without_label": lambda text: sum(not span.label_ for span in text.entities),
    "entities_without_relations": _count_unrelated,
    "entities_overlapping": lambda text: len(text.entities) - len(filter_spans(text.entities)),
    "entities_crossing": _count_crossing,
    "entities_with_blanks": _count_blank,
    "triples": lambda text: len(text.relations),
    "triples_reflexive": _count_reflexive,
    "triples_across_sentences": _count_across,
    "triples_lost": partial(_count_lost, n_layers=1, head="last"),
}


def _count_repetitions(texts: Sequence[_Text], train: Iterable[str]) -> dict[str, list[int]]:
    """Return for each text whether it repeats an earlier one, with other triples, or one of the training data."""
    first: dict[str, _Text] = {}
    plain = [_plain(text.doc) for text in texts]
    pairs = [(text, first.setdefault(key, text)) for key, text in zip(plain, texts)]
    learned = set(train)
    return {
        "texts_repeated": [int(text is not other) for text, other in pairs],
        "texts_contradicting": [int(_keys(text) != _keys(other)) for text, other in pairs],
        "texts_in_train": [int(key in learned) for key in plain],
    }


def _keys(text: _Text) -> set[Key]:
    return set(triples(text.doc, text.attr))


def _plain(doc: Doc) -> str:
    """A text without what doesn't make it another one: case and white space."""
    return " ".join(doc.text.lower().split())
