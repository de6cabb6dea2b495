"""Reports: who reported which message, so that each of them is heard once."""

from datetime import datetime

from bot.store.database import Database


class Reports:
    """The table of reports."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, message: int, member: int, when: datetime) -> bool:
        """Note a report; tells whether it is the first of this member about this message."""
        values = (message, member, when.timestamp())
        return await self.database.write("INSERT OR IGNORE INTO reports VALUES (?, ?, ?)", values) > 0

    async def take_back(self, message: int, member: int) -> None:
        """Forget a report that nobody heard of."""
        await self.database.write("DELETE FROM reports WHERE message = ? AND member = ?", (message, member))

    async def forget(self, member: int) -> None:
        """Forget what a member reported."""
        await self.database.write("DELETE FROM reports WHERE member = ?", (member,))

    async def expire(self, before: datetime) -> None:
        """Delete what was reported before a moment."""
        await self.database.write("DELETE FROM reports WHERE reported < ?", (before.timestamp(),))
