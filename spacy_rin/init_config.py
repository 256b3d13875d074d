"""A config that fits a corpus, with the reason for each choice."""

import math
import random
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy import util
from spacy.language import Language
from spacy.tokens import Doc, Span
from thinc.api import Config

from .convert.docs import blank_pipeline
from .errors import Errors, RinError, Warnings
from .evaluation.data_check import MAX_CUT, check_data
from .evaluation.scorer import characters_of, triples
from .files import require_existing
from .pipeline.component import prefers_text
from .pipeline.config_keys import fits_config
from .pipeline.corpus import read_docs
from .pipeline.gold import gold_entities
from .pipeline.join import group_texts
from .relations import DEFAULT_ATTR, DEFAULT_SPANS_KEY, Relation, get_relations, has_relations

MODEL = "components.rin_joint.model"
TOK2VEC = f"{MODEL}.tok2vec"

# A relation is taken for symmetric if so many triples say so; for asymmetric, or for one with one object, if so many
# could have said the contrary.
MIN_SYMMETRIC = 20
MIN_ONE = 100
# Share of these whose subject may have several objects in a relation with one object: texts have slips. An object, such
# as a place, has others more easily.
SEVERAL_SHARE = 0.005
# Share of pairs that must be annotated in both directions.
SYMMETRIC_SHARE = 0.95
# Share of the triples that a second layer of entities must save.
LAYER_GAIN = 0.005
# Share of the triples that first words must save, to stand for entities in place of last words. Last words mostly say
# more: the kind of a thing, or the family name of a person.
HEAD_GAIN = 0.01
# How texts are joined that are read across sentences, see `create_joining_batcher`.
JOIN: dict[str, Any] = {"share": 0.8, "max_texts": 5, "max_length": 256, "similar": 0.6}
SMOOTHING = 0.05
# Share of the texts in which names are replaced, see `create_replacing_batcher`.
REPLACED = 0.5
SMALL = 1000  # texts
TAG_ROWS = 200  # of the hash table of tags: Penn has 50
MIN_STEPS_AN_EPOCH = 100  # with a transformer
MIN_STEPS = 600
WARMUP_STEPS = 250


@dataclass(frozen=True)
class Choice:
    """A setting, its value and the reason for it.

    Attributes:
        setting (str): Its full name in the config.
        value (Any): Its value.
        reason (str): Why it has this value.
    """

    setting: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Corpus:
    """What choices depend on.

    Attributes:
        docs (Sequence[Doc]): The training texts.
        attr (str): The extension attribute of the relations.
        counts (Mapping[str, Any]): What `check_data` counts.
    """

    docs: Sequence[Doc]
    attr: str = DEFAULT_ATTR
    counts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, docs: Iterable[Doc], attr: str = DEFAULT_ATTR, nlp: Language | None = None) -> "Corpus":
        """Count what is in training texts.

        Args:
            docs (Iterable[Doc]): The texts.
            attr (str): The extension attribute of the relations.
            nlp (Language | None): A pipeline whose tokenizer should hold the entities.

        Returns:
            Corpus: The corpus.

        Raises:
            RinError: R036 if no relations are annotated.
        """
        docs = [doc for doc in docs if len(doc)]
        if not any(has_relations(doc, attr) and get_relations(doc, attr) for doc in docs):
            raise RinError(Errors.R036, attr=attr)
        return cls(docs, attr, check_data(docs, attr=attr, nlp=nlp).counts)


