"""One SQLite file, behind aiosqlite's thread: the event loop never waits for the disk.

In WAL mode what was written survives `kill -9`. Every statement is a transaction of its own, unless it is handed to
`transact` with others.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiosqlite

from bot.store.schema import MIGRATIONS
from model.errors import PlainError

FILE: Final = "janus.sqlite3"
SETTINGS: Final = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "busy_timeout = 5000",
    "secure_delete = ON",  # what was forgotten is overwritten
)

Value = str | int | float | bytes | None
Statement = tuple[str, Sequence[Value]]


class Database:
    """The bot's database. `open` it before use, and `close` it: its thread would keep the process alive."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._opened: aiosqlite.Connection | None = None
        self._transactions: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()  # nobody's write gets into another's transaction

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
        """Run a query and return all its rows."""
        return list(await self._connection.execute_fetchall(sql, values))

    async def row(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """Run a query and return its first row, or None."""
        return next(iter(await self.rows(sql, values)), None)

    async def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Change something, and return how many rows that concerned."""
        async with self._writing, self._connection.execute(sql, values) as cursor:
            return cursor.rowcount

    async def transact(self, *statements: Statement) -> None:
        """Change several things: all of them, or none. Whoever is cancelled meanwhile leaves no transaction open."""
        work = asyncio.create_task(self._transact(statements))
        self._transactions.add(work)  # so that it stays alive
        work.add_done_callback(self._done)
        await asyncio.shield(work)

    async def _transact(self, statements: Sequence[Statement]) -> None:
        async with self._writing:
            await self._connection.execute_fetchall("BEGIN IMMEDIATE")
            try:
                for sql, values in statements:
                    await self._connection.execute_fetchall(sql, values)
                await self._connection.execute_fetchall("COMMIT")
            except BaseException:
                with suppress(sqlite3.OperationalError):  # the commit may have come through
                    await self._connection.execute_fetchall("ROLLBACK")
                raise

    def _done(self, work: asyncio.Task[None]) -> None:
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
