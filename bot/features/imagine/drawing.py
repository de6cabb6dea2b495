"""Drawings: the one way to start one, for commands, buttons and forms, and to go on from one of its pictures."""

import asyncio
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import discord

from bot.core.errors import Refusal, log_bug
from bot.features.imagine.gallery import chosen
from bot.features.imagine.presenter import DrawingPresenter, EnlargementPresenter, picture_name
from bot.jobs.delivery import Delivery
from bot.jobs.interaction import Post
from bot.media import inputs as intake
from bot.media import provenance
from bot.media.inputs import HandedIn
from bot.media.pictures import pictures_on
from bot.media.uploads import Upload
from bot.store.jobs import Enlargement, JobRecord
from bot.texts import Texts, texts_for
from bot.ui.layout import notice
from bot.ui.text import alt_text
from model.requests import ENLARGED_BELOW, Drawing, Enlarge, Pictures, Refused, new_id, random_seed

if TYPE_CHECKING:
    from bot.core.client import JanusBot

HIDDEN = "SPOILER_"  # what Discord puts before the name of a file that is hidden until it is clicked


class Drawings:
    """Starts drawings and what follows from them. Whatever is refused is refused before anything is shown."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def draw(
        self,
        interaction: discord.Interaction["JanusBot"],
        wish: Drawing,
        *,
        spoiler: bool = False,
        in_place: bool = False,
    ) -> None:
        """Draw `wish` for whoever typed or pressed, and stay until it is delivered.

        Its owner and id are set here, so that `wish` may be an earlier drawing. `in_place` uses the message again
        that the interaction came from. Raises Refusal or Refused.
        """
        post = Post(interaction, private=False, in_place=in_place)
        await self.bot.admission.check(post, wish.prompt, post.texts.prompt_empty)
        drawing = replace(wish, prompt=wish.prompt.strip(), previews=True, id=new_id(), owner=str(post.asker.id))
        spoiler = spoiler or (await self.bot.servers.get(post.guild_id)).spoilers
        job = await self.bot.admission.accept(post, drawing, spoiler=spoiler)
        presenter = DrawingPresenter(drawing, post.texts, self.bot.executor.status().model, spoiler)
        await Delivery(self.bot, post, job, presenter).run()

    async def vary(
        self, interaction: discord.Interaction["JanusBot"], record: JobRecord, picture: int, kept: float
    ) -> None:
        """Draw anew what is below the first `kept` (0 to 1) of a picture's tokens. Raises Refusal or Refused."""
        texts = texts_for(interaction)
        if record.model != self.bot.executor.status().model:
            raise Refusal(texts.other_model)
        assert isinstance(record.request, Drawing)
        assert isinstance(record.result, Pictures)
        tokens = record.result.tokens[picture]
        wish = replace(
            record.request,
            seed=random_seed(),
            kept=tokens[: max(1, round(len(tokens) * kept))],
            temperature=record.request.temperature or self.bot.settings.imagine.temperature or 1.0,
        )
        await self.draw(interaction, wish, spoiler=record.spoiler)

    async def enlarge(self, interaction: discord.Interaction["JanusBot"], record: JobRecord, picture: int) -> None:
        """Double a picture's size, and stay until it is delivered. Raises Refusal."""
        bot, limits = self.bot, self.bot.settings.limits
        post = Post(interaction, private=False)
        found, texts = self.find(interaction, record, picture), post.texts
        _check_size((found.width or 0, found.height or 0), texts)  # as far as Discord tells it
        await bot.admission.check(post, None)
        prompt = record.words
        await post.show(notice(prompt, texts.reading_picture))
        try:
            data = await intake.download(found, texts)
            async with bot.decoding:
                taken = await asyncio.to_thread(intake.decode, data, found.filename, limits, texts)
            _check_size(taken.picture.size, texts)
            source = Enlargement(record.id, picture, prompt)
            job = await bot.admission.accept(
                post, Enlarge(picture=taken.picture), source=source, spoiler=record.spoiler
            )
        except (Refusal, Refused) as refusal:
            await post.refuse(str(refusal))
            return
        except Exception as error:  # the message is there already, and must not stay as it is
            await post.show(notice(prompt, texts.failed.format(id=log_bug(error))))
            return
        name = f"{PurePath(found.filename).stem.removeprefix(HIDDEN)}-x2"
        presenter = EnlargementPresenter(prompt, job.id, name, provenance.read(data), texts, record.spoiler)
        del taken, data
        await Delivery(bot, post, job, presenter).run()

    async def choose(self, interaction: discord.Interaction["JanusBot"], record: JobRecord, picture: int) -> None:
        """Show one picture of a gallery to who pressed alone, with what can be done with it. Raises Refusal."""
        found, texts = self.find(interaction, record, picture), texts_for(interaction)
        assert isinstance(record.result, Pictures)
        await interaction.response.defer(ephemeral=True, thinking=True)
        file = Upload(found.filename, await intake.download(found, texts), alt_text(record.words))
        seed = record.result.seeds[picture]
        parcel = chosen(texts, record.id, picture, seed, file, drawn=True, spoiler=record.spoiler)
        await Post(interaction, private=True).finish(parcel)

    def find(self, interaction: discord.Interaction["JanusBot"], record: JobRecord, picture: int) -> HandedIn:
        """Find a picture on the message whose button was pressed. Raises Refusal if it is not there."""
        shown = pictures_on(interaction.message, self.bot.http.get_from_cdn) if interaction.message else []
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
