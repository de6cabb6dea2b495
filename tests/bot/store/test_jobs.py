"""What was asked, where it stands and what came out, as it comes back from the disk."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from bot.store.conversations import KeptPicture
from bot.store.records import Address, Enlargement, JobRecord, State
from bot.store.store import Store
from model.requests import Answer, Drawing, Failed, Pictures, Question, Turn

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
PICTURE = Image.new("RGB", (4, 4))
DRAWING = Drawing(prompt="a “red” circle\n🏳️‍🌈", seed=2**32 - 1, guidance=2.5, kept=(5, 0, 16383), owner="7")
QUESTION = Question(pictures=(PICTURE,), question="What?", turns=(Turn(question="a", answer="b"),), owner="7")
DRAWN = Pictures((PICTURE, PICTURE), ((1, 2), (3, 16383)), (2**32 - 1, 0), {"decode": 1.5})
HERE = Address(guild=8, channel=9, token="secret", token_ends=NOW + timedelta(minutes=14), channel_open=True)
STATES: list[State] = list(get_args(State))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path)
    await store.open()
    yield store
    await store.close()


def record(request: Drawing | Question | Enlargement, job_id: str = "") -> JobRecord:
    made = job_id or (request.job[::-1] if isinstance(request, Enlargement) else request.id)
    return JobRecord(
        id=made, request=request, owner=7, address=HERE, spoiler=True, model="/a/folder", asked=NOW, notes=("a note",)
    )


async def state_of(store: Store, job_id: str) -> State:
    found = await store.jobs.get(job_id)
    assert found
    return found.state


async def in_state(store: Store, state: State) -> str:
    """Bring a new job into a state, by the way that leads there."""
    job = record(DRAWING, state)
    await store.accept(job)
    match state:
        case "running":
            await store.jobs.begin(job.id)
        case "made" | "failed" | "cancelled":
            assert await store.jobs.move(job.id, state, NOW)
        case "delivered" | "undelivered":
            assert await store.jobs.move(job.id, "made", NOW)
            assert await store.jobs.move(job.id, state, NOW)
    assert await state_of(store, job.id) == state
    return job.id


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (DRAWING, DRAWN),
        (replace(QUESTION, pictures=(), turns=()), Answer("“A” cat", 3, False, 1, {"decode": 1.5})),
        (Enlargement("0123456789ab", 4, "a circle"), Pictures((PICTURE,), (), (), {})),
    ],
    ids=["drawing", "question", "enlargement"],
)
async def test_a_job_comes_back_as_it_was(
    store: Store, request_: Drawing | Question | Enlargement, result: Pictures | Answer
) -> None:
    jobs, added = store.jobs, record(request_)
    await store.accept(added)
    assert await jobs.get(added.id) == added
    there = replace(HERE, message=11)
    await jobs.note_address(added.id, there)
    await jobs.begin(added.id)
    assert await jobs.move(added.id, "made", LATER, outcome=result)
    without_pixels = replace(result, pictures=()) if isinstance(result, Pictures) else result
    assert await jobs.get(added.id) == replace(added, address=there, state="made", ended=LATER, result=without_pixels)
    await jobs.remove(added.id)
    assert await jobs.get(added.id) is None


async def test_a_failure_comes_back_with_its_reason(store: Store) -> None:
    await store.accept(record(DRAWING, "job"))
    failure = Failed("too long", "refused", "prompt", 200)
    assert await store.jobs.move("job", "failed", NOW, outcome=failure)
    found = await store.jobs.get("job")
    assert found
    assert found.failure == failure


@pytest.mark.parametrize("state", STATES)
async def test_a_job_goes_on_only_from_where_it_can(store: Store, state: State) -> None:
    """Who comes second finds that somebody was first."""
    leads_to = {
        "accepted": {"made", "failed", "cancelled"},
        "running": {"made", "failed", "cancelled"},
        "made": {"delivered", "undelivered", "failed"},
    }
    for after in STATES[2:]:
        job = await in_state(store, state)
        assert await store.jobs.move(job, after, NOW) == (after in leads_to.get(state, set())), after
        await store.jobs.remove(job)
        await store.usage.take_back(job)


async def test_a_job_its_use_and_its_pictures_are_written_together_or_not_at_all(store: Store) -> None:
    pictures = [KeptPicture("cat.png", b"cat")]
    asked = replace(record(QUESTION, "job"), conversation="job")
    await store.accept(asked, pictures)
    assert list(await store.conversations.pictures("job")) == pictures
    assert await store.usage.used_up_until("member", 7, 1, LATER)
    await store.refuse("job")
    assert await store.jobs.get("job") is None
    assert await store.conversations.pictures("job") == ()
    assert await store.usage.used_up_until("member", 7, 1, LATER) is None
    await store.database.write("DROP TABLE pictures")
    with pytest.raises(Exception, match="no such table"):
        await store.accept(replace(asked, id="other"), pictures)
    assert await store.jobs.get("other") is None
    assert await store.usage.used_up_until("member", 7, 1, LATER) is None


async def test_what_is_left_is_what_is_not_over_and_what_nobody_was_told(store: Store) -> None:
    for state in STATES:
        await in_state(store, state)
    left = [job.id for job in await store.jobs.unfinished()]
    assert left == ["accepted", "running", "made", "failed", "cancelled"]
    await store.jobs.note_told("failed", NOW)
    await store.jobs.note_told("cancelled", NOW)
    assert [job.id for job in await store.jobs.unfinished()] == ["accepted", "running", "made"]
    assert [job.id for job in await store.jobs.of(7)] == ["accepted", "running", "made", "undelivered"]
    assert await store.jobs.of(8) == []


async def test_attempts_are_counted_and_not_those_that_ended_in_order(store: Store) -> None:
    await store.accept(record(DRAWING, "job"))

    async def stands() -> tuple[State, int]:
        found = await store.jobs.get("job")
        assert found
        return found.state, found.attempt

    assert await stands() == ("accepted", 0)
    await store.jobs.begin("job")
    assert await stands() == ("running", 1)
    await store.jobs.hand_back()
    assert await stands() == ("accepted", 0)
    await store.jobs.begin("job")
    await store.jobs.begin("job")  # by the next process: this one died
    assert await stands() == ("running", 2)
    await store.jobs.move("job", "made", NOW, outcome=DRAWN)
    assert await stands() == ("made", 0)
    await store.jobs.begin("job")  # to be painted once more
    assert await stands() == ("made", 1)
    await store.jobs.renew("job", "another model")
    found = await store.jobs.get("job")
    assert found
    assert (found.state, found.model, found.result) == ("accepted", "another model", None)


async def test_what_could_not_be_delivered_is_handed_over_once(store: Store) -> None:
    job = await in_state(store, "undelivered")
    there = Address(guild=1, channel=2, private=True, token="new", token_ends=LATER)
    assert await store.jobs.readdress(job, there)
    found = await store.jobs.get(job)
    assert found
    assert (found.state, found.address) == ("made", there)
    assert not await store.jobs.readdress(job, there)


@pytest.mark.parametrize("state", STATES)
async def test_a_token_lasts_no_longer_than_it_is_of_use(store: Store, state: State) -> None:
    job = await in_state(store, state)

    async def token() -> str | None:
        found = await store.jobs.get(job)
        assert found
        return found.address.token

    assert await token() == (None if state in ("delivered", "undelivered") else "secret")
    await store.jobs.note_told(job, NOW)
    await store.expire(NOW + timedelta(minutes=15), keep_days=30)
    assert await token() is None


async def test_an_enlargement_keeps_its_picture_until_it_is_over(store: Store) -> None:
    enlargement = replace(record(Enlargement("0123456789ab", 4, "a circle"), "job"), conversation="job")
    await store.accept(enlargement)
    await store.conversations.keep("job", 7, [KeptPicture("a.png", b"a")])
    await store.jobs.move("job", "made", NOW, outcome=Pictures((PICTURE,), (), (), {}))
    await store.jobs.move("job", "undelivered", NOW)
    assert await store.conversations.pictures("job")
    await store.jobs.readdress("job", HERE)
    await store.jobs.move("job", "delivered", NOW)
    assert await store.conversations.pictures("job") == ()


async def test_old_jobs_expire(store: Store) -> None:
    for days in (0, 10, 40):
        await store.accept(replace(record(DRAWING, f"{days} days"), asked=NOW - timedelta(days=days)))
    assert await store.expire(NOW, keep_days=30) == 1
    assert await store.jobs.get("40 days") is None
    assert await store.jobs.get("10 days")
