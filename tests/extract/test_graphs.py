"""Docs as graphs of networkx and frames of pandas."""

import sys
from typing import Any

import pytest
from spacy.vocab import Vocab

from spacy_rin.extract import TripleRow, doc_triples, to_networkx

from ..support import TRIPLES, TYPES, gold_doc

DOCS = [gold_doc(Vocab(), text, found) for text, found in TRIPLES]
STATED = [(f"no {i}", *triple) for i, (_, found) in enumerate(TRIPLES) for triple in found]
IDS = [f"no {i}" for i in range(len(DOCS))]


def test_triples() -> None:
    found = list(doc_triples(DOCS))
    text = TRIPLES[2][0]
    assert found[3] == TripleRow(3, "Ada Brook", "PERSON", 0, 9, "founded", "Nimbus", "ORG", 36, 42, 1.0, text, 0)
    kept = doc_triples(DOCS, ids=IDS, relations=["leads"])
    assert [triple.document for triple in kept] == ["no 3", "no 4"]


@pytest.mark.parametrize(
    "ids,reason", [(IDS[:2], "Doc 3 has none"), ([], "Doc 1 has none"), ([*IDS, "no 9"], f"the {len(IDS)} Doc")]
)
def test_ids_that_are_not_as_many_as_docs(ids: list[str], reason: str) -> None:
    for given in (ids, iter(ids)):
        with pytest.raises(ValueError, match=f"R069.*{reason}"):
            list(doc_triples(iter(DOCS), ids=given))
    pytest.importorskip("networkx")
    with pytest.raises(ValueError, match="R069"):
        to_networkx(DOCS, ids=ids)


def test_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    graph = to_networkx(DOCS, ids=IDS)
    assert dict(graph.nodes(data=True)) == {(name, kind): {"label": name, "type": kind} for name, kind in TYPES.items()}
    edges = [(edge["document"], s[0], edge["label"], o[0]) for s, o, edge in graph.edges(data=True)]
    assert sorted(edges) == sorted(STATED)
    assert networkx.shortest_path_length(graph, ("Tom Hale", "PERSON"), ("Orbix", "ORG")) == 1
    assert len(to_networkx([])) == 0


def test_without_networkx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ValueError, match=r"R060.*spacy-rin\[graph\]"):
        to_networkx(DOCS)


def test_pandas() -> None:
    pandas: Any = pytest.importorskip("pandas")
    frame = pandas.DataFrame(doc_triples(DOCS, ids=IDS))
    assert list(frame.columns) == list(TripleRow._fields)
    assert list(frame[["document", "subject", "relation", "object"]].itertuples(index=False, name=None)) == STATED
