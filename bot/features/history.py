"""/history: one's own last drawings, a page at a time, wherever they were drawn."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import refusable
from bot.core.rest import DiscordError, Fault, calling, in_short
from bot.core.text import alt_text, one_line
from bot.jobs import admission
from bot.jobs.target import fresh
from bot.media import inputs
from bot.media.inputs import pictures_on
from bot.media.uploads import Upload
from bot.store.records import JobRecord
from bot.texts import Texts, described, texts_for
from bot.ui.buttons import Control, JobButton
from bot.ui.layout import DONE, ENDED, layout

log = logging.getLogger(__name__)

Press = discord.Interaction[JanusBot]

A_PAGE: Final = 5  # drawings: as many buttons stand in one row
LAST_PAGE: Final = 10_000  # whatever a custom_id claims
WORDS: Final = 300  # characters of each prompt
LOOK_SECONDS: Final = 5.0  # for each message that shows one


@dataclass(frozen=True, slots=True)
class Found:
    """A drawing, and what is left of it on Discord."""

    record: JobRecord
    link: str | None = None  # of the message that shows it
    picture: Upload | None = None  # a small copy of its first one


async def setup(bot: JanusBot) -> None:
    """Add the command, and the buttons that turn its pages."""
    bot.tree.add_command(history)
    bot.actions["history"] = turn


@app_commands.command(name="history", description=described("history"))
@refusable
async def history(interaction: Press) -> None:
    """Show the newest page, so that only who asked sees it. Raises Refusal: too many pages in an hour."""
    admission.count_press(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    await _show(interaction, 0)


async def turn(interaction: Press, button: Control) -> None:
    """Show another page. Raises Refusal likewise."""
    (page,) = button.numbers(interaction, 1)
    admission.count_press(interaction)
    await interaction.response.defer()
    await _show(interaction, min(page, LAST_PAGE))


async def _show(interaction: Press, page: int) -> None:
    bot, texts = interaction.client, texts_for(interaction)
    records = await bot.store.jobs.drawings(interaction.user.id, A_PAGE + 1, page * A_PAGE)
    found = await asyncio.gather(*(_look(bot, record, texts) for record in records[:A_PAGE]))
    empty = texts.history_empty.format(imagine=bot.mention("imagine", texts))
    view = shown(found, page, more=len(records) > A_PAGE, empty=empty, texts=texts)
    files = [one.picture for one in found if one.picture]
    await interaction.edit_original_response(view=view, attachments=fresh(files))


async def _look(bot: JanusBot, record: JobRecord, texts: Texts) -> Found:
    """Look at the message that shows a drawing: its picture has a new address each day. What was private has none."""
    address, link = record.address, record.link
    if link is None or address.channel is None or address.message is None:
        return Found(record)
    channel = bot.get_partial_messageable(address.channel, guild_id=address.guild)
    try:
        async with calling(LOOK_SECONDS):
            message = await channel.fetch_message(address.message)
    except DiscordError as error:
        log.info("A drawing's message could not be looked at: %s", in_short(error))
        return Found(record, None if error.fault is Fault.GONE else link)
    pictures = pictures_on(message)
    try:
        seen = await inputs.fetch(pictures[0], bot.read, bot.settings.limits, texts, bot.decoders) if pictures else None
    except Refusal as refusal:
        log.info("A drawing could not be read again: %s", refusal)
        seen = None
    copy = Upload(f"{record.id}.webp", seen.small, alt_text(record.words)) if seen else None
    return Found(record, link, copy)


def shown(found: Sequence[Found], page: int, *, more: bool, empty: str, texts: Texts) -> ui.LayoutView:
    """Show a page of drawings: what is left of each, and a button to draw it again. `more`: there are older ones."""
    title: ui.Item[Any] = ui.TextDisplay(f"### {texts.history_title}")
    pages: list[ui.Item[Any]] = []
    if page:
        pages.append(Control("history", page - 1, label=texts.history_newer))
    if more:
        pages.append(Control("history", page + 1, label=texts.history_older))
    turning = [ui.ActionRow[Any](*pages)] if pages else []
    if not found:
        return layout(title, ui.TextDisplay(texts.history_none_older if page else empty), *turning, colour=ENDED)
    first = page * A_PAGE + 1
    again = [
        JobButton("again", one.record.id, label=f"{texts.again} {number}") for number, one in enumerate(found, first)
    ]
    return layout(
        title,
        *(_entry(one, number, texts) for number, one in enumerate(found, first)),
        ui.ActionRow(*again),
        *turning,
        colour=DONE,
    )


def _entry(found: Found, number: int, texts: Texts) -> ui.Item[Any]:
    record = found.record
    when = discord.utils.format_dt(record.asked, "R")
    where = f"[{texts.queue_look}]({found.link})" if found.link else ""
    private = texts.history_private if record.address.private else ""
    line = " · ".join(filter(None, [when, where, private]))
    words = f"**{number}. {one_line(record.words, WORDS)}**\n-# {line}"
    if found.picture is None:
        return ui.TextDisplay(words)
    picture = found.picture
    small = ui.Thumbnail[Any](f"attachment://{picture.name}", description=picture.alt, spoiler=record.spoiler)
    return ui.Section[Any](words, accessory=small)
