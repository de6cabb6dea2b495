"""The store: all that the bot keeps on disk, one table's worth of methods each."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.config import Store as Settings
from bot.store.conversations import Conversations, KeptPicture
from bot.store.database import Database
from bot.store.jobs import Jobs
from bot.store.keepers import Keepers
from bot.store.lock import FolderLock
from bot.store.members import Members
from bot.store.records import JobRecord
from bot.store.servers import Reports, Servers
from bot.store.usage import HOUR, Hourly, Usage
from model.errors import PlainError

MOST_UNKEPT: Final = 1000


class Store:
    """One SQLite file. `open` it before use, and `close` it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = FolderLock(settings.folder)
        self.database = Database(settings.folder)
        self._log_tells = 0  # jobs that were forgotten, and may still stand in the write-ahead log
        self.unkept: deque[str] = deque(maxlen=MOST_UNKEPT)  # jobs that no disk had room for
        self.jobs = Jobs(self.database)
        self.conversations = Conversations(self.database)
        self.servers = Servers(self.database)
        self.members = Members(self.database)
        self.usage = Usage(self.database)
        self.reports = Reports(self.database)
        self.keepers = Keepers(self.database)

    async def open(self) -> None:
        """Open the file, or make it. Raises PlainError if that can't be, or if another process has the folder.

        Safe to repeat.
        """
        if self.database.is_open:
            return
        try:
            await asyncio.to_thread(self.lock.take)
        except OSError as error:
            raise PlainError(f"store.folder: {self.lock.folder} can't be used: {error.strerror}") from error
        try:
            await self.database.open()
            await self.servers.load()
            await self.members.load()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the file. Safe to repeat."""
        await self.database.close()
        self.lock.release()

    async def accept(self, record: JobRecord, hourly: Hourly, again: str | None = None) -> bool:
        """Write a new job down and count it, and tell whether that could be; if not, nothing is changed.

        It can't where the hour is used up, or if it is a failed job's attempt `again`, where somebody was quicker.
        """
        member, guild = record.owner, record.address.guild
        counted = self.usage.added(record.id, member, guild, record.asked, hourly, record.requests)
        claimed = [self.jobs.taken_over(again)] if again else []
        return await self.database.transact(*claimed, counted, self.jobs.added(record), needed=len(claimed) + 1)

    async def keep(self, record: JobRecord, pictures: Sequence[KeptPicture]) -> None:
        """Keep the pictures that a job is about, unless it was forgotten meanwhile."""
        limits = self.settings
        await self.conversations.keep(
            record.conversation or record.id, record.owner, pictures, limits.member_bytes, limits.total_bytes
        )

    async def undo(self, job_id: str, *, uncount: bool, again: str | None = None) -> None:
        """Forget a job that came to nothing before it was begun, and its use if `uncount`.

        `again`: the failed job that it took over from can be tried once more.
        """
        await self.database.transact(
            *([self.jobs.given_back(again, by=job_id)] if again else []),
            self.jobs.removed(job_id),
            *([self.usage.taken_back(job_id)] if uncount else []),
        )

    async def forget(self, member: int) -> None:
        """Delete all that a member asked for, chose, kept and reported, so that nothing of it is left in any file.

        What remains is what others need: that a server blocked them, and, for an hour, when they asked for something.
        """
        forgotten = await self.jobs.forget(member)
        forgotten += await self.members.forget(member)
        forgotten += await self.keepers.forget(member)
        await self.reports.forget(member)
        await self._empty_log(forgotten)

    async def forget_job(self, job_id: str) -> None:
        """Delete a job, so that nothing of it is left in any file."""
        await self._empty_log(await self.jobs.remove(job_id))

    async def forget_messages(self, messages: Collection[int]) -> None:
        """Delete the jobs whose messages are gone, so that nothing of them is left in any file."""
        await self._empty_log(await self.jobs.forget_messages(messages))

    async def _empty_log(self, forgotten: int) -> None:
        """Have the write-ahead log tell nothing of jobs that were forgotten, now, or before when that could not be."""
        forgotten, self._log_tells = forgotten + self._log_tells, 0
        if forgotten:
            try:
                await self.database.empty_log()
            except BaseException:
                self._log_tells += forgotten
                raise

    async def expire(self, now: datetime) -> int:
        """Delete what is older or more than shall be kept; returns how many jobs that concerned."""
        oldest = now - timedelta(days=self.settings.keep_days)
        await self.reports.expire(oldest)
        await self.usage.expire(now - HOUR)
        await self.jobs.expire_tokens(now)
        expired = await self.jobs.expire(oldest)
        expired += await self.jobs.shrink(self.settings.member_bytes, self.settings.total_bytes)
        await self._empty_log(expired)
        return expired
