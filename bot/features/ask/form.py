"""The form to ask in."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.media.inputs import MOST_PICTURES
from bot.texts import Texts
from bot.ui.forms import MOST_CHARACTERS, Form

Put = Callable[[discord.Interaction[JanusBot], "AskForm"], Awaitable[None]]
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
        private: bool | None = None,
    ) -> None:
        """`private`: what is ticked at first where privacy can be chosen."""
        super().__init__(title or texts.ask_form)
        self.put = put
        self.pictures = ui.FileUpload[Any](max_values=MOST_PICTURES)
        self.private = ui.Checkbox[Any](default=bool(private))
        if hand_in:
            self.add_item(ui.Label(text=texts.ask_image, component=self.pictures))
        self.question = self.ask(texts.ask_question, question, most=MOST_CHARACTERS, long=True)
        if private is not None:
            self.add_item(ui.Label(text=texts.ask_private, component=self.private))

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        await self.put(interaction, self)
