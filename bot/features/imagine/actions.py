"""What the buttons under a gallery do; those that go on from one of its pictures are in `drawing` and `variations`."""

from dataclasses import replace
from functools import partial

import discord

from bot.core.choices import wildcards
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.features.ask import questions
from bot.features.ask.form import AskForm
from bot.features.imagine.drawing import (
    choose,
    enlarge,
    find,
    go_on,
    pressed,
    revive_drawing,
    revive_enlargement,
)
from bot.features.imagine.forms import DrawingForm
from bot.features.imagine.info import info
from bot.features.imagine.variations import KEPT, remix, vary
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.rights import Wanted
from bot.store.records import JobRecord
from bot.texts import texts_for
from bot.ui.buttons import JobButton
from bot.ui.forms import open_form
from model.requests import Drawing, Pictures, random_seed

Press = discord.Interaction[JanusBot]


async def setup(bot: JanusBot) -> None:
    """Say what the buttons do."""
    bot.actions |= {"again": again, "edit": edit, "info": tell, "choose": choose, "enlarge": enlarge}
    bot.actions |= {"describe": describe, "ask_this": ask_this, **dict.fromkeys(KEPT, vary), "remix": remix}
    bot.revivals |= {"drawing": revive_drawing, "enlargement": revive_enlargement}


async def again(interaction: Press, button: JobButton) -> None:
    """Draw the same words with a new seed, for whoever pressed."""
    record, drawing = await _drawing(interaction, button)
    texts = texts_for(interaction)
    if drawing.temperature == 0 and not wildcards(drawing.prompt):
        raise Refusal(texts.always_the_same.format(edit=texts.edit))
    await go_on(interaction, button, record, replace(drawing, seed=random_seed()))


async def edit(interaction: Press, button: JobButton) -> None:
    """Open a form with everything that the drawing was made of."""
    record, drawing = await _drawing(interaction, button)
    target = InteractionTarget(interaction, private=record.address.private)
    await admission.foresee(interaction.client, target, Wanted("draw", hidden=record.spoiler))

    async def put(interaction: Press, changed: Drawing) -> None:
        await go_on(interaction, button, record, changed)

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
