"""A command of the extraction while it runs: its processes, what each of them is for, and their memory."""

import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil


class Memory(NamedTuple):
    """Resident memory at a moment, in bytes.

    Attributes:
        driver (int): Of the process that was started.
        workers (list[int]): Of each process that reads texts.
        others (int): Of all other processes that it started.
    """

    driver: int
    workers: list[int]
    others: int


class Run:
    """A command that runs, and the processes that belong to it.

    Args:
        command (Sequence[str]): The command.
    """

    def __init__(self, command: Sequence[object]) -> None:
        self.began = time.perf_counter()
        self.driver = psutil.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def workers(self) -> list[psutil.Process]:
        """Find the processes that read texts."""
        return [process for process in self.children() if _is_worker(process)]

    def memory(self) -> Memory | None:
        """Measure the memory; None if the command has ended."""
        try:
            driver = self.driver.memory_info().rss
        except psutil.Error:
            return None
        workers, others = [], 0
        for process in self.children():
            try:
                size = process.memory_info().rss
                if _is_worker(process):
                    workers.append(size)
                else:
                    others += size
            except psutil.Error:
                continue
        return Memory(driver, workers, others)

    def wait(self) -> tuple[float, list[Memory]]:
        """Wait for the end of a command, which must not fail. Return its seconds, and its memory each second."""
        memory = []
        while self.driver.poll() is None:
            if (now := self.memory()) is not None:
                memory.append(now)
            time.sleep(1 if time.perf_counter() - self.began > 10 else 0.1)
        seconds = time.perf_counter() - self.began
        output = self.driver.stdout.read()
        if self.driver.returncode:
            raise RuntimeError(output)
        return seconds, memory

    def children(self) -> list[psutil.Process]:
        """Find all processes that it started, and those that they started."""
        try:
            return list(self.driver.children(recursive=True))
        except psutil.Error:
            return []


def _is_worker(process: psutil.Process) -> bool:
    """Whether a process reads texts: an actor of Ray, or a process that the server of processes has forked."""
    try:
        line = " ".join(process.cmdline())
        if line.startswith("ray::"):
            return "_Actor" in line
        parent = process.parent()
        return "forkserver" in line and parent is not None and "forkserver" in " ".join(parent.cmdline())
    except psutil.Error:
        return False
