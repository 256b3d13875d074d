"""Training on texts with other names in them, so that relations are learned from the words between names."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from spacy.attrs import LEMMA, MORPH, NORM, POS, SENT_START, TAG
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import Errors, SettingError
from ..relations import (
    DEFAULT_ATTR,
    DEFAULT_SPANS_KEY,
    Relation,
    get_relations,
    has_relations,
    set_relations,
    stored_attrs,
)
from .entity_group import copy_span
from .gold import gold_entities
from .join import POOL_SIZE, Batcher

# What tokens keep. Trees do not survive a change of their words.
KEPT = [NORM, LEMMA, TAG, POS, MORPH, SENT_START]
# What a name keeps from its own text where the pipeline has to annotate it anew.
UNANNOTATED = [NORM]

Place = tuple[int, int]  # first token and the one after the last
Kind = tuple[str, str, str]  # type of an entity, a relation that it has, and its side of it


def create_replacing_batcher(
    batcher: Batcher, share: float = 0.5, spans_key: str = DEFAULT_SPANS_KEY, attr: str = DEFAULT_ATTR
) -> Batcher:
    """Create a batcher that replaces names in training texts by names of other texts, anew in each epoch.

    A name is replaced by one of the same type that is the subject, or the object, of the same relation somewhere. So a
    network can't learn by heart which names are related. Names that overlap, or share a word with another name of their
    text, stay.

    Args:
        batcher (Callable[[Iterable[Example]], Iterable[list[Example]]]): Makes batches of the texts.
        share (float): Share of the texts in which names are replaced, from 0 to 1.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        Callable[[Iterable[Example]], Iterable[list[Example]]]: The batcher.

    Raises:
        SettingError: R010 if `share` is out of range.
    """
    if not 0.0 <= share <= 1.0:
        raise SettingError(Errors.R010, name="share", expected="from 0 to 1", value=share)

    def replace(examples: Iterable[Example]) -> Iterator[Example]:
        remaining = iter(examples)
        rng = random.Random(random.getrandbits(64))  # from the seed of the training
        while pool := list(islice(remaining, POOL_SIZE)):
            names = collect_names([example.reference for example in pool], spans_key=spans_key, attr=attr)
            for example in pool:
                chosen = has_relations(example.reference, attr) and rng.random() < share
                yield replace_names(example, names, rng, spans_key=spans_key, attr=attr) if chosen else example

    return lambda examples: batcher(replace(examples))


def collect_names(docs: Iterable[Doc], *, spans_key: str, attr: str) -> dict[Kind, list[Span]]:
    """Collect the distinct names of texts by what they can stand for.

    Args:
        docs (Iterable[Doc]): Annotated texts.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[Kind, list[Span]]: The names of each kind.
    """
    names: dict[Kind, dict[str, Span]] = defaultdict(dict)
    for doc in docs:
        for span, kinds in _kinds(doc, spans_key, attr):
            for kind in kinds:
                names[kind].setdefault(span.text, span)
    return {kind: list(by_text.values()) for kind, by_text in names.items()}


def replace_names(
    example: Example, names: Mapping[Kind, Sequence[Span]], rng: random.Random, *, spans_key: str, attr: str
) -> Example:
    """Replace the names of a text. A name that comes back in the text gets the same replacement.

    Args:
        example (Example): The text, with the same tokens on both sides.
        names (Mapping[Kind, Sequence[Span]]): Names to choose from.
        rng (Random): Makes the random choices.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): The extension attribute of the relations.

    Returns:
        Example: The text with other names, or the same Example if none can be replaced.
    """
    reference = example.reference
    if [token.text for token in example.predicted] != [token.text for token in reference]:
        return example
    replacements: dict[Place, Span] = {}
    chosen: dict[tuple[str, str], Span] = {}
    taken = {span.text for span in gold_entities(reference, spans_key=spans_key, attr=attr)}
    for span, kinds in _free_names(reference, spans_key, attr):
        old = span.text, span.label_
        if old not in chosen:
            name = rng.choice(names.get(rng.choice(kinds), (span,)))
            # Two names of a text never become one.
            chosen[old] = span if name.text in taken else name
            taken.add(name.text)
        if chosen[old].text != span.text:
            replacements[span.start, span.end] = chosen[old]
    if not replacements:
        return example
    predicted, _ = _rewrite(example.predicted, replacements, UNANNOTATED)
    target, move = _rewrite(reference, replacements, KEPT)
    target.cats = dict(reference.cats)
    for key, group in reference.spans.items():
        target.spans[key] = [move(span) for span in group]
    if reference.has_annotation("ENT_IOB"):
        unknown = [move(reference[token.i : token.i + 1]) for token in reference if not token.ent_iob]
        # Once for a name: spaCy refuses what overlaps.
        missing = {span.start: span for span in unknown}
        target.set_ents([move(ent) for ent in reference.ents], missing=list(missing.values()))
    for stored in stored_attrs(reference):
        relations = get_relations(reference, stored)
        set_relations(target, [Relation(move(s), label, move(o), score) for s, label, o, score in relations], stored)
    return Example(predicted, target)


def _kinds(doc: Doc, spans_key: str, attr: str) -> list[tuple[Span, list[Kind]]]:
    """Give each distinct entity of a text with its kinds."""
    kinds: dict[tuple[int, int, str], list[Kind]] = {
        (span.start, span.end, span.label_): [] for span in gold_entities(doc, spans_key=spans_key, attr=attr)
    }
    for relation in get_relations(doc, attr):
        for side, span in (("subject", relation.subject), ("object", relation.object)):
            kinds[span.start, span.end, span.label_].append((span.label_, relation.label, side))
    return [
        (Span(doc, start, end, label=label), found or [(label, "", "")]) for (start, end, label), found in kinds.items()
    ]


def _free_names(doc: Doc, spans_key: str, attr: str) -> list[tuple[Span, list[Kind]]]:
    """Give the names that can be replaced by themselves."""
    entities = _kinds(doc, spans_key, attr)
    texts: dict[str, set[str]] = defaultdict(set)
    for span, _ in entities:
        for token in span:
            texts[token.lower_].add(span.text)
    uses = np.zeros(len(doc), int)
    for span, _ in entities:
        uses[span.start : span.end] += 1
    return [
        (span, kinds)
        for span, kinds in entities
        if uses[span.start : span.end].max() == 1 and all(len(texts[token.lower_]) == 1 for token in span)
    ]


def _rewrite(
    doc: Doc, replacements: Mapping[Place, Span], of_names: Sequence[int]
) -> tuple[Doc, Callable[[Span], Span]]:
    """Make a text with other names, which keep the attributes `of_names`. Returns it with a function that finds the new
    span for an old one.

    A span with a border inside of a name gets the whole name.
    """
    words: list[str] = []
    spaces: list[bool] = []
    rows: list[Any] = []
    places: list[Place] = []  # the new place of each token, or of the name that replaces it
    known = doc.to_array(KEPT)

    def keep(start: int, end: int) -> None:
        places.extend((i, i + 1) for i in range(len(words), len(words) + end - start))
        words.extend(token.text for token in doc[start:end])
        spaces.extend(bool(token.whitespace_) for token in doc[start:end])
        rows.append(known[start:end])

    position = 0
    for (start, end), name in sorted(replacements.items()):
        keep(position, start)
        places.extend([(len(words), len(words) + len(name))] * (end - start))
        words.extend(token.text for token in name)
        spaces.extend([*(bool(token.whitespace_) for token in name[:-1]), bool(doc[end - 1].whitespace_)])
        rows.append(name.to_array(KEPT))  # type: ignore[attr-defined]
        rows[-1][:, [i for i, kept in enumerate(KEPT) if kept not in of_names]] = 0
        # A name may begin a sentence here and stand within one in its own text: SENT_START is that of the old name.
        starts = KEPT.index(SENT_START)
        rows[-1][1:, starts] = known[start + 1, starts] if end > start + 1 else 0
        rows[-1][0, starts] = known[start, starts]
        position = end
    keep(position, len(doc))
    new = Doc(doc.vocab, words=words, spaces=spaces).from_array(KEPT, np.concatenate(rows))

    def move(span: Span) -> Span:
        start, end = places[span.start][0], places[span.end - 1][1]
        if any(span.start < stop and begin < span.end for begin, stop in replacements):
            return Span(new, start, end, label=span.label)  # an id would be that of the old name
        return copy_span(span, new, start, end)

    return new, move
