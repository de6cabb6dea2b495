"""The screen of /help, and its examples to press."""

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

import discord
from discord import ui

from bot.core.errors import Refusal
from bot.features.ask.form import AskForm
from bot.features.examples import examples_for, prompt_of, question_of
from bot.jobs.interaction import Post
from bot.texts import Texts, texts_for
from bot.ui.layout import BUSY, layout
from bot.ui.pressable import Pressable
from bot.ui.text import PROMPT_TEXT, one_line
from model.requests import Drawing

if TYPE_CHECKING:
    from bot.core.client import JanusBot

EXAMPLE = r"(?P<name>[a-z]+)"


def guide(texts: Texts, model: str) -> ui.LayoutView:
    """Show what the bot can do, with examples for a model."""
    examples = examples_for(model)
    return layout(
        ui.TextDisplay(texts.help_intro),
        ui.TextDisplay(texts.help_draw),
        *(_example(prompt, DrawExample(name, texts)) for name, prompt in examples.drawings.items()),
        ui.TextDisplay(texts.help_ask),
        *(_example(question, AskExample(name, texts)) for name, question in examples.questions.items()),
        ui.TextDisplay(f"-# {texts.help_more}\n-# {texts.help_commands}"),
        colour=BUSY,
    )


def _example(words: str, button: "DrawExample | AskExample") -> ui.Section[Any]:
    return ui.Section(one_line(words, PROMPT_TEXT), accessory=button)


class ExampleButton(Pressable, template="janus-example"):
    """A button that belongs to an example. A subclass names its `action` besides."""

    action: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, name: str, texts: Texts) -> None:
        self.name = name
        label = getattr(texts, self.action)
        super().__init__(ui.Button(label=label, style=self.style, custom_id=f"{self.action}:{name}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again from its custom_id."""
        return cls(match["name"], texts_for(interaction))


class DrawExample(ExampleButton, template=f"draw_example:{EXAMPLE}"):
    """Draws an example for whoever presses."""

    action = "draw_example"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Start the drawing, as /imagine with nothing but the prompt would."""
        prompt = prompt_of(self.name)
        if prompt is None:
            raise Refusal(texts_for(interaction).forgotten)
        defaults = (await interaction.client.settings_in(interaction.guild_id)).imagine
        await interaction.client.drawings.draw(interaction, Drawing(prompt=prompt, **defaults.model_dump()))


class AskExample(ExampleButton, template=f"ask_example:{EXAMPLE}"):
    """Asks an example question about a picture that whoever presses then hands in."""

    action = "ask_example"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Open the form."""
        question, texts = question_of(self.name), texts_for(interaction)
        if question is None:
            raise Refusal(texts.forgotten)

        async def put(interaction: discord.Interaction["JanusBot"], form: AskForm) -> None:
            questions = interaction.client.questions
            wish = await questions.wish(interaction.guild_id, form.question.value)
            await questions.ask(Post(interaction, private=False), form.pictures.values, wish)

        await interaction.response.send_modal(AskForm(texts, put, question, hand_in=True))
