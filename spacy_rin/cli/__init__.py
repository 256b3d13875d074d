"""The `spacy rin` commands.

spaCy imports this package each time that its command line starts (entry point group `spacy_cli`). To keep that fast,
commands import what they need when they run.
"""

from . import convert, data, evaluate, export, extract, facts, init, serve, suggest, tune
from ._app import rin_cli

__all__ = ["convert", "data", "evaluate", "export", "extract", "facts", "init", "rin_cli", "serve", "suggest", "tune"]
