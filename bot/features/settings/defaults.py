"""/defaults: what holds for one's own drawings and answers where one says nothing."""

from functools import partial
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.text import one_line
from bot.features.settings.forms import GROUPS, AvoidForm, NumbersForm
from bot.features.settings.panel import numbers_shown, switch
from bot.texts import described, texts_for
from bot.ui.buttons import Control
from bot.ui.forms import open_form
from bot.ui.layout import BUSY, layout

Press = discord.Interaction[JanusBot]

DRAWINGS: Final = GROUPS["drawings"]
MOST_AVOIDED: Final = 1000  # characters


async def setup(bot: JanusBot) -> None:
    """Add the command, and what is on its panel."""
    bot.tree.add_command(defaults)
    bot.actions["defaults"] = press


@app_commands.command(name="defaults", description=described("defaults"))
async def defaults(interaction: Press) -> None:
    """Show them, so that only who asked sees it."""
    await interaction.response.send_message(view=await _panel(interaction), ephemeral=True)


async def _panel(interaction: Press) -> ui.LayoutView:
    bot, texts, member = interaction.client, texts_for(interaction), interaction.user.id
    own = await bot.store.members.get(member)
    holds = (await bot.settings_in(interaction.guild_id, member)).imagine
    change, avoid = (Control("defaults", name, label=texts.set_change) for name in ("change", "avoid"))
    avoided = one_line(own.avoid) if own.avoid else texts.set_none
    return layout(
        ui.TextDisplay(f"### {texts.defaults_title}\n-# {texts.defaults_hint}"),
        ui.Section[Any](numbers_shown(texts.set_drawings, DRAWINGS, own.imagine, holds, texts), accessory=change),
        switch(texts.set_careful, texts.set_careful_hint, holds.careful, texts, "defaults", "careful"),
        ui.Section[Any](f"**{texts.edit_avoid}**\n{avoided}", accessory=avoid),
        switch(texts.set_spoilers, texts.set_spoilers_hint, own.spoiler, texts, "defaults", "spoiler"),
        switch(texts.defaults_private, texts.defaults_private_hint, own.private, texts, "defaults", "private"),
        colour=BUSY,
    )


async def press(interaction: Press, button: Control) -> None:
    """Open the form, or turn something on or off. Raises Refusal."""
    texts = texts_for(interaction)
    own = await interaction.client.store.members.get(interaction.user.id)
    match button.arguments:
        case ("avoid",):
            title = texts.edit_avoid
            await open_form(
                interaction,
                partial(AvoidForm, title, title, texts.defaults_avoid_hint, own.avoid, MOST_AVOIDED, _put_avoid),
            )
        case ("change",):
            section = (await interaction.client.settings_in(interaction.guild_id)).imagine
            await open_form(interaction, partial(NumbersForm, texts, DRAWINGS, own.imagine, section, _put))
        case ("careful", to):
            await _change(interaction, imagine={"careful": to == "on"})
        case ("spoiler" | "private" as name, to):
            await _change(interaction, **{name: to == "on"})
        case _:
            raise Refusal(texts.forgotten)


async def _put(interaction: Press, changes: dict[str, float | None]) -> None:
    await _change(interaction, imagine=changes)


async def _put_avoid(interaction: Press, words: str) -> None:
    await _change(interaction, avoid=words or None)


async def _change(interaction: Press, **changes: object) -> None:
    """Keep what a member chose, and show it."""
    await interaction.client.store.members.change(interaction.user.id, changes)
    await interaction.response.edit_message(view=await _panel(interaction))
