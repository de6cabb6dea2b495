"""What an earlier process left behind is taken up where it stands: nobody has to press anything.

What was accepted or running is queued again, with the same seeds; what was made is delivered from the store; whoever
was not told yet how their job ended is told. A job that was running when two processes died fails: it may be the cause.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug
from bot.core.slots import Slot
from bot.jobs.admission import check_model, enter
from bot.jobs.delivery import Delivery
from bot.jobs.journal import Journal
from bot.jobs.outcome import Outcome
from bot.jobs.presenter import Revived
from bot.jobs.stored import StoredTarget
from bot.jobs.target import Target
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.layout import told
from model.requests import Answer, Drawing, Event, Failed, Job, Paint, Pictures, Refused
from model.requests import Final as Ending

log = logging.getLogger(__name__)

ATTEMPTS: Final = 2  # so often a job may be running when its process dies


async def setup(bot: JanusBot) -> None:
    """Take over from the process before, as soon as the bot is there."""
    left = await bot.store.jobs.unfinished()
    if not left:
        return
    log.warning("Jobs that an earlier run left to be finished: %d", len(left))

    async def on_ready() -> None:
        bot.remove_listener(on_ready)
        async with asyncio.TaskGroup() as tasks:
            for record in left:
                tasks.create_task(_take_up(bot, record))

    bot.add_listener(on_ready)


async def _take_up(bot: JanusBot, record: JobRecord) -> None:
    """See to one job of an earlier process."""
    target = StoredTarget(bot, record)
    try:
        limits = (await bot.settings_in(record.address.guild)).limits
        bot.queue.enter(Slot(record.owner, record.address.guild, limits))
        pictures = len(record.result.seeds) if isinstance(record.result, Pictures) else 0
        if found := await target.find_result(pictures):
            target.message_id = found
            await Journal(bot, record.id).move("delivered", to=target)
            return
        await go_on(bot, record, target)
    except Exception as error:
        await Outcome(bot, target, record).fail(Failed(log_bug(error, record.id), "bug"))


async def hand_over(bot: JanusBot, record: JobRecord, target: Target) -> None:
    """Bring what could not be delivered to who asks for it now, and stay until they have it. Raises Refusal."""
    limits = (await bot.settings_in(target.guild_id)).limits
    enter(bot, Slot(target.asker.id, target.guild_id, limits), target.texts)
    if not await bot.store.jobs.readdress(record.id, target.address):
        raise Refusal(target.texts.already_over)  # somebody was quicker
    record = replace(record, state="made", attempt=0, sent=0, address=target.address)
    await target.show(told(record, target.texts.received, target.texts))
    await go_on(bot, record, target)


async def go_on(bot: JanusBot, record: JobRecord, target: Target) -> None:
    """Take a job up where it stands, and bring what comes of it to `target`. The current task has its slot."""
    match record.state:
        case "cancelled" | "failed":
            await Outcome(bot, target, record).tell()
            return
        case "running" | "made" if record.attempt >= ATTEMPTS:
            failure = Failed(f"{record.attempt} processes died while they worked on it", "died")
            await Outcome(bot, target, record).fail(failure)
            return
    try:
        record = await _for_this_model(bot, record, target.texts)
        revived: Revived = await bot.revivals[record.kind](bot, record, target.texts)
        job = await _submit(bot, record, revived)
    except (Refusal, Refused) as refusal:
        await Outcome(bot, target, record).fail(Failed(str(refusal), "refused"))
        return
    await Delivery(bot, target, record, job, revived.presenter).run(revived.files, resumed=True)


async def _for_this_model(bot: JanusBot, record: JobRecord, texts: Texts) -> JobRecord:
    """Have a job begin anew that another model worked on. What that has answered stays an answer.

    Raises Refusal for a variation of what the other one drew.
    """
    model = bot.executor.status().model
    if record.model == model or (record.state == "made" and isinstance(record.result, Answer)):
        return record
    if isinstance(record.request, Drawing):
        check_model(bot, record, record.request, texts)
    await bot.store.jobs.renew(record.id, model)
    return replace(record, model=model, state="accepted", result=None, sent=0)


async def _submit(bot: JanusBot, record: JobRecord, revived: Revived) -> Job:
    """Have done what is still to be done for a job. Raises Refused."""
    request, result = revived.request, record.result if record.state == "made" else None
    if isinstance(result, Answer):
        return Ended(record.id, result)
    if result and result.tokens:
        request = Paint(tokens=result.tokens, seeds=result.seeds, id=record.id)
    return await bot.queue.submit(replace(request, owner=str(record.owner)))


class Ended:
    """A job of which nothing is left but its last event."""

    def __init__(self, job_id: str, ending: Ending) -> None:
        self.id = job_id
        self._left = [ending]

    def cancel(self) -> None:
        """Do nothing: it is over."""

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()
