"""The pictures on a message, wherever they stand: its files, the parts of its layout, link previews, what it forwards.

Links are read through Discord's own proxy, so the bot never calls on an address that somebody wrote.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import discord
from discord.components import (
    Component,
    Container,
    MediaGalleryComponent,
    SectionComponent,
    ThumbnailComponent,
    UnfurledMediaItem,
)

from bot.media.inputs import HandedIn

NAME: Final = "picture"  # what a picture is called that has no file name
Read = Callable[[str], Awaitable[bytes]]


@dataclass(slots=True)
class Linked:
    """A picture that a message shows without having it as a file."""

    proxy_url: str
    content_type: str | None
    width: int | None
    height: int | None
    spoiler: bool
    download: Read
    filename: str = NAME
    size: int = 0  # unknown until it is read

    def is_spoiler(self) -> bool:
        """Whether it is hidden until somebody presses on it."""
        return self.spoiler

    async def read(self) -> bytes:
        """Download it. Raises one of NETWORK."""
        return await self.download(self.proxy_url)


def pictures_on(message: discord.Message | discord.MessageSnapshot, download: Read) -> Sequence[HandedIn]:
    """Find a message's pictures. If it has none, but files, it is those: `intake.check` says what is wrong with them.

    `download` fetches an address of Discord's.
    """
    files = [file for file in message.attachments if (file.content_type or "image/").startswith("image/")]
    shown = chain(_laid_out(message.components, download), _linked(message.embeds, download))
    found: Sequence[HandedIn] = files or list(shown)
    if not found and isinstance(message, discord.Message):
        found = [picture for snapshot in message.message_snapshots for picture in pictures_on(snapshot, download)]
    return found or message.attachments


def _laid_out(components: Sequence[Component], download: Read) -> Iterator[Linked]:
    for component in components:
        match component:
            case MediaGalleryComponent():
                for item in component.items:
                    yield from _media(item.media, item.spoiler, download)
            case ThumbnailComponent():
                yield from _media(component.media, component.spoiler, download)
            case SectionComponent():
                yield from _laid_out([component.accessory], download)
            case Container():
                yield from _laid_out(component.children, download)


def _media(media: UnfurledMediaItem, spoiler: bool, download: Read) -> Iterator[Linked]:
    if media.proxy_url and (media.content_type or "image/").startswith("image/"):
        yield Linked(media.proxy_url, media.content_type, media.width, media.height, spoiler, download)


def _linked(embeds: Sequence[discord.Embed], download: Read) -> Iterator[Linked]:
    for embed in embeds:
        for shown in (embed.image, embed.thumbnail):
            if shown.proxy_url:
                yield Linked(shown.proxy_url, None, shown.width, shown.height, False, download)
                break
