"""What the data check counts, against texts whose trouble is known."""

import json
import re
import time
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_rin.convert import convert
from spacy_rin.evaluation.data_check import FINDINGS, check_data, count_cut
from spacy_rin.model.segments import Segment
from spacy_rin.pipeline.decode import HEADS, FoundEntities, decode, head_of
from spacy_rin.pipeline.tagging import split_layers
from spacy_rin.relations import register_relations, set_relations

from ..support import TRIPLES, gold_doc, run

register_relations()
VOCAB = Vocab()


def make_doc(text: str, entities: Any = (), triples: Any = (), sentences: Any = None) -> Any:
    """A Doc of words, with entities as (first token, last token + 1[, type]) and triples of their positions."""
    doc = Doc(VOCAB, words=text.split("|") if "|" in text else text.split(), sent_starts=sentences)
    spans = [Span(doc, start, end, label=kind[0] if kind else "X") for start, end, *kind in entities]
    doc.spans["rin"] = spans
    if triples is not None:
        set_relations(doc, [(spans[s], label, spans[o]) for s, label, o in triples])
    return doc


def found(checked: Any) -> Any:
    return {finding.name: (finding.count, finding.where) for finding in checked.findings}


def test_good_data_has_no_findings() -> None:
    docs = [gold_doc(VOCAB, *row) for row in TRIPLES]
    checked = check_data(docs, min_count=2)
    counts = checked.counts
    assert checked.findings == []
    assert (counts["texts"], counts["tokens"]) == (6, 7 + 7 + 10 + 7 + 5 + 5)
    assert counts["tokens_per_text"] == {"mean": 6.8, "median": 7, "max": 10}
    assert (counts["entities"], counts["entities_without_relations"], counts["triples"]) == (11, 0, 7)
    assert counts["entities_of_several_tokens"] == 5  # the persons
    assert counts["relations"] == {"born_in": 3, "founded": 2, "leads": 2}
    assert counts["entity_labels"] == {"PERSON": 5, "ORG": 3, "PLACE": 3}
    assert counts["texts_per_pattern"] == {"normal": 3, "seo": 1, "epo": 1, "none": 1}
    assert counts["texts_per_count"] == {"0": 1, "1": 3, "2": 2, "3": 0, "4": 0, "5+": 0}
    assert counts["texts_per_length"]["1-10"] == 6
    assert set(counts["triples_lost_by_settings"].values()) == {0}


