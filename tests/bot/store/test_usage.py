"""What counts towards the limits an hour, and as how much."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.store import database as module
from bot.store.database import Database
from bot.store.schema import MIGRATIONS
from bot.store.usage import Hourly, Usage

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def usage(tmp_path: Path) -> AsyncIterator[Usage]:
    database = Database(tmp_path)
    await database.open()
    yield Usage(database)
    await database.close()


async def add(usage: Usage, job: str, minutes: int, requests: int, member: int = 3, server: int = 100) -> bool:
    when = NOW + timedelta(minutes=minutes)
    return await usage.database.write(*usage.added(job, 1, 2, when, Hourly(member, server), requests)) > 0


async def free(usage: Usage, minutes: int, requests: int, most: int = 3) -> int | None:
    """In how many minutes from the beginning so many more can be made."""
    until = await usage.used_up_until("member", 1, most, NOW + timedelta(minutes=minutes), requests)
    return round((until - NOW).total_seconds() / 60) if until else None


async def test_a_job_that_counts_as_two_takes_the_room_of_two(usage: Usage) -> None:
    assert await add(usage, "a", 0, 1)
    assert await add(usage, "b", 10, 2)
    assert not await add(usage, "c", 20, 1)
    assert not await add(usage, "c", 20, 2)
    assert (await free(usage, 20, 1), await free(usage, 20, 2)) == (60, 70)  # when the first has passed, or the second
    assert not await add(usage, "c", 61, 2)
    assert await add(usage, "c", 61, 1)
    assert await free(usage, 65, 1) == 70
    assert await free(usage, 71, 2) is None
    assert await add(usage, "d", 71, 2)


async def test_a_server_s_limit_holds_likewise(usage: Usage) -> None:
    assert await add(usage, "a", 0, 2, member=100, server=3)
    assert not await add(usage, "b", 1, 2, member=100, server=3)
    assert await add(usage, "b", 1, 1, member=100, server=3)


async def test_where_one_is_all_there_may_be_it_may_count_as_two(usage: Usage) -> None:
    assert await free(usage, 0, 2, most=1) is None
    assert await add(usage, "a", 0, 2, member=1)
    assert await free(usage, 1, 2, most=1) == 60
    assert not await add(usage, "b", 1, 2, member=1)
    assert await add(usage, "b", 61, 2, member=1)


async def test_what_was_counted_before_counts_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path)
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:9])
    await database.open()
    await database.write("INSERT INTO uses VALUES ('a', 1, 2, ?)", (NOW.timestamp(),))
    await database.close()
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS)
    await database.open()
    usage = Usage(database)
    assert (await free(usage, 1, 2), await free(usage, 1, 3)) == (None, 60)
    await database.close()
