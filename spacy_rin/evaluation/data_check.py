"""Count annotations, and check them for problems in training or scoring."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from statistics import mean, median
from typing import Any, Literal

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..model.segments import find_sentences
from ..pipeline.corpus import tokenize
from ..pipeline.decode import HEADS, head_of
from ..pipeline.tagging import split_layers
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations
from .scorer import GROUPS, Key, entity_keys, text_groups, triples

MAX_TOKENS = 256  # the network's default `max_length`
SLOTS = (5, 10)  # what "spacy_rin.Interactive.v1" has by default, and more
MAX_PLACES = 5
# Share of the entities that the tokenizer of the right language may cut: annotation has slips.
MAX_CUT = 0.01
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


@dataclass(frozen=True)
class Finding:
    """A problem in training or scoring.

    Attributes:
        level (str): "error" if training fails or learns nothing, else "warning".
        name (str): Name of the problem. It stays the same between versions.
        count (int): How often the problem occurs.
        advice (str): What is wrong, and how to fix it.
        where (list[str]): The first places where it occurs: labels, or numbers of texts, counted from 1.
    """

    level: Literal["error", "warning"]
    name: str
    count: int
    advice: str
    where: list[str]


FINDINGS: Mapping[str, tuple[Literal["error", "warning"], str]] = {
    "no_texts": ("error", "There are no texts. Check that this is the right file."),
    "no_train_texts": ("error", "There are no texts in the training data. Check that this is the right file."),
    "no_triples": (
        "error",
        "No text has a relation, so there is nothing to learn. Write the file with DocBin(store_user_data=True), and "
        "check that --attr names the attribute with the relations.",
    ),
    "entities_without_label": ("error", "Some entities have no label, so training fails. Give each of them a type."),
    "texts_without_annotation": (
        "warning",
        "Some texts have no annotation of relations. They are neither learned from nor scored. If a text states no "
        "relations, set doc._.relations = [].",
    ),
    "texts_empty": ("warning", "Some texts have no tokens. Remove them."),
    "texts_too_long": (
        "warning",
        f"Some texts, or sentences in them, have more than {MAX_TOKENS} tokens. They are read in windows, so relations "
        "that span more than a window are lost. Set sentence boundaries, or raise max_length of the network.",
    ),
    "triples_across_sentences": (
        "warning",
        'Some triples link entities in different sentences. With context = "sentence", such triples are neither '
        "learned nor found. With context = null, whole texts are read if more than one triple in twenty is like that.",
    ),
    "entities_overlapping": (
        "warning",
        "Some entities overlap with a longer one. By default, they are neither learned nor found. Set "
        "entity_layers = 2 in the network.",
    ),
    "entities_crossing": (
        "warning",
        "Some entities overlap with another one only in part. entity_layers = 2 can hold them, but most are mistakes. "
        "Check them, and correct the boundaries of one of the two entities.",
    ),
    "entities_with_blanks": (
        "warning",
        "Some entities begin or end with white space. They are never found that way. Trim them.",
    ),
    "entities_cut": (
        "warning",
        "Some entities begin or end inside a token of the language's tokenizer. They are learned with the tokens of "
        "the file, but never found in raw text. Name the language of the texts by --lang, here and for `spacy rin "
        "init`. If it is right, correct the entities, or give the pipeline a tokenizer that splits such words.",
    ),
    "triples_lost": (
        "warning",
        "Some triples can't be found with the default settings of the component, because their entities overlap. "
        "Recall stays below 100 %. The counts show how many are lost with other settings of entity_layers and head.",
    ),
    "texts_repeated": (
        "warning",
        "Some texts are repeated, so they count more than once in training and in scores. Remove the repetitions.",
    ),
    "texts_contradicting": (
        "warning",
        "Some texts are repeated with different triples. Decide which triples are right.",
    ),
    "texts_in_train": (
        "warning",
        "Some texts are also in the training data, so scores on them are too high. Remove them from one of the two.",
    ),
    "rare_relations": (
        "warning",
        "Some relations have too few examples to be learned or scored well. Annotate more examples, or merge or "
        "remove these relations.",
    ),
    "rare_entity_labels": (
        "warning",
        "Some entity types have too few examples to be learned or scored well. Annotate more, or merge types.",
    ),
    "labels_alike": (
        "warning",
        "Some labels differ only in case, blanks, hyphens or underscores, so one kind is learned as several. Give it "
        "one name.",
    ),
    "relations_not_in_train": (
        "warning",
        "Some relations are not in the training data, so all their triples will be missed. Annotate some for "
        "training, or split the data again.",
    ),
    "entity_labels_not_in_train": (
        "warning",
        "Some entity types are not in the training data, so they will never be found. Annotate some for training, or "
        "split the data again.",
    ),
}


@dataclass(frozen=True)
class DataCheck:
    """The result of `check_data`.

    Attributes:
        counts (dict[str, Any]): Values for JSON, explained in `docs/scores.md`.
        findings (list[Finding]): The problems, errors first.
    """

    counts: dict[str, Any]
    findings: list[Finding]


def check_data(
    docs: Iterable[Doc],
    train: Iterable[Doc] | None = None,
    *,
    min_count: int = 10,
    attr: str = DEFAULT_ATTR,
    spans_key: str = DEFAULT_SPANS_KEY,
    nlp: Language | None = None,
) -> DataCheck:
    """Count the annotations of texts, and look for problems.

    Args:
        docs (Iterable[Doc]): The texts.
        train (Iterable[Doc] | None): The training data, if `docs` are texts for scoring. None compares with nothing.
        min_count (int): A label with fewer examples is reported as rare.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.
        nlp (Language | None): A pipeline whose tokenizer should hold the entities. None does not compare with any.

    Returns:
        DataCheck: The counts and the problems.
    """
    docs, learned = list(docs), list(train or ())
    texts = [_Text(doc, attr, spans_key) for doc in docs]
    by_text = {name: [int(count(text)) for text in texts] for name, count in COUNTERS.items()}
    if nlp is not None:
        by_text["entities_cut"] = [count_cut(nlp, text.doc, text.entities) for text in texts]
    by_text.update(_count_repetitions(texts, [_plain(doc) for doc in learned]))
    relations = Counter(relation.label for text in texts for relation in text.relations)
    types = Counter(span.label_ for text in texts for span in text.entities)
    combinations = Counter(
        f"{relation.subject.label_}, {relation.label}, {relation.object.label_}"
        for text in texts
        for relation in text.relations
    )
    labels = {
        "rare_relations": sorted(label for label, n in relations.items() if n < min_count),
        "rare_entity_labels": sorted(label for label, n in types.items() if n < min_count),
        "labels_alike": [*_list_alike(relations), *_list_alike(types)],
    }
    if learned:
        known = {relation.label for doc in learned for relation in get_relations(doc, attr)}
        known_types = {label for doc in learned for *_, label in entity_keys(doc, spans_key, attr)}
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
        }
        | {f"slots={n}": sum(max(0, len(text.relations) - n) for text in texts) for n in SLOTS},
        **{f"texts_{name}": {member: groups[name][member] for member in order} for name, order in GROUPS.items()},
        "triples_by_types": dict(sorted(combinations.items(), key=_most_first)),
        "relations": dict(sorted(relations.items(), key=_most_first)),
        "entity_labels": dict(sorted(types.items(), key=_most_first)),
        **labels,
    }
    places = {name: [str(i) for i, n in enumerate(values, 1) if n] for name, values in by_text.items()}
    absent = {
        "no_texts": not docs,
        "no_train_texts": train is not None and not learned,
        "no_triples": bool(docs) and not counts["triples"],
    }
    return DataCheck(counts, list(_find({**counts, **absent}, {**places, **labels})))


def _list_alike(labels: Iterable[str]) -> list[str]:
    """List the groups of labels that differ only in case, white space, and in what stands between their words."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        groups[_BETWEEN_WORDS.sub(" ", label.strip()).casefold()].append(label)
    return [" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1]


def count_cut(nlp: Language, doc: Doc, entities: Iterable[Span]) -> int:
    """Count the entities that a pipeline can't find in raw text, because they begin or end inside one of its tokens.

    Args:
        nlp (Language): The pipeline.
        doc (Doc): An annotated text, with any tokens. One that is too long or too slow for the tokenizer has none.
        entities (Iterable[Span]): Its entities.

    Returns:
        int: How many there are.
    """
    tokens = tokenize(nlp, doc.text)
    if tokens is None:
        return 0
    starts, ends = {token.idx for token in tokens}, {token.idx + len(token) for token in tokens}
    return sum(span.start_char not in starts or span.end_char not in ends for span in entities)


def _find(counts: Mapping[str, Any], places: Mapping[str, list[str]]) -> Iterable[Finding]:
    for name, (level, advice) in FINDINGS.items():
        value = counts.get(name, 0)
        count = len(value) if isinstance(value, list) else int(value)
        if count:
            yield Finding(level, name, count, advice, places.get(name, [])[:MAX_PLACES])


@dataclass(frozen=True)
class _Text:
    """A Doc with its distinct entities, sorted by position, and its distinct relations."""

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


def _length(tokens: tuple[int, int]) -> int:
    return tokens[1] - tokens[0]


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _longest_part(doc: Doc) -> int:
    return max((end - start for start, end in find_sentences(doc)), default=0)


def _count_unrelated(text: _Text) -> int:
    related = {_tokens(span) for relation in text.relations for span in (relation.subject, relation.object)}
    return sum(_tokens(span) not in related for span in text.entities)


def _count_crossing(text: _Text) -> int:
    """Count entities that begin inside an earlier entity and end after it."""
    count, unfinished = 0, list[Span]()
    for span in text.entities:
        unfinished = [other for other in unfinished if other.end > span.start]
        count += any(other.start < span.start and other.end < span.end for other in unfinished)
        unfinished.append(span)
    return count


def _has_blank(span: Span) -> bool:
    # `token.is_space` is not set in a vocabulary without a language.
    return bool(span[0].text.isspace() or span[-1].text.isspace())


def _count_blank(text: _Text) -> int:
    return sum(map(_has_blank, text.entities))


def _count_reflexive(text: _Text) -> int:
    return sum(_tokens(relation.subject) == _tokens(relation.object) for relation in text.relations)


def _count_across(text: _Text) -> int:
    if not text.relations:
        return 0
    begins = np.zeros(len(text.doc), dtype=np.int64)
    begins[[start for start, _ in find_sentences(text.doc)]] = 1
    sentence = begins.cumsum()
    ends = [[span[place].i for span in (r.subject, r.object) for place in (0, -1)] for r in text.relations]
    return sum(len(set(sentence[tokens])) > 1 for tokens in ends)


def _count_lost(text: _Text, *, n_layers: int, head: str) -> int:
    """Count triples that even a perfect network would lose.

    The gold annotation is encoded as entity layers and token pairs, as the component learns it, and decoded again. As
    in `decode`, the longest entity of a token has its triples, and the shortest one is the object of those with itself.
    Only the pairs of gold triples are decoded, as all others have none.
    """
    headed: dict[int, list[tuple[int, int]]] = {}
    for span in (span for layer in split_layers(text.entities, n_layers) for span in layer if not _has_blank(span)):
        headed.setdefault(head_of(*_tokens(span), head), []).append(_tokens(span))
    longest, shortest = (
        {token: choose(spans, key=_length) for token, spans in headed.items()} for choose in (max, min)
    )
    pairs = [(_tokens(relation.subject), relation.label, _tokens(relation.object)) for relation in text.relations]
    found = set()
    for subject, label, object_ in pairs:
        left, right = head_of(*subject, head), head_of(*object_, head)
        found.add((longest.get(left), label, (shortest if left == right else longest).get(right)))
    return sum(pair not in found for pair in pairs)


COUNTERS: Mapping[str, Callable[[_Text], int]] = {
    "texts_without_annotation": lambda text: not has_relations(text.doc, text.attr),
    "texts_empty": lambda text: not len(text.doc),
    "texts_too_long": lambda text: _longest_part(text.doc) > MAX_TOKENS,
    "entities": lambda text: len(text.entities),
    "entities_of_several_tokens": lambda text: sum(len(span) > 1 for span in text.entities),
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
    """Flag texts that repeat an earlier text, contradict it with other triples, or are in the training data."""
    first: dict[str, _Text] = {}
    annotated: dict[str, _Text] = {}
    plain = [_plain(text.doc) for text in texts]
    pairs = [(text, first.setdefault(key, text)) for key, text in zip(plain, texts)]
    # Texts without annotation say nothing, so they contradict nothing.
    compared = [
        (text, annotated.setdefault(key, text) if has_relations(text.doc, text.attr) else text)
        for key, text in zip(plain, texts)
    ]
    learned = set(train)
    return {
        "texts_repeated": [int(text is not other) for text, other in pairs],
        "texts_contradicting": [int(text is not other and _keys(text) != _keys(other)) for text, other in compared],
        "texts_in_train": [int(key in learned) for key in plain],
    }


def _keys(text: _Text) -> set[Key]:
    """Get the triples of a text, with offsets that are the same in all texts with the same `_plain`."""
    offsets = [0, *accumulate(0 if char.isspace() else len(char.lower()) for char in text.doc.text)]

    def move(characters: tuple[int, int]) -> tuple[int, int]:
        return offsets[characters[0]], offsets[characters[1]]

    return {(move(subject), label, move(object_)) for subject, label, object_ in triples(text.doc, text.attr)}


def _plain(doc: Doc) -> str:
    """Normalize case and white space, so that equal texts compare equal."""
    return " ".join(doc.text.lower().split())
