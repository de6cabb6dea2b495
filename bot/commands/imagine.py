"""/imagine: pictures from words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord
from discord import app_commands, ui
from discord.app_commands import Range

from bot import intake
from bot.delivery import Delivery
from bot.post import Parcel, Post
from bot.texts import Texts, described, texts_for
from bot.uploads import encode
from bot.views.gallery import gallery
from bot.views.lines import alt_text
from bot.views.panel import Standing, panel
from model.requests import SEEDS, Answer, Drawing, Pictures, random_seed

if TYPE_CHECKING:
    from bot.client import JanusBot


@dataclass(frozen=True, slots=True)
class DrawingPresenter:
    """A drawing, as its message shows it."""

    drawing: Drawing
    texts: Texts
    model: str
    pace: float = 1.5

    @property
    def prompt(self) -> str:
        """What was asked for."""
        return self.drawing.prompt

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show where the drawing stands."""
        return panel(self.texts, self.prompt, standing, self.drawing.id)

    async def result(self, ending: Answer | Pictures, limit: int, mention: str) -> Parcel:
        """Show the pictures."""
        assert isinstance(ending, Pictures)
        names = [f"janus-{seed}" for seed in ending.seeds]
        files = await encode(ending.pictures, names, alt_text(self.prompt), limit)
        return gallery(self.texts, self.drawing, files, self.model, sum(ending.seconds.values()), mention)


@app_commands.command(name="imagine", description=described("imagine"))
@app_commands.describe(
    prompt=described("imagine_prompt"),
    seed=described("imagine_seed"),
    guidance=described("imagine_guidance"),
    temperature=described("imagine_temperature"),
    count=described("imagine_count"),
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
) -> None:
    """Draw pictures of a prompt, and show them in one message."""
    bot, texts = interaction.client, texts_for(interaction)
    defaults = bot.settings.imagine
    bot.deliveries.admit(texts)
    intake.check_words(prompt, texts.prompt_empty, bot.settings.limits, texts)
    drawing = Drawing(
        prompt=prompt.strip(),
        seed=random_seed() if seed is None else seed,
        guidance=defaults.guidance if guidance is None else guidance,
        temperature=defaults.temperature if temperature is None else temperature,
        count=defaults.count if count is None else count,
        owner=str(interaction.user.id),
    )
    job = await bot.wait(bot.executor.submit(drawing))  # refused before anything is shown: the refusal is private
    presenter = DrawingPresenter(drawing, texts, bot.executor.status().model)
    await Delivery(bot, Post(interaction, private=False), job, presenter, texts).run()
