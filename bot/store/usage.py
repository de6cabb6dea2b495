"""Usage: when members and servers asked for something, for as long as that counts towards the limits an hour."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from bot.store.database import Database, Statement

HOUR: Final = timedelta(hours=1)
ADD: Final = """
    INSERT INTO uses SELECT ?, ?, ?, ?
    WHERE (SELECT count(*) FROM uses WHERE member = ? AND asked > ?) < ?
    AND (SELECT count(*) FROM uses WHERE guild = ? AND asked > ?) < ?
"""


@dataclass(frozen=True, slots=True)
class Hourly:
    """How many requests there may be in an hour."""

    member: int  # of one member's
    server: int  # of one server's members' together


class Usage:
    """The table of uses. It keeps nothing that is no longer needed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def added(self, job_id: str, member: int, guild: int | None, when: datetime, hourly: Hourly) -> Statement:
        """Return the statement that counts a request, or concerns no row where it would be one too many."""
        since = (when - HOUR).timestamp()
        values = (job_id, member, guild, when.timestamp(), member, since, hourly.member, guild, since, hourly.server)
        return ADD, values

    def taken_back(self, job_id: str) -> Statement:
        """Return the statement that counts a request no longer."""
        return "DELETE FROM uses WHERE job = ?", (job_id,)

    async def take_back(self, job_id: str) -> None:
        """Count a request no longer: its member got nothing for it."""
        await self.database.write(*self.taken_back(job_id))

    async def used_up_until(
        self, whose: Literal["member", "guild"], id: int, most: int, now: datetime
    ) -> datetime | None:
        """Tell from when on a member or server that may ask `most` times an hour can ask again; None: now."""
        row = await self.database.row(
            f"SELECT asked FROM uses WHERE {whose} = ? AND asked > ? ORDER BY asked DESC LIMIT 1 OFFSET ?",
            (id, (now - HOUR).timestamp(), most - 1),
        )
        return datetime.fromtimestamp(row["asked"], UTC) + HOUR if row else None

    async def expire(self, before: datetime) -> None:
        """Delete what lies before a moment."""
        await self.database.write("DELETE FROM uses WHERE asked <= ?", (before.timestamp(),))
