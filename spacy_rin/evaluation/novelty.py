"""Triples by what of them stood in the training data, and a table of its facts as a baseline.

A network can know facts of the training data by heart, and find them in other texts without reading what these say.
Scores of known and of new triples tell the two apart (Taillé et al., EMNLP 2021). Names are compared as strings.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example

from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, get_relations, has_relations
from .scorer import Row, TextTriple, entity_keys, text_key, to_row, triples

NOVELTY = ("triple", "pair", "both_names", "one_name", "no_name")
NEW = "new"  # all of `NOVELTY` but the first

Table = dict[tuple[str, str], tuple[str, ...]]  # labels of a pair of subject and object


class Known(NamedTuple):
    """What stood in the training data.

    Attributes:
        triples (set[TextTriple]): Its triples as strings.
        pairs (set[frozenset[str]]): The names of each triple, without their order.
        names (set[str]): Texts of all its entities.
    """

    triples: set[TextTriple]
    pairs: set[frozenset[str]]
    names: set[str]


def find_known(train: Iterable[Doc], *, attr: str = DEFAULT_ATTR, spans_key: str = DEFAULT_SPANS_KEY) -> Known:
    """Collect the triples, pairs and names of the training data.

    Args:
        train (Iterable[Doc]): The training data.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key of all entities in `doc.spans`.

    Returns:
        Known: What stood in it.
    """
    facts: set[TextTriple] = set()
    names: set[str] = set()
    for doc in train:
        text = doc.text
        facts.update(_text_triples(doc, attr))
        names.update(text[start:end] for start, end, _ in entity_keys(doc, spans_key, attr))
    return Known(facts, {frozenset((subject, object_)) for subject, _, object_ in facts}, names)


def novelty_of(triple: TextTriple, known: Known) -> str:
    """Say how much of a triple stood in the training data.

    Args:
        triple (TextTriple): Subject, label and object.
        known (Known): What stood in the training data.

    Returns:
        str: "triple": the whole triple. "pair": its subject and object in a triple, but with another label or the other
            way round. "both_names", "one_name" or "no_name": so many of its names, as entities.
    """
    subject, _, object_ = triple
    if triple in known.triples:
        return "triple"
    if frozenset((subject, object_)) in known.pairs:
        return "pair"
    return ("no_name", "one_name", "both_names")[(subject in known.names) + (object_ in known.names)]


def score_novelty(examples: Iterable[Example], known: Known, *, attr: str = DEFAULT_ATTR) -> dict[str, Row]:
    """Score relations by exact match within groups of `novelty_of`. Gold and predicted triples are both sorted.

    Args:
        examples (Iterable[Example]): Predicted and gold Docs.
        known (Known): What stood in the training data.
        attr (str): The extension attribute of the relations.

    Returns:
        dict[str, Row]: The row of each group in `NOVELTY`, also of empty ones, and "new", all groups but the first.
    """
    groups = {name: PRFScore() for name in NOVELTY}
    for example in examples:
        if not has_relations(example.reference, attr):
            continue
        text = example.reference.text
        gold, predicted = (set(triples(doc, attr)) for doc in (example.reference, example.predicted))
        # The gold text gives the names of both, so that equal triples are in the same group.
        group = {
            (subject, label, object_): novelty_of((text[slice(*subject)], label, text[slice(*object_)]), known)
            for subject, label, object_ in gold | predicted
        }
        for name, prf in groups.items():
            prf.score_set({key for key in predicted if group[key] == name}, {key for key in gold if group[key] == name})
    new = sum((groups[name] for name in NOVELTY[1:]), PRFScore())
    return {**{name: to_row(prf) for name, prf in groups.items()}, NEW: to_row(new)}


class NameIndex:
    """Finds names in texts. A name is found where its characters are those of whole tokens.

    Strings are looked up, not tokens as by spaCy's PhraseMatcher: that would miss names that are tokenized in another
    way than in the training data, and find those with other white space.

    Args:
        names (Iterable[str]): The names.
    """

    def __init__(self, names: Iterable[str]):
        self._names = set(names)
        self._lengths = {len(name) for name in self._names}
        self._longest = max(self._lengths, default=0)

    def find(self, doc: Doc) -> set[str]:
        """Find the names in a text. They may overlap.

        Args:
            doc (Doc): The text.

        Returns:
            set[str]: Names that occur in it.
        """
        text = doc.text
        starts = [token.idx for token in doc]
        ends = [start + len(token) for start, token in zip(starts, doc)]
        found = set()
        for i, start in enumerate(starts):
            for end in ends[i:]:
                if end - start > self._longest:
                    break
                if end - start in self._lengths and text[start:end] in self._names:
                    found.add(text[start:end])
        return found


def make_table(train: Iterable[Doc], *, attr: str = DEFAULT_ATTR) -> Table:
    """Make a table of the facts in the training data.

    A fact is kept if the training texts in which both of its names occur are annotated with it at least half of the
    time. Texts without annotated relations are left out.

    Args:
        train (Iterable[Doc]): The training data.
        attr (str): The extension attribute of the relations.

    Returns:
        Table: The labels of each pair of subject and object.
    """
    docs = [doc for doc in train if has_relations(doc, attr)]
    stated = Counter(triple for doc in docs for triple in _text_triples(doc, attr))
    pairs = {(subject, object_) for subject, _, object_ in stated}
    together: Counter[tuple[str, str]] = Counter()
    for found in _find_pairs(docs, pairs):
        together.update(found)
    labels: dict[tuple[str, str], list[str]] = {}
    for (subject, label, object_), n in sorted(stated.items()):
        if 2 * n >= together[subject, object_]:
            labels.setdefault((subject, object_), []).append(label)
    return {pair: tuple(names) for pair, names in labels.items()}


def score_table(examples: Iterable[Example], table: Table, *, attr: str = DEFAULT_ATTR) -> Row:
    """Score a table of facts as if it were a pipeline. Each text gets the facts whose subject and object occur in it.

    Args:
        examples (Iterable[Example]): Gold Docs. Their predicted Docs are not used.
        table (Table): The table.
        attr (str): The extension attribute of the relations.

    Returns:
        Row: The score of the sets of strings (subject, label, object) of each text.
    """
    docs = [example.reference for example in examples if has_relations(example.reference, attr)]
    prf = PRFScore()
    for doc, pairs in zip(docs, _find_pairs(docs, table)):
        predicted = {(subject, label, object_) for subject, object_ in pairs for label in table[subject, object_]}
        prf.score_set(predicted, _text_triples(doc, attr))
    return to_row(prf)


def _text_triples(doc: Doc, attr: str) -> set[TextTriple]:
    return {text_key(relation) for relation in get_relations(doc, attr)}


def _find_pairs(
    docs: Iterable[Doc], pairs: set[tuple[str, str]] | Mapping[tuple[str, str], object]
) -> Iterable[set[tuple[str, str]]]:
    """Find, in each text, the pairs whose two names occur in it."""
    objects: dict[str, set[str]] = {}
    for subject, object_ in pairs:
        objects.setdefault(subject, set()).add(object_)
    index = NameIndex(name for pair in pairs for name in pair)
    for doc in docs:
        names = index.find(doc)
        yield {(subject, object_) for subject in names for object_ in objects.get(subject, set()) & names}
