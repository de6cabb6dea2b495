"""The files that a message shows in its layout.

Discord lists as a message's `attachments` only those that no component shows; the others are media items of its
components, with the id of their attachment. An edit keeps the files that it lists, and can show these alone by their
names. (https://docs.discord.com/developers/resources/message, "Message Object"; /reference, "Editing Message
Attachments".)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import discord
from discord.components import (
    Component,
    Container,
    FileComponent,
    MediaGalleryComponent,
    SectionComponent,
    ThumbnailComponent,
    UnfurledMediaItem,
)

HIDDEN: Final = "SPOILER_"  # what Discord puts before the name of a file that is hidden until it is pressed


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a message has, as an edit that keeps it lists it."""

    id: int
    name: str

    def to_dict(self) -> dict[str, object]:
        """Return it as discord.py sends it: this is all that it asks of an attachment to keep."""
        return {"id": self.id, "filename": self.name}


def files_of(message: discord.Message) -> Sequence[KeptFile]:
    """Return all files of a message, those that components show last."""
    files = {file.id: file.filename for file in message.attachments}
    for media, _ in media_in(message.components):
        if media.attachment_id:
            files[media.attachment_id] = file_name(media)
    return [KeptFile(id, name) for id, name in files.items()]


def media_in(components: Sequence[Component]) -> Iterator[tuple[UnfurledMediaItem, bool]]:
    """Yield every picture or file that components show, in their order, and whether it is hidden until pressed."""
    for component in components:
        match component:
            case MediaGalleryComponent():
                yield from ((item.media, item.spoiler) for item in component.items)
            case ThumbnailComponent() | FileComponent():
                yield component.media, component.spoiler
            case SectionComponent():
                yield from media_in([component.accessory])
            case Container():
                yield from media_in(component.children)


def file_name(media: UnfurledMediaItem) -> str:
    """Return the name of an uploaded file, which is the end of its address."""
    return unquote(PurePosixPath(urlsplit(media.url).path).name)
