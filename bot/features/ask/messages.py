"""Messages that are meant for the bot: pictures and questions sent to it, mentions, and replies to its answers.

Discord shows the bot the content of direct messages, of messages that mention it, and of replies to its messages
unless these answered a command. Of all others it sees that they are there, so a message that somebody replies to comes
with its pictures only if it is the bot's own or mentions the bot, too. An application that has the Message Content
intent (its switch in the developer portal is enough) sees them all, if it fetches them.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Final

import discord

from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug
from bot.core.permissions import missing_permissions
from bot.core.rest import DiscordError, Fault, calling, in_short, insist
from bot.features.ask import questions
from bot.jobs.reply import ReplyTarget
from bot.media.inputs import InputFile, pictures_on
from bot.store.database import BusyError, StoreError
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.layout import remark
from model.requests import Question

log = logging.getLogger(__name__)

HINT_SECONDS: Final = 60.0
LINK: Final = re.compile(r"https?://")
LINK_SECONDS: Final = 2.0  # after which Discord has looked at a link, where it does so at all
ORDINARY: Final = (discord.MessageType.default, discord.MessageType.reply)


async def hear(bot: JanusBot, message: discord.Message) -> None:
    """Answer a message, or let it pass. Those of bots and of Discord itself are never answered."""
    if message.author.bot or message.webhook_id or message.type not in ORDINARY:
        return
    reply = ReplyTarget(message)
    try:
        await _answer(bot, message, reply)
    except Refusal as refusal:
        await reply.refuse(str(refusal))
    except DiscordError as error:
        log.info("A message could not be answered where it was written: %s", in_short(error))
        await _explain(message, reply, error)
    except StoreError as trouble:
        log.warning("A message could not be looked up: %s", trouble)
        await reply.refuse(reply.texts.store_busy if isinstance(trouble, BusyError) else reply.texts.store_full)
    except Exception as error:
        await reply.refuse(reply.texts.failed.format(id=log_bug(error)))


async def _explain(message: discord.Message, reply: ReplyTarget, error: DiscordError) -> None:
    """Say why a message has no answer: there, or to its author alone if nothing can be written there."""
    texts = reply.texts
    match error.fault:
        case Fault.CLOSED | Fault.GONE:
            await reply.whisper(texts.closed_here.format(channel=message.channel.id))
        case Fault.FILTERED:
            await reply.refuse(texts.filtered)
        case _:
            await reply.whisper(texts.not_taken)


async def _answer(bot: JanusBot, message: discord.Message, reply: ReplyTarget) -> None:
    assert bot.user
    name = re.compile(rf"<@!?{bot.user.id}>")
    called = message.guild is None or bool(name.search(message.content))
    if not (called or _replies_to_me(bot, message)):
        return
    if await bot.store.servers.is_blocked(reply.guild_id, message.author.id):
        return  # everybody would read why
    if reply.missing:
        await _name_missing(reply)
        return
    replied_to = await _replied_to(bot, message, reply.texts)
    record = await _question(bot, message, replied_to)
    if not called:
        if record is None:
            return  # people may talk about what the bot drew without asking anything
        seen = message if message.content or message.attachments else await _fetched(message, message.id)
        if not (seen.content or seen.attachments):
            await _ask_to_be_called(seen, reply)
            return
        message = seen
    words = name.sub("", message.content).strip()
    pictures = await _look(bot, message)
    if not pictures and record and (replied_to or words):
        await questions.follow_up(bot, reply, record, words)
        return
    if not pictures and replied_to:
        pictures = await _pictures_of(bot, replied_to, reply.texts)
    if not pictures:
        raise Refusal(
            reply.texts.how_to_ask.format(
                ask=bot.mention("ask", reply.texts), imagine=bot.mention("imagine", reply.texts)
            )
        )
    if words:
        await questions.ask(bot, reply, pictures, words)
    else:
        await questions.describe(bot, reply, pictures)


def _replies_to_me(bot: JanusBot, message: discord.Message) -> bool:
    replied_to = message.reference.resolved if message.reference else None
    return (
        message.type is discord.MessageType.reply
        and isinstance(replied_to, discord.Message)
        and replied_to.author == bot.user
    )


async def _replied_to(bot: JanusBot, message: discord.Message, texts: Texts) -> discord.Message | None:
    """Return the message that this one replies to. Raises Refusal if it is gone."""
    reference = message.reference
    if message.type is not discord.MessageType.reply or reference is None or reference.message_id is None:
        return None
    if isinstance(reference.resolved, discord.Message) and _replies_to_me(bot, message):
        return reference.resolved  # of the bot's own, Discord shows everything
    try:
        return await _fetched(message, reference.message_id)
    except DiscordError as error:
        if error.fault is Fault.GONE:
            raise Refusal(texts.message_gone) from None
        raise


async def _fetched(message: discord.Message, id: int) -> discord.Message:
    """Read a message of the same channel. Raises DiscordError."""
    return await insist(lambda: message.channel.fetch_message(id))


async def _question(bot: JanusBot, message: discord.Message, replied_to: discord.Message | None) -> JobRecord | None:
    """Look up the question that a message goes on from: the one whose answer it replies to.

    Words in a direct message go on from the last answer there.
    """
    if replied_to:
        record = await bot.store.jobs.shown_on(replied_to.id)
        return record if record and isinstance(record.request, Question) else None
    if message.guild is None:
        return await bot.store.jobs.last_answer(message.channel.id, message.author.id)
    return None


async def _look(bot: JanusBot, message: discord.Message) -> Sequence[InputFile]:
    """Find the pictures of a message. Discord adds the preview of a link a moment later: then look once more."""
    pictures = pictures_on(message)
    if pictures or message.embeds or not LINK.search(message.content):
        return pictures
    await asyncio.sleep(LINK_SECONDS)
    return pictures_on(await _fetched(message, message.id))


async def _pictures_of(bot: JanusBot, message: discord.Message, texts: Texts) -> Sequence[InputFile]:
    """Find the pictures of a message that was replied to. Raises Refusal if there are none to be seen."""
    pictures = await _look(bot, message)
    if not pictures:
        seen = message.content or message.embeds or message.components or message.stickers or message.poll
        raise Refusal(texts.no_picture_there if seen else texts.message_hidden.format(menu=texts.menu_ask))
    return pictures


async def _ask_to_be_called(message: discord.Message, reply: ReplyTarget) -> None:
    """Say, for a minute, that a reply which Discord hides must mention the bot. A sticker needs no answer."""
    if message.stickers:
        return
    said = remark(reply.texts.reply_hidden.format(ask_more=reply.texts.ask_more))
    reference = message.to_reference(fail_if_not_exists=False)
    async with calling():
        await message.channel.send(view=said, reference=reference, mention_author=False, delete_after=HINT_SECONDS)


async def _name_missing(reply: ReplyTarget) -> None:
    """Say which permissions the bot lacks: there, or to the asker alone if it may not even write there."""
    message = reply.message
    sentence = f"<#{message.channel.id}>: {missing_permissions(reply.missing, reply.texts)}"
    if reply.missing[0].startswith("send_messages"):
        await reply.whisper(sentence)
        return
    try:
        async with calling():
            await message.channel.send(view=remark(sentence))
    except DiscordError as error:
        log.info("Could not tell a member which permissions are missing: %s", in_short(error))
