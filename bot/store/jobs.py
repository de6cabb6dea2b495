"""Jobs: the one place where it stands how far each of them has come.

Every step is written before the next one is begun, and only from the states that it can follow (`BEFORE`): so whoever
is second finds that somebody was first, and whatever a process leaves behind when it dies can be taken up where it was.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from bot.store.database import Database, Statement, Value
from bot.store.records import BEFORE, Address, JobRecord, State, address_values, to_json
from model.requests import Answer, Failed, Pictures

# What a process has to see to when it starts, and what a member may want to know of.
UNTOLD: Final = "state IN ('failed', 'cancelled') AND told IS NULL"
UNFINISHED: Final = f"(state IN ('accepted', 'running', 'made') OR {UNTOLD})"

TOO_MUCH: Final = "SELECT owner FROM jobs GROUP BY owner HAVING sum(bytes) > ?"
BATCH: Final = 50  # jobs that are deleted at a time


class Jobs:
    """The table of jobs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- where a job stands -------------------------------------------------------------------------------------------

    def added(self, record: JobRecord) -> Statement:
        """Return the statement that writes a new job down."""
        values = record.values()
        marks = ", ".join("?" for _ in values)
        return f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", tuple(values.values())

    def removed(self, job_id: str) -> Statement:
        """Return the statement that forgets a job."""
        return "DELETE FROM jobs WHERE id = ?", (job_id,)

    def taken_over(self, job_id: str) -> Statement:
        """Return the statement that ends a failed job because it is tried again, or concerns no row if it was."""
        sql = "UPDATE jobs SET state = 'cancelled', told = coalesce(told, asked) WHERE id = ? AND state = 'failed'"
        return sql, (job_id,)

    def given_back(self, job_id: str, by: str) -> Statement:
        """Return the statement that undoes that, where the job that tried it again is there: nothing came of it."""
        there = "EXISTS (SELECT 1 FROM jobs WHERE id = ?)"
        return f"UPDATE jobs SET state = 'failed' WHERE id = ? AND state = 'cancelled' AND {there}", (job_id, by)

    async def move(
        self,
        job_id: str,
        state: State,
        when: datetime,
        *,
        outcome: Pictures | Answer | Failed | None = None,
        address: Address | None = None,
    ) -> bool:
        """Note that a job has come into a state, and tell whether that was still to be done.

        It is not if somebody else was quicker: the job was cancelled, forgotten, or is being delivered already.
        `outcome` is what came out, or why nothing did; `address`, where it is if that has changed.
        """
        changes: dict[str, Value] = {"state": state, **(address_values(address) if address else {})}
        changes |= {"ended": when.timestamp(), "sources": "[]"}
        if state == "made":
            changes["attempt"] = 0  # from here on those to deliver it are counted
        if outcome:
            changes["failure" if isinstance(outcome, Failed) else "result"] = to_json(outcome)
        if state in ("delivered", "undelivered"):
            changes["token"] = None  # nobody needs it any more
        more = len(str(changes.get("result", "")).encode())
        names, states = ", ".join(f"{name} = ?" for name in changes), ", ".join("?" for _ in BEFORE[state])
        sql = f"UPDATE jobs SET {names}, bytes = bytes + ? WHERE id = ? AND state IN ({states})"
        return await self.database.write(sql, (*changes.values(), more, job_id, *BEFORE[state])) > 0

    async def readdress(self, job_id: str, address: Address) -> bool:
        """Have what could not be delivered brought elsewhere, and tell whether it was still there to be had."""
        values = address_values(address)
        names = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE jobs SET state = 'made', attempt = 0, sent = 0, {names} WHERE id = ? AND state = 'undelivered'"
        return await self.database.write(sql, (*values.values(), job_id)) > 0

    async def begin(self, job_id: str) -> None:
        """Note that the executor gets a job next: to work it out, or to paint once more what is made."""
        await self.database.write(
            "UPDATE jobs SET attempt = attempt + 1, state = iif(state = 'accepted', 'running', state) "
            "WHERE id = ? AND state IN ('accepted', 'running', 'made')",
            (job_id,),
        )

    async def renew(self, job_id: str, model: str) -> None:
        """Have a job that another model worked on begin anew: its tokens mean nothing to this one."""
        await self.database.write(
            "UPDATE jobs SET model = ?, state = 'accepted', result = NULL, sent = 0 "
            "WHERE id = ? AND state IN ('accepted', 'running', 'made')",
            (model, job_id),
        )

    async def hand_back(self) -> None:
        """Leave what is begun to the next process: that this one ends is no fault of any job's."""
        await self.database.write(
            "UPDATE jobs SET attempt = max(attempt - 1, 0), state = iif(state = 'running', 'accepted', state) "
            "WHERE state IN ('running', 'made')"
        )

    async def note_address(self, job_id: str, address: Address) -> None:
        """Note where a job's answer goes from now on."""
        values = address_values(address)
        names = ", ".join(f"{name} = ?" for name in values)
        await self.database.write(f"UPDATE jobs SET {names} WHERE id = ?", (*values.values(), job_id))

    async def note_sent(self, job_id: str, files: int) -> None:
        """Note how many files of a job's result Discord has."""
        await self.database.write("UPDATE jobs SET sent = ? WHERE id = ?", (files, job_id))

    async def note_told(self, job_id: str, when: datetime) -> None:
        """Note that a member was told how their job ended."""
        await self.database.write("UPDATE jobs SET told = ?, token = NULL WHERE id = ?", (when.timestamp(), job_id))

    async def expire_tokens(self, now: datetime) -> None:
        """Forget the tokens of interactions that are no use any more."""
        await self.database.write(
            "UPDATE jobs SET token = NULL WHERE token IS NOT NULL AND token_ends < ?", (now.timestamp(),)
        )

    # -- which there are ----------------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobRecord | None:
        """Look a job up."""
        row = await self.database.row("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return JobRecord.of(row) if row else None

    async def shown_on(self, message: int) -> JobRecord | None:
        """Look up the job that a message shows: the newest, if it was tried again there."""
        row = await self.database.row("SELECT * FROM jobs WHERE message = ? ORDER BY rowid DESC LIMIT 1", (message,))
        return JobRecord.of(row) if row else None

    async def unfinished(self) -> Sequence[JobRecord]:
        """Return what an earlier process left to be done, the oldest first. To be called before any is added."""
        rows = await self.database.rows(f"SELECT * FROM jobs WHERE {UNFINISHED} ORDER BY asked, rowid")
        return [JobRecord.of(row) for row in rows]

    async def of(self, owner: int) -> Sequence[JobRecord]:
        """Return what a member waits for, or has not got yet, the oldest first."""
        rows = await self.database.rows(
            f"SELECT * FROM jobs WHERE owner = ? AND (state = 'undelivered' OR {UNFINISHED}) ORDER BY asked, rowid",
            (owner,),
        )
        return [JobRecord.of(row) for row in rows]

    async def drawings(self, owner: int, most: int, after: int) -> Sequence[JobRecord]:
        """Return the drawings that a member got, `most` at most, the newest first, `after` so many newer ones."""
        rows = await self.database.rows(
            "SELECT * FROM jobs WHERE owner = ? AND kind = 'drawing' AND state = 'delivered' "
            "ORDER BY asked DESC, rowid DESC LIMIT ? OFFSET ?",
            (owner, most, after),
        )
        return [JobRecord.of(row) for row in rows]

    async def last_answer(self, channel: int, owner: int) -> JobRecord | None:
        """Look up the newest answer that a member got in a channel, where everybody there could see it."""
        row = await self.database.row(
            "SELECT * FROM jobs WHERE owner = ? AND channel = ? AND kind = 'question' AND state = 'delivered' "
            "AND NOT private ORDER BY asked DESC, rowid DESC LIMIT 1",
            (owner, channel),
        )
        return JobRecord.of(row) if row else None

    # -- what is forgotten --------------------------------------------------------------------------------------------

    async def remove(self, job_id: str) -> int:
        """Forget a job: its result was deleted. Returns how many that concerned, as all of these do."""
        return await self.database.write(*self.removed(job_id))

    async def forget(self, owner: int) -> int:
        """Delete all that somebody asked for."""
        return await self._delete("owner = ?", owner)

    async def forget_messages(self, messages: Collection[int]) -> int:
        """Forget the jobs whose messages are gone."""
        return await self._delete(f"message IN ({', '.join('?' for _ in messages)})", *messages)

    async def expire(self, before: datetime) -> int:
        """Delete jobs that were asked for before a moment."""
        return await self._delete("asked < ?", before.timestamp())

    async def shrink(self, member_bytes: int, total_bytes: int) -> int:
        """Delete the oldest jobs of members of whom more than `member_bytes` are kept; and so in all."""
        deleted = 0
        for row in await self.database.rows(TOO_MUCH, (member_bytes,)):
            deleted += await self._shrink("owner = ?", (row["owner"],), member_bytes)
        return deleted + await self._shrink("true", (), total_bytes)

    async def _shrink(self, whose: str, values: Sequence[Value], most: int) -> int:
        oldest = f"SELECT rowid FROM jobs WHERE {whose} AND NOT {UNFINISHED} ORDER BY asked LIMIT {BATCH}"
        too_many = f"(SELECT sum(bytes) FROM jobs WHERE {whose}) > ?"
        return await self._repeat(
            f"DELETE FROM jobs WHERE {too_many} AND rowid IN ({oldest})", (*values, most, *values)
        )

    async def _delete(self, which: str, *values: Value) -> int:
        return await self._repeat(
            f"DELETE FROM jobs WHERE rowid IN (SELECT rowid FROM jobs WHERE {which} LIMIT {BATCH})", values
        )

    async def _repeat(self, sql: str, values: Sequence[Value]) -> int:
        """Delete jobs a few at a time, so that nobody waits for long: their pictures go with them."""
        deleted = 0
        while batch := await self.database.write(sql, values):
            deleted += batch
        return deleted
