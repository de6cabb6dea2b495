"""/status: what the bot runs on, and how busy it is."""

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.text import model_name
from bot.texts import Texts, described, texts_for
from bot.ui.layout import BUSY, DONE, ENDED, layout
from model.requests import Status


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
        texts.status_device.format(device=now.device.upper(), dtype=now.dtype) if now.device else "",
        texts.status_work.format(running=now.running, rows=now.rows, queued=bot.queue.waiting),
        _speed(now, texts),
        texts.status_since.format(since=discord.utils.format_dt(bot.since, "R")),
    ]
    view = layout(ui.TextDisplay("\n".join(filter(None, lines))), colour=colour)
    await interaction.response.send_message(view=view, ephemeral=True)


def _speed(now: Status, texts: Texts) -> str:
    if now.step_seconds is None:
        return texts.status_no_speed
    a_second = 1 / max(now.step_seconds, 1e-6)
    return texts.status_speed.format(steps=f"{a_second:.0f}" if a_second >= 10 else f"{a_second:.1f}")
