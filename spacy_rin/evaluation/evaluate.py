"""Evaluate a pipeline on annotated texts: its scores and its errors."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from thinc.util import convert_recursive

from ..errors import Errors, RinError
from ..pipeline.component import RINJoint, find_component
from ..pipeline.gold import gold_entities
from ..relations import get_relations, has_relations, set_relations
from .calibration import score_calibration
from .data_check import count_cut
from .novelty import find_known, make_table, score_novelty, score_table
from .scorer import Row, entity_keys, score_entities, score_groups, score_matches, triples
from .thresholds import LOWEST, Candidates, Thresholds, reaches, score_thresholds
from .verdicts import VERDICTS, Verdict, compare, count_confusion


@dataclass(frozen=True)
class Judged:
    """A text with verdicts on its triples.

    Attributes:
        text (str): The text.
        verdicts (list[Verdict]): Verdicts on all its triples, gold and predicted.
    """

    text: str
    verdicts: list[Verdict]

    @property
    def n_errors(self) -> int:
        """The number of verdicts other than "right"."""
        return sum(verdict.kind != "right" for verdict in self.verdicts)


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes:
        scores (dict[str, Any]): Values for JSON, explained in `docs/scores.md`.
        judged (list[Judged]): The texts, those with the most errors first.
    """

    scores: dict[str, Any]
    judged: list[Judged]


def present_thresholds(component: RINJoint) -> Thresholds:
    """Get the current thresholds of a component.

    Args:
        component (RINJoint): The component.

    Returns:
        Thresholds: The thresholds.
    """
    return Thresholds(component.threshold, component.thresholds)


def evaluate(nlp: Language, examples: Iterable[Example], train: Iterable[Doc] = ()) -> Evaluation:
    """Evaluate a pipeline on annotated texts.

    Args:
        nlp (Language): A pipeline with a "rin_joint". If it has several, the first one is evaluated.
        examples (Iterable[Example]): Texts and their annotation. They are not changed.
        train (Iterable[Doc]): The training data. If given, known and new triples are scored apart, see `novelty_of`,
            and a table of its facts is scored, see `make_table`.

    Returns:
        Evaluation: The scores, and the errors in each text.

    Raises:
        RinError: R018 if there is no "rin_joint", R036 if no relations are annotated, R054 if there are training data,
            but none of them have annotated relations.
        NotTrainedError: R011 if the component is not trained.
    """
    name, component = find_component(nlp)
    examples = copy_examples(examples)
    annotated = [example for example in examples if has_relations(example.reference, component.attr)]
    if not annotated:
        raise RinError(Errors.R036, attr=component.attr)
    train = list(train)
    if train and not any(has_relations(doc, component.attr) for doc in train):
        raise RinError(Errors.R054, attr=component.attr)
    given = predict(nlp, name, component, examples, with_given=True)
    given = [example for example in given if has_relations(example.reference, component.attr)]
    candidates = Candidates.of(annotated, component.attr)
    found = candidates.reach(present_thresholds(component))
    for example in examples:
        keep_probable(example.predicted, present_thresholds(component), component.attr)
    judged = [_judge(example, component.attr) for example in annotated]
    verdicts = [verdict for text in judged for verdict in text.verdicts]
    kinds = Counter(verdict.kind for verdict in verdicts)
    matches = score_matches(annotated, head=component.head, attr=component.attr, spans_key=component.spans_key)
    matches["rel_exact_given"] = score_matches(given, attr=component.attr)["rel_exact"]
    novelty: dict[str, Any] = {}
    if train:
        matches["rel_table"] = score_table(annotated, make_table(train, attr=component.attr), attr=component.attr)
        known = find_known(train, attr=component.attr, spans_key=component.spans_key)
        novelty["rel_exact_per_novelty"] = score_novelty(annotated, known, attr=component.attr)
    spacys = Scorer(nlp).score(examples)
    entity_counts: dict[str, Any] = {}
    if spacys.get("ents_f") is not None:
        matches["ents"], entity_counts = score_entities(examples)
    scores = {
        **spacys,
        "texts": len(annotated),
        "unknown_labels": _unknown_labels(annotated, component),
        "entities_cut": _count_cut(nlp, component, annotated),
        **present_thresholds(component)._asdict(),
        **{f"{name}_{letter}": row[letter] for name, row in matches.items() for letter in "prf"},
        "counts": {name: _counts(row) for name, row in matches.items()},
        "ents_counts_per_type": {label: _counts(row) for label, row in entity_counts.items()},
        **score_groups(annotated, attr=component.attr),
        **novelty,
        "rel_exact_per_threshold": score_thresholds(candidates),
        "rel_calibration": score_calibration(candidates.scores[found], candidates.right[found]),
        "rel_verdicts": {kind: kinds[kind] for kind in VERDICTS},
        "rel_confusion": count_confusion(verdicts),
    }
    scores = convert_recursive(lambda value: isinstance(value, np.floating), float, scores)
    # Scores of other components may be infinite, or no number, which JSON has not.
    scores = convert_recursive(lambda value: isinstance(value, float) and not isfinite(value), lambda _: None, scores)
    return Evaluation(scores, sorted(judged, key=lambda text: -text.n_errors))


