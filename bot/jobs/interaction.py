"""The message that answers an interaction, for as long as it can be reached.

An interaction's token edits its message for 15 minutes. After that a public result goes to the channel as a message of
its own; a private one never does.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import aiohttp
import discord
from discord import ui

from bot.core.errors import NETWORK, in_short
from bot.core.permissions import missing
from bot.core.text import CONTENT, cut
from bot.jobs.target import Parcel, Target, fresh
from bot.media.uploads import Upload
from bot.texts import texts_for

log = logging.getLogger(__name__)

TOKEN_LIFE: Final = timedelta(minutes=14)  # a minute less than Discord gives, for the upload itself


class InteractionTarget(Target):
    """One interaction's message."""

    def __init__(self, interaction: discord.Interaction[Any], *, private: bool, in_place: bool = False) -> None:
        """`private`: only the asker sees it. `in_place`: the message whose button was pressed is used again."""
        self.interaction = interaction
        self.private = private
        self.in_place = in_place
        self.asker = interaction.user
        self.asked = interaction.created_at
        self.guild_id = interaction.guild_id
        self.channel_id = interaction.channel_id
        self.texts = texts_for(interaction)
        self.filesize_limit = interaction.filesize_limit

    @property
    def channel(self) -> object:
        return self.interaction.channel

    @property
    def seconds_left(self) -> float:
        return (self.interaction.created_at + TOKEN_LIFE - discord.utils.utcnow()).total_seconds()

    @property
    def shares(self) -> int | None:
        return None

    @property
    def channel_is_open(self) -> bool:
        interaction = self.interaction
        if self.private or interaction.channel is None:
            return False
        if interaction.guild_id is None:
            return interaction.context.dm_channel  # not among people who only share a group chat
        is_member = interaction.client.get_guild(interaction.guild_id) is not None  # and not only a member's own app
        may = interaction.app_permissions
        in_thread = isinstance(interaction.channel, discord.Thread)
        may_send = may.send_messages_in_threads if in_thread else may.send_messages
        return is_member and may_send and may.attach_files

    @property
    def missing(self) -> Sequence[str]:
        if self.interaction.guild_id is None:
            return ()  # among few people everybody may
        return missing(self.interaction.app_permissions, ("attach_files",))

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        if self.interaction.response.is_done():
            attachments = self._listed(files)
            self._note(await self.interaction.edit_original_response(view=view, attachments=attachments))
            return
        try:
            await self._answer(view, files)
        except (aiohttp.ClientError, OSError):  # Discord waits three seconds for an answer: enough for one more
            await self._answer(view, files)

    async def _answer(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        response = self.interaction.response
        if self.in_place:
            sent = await response.edit_message(view=view, attachments=fresh(files or []))
        else:
            sent = await response.send_message(view=view, files=fresh(files), ephemeral=self.private)
        if sent:
            self.message_id = sent.message_id
        if sent and isinstance(sent.resource, discord.Message):
            self._note(sent.resource)

    async def refuse(self, sentence: str) -> None:
        try:
            await self.interaction.followup.send(cut(sentence, CONTENT), ephemeral=True)
            with suppress(discord.NotFound):
                await self.interaction.delete_original_response()
        except NETWORK as error:
            log.warning("Could not tell a member why a request is refused: %s", in_short(error))

    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        await self.interaction.followup.send(words, allowed_mentions=mentions)

    async def _send(self, parcel: Parcel, more: bool) -> None:
        if self.seconds_left > 0 or not self.channel_is_open:
            if more:
                files = fresh(parcel.files)
                await self.interaction.followup.send(view=parcel.view, files=files, ephemeral=self.private)
            else:
                await self.show(parcel.view, parcel.files)
            return
        channel = self.interaction.channel
        assert isinstance(channel, discord.abc.Messageable)
        files = [upload.file() for upload in parcel.files]
        sent = await channel.send(view=parcel.view, files=files, allowed_mentions=self.only_the_asker)
        self.message_id = self.message_id if more else sent.id
