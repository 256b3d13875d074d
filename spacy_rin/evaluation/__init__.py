"""Score pipelines, tune thresholds, write reports and check annotated data."""

from .data_check import DataCheck, Finding, check_data
from .evaluate import Evaluation, evaluate
from .report import render_html
from .scorer import score
from .thresholds import Thresholds
from .tuned import Tuned, Tuning, set_tuned, tune, write_in_place, write_tuned

__all__ = [
    "DataCheck",
    "Evaluation",
    "Finding",
    "Thresholds",
    "Tuned",
    "Tuning",
    "check_data",
    "evaluate",
    "render_html",
    "score",
    "set_tuned",
    "tune",
    "write_in_place",
    "write_tuned",
]
