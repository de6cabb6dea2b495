"""The buttons under a gallery that concern the whole drawing."""

from dataclasses import replace
from typing import TYPE_CHECKING

import discord

from bot.core.errors import Refusal
from bot.features.imagine.form import DrawingForm
from bot.features.imagine.info import info
from bot.texts import texts_for
from bot.ui.buttons import JOB, JobButton
from model.requests import Drawing, random_seed

if TYPE_CHECKING:
    from bot.core.client import JanusBot


class DrawingButton(JobButton, template="janus-drawing"):
    """A button of a drawing."""

    async def drawing(self, interaction: discord.Interaction["JanusBot"]) -> tuple[Drawing, bool]:
        """Look up what was asked for, and whether it hides its pictures. Raises Refusal."""
        record = await self.record(interaction)
        assert isinstance(record.request, Drawing)
        return record.request, record.spoiler


class Again(DrawingButton, template=f"again:{JOB}"):
    """Draws the same words with a new seed, for whoever pressed."""

    action = "again"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Draw."""
        drawing, spoiler = await self.drawing(interaction)
        if drawing.temperature == 0:
            raise Refusal(texts_for(interaction).always_the_same)
        wish = replace(drawing, seed=random_seed())
        await interaction.client.drawings.draw(interaction, wish, spoiler=spoiler)


class Edit(DrawingButton, template=f"edit:{JOB}"):
    """Opens a form with everything that the drawing was made of."""

    action = "edit"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Open the form."""
        drawing, spoiler = await self.drawing(interaction)
        await interaction.response.send_modal(DrawingForm(texts_for(interaction), drawing, spoiler))


class Info(JobButton, template=f"info:{JOB}"):
    """Tells all that is known of a drawing, so that only who pressed sees it."""

    action = "info"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Tell."""
        record = await self.record(interaction)
        await interaction.response.send_message(view=info(texts_for(interaction), record), ephemeral=True)
