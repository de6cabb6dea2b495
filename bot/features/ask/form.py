"""The form to ask in, and the button that goes on with a conversation."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.jobs.interaction import Post
from bot.media.inputs import MOST_CHARACTERS, MOST_PICTURES
from bot.texts import Texts, texts_for
from bot.ui.buttons import JOB, JobButton, check_owner
from bot.ui.forms import Form

if TYPE_CHECKING:
    from bot.core.client import JanusBot

Put = Callable[[discord.Interaction["JanusBot"], "AskForm"], Awaitable[None]]
"""What is done with a form that was sent."""


class AskForm(Form):
    """Asks for a question; where there are none yet, for its pictures; and where there is a choice, for privacy."""

    def __init__(
        self,
        texts: Texts,
        put: Put,
        question: str = "",
        *,
        title: str | None = None,
        hand_in: bool = False,
        choose_privacy: bool = False,
    ) -> None:
        super().__init__(title or texts.ask_form)
        self.put = put
        self.pictures = ui.FileUpload[Any](max_values=MOST_PICTURES)
        self.private = ui.Checkbox[Any]()
        if hand_in:
            self.add_item(ui.Label(text=texts.ask_image, component=self.pictures))
        self.question = self.ask(texts.ask_question, question, most=MOST_CHARACTERS, long=True)
        if choose_privacy:
            self.add_item(ui.Label(text=texts.ask_private, component=self.private))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Ask."""
        await self.put(interaction, self)


class AskMore(JobButton, template=f"ask_more:{JOB}"):
    """Goes on with a conversation: whoever sees the answer may. What was private stays so."""

    action = "ask_more"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Ask for the next question."""
        record = await self.record(interaction)
        alone = record.private or (interaction.message is not None and interaction.message.flags.ephemeral)
        if record.private:
            check_owner(interaction, record.owner)

        async def put(interaction: discord.Interaction["JanusBot"], form: AskForm) -> None:
            post = Post(interaction, private=alone)
            await interaction.client.questions.follow_up(post, record, form.question.value)

        texts = texts_for(interaction)
        await interaction.response.send_modal(AskForm(texts, put, title=texts.ask_more))
