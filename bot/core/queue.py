"""The queue: who is served next, and whom the executor has.

Between those whose requests the executor has, its scheduler is fair. What may not run yet, because its member or its
server has as many running as they may, waits here, and looks to its delivery like any job that waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from bot.core.errors import log_bug
from bot.core.slots import Slot, Slots, Stage
from model.requests import Cancelled, Event, Executor, Failed, Job, Progress, Queued, Refused, Request, Started
from model.requests import Final as Ending

T = TypeVar("T")


class Wait(Protocol):
    """A way to wait for the executor: `plainly`, or that of a simulated Discord, which must know of every such wait."""

    async def __call__(self, awaitable: Awaitable[T], /) -> T:
        """Return what the awaitable returns."""
        ...


async def plainly(awaitable: Awaitable[T], /) -> T:
    """Just wait."""
    return await awaitable


class JobQueue:
    """All open requests, in order of arrival."""

    def __init__(
        self, executor: Executor, most: int, begin: Callable[[str], Awaitable[None]], wait: Wait = plainly
    ) -> None:
        """`most`: how many requests may be open at once. `begin` notes that a job, by its id, is handed over next.

        `wait`: how to wait for what the executor does.
        """
        self.executor = executor
        self.begin = begin
        self.wait = wait
        self.closed = False
        self.slots = Slots(most)
        self._tasks: dict[asyncio.Task[Any], Slot] = {}  # what serves them
        self._jobs: dict[Slot, QueuedJob] = {}  # of those that are accepted

    def enter(self, slot: Slot) -> None:
        """Let the current task serve a request, from which on `finish` waits for it. Look first if there is room."""
        task = asyncio.current_task()
        assert task
        self._tasks[task] = slot
        self.slots.enter(slot)
        task.add_done_callback(self._leave)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let the current task's request take no place for now, but that of its member; look then if there is room."""
        slot = self.slot
        self.slots.put_aside(slot, True)
        try:
            yield
        finally:
            self.slots.put_aside(slot, False)

    @property
    def slot(self) -> Slot:
        """The slot of the current task."""
        task = asyncio.current_task()
        assert task
        return self._tasks[task]

    async def submit(self, request: Request) -> "QueuedJob":
        """Hand the current task's request to the executor, now or when it may run.

        Raises Refused if it is handed over now and the model can't take it; later, the job ends with Failed.
        """
        slot = self.slot
        self._jobs[slot] = job = QueuedJob(self, slot, request)
        if self.closed:
            job.cancel()
        elif self.slots.may_run(slot):
            try:
                await job.start()
            except BaseException:
                self.move(slot, Stage.OVER)
                raise
        self._move_on()
        return job

    @property
    def open(self) -> int:
        """How many requests are open: those that run, those that wait and those that are just being delivered."""
        return len(self.slots)

    @property
    def waiting(self) -> int:
        """How many accepted requests wait, here or at the executor."""
        return len(tuple(self.slots.held)) + self.executor.status().queued

    def move(self, slot: Slot, stage: Stage) -> None:
        """Note that its job has come to this stage, which may be what others wait for."""
        self.slots.move(slot, stage)
        if stage is Stage.OVER:
            self._move_on()

    def close(self) -> None:
        """Hand nothing over any more, and end what the executor does not have yet."""
        self.closed = True
        for slot in self.slots.held:
            self._jobs[slot].cancel()

    async def finish(self, seconds: float) -> None:
        """Wait until every request has told its member how it ended, `seconds` at most."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    def _move_on(self) -> None:
        """Start those that may run now, first those of members who have the fewest running."""
        while ready := [slot for slot in self.slots.held if self.slots.may_run(slot) and not self.closed]:
            self._jobs[min(ready, key=lambda slot: self.slots.running_of(slot.member))].start_later()
        if held := self.slots.held:
            for position, slot in enumerate(held, self.executor.status().queued + 1):
                self._jobs[slot].tell_position(position)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        slot = self._tasks.pop(task)
        self._jobs.pop(slot, None)
        self.slots.leave(slot)
        self._move_on()


class QueuedJob:
    """A job as its delivery sees it, wherever it is: first it waits here, then it is the executor's."""

    def __init__(self, queue: JobQueue, slot: Slot, request: Request) -> None:
        self.id = request.id
        self.kind = request.kind
        self._queue = queue
        self._slot = slot
        self._request: Request | None = request
        self._position = 0
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._unwanted = False
        self._job: Job | None = None  # the executor's
        self._task: asyncio.Task[None] | None = None  # what works for this job, kept here so that it stays alive
        queue.move(slot, Stage.WAITING)

    async def start(self) -> None:
        """Hand it to the executor, whose events it passes on from now on. Raises Refused."""
        assert self._request
        self._queue.move(self._slot, Stage.STARTING)
        await self._queue.begin(self.id)  # first: it may be what ends the process
        job = await self._queue.wait(self._queue.executor.submit(self._request))
        self._request = None  # its pictures take memory, and are the executor's now
        self._job = job
        self._queue.move(self._slot, Stage.RUNNING)
        self._task = asyncio.create_task(self._pass_on(job))
        if self._unwanted:
            job.cancel()

    def start_later(self) -> None:
        """Let it start by itself: it may run now."""
        self._queue.move(self._slot, Stage.STARTING)
        self._task = asyncio.create_task(self._start_or_fail())

    def tell_position(self, position: int) -> None:
        """Tell it its place in the queue, from 1."""
        if position != self._position:
            self._position = position
            self._tell(Queued(position))

    def cancel(self) -> None:
        """Ask for the end. What is on its way to the executor ends when it has come there."""
        self._unwanted = True
        if self._job:
            self._job.cancel()
        elif self._slot.stage is Stage.WAITING:
            self._tell(Cancelled())

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._slot.stage is Stage.OVER and self._events.empty():  # the last one was read
            raise StopAsyncIteration
        return await self._queue.wait(self._events.get())

    async def _start_or_fail(self) -> None:
        try:
            await self.start()
        except Refused as refusal:
            self._tell(Failed.of(refusal))
        except Exception as error:
            self._tell(Failed(log_bug(error, self.id), "bug"))

    async def _pass_on(self, job: Job) -> None:
        events, begun = aiter(job), False
        try:
            while self._slot.stage is not Stage.OVER:
                event = await self._queue.wait(anext(events))
                if begun and isinstance(event, Queued):
                    await self._queue.begin(self.id)  # what worked on it died: that was an attempt, like a process's
                begun = (begun or isinstance(event, Started)) and not isinstance(event, Queued)
                self._tell(event)
        except Exception as error:
            self._tell(Failed(log_bug(error, self.id), "bug"))

    def _tell(self, event: Event) -> None:
        """Pass an event on. What comes after the end is dropped."""
        if self._slot.stage is Stage.OVER:
            return
        if isinstance(event, Progress | Queued) and event.eta is not None:
            self._slot.ends = asyncio.get_running_loop().time() + event.eta
        self._events.put_nowait(event)
        if isinstance(event, Ending):
            self._queue.move(self._slot, Stage.OVER)
