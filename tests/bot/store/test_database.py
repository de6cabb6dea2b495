"""The file: made, brought up to date, and refused where it can't be used."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.store import database as module
from bot.store.database import Database
from bot.store.jobs import Jobs
from bot.store.schema import MIGRATIONS
from model.errors import PlainError


async def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "deep" / "down")
    await database.open()
    assert (
        await database.write(
            "INSERT INTO jobs (id, kind, state, owner, private, spoiler, model, asked, request) "
            "VALUES ('a', 'drawing', 'accepted', 1, 0, 0, 'demo', 5, '{}')"
        )
        == 1
    )
    await database.close()
    await database.open()
    row = await database.row("SELECT owner FROM jobs")
    await database.close()
    assert row
    assert row["owner"] == 1


async def test_an_older_file_takes_only_the_changes_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path)
    monkeypatch.setattr(module, "MIGRATIONS", ("CREATE TABLE one (x)",))
    await database.open()
    await database.write("INSERT INTO one VALUES (1)")
    await database.close()
    monkeypatch.setattr(module, "MIGRATIONS", ("CREATE TABLE one (x)", "CREATE TABLE two (x); CREATE TABLE three (x)"))
    await database.open()
    assert [row["name"] for row in await database.rows("SELECT name FROM sqlite_schema ORDER BY name")] == [
        "one",
        "three",
        "two",
    ]
    assert len(await database.rows("SELECT * FROM one")) == 1
    await database.close()


async def test_a_change_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIGRATIONS", ("CREATE TABLE one (x); CREATE TABLE one (x)",))
    with pytest.raises(PlainError, match="already exists"):
        await Database(tmp_path).open()
    with sqlite3.connect(tmp_path / "janus.sqlite3") as file:
        assert file.execute("SELECT name FROM sqlite_schema").fetchall() == []
    file.close()


@pytest.mark.parametrize("content", [b"this is no database at all, and longer than a header" * 100, None])
async def test_a_file_that_can_not_be_used_is_a_plain_error_that_names_it(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "janus.sqlite3"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(PlainError, match=r"janus\.sqlite3"):
        await Database(tmp_path).open()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "janus.sqlite3") as file:
        file.execute("PRAGMA user_version = 1000")
    file.close()
    with pytest.raises(PlainError, match="newer version"):
        await Database(tmp_path).open()


async def test_jobs_of_the_version_before_go_on_where_they_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path)
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:3])
    await database.open()
    for number, (state, private) in enumerate(
        [("accepted", 0), ("accepted", 1), ("done", 0), ("failed", 0), ("cancelled", 0), ("interrupted", 0)]
    ):
        await database.write(
            "INSERT INTO jobs VALUES (?, 'drawing', ?, 1, 2, 3, 4, ?, 0, 'demo', 5, ?, ?, NULL, NULL, NULL)",
            (f"{number}", state, private, None if state == "accepted" else 6, '{"prompt":"a","kept":[]}'),
        )
    await database.close()
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS)
    await database.open()
    jobs = Jobs(database)
    found = [await jobs.get(f"{number}") for number in range(6)]
    assert [job.state for job in found if job] == [
        "accepted",
        "accepted",
        "delivered",
        "failed",
        "cancelled",
        "failed",
    ]
    assert [job.id for job in await jobs.unfinished()] == ["0", "1"]
    assert [job.address.channel_open for job in await jobs.unfinished()] == [True, False]
    await database.close()


async def test_a_transaction_whose_waiter_is_cancelled_is_not_left_open(tmp_path: Path) -> None:
    database = Database(tmp_path)
    await database.open()
    other = sqlite3.connect(database.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    statement = ("INSERT INTO blocked VALUES (?, ?, ?)", (1, 2, 3.0))
    waiting = asyncio.create_task(database.transact(statement))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other.execute("COMMIT")
    other.close()
    await database.transact(("DELETE FROM blocked", ()), statement)
    assert len(await database.rows("SELECT * FROM blocked")) == 1
    await database.close()
