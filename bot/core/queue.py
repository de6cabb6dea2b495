"""The queue: how much one member, one server and everybody may have open, and have running, at once.

Between those whose requests the executor has, its scheduler is fair. What may not run yet, because its member or its
server has as many running as they may, waits here, and looks to its delivery like any job that waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Literal, Protocol, TypeVar

from bot.config import Limits
from bot.core.errors import log_bug
from model.requests import Cancelled, Event, Executor, Failed, Job, Progress, Queued, Refused, Request, Started
from model.requests import Final as Ending

UNKNOWN: Final = 60.0  # seconds after which to come back if no open request knows how long it takes

T = TypeVar("T")


class Wait(Protocol):
    """A way to wait for the executor: `plainly`, or that of a simulated Discord, which must know of every such wait."""

    async def __call__(self, awaitable: Awaitable[T], /) -> T:
        """Return what the awaitable returns."""
        ...


async def plainly(awaitable: Awaitable[T], /) -> T:
    """Just wait."""
    return await awaitable


class Stage(Enum):
    """How far an accepted job has come, for as long as the process lives; what lasts is the store's `State`."""

    WAITING = auto()  # until it may run
    STARTING = auto()  # on its way to the executor
    RUNNING = auto()  # the executor has it
    OVER = auto()  # it has ended, even if that has not been read yet


@dataclass(eq=False, slots=True)
class Slot:
    """One open request, from the moment it is let in until the task that serves it is over."""

    member: int
    guild: int | None
    limits: Limits  # those that held where it was asked
    job: "QueuedJob | None" = None  # once it is accepted
    aside: bool = False  # it takes nobody's place but its member's: what it needs is not here yet

    @property
    def running(self) -> bool:
        """Whether it counts among those that run at once."""
        return self.job is not None and self.job.stage in (Stage.STARTING, Stage.RUNNING)


Whose = Literal["member", "server", "bot"]


@dataclass(frozen=True, slots=True)
class Full:
    """Why there is no room: whose `most` requests are open, and in how many seconds the first is expected to end."""

    whose: Whose
    most: int
    seconds: float


class JobQueue:
    """All open requests, in order of arrival."""

    def __init__(
        self, executor: Executor, most: int, begin: Callable[[str], Awaitable[None]], wait: Wait = plainly
    ) -> None:
        """`most`: how many requests may be open at once. `begin` notes that a job, by its id, is handed over next.

        `wait`: how to wait for what the executor does.
        """
        self.executor = executor
        self.most = most
        self.begin = begin
        self.wait = wait
        self.closed = False
        self._slots: dict[asyncio.Task[Any], Slot] = {}

    def full(self, slot: Slot) -> Full | None:
        """Tell why there is no room for a request; None if there is."""
        limits, others = slot.limits, [other for other in self._slots.values() if other is not slot]
        mine = [other for other in others if other.member == slot.member]
        slots = [other for other in others if not other.aside]
        ours = [other for other in slots if other.guild == slot.guild is not None]
        bounds: tuple[tuple[Whose, list[Slot], int], ...] = (
            ("member", mine, limits.member_running + limits.member_queued),
            ("server", ours, limits.server_running + limits.server_queued),
            ("bot", slots, self.most),
        )
        return next((Full(whose, most, _soonest(busy)) for whose, busy, most in bounds if len(busy) >= most), None)

    def enter(self, slot: Slot) -> None:
        """Let the current task serve a request, from which on `finish` waits for it. Look first if it is `full`."""
        task = asyncio.current_task()
        assert task
        self._slots[task] = slot
        task.add_done_callback(self._leave)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let the current task's request take no place for a while, but that of its member. Look then if it is full."""
        slot = self.slot
        slot.aside = True
        try:
            yield
        finally:
            slot.aside = False

    @property
    def slot(self) -> Slot:
        """The slot of the current task."""
        task = asyncio.current_task()
        assert task
        return self._slots[task]

    async def submit(self, request: Request) -> "QueuedJob":
        """Hand the current task's request to the executor, now or when it may run.

        Raises Refused if it is handed over now and the model can't take it; later, the job ends with Failed.
        """
        slot = self.slot
        slot.job = job = QueuedJob(self, request)
        if self.closed:
            job.cancel()
        elif self._may_run(slot):
            try:
                await job.start()
            except BaseException:
                job.stage = Stage.OVER
                self.move_on()
                raise
        self.move_on()
        return job

    @property
    def open(self) -> int:
        """How many requests are open: those that run, those that wait and those that are just being delivered."""
        return len(self._slots)

    @property
    def waiting(self) -> int:
        """How many accepted requests wait, here or at the executor."""
        return sum(1 for _ in self._held()) + self.executor.status().queued

    def move_on(self) -> None:
        """Start those that may run now, first those of members who have the fewest running."""
        while ready := [slot for slot in self._held() if self._may_run(slot)]:
            chosen = min(ready, key=lambda slot: self._running_of(slot.member))
            assert chosen.job
            chosen.job.start_later()
        ahead = self.executor.status().queued
        for position, slot in enumerate(self._held(), ahead + 1):
            assert slot.job
            slot.job.move(position)

    def close(self) -> None:
        """Hand nothing over any more, and end what the executor does not have yet."""
        self.closed = True
        for slot in list(self._held()):
            assert slot.job
            slot.job.cancel()

    async def finish(self, seconds: float) -> None:
        """Wait until every request has told its member how it ended, `seconds` at most."""
        if self._slots:
            await asyncio.wait(set(self._slots), timeout=seconds)

    def _held(self) -> Iterable[Slot]:
        return (slot for slot in self._slots.values() if slot.job and slot.job.stage is Stage.WAITING)

    def _may_run(self, slot: Slot) -> bool:
        if self.closed:
            return False
        running = [other for other in self._slots.values() if other.running]
        mine = sum(other.member == slot.member for other in running)
        ours = sum(other.guild == slot.guild is not None for other in running)
        return mine < slot.limits.member_running and ours < slot.limits.server_running

    def _running_of(self, member: int) -> int:
        return sum(slot.running for slot in self._slots.values() if slot.member == member)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._slots.pop(task)
        self.move_on()


