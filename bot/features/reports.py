"""Reports: how a picture that somebody finds wrong comes before the people who run the server.

A menu and a button open a form; what it says goes as a card to the channel that the server chose, and moderators go on
from there.
"""

import io
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

import discord
from discord import app_commands, ui

from bot.core.cdn import TooManyBytesError
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import refusable
from bot.core.permissions import check_manages, check_moderates, moderates_by_role
from bot.core.rest import UPLOAD_SECONDS, DiscordError, Fault, calling, in_short
from bot.core.text import PROMPT_TEXT, one_line, plain
from bot.jobs.copies import delete_copies
from bot.media.inputs import InputFile, pictures_on
from bot.media.shown import HIDDEN, files_of
from bot.store.database import outwait
from bot.store.records import JobRecord
from bot.texts import Texts, described, texts_for, texts_of_server
from bot.ui.buttons import Control, JobButton
from bot.ui.forms import Form, open_form
from bot.ui.layout import ENDED, layout

log = logging.getLogger(__name__)

Press = discord.Interaction[JanusBot]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

REASON: Final = 500  # characters
SENT_BYTES: Final = 8 * 2**20  # of the pictures that go along; the rest is behind the link


async def setup(bot: JanusBot) -> None:
    """Add the menu, and say what the buttons do."""
    bot.tree.add_command(report_picture)
    bot.actions |= {"report": open_form_here, "remove": remove, "block": block}


# -- who reports ------------------------------------------------------------------------------------------------------


@app_commands.context_menu(name=described("menu_report"))
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@refusable
async def report_picture(interaction: Press, message: discord.Message) -> None:
    """Ask what is wrong with a message's pictures. Raises Refusal if there is nothing to report, or nobody to hear."""
    await _open(interaction, message)


async def open_form_here(interaction: Press, button: JobButton) -> None:
    """Ask the same about the message that the button is on."""
    assert interaction.message
    await _open(interaction, interaction.message)


async def _open(interaction: Press, message: discord.Message) -> None:
    texts = texts_for(interaction)
    await _hearer(interaction, message)
    if await interaction.client.store.reports.made(message.id, interaction.user.id):
        raise Refusal(texts.already_reported)
    await open_form(interaction, partial(ReportForm, texts, message))


class ReportForm(Form):
    """What is wrong with a picture."""

    def __init__(self, texts: Texts, message: discord.Message) -> None:
        super().__init__(texts.report_title)
        self.message = message
        self.reason = self.ask(
            texts.report_reason, hint=texts.report_reason_hint, most=REASON, long=True, required=False
        )

    async def submit(self, interaction: Press) -> None:
        await report(interaction, self.message, self.reason.value)


async def report(interaction: Press, message: discord.Message, reason: str) -> None:
    """Show moderators a message, once for everybody who reports it. Raises Refusal."""
    store, texts = interaction.client.store, texts_for(interaction)
    channel = await _hearer(interaction, message)
    if not await store.reports.add(message.id, interaction.user.id, interaction.created_at):
        raise Refusal(texts.already_reported)
    await interaction.response.defer(ephemeral=True, thinking=True)
    record = await store.jobs.shown_on(message.id)
    try:
        files = await _copies(interaction.client, pictures_on(message))
        names = [file.filename for file in files]
        view = card(texts_of_server(interaction), message, record, interaction.user.id, reason, names)
        async with calling(UPLOAD_SECONDS):
            await channel.send(view=view, files=files)
    except DiscordError as error:
        log.warning("A report could not be passed on: %s", in_short(error))
        await store.reports.take_back(message.id, interaction.user.id)
        raise Refusal(texts.not_reported) from error
    await interaction.edit_original_response(content=texts.reported)


async def _hearer(interaction: Press, message: discord.Message) -> discord.abc.Messageable:
    """Return the channel that hears of it. Raises Refusal: no picture of the bot's, or nobody to hear of it."""
    bot, texts = interaction.client, texts_for(interaction)
    assert bot.user
    if message.author.id != bot.user.id or not pictures_on(message):
        raise Refusal(texts.not_my_picture)
    chosen = (await bot.store.servers.get(interaction.guild_id)).reports
    channel = bot.get_channel(chosen) if chosen else None
    if not isinstance(channel, discord.TextChannel) or channel.guild.id != interaction.guild_id:
        raise Refusal(texts.no_reports)
    return channel


