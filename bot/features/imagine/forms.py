"""The forms of a drawing: everything that it was made of, and what a variation is to be of."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.text import decimal
from bot.texts import Texts, texts_for
from bot.ui.forms import MOST_CHARACTERS, NUMBER_CHARACTERS, Entry, Form, numbers
from model.requests import COUNT, GUIDANCE, SEEDS, TEMPERATURE, Drawing, random_seed

Press = discord.Interaction[JanusBot]
Put = Callable[[Press, Drawing], Awaitable[None]]

BETWEEN: Final = " / "  # numbers that share a field


class DrawingForm(Form):
    """An earlier drawing to change."""

    def __init__(self, texts: Texts, drawing: Drawing, put: Put) -> None:
        """`put`: what is done with the changed one."""
        super().__init__(texts.edit_title)
        self.drawing, self.put = drawing, put
        self.prompt = self.ask(texts.edit_prompt, drawing.prompt, most=MOST_CHARACTERS, long=True)
        self.avoid = self.ask(texts.edit_avoid, drawing.avoid, most=MOST_CHARACTERS, long=True, required=False)
        self.seed = self.ask(texts.set_seed, str(drawing.seed), hint=texts.edit_seed_hint)
        # a form has five fields at most, so two numbers share one
        self.strengths = self._numbers(
            texts,
            (texts.set_guidance, drawing.guidance, GUIDANCE),
            (texts.set_temperature, drawing.temperature, TEMPERATURE),
        )
        self.count = self._numbers(texts, (texts.set_count, drawing.count, COUNT))

    def _numbers(self, texts: Texts, *each: tuple[str, float, tuple[float, float]]) -> ui.TextInput[Any]:
        """Ask for numbers in one field: the label, the value and the bounds of each."""
        hints = [
            texts.edit_hint.format(low=decimal(low, texts), high=decimal(high, texts)) for _, _, (low, high) in each
        ]
        return self.ask(
            BETWEEN.join(label for label, _, _ in each),
            BETWEEN.join(decimal(value, texts) for _, value, _ in each),
            hint=BETWEEN.join(hints),
            most=NUMBER_CHARACTERS * len(each),
        )

    async def submit(self, interaction: Press) -> None:
        texts = texts_for(interaction)
        seed = self.seed.value.strip() or str(random_seed())
        guidance, _, temperature = self.strengths.value.replace("／", "/").partition("/")
        chosen = numbers(
            texts,
            {
                "seed": Entry(texts.set_seed, seed, 0, SEEDS - 1),
                "guidance": Entry(texts.set_guidance, guidance, *GUIDANCE),
                "temperature": Entry(texts.set_temperature, temperature, *TEMPERATURE),
                "count": Entry(texts.set_count, self.count.value, *COUNT),
            },
        )
        wish = replace(
            self.drawing,
            prompt=self.prompt.value,
            avoid=self.avoid.value,
            seed=int(chosen["seed"]),
            guidance=chosen["guidance"],
            temperature=chosen["temperature"],
            count=int(chosen["count"]),
        )
        await self.put(interaction, wish)


class RemixForm(Form):
    """What a variation is to be of, and how much of the picture it keeps."""

    def __init__(
        self, texts: Texts, drawing: Drawing, strengths: Mapping[str, str], usual: str, put: "RemixPut"
    ) -> None:
        """`strengths`: what can be chosen, by name, of which `usual` is at first."""
        super().__init__(texts.remix_title)
        self.put = put
        self.prompt = self.ask(texts.edit_prompt, drawing.prompt, most=MOST_CHARACTERS, long=True)
        self.avoid = self.ask(texts.edit_avoid, drawing.avoid, most=MOST_CHARACTERS, long=True, required=False)
        options = [
            discord.RadioGroupOption(label=label, value=name, default=name == usual)
            for name, label in strengths.items()
        ]
        self.strength = ui.RadioGroup[Any](options=options)
        self.add_item(ui.Label(text=texts.remix_strength, component=self.strength))

    async def submit(self, interaction: Press) -> None:
        await self.put(interaction, self)


RemixPut = Callable[[Press, RemixForm], Awaitable[None]]
