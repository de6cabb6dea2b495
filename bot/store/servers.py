"""Servers: what each of them chose for itself, whom it blocked, and what its members reported."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from bot.config import Settings
from bot.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What one server chose. Everything that it left alone is as config.toml says."""

    imagine: Mapping[str, Any] = field(default_factory=dict)  # keys of [imagine]
    ask: Mapping[str, Any] = field(default_factory=dict)  # keys of [ask]
    limits: Mapping[str, Any] = field(default_factory=dict)  # keys of [limits]
    spoilers: bool = False  # pictures are hidden until one presses them
    age_restricted: bool = False  # works in age-restricted channels only
    refused: Sequence[str] = ()  # words and phrases, as they were written
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)  # words that prompts leave to chance, by name
    avoid: str = ""  # what no picture shall show, whoever asks for it
    reports: int | None = None  # the channel that hears of reported pictures
    kept: int | None = None  # the channel for what members keep
    hidden: int | None = None  # the channel for pictures that their members hide
    channels: Sequence[int] = ()  # where drawing is allowed: in these alone, or everywhere else
    channels_denied: bool = False  # everywhere else
    roles: Mapping[str, Sequence[int]] = field(default_factory=dict)  # who may draw, ask, what is costly; who moderates
    role_hourly: Mapping[str, int] = field(default_factory=dict)  # requests an hour of members with a role, by its id

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make them from what `change` was given; what an older or newer version knew besides is left out."""
        return cls(**{key: value for key, value in values.items() if key in cls.__slots__})

    def over(self, settings: Settings, roles: Collection[int] = ()) -> Settings:
        """Return the settings that hold in this server, with the most generous limit of a member's roles."""
        chosen: dict[str, Mapping[str, Any]] = {name: getattr(self, name) for name in SECTIONS}
        if hourly := [most for role, most in self.role_hourly.items() if int(role) in roles]:
            chosen["limits"] = {**self.limits, "member_hourly": max(hourly)}
        return overlaid(settings, chosen)


SECTIONS = ("imagine", "ask", "limits")
NOTHING = ServerSettings()  # chosen


def overlaid(settings: Settings, chosen: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return settings with what was chosen for some keys of some sections; most often that is nothing."""
    sections = {name: getattr(settings, name).model_copy(update=values) for name, values in chosen.items() if values}
    return settings.model_copy(update=sections) if sections else settings


class Servers:
    """The tables of servers and of blocked members.

    Every request asks them several times before it is answered, so they are read once: nobody else changes them.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._chosen: dict[int, ServerSettings] = {}
        self._blocked: dict[int, dict[int, None]] = {}  # by server, those blocked last at the end

    async def load(self) -> None:
        """Read both tables. To be called before anything else."""
        self._chosen = {
            row["guild"]: ServerSettings.of(json.loads(row["settings"]))
            for row in await self.database.rows("SELECT guild, settings FROM servers")
        }
        self._blocked = {}
        for row in await self.database.rows("SELECT guild, member FROM blocked ORDER BY since, member DESC"):
            self._blocked.setdefault(row["guild"], {})[row["member"]] = None

    async def get(self, guild: int | None) -> ServerSettings:
        """Return what a server chose; outside of servers nobody chose anything."""
        return self._chosen.get(guild or 0, NOTHING)

    async def change(self, guild: int, changes: Mapping[str, Any]) -> None:
        """Change some of what a server chose: fields of `ServerSettings`, in sections by key. None undoes a choice."""
        await self.database.write(
            "INSERT INTO servers VALUES (?, json_patch('{}', ?))"
            " ON CONFLICT (guild) DO UPDATE SET settings = json_patch(settings, ?)",
            (guild, json.dumps(changes), json.dumps(changes)),
        )
        row = await self.database.row("SELECT settings FROM servers WHERE guild = ?", (guild,))
        assert row
        self._chosen[guild] = ServerSettings.of(json.loads(row["settings"]))

    async def block(self, guild: int, member: int, now: datetime) -> None:
        """Let a member of a server use the bot no longer."""
        await self.database.write("INSERT OR IGNORE INTO blocked VALUES (?, ?, ?)", (guild, member, now.timestamp()))
        self._blocked.setdefault(guild, {}).setdefault(member)

    async def unblock(self, guild: int, member: int) -> None:
        """Let a member use the bot again."""
        await self.database.write("DELETE FROM blocked WHERE guild = ? AND member = ?", (guild, member))
        self._blocked.get(guild, {}).pop(member, None)

    async def is_blocked(self, guild: int | None, member: int) -> bool:
        """Tell whether a member is blocked in a server."""
        return member in self._blocked.get(guild or 0, {})

    async def blocked(self, guild: int) -> Sequence[int]:
        """Return the members that are blocked in a server, those blocked last first."""
        return list(reversed(self._blocked.get(guild, {})))


class Reports:
    """The table of reports: who reported which message, so that each of them is heard once."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, message: int, member: int, when: datetime) -> bool:
        """Note a report; tells whether it is the first of this member about this message."""
        values = (message, member, when.timestamp())
        return await self.database.write("INSERT OR IGNORE INTO reports VALUES (?, ?, ?)", values) > 0

    async def made(self, message: int, member: int) -> bool:
        """Tell whether a member has reported a message."""
        row = await self.database.row("SELECT 1 FROM reports WHERE message = ? AND member = ?", (message, member))
        return row is not None

    async def take_back(self, message: int, member: int) -> None:
        """Forget a report that nobody heard of."""
        await self.database.write("DELETE FROM reports WHERE message = ? AND member = ?", (message, member))

    async def forget(self, member: int) -> None:
        """Forget what a member reported."""
        await self.database.write("DELETE FROM reports WHERE member = ?", (member,))

    async def expire(self, before: datetime) -> None:
        """Delete what was reported before a moment."""
        await self.database.write("DELETE FROM reports WHERE reported < ?", (before.timestamp(),))
