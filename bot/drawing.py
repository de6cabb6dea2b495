"""Drawings: the one way to start one, for commands, buttons and forms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import discord
from discord import ui
from PIL import Image

from bot.delivery import Delivery
from bot.post import Parcel, Post
from bot.texts import Texts
from bot.uploads import Upload, encode, sketches
from bot.views.gallery import gallery
from bot.views.lines import alt_text
from bot.views.panel import Standing, panel, preview_names
from model.requests import Answer, Drawing, Pictures, new_id

if TYPE_CHECKING:
    from bot.client import JanusBot


@dataclass(frozen=True, slots=True)
class DrawingPresenter:
    """A drawing, as its message shows it."""

    drawing: Drawing
    texts: Texts
    model: str
    pace: float = 1.5
    repeatable: bool = True

    @property
    def prompt(self) -> str:
        """What was asked for."""
        return self.drawing.prompt

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show where the drawing stands."""
        return panel(self.texts, self.prompt, standing, self.drawing.id)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        """Encode the pictures as far as they are drawn."""
        return await sketches(pictures, preview_names(len(pictures)), alt_text(self.prompt))

    async def result(self, ending: Answer | Pictures, limit: int, mention: str) -> Parcel:
        """Show the pictures."""
        assert isinstance(ending, Pictures)
        names = [f"janus-{seed}" for seed in ending.seeds]
        files = await encode(ending.pictures, names, alt_text(self.prompt), limit)
        return gallery(self.texts, self.drawing, files, self.model, sum(ending.seconds.values()), mention)


class Drawings:
    """Starts drawings."""

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
        that the interaction came from. Raises Refusal or Refused, before anything is shown.
        """
        post = Post(interaction, private=False, in_place=in_place)
        await self.bot.admission.check(post, wish.prompt, post.texts.prompt_empty)
        drawing = replace(wish, prompt=wish.prompt.strip(), previews=True, id=new_id(), owner=str(post.asker.id))
        spoiler = spoiler or (await self.bot.servers.get(post.guild_id)).spoilers
        job = await self.bot.admission.accept(post, drawing, spoiler=spoiler)
        presenter = DrawingPresenter(drawing, post.texts, self.bot.executor.status().model)
        await Delivery(self.bot, post, job, presenter).run()
