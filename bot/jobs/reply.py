"""The message that answers a message: for members who write to the bot in place of using a command."""

import logging
import math
from collections.abc import Sequence

import discord
from discord import ui

from bot.core.permissions import missing, roles_of
from bot.core.rest import CALL_SECONDS, UPLOAD_SECONDS, DiscordError, Fault, calling, in_short, insist
from bot.jobs.target import Parcel, Target, clock, fresh
from bot.media.uploads import Upload
from bot.texts import texts_in
from bot.ui.layout import remark

log = logging.getLogger(__name__)


def reply_nonce(message: int) -> str:
    """Return the nonce of the reply to a message, which is sent once: by this process or the next."""
    return f"reply-{message}"


class ReplyTarget(Target):
    """The bot's reply to one message. Everybody there sees it, and it can be edited at any time."""

    def __init__(self, message: discord.Message) -> None:
        self.message = message
        self.asker = message.author
        self.roles = roles_of(message.author)
        self.reply_to = message.id
        self.asked = message.created_at
        self.guild_id = message.guild.id if message.guild else None
        self.channel_id = message.channel.id
        self._came = clock()
        self.texts = texts_in(message.guild.preferred_locale if message.guild else None)
        limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        self.filesize_limit = message.guild.filesize_limit if message.guild else limit
        self._sent: discord.Message | None = None
        self._beside = False  # the reply is gone or out of reach, and what comes out is sent anew

    @property
    def channel(self) -> object:
        return self.message.channel

    @property
    def seconds_left(self) -> float:
        return math.inf

    @property
    def shares(self) -> int | None:
        return self.channel_id

    @property
    def channel_is_open(self) -> bool:
        return False  # nothing but the reply is needed

    @property
    def missing(self) -> Sequence[str]:
        channel, guild = self.message.channel, self.message.guild
        if guild is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return ()
        try:
            given = channel.permissions_for(guild.me)
        except discord.ClientException:  # a thread whose channel is not known
            return ()
        write = "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"
        return missing(given, (write, "read_message_history", "attach_files"))

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        seconds = UPLOAD_SECONDS if files else CALL_SECONDS
        if self._sent is None:
            nonce = reply_nonce(self.message.id)
            await insist(lambda: self._post(view, files, nonce), seconds)
        else:
            await insist(lambda: self._edit(view, files), seconds, patient=False)

    async def _post(self, view: ui.LayoutView, files: Sequence[Upload] | None, nonce: str) -> None:
        """Send a reply, which opens an archived thread again; what comes in another one's place calls the asker."""
        self._sent = await self.message.channel.send(
            view=view,
            files=fresh(files),
            reference=self.message.to_reference(fail_if_not_exists=False),
            mention_author=self._beside,
            nonce=nonce,
        )
        self.message_id = self._sent.id
        self._note(self._sent)

    async def _edit(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        assert self._sent
        self._sent = await self._sent.edit(
            view=view, attachments=self._listed(files), allowed_mentions=discord.AllowedMentions.none()
        )
        self._note(self._sent)

    def step_aside(self, fault: Fault) -> bool:
        if self._beside:
            return False
        self._beside = True
        return True

    async def refuse(self, sentence: str) -> bool:
        """Say it in reply, or to the author alone where nothing can be written."""
        try:
            if self._sent:  # a message has nowhere that only its author sees
                await self.close(remark(sentence), f"end-{self.message.id}")
            else:
                await self.show(remark(sentence), [])
            return True
        except DiscordError as error:
            log.info("A reply could not be ended where it is: %s", in_short(error))
            return await self.whisper(sentence)

    async def whisper(self, sentence: str) -> bool:
        try:
            async with calling():
                await self.message.author.send(view=remark(sentence))
            return True
        except DiscordError as error:
            log.info("Could not tell a member why a message is not answered: %s", in_short(error))
            return False

    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        await self.message.channel.send(words, allowed_mentions=mentions)

    async def _send(self, parcel: Parcel, more: bool, nonce: str) -> None:
        if more:
            await self.message.channel.send(view=parcel.view, files=fresh(parcel.files), nonce=nonce)
        elif self._beside or self._sent is None:
            await self._post(parcel.view, parcel.files, nonce)
        else:
            await self._edit(parcel.view, parcel.files)
