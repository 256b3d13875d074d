"""Actors of Ray that could never start, with a stand-in for Ray: what it has, and that it is left as it was."""

import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from spacy_rin.extract.engines import RayActors


class Cluster(SimpleNamespace):
    """What this engine uses of Ray, for a cluster of some machines."""

    def __init__(self, *machines: dict[str, float], running: bool = False) -> None:
        nodes = [{"Alive": True, "Resources": machine} for machine in machines]
        lost = {"Alive": False, "Resources": {"CPU": 99.0, "GPU": 99.0}}
        super().__init__(running=running, nodes=lambda: [*nodes, lost], put=id, kill=id)

    def is_initialized(self) -> bool:
        return self.running

    def init(self, **options: Any) -> None:
        self.running = True

    def shutdown(self) -> None:
        self.running = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def remote(self, **options: Any) -> Any:
        return lambda actor: actor


def start(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, **options: Any) -> RayActors:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", cluster)
    task: Any = None
    return RayActors(task, **options)


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    "machines,num_gpus,has",
    [
        ([{"CPU": 2.0}], 1, r"2 CPU\(s\) and 0 GPU"),
        ([{"memory": 1.0}], 0, r"0 CPU\(s\) and 0 GPU"),
        ([{"CPU": 2.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}], 2, r"2 CPU.* 1 GPU\(s\); 8 CPU.* 1 GPU"),
        ([{"CPU": 8.0}, {"GPU": 8.0}], 0.5, r"0 CPU\(s\) and 8 GPU\(s\); 8 CPU"),
        ([], 0, "none"),
    ],
)
def test_no_machine_has_what_an_actor_needs(
    monkeypatch: pytest.MonkeyPatch, running: bool, machines: list[dict[str, float]], num_gpus: float, has: str
) -> None:
    cluster = Cluster(*machines, running=running)
    with pytest.raises(ValueError, match=rf"R081.*{num_gpus:g} GPU.* have {has}"):
        start(monkeypatch, cluster, num_gpus=num_gpus)
    assert cluster.running == running  # the session of the user goes on, and ours has ended


def test_a_machine_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = [{"CPU": 0.0}, {"CPU": 4.0, "GPU": 1.0}]
    for num_gpus in (0, 0.5, 1):
        assert start(monkeypatch, Cluster(*machines), num_gpus=num_gpus).workers == 4


@pytest.mark.parametrize("num_gpus", [-1, 1.5, float("nan"), "1"])
def test_gpus_that_cannot_be(monkeypatch: pytest.MonkeyPatch, num_gpus: Any) -> None:
    cluster = Cluster({"CPU": 2.0, "GPU": 8.0})
    with pytest.raises(ValueError, match=r"R010.*'num_gpus'"):
        start(monkeypatch, cluster, num_gpus=num_gpus)
    assert not cluster.running


def test_addresses_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1:99999", "a..b:80"):
            cluster = Cluster({"CPU": 2.0})
            with pytest.raises(ValueError, match=f"R034.*Ray at {address}.*nothing answers"):
                start(monkeypatch, cluster, address=address)
            assert not cluster.running
        free.listen()
        assert start(monkeypatch, Cluster({"CPU": 2.0}), address=f"127.0.0.1:{port}")
    # These are left to Ray, and a session that runs has its address.
    for address in ("auto", "local", f"ray://127.0.0.1:{port}"):
        assert start(monkeypatch, Cluster({"CPU": 2.0}), address=address)
    assert start(monkeypatch, Cluster({"CPU": 2.0}, running=True), address=f"127.0.0.1:{port}")
