"""A request while its pictures are read: it can be cancelled, and takes nobody's place until it has them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from discord import ui

from bot.core.client import JanusBot
from bot.jobs.outcome import Outcome
from bot.jobs.target import Target
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import told

T = TypeVar("T")


def reading(record: JobRecord, texts: Texts) -> ui.LayoutView:
    """Show a request whose pictures are read, with a button to cancel it."""
    return told(record, texts.reading_picture, texts, JobButton("cancel", record.id, texts=texts))


class WithdrawnError(Exception):
    """A request was cancelled before it was ready, and its message says so."""


class Reading:
    """The reading of one request's pictures: an `OpenJob` until its delivery is one."""

    finishing = False

    def __init__(self, bot: JanusBot, target: Target, record: JobRecord) -> None:
        self.bot = bot
        self.target = target
        self.outcome = Outcome(bot, target, record)
        self.id = record.id
        self.owner = record.owner
        self.words = record.words
        self._work: asyncio.Future[Any] | None = None

    async def run(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` does. A download that crawls holds nobody up meanwhile, but its own member.

        Raises WithdrawnError if it was cancelled, and what `read` does.
        """
        self.bot.open_jobs.add(self)
        self._work = work = asyncio.ensure_future(read())
        try:
            with self.bot.queue.aside():
                return await work
        except asyncio.CancelledError:
            work.cancel()
            if not self.outcome.unwanted:
                raise
            await self.outcome.cancelled()
            raise WithdrawnError from None
        finally:
            self.bot.open_jobs.discard(self)

    # -- what others see of it: the `OpenJob` --------------------------------------------------------------------------

    @property
    def link(self) -> str | None:
        """The address of its message, where others can see it, too."""
        return self.target.link

    @property
    def shares(self) -> int | None:
        """The channel with whose other messages its edits share a limit."""
        return self.target.shares

    def line(self, texts: Texts) -> str:
        """Say where it stands."""
        return texts.reading_picture

    async def cancel(self, by: int | None = None) -> None:
        """End it, on behalf of its member or of somebody else."""
        outcome = self.outcome
        outcome.ended_by = None if by == self.owner else by
        if await outcome.journal.move("cancelled") and self._work:
            outcome.unwanted = True
            self._work.cancel()
