"""How a request gets in, whichever way it was asked for: may it, then written down, then handed to the queue."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import discord

from bot.config import Limits
from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug, reason_in
from bot.core.permissions import missing_permissions
from bot.core.queue import QueuedJob, Slot
from bot.core.text import one_line, soon
from bot.jobs.ending import send_line
from bot.jobs.refused_words import refused_word
from bot.jobs.target import Target
from bot.media.inputs import InputFile
from bot.store.conversations import KeptPicture
from bot.store.records import Enlargement, JobRecord, Origin, Source
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from model.requests import Drawing, Failed, Question, Refused, Request


async def foresee(bot: JanusBot, target: Target) -> Slot:
    """Refuse what would be refused whatever the words are, so that no form is filled in for nothing.

    Returns the place that the request would take. Raises Refusal.
    """
    texts = target.texts
    if bot.closing:
        raise Refusal(texts.stopping)
    if bot.paused:
        raise Refusal(texts.paused)
    server = await bot.store.servers.get(target.guild_id)
    await _check_whereabouts(bot, target, server)
    limits = server.over(bot.settings).limits
    await _check_hour(bot, target, limits)
    slot = Slot(target.asker.id, target.guild_id, limits)
    _check_room(bot, slot, texts)
    return slot


async def check(bot: JanusBot, target: Target, words: str | None, empty: str = "") -> None:
    """Refuse what can't be taken now, before anything is shown, so that the refusal is private.

    Every reason to turn a request away has its place here. `words` are the member's prompt or question, if there is
    one; `empty` is what to say to one of no words. From here on the current task counts as an open request. Raises
    Refusal.
    """
    slot, texts = await foresee(bot, target), target.texts
    if words is not None:
        _check_words(words, empty, slot.limits, texts)
        if word := refused_word(words, (await bot.store.servers.get(target.guild_id)).refused):
            raise Refusal(texts.refused_word.format(word=one_line(word)))
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
) -> AsyncIterator[JobRecord]:
    """Write a request down before its member is told, for a block that hands it to the queue with `submit`.

    From here on it is not lost, whatever becomes of this process; if the block fails, nothing of it remains. `notes`
    are small lines that belong under its result. The pictures that it is about are read from `sources`, and kept under
    the id `conversation`; a question goes on from the question `parent`.
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
    try:
        await bot.store.accept(record)
        yield record
    except Exception:
        await bot.store.refuse(job_id)
        raise
    except asyncio.CancelledError:
        if not bot.closing:  # its interaction went unanswered for too long; else the next process goes on with it
            await bot.store.refuse(job_id)
        raise


async def turn_away(bot: JanusBot, target: Target, record: JobRecord, error: Exception) -> None:
    """Forget an accepted request that came to nothing, and say why: its message is there already."""
    await bot.store.refuse(record.id)
    if isinstance(error, Refusal):
        await target.refuse(str(error))
    else:
        await send_line(target, record, target.texts.failed.format(id=log_bug(error)))


async def submit(
    bot: JanusBot, target: Target, record: JobRecord, request: Request, pictures: Sequence[KeptPicture] = ()
) -> QueuedJob:
    """Keep the `pictures` that a request brings, and hand it to the queue. Raises Refusal: the model can't take it."""
    if pictures:
        await bot.store.conversations.keep(record.conversation or record.id, record.owner, pictures)
    try:
        return await bot.queue.submit(replace(request, owner=str(record.owner)))
    except Refused as error:
        bot.metrics.ended(request.kind, Failed.of(error))
        raise Refusal(reason_in(target.texts, error)) from None


def count_press(interaction: discord.Interaction[JanusBot]) -> None:
    """Count a press that needs no model, but has pictures sent or read. Raises Refusal where it is one too many."""
    presses, texts = interaction.client.presses, texts_for(interaction)
    if wait := presses.count(interaction.user.id, asyncio.get_running_loop().time()):
        when = discord.utils.utcnow() + timedelta(seconds=wait)
        raise Refusal(texts.member_presses.format(n=presses.most, when=soon(when, texts)))


async def _check_whereabouts(bot: JanusBot, target: Target, server: ServerSettings) -> None:
    """Refuse blocked members, and channels in which the bot can't or shall not answer. Raises Refusal."""
    texts = target.texts
    if await bot.store.servers.is_blocked(target.guild_id, target.asker.id):
        raise Refusal(texts.blocked)
    if server.age_restricted and not target.age_restricted:
        raise Refusal(texts.age_restricted_only)
    if target.missing:
        raise Refusal(missing_permissions(target.missing, texts))


def _check_words(words: str, empty: str, limits: Limits, texts: Texts) -> None:
    """Refuse a prompt or question of no words, with the sentence `empty`, or of too many. Raises Refusal."""
    if not words.strip():
        raise Refusal(empty)
    if len(words) > limits.prompt_characters:
        raise Refusal(texts.too_long.format(size=len(words), limit=limits.prompt_characters))


async def _check_hour(bot: JanusBot, target: Target, limits: Limits) -> None:
    """Refuse members and servers that have had what there is for an hour. Raises Refusal."""
    usage, texts, now = bot.store.usage, target.texts, bot.time.now()
    until = await usage.used_up_until("member", target.asker.id, limits.member_hourly, now)
    if until:
        raise Refusal(texts.member_hour.format(n=limits.member_hourly, when=soon(until, texts)))
    if target.guild_id is None:
        return
    until = await usage.used_up_until("guild", target.guild_id, limits.server_hourly, now)
    if until:
        raise Refusal(texts.server_hour.format(n=limits.server_hourly, when=soon(until, texts)))


def _check_room(bot: JanusBot, slot: Slot, texts: Texts) -> None:
    """Refuse a request that there is no room for. Raises Refusal."""
    full = bot.queue.full(slot)
    if full:
        sentence = {"member": texts.member_full, "server": texts.server_full, "bot": texts.queue_full}[full.whose]
        queue = bot.mention("queue", texts)
        raise Refusal(sentence.format(n=full.most, when=soon(full.until, texts), queue=queue))
