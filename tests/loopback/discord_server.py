"""A small Discord: login, commands, a gateway that can be cut, interactions with their messages, and a CDN.

It speaks as much of the protocol as the bot needs, over HTTP and a WebSocket on loopback. Faults are put in `faults`:
each is taken by the next request that it matches, and answers in place of the server.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tests.loopback.wire import ALICE, AWAY, BOT, CHANNEL, GUILD, Message, Payload, read, respond, walk

EPOCH = 1420070400000  # Discord's, in milliseconds
HEARTBEAT_MILLISECONDS = 40_000
FOLLOW_UPS = 5  # that a user-installed app may send an interaction

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Discord:
    """The server's state, and what a test does to it."""

    def __init__(self) -> None:
        self.base = ""
        self.messages: dict[str, Message] = {}  # by interaction token: its original response; "+N" for what follows
        self.commands: dict[str, Payload] = {}
        self.requests: list[tuple[str, str]] = []
        self.uploads: dict[str, bytes | Fault] = {}
        self.faults: list[tuple[str, str, Fault]] = []  # method, a part of the path, what to do
        self.file_bytes = 10 * 2**20  # that it says it takes
        self.user_installed = False  # alice brought the bot along, to a server that it is no member of
        self.identified = asyncio.Event()
        self.resumed = asyncio.Event()
        self._socket: web.WebSocketResponse | None = None
        self._sequence = 0
        self._last_id = 0

    def snowflake(self) -> str:
        self._last_id = max(self._last_id + 1, (int(time.time() * 1000) - EPOCH) << 22)
        return str(self._last_id)

    # -- what a test does ---------------------------------------------------------------------------------------------

    async def slash(self, name: str, **options: Any) -> str:
        """Use a command as alice; return the interaction's token. An attachment is given as (file name, content)."""
        token, resolved, given = f"token-{self.snowflake()}", {}, []
        kinds = {option["name"]: option["type"] for option in self.commands[name]["options"]}
        for key, value in options.items():
            if isinstance(value, tuple):
                id = self.snowflake()
                self.uploads[id] = value[1]
                size = len(value[1]) if isinstance(value[1], bytes) else 100
                url = f"{self.base}/cdn/{id}/{value[0]}"
                resolved[id] = {"id": id, "filename": value[0], "size": size, "url": url, "proxy_url": url}
                value = id  # noqa: PLW2901
            given.append({"name": key, "type": kinds[key], "value": value})
        data = {"id": self.commands[name]["id"], "name": name, "type": 1, "options": given}
        await self._interaction(token, 2, data | ({"resolved": {"attachments": resolved}} if resolved else {}))
        return token

    async def press(self, message: Message, label: str) -> str:
        """Press a button as alice; return the new interaction's token."""
        (button,) = [part for part in walk(message.components) if part.get("label") == label]
        token = f"token-{self.snowflake()}"
        data = {"custom_id": button["custom_id"], "component_type": 2}
        await self._interaction(token, 3, data, message=message.payload())
        return token

    async def cut(self) -> None:
        """Break the gateway's connection, as a network does: without a word."""
        assert self._socket
        assert self._socket._req
        assert self._socket._req.transport
        self._socket._req.transport.abort()

    async def _interaction(self, token: str, kind: int, data: Payload, **more: Any) -> None:
        member = {
            "user": ALICE,
            "roles": [],
            "joined_at": "2026-01-01T00:00:00+00:00",
            "permissions": "3072",
            "flags": 0,
        }
        await self._dispatch(
            "INTERACTION_CREATE",
            {
                "id": self.snowflake(),
                "application_id": "1000",
                "type": kind,
                "data": data,
                "guild_id": "3000",
                "guild": {"id": "3000", "locale": "en-US", "features": []},
                "channel": CHANNEL | {"permissions": "3072"},
                "channel_id": "4000",
                "member": member | {"deaf": False, "mute": False},
                "token": token,
                "version": 1,
                "app_permissions": "35840",
                "locale": "en-US",
                "guild_locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {"0": "3000"},
                "context": 0,
                "attachment_size_limit": self.file_bytes,
                **(AWAY if self.user_installed else {}),
                **more,
            },
        )

    # -- the gateway --------------------------------------------------------------------------------------------------

    async def _dispatch(self, event: str, data: Payload) -> None:
        assert self._socket
        self._sequence += 1
        await self._socket.send_json({"op": 0, "t": event, "s": self._sequence, "d": data})

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = self._socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MILLISECONDS}})
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            body = json.loads(message.data)
            match body["op"]:
                case 1:
                    await socket.send_json({"op": 11})
                case 2:
                    ready = {"v": 10, "user": BOT, "guilds": [{"id": "3000", "unavailable": True}], "shard": [0, 1]}
                    session = {
                        "session_id": "session",
                        "resume_gateway_url": f"{self.base.replace('http', 'ws')}/gateway",
                    }
                    await self._dispatch("READY", {**ready, **session, "application": {"id": "1000", "flags": 0}})
                    await self._dispatch("GUILD_CREATE", GUILD)
                    self.identified.set()
                case 6:
                    await self._dispatch("RESUMED", {})
                    self.resumed.set()
        return socket

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        for fault in self.faults:
            method, part, answer = fault
            if request.method == method and part in request.path:
                self.faults.remove(fault)
                return await answer(request)
        return await handler(request)

    async def me(self, request: web.Request) -> web.Response:
        return respond(BOT)

    async def application(self, request: web.Request) -> web.Response:
        return respond(
            {"id": "1000", "name": "janus", "description": "", "bot_public": True, "bot_require_code_grant": False}
            | {"owner": ALICE, "team": None, "verify_key": "", "flags": 0, "icon": None}
        )

    async def where(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        url = f"{self.base.replace('http', 'ws')}/gateway"
        return respond({"url": url, "shards": 1, "session_start_limit": limit})

    async def register(self, request: web.Request) -> web.Response:
        commands = [{**command, "id": self.snowflake(), "application_id": "1000"} for command in await request.json()]
        self.commands = {command["name"]: {"options": [], "description": "", **command} for command in commands}
        return respond([{**command, "version": "1"} for command in self.commands.values()])

    async def callback(self, request: web.Request) -> web.Response:
        body, files = await read(request)
        token = request.match_info["token"]
        response = {"interaction": {"id": request.match_info["id"], "type": 2}}
        if body["type"] in {4, 5}:  # a message, or one that says that the bot is thinking
            message = self.messages[token] = Message(self.snowflake())
            self._write(message, body["data"], files)
            message.flags = body["data"].get("flags", 0)
            response["resource"] = {"type": body["type"], "message": message.payload()}
        return respond(response)

    async def edit(self, request: web.Request) -> web.Response:
        body, files = await read(request)
        message = self.messages.get(request.match_info["token"])
        if message is None:
            return respond({"code": 10008, "message": "Unknown Message"}, status=404)
        self._write(message, body, files)
        return respond(message.payload())

    async def follow_up(self, request: web.Request) -> web.Response:
        body, files = await read(request)
        sent = sum(token.startswith(f"{request.match_info['token']}+") for token in self.messages)
        if self.user_installed and sent >= FOLLOW_UPS:
            return respond({"code": 40094, "message": "Maximum number of follow ups reached"}, status=400)
        message = Message(self.snowflake(), body.get("flags", 0))
        self._write(message, body, files)
        self.messages[f"{request.match_info['token']}+{len(self.messages)}"] = message
        return respond(message.payload())

    async def delete(self, request: web.Request) -> web.Response:
        self.messages.pop(request.match_info["token"], None)
        return web.Response(status=204)

    async def cdn(self, request: web.Request) -> web.StreamResponse:
        content = self.uploads[request.match_info["id"]]
        return web.Response(body=content) if isinstance(content, bytes) else await content(request)

    def _write(self, message: Message, body: Payload, files: dict[str, bytes]) -> None:
        message.content = body.get("content") or message.content
        message.components = body.get("components", message.components)
        if "attachments" in body:
            message.files = files
            message.attachments = [
                {"id": self.snowflake(), "filename": name, "size": len(data), "url": "", "proxy_url": ""}
                for name, data in files.items()
            ]


@asynccontextmanager
async def serve() -> AsyncIterator[Discord]:
    """Run the server on a free loopback port."""
    server = Discord()
    app = web.Application(middlewares=[server.middleware], client_max_size=30 * 2**20)
    api = "/api/v10"
    original = "/webhooks/1000/{token}/messages/@original"
    app.add_routes(
        [
            web.get("/gateway", server.gateway),
            web.get(f"{api}/users/@me", server.me),
            web.get(f"{api}/oauth2/applications/@me", server.application),
            web.get(f"{api}/gateway/bot", server.where),
            web.put(f"{api}/applications/1000/commands", server.register),
            web.post(api + "/interactions/{id}/{token}/callback", server.callback),
            web.patch(api + original, server.edit),
            web.delete(api + original, server.delete),
            web.post(api + "/webhooks/1000/{token}", server.follow_up),
            web.get("/cdn/{id}/{name}", server.cdn),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.base = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
