"""The one way to start a drawing, for commands, buttons and forms, and to go on from one of its pictures.

Whatever is refused is refused before anything is shown.
"""

import asyncio
from dataclasses import replace
from pathlib import PurePath

import discord

from bot.config import Limits
from bot.core.choices import written_out
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import roles_of
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
from bot.jobs.interaction import InteractionTarget
from bot.jobs.presenter import Revived
from bot.jobs.rights import Wanted, may
from bot.media import inputs, provenance
from bot.media.decoding import decode
from bot.media.inputs import InputFile, pictures_on
from bot.media.shown import HIDDEN
from bot.media.uploads import Upload
from bot.store.conversations import KeptPicture
from bot.store.records import Enlargement, JobRecord, Origin
from bot.texts import Texts, texts_for
from bot.ui.buttons import JobButton
from bot.ui.layout import origin_line
from model.requests import CANDIDATES, ENLARGED_BELOW, Drawing, Enlarge, Pictures, new_id


async def draw_words(
    interaction: discord.Interaction[JanusBot],
    prompt: str,
    *,
    avoid: str | None = None,
    seed: int | None = None,
    guidance: float | None = None,
    temperature: float | None = None,
    count: int | None = None,
    careful: bool | None = None,
    spoiler: bool | None = None,
    private: bool | None = None,
    origin: Origin | None = None,
) -> None:
    """Draw a prompt as somebody says, and where they say nothing as they chose, or their server, or config.toml.

    Raises Refusal or Refused.
    """
    bot, member, guild = interaction.client, interaction.user.id, interaction.guild_id
    own, server = await bot.store.members.get(member), await bot.store.servers.get(guild)
    usual = (await bot.settings_in(guild, member)).imagine
    if not may(server, roles_of(interaction.user), "costly"):  # a default is no reason to refuse
        most = server.over(bot.settings).imagine
        count = min(usual.count, most.count) if count is None else count
        careful = usual.careful and count * CANDIDATES <= most.candidates if careful is None else careful
    wish = usual.drawing(
        prompt,
        avoid=own.avoid if avoid is None else avoid,
        seed=seed,
        guidance=guidance,
        temperature=temperature,
        count=count,
        careful=careful,
    )
    hidden = own.spoiler if spoiler is None else spoiler
    alone = own.private if private is None else private
    await draw(interaction, wish, spoiler=hidden, private=alone, origin=origin)


async def draw(
    interaction: discord.Interaction[JanusBot],
    wish: Drawing,
    *,
    spoiler: bool = False,
    private: bool = False,
    origin: Origin | None = None,
    again: JobRecord | None = None,
) -> None:
    """Draw `wish` for whoever typed or pressed, and stay until it is delivered.

    Its owner and id are set here, so that `wish` may be an earlier drawing. `again`: the failed
    job that it tries once more, on the same message. Raises Refusal or Refused.
    """
    bot, target = interaction.client, InteractionTarget(interaction, private=private, in_place=again is not None)
    server = await bot.store.servers.get(target.guild_id)
    wish = replace(wish, prompt=well_formed(wish.prompt).strip(), avoid=well_formed(wish.avoid).strip())
    wish = written_out(wish, server.lists, target.texts)
    wanted = Wanted.drawing(wish, (await bot.settings_in(target.guild_id)).imagine, hidden=spoiler)
    await admission.check(bot, target, wanted, wish.prompt, target.texts.prompt_empty, wish.avoid, *wish.prompts)
    drawing = replace(
        wish,
        always_avoid=server.avoid,
        previews=True,
        id=new_id(),
        owner=str(target.asker.id),
    )
    spoiler = spoiler or server.spoilers
    keeping = admission.accepted(bot, target, drawing.id, drawing, spoiler=spoiler, origin=origin, again=again)
    async with keeping as record:
        job = await admission.submit(bot, target, record, drawing)
    look = await look_of(bot, record, target.texts)
    presenter = DrawingPresenter(drawing, target.texts, record.model, look, bot.encoders)
    await Delivery(bot, target, record, job, presenter, again).run()


async def revive_drawing(bot: JanusBot, record: JobRecord, texts: Texts) -> Revived:
    """Take up a drawing of an earlier process."""
    assert isinstance(record.request, Drawing)
    look = await look_of(bot, record, texts)
    return Revived(record.request, DrawingPresenter(record.request, texts, record.model, look, bot.encoders))


