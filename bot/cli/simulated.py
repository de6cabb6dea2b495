"""simcord, as truthful as Discord is about the files of a message.

simcord lists every file of a message in its `attachments`, and lets an edit show any file that the message has. Discord
lists only those that no component shows (its documentation of the message object), and refuses an edit that shows a
file by a name that it does not list. simcord has no switch for that, hence the bounds on its version.
"""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from simcord.backend import serializers
from simcord.backend.errors import invalid_form_body
from simcord.components import walk_components
from simcord.http.routes import interactions, messages

Builder = Callable[..., dict[str, Any]]
BY_NAME = "attachment://"


def be_truthful() -> None:
    """Make simcord show and refuse as Discord does, from here on and everywhere in this process. Safe to repeat."""
    for module, name, wrapper in PATCHED:
        original = getattr(module, name)
        if not isinstance(original, wrapper):
            setattr(module, name, wrapper(original))


class Truthful:
    """Builds a message without the attachments that its components show."""

    def __init__(self, build: Builder) -> None:
        self._build = build

    def __call__(self, *given: Any, **options: Any) -> dict[str, Any]:
        built = self._build(*given, **options)
        message = built.get("message", built)  # a snapshot has its message inside
        shown = {str(media.get("attachment_id")) for media in _media(message["components"])}
        message["attachments"] = [file for file in message["attachments"] if str(file["id"]) not in shown]
        return built


class Strict:
    """Reads what an edit changes, and refuses one that shows a file which it does not list."""

    def __init__(self, read: Builder) -> None:
        self._read = read

    def __call__(self, context: Any, message: Any = None, *, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = context.body() if body is None else body
        listed = {file.get("filename") for file in sent.get("attachments") or ()}
        for media in _media(sent.get("components") or ()):
            name = str(media.get("url", ""))
            if name.startswith(BY_NAME) and name.removeprefix(BY_NAME) not in listed:
                raise invalid_form_body(f"UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND ({name})")
        return self._read(context, message, body=body)


def _media(components: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every picture and file in components."""
    for part in walk_components(components):
        yield from (part[key] for key in ("media", "file") if isinstance(part.get(key), Mapping))
        yield from (item["media"] for item in part.get("items", ()))


PATCHED: Final[tuple[tuple[ModuleType, str, type[Truthful | Strict]], ...]] = (
    (serializers, "message_payload", Truthful),
    (serializers, "message_snapshot_payload", Truthful),
    (messages, "message_edit_changes", Strict),
    (interactions, "message_edit_changes", Strict),
)
