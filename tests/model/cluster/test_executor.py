"""What is told of a request whose replicas die, fall silent or speak out of turn: one end, and never a wrong one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, ObjectLostError, RayTaskError

from model.cluster import watch
from model.cluster.executor import ClusterExecutor
from model.executor import ThreadJob
from model.requests import (
    Cancelled,
    Drawing,
    Event,
    Failed,
    Pictures,
    Progress,
    Queued,
    Refused,
    Started,
)
from model.status import Status
from tests.model.cluster.scripted import Actor, Scripted

DONE = Pictures((), ((1, 2),), (7,), {})
DEAD = ActorUnavailableError("it was killed", None)
draw = partial(Drawing, prompt="p", count=2)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_SECONDS", "COUNT_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(watch, name, 0.01)
    monkeypatch.setattr(watch, "SILENT_SECONDS", 0.1)


@pytest.fixture
def cluster() -> Scripted:
    return Scripted()


@pytest.fixture
async def executor(cluster: Scripted) -> AsyncIterator[ClusterExecutor]:
    opened = cluster.executor = ClusterExecutor(cluster, model="7b", stuck_seconds=0.5)
    yield opened
    await opened.close()
    assert cluster.left


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (there is nothing else to wait for)
            await asyncio.sleep(0.005)


async def ready(executor: ClusterExecutor, many: int = 2) -> None:
    await until(lambda: sum(of.status.state == "ready" for of in executor.status().replicas) == many)


def where(cluster: Scripted, job: ThreadJob, attempt: int = 1) -> Actor | None:
    return next((actor for actor in cluster.actors if (job.id, attempt) in actor.runs), None)


async def given(cluster: Scripted, job: ThreadJob, attempt: int = 1) -> Actor:
    """Wait until a replica has it, and say which."""
    await until(lambda: where(cluster, job, attempt))
    actor = where(cluster, job, attempt)
    assert actor
    return actor


async def rest(job: ThreadJob) -> list[Event]:
    async with asyncio.timeout(20):
        return [event async for event in job]


async def test_the_seats_of_all_replicas_are_taken_and_the_others_are_told_their_place(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    jobs = [await executor.submit(draw(owner="a")) for _ in range(6)]
    await until(lambda: sum(len(actor.runs) for actor in cluster.actors) == 4)
    assert [len(actor.runs) for actor in cluster.actors] == [2, 2]
    assert [await anext(job) for job in jobs[4:]] == [Queued(1), Queued(2)]
    assert (executor.status().queued, executor.status().running) == (6, 0)
    first = await given(cluster, jobs[0])
    first.say((jobs[0].id, 1), None, Started(), Progress(16, 16))  # its rows are free, its pixels are not made yet
    assert await given(cluster, jobs[4]) is first
    first.say((jobs[0].id, 1), DONE, first=3)
    assert (await rest(jobs[0]))[-1] == DONE
    assert where(cluster, jobs[5]) is None
    moved = await anext(jobs[5])
    assert isinstance(moved, Queued)
    assert moved.position == 1
    assert moved.eta is not None  # by what the first one took
    assert 0 < moved.eta < 10


async def test_a_job_goes_to_another_replica_and_is_told_that_it_waits_again(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    first = await given(cluster, job)
    first.say((job.id, 1), None, Started(), Progress(3, 16))
    await until(lambda: executor.status().running == 1)
    first.die(DEAD)
    second = await given(cluster, job, 2)
    assert second is not first
    first.say((job.id, 1), Progress(4, 16), DONE, first=3)  # what a dead one still sends
    second.say((job.id, 2), None, Started(), Progress(16, 16), DONE)
    assert await rest(job) == [Started(), Progress(3, 16), Queued(1), Started(), Progress(16, 16), DONE]
    assert executor.status().state == "ready"
    first.come_back()
    await until(lambda: executor.status().deaths == 1)


@pytest.mark.parametrize("error", [DEAD, ObjectLostError("00", None, "")])
async def test_what_two_replicas_died_of_fails_and_says_so(
    cluster: Scripted, executor: ClusterExecutor, error: Exception
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    for attempt in (1, 2):
        actor = await given(cluster, job, attempt)
        actor.say((job.id, attempt), None)  # it is there, and may have been begun
        actor.put((job.id, attempt), error)
    end = (await rest(job))[-1]
    assert isinstance(end, Failed)
    assert end.kind == "died"
    assert where(cluster, job, 3) is None


async def test_a_death_of_an_engine_and_one_of_a_replica_count_together(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    first = await given(cluster, job)
    first.say((job.id, 1), None, Started(), Queued(1), Started())
    first.put((job.id, 1), DEAD)
    end = (await rest(job))[-1]
    assert isinstance(end, Failed)
    assert end.kind == "died"
    job = await executor.submit(draw())
    first = await given(cluster, job)
    first.say((job.id, 1), None, Started())
    first.put((job.id, 1), DEAD)
    second = await given(cluster, job, 2)
    second.say((job.id, 2), None, Started(), Queued(1))
    end = (await rest(job))[-1]
    assert isinstance(end, Failed)
    assert end.kind == "died"
    await until(lambda: (job.id, 2) in second.cancelled)  # it works no more for what nobody waits for


async def test_what_only_waited_at_a_replica_is_not_to_blame(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    for attempt in range(1, 5):
        actor = await given(cluster, job, attempt)
        if attempt % 2:
            actor.say((job.id, attempt), None, Queued(1))
        actor.put((job.id, attempt), DEAD)  # without a word, it never had it
    last = await given(cluster, job, 5)
    last.say((job.id, 5), None, Started(), DONE)
    assert (await rest(job))[-1] == DONE


@pytest.mark.parametrize("end", ["gap", "silence"])
async def test_a_replica_that_leaves_something_out_is_left(
    cluster: Scripted, executor: ClusterExecutor, end: str
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    first = await given(cluster, job)
    first.say((job.id, 1), None, Started())
    if end == "gap":
        first.say((job.id, 1), DONE, first=3)
    else:
        first.put((job.id, 1), None)
    second = await given(cluster, job, 2)
    assert (job.id, 1) in first.cancelled  # it may be alive, and would draw for nobody
    second.say((job.id, 2), None, Started(), DONE)
    assert await rest(job) == [Started(), Queued(1), Started(), DONE]


async def test_a_bug_is_told_once_and_not_tried_again(
    cluster: Scripted, executor: ClusterExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    actor = await given(cluster, job)
    actor.put((job.id, 1), RayTaskError("run", "Traceback", ValueError("x")))  # type: ignore[no-untyped-call]
    end = (await rest(job))[-1]
    assert isinstance(end, Failed)
    assert end.kind == "bug"
    assert job.id in caplog.text


async def test_with_no_replica_jobs_wait_and_can_be_cancelled(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    for actor in cluster.actors:
        actor.die(DEAD)
    await until(lambda: executor.status().state == "loading")
    assert "started again" in executor.status().reason
    job, dropped = await executor.submit(draw()), await executor.submit(draw())
    dropped.cancel()
    assert (await rest(dropped))[-1] == Cancelled()
    cluster.actors[1].come_back()
    actor = await given(cluster, job)
    actor.say((job.id, 1), None, Started(), DONE)
    assert await rest(job) == [Queued(1), Started(), DONE]


async def test_a_cancellation_waits_until_the_replica_has_the_request(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    actor = await given(cluster, job)
    job.cancel()
    await asyncio.sleep(0.05)
    assert actor.cancelled == []  # it would not know what is meant
    actor.say((job.id, 1), None)
    await until(lambda: actor.cancelled == [(job.id, 1)])
    actor.say((job.id, 1), Cancelled(), first=1)
    assert await rest(job) == [Cancelled()]


async def test_a_cancelled_job_whose_replica_dies_ends(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    actor = await given(cluster, job)
    actor.say((job.id, 1), None, Started())
    job.cancel()
    actor.die(DEAD)
    assert (await rest(job))[-1] == Cancelled()


async def test_what_the_model_cannot_take_is_refused_at_once(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    cluster.actors[0].refusal = Failed("It is too long.", "refused", "prompt", 900)
    with pytest.raises(Refused) as refused:
        await executor.submit(draw())
    assert (refused.value.cause, refused.value.limit) == ("prompt", 900)
    assert executor.status().queued == 0


async def test_a_silent_replica_gets_nothing_new_and_is_ended_when_it_stays_so(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    cluster.actors[0].silent = True
    await asyncio.sleep(0.3)
    jobs = [await executor.submit(draw()) for _ in range(3)]
    await until(lambda: len(cluster.actors[1].runs) == 2)
    assert where(cluster, jobs[2]) is None
    await until(lambda: cluster.stopped == [cluster.actors[0]])


async def test_a_silent_replica_is_not_asked_whether_the_model_can_take_a_request(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    silent, other = cluster.actors
    silent.silent = True
    await asyncio.sleep(0.3)
    silent.refusal, other.refusal = None, Failed("It is too long.", "refused")
    with pytest.raises(Refused):
        await executor.submit(draw())


async def test_a_cluster_that_fails_for_a_moment_is_asked_again(
    cluster: Scripted, executor: ClusterExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(executor)
    cluster.trouble = OSError("the head is away")
    cluster.replicas = 3
    await until(lambda: "the head is away" in caplog.text)
    cluster.trouble = None
    await ready(executor, 3)


async def test_without_a_way_to_any_replica_requests_fail_and_do_not_wait_for_ever(
    cluster: Scripted, executor: ClusterExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    await given(cluster, job)
    cluster.gone = True
    for one in (job, await executor.submit(draw())):
        end = (await rest(one))[-1]
        assert isinstance(end, Failed)
        assert end.kind == "unavailable"
    assert executor.status().state == "failed"
    assert "restarted" in caplog.text


async def test_one_that_can_not_be_started_is_started_again(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    cluster.actors[0].die(ActorDiedError())
    await until(lambda: len(cluster.actors) == 3)
    await ready(executor)
    assert [of.name for of in executor.status().replicas] == ["1", "2"]


async def test_a_drained_one_gets_nothing_new_even_in_another_process_but_elsewhere_it_does(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    first = cluster.actors[0]
    first.draining = True
    await until(lambda: executor.status().replicas[0].draining)
    jobs = [await executor.submit(draw()) for _ in range(3)]
    await until(lambda: len(cluster.actors[1].runs) == 2)
    first.die(DEAD)
    await until(lambda: executor.status().replicas[0].status.state == "loading")
    first.come_back("second")
    await until(lambda: first.drained)
    assert where(cluster, jobs[2]) is None
    first.die(DEAD)
    await until(lambda: executor.status().replicas[0].status.state == "loading")
    first.come_back("third", node="elsewhere")
    assert await given(cluster, jobs[2]) is first


async def test_what_a_draining_replica_has_is_finished_though_all_others_have_failed(
    cluster: Scripted, executor: ClusterExecutor
) -> None:
    await ready(executor)
    job = await executor.submit(draw())
    finishing = await given(cluster, job)
    finishing.draining = True
    other = next(actor for actor in cluster.actors if actor is not finishing)
    other.status = Status(state="failed", model="7b", reason="7b is not here. Fetch it.")
    await until(lambda: executor.status().state == "failed")
    assert isinstance((await rest(await executor.submit(draw())))[-1], Failed)
    finishing.say((job.id, 1), None, Started(), DONE)
    assert (await rest(job))[-1] == DONE


async def test_one_more_is_started_when_there_is_a_card_more(cluster: Scripted, executor: ClusterExecutor) -> None:
    await ready(executor)
    jobs = [await executor.submit(draw()) for _ in range(5)]
    await until(lambda: sum(len(actor.runs) for actor in cluster.actors) == 4)
    cluster.replicas = 3
    assert await given(cluster, jobs[4]) is cluster.actors[2]


async def test_when_every_replica_has_failed_so_do_jobs_and_while_one_loads_they_wait(cluster: Scripted) -> None:
    failed = Status(state="failed", model="7b", reason="7b is not here. Fetch it.")
    cluster.fresh = failed
    executor = cluster.executor = ClusterExecutor(cluster, model="7b")
    job = await executor.submit(draw())
    assert (await rest(job))[-1] == Failed("7b is not here. Fetch it.", "unavailable")
    assert executor.status().state == "failed"
    late = await executor.submit(draw())
    assert (await rest(late))[-1] == Failed("7b is not here. Fetch it.", "unavailable")
    cluster.actors[1].status = Status(state="loading", model="7b")
    await until(lambda: executor.status().state == "loading")
    waiting = await executor.submit(draw())
    assert await anext(waiting) == Queued(1)
    await executor.close()
    assert (await rest(waiting))[-1] == Cancelled()


async def test_an_id_is_taken_once(cluster: Scripted, executor: ClusterExecutor) -> None:
    job = await executor.submit(draw())
    with pytest.raises(ValueError, match=job.id):
        await executor.submit(draw(id=job.id))
