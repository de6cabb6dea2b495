"""What the buttons under a gallery do, but for those that go on from one of its pictures: these are in `drawing`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.text import decimal
from bot.features.ask import questions
from bot.features.ask.form import AskForm
from bot.features.imagine.drawing import (
    KEPT,
    choose,
    draw,
    enlarge,
    find,
    pressed,
    revive_drawing,
    revive_enlargement,
    vary,
)
from bot.features.imagine.gallery import info
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.rights import Wanted
from bot.store.records import JobRecord
from bot.texts import Texts, texts_for
from bot.ui.buttons import JobButton
from bot.ui.forms import MOST_CHARACTERS, NUMBER_CHARACTERS, Entry, Form, numbers, open_form
from model.requests import COUNT, GUIDANCE, SEEDS, TEMPERATURE, Drawing, Pictures, random_seed

Press = discord.Interaction[JanusBot]

BETWEEN: Final = " / "  # numbers that share a field


async def setup(bot: JanusBot) -> None:
    """Say what the buttons do."""
    bot.actions |= {"again": again, "edit": edit, "info": tell, "choose": choose, "enlarge": enlarge}
    bot.actions |= {"describe": describe, "ask_this": ask_this, **dict.fromkeys(KEPT, vary)}
    bot.revivals |= {"drawing": revive_drawing, "enlargement": revive_enlargement}


async def again(interaction: Press, button: JobButton) -> None:
    """Draw the same words with a new seed, for whoever pressed."""
    record, drawing = await _drawing(interaction, button)
    texts = texts_for(interaction)
    if drawing.temperature == 0:
        raise Refusal(texts.always_the_same.format(edit=texts.edit))
    await _draw(interaction, button, record, replace(drawing, seed=random_seed()))


async def edit(interaction: Press, button: JobButton) -> None:
    """Open a form with everything that the drawing was made of."""
    record, drawing = await _drawing(interaction, button)
    target = InteractionTarget(interaction, private=record.address.private)
    await admission.foresee(interaction.client, target, Wanted("draw", hidden=record.spoiler))

    async def put(interaction: Press, changed: Drawing) -> None:
        await _draw(interaction, button, record, changed)

    await open_form(interaction, partial(DrawingForm, texts_for(interaction), drawing, put))


async def tell(interaction: Press, button: JobButton) -> None:
    """Tell all that is known of a drawing, so that only who pressed sees it."""
    record = await button.record(interaction)
    if not isinstance(record.result, Pictures):
        raise Refusal(texts_for(interaction).forgotten)
    view = info(texts_for(interaction), record)
    await interaction.response.send_message(view=view, ephemeral=True)


async def describe(interaction: Press, button: JobButton) -> None:
    """Have a picture described, for whoever pressed."""
    record = await button.record(interaction)
    picture = find(interaction, record, button.picture or 0)
    target = InteractionTarget(interaction, private=record.address.private)
    await questions.describe(interaction.client, target, [picture], pressed(interaction, button, record))


async def ask_this(interaction: Press, button: JobButton) -> None:
    """Open a form to ask about a picture."""
    record = await button.record(interaction)
    picture, origin = find(interaction, record, button.picture or 0), pressed(interaction, button, record)
    target = InteractionTarget(interaction, private=record.address.private)
    await admission.foresee(interaction.client, target, Wanted.answer())

    async def put(interaction: Press, form: AskForm) -> None:
        target = InteractionTarget(interaction, private=record.address.private)
        await questions.ask(interaction.client, target, [picture], form.question.value, origin=origin)

    await open_form(interaction, partial(AskForm, texts_for(interaction), put))


async def _drawing(interaction: Press, button: JobButton) -> tuple[JobRecord, Drawing]:
    """Look up what was asked for. Raises Refusal."""
    record = await button.record(interaction)
    if not isinstance(record.request, Drawing):
        raise Refusal(texts_for(interaction).forgotten)
    admission.check_model(interaction.client, record, record.request, texts_for(interaction))
    return record, record.request


async def _draw(interaction: Press, button: JobButton, record: JobRecord, wish: Drawing) -> None:
    """Draw what goes on from an earlier drawing, hidden and private where that was. Raises Refusal or Refused."""
    origin = pressed(interaction, button, record)
    await draw(interaction, wish, spoiler=record.spoiler, private=record.address.private, origin=origin)


class DrawingForm(Form):
    """An earlier drawing to change."""

    def __init__(self, texts: Texts, drawing: Drawing, put: Callable[[Press, Drawing], Awaitable[None]]) -> None:
        """`put`: what is done with the changed one."""
        super().__init__(texts.edit_title)
        self.drawing, self.put = drawing, put
        self.prompt = self.ask(texts.edit_prompt, drawing.prompt, most=MOST_CHARACTERS, long=True)
        self.avoid = self.ask(texts.edit_avoid, drawing.avoid, most=MOST_CHARACTERS, long=True, required=False)
        self.seed = self.ask(texts.set_seed, str(drawing.seed), hint=texts.edit_seed_hint)
        # a form has five fields at most, so two numbers share one
        self.strengths = self._numbers(
            texts,
            (texts.set_guidance, drawing.guidance, GUIDANCE),
            (texts.set_temperature, drawing.temperature, TEMPERATURE),
        )
        self.count = self._numbers(texts, (texts.set_count, drawing.count, COUNT))

    def _numbers(self, texts: Texts, *each: tuple[str, float, tuple[float, float]]) -> ui.TextInput[Any]:
        """Ask for numbers in one field: the label, the value and the bounds of each."""
        hints = [
            texts.edit_hint.format(low=decimal(low, texts), high=decimal(high, texts)) for _, _, (low, high) in each
        ]
        return self.ask(
            BETWEEN.join(label for label, _, _ in each),
            BETWEEN.join(decimal(value, texts) for _, value, _ in each),
            hint=BETWEEN.join(hints),
            most=NUMBER_CHARACTERS * len(each),
        )

    async def submit(self, interaction: Press) -> None:
        texts = texts_for(interaction)
        seed = self.seed.value.strip() or str(random_seed())
        guidance, _, temperature = self.strengths.value.replace("／", "/").partition("/")
        chosen = numbers(
            texts,
            {
                "seed": Entry(texts.set_seed, seed, 0, SEEDS - 1),
                "guidance": Entry(texts.set_guidance, guidance, *GUIDANCE),
                "temperature": Entry(texts.set_temperature, temperature, *TEMPERATURE),
                "count": Entry(texts.set_count, self.count.value, *COUNT),
            },
        )
        wish = replace(
            self.drawing,
            prompt=self.prompt.value,
            avoid=self.avoid.value,
            seed=int(chosen["seed"]),
            guidance=chosen["guidance"],
            temperature=chosen["temperature"],
            count=int(chosen["count"]),
        )
        await self.put(interaction, wish)
