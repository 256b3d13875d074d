"""What makes the component from a config: its settings and their defaults."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from thinc.api import Config, Model

from ..errors import Errors, SettingError
from ..relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY
from .component import RINJoint
from .config_keys import fits_config

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
        "calibration": {},
        "context": None,
        "constraints": None,
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
    calibration: dict[str, list[float]],
    context: str | None,
    constraints: dict[str, dict[str, Any]] | None,
    head: str,
    rescue: bool,
    overwrite: bool,
    spans_key: str,
    attr: str,
    learn_rate_factor: float,
    scorer: Callable[..., dict[str, Any]] | None,
) -> RINJoint:
    """Make a component that extracts entities and relations. These are its settings in a config.

    Args:
        nlp (Language): The pipeline.
        name (str): The component's name.
        model (Model): The network: "spacy_rin.RIN.v1", "spacy_rin.RINInt.v1" or "spacy_rin.Interactive.v1".
        threshold (float): Lowest probability of a relation, from 0 to 1.
        thresholds (dict[str, float]): Relations with a threshold of their own, and its value.
        calibration (dict[str, list[float]]): Relations whose probabilities are corrected, with the slope and the
            offset of their logits (Platt 1999). `spacy rin tune` finds them.
        context (str | None): What is read at once. "sentence": each sentence as if it stood alone; if a Doc has no
            sentence boundaries, they are found by rule and not written to it. "text": the whole text, up to
            `max_length` tokens, with triples across sentences. Null lets `initialize` choose: "text" if sentences
            would lose more than a few of the training triples.
        constraints (dict[str, dict[str, Any]] | None): What holds of relations, so that nothing else is found. For a
            relation: "types", the pairs of types of subject and object that it joins; "symmetric", whether it holds in
            both directions or in none; "asymmetric", whether it never holds in both; "one_object", whether a subject
            has at most one object; "one_subject", whether an object has at most one subject. Null lets `initialize`
            collect the types that occur in training.
        head (str): Token that stands for an entity in a triple: "last" (the papers' data) or "first".
        rescue (bool): Whether a triple also counts if its tokens are inside entities but are not their heads.
        overwrite (bool): Whether to replace the entities that earlier components set in `doc.ents`.
        spans_key (str): Key of all entities in `doc.spans`.
        attr (str): Name of the extension attribute of the relations.
        learn_rate_factor (float): Factor of the optimizer's learning rate for this component, so that it can
            learn faster than a transformer that it listens to.
        scorer (Callable | None): "spacy_rin.rin_scorer.v1".

    Returns:
        RINJoint: The component.

    Raises:
        SettingError: R110 if a config can't hold a name in a setting, R010 if a setting is not valid, R019 if another
            "rin_joint" of the pipeline writes to the same places.
    """
    for other_name, other in nlp.components:
        if isinstance(other, RINJoint) and other_name != name and (other.attr == attr or other.spans_key == spans_key):
            raise SettingError(Errors.R019, name=name, other=other_name, attr=attr, key=spans_key)
    component = RINJoint(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        thresholds=thresholds,
        calibration=calibration,
        context=context,
        constraints=constraints,
        head=head,
        rescue=rescue,
        overwrite=overwrite,
        spans_key=spans_key,
        attr=attr,
        learn_rate_factor=learn_rate_factor,
        scorer=scorer,
    )
    for setting, table in (("thresholds", thresholds), ("calibration", calibration), ("constraints", constraints)):
        if table and not fits_config(table):
            labels = [label for label, value in table.items() if not fits_config({label: value})]
            raise SettingError(Errors.R110, name=f"{name}.{setting}", labels=labels, method=f"set_{setting}")
    return component
