"""/queue: one's own requests that are open."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.features.queue import queue as show_queue
from bot.texts import described, texts_for

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.command(name="queue", description=described("queue"))
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def queue(interaction: discord.Interaction["JanusBot"]) -> None:
    """Show a member what they have open, so that only they see it."""
    view = show_queue(interaction.client, interaction.user.id, texts_for(interaction))
    await interaction.response.send_message(view=view, ephemeral=True)
