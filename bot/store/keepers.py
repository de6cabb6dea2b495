"""Keepers: who kept which picture, and the message that shows it where it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.store.database import Database


@dataclass(frozen=True, slots=True)
class Post:
    """The message that shows a kept picture."""

    guild: int
    channel: int
    message: int

    @property
    def link(self) -> str:
        """Its address."""
        return f"https://discord.com/channels/{self.guild}/{self.channel}/{self.message}"


class Keepers:
    """The tables of kept pictures and of those who kept them. What is forgotten of a job takes both along.

    A picture is number `picture`, from 0, of a job.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    async def post(self, job: str, picture: int) -> Post | None:
        """Return the message that shows a picture; None if it has never been kept."""
        row = await self.database.row(
            "SELECT guild, channel, message FROM kept WHERE job = ? AND picture = ?", (job, picture)
        )
        return Post(row["guild"], row["channel"], row["message"]) if row else None

    async def posts(self, job: str) -> Sequence[Post]:
        """Return the messages that show pictures of a job."""
        rows = await self.database.rows("SELECT guild, channel, message FROM kept WHERE job = ?", (job,))
        return [Post(row["guild"], row["channel"], row["message"]) for row in rows]

    async def note(self, job: str, picture: int, post: Post) -> None:
        """Note which message shows a picture from now on."""
        await self.database.write(
            "INSERT OR REPLACE INTO kept SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ?)",
            (job, picture, post.guild, post.channel, post.message, job),
        )

    async def add(self, job: str, picture: int, member: int, when: datetime) -> bool:
        """Count a member among those who kept a picture; tells whether they did not count already."""
        sql = "INSERT OR IGNORE INTO keepers SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ?)"
        return await self.database.write(sql, (job, picture, member, when.timestamp(), job)) > 0

    async def take_back(self, job: str, picture: int, member: int) -> None:
        """Count a member no longer: nothing came of it."""
        await self.database.write(
            "DELETE FROM keepers WHERE job = ? AND picture = ? AND member = ?", (job, picture, member)
        )

    async def count(self, job: str, picture: int) -> int:
        """Return how many members kept a picture."""
        row = await self.database.row("SELECT count(*) AS n FROM keepers WHERE job = ? AND picture = ?", (job, picture))
        return int(row["n"]) if row else 0

    async def forget(self, member: int) -> int:
        """Forget what a member kept; returns how many pictures that concerned."""
        return await self.database.write("DELETE FROM keepers WHERE member = ?", (member,))
