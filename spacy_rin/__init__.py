"""Joint extraction of entities and relations for spaCy with a Recurrent Interaction Network."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Relation", "register_relations", "render"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name == "render":
        from .visualize import render

        return render
    if name in __all__:
        from . import relations

        return getattr(relations, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
