"""Usage: when members and servers asked for something, for as long as that counts towards the limits an hour."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from bot.store.database import Database, Statement

HOUR: Final = timedelta(hours=1)


class Usage:
    """The table of uses. It keeps nothing that is no longer needed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def added(self, job_id: str, member: int, guild: int | None, when: datetime) -> Statement:
        """Return the statement that counts a request."""
        return "INSERT INTO uses VALUES (?, ?, ?, ?)", (job_id, member, guild, when.timestamp())

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