def test_overlapping_entities() -> None:
    # New York Times and York, in the middle; New York, at its beginning; Times, at its end
    spans = [(0, 3), (1, 2), (0, 2), (2, 3), (4, 5)]
    triples = [(entity, "r", 4) for entity in range(4)] + [(4, "r", 0)]
    checked = check_data([make_doc("New York Times in Larne", spans, triples)], min_count=1)
    assert checked.counts["triples_lost_by_settings"] == {
        # Only the longest is left.
        "entity_layers=1, head=last": 3,
        "entity_layers=1, head=first": 3,
        # York is in a third layer; Times ends where the longest does,
        "entity_layers=2, head=last": 2,
        # and New York begins where it does.
        "entity_layers=2, head=first": 2,
        "slots=5": 0,
        "slots=10": 0,
    }
    assert found(checked) == {"entities_overlapping": (3, ["1"]), "triples_lost": (3, ["1"])}
    # Not inside one another
    checked = check_data([make_doc("a b c d", [(0, 2), (1, 3), (3, 4)], [(1, "r", 2)])], min_count=1)
    assert checked.counts["entities_crossing"] == checked.counts["entities_overlapping"] == 1
    assert list(checked.counts["triples_lost_by_settings"].values())[:4] == [1, 1, 0, 0]
    # Two types of the same tokens: one entity is left, but no triple is lost.
    checked = check_data([make_doc("a b", [(0, 1, "X"), (0, 1, "Y"), (1, 2)], [(0, "r", 2)])], min_count=1)
    assert checked.counts["entities_overlapping"] == 1
    assert checked.counts["triples_lost"] == 0


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from("rs"), st.integers(0, 7)), max_size=8),
    st.sampled_from(HEADS),
    st.sampled_from([1, 2]),
)
@settings(deadline=None)
def test_triples_are_lost_as_in_decoding(spans: Any, triples: Any, head: str, n_layers: int) -> None:
    """Of a network that is certain of the gold pairs, and of nothing else."""
    triples = [(s % len(spans), label, o % len(spans)) for s, label, o in triples]
    doc = make_doc("a|b| |c|d|e|f|g|h|i", [(start, start + length) for start, length in spans], triples)
    entities = [Span(doc, *span, label="X") for span in {(span.start, span.end) for span in doc.spans["rin"]}]
    labels = {"r": 0, "s": 1}
    gold = {
        ((r.subject.start, r.subject.end), labels[r.label], (r.object.start, r.object.end)) for r in doc._.relations
    }
    certain = {(head_of(*subject, head), label, head_of(*object_, head)) for subject, label, object_ in gold}

    class Certain:
        def probable(self, subjects: Any, objects: Any, thresholds: Any) -> Any:
            pairs = list(zip(subjects.tolist(), objects.tolist()))
            rows = [(i, label) for i, (s, o) in enumerate(pairs) for label in (0, 1) if (s, label, o) in certain]
            return (*np.array(rows, dtype=np.int64).reshape(-1, 2).T, np.ones(len(rows)))

    layers = [
        [(span.start, span.end, 0) for span in layer if not any(span[place].text.isspace() for place in (0, -1))]
        for layer in split_layers(entities, n_layers)
    ]
    segment = Segment(0, 0, len(doc), 0, len(doc))
    (decoded,) = decode(
        1, [segment], [FoundEntities(layers)], Certain(), thresholds=np.ones(2), head=head, rescue=False
    )
    kept = {(triple.subject[:2], triple.label, triple.object[:2]) for triple in decoded.triples}
    lost = check_data([doc]).counts["triples_lost_by_settings"]
    assert lost[f"entity_layers={n_layers}, head={head}"] == len(gold - kept)


def test_time_grows_with_the_triples_of_a_text_not_with_its_pairs() -> None:
    """Pairs of all entities would be 16 million."""
    spans = [(i, i + 1) for i in range(4000)]
    doc = make_doc("w " * 4000, spans, [(i, "r", i + 1) for i in range(0, 4000, 2)])
    start = time.process_time()
    assert check_data([doc]).counts["triples_lost"] == 0
    assert time.process_time() - start < 12


def test_crossing_entities_are_counted_once() -> None:
    doc = make_doc("a b c d e f g", [(0, 3), (1, 4), (2, 5), (2, 3), (3, 4), (5, 7)], [])
    assert check_data([doc]).counts["entities_crossing"] == 2


def test_triples_beyond_the_slots() -> None:
    """Of a text with twelve triples, five slots hold five; a text with six does not fill the places of another."""
    crowded = make_doc("a b", [(0, 1), (1, 2)], [(0, f"r{i}", 1) for i in range(12)])
    few = make_doc("c d", [(0, 1), (1, 2)], [(0, f"r{i}", 1) for i in range(6)])
    lost = check_data([crowded, few], min_count=1).counts["triples_lost_by_settings"]
    assert (lost["slots=5"], lost["slots=10"]) == (7 + 1, 2)


def test_reflexive_and_unrelated() -> None:
    doc = make_doc("a b c", [(0, 1), (1, 2), (2, 3)], [(0, "r", 0), (0, "s", 0), (0, "r", 1)])
    checked = check_data([doc], min_count=1)
    assert checked.counts["triples_reflexive"] == 2
    assert checked.counts["entities_without_relations"] == 1
    assert checked.counts["triples_lost"] == 0
    assert checked.findings == []


def test_sentences() -> None:
    sentences = [True, False, True, False]
    doc = make_doc("a b c d", [(0, 1), (1, 2), (2, 3), (3, 4)], [(0, "r", 1), (1, "r", 2), (3, "r", 0)], sentences)
    assert found(check_data([doc], min_count=1)) == {"triples_across_sentences": (2, ["1"])}
    # An entity that is in two sentences itself
    across = make_doc("a b c d", [(0, 1), (1, 3)], [(0, "r", 1)], sentences)
    assert check_data([across]).counts["triples_across_sentences"] == 1
    long = make_doc("w " * 257, [(0, 1), (1, 2)], [(0, "r", 1)])
    parted = make_doc("v " * 257, [(0, 1), (1, 2)], [(0, "r", 1)], [True] * 257)
    assert found(check_data([parted, long, doc], min_count=1)) == {
        "texts_too_long": (1, ["2"]),
        "triples_across_sentences": (3, ["1", "3"]),
    }


