"""/privacy: what is kept about a member, and how it is forgotten: when they ask for it, and when its message goes."""

from typing import Any

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.text import days
from bot.store.database import outwait
from bot.texts import Texts, described, texts_for
from bot.ui.buttons import Control
from bot.ui.layout import BUSY, ENDED, layout


async def setup(bot: JanusBot) -> None:
    """Add the command and its buttons, and forget what messages showed that are gone."""

    async def on_raw_message_delete(event: discord.RawMessageDeleteEvent) -> None:
        await outwait(lambda: bot.store.forget_messages({event.message_id}))

    async def on_raw_bulk_message_delete(event: discord.RawBulkMessageDeleteEvent) -> None:
        await outwait(lambda: bot.store.forget_messages(event.message_ids))

    bot.tree.add_command(privacy)
    bot.actions["forget"] = press
    bot.add_listener(on_raw_message_delete)
    bot.add_listener(on_raw_bulk_message_delete)


@app_commands.command(name="privacy", description=described("privacy"))
async def privacy(interaction: discord.Interaction[JanusBot]) -> None:
    """Say it, so that only who asked sees it."""
    view = kept(texts_for(interaction), interaction.client.settings.store.keep_days)
    await interaction.response.send_message(view=view, ephemeral=True)


def kept(texts: Texts, keep_days: int) -> ui.LayoutView:
    """Say what is kept and for how long."""
    how_long = days(keep_days, texts)
    kinds = (texts.keeps_requests, texts.keeps_pictures, texts.keeps_others)
    lines = [line.format(days=how_long) for line in kinds]
    return layout(
        ui.TextDisplay(f"### {texts.privacy_title}\n" + "\n".join(f"- {line}" for line in lines)),
        ui.TextDisplay(f"-# {texts.privacy_discord}"),
        ui.ActionRow(_button("ask", texts)),
        colour=BUSY,
    )


def _button(step: str, texts: Texts) -> Control:
    label = {"ask": texts.forget, "yes": texts.forget_yes, "no": texts.forget_no}[step]
    style = discord.ButtonStyle.secondary if step == "no" else discord.ButtonStyle.danger
    return Control("forget", step, label=label, style=style)


async def press(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Forget a member, after having asked whether they mean it."""
    bot, texts = interaction.client, texts_for(interaction)
    match button.arguments:
        case ("ask",):
            choice = ui.ActionRow[Any](_button("yes", texts), _button("no", texts))
            view = layout(ui.TextDisplay(texts.forget_sure), choice, colour=ENDED)
        case ("yes",):
            await interaction.response.defer()  # there may be much to delete
            await forget(bot, interaction.user.id)
            await interaction.edit_original_response(view=layout(ui.TextDisplay(texts.forgotten_all), colour=ENDED))
            return
        case _:
            view = kept(texts, bot.settings.store.keep_days)
    await interaction.response.edit_message(view=view)


async def forget(bot: JanusBot, member: int) -> None:
    """End everything of a member's that is open, and delete everything that was kept."""
    for job in bot.open_jobs.of(member):
        await job.cancel()
        bot.open_jobs.discard(job)
    bot.drafts.pop(member, None)
    await outwait(lambda: bot.store.forget(member))
