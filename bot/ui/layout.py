"""What all messages have in common: a frame in the colour of where the job stands."""

from typing import Any, Final

import discord
from discord import ui

from bot.ui.text import PROMPT_TEXT, one_line

BUSY: Final = discord.Colour.blurple()
DONE: Final = discord.Colour.green()
ENDED: Final = discord.Colour.greyple()


def layout(*children: ui.Item[Any], colour: discord.Colour) -> ui.LayoutView:
    """Put children into one framed message.

    It has no timeout: a view of discord.py that times out takes its buttons' classes out of service everywhere.
    """
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*children, accent_colour=colour))
    return view


def notice(prompt: str, line: str, *buttons: ui.Item[Any]) -> ui.LayoutView:
    """Show a prompt and what has become of its job."""
    children: list[ui.Item[Any]] = [
        ui.TextDisplay(f"**{one_line(prompt, PROMPT_TEXT)}**"),
        ui.TextDisplay(line),
    ]
    if buttons:
        children.append(ui.ActionRow(*buttons))
    return layout(*children, colour=ENDED)


def remark(sentence: str) -> ui.LayoutView:
    """Show one sentence of the bot's."""
    return layout(ui.TextDisplay(sentence), colour=ENDED)