def test_repetitions() -> None:
    one, other = [(0, "r", 1)], [(1, "r", 0)]
    spans = [(0, 1), (1, 2)]
    texts = [("a b", one), ("c d", one), ("A B", other), ("e f", one), ("e f", one)]
    docs = [make_doc(text, spans, triples) for text, triples in texts]
    train = [make_doc("C D", spans, one), make_doc("g h", spans, one)]
    checked = check_data(docs, train, min_count=1)
    assert found(checked) == {
        "texts_repeated": (2, ["3", "5"]),
        "texts_contradicting": (1, ["3"]),
        "texts_in_train": (1, ["2"]),
    }


def test_equal_annotation_contradicts_nothing() -> None:
    """Whatever white space and case the text has, and only if it is annotated."""
    spans, triples = [(0, 1), (2, 3)], [(0, "r", 1)]
    plain = make_doc("Ada left Rome", spans, triples)
    wide = make_doc("Ada| |left|ROME", [(0, 1), (3, 4)], triples)
    late = make_doc(" |Ada|left|Rome", [(1, 2), (3, 4)], triples)
    other = make_doc("Ada  |left|Rome", spans, [(1, "r", 0)])
    bare = make_doc("Ada left Rome", spans, None)
    empty = make_doc("Ada left Rome", spans, [])
    assert found(check_data([plain, wide, late, bare], min_count=1)) == {
        "texts_without_annotation": (1, ["4"]),
        "texts_repeated": (3, ["2", "3", "4"]),
    }
    # The first one with annotation is what the others are compared with.
    checked = found(check_data([bare, plain, other, wide, empty], min_count=1))
    assert checked["texts_contradicting"] == (2, ["3", "5"])


def test_training_data_without_texts() -> None:
    docs = [make_doc("a b", [(0, 1), (1, 2)], [(0, "r", 1)])]
    checked = check_data(docs, [], min_count=1)
    assert found(checked) == {"no_train_texts": (1, [])}
    assert checked.findings[0].level == "error"
    assert found(check_data(docs, None, min_count=1)) == {}


def test_labels() -> None:
    docs = [make_doc("a b", [(0, 1, "X"), (1, 2, "Y")], [(0, "r", 1)])] * 3
    docs += [make_doc("c d", [(0, 1, "X"), (1, 2, "Z")], [(0, "s", 1)])]
    train = [make_doc("e f", [(0, 1, "X"), (1, 2, "Z")], [(0, "r", 1), (0, "t", 1)])]
    assert {name: labels for name, (_, labels) in found(check_data(docs, train, min_count=3)).items()} == {
        "texts_repeated": ["2", "3"],
        "rare_relations": ["s"],
        "rare_entity_labels": ["Z"],
        "relations_not_in_train": ["s"],
        "entity_labels_not_in_train": ["Y"],
    }


def test_what_teaches_nothing() -> None:
    assert found(check_data([])) == {"no_texts": (1, [])}
    docs = [make_doc("a b", [(0, 1)], None), Doc(VOCAB), make_doc("a b c", [(0, 1)], [])]
    checked = check_data(docs, min_count=1)
    assert found(checked) == {
        "no_triples": (1, []),
        "texts_without_annotation": (2, ["1", "2"]),
        "texts_empty": (1, ["2"]),
    }
    assert [finding.level for finding in checked.findings] == ["error", "warning", "warning"]
    checked = check_data([make_doc("a b", [(0, 1, ""), (1, 2)], [(0, "r", 1)])], min_count=1)
    assert found(checked) == {"entities_without_label": (1, ["1"])}
    checked = check_data([make_doc("a|\n|b", [(0, 2), (2, 3)], [(0, "r", 1)])], min_count=1)
    assert found(checked) == {"entities_with_blanks": (1, ["1"]), "triples_lost": (1, ["1"])}


