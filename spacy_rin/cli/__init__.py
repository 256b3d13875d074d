"""Commands `spacy rin ...`.

spaCy imports this package on every call of its command line (entry point group `spacy_cli`), so everything that a
command needs is imported when it runs.
"""

from . import convert, data, evaluate, export, extract, serve, tune
from ._app import rin_cli

__all__ = ["convert", "data", "evaluate", "export", "extract", "rin_cli", "serve", "tune"]
