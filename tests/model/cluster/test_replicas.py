"""Real replicas, in processes of their own, which are killed, lost, added and drained. All share one small cluster."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
import ray
from PIL import Image

from bot.config import ROOT
from model.cluster.executor import ClusterExecutor
from model.cluster.machines import Machines
from model.executor import open_here
from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Enlarge,
    Event,
    Pictures,
    Progress,
    Question,
    Queued,
    Refused,
    Request,
    Started,
)
from model.settings import EngineSettings, ExecutorSettings, ModelSettings

pytestmark = pytest.mark.timeout(300)

MODEL = ModelSettings(name="demo", device="cpu", upscaler="lanczos")
ENGINE = EngineSettings(rows=8, window=1, compile=False)  # a token a step: a drawing takes its time
draw = partial(Drawing, prompt="a large red circle on a white background", seed=5, count=2, upscale=False)


class Growing(Machines):
    """A cluster that finds a card more when a test says so."""

    more = 0

    def wanted(self) -> int:
        return super().wanted() + self.more


@pytest.fixture(scope="module")
def machines() -> Growing:
    return Growing(MODEL, ENGINE, ExecutorSettings(backend="ray", replicas=2))


@pytest.fixture(scope="module")
def executor(machines: Growing) -> Iterator[ClusterExecutor]:
    opened = ClusterExecutor(machines, model="demo")
    yield opened
    asyncio.run(opened.close())


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110 (a status is all there is to wait for)
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
async def _all_ready(executor: ClusterExecutor) -> None:
    await until(lambda: len(ready(executor)) == len(executor.status().replicas) > 0)


def ready(executor: ClusterExecutor) -> list[str]:
    there = executor.status().replicas
    return [of.name for of in there if of.status.state == "ready" or of.draining]


async def events(executor: ClusterExecutor, request: Request) -> list[Event]:
    return [event async for event in await executor.submit(request)]


def tokens(seen: list[Event]) -> tuple[tuple[int, ...], ...]:
    assert isinstance(seen[-1], Pictures), seen[-1]
    return seen[-1].tokens


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(executor: ClusterExecutor, name: str) -> None:
    os.kill(executor._watch.sites[name].pid, signal.SIGKILL)


async def test_they_draw_what_one_machine_draws_and_share_the_work(executor: ClusterExecutor) -> None:
    alone = open_here(MODEL, ENGINE)
    expected = [event async for event in await alone.submit(draw())]
    await alone.close()
    steps = {of.name: of.status.steps for of in executor.status().replicas}
    seen = await asyncio.gather(*(events(executor, draw(owner=str(i))) for i in range(8)))
    assert {tokens(each) for each in seen} == {tokens(expected)}
    assert isinstance(expected[-1], Pictures)
    for each in seen:
        assert isinstance(each[-1], Pictures)
        assert [made.tobytes() for made in each[-1].pictures] == [made.tobytes() for made in expected[-1].pictures]
    await until(lambda: all(of.status.steps > steps[of.name] for of in executor.status().replicas))


async def test_questions_judgements_and_enlargements_come_through_and_refusals_are_told_at_once(
    executor: ClusterExecutor,
) -> None:
    photo = Image.new("RGB", (60, 40), "red")
    answer = (await events(executor, Question(pictures=(photo,), question="what is it?", max_new_tokens=8)))[-1]
    assert isinstance(answer, Answer)
    judged = (await events(executor, draw(count=2, careful=True)))[-1]
    assert isinstance(judged, Pictures)
    assert len(judged.pictures) == len(judged.judged) == 2
    larger = (await events(executor, Enlarge.of(photo)))[-1]
    assert isinstance(larger, Pictures)
    assert larger.pictures[0].size == (120, 80)
    with pytest.raises(Refused) as refused:
        await executor.submit(draw(prompt="word " * 500))
    assert refused.value.cause == "prompt"
    assert refused.value.limit > 0


async def test_a_job_outlives_its_replica_and_draws_the_same(executor: ClusterExecutor) -> None:
    expected = [tokens(await events(executor, draw(seed=seed))) for seed in range(4)]
    deaths = executor.status().deaths
    jobs = [await executor.submit(draw(seed=seed, owner=str(seed))) for seed in range(4)]
    seen: list[list[Event]] = [[] for _ in jobs]
    killed: list[str] = []

    async def follow(number: int) -> None:
        async for event in jobs[number]:
            seen[number].append(event)
            if number == 0 and isinstance(event, Progress) and event.done > 20 and not killed:
                killed.append(executor._attempts[jobs[0].id].site.name)
                kill(executor, killed[0])

    await asyncio.gather(*map(follow, range(4)))
    assert killed
    assert [tokens(each) for each in seen] == expected
    began = [sum(isinstance(event, Started) for event in each) for each in seen]
    assert began[0] == 2
    assert 1 in began  # whoever was at the other one noticed nothing
    anew = max(i for i, event in enumerate(seen[0]) if isinstance(event, Queued))
    done = [event.done for event in seen[0][anew:] if isinstance(event, Progress)]
    assert done == sorted(set(done))
    await until(lambda: ready(executor) == ["1", "2"])
    await until(lambda: executor.status().deaths == deaths + 1)


async def test_with_none_left_jobs_wait_until_one_is_back(executor: ClusterExecutor) -> None:
    expected = tokens(await events(executor, draw()))
    deaths = executor.status().deaths
    job = await executor.submit(draw())
    stream = aiter(job)
    while not isinstance(event := await anext(stream), Progress) or event.done < 10:
        pass
    for name in ("1", "2"):
        kill(executor, name)
    while not isinstance(await anext(stream), Queued):
        pass
    await until(lambda: executor.status().state == "loading")
    late = await executor.submit(draw(seed=8))
    assert isinstance(await anext(aiter(late)), Queued)
    dropped = await executor.submit(draw(seed=9))
    dropped.cancel()
    assert [event async for event in dropped][-1] == Cancelled()
    assert tokens([event async for event in stream]) == expected
    assert isinstance([event async for event in late][-1], Pictures)
    await until(lambda: executor.status().deaths == deaths + 2)


async def test_cancel_ends_one_job_wherever_it_is_and_not_its_neighbours(executor: ClusterExecutor) -> None:
    jobs = [await executor.submit(draw(seed=i, count=4, owner=str(i))) for i in range(4)]
    first = aiter(jobs[0])
    while not isinstance(await anext(first), Progress):
        pass
    jobs[0].cancel()  # it runs
    jobs[3].cancel()  # it is held back
    ends = await asyncio.gather(*(_end(job) for job in (first, *jobs[1:])))
    assert [type(end) for end in ends] == [Cancelled, Pictures, Pictures, Cancelled]
    jobs[0].cancel()  # after the end: nothing happens
    await until(lambda: executor.status().rows == 0)


async def _end(job: AsyncIterator[Event]) -> Event:
    return [event async for event in job][-1]


async def test_one_that_is_added_gets_work_and_one_that_is_drained_only_finishes(
    executor: ClusterExecutor, machines: Growing
) -> None:
    machines.more = 1
    jobs = [asyncio.create_task(events(executor, draw(seed=i, count=4))) for i in range(8)]
    await until(lambda: ready(executor) == ["1", "2", "3"])
    jobs += [asyncio.create_task(events(executor, draw(seed=i, count=4))) for i in range(8, 16)]
    await until(lambda: executor._watch.sites["3"].status.steps > 0)
    command = [sys.executable, "-m", "bot", "drain", "1"]
    where = os.environ | {"JANUS_EXECUTOR_ADDRESS": ray.get_runtime_context().gcs_address}  # there may be others here
    told = await asyncio.to_thread(
        partial(subprocess.run, command, cwd=ROOT, env=where, capture_output=True, text=True, timeout=120, check=False)
    )
    assert told.returncode == 0, told.stderr
    assert "Replica 1 has finished" in told.stderr
    assert all(isinstance(seen[-1], Pictures) for seen in await asyncio.gather(*jobs))
    await until(lambda: executor.status().replicas[0].status.state == "closed")
    steps = executor._watch.sites["1"].status.steps
    assert isinstance((await events(executor, draw()))[-1], Pictures)
    assert executor._watch.sites["1"].status.steps == steps
    assert executor.status().state == "ready"


async def test_closing_ends_every_job_and_every_process(executor: ClusterExecutor) -> None:
    pids = [site.pid for site in executor._watch.sites.values()]
    jobs = [await executor.submit(draw(seed=i, count=4)) for i in range(6)]
    await executor.close()
    await executor.close()
    assert all([await _end(job) == Cancelled() for job in jobs])
    assert executor.status().state == "closed"
    assert not executor._thread.is_alive()
    await until(lambda: not any(map(is_there, pids)))