def test_repeated_triples_count_once() -> None:
    checked = check_data([make_doc("a b", [(0, 1), (1, 2)], [(0, "r", 1), (0, "r", 1)])], min_count=1)
    assert checked.counts["triples"] == checked.counts["relations"]["r"] == 1


def test_every_finding_can_be_counted() -> None:
    """A finding whose name nothing is counted by would never be found."""
    counts = check_data([], [make_doc("a b", [(0, 1), (1, 2)], [(0, "r", 1)])], nlp=spacy.blank("en")).counts
    assert FINDINGS.keys() - counts.keys() == {"no_texts", "no_train_texts", "no_triples"}


def test_webnlg(real_data: Path) -> None:
    docs, _ = convert(real_data / "webnlg" / "dev.json", "jointer")
    counts = check_data(docs).counts
    assert (counts["texts"], counts["triples"], counts["entities"]) == (500, 1223, 1718)
    assert sum(counts["texts_per_count"].values()) == sum(counts["texts_per_length"].values()) == 500
    assert counts["texts_per_pattern"] == {"normal": 157, "seo": 343, "epo": 4, "none": 0}
    assert counts["triples_lost"] == 62
    assert counts["triples_lost_by_settings"]["entity_layers=2, head=last"] == 18


@pytest.fixture
def corpus(tmp_path: Path) -> Any:
    def write(name: str, docs: list[Doc]) -> Any:
        DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / name)
        return tmp_path / name

    return write


def test_tables_have_headers_and_numbers_in_line(corpus: Any) -> None:
    """Whatever names are: long, in wide letters, or with line breaks."""
    docs = [gold_doc(VOCAB, *row) for row in TRIPLES] * 200
    doc = Doc(VOCAB, words=["x", "y"])
    spans = [Span(doc, 0, 1, label="人物"), Span(doc, 1, 2, label="LONG_TYPE" * 4)]
    doc.ents = spans
    labels = ["写作", "relation_" * 20, "a\nb"]
    set_relations(doc, [(spans[0], label, spans[1]) for label in labels])
    output = run("data", corpus("wide.spacy", [*docs, doc])).output
    lines = [line for line in output.split("\n\n⚠")[0].splitlines() if line]
    headers = [lines[i - 1] for i, line in enumerate(lines) if set(line) <= {"-", " "}]
    assert [" ".join(header.split()) for header in headers] == [
        "all texts number",
        "texts by overlap texts",
        "texts by triples texts",
        "texts by tokens texts",
        "relations triples",
        "types of entities entities",
        "triples by types triples",
    ]

    def units(line: str) -> int:
        """The column where the last digit before the tenths ends, in columns of a terminal."""
        return sum(1 + (east_asian_width(char) in "WF") for char in re.sub(r"\.\d$", "", line))

    numbers = [line for line in lines if re.search(r" [\d,.]+$", line)]
    assert len(numbers) > 30 and len({units(line) for line in numbers}) == 1
    assert any(line.startswith("tokens per text, mean") and "." in line for line in numbers)
    assert any(line.startswith("a b ") for line in numbers)
    assert re.search(r"^tokens per text, mean +–$", run("data", corpus("none.spacy", [])).output, re.M)


def test_command(corpus: Any) -> None:
    good = corpus("good.spacy", [gold_doc(VOCAB, *row) for row in TRIPLES])
    result = run("data", good, "--min-count", "2", "--strict")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert ["texts", "6"] in rows and ["born_in", "3"] in rows
    assert ["entities", "of", "several", "tokens,", "%", "45.5"] in rows  # 5 of 11
    assert "No problems found" in result.output
    # Warnings are for humans, unless told otherwise; errors are errors.
    assert run("data", good).exit_code == 0
    result = run("data", good, "--strict", "--train", good)
    assert result.exit_code == 1
    assert "texts_in_train: 6 (1, 2, 3, 4, 5, ...)" in result.output
    nothing = corpus("nothing.spacy", [make_doc("a b", [(0, 1)], None)])
    result = run("data", nothing)
    assert result.exit_code == 1 and "no_triples" in result.output


