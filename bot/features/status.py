"""/status: what the bot runs on, and how busy it is."""

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.text import duration, model_name
from bot.texts import Texts, described, texts_for
from bot.ui.layout import BUSY, DONE, ENDED, layout


async def setup(bot: JanusBot) -> None:
    """Add the command."""
    bot.tree.add_command(status)


@app_commands.command(name="status", description=described("status"))
async def status(interaction: discord.Interaction[JanusBot]) -> None:
    """Show it to who asked, on one screen."""
    bot, texts = interaction.client, texts_for(interaction)
    now = bot.executor.status()
    sentence, colour = {
        "ready": (texts.status_ready, DONE),
        "loading": (texts.status_loading, BUSY),
        "failed": (texts.status_failed, ENDED),
        "closed": (texts.status_closed, ENDED),
    }[now.state]
    lines = [
        sentence.format(model=model_name(now.model)),
        texts.status_paused if bot.paused else "",
        texts.status_device.format(device="CPU" if now.device == "cpu" else "GPU") if now.device else "",
        texts.status_work.format(running=now.running, queued=bot.queue.waiting),
        _pace(bot.metrics.drawing_seconds, texts),
        texts.status_since.format(since=discord.utils.format_dt(bot.since, "R")),
    ]
    view = layout(ui.TextDisplay("\n".join(filter(None, lines))), colour=colour)
    await interaction.response.send_message(view=view, ephemeral=True)


def _pace(seconds: float | None, texts: Texts) -> str:
    """Say how long a drawing takes, as far as that is known."""
    return "" if seconds is None else texts.status_pace.format(time=duration(seconds, texts))
