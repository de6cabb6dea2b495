"""Usage: when members and servers asked for something, for as long as that counts towards the limits an hour."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from bot.store.database import Database, Statement

HOUR: Final = timedelta(hours=1)
ADD: Final = """
    INSERT INTO uses SELECT ?1, ?2, ?3, ?4, ?5
    WHERE (SELECT ifnull(sum(requests), 0) FROM uses WHERE member = ?2 AND asked > ?6) <= ?7 - min(?5, ?7)
    AND (SELECT ifnull(sum(requests), 0) FROM uses WHERE guild = ?3 AND asked > ?6) <= ?8 - min(?5, ?8)
"""
USED_UP: Final = """
    SELECT asked FROM (
        SELECT asked, sum(requests) OVER (ORDER BY asked DESC, rowid DESC) AS together
        FROM uses WHERE {whose} = ? AND asked > ?
    ) WHERE together > ? ORDER BY together LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Hourly:
    """How many requests there may be in an hour. One that counts as more of them than that may be made all the same."""

    member: int  # of one member's
    server: int  # of one server's members' together


class Usage:
    """The table of uses. It keeps nothing that is no longer needed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def added(
        self, job_id: str, member: int, guild: int | None, when: datetime, hourly: Hourly, requests: int = 1
    ) -> Statement:
        """Return the statement that counts a job as so many requests, or concerns no row where it would be too many."""
        since = (when - HOUR).timestamp()
        return ADD, (job_id, member, guild, when.timestamp(), requests, since, hourly.member, hourly.server)

    def taken_back(self, job_id: str) -> Statement:
        """Return the statement that counts a request no longer."""
        return "DELETE FROM uses WHERE job = ?", (job_id,)

    async def take_back(self, job_id: str) -> None:
        """Count a request no longer: its member got nothing for it."""
        await self.database.write(*self.taken_back(job_id))

    async def used_up_until(
        self, whose: Literal["member", "guild"], id: int, most: int, now: datetime, requests: int = 1
    ) -> datetime | None:
        """Tell from when on a member or server that has `most` requests an hour can make so many more; None: now."""
        room = most - min(requests, most)
        row = await self.database.row(USED_UP.format(whose=whose), (id, (now - HOUR).timestamp(), room))
        return datetime.fromtimestamp(row["asked"], UTC) + HOUR if row else None

    async def expire(self, before: datetime) -> None:
        """Delete what lies before a moment."""
        await self.database.write("DELETE FROM uses WHERE asked <= ?", (before.timestamp(),))
