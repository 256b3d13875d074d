"""Make worker processes end when their parent process is killed or interrupted."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import register_after_fork
from threading import Thread, current_thread, main_thread


class ParentWatch:
    """Ends forked worker processes if their parent process is killed. Otherwise they would wait forever.

    `start` must run in each worker, right after the fork.
    """

    def start(self) -> None:
        Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)


@contextmanager
def ending_workers() -> Iterator[None]:
    """Make the workers of `nlp.pipe` end with this process: when it is killed, and when the user presses Ctrl+C, before
    KeyboardInterrupt is raised.

    Otherwise there is a deadlock: spaCy waits for the workers to end, and they wait until their results are read.
    """
    watch = ParentWatch()  # the fork hook holds it weakly: keep a reference until the workers end
    register_after_fork(watch, ParentWatch.start)
    if current_thread() is not main_thread():
        yield
        return
    process = os.getpid()

    def stop(signum: int, frame: object) -> None:
        if os.getpid() == process:  # workers inherit this handler, but the parent kills them
            for worker in multiprocessing.active_children():
                worker.kill()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
