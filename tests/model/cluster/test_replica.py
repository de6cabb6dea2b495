"""A replica from inside, without Ray: what it streams of a request, and how it ends."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.cluster import replica as module
from model.cluster.parcels import Parcel, Told
from model.cluster.replica import Replica
from model.requests import Cancelled, Drawing, Event, Failed, Pictures, Request, Started
from model.settings import EngineSettings, ModelSettings
from model.status import Status

draw = partial(Drawing, prompt="a red circle", seed=5, count=1, upscale=False)


@pytest.fixture
def open_replica(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Replica]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "here"))
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)

    def make(name: str = str(tiny_folder)) -> Replica:
        model = ModelSettings(name=name, device="cpu", upscaler="lanczos")
        return Replica(model, EngineSettings(rows=4, window=1), str(tmp_path), logging.NOTSET)

    return make


async def until(replica: Replica, holds: Callable[[Status], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds((await replica.look()).status):  # noqa: ASYNC110 (a status is all there is to wait for)
            await asyncio.sleep(0.01)


@pytest.fixture
async def replica(open_replica: Callable[..., Replica]) -> AsyncIterator[Replica]:
    opened = open_replica()
    await until(opened, lambda status: status.state == "ready")
    yield opened
    await opened._executor.close()


def parcel(request: Request) -> Parcel[Request]:
    return Parcel[Request].of(request)


def events(told: list[Told]) -> list[Event]:
    return [one.parcel.unpack() for one in told if one.parcel]


async def test_it_says_that_it_has_a_request_and_then_all_that_happens_in_order(replica: Replica) -> None:
    told = [one async for one in replica.run("a", 3, parcel(draw(id="a")))]
    assert told[0] == Told("a", 3, 0)
    assert [(one.job, one.attempt, one.sequence) for one in told] == [("a", 3, number) for number in range(len(told))]
    assert isinstance(events(told)[0], Started)
    assert isinstance(events(told)[-1], Pictures)
    assert replica._jobs == {}


async def test_two_attempts_at_the_same_request_do_not_meet(replica: Replica) -> None:
    """Ray may take a replica for dead that is alive: then it has both."""

    async def run(attempt: int) -> Event:
        return events([one async for one in replica.run("a", attempt, parcel(draw(id="a")))])[-1]

    first, second = await asyncio.gather(run(1), run(2))
    assert isinstance(first, Pictures)
    assert isinstance(second, Pictures)
    assert first.tokens == second.tokens


async def test_a_cancellation_that_comes_while_it_is_handed_over_is_not_lost(replica: Replica) -> None:
    run = replica.run("a", 1, parcel(draw(id="a", count=4)))
    assert await anext(run) == Told("a", 1, 0)
    await replica.cancel("a", 1)
    await replica.cancel("b", 1)  # which is not here
    assert events([one async for one in run])[-1] == Cancelled()
    assert replica._unwanted == set()


async def test_who_does_not_read_on_leaves_no_work_behind(replica: Replica) -> None:
    run = replica.run("a", 1, parcel(draw(id="a", count=4)))
    async for told in run:
        if told.sequence == 3:
            break
    assert isinstance(run, AsyncGenerator)
    await run.aclose()
    await until(replica, lambda status: not status.running)


async def test_refusals_keep_their_cause(replica: Replica) -> None:
    long = draw(prompt="word " * 500)
    refused = await replica.check(parcel(long))
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.cause) == ("refused", "prompt")
    assert await replica.check(parcel(draw())) is None
    assert events([one async for one in replica.run("a", 1, parcel(long))]) == [refused]


async def test_told_to_drain_it_finishes_and_then_takes_nothing(replica: Replica) -> None:
    run = replica.run("a", 1, parcel(draw(id="a")))
    await anext(run)
    await replica.drain()
    look = await replica.look()
    assert (look.draining, look.status.state) == (True, "ready")
    assert isinstance(events([one async for one in run])[-1], Pictures)
    assert (await replica.look()).status.state == "closed"
    assert [one async for one in replica.run("b", 1, parcel(draw()))] == []  # not a word: so it goes to another


async def test_one_that_can_not_load_ends_its_process_after_a_while(
    open_replica: Callable[..., Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    codes: list[int] = []
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.1)

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr("os._exit", end)
    broken = open_replica("nowhere")
    assert await asyncio.to_thread(ended.wait, 20)
    assert codes == [1]
    look = await broken.look()
    assert look.status.state == "failed"
    assert "nowhere" in look.status.reason
    await broken._executor.close()
