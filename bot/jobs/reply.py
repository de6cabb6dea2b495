"""The message that answers a message: for members who write to the bot in place of using a command."""

import logging
import math
from collections.abc import Sequence
from typing import Final

import discord
from discord import ui

from bot.core.errors import NETWORK, in_short
from bot.core.permissions import missing
from bot.jobs.target import Parcel, Target, fresh
from bot.media.uploads import Upload
from bot.texts import texts_in
from bot.ui.layout import remark

log = logging.getLogger(__name__)

ARCHIVED_CODE: Final = 50083  # "Thread is archived": nothing can be edited there


class ReplyTarget(Target):
    """The bot's reply to one message. Everybody there sees it, and it can be edited at any time."""

    def __init__(self, message: discord.Message) -> None:
        self.message = message
        self.asker = message.author
        self.asked = message.created_at
        self.guild_id = message.guild.id if message.guild else None
        self.channel_id = message.channel.id
        self.texts = texts_in(message.guild.preferred_locale if message.guild else None)
        limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        self.filesize_limit = message.guild.filesize_limit if message.guild else limit
        self._sent: discord.Message | None = None

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
        if self._sent:
            try:
                self._sent = await self._sent.edit(
                    view=view, attachments=self._listed(files), allowed_mentions=discord.AllowedMentions.none()
                )
            except discord.HTTPException as error:
                if error.code != ARCHIVED_CODE or files is None:
                    raise
                self._sent = await self.message.channel.send(view=view, files=fresh(files))  # which opens it again
                self.message_id = self._sent.id
            self._note(self._sent)
            return
        self._sent = await self.message.channel.send(
            view=view,
            files=fresh(files),
            reference=self.message.to_reference(fail_if_not_exists=False),
            mention_author=False,
        )
        self.message_id = self._sent.id
        self._note(self._sent)

    async def refuse(self, sentence: str) -> None:
        try:
            await self.show(remark(sentence), [])  # a message has nowhere that only its author sees
        except NETWORK as error:
            log.warning("Could not tell a member why a request is refused: %s", in_short(error))

    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        await self.message.channel.send(words, allowed_mentions=mentions)

    async def _send(self, parcel: Parcel, more: bool) -> None:
        if more:
            await self.message.channel.send(view=parcel.view, files=fresh(parcel.files))
        else:
            await self.show(parcel.view, parcel.files)
