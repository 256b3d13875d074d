"""The pipeline component: entities and relation triples, jointly."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import TAG
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import filter_spans
from spacy.vocab import Vocab
from thinc.api import Config, Model

from ..errors import Errors, NotTrainedError, RinError, SettingError, Warnings
from ..model.segments import Segment
from ..model.word_vectors import collect_words
from ..relations import (
    DEFAULT_ATTR,
    DEFAULT_SPANS_KEY,
    Relation,
    get_relations,
    has_relations,
    register_relations,
    set_relations,
)
from .decode import HEADS, Layers, Prediction, decode, decode_entities, head_of
from .tagging import encode_tags, n_tags, split_layers

# Features that need neither vectors nor a tagger. A BiLSTM sees the whole sentence, as relations ask for.
DEFAULT_CONFIG = """
[model]
@architectures = "spacy_rin.RIN.v1"
rounds = 3

[model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[model.tok2vec.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[model.tok2vec.encode]
@architectures = "spacy_rin.BiLSTMEncoder.v1"
width = 128
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "rin_joint",
    assigns=["doc.ents", "doc.spans", "doc._.relations", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_MODEL,
        "threshold": 0.5,
        "thresholds": {},
        "head": "last",
        "rescue": False,
        "overwrite": False,
        "spans_key": DEFAULT_SPANS_KEY,
        "attr": DEFAULT_ATTR,
        "learn_rate_factor": 1.0,
        "scorer": {"@scorers": "spacy_rin.rin_scorer.v1"},
    },
    default_score_weights={
        "rel_exact_f": 1.0,
        "rel_exact_p": 0.0,
        "rel_exact_r": 0.0,
        "rel_exact_per_type": None,
        "rel_partial_f": 0.0,
        "rel_partial_p": None,
        "rel_partial_r": None,
        "ents_f": 0.0,
        "ents_p": None,
        "ents_r": None,
        "ents_per_type": None,
    },
)
def make_rin_joint(
    nlp: Language,
    name: str,
    model: Model,
    threshold: float,
    thresholds: dict[str, float],
    head: str,
    rescue: bool,
    overwrite: bool,
    spans_key: str,
    attr: str,
    learn_rate_factor: float,
    scorer: Callable | None,
) -> "RINJoint":
    """Make a component that extracts entities and relations.

    Args:
        nlp (Language): The pipeline.
        name (str): The component's name.
        model (Model): "spacy_rin.RIN.v1".
        threshold (float): Lowest probability of a relation, from 0 to 1.
        thresholds (dict[str, float]): Relations that have another threshold, and theirs.
        head (str): Token that stands for an entity in a triple: "last" (the papers' data) or "first".
        rescue (bool): Whether a triple counts whose tokens stand inside entities, but are not their heads.
        overwrite (bool): Whether entities that earlier components set in `doc.ents` give way to those found here.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): Name of the extension attribute of the relations.
        learn_rate_factor (float): Factor of the optimizer's learning rate for this component, so that it can learn
            faster
            than a transformer that it listens to.
        scorer (Callable | None): "spacy_rin.rin_scorer.v1".

    Returns:
        RINJoint: The component.
    """
    return RINJoint(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        thresholds=thresholds,
        head=head,
        rescue=rescue,
        overwrite=overwrite,
        spans_key=spans_key,
        attr=attr,
        learn_rate_factor=learn_rate_factor,
        scorer=scorer,
    )


class RINJoint(TrainablePipe):
    """Extracts typed entities and relation triples jointly.

    Writes entities to `doc.ents`, all of them to `doc.spans["rin"]`, and triples to `doc._.relations`. Learns from
    Examples whose reference has `doc._.relations`, and entities in `doc.spans["rin"]` or `doc.ents`.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "rin_joint",
        *,
        threshold: float = 0.5,
        thresholds: dict[str, float] | None = None,
        head: str = "last",
        rescue: bool = False,
        overwrite: bool = False,
        spans_key: str = DEFAULT_SPANS_KEY,
        attr: str = DEFAULT_ATTR,
        learn_rate_factor: float = 1.0,
        scorer: Callable | None = None,
    ):
        """Make the component, see `make_rin_joint` for the settings.

        Raises:
            RinError: R001 if the attribute's name is taken, R010 if a setting is out of range.
        """
        own_thresholds = {f"thresholds.{label}": value for label, value in (thresholds or {}).items()}
        for setting, value in {"threshold": threshold, **own_thresholds}.items():
            if not 0.0 <= value <= 1.0:
                raise SettingError(Errors.R010, name=setting, expected="from 0 to 1", value=value)
        if learn_rate_factor <= 0.0:
            value = learn_rate_factor
            raise SettingError(Errors.R010, name="learn_rate_factor", expected="positive", value=value)
        if head not in HEADS:
            raise SettingError(Errors.R010, name="head", expected=f"one of {HEADS}", value=head)
        register_relations(attr)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.head = head
        self.rescue = rescue
        self.overwrite = overwrite
        self.spans_key = spans_key
        self.attr = attr
        self.learn_rate_factor = learn_rate_factor
        self.cfg: dict[str, Any] = {
            "threshold": threshold,
            "thresholds": dict(thresholds or {}),
            "entities": [],
            "relations": [],
        }
        self._warned: set[str] = set()
        self._reads_tags = any({TAG, "TAG"} & set(node.attrs.get("columns", ())) for node in model.walk())

    @property
    def entity_labels(self) -> tuple[str, ...]:
        """Types of entities, sorted."""
        return tuple(self.cfg["entities"])

    @property
    def relation_labels(self) -> tuple[str, ...]:
        """Names of relations, sorted."""
        return tuple(self.cfg["relations"])

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels: entity types, then relations."""
        return self.entity_labels + self.relation_labels

    @property
    def label_data(self) -> dict[str, list[str]]:
        """What `spacy init labels` writes and `initialize` takes: {"entities": [...], "relations": [...]}."""
        return {"entities": list(self.entity_labels), "relations": list(self.relation_labels)}

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Lowest probability of each relation. *Shape:* (relations,)."""
        own = self.cfg.get("thresholds", {})
        return np.array([own.get(label, self.cfg["threshold"]) for label in self.relation_labels])

    def add_label(self, label: str, *, kind: str = "relations") -> int:
        """Add a label before the network is initialized.

        Args:
            label (str): The label.
            kind (str): "relations" or "entities".

        Returns:
            int: 1, or 0 if the label was there.

        Raises:
            RinError: R010 for another kind or no label, R015 if the network is initialized.
        """
        if kind not in ("entities", "relations"):
            raise SettingError(Errors.R010, name="kind", expected="'entities' or 'relations'", value=kind)
        if not isinstance(label, str) or not label:
            raise SettingError(Errors.R010, name="label", expected="a non-empty string", value=label)
        if label in self.cfg[kind]:
            return 0
        if self.model.has_dim(_DIMS[kind]):
            raise RinError(Errors.R015, label=label, name=self.name, n=len(self.labels))
        self.cfg[kind] = sorted([*self.cfg[kind], label])
        self.vocab.strings.add(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, list[str]] | None = None,
    ) -> None:
        """Collect labels and words from the training corpus and make the network.

        Args:
            get_examples (Callable[[], Iterable[Example]]): Gives the training corpus.
            nlp (Language | None): The pipeline.
            labels (dict[str, list[str]] | None): `label_data`, so that the corpus need not be searched for labels.

        Raises:
            RinError: R012 without relations, R013 without examples, R014 if `labels` is not label data, R015 for
                new labels in a component that is initialized, R017 for an entity without a label.
        """
        validate_get_examples(get_examples, "RINJoint.initialize")
        if labels is not None:
            _check_labels(labels, self.name)
            for kind in _DIMS:
                for label in labels[kind]:
                    self.add_label(label, kind=kind)
        n_examples = 0
        docs: list[Doc] = []
        for example in get_examples():
            n_examples += 1
            docs.append(example.predicted)
            if labels is None:
                for span in self._gold_entities(example.reference):
                    if not span.label_:
                        raise RinError(Errors.R017, span=span.text, text=example.reference.text[:100])
                    self.add_label(span.label_, kind="entities")
                for relation in get_relations(example.reference, self.attr):
                    self.add_label(relation.label, kind="relations")
        if not any(len(doc) for doc in docs):
            raise RinError(Errors.R013, name=self.name)
        if not self.relation_labels:
            raise RinError(Errors.R012, n=n_examples, name=self.name, attr=self.attr)
        self.model.set_dim("tags", self.model.attrs["entity_layers"] * n_tags(len(self.entity_labels)))
        self.model.set_dim("relations", len(self.relation_labels))
        collect_words(self.model, docs)
        self.model.initialize(X=[doc for doc in docs if len(doc)][:10])

    def predict(self, docs: Iterable[Doc]) -> list[Prediction]:
        """Find entities and triples without changing the Docs.

        Args:
            docs (Iterable[Doc]): The documents.

        Returns:
            list[Prediction]: One for each Doc.

        Raises:
            RinError: R011 if the component has no labels.
        """
        self._require_labels()
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [Prediction([], []) for _ in docs]
        segments, output = self.model.predict(docs)
        blank = np.concatenate([docs[s.doc].to_array("IS_SPACE")[s.start : s.end] for s in segments])
        entities = decode_entities(segments, output.tag_scores(), blank.astype(bool))
        return self._decode(len(docs), segments, entities, output)

    def predict_given(self, examples: Iterable[Example]) -> list[Prediction]:
        """Find triples between annotated entities, without changing the Docs: what relation classification is worth
        alone. Of entities that overlap, those are given that the network's layers can hold.

        Args:
            examples (Iterable[Example]): Docs that earlier components have annotated, and their gold annotation.

        Returns:
            list[Prediction]: One for each Example: its entities, and the triples found between them.

        Raises:
            RinError: R011 if the component has no labels.
        """
        self._require_labels()
        examples = list(examples)
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            return [Prediction([], []) for _ in docs]
        segments, output = self.model.predict(docs)
        gold = [self._gold(example)[0] for example in examples]
        given = [
            [
                [
                    (start - segment.start, end - segment.start, kind)
                    for start, end, kind in entities or ()
                    if segment.start <= start and end <= segment.end
                ]
                for entities in gold[segment.doc]
            ]
            for segment in segments
        ]
        return self._decode(len(docs), segments, given, output)

    def set_annotations(self, docs: Iterable[Doc], scores: Sequence[Prediction]) -> None:
        """Write what was found to `doc.ents`, `doc.spans` and the relations attribute.

        Args:
            docs (Iterable[Doc]): The documents.
            scores (Sequence[Prediction]): What `predict` returned for them.

        Raises:
            RinError: R001 if something else has taken the attribute.
        """
        register_relations(self.attr)
        types, names = self.entity_labels, self.relation_labels
        for doc, prediction in zip(docs, scores):
            spans = {span: Span(doc, span[0], span[1], label=types[span[2]]) for span in prediction.entities}
            found = list(spans.values())
            doc.spans[self.spans_key] = found
            # `doc.ents` can't overlap: what was there keeps its tokens, and of what was found the longest spans win.
            kept = [] if self.overwrite else list(doc.ents)
            taken = {i for ent in kept for i in range(ent.start, ent.end)}
            free = [span for span in found if taken.isdisjoint(range(span.start, span.end))]
            doc.set_ents(kept + filter_spans(free))
            relations = [
                Relation(spans[triple.subject], names[triple.label], spans[triple.object], triple.score)
                for triple in prediction.triples
            ]
            set_relations(doc, relations, self.attr)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Any = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of Examples.

        Args:
            examples (Iterable[Example]): The batch.
            drop (float): Dropout rate.
            sgd (Optimizer | None): Optimizer; None accumulates gradients.
            losses (dict[str, float] | None): Losses by component, updated in place.

        Returns:
            dict[str, float]: The losses.

        Raises:
            RinError: R011 if the component has no labels.
        """
        self._require_labels()
        examples = list(examples)
        validate_examples(examples, "RINJoint.update")
        if self._reads_tags and not any(eg.predicted.has_annotation("TAG") for eg in examples):
            self._warn_once(Warnings.W003.format(name=self.name))
        return super().update(examples, drop=drop, sgd=sgd, losses=losses)

    def finish_update(self, sgd: Any) -> None:
        """Let the optimizer change the parameters, at `learn_rate_factor` times its rate.

        Args:
            sgd (Optimizer): The optimizer.
        """

        def faster(key: Any, weights: Any, gradient: Any, *, lr_scale: float = 1.0) -> Any:
            return sgd(key, weights, gradient, lr_scale=lr_scale * self.learn_rate_factor)

        self.model.finish_update(faster)

    def get_loss(self, examples: Iterable[Example], scores: tuple[list[Segment], Any]) -> tuple[float, Sequence[Any]]:
        """Compute the loss and its gradient: cross-entropy of tags and of all pairs, summed (eq. 8, 9), divided by the
        number of Examples. Tokens and Examples without annotation add nothing.

        Args:
            examples (Iterable[Example]): The batch.
            scores (tuple[list[Segment], Output]): What the model gave for it.

        Returns:
            tuple[float, Sequence[Tensor]]: The loss, and the gradients of `Output.tensors`.
        """
        examples = list(examples)
        segments, output = scores
        by_doc: list[list[Segment]] = [[] for _ in examples]
        for segment in segments:
            by_doc[segment.doc].append(segment)
        n_layers = self.model.attrs["entity_layers"]
        tags, known, offset = [np.empty((0, n_layers), np.int64)], [], 0
        triples: list[tuple[int, int, int]] = []
        for example, parts in zip(examples, by_doc):
            layers, relations = self._gold(example)
            learned: set[tuple[int, int, int]] = set()
            for segment in parts:
                length = segment.end - segment.start
                tags.append(np.stack([_segment_tags(entities, segment) for entities in layers], 1))
                known.append(relations is not None)
                shift = offset - segment.start
                inside = [
                    triple
                    for triple in relations or ()
                    if all(segment.start <= token < segment.end for token in triple[:2])
                ]
                triples.extend((i + shift, j + shift, label) for i, j, label in inside)
                learned.update(inside)
                offset += length
            if len(parts) > 1 and len(learned) < len(relations or ()):
                self._warn_once(Warnings.W004.format(name=self.name))
        return output.loss(
            np.concatenate(tags),
            np.asarray(triples, dtype=np.int64).reshape(-1, 3),
            known,
            1.0 / max(1, len(examples)),
        )

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score a batch of Examples with the component's scorer, see `scorer.score`."""
        return super().score(examples, **{"head": self.head, "attr": self.attr, **kwargs})

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "RINJoint":
        """Load the component from bytes; ValueError R016 if they are damaged."""
        try:
            return super().from_bytes(bytes_data, exclude=exclude)
        except Exception as error:
            raise RinError(Errors.R016, name=self.name, reason=_reason(error)) from error

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "RINJoint":
        """Load the component from a folder; ValueError R016 if a file is missing or damaged."""
        try:
            return super().from_disk(path, exclude=exclude)
        except Exception as error:
            raise RinError(Errors.R016, name=self.name, reason=_reason(error)) from error

    def _decode(
        self, n_docs: int, segments: Sequence[Segment], entities: Sequence[Layers], scores: Any
    ) -> list[Prediction]:
        settings: dict[str, Any] = {"thresholds": self.thresholds, "head": self.head, "rescue": self.rescue}
        return decode(n_docs, segments, entities, scores, **settings)

    def _require_labels(self) -> None:
        if not self.relation_labels:
            raise NotTrainedError(Errors.R011, name=self.name)

    def _gold_entities(self, reference: Doc) -> list[Span]:
        """Annotated entities, arguments of relations among them."""
        spans = [*reference.spans.get(self.spans_key, ()), *reference.ents]
        for relation in get_relations(reference, self.attr):
            spans += (relation.subject, relation.object)
        return spans

    def _gold(self, example: Example) -> tuple[list[list | None], list | None]:
        """Get the gold entities (start, end, type) of every layer, and triples (subject head, object head, label), in
        the tokens of the predicted Doc, None for what is not annotated. What has no counterpart in these tokens can't
        be learned."""
        reference = example.reference
        align = _aligner(example)
        layers: list[list | None] = [None] * self.model.attrs["entity_layers"]
        relations: list | None = None
        annotated = has_relations(reference, self.attr)
        if annotated or self.spans_key in reference.spans or reference.has_annotation("ENT_IOB"):
            for layer, spans in enumerate(split_layers(self._gold_entities(reference), len(layers))):
                layers[layer] = entities = []
                for span in spans:
                    kind, aligned = self._label_id(span.label_, "entities"), align(span)
                    if kind is not None and aligned is not None:
                        entities.append((*aligned, kind))
        if annotated:
            found = set()
            for relation in get_relations(reference, self.attr):
                label = self._label_id(relation.label, "relations")
                subject, object_ = align(relation.subject), align(relation.object)
                if label is not None and subject is not None and object_ is not None:
                    found.add((head_of(*subject, self.head), head_of(*object_, self.head), label))
            relations = sorted(found)
        return layers, relations

    def _label_id(self, label: str, kind: str) -> int | None:
        labels = self.cfg[kind]
        try:
            return labels.index(label)
        except ValueError:
            name = "Entity" if kind == "entities" else "Relation"
            self._warn_once(Warnings.W001.format(kind=name, label=label, name=self.name))
            return None

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warnings.warn(message, stacklevel=3)


def find_component(nlp: Language) -> tuple[str, RINJoint]:
    """Get the first "rin_joint" of a pipeline.

    Args:
        nlp (Language): The pipeline.

    Returns:
        tuple[str, RINJoint]: Its name in the pipeline, and the component.

    Raises:
        RinError: R018 if there is none.
    """
    for name, component in nlp.pipeline:
        if isinstance(component, RINJoint):
            return name, component
    raise RinError(Errors.R018)


_DIMS = {"entities": "tags", "relations": "relations"}


def _aligner(example: Example) -> Callable[[Span], tuple[int, int] | None]:
    """Make a function that finds the tokens of the predicted Doc for a span of the reference."""
    predicted, reference = example.predicted, example.reference
    if len(predicted) == len(reference) and (predicted.to_array("ORTH") == reference.to_array("ORTH")).all():
        return lambda span: (span.start, span.end)

    def align(span: Span) -> tuple[int, int] | None:
        # One at a time: spans that can't be aligned are left out of the result.
        aligned = example.get_aligned_spans_y2x([span], allow_overlap=True)
        return (aligned[0].start, aligned[0].end) if aligned else None

    return align


def _segment_tags(entities: list | None, segment: Segment) -> np.ndarray:
    """Make the gold tags of a segment: -1, not known, for everything if there is no annotation, and for what is left
    of entities that the segment's borders cut."""
    length = segment.end - segment.start
    if entities is None:
        return np.full(length, -1)
    shifted = [(start - segment.start, end - segment.start, kind) for start, end, kind in entities]
    tags = encode_tags([span for span in shifted if span[0] >= 0 and span[1] <= length], length)
    for start, end, _ in shifted:
        if (start < 0 < end) or (start < length < end):
            tags[max(start, 0) : end] = -1
    return tags


def _check_labels(labels: Any, name: str) -> None:
    valid = isinstance(labels, dict) and all(
        isinstance(labels.get(kind), (list, tuple))
        and labels[kind]
        and all(isinstance(label, str) and label for label in labels[kind])
        for kind in _DIMS
    )
    if not valid:
        raise RinError(Errors.R014, name=name, labels=labels)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
