"""Keeps one message true to one job, from the first second to the result.

The events of a job come faster than Discord lets a message be edited, so they are folded into one `Standing`, and the
message is edited with the newest one at most once in a while. Nothing here knows whether it is a drawing or an answer:
that is the `Presenter`'s.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, Final

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug, reason_in
from bot.core.queue import QueuedJob
from bot.core.rest import DiscordError, Fault, in_short
from bot.jobs.ending import send_line, send_result
from bot.jobs.interaction import InteractionTarget
from bot.jobs.presenter import Presenter
from bot.jobs.target import Target
from bot.media.uploads import TooLargeError, Upload
from bot.store.jobs import State
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import Standing, notice
from model.requests import Answer, Cancelled, Event, Failed, Passing, Pictures, Preview
from model.requests import Final as Ending

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 60 * 60.0  # how long a result waits for its owner; `later_kept` says so
LONG_SECONDS: Final = 60.0  # a wait after which its owner is called: they look elsewhere by then
PREVIEW_SECONDS: Final = 3.0  # between two previews at the least: each is an upload


class Delivery:
    """The delivery of one job to one message."""

    def __init__(self, bot: JanusBot, target: Target, job: QueuedJob, presenter: Presenter) -> None:
        self.bot = bot
        self.target = target
        self.job = job
        self.presenter = presenter
        self.texts = target.texts
        self.standing = Standing()
        self.finishing = self._counted = False  # its result is on its way; its end is counted
        self._cancelled_by: int | None = None  # somebody else than who asked
        self._files: Sequence[Upload] | None = None  # of the message on the way, until it has them
        self._result: Answer | Pictures | None = None  # one that waits for its owner to press *Show*

    async def run(self, files: Sequence[Upload] | None = None) -> None:
        """Show the job from its first moment to its end. `files` belong to the message on the way.

        Raises DiscordError if Discord takes nothing of it from the beginning; then nobody works for it.
        """
        self.bot.open_jobs.add(self)
        try:
            self._files = files
            await self._end(await self._follow(await self._begin()))
        except DiscordError:
            raise
        except Exception as error:
            bug = log_bug(error, self.id)
            await self._note_end("failed", Failed(bug, "bug"))
            await self._fail(self.texts.failed.format(id=bug))
        finally:
            self.job.cancel()  # whatever went wrong, nobody draws for a message that is gone
            if not self.kept:
                self.bot.open_jobs.discard(self)

    # -- what others see of it: the `OpenJob` --------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def owner(self) -> int:
        return self.target.asker.id

    @property
    def words(self) -> str:
        return self.presenter.words

    @property
    def link(self) -> str | None:
        target = self.target
        if target.private or target.message_id is None:
            return None
        return f"https://discord.com/channels/{target.guild_id or '@me'}/{target.channel_id}/{target.message_id}"

    @property
    def shares(self) -> int | None:
        return self.target.shares

    @property
    def kept(self) -> bool:
        return self._result is not None

    def line(self, texts: Texts) -> str:
        return self._standing_now.line(texts)

    def cancel(self, by: int | None = None) -> None:
        """Ask for the end of the job; by whom, is told if it was somebody else than who asked."""
        self._cancelled_by = None if by == self.owner else by
        self.job.cancel()

    async def hand_over(self, interaction: discord.Interaction[Any]) -> None:
        """Give the owner a kept result, as a private answer to a new interaction. Raises Refusal if there is none."""
        if self._result is None:
            raise Refusal(self.texts.not_ready.format(standing=self.line(self.texts)))
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            await send_result(InteractionTarget(interaction, private=True), self.id, self.presenter, self._result)
        except TooLargeError:
            raise Refusal(self.texts.too_large_to_send) from None
        self.bot.open_jobs.discard(self)

    # -- on the way ---------------------------------------------------------------------------------------------------

    async def _begin(self) -> Standing | None:
        """Show the job for the first time. Raises DiscordError if there is no message to show it on later, either."""
        shown: Standing | None = self._standing_now
        try:
            await self.target.show(self.presenter.progress(self._standing_now), self._files)
            self._files = None
        except DiscordError as error:
            if self.target.message_id is None:
                await self._note_end("failed", Failed(str(error), "unavailable"))
                raise
            shown = None
        await self._note_message()
        return shown

    async def _follow(self, shown: Standing | None) -> Ending:
        """Show the job's events as they come, and return the last one. `shown` is on the message already, if it is."""
        clock = asyncio.get_running_loop().time
        reachable = True  # for edits
        next_edit = clock() + self._pace
        next_preview = clock()
        while True:
            farewell = clock() + self.target.seconds_left  # which may end before its time
            due = farewell if shown == self._standing_now else min(next_edit, farewell)
            event: Event | None = None
            try:
                async with asyncio.timeout_at(due if reachable and due < math.inf else None):
                    event = await anext(self.job)
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
                files = self._files
                if now.preview and not (shown and now.preview is shown.preview):
                    files = await self.presenter.preview(now.preview.pictures)
                    next_preview = clock() + PREVIEW_SECONDS
                if await self._show(self.presenter.progress(now), files):
                    shown, self._files = now, None
                next_edit = clock() + self._pace

    @property
    def _pace(self) -> float:
        return max(self.presenter.pace, self.bot.open_jobs.seconds_apart(self.shares))

    @property
    def _standing_now(self) -> Standing:
        return replace(self.standing, loading=self.bot.executor.status().state == "loading")

    async def _show(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> bool:
        """Edit the message on the way, and tell whether that worked. A message that is gone ends its job."""
        try:
            await self.target.show(view, files)
            return True
        except DiscordError as error:
            if error.fault is Fault.GONE:  # so it was deleted: nobody waits for it
                self.job.cancel()
            log.info("A progress edit failed: %s", in_short(error))
        return False

    def _farewell(self) -> ui.LayoutView:
        """Say where the result will be, while the message can still be edited."""
        if self.target.channel_is_open:
            return self._notice(self.texts.later_here)
        return self._notice(self.texts.later_kept.format(show=self.texts.show), self._button("show"))

    # -- at the end ---------------------------------------------------------------------------------------------------

    async def _end(self, ending: Ending) -> None:
        match ending:
            case Pictures() | Answer():
                await self._note_end("done", ending)  # before its buttons can be pressed
                await self._deliver(ending)
            case Cancelled() if self.bot.closing:
                await self._note_end("interrupted", ending)
                await self._fail(self.texts.stopping)
            case Cancelled():
                await self._note_end("cancelled", ending)
                by, texts = self._cancelled_by, self.texts
                await self._close(texts.cancelled_by.format(member=f"<@{by}>") if by else texts.cancelled)
            case Failed():
                await self._note_end("interrupted" if self.bot.closing else "failed", ending)
                await self._explain(ending)

    async def _explain(self, failure: Failed) -> None:
        match failure.kind:
            case "refused" if self.target.seconds_left > 0:
                await self.target.refuse(reason_in(self.texts, failure))
            case "refused":
                await self._close(reason_in(self.texts, failure))
            case "memory":
                await self._fail(self.texts.out_of_memory)
            case "unavailable":
                log.warning("The model could not take job %s: %s", self.id, failure.reason)  # it may name folders
                await self._fail(self.texts.unavailable)
            case "bug":  # logged by the executor under the request's id
                await self._fail(self.texts.failed.format(id=self.id))

    async def _deliver(self, result: Answer | Pictures) -> None:
        self.finishing = True
        if not self.target.reachable:
            self._keep(result)
            return
        # An edit calls nobody, and a message of its own should.
        mention = self.target.asker.mention if self.target.seconds_left <= 0 else ""
        shown_on = self.target.message_id
        try:
            await send_result(self.target, self.id, self.presenter, result, mention)
        except (DiscordError, TooLargeError) as error:
            log.warning("The result of job %s could not be sent: %s", self.id, error)
            self._keep(result)
            await self._close(self.texts.not_sent.format(show=self.texts.show), self._button("show"))
            return
        moved = self.target.message_id != shown_on
        if moved:
            await self._note_message()
        if moved and not mention and self.target.channel_is_open:
            await self._show(self._farewell(), ())  # if the message can still say where to look
            await self.target.call(self.presenter.ready)
        elif not moved and self.target.age > LONG_SECONDS:
            await self.target.call(self.presenter.ready)

    def _keep(self, result: Answer | Pictures) -> None:
        self._result = result
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self.bot.open_jobs.discard, self)

    async def _fail(self, line: str) -> None:
        """Say that it did not work, with a button to try it again."""
        await self._close(line, *([self._button("try_again")] if self.presenter.repeatable else []))

    async def _close(self, line: str, *buttons: JobButton) -> None:
        """Leave the message with a last line."""
        await send_line(self.target, self.id, self.words, line, *buttons, origin=self.presenter.origin)

    def _notice(self, line: str, *buttons: JobButton) -> ui.LayoutView:
        return notice(self.words, line, *buttons, origin=self.presenter.origin)

    def _button(self, action: str) -> JobButton:
        return JobButton(action, self.id, texts=self.texts)

    # -- in the store -------------------------------------------------------------------------------------------------

    async def _note_message(self) -> None:
        """Write down where the job is shown."""
        target = self.target
        await self._note(self.bot.store.jobs.note_message(self.id, target.channel_id, target.message_id))

    async def _note_end(self, state: State, ending: Ending) -> None:
        """Write down how the job ended, and count it."""
        if not self._counted:  # what goes wrong while a result is sent is no second end
            self._counted = True
            self.bot.metrics.ended(self.job.kind, ending)
        result = ending if isinstance(ending, Answer | Pictures) else None
        await self._note(self.bot.store.jobs.end(self.id, state, discord.utils.utcnow(), result))
        if state in ("failed", "interrupted") or (state == "cancelled" and not self.standing.started):
            await self._note(self.bot.store.usage.take_back(self.id))  # nobody drew or answered for it

    async def _note(self, writing: Awaitable[None]) -> None:
        """Write something down. A disk that is full costs the buttons, and not the pictures."""
        try:
            await writing
        except Exception as error:
            log_bug(error)
