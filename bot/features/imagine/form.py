"""The form under a gallery that changes a drawing."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord

from bot.media.inputs import MOST_CHARACTERS
from bot.texts import Texts, texts_for
from bot.ui.forms import Form, number
from model.requests import COUNT, GUIDANCE, SEEDS, TEMPERATURE, Drawing, random_seed

if TYPE_CHECKING:
    from bot.core.client import JanusBot


class DrawingForm(Form):
    """An earlier drawing to change."""

    def __init__(self, texts: Texts, drawing: Drawing, spoiler: bool) -> None:
        super().__init__(texts.edit_title)
        self.drawing, self.spoiler = drawing, spoiler
        self.prompt = self.ask(texts.edit_prompt, drawing.prompt, most=MOST_CHARACTERS, long=True)
        self.seed = self.ask(texts.edit_seed, str(drawing.seed))
        self.guidance = self.ask(texts.edit_guidance, f"{drawing.guidance:g}")
        self.temperature = self.ask(texts.edit_temperature, f"{drawing.temperature:g}")
        self.count = self.ask(texts.edit_count, str(drawing.count))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Draw what was filled in."""
        texts, seed = texts_for(interaction), self.seed.value.strip()
        wish = replace(
            self.drawing,
            prompt=self.prompt.value,
            seed=int(number(texts, texts.edit_seed, seed, 0, SEEDS - 1)) if seed else random_seed(),
            guidance=number(texts, texts.edit_guidance, self.guidance.value, *GUIDANCE),
            temperature=number(texts, texts.edit_temperature, self.temperature.value, *TEMPERATURE),
            count=int(number(texts, texts.edit_count, self.count.value, *COUNT)),
        )
        bot: JanusBot = interaction.client
        await bot.drawings.draw(interaction, wish, spoiler=self.spoiler)