async def look_of(bot: JanusBot, record: JobRecord, texts: Texts) -> Look:
    """Tell how a job's pictures are shown where it was asked for."""
    server, address = await bot.store.servers.get(record.address.guild), record.address
    reports, keeps = bool(server.reports) and not address.private, bool(server.kept) and not address.private
    one = [*(["keep"] if keeps else []), *(["send_me"] if address.guild else [])]
    return Look(spoiler=record.spoiler, reports=reports, one=one, origin=origin_line(record.origin, texts))


def pressed(interaction: discord.Interaction[JanusBot], button: JobButton, record: JobRecord) -> Origin:
    """Tell who pressed a button, and on what."""
    return Origin(interaction.user.id, button.action, button.picture, record.link)


async def go_on(
    interaction: discord.Interaction[JanusBot], button: JobButton, record: JobRecord, wish: Drawing
) -> None:
    """Draw what goes on from an earlier drawing, hidden and private where that was. Raises Refusal or Refused."""
    origin = pressed(interaction, button, record)
    await draw(interaction, wish, spoiler=record.spoiler, private=record.address.private, origin=origin)


async def enlarge(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Double a picture's size once more, and stay until it is delivered. Raises Refusal."""
    bot, record, picture = interaction.client, await button.record(interaction), button.picture or 0
    target, origin = (
        InteractionTarget(interaction, private=record.address.private),
        pressed(interaction, button, record),
    )
    found, texts = find(interaction, record, picture), target.texts
    _check_size((found.width or 0, found.height or 0), texts)  # as far as Discord tells it
    spoiler = record.spoiler or found.is_spoiler()  # what is hidden stays so
    await admission.check(bot, target, Wanted.enlargement(hidden=spoiler))
    job_id, wish = new_id(), Enlargement(record.id, picture, record.words_of(picture))
    async with admission.accepted(
        bot, target, job_id, wish, spoiler=spoiler, origin=origin, sources=[found], conversation=job_id
    ) as enlargement:
        begun = await admission.begin(bot, target, enlargement)
    if begun:
        job, revived = begun
        await Delivery(bot, target, enlargement, job, revived.presenter).run(revived.files)


async def revive_enlargement(bot: JanusBot, record: JobRecord, texts: Texts) -> Revived:
    """Take up an enlargement where it stands: with its picture read, or not yet. Raises Refusal."""
    conversations, limits = bot.store.conversations, bot.settings.limits
    kept = next(iter(await conversations.pictures(record.id)), None)
    if kept is None:
        if not record.sources:
            raise Refusal(texts.picture_gone)
        (source,) = record.sources
        kept = KeptPicture(source.filename, await inputs.download(source, bot.read, limits, texts))
        await admission.keep(bot, record, [kept])
    request = await asyncio.get_running_loop().run_in_executor(
        bot.decoders, _enlarge, record.id, kept, bot.settings.limits, texts
    )
    name = f"{PurePath(kept.name).stem.removeprefix(HIDDEN)}-x2"
    look = await look_of(bot, record, texts)
    made_by = provenance.read(kept.data)
    presenter = EnlargementPresenter(record.words, record.id, name, made_by, texts, look, bot.encoders)
    return Revived(request, presenter)


def _enlarge(job_id: str, kept: KeptPicture, limits: Limits, texts: Texts) -> Enlarge:
    picture = decode(kept.data, kept.name, limits, texts).picture
    _check_size(picture.size, texts)
    return Enlarge.of(picture, id=job_id)


async def choose(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Show one picture of a gallery to who pressed alone, with what can be done with it. Raises Refusal."""
    record, picture = await button.record(interaction), button.picture or 0
    found, texts = find(interaction, record, picture), texts_for(interaction)
    seed = drawn(interaction, record, picture)[1].seeds[picture]
    admission.count_press(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    bot = interaction.client
    data = await inputs.download(found, bot.read, bot.settings.limits, texts)
    file = Upload(found.filename, data, picture_alt(texts, record.words_of(picture), picture, seed))
    parcel = chosen(texts, record.id, picture, seed, file, await look_of(bot, record, texts))
    await InteractionTarget(interaction, private=True).finish(parcel)


def drawn(interaction: discord.Interaction[JanusBot], record: JobRecord, picture: int) -> tuple[Drawing, Pictures]:
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
