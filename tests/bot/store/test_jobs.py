"""What was asked, where it stands and what came out, as it comes back from the disk."""

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from bot.config import Store as Settings
from bot.store import database
from bot.store.conversations import KeptPicture
from bot.store.database import outwait
from bot.store.records import Address, Enlargement, JobRecord, State
from bot.store.store import Store
from bot.store.usage import Hourly
from model.requests import Answer, Drawing, Failed, Pictures, Question, Turn

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
PICTURE = Image.new("RGB", (4, 4))
DRAWING = Drawing(prompt="a “red” circle\n🏳️‍🌈", seed=2**32 - 1, guidance=2.5, kept=(5, 0, 16383), owner="7")
QUESTION = Question(pictures=(PICTURE,), question="What?", turns=(Turn(question="a", answer="b"),), owner="7")
DRAWN = Pictures((PICTURE, PICTURE), ((1, 2), (3, 16383)), (2**32 - 1, 0), {"decode": 1.5})
HERE = Address(guild=8, channel=9, token="secret", token_ends=NOW + timedelta(minutes=14), channel_open=True)
PLENTY = Hourly(100, 100)
STATES: list[State] = list(get_args(State))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(Settings(folder=tmp_path))
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
    await store.accept(job, PLENTY)
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
    await store.accept(added, PLENTY)
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
    await store.accept(record(DRAWING, "job"), PLENTY)
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


async def test_a_job_and_its_use_are_written_together_or_not_at_all(store: Store) -> None:
    pictures = [KeptPicture("cat.png", b"cat")]
    asked = replace(record(QUESTION, "job"), conversation="job")
    assert await store.accept(asked, PLENTY)
    await store.keep(asked, pictures)
    assert list(await store.conversations.pictures("job")) == pictures
    await store.undo("job", uncount=False)
    assert await store.jobs.get("job") is None
    assert await store.conversations.pictures("job") == ()
    assert await store.usage.used_up_until("member", 7, 1, LATER)  # what was read has cost something
    await store.undo("job", uncount=True)
    assert await store.usage.used_up_until("member", 7, 1, LATER) is None
    await store.keep(asked, pictures)
    assert await store.conversations.pictures("job") == ()  # it was forgotten meanwhile
    await store.database.write("DROP TABLE jobs")
    with pytest.raises(Exception, match="no such table"):
        await store.accept(asked, PLENTY)
    assert await store.usage.used_up_until("member", 7, 1, LATER) is None


@pytest.mark.parametrize(("hourly", "kept"), [(Hourly(3, 100), 3), (Hourly(100, 4), 4)], ids=["member", "server"])
async def test_no_number_of_requests_at_once_passes_an_hour_s_limit(store: Store, hourly: Hourly, kept: int) -> None:
    asked = [replace(record(DRAWING, f"job {number}"), asked=NOW + timedelta(seconds=number)) for number in range(10)]
    accepted = await asyncio.gather(*(store.accept(one, hourly) for one in asked))
    assert sum(accepted) == kept
    assert len(await store.jobs.of(7)) == kept
    assert not await store.accept(replace(asked[0], id="too soon", asked=NOW + timedelta(minutes=59)), hourly)
    assert await store.accept(replace(asked[0], id="later", asked=NOW + timedelta(hours=1, seconds=9)), hourly)


async def test_a_failed_job_is_tried_again_by_one_request_alone(store: Store) -> None:
    await in_state(store, "failed")
    asked = [record(DRAWING, f"again {number}") for number in range(10)]
    assert sum(await asyncio.gather(*(store.accept(one, PLENTY, "failed") for one in asked))) == 1
    assert not await store.accept(record(DRAWING, "once more"), PLENTY, "failed")
    (taken,) = await store.jobs.unfinished()
    await store.undo(taken.id, uncount=False, again="failed")
    assert await state_of(store, "failed") == "failed"
    assert await store.accept(record(DRAWING, "now"), PLENTY, "failed")


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
    await store.accept(record(DRAWING, "job"), PLENTY)

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
    await store.expire(NOW + timedelta(minutes=15))
    assert await token() is None


