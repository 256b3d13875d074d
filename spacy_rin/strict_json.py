"""JSON as the standard has it: numbers are finite, strings are Unicode, and nesting has an end."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 100  # lists and objects in each other; Python's own limit depends on where it is reached
TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"


def loads(text: str) -> Any:
    """Decode JSON.

    Args:
        text (str): The JSON.

    Returns:
        Any: The value.

    Raises:
        ValueError: If it is not valid, is nested too deep, or has a number that is too large for a float.
    """
    try:
        value = DECODER.decode(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if is_too_deep(value):
        raise ValueError(TOO_DEEP)
    return value


def dumps(value: Any) -> str:
    """Encode a value; ValueError or TypeError if JSON can't hold it."""
    return json.dumps(value, allow_nan=False)


def is_too_deep(value: Any) -> bool:
    """Whether a value is nested so deep that code which walks through it may fail."""
    level, depth = [value], 0
    while level := [item for parent in level for item in _items(parent)]:
        depth += 1
        if depth > MAX_DEPTH:
            return True
    return False


def fault(value: Any) -> str:
    """Say why a value is not one for JSON.

    Args:
        value (Any): The value.

    Returns:
        str: What is wrong with it; empty if it is fine.
    """
    if is_too_deep(value):
        return TOO_DEEP
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return "it has characters that are not Unicode"
    except (TypeError, ValueError) as err:
        return str(err)
    return ""


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else []


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits:.30} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
