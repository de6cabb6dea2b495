"""Jobs: what was asked, by whom and where, where it stands, and what came out.

A job is written before its member is told that it is accepted, so whatever a button names can be looked up: in this
process, after a restart, and for as long as the setting `keep_days` says. `Usage` knows who asked in the last hour.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Literal, Self

from bot.store.database import Database, Value
from model.requests import Answer, Drawing, Kind, Pictures, Question

State = Literal["accepted", "done", "failed", "cancelled", "interrupted"]

HOUR: Final = timedelta(hours=1)
NOT_KEPT: Final = ("pictures", "turns", "id", "owner")  # `conversations` has the first two, columns the others


@dataclass(frozen=True, slots=True)
class Enlargement:
    """A picture to enlarge: number `picture` (from 0) of the drawing `job`."""

    kind: ClassVar[Kind] = "enlargement"

    job: str
    picture: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job. Pictures and turns are not part of it: a `Question` and `Pictures` come back without any."""

    id: str
    request: Drawing | Question | Enlargement
    state: State = "accepted"
    owner: int
    guild: int | None
    channel: int | None
    message: int | None = None
    private: bool = False
    spoiler: bool = False
    model: str
    asked: datetime
    ended: datetime | None = None
    result: Pictures | Answer | None = None
    conversation: str | None = None  # of a question: the id of the first one
    parent: str | None = None  # the question that this one goes on from

    @property
    def kind(self) -> Kind:
        """Which kind of job it is."""
        return self.request.kind

    @property
    def words(self) -> str:
        """What was asked for, in the member's words."""
        return self.request.question if isinstance(self.request, Question) else self.request.prompt

    @property
    def link(self) -> str | None:
        """The address of its message, where others can see it, too."""
        if self.private or self.message is None:
            return None
        return f"https://discord.com/channels/{self.guild or '@me'}/{self.channel}/{self.message}"

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Make a record from its row."""
        ended = row["ended"]
        return cls(
            id=row["id"],
            request=_request(row["kind"], row["id"], row["owner"], json.loads(row["request"])),
            state=row["state"],
            owner=row["owner"],
            guild=row["guild"],
            channel=row["channel"],
            message=row["message"],
            private=bool(row["private"]),
            spoiler=bool(row["spoiler"]),
            model=row["model"],
            asked=datetime.fromtimestamp(row["asked"], UTC),
            ended=None if ended is None else datetime.fromtimestamp(ended, UTC),
            result=_result(row["kind"], json.loads(row["result"])) if row["result"] else None,
            conversation=row["conversation"],
            parent=row["parent"],
        )


class Jobs:
    """The table of jobs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, record: JobRecord) -> None:
        """Write down a job that is about to be accepted."""
        values: dict[str, Value] = {
            "id": record.id,
            "kind": record.kind,
            "state": record.state,
            "owner": record.owner,
            "guild": record.guild,
            "channel": record.channel,
            "message": record.message,
            "private": record.private,
            "spoiler": record.spoiler,
            "model": record.model,
            "asked": record.asked.timestamp(),
            "request": _to_json(record.request),
            "conversation": record.conversation,
            "parent": record.parent,
        }
        marks = ", ".join("?" for _ in values)
        await self.database.write(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    async def remove(self, job_id: str) -> None:
        """Forget a job: the model would not take it, or its result was deleted."""
        await self.database.write("DELETE FROM jobs WHERE id = ?", (job_id,))

    async def note_message(self, job_id: str, channel: int | None, message: int | None) -> None:
        """Note on which message a job is shown."""
        await self.database.write("UPDATE jobs SET channel = ?, message = ? WHERE id = ?", (channel, message, job_id))

    async def end(self, job_id: str, state: State, when: datetime, result: Pictures | Answer | None = None) -> None:
        """Note how a job ended, and what came out."""
        await self.database.write(
            "UPDATE jobs SET state = ?, ended = ?, result = ? WHERE id = ?",
            (state, when.timestamp(), None if result is None else _to_json(result), job_id),
        )

    async def get(self, job_id: str) -> JobRecord | None:
        """Look a job up."""
        row = await self.database.row("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return JobRecord.of(row) if row else None

    async def shown_on(self, message: int) -> JobRecord | None:
        """Look up the job that a message shows: the newest, if it was tried again there."""
        row = await self.database.row("SELECT * FROM jobs WHERE message = ? ORDER BY rowid DESC LIMIT 1", (message,))
        return JobRecord.of(row) if row else None

    async def forget(self, owner: int) -> None:
        """Delete all that somebody asked for."""
        await self.database.write("DELETE FROM jobs WHERE owner = ?", (owner,))

    async def last_answer(self, channel: int, owner: int) -> JobRecord | None:
        """Look up the newest answer that a member got in a channel, where everybody there could see it."""
        row = await self.database.row(
            "SELECT * FROM jobs WHERE owner = ? AND channel = ? AND kind = 'question' AND state = 'done' "
            "AND NOT private ORDER BY asked DESC, rowid DESC LIMIT 1",
            (owner, channel),
        )
        return JobRecord.of(row) if row else None

    async def forget_messages(self, messages: Collection[int]) -> int:
        """Forget the jobs whose messages are gone; returns how many."""
        marks = ", ".join("?" for _ in messages)
        return await self.database.write(f"DELETE FROM jobs WHERE message IN ({marks})", tuple(messages))

    async def interrupt(self, when: datetime) -> Sequence[JobRecord]:
        """Mark the jobs that an earlier process left behind, and return them. To be called before any is added."""
        rows = await self.database.rows(
            "UPDATE jobs SET state = 'interrupted', ended = ? WHERE state = 'accepted' RETURNING *", (when.timestamp(),)
        )
        return [JobRecord.of(row) for row in rows]

    async def expire(self, before: datetime) -> int:
        """Delete jobs that were asked for before a moment; returns how many."""
        return await self.database.write("DELETE FROM jobs WHERE asked < ?", (before.timestamp(),))


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


def _to_json(kept: Drawing | Question | Enlargement | Pictures | Answer) -> str:
    values = {field.name: getattr(kept, field.name) for field in fields(kept) if field.name not in NOT_KEPT}
    return json.dumps(values, default=asdict, separators=(",", ":"))


def _request(kind: Kind, job_id: str, owner: int, values: Mapping[str, Any]) -> Drawing | Question | Enlargement:
    who = {"id": job_id, "owner": str(owner)}
    match kind:
        case "drawing":
            return Drawing(**{**values, **who, "kept": tuple(values["kept"])})
        case "question":
            values = {key: value for key, value in values.items() if key != "turns"}  # older versions wrote them here
            return Question(**{**values, **who, "pictures": ()})
        case "enlargement":
            return Enlargement(**values)


def _result(kind: Kind, values: Mapping[str, Any]) -> Pictures | Answer:
    if kind == "question":
        return Answer(**values)
    tokens = tuple(tuple(picture) for picture in values["tokens"])
    return Pictures((), tokens, tuple(values["seeds"]), values["seconds"])
