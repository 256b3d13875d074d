"""Worker processes: they end when the process that started them is killed or interrupted."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread


class ParentWatch:
    """Ends worker processes that are forked in its lifetime when this process is killed: they would wait for ever."""

    def start(self) -> None:
        Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt end worker processes before anything else: spaCy would wait for them to end, and they for
    somebody to take what they have found."""
    if current_thread() is not main_thread():
        yield
        return
    process = os.getpid()

    def stop(signum: int, frame: object) -> None:
        if os.getpid() == process:  # a worker that is forked has this handler, too, and waits for its end
            for worker in multiprocessing.active_children():
                worker.kill()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
