"""/help: what the bot can do, with examples to press."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.features.help import guide
from bot.texts import described, texts_for

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.command(name="help", description=described("help"))
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def help(interaction: discord.Interaction["JanusBot"]) -> None:
    """Show it to who asked, on one screen."""
    model = interaction.client.executor.status().model
    await interaction.response.send_message(view=guide(texts_for(interaction), model), ephemeral=True)
