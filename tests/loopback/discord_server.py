"""A small Discord: login, commands, a gateway that can be cut, interactions and channels with their messages, a CDN.

It speaks as much of the protocol as the bot needs, over HTTP and a WebSocket on loopback, and refuses what Discord
refuses: see `component_rules`, `message_rules`, `command_rules` and `rate_limits`. Faults are put in `faults`: each is
taken by the next request that it matches, and answers in place of the server. Those in `losses` do that when the server
has done what it was asked for: the request arrived, and its receipt is lost.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from tests.loopback.applications import Applications
from tests.loopback.channels import Channels
from tests.loopback.files import Fault, StoredFile
from tests.loopback.gateway import Gateway
from tests.loopback.interactions import COMMAND, COMPONENT, FORM_SENT, Interactions
from tests.loopback.messages import Message
from tests.loopback.refusals import ApiError
from tests.loopback.state import AWAY, DM, GUILD, HERE, MEMBER, USUAL, Interaction
from tests.loopback.wire import ALICE, BOT, Payload, paths, respond, walk

API = "/api/v10"
BODY_BYTES = 60 * 2**20  # more than Discord takes, so that it is this server's code that refuses
OPEN = ("/interactions/", "/webhooks/")  # these need no other right than the token in their path
ATTACHMENT = 11  # an option's type

File = tuple[str, bytes | Fault]
Mishap = Callable[[web.Request, bool], Fault | None]
"""Tells what happens to a request: before the server has done anything, or (True) once it has done what was asked."""


class Discord(Gateway):
    """The server, and what a test does to it: `member` is who acts, `here` is where, `may` is what they may do."""

    def __init__(self) -> None:
        super().__init__()
        self.member = ALICE  # who does what follows
        self.here = HERE
        self.may = USUAL
        self.locale = "en-US"
        self.uploads: dict[str, StoredFile] = {}  # what alice handed in
        self.faults: list[tuple[str, str, Fault]] = []  # method, a part of the path, what to do
        self.losses: list[tuple[str, str, Fault]] = []  # the same, once the server has done what it was asked for
        self.mishap: Mishap | None = None  # one that nobody has put there

    # -- what a member does -------------------------------------------------------------------------------------------

    async def slash(self, name: str, **options: Any) -> str:
        """Use a command as alice; return the interaction's token. An attachment is given as (file name, content)."""
        kinds = {option["name"]: option["type"] for option in self.commands[name]["options"]}
        longest = {option["name"]: option.get("max_length", 6000) for option in self.commands[name]["options"]}
        given = []
        resolved: Payload = {}
        for key, value in options.items():
            if kinds[key] == ATTACHMENT:
                file = self._hand_in(value)
                resolved[file.id] = self.files.attachment(file)
                value = file.id  # noqa: PLW2901
            assert not isinstance(value, str) or len(value) <= longest[key], "more than Discord lets anybody type"
            given.append({"name": key, "type": kinds[key], "value": value})
        data = {"id": self.commands[name]["id"], "name": name, "type": 1, "options": given}
        return await self.interact(COMMAND, data | ({"resolved": {"attachments": resolved}} if resolved else {}))

    async def menu(self, name: str, message: Message) -> str:
        """Use a message's menu as alice."""
        data = {"id": self.commands[name]["id"], "name": name, "type": 3, "target_id": message.id}
        return await self.interact(COMMAND, data | {"resolved": {"messages": {message.id: message.payload()}}})

    async def press(self, message: Message, label: str) -> str:
        """Press a button as alice; return the new interaction's token."""
        (button,) = [part for part in walk(message.components) if part.get("label") == label]
        return await self.interact(COMPONENT, {"custom_id": button["custom_id"], "component_type": 2}, message)

    async def submit(self, form: Payload, *values: Any, on: Message | None = None) -> str:
        """Send a form that a callback brought, its fields filled in their order. Files are (file name, content)."""
        given, left = [], list(values)
        resolved: Payload = {}
        for _, part in paths(form["components"]):
            if "custom_id" not in part:
                continue
            value = left.pop(0) if left else part.get("value", "")
            filled = {"type": part["type"], "custom_id": part["custom_id"], "id": part.get("id", 0)}
            if part["type"] == 19:
                files = [self._hand_in(file) for file in value or ()]
                resolved |= {file.id: self.files.attachment(file) for file in files}
                filled["values"] = [file.id for file in files]
            else:
                filled["values" if isinstance(value, list) else "value"] = value
            given.append({"type": 18, "id": 0, "component": filled})
        more = {"resolved": {"attachments": resolved}} if resolved else {}
        return await self.interact(FORM_SENT, {"custom_id": form["custom_id"], "components": given, **more}, on)

    async def say(self, content: str = "", *files: File, to: Message | None = None) -> Message:
        """Write a message as the member, who calls the bot where they mention it or answer it."""
        message = Message(self.snowflake(), self.here, author=self.member, content=content, reference=to)
        if f"<@{BOT['id']}>" in content or (to and to.author is BOT):
            message.called = [BOT["id"]]
        message.stored = [self._hand_in(file, f"attachments/{self.here}") for file in files]
        message.attachments = [self.files.attachment(file) for file in message.stored]
        self.messages[message.id] = message
        channel = self.channels[self.here]
        told = message.payload() | ({"guild_id": GUILD, "member": MEMBER} if channel.guild_id else {})
        if channel.type != DM and not message.called:
            told |= {"content": "", "attachments": [], "components": []}  # none of what is not meant for the bot
        await self.dispatch("MESSAGE_CREATE", told)
        return message

    async def interact(self, kind: int, data: Payload, message: Message | None = None) -> str:
        """Tell the bot of an interaction of the member's; return its token."""
        channel = self.channels[AWAY if self.user_installed else self.here]
        token = f"token-{self.snowflake()}"
        one = Interaction(self.snowflake(), token, kind, channel, message, own_app=self.user_installed)
        self.interactions[token] = one
        may = str(USUAL if self.user_installed or channel.type == DM else channel.permissions)
        who: Payload = {"user": self.member}
        if channel.guild_id:
            server = {"id": channel.guild_id, "locale": "en-US", "features": []}
            who = {"member": {"user": self.member, "permissions": str(self.may), **MEMBER}}
            who |= {"guild_id": channel.guild_id, "guild": server, "guild_locale": "en-US"}
        await self.dispatch(
            "INTERACTION_CREATE",
            {
                "id": one.id,
                "application_id": "1000",
                "type": kind,
                "data": data,
                "channel": channel.payload() | {"permissions": str(self.may)},
                "channel_id": channel.id,
                "token": token,
                "version": 1,
                "app_permissions": may,
                "locale": self.locale,
                "entitlements": [],
                "authorizing_integration_owners": {"1": self.member["id"]} if self.user_installed else {"0": GUILD},
                "context": 0 if channel.guild_id else 1,
                "attachment_size_limit": self.file_limit,
                **({"message": message.payload()} if message else {}),
                **who,
            },
        )
        return token

    def _hand_in(self, file: File, folder: str = "ephemeral-attachments/1000") -> StoredFile:
        stored = StoredFile(self.snowflake(), folder, *file, ephemeral=folder.startswith("ephemeral"))
        self.files.stored[stored.id] = self.uploads[stored.id] = stored
        return stored

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        await asyncio.sleep(self.delay)
        if answer := _taken(self.faults, request) or self._mishap(request, arrived=False):
            return await answer(request)
        if not request.path.startswith(API):
            return await handler(request)
        path, headers = request.path.removeprefix(API), {}
        try:
            if not path.startswith(OPEN) and request.headers.get("Authorization") != f"Bot {self.token}":
                raise ApiError(0, status=401, message="401: Unauthorized")
            headers = self.limits.count(request, path)
            response = await handler(request)
        except ApiError as refused:
            await request.read()
            self.refusals.append((request.method, request.path, refused))
            return respond(refused.body, refused.status, **headers | refused.headers)
        response.headers.update(headers)
        if answer := _taken(self.losses, request) or self._mishap(request, arrived=True):
            return await answer(request)
        return response

    def _mishap(self, request: web.Request, *, arrived: bool) -> Fault | None:
        return self.mishap(request, arrived) if self.mishap else None


