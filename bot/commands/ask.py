"""/ask: questions about a picture."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Range

from bot import intake
from bot.texts import described
from model.requests import SEEDS, Question

if TYPE_CHECKING:
    from bot.client import JanusBot


@app_commands.command(name="ask", description=described("ask"))
@app_commands.describe(
    image=described("ask_image"),
    question=described("ask_question"),
    seed=described("ask_seed"),
    temperature=described("ask_temperature"),
    top_p=described("ask_top_p"),
    private=described("ask_private"),
)
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def ask(
    interaction: discord.Interaction["JanusBot"],
    image: discord.Attachment,
    question: Range[str, 1, intake.MOST_CHARACTERS],
    seed: Range[int, 0, SEEDS - 1] | None = None,
    temperature: Range[float, 0, 2] | None = None,
    top_p: Range[float, 0, 1] | None = None,
    private: bool = False,
) -> None:
    """Answer a question about a picture, in one message that grows with the answer."""
    defaults = (await interaction.client.settings_in(interaction.guild_id)).ask
    wish = Question(
        pictures=(),
        question=question,
        seed=defaults.seed if seed is None else seed,
        temperature=defaults.temperature if temperature is None else temperature,
        top_p=defaults.top_p if top_p is None else top_p,
        max_new_tokens=defaults.max_new_tokens,
    )
    await interaction.client.questions.ask(interaction, image, wish, private=private)
