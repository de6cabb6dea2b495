"""What can be done with any job, whatever came of it: cancel it, show it, try it again, delete it."""

from contextlib import suppress
from dataclasses import replace

import discord

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import check_may_end, check_owner
from bot.features.ask.questions import ask_again
from bot.features.imagine.drawing import draw
from bot.jobs.admission import check_model
from bot.jobs.copies import delete_copies
from bot.jobs.interaction import InteractionTarget
from bot.jobs.outcome import kept_line, last_words
from bot.jobs.recovery import hand_over
from bot.store.database import outwait
from bot.texts import texts_for
from bot.ui.buttons import JobButton
from bot.ui.layout import told
from model.requests import Drawing, Question

Press = discord.Interaction[JanusBot]


async def setup(bot: JanusBot) -> None:
    """Say what the buttons do."""
    bot.actions |= {"cancel": cancel, "show": show, "try_again": try_again, "delete": delete}


async def cancel(interaction: Press, button: JobButton) -> None:
    """End a job, for who asked and for members who may manage messages; the panel then tells how it ended."""
    bot, texts = interaction.client, texts_for(interaction)
    job = bot.open_jobs.get(button.job)
    if job and job.owner == interaction.user.id:  # whatever the store has to say
        await interaction.response.defer()
        await job.cancel()
        return
    record = await button.record(interaction)
    await check_may_end(interaction, record.owner)
    if job:
        await interaction.response.defer()
        await job.cancel(interaction.user.id)
        return
    if await bot.store.jobs.move(record.id, "cancelled", interaction.created_at):  # it waits for the next process
        by = interaction.user.id
        record = replace(record, state="cancelled", ended_by=None if by == record.owner else by)
    match record.state:
        case "undelivered":
            line = kept_line(texts, bot.settings.store.keep_days)
            view = told(record, line, texts, JobButton("show", record.id, texts=texts))
        case "cancelled" | "failed":
            view = last_words(texts, record)
        case _:
            raise Refusal(texts.already_over)
    await interaction.response.edit_message(view=view, attachments=[])  # as it should have been told
    await bot.store.jobs.note_told(record.id, interaction.created_at)


async def show(interaction: Press, button: JobButton) -> None:
    """Hand a result that could not be put on its message to who asked, who alone sees it; or say where it stands."""
    record, texts = await button.record(interaction), texts_for(interaction)
    check_owner(interaction, record.owner)
    if job := interaction.client.open_jobs.get(record.id):
        raise Refusal(texts.not_ready.format(standing=job.line(texts)))
    await hand_over(interaction.client, record, InteractionTarget(interaction, private=True))


async def try_again(interaction: Press, button: JobButton) -> None:
    """Ask once more for what did not come out, on the same message: once, however often it is pressed."""
    record = await button.record(interaction)
    check_owner(interaction, record.owner)
    if record.state != "failed":
        raise Refusal(texts_for(interaction).already_over)
    match record.request:
        case Drawing() as drawing:
            check_model(interaction.client, record, drawing, texts_for(interaction))
            private, origin = record.address.private, record.origin
            await draw(interaction, drawing, spoiler=record.spoiler, private=private, origin=origin, again=record)
        case Question():
            await ask_again(interaction, record)
        case _:
            raise Refusal(texts_for(interaction).already_over)


async def delete(interaction: Press, button: JobButton) -> None:
    """Delete what came out, its copies, and all that is kept of it: for who asked, and for those who moderate."""
    record = await button.record(interaction)
    await check_may_end(interaction, record.owner)
    await interaction.response.defer()
    with suppress(discord.NotFound):
        await interaction.delete_original_response()
    await delete_copies(interaction.client, record.id)
    await outwait(lambda: interaction.client.store.forget_job(record.id))