def init_config(
    train: str | Path,
    *,
    dev: str | Path | None = None,
    lang: str = "en",
    vectors: str | None = None,
    transformer: str | None = None,
    tagger: str | None = None,
    gpu: bool = False,
    attr: str = DEFAULT_ATTR,
) -> tuple[Config, list[Choice]]:
    """Make a filled config for a corpus.

    Args:
        train (str | Path): The training data, a .spacy file or a folder of such files.
        dev (str | Path | None): The development data.
        lang (str): Language code.
        vectors (str | None): Pipeline with word vectors: a name or a folder.
        transformer (str | None): Name or folder of a transformer. It takes the place of word vectors.
        tagger (str | None): Pipeline with a tagger, whose tags the network reads. Not with a transformer.
        gpu (bool): Whether training runs on a GPU.
        attr (str): The extension attribute of the relations.

    Returns:
        tuple[Config, list[Choice]]: The config, and the choices in it.

    Raises:
        FileError: R033 if there is no training data, R053 if it is not a .spacy file.
        SettingError: R037 if spaCy can't tokenize the language.
        RinError: R036 if no relations are annotated, R075 if a pipeline can't be loaded or lacks what it is to give, or
            a transformer is given together with vectors or a tagger.
    """
    if vectors is not None and transformer is not None:
        raise RinError(Errors.R075, reason="--vectors and --transformer are given, but only one of them can be used")
    if tagger is not None and transformer is not None:
        raise RinError(Errors.R075, reason="--tagger is given, but with --transformer the network reads no tags")
    nlp = blank_pipeline(lang)
    corpus = Corpus.of(read_docs(train, nlp.vocab), attr, nlp)
    if dev is not None:
        require_existing(dev)
    context, reason = _choose_context(corpus)
    choices = [
        Choice("paths.train", str(train), "the training data"),
        Choice(
            "paths.dev", None if dev is None else str(dev), "the development data" if dev else "give it: --paths.dev"
        ),
        _check_lang(corpus, lang),
        Choice("components.rin_joint.context", context, reason),
        *_choose_entities(corpus),
        Choice(f"{MODEL}.relative_positions", True, "the farther apart, the less likely are two entities related"),
        Choice(f"{MODEL}.label_smoothing", SMOOTHING, "high scores are rarer for text unlike the training data"),
        *_choose_features(corpus, vectors, transformer, tagger),
        *_choose_constraints(corpus),
    ]
    choices += _choose_training(corpus, context, transformer is not None, gpu)
    config = Config(_base(lang, vectors, transformer, tagger, attr))
    for choice in choices:
        _set(config, choice.setting, choice.value)
    return _fill(config, tagger), choices


def _check_lang(corpus: Corpus, lang: str) -> Choice:
    total, cut = corpus.counts["entities"], corpus.counts["entities_cut"]
    if cut > MAX_CUT * total:
        warnings.warn(Warnings.W015.format(n=f"{cut:,}", total=f"{total:,}", lang=lang), stacklevel=3)
    return Choice("nlp.lang", lang, f"{cut:,} of {total:,} entities begin or end inside a token of its tokenizer")


def _choose_context(corpus: Corpus) -> tuple[str, str]:
    total, across = corpus.counts["triples"], corpus.counts["triples_across_sentences"]
    return "text" if prefers_text(total, across) else "sentence", f"{across:,} of {total:,} triples cross sentences"


def _choose_entities(corpus: Corpus) -> Iterable[Choice]:
    total = corpus.counts["triples"]
    lost = corpus.counts["triples_lost_by_settings"]
    by_head = {head: [lost[f"entity_layers={n}, head={head}"] for n in (1, 2)] for head in ("last", "first")}
    saved = min(by_head["last"]) - min(by_head["first"])
    head = "first" if saved > HEAD_GAIN * total else "last"
    one, two = by_head[head]
    reason = f"overlapping entities lose {one:,} of {total:,} triples with one layer, {two:,} with two"
    yield Choice(f"{MODEL}.entity_layers", 2 if one - two > LAYER_GAIN * total else 1, reason)
    other = "first" if head == "last" else "last"
    reason = f'{min(by_head[head]):,} triples are lost that way, {min(by_head[other]):,} with "{other}"'
    yield Choice("components.rin_joint.head", head, reason)


