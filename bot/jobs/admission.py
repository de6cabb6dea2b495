"""How a request gets in, whichever way it was asked for: may it, then written down, then handed to the queue."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import discord

from bot.config import Limits
from bot.core.client import JanusBot
from bot.core.errors import Refusal, reason_in
from bot.core.permissions import missing_permissions
from bot.core.queue import QueuedJob, Slot
from bot.core.text import one_line, soon
from bot.jobs.refused_words import refused_word
from bot.jobs.target import Target
from bot.store.conversations import KeptPicture
from bot.store.jobs import Enlargement, JobRecord
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from model.requests import Drawing, Enlarge, Failed, Question, Refused


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
    _check_room(bot, slot, texts)  # others may have come meanwhile
    bot.queue.enter(slot)


async def accept(
    bot: JanusBot,
    target: Target,
    request: Drawing | Question | Enlarge,
    *,
    source: Enlargement | None = None,
    spoiler: bool = False,
    conversation: str | None = None,
    parent: str | None = None,
    pictures: Sequence[KeptPicture] = (),
) -> QueuedJob:
    """Write a request down, then hand it to the queue. Raises Refusal if the model can't take it.

    `source` says which picture an `Enlarge` is about. A question belongs to a `conversation`, goes on from the
    question `parent`, and brings `pictures` to be kept where it is the first. Only what this returned may be told
    to be accepted.
    """
    store = bot.store
    kept = source if isinstance(request, Enlarge) else request
    assert kept
    record = JobRecord(
        id=request.id,
        request=kept,
        owner=target.asker.id,
        guild=target.guild_id,
        channel=target.channel_id,
        private=target.private,
        spoiler=spoiler,
        model=bot.executor.status().model,
        asked=target.asked,
        conversation=conversation,
        parent=parent,
    )
    await store.jobs.add(record)
    await store.usage.add(record.id, record.owner, record.guild, target.asked)
    try:
        if conversation and pictures:
            await store.conversations.keep(conversation, target.asker.id, pictures)
        return await bot.queue.submit(replace(request, owner=str(target.asker.id)))
    except BaseException as error:
        await store.jobs.remove(record.id)
        await store.usage.take_back(record.id)
        if isinstance(error, Refused):
            bot.metrics.ended(request.kind, Failed.of(error))
            raise Refusal(reason_in(target.texts, error)) from None
        raise


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
