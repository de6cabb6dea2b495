"""The end of a job: what came out is brought to its member or kept for them, or they are told why nothing did.

Every step is noted in the store before the next one is begun: what came out is `made` before it is sent, and
`delivered` when Discord has it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import reason_in
from bot.core.rest import DiscordError, in_short
from bot.core.text import days
from bot.jobs.ending import send_line, send_result
from bot.jobs.journal import Journal
from bot.jobs.presenter import Presenter
from bot.jobs.target import Target
from bot.media.uploads import TooLargeError
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import told
from model.requests import Answer, Cancelled, Failed, Pictures
from model.requests import Final as Ending

log = logging.getLogger(__name__)

LONG_SECONDS: Final = 60.0  # a wait after which its owner is called: they look elsewhere by then


class Outcome:
    """What becomes of one job."""

    def __init__(self, bot: JanusBot, target: Target, record: JobRecord, again: JobRecord | None = None) -> None:
        """`again`: the failed job that it tries once more, on the same message."""
        self.bot = bot
        self.again = again
        self.target = target
        self.record = record
        self.id = record.id
        self.texts = target.texts
        self.journal = Journal(bot, record.id)
        self.made = record.result if record.state == "made" else None  # what came out
        self.finishing = False  # it is on its way
        self.unwanted = False  # its member or a moderator has ended it
        self.ended_by: int | None = None  # that moderator
        self._counted = self.made is not None  # among the jobs that ended

    async def conclude(self, ending: Ending, presenter: Presenter, *, started: bool) -> None:
        """See a job off. `started`: somebody has worked for it."""
        if self.unwanted:
            ending = Cancelled()  # whatever came at the same moment
        match ending:
            case Pictures() | Answer():
                self._count(ending)
                if self.made:  # by an earlier process: this one has only painted it again
                    ending = replace(ending, seconds=self.made.seconds)
                elif not await self.journal.move("made", ending):
                    return  # forgotten meanwhile, with its message
                self.made = ending
                await self._deliver(ending, presenter)
            case Cancelled() | Failed(kind="unavailable") if self.bot.closing and not self.unwanted:
                await self._close(self.texts.goes_on, "cancel")
            case Cancelled() if self.made:
                await self.keep(self._kept_line)
            case Cancelled():
                await self.cancelled()
            case Failed():
                await self.fail(ending)

    async def cancelled(self) -> None:
        """Note that it was cancelled, and say so. Its use counts: what was read or begun for it has cost something."""
        self._count(Cancelled())
        if self.unwanted or await self.journal.move("cancelled"):
            self.record = replace(self.record, state="cancelled", ended_by=self.ended_by)
            await self.tell()

    async def fail(self, failure: Failed) -> None:
        """Note that nothing came of it, and say so."""
        self._count(failure)
        if failure.kind == "unavailable":
            log.warning("The model could not take job %s: %s", self.id, failure.reason)  # it may name folders
        self.record = replace(self.record, state="failed", failure=failure)
        if self.made:  # it is there, and only could not be shown
            await self.keep(last_line(self.texts, self.record))
        elif await self.journal.move("failed", failure):
            await self.journal.take_back()
            await self.tell()

    async def tell(self) -> None:
        """Say that nothing came of it, and note that it is said. What the asker can mend is said to them alone."""
        failure = self.record.failure
        if failure and failure.kind == "refused" and self.again:
            await self.journal.give_back(self.again.id)
            said = await put_back(self.target, self.again, reason_in(self.texts, failure))
        elif failure and failure.kind == "refused" and self.target.seconds_left > 0:
            said = await self.target.refuse(reason_in(self.texts, failure))
        else:
            said = await self._close(last_line(self.texts, self.record), *last_actions(self.record))
        if said:
            await self.journal.note_told()

    async def forget(self, reason: str) -> None:
        """Note that there never was a message for it: its member is told otherwise, or not at all."""
        failure = Failed(reason, "unavailable")
        self._count(failure)
        if await self.journal.move("failed", failure):
            await self.journal.take_back()
            await self.journal.note_told()

    async def _deliver(self, result: Answer | Pictures, presenter: Presenter) -> None:
        self.finishing = True
        target = self.target
        if not target.reachable:
            await self.journal.move("undelivered")
            return
        # An edit calls nobody, and a message of its own should.
        mention = target.mention if target.seconds_left <= 0 else ""
        shown_on = target.message_id
        try:
            await send_result(target, self.journal, presenter, result, mention, self.record.sent)
        except (DiscordError, TooLargeError) as error:
            log.warning("The result of job %s could not be sent: %s", self.id, error)
            await self.keep(self._kept_line)
            return
        await self.journal.move("delivered", to=target)
        moved = shown_on is not None and target.message_id != shown_on
        if moved and not mention and target.channel_is_open:
            await self._look_below()  # if the message can still say where to look
            await target.call(presenter.ready)
        elif not moved and target.age > LONG_SECONDS:
            await target.call(presenter.ready)

    async def _look_below(self) -> None:
        try:
            await self.target.show(told(self.record, self.texts.later_here, self.texts), ())
        except DiscordError as error:
            log.info("A message could not say that its result is below: %s", in_short(error))

    async def keep(self, line: str) -> None:
        """Leave a result in the store, for its owner to press *Show*."""
        if await self.journal.move("undelivered"):
            await self._close(line, "show")

    @property
    def _kept_line(self) -> str:
        return kept_line(self.texts, self.bot.settings.store.keep_days)

    async def _close(self, line: str, *actions: str) -> bool:
        """Leave the message with a last line and what can be done, and tell whether it could be said."""
        buttons = [JobButton(action, self.id, texts=self.texts) for action in actions]
        return await send_line(self.target, self.record, line, *buttons)

    def _count(self, ending: Ending) -> None:
        if not self._counted:  # what goes wrong while a result is sent is no second end
            self._counted = True
            self.bot.metrics.ended(self.record.kind, ending)


async def put_back(target: Target, again: JobRecord, sentence: str) -> bool:
    """Say to the asker alone why a job is not tried again, and put the notice back that stood there, and its button."""
    buttons = [JobButton(action, again.id, texts=target.texts) for action in last_actions(again)]
    await target.whisper(sentence)
    return await send_line(target, again, last_line(target.texts, again), *buttons)


def last_words(texts: Texts, record: JobRecord) -> ui.LayoutView:
    """Say why nothing came of a job, with what can be done about it."""
    buttons = [JobButton(action, record.id, texts=texts) for action in last_actions(record)]
    return told(record, last_line(texts, record), texts, *buttons)


def last_actions(record: JobRecord) -> Sequence[str]:
    """Name what can be done about a job of which nothing came."""
    refused = record.failure is not None and record.failure.kind == "refused"
    return ["try_again"] if record.repeatable and record.state == "failed" and not refused else []


def last_line(texts: Texts, record: JobRecord) -> str:
    """Say in one line why nothing came of a job, or why it could not be shown."""
    failure, by = record.failure, record.ended_by
    if failure is None:
        cancelled = texts.cancelled_by.format(member=f"<@{by}>") if by else texts.cancelled
        return cancelled if record.state == "cancelled" else texts.interrupted  # by an older version's end
    match failure.kind:
        case "refused":
            return reason_in(texts, failure)
        case "memory":
            return texts.out_of_memory
        case "unavailable":
            return texts.unavailable
        case "died":
            return texts.died
        case "bug":  # logged under the job's id
            return texts.failed.format(id=record.id)


def kept_line(texts: Texts, keep_days: int) -> str:
    """Say that a result waits for its owner to press *Show*."""
    return texts.not_sent.format(show=texts.show, days=days(keep_days, texts))
