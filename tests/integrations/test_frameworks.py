"""Extractors inside the frameworks that they are for, without a model, a server or a network."""

import asyncio
import importlib
import sys
from typing import Any

import pytest
import spacy
from pydantic import validate_call
from spacy.language import Language

from ..support import TRIPLES, TYPES, component_of, make_examples

TEXTS = [text for text, _ in TRIPLES]
STATED = sorted((i, *triple) for i, (_, found) in enumerate(TRIPLES) for triple in found)
# Their modules warn of many things when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_neo4j_graphrag(trained: Language) -> None:
    pytest.importorskip("neo4j_graphrag")
    from neo4j_graphrag.components.kg_writer import KGWriter, KGWriterModel
    from neo4j_graphrag.components.text_splitters.base import TextSplitter
    from neo4j_graphrag.components.types import DocumentInfo, LexicalGraphConfig, Neo4jGraph, TextChunk, TextChunks
    from neo4j_graphrag.experimental.pipeline import Pipeline

    from spacy_rin.integrations.neo4j_graphrag import RinExtractor

    written: list[Neo4jGraph] = []

    class Splitter(TextSplitter):
        async def run(self, text: str) -> TextChunks:
            parts = text.split("\n")
            return TextChunks(chunks=[TextChunk(text=part, index=i, uid=f"chunk{i}") for i, part in enumerate(parts)])

    class Writer(KGWriter):
        @validate_call
        async def run(self, graph: Neo4jGraph, **kwargs: Any) -> KGWriterModel:
            written.append(graph)
            return KGWriterModel(status="SUCCESS")

    pipe = Pipeline()
    pipe.add_component(Splitter(), "splitter")
    pipe.add_component(RinExtractor(trained), "extractor")
    pipe.add_component(Writer(), "writer")
    pipe.connect("splitter", "extractor", {"chunks": "splitter"})
    pipe.connect("extractor", "writer", {"graph": "extractor"})
    info = DocumentInfo(path="a.txt")
    asyncio.run(pipe.run({"splitter": {"text": "\n".join(TEXTS)}, "extractor": {"document_info": info}}))
    (graph,) = written
    nodes = {node.id: node for node in graph.nodes}
    assert len(nodes) == len(graph.nodes)
    edges = [edge for edge in graph.relationships if edge.type in {"born_in", "founded", "leads"}]
    assert (
        sorted(
            (
                int(edge.properties["document"].removeprefix("chunk")),
                nodes[edge.start_node_id].properties["name"],
                edge.type,
                nodes[edge.end_node_id].properties["name"],
            )
            for edge in edges
        )
        == STATED
    )
    assert edges[0].properties["sentence"] == TEXTS[0] and 0.5 < edges[0].properties["score"] <= 1
    for node in graph.nodes:
        if node.label not in ("Chunk", "Document"):
            assert TYPES[node.properties["name"]] == node.label
            assert (node.id.split(":")[0], "FROM_CHUNK", node.id) in {
                (edge.end_node_id, edge.type, edge.start_node_id) for edge in graph.relationships
            }

    chunks = asyncio.run(Splitter().run("\n".join(TEXTS)))
    bare = asyncio.run(RinExtractor(trained, create_lexical_graph=False, relations=["leads"]).run(chunks))
    assert {edge.type for edge in bare.relationships} == {"leads"}
    config = LexicalGraphConfig(node_to_chunk_relationship_type="IN")
    joined = asyncio.run(RinExtractor(trained, create_lexical_graph=False).run(chunks, lexical_graph_config=config))
    assert {edge.type for edge in joined.relationships} == {"born_in", "founded", "leads", "IN"}
    assert {node.label for node in joined.nodes} == set(TYPES.values())


