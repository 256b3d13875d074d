"""The pipeline component: entities and relation triples, jointly."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from thinc.api import Model

from ..errors import Errors, NotTrainedError, RinError, SettingError, Warnings
from ..model.segments import CONTEXTS, Segment, find_sentences
from ..model.word_vectors import collect_words
from ..model.wrapper import grow_network, network_of
from ..relations import (
    DEFAULT_ATTR,
    DEFAULT_SPANS_KEY,
    Relation,
    get_relations,
    register_relations,
    set_relations,
)
from .constraints import UNCONSTRAINED, Table, allows, check_constraints, collect_types, constrain
from .decode import HEADS, FoundEntities, Prediction, decode, decode_entities
from .entity_group import EntityGroup
from .gold import Gold, entities_within, gold_entities, make_targets, read_gold
from .state import DIMS, Unfit, are_labels, check_labels, check_network, is_number
from .tagging import grown_tags, n_tags

logger = logging.getLogger("spacy")

# What earlier components may annotate, and the component may read.
ANNOTATION = {"TAG": "part-of-speech tags", "DEP": "dependency trees", "SENT_START": "sentence boundaries"}
# Share of the training triples that reading sentence by sentence may lose.
MAX_LOST = 0.05
# The code of a token that begins an entity, in "ENT_IOB". If the entity has no type, the token is blocked.
BEGIN = 3
# A rate that rises starts at 0, and one that falls ends there: so many updates without learning are a mistake.
MAX_IDLE_UPDATES = 3


class RINJoint(TrainablePipe):  # type: ignore[misc]
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
        calibration: Mapping[str, Sequence[float]] | None = None,
        context: str | None = None,
        constraints: Table | None = None,
        head: str = "last",
        rescue: bool = False,
        overwrite: bool = False,
        spans_key: str = DEFAULT_SPANS_KEY,
        attr: str = DEFAULT_ATTR,
        learn_rate_factor: float = 1.0,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ):
        """Make the component, see `make_rin_joint` for the settings.

        Raises:
            RinError: R001 if the attribute's name is taken, R010 if a setting is out of range.
        """
        if not is_number(learn_rate_factor) or learn_rate_factor <= 0.0:
            raise SettingError(Errors.R010, name="learn_rate_factor", expected="positive", value=learn_rate_factor)
        if head not in HEADS:
            raise SettingError(Errors.R010, name="head", expected=f"one of {HEADS}", value=head)
        if context not in (None, *CONTEXTS):
            raise SettingError(Errors.R010, name="context", expected=f"one of {CONTEXTS}, or null", value=context)
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
        # The model holds it, as it is the model that reads the Docs.
        self.model.attrs["context"] = context
        self.cfg: dict[str, Any] = {"entities": [], "relations": [], "constraints": None}
        # What `initialize` chooses, each time.
        self._chosen = {name for name, value in (("context", context), ("constraints", constraints)) if value is None}
        if constraints is not None:
            self.set_constraints(constraints)
        self.set_thresholds(threshold, thresholds or {})
        self.set_calibration(calibration or {})
        self._warned: set[str] = set()
        self._idle_updates: int | None = 0  # until the first one whose learning rate is not 0
        self._reads = _annotation_read_by(model)

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
    def threshold(self) -> float:
        """Lowest probability of a relation that has no threshold of its own."""
        return float(self.cfg["threshold"])

    @property
    def thresholds(self) -> dict[str, float]:
        """Relations that have a threshold of their own, and it. Change it by `set_thresholds`."""
        return dict(self.cfg.get("thresholds", {}))

    @property
    def label_thresholds(self) -> NDArray[np.float64]:
        """Lowest probability of each relation, in the order of `relation_labels`. *Shape:* (relations,)."""
        own = self.thresholds
        return np.array([own.get(label, self.threshold) for label in self.relation_labels])

    @property
    def calibration(self) -> dict[str, list[float]]:
        """Slope and offset of the relations whose probabilities are corrected. Change it by `set_calibration`."""
        return {label: list(pair) for label, pair in self.cfg.get("calibration", {}).items()}

    @property
    def context(self) -> str | None:
        """What is read at once: "sentence" or "text"; None before `initialize` has chosen, which reads as "text"."""
        context: str | None = self.model.attrs["context"]
        return context

    @property
    def constraints(self) -> Table:
        """What holds of relations, see `make_rin_joint`."""
        return dict(self.cfg.get("constraints") or {})

    @property
    def rounds(self) -> int:
        """Rounds of interaction of the network."""
        return int(network_of(self.model.get_ref("network")).rounds)

    def set_thresholds(self, threshold: float, thresholds: Mapping[str, float] | None = None) -> None:
        """Set the lowest probabilities of relations.

        Args:
            threshold (float): That of relations that have none of their own, from 0 to 1.
            thresholds (Mapping[str, float] | None): Relations that have another one, and it. None for no relation.

        Raises:
            SettingError: R010 if one is out of range.
        """
        own = dict(thresholds or {})
        for setting, value in {"threshold": threshold, **{f"thresholds.{label}": own[label] for label in own}}.items():
            if not is_number(value) or not 0.0 <= value <= 1.0:
                raise SettingError(Errors.R010, name=setting, expected="from 0 to 1", value=value)
        self.cfg.update(threshold=threshold, thresholds=own)
        self._warn_of_unknown("thresholds", own)

    def set_calibration(self, calibration: Mapping[str, Sequence[float]]) -> None:
        """Correct the probabilities of relations: their logits become slope * logit + offset (Platt 1999).

        Args:
            calibration (Mapping[str, Sequence[float]]): Slope, above 0, and offset by relation. The probabilities of
                other relations are those of the network.

        Raises:
            SettingError: R010 if one is not valid.
        """
        for label, pair in calibration.items():
            if not isinstance(pair, Sequence) or len(pair) != 2 or not all(map(is_number, pair)) or pair[0] <= 0:
                expected = "two numbers: a slope above 0 and an offset"
                raise SettingError(Errors.R010, name=f"calibration.{label}", expected=expected, value=pair)
        self.cfg["calibration"] = {label: [float(x) for x in pair] for label, pair in calibration.items()}
        self._warn_of_unknown("calibration", calibration)

    def set_constraints(self, constraints: Table) -> None:
        """Set what holds of relations, so that nothing else is found.

        Args:
            constraints (Table): Constraints by relation, see `make_rin_joint`; none for those that can have all.

        Raises:
            SettingError: R010 if one is not valid.
        """
        check_constraints(constraints)
        self.cfg["constraints"] = {label: dict(values) for label, values in constraints.items()}
        self._chosen.discard("constraints")
        self._warn_of_unknown("constraints", constraints)
        self._warn_of_unknown_types()

    @contextmanager
    def settings(
        self,
        *,
        threshold: float | None = None,
        thresholds: Mapping[str, float] | None = None,
        calibration: Mapping[str, Sequence[float]] | None = None,
        rounds: int | None = None,
    ) -> Iterator[None]:
        """Predict with other settings inside a `with` block.

        The classifiers of the network are the same in all rounds. So it can predict after fewer rounds than it was
        trained with, or more, unless it was trained without any.

        Args:
            threshold (float | None): Lowest probability of a relation; None leaves it.
            thresholds (Mapping[str, float] | None): Relations that have another one, and it; None leaves them.
            calibration (Mapping[str, Sequence[float]] | None): See `set_calibration`; None leaves it.
            rounds (int | None): Rounds of interaction; None leaves them.

        Raises:
            SettingError: R010 if a setting is out of range.
        """
        network = network_of(self.model.get_ref("network"))
        if rounds is not None and (rounds < 0 or (rounds and not self.rounds)):
            expected = "at least 0" if self.rounds else "0, as the network was trained without rounds"
            raise SettingError(Errors.R010, name="rounds", expected=expected, value=rounds)
        before, rounds_before = dict(self.cfg), self.rounds
        try:
            own = self.thresholds if thresholds is None else thresholds
            self.set_thresholds(self.threshold if threshold is None else threshold, own)
            if calibration is not None:
                self.set_calibration(calibration)
            network.rounds = self.rounds if rounds is None else rounds
            yield
        finally:
            self.cfg.update({name: before[name] for name in ("threshold", "thresholds", "calibration")})
            network.rounds = rounds_before

    def add_label(self, label: str, *, kind: str = "relations") -> int:
        """Add a label. A trained network keeps what it has learned, and must be trained further to know the label.

        Args:
            label (str): The label.
            kind (str): "relations" or "entities".

        Returns:
            int: 1, or 0 if the label was there.

        Raises:
            SettingError: R010 for another kind or no label.
        """
        if kind not in DIMS:
            raise SettingError(Errors.R010, name="kind", expected="'entities' or 'relations'", value=kind)
        if not isinstance(label, str) or not label:
            raise SettingError(Errors.R010, name="label", expected="a non-empty string", value=label)
        if label in self.cfg[kind]:
            return 0
        before = self.label_data
        self.cfg[kind] = sorted([*self.cfg[kind], label])
        self.vocab.strings.add(label)
        if self.model.has_dim(DIMS[kind]):
            self._grow(before)
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
            RinError: R012 without relations, R013 without examples, R014 if `labels` is not label data, R017
                for an entity without a label.
        """
        validate_get_examples(get_examples, "RINJoint.initialize")
        if labels is not None:
            if not isinstance(labels, dict) or not all(labels.get(kind) and are_labels(labels[kind]) for kind in DIMS):
                raise RinError(Errors.R014, name=self.name, labels=labels)
            for kind in DIMS:
                for label in labels[kind]:
                    self.add_label(label, kind=kind)
        examples: list[Example] = []
        for example in get_examples():
            examples.append(example)
            if labels is None:
                for span in gold_entities(example.reference, spans_key=self.spans_key, attr=self.attr):
                    if not span.label_:
                        raise RinError(Errors.R017, span=span.text, text=example.reference.text[:100])
                    self.add_label(span.label_, kind="entities")
                for relation in get_relations(example.reference, self.attr):
                    self.add_label(relation.label, kind="relations")
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            raise RinError(Errors.R013, name=self.name)
        if not self.relation_labels:
            raise RinError(Errors.R012, n=len(examples), name=self.name, attr=self.attr)
        for setting in ("thresholds", "calibration", "constraints"):
            self._warn_of_unknown(setting, self.cfg.get(setting) or ())
        self._warn_of_unknown_types()
        self._fit_settings(examples, nlp)
        self._idle_updates = 0
        self.cfg.pop("annotation", None)
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
            NotTrainedError: R011 if the component has no labels or no network.
        """
        self._require_training()
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [Prediction([], [], []) for _ in docs]
        segments, output = self._read(docs)
        is_space = [doc.to_array("IS_SPACE").astype(bool) for doc in docs]
        blank = np.concatenate([is_space[s.doc][s.start : s.end] for s in segments])
        entities = decode_entities(segments, output.tag_scores(), blank)
        return self._decode(len(docs), segments, entities, output)

    def predict_given(self, examples: Iterable[Example]) -> list[Prediction]:
        """Find triples between the annotated entities, without changing the Docs.

        It scores relation classification alone. Overlapping entities are given as far as the network has layers.

        Args:
            examples (Iterable[Example]): Docs that earlier components have annotated, and their gold annotation.

        Returns:
            list[Prediction]: One for each Example: its entities, and the triples found between them.

        Raises:
            NotTrainedError: R011 if the component has no labels or no network.
        """
        self._require_training()
        examples = list(examples)
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            return [Prediction([], [], []) for _ in docs]
        segments, output = self._read(docs)
        golds = self._read_gold(examples)
        n_layers = self.model.attrs["entity_layers"]
        given = [FoundEntities(entities_within(golds[segment.doc], segment, n_layers)) for segment in segments]
        return self._decode(len(docs), segments, given, output)

    def set_annotations(self, docs: Iterable[Doc], predictions: Sequence[Prediction]) -> None:
        """Write what was found to `doc.ents`, `doc.spans` and the relations attribute. The probabilities of entities
        are in `doc.spans["rin"].attrs["scores"]`.

        Args:
            docs (Iterable[Doc]): The documents.
            predictions (Sequence[Prediction]): What `predict` returned for them.

        Raises:
            RinError: R001 if something else has taken the attribute.
        """
        register_relations(self.attr)
        types, names = self.entity_labels, self.relation_labels
        for doc, prediction in zip(docs, predictions):
            if lost := _labels_of(doc, self.attr).difference(names):
                self._warn_once(Warnings.W011.format(name=self.name, attr=self.attr, label=min(lost)))
            elif (other := _made_by(doc, self.spans_key)) not in ("", self.name):
                self._warn_once(Warnings.W017.format(name=self.name, other=other))
            spans = {span: Span(doc, span[0], span[1], label=types[span[2]]) for span in prediction.entities}
            found = list(spans.values())
            scores = {"scores": np.array(prediction.scores, dtype=np.float32)}
            group = EntityGroup(doc, name=self.spans_key, attrs=scores, spans=found)
            group.component = self.name
            doc.spans[self.spans_key] = group
            # `doc.ents` can't overlap: what was there keeps its tokens, and of what was found the longest spans win.
            # Tokens that someone has blocked are in no entity.
            kept = [] if self.overwrite else list(doc.ents)
            blocked = _blocked_tokens(doc)
            taken = {i for span in (*kept, *blocked) for i in range(span.start, span.end)}
            free = [span for span in found if taken.isdisjoint(range(span.start, span.end))]
            doc.set_ents(kept + filter_spans(free), blocked=blocked)
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
            NotTrainedError: R011 if the component has no labels or no network.
        """
        self._require_training()
        examples = list(examples)
        validate_examples(examples, "RINJoint.update")
        found, missing = self._find_annotation(example.predicted for example in examples)
        self.cfg["annotation"] = sorted(found.union(self.cfg.get("annotation", ())))
        for kind in sorted(missing & self._reads):
            self._warn_once(Warnings.W003.format(name=self.name, kind=ANNOTATION[kind]))
        updated: dict[str, float] = super().update(examples, drop=drop, sgd=sgd, losses=losses)
        return updated

    def finish_update(self, sgd: Any) -> None:
        """Let the optimizer change the parameters, at `learn_rate_factor` times its rate.

        Args:
            sgd (Optimizer): The optimizer.
        """
        if self._idle_updates is not None:
            self._idle_updates = self._idle_updates + 1 if getattr(sgd, "learn_rate", None) == 0 else None
            if self._idle_updates == MAX_IDLE_UPDATES:
                self._warn_once(Warnings.W010.format(name=self.name, n=MAX_IDLE_UPDATES))

        def faster(key: Any, weights: Any, gradient: Any, *, lr_scale: float = 1.0) -> Any:
            return sgd(key, weights, gradient, lr_scale=lr_scale * self.learn_rate_factor)

        self.model.finish_update(faster)

    def get_loss(self, examples: Iterable[Example], scores: tuple[list[Segment], Any]) -> tuple[float, Sequence[Any]]:
        """Compute the loss and its gradient: cross-entropy of tags and of all pairs (or steps of writing), summed,
        divided by the number of Examples. Tokens and Examples without annotation add nothing.

        Args:
            examples (Iterable[Example]): The batch.
            scores (tuple[list[Segment], Output]): What the model gave for it.

        Returns:
            tuple[float, Sequence[Tensor]]: The loss, and the gradients of what the network returned.
        """
        examples = list(examples)
        segments, output = scores
        golds = self._read_gold(examples)
        self._warn_of_forbidden(golds)
        targets = make_targets(golds, segments, self.model.attrs["entity_layers"])
        if targets.cut:
            self._warn_once(Warnings.W004.format(name=self.name))
        slots = self.model.attrs.get("slots")
        if slots is not None and targets.most > slots:
            self._warn_once(Warnings.W006.format(name=self.name, slots=slots))
        loss: tuple[float, Sequence[Any]] = output.loss(
            targets.tags, targets.triples, targets.known, 1.0 / max(1, len(examples))
        )
        return loss

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score a batch of Examples with the component's scorer, see `scorer.score`."""
        scores: dict[str, Any] = super().score(examples, **{"head": self.head, "attr": self.attr, **kwargs})
        return scores

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component to bytes."""
        self.model.attrs["labels"] = self.label_data
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component to a folder."""
        self.model.attrs["labels"] = self.label_data
        super().to_disk(path, exclude=exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "RINJoint":
        """Load the component from bytes; RinError R016 if they are damaged."""
        with self._sound(exclude):
            super().from_bytes(bytes_data, exclude=exclude)
        return self

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "RINJoint":
        """Load the component from a folder; RinError R016 if a file is missing or damaged. Settings that its "cfg"
        lacks are those of the config."""
        with self._sound(exclude):
            super().from_disk(path, exclude=exclude)
        return self

    @contextmanager
    def _sound(self, exclude: Iterable[str]) -> Iterator[None]:
        """Check what is loaded, and raise any error as R016: damaged files fail in many ways."""
        try:
            yield
            check_labels(self.cfg)
            self._check_settings()
            if not {"cfg", "model"} & set(exclude):
                check_network(self.cfg, self.model)
        except Exception as error:
            reason = str(error) if isinstance(error, (Unfit, RinError)) else f"{type(error).__name__}: {error}"
            raise RinError(Errors.R016, name=self.name, reason=reason) from error

    def _check_settings(self) -> None:
        """Check the settings of the state as if they were set now."""
        for name in ("thresholds", "calibration"):
            if not isinstance(self.cfg[name], dict):
                raise SettingError(Errors.R010, name=name, expected="a table of relations", value=self.cfg[name])
        self.set_thresholds(self.cfg["threshold"], self.cfg["thresholds"])
        self.set_calibration(self.cfg["calibration"])
        if self.cfg["constraints"] is not None:
            check_constraints(self.cfg["constraints"])
        annotation = self.cfg.get("annotation", [])
        if not isinstance(annotation, list) or not all(kind in ANNOTATION for kind in annotation):
            raise SettingError(Errors.R010, name="annotation", expected=f"a list of {[*ANNOTATION]}", value=annotation)

    def _decode(
        self, n_docs: int, segments: Sequence[Segment], entities: Sequence[FoundEntities], output: Any
    ) -> list[Prediction]:
        if calibration := self.cfg.get("calibration"):
            slopes, offsets = np.array([calibration.get(label, (1.0, 0.0)) for label in self.relation_labels]).T
            output = output.calibrated(slopes, offsets)
        settings: dict[str, Any] = {"thresholds": self.label_thresholds, "head": self.head, "rescue": self.rescue}
        predictions = decode(n_docs, segments, entities, output, **settings)
        if any(prediction.cut for prediction in predictions):
            self._warn_once(Warnings.W012.format(name=self.name))
        if table := self.cfg.get("constraints"):
            checked, types = check_constraints(table), self.entity_labels
            constraints = [checked.get(label, UNCONSTRAINED) for label in self.relation_labels]
            predictions = [
                prediction._replace(triples=constrain(prediction.triples, constraints, types))
                for prediction in predictions
            ]
        return predictions

    def _fit_settings(self, examples: Sequence[Example], nlp: Language | None) -> None:
        """Choose the settings that were given as null by the training corpus. The context is also put into the
        config, which can't hold all names of relations, so not the constraints."""
        if "context" in self._chosen:
            total, lost = self._count_lost_by_sentences(examples)
            self.model.attrs["context"] = "text" if prefers_text(total, lost) else "sentence"
            if nlp is not None and self.name in nlp.component_names:
                nlp.get_pipe_config(self.name)["context"] = self.context
            logger.info(
                "Component '%s' reads with context = \"%s\": %d of %d training triples cross sentences",
                *(self.name, self.context, lost, total),
            )
        if "constraints" in self._chosen:
            relations = (relation for example in examples for relation in get_relations(example.reference, self.attr))
            self.cfg["constraints"] = collect_types((r.subject.label_, r.label, r.object.label_) for r in relations)

    def _count_lost_by_sentences(self, examples: Sequence[Example]) -> tuple[int, int]:
        """Count the gold triples, and those whose entities are not both wholly in one sentence."""
        total = lost = 0
        for example in examples:
            gold = read_gold(example, self.label_data, **self._gold_settings)
            starts = np.zeros(len(example.predicted), dtype=np.int64)
            starts[[start for start, _ in find_sentences(example.predicted)]] = 1
            sentence = starts.cumsum()
            total += len(gold.triples or ())
            lost += sum(int(sentence[first] != sentence[end - 1]) for first, end in gold.extents.values())
        return total, lost

    def _read(self, docs: Sequence[Doc]) -> tuple[list[Segment], Any]:
        """Let the model read Docs, and warn if they lack annotation that it learned from, or have more."""
        found, missing = self._find_annotation(docs)
        learned = set(self.cfg.get("annotation", found))
        for kind in sorted(missing & learned):
            self._warn_once(Warnings.W005.format(name=self.name, kind=ANNOTATION[kind]))
        # Without sentence boundaries, which are no features: texts of one sentence each need none to learn from.
        for kind in sorted((found & self._reads) - learned):
            self._warn_once(Warnings.W013.format(name=self.name, kind=ANNOTATION[kind]))
        segments, output = self.model.predict(docs)
        return segments, output

    def _find_annotation(self, docs: Iterable[Doc]) -> tuple[set[str], set[str]]:
        """Which of the annotation that the component reads is in some of the Docs, and which is in none."""
        by_sentences = self.context == "sentence" or network_of(self.model.get_ref("network")).relative_positions
        read = self._reads | ({"SENT_START"} if by_sentences else set())
        docs = [doc for doc in docs if len(doc) > 1]  # a Doc of one token always has sentence boundaries
        found = {kind for kind in read if any(doc.has_annotation(kind) for doc in docs)}
        return found, read - found if docs else set()

    def _grow(self, before: dict[str, list[str]]) -> None:
        """Make room in the network for labels that are not in the label data `before`."""
        positions = {
            kind: [before[kind].index(label) if label in before[kind] else None for label in self.label_data[kind]]
            for kind in before
        }
        n_layers = self.model.attrs["entity_layers"]
        n_before = n_tags(len(before["entities"]))
        tags = [
            tag if tag is None else tag + layer * n_before
            for layer in range(n_layers)
            for tag in grown_tags(positions["entities"])
        ]
        grow_network(self.model.get_ref("network"), tags, positions["relations"])
        self.model.set_dim("tags", len(tags), force=True)
        self.model.set_dim("relations", len(positions["relations"]), force=True)

    def _require_training(self) -> None:
        if not self.relation_labels or network_of(self.model.get_ref("network")).n_features is None:
            raise NotTrainedError(Errors.R011, name=self.name)

    @property
    def _gold_settings(self) -> dict[str, Any]:
        settings = {"head": self.head, "spans_key": self.spans_key, "attr": self.attr}
        return {**settings, "n_layers": self.model.attrs["entity_layers"]}

    def _read_gold(self, examples: Iterable[Example]) -> list[Gold]:
        """Read the annotation of Examples, and warn of labels that are not learned."""
        golds = [read_gold(example, self.label_data, **self._gold_settings) for example in examples]
        for kind, label in sorted(set().union(*(gold.unknown for gold in golds))):
            name = "Entity" if kind == "entities" else "Relation"
            self._warn_once(Warnings.W001.format(kind=name, label=label, name=self.name))
        return golds

    def _warn_of_forbidden(self, golds: Iterable[Gold]) -> None:
        """Warn of triples that are learned, and that no prediction can have."""
        constraints = check_constraints(self.constraints)
        for subject, label, object_ in sorted(set().union(*(gold.joined for gold in golds))):
            if not allows(constraints.get(label, UNCONSTRAINED), subject, object_):
                self._warn_once(Warnings.W009.format(name=self.name, label=label, subject=subject, object=object_))

    def _warn_of_unknown(self, setting: str, labels: Iterable[str]) -> None:
        """Warn of a relation that the component does not have. Before `initialize`, it has none."""
        known = self.relation_labels
        if known and (unknown := sorted(set(labels).difference(known))):
            message = Warnings.W014.format(name=self.name, setting=setting, label=unknown[0], known=", ".join(known))
            self._warn_once(message)

    def _warn_of_unknown_types(self) -> None:
        """Warn of a type in the constraints that the component does not have. Before `initialize`, it has none."""
        known = self.entity_labels
        for label, constraint in check_constraints(self.constraints).items() if known else ():
            named = {kind for pair in constraint.types or () for kind in pair}
            if unknown := sorted(named.difference(known)):
                names = ", ".join(known)
                self._warn_once(Warnings.W016.format(name=self.name, label=label, type=unknown[0], known=names))

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warnings.warn(message, stacklevel=3)


def _labels_of(doc: Doc, attr: str) -> set[str]:
    """Return the labels of a Doc's relations. It has none if they are damaged, or those of a Doc it was cut out of."""
    try:
        return {relation.label for relation in get_relations(doc, attr)}
    except RinError:
        return set()


def _made_by(doc: Doc, spans_key: str) -> str:
    """Return the name of the component that has set the entities of a Doc; empty if it was none of ours."""
    group = doc.spans.get(spans_key)
    return group.component if isinstance(group, EntityGroup) else ""


def _blocked_tokens(doc: Doc) -> list[Span]:
    """Return the tokens that `doc.set_ents` was told to keep out of all entities, each as a span."""
    marks: Any = doc.to_array(["ENT_IOB", "ENT_TYPE"])
    return [doc[i : i + 1] for i in np.flatnonzero((marks[:, 0] == BEGIN) & (marks[:, 1] == 0)).tolist()]


def _annotation_read_by(model: Model) -> set[str]:
    """Which annotation of earlier components the layers of a model read."""
    read = {kind for node in model.walk() for kind in node.attrs.get("reads", ()) if kind in ANNOTATION}
    tags = any({TAG, "TAG"} & set(node.attrs.get("columns", ())) for node in model.walk())
    return read | ({"TAG"} if tags else set())


def prefers_text(total: int, across: int) -> bool:
    """Whether texts should be read as a whole, rather than sentence by sentence.

    Args:
        total (int): Number of gold triples.
        across (int): Number of those whose entities are in different sentences.

    Returns:
        bool: Whether reading by sentences would lose too many.
    """
    return across > MAX_LOST * total


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
