"""What made this picture?: a message menu that reads what the bot wrote into its files."""

import asyncio
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.core.errors import Refusal
from bot.features.imagine.info import told_by
from bot.media import inputs as intake
from bot.media import provenance
from bot.media.pictures import pictures_on
from bot.texts import described, texts_for

if TYPE_CHECKING:
    from bot.core.client import JanusBot

MOST = 10  # pictures of one message, which is what a message holds


@app_commands.context_menu(name=described("menu_provenance"))
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def what_made_this(interaction: discord.Interaction["JanusBot"], message: discord.Message) -> None:
    """Tell who asked what made the pictures on a message, whoever sent it: a PNG keeps that wherever it goes."""
    bot, texts = interaction.client, texts_for(interaction)
    files = pictures_on(message, bot.http.get_from_cdn)[:MOST]
    if not files:
        raise Refusal(texts.no_picture)
    for file in files:
        intake.check(file, bot.settings.limits, texts)
    await interaction.response.defer(ephemeral=True, thinking=True)
    found = []
    for number, file in enumerate(files, 1):
        told = await asyncio.to_thread(provenance.read, await intake.download(file, texts))
        if told:
            found.append((number, told))
    if not found:
        raise Refusal(texts.not_mine)
    await interaction.edit_original_response(view=told_by(texts, found))
