"""/settings: how the bot works on a server, for those who may manage it; and whether it works, for its owner.

/defaults is the same for one's own requests, and has a file of its own.
"""

from functools import partial

import discord
from discord import app_commands

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import refusable
from bot.core.permissions import check_manages, check_owns
from bot.features.settings import defaults
from bot.features.settings.choices import choose
from bot.features.settings.forms import GROUPS, MOST_AVOIDED, AvoidForm, ListsForm, NumbersForm, WordsForm
from bot.features.settings.panel import FIRST, change, panel, show_again
from bot.texts import described, texts_for
from bot.ui.buttons import Choice, Control
from bot.ui.forms import open_form


async def setup(bot: JanusBot) -> None:
    """Add the command, and what is on its panel."""
    bot.tree.add_command(settings)
    bot.actions["settings"] = press
    await defaults.setup(bot)


@app_commands.command(name="settings", description=described("settings"))
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
@refusable
async def settings(interaction: discord.Interaction[JanusBot]) -> None:
    """Show the panel, so that only who asked sees it. Raises Refusal."""
    await interaction.response.send_message(view=await panel(interaction), ephemeral=True)


async def press(interaction: discord.Interaction[JanusBot], button: Control | Choice) -> None:
    """Turn a page, open a form, keep what was chosen, turn something on or off, or pause the bot. Raises Refusal."""
    if isinstance(button, Choice):
        await choose(interaction, button)
        return
    match button.arguments:
        case ("page", name):
            await show_again(interaction, name)
        case ("change", name):
            await _open_form(interaction, name)
        case ("pause", to):
            check_owns(interaction)
            interaction.client.paused = to == "on"
            await show_again(interaction)
        case ("careful", to):
            await change(interaction, imagine={"careful": to == "on"})
        case ("spoilers", to):
            await change(interaction, spoilers=to == "on")
        case ("age_restricted" | "channels_denied" as name, to):
            await change(interaction, "places", **{name: to == "on"})
        case _:
            raise Refusal(texts_for(interaction).forgotten)


async def _open_form(interaction: discord.Interaction[JanusBot], name: str) -> None:
    bot, texts = interaction.client, texts_for(interaction)
    own = await bot.store.servers.get(check_manages(interaction))
    match name:
        case "words":
            await open_form(interaction, partial(WordsForm, texts, own, show_again))
        case "avoid":
            title, label, hint = texts.set_avoid, texts.set_avoid_label, texts.set_avoid_hint
            await open_form(interaction, partial(AvoidForm, title, label, hint, own.avoid, MOST_AVOIDED, _put_avoid))
        case "lists":
            await open_form(interaction, partial(ListsForm, texts, own, show_again))
        case _ if group := GROUPS.get(name):
            chosen, section = getattr(own, group.section), getattr(bot.settings, group.section)

            async def put(interaction: discord.Interaction[JanusBot], changes: dict[str, float | None]) -> None:
                await change(interaction, FIRST, **{group.section: changes})

            await open_form(interaction, partial(NumbersForm, texts, group, chosen, section, put))
        case _:
            raise Refusal(texts.forgotten)


async def _put_avoid(interaction: discord.Interaction[JanusBot], words: str) -> None:
    await change(interaction, avoid=words or None)
