"""A client of the small Discord that is no bot: it sends what a test says, and returns what comes back."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from tests.loopback.discord_server import API, Discord
from tests.loopback.interactions import COMMAND
from tests.loopback.messages import Message
from tests.loopback.wire import V2, Payload

SENT = "/channels/4000/messages"
CUSTOM = {"custom_id": "press", "component_type": 2}


@dataclass(frozen=True)
class Reply:
    """An answer of the server's."""

    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: Any

    @property
    def code(self) -> int:
        """The error's code; 0 if there is none."""
        return int(self.body.get("code", 0)) if isinstance(self.body, dict) else 0

    @property
    def problems(self) -> set[str]:
        """The codes of what was wrong with a body, each behind the way to it."""
        return set(_problems(self.body.get("errors", {}), ""))


def _problems(found: Payload, where: str) -> list[str]:
    here = [f"{where} {error['code']}" for error in found.get("_errors", [])]
    inner = [(key, below) for key, below in found.items() if key != "_errors"]
    return here + [one for key, below in inner for one in _problems(below, f"{where}.{key}".lstrip("."))]


@dataclass(frozen=True)
class Client:
    """Speaks to the server with the bot's token, and as alice."""

    http: aiohttp.ClientSession
    server: Discord

    async def call(self, method: str, path: str, body: Any = None, *files: tuple[str, bytes], token: str = "") -> Reply:
        data: Any = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bot {token or self.server.token}"}
        if files:
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body))
            for number, (name, content) in enumerate(files):
                data.add_field(f"files[{number}]", io.BytesIO(content), filename=name)
        elif data:
            headers["Content-Type"] = "application/json"
        async with self.http.request(method, self.server.base + API + path, data=data, headers=headers) as response:
            said = await response.read()
            return Reply(response.status, response.headers, json.loads(said) if said else None)

    async def fetch(self, url: str) -> tuple[int, bytes]:
        async with self.http.get(url) as response:
            return response.status, await response.read()

    async def asked(self, kind: int = COMMAND, on: Message | None = None) -> str:
        """Have alice use a command, or press a button; return the path of what answers it."""
        token = await self.server.interact(kind, CUSTOM, on)
        return f"/interactions/{self.server.interactions[token].id}/{token}/callback?with_response=1"

    async def answered(self, kind: int = 4, data: Payload | None = None, *files: tuple[str, bytes]) -> str:
        """Have alice's command answered; return the path of the token's webhook."""
        path = await self.asked()
        reply = await self.call("POST", path, {"type": kind, "data": data or {"content": "hello"}}, *files)
        assert reply.status == 200, reply
        return f"/webhooks/1000/{path.split('/')[3]}"


def shown(*names: str, **more: Any) -> Payload:
    """A message whose gallery shows files by their names."""
    items = [{"media": {"url": f"attachment://{name}"}} for name in names]
    return {"flags": V2, "components": [{"type": 12, "items": items}], **more}


def texts(*parts: str) -> Payload:
    """A message of texts."""
    return {"flags": V2, "components": [{"type": 10, "content": part} for part in parts]}


@asynccontextmanager
async def speaking_to(server: Discord) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(http, server)
