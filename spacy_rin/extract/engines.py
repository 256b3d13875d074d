"""Engines, which run shards on many workers: processes of this machine, or actors of a Ray cluster.

An engine starts workers, sends them shards and receives their answers. Which shard is read when, and what happens if a
worker dies, is the same for all, see `run_shards`.
"""

import multiprocessing
import os
import signal
import socket
import traceback
from collections import Counter, deque
from collections.abc import Collection, Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal, NamedTuple, Protocol

from ..errors import Errors, FileError, MissingPackageError, RinError, require_setting
from ..files import reason_of
from ..pipeline.state import is_number
from .results import Counts
from .shards import Shard
from .workers import ParentWatch

_PATIENCE = 5.0  # seconds to wait for a cluster to answer
_ATTEMPTS = 4  # workers that may die of a shard, or one after the other at their start


class Task(Protocol):
    """What a worker does. It is sent to the worker as it is, and loads what it needs there."""

    def load(self) -> None:
        """Get ready."""

    def __call__(self, shard: Shard) -> Counts:
        """Read a shard, and write its results."""


class Answer(NamedTuple):
    """What a worker says.

    Attributes:
        kind (str): "ready" once it is loaded, or "broken" if that failed; "done" with a shard, or "failed" if an error
            stopped it; "died" if the worker is gone.
        counts (Counts | None): What was read, if it is done.
        reason (str): Why it failed.
    """

    kind: Literal["ready", "broken", "done", "failed", "died"]
    counts: Counts | None = None
    reason: str = ""


class Engine(Protocol):
    """Workers of one kind. A worker is any hashable value."""

    workers: int

    def start(self) -> Any:
        """Start a worker, and return it. It answers once it is loaded."""

    def send(self, worker: Any, shard: Shard) -> None:
        """Give a shard to a worker."""

    def receive(self, workers: Collection[Any]) -> list[tuple[Any, Answer]]:
        """Wait until at least one of some workers answers."""

    def stop(self) -> None:
        """End all workers at once."""


def run_shards(engine: Engine, shards: Iterable[Shard]) -> Generator[tuple[Shard, Answer]]:
    """Have all shards read. A shard whose worker dies is given to another one.

    Args:
        engine (Engine): The engine. It is stopped at the end, and if the iterator is closed.
        shards (Iterable[Shard]): The shards.

    Yields:
        tuple[Shard, Answer]: Each shard once, as it ends: "done", "failed", or "died" if several workers died.

    Raises:
        FileError: R081 if workers can't start.
    """
    waiting = deque(shards)
    idle: list[Any] = []
    busy: dict[Any, Shard | None] = {}  # None while a worker starts
    deaths: Counter[str] = Counter()
    try:
        while waiting or any(busy.values()):
            while waiting and idle:
                worker, shard = idle.pop(), waiting.popleft()
                busy[worker] = shard
                engine.send(worker, shard)
            starting = sum(shard is None for shard in busy.values())
            for _ in range(min(engine.workers - len(busy) - len(idle), len(waiting) - starting)):
                busy[engine.start()] = None
            for worker, answer in engine.receive(busy):
                given = busy.pop(worker)
                if answer.kind == "broken":
                    raise FileError(Errors.R081, reason=answer.reason)
                if answer.kind != "died":
                    idle.append(worker)
                if given is None:
                    deaths["start"] = 0 if answer.kind == "ready" else deaths["start"] + 1
                    if deaths["start"] == _ATTEMPTS:
                        raise FileError(Errors.R081, reason="they die when they start. Is there enough memory?")
                elif answer.kind != "died":
                    yield given, answer
                else:
                    deaths[given.id] += 1
                    if deaths[given.id] < _ATTEMPTS:
                        waiting.append(given)
                    else:
                        yield given, answer._replace(reason=f"{_ATTEMPTS} processes that read it died")
    finally:
        engine.stop()


def load(task: Task) -> Answer:
    """Have a task get ready, in a worker, and say how that ended."""
    try:
        task.load()
    except Exception as err:
        return Answer("broken", reason=_reason(err))
    return Answer("ready")


def read(task: Task, shard: Shard) -> Answer:
    """Have a shard read, in a worker, and say how that ended."""
    try:
        return Answer("done", task(shard))
    except Exception as err:
        return Answer("failed", reason=_reason(err))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, RinError) else "".join(traceback.format_exception_only(error)).strip()


