"""The engine for Ray, on a cluster of this machine."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from spacy_rin.extract import extract_shards

from .test_sharded import SIZE, marked, rows_of

# The fixtures of these runs are those of processes, so that the rows are compared, too.
from .test_sharded import corpus as corpus
from .test_sharded import unbroken as unbroken

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes can't be found here"),
]


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    marker = str(time.time_ns())
    monkeypatch.setenv("SPACY_RIN_TEST", marker)
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or they would starve beside other tests
    yield f"SPACY_RIN_TEST={marker}"


def actors(marker: str) -> list[int]:
    found = []
    for process in marked(marker):
        try:
            if b"ray::_Actor" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
        except OSError:
            continue
    return found


def test_killed_actors(unbroken, corpus: Path, model: Path, tmp_path: Path, marker: str, hostile: int) -> None:  # type: ignore[no-untyped-def]
    chance, out, over = random.Random(hostile), tmp_path / "out", Event()
    killed: list[int] = []

    def kill() -> None:
        while not over.is_set() and len(killed) < 2 * hostile:
            if len(list(out.glob("*.parquet"))) > len(killed) * 3 and (found := actors(marker)):
                over.wait(chance.uniform(0, 0.2))
                victim = chance.choice(found)
                try:
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)
                except OSError:
                    continue
            over.wait(0.02)

    thread = Thread(target=kill)
    thread.start()
    try:
        summary = extract_shards(
            model, f"{corpus}/*", out, engine="ray", workers=2, shard_size=SIZE, entities=True, batch_size=16
        )
    finally:
        over.set()
        thread.join()
    assert killed and not summary.failed_shards and summary.resumed == 0
    whole, expected = unbroken
    assert rows_of(out) == expected
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}
    assert not ray.is_initialized()