class QueuedJob:
    """A job as its delivery sees it, wherever it is: first it waits here, then it is the executor's."""

    def __init__(self, queue: JobQueue, request: Request) -> None:
        self.id = request.id
        self.kind = request.kind
        self.stage = Stage.WAITING
        self.ends: float | None = None  # when it will be out of the way, by the loop's clock, as far as it is known
        self._queue = queue
        self._request: Request | None = request
        self._position = 0
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._unwanted = False
        self._job: Job | None = None  # the executor's
        self._task: asyncio.Task[None] | None = None  # what works for this job, kept here so that it stays alive

    async def start(self) -> None:
        """Hand it to the executor, whose events it passes on from now on. Raises Refused."""
        assert self._request
        self.stage = Stage.STARTING
        await self._queue.begin(self.id)  # first: it may be what ends the process
        job = await self._queue.wait(self._queue.executor.submit(self._request))
        self._request = None  # its pictures take memory, and are the executor's now
        self._job, self.stage = job, Stage.RUNNING
        self._task = asyncio.create_task(self._pass_on(job))
        if self._unwanted:
            job.cancel()

    def start_later(self) -> None:
        """Let it start by itself: it may run now."""
        self.stage = Stage.STARTING
        self._task = asyncio.create_task(self._start_or_fail())

    def move(self, position: int) -> None:
        """Tell it its place in the queue, from 1."""
        if position != self._position:
            self._position = position
            self._tell(Queued(position))

    def cancel(self) -> None:
        """Ask for the end. What is on its way to the executor ends when it has come there."""
        self._unwanted = True
        if self._job:
            self._job.cancel()
        elif self.stage is Stage.WAITING:
            self._tell(Cancelled())

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self.stage is Stage.OVER and self._events.empty():  # the last one was read
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
            while self.stage is not Stage.OVER:
                event = await self._queue.wait(anext(events))
                if begun and isinstance(event, Queued):
                    await self._queue.begin(self.id)  # what worked on it died: that was an attempt, like a process's
                begun = (begun or isinstance(event, Started)) and not isinstance(event, Queued)
                self._tell(event)
        except Exception as error:
            self._tell(Failed(log_bug(error, self.id), "bug"))

    def _tell(self, event: Event) -> None:
        """Pass an event on. What comes after the end is dropped."""
        if self.stage is Stage.OVER:
            return
        if isinstance(event, Progress | Queued) and event.eta is not None:
            self.ends = _clock() + event.eta
        self._events.put_nowait(event)
        if isinstance(event, Ending):
            self.stage = Stage.OVER
            self._queue.move_on()


def _soonest(slots: Iterable[Slot]) -> float:
    """Tell in how many seconds the first of these is expected to be out of the way; that may be over already."""
    known = [slot.job.ends - _clock() for slot in slots if slot.job and slot.job.ends is not None]
    return min(known, default=UNKNOWN)


def _clock() -> float:
    return asyncio.get_running_loop().time()
