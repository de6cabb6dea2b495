"""The message that answers a message: for members who write to the bot in place of using a command."""

import logging
import math
from collections.abc import Sequence

import discord
from discord import ui

from bot.core.errors import NETWORK, in_short
from bot.core.permissions import missing
from bot.jobs.interaction import Parcel, fresh, insist
from bot.media.uploads import Upload
from bot.texts import texts_in
from bot.ui.layout import remark

log = logging.getLogger(__name__)


class Reply:
    """The bot's answer to one message. Everybody there sees it, and it can be edited at any time."""

    def __init__(self, message: discord.Message) -> None:
        self.message = message
        self.private = False
        self.seconds_left = math.inf
        self.channel_is_open = False  # nothing but the reply is needed
        self.reachable = True
        self.asker = message.author
        self.asked = message.created_at
        self.guild_id = message.guild.id if message.guild else None
        self.channel_id: int | None = message.channel.id
        self.message_id: int | None = None
        self.texts = texts_in(message.guild.preferred_locale if message.guild else None)
        limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        self.filesize_limit = message.guild.filesize_limit if message.guild else limit
        self._sent: discord.Message | None = None

    @property
    def age_restricted(self) -> bool:
        """Whether the channel is for adults only."""
        channel = self.message.channel
        return isinstance(channel, discord.abc.GuildChannel | discord.Thread) and channel.is_nsfw()

    @property
    def missing(self) -> Sequence[str]:
        """The permissions that the bot lacks to reply with pictures, as far as that can be told."""
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
        """Reply, or edit the reply. `files` replace its files, None keeps them. Raises one of NETWORK."""
        if self._sent:
            self._sent = await self._sent.edit(view=view, attachments=fresh(files))
            return
        self._sent = await self.message.channel.send(
            view=view,
            files=fresh(files),
            reference=self.message.to_reference(fail_if_not_exists=False),
            mention_author=False,
        )
        self.message_id = self._sent.id

    async def refuse(self, sentence: str) -> None:
        """Say why nothing comes of it, in the reply: a message has nowhere that only its author sees."""
        try:
            await self.show(remark(sentence), [])
        except NETWORK as error:
            log.warning("Could not tell a member why a request is refused: %s", in_short(error))

    async def finish(self, parcel: Parcel, *, more: bool = False) -> None:
        """Show the result."""
        await insist(lambda: self._add(parcel) if more else self.show(parcel.view, parcel.files))

    async def _add(self, parcel: Parcel) -> None:
        await self.message.channel.send(view=parcel.view, files=fresh(parcel.files))

    async def call(self, line: str) -> None:
        """Call the asker with a message of its own."""
        only_the_asker = discord.AllowedMentions(users=[self.asker], everyone=False, roles=False)
        try:
            await self.message.channel.send(f"{self.asker.mention} {line}", allowed_mentions=only_the_asker)
        except NETWORK as error:
            log.info("Could not call a member: %s", in_short(error))
