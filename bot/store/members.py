"""Members: what each of them chose for what they ask, wherever they ask it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from bot.config import Settings
from bot.store.database import Database
from bot.store.servers import overlaid


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDefaults:
    """What one member chose. It holds where they say nothing, and before what their server chose."""

    imagine: Mapping[str, Any] = field(default_factory=dict)  # keys of [imagine]
    spoiler: bool = False  # drawings are hidden until one presses them
    private: bool = False  # nobody else sees drawings and answers
    avoid: str = ""  # what drawings shall not show

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make them from what `change` was given; what an older or newer version knew besides is left out."""
        return cls(**{key: value for key, value in values.items() if key in cls.__slots__})

    def over(self, settings: Settings) -> Settings:
        """Return the settings that hold for this member."""
        return overlaid(settings, {"imagine": self.imagine})


NOTHING = MemberDefaults()  # chosen


class Members:
    """The table of members' defaults.

    Every request asks for one before it is answered, so they are read once: nobody else changes them.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._chosen: dict[int, MemberDefaults] = {}

    async def load(self) -> None:
        """Read the table. To be called before anything else."""
        rows = await self.database.rows("SELECT member, defaults FROM members")
        self._chosen = {row["member"]: MemberDefaults.of(json.loads(row["defaults"])) for row in rows}

    async def get(self, member: int) -> MemberDefaults:
        """Return what a member chose."""
        return self._chosen.get(member, NOTHING)

    async def change(self, member: int, changes: Mapping[str, Any]) -> None:
        """Change some of what a member chose: fields of `MemberDefaults`, in sections by key. None undoes a choice."""
        await self.database.write(
            "INSERT INTO members VALUES (?, json_patch('{}', ?))"
            " ON CONFLICT (member) DO UPDATE SET defaults = json_patch(defaults, ?)",
            (member, json.dumps(changes), json.dumps(changes)),
        )
        row = await self.database.row("SELECT defaults FROM members WHERE member = ?", (member,))
        if row:  # not forgotten at the same moment
            self._chosen[member] = MemberDefaults.of(json.loads(row["defaults"]))

    async def forget(self, member: int) -> int:
        """Forget what a member chose; returns how many rows that concerned."""
        self._chosen.pop(member, None)
        return await self.database.write("DELETE FROM members WHERE member = ?", (member,))
