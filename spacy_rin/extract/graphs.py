"""Triples as a graph of networkx."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from spacy.tokens import Doc

from ..errors import Errors, MissingPackageError
from .rows import doc_triples
from .triples import Entity, TripleRow


def to_networkx(docs: Iterable[Doc], **options: Any) -> Any:
    """Make a graph of the relations of Docs. Mentions with the same text and type are one node.

    Args:
        docs (Iterable[Doc]): The documents.
        **options: Options of `doc_triples`.

    Returns:
        networkx.MultiDiGraph: A node (text, type) for each entity that has relations, with "label" and "type", and an
            edge for each relation, with "label", "score", "document", the sentence and the offsets.

    Raises:
        RinError: R003 or R004 if the relations of a Doc are damaged.
        SettingError: See `doc_triples`.
        MissingPackageError: R060 if networkx is not installed.
    """
    try:
        import networkx  # noqa: F401
    except ImportError:
        raise MissingPackageError(Errors.R060, what="A graph", package="networkx", extra="graph") from None
    return triple_graph(doc_triples(docs, **options))


def triple_graph(
    found: Iterable[TripleRow],
    *,
    node: Callable[[Entity], Hashable] = lambda entity: entity,
    text: Callable[[str], str] = str,
) -> Any:
    """Make a graph of triples.

    Args:
        found (Iterable[TripleRow]): The triples.
        node (Callable[[Entity], Hashable]): Makes the node of an entity.
        text (Callable[[str], str]): Makes the texts of attributes.

    Returns:
        networkx.MultiDiGraph: The graph, see `to_networkx`.
    """
    from networkx import MultiDiGraph

    graph = MultiDiGraph()
    for count, triple in enumerate(found):
        for entity in triple.entities:
            graph.add_node(node(entity), label=text(entity[0]), type=text(entity[1]))
        details = {name: text(value) if isinstance(value, str) else value for name, value in triple.details.items()}
        graph.add_edge(*map(node, triple.entities), key=f"e{count}", label=text(triple.relation), **details)
    return graph
