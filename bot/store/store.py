"""The store: all that the bot keeps on disk, one table's worth of methods each."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot.store.conversations import Conversations, KeptPicture
from bot.store.database import Database
from bot.store.jobs import Jobs
from bot.store.lock import FolderLock
from bot.store.records import JobRecord
from bot.store.servers import Reports, Servers
from bot.store.usage import HOUR, Usage
from model.errors import PlainError


class Store:
    """One SQLite file. `open` it before use, and `close` it."""

    def __init__(self, folder: Path) -> None:
        self.lock = FolderLock(folder)
        self.database = Database(folder)
        self.jobs = Jobs(self.database)
        self.conversations = Conversations(self.database)
        self.servers = Servers(self.database)
        self.usage = Usage(self.database)
        self.reports = Reports(self.database)

    async def open(self) -> None:
        """Open the file, or make it. Raises PlainError if that can't be, or if another process has the folder."""
        try:
            await asyncio.to_thread(self.lock.take)
        except OSError as error:
            raise PlainError(f"store.folder: {self.lock.folder} can't be used: {error.strerror}") from error
        try:
            await self.database.open()
            await self.servers.load()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the file. Safe to repeat."""
        await self.database.close()
        self.lock.release()

    async def accept(self, record: JobRecord, pictures: Sequence[KeptPicture] = ()) -> None:
        """Write a new job down, with its use and its pictures: all of it, or nothing."""
        await self.database.transact(
            self.jobs.added(record),
            self.usage.added(record.id, record.owner, record.address.guild, record.asked),
            *self.conversations.kept(record.conversation or "", record.owner, pictures),
        )

    async def refuse(self, job_id: str) -> None:
        """Forget a job that nothing comes of, because it can't be taken, and its use."""
        await self.database.transact(self.jobs.removed(job_id), self.usage.taken_back(job_id))

    async def forget(self, member: int) -> None:
        """Delete all that a member asked for and reported.

        What remains is what others need: that a server blocked them, and, for an hour, when they asked for something.
        """
        await self.jobs.forget(member)
        await self.reports.forget(member)

    async def expire(self, now: datetime, keep_days: int) -> int:
        """Delete what is older than it shall be kept; returns how many jobs that concerned."""
        oldest = now - timedelta(days=keep_days)
        await self.reports.expire(oldest)
        await self.usage.expire(now - HOUR)
        await self.jobs.expire_tokens(now)
        return await self.jobs.expire(oldest)
