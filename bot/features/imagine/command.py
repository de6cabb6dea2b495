"""/imagine: pictures from words."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.media import inputs as intake
from bot.texts import described
from model.requests import SEEDS, Drawing, random_seed

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@app_commands.command(name="imagine", description=described("imagine"))
@app_commands.describe(
    prompt=described("imagine_prompt"),
    seed=described("imagine_seed"),
    guidance=described("imagine_guidance"),
    temperature=described("imagine_temperature"),
    count=described("imagine_count"),
    spoiler=described("imagine_spoiler"),
)
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def imagine(
    interaction: discord.Interaction["JanusBot"],
    prompt: Range[str, 1, intake.MOST_CHARACTERS],
    seed: Range[int, 0, SEEDS - 1] | None = None,
    guidance: Range[float, 1, 10] | None = None,
    temperature: Range[float, 0, 2] | None = None,
    count: Range[int, 1, 5] | None = None,
    spoiler: bool = False,
) -> None:
    """Draw pictures of a prompt, and show them in one message."""
    defaults = (await interaction.client.settings_in(interaction.guild_id)).imagine
    wish = Drawing(
        prompt=prompt,
        seed=random_seed() if seed is None else seed,
        guidance=defaults.guidance if guidance is None else guidance,
        temperature=defaults.temperature if temperature is None else temperature,
        count=defaults.count if count is None else count,
    )
    await interaction.client.drawings.draw(interaction, wish, spoiler=spoiler)
