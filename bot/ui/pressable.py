"""What people press, whatever it is: it never stays dead, because what goes wrong in it is reported."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.core.errors import report


class Pressable(ui.DynamicItem[Any], template="janus"):
    """A button or select that outlives the process. A subclass names its template and says what `press` does.

    discord.py only logs what a dynamic item's callback raises, and the member sees a dead button; this one reports it.
    """

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make it again from its custom_id."""
        raise NotImplementedError

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it is for, and report what goes wrong."""
        try:
            await self.press(interaction)
        except Exception as error:
            await report(interaction, error)

    async def press(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the press. May raise Refusal."""
        raise NotImplementedError
