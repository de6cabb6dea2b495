"""What the bot does in channels with its own token: messages, threads, direct messages.

Facts of https://docs.discord.com/developers/resources/message and /resources/channel.
"""

from dataclasses import dataclass

from aiohttp import web

from tests.loopback.message_rules import check_size
from tests.loopback.messages import Message
from tests.loopback.refusals import ApiError, Problems
from tests.loopback.state import (
    ATTACH,
    DM,
    HISTORY,
    MANAGE_MESSAGES,
    MANAGE_THREADS,
    OPEN_THREADS,
    PRIVATE,
    SEND,
    SEND_IN_THREADS,
    SILENT,
    THREAD,
    THREADS,
    Channel,
    State,
)
from tests.loopback.wire import ALICE, BOT, Payload, Sent, read, respond

PAGE = 50  # messages, unless more are asked for


@dataclass(frozen=True)
class Channels:
    """The routes below /channels, and the one that opens a direct message."""

    state: State

    def routes(self, api: str) -> list[web.RouteDef]:
        channel = api + r"/channels/{channel:\d+}"
        message = channel + r"/messages/{message:\d+}"
        return [
            web.get(channel, self.get_channel),
            web.get(f"{channel}/messages", self.history),
            web.post(f"{channel}/messages", self.send),
            web.post(f"{channel}/typing", self.typing),
            web.post(f"{channel}/threads", self.open_thread),
            web.get(message, self.get),
            web.patch(message, self.edit),
            web.delete(message, self.delete),
            web.post(f"{message}/threads", self.open_thread),
            web.post(f"{api}/users/@me/channels", self.open_direct),
        ]

    async def get_channel(self, request: web.Request) -> web.Response:
        return respond(self._channel(request).payload())

    async def typing(self, request: web.Request) -> web.Response:
        self._check_may_write(self._channel(request))
        return web.Response(status=204)

    async def open_direct(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        if str(body.get("recipient_id")) != ALICE["id"]:
            raise ApiError(10013)
        return respond(self.state.channels[PRIVATE].payload())

    async def open_thread(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        parent = self._channel(request)
        problems = Problems()
        problems.length("name", body.get("name"), 100)
        problems.end()
        if not parent.permissions & OPEN_THREADS:
            raise ApiError(50013)
        id = request.match_info.get("message") or self.state.snowflake()  # a message's thread has its number
        thread = Channel(id, body.get("type", THREAD), body["name"], parent.guild_id, parent.id, parent.permissions)
        self.state.channels[id] = thread
        await self.state.dispatch("THREAD_CREATE", thread.payload() | {"newly_created": True})
        return respond(thread.payload(), 201)

    # -- messages -----------------------------------------------------------------------------------------------------

    async def send(self, request: web.Request) -> web.Response:
        body, sent = await read(request)
        channel = self._channel(request)
        self._check_may_write(channel)
        self._check_files(channel, sent)
        if body.get("enforce_nonce") and str(body.get("nonce")) in channel.nonces:
            return respond(channel.nonces[str(body["nonce"])].payload())
        message = Message(self.state.snowflake(), channel.id, reference=self._referred(channel, body))
        message.nonce = None if body.get("nonce") is None else str(body["nonce"])
        self.state.desk.fill(message, body, sent, to_interaction=False)
        if message.nonce:
            channel.nonces[message.nonce] = message
        channel.archived = False
        self.state.messages[message.id] = message
        await self.state.announce("MESSAGE_CREATE", message)
        return respond(message.payload())

    async def history(self, request: web.Request) -> web.Response:
        channel, limit = self._channel(request), int(request.query.get("limit", PAGE))
        problems = Problems()
        problems.number("limit", limit, 1, 100)
        problems.end()
        if not channel.permissions & HISTORY:
            return respond([])
        before, after = int(request.query.get("before", 1 << 64)), int(request.query.get("after", 0))
        seen = {one.id: one for one in self.state.messages.values() if one.channel_id == channel.id}
        found = [one for one in seen.values() if after < int(one.id) < before and not one.ephemeral]
        newest = sorted(found, key=lambda one: int(one.id), reverse=True)
        page = newest[-limit:] if "after" in request.query else newest[:limit]  # those next to what is named
        return respond([one.payload() for one in page])

    async def get(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        if not channel.permissions & HISTORY:
            raise ApiError(50013)
        return respond(self.state.in_channel(channel, request.match_info["message"]).payload())

    async def edit(self, request: web.Request) -> web.Response:
        body, sent = await read(request)
        channel = self._channel(request)
        message = self.state.in_channel(channel, request.match_info["message"])
        if message.author["id"] != BOT["id"]:
            raise ApiError(50005)
        self.state.check_open(channel)
        self._check_files(channel, sent)
        if message.is_old:
            message.old_edits += 1
            if message.old_edits > self.state.old_edits:
                raise ApiError(
                    30046, retry_after=self.state.limits.second, **{"global": False}, headers={"Via": "1.1 google"}
                )
        self.state.desk.edit(message, body, sent)
        await self.state.announce("MESSAGE_UPDATE", message)
        return respond(message.payload())

    async def delete(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        message = self.state.in_channel(channel, request.match_info["message"])
        if message.author["id"] != BOT["id"] and not channel.permissions & MANAGE_MESSAGES:
            raise ApiError(50013)
        self.state.check_open(channel)
        await self.state.take_away(message)
        return web.Response(status=204)

    # -- what may be done ---------------------------------------------------------------------------------------------

    def _channel(self, request: web.Request) -> Channel:
        return self.state.channel(request.match_info["channel"])

    def _check_may_write(self, channel: Channel) -> None:
        if channel.type in SILENT:
            raise ApiError(50008)
        if channel.type == DM:
            if channel.closed:
                raise ApiError(50007)
        elif not channel.permissions & (SEND_IN_THREADS if channel.type in THREADS else SEND):
            raise ApiError(50013)
        if channel.locked and not channel.permissions & MANAGE_THREADS:
            raise ApiError(160005)

    def _check_files(self, channel: Channel, sent: list[Sent]) -> None:
        if sent and channel.type != DM and not channel.permissions & ATTACH:
            raise ApiError(50013)
        check_size(sent, self.state.file_limit, self.state.request_limit)

    def _referred(self, channel: Channel, body: Payload) -> Message | None:
        reference = body.get("message_reference")
        if not reference:
            return None
        if channel.type != DM and not channel.permissions & HISTORY:
            raise ApiError(160002)
        try:
            return self.state.in_channel(channel, str(reference["message_id"]))
        except ApiError:
            if reference.get("fail_if_not_exists") is False:
                return None
        problems = Problems()
        problems.add("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        problems.end()
        raise AssertionError
