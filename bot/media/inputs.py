"""What people hand in: pictures, found on messages, checked by what is declared, then downloaded.

`pictures_on` finds them wherever they stand on a message: Discord lists as a message's attachments only those files
that its layout does not show. `check` looks at what Discord tells (type, bytes, dimensions)
and is free; `fetch` downloads, and looks at the file off the event loop (`decoding.py`). Both raise Refusal with a
sentence for the member.

Links are read through Discord's own proxy, so the bot never calls on an address that somebody wrote.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

import discord
from discord.components import Component

from bot.config import Limits
from bot.core.cdn import Read, TooManyBytesError
from bot.core.errors import Refusal
from bot.core.rest import DiscordError
from bot.core.text import one_line
from bot.media.decoding import FORMAT_NAMES, Seen, check_pixels, look, too_many_bytes
from bot.media.shown import file_name, media_in
from bot.texts import Texts

MOST_PICTURES: Final = 4  # in one question
UNNAMED: Final = "picture"  # what a picture is called that has no file name
ANY_TYPE: Final = "application/octet-stream"  # what a file is whose sender did not say
HIDDEN_LINK: Final = re.compile(r"\|\|.*?https?://.*?\|\|", re.DOTALL)


class Address(Protocol):
    """What it takes to read a file: an `InputFile`, or what is written down of one."""

    @property
    def filename(self) -> str:
        """The file's name."""
        ...

    @property
    def url(self) -> str:
        """Where it is, by an address of Discord's own."""
        ...


class InputFile(Protocol):
    """A file as it was handed in: a `discord.Attachment`, or a picture that a message shows."""

    filename: str
    content_type: str | None
    size: int  # bytes; 0 if that is not known
    width: int | None
    height: int | None
    url: str  # Discord's own

    def is_spoiler(self) -> bool:
        """Whether it is hidden until somebody presses on it."""
        ...


@dataclass(slots=True)
class Shown:
    """A picture that a message shows in its layout or in the preview of a link."""

    url: str  # Discord's own
    content_type: str | None
    width: int | None
    height: int | None
    spoiler: bool
    filename: str = UNNAMED
    size: int = 0  # unknown until it is read

    def is_spoiler(self) -> bool:
        """Whether it is hidden until somebody presses on it."""
        return self.spoiler


def pictures_on(message: discord.Message | discord.MessageSnapshot) -> Sequence[InputFile]:
    """Find a message's pictures. If it has none, but files, it is those: `check` says what is wrong with them."""
    files = [file for file in message.attachments if (file.content_type or "image/").startswith("image/")]
    listed = {file.id for file in message.attachments}
    found: list[InputFile] = [*files, *_laid_out(message.components, listed)]
    found = found or list(_linked(message.embeds, HIDDEN_LINK.search(message.content) is not None))
    if not found and isinstance(message, discord.Message):
        found = [picture for snapshot in message.message_snapshots for picture in pictures_on(snapshot)]
    return found or message.attachments


def _laid_out(components: Sequence[Component], listed: Set[int]) -> Iterator[Shown]:
    for media, spoiler in media_in(components):
        if media.attachment_id in listed:
            continue
        address, name = media.proxy_url, UNNAMED
        if media.attachment_id:  # a file of the message: its own address gives the original, the proxy maybe a copy
            address, name = media.url, file_name(media)
        if address and (media.content_type or "image/").startswith("image/"):
            yield Shown(address, media.content_type, media.width, media.height, spoiler, name)


def _linked(embeds: Sequence[discord.Embed], hidden: bool) -> Iterator[Shown]:
    for embed in embeds:
        for shown in (embed.image, embed.thumbnail):
            if shown.proxy_url:
                yield Shown(shown.proxy_url, None, shown.width, shown.height, hidden)
                break


def check(attachment: InputFile, limits: Limits, texts: Texts) -> None:
    """Refuse what need not even be downloaded. Raises Refusal."""
    name = one_line(attachment.filename)
    kind = (attachment.content_type or ANY_TYPE).lower()  # Discord derives it from the file's name
    if not kind.startswith(("image/", ANY_TYPE)):  # of unknown ones, decoding decides
        raise Refusal(texts.not_a_picture.format(name=name, formats=FORMAT_NAMES))
    if attachment.size > limits.picture_bytes:
        raise too_many_bytes(name, attachment.size, limits, texts)
    if attachment.width and attachment.height:
        check_pixels(name, attachment.width * attachment.height, limits, texts)


async def fetch(attachment: Address, read: Read, limits: Limits, texts: Texts, threads: Executor) -> Seen:
    """Download a file, and have one of a few `threads` look at it: pixels take memory. Raises Refusal."""
    data = await download(attachment, read, limits, texts)
    return await asyncio.get_running_loop().run_in_executor(threads, look, data, attachment.filename, limits, texts)


async def download(attachment: Address, read: Read, limits: Limits, texts: Texts) -> bytes:
    """Download a file, of no more bytes than may be, whatever was declared. Raises Refusal."""
    name = one_line(attachment.filename)
    try:
        return await read(attachment.url, limits.picture_bytes)
    except TooManyBytesError as error:
        raise too_many_bytes(name, error.size, limits, texts) from None
    except DiscordError as error:
        raise Refusal(texts.not_fetched.format(name=name)) from error
