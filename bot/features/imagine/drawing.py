"""The one way to start a drawing, for commands, buttons and forms, and to go on from one of its pictures.

Whatever is refused is refused before anything is shown.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Final

import discord

from bot.core.client import JanusBot
from bot.core.errors import Refusal, log_bug
from bot.core.text import well_formed
from bot.features.imagine.gallery import (
    DrawingPresenter,
    EnlargementPresenter,
    Look,
    chosen,
    picture_alt,
    picture_name,
)
from bot.jobs import admission
from bot.jobs.delivery import Delivery
from bot.jobs.ending import send_line
from bot.jobs.interaction import InteractionTarget
from bot.jobs.target import Target
from bot.media import inputs, provenance
from bot.media.decoding import decode
from bot.media.inputs import InputFile, pictures_on
from bot.media.shown import HIDDEN
from bot.media.uploads import Upload
from bot.store.jobs import Enlargement, JobRecord
from bot.texts import Texts, texts_for
from bot.ui.buttons import JobButton
from bot.ui.layout import Origin, notice
from model.requests import ENLARGED_BELOW, Drawing, Enlarge, Pictures, Refused, new_id, random_seed

KEPT: Final[Mapping[str, float]] = {  # how much of a picture each variation keeps, from its top
    "vary_little": 1 / 2,
    "vary": 1 / 4,
    "vary_much": 1 / 32,  # next to nothing: where the picture begins
}


async def draw(
    interaction: discord.Interaction[JanusBot],
    wish: Drawing,
    *,
    spoiler: bool = False,
    private: bool = False,
    in_place: bool = False,
    origin: Origin | None = None,
) -> None:
    """Draw `wish` for whoever typed or pressed, and stay until it is delivered.

    Its owner and id are set here, so that `wish` may be an earlier drawing. `in_place` uses the message again that the
    interaction came from. Raises Refusal or Refused.
    """
    bot, target = interaction.client, InteractionTarget(interaction, private=private, in_place=in_place)
    await admission.check(bot, target, wish.prompt, target.texts.prompt_empty)
    words = well_formed(wish.prompt).strip()
    drawing = replace(wish, prompt=words, previews=True, id=new_id(), owner=str(target.asker.id))
    spoiler = spoiler or (await bot.store.servers.get(target.guild_id)).spoilers
    job = await admission.accept(bot, target, drawing, spoiler=spoiler)
    look = await look_of(bot, target, spoiler, origin)
    presenter = DrawingPresenter(drawing, target.texts, bot.executor.status().model, look)
    await Delivery(bot, target, job, presenter).run()


async def vary(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Keep the top of a picture and draw the rest anew. Raises Refusal or Refused."""
    bot, record = interaction.client, await button.record(interaction)
    if record.model != bot.executor.status().model:
        raise Refusal(texts_for(interaction).other_model)
    picture = button.picture or 0
    drawing, result = _drawn(interaction, record, picture)
    tokens = result.tokens[picture]
    wish = replace(
        drawing,
        seed=random_seed(),
        kept=tokens[: max(1, round(len(tokens) * KEPT[button.action]))],
        temperature=drawing.temperature or bot.settings.imagine.temperature or 1.0,
    )
    await draw(
        interaction, wish, spoiler=record.spoiler, private=record.private, origin=pressed(interaction, button, record)
    )


async def enlarge(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Double a picture's size once more, and stay until it is delivered. Raises Refusal."""
    bot, record, picture = interaction.client, await button.record(interaction), button.picture or 0
    target = InteractionTarget(interaction, private=record.private)
    origin = pressed(interaction, button, record)
    found, texts = find(interaction, record, picture), target.texts
    _check_size((found.width or 0, found.height or 0), texts)  # as far as Discord tells it
    await admission.check(bot, target, None)
    prompt = record.words
    await target.show(notice(prompt, texts.reading_picture, origin=origin.line(texts)))
    try:
        data = await inputs.download(found, bot.read, bot.settings.limits, texts)
        async with bot.decode_slots:
            taken = await asyncio.to_thread(decode, data, found.filename, bot.settings.limits, texts)
        _check_size(taken.picture.size, texts)
        source = Enlargement(record.id, picture, prompt)
        request = Enlarge(picture=taken.picture)
        spoiler = record.spoiler or found.is_spoiler()  # what is hidden stays so
        job = await admission.accept(bot, target, request, source=source, spoiler=spoiler)
    except (Refusal, Refused) as refusal:
        await target.refuse(str(refusal))
        return
    except Exception as error:  # the message is there already, and must not stay as it is
        line = texts.failed.format(id=log_bug(error))
        await send_line(target, record.id, prompt, line, origin=origin.line(texts))
        return
    name = f"{PurePath(found.filename).stem.removeprefix(HIDDEN)}-x2"
    look = await look_of(bot, target, spoiler, origin)
    presenter = EnlargementPresenter(prompt, job.id, name, provenance.read(data), texts, look)
    del taken, data, request
    await Delivery(bot, target, job, presenter).run()


async def choose(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Show one picture of a gallery to who pressed alone, with what can be done with it. Raises Refusal."""
    record, picture = await button.record(interaction), button.picture or 0
    found, texts = find(interaction, record, picture), texts_for(interaction)
    seed = _drawn(interaction, record, picture)[1].seeds[picture]
    admission.count_press(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    bot = interaction.client
    data = await inputs.download(found, bot.read, bot.settings.limits, texts)
    file = Upload(found.filename, data, picture_alt(texts, record.words, picture, seed))
    parcel = chosen(texts, record.id, picture, seed, file, drawn=True, spoiler=record.spoiler)
    await InteractionTarget(interaction, private=True).finish(parcel)


async def look_of(bot: JanusBot, target: Target, spoiler: bool, origin: Origin | None) -> Look:
    """Tell how a job's pictures are shown where it was asked for."""
    reports = not target.private and bool((await bot.store.servers.get(target.guild_id)).reports)
    return Look(spoiler=spoiler, reports=reports, origin=origin.line(target.texts) if origin else "")


def pressed(interaction: discord.Interaction[JanusBot], button: JobButton, record: JobRecord) -> Origin:
    """Tell who pressed a button, and on what."""
    return Origin(interaction.user.id, button.action, button.picture, record.link)


def _drawn(interaction: discord.Interaction[JanusBot], record: JobRecord, picture: int) -> tuple[Drawing, Pictures]:
    """Return what was drawn and what came out. Raises Refusal if no such picture came out of a drawing."""
    drawing, result = record.request, record.result
    if isinstance(drawing, Drawing) and isinstance(result, Pictures) and picture < len(result.seeds):
        return drawing, result
    raise Refusal(texts_for(interaction).picture_not_here)


def find(interaction: discord.Interaction[JanusBot], record: JobRecord, picture: int) -> InputFile:
    """Find a picture on the message whose button was pressed. Raises Refusal if it is not there."""
    shown = pictures_on(interaction.message) if interaction.message else []
    if len(shown) == 1:
        return shown[0]
    seeds = record.result.seeds if isinstance(record.result, Pictures) else ()
    for file in shown:
        name = PurePath(file.filename).stem.removeprefix(HIDDEN)
        if picture < len(seeds) and name == picture_name(seeds[picture]):
            return file
    raise Refusal(texts_for(interaction).picture_not_here)


def _check_size(size: tuple[int, int], texts: Texts) -> None:
    if max(size) >= ENLARGED_BELOW:
        raise Refusal(texts.large_enough.format(limit=ENLARGED_BELOW))