async def test_an_enlargement_keeps_its_picture_until_it_is_over(store: Store) -> None:
    enlargement = replace(record(Enlargement("0123456789ab", 4, "a circle"), "job"), conversation="job")
    await store.accept(enlargement, PLENTY)
    await store.keep(enlargement, [KeptPicture("a.png", b"a")])
    await store.jobs.move("job", "made", NOW, outcome=Pictures((PICTURE,), (), (), {}))
    await store.jobs.move("job", "undelivered", NOW)
    assert await store.conversations.pictures("job")
    await store.jobs.readdress("job", HERE)
    await store.jobs.move("job", "delivered", NOW)
    assert await store.conversations.pictures("job") == ()


async def test_old_jobs_expire(store: Store) -> None:
    for days in (0, 10, 40):
        await store.accept(replace(record(DRAWING, f"{days} days"), asked=NOW - timedelta(days=days)), PLENTY)
    assert (
        await store.expire(
            NOW,
        )
        == 1
    )
    assert await store.jobs.get("40 days") is None
    assert await store.jobs.get("10 days")


async def test_a_kept_result_is_handed_over_to_one_press_alone(store: Store) -> None:
    await in_state(store, "undelivered")
    presses = await asyncio.gather(*(store.jobs.readdress("undelivered", HERE) for _ in range(10)))
    assert sum(presses) == 1


# -- how much is kept -------------------------------------------------------------------------------------------------

PICTURE_BYTES = 400_000
SMALL = Settings.model_construct(member_bytes=3 * PICTURE_BYTES, total_bytes=5 * PICTURE_BYTES, keep_days=30)


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Store]:
    """A store that holds three pictures of a member, five in all, and as many bytes of words and tokens."""
    store = Store(SMALL.model_copy(update={"folder": tmp_path}))
    await store.open()
    yield store
    await store.close()


async def with_pictures(store: Store, job_id: str, owner: int, count: int = 1) -> None:
    asked = replace(record(QUESTION, job_id), owner=owner, conversation=job_id)
    assert await store.accept(asked, PLENTY)
    await store.keep(asked, [KeptPicture("a.png", bytes(PICTURE_BYTES))] * count)


async def kept(store: Store) -> dict[str, int]:
    rows = await store.database.rows("SELECT conversation, count(*) AS n FROM pictures GROUP BY conversation")
    return {row["conversation"]: row["n"] for row in rows}


async def test_of_one_member_so_many_bytes_of_pictures_are_kept_and_the_oldest_go_first(small: Store) -> None:
    for number in range(20):
        await with_pictures(small, f"{number:02}", owner=7)
    assert await kept(small) == {"17": 1, "18": 1, "19": 1}
    await with_pictures(small, "many", owner=7, count=2)
    assert await kept(small) == {"19": 1, "many": 2}
    await with_pictures(small, "more", owner=7, count=2)  # of a conversation, no half is kept
    assert await kept(small) == {"more": 2}


async def test_of_all_members_so_many_bytes_are_kept(small: Store) -> None:
    for owner in range(8):
        await with_pictures(small, f"{owner}", owner)
    assert await kept(small) == {f"{owner}": 1 for owner in range(3, 8)}


async def test_what_is_cancelled_and_asked_again_without_end_is_bounded_too(small: Store) -> None:
    for number in range(30):
        await with_pictures(small, f"{number}", owner=7)
        assert await small.jobs.move(f"{number}", "cancelled", NOW)
    assert await kept(small) == {"27": 1, "28": 1, "29": 1}


async def test_of_one_member_so_many_bytes_of_words_and_tokens_are_kept(small: Store) -> None:
    long = replace(DRAWING, prompt="x" * 10_000)
    for number in range(400):
        asked = replace(record(long, f"{number:03}"), owner=number % 2, asked=NOW + timedelta(seconds=number))
        await small.database.transact(small.jobs.added(replace(asked, state="delivered")))
    await small.database.transact(small.jobs.added(replace(record(long, "waits"), owner=0, asked=NOW)))
    await small.expire(NOW + timedelta(hours=1))
    rows = await small.database.rows("SELECT owner, sum(bytes) AS bytes FROM jobs GROUP BY owner")
    assert all(row["bytes"] <= SMALL.member_bytes for row in rows)
    assert sum(row["bytes"] for row in rows) <= SMALL.total_bytes
    assert [await small.jobs.get(job) is not None for job in ("000", "waits", "399")] == [False, True, True]


# -- what is forgotten ------------------------------------------------------------------------------------------------


