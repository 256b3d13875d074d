import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.attrs import TAG
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Config, Model, fix_random_seed, set_dropout_rate

from spacy_rin.model.features import build_bilstm_encoder, build_word_pos_embed
from spacy_rin.model.word_vectors import WordVectors, collect_words

from ..support import TRIPLES, make_examples, names, same_predictions, train

# The mean of the squares is 0.16, the usual one, so that vectors stay as they are.
VECTORS = {"Ada": [0.0, 0.2], "brook": [0.4, 0.4], "unseen": [0.6, 0.48989795]}


@pytest.fixture
def vocab() -> Any:
    vocab = Vocab()
    vocab.reset_vectors(width=2)
    for word, vector in VECTORS.items():
        vocab.set_vector(word, np.array(vector, dtype="f"))
    return vocab


def make_layer(vocab: Vocab, words: Any, dropout: Any = 0.0, min_count: Any = 1) -> Any:
    layer = WordVectors(2, dropout=dropout, min_count=min_count)
    collect_words(layer, [Doc(vocab, words=words)])
    layer.initialize(X=[Doc(vocab, words=["x"])])
    return layer


def test_words_start_from_the_pipelines_vectors(vocab: Any) -> None:
    layer = make_layer(vocab, ["Ada", "Brook", "odd"])
    (out,) = layer.predict([Doc(vocab, words=["Ada", "Brook", "odd", "new", "unseen", "UNSEEN", "ada"])])
    ada, brook, odd, new, unseen, unseen_upper, ada_lower = out.tolist()
    assert ada == pytest.approx(VECTORS["Ada"])
    assert brook == pytest.approx(VECTORS["brook"])  # in lower case
    assert unseen == unseen_upper == pytest.approx(VECTORS["unseen"])  # not in the corpus, yet in the vectors
    assert odd != new  # a row of its own, and that of the unknown word
    assert new == ada_lower == layer.get_param("vectors")[0].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("factor", [0.05, 1.0, 30.0])
def test_length_of_the_vectors_does_not_matter(vocab: Vocab, factor: float, dtype: str) -> None:
    doc = Doc(vocab, words=["Ada", "Brook", "unseen"])
    expected = make_layer(vocab, ["Ada", "Brook"]).predict([doc])[0]
    # A row without a vector, as pruned tables have, says nothing of their length.
    rows = np.concatenate([vocab.vectors.data, np.zeros((9, 2))]) * factor
    vocab.vectors.data = rows.astype(dtype)
    layer = make_layer(vocab, ["Ada", "Brook"])
    assert layer.predict([doc])[0] == pytest.approx(expected, rel=2e-3)
    copy = WordVectors(2, dropout=0.0, min_count=1).from_bytes(layer.to_bytes())
    assert (copy.predict([doc])[0] == layer.predict([doc])[0]).all()


def test_gradients_reach_the_rows_of_the_words(vocab: Any) -> None:
    layer = make_layer(vocab, ["Ada", "Brook"])
    docs = [Doc(vocab, words=["Ada", "new"]), Doc(vocab), Doc(vocab, words=["unseen", "Brook", "Ada"])]
    outputs, backprop = layer.begin_update(docs)
    assert [len(out) for out in outputs] == [2, 0, 3]
    backprop([np.full_like(out, i + 1) for i, out in enumerate(outputs)])
    rows = {word: i + 1 for i, word in enumerate(layer.attrs["words"])}
    grad = layer.get_grad("vectors")
    assert grad[0].tolist() == [1.0, 1.0]
    assert grad[rows[vocab.strings["Ada"]]].tolist() == [4.0, 4.0]
    assert grad[rows[vocab.strings["Brook"]]].tolist() == [3.0, 3.0]


def test_fixed_vectors_have_no_gradient(vocab: Any) -> None:
    """Words that are too rare for a row of their own keep the pipeline's vector, and change no other row."""
    layer = make_layer(vocab, ["Ada", "Ada", "Brook"], min_count=2)
    (output,), backprop = layer.begin_update([Doc(vocab, words=["Brook", "unseen", "Ada"])])
    assert output[:2] == pytest.approx(np.array([VECTORS["brook"], VECTORS["unseen"]]))
    # For doubles, thinc leaves the sum to numpy, which writes to no place outside of the table.
    backprop([np.array([[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]])])
    assert layer.get_grad("vectors").tolist() == [[0.0, 0.0], [16.0, 32.0]]


def test_word_dropout_is_for_training(vocab: Any) -> None:
    layer = make_layer(vocab, ["Ada", "Brook"], dropout=1.0)
    doc = Doc(vocab, words=["Ada", "unseen"])
    unknown = layer.get_param("vectors")[0].tolist()
    assert layer.predict([doc])[0] == pytest.approx(np.array([VECTORS["Ada"], VECTORS["unseen"]]))
    assert layer.begin_update([doc])[0][0].tolist() == [unknown, unknown]


def test_rare_words_are_unknown(vocab: Any) -> None:
    layer = make_layer(vocab, ["odd", "rare", "odd"], min_count=2)
    odd, rare = layer.predict([Doc(vocab, words=["odd", "rare"])])[0].tolist()
    assert rare == layer.get_param("vectors")[0].tolist() != odd


