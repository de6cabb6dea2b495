"""Report this picture: a message menu that tells the people who run the server."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.features.reports import open_form
from bot.texts import described

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.context_menu(name=described("menu_report"))
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
async def report_picture(interaction: discord.Interaction["JanusBot"], message: discord.Message) -> None:
    """Open the form. Raises Refusal."""
    await open_form(interaction, message)
