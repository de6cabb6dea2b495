"""An engine that dies or is stuck is opened again: jobs begin anew with their seeds; what kills twice is given up."""

import threading
from collections.abc import Callable, Sequence

import pytest

from model.engine.engine import Engine
from model.executor import ThreadExecutor
from model.network.upscaler import Lanczos
from model.requests import Cancelled, Drawing, Event, Failed, Pictures, Progress, Queued, Started
from model.settings import EngineSettings
from model.weights.checkpoint import Janus
from tests.model.driving import draw, run, tokens

Trouble = Callable[[Engine], None]
STUCK = 1.5  # seconds: no step of the tiny model takes so long, even here


class House:
    """An executor whose engines have troubles: one list for each engine, by the step that they come at."""

    def __init__(self, tiny: Janus) -> None:
        self.tiny = tiny
        self.engines: list[Engine] = []
        self.troubles: dict[int, dict[int, Trouble]] = {}  # by engine and step
        self.refusals: dict[int, BaseException] = {}  # engines that do not open
        self.opened = 0

    def open(self) -> Engine:
        number, self.opened = self.opened, self.opened + 1
        if error := self.refusals.get(number):
            raise error
        engine = Engine(self.tiny, Lanczos(), EngineSettings(window=1))  # so many steps, however busy the machine is
        step, plan, steps = engine.step, self.troubles.get(number, {}), iter(range(10**6))

        def troubled() -> list[tuple[str, Event]]:
            if trouble := plan.get(next(steps)):
                trouble(engine)
            return step()

        engine.step = troubled  # type: ignore[method-assign]
        self.engines.append(engine)
        return engine

    def executor(self, pauses: Sequence[float] = (0.0,) * 5) -> ThreadExecutor:
        return ThreadExecutor(self.open, model="tiny", stuck_seconds=STUCK, pauses=pauses)


@pytest.fixture
def house(tiny: Janus) -> House:
    return House(tiny)


def die(error: BaseException) -> Trouble:
    def trouble(engine: Engine) -> None:
        raise error

    return trouble


@pytest.mark.parametrize("error", [SystemExit(1), KeyError("bookkeeping"), MemoryError(), KeyboardInterrupt()])
async def test_a_job_outlives_its_engine_and_draws_the_same(
    house: House, engine: Engine, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    expected = tokens(run(engine, draw(count=2))[0])
    house.troubles = {0: {6: die(error)}}
    executor = house.executor()
    job = await executor.submit(draw(count=2))
    seen = [event async for event in job]
    assert isinstance(seen[-1], Pictures), seen[-1]
    assert list(seen[-1].tokens) == expected
    kinds = [type(event) for event in seen if isinstance(event, Queued | Started)]
    assert kinds.count(Started) == 2
    anew = max(i for i, event in enumerate(seen) if isinstance(event, Queued))
    assert any(isinstance(event, Progress) for event in seen[:anew])  # it was on its way
    done = [event.done for event in seen[anew:] if isinstance(event, Progress)]
    assert done == sorted(set(done))
    assert type(error).__name__ in caplog.text
    assert executor.status().deaths == 1
    assert executor.status().state == "ready"
    assert house.opened == 2
    await executor.close()


async def test_an_engine_that_is_stuck_is_left_and_says_nothing_any_more(house: House, engine: Engine) -> None:
    expected = tokens(run(engine, draw())[0])
    free = threading.Event()

    def wait(engine: Engine) -> None:
        free.wait(60)

    house.troubles = {0: {6: wait}}
    executor = house.executor()
    first = executor._life
    job = await executor.submit(draw())
    seen = [event async for event in job]
    assert isinstance(seen[-1], Pictures), seen[-1]
    assert list(seen[-1].tokens) == expected
    assert executor.status().deaths == 1
    free.set()
    first._thread.join(20)
    assert not first._thread.is_alive()
    assert first.engine is None  # its memory is given back
    assert isinstance([event async for event in await executor.submit(draw())][-1], Pictures)
    await executor.close()


async def test_what_two_engines_died_of_fails_and_says_so_and_the_next_one_is_drawn(house: House) -> None:
    bad = draw(seed=66)

    def killed(engine: Engine) -> None:
        if bad.id in engine.begun:
            raise SystemExit

    house.troubles = dict.fromkeys(range(3), dict.fromkeys(range(1, 1000), killed))
    executor = house.executor()
    job = await executor.submit(bad)
    end = [event async for event in job][-1]
    assert isinstance(end, Failed)
    assert end.kind == "died"
    other = await executor.submit(draw(seed=7))
    assert isinstance([event async for event in other][-1], Pictures)
    assert executor.status().deaths == 2
    await executor.close()


async def test_what_only_waited_is_not_to_blame(house: House) -> None:
    """It may wait through any number of deaths."""
    house.troubles = {number: {0: die(SystemExit())} for number in range(4)}  # before anything is begun
    executor = house.executor()
    job = await executor.submit(draw())
    assert isinstance([event async for event in job][-1], Pictures)
    assert executor.status().deaths == 4
    await executor.close()


async def test_an_engine_that_can_not_be_opened_again_is_tried_so_often_and_given_up(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.troubles = {0: {3: die(SystemExit())}}
    house.refusals = dict.fromkeys(range(1, 9), RuntimeError("CUDA error: unspecified launch failure"))
    executor = house.executor(pauses=(0.0, 0.01, 0.02))
    job = await executor.submit(draw())
    end = [event async for event in job][-1]
    assert isinstance(end, Failed)
    assert end.kind == "unavailable"
    assert executor.status().state == "failed"
    assert house.opened == 4  # once, and after each pause
    assert "given up" in caplog.text
    late = [event async for event in await executor.submit(draw())][-1]
    assert late == end
    await executor.close()


async def test_between_two_engines_status_says_so_and_jobs_can_come_and_go(house: House) -> None:
    house.troubles = {0: {3: die(SystemExit())}}
    executor = house.executor(pauses=(60.0,))
    job = await executor.submit(Drawing(prompt="one"))
    events = aiter(job)
    while not isinstance(await anext(events), Started):
        pass
    while not isinstance(await anext(events), Queued):
        pass
    status = executor.status()
    assert status.state == "loading"
    assert "SystemExit" in status.reason
    job.cancel()
    assert await anext(events) == Cancelled()
    late = await executor.submit(Drawing(prompt="two"))
    assert await anext(aiter(late)) == Queued(1)
    await executor.close()  # at once
    assert [event async for event in late][-1] == Cancelled()
    assert house.opened == 1
