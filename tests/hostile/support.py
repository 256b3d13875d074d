"""What is counted, and how code is run that may fail in the worst way."""

import os
import pickle
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_rin.errors import RinError

TALLY: Counter[str] = Counter()


def seeds(count: int) -> Callable[[Callable[[int], None]], Callable[[], None]]:
    """Decorate a function of a seed, so that it is called with many."""
    quiet = list(HealthCheck)
    many = settings(max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=quiet)

    def decorate(function: Callable[[int], None]) -> Callable[[], None]:
        return many(given(st.integers(0, 2**32))(function))

    return decorate


def outcome(function: Callable[[], Any], kind: str) -> Any:
    """Run a function on bad input. It may succeed, or raise an error with a code; anything else is a bug.

    Args:
        function (Callable[[], Any]): The function.
        kind (str): What its input is, to be counted.

    Returns:
        Any: What the function returned; None if it raised an error with a code.
    """
    TALLY[kind] += 1
    try:
        result = function()
    except RinError as error:
        assert error.code and f"[{error.code}]" in str(error)
        str(error).encode("utf-8")  # it can be printed
        TALLY[f"{kind}: refused"] += 1
        return None
    return result


def in_child(function: Callable[[], None]) -> None:
    """Run a function in a process of its own, as libraries may crash on damaged files; fail if it does."""
    if not hasattr(os, "fork"):
        function()
        return
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        TALLY.clear()
        try:
            function()
            report: Any = (None, TALLY)
        except BaseException:
            report = (traceback.format_exc(), TALLY)
        os.write(theirs, pickle.dumps(report)[-60_000:])
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert not os.WIFSIGNALED(status), f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    error, tally = pickle.loads(data)
    TALLY.update(tally)
    assert error is None, error
