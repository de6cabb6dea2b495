"""What the buttons under a gallery do, but for those that go on from one of its pictures: these are in `drawing`."""

from dataclasses import replace
from typing import Any

import discord

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.features.ask.form import AskForm
from bot.features.ask.questions import ask
from bot.features.imagine.drawing import (
    KEPT,
    choose,
    draw,
    enlarge,
    find,
    revive_drawing,
    revive_enlargement,
    vary,
)
from bot.features.imagine.gallery import info
from bot.jobs.interaction import InteractionTarget
from bot.texts import Texts, texts_for
from bot.ui.buttons import JobButton
from bot.ui.forms import MOST_CHARACTERS, Form, number
from model.requests import COUNT, GUIDANCE, SEEDS, TEMPERATURE, Drawing, Pictures, random_seed

Press = discord.Interaction[JanusBot]


async def setup(bot: JanusBot) -> None:
    """Say what the buttons do."""
    bot.actions |= {"again": again, "edit": edit, "info": tell, "choose": choose, "enlarge": enlarge}
    bot.actions |= {"describe": describe, **dict.fromkeys(KEPT, vary)}
    bot.revivals |= {"drawing": revive_drawing, "enlargement": revive_enlargement}


async def again(interaction: Press, button: JobButton) -> None:
    """Draw the same words with a new seed, for whoever pressed."""
    drawing, spoiler = await _drawing(interaction, button)
    if drawing.temperature == 0:
        raise Refusal(texts_for(interaction).always_the_same)
    await draw(interaction, replace(drawing, seed=random_seed()), spoiler=spoiler)


async def edit(interaction: Press, button: JobButton) -> None:
    """Open a form with everything that the drawing was made of."""
    drawing, spoiler = await _drawing(interaction, button)
    await interaction.response.send_modal(DrawingForm(texts_for(interaction), drawing, spoiler))


async def tell(interaction: Press, button: JobButton) -> None:
    """Tell all that is known of a drawing, so that only who pressed sees it."""
    record = await button.record(interaction)
    if not isinstance(record.result, Pictures):
        raise Refusal(texts_for(interaction).forgotten)
    view = info(texts_for(interaction), record)
    await interaction.response.send_message(view=view, ephemeral=True)


async def describe(interaction: Press, button: JobButton) -> None:
    """Open a form to ask about a picture, with a first question in it."""
    picture = find(interaction, await button.record(interaction), button.picture or 0)
    texts = texts_for(interaction)

    async def put(interaction: Press, form: AskForm) -> None:
        await ask(interaction.client, InteractionTarget(interaction, private=False), [picture], form.question.value)

    await interaction.response.send_modal(AskForm(texts, put, texts.describe_one))


async def _drawing(interaction: Press, button: JobButton) -> tuple[Drawing, bool]:
    """Look up what was asked for, and whether it hides its pictures. Raises Refusal."""
    record = await button.record(interaction)
    if not isinstance(record.request, Drawing):
        raise Refusal(texts_for(interaction).forgotten)
    return record.request, record.spoiler


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
        texts, seed = texts_for(interaction), self.seed.value.strip()
        wish = replace(
            self.drawing,
            prompt=self.prompt.value,
            seed=int(number(texts, texts.edit_seed, seed, 0, SEEDS - 1)) if seed else random_seed(),
            guidance=number(texts, texts.edit_guidance, self.guidance.value, *GUIDANCE),
            temperature=number(texts, texts.edit_temperature, self.temperature.value, *TEMPERATURE),
            count=int(number(texts, texts.edit_count, self.count.value, *COUNT)),
        )
        await draw(interaction, wish, spoiler=self.spoiler)