def copy_examples(examples: Iterable[Example]) -> list[Example]:
    """Copy Examples, so that predictions change nothing of the caller's, and can be made on them again.

    Args:
        examples (Iterable[Example]): The Examples.

    Returns:
        list[Example]: Examples with copies of the predicted Docs.
    """
    return [Example(example.predicted.copy(), example.reference) for example in examples]


def predict(
    nlp: Language, name: str, component: RINJoint, examples: Sequence[Example], *, with_given: bool = False
) -> list[Example]:
    """Run a pipeline, and keep every triple with at least the probability of `lowest_candidate`.

    Args:
        nlp (Language): The pipeline.
        name (str): Name of its "rin_joint".
        component (RINJoint): The "rin_joint".
        examples (Sequence[Example]): The texts. Their predicted Docs are replaced.
        with_given (bool): Whether to also predict triples between the gold entities, with the component's thresholds.

    Returns:
        list[Example]: The predictions between gold entities, one Example per text; empty without `with_given`.

    Raises:
        NotTrainedError: R011 if the component is not trained.
    """
    everything = dict.fromkeys(component.relation_labels, lowest_candidate(component))
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    # The pipeline runs in two parts. The component needs the annotation of earlier components, which later components
    # may delete.
    with nlp.select_pipes(enable=before):
        _run(nlp, examples)
    given = list(_predict_given(nlp, component, examples)) if with_given else []
    with nlp.select_pipes(disable=before), component.settings(thresholds=everything):
        _run(nlp, examples)
    return given


def lowest_candidate(component: RINJoint) -> float:
    """Return the lowest probability of the triples that are scored: `LOWEST`, or the component's lowest threshold."""
    return min(LOWEST, component.threshold, *component.thresholds.values())


def keep_probable(doc: Doc, thresholds: Thresholds, attr: str) -> None:
    """Drop the relations of a Doc that don't reach the thresholds.

    Args:
        doc (Doc): The Doc.
        thresholds (Thresholds): The thresholds.
        attr (str): The extension attribute of the relations.
    """
    relations = get_relations(doc, attr)
    set_relations(doc, [r for r in relations if reaches(r.score, thresholds.of(r.label))], attr)


def _count_cut(nlp: Language, component: RINJoint, examples: Iterable[Example]) -> dict[str, int]:
    """Count the gold entities, and those that the pipeline's own tokens can't hold."""
    cut = total = 0
    for reference in (example.reference for example in examples):
        entities = set(gold_entities(reference, spans_key=component.spans_key, attr=component.attr))
        cut, total = cut + count_cut(nlp, reference, entities), total + len(entities)
    return {"count": cut, "of": total}


def _unknown_labels(examples: Iterable[Example], component: RINJoint) -> dict[str, dict[str, int]]:
    """Count the gold labels that the component does not know: triples by relation, entities by type."""
    relations: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for example in examples:
        relations.update(label for _, label, _ in triples(example.reference, component.attr))
        types.update(label for *_, label in entity_keys(example.reference, component.spans_key, component.attr))
    return {
        "relations": {label: n for label, n in sorted(relations.items()) if label not in component.relation_labels},
        "entities": {label: n for label, n in sorted(types.items()) if label not in component.entity_labels},
    }


def _counts(row: Row) -> dict[str, int]:
    return {kind: row[kind] for kind in ("gold", "predicted", "right")}


def _run(nlp: Language, examples: Sequence[Example]) -> None:
    for example, doc in zip(examples, nlp.pipe([example.predicted for example in examples])):
        example.predicted = doc


def _predict_given(nlp: Language, component: RINJoint, examples: Iterable[Example]) -> Iterator[Example]:
    remaining = iter(examples)
    while batch := list(islice(remaining, nlp.batch_size)):
        # Predictions go to copies, because the pipeline still has to annotate the original Docs.
        docs = [_blank_copy(example.predicted) for example in batch]
        with warnings.catch_warnings():
            # Labels that the pipeline doesn't know lower the scores anyway, so a warning adds nothing.
            warnings.filterwarnings("ignore", r"\[W001\]")
            component.set_annotations(docs, component.predict_given(batch))
        for example, doc in zip(batch, docs):
            yield Example(doc, example.reference)


def _blank_copy(doc: Doc) -> Doc:
    return Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])


def _judge(example: Example, attr: str) -> Judged:
    gold, predicted = (triples(doc, attr) for doc in (example.reference, example.predicted))
    return Judged(example.reference.text, compare(gold, predicted))
