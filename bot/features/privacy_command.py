"""/privacy: what is kept about oneself, and how to have it forgotten."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.features.privacy import privacy as show_privacy
from bot.texts import described, texts_for

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.command(name="privacy", description=described("privacy"))
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def privacy(interaction: discord.Interaction["JanusBot"]) -> None:
    """Say it, so that only who asked sees it."""
    view = show_privacy(texts_for(interaction), interaction.client.settings.store.keep_days)
    await interaction.response.send_message(view=view, ephemeral=True)
