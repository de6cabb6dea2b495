"""What made this picture?: a message menu that reads what the bot wrote into its files."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import refusable
from bot.core.text import decimal, model_name, one_line
from bot.jobs import admission
from bot.media import inputs, provenance
from bot.media.inputs import pictures_on
from bot.media.provenance import Provenance
from bot.texts import Texts, described, texts_for
from bot.ui.layout import DONE, layout
from model.requests import STREAM

MOST: Final = 10  # pictures of one message, which is what a message holds
TOLD_PROMPTS: Final = 1900  # characters of all prompts that ten files tell


async def setup(bot: JanusBot) -> None:
    """Add the menu."""
    bot.tree.add_command(what_made_this)


@app_commands.context_menu(name=described("menu_provenance"))
@refusable
async def what_made_this(interaction: discord.Interaction[JanusBot], message: discord.Message) -> None:
    """Tell who asked what made the pictures on a message, whoever sent it: a PNG keeps that wherever it goes."""
    bot, texts = interaction.client, texts_for(interaction)
    files = pictures_on(message)[:MOST]
    if not files:
        raise Refusal(texts.no_picture)
    for file in files:
        inputs.check(file, bot.settings.limits, texts)
    admission.count_press(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    found = []
    for number, file in enumerate(files, 1):
        data = await inputs.download(file, bot.read, bot.settings.limits, texts)
        told = await asyncio.get_running_loop().run_in_executor(bot.decoders, provenance.read, data)
        if told:
            found.append((number, told))
    if not found:
        raise Refusal(texts.not_mine)
    await interaction.edit_original_response(view=told_by(texts, found))


def told_by(texts: Texts, found: Sequence[tuple[int, Provenance]]) -> ui.LayoutView:
    """Show what the files of a message tell about their pictures, by number; what they share is said once."""
    children: list[ui.Item[Any]] = []
    last: tuple[str, str] | None = None
    room = TOLD_PROMPTS // sum(1 for _ in groupby(found, lambda one: (one[1].prompt, one[1].avoid)))
    for number, told in found:
        if (told.prompt, told.avoid) != last:
            children.append(ui.TextDisplay(_of(told, room, texts)))
            last = told.prompt, told.avoid
        line = texts.made_by.format(
            number=number,
            seed=told.seed,
            guidance=decimal(told.guidance, texts),
            temperature=decimal(told.temperature, texts),
            model=model_name(told.model),
            version=one_line(told.version, 12),
        )
        line += f" · top-k {told.top_k}" if told.top_k else ""
        line += f" · {texts.chosen_from.format(n=told.chosen_from)}" if told.chosen_from else ""
        children.append(ui.TextDisplay(line))
    if any(told.more_avoided for _, told in found):
        children.append(ui.TextDisplay(f"-# {texts.avoiding_more}"))
    if older := [str(number) for number, told in found if told.stream != STREAM]:
        children.append(ui.TextDisplay(f"-# {texts.made_by_older.format(numbers=', '.join(older))}"))
    return layout(*children, colour=DONE)


def _of(told: Provenance, room: int, texts: Texts) -> str:
    """Say what a picture is of, and what not."""
    if not told.avoid:
        return f"**{one_line(told.prompt, room)}**"
    avoided = texts.avoiding.format(words=one_line(told.avoid, room // 2))
    return f"**{one_line(told.prompt, room // 2)}**\n-# {avoided}"
