"""What the bot asks about itself, and the commands that it tells."""

from dataclasses import dataclass

from aiohttp import web

from tests.loopback.command_rules import check_commands
from tests.loopback.refusals import ApiError
from tests.loopback.state import GUILD, State
from tests.loopback.wire import ALICE, BOT, Payload, read, respond


@dataclass(frozen=True)
class Applications:
    """The routes of the application, its commands, users and servers."""

    state: State

    def routes(self, api: str) -> list[web.RouteDef]:
        every, one = f"{api}/applications/1000/commands", api + "/applications/1000/guilds/{guild}/commands"
        return [
            web.get(f"{api}/users/@me", self.me),
            web.get(api + r"/users/{user:\d+}", self.user),
            web.get(api + "/guilds/{guild}", self.guild),
            web.get(f"{api}/oauth2/applications/@me", self.application),
            web.get(f"{api}/gateway/bot", self.where),
            web.get(every, self.registered),
            web.put(every, self.register),
            web.get(one, self.registered),
            web.put(one, self.register),
        ]

    async def me(self, request: web.Request) -> web.Response:
        return respond(BOT | {"locale": "en-US", "mfa_enabled": False})

    async def user(self, request: web.Request) -> web.Response:
        for user in (BOT, ALICE):
            if user["id"] == request.match_info["user"]:
                return respond(user)
        raise ApiError(10013)

    async def guild(self, request: web.Request) -> web.Response:
        if request.match_info["guild"] != GUILD:
            raise ApiError(10004)
        return respond(self.state.guild())

    async def application(self, request: web.Request) -> web.Response:
        installs: Payload = {"0": {}, "1": {}} if self.state.user_install_enabled else {"0": {}}
        return respond(
            {"id": "1000", "name": "janus", "description": "", "bot_public": True, "bot_require_code_grant": False}
            | {"owner": ALICE, "team": None, "verify_key": "", "flags": 0, "icon": None}
            | {"integration_types_config": installs}
        )

    async def where(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        url = f"{self.state.base.replace('http', 'ws')}/gateway"
        return respond({"url": url, "shards": 1, "session_start_limit": limit})

    async def registered(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        return respond([one for one in self.state.commands.values() if one.get("guild_id", "") == guild])

    async def register(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        guild = self._guild(request)
        check_commands(body, of_guild=bool(guild), user_install=self.state.user_install_enabled)
        others = {name: one for name, one in self.state.commands.items() if one.get("guild_id", "") != guild}
        told: dict[str, Payload] = {}
        for command in body:
            kept = {"options": [], "description": "", "type": 1, **command, "application_id": "1000", "version": "1"}
            may = command.get("default_member_permissions")
            kept["default_member_permissions"] = None if may is None else str(may)
            kept |= {"guild_id": guild} if guild else {}
            old = self.state.commands.get(command["name"], {})
            same = {**old, "id": "", "version": ""} == {**kept, "id": "", "version": ""}
            told[command["name"]] = {
                **kept,
                "id": old["id"] if old.get("guild_id", "") == guild and old else self.state.snowflake(),
                "version": old["version"] if same else self.state.snowflake(),
            }
        self.state.commands = others | told
        return respond(list(told.values()))

    def _guild(self, request: web.Request) -> str:
        guild = request.match_info.get("guild", "")
        if guild and guild != GUILD:
            raise ApiError(50001)
        return guild