def _choose_features(
    corpus: Corpus, vectors: str | None, transformer: str | None, tagger: str | None
) -> Iterable[Choice]:
    if transformer is not None:
        yield Choice("components.transformer.model.name", transformer, "token features of the transformer")
        yield Choice(f"{TOK2VEC}.encode.width", 300, "an encoder above it finds more triples")
        yield Choice(f"{MODEL}.rounds", 1, "one round of interaction is enough on a transformer")
        return
    tags = "part-of-speech tags" if tagger else "no tagger is given: --tagger"
    if vectors is not None:
        width = _width_of(vectors)
        yield Choice("initialize.vectors", vectors, "word vectors, which know words that training does not show")
        yield Choice(f"{TOK2VEC}.embed.width", width, "the width of these vectors")
        yield Choice(f"{TOK2VEC}.embed.min_count", 2, "a word that occurs once keeps the vector that it was given")
        reason = "prefix, suffix and shape, for words without a vector"
        yield Choice(f"{TOK2VEC}.embed.affix_width", 20, reason)
        yield Choice(f"{TOK2VEC}.embed.pos_width", 10 if tagger else 0, tags)
        yield Choice(f"{TOK2VEC}.encode.width", 300, "a wide encoder, as word vectors carry much")
        yield Choice(f"{MODEL}.rounds", 1, "one round of interaction is enough with word vectors")
    else:
        reason = f"no word vectors are given (--vectors): norm, prefix, suffix and shape of words; {tags}"
        attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE", *(["TAG"] if tagger else [])]
        yield Choice(f"{TOK2VEC}.embed.attrs", attrs, reason)
        n_words = len({token.lower_ for doc in corpus.docs for token in doc})
        rows = min(5000, 1000 * math.ceil(n_words / 1000))
        others = max(1000, rows // 2)
        reason = f"{n_words:,} distinct words: larger hash tables learn names by heart"
        yield Choice(f"{TOK2VEC}.embed.rows", [rows, 1000, others, others, *([TAG_ROWS] if tagger else [])], reason)
        yield Choice(f"{TOK2VEC}.encode.width", 256, "a wide encoder does better on new names")
        yield Choice(f"{MODEL}.rounds", 3, "as in the paper")


@dataclass
class _Use:
    """How a relation is used in a corpus.

    Attributes:
        types (set[tuple[str, str]]): The pairs of types of subject and object that it joins.
        texts (list[tuple[Doc, list[Relation]]]): The texts that have it, each with its distinct triples of it.
    """

    types: set[tuple[str, str]] = field(default_factory=set)
    texts: list[tuple[Doc, list[Relation]]] = field(default_factory=list)


def _list_uses(corpus: Corpus) -> dict[str, _Use]:
    uses: defaultdict[str, _Use] = defaultdict(_Use)
    for doc in corpus.docs:
        by_label: defaultdict[str, list[Relation]] = defaultdict(list)
        for relation in triples(doc, corpus.attr).values():
            by_label[relation.label].append(relation)
            uses[relation.label].types.add((relation.subject.label_, relation.object.label_))
        for label, relations in by_label.items():
            uses[label].texts.append((doc, relations))
    return dict(uses)


def _choose_constraints(corpus: Corpus) -> Iterable[Choice]:
    several = len(corpus.counts["entity_labels"]) > 1
    uses = _list_uses(corpus)
    table: dict[str, dict[str, Any]] = {}
    for label in sorted(uses):
        row: dict[str, Any] = {"types": sorted(map(list, uses[label].types))} if several else {}
        row |= _directions(uses[label])
        for name, near, far, share in (
            ("one_object", "subject", "object", SEVERAL_SHARE),
            ("one_subject", "object", "subject", 0.0),
        ):
            if _has_one(uses[label], near, far, share, corpus.attr):
                row[name] = True
        table[label] = row
    table = {label: row for label, row in table.items() if row}
    unfit = {label for label, row in table.items() if not fits_config({label: row})}
    table = {label: row for label, row in table.items() if label not in unfit}
    special = [label for label, row in table.items() if set(row) - {"types"}]
    reason = f"types that occur together, of {len(uses)} relations" if several else "there is one type of entities"
    if special:
        reason += f"; {len(special)} are (a)symmetric, or have one object or subject"
    if unfit:
        reason += f"; {len(unfit)} have none, as a config can't hold their names or types: see `set_constraints`"
    yield Choice("components.rin_joint.constraints", table, reason)


def _directions(use: _Use) -> dict[str, bool]:
    """Tell whether a relation is symmetric or asymmetric. What is related to itself says nothing of symmetry."""
    n_pairs = n_reversible = n_both = n_own = 0
    for _, relations in use.texts:
        ends = [(characters_of(relation.subject), characters_of(relation.object)) for relation in relations]
        pairs = {pair for pair in ends if pair[0] != pair[1]}
        n_own += len(ends) - len(pairs)
        n_pairs += len(pairs)
        n_both += sum(pair[::-1] in pairs for pair in pairs)
        n_reversible += sum((relation.object.label_, relation.subject.label_) in use.types for relation in relations)
    if n_pairs >= MIN_SYMMETRIC and n_both >= SYMMETRIC_SHARE * n_pairs:
        return {"symmetric": True}
    return {"asymmetric": True} if n_reversible >= MIN_ONE and not n_both and not n_own else {}


def _has_one(use: _Use, near: str, far: str, share: float, attr: str) -> bool:
    """Tell whether each subject (`near`) has one object (`far`), or each object one subject. Only texts count that name
    several entities of types that the relation joins, so that there could be several."""
    n_several = n_could = 0
    types = use.types if near == "subject" else {pair[::-1] for pair in use.types}
    for doc, relations in use.texts:
        entities = gold_entities(doc, spans_key=DEFAULT_SPANS_KEY, attr=attr)
        joined: defaultdict[Span, set[Any]] = defaultdict(set)
        for relation in relations:
            joined[getattr(relation, near)].add(characters_of(getattr(relation, far)))
        for span, others in joined.items():
            fitting = {entity.text.lower() for entity in entities if (span.label_, entity.label_) in types}
            n_several += len(others) > 1
            n_could += len(others) > 1 or len(fitting - {span.text.lower()}) > 1
    return n_could >= MIN_ONE and n_several <= share * n_could


def _choose_training(corpus: Corpus, context: str, transformer: bool, gpu: bool) -> Iterable[Choice]:
    n_texts = len(corpus.docs)
    yield Choice("training.gpu_allocator", "pytorch" if gpu else None, "training on a GPU" if gpu else "no --gpu")
    joined: list[Sized] = _join_lengths(corpus) if context == "text" else list(corpus.docs)
    if transformer:
        size = min(1500, max(500, sum(map(len, joined)) // MIN_STEPS_AN_EPOCH))
        batcher: dict[str, Any] = {"@batchers": "spacy.batch_by_padded.v1", "discard_oversize": False}
        batcher |= {"size": size, "buffer": 256}
        why = f"{size:,} tokens a step, for {sum(map(len, corpus.docs)):,} tokens"
        rate = 0.0001
        reason = "of the transformer; learn_rate_factor lets the network learn faster"
    else:
        texts = min(50, max(16, round(n_texts / 100)))
        size = max(1, round(texts * len(joined) / n_texts))
        batcher = {"@batchers": "spacy.batch_by_sequence.v1", "size": size}
        why = f"{texts} texts a step, for {n_texts:,} texts"
        rate = round(0.001 * math.sqrt(texts), 3)
        reason = "the larger the batch, the higher"
    make_batches = util.registry.resolve({"batcher": batcher})["batcher"]
    steps = sum(1 for _ in make_batches(joined))
    replacing = {"@batchers": "spacy_rin.replace_names.v1", "attr": corpus.attr, "share": REPLACED}
    batcher = {**replacing, "batcher": batcher}
    why += f"; names are replaced in {REPLACED:.0%} of them, so that pairs of names are not learned by heart"
    if context == "text":
        batcher = {"@batchers": "spacy_rin.join_texts.v1", "attr": corpus.attr, **JOIN, "batcher": batcher}
        why += "; most are joined with others, as few pairs of a long text are related"
    yield Choice("training.batcher", batcher, why)
    epochs = max(20 if n_texts >= SMALL else 30, math.ceil(MIN_STEPS / steps))
    yield Choice("training.max_epochs", epochs, f"{epochs * steps:,} steps of {steps:,} an epoch")
    schedule = {
        "@schedules": "warmup_linear.v1",
        "warmup_steps": min(WARMUP_STEPS, epochs * steps // 8),
        "total_steps": epochs * steps,
        "initial_rate": rate,
    }
    yield Choice("training.optimizer.learn_rate", schedule, f"{rate:g}, falling to 0 at the last step; {reason}")
    each = max(1, epochs // 30)
    yield Choice("training.eval_frequency", each * steps, f"every {each} epochs" if each > 1 else "once an epoch")
    yield Choice("training.dropout", 0.4, "rate of the input dropout")


def _join_lengths(corpus: Corpus) -> list[Sized]:
    """Choose texts to join as training does, and return something of the length of each."""
    rng = random.Random(0)
    docs = rng.sample(corpus.docs, len(corpus.docs))
    groups = group_texts(
        [doc for doc in docs if has_relations(doc, corpus.attr)],
        **JOIN,
        length=len,
        rng=rng,
        labels=lambda doc: [relation.label for relation in get_relations(doc, corpus.attr)],
    )
    joined: list[Sized] = [range(sum(map(len, group))) for group in groups]
    return joined + [doc for doc in docs if not has_relations(doc, corpus.attr)]


def _base(
    lang: str, vectors: str | None, transformer: str | None, tagger: str | None, attr: str
) -> dict[str, dict[str, Any]]:
    """Make what does not depend on the corpus."""
    components: dict[str, Any] = {"rin_joint": {"factory": "rin_joint", "attr": attr}}
    names = ["rin_joint"]
    encode: dict[str, Any] = {"@architectures": "spacy_rin.BiLSTMEncoder.v1"}
    if transformer is not None:
        names.insert(0, "transformer")
        spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
        components["transformer"] = {
            "factory": "transformer",
            "model": {
                "@architectures": "spacy-transformers.TransformerModel.v3",
                "get_spans": spans,
                "tokenizer_config": {"use_fast": True},
            },
        }
        embed: dict[str, Any] = {
            "@architectures": "spacy-transformers.TransformerListener.v1",
            "grad_factor": 1.0,
            "pooling": {"@layers": "reduce_mean.v1"},
        }
        components["rin_joint"]["learn_rate_factor"] = 40.0
    elif vectors is not None:
        embed = {"@architectures": "spacy_rin.WordPosEmbed.v1"}
    else:
        embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 96, "include_static_vectors": False}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    components["rin_joint"]["model"] = {"@architectures": "spacy_rin.RIN.v1", "tok2vec": tok2vec}
    if tagger is not None:
        names.insert(0, "tagger")
        components["tagger"] = _tagger_of(tagger)
    reader = {"@readers": "spacy_rin.Corpus.v1", "attr": attr}
    return {
        "paths": {"train": None, "dev": None},
        "system": {"seed": 0, "gpu_allocator": None},
        "nlp": {"lang": lang, "pipeline": names},
        "components": components,
        "corpora": {part: {**reader, "path": f"${{paths.{part}}}"} for part in ("train", "dev")},
        "training": {
            "seed": "${system.seed}",
            "train_corpus": "corpora.train",
            "dev_corpus": "corpora.dev",
            "patience": 0,
            "max_steps": 0,
            "frozen_components": ["tagger"] if tagger else [],
            "annotating_components": ["tagger"] if tagger else [],
            "optimizer": {"@optimizers": "Adam.v1", "L2": 0.0, "grad_clip": 5.0, "use_averages": False},
        },
        "initialize": {"vectors": None},
    }


def _tagger_of(pipeline: str) -> dict[str, Any]:
    """Take the tagger of a pipeline, with its own copy of the features that it shares with other components there."""
    return {"source": pipeline, "replace_listeners": ["model.tok2vec"]}


def _set(config: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        config = config.setdefault(part, {})
    config[last] = value


def _fill(config: Config, tagger: str | None) -> Config:
    """Write the defaults of all settings that are not chosen."""
    try:
        filled: Config = util.load_model_from_config(config, auto_fill=True).config
    except Exception as error:  # other packages and pipelines are loaded, which fail in many ways
        raise RinError(Errors.R075, reason=f"{type(error).__name__}: {error}") from error
    if tagger is not None:
        filled["components"]["tagger"] = _tagger_of(tagger)
    return filled


def _width_of(vectors: str) -> int:
    try:
        width = int(util.load_model(vectors).vocab.vectors_length)
    except Exception as error:  # pipelines fail to load in many ways
        raise RinError(Errors.R075, reason=f"'{vectors}' can't be loaded: {error}") from error
    if not width:
        raise RinError(Errors.R075, reason=f"'{vectors}' has no word vectors")
    return width