@pytest.mark.filterwarnings("ignore:.*W090")
def test_command_refuses_training_data_without_texts(corpus: Any, tmp_path: Path) -> None:
    """Else nothing would be compared, without a word."""
    good, empty = corpus("good.spacy", [gold_doc(VOCAB, *row) for row in TRIPLES]), corpus("empty.spacy", [])
    (tmp_path / "folder").mkdir()
    for paths in ([empty], [tmp_path / "folder"], [good, empty]):
        result = run("data", good, *(argument for path in paths for argument in ("--train", path)))
        assert result.exit_code == 1 and "[R034]" in result.output and paths[-1].name in result.output


FRENCH = Doc(VOCAB, words=["Il", "quitte", "l'", "Airbus", "."], spaces=[True, True, False, True, False])
FRENCH.spans["rin"] = [Span(FRENCH, 3, 4, label="ORG"), Span(FRENCH, 0, 1, label="PERSON")]
set_relations(FRENCH, [(FRENCH.spans["rin"][1], "leaves", FRENCH.spans["rin"][0])])


@pytest.mark.parametrize("lang, n_cut", [("en", 1), ("fr", 0)])
def test_entities_that_the_tokenizer_cuts(corpus: Any, lang: str, n_cut: int) -> None:
    """In English, "l'Airbus" is one token."""
    checked = check_data([FRENCH, FRENCH], min_count=1, nlp=spacy.blank(lang))
    assert checked.counts["entities_cut"] == 2 * n_cut
    assert ("entities_cut" in found(checked)) == bool(n_cut)
    result = run("data", corpus("fr.spacy", [FRENCH]), "--lang", lang, "--json")
    assert json.loads(result.stdout)["entities_cut"] == n_cut
    nlp = spacy.blank(lang)
    nlp.max_length = 5  # a tokenizer that would refuse the text is not asked
    assert count_cut(nlp, FRENCH, FRENCH.spans["rin"]) == 0


def test_labels_that_are_nearly_the_same(corpus: Any) -> None:
    labels = ["born in", "Born_In", "born in ", "born-in", "born", "+", "-", "acts+", "acts-"]
    relations = [(0, label, 1) for label in labels]
    doc = make_doc("a b c", [(0, 1, "PER"), (1, 2, "Per"), (2, 3, "ORG")], relations)
    alike = ["'Born_In' and 'born in' and 'born in ' and 'born-in'", "'PER' and 'Per'"]
    assert found(check_data([doc], min_count=1)) == {"labels_alike": (2, alike)}
    output = " ".join(run("data", corpus("alike.spacy", [doc])).output.split())
    assert f"labels_alike: 2 ({alike[0]}, {alike[1]})" in output


def test_command_prints_no_control_characters(corpus: Any) -> None:
    """A label could change what the terminal shows."""
    label = "l\x1b[31mRED\r\n"
    doc = make_doc("a b", [(0, 1, label), (1, 2)], [(0, label, 1)])
    output = run("data", corpus("labels.spacy", [doc])).output
    assert "rare_relations: 1 (l [31mRED" in output and "rare_entity_labels" in output
    assert "\x1b[31m" not in output and "\r" not in output


def test_command_json(corpus: Any) -> None:
    docs = [gold_doc(VOCAB, *row) for row in TRIPLES]
    path, train = corpus("gold.spacy", docs), corpus("train.spacy", docs[1:2])
    more = corpus("more.spacy", docs[2:3])
    result = run("data", path, "--json", "--train", train, "--train", more)
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    findings = {finding["name"]: finding for finding in data.pop("findings")}
    assert data == check_data(docs, docs[1:3], nlp=spacy.blank("en")).counts
    assert findings["texts_in_train"]["where"] == ["2", "3"]
    assert findings["relations_not_in_train"]["where"] == ["leads"]
    assert findings["relations_not_in_train"]["level"] == "warning"


def test_command_reads_other_attributes(corpus: Any) -> None:
    doc = make_doc("a b", [(0, 1), (1, 2)], None)
    set_relations(doc, [(doc.spans["rin"][0], "r", doc.spans["rin"][1])], "facts")
    path = corpus("facts.spacy", [doc])
    assert run("data", path).exit_code == 1
    assert run("data", path, "--attr", "facts", "--min-count", "1", "--strict").exit_code == 0