class Processes:
    """Processes of this machine.

    Args:
        task (Task): What they do.
        workers (int): How many there are.
    """

    def __init__(self, task: Task, workers: int) -> None:
        self.task = task
        self.workers = workers
        self._processes: dict[Connection, BaseProcess] = {}
        # Never forked from this process: threads of its libraries would be missing there, and hang.
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self._context.set_forkserver_preload([__name__, "spacy_rin.pipeline.factory", "spacy_rin.extract.run"])

    def start(self) -> Connection:
        """Start a process, and return the connection to it."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self.task), daemon=True)
        process.start()
        theirs.close()  # so that ours ends with the process
        self._processes[ours] = process
        return ours  # type: ignore[no-any-return]

    def send(self, worker: Connection, shard: Shard) -> None:
        """Give a shard to a process."""
        with suppress(OSError):  # it died: so says `receive`
            worker.send(shard)

    def receive(self, workers: Collection[Connection]) -> list[tuple[Connection, Answer]]:
        """Wait for answers."""
        ready: list[Any] = wait(workers)
        return [(worker, self._receive(worker)) for worker in ready]

    def stop(self) -> None:
        """Kill the processes."""
        for process in self._processes.values():
            process.kill()
        for connection, process in self._processes.items():
            process.join()
            connection.close()
        self._processes.clear()

    def _receive(self, worker: Connection) -> Answer:
        try:
            answer: Answer = worker.recv()
        except (EOFError, OSError):
            process = self._processes.pop(worker)
            process.kill()  # it may have lost its connection only
            process.join()
            worker.close()
            return Answer("died")
        return answer


def _serve(connection: Connection, task: Task) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which kills this process
    watch = ParentWatch()
    watch.start()
    connection.send(load(task))
    while True:
        try:
            shard = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(read(task, shard))


class RayActors:
    """Actors of a Ray cluster.

    Args:
        task (Task): What they do.
        workers (int | None): How many there are. None is the number of CPUs of the cluster.
        address (str | None): Address of the cluster. None is that of this session or of RAY_ADDRESS,
            or else a new one on this machine.
        num_gpus (float): GPUs of an actor.

    Raises:
        SettingError: R010 if `num_gpus` is not valid.
        MissingPackageError: R060 if Ray is not installed.
        FileError: R034 if there is no such cluster, R081 if none of its machines has what an actor needs.
    """

    def __init__(
        self, task: Task, workers: int | None = None, *, address: str | None = None, num_gpus: float = 0
    ) -> None:
        valid = is_number(num_gpus) and (0 <= num_gpus < 1 or num_gpus == int(num_gpus) >= 1)
        require_setting("num_gpus", num_gpus, valid, "from 0 to 1, or a whole number")
        try:
            import ray
        except ImportError:
            raise MissingPackageError(Errors.R060, what="The engine 'ray'", package="ray", extra="ray") from None
        self._ray = ray
        self._answers: dict[Any, Any] = {}  # what an actor will say, by actor
        self._ours = not ray.is_initialized()
        address = address or os.environ.get("RAY_ADDRESS")
        new = {"address": "local", "num_cpus": workers, "include_dashboard": False}
        if self._ours:
            _check_reachable(address or "")
            try:
                ray.init(**({"address": address} if address else new), log_to_driver=False)
            except (OSError, ValueError, RuntimeError) as err:
                raise FileError(Errors.R034, path=f"Ray at {address or 'this machine'}", reason=str(err)) from err
        try:
            self._check_room(num_gpus)
        except FileError:
            self.stop()
            raise
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._task = ray.put(task)
        self._actor = ray.remote(num_cpus=1, num_gpus=num_gpus, max_restarts=0)(_Actor)

    def start(self) -> Any:
        """Start an actor, which may wait for a place in the cluster."""
        actor = self._actor.remote(self._task)
        self._answers[actor] = actor.load.remote()
        return actor

    def send(self, worker: Any, shard: Shard) -> None:
        """Give a shard to an actor."""
        self._answers[worker] = worker.read.remote(shard)

    def receive(self, workers: Collection[Any]) -> list[tuple[Any, Answer]]:
        """Wait for answers."""
        waiting = {self._answers[worker]: worker for worker in workers}
        ready, _ = self._ray.wait(list(waiting))
        return [(waiting[answer], self._receive(waiting[answer])) for answer in ready]

    def stop(self) -> None:
        """Kill the actors. A cluster that was started here ends."""
        for actor in self._answers:
            self._ray.kill(actor)
        self._answers.clear()
        if self._ours:
            self._ray.shutdown()

    def _check_room(self, num_gpus: float) -> None:
        """Check that a machine has what an actor needs. Ray would wait, perhaps for ever, for one that has."""
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        offers = [(machine.get("CPU", 0), machine.get("GPU", 0)) for machine in machines]
        if not any(cpus >= 1 and gpus >= num_gpus for cpus, gpus in offers):
            found = "; ".join(f"{cpus:g} CPU(s) and {gpus:g} GPU(s)" for cpus, gpus in sorted(set(offers)))
            reason = f"each needs 1 CPU and {num_gpus:g} GPU(s) of one machine, but those of the Ray cluster have"
            advice = "Choose another number of GPUs, or another cluster."
            raise FileError(Errors.R081, reason=f"{reason} {found or 'none'}. {advice}")

    def _receive(self, worker: Any) -> Answer:
        try:
            answer: Answer = self._ray.get(self._answers[worker])
        except self._ray.exceptions.RayError:  # the process, or its machine
            self._answers.pop(worker)
            self._ray.kill(worker)
            return Answer("died")
        return answer


def _check_reachable(address: str) -> None:
    """Check that something listens at HOST:PORT. Ray would try for many minutes. Other addresses are left to it."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as err:  # the last two are of what can't be a port or a host
        reason = f"nothing answers there ({reason_of(err)}). Check the address, and that the cluster runs"
        raise FileError(Errors.R034, path=f"Ray at {address}", reason=reason) from err


class _Actor:
    """An actor: a process that loads the pipeline once."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def load(self) -> Answer:
        return load(self._task)

    def read(self, shard: Shard) -> Answer:
        return read(self._task, shard)
