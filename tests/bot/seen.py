"""What a member sees on a message."""

from typing import Any

from simcord import InteractionResult, ResponseMessage
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
