"""Keeps one message true to one job, from the first second to the result.

The events of a job come faster than Discord lets a message be edited, so they are folded into one `Standing`, and the
message is edited with the newest one at most once in a while. Nothing here knows whether it is a drawing or an answer:
that is the `Presenter`'s; what becomes of the job at its end is the `Outcome`'s.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import log_bug
from bot.core.rest import DiscordError, Fault, in_short
from bot.core.text import days
from bot.jobs.outcome import Outcome
from bot.jobs.presenter import Presenter
from bot.jobs.target import Target
from bot.media.uploads import Upload
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import Standing, told
from model.requests import Event, Failed, Job, Passing, Preview
from model.requests import Final as Ending

log = logging.getLogger(__name__)

PREVIEW_SECONDS: Final = 3.0  # between two previews at the least: each is an upload


class Delivery:
    """The delivery of one job to one message."""

    def __init__(
        self,
        bot: JanusBot,
        target: Target,
        record: JobRecord,
        job: Job,
        presenter: Presenter,
        again: JobRecord | None = None,
    ) -> None:
        """`again`: the failed job that this one tries once more."""
        self.bot = bot
        self.target = target
        self.job = job
        self.presenter = presenter
        self.texts = target.texts
        self.outcome = Outcome(bot, target, record, again)
        self.standing = Standing()
        self._files: Sequence[Upload] | None = None  # what belongs to the message and is not there yet

    async def run(self, files: Sequence[Upload] | None = None, *, resumed: bool = False) -> None:
        """Show the job from its first moment to its end. `files` belong to the message on the way.

        A job that is `resumed` was taken by an earlier process, and its message may be anywhere, or nowhere any more.
        Of any other, raises DiscordError if Discord takes nothing of it from the beginning; then nobody works for it.
        """
        self.bot.open_jobs.add(self)
        try:
            self._files = files
            ending = await self._follow(await self._begin(resumed))
            await self.outcome.conclude(ending, self.presenter, started=self.standing.started)
        except DiscordError as error:
            await self.outcome.forget(str(error))
            raise
        except asyncio.CancelledError:
            if self.target.message_id is None and not self.bot.closing:  # its interaction went unanswered for too long
                await self.outcome.forget("something was too busy")
            raise
        except Exception as error:
            await self.outcome.fail(Failed(log_bug(error, self.id), "bug"))
        finally:
            self.job.cancel()  # whatever went wrong, nobody draws for a message that is gone
            self.bot.open_jobs.discard(self)

    # -- what others see of it: the `OpenJob` --------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The job's id."""
        return self.outcome.id

    @property
    def owner(self) -> int:
        """Who asked."""
        return self.target.asker.id

    @property
    def words(self) -> str:
        """What was asked for."""
        return self.outcome.record.words

    @property
    def link(self) -> str | None:
        """The address of the message, where others can see it, too."""
        return self.target.link

    @property
    def shares(self) -> int | None:
        """The channel with whose other messages the edits share a limit."""
        return self.target.shares

    @property
    def finishing(self) -> bool:
        """Whether its result is on its way."""
        return self.outcome.finishing

    def line(self, texts: Texts) -> str:
        """Say where the job stands."""
        return self._standing_now.line(texts)

    async def cancel(self, by: int | None = None) -> None:
        """End the job, if nothing has come out yet; by whom, is told if it was somebody else than who asked."""
        outcome = self.outcome
        outcome.ended_by = None if by == self.owner else by
        if outcome.made is None and await outcome.journal.move("cancelled"):  # first: no later process takes it up then
            outcome.unwanted = True
            self.job.cancel()

    # -- on the way ---------------------------------------------------------------------------------------------------

    async def _begin(self, resumed: bool) -> Standing | None:
        """Show the job for the first time. Raises DiscordError if there is no message to show it on later, either."""
        shown = self._standing_now
        if resumed:
            found = self.target.seconds_left > 0 and await self._show(self.presenter.progress(shown))
            await self.outcome.journal.note_address(self.target)
            return shown if found else None
        try:
            await self.target.show(self.presenter.progress(shown), self._files)
            self._files = None
        except DiscordError:
            if self.target.message_id is None:
                raise
            await self.outcome.journal.note_address(self.target)
            return None
        await self.outcome.journal.note_address(self.target)
        return shown

    async def _follow(self, shown: Standing | None) -> Ending:
        """Show the job's events as they come, and return the last one. `shown` is on the message already, if it is."""
        clock = asyncio.get_running_loop().time
        events = aiter(self.job)
        reachable = True  # for edits
        next_edit = clock() + self._pace
        next_preview = clock()
        while True:
            farewell = clock() + self.target.seconds_left  # which may end before its time
            due = farewell if shown == self._standing_now else min(next_edit, farewell)
            event: Event | None = None
            try:
                async with asyncio.timeout_at(due if reachable and due < math.inf else None):
                    event = await anext(events)
            except TimeoutError:
                pass  # nothing new, but the newest is not on the message yet
            if isinstance(event, Ending):
                return event
            if isinstance(event, Preview) and clock() < next_preview:
                continue  # newer ones come
            if isinstance(event, Passing):
                self.standing = self.standing.after(event)
            if reachable and clock() >= farewell:
                reachable = False
                await self._show(self._farewell(), ())
            elif reachable and clock() >= next_edit and self.bot.open_jobs.gives_way(self.shares):
                next_edit = clock() + self.presenter.pace
            elif reachable and clock() >= next_edit and shown != (now := self._standing_now):
                files = None
                if now.preview and not (shown and now.preview is shown.preview):
                    files = await self.presenter.preview(now.preview.pictures)
                    next_preview = clock() + PREVIEW_SECONDS
                if await self._show(self.presenter.progress(now), files):
                    shown = now
                next_edit = clock() + self._pace

    @property
    def _pace(self) -> float:
        return max(self.presenter.pace, self.bot.open_jobs.seconds_apart(self.shares))

    @property
    def _standing_now(self) -> Standing:
        return replace(self.standing, loading=self.bot.executor.status().state == "loading")

    async def _show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> bool:
        """Edit the message on the way, and tell whether that worked. A message that is gone ends its job."""
        files = self._files if files is None else files
        try:
            await self.target.show(view, files)
            self._files = None
            return True
        except DiscordError as error:
            if error.fault is Fault.GONE:  # so it was deleted: nobody waits for it
                await self.cancel()
            log.info("A progress edit failed: %s", in_short(error))
            return False

    def _farewell(self) -> ui.LayoutView:
        """Say where the result will be, while the message can still be edited."""
        if self.target.channel_is_open:
            return told(self.outcome.record, self.texts.later_here, self.texts)
        texts, kept = self.texts, days(self.bot.settings.store.keep_days, self.texts)
        line = texts.later_kept.format(show=texts.show, queue=self.bot.mention("queue", texts), days=kept)
        return told(self.outcome.record, line, self.texts, JobButton("show", self.id, texts=self.texts))
