"""/imagine: pictures from words, and what follows from them."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.core.client import JanusBot
from bot.core.explain import refusable
from bot.features.imagine import actions, keeping
from bot.features.imagine.drawing import draw_words
from bot.texts import described
from bot.ui.forms import MOST_CHARACTERS
from model.requests import SEEDS


async def setup(bot: JanusBot) -> None:
    """Add the command and the buttons."""
    bot.tree.add_command(imagine)
    await actions.setup(bot)
    await keeping.setup(bot)


@app_commands.command(name="imagine", description=described("imagine"))
@app_commands.describe(
    prompt=described("imagine_prompt"),
    avoid=described("imagine_avoid"),
    count=described("imagine_count"),
    careful=described("imagine_careful"),
    spoiler=described("imagine_spoiler"),
    private=described("imagine_private"),
    guidance=described("imagine_guidance"),
    temperature=described("imagine_temperature"),
    seed=described("imagine_seed"),
)
@refusable
async def imagine(
    interaction: discord.Interaction[JanusBot],
    prompt: Range[str, 1, MOST_CHARACTERS],
    avoid: Range[str, 1, MOST_CHARACTERS] | None = None,
    count: Range[int, 1, 5] | None = None,
    careful: bool | None = None,
    spoiler: bool | None = None,
    private: bool | None = None,
    guidance: Range[float, 1, 10] | None = None,
    temperature: Range[float, 0, 2] | None = None,
    seed: Range[int, 0, SEEDS - 1] | None = None,
) -> None:
    """Draw pictures of a prompt, and show them in one message."""
    await draw_words(
        interaction,
        prompt,
        avoid=avoid,
        seed=seed,
        guidance=guidance,
        temperature=temperature,
        count=count,
        careful=careful,
        spoiler=spoiler,
        private=private,
    )
