"""/settings: how the bot works on a server, for those who may manage it; and whether it works, for its owner."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.features.settings.panel import settings_panel
from bot.texts import described

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.command(name="settings", description=described("settings"))
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def settings(interaction: discord.Interaction["JanusBot"]) -> None:
    """Show the panel, so that only who asked sees it. Raises Refusal."""
    await interaction.response.send_message(view=await settings_panel(interaction), ephemeral=True)
