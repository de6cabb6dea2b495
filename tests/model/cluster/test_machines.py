"""How many replicas are asked of Ray, and with what: no cluster is started for that."""

from collections.abc import Callable
from typing import Any

import pytest
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError

from model.cluster import machines as module
from model.cluster.machines import Machines, drain
from model.cluster.parcels import Look
from model.cluster.replica import Replica
from model.errors import PlainError
from model.settings import EngineSettings, ExecutorSettings, ModelSettings
from model.status import Status


class Ray:
    """Takes note of what is asked of it."""

    def __init__(self, gpus: float = 0.0) -> None:
        self.gpus = gpus
        self.alive = True
        self.inits: list[tuple[str, dict[str, Any]]] = []
        self.options_: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def init(self, address: str, **more: Any) -> None:
        self.inits.append((address, more))
        if self.error:
            raise self.error

    def get_runtime_context(self) -> "Ray":
        return self

    def get_node_id(self) -> str:
        return "here"

    def nodes(self) -> list[dict[str, object]]:
        return [{"NodeID": "here", "Alive": self.alive}, {"NodeID": "there", "Alive": True}]

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 8.0, "GPU": self.gpus} if self.gpus else {"CPU": 8.0}

    def remote(self, actor: type) -> "Ray":
        assert actor is Replica
        return self

    def options(self, **options: Any) -> "Made":
        self.options_.append(options)
        return Made()


class Made:
    def remote(self, *given: object) -> tuple[object, ...]:
        return given


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    there = Ray()
    monkeypatch.setattr(module, "ray", there)
    return there


@pytest.fixture
def machines(ray: Ray) -> Callable[..., Machines]:
    def make(device: Any = "auto", **settings: Any) -> Machines:
        model = ModelSettings(device=device)
        return Machines(model, EngineSettings(), ExecutorSettings(backend="ray", **settings))

    return make


@pytest.mark.parametrize(
    ("gpus", "device", "settings", "wanted", "each"),
    [
        (0, "auto", {}, 1, 0),
        (4, "auto", {}, 4, 1.0),
        (4, "cuda", {"gpus_per_replica": 0.5}, 8, 0.5),
        (4, "cpu", {}, 1, 0),
        (4, "auto", {"replicas": 2}, 2, 1.0),
        (0, "cpu", {"replicas": 3}, 3, 0),
    ],
)
def test_there_is_one_for_each_card_or_as_many_as_are_set(
    ray: Ray, machines: Callable[..., Machines], gpus: float, device: str, settings: Any, wanted: int, each: float
) -> None:
    ray.gpus = gpus
    made = machines(device, **settings)
    assert made.wanted() == wanted
    made.start("1")
    (options,) = ray.options_
    assert options["num_gpus"] == each
    assert options["num_cpus"] == 0  # else a small machine's cores would keep it from starting
    assert (options["max_restarts"], options["max_task_retries"]) == (-1, 0)


def test_this_machine_s_part_of_the_cluster_can_die(ray: Ray, machines: Callable[..., Machines]) -> None:
    made = machines()
    assert made.is_there()
    ray.alive = False
    assert not made.is_there()


def test_a_card_that_is_added_is_counted(ray: Ray, machines: Callable[..., Machines]) -> None:
    made = machines()
    ray.gpus = 2
    assert made.wanted() == 2


def test_a_cluster_is_started_here_or_joined(ray: Ray, machines: Callable[..., Machines]) -> None:
    machines()
    machines(address="10.0.0.7:6379")
    (started, small), (joined, more) = ray.inits
    assert (started, joined) == ("local", "10.0.0.7:6379")
    assert small["include_dashboard"] is False
    assert "num_cpus" not in more  # which Ray refuses of who only joins
    assert small["namespace"] != more["namespace"]


def test_a_cluster_that_is_not_there_is_one_line_and_no_password_is_logged(
    ray: Ray, machines: Callable[..., Machines], caplog: pytest.LogCaptureFixture
) -> None:
    ray.error = ConnectionError("can't reach redis://:secret@10.0.0.7:6379")
    with pytest.raises(PlainError, match=r"10\.0\.0\.7:6379") as told:
        machines(address="10.0.0.7:6379")
    assert "secret" not in str(told.value) + caplog.text
    assert "can't reach" in caplog.text
    with pytest.raises(PlainError, match="is the bot running"):
        drain("", "1")


class Worker:
    """A replica that is told to finish: it dies while it does, and is closed in the end."""

    def __init__(self, errors: list[RayError | None]) -> None:
        self.errors = errors
        self.drain = self.look = self

    def remote(self) -> "Worker":
        return self


@pytest.fixture
def worker(ray: Ray, monkeypatch: pytest.MonkeyPatch) -> Worker:
    there = Worker([])
    named = [{"name": "replica-1", "namespace": "janus-bot-a"}, {"name": "replica-2", "namespace": "janus-bot-a"}]
    strangers = [{"name": "replica-1", "namespace": "somebody-else"}]
    monkeypatch.setattr(module, "list_named_actors", lambda **_: named + strangers)

    def get(of: Worker, timeout: float = 0.0) -> Look:
        if of.errors and (error := of.errors.pop(0)):
            raise error
        state: Any = "ready" if of.errors else "closed"
        return Look("life", "here", 1, Status(state=state, model="7b"), draining=True)

    for name, act in {"get": get, "get_actor": lambda *_: there, "shutdown": lambda: None}.items():
        monkeypatch.setattr(ray, name, act, raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return there


def test_to_drain_waits_until_the_replica_has_finished_even_in_another_process(worker: Worker) -> None:
    worker.errors = [None, None, ActorUnavailableError("it was killed", None), None, None]
    drain("", "1")
    assert worker.errors == []


def test_one_that_does_not_answer_or_is_not_there_is_one_line(worker: Worker) -> None:
    worker.errors = [GetTimeoutError("30 s")]
    with pytest.raises(PlainError, match="replica 1 does not answer"):
        drain("", "1")
    with pytest.raises(PlainError, match="no single replica 9; there are: 1, 2"):
        drain("", "9")
