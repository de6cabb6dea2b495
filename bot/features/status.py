"""/status: what the bot runs on, and how busy it is."""

from collections.abc import Iterator, Sequence
from typing import Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.text import duration, model_name
from bot.texts import Texts, described, texts_for
from bot.ui.layout import BUSY, DONE, ENDED, layout
from model.status import Replica

MOST_LINES: Final = 8  # on one screen


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
        *_replicas(now.replicas, texts),
        texts.status_since.format(since=discord.utils.format_dt(bot.since, "R")),
    ]
    view = layout(ui.TextDisplay("\n".join(filter(None, lines))), colour=colour)
    await interaction.response.send_message(view=view, ephemeral=True)


def _replicas(replicas: Sequence[Replica], texts: Texts) -> Iterator[str]:
    """Say how each replica is, if there are several; of very many, how many are ready."""
    if len(replicas) > MOST_LINES:
        ready = sum(replica.status.state == "ready" and not replica.draining for replica in replicas)
        yield texts.replicas_ready.format(ready=ready, all=len(replicas))
        return
    for replica in replicas:
        line = {
            "ready": texts.replica_ready,
            "loading": texts.replica_loading,
            "failed": texts.replica_failed,
            "closed": texts.replica_failed,
        }[replica.status.state]
        if replica.draining:
            line = texts.replica_draining
        yield line.format(name=replica.name, running=replica.status.running)


def _pace(seconds: float | None, texts: Texts) -> str:
    """Say how long a drawing takes, as far as that is known."""
    return "" if seconds is None else texts.status_pace.format(time=duration(seconds, texts))
