"""Messages as Discord keeps them: `attachments` lists only those files that no component shows."""

import copy
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.loopback import message_rules
from tests.loopback.component_rules import SELECTS
from tests.loopback.files import Files, StoredFile, stored_name
from tests.loopback.wire import BOT, EPHEMERAL, LOADING, NOBODY, Payload, Sent, media, paths

HOUR = 3600.0


@dataclass
class Message:
    """A message. A test may age it by setting `made` back."""

    id: str
    channel_id: str = "4000"
    author: Payload = field(default_factory=lambda: BOT)
    flags: int = 0
    content: str = ""
    components: list[Payload] = field(default_factory=list)
    stored: list[StoredFile] = field(default_factory=list)
    attachments: list[Payload] = field(default_factory=list)  # of the files that no component shows
    called: list[str] = field(default_factory=list)  # members whom the message mentions so that they are told
    reference: "Message | None" = None
    webhook: bool = False  # it answers an interaction
    nonce: str | None = None
    made: float = field(default_factory=time.time)
    edited: float | None = None
    old_edits: int = 0  # since it became older than an hour

    @property
    def files(self) -> dict[str, bytes]:
        """Every file of the message by its name."""
        return {file.name: file.data for file in self.stored if isinstance(file.data, bytes)}

    @property
    def is_old(self) -> bool:
        return time.time() - self.made > HOUR

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    def payload(self) -> Payload:
        told: Payload = {"nonce": self.nonce} if self.nonce else {}
        if self.webhook:
            told |= {"webhook_id": "1000", "application_id": "1000"}
        if self.reference:
            there = {"type": 0, "message_id": self.reference.id, "channel_id": self.reference.channel_id}
            told |= {"message_reference": there, "referenced_message": self.reference.payload()}
        return {
            "id": self.id,
            "channel_id": self.channel_id,
            "author": self.author,
            "content": self.content,
            "flags": self.flags,
            "components": self.components,
            "attachments": self.attachments,
            "type": 19 if self.reference else 20 if self.webhook else 0,
            "timestamp": _stamp(self.made),
            "edited_timestamp": self.edited and _stamp(self.edited),
            "tts": False,
            "mention_everyone": False,
            "mentions": [{**NOBODY, "id": id, "username": f"user{id}"} for id in self.called],
            "mention_roles": [],
            "embeds": [],
            "pinned": False,
            **told,
        }


@dataclass(frozen=True)
class Desk:
    """Where messages are written: what is wrong with a body is refused before anything changes."""

    files: Files
    snowflake: Callable[[], str]

    def fill(
        self, message: Message, body: Payload, sent: Sequence[Sent], *, inside: str = "", to_interaction: bool
    ) -> Message:
        """Give a new message what a request says. Raises ApiError."""
        message_rules.check_new(body, sent, inside, to_interaction=to_interaction)
        message.flags |= body.get("flags") or 0
        message.called = _called(body, message.reference)
        self._write(message, body, sent)
        return message

    def edit(
        self, message: Message, body: Payload, sent: Sequence[Sent], *, inside: str = "", drops: bool = False
    ) -> Message:
        """Change a message. `drops`: without a list of its files it has none any more. Raises ApiError."""
        if drops:
            body = {"attachments": [{"id": file.number} for file in sent]} | body
        has = {file.id: file.name for file in message.stored}
        message_rules.check_edit(
            body, sent, inside, flags=message.flags, content="" if message.flags & LOADING else message.content, has=has
        )
        message.flags = (message.flags | ((body.get("flags") or 0) & message_rules.EDIT_FLAGS)) & ~LOADING
        message.edited = time.time()
        self._write(message, body, sent)
        return message

    def forget(self, message: Message) -> None:
        """Take a message's files from the CDN."""
        for file in message.stored:
            self.files.stored.pop(file.id, None)

    def _write(self, message: Message, body: Payload, sent: Sequence[Sent]) -> None:
        listed = {str(entry["id"]): entry for entry in body.get("attachments") or []}
        if "content" in body:
            message.content = (body["content"] or "").strip()
        keeps = [file for file in message.stored if "attachments" not in body or file.id in listed]
        for file in message.stored:
            if file not in keeps:
                self.files.stored.pop(file.id, None)
        fresh = [file for file in sent if "attachments" not in body or file.number in listed]
        new = [self._store(message, file, listed.get(file.number, {})) for file in fresh]
        message.stored = keeps + new
        if "components" in body:
            message.components = self._resolved(body["components"] or [], message.stored)
        shown = {item.get("attachment_id") for _, item in media(message.components)}
        message.attachments = [self.files.attachment(file) for file in message.stored if file.id not in shown]

    def _store(self, message: Message, sent: Sent, told: Payload) -> StoredFile:
        name = stored_name(sent.name)
        file = StoredFile(self.snowflake(), f"attachments/{message.channel_id}", name, sent.data)
        file.title = None if name == sent.name else sent.name.rpartition(".")[0]
        file.description = told.get("description")
        file.ephemeral = message.ephemeral
        self.files.stored[file.id] = file
        return file

    def _resolved(self, parts: Sequence[Payload], stored: Sequence[StoredFile]) -> list[Payload]:
        """Return components as Discord gives them back: numbered, with what it knows of pictures and files."""
        kept = copy.deepcopy(list(parts))
        by_name = {file.name: file for file in stored}
        numbers = _free_numbers({part["id"] for _, part in paths(kept) if part.get("id")})
        for _, part in paths(kept):
            part["id"] = part.get("id") or next(numbers)
            if part["type"] in (2, 17):
                part.setdefault("disabled" if part["type"] == 2 else "spoiler", False)
            if part["type"] in SELECTS:
                part |= {"min_values": part.get("min_values", 1), "max_values": part.get("max_values", 1)}
            for item in part["items"] if part["type"] == 12 else [part] if part["type"] in (11, 13) else []:
                item["description" if part["type"] != 13 else "name"] = item.get("description")
                item.setdefault("spoiler", False)
        for _, item in media(kept):
            url = item["url"]
            name = url.removeprefix("attachment://")
            resolved = self.files.media_of(by_name[name]) if name != url else self.files.media_at(url, self.snowflake())
            item.clear()
            item.update(resolved)
        for _, part in paths(kept):
            if part["type"] == 13:
                file = by_name[part["file"]["url"].partition("?")[0].rpartition("/")[2]]
                part |= {"name": file.name, "size": file.size}
        return kept


def _free_numbers(taken: set[int]) -> Iterator[int]:
    number = 0
    while True:
        number += 1
        if number not in taken:
            yield number


def _called(body: Payload, reference: Message | None) -> list[str]:
    """Return whom a new message tells that it mentions them. Without a word on that it is everybody it names."""
    allowed = body.get("allowed_mentions")
    answered = [reference.author["id"]] if reference and (allowed is None or allowed.get("replied_user")) else []
    return answered + [id for id in _named(body) if id not in answered]


def _named(body: Payload) -> list[str]:
    texts = [body.get("content") or "", *(part.get("content") or "" for _, part in paths(body.get("components") or []))]
    named = dict.fromkeys(re.findall(r"<@!?(\d+)>", "\n".join(texts)))
    allowed = body.get("allowed_mentions")
    if allowed is None or "users" in (allowed.get("parse") or ()):
        return list(named)
    return [id for id in named if id in {str(user) for user in allowed.get("users") or ()}]


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
