"""An extractor for the property graph of LlamaIndex."""

from collections.abc import Sequence
from typing import Any

from spacy.language import Language

from ..errors import Errors, MissingPackageError
from ..extract import Document, extract
from ..extract.run import checked_pipe, content_of, settings_of
from ..extract.triples import row_entities, triples

try:
    from llama_index.core.bridge.pydantic import Field
    from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode, Relation
    from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent
except ImportError:
    package, extra = "llama-index-core", "llama-index"
    raise MissingPackageError(Errors.R060, what="This extractor", package=package, extra=extra) from None


class RinExtractor(TransformComponent):
    """Extracts entities and relations from nodes: one of the `kg_extractors` of a `PropertyGraphIndex`.

    LlamaIndex tells entities apart by their names alone.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        **options: Options of `spacy_rin.extract.extract`.
    """

    nlp: Any = Field(exclude=True)
    options: dict[str, Any]

    def __init__(self, nlp: Language, **options: Any) -> None:
        super().__init__(nlp=nlp, options=options)

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the class, as LlamaIndex saves it."""
        return "RinExtractor"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return what results depend on. LlamaIndex knows by it which results it has in a cache.

        Args:
            **kwargs: Options of pydantic.

        Returns:
            dict[str, Any]: The options, and a checksum of the pipeline and its settings.

        Raises:
            RinError: R018 if the pipeline has no "rin_joint".
            NotTrainedError: R011 if the component is not trained.
        """
        pipe = checked_pipe(self.nlp, None)
        return {**super().to_dict(**kwargs), "pipeline": content_of(self.nlp), **settings_of(pipe)}

    def __call__(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> Sequence[BaseNode]:
        """Extract from nodes.

        Args:
            nodes (Sequence[BaseNode]): The nodes.
            show_progress (bool): Not used.
            **kwargs: Not used.

        Returns:
            Sequence[BaseNode]: The same nodes. Their metadata holds the entities and relations, where the index looks
                for them. The properties are the metadata; those of a relation are also its score, offsets and sentence.
        """
        texts = [Document(node.node_id, node.get_content(MetadataMode.NONE)) for node in nodes]
        for node, row in zip(nodes, extract(self.nlp, texts, **self.options)):
            entities, relations = (node.metadata.pop(key, []) for key in (KG_NODES_KEY, KG_RELATIONS_KEY))
            metadata = dict(node.metadata)
            found = {(name, kind): _entity(name, kind, metadata) for name, kind in row_entities(row)}
            for triple in triples(row):
                start, end = (found[entity].id for entity in triple.entities)
                details = metadata | triple.details
                relations.append(Relation(label=triple.relation, source_id=start, target_id=end, properties=details))
            node.metadata |= {KG_NODES_KEY: [*entities, *found.values()], KG_RELATIONS_KEY: relations}
        return nodes


def _entity(name: str, kind: str, metadata: dict[str, Any]) -> EntityNode:
    return EntityNode(name=name, label=kind or "entity", properties=dict(metadata))
