"""An extractor for the pipelines of neo4j-graphrag."""

import asyncio
from typing import Any

from pydantic import validate_call
from spacy.language import Language

from ..errors import Errors, MissingPackageError
from ..extract import Document, extract
from ..extract.triples import Row, row_entities, triples

try:
    from neo4j_graphrag.components.entity_relation_extractor import EntityRelationExtractor
    from neo4j_graphrag.components.lexical_graph import LexicalGraphBuilder
    from neo4j_graphrag.components.types import (
        DocumentInfo,
        LexicalGraphConfig,
        Neo4jGraph,
        Neo4jNode,
        Neo4jRelationship,
        TextChunks,
    )
except ImportError:
    name = "neo4j-graphrag"
    raise MissingPackageError(Errors.R060, what="This extractor", package=name, extra=name) from None


class RinExtractor(EntityRelationExtractor):
    """Extracts entities and relations from text chunks, in the place of an `LLMEntityRelationExtractor`.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        create_lexical_graph (bool): Whether the graph also has the chunks, their order, and which entities they name.
        **options: Options of `spacy_rin.extract.extract`.
    """

    def __init__(self, nlp: Language, *, create_lexical_graph: bool = True, **options: Any) -> None:
        super().__init__(create_lexical_graph=create_lexical_graph)
        self.nlp = nlp
        self.options = options

    @validate_call  # pipelines pass models on as dicts
    async def run(
        self,
        chunks: TextChunks,
        document_info: DocumentInfo | None = None,
        lexical_graph_config: LexicalGraphConfig | None = None,
        **kwargs: Any,
    ) -> Neo4jGraph:
        """Extract a graph.

        Args:
            chunks (TextChunks): The chunks.
            document_info (DocumentInfo | None): The document that they are of.
            lexical_graph_config (LexicalGraphConfig | None): Names in the graph of chunks.
            **kwargs: Not used.

        Returns:
            Neo4jGraph: Entities with names, and relations with scores, offsets and sentences. The "document" of a
                relation is the id of its chunk. A resolver of neo4j-graphrag merges entities of several chunks.
        """
        graph, builder = Neo4jGraph(), None
        if self.create_lexical_graph or lexical_graph_config:
            builder = LexicalGraphBuilder(config=lexical_graph_config or LexicalGraphConfig())
        if builder and self.create_lexical_graph:
            graph = (await builder.run(text_chunks=chunks, document_info=document_info)).graph
        texts = [Document(chunk.chunk_id, chunk.text) for chunk in chunks.chunks]
        rows = await asyncio.to_thread(lambda: list(extract(self.nlp, texts, **self.options)))
        for chunk, row in zip(chunks.chunks, rows):
            part = self.update_ids(_graph(row), chunk)
            if builder:
                await builder.process_chunk_extracted_entities(part, chunk)
            graph.nodes += part.nodes
            graph.relationships += part.relationships
        return graph


def _graph(row: Row) -> Neo4jGraph:
    ids = {entity: str(number) for number, entity in enumerate(row_entities(row))}
    nodes = [Neo4jNode(id=ids[name, kind], label=kind or "Entity", properties={"name": name}) for name, kind in ids]
    relationships = [
        Neo4jRelationship(
            start_node_id=ids[start], end_node_id=ids[end], type=triple.relation, properties=triple.details
        )
        for triple in triples(row)
        for start, end in [triple.entities]
    ]
    return Neo4jGraph(nodes=nodes, relationships=relationships)
