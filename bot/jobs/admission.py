"""How a request gets in, whichever way it was asked for: may it, then written down, then handed to the queue."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import discord

from bot.config import Limits
from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug, reason_in
from bot.core.permissions import missing_permissions
from bot.core.queue import QueuedJob
from bot.core.slots import Slot
from bot.core.text import one_line, soon
from bot.jobs.ending import send_line
from bot.jobs.journal import Journal
from bot.jobs.outcome import put_back
from bot.jobs.presenter import Revived
from bot.jobs.reading import Reading, WithdrawnError, reading
from bot.jobs.refused_words import refused_word
from bot.jobs.rights import Wanted, check_rights
from bot.jobs.target import Target
from bot.media.inputs import InputFile
from bot.store.conversations import KeptPicture
from bot.store.database import DiskError, StoreError
from bot.store.records import Enlargement, JobRecord, Origin, Source
from bot.store.servers import ServerSettings
from bot.store.usage import Hourly
from bot.texts import Texts, texts_for
from model.requests import Drawing, Failed, Question, Refused, Request

log = logging.getLogger(__name__)


async def foresee(bot: JanusBot, target: Target, wanted: Wanted) -> None:
    """Refuse what would be refused whatever the words are, so that no form is filled in for nothing. Raises Refusal."""
    slot = await _place(bot, target, wanted)
    await _check_hour(bot, target, slot.limits, bot.time.now())


async def _place(bot: JanusBot, target: Target, wanted: Wanted) -> Slot:
    """Return the place that a request would take. Raises Refusal."""
    texts = target.texts
    if bot.closing:
        raise Refusal(texts.stopping)
    if bot.paused:
        raise Refusal(texts.paused)
    server = await bot.store.servers.get(target.guild_id)
    _check_whereabouts(target, server)
    check_rights(wanted, target, server, bot.settings)
    slot = Slot(target.asker.id, target.guild_id, await _limits(bot, target))
    _check_room(bot, slot, texts)
    return slot


async def _limits(bot: JanusBot, target: Target) -> Limits:
    """Return those that hold for a member where they ask."""
    return (await bot.store.servers.get(target.guild_id)).over(bot.settings, target.roles).limits


async def check(
    bot: JanusBot, target: Target, wanted: Wanted, words: str | None = None, empty: str = "", *beside: str
) -> None:
    """Refuse what can't be taken now, before anything is shown, so that the refusal is private.

    Every reason to turn a request away has its place here, but that its member is blocked, who can't even press a
    button (`check_welcome`), nor be heard. `words` are the member's prompt or question, if there is
    one; `empty` is what to say to one of no words. What is written `beside` may be empty. From here on the current task
    counts as an open request. Raises Refusal.
    """
    slot, texts = await _place(bot, target, wanted), target.texts
    if words is not None:
        if not words.strip():
            raise Refusal(empty)
        refused = (await bot.store.servers.get(target.guild_id)).refused
        for written in (words, *beside):
            _check_words(written, refused, slot.limits, texts)
    enter(bot, slot, texts)  # others may have come meanwhile


def enter(bot: JanusBot, slot: Slot, texts: Texts) -> None:
    """Let the current task serve a request. Raises Refusal if there is no room."""
    _check_room(bot, slot, texts)
    bot.queue.enter(slot)


@asynccontextmanager
async def accepted(
    bot: JanusBot,
    target: Target,
    job_id: str,
    request: Drawing | Question | Enlargement,
    *,
    spoiler: bool = False,
    origin: Origin | None = None,
    notes: Sequence[str] = (),
    sources: Sequence[InputFile] = (),
    conversation: str | None = None,
    parent: str | None = None,
    again: JobRecord | None = None,
) -> AsyncIterator[JobRecord]:
    """Count a request and write it down before its member is told, for a block that hands it on with `submit`.

    From here on it is not lost, whatever becomes of this process; if the block fails, nothing of it remains. `notes`
    are small lines that belong under its result. The pictures that it is about are read from `sources`, and kept under
    the id `conversation`; a question goes on from the question `parent`. `again`: the failed job that it tries once
    more, which only one request can. A disk that is full costs the record, and not the drawing. Raises Refusal.
    """
    record = JobRecord(
        id=job_id,
        request=request,
        owner=target.asker.id,
        address=target.address,
        asked=target.asked,
        model=bot.executor.status().model,
        spoiler=spoiler,
        origin=origin,
        notes=notes,
        sources=[Source(file.filename, file.url) for file in sources],
        conversation=conversation,
        parent=parent,
    )
    written = False
    try:
        written = await _write_down(bot, target, record, again)
        yield record
    except Exception as error:
        if written:
            await _undo(bot, record, error, again)
        raise
    except asyncio.CancelledError as error:
        if not bot.closing:  # its interaction went unanswered for too long; else the next process goes on with it
            await _undo(bot, record, error, again)
        raise


async def _write_down(bot: JanusBot, target: Target, record: JobRecord, again: JobRecord | None) -> bool:
    """Count a request and write it down, and tell whether the disk had room for it.

    Raises Refusal where the hour is used up, or somebody was quicker to try it again.
    """
    limits = await _limits(bot, target)
    hourly = Hourly(limits.member_hourly, limits.server_hourly)
    try:
        if await bot.store.accept(record, hourly, again.id if again else None):
            return True
    except DiskError:
        bot.store.unkept.append(record.id)
        return False
    await _check_hour(bot, target, limits, record.asked, record.requests)
    raise Refusal(target.texts.already_over)


async def _undo(bot: JanusBot, record: JobRecord, error: BaseException, again: JobRecord | None) -> None:
    """Forget a request that came to nothing. What its member asked wrongly counts all the same: it has cost work."""
    try:
        await bot.store.undo(record.id, uncount=not isinstance(error, Refusal), again=again.id if again else None)
    except StoreError as trouble:
        log.warning("Job %s came to nothing, and that could not be noted: %s", record.id, trouble)


async def turn_away(
    bot: JanusBot, target: Target, record: JobRecord, error: Exception, again: JobRecord | None = None
) -> None:
    """Forget an accepted request that came to nothing, and say why: its message is there already."""
    await _undo(bot, record, error, again)
    if isinstance(error, Refusal) and again:
        await put_back(target, again, str(error))
    elif isinstance(error, Refusal):
        await target.refuse(str(error))
    else:
        await send_line(target, record, target.texts.failed.format(id=log_bug(error)))


async def begin(
    bot: JanusBot, target: Target, record: JobRecord, again: JobRecord | None = None
) -> tuple[QueuedJob, Revived] | None:
    """Show that the pictures of an accepted request are read, read them, and hand it to the queue.

    A download that crawls takes nobody's place, and can be cancelled. None: nothing comes of it, which is said then.
    Raises DiscordError if Discord takes no message.
    """
    await target.show(reading(record, target.texts))
    reviving = partial(bot.revivals[record.kind], bot, record, target.texts)
    try:
        await Journal(bot, record.id).note_address(target)
        revived: Revived = await Reading(bot, target, record).run(reviving)
        _check_room(bot, bot.queue.slot, target.texts)
        return await submit(bot, target, record, revived.request), revived
    except WithdrawnError:
        return None
    except Exception as error:
        await turn_away(bot, target, record, error, again)
        return None


async def keep(bot: JanusBot, record: JobRecord, pictures: Sequence[KeptPicture]) -> None:
    """Keep the pictures that a job is about. One whose pictures can't be kept is done, and not gone on from."""
    try:
        await bot.store.keep(record, pictures)
    except StoreError as trouble:
        log.warning("The pictures of job %s are not kept: %s", record.id, trouble)


