"""Worker processes: they end when the process that started them is killed or interrupted."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread


class ParentWatch:
    """Ends the worker processes that are forked while it exists if this process is killed; they would wait forever."""

    def start(self) -> None:
        Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt first end the worker processes.

    Otherwise spaCy waits for them to end, and they wait for their results to be taken.
    """
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
