"""Usage: who asked for something in the last hour, for the limits an hour."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from bot.store.database import Database

HOUR: Final = timedelta(hours=1)


class Usage:
    """The table of uses. It keeps nothing that is no longer needed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, job_id: str, member: int, guild: int | None, when: datetime) -> None:
        """Count a request."""
        await self.expire(when - HOUR)
        await self.database.write("INSERT INTO uses VALUES (?, ?, ?, ?)", (job_id, member, guild, when.timestamp()))

    async def take_back(self, job_id: str) -> None:
        """Count a request no longer: its member got nothing for it."""
        await self.database.write("DELETE FROM uses WHERE job = ?", (job_id,))

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
