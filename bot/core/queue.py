"""Whose turn it is: how much one member, one server and everybody may have open, and have running, at once.

Between those whose requests the model has, its scheduler is fair. What may not run yet, because its member or its
server has as many running as they may, is held here, and looks to its delivery like any job that waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.config import Limits
from bot.core.errors import Refusal
from bot.texts import Texts
from model.requests import Cancelled, Event, Failed, Job, Progress, Queued, Refused, Request
from model.requests import Final as Ending

if TYPE_CHECKING:
    from bot.core.client import JanusBot

UNKNOWN: Final = timedelta(minutes=1)  # when to come back if no open request knows how long it takes


@dataclass(eq=False, slots=True)
class Place:
    """One open request, from the moment it is let in until the task that serves it is over."""

    member: int
    guild: int | None
    limits: Limits  # those that held where it was asked
    job: "HeldJob | None" = None  # once it is accepted
    running: bool = False  # the model has it
    ends: datetime | None = None  # when it will be out of the way, as far as it is known


class Turns:
    """All open requests, in order of arrival."""

    def __init__(self, bot: "JanusBot", most: int) -> None:
        """`most`: how many requests may be open at once."""
        self.bot = bot
        self.most = most
        self._places: dict[asyncio.Task[Any], Place] = {}

    def enter(self, place: Place, texts: Texts) -> None:
        """Let the current task serve a request, from which on `finish` waits for it. Raises Refusal if all are busy."""
        limits, places = place.limits, list(self._places.values())
        mine = [other for other in places if other.member == place.member]
        ours = [other for other in places if other.guild == place.guild is not None]
        for busy, most, sentence in (
            (mine, limits.member_running + limits.member_queued, texts.member_full),
            (ours, limits.server_running + limits.server_queued, texts.server_full),
            (places, self.most, texts.queue_full),
        ):
            if len(busy) >= most:
                raise Refusal(sentence.format(when=discord.utils.format_dt(_soonest(busy), "R")))
        task = asyncio.current_task()
        assert task
        self._places[task] = place
        task.add_done_callback(self._leave)

    async def submit(self, request: Request) -> Job:
        """Hand the current task's request to the model, now or when its turn has come.

        Raises Refused if it is handed over now and the model can't take it; later, the job ends with Failed.
        """
        task = asyncio.current_task()
        assert task
        place = self._places[task]
        place.job = job = HeldJob(request.id, place, lambda: self.bot.wait(self.bot.executor.submit(request)), self._go)
        if self._may_run(place):
            place.running = True
            await job.begin()
        self._go()
        return job

    @property
    def open(self) -> int:
        """How many requests are open: those that run, those that wait and those that are just being delivered."""
        return len(self._places)

    @property
    def held(self) -> int:
        """How many accepted requests the model does not have yet."""
        return sum(1 for _ in self._held())

    def close(self) -> None:
        """End what the model does not have yet."""
        for place in list(self._held()):
            assert place.job
            place.job.cancel()

    async def finish(self, seconds: float) -> None:
        """Wait until every request has told its member how it ended, `seconds` at most."""
        if self._places:
            await asyncio.wait(set(self._places), timeout=seconds)

    def _held(self) -> Iterable[Place]:
        return (place for place in self._places.values() if place.job and place.job.waits)

    def _may_run(self, place: Place) -> bool:
        running = [other for other in self._places.values() if other.running]
        mine = sum(other.member == place.member for other in running)
        ours = sum(other.guild == place.guild is not None for other in running)
        return mine < place.limits.member_running and ours < place.limits.server_running

    def _running_of(self, member: int) -> int:
        return sum(place.running for place in self._places.values() if place.member == member)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._places.pop(task)
        self._go()

    def _go(self) -> None:
        """Give their turn to those who may run now, first to members who have the fewest running."""
        while ready := [place for place in self._held() if self._may_run(place)]:
            chosen = min(ready, key=lambda place: self._running_of(place.member))
            assert chosen.job
            chosen.running = True
            chosen.job.turn_came()
        ahead = self.bot.executor.status().queued
        for position, place in enumerate(self._held(), ahead + 1):
            assert place.job
            place.job.move(position)


@dataclass(eq=False, slots=True)
class HeldJob:
    """A job that waits for its turn, and from then on is the model's."""

    id: str
    place: Place
    submit: Callable[[], Awaitable[Job]]
    left: Callable[[], None]  # to be called when the model is done with it
    waits: bool = True
    _position: int = 0
    _told: int = 0
    _cancelled: bool = False
    _over: bool = False
    _begun: "asyncio.Future[Job] | None" = None
    _job: Job | None = None
    _events: AsyncIterator[Event] = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """Hand it to the model. A wait for this may be cut off and taken up again. Raises Refused."""
        self.waits = False
        self._begun = self._begun or asyncio.ensure_future(self.submit())
        self._job = await asyncio.shield(self._begun)
        self._events = aiter(self._job)
        if self._cancelled:
            self._job.cancel()

    def turn_came(self) -> None:
        """Let it begin."""
        self.waits = False
        self._news.set()

    def move(self, position: int) -> None:
        """Tell it its place in the queue."""
        self._position = position
        self._news.set()

    def cancel(self) -> None:
        """Ask for the end."""
        self._cancelled, self.waits = True, False
        if self._job:
            self._job.cancel()
        self._news.set()

    def __aiter__(self) -> "HeldJob":
        return self

    async def __anext__(self) -> Event:
        if self._over:
            raise StopAsyncIteration
        event = await self._next()
        self._note(event)
        return event

    async def _next(self) -> Event:
        while self._job is None:
            if self._cancelled and self._begun is None:
                return Cancelled()
            if not self.waits:
                try:
                    await self.begin()
                except Refused as refusal:
                    return Failed.of(refusal)
            elif self._told != self._position:
                self._told = self._position
                return Queued(self._position)
            else:
                self._news.clear()
                await self._news.wait()
        return await anext(self._events)

    def _note(self, event: Event) -> None:
        if isinstance(event, Progress | Queued) and event.eta is not None:
            self.place.ends = discord.utils.utcnow() + timedelta(seconds=event.eta)
        elif isinstance(event, Ending):
            self.waits, self.place.running, self._over = False, False, True
            self.left()


def _soonest(places: Iterable[Place]) -> datetime:
    """Tell when the first of these is expected to be out of the way."""
    now = discord.utils.utcnow()
    known = [place.ends for place in places if place.ends]
    return max(min(known, default=now + UNKNOWN), now + timedelta(seconds=1))
