"""Graph documents for LangChain."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language

from ..errors import Errors, MissingPackageError
from ..extract import Document, extract
from ..extract.triples import row_entities, triples

try:
    from langchain_core.documents import Document as LangChainDocument
    from langchain_neo4j.graphs.graph_document import GraphDocument, Node, Relationship
except ImportError:
    package, extra = "langchain-neo4j", "langchain"
    raise MissingPackageError(Errors.R060, what="This transformer", package=package, extra=extra) from None


class RinGraphTransformer:
    """Turns documents of LangChain into graph documents, in the place of an `LLMGraphTransformer`.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        **options: Options of `spacy_rin.extract.extract`.
    """

    def __init__(self, nlp: Language, **options: Any) -> None:
        self.nlp = nlp
        self.options = options

    def convert_to_graph_documents(self, documents: Iterable[LangChainDocument]) -> list[GraphDocument]:
        """Extract from documents.

        Args:
            documents (Iterable[LangChainDocument]): The documents.

        Returns:
            list[GraphDocument]: The graph of each, for `add_graph_documents` of a graph store. The names of entities
                are the ids of nodes. Relations have scores, offsets and sentences.
        """
        documents = list(documents)
        texts = [Document(document.id or i, document.page_content) for i, document in enumerate(documents, 1)]
        graphs = []
        for document, row in zip(documents, extract(self.nlp, texts, **self.options)):
            nodes = {(name, kind): Node(id=name, type=kind or "Node") for name, kind in row_entities(row)}
            relationships = [
                Relationship(source=nodes[start], target=nodes[end], type=triple.relation, properties=triple.details)
                for triple in triples(row)
                for start, end in [triple.entities]
            ]
            graphs.append(GraphDocument(nodes=list(nodes.values()), relationships=relationships, source=document))
        return graphs