async def _copies(bot: JanusBot, pictures: Sequence[InputFile]) -> list[discord.File]:
    """Take copies of a message's pictures, which stay when the message goes; as many as fit. Raises DiscordError."""
    copies, room = [], SENT_BYTES
    for picture in pictures:
        if picture.size > room:  # as far as it is known
            continue
        try:
            data = await bot.read(picture.url, room)
        except TooManyBytesError:
            continue
        room -= len(data)
        name = picture.filename.removeprefix(HIDDEN)
        copies.append(discord.File(io.BytesIO(data), name, spoiler=True))
    return copies


# -- who moderates ----------------------------------------------------------------------------------------------------


def card(
    texts: Texts, message: discord.Message, record: JobRecord | None, reporter: int, reason: str, files: list[str]
) -> ui.LayoutView:
    """Show moderators what was reported. `files`: the names of the pictures that go along, which stay hidden."""
    owner = record.owner if record else None
    lines = [
        f"### {texts.report_card}",
        texts.report_by.format(reporter=f"<@{reporter}>", link=message.jump_url),
        *([texts.report_of.format(owner=f"<@{owner}>")] if owner else []),
        *([f"**{one_line(record.words, PROMPT_TEXT)}**"] if record else []),
        *([f">>> {plain(reason, REASON)}"] if reason.strip() else []),
    ]
    children: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if files:
        children.append(
            ui.MediaGallery(*(discord.MediaGalleryItem(f"attachment://{name}", spoiler=True) for name in files))
        )
    buttons: list[ui.Item[Any]] = [
        Control("remove", message.channel.id, message.id, label=texts.remove, style=discord.ButtonStyle.danger)
    ]
    if owner:
        buttons.append(Control("block", owner, label=texts.block))
    return layout(*children, ui.ActionRow(*buttons), colour=ENDED)


async def remove(interaction: Press, button: Control) -> None:
    """Delete what was reported, and forget its job: for those who moderate there. Raises Refusal."""
    bot, texts = interaction.client, texts_for(interaction)
    await check_moderates(interaction)
    channel_id, message_id = button.numbers(interaction, 2)
    await interaction.response.defer()
    try:
        async with calling():
            channel = bot.get_channel(channel_id) or await bot.fetch_channel(channel_id)
        if not isinstance(channel, Place) or not await _may_moderate(interaction, channel):
            raise Refusal(texts.only_moderators)
        async with calling():
            message = await channel.fetch_message(message_id)
        if message.author != bot.user:
            raise Refusal(texts.not_my_picture)
        async with calling():
            await message.delete()
    except DiscordError as error:
        if error.fault is not Fault.GONE:  # then somebody was quicker
            raise Refusal(texts.not_removed) from error
    record = await bot.store.jobs.shown_on(message_id)
    if record and record.address.channel == channel_id:
        await delete_copies(bot, record.id)
        await outwait(lambda: bot.store.forget_job(record.id))
    await _done(interaction, button, texts.removed)


async def _may_moderate(interaction: Press, channel: Place) -> bool:
    """Tell whether who pressed moderates in a channel, which is of the same server."""
    try:
        given = channel.permissions_for(cast("discord.Member", interaction.user))
    except discord.ClientException:  # a thread whose channel is not known
        return False
    by_role = given.view_channel and await moderates_by_role(interaction)
    return channel.guild.id == interaction.guild_id and (given.manage_messages or by_role)


async def block(interaction: Press, button: Control) -> None:
    """Block who asked for what was reported: for those who may manage the server. Raises Refusal."""
    guild, (member,) = check_manages(interaction), button.numbers(interaction, 1)
    await interaction.response.defer()
    await interaction.client.store.servers.block(guild, member, interaction.created_at)
    await _done(interaction, button, texts_for(interaction).block_done)


async def _done(interaction: Press, button: Control, label: str) -> None:
    """Leave the button on the card, where it says that it is done. The card keeps its pictures."""
    assert interaction.message
    button.item.label, button.item.disabled = label, True
    view = button.view
    assert isinstance(view, ui.LayoutView)
    kept = files_of(interaction.message)
    names = iter(kept)
    for gallery in (child for child in view.walk_children() if isinstance(child, ui.MediaGallery)):
        gallery.items = [
            discord.MediaGalleryItem(f"attachment://{next(names).name}", spoiler=True) for _ in gallery.items
        ]
    await interaction.edit_original_response(view=view, attachments=cast("Any", kept))
