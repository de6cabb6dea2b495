"""Buttons that outlive the process: what they do and to which job stands in their custom_id."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

import discord
from discord import ui

from bot.core.errors import Refusal
from bot.store.jobs import JobRecord
from bot.texts import Texts, texts_for
from bot.ui.layout import notice
from bot.ui.pressable import Pressable
from model.requests import Drawing, Question

if TYPE_CHECKING:
    from bot.core.client import JanusBot
    from bot.jobs.delivery import Delivery

JOB = r"(?P<job>[0-9a-f]{12})"


class JobButton(Pressable, template="janus-job"):
    """A button that belongs to a job. A subclass names its `action` besides."""

    action: ClassVar[str]  # what it does: its label in the catalogues, and the beginning of its custom_id
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, job_id: str, texts: Texts) -> None:
        self.job_id = job_id
        custom_id = f"{self.action}:{self.state}"
        super().__init__(ui.Button(label=self.label(texts), style=self.style, custom_id=custom_id))

    @property
    def state(self) -> str:
        """What the button must not forget, for its custom_id."""
        return self.job_id

    def label(self, texts: Texts) -> str:
        """What stands on it."""
        label: str = getattr(texts, self.action)
        return label

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again from its custom_id."""
        return cls(match["job"], texts_for(interaction))

    def delivery(self, interaction: discord.Interaction["JanusBot"]) -> "Delivery | None":
        """Return the job's delivery, if it is on its way or kept."""
        return interaction.client.deliveries.get(self.job_id)

    async def record(self, interaction: discord.Interaction["JanusBot"]) -> JobRecord:
        """Look the job up in the store. Raises Refusal if it is no longer there."""
        record = await interaction.client.jobs.get(self.job_id)
        if record is None:
            raise Refusal(texts_for(interaction).forgotten)
        return record


def check_may_end(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked and those who may manage messages. Raises Refusal."""
    if interaction.user.id != owner and not interaction.permissions.manage_messages:
        raise Refusal(texts_for(interaction).not_yours)


def check_owner(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked. Raises Refusal."""
    if interaction.user.id != owner:
        raise Refusal(texts_for(interaction).only_the_asker)


class Cancel(JobButton, template=f"cancel:{JOB}"):
    """Ends a job: for who asked, and for members who may manage messages."""

    action = "cancel"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Cancel the job; the panel then tells that it ended."""
        record, texts = await self.record(interaction), texts_for(interaction)
        check_may_end(interaction, record.owner)
        delivery = self.delivery(interaction)
        if delivery and not delivery.over:
            await interaction.response.defer()
            delivery.cancel()
        elif record.state == "interrupted":
            again = [TryAgain(record.id, texts)] if isinstance(record.request, Drawing | Question) else []
            view = notice(record.words, texts.interrupted, *again)
            await interaction.response.edit_message(view=view, attachments=[])
        else:
            raise Refusal(texts.already_over)


class Show(JobButton, template=f"show:{JOB}"):
    """Hands out a result that could not be put on its message, to who asked."""

    action = "show"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Show the result where only the asker sees it, or where the job stands."""
        texts = texts_for(interaction)
        delivery = self.delivery(interaction)
        if delivery is None:
            raise Refusal(texts.already_over)
        check_owner(interaction, delivery.owner.id)
        await delivery.hand_over(interaction)


class TryAgain(JobButton, template=f"try_again:{JOB}"):
    """Asks once more for what did not come out, on the same message."""

    action = "try_again"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Start the job anew."""
        record = await self.record(interaction)
        check_owner(interaction, record.owner)
        match record.request:
            case Drawing() as drawing:
                await interaction.client.drawings.draw(interaction, drawing, spoiler=record.spoiler, in_place=True)
            case Question():
                await interaction.client.questions.again(interaction, record)
            case _:
                raise Refusal(texts_for(interaction).already_over)


class Delete(JobButton, template=f"delete:{JOB}"):
    """Deletes what came out, and all that the bot keeps of it: for who asked, and for those who may manage messages."""

    action = "delete"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Delete the message, then the job."""
        record = await self.record(interaction)
        check_may_end(interaction, record.owner)
        await interaction.response.defer()
        with suppress(discord.NotFound):
            await interaction.delete_original_response()
        await interaction.client.jobs.remove(record.id)
