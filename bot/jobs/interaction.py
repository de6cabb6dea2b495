"""The message that answers an interaction, for as long as it can be reached.

An interaction's token edits its message for 15 minutes. After that a public result goes to the channel as a message of
its own; a private one never does.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

import discord
from discord import ui

from bot.core.permissions import may_write, missing, roles_of
from bot.core.rest import CALL_SECONDS, UPLOAD_SECONDS, DiscordError, Fault, calling, in_short, insist
from bot.core.text import CONTENT, cut
from bot.jobs.target import Parcel, Target, clock, fresh
from bot.media.uploads import Upload
from bot.texts import texts_for
from bot.ui.layout import remark

log = logging.getLogger(__name__)

TOKEN_SECONDS: Final = 14 * 60.0  # a minute less than Discord gives, for the upload itself


class InteractionTarget(Target):
    """One interaction's message."""

    def __init__(self, interaction: discord.Interaction[Any], *, private: bool, in_place: bool = False) -> None:
        """`private`: only the asker sees it. `in_place`: the message whose button was pressed is used again."""
        self.interaction = interaction
        self.private = private
        self.in_place = in_place
        self.asker = interaction.user
        self.roles = roles_of(interaction.user)
        self.asked = interaction.created_at
        self.guild_id = interaction.guild_id
        self.channel_id = interaction.channel_id
        self.texts = texts_for(interaction)
        self.filesize_limit = interaction.filesize_limit
        self.token = interaction.token
        self.token_ends = interaction.created_at + timedelta(seconds=TOKEN_SECONDS)
        self._came = clock()
        self._expired = False  # Discord no longer knows the token, before its time
        self._beside = False  # the message is out of reach, and what comes out goes to the channel
        self._panel: int | None = None  # the message that shows the job on its way

    @property
    def channel(self) -> object:
        return self.interaction.channel

    @property
    def seconds_left(self) -> float:
        return -1.0 if self._expired else TOKEN_SECONDS - self.age

    @property
    def shares(self) -> int | None:
        return None

    @property
    def channel_is_open(self) -> bool:
        return not self.private and may_write(self.interaction)

    @property
    def missing(self) -> Sequence[str]:
        if self.interaction.guild_id is None:
            return ()  # among few people everybody may
        return missing(self.interaction.app_permissions, ("attach_files",))

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        seconds = UPLOAD_SECONDS if files else CALL_SECONDS
        if not self.interaction.response.is_done():
            async with calling(seconds):  # further attempts are the adapter's: `bot.core.receipts`
                await self._answer(view, files)
            return
        try:
            await insist(lambda: self._edit(view, files), seconds, patient=False)
        except DiscordError as error:
            if error.fault is Fault.EXPIRED:
                self._expired = True
            raise

    async def _answer(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        response = self.interaction.response
        if self.in_place:
            sent = await response.edit_message(view=view, attachments=fresh(files or []))
        else:
            sent = await response.send_message(view=view, files=fresh(files), ephemeral=self.private)
        if sent:
            self.message_id = self._panel = sent.message_id
        if sent and isinstance(sent.resource, discord.Message):
            self._note(sent.resource)

    async def _edit(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        """Edit the message: by the interaction's token, and after its end by the bot's own right, where it has one."""
        attachments = self._listed(files)
        if self.seconds_left > 0 or self._panel is None or not self.channel_is_open:
            self._note(await self.interaction.edit_original_response(view=view, attachments=attachments))
            return
        nobody = discord.AllowedMentions.none()
        message = self._messageable.get_partial_message(self._panel)
        self._note(await message.edit(view=view, attachments=attachments, allowed_mentions=nobody))

    async def whisper(self, sentence: str) -> bool:
        try:
            await self._tell(sentence)
            return True
        except DiscordError as error:
            log.info("Nor could it be said to a member alone: %s", in_short(error))
            return False

    async def _tell(self, sentence: str) -> None:
        await insist(lambda: self.interaction.followup.send(cut(sentence, CONTENT), ephemeral=True))

    async def refuse(self, sentence: str) -> bool:
        """Say it privately, and take the message away; if it can't be said so, it takes the message's place."""
        try:
            await self._tell(sentence)
        except DiscordError as error:
            log.warning("Could not tell a member alone why a request is refused: %s", in_short(error))
            return await self._leave(sentence)
        try:
            await insist(self.interaction.delete_original_response)
        except DiscordError as error:
            if error.fault is not Fault.GONE:
                await self._leave(sentence)
        return True

    async def _leave(self, sentence: str) -> bool:
        """Let the message, which must not stay as it is, say how it ended."""
        try:
            await insist(lambda: self._edit(remark(sentence), []))
            return True
        except DiscordError as error:
            log.warning("A message could not be ended: %s", in_short(error))
            return False

    def step_aside(self, fault: Fault) -> bool:
        if self._goes_beside or not self.channel_is_open:
            return False
        self._beside, self._expired = True, self._expired or fault is Fault.EXPIRED
        return True

    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        if not self._goes_beside:
            await self.interaction.followup.send(words, allowed_mentions=mentions)
        else:
            await self._messageable.send(words, allowed_mentions=mentions)

    async def _send(self, parcel: Parcel, more: bool, nonce: str) -> None:
        if not self._goes_beside:
            if more:
                files = fresh(parcel.files)
                await self.interaction.followup.send(view=parcel.view, files=files, ephemeral=self.private)
            else:
                await self._edit(parcel.view, parcel.files)
            return
        files = [upload.file() for upload in parcel.files]
        sent = await self._messageable.send(
            view=parcel.view, files=files, allowed_mentions=self.only_the_asker, nonce=nonce
        )
        self.message_id = self.message_id if more else sent.id

    @property
    def _goes_beside(self) -> bool:
        return (self._beside or self.seconds_left <= 0) and self.channel_is_open

    @property
    def _messageable(self) -> discord.TextChannel:
        """The channel, which can be written to where `channel_is_open`. Whatever its kind, it has what this one has."""
        return cast("discord.TextChannel", self.interaction.channel)
