"""What was asked and what came out, as it comes back from the disk."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from bot.store.database import Database
from bot.store.jobs import Enlargement, JobRecord, Jobs
from model.requests import Answer, Drawing, Pictures, Question, Turn

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PICTURE = Image.new("RGB", (4, 4))
DRAWING = Drawing(prompt="a “red” circle\n🏳️‍🌈", seed=2**32 - 1, guidance=2.5, kept=(5, 0, 16383), owner="7")
QUESTION = Question(pictures=(PICTURE,), question="What?", turns=(Turn(question="a", answer="b"),), owner="7")


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    database = Database(tmp_path)
    await database.open()
    yield Jobs(database)
    await database.close()


def record(request: Drawing | Question | Enlargement, job_id: str = "") -> JobRecord:
    made = job_id or (request.job[::-1] if isinstance(request, Enlargement) else request.id)
    return JobRecord(id=made, request=request, owner=7, guild=8, channel=9, spoiler=True, model="/a/folder", asked=NOW)


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (DRAWING, Pictures((PICTURE, PICTURE), ((1, 2), (3, 16383)), (2**32 - 1, 0), {"decode": 1.5})),
        (replace(QUESTION, pictures=(), turns=()), Answer("“A” cat", 3, False, 1, {"decode": 1.5})),
        (Enlargement("0123456789ab", 4, "a circle"), Pictures((PICTURE,), (), (), {})),
    ],
    ids=["drawing", "question", "enlargement"],
)
async def test_a_job_comes_back_as_it_was(
    jobs: Jobs, request_: Drawing | Question | Enlargement, result: Pictures | Answer
) -> None:
    added = record(request_)
    await jobs.add(added)
    assert await jobs.get(added.id) == added
    await jobs.note_message(added.id, 10, 11)
    await jobs.end(added.id, "done", NOW + timedelta(seconds=5), result)
    without_pixels = replace(result, pictures=()) if isinstance(result, Pictures) else result
    assert await jobs.get(added.id) == replace(
        added, channel=10, message=11, state="done", ended=NOW + timedelta(seconds=5), result=without_pixels
    )
    await jobs.remove(added.id)
    assert await jobs.get(added.id) is None


async def test_only_what_was_not_over_is_interrupted(jobs: Jobs) -> None:
    for name in ("waits", "done"):
        await jobs.add(record(DRAWING, name))
    await jobs.end("done", "done", NOW)
    interrupted = await jobs.interrupt(NOW)
    assert [job.id for job in interrupted] == ["waits"]
    found = [await jobs.get(name) for name in ("waits", "done")]
    assert [job.state for job in found if job] == ["interrupted", "done"]
    assert await jobs.interrupt(NOW) == []


async def test_old_jobs_expire(jobs: Jobs) -> None:
    for days in (0, 10, 40):
        await jobs.add(replace(record(DRAWING, f"{days} days"), asked=NOW - timedelta(days=days)))
    assert await jobs.expire(NOW - timedelta(days=30)) == 1
    assert await jobs.get("40 days") is None
    assert await jobs.get("10 days")
