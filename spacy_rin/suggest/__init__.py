"""The texts that a person should annotate next, as tasks of an annotation tool.

- `uncertainty`: how unsure the pipeline is of what it finds in a text, and of what it nearly finds.
- `choice`: of many texts, those that teach most and are unlike each other, in one pass and little memory.
- `run`: texts are read, chosen, and written with the predictions of the pipeline.
- `hints`: how the annotation tool is told the labels.
"""

from .run import STRATEGIES, Choice, Suggestion, Summary, suggest, suggest_file

__all__ = ["STRATEGIES", "Choice", "Suggestion", "Summary", "suggest", "suggest_file"]
