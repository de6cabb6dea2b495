"""Reports: how a picture that somebody finds wrong comes before the people who run the server."""

import logging
from typing import TYPE_CHECKING, Final

import discord

from bot.core.errors import NETWORK, Refusal, in_short
from bot.features.reports import card
from bot.texts import texts_for, texts_of_server

if TYPE_CHECKING:
    from bot.core.client import JanusBot

log = logging.getLogger(__name__)

SENT_BYTES: Final = 8 * 2**20  # of the pictures that go along; the rest is behind the link


class Reporting:
    """Passes reports on."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def check(
        self, interaction: discord.Interaction["JanusBot"], message: discord.Message
    ) -> discord.abc.Messageable:
        """Return the channel that hears of it. Raises Refusal: no picture of the bot's, or nobody to hear of it."""
        texts = texts_for(interaction)
        assert self.bot.user
        if message.author.id != self.bot.user.id or not message.attachments:
            raise Refusal(texts.not_my_picture)
        chosen = (await self.bot.servers.get(interaction.guild_id)).reports
        channel = self.bot.get_channel(chosen) if chosen else None
        if not isinstance(channel, discord.TextChannel) or channel.guild.id != interaction.guild_id:
            raise Refusal(texts.no_reports)
        return channel

    async def report(self, interaction: discord.Interaction["JanusBot"], message: discord.Message, reason: str) -> None:
        """Show moderators a message, once for everybody who reports it. Raises Refusal."""
        texts = texts_for(interaction)
        channel = await self.check(interaction, message)
        if not await self.bot.reports.add(message.id, interaction.user.id, interaction.created_at):
            raise Refusal(texts.already_reported)
        await interaction.response.defer(ephemeral=True, thinking=True)
        record = await self.bot.jobs.shown_on(message.id)
        try:
            files = await _copies(message)
            names = [file.filename for file in files]
            view = card(texts_of_server(interaction), message, record, interaction.user.id, reason, names)
            await channel.send(view=view, files=files)
        except NETWORK as error:
            log.warning("A report could not be passed on: %s", in_short(error))
            await self.bot.reports.take_back(message.id, interaction.user.id)
            raise Refusal(texts.not_reported) from error
        await interaction.followup.send(texts.reported, ephemeral=True)


async def _copies(message: discord.Message) -> list[discord.File]:
    """Take copies of a message's pictures, which stay when the message goes; as many as fit."""
    copies, room = [], SENT_BYTES
    for attachment in message.attachments:
        if (attachment.content_type or "").startswith("image/") and attachment.size <= room:
            room -= attachment.size
            copies.append(await attachment.to_file(spoiler=True))
    return copies
