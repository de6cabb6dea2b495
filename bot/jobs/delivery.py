"""Keeps one Discord message true to one job, from the first second to the result.

The events of a job come faster than Discord lets a message be edited, so they are folded into one `Standing`, and the
message is edited with the newest one at most once in a while. Nothing here knows whether it is a drawing or an answer:
that is the `Presenter`'s.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import discord
from discord import ui

from bot.core.errors import NETWORK, Refusal, in_short, log_bug, reason_in
from bot.features.imagine.presenter import Presenter
from bot.jobs.interaction import Address, Parcel, Post
from bot.media.uploads import TooLargeError, Upload
from bot.store.jobs import State
from bot.ui.buttons import JobButton, Show, TryAgain
from bot.ui.layout import notice
from bot.ui.panel import Standing
from model.requests import Answer, Cancelled, Event, Failed, Job, Passing, Pictures, Preview
from model.requests import Final as Ending

if TYPE_CHECKING:
    from bot.core.client import JanusBot

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 60 * 60.0  # how long a result waits for its owner; `later_kept` says so
LONG_SECONDS: Final = 60.0  # a wait after which its owner is called: they look elsewhere by then
PREVIEW_SECONDS: Final = 3.0  # between two previews at the least: each is an upload
SMALLEST_LIMIT: Final = 64 * 1024  # bytes a file; below this, pictures are no longer worth sending

T = TypeVar("T")


class Wait(Protocol):
    """A way to wait for the executor: `plainly`, or the playground's, which must know what the bot waits for."""

    async def __call__(self, awaitable: Awaitable[T], /) -> T:
        """Return what the awaitable returns."""
        ...


async def plainly(awaitable: Awaitable[T], /) -> T:
    """Just wait."""
    return await awaitable


