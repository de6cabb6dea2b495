"""What a member sees on a message."""

from typing import Any

from simcord import ResponseMessage
from simcord.components import walk_components


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
