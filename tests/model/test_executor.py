"""The thread: what travels, what ends, and that it always does."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from model.engine.engine import Engine
from model.engine.runs import AnyRun
from model.errors import PlainError
from model.executor import ThreadExecutor, open_here
from model.network.upscaler import Lanczos
from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Enlarge,
    Event,
    Executor,
    Failed,
    Pictures,
    Progress,
    Question,
    Queued,
    Refused,
    Request,
    Started,
    Text,
)
from model.settings import EngineSettings, ModelSettings
from model.weights.checkpoint import Janus

PHOTO = Image.new("RGB", (40, 30), "red")


@pytest.fixture
async def executor(tiny: Janus) -> AsyncIterator[ThreadExecutor]:
    settings = EngineSettings(window=1)  # a token a step, however busy the machine is
    opened = ThreadExecutor(lambda: Engine(tiny, Lanczos(), settings), model="tiny")
    yield opened
    await opened.close()


async def events(executor: Executor, request: Request) -> list[Event]:
    job = await executor.submit(request)
    return [event async for event in job]


async def until_ready(executor: Executor) -> None:
    while executor.status().state == "loading":  # noqa: ASYNC110 (a status is all there is to wait for)
        await asyncio.sleep(0.01)


async def test_a_drawing_goes_through_its_stages(executor: ThreadExecutor) -> None:
    await until_ready(executor)
    *passing, last = await events(executor, Drawing(prompt="a red circle", count=2, seed=7))
    assert isinstance(passing[0], Started)
    steps = [event.done for event in passing if isinstance(event, Progress)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 16
    assert isinstance(last, Pictures)
    assert [picture.size for picture in last.pictures] == [(64, 64)] * 2
    assert last.seeds == (7, 8)
    assert set(last.seconds) == {"queue", "prefill", "decode", "pixels", "upscale"}
    assert 0 < executor.status().steps <= 16  # several tokens may come of one


async def test_an_answer_streams_what_it_says_in_the_end(executor: ThreadExecutor) -> None:
    picture = Image.new("RGB", (50, 20), "red")
    *passing, last = await events(executor, Question(pictures=(picture,), question="What is it?", max_new_tokens=20))
    assert isinstance(last, Answer)
    assert "".join(event.delta for event in passing if isinstance(event, Text)) == last.text
    assert last.tokens <= 20


async def test_an_enlarged_picture_is_twice_as_large(executor: ThreadExecutor) -> None:
    last = (await events(executor, Enlarge.of(Image.new("RGB", (30, 20)))))[-1]
    assert isinstance(last, Pictures)
    assert last.pictures[0].size == (60, 40)


async def test_what_the_model_cannot_take_is_refused_at_once(executor: ThreadExecutor) -> None:
    await until_ready(executor)
    for bad in (Drawing(prompt="  "), Drawing(prompt="word " * 500), Drawing(prompt="x", temperature=float("nan"))):
        with pytest.raises(Refused):
            await executor.submit(bad)


async def test_requests_wait_while_the_model_loads(tiny: Janus) -> None:
    loaded = threading.Event()

    def slowly() -> Engine:
        loaded.wait(20)
        return Engine(tiny, Lanczos())

    executor = ThreadExecutor(slowly, model="tiny")
    jobs = [await executor.submit(Drawing(prompt=prompt)) for prompt in ("one", "two", "", "three", "word " * 500)]
    assert executor.status().state == "loading"
    assert [await anext(job) for job in jobs] == [Queued(place) for place in range(1, 6)]
    jobs[1].cancel()
    assert await anext(jobs[1]) == Cancelled()  # at once, not when the model is there
    loaded.set()
    ends = [[event async for event in job][-1] for job in (jobs[0], jobs[2], jobs[3])]
    assert [type(end) for end in ends] == [Pictures, Failed, Pictures]
    assert isinstance(ends[1], Failed)
    assert ends[1].kind == "refused"
    long = [event async for event in jobs[4]][-1]
    assert isinstance(long, Failed)
    assert (long.kind, long.cause) == ("refused", "prompt")  # so that it can be said in other languages
    assert long.limit > 0
    await executor.close()


@pytest.mark.parametrize(
    ("error", "told"), [(PlainError("model.safetensors is truncated"), "truncated"), (ValueError("x"), "log")]
)
async def test_a_model_that_does_not_load_fails_those_who_wait_and_those_who_come(error: Exception, told: str) -> None:
    go = threading.Event()

    def never() -> Engine:
        go.wait(20)
        raise error

    executor = ThreadExecutor(never, model="broken")
    waiting = await executor.submit(Drawing(prompt="one"))
    go.set()
    *_, end = [event async for event in waiting]
    late = (await events(executor, Drawing(prompt="two")))[-1]
    assert isinstance(end, Failed)
    assert end == late
    assert end.kind == "unavailable"
    assert told in end.reason
    assert executor.status().state == "failed"
    await executor.close()


async def test_cancel_ends_one_job_and_not_its_neighbour(executor: ThreadExecutor) -> None:
    await until_ready(executor)
    first, second = [await executor.submit(Drawing(prompt="p", seed=1)) for _ in range(2)]
    assert isinstance(await anext(first), Started)
    first.cancel()
    first.cancel()
    assert [event async for event in first][-1] == Cancelled()
    assert isinstance([event async for event in second][-1], Pictures)
    first.cancel()  # after the end: nothing happens
    assert executor.status().rows == 0


async def test_a_wait_that_times_out_loses_no_event(executor: ThreadExecutor) -> None:
    job = await executor.submit(Drawing(prompt="p", seed=1))
    seen: list[Event] = []
    while not seen or not isinstance(seen[-1], Pictures):
        try:
            async with asyncio.timeout(0.001):
                seen.append(await anext(job))
        except TimeoutError:
            continue
    assert [event.done for event in seen if isinstance(event, Progress)] == list(range(1, 17))


async def test_collecting_garbage_passes_over_what_was_loaded_as_long_as_it_is_there(tiny: Janus) -> None:
    executor = ThreadExecutor(lambda: Engine(tiny, Lanczos()), model="tiny")
    await until_ready(executor)
    assert gc.get_freeze_count() > 0  # a collection takes the event loop's time
    await executor.close()
    assert gc.get_freeze_count() == 0


async def test_closing_ends_every_job_and_the_thread(tiny: Janus) -> None:
    executor = ThreadExecutor(lambda: Engine(tiny, Lanczos()), model="tiny")
    await until_ready(executor)
    jobs = [await executor.submit(Drawing(prompt="p", count=5)) for _ in range(20)]
    await executor.close()
    await executor.close()
    assert all([[event async for event in job][-1] == Cancelled() for job in jobs])
    assert executor.status().state == "closed"
    assert not executor._supervisor.is_alive()
    late = (await events(executor, Drawing(prompt="p")))[-1]
    assert isinstance(late, Failed)
    assert late.kind == "unavailable"


async def test_closing_returns_while_the_model_loads() -> None:
    never = threading.Event()

    def slowly() -> Engine:
        never.wait(20)
        raise ValueError("too late")

    executor = ThreadExecutor(slowly, model="7b")
    job = await executor.submit(Drawing(prompt="p"))
    async with asyncio.timeout(5):
        await executor.close()
    assert [event async for event in job][-1] == Cancelled()
    never.set()


@pytest.mark.parametrize(
    ("request_", "upscaler", "seats"),
    [
        (Question(pictures=(PHOTO,), question="what?"), False, (0, 1)),
        (Drawing(prompt="p", count=3, upscale=False), False, (3, 0)),
        (Drawing(prompt="p", count=5), True, (4, 0)),
        (Drawing(prompt="p", count=1, careful=True, upscale=False), False, (2, 1)),
        (Enlarge.of(PHOTO), True, (0, 0)),
    ],
)
async def test_one_request_alone_gets_what_it_needs_and_no_more(
    tiny_folder: Path, request_: Request, upscaler: bool, seats: tuple[int, int]
) -> None:
    model = ModelSettings(name=str(tiny_folder), device="cpu", upscaler="lanczos" if upscaler else "nowhere.pth")
    executor = open_here(model, EngineSettings(rows=8), only=request_)
    last = (await events(executor, request_))[-1]
    assert isinstance(last, Answer | Pictures), last
    assert executor._life.engine is not None
    lanes = executor._life.engine.lanes
    assert (lanes["pictures"].capacity, lanes["answers"].capacity) == seats
    # no step without rows is compiled
    assert all(bucket.pictures or bucket.answers for bucket in executor._life.engine.step_runner.buckets)
    await executor.close()


@pytest.mark.parametrize("lacks", [1, 2, 3])
async def test_a_lack_of_memory_while_preparing_costs_nobody_if_it_passes(
    executor: ThreadExecutor, monkeypatch: pytest.MonkeyPatch, lacks: int
) -> None:
    await until_ready(executor)
    engine = executor._life.engine
    assert engine is not None
    whole, left = engine.preparer.prepare, [MemoryError()] * lacks

    def prepare(request: Request) -> AnyRun:
        if left:
            raise left.pop()
        return whole(request)

    monkeypatch.setattr(engine.preparer, "prepare", prepare)
    request = Question(pictures=(PHOTO,), question="what?", max_new_tokens=4)
    end = (await events(executor, request))[-1]
    if lacks < 3:
        assert isinstance(end, Answer)
    else:
        assert isinstance(end, Failed)
        assert end.kind == "memory"
    assert isinstance((await events(executor, Drawing(prompt="p")))[-1], Pictures)


async def test_small_lanes_serve_everybody_in_the_end(tiny: Janus) -> None:
    executor = ThreadExecutor(lambda: Engine(tiny, Lanczos(), EngineSettings(rows=4, answers=1)), model="tiny")
    ends = await asyncio.gather(
        *(events(executor, Drawing(prompt="p", seed=i, count=3, owner=str(i % 3))) for i in range(7))
    )
    assert all(isinstance(end[-1], Pictures) for end in ends)
    await executor.close()
