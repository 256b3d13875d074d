"""JSON in and out, and characters that other programs can't hold."""

import math
from typing import Any

import pytest

from spacy_rin.characters import MAX_SIGNS, is_unicode, slow_run
from spacy_rin.strict_json import MAX_DEPTH, dumps, fault, loads


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_loads() -> None:
    assert loads('{"a": [1.5, -1e308, "\\u00e9"]}') == {"a": [1.5, -1e308, "é"]}
    for text in ("1e999", "[-1e999]", "NaN", "Infinity", "1" * 5000, "[" * 100_000, "{", ""):
        with pytest.raises(ValueError):
            loads(text)


def test_nesting_has_an_end() -> None:
    assert loads("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH) == nested(MAX_DEPTH) and fault(nested(MAX_DEPTH)) == ""
    with pytest.raises(ValueError, match="nested"):
        loads("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))
    assert "nested" in fault(nested(MAX_DEPTH + 1)) and "nested" in fault({"a": nested(900)})


def test_fault() -> None:
    assert fault({"a": [1, "é", None, True, 0.5]}) == ""
    for value in (math.inf, [math.nan], {"a": {1, 2}}, b"x", {(1, 2): 3}, "\ud800", {"\ud800": 1}):
        assert fault(value)
    with pytest.raises(ValueError):
        dumps({"score": math.inf})


def test_is_unicode() -> None:
    assert is_unicode("é😀") and not is_unicode("\ud83d")


def test_runs_of_signs() -> None:
    assert "character 4" in slow_run("Ada " + "(" * (MAX_SIGNS + 1) + " B")
    for text in ("(" * MAX_SIGNS, "( " * 5000, "a" * 50_000, "日本語。" * 1000, "'s" * (MAX_SIGNS // 2), ""):
        assert slow_run(text) == ""
    for text in ("😀" * 10_000, "US$" * 10_000, "'s" * 10_000):
        assert slow_run(text)
