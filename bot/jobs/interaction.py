"""The message that answers an interaction, for as long as it can be reached.

An interaction's token edits its message for 15 minutes. After that a public result goes to the channel as a message of
its own; a private one never does. `Address` is what a delivery needs to know of any message that it keeps true.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import aiohttp
import discord
from discord import ui

from bot.core.errors import NETWORK, in_short
from bot.core.permissions import missing
from bot.media.uploads import TooLargeError, Upload
from bot.texts import Texts, texts_for

log = logging.getLogger(__name__)

TOKEN_LIFE: Final = timedelta(minutes=14)  # a minute less than Discord gives, for the upload itself
RETRY_SECONDS: Final = (1.0, 3.0, 9.0)
TOO_LARGE_CODE: Final = 40005  # "Request entity too large"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a message shall show, with the files that go along."""

    view: ui.LayoutView
    files: Sequence[Upload] = ()


class Address(Protocol):
    """Where a job is shown: one message, an interaction's (`Post`) or one that answers a message (`Reply`)."""

    private: bool  # only the asker sees it
    asked: datetime
    guild_id: int | None
    channel_id: int | None
    message_id: int | None  # of the message, once there is one
    texts: Texts
    filesize_limit: int  # bytes

    @property
    def asker(self) -> discord.User | discord.Member:
        """Who asked."""
        ...

    @property
    def seconds_left(self) -> float:
        """How long the message can still be edited, in seconds; negative when it is over, and it may be infinite."""
        ...

    @property
    def channel_is_open(self) -> bool:
        """Whether the result may go to the channel as a message of its own."""
        ...

    @property
    def reachable(self) -> bool:
        """Whether a result can be put anywhere without its owner's doing."""
        ...

    @property
    def age_restricted(self) -> bool:
        """Whether only adults see it. Of a channel that the bot does not know, nobody can tell."""
        ...

    @property
    def missing(self) -> Sequence[str]:
        """The permissions that the bot lacks to answer with pictures, by their names in discord.py."""
        ...

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        """Make the message, or edit it. `files` replace its files, None keeps them. Raises one of NETWORK."""
        ...

    async def refuse(self, sentence: str) -> None:
        """Say why nothing comes of it: to the asker alone where that can be."""
        ...

    async def finish(self, parcel: Parcel, *, more: bool = False) -> None:
        """Show the result, in a message beside the first if it is `more` of it.

        Raises TooLargeError, or one of NETWORK when further attempts have failed, too.
        """
        ...

    async def call(self, line: str) -> None:
        """Call the asker to a message that changed, since an edit calls nobody. Not where only they see it."""
        ...


class Post:
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
        self.message_id: int | None = None  # once there is one
        self.texts = texts_for(interaction)
        self.filesize_limit = interaction.filesize_limit

    @property
    def seconds_left(self) -> float:
        """How long the message can still be edited through the interaction, in seconds; negative when it is over."""
        return (self.interaction.created_at + TOKEN_LIFE - discord.utils.utcnow()).total_seconds()

    @property
    def channel_is_open(self) -> bool:
        """Whether a message of its own may go to the channel: public, and the bot is a member with the right to."""
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
    def reachable(self) -> bool:
        """Whether a result can be put anywhere without its owner's doing."""
        return self.seconds_left > 0 or self.channel_is_open

    @property
    def age_restricted(self) -> bool:
        """Whether the channel is for adults only. Of one that the bot does not know, nobody can tell."""
        channel = self.interaction.channel
        return isinstance(channel, discord.abc.GuildChannel | discord.Thread) and channel.is_nsfw()

    @property
    def missing(self) -> Sequence[str]:
        """The permissions that the bot lacks here to answer with pictures, by their names in discord.py."""
        if self.interaction.guild_id is None:
            return ()  # among few people everybody may
        return missing(self.interaction.app_permissions, ("attach_files",))

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        """Answer the interaction, or edit the answer. `files` replace the message's files, None keeps them.

        Raises one of NETWORK.
        """
        if self.interaction.response.is_done():
            await self.interaction.edit_original_response(view=view, attachments=fresh(files))
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

    async def refuse(self, sentence: str) -> None:
        """Take the message back and say why, so that only the asker sees it."""
        try:
            await self.interaction.followup.send(sentence, ephemeral=True)
            with suppress(discord.NotFound):
                await self.interaction.delete_original_response()
        except NETWORK as error:
            log.warning("Could not tell a member why a request is refused: %s", in_short(error))

    async def call(self, line: str) -> None:
        """Call the asker to a message that changed. Not where only they see it."""
        if self.private:
            return
        try:
            await self.interaction.followup.send(f"{self.asker.mention} {line}", allowed_mentions=self._only_the_asker)
        except NETWORK as error:
            log.info("Could not call a member: %s", in_short(error))

    async def finish(self, parcel: Parcel, *, more: bool = False) -> None:
        """Show the result, here or as a message of its own in the channel."""
        await insist(lambda: self._send(parcel, more))

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
        sent = await channel.send(view=parcel.view, files=files, allowed_mentions=self._only_the_asker)
        self.message_id = self.message_id if more else sent.id

    @property
    def _only_the_asker(self) -> discord.AllowedMentions:
        return discord.AllowedMentions(users=[self.asker], everyone=False, roles=False)


async def insist(send: Callable[[], Awaitable[None]]) -> None:
    """Send a result, and try again where that fails on the way.

    The pictures are the expensive part, and discord.py itself gives up when the connection breaks in the middle.
    Raises TooLargeError if Discord finds the files too large, and otherwise what the last attempt raised.
    """
    for delay in (*RETRY_SECONDS, None):
        try:
            return await send()
        except NETWORK as error:
            if isinstance(error, discord.HTTPException):
                if error.status == 413 or error.code == TOO_LARGE_CODE:
                    raise TooLargeError(str(error)) from error
                if error.status < 500 and error.status != 429:
                    raise
            if delay is None:
                raise
            log.warning("An upload failed and is tried again in %g s: %s", delay, in_short(error))
            await asyncio.sleep(delay)
    raise AssertionError


def fresh(files: Sequence[Upload] | None) -> Any:
    """Make files to send, or what stands for none given."""
    return discord.utils.MISSING if files is None else [upload.file() for upload in files]