def test_llama_index(trained: Language) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core import PropertyGraphIndex
    from llama_index.core.graph_stores import SimplePropertyGraphStore
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.llms import MockLLM
    from llama_index.core.schema import TextNode

    from spacy_rin.integrations.llama_index import RinExtractor

    nodes = [TextNode(text=text, id_=f"node {i}", metadata={"source": "a.txt"}) for i, text in enumerate(TEXTS)]
    extractor = RinExtractor(trained, min_score=0.25)
    assert extractor.to_dict()["options"] == {"min_score": 0.25}
    read = IngestionPipeline(transformations=[extractor]).run(nodes=[node.model_copy(deep=True) for node in nodes])
    found = [relation for node in read for relation in node.metadata["relations"]]
    assert (
        sorted(
            (int(relation.properties["document"].split()[1]), relation.source_id, relation.label, relation.target_id)
            for relation in found
        )
        == STATED
    )
    assert found[0].properties["sentence"] == TEXTS[0] and found[0].properties["source"] == "a.txt"

    store = SimplePropertyGraphStore()
    PropertyGraphIndex(
        nodes, llm=MockLLM(), kg_extractors=[extractor], property_graph_store=store, embed_kg_nodes=False
    )
    stated = {(s.name, relation.label, o.name) for s, relation, o in store.get_triplets(relation_names=["leads"])}
    assert stated == {("Tom Hale", "leads", "Orbix"), ("Ada Brook", "leads", "Orbix")}
    names = {node.name: node.label for node in store.get() if node.label in TYPES.values()}
    assert names == TYPES


def test_cache_of_llama_index(trained: Language) -> None:
    """Results in a cache are those of one pipeline, with its settings."""
    pytest.importorskip("llama_index.core")
    from llama_index.core.ingestion import IngestionCache, IngestionPipeline
    from llama_index.core.schema import TextNode

    from spacy_rin.integrations.llama_index import RinExtractor

    nlp = spacy.util.load_model_from_config(trained.config)
    nlp.from_bytes(trained.to_bytes())
    cache = IngestionCache()

    def found(**options: Any) -> int:
        pipeline = IngestionPipeline(transformations=[RinExtractor(nlp, **options)], cache=cache)
        nodes = pipeline.run(nodes=[TextNode(text=text, id_=str(i)) for i, text in enumerate(TEXTS)])
        return sum(len(node.metadata["relations"]) for node in nodes)

    assert found() == found() == len(STATED)
    with component_of(nlp).settings(calibration=dict.fromkeys(component_of(nlp).relation_labels, (1.0, -99.0))):
        assert found() == 0
    assert found(relations=[]) == 0 and found() == len(STATED)
    before = RinExtractor(nlp).to_dict()
    assert before == RinExtractor(trained).to_dict()
    nlp.update(make_examples(nlp.vocab), sgd=nlp.resume_training())
    assert before != RinExtractor(nlp).to_dict()


def test_langchain(trained: Language) -> None:
    pytest.importorskip("langchain_neo4j")
    from langchain_core.documents import Document
    from langchain_neo4j import Neo4jGraph

    from spacy_rin.integrations.langchain import RinGraphTransformer

    documents = [Document(text, id=str(i), metadata={"source": "a.txt"}) for i, text in enumerate(TEXTS)]
    found = RinGraphTransformer(trained).convert_to_graph_documents(documents)
    assert [graph.source for graph in found] == documents
    assert {(node.id, node.type) for graph in found for node in graph.nodes} == set(TYPES.items())
    edges = [edge for graph in found for edge in graph.relationships]
    assert (
        sorted((int(edge.properties["document"]), edge.source.id, edge.type, edge.target.id) for edge in edges)
        == STATED
    )
    assert edges[0].properties["sentence"] == TEXTS[0]
    assert all(edge.source in graph.nodes for graph in found for edge in graph.relationships)

    class Store(Neo4jGraph):
        """A store that keeps what it would send to the server."""

        def __init__(self) -> None:
            self.sent: list[Any] = []
            self.sanitize, self._driver = False, None

        def query(self, query: str, params: Any = None, session_params: Any = None) -> list[dict[str, Any]]:
            self.sent.append(params)
            return []

    store = Store()
    store.add_graph_documents(found[:1], include_source=True)
    sent = [entry for params in store.sent for entry in (params or {}).get("data", ())]
    assert [(entry["source"], entry["type"], entry["target"]) for entry in sent if "source" in entry] == [
        ("Ada Brook", "BORN_IN", "Larne")
    ]


@pytest.mark.parametrize(
    "name,package,extra",
    [
        ("neo4j_graphrag", "neo4j_graphrag", "neo4j-graphrag"),
        ("llama_index", "llama_index.core", "llama-index"),
        ("langchain", "langchain_core", "langchain"),
    ],
)
def test_without_the_framework(name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [*sys.modules]:
        if module == package or module.startswith(f"{package}."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, f"spacy_rin.integrations.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"R060.*spacy-rin\[{extra}\]"):
        importlib.import_module(f"spacy_rin.integrations.{name}")
