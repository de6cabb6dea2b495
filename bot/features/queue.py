"""/queue: one's own open requests: where each of them stands, with a button to cancel it."""

from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.open_jobs import OpenJob
from bot.core.permissions import check_owner
from bot.core.text import one_line
from bot.texts import Texts, described, texts_for
from bot.ui.buttons import Control, JobButton
from bot.ui.layout import BUSY, ENDED, layout

MOST_SHOWN: Final = 10  # three components each, of the 40 that a message holds
WORDS: Final = 150  # characters of a prompt or question


async def setup(bot: JanusBot) -> None:
    """Add the command and its buttons."""
    bot.tree.add_command(queue)
    bot.actions |= {"withdraw": withdraw, "refresh": refresh}


@app_commands.command(name="queue", description=described("queue"))
async def queue(interaction: discord.Interaction[JanusBot]) -> None:
    """Show a member what they have open, so that only they see it."""
    view = shown(interaction.client, interaction.user.id, texts_for(interaction))
    await interaction.response.send_message(view=view, ephemeral=True)


def shown(bot: JanusBot, member: int, texts: Texts, cancelled: str = "") -> ui.LayoutView:
    """Show what a member has open. `cancelled`: the job that ends just now."""
    jobs = bot.open_jobs.of(member)
    title: ui.Item[Any] = ui.TextDisplay(f"### {texts.queue_title}")
    if not jobs:
        return layout(title, ui.TextDisplay(texts.queue_empty), colour=ENDED)
    children = [title, *(_entry(job, texts, cancelled) for job in jobs[:MOST_SHOWN])]
    if len(jobs) > MOST_SHOWN:
        children.append(ui.TextDisplay(texts.queue_more.format(n=len(jobs) - MOST_SHOWN)))
    return layout(*children, ui.ActionRow(Control("refresh", label=texts.refresh)), colour=BUSY)


def _entry(job: OpenJob, texts: Texts, cancelled: str) -> ui.Item[Any]:
    words = f"**{one_line(job.words, WORDS)}**"
    if job.id == cancelled:
        return ui.TextDisplay(f"{words}\n{texts.cancelled}")
    if job.kept:
        line = texts.queue_ready.format(show=texts.show)
        return ui.Section(f"{words}\n{line}", accessory=JobButton("show", job.id, texts=texts))
    where = f" · [{texts.queue_look}]({job.link})" if job.link else ""
    return ui.Section(f"{words}\n{job.line(texts)}{where}", accessory=JobButton("withdraw", job.id, texts=texts))


async def withdraw(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Cancel a request, and show the rest; of one that has ended meanwhile, show that."""
    bot, texts = interaction.client, texts_for(interaction)
    job, cancelled = bot.open_jobs.get(button.job), ""
    if job and not job.kept:
        check_owner(interaction, job.owner)
        job.cancel(interaction.user.id)
        cancelled = job.id
    await interaction.response.edit_message(view=shown(bot, interaction.user.id, texts, cancelled=cancelled))


async def refresh(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Show where one's requests stand now."""
    view = shown(interaction.client, interaction.user.id, texts_for(interaction))
    await interaction.response.edit_message(view=view)