def test_vectors_of_another_width(vocab: Any) -> None:
    layer = WordVectors(3, dropout=0.0, min_count=1)
    collect_words(layer, [Doc(vocab, words=["Ada"])])
    with pytest.raises(ValueError, match=r"R021.*2"):
        layer.initialize(X=[Doc(vocab, words=["Ada"])])


def test_vectors_that_are_gone(vocab: Any) -> None:
    """As in a component that is taken from another pipeline without its vocabulary."""
    vocab.set_vector("long", np.array([3.0, 4.0], dtype="f"))
    layer = make_layer(vocab, ["Ada"])
    with pytest.warns(UserWarning, match=r"^\[W008\].*share its vocabulary"):
        layer.predict([Doc(Vocab(), words=["Ada", "unseen"])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer.predict([Doc(vocab, words=["Ada", "unseen", "new"])])


def test_no_vectors_at_all() -> None:
    layer = make_layer(Vocab(), ["Ada"])
    assert layer.predict([Doc(Vocab(), words=["Ada", "x"])])[0].shape == (2, 2)
    assert layer.predict([]) == []


def make_embed(vocab: Vocab, pos_width: Any, affix_width: Any = 0) -> Any:
    embed = build_word_pos_embed(width=2, pos_width=pos_width, affix_width=affix_width)
    collect_words(embed, [Doc(vocab, words=["Ada"])])
    embed.initialize(X=[Doc(vocab, words=["Ada"])])
    return embed


def test_part_of_speech_is_the_tag(vocab: Any) -> None:
    embed = make_embed(vocab, pos_width=3)
    outs = []
    for tag in ["NNP", "NNP", "VB", ""]:
        doc = Doc(vocab, words=["Ada"])
        doc[0].tag_ = tag
        assert doc.to_array([TAG]).tolist() == [doc[0].tag]
        outs.append(embed.predict([doc])[0][0].tolist())
    assert len(outs[0]) == 5
    assert outs[0] == outs[1]
    assert len({tuple(out) for out in outs}) == 3
    without = make_embed(vocab, pos_width=0)
    assert without.predict([Doc(vocab, words=["Ada"])])[0].shape == (1, 2)


@pytest.mark.parametrize("pos_width", [0, 3])
def test_affixes_tell_unseen_words_apart(nlp: Language, pos_width: int) -> None:
    vocab = nlp.vocab
    embed = make_embed(vocab, pos_width=pos_width, affix_width=5)
    # Both of the first two words are unknown; the first and the third share their first letter and their shape alone.
    outs = embed.predict([Doc(vocab, words=["Quartzite", "velvet", "Quarrying"])])[0]
    assert outs.shape == (3, 2 + pos_width + 15)
    word, affixes = outs[:, :2], outs[:, 2 + pos_width :]
    assert (word[0] == word[1]).all()
    prefix, suffix, shape = affixes[:, :5], affixes[:, 5:10], affixes[:, 10:]
    for part, alike in [(prefix, True), (suffix, False), (shape, True)]:
        assert not (part[0] == part[1]).all()
        assert (part[0] == part[2]).all() == alike


def test_other_features_stand_beside_the_words_and_learn(vocab: Any) -> None:
    """Their columns come last, and get the gradients of these columns alone."""
    gradients = []

    def forward(model: Any, docs: list[Doc], is_train: Any) -> Any:
        def backprop(d_output: Any) -> Any:
            gradients.extend(d_output)
            return []

        return [np.full((len(doc), 3), 7.0, dtype="f") for doc in docs], backprop

    other = Model("other", forward, dims={"nO": 3})
    embed = build_word_pos_embed(width=2, pos_width=0, features=other)
    docs = [Doc(vocab, words=["Ada", "x"]), Doc(vocab, words=["Ada"])]
    collect_words(embed, docs)
    embed.initialize(X=docs)
    assert embed.get_dim("nO") == 5
    outs, backprop = embed(docs, is_train=True)
    assert [out[:, 2:].tolist() for out in outs] == [[[7.0] * 3] * 2, [[7.0] * 3]]
    backprop([np.tile(np.arange(5, dtype="f"), (len(doc), 1)) for doc in docs])
    assert [d.tolist() for d in gradients] == [[[2.0, 3.0, 4.0]] * 2, [[2.0, 3.0, 4.0]]]


def test_bad_encoder_width() -> None:
    with pytest.raises(ValueError, match="R010"):
        build_bilstm_encoder(width=5)
    with pytest.raises(ValueError, match=r"R010.*'join'"):
        build_bilstm_encoder(width=4, join="sum")
    assert build_bilstm_encoder(width=5, join="mean").get_dim("nO") == 5


def test_encoder_checks_its_input() -> None:
    encoder = build_bilstm_encoder(width=4)
    with pytest.raises(ValueError, match="R022"):
        encoder.predict([np.zeros((2, 3), dtype="f")])
    encoder.initialize(X=[np.zeros((2, 3), dtype="f")])
    assert encoder.predict([np.zeros((2, 3), dtype="f"), np.zeros((0, 3), dtype="f")])[0].shape == (2, 4)
    with pytest.raises(ValueError, match=r"R020.*5 columns"):
        encoder.predict([np.zeros((2, 5), dtype="f")])


def test_shared_tok2vec_sees_few_words(nlp: Language) -> None:
    embed = {"@architectures": "spacy_rin.WordPosEmbed.v1", "width": 16}
    encode = {"@architectures": "spacy_rin.BiLSTMEncoder.v1", "width": 20}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    component = nlp.add_pipe("tok2vec", config={"model": tok2vec})
    with pytest.warns(UserWarning, match="W002"):
        component.initialize(lambda: make_examples(nlp.vocab), nlp=nlp)


PAPER = {
    "model": {
        "@architectures": "spacy_rin.RIN.v1",
        "rounds": 2,
        "tok2vec": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {"@architectures": "spacy_rin.WordPosEmbed.v1", "width": 16, "pos_width": 4},
            "encode": {"@architectures": "spacy_rin.BiLSTMEncoder.v1", "width": 20},
        },
    }
}


def test_words_of_the_whole_corpus_have_rows(nlp: Language) -> None:
    """A network is initialized with few texts, but its words are those of all."""
    component = nlp.add_pipe("rin_joint", config=PAPER)
    data = [*TRIPLES * 4, ("Ada Brook leads Nimbus nowadays .", [("Ada Brook", "leads", "Nimbus")])]
    nlp.initialize(lambda: make_examples(nlp.vocab, data))
    (layer,) = (node for node in component.model.walk() if node.name == "word_vectors")
    words = {word for text, _ in data for word in text.split()}
    assert layer.attrs["words"] == sorted(nlp.vocab.strings[word] for word in words)


def test_paper_encoder_learns_and_round_trips(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", config=Config(PAPER).merge({"model": {"tok2vec": {"embed": {"pos_width": 0}}}}))
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 150)
    texts = [eg.text for eg in examples] + ["Zed Quill was born in Larne .", ""]
    expected = [nlp(text) for text in texts]
    assert names(expected[2]) == {("Ada Brook", "born_in", "Larne"), ("Ada Brook", "founded", "Nimbus")}
    nlp.to_disk(tmp_path)
    assert same_predictions(expected, [spacy.load(tmp_path)(text) for text in texts])
    assert same_predictions(expected, nlp.pipe(texts))


def test_shared_tok2vec_through_a_listener(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    cnn = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 32, "depth": 2, "embed_size": 500}
    nlp.add_pipe("tok2vec", config={"model": cnn})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    nlp.add_pipe("rin_joint", config={"model": {"tok2vec": listener}})
    examples = make_examples(nlp.vocab)
    train(nlp, examples, 60)
    texts = [eg.text for eg in examples]
    expected = [nlp(text) for text in texts]
    assert names(expected[2]) == {("Ada Brook", "born_in", "Larne"), ("Ada Brook", "founded", "Nimbus")}
    nlp.to_disk(tmp_path)
    assert same_predictions(expected, [spacy.load(tmp_path)(text) for text in texts])
    assert same_predictions(list(nlp.pipe([*texts, ""])), [*expected, nlp("")])


def test_tags_come_from_the_tagger(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp.add_pipe("tagger")
    component = nlp.add_pipe("rin_joint", config=PAPER)
    examples = make_examples(nlp.vocab)
    for eg in examples:
        for token in eg.reference:
            token.tag_ = "NNP" if token.text[0].isupper() else "X"
    learned_from = []

    def update(batch: Any, **kwargs: Any) -> Any:
        learned_from[:] = [[token.tag_ for token in eg.predicted] for eg in batch]
        return type(component).update(component, batch, **kwargs)

    monkeypatch.setattr(component, "update", update)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer, annotates=["tagger"])
    assert learned_from[0] == ["NNP", "NNP", "X", "X", "X", "NNP", "X"]
    assert [token.tag_ for token in nlp("Ada Brook leads Orbix .")] == ["NNP", "NNP", "X", "NNP", "X"]


def test_all_features_are_dropped_at_one_rate() -> None:
    doc = Doc(Vocab(), words=[f"w{i}" for i in range(500)], tags=[f"T{i % 40}" for i in range(500)])
    layer = build_word_pos_embed(width=50, pos_width=50, affix_width=10, word_dropout=0.0)
    collect_words(layer, [doc])
    layer.initialize(X=[doc])
    set_dropout_rate(layer, 0.4)
    fix_random_seed(0)
    (out,), _ = layer([doc], is_train=True)
    for part in (out[:, :50], out[:, 50:100], out[:, 100:]):
        assert 0.35 < (part == 0).mean() < 0.45


def test_same_seed_same_features() -> None:
    doc = Doc(Vocab(), words=["Ada", "Brook"], tags=["NNP", "NN"])
    outs = []
    for _ in range(2):
        fix_random_seed(0)
        layer = build_word_pos_embed(affix_width=10)
        collect_words(layer, [doc])
        layer.initialize(X=[doc])
        outs.append(layer.predict([doc])[0])
    assert np.array_equal(*outs)
