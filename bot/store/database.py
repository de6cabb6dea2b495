"""One SQLite file, behind aiosqlite's thread: the event loop never waits for the disk.

In WAL mode what was written survives `kill -9`. Every statement is a transaction of its own, unless it is handed to
`transact` with others.

Somebody else may hold the file: a backup, or a person at work with it. Then statements are tried again for as long as
a member who waits for the first answer can wait, and the thread stays free for what only reads.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import aiosqlite

from bot.store.schema import MIGRATIONS
from model.errors import PlainError

log = logging.getLogger(__name__)

FILE: Final = "janus.sqlite3"
PATIENCE: Final = 2.0  # seconds that a statement waits for others; Discord waits three for the first answer
ROUNDS: Final = 15  # so often is tried again what nobody waits for
PAUSE: Final = 0.05  # seconds between two attempts
# By SQLite's codes: it is full, it takes no writing, it is broken, it is gone.
NO_DISK: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
SETTINGS: Final = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "busy_timeout = 0",
    "secure_delete = ON",  # what was forgotten is overwritten
)

Value = str | int | float | bytes | None
Statement = tuple[str, Sequence[Value]]
T = TypeVar("T")


class StoreError(PlainError):
    """Nothing could be read or written just now."""


class BusyError(StoreError):
    """Somebody else holds the database."""


class DiskError(StoreError):
    """The disk takes nothing more: it is full, or broken."""


class Database:
    """The bot's database. `open` it before use, and `close` it: its thread would keep the process alive."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._opened: aiosqlite.Connection | None = None
        self.trouble = ""  # why nothing can be written; empty where all is well
        self._turn = asyncio.Lock()  # of whoever writes
        self._transactions: set[asyncio.Task[bool]] = set()

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._opened is not None

    async def open(self) -> None:
        """Open the file, or make it, and bring its tables up to date. Raises PlainError if that can't be."""
        try:
            await asyncio.to_thread(self._touch)
            self._opened = await aiosqlite.connect(self.file, isolation_level=None)
            self._opened.row_factory = sqlite3.Row
            for setting in SETTINGS:
                await self._opened.execute_fetchall(f"PRAGMA {setting}")
            await self._migrate()
        except (OSError, sqlite3.Error) as error:
            await self.close()
            raise PlainError(f"store.folder: {self.file} can't be used: {error}") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the file. Safe to repeat."""
        connection, self._opened = self._opened, None
        if connection:
            await connection.close()

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Run a query and return all its rows. Raises StoreError, as everything here does."""
        _, rows = await self._run(sql, values, _deadline())
        return rows

    async def row(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """Run a query and return its first row, or None."""
        return next(iter(await self.rows(sql, values)), None)

    async def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Change something, and return how many rows that concerned."""
        async with self._writing() as deadline:
            concerned, _ = await self._run(sql, values, deadline)
            return concerned

    async def transact(self, *statements: Statement, needed: int = 0) -> bool:
        """Change several things: all of them, or none. Whoever is cancelled meanwhile leaves no transaction open.

        Each of the first `needed` statements must concern a row; where one does not, nothing is done, and False comes
        back.
        """
        work = asyncio.create_task(self._transact(statements, needed))
        self._transactions.add(work)  # so that it stays alive
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    async def _transact(self, statements: Sequence[Statement], needed: int) -> bool:
        async with self._writing() as deadline:
            await self._run("BEGIN IMMEDIATE", (), deadline)
            try:
                for number, (sql, values) in enumerate(statements):
                    concerned, _ = await self._run(sql, values, deadline)
                    if number < needed and concerned < 1:
                        await self._run("ROLLBACK", (), deadline)
                        return False
                await self._run("COMMIT", (), deadline)
            except BaseException:
                with suppress(sqlite3.OperationalError):  # the commit may have come through
                    await self._run("ROLLBACK", (), deadline)
                raise
        if needed:  # others may have had nothing to write
            self._tell("")
        return True

    async def empty_log(self) -> None:
        """Let nothing that was forgotten stay in the write-ahead log: bring it into the file, and cut it to nothing."""
        async with self._writing() as deadline:
            while self._opened:  # closing leaves no log
                _, (told,) = await self._run("PRAGMA wal_checkpoint(TRUNCATE)", (), deadline)
                if not told[0]:
                    return
                await _pause(deadline)  # somebody is reading there

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[float]:
        """Let nobody's write get into another's transaction. Gives the moment until which to be patient."""
        deadline = _deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise BusyError("the database is busy") from None
        try:
            yield deadline
        finally:
            self._turn.release()

    async def _run(self, sql: str, values: Sequence[Value], deadline: float) -> tuple[int, list[sqlite3.Row]]:
        """Run a statement, again and again while somebody else holds the database.

        Returns how many rows it concerned, and those that it gives.
        """
        while True:
            try:
                async with self._connection.execute(sql, values) as cursor:
                    return cursor.rowcount, list(await cursor.fetchall())
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code in NO_DISK:
                    self._tell(str(error))
                    raise DiskError(f"{self.file}: {error}") from error
                if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
            await _pause(deadline)

    def _tell(self, trouble: str) -> None:
        """Say once that nothing more can be written, and once that it can again."""
        if trouble and not self.trouble:
            log.error("Nothing can be kept in %s: %s. Drawings and answers go on, without a record", self.file, trouble)
        elif self.trouble and not trouble:
            log.warning("%s takes records again", self.file)
        self.trouble = trouble

    def _done(self, work: asyncio.Task[bool]) -> None:
        self._transactions.discard(work)
        if not work.cancelled():
            work.exception()  # whoever waited has it; nobody else misses it

    def _touch(self) -> None:
        """Fail here where there can be no such file: aiosqlite leaves a thread behind a connect that failed."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        sqlite3.connect(self.file).close()

    @property
    def _connection(self) -> aiosqlite.Connection:
        if self._opened is None:
            raise RuntimeError("the database is not open")
        return self._opened

    async def _migrate(self) -> None:
        row = await self.row("PRAGMA user_version")
        assert row
        seen = int(row[0])
        if seen > len(MIGRATIONS):
            raise PlainError(f"store.folder: {self.file} was written by a newer version of this program")
        for number, script in enumerate(MIGRATIONS[seen:], seen + 1):
            await self._connection.executescript(f"BEGIN;\n{script};\nPRAGMA user_version = {number};\nCOMMIT;")


async def outwait(work: Callable[[], Awaitable[T]]) -> T:
    """Do what nobody waits for, though somebody else may hold the database for long. Raises BusyError at last."""
    for _ in range(ROUNDS - 1):
        try:
            return await work()
        except BusyError as error:
            log.info("Trying once more: %s", error)
    return await work()


def _deadline() -> float:
    return asyncio.get_running_loop().time() + PATIENCE


async def _pause(deadline: float) -> None:
    """Wait a moment for others. Raises BusyError where that takes too long."""
    if asyncio.get_running_loop().time() + PAUSE > deadline:
        raise BusyError("the database is busy")
    await asyncio.sleep(PAUSE)
