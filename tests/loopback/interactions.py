"""Answers to interactions: callbacks, their original message, and what follows it.

Facts of https://docs.discord.com/developers/interactions/receiving-and-responding. That UPDATE_MESSAGE drops files
that it does not list is told in https://github.com/discord/discord-api-docs/issues/6277.
"""

from dataclasses import dataclass

from aiohttp import web

from tests.loopback.component_rules import check_form
from tests.loopback.message_rules import check_size
from tests.loopback.messages import Message
from tests.loopback.refusals import ApiError, Problems
from tests.loopback.state import ATTACH, Interaction, State
from tests.loopback.wire import EPHEMERAL, LOADING, Payload, Sent, read, respond

COMMAND, COMPONENT, AUTOCOMPLETE, FORM_SENT = 2, 3, 4, 5
SAY, DEFER, DEFER_UPDATE, UPDATE, SUGGEST, FORM = 4, 5, 6, 7, 8, 9
ALLOWED = {
    COMMAND: {SAY, DEFER, FORM},
    COMPONENT: {SAY, DEFER, DEFER_UPDATE, UPDATE, FORM},
    AUTOCOMPLETE: {SUGGEST},
    FORM_SENT: {SAY, DEFER},
}
FOLLOW_UPS = 5  # that a user-installed app may send an interaction


@dataclass(frozen=True)
class Interactions:
    """The routes that need no other right than an interaction's token."""

    state: State

    def routes(self, api: str) -> list[web.RouteDef]:
        message = api + "/webhooks/{application}/{token}/messages/{message}"
        return [
            web.post(api + "/interactions/{id}/{token}/callback", self.callback),
            web.post(api + "/webhooks/{application}/{token}", self.follow_up),
            web.get(message, self.get),
            web.patch(message, self.edit),
            web.delete(message, self.delete),
        ]

    # -- the answer ---------------------------------------------------------------------------------------------------

    async def callback(self, request: web.Request) -> web.Response:
        body, sent = await read(request)
        one = self.state.interactions.get(request.match_info["token"])
        if one is None or one.id != request.match_info["id"] or one.age > self.state.answer_seconds:
            raise ApiError(10062)
        if one.answer is not None:
            raise ApiError(40060)
        kind, data = body.get("type"), body.get("data") or {}
        if kind not in ALLOWED[one.type] | ({DEFER_UPDATE, UPDATE} if one.type == FORM_SENT and one.message else set()):
            problems = Problems()
            problems.add("type", "BASE_TYPE_CHOICES", f"{kind} is no answer to an interaction of type {one.type}")
            problems.end()
        if kind in (SAY, DEFER, UPDATE):
            self._check_place(one, sent)
        match kind:
            case 4 | 5:
                await self._say(one, data, sent, deferred=kind == DEFER)
            case 6:
                one.original = self.state.check_exists(one.message)
            case 7:
                one.original = self.state.check_exists(one.message)
                self.state.desk.edit(one.original, data, sent, inside="data", drops=True)
                await self.state.announce("MESSAGE_UPDATE", one.original)
            case 8:
                problems = Problems("data")
                problems.number("choices", len(data.get("choices") or ()), 0, 25)
                problems.end()
            case 9:
                check_form(data, Problems("data"))
                one.form = data
        one.answer, one.waited = kind, one.age
        if request.query.get("with_response", "").lower() not in ("1", "true"):
            return web.Response(status=204)
        return respond(self._told(one))

    def _check_place(self, one: Interaction, sent: list[Sent]) -> None:
        if one.channel.locked:
            self.state.check_open(one.channel, status=403)
        if sent and not one.own_app and one.channel.guild_id and not one.channel.permissions & ATTACH:
            raise ApiError(50013)
        check_size(sent, self.state.file_limit, self.state.request_limit)

    async def _say(self, one: Interaction, data: Payload, sent: list[Sent], *, deferred: bool) -> None:
        message = Message(self.state.snowflake(), one.channel.id, webhook=True, flags=data.get("flags", 0) & EPHEMERAL)
        if deferred:
            message.flags |= LOADING
        else:
            self.state.desk.fill(message, data, sent, inside="data", to_interaction=True)
        one.channel.archived = False
        one.original = self.state.messages[one.token] = message
        await self.state.announce("MESSAGE_CREATE", message)

    def _told(self, one: Interaction) -> Payload:
        told: Payload = {"id": one.id, "type": one.type}
        if one.original:
            flags = one.original.flags
            told |= {"response_message_id": one.original.id, "channel_id": one.original.channel_id}
            told |= {"response_message_loading": bool(flags & LOADING)}
            told |= {"response_message_ephemeral": bool(flags & EPHEMERAL)}
        if one.original and one.answer in (SAY, UPDATE):
            return {"interaction": told, "resource": {"type": one.answer, "message": one.original.payload()}}
        return {"interaction": told}

    # -- what comes after it ------------------------------------------------------------------------------------------

    async def follow_up(self, request: web.Request) -> web.Response:
        body, sent = await read(request)
        one = self._answered(request)
        self._check_place(one, sent)
        if one.original and one.original.flags & LOADING and one.answer == DEFER:
            return await self._edited(one, self.state.check_exists(one.original), _as_edit(body), sent)
        if one.own_app and one.follow_ups >= FOLLOW_UPS:
            raise ApiError(40094)
        message = Message(self.state.snowflake(), one.channel.id, webhook=True)
        self.state.desk.fill(message, body, sent, to_interaction=True)
        one.follow_ups += 1
        self.state.messages[f"{one.token}+{one.follow_ups}"] = message
        await self.state.announce("MESSAGE_CREATE", message)
        return respond(message.payload())

    async def get(self, request: web.Request) -> web.Response:
        return respond(self._addressed(self._answered(request), request).payload())

    async def edit(self, request: web.Request) -> web.Response:
        body, sent = await read(request)
        one = self._answered(request)
        return await self._edited(one, self._addressed(one, request), body, sent)

    async def delete(self, request: web.Request) -> web.Response:
        one = self._answered(request)
        message = self._addressed(one, request)
        self.state.check_open(one.channel)
        await self.state.take_away(message)
        return web.Response(status=204)

    async def _edited(self, one: Interaction, message: Message, body: Payload, sent: list[Sent]) -> web.Response:
        self.state.check_open(one.channel)
        self._check_place(one, sent)
        self.state.desk.edit(message, body, sent)
        await self.state.announce("MESSAGE_UPDATE", message)
        return respond(message.payload())

    def _answered(self, request: web.Request) -> Interaction:
        """Find an interaction whose token can still be used. Raises ApiError."""
        one = self.state.interactions.get(request.match_info["token"])
        if request.match_info["application"] != "1000" or one is None or one.answer is None:
            raise ApiError(10015)
        if one.age > self.state.token_seconds:
            raise ApiError(50027)
        return one

    def _addressed(self, one: Interaction, request: web.Request) -> Message:
        id = request.match_info["message"]
        if id == "@original":
            return self.state.check_exists(one.original)
        for key, message in self.state.messages.items():
            if message.id == id and key.partition("+")[0] == one.token:
                return message
        raise ApiError(10008)


def _as_edit(body: Payload) -> Payload:
    """Return a follow-up as the edit that Discord makes of it after a deferred answer, whose privacy stays."""
    return {**body, "flags": (body.get("flags") or 0) & ~EPHEMERAL}