def on_disk(folder: Path, *secrets: bytes) -> set[bytes]:
    """Which of these stand in any file of a folder."""
    data = b"".join(file.read_bytes() for file in folder.iterdir())
    return {secret for secret in secrets if secret in data}


def logs(folder: Path) -> list[str]:
    """The write-ahead logs in a folder."""
    return [file.name for file in folder.iterdir() if file.name.endswith("-wal")]


@pytest.mark.parametrize("how", ["member", "job", "message", "age"])
async def test_what_is_forgotten_stands_in_no_file_not_even_in_the_log(store: Store, tmp_path: Path, how: str) -> None:
    secrets = (b"a very private question", b"pixels of a very private picture")
    question = replace(QUESTION, question=secrets[0].decode())
    asked = replace(record(question, "job"), conversation="job", address=replace(HERE, message=11))
    await store.accept(asked, PLENTY)
    await store.keep(asked, [KeptPicture("a.png", secrets[1] * 2000)])
    assert on_disk(tmp_path, *secrets) == set(secrets)
    match how:
        case "member":
            await store.forget(7)
        case "job":
            await store.forget_job("job")
        case "message":
            await store.forget_messages({10, 11})
        case "age":
            await store.expire(NOW + timedelta(days=31))
    assert on_disk(tmp_path, *secrets) == set()
    assert await store.database.rows("SELECT * FROM pictures") == []


async def test_what_is_forgotten_while_somebody_reads_goes_from_the_log_when_they_are_done(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    secret = b"a very private question"
    await store.accept(record(replace(QUESTION, question=secret.decode()), "job"), PLENTY)
    reader = sqlite3.connect(store.database.file, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    forgetting = asyncio.create_task(outwait(lambda: store.forget_job("job")))
    await asyncio.sleep(0.3)
    assert not forgetting.done()
    assert await store.jobs.get("job") is None
    assert on_disk(tmp_path, secret)
    reader.close()
    await forgetting
    assert not on_disk(tmp_path, secret)


async def test_who_forgets_while_the_store_closes_finds_no_log(store: Store, tmp_path: Path) -> None:
    await store.accept(record(DRAWING, "job"), PLENTY)
    await store.close()
    await store.database.empty_log()
    assert logs(tmp_path) == []


async def test_while_thousands_of_jobs_expire_nobody_waits_long(store: Store) -> None:
    result = json.dumps({"tokens": [list(range(576))] * 5, "seeds": [1] * 5, "seconds": {}})
    values = record(DRAWING, "x").values() | {"result": result, "asked": 0.0}
    names = ", ".join(name for name in values if name != "id")
    marks = ", ".join("?" for _ in values if _ != "id")
    await store.database.write(
        f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
        f"INSERT INTO jobs (id, {names}) SELECT 'old ' || i, {marks} FROM n",
        tuple(value for name, value in values.items() if name != "id"),
    )
    expiring = asyncio.create_task(store.expire(NOW))
    pressed = 0
    while not expiring.done():
        began = time.monotonic()
        assert await store.accept(record(DRAWING, f"press {pressed}"), Hourly(10_000, 10_000))
        assert time.monotonic() - began < 1.0
        pressed += 1
        await asyncio.sleep(0.01)
    assert await expiring == 3000
    assert pressed > 3  # it went on in between


@pytest.mark.parametrize("seed", range(20))
async def test_no_interleaving_leaves_pictures_without_a_job(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    asked = [replace(record(QUESTION, f"{n}"), conversation=f"{n}", asked=NOW, owner=n % 2) for n in range(6)]

    async def after_a_while(work: Awaitable[object]) -> None:
        await asyncio.sleep(chance.random() * 0.01)
        await work

    async def ask(one: JobRecord) -> None:
        await store.accept(one, PLENTY)
        await asyncio.sleep(chance.random() * 0.01)
        await store.keep(one, [KeptPicture("a.png", bytes(1000))] * 2)

    await asyncio.gather(
        *(after_a_while(ask(one)) for one in asked),
        *(after_a_while(store.forget_job(one.id)) for one in asked[:3]),
        after_a_while(store.forget(1)),
        after_a_while(store.undo("4", uncount=True)),
    )
    orphans = "SELECT * FROM pictures WHERE conversation NOT IN (SELECT conversation FROM jobs)"
    assert await store.database.rows(orphans) == []
