"""Let visitors take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock that is given in the order of asking.

    Who has had a turn and asks for another comes after all who wait. A plain lock may be given to the same thread again
    and again.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._given = self._done = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and have it inside a "with" block."""
        with self._changed:
            number = self._given
            self._given += 1
            self._changed.wait_for(lambda: self._done == number)
        try:
            yield
        finally:
            with self._changed:
                self._done += 1
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """The number of those who wait or have a turn."""
        with self._changed:
            return self._given - self._done