async def submit(bot: JanusBot, target: Target, record: JobRecord, request: Request) -> QueuedJob:
    """Hand an accepted request to the queue. Raises Refusal if the model can't take it."""
    try:
        return await bot.queue.submit(replace(request, owner=str(record.owner)))
    except Refused as error:
        bot.metrics.ended(request.kind, Failed.of(error))
        raise Refusal(reason_in(target.texts, error)) from None


def check_model(bot: JanusBot, record: JobRecord, request: Drawing, texts: Texts) -> None:
    """Refuse to go on from tokens that another model drew: they mean nothing to this one. Raises Refusal.

    `request` takes what it keeps, if it does, from the job `record`.
    """
    if request.kept and record.model != bot.executor.status().model:
        raise Refusal(texts.other_model)


def count_press(interaction: discord.Interaction[JanusBot]) -> None:
    """Count a press that needs no model, but has pictures sent or read. Raises Refusal where it is one too many."""
    presses, texts = interaction.client.presses, texts_for(interaction)
    if wait := presses.count(interaction.user.id, asyncio.get_running_loop().time()):
        now = interaction.client.time.now()
        when = soon(now + timedelta(seconds=wait), now, texts)
        raise Refusal(texts.member_presses.format(n=presses.most, when=when))


def _check_whereabouts(target: Target, server: ServerSettings) -> None:
    """Refuse channels in which the bot can't or shall not answer. Raises Refusal."""
    texts = target.texts
    if server.age_restricted and not target.age_restricted:
        raise Refusal(texts.age_restricted_only)
    if target.missing:
        raise Refusal(missing_permissions(target.missing, texts))


def _check_words(words: str, refused: Sequence[str], limits: Limits, texts: Texts) -> None:
    """Refuse too many words, and those that the server refuses. Raises Refusal."""
    if len(words) > limits.prompt_characters:
        raise Refusal(texts.too_long.format(size=len(words), limit=limits.prompt_characters))
    if word := refused_word(words, refused):
        raise Refusal(texts.refused_word.format(word=one_line(word)))


async def _check_hour(bot: JanusBot, target: Target, limits: Limits, now: datetime, requests: int = 1) -> None:
    """Tell members and servers that have had what there is for an hour when they can come back. Raises Refusal."""
    usage, texts = bot.store.usage, target.texts
    until = await usage.used_up_until("member", target.asker.id, limits.member_hourly, now, requests)
    if until:
        raise Refusal(texts.member_hour.format(n=limits.member_hourly, when=soon(until, now, texts)))
    if target.guild_id is None:
        return
    until = await usage.used_up_until("guild", target.guild_id, limits.server_hourly, now, requests)
    if until:
        raise Refusal(texts.server_hour.format(n=limits.server_hourly, when=soon(until, now, texts)))


def _check_room(bot: JanusBot, slot: Slot, texts: Texts) -> None:
    """Refuse a request that there is no room for. Raises Refusal."""
    full = bot.queue.slots.full(slot)
    if full:
        sentence = {"member": texts.member_full, "server": texts.server_full, "bot": texts.queue_full}[full.whose]
        queue = bot.mention("queue", texts)
        now = bot.time.now()
        when = soon(now + timedelta(seconds=full.seconds), now, texts)
        raise Refusal(sentence.format(n=full.most, when=when, queue=queue))
