"""Good pictures, copied to where they last: to the channel that the server chose for them, or to one's direct messages.

What is kept is one message a picture, which says how many members kept it; each of them counts once.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakValueDictionary

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import TO_KEEP, missing, missing_permissions
from bot.core.rest import UPLOAD_SECONDS, DiscordError, Fault, insist
from bot.core.text import PROMPT_TEXT, alt_text, decimal, model_name, one_line
from bot.features.imagine.drawing import find
from bot.features.imagine.gallery import avoiding
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.target import Parcel, fresh
from bot.media import inputs
from bot.media.inputs import InputFile
from bot.media.shown import HIDDEN, files_of
from bot.media.uploads import Upload
from bot.store.keepers import Post
from bot.store.records import JobRecord
from bot.texts import Texts, texts_for, texts_of_server
from bot.ui.buttons import JobButton
from bot.ui.layout import DONE, layout
from model.requests import Drawing, Pictures

Press = discord.Interaction[JanusBot]


async def setup(bot: JanusBot) -> None:
    """Say what the buttons do."""
    bot.actions |= {"keep": Keeping().keep, "send_me": send_me}


async def send_me(interaction: Press, button: JobButton) -> None:
    """Copy a picture to the direct messages of who pressed. Raises Refusal if they take none."""
    one, texts = await _pressed(interaction, button), texts_for(interaction)
    await _begin(interaction)
    parcel = copied(one, await _read(interaction, one), texts)
    user, nonce = interaction.user, str(interaction.id)
    try:
        sent = await insist(lambda: user.send(view=parcel.view, files=fresh(parcel.files), nonce=nonce), UPLOAD_SECONDS)
    except DiscordError as error:
        if error.fault is Fault.CLOSED:
            raise Refusal(texts.no_direct_messages) from error
        raise
    await interaction.edit_original_response(content=texts.sent_to_you.format(link=sent.jump_url))


class Keeping:
    """Who keeps one picture at the same moment waits for each other: there is one message of it."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()

    async def keep(self, interaction: Press, button: JobButton) -> None:
        """Keep a picture for the server, once a member. Raises Refusal: it has no channel for that, or a closed one."""
        one, texts = await _pressed(interaction, button), texts_for(interaction)
        channel = await _channel(interaction, one)
        await _begin(interaction)
        keepers, member, key = interaction.client.store.keepers, interaction.user.id, (one.record.id, one.number)
        async with self._turns.setdefault(key, asyncio.Lock()):
            post = await keepers.post(*key)
            counted = await keepers.add(*key, member, interaction.created_at)
            if post and not counted:
                raise Refusal(texts.already_kept.format(link=post.link))
            try:
                line = texts_of_server(interaction).kept_by.format(n=await keepers.count(*key))
                if post and post.channel == channel.id:
                    await _tell(interaction, channel, post, one, line)
                else:
                    post = await _send(interaction, channel, one, line)
                    await keepers.note(*key, post)
            except BaseException:
                if counted:  # and not by a process that died before it had sent anything
                    await keepers.take_back(*key, member)
                raise
        await interaction.edit_original_response(content=texts.kept.format(link=post.link))


@dataclass(frozen=True, slots=True)
class One:
    """One picture of a job, on the message whose button was pressed."""

    record: JobRecord
    number: int
    file: InputFile

    @property
    def hidden(self) -> bool:
        """Whether it stays so."""
        return self.record.spoiler or self.file.is_spoiler()

    @property
    def words(self) -> str:
        """What it is of."""
        return self.record.words_of(self.number)


async def _pressed(interaction: Press, button: JobButton) -> One:
    record, number = await button.record(interaction), button.picture or 0
    return One(record, number, find(interaction, record, number))


async def _begin(interaction: Press) -> None:
    """Count the press, and say to who pressed that something is being done. Raises Refusal."""
    admission.count_press(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)


async def _read(interaction: Press, one: One) -> Upload:
    bot = interaction.client
    data = await inputs.download(one.file, bot.read, bot.settings.limits, texts_for(interaction))
    return Upload(one.file.filename.removeprefix(HIDDEN), data, alt_text(one.words))


async def _channel(interaction: Press, one: One) -> discord.TextChannel:
    """Return the channel that the server chose; what is hidden goes to the one for that, if there is one."""
    bot, texts = interaction.client, texts_for(interaction)
    server = await bot.store.servers.get(interaction.guild_id)
    secluded = one.hidden and server.hidden and not server.spoilers  # where all are hidden, that says nothing of one
    chosen = server.hidden if server.kept and secluded else server.kept
    channel = bot.get_channel(chosen) if chosen else None
    if not isinstance(channel, discord.TextChannel) or channel.guild.id != interaction.guild_id:
        raise Refusal(texts.no_keeping.format(send_me=texts.send_me))
    if lacking := missing(channel.permissions_for(channel.guild.me), TO_KEEP):
        raise Refusal(f"{channel.mention}: {missing_permissions(lacking, texts)}")
    if InteractionTarget(interaction, private=True).age_restricted and not channel.is_nsfw():
        raise Refusal(texts.kept_for_adults.format(channel=channel.mention))
    return channel


async def _send(interaction: Press, channel: discord.TextChannel, one: One, line: str) -> Post:
    parcel = copied(one, await _read(interaction, one), texts_of_server(interaction), line)
    nonce = f"kept-{one.record.id}-{one.number}"
    sent = await insist(lambda: channel.send(view=parcel.view, files=fresh(parcel.files), nonce=nonce), UPLOAD_SECONDS)
    return Post(channel.guild.id, channel.id, sent.id)


async def _tell(interaction: Press, channel: discord.TextChannel, post: Post, one: One, line: str) -> None:
    """Have the message say how many kept it by now. Raises Refusal if somebody deleted it: that was meant."""
    try:
        message = await insist(lambda: channel.fetch_message(post.message))
        files = files_of(message)
        shown = Upload(files[0].name if files else "", b"", alt_text(one.words))
        view = copied(one, shown, texts_of_server(interaction), line).view
        nobody = discord.AllowedMentions.none()  # an edit without them may call whom its words name
        await insist(lambda: message.edit(view=view, attachments=cast("Any", files), allowed_mentions=nobody))
    except DiscordError as error:
        if error.fault is Fault.GONE:
            raise Refusal(texts_for(interaction).kept_removed) from error
        raise


def copied(one: One, file: Upload, texts: Texts, line: str = "") -> Parcel:
    """Show a copy of a picture with what made it, and a `line` before that."""
    record = one.record
    where = f"[{texts.queue_look}]({record.link})" if record.link else ""
    small = [" · ".join(filter(None, [line, texts.report_of.format(owner=f"<@{record.owner}>"), where]))]
    drawing, result = record.request, record.result
    if isinstance(drawing, Drawing) and isinstance(result, Pictures):
        small += avoiding(texts, drawing)
        small.append(
            texts.drawing_line.format(
                seed=result.seeds[one.number],
                guidance=decimal(drawing.guidance, texts),
                temperature=decimal(drawing.temperature, texts),
                model=model_name(record.model),
                seconds=decimal(sum(result.seconds.values()), texts, 1),
            )
        )
    shown = discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt, spoiler=one.hidden)
    view = layout(
        ui.TextDisplay(f"**{one_line(one.words, PROMPT_TEXT)}**"),
        ui.MediaGallery(shown),
        ui.TextDisplay("\n".join(f"-# {words}" for words in small)),
        colour=DONE,
    )
    return Parcel(view, [file])
