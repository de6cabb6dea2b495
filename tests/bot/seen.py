"""What a member sees on a message."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
from simcord import InteractionResult, ResponseMessage
from simcord.components import walk_components

from bot.media.shown import file_name, media_in


def parts(message: ResponseMessage, kind: int) -> list[dict[str, Any]]:
    return [part for part in walk_components(message.components) if part["type"] == kind]


def text(message: ResponseMessage) -> str:
    """All text of a message, its escapes taken back."""
    shown = "\n".join(part["content"] for part in parts(message, 10)) or message.content
    return shown.replace("\\", "")


def gallery(message: ResponseMessage) -> list[dict[str, Any]]:
    return [item for part in parts(message, 12) for item in part["items"]]


def buttons(message: ResponseMessage) -> list[str]:
    return [part["label"] for part in parts(message, 2)]


@dataclass
class File:
    """A file of a message."""

    filename: str
    read: Callable[[], Awaitable[bytes]]


def files(message: ResponseMessage | discord.Message) -> list[File]:
    """Return a message's files: Discord does not list those that its layout shows."""
    whole = message.message if isinstance(message, ResponseMessage) else message
    read = whole._state.http.get_from_cdn
    media = [media for media, _ in media_in(whole.components) if media.attachment_id]
    listed = [File(file.filename, file.read) for file in whole.attachments]
    return [*(File(file_name(one), partial(read, one.url)) for one in media), *listed]


def shown(result: InteractionResult) -> ResponseMessage:
    """Return the message that answers an interaction; it stays true to whatever becomes of it."""
    assert result.response
    return result.response


def told_privately(result: InteractionResult) -> str:
    """Return what only who asked is told, which must be all that they see."""
    (message,) = [m for m in (result.response, *result.followups) if m]
    assert message.ephemeral
    return text(message)


def fields(result: InteractionResult) -> list[dict[str, Any]]:
    """Return the fields of the form that opens."""
    assert result.modal
    return [label["component"] for label in result.modal["components"]]
