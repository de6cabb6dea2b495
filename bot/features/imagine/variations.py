"""Variations of one picture: its top is kept and the rest drawn anew, by the same words or by others."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import discord

from bot.core.choices import as_written
from bot.core.client import JanusBot
from bot.features.imagine.drawing import drawn, go_on
from bot.features.imagine.forms import RemixForm
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.rights import Wanted
from bot.store.records import JobRecord
from bot.texts import texts_for
from bot.ui.buttons import JobButton
from bot.ui.forms import open_form
from model.requests import Drawing, random_seed

Press = discord.Interaction[JanusBot]

KEPT: Final[Mapping[str, float]] = {  # how much of a picture each variation keeps, from its top
    "vary_little": 1 / 2,
    "vary": 1 / 4,
    "vary_much": 1 / 32,  # next to nothing: where the picture begins
}
USUAL: Final = "vary"


async def vary(interaction: Press, button: JobButton) -> None:
    """Keep the top of a picture and draw the rest anew. Raises Refusal or Refused."""
    record = await button.record(interaction)
    wish = _variation(interaction, record, button.picture or 0, button.action)
    await go_on(interaction, button, record, wish)


async def remix(interaction: Press, button: JobButton) -> None:
    """Open a form for other words, and for how much of the picture to keep. Raises Refusal."""
    record, picture, texts = await button.record(interaction), button.picture or 0, texts_for(interaction)
    usual = _variation(interaction, record, picture, USUAL)
    target = InteractionTarget(interaction, private=record.address.private)
    await admission.foresee(interaction.client, target, Wanted("draw", hidden=record.spoiler))

    async def put(interaction: Press, form: RemixForm) -> None:
        wish = _variation(interaction, record, picture, form.strength.value or USUAL)
        wish = replace(wish, prompt=form.prompt.value, avoid=form.avoid.value)
        await go_on(interaction, button, record, wish)

    strengths = {
        "vary_little": texts.remix_half,
        "vary": texts.remix_quarter,
        "vary_much": texts.remix_beginning,
    }
    await open_form(interaction, partial(RemixForm, texts, usual, strengths, USUAL, put))


def _variation(interaction: Press, record: JobRecord, picture: int, strength: str) -> Drawing:
    """Make what draws a variation of one picture of a drawing. Raises Refusal if it can't be varied."""
    bot = interaction.client
    drawing, result = drawn(interaction, record, picture)
    tokens = result.tokens[picture]
    wish = replace(
        drawing,
        prompt=as_written(drawing.words(result.seeds[picture])) if drawing.prompts else drawing.prompt,
        seed=random_seed(),
        kept=tokens[: max(1, round(len(tokens) * KEPT[strength]))],
        temperature=drawing.temperature or bot.settings.imagine.temperature or 1.0,
    )
    admission.check_model(bot, record, wish, texts_for(interaction))
    return wish
