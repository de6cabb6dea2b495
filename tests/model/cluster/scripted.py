"""Replicas that do what a test says, without Ray: deaths, silence and disorder that no real one shows at will."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from model.cluster.executor import ClusterExecutor
from model.cluster.parcels import Look, Parcel, Told
from model.engine.lanes import ANSWERS, PAINTS, PICTURES, PIXELS
from model.requests import Event, Failed, Request
from model.status import Status

SEATS = {PICTURES: 4, ANSWERS: 2, PIXELS: 1, PAINTS: 1}


class Method:
    """What an actor's method looks like from outside."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call

    def options(self, **_: object) -> "Method":
        return self


class Actor:
    """A replica. `runs` are the requests it was given, by id and attempt; what a test puts there is told."""

    def __init__(self, executor: Callable[[], ClusterExecutor]) -> None:
        self.executor = executor
        self.status = Status(state="ready", model="7b", seats=SEATS)
        self.life, self.node, self.draining = "first", "here", False
        self.error: Exception | None = None  # that everything raises
        self.silent = False
        self.refusal: Failed | None = None
        self.runs: dict[tuple[str, int], asyncio.Queue[Told | Exception | None]] = {}
        self.cancelled: list[tuple[str, int]] = []
        self.drained = 0
        self.look, self.check, self.run = Method(self._look), Method(self._check), Method(self._run)
        self.cancel, self.drain = Method(lambda *key: self.cancelled.append(key)), Method(self._drain)

    def say(self, key: tuple[str, int], *events: Event | None, first: int = 0) -> None:
        """Tell events of a request; None stands for that it is here."""
        told = [
            Told(*key, number, None if event is None else Parcel[Event].of(event))
            for number, event in enumerate(events, first)
        ]
        self.put(key, *told)

    def put(self, key: tuple[str, int], *told: Told | Exception | None) -> None:
        for one in told:
            self.executor()._call(self.runs[key].put_nowait, one)

    def die(self, error: Exception) -> None:
        """Die, with all that is here."""
        self.error = error
        for key in self.runs:
            self.put(key, error)

    def come_back(self, life: str = "second", node: str = "here") -> None:
        self.error, self.life, self.node, self.draining = None, life, node, False

    async def _look(self) -> Look:
        while self.silent:  # noqa: ASYNC110 (until the test says otherwise)
            await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return Look(self.life, self.node, 1, self.status, self.draining)

    async def _check(self, parcel: Parcel[Request]) -> Failed | None:
        return self.refusal

    async def _run(self, id: str, attempt: int, parcel: Parcel[Request]) -> AsyncIterator[Awaitable[Told]]:
        queue = self.runs[id, attempt] = asyncio.Queue()
        while (told := await queue.get()) is not None:
            future = asyncio.get_running_loop().create_future()
            if isinstance(told, Exception):
                future.set_exception(told)
            else:
                future.set_result(told)
            yield future

    def _drain(self) -> None:
        self.drained += 1
        self.draining = True


class Scripted:
    """A cluster of such replicas."""

    def __init__(self, replicas: int = 2) -> None:
        self.replicas = replicas
        self.executor: ClusterExecutor | None = None
        self.actors: list[Actor] = []
        self.stopped: list[Actor] = []
        self.left = False
        self.trouble: Exception | None = None
        self.gone = False
        self.fresh = Status(state="ready", model="7b", seats=SEATS)  # how a new one is

    def is_there(self) -> bool:
        return not self.gone

    def wanted(self) -> int:
        if self.trouble:
            raise self.trouble
        return self.replicas

    def start(self, name: str) -> Actor:
        self.actors.append(Actor(self._executor))
        self.actors[-1].status = self.fresh
        return self.actors[-1]

    def stop(self, replica: Actor) -> None:
        self.stopped.append(replica)

    def leave(self) -> None:
        self.left = True

    def _executor(self) -> ClusterExecutor:
        assert self.executor
        return self.executor
