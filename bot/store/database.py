"""One SQLite file, behind a thread of its own: the event loop never waits for the disk.

In WAL mode what was written survives `kill -9`. Every statement is a transaction of its own, unless it is handed to
`transact` with others. Each goes to the thread and back once, whole: nothing comes between two statements of a
transaction, and with hundreds of members at once it is those ways that take the time.

Somebody else may hold the file: a backup, or a person at work with it. Then statements are tried again for as long as
a member who waits for the first answer can wait, and the thread stays free for what only reads.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

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
    """The bot's database. `open` it before use, and `close` it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._opened: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._turn = asyncio.Lock()  # of whoever writes
        self.trouble = ""  # why nothing can be written; empty where all is well

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._opened is not None

    async def open(self) -> None:
        """Open the file, or make it, and bring its tables up to date. Raises PlainError if that can't be."""
        self._thread = ThreadPoolExecutor(1, "sqlite")
        try:
            self._opened = await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)
        except (OSError, sqlite3.Error) as error:
            raise PlainError(f"store.folder: {self.file} can't be used: {error}") from error
        finally:
            if self._opened is None:
                await self.close()

    async def close(self) -> None:
        """Close the file, when what was asked of it is done. Safe to repeat."""
        thread, self._thread = self._thread, None
        connection, self._opened = self._opened, None
        if thread and connection:
            await asyncio.get_running_loop().run_in_executor(thread, connection.close)
        if thread:
            thread.shutdown(wait=False)

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Run a query and return all its rows. Raises StoreError, as everything here does."""
        return await self._patiently(lambda connection: connection.execute(sql, values).fetchall(), _deadline())

    async def row(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """Run a query and return its first row, or None."""
        return next(iter(await self.rows(sql, values)), None)

    async def write(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Change something, and return how many rows that concerned."""
        return await self._in_turn(lambda connection: connection.execute(sql, values).rowcount)

    async def transact(self, *statements: Statement, needed: int = 0) -> bool:
        """Change several things: all of them, or none, even if whoever waits for it is cancelled.

        Each of the first `needed` statements must concern a row; where one does not, nothing is done, and False comes
        back.
        """
        done = await self._in_turn(lambda connection: _transact(connection, statements, needed))
        if done and needed:  # others may have had nothing to write
            self._tell("")
        return done

    async def empty_log(self) -> None:
        """Let nothing that was forgotten stay in the write-ahead log: bring it into the file, and cut it to nothing."""
        deadline = _deadline()
        while self._opened and (await self.rows("PRAGMA wal_checkpoint(TRUNCATE)"))[0][0]:
            await _pause(deadline)  # somebody is reading there; and closing leaves no log

    async def _in_turn(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change something, one after another.

        When hundreds come at once, the event loop has short pieces of work between them, and where somebody else holds
        the database, one of them asks for all.
        """
        deadline = _deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise BusyError("the database is busy") from None
        try:
            return await self._patiently(work, deadline)
        finally:
            self._turn.release()

    async def _patiently(self, work: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        """Do something in the thread, again and again while somebody else holds the database."""
        while True:
            try:
                return await self._do(work)
            except BusyError:
                await _pause(deadline)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._opened is None:
            raise RuntimeError("the database is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._opened)
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in NO_DISK:
                self._tell(str(error))
                raise DiskError(f"{self.file}: {error}") from error
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise BusyError("the database is busy") from error
            raise

    def _tell(self, trouble: str) -> None:
        """Say once that nothing more can be written, and once that it can again."""
        if trouble and not self.trouble:
            log.error("Nothing can be kept in %s: %s. Drawings and answers go on, without a record", self.file, trouble)
        elif self.trouble and not trouble:
            log.warning("%s takes records again", self.file)
        self.trouble = trouble

    def _connect(self) -> sqlite3.Connection:
        """Open the file, in the thread."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            for setting in SETTINGS:
                connection.execute(f"PRAGMA {setting}").fetchall()
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (seen,) = connection.execute("PRAGMA user_version").fetchone()
        if seen > len(MIGRATIONS):
            raise PlainError(f"store.folder: {self.file} was written by a newer version of this program")
        for number, script in enumerate(MIGRATIONS[seen:], seen + 1):
            connection.executescript(f"BEGIN;\n{script};\nPRAGMA user_version = {number};\nCOMMIT;")


def _transact(connection: sqlite3.Connection, statements: Sequence[Statement], needed: int) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, (sql, values) in enumerate(statements):
            if connection.execute(sql, values).rowcount < 1 and number < needed:
                return False
        connection.execute("COMMIT")
        return True
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


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
