"""The gateway: a socket that tells the bot what happens, can be cut, and goes on where it was."""

import json

import aiohttp
from aiohttp import web

from tests.loopback.state import State
from tests.loopback.wire import BOT, Payload

HEARTBEAT_MILLISECONDS = 40_000
WRONG_TOKEN = 4004


class Gateway(State):
    """The state with a socket."""

    def __init__(self) -> None:
        super().__init__()
        self._socket: web.WebSocketResponse | None = None
        self._sequence = 0
        self.connections = 0  # that identified themselves
        self.close_code = 0  # with which whoever identifies is sent away
        self._missed: list[Payload] = []  # while the socket was cut
        self.presences: list[Payload] = []  # what the bot told of itself

    async def cut(self) -> None:
        """Break the gateway's connection, as a network does: without a word."""
        assert self._socket
        assert self._socket._req
        assert self._socket._req.transport
        self._socket._req.transport.abort()

    async def babble(self, words: str | bytes) -> None:
        """Say something that is no payload."""
        assert self._socket
        await (self._socket.send_bytes(words) if isinstance(words, bytes) else self._socket.send_str(words))

    async def dispatch(self, event: str, data: Payload) -> None:
        self._sequence += 1
        told = {"op": 0, "t": event, "s": self._sequence, "d": data}
        if self._socket is None:
            return
        try:
            await self._socket.send_json(told)
        except ConnectionError:
            self._missed.append(told)

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        """Speak to one connection until it ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MILLISECONDS}})
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            body = json.loads(message.data)
            match body["op"]:
                case 1:
                    await socket.send_json({"op": 11})
                case 2 | 6 if body["d"]["token"] != self.token:
                    await socket.close(code=WRONG_TOKEN, message=b"Authentication failed.")
                case 2 if self.close_code:
                    await socket.close(code=self.close_code)
                case 2:
                    self._socket = socket
                    self.connections += 1
                    await self._identify()
                case 3:
                    self.presences.append(body["d"])
                case 6:
                    self._socket, missed = socket, self._missed
                    self._missed = []
                    for told in missed:
                        await socket.send_json(told)
                    await self.dispatch("RESUMED", {})
                    self.resumed.set()
        return socket

    async def _identify(self) -> None:
        guild = self.guild()
        ready = {"v": 10, "user": BOT, "guilds": [{"id": guild["id"], "unavailable": True}], "shard": [0, 1]}
        session = {"session_id": "session", "resume_gateway_url": f"{self.base.replace('http', 'ws')}/gateway"}
        await self.dispatch("READY", {**ready, **session, "application": {"id": "1000", "flags": 0}})
        await self.dispatch("GUILD_CREATE", guild)
        self.identified.set()
