"""What can be done with one picture of a drawing: look at it alone, vary it, enlarge it, ask about it."""

import re
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui

from bot.features.ask.form import AskForm
from bot.jobs.interaction import Post
from bot.texts import Texts, texts_for
from bot.ui.buttons import JOB, JobButton

if TYPE_CHECKING:
    from bot.core.client import JanusBot

PICTURE: Final = r"(?P<picture>[0-4])"


class PictureButton(JobButton, template="janus-picture"):
    """A button that belongs to picture `picture` (from 0) of a job."""

    def __init__(self, job_id: str, texts: Texts, picture: int) -> None:
        self.picture = picture
        super().__init__(job_id, texts)

    @property
    def state(self) -> str:
        """The job and the picture."""
        return f"{self.job_id}:{self.picture}"

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again from its custom_id."""
        return cls(match["job"], texts_for(interaction), int(match["picture"]))


class Choose(PictureButton, template=f"choose:{JOB}:{PICTURE}"):
    """Shows one picture to who pressed alone, with what can be done with it."""

    action = "choose"

    def label(self, texts: Texts) -> str:
        """Its number."""
        return texts.choose.format(number=self.picture + 1)

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Show the picture."""
        await interaction.client.drawings.choose(interaction, await self.record(interaction), self.picture)


class VaryLittle(PictureButton, template=f"vary_little:{JOB}:{PICTURE}"):
    """Keeps the upper half of a picture and draws the rest anew."""

    action = "vary_little"
    kept = 1 / 2

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Draw a variation."""
        record = await self.record(interaction)
        await interaction.client.drawings.vary(interaction, record, self.picture, self.kept)


class Vary(VaryLittle, template=f"vary:{JOB}:{PICTURE}"):
    """Keeps the top quarter."""

    action = "vary"
    kept = 1 / 4


class VaryMuch(VaryLittle, template=f"vary_much:{JOB}:{PICTURE}"):
    """Keeps next to nothing: where the picture begins."""

    action = "vary_much"
    kept = 1 / 32


class Enlarge(PictureButton, template=f"enlarge:{JOB}:{PICTURE}"):
    """Doubles a picture's size once more."""

    action = "enlarge"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Enlarge the picture."""
        await interaction.client.drawings.enlarge(interaction, await self.record(interaction), self.picture)


class Describe(PictureButton, template=f"describe:{JOB}:{PICTURE}"):
    """Asks the model about a picture."""

    action = "describe"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Open a form with a first question in it."""
        record = await self.record(interaction)
        picture = interaction.client.drawings.find(interaction, record, self.picture)
        texts = texts_for(interaction)

        async def put(interaction: discord.Interaction["JanusBot"], form: AskForm) -> None:
            post, questions = Post(interaction, private=False), interaction.client.questions
            await questions.ask(post, [picture], await questions.wish(post.guild_id, form.question.value))

        await interaction.response.send_modal(AskForm(texts, put, texts.describe_one))


def for_one_picture(job_id: str, texts: Texts, picture: int, *, drawn: bool) -> list[PictureButton]:
    """Make the buttons for one picture. `drawn`: it came out of a drawing, so that its tokens are there to vary."""
    kinds = [VaryLittle, Vary, VaryMuch] if drawn else []
    return [kind(job_id, texts, picture) for kind in (*kinds, Enlarge, Describe)]
