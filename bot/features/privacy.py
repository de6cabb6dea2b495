"""What is kept about a member, and the buttons that make it forgotten."""

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.features.forgetting import forget
from bot.texts import Texts, texts_for
from bot.ui.layout import BUSY, ENDED, layout
from bot.ui.pressable import Pressable

if TYPE_CHECKING:
    from bot.core.client import JanusBot


def privacy(texts: Texts, keep_days: int) -> ui.LayoutView:
    """Say what is kept and for how long."""
    kept = [line.format(days=keep_days) for line in (texts.keeps_requests, texts.keeps_pictures, texts.keeps_others)]
    return layout(
        ui.TextDisplay(f"### {texts.privacy_title}\n" + "\n".join(f"- {line}" for line in kept)),
        ui.TextDisplay(f"-# {texts.privacy_discord}"),
        ui.ActionRow(Forget(texts, "ask")),
        colour=BUSY,
    )


class Forget(Pressable, template="forget:(?P<step>ask|yes|no)"):
    """Forgets a member, after having asked whether they mean it."""

    def __init__(self, texts: Texts, step: str) -> None:
        self.step = step
        label = {"ask": texts.forget, "yes": texts.forget_yes, "no": texts.forget_no}[step]
        style = discord.ButtonStyle.secondary if step == "no" else discord.ButtonStyle.danger
        super().__init__(ui.Button(label=label, style=style, custom_id=f"forget:{step}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), match["step"])

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Ask, forget, or let it be."""
        bot, texts = interaction.client, texts_for(interaction)
        if self.step == "ask":
            choice = ui.ActionRow[Any](Forget(texts, "yes"), Forget(texts, "no"))
            view = layout(ui.TextDisplay(texts.forget_sure), choice, colour=ENDED)
        elif self.step == "yes":
            await forget(bot, interaction.user.id)
            view = layout(ui.TextDisplay(texts.forgotten_all), colour=ENDED)
        else:
            view = privacy(texts, bot.settings.store.keep_days)
        await interaction.response.edit_message(view=view)