def _taken(faults: list[tuple[str, str, Fault]], request: web.Request) -> Fault | None:
    """Take the first fault that a request matches."""
    for fault in faults:
        method, part, answer = fault
        if request.method == method and part in request.path:
            faults.remove(fault)
            return answer
    return None


@asynccontextmanager
async def serve() -> AsyncIterator[Discord]:
    """Run the server on a free loopback port, and its proxy on another."""
    server = Discord()
    routes = [web.get("/gateway", server.gateway), web.get(r"/cdn/{folder:.+}/{id:\d+}/{name}", server.files.cdn)]
    routes += Applications(server).routes(API) + Channels(server).routes(API) + Interactions(server).routes(API)
    copies = [web.get(r"/external/{rest:.+}", server.files.proxy)]
    copies += [web.get(r"/{folder:.+}/{id:\d+}/{name}", server.files.proxy)]
    async with AsyncExitStack() as stack:
        server.base = await _listen(stack, routes, [server.middleware])
        server.files.cdn_base = server.base
        server.files.proxy_base = await _listen(stack, copies)
        yield server


async def _listen(stack: AsyncExitStack, routes: Sequence[web.RouteDef], middlewares: Sequence[Any] = ()) -> str:
    app = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES)
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


__all__ = ["Discord", "Fault", "Message", "serve"]
