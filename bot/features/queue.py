"""/queue: one's own requests that are not over, or could not be delivered or told: where each stands, and buttons."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.open_jobs import OpenJob, OpenJobs
from bot.core.permissions import check_owner
from bot.core.text import one_line
from bot.jobs.outcome import last_line
from bot.store.records import JobRecord
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
    records = await interaction.client.store.jobs.of(interaction.user.id)
    view = shown(records, interaction.client.open_jobs, texts_for(interaction))
    await interaction.response.send_message(view=view, ephemeral=True)
    await _note_told(interaction, records)


def shown(records: Sequence[JobRecord], open_jobs: OpenJobs, texts: Texts) -> ui.LayoutView:
    """Show what a member waits for, has not got yet, or was not told."""
    title: ui.Item[Any] = ui.TextDisplay(f"### {texts.queue_title}")
    if not records:
        return layout(title, ui.TextDisplay(texts.queue_empty), colour=ENDED)
    children = [title, *(_entry(record, open_jobs.get(record.id), texts) for record in records[:MOST_SHOWN])]
    if len(records) > MOST_SHOWN:
        children.append(ui.TextDisplay(texts.queue_more.format(n=len(records) - MOST_SHOWN)))
    return layout(*children, ui.ActionRow(Control("refresh", label=texts.refresh)), colour=BUSY)


def _entry(record: JobRecord, job: OpenJob | None, texts: Texts) -> ui.Item[Any]:
    words = f"**{one_line(record.words, WORDS)}**"
    link = (job and job.link) or record.link
    where = f" · [{texts.queue_look}]({link})" if link else ""
    if record.state in ("cancelled", "failed"):
        return ui.TextDisplay(f"{words}\n{last_line(texts, record)}{where}")
    if record.state == "undelivered":
        line = texts.queue_ready.format(show=texts.show)
        return ui.Section(f"{words}\n{line}{where}", accessory=JobButton("show", record.id, texts=texts))
    line = job.line(texts) if job else texts.received  # which an earlier process took, and this one takes up
    return ui.Section(f"{words}\n{line}{where}", accessory=JobButton("withdraw", record.id, texts=texts))


async def _note_told(interaction: discord.Interaction[JanusBot], records: Sequence[JobRecord]) -> None:
    for record in records[:MOST_SHOWN]:
        if record.state in ("cancelled", "failed"):
            await interaction.client.store.jobs.note_told(record.id, interaction.created_at)


async def withdraw(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Cancel a request, and show the rest; of one that has ended meanwhile, show that."""
    bot, record = interaction.client, await interaction.client.store.jobs.get(button.job)
    if record:
        check_owner(interaction, record.owner)
        if job := bot.open_jobs.get(record.id):
            await job.cancel(interaction.user.id)
        else:
            await bot.store.jobs.move(record.id, "cancelled", interaction.created_at)
    await _update(interaction, await bot.store.jobs.get(button.job))


async def refresh(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Show where one's requests stand now."""
    await _update(interaction)


async def _update(interaction: discord.Interaction[JanusBot], cancelled: JobRecord | None = None) -> None:
    records = list(await interaction.client.store.jobs.of(interaction.user.id))
    if cancelled and cancelled.state == "cancelled" and all(record.id != cancelled.id for record in records):
        records.insert(0, cancelled)  # its message has told it already
    view = shown(records, interaction.client.open_jobs, texts_for(interaction))
    await interaction.response.edit_message(view=view)
    await _note_told(interaction, records)
