"""Messages that are meant for the bot: pictures and questions sent to it, mentions, and replies to its answers.

Discord shows the bot the content of messages that mention it and of direct messages. Of all others it sees that they
are there; and a message that somebody replies to comes with its pictures only if it is the bot's own, if it mentions
the bot too, or if the application has the Message Content intent (its switch in the developer portal is enough).
"""

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import discord

from bot.errors import NETWORK, Refusal, in_short, log_bug
from bot.intake import HandedIn
from bot.permissions import missing_permissions
from bot.pictures import pictures_on
from bot.reply import Reply
from bot.store.jobs import JobRecord
from bot.texts import Texts
from bot.views.layout import remark
from model.requests import Question, Refused

if TYPE_CHECKING:
    from bot.client import JanusBot

log = logging.getLogger(__name__)

ORDINARY: Final = (discord.MessageType.default, discord.MessageType.reply)


class Listener:
    """Hears messages, and answers those that are meant for the bot."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def hear(self, message: discord.Message) -> None:
        """Answer a message, or let it pass. Those of bots and of Discord itself are never answered."""
        if message.author.bot or message.webhook_id or message.type not in ORDINARY:
            return
        reply = Reply(message)
        try:
            await self._answer(message, reply)
        except (Refusal, Refused) as refusal:
            await reply.refuse(str(refusal))
        except Exception as error:
            await reply.refuse(reply.texts.bug.format(id=log_bug(error)))

    async def _answer(self, message: discord.Message, reply: Reply) -> None:
        assert self.bot.user
        name = re.compile(rf"<@!?{self.bot.user.id}>")
        called = message.guild is None or bool(name.search(message.content))
        if not (called or self.bot.user in message.mentions):  # a reply mentions whom it answers
            return
        if reply.missing:
            await self._name_missing(reply)
            return
        words = name.sub("", message.content).strip()
        target = await self._replied_to(message, reply.texts)
        record = await self._question(message, target, words)
        if not (called or record):
            return  # people may talk about what the bot drew without asking anything
        pictures = pictures_on(message, self.bot.http.get_from_cdn)
        if record and not pictures:
            await self.bot.questions.follow_up(reply, record, words)
            return
        if target and not pictures:
            pictures = self._pictures_of(target, reply.texts)
        if not pictures:
            raise Refusal(reply.texts.how_to_ask)
        if words:
            await self.bot.questions.ask(reply, pictures, await self.bot.questions.wish(reply.guild_id, words))
        else:
            await self.bot.questions.describe(reply, pictures)

    async def _replied_to(self, message: discord.Message, texts: Texts) -> discord.Message | None:
        """Return the message that this one replies to. Raises Refusal if it is gone."""
        reference = message.reference
        if message.type is not discord.MessageType.reply or reference is None or reference.message_id is None:
            return None
        if isinstance(reference.resolved, discord.Message) and reference.resolved.author == self.bot.user:
            return reference.resolved
        try:
            return await message.channel.fetch_message(reference.message_id)
        except discord.NotFound:
            raise Refusal(texts.message_gone) from None

    async def _question(self, message: discord.Message, target: discord.Message | None, words: str) -> JobRecord | None:
        """Look up the question that a message goes on from: the one whose answer it replies to.

        Words alone in a direct message go on from the last answer there.
        """
        if target:
            record = await self.bot.jobs.shown_on(target.id)
            return record if record and isinstance(record.request, Question) else None
        if message.guild is None and words:
            return await self.bot.jobs.last_answer(message.channel.id, message.author.id)
        return None

    def _pictures_of(self, target: discord.Message, texts: Texts) -> Sequence[HandedIn]:
        """Find the pictures of a message that was replied to. Raises Refusal if there are none to be seen."""
        pictures = pictures_on(target, self.bot.http.get_from_cdn)
        if not pictures:
            seen = target.content or target.embeds or target.components or target.stickers or target.poll
            raise Refusal(texts.no_picture_there if seen else texts.message_hidden.format(menu=texts.menu_ask))
        return pictures

    async def _name_missing(self, reply: Reply) -> None:
        """Say which permissions the bot lacks: there, or to the asker alone if it may not even write there."""
        message = reply.message
        sentence = f"<#{message.channel.id}>: {missing_permissions(reply.missing, reply.texts)}"
        mute = reply.missing[0].startswith("send_messages")
        try:
            await (message.author if mute else message.channel).send(view=remark(sentence))
        except NETWORK as error:
            log.info("Could not tell a member which permissions are missing: %s", in_short(error))
