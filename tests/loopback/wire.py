"""What travels between a client and the small Discord: objects as Discord writes them, and bodies in and out."""

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

EPHEMERAL = 1 << 6
Payload = dict[str, Any]

BOT = {"id": "1000", "username": "janus", "discriminator": "0", "avatar": None, "bot": True, "global_name": None}
ALICE = {"id": "2000", "username": "alice", "discriminator": "0", "avatar": None, "global_name": None}
CHANNEL = {"id": "4000", "type": 0, "name": "pictures", "guild_id": "3000", "position": 0, "permission_overwrites": []}
GUILD = {
    "id": "3000",
    "name": "server",
    "owner_id": "2000",
    "roles": [{"id": "3000", "name": "@everyone", "permissions": "3072", "position": 0, "color": 0, "flags": 0}],
    "channels": [CHANNEL],
    "members": [],
    "emojis": [],
    "features": [],
    "member_count": 2,
}
AWAY = {  # what an interaction says of a user-installed app in a server that the bot is no member of
    "guild_id": "3900",
    "guild": {"id": "3900", "locale": "en-US", "features": []},
    "channel": CHANNEL | {"id": "4900", "guild_id": "3900", "permissions": "3072"},
    "channel_id": "4900",
    "authorizing_integration_owners": {"1": "2000"},
}


@dataclass
class Message:
    """A message as Discord keeps it."""

    id: str
    flags: int = 0
    components: list[Payload] = field(default_factory=list)
    content: str = ""
    attachments: list[Payload] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def payload(self) -> Payload:
        return {
            "id": self.id,
            "channel_id": "4000",
            "author": BOT,
            "content": self.content,
            "flags": self.flags,
            "components": self.components,
            "attachments": self.attachments,
            "type": 0,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "embeds": [],
            "pinned": False,
        }


def respond(body: Any, status: int = 200, **headers: str) -> web.Response:
    """Answer with JSON. discord.py parses it only if the type is exactly this one, with no character set behind it."""
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json", **headers}
    )


def walk(parts: list[Payload]) -> list[Payload]:
    """Every component, however deep."""
    inner = [part.get("components", []) + [part[key] for key in ("accessory",) if key in part] for part in parts]
    return parts + [deeper for below in inner for deeper in walk(below)]


async def read(request: web.Request) -> tuple[Payload, dict[str, bytes]]:
    """Return a request's JSON and its files, as discord.py sends them: plain or in parts."""
    if not request.content_type.startswith("multipart/"):
        return await request.json(), {}
    body: Payload = {}
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        assert isinstance(part, aiohttp.BodyPartReader)
        if part.name == "payload_json":
            body = json.loads(await part.text())
        else:
            assert part.filename
            files[part.filename] = bytes(await part.read())
    return body, files