class Delivery:
    """The delivery of one job to one message."""

    def __init__(self, bot: "JanusBot", post: Address, job: Job, presenter: Presenter) -> None:
        self.bot = bot
        self.post = post
        self.job = job
        self.presenter = presenter
        self.texts = post.texts
        self.owner = post.asker
        self.over = False
        self.standing = Standing()
        self._kept: Answer | Pictures | None = None  # a result that waits for its owner to press `Show`

    @property
    def link(self) -> str | None:
        """The address of the message, where others can see it, too."""
        if self.post.private or self.post.message_id is None:
            return None
        return (
            f"https://discord.com/channels/{self.post.guild_id or '@me'}/{self.post.channel_id}/{self.post.message_id}"
        )

    def cancel(self) -> None:
        """Ask for the end of the job."""
        self.job.cancel()

    async def run(self, files: Sequence[Upload] | None = None) -> None:
        """Show the job from its first moment to its end. `files` belong to the message on the way."""
        self.bot.deliveries.add(self)
        try:
            shown = self.standing_now
            await self.post.show(self.presenter.progress(shown), files)
            await self._note(self.bot.jobs.place(self.job.id, self.post.channel_id, self.post.message_id))
            await self._end(await self._follow(shown))
        except Exception as error:
            await self._note_end("failed")
            await self._fail(self.texts.failed.format(id=log_bug(error)))
        finally:
            self.over = True
            self.job.cancel()  # whatever went wrong, nobody draws for a message that is gone
            if self._kept is None:
                self.bot.deliveries.discard(self)

    # -- on the way ---------------------------------------------------------------------------------------------------

    async def _follow(self, shown: Standing) -> Ending:
        """Show the job's events as they come, and return the last one. `shown` is on the message already."""
        events = aiter(self.job)
        clock = asyncio.get_running_loop().time
        farewell = clock() + self.post.seconds_left
        reachable = True  # for edits
        next_edit = clock() + self.presenter.pace
        next_preview = clock()
        while True:
            due = farewell if shown == self.standing_now else min(next_edit, farewell)
            event: Event | None = None
            try:
                async with asyncio.timeout_at(due if reachable and due < math.inf else None):
                    event = await self.bot.wait(anext(events))
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
            elif reachable and clock() >= next_edit and shown != (now := self.standing_now):
                files = None
                if now.preview and now.preview is not shown.preview:
                    files = await self.presenter.preview(now.preview.pictures)
                    next_preview = clock() + PREVIEW_SECONDS
                shown = now
                await self._show(self.presenter.progress(shown), files)
                next_edit = clock() + self.presenter.pace

    @property
    def standing_now(self) -> Standing:
        """Where the job stands."""
        return replace(self.standing, loading=self.bot.executor.status().state == "loading")

    async def _show(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        """Edit the message on the way. A hiccup costs one edit; a message that is gone ends its job."""
        try:
            await self.post.show(view, files)
        except discord.NotFound:
            self.job.cancel()
        except NETWORK as error:
            log.info("A progress edit failed: %s", in_short(error))

    def _farewell(self) -> ui.LayoutView:
        """Say where the result will be, while the message can still be edited."""
        if self.post.channel_is_open:
            return notice(self.presenter.prompt, self.texts.later_here)
        later = self.texts.later_kept.format(show=self.texts.show)
        return notice(self.presenter.prompt, later, Show(self.job.id, self.texts))

    # -- at the end ---------------------------------------------------------------------------------------------------

    async def _end(self, ending: Ending) -> None:
        match ending:
            case Pictures() | Answer():
                await self._note_end("done", ending)  # before its buttons can be pressed
                await self._deliver(ending)
            case Cancelled() if self.bot.closing:
                await self._note_end("interrupted")
                await self._fail(self.texts.stopping)
            case Cancelled():
                await self._note_end("cancelled")
                await self._close(self.texts.cancelled)
            case Failed():
                await self._note_end("interrupted" if self.bot.closing else "failed")
                await self._explain(ending)

    async def _explain(self, failure: Failed) -> None:
        match failure.kind:
            case "refused" if self.post.seconds_left > 0:
                await self.post.refuse(reason_in(self.texts, failure))
            case "refused":
                await self._close(reason_in(self.texts, failure))
            case "memory":
                await self._fail(self.texts.out_of_memory)
            case "unavailable":
                log.warning("The model could not take job %s: %s", self.job.id, failure.reason)  # it may name folders
                await self._fail(self.texts.unavailable)
            case "bug":  # logged by the executor under the request's id
                await self._fail(self.texts.failed.format(id=self.job.id))

    async def _deliver(self, ending: Answer | Pictures) -> None:
        if not self.post.reachable:
            self._keep(ending)
            return
        # An edit calls nobody, and a message of its own should.
        mention = self.owner.mention if self.post.seconds_left <= 0 else ""
        try:
            shown_on = self.post.message_id
            await self._send(self.post, ending, mention)
            if self.post.message_id != shown_on:
                await self._note(self.bot.jobs.place(self.job.id, self.post.channel_id, self.post.message_id))
            elif (discord.utils.utcnow() - self.post.asked).total_seconds() > LONG_SECONDS:
                await self.post.call(self.presenter.ready)
        except TooLargeError:
            await self._close(self.texts.too_large_to_send)
        except discord.NotFound:
            log.info("The message of job %s was deleted before its result came", self.job.id)
        except NETWORK as error:
            log.warning("The result of job %s could not be sent: %s", self.job.id, in_short(error))
            self._keep(ending)
            line = self.texts.not_sent.format(show=self.texts.show)
            await self._close(line, Show(self.job.id, self.texts))

    async def _send(self, post: Address, result: Answer | Pictures, mention: str = "") -> None:
        """Send a result, in smaller files for as long as Discord finds them too large.

        Raises TooLargeError or one of NETWORK.
        """
        limit, done = post.filesize_limit, 0
        while True:
            try:
                for parcel in await self.presenter.result(result, limit, mention, done):
                    await post.finish(parcel, more=done > 0)
                    done += len(parcel.files)
                return
            except TooLargeError:
                limit //= 2
                if limit < SMALLEST_LIMIT:
                    raise

    def _keep(self, result: Answer | Pictures) -> None:
        self._kept = result
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self.bot.deliveries.discard, self)

    async def hand_over(self, interaction: discord.Interaction[Any]) -> None:
        """Give the owner a kept result, as a private answer to a new interaction. Raises Refusal if there is none."""
        if self._kept is None:
            standing = self.standing_now.line(self.texts)
            raise Refusal(self.texts.already_over if self.over else self.texts.not_ready.format(standing=standing))
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            await self._send(Post(interaction, private=True), self._kept)
        except TooLargeError:
            raise Refusal(self.texts.too_large_to_send) from None
        self.bot.deliveries.discard(self)

    async def _fail(self, line: str) -> None:
        """Say that it did not work, with a button to try it again."""
        await self._close(line, *([TryAgain(self.job.id, self.texts)] if self.presenter.repeatable else []))

    async def _close(self, line: str, *buttons: JobButton) -> None:
        """Leave the message with a last line, where it can still be reached."""
        if not self.post.reachable:
            return
        try:
            await self.post.finish(Parcel(notice(self.presenter.prompt, line, *buttons)))
        except (*NETWORK, TooLargeError) as error:
            log.warning("Could not tell how job %s ended: %s", self.job.id, in_short(error))

    # -- in the store -------------------------------------------------------------------------------------------------

    async def _note_end(self, state: State, result: Answer | Pictures | None = None) -> None:
        await self._note(self.bot.jobs.end(self.job.id, state, discord.utils.utcnow(), result))
        if state in ("failed", "interrupted") or (state == "cancelled" and not self.standing.started):
            await self._note(self.bot.uses.take_back(self.job.id))  # nobody drew or answered for it

    async def _note(self, writing: Awaitable[None]) -> None:
        """Write something down. A disk that is full costs the buttons, and not the pictures."""
        try:
            await writing
        except Exception as error:
            log_bug(error)
