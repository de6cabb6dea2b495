"""The life of a message on its way, whatever Discord and the executor do."""

import asyncio
import io
import re
from dataclasses import replace

import pytest
from PIL import Image

from model.requests import Failed, Preview, Progress, Queued, Started
from tests.bot.conftest import World, bugs
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, files, gallery, shown, text, told_privately


def edits(world: World) -> int:
    return sum(request.method == "PATCH" for request in world.env.http_requests)


async def test_edits_are_coalesced(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    for done in range(100):
        world.executor.job.tell(Progress(done, 100))
    await world.env.settle()
    assert edits(world) == 0
    await world.env.advance_time(1.5)
    assert edits(world) == 1
    assert "99 %" in text(message)
    await world.env.advance_time(60)
    assert edits(world) == 1  # nothing new, nothing sent


async def test_it_says_that_the_model_is_loading(world: World) -> None:
    world.executor.becomes(state="loading")
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    assert "still loading" in text(message)
    world.executor.becomes(state="ready")
    world.executor.job.tell(Queued(1))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "number 1 in the queue" in text(message)


async def test_a_bar_waits_while_the_engine_is_opened_again(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    job = world.executor.job
    job.tell(Started(), Progress(40, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "40 %" in text(message)
    world.executor.becomes(state="loading")
    job.tell(Queued(1))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "still loading" in text(message)
    assert buttons(message) == ["Cancel"]
    record = await world.bot.store.jobs.get(job.id)
    assert record
    assert (record.state, record.attempt) == ("running", 2)  # one more death, of a process, and it is given up
    job.tell(Queued(2))  # its place in the line is no death
    world.executor.becomes(state="ready")
    job.tell(Started(), Progress(10, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "10 %" in text(message)
    record = await world.bot.store.jobs.get(job.id)
    assert record
    assert record.attempt == 2
    job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert len(files(message)) == 5


async def test_a_moderator_cancels_and_others_do_not(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    assert "Only the member who asked" in told_privately(await world.bob.click(message, label="Cancel"))
    assert not world.executor.job.cancelled
    await world.moderator.click(message, label="Cancel")
    assert world.executor.job.cancelled


async def test_a_deleted_panel_ends_its_job(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await world.moderator.delete(message)
    world.executor.job.tell(Started(), Progress(1, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    assert not world.executor.job.cancelled  # one answer alone may err
    await world.env.advance_time(1)
    assert world.executor.job.cancelled


async def test_a_refusal_that_comes_late_is_private(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Failed("At most 40 words, please.", "refused"))
    await world.env.settle()
    assert told_privately(result) == "At most 40 words, please."


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Failed("", "memory"), "enough memory"),
        (Failed("/home/me/weights: missing", "unavailable"), "can find the reason in my log"),
    ],
)
async def test_a_failure_is_told_on_the_message(world: World, failure: Failed, says: str) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.job.tell(failure)
    await world.env.settle()
    assert says in text(message)


async def test_a_bug_in_the_model_is_told_with_its_id(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.job.tell(Failed("KeyError: 'secret detail'", "bug"))
    await world.env.settle()
    assert world.executor.job.id in text(message)
    assert "secret" not in text(message)


async def test_a_bug_in_the_bot_is_told_with_an_id_that_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.job.tell(answer("an answer where pictures are due"))
    await world.env.settle()
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.exc_info
    assert record.getMessage().removeprefix("Bug ") in text(message)


async def test_the_executor_failing_to_take_a_request_is_a_bug_told_privately(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def submit(request: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(world.executor, "submit", submit)
    told = told_privately(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    assert "wrong on my side" in told
    assert "boom" not in told
    assert "boom" in caplog.text
    assert [str(bug) for bug in bugs(world.env)] == ["boom"]
    world.env._errors.clear()


@pytest.mark.parametrize("command", ["imagine", "ask"])
async def test_more_requests_than_the_queue_holds_are_refused_privately(world: World, command: str) -> None:
    options = {"prompt": "a red circle"} if command == "imagine" else {"image": ("cat.png", png()), "question": "What?"}
    world.bot.queue.slots.most = 1
    await world.alice.slash(world.channel, "imagine", prompt="a blue square")
    assert "Too many people" in told_privately(await world.bob.slash(world.channel, command, **options))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    await world.bob.slash(world.channel, command, **options)
    assert len(world.executor.jobs) == 2


async def test_the_panel_says_when_only_the_last_touch_is_missing(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.job.tell(Progress(100, 100, 0.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "Almost done" in text(message)


# -- previews ---------------------------------------------------------------------------------------------------------


def half_drawn(colour: str, count: int = 2) -> Preview:
    picture = Image.new("RGB", (384, 384), (127, 127, 127))
    picture.paste(colour, (0, 0, 384, 192))
    return Preview((picture,) * count)


def previews(world: World) -> int:
    """How many edits brought pictures along. A file that is kept is listed by its id, a new one by its number."""
    edits = [request.json or {} for request in world.env.http_requests if request.method == "PATCH"]
    return sum(any(int(file["id"]) < 10 for file in edit.get("attachments") or ()) for edit in edits)


async def test_the_panel_shows_the_pictures_as_they_are_drawn(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    assert world.executor.drawing.previews
    world.executor.job.tell(Started(), Progress(50, 100, 5.0), half_drawn("red"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert [item["description"] for item in gallery(message)] == [
        f"Picture {number}, being drawn: a red circle" for number in (1, 2)
    ]
    assert "50 %" in text(message)
    assert buttons(message) == ["Cancel"]
    for attachment in files(message):
        data = await attachment.read()
        assert len(data) < 20_000
        with Image.open(io.BytesIO(data)) as sent:
            assert max(sent.size) <= 256
            red, _, blue = sent.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
            assert red > 200 > 60 > blue
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert all(attachment.filename.startswith("janus-") for attachment in files(message))


async def test_previews_are_seconds_apart_and_stay_while_the_line_below_goes_on(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    for done in range(20):
        world.executor.job.tell(half_drawn("red"), Progress(done, 100))
        await world.env.settle()
        await world.env.advance_time(0.5)
    assert 2 <= previews(world) <= 4  # in ten seconds
    world.executor.job.tell(Progress(99, 100, 1.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "99 %" in text(message)
    assert len(gallery(message)) == len(files(message)) == 2


async def test_hidden_pictures_are_hidden_from_the_first_preview_on(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2, spoiler=True))
    world.executor.job.tell(Started(), half_drawn("red"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert [item["spoiler"] for item in gallery(message)] == [True, True]
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert [item["spoiler"] for item in gallery(message)] == [True, True]


async def test_a_cancelled_drawing_leaves_no_preview_and_no_button_behind(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    world.executor.job.tell(Started(), half_drawn("red"), Progress(50, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    await world.alice.click(message, label="Cancel")
    assert world.executor.job.cancelled
    assert "Cancelled." in text(message)
    assert files(message) == []
    assert buttons(message) == []


# -- the end of the bot -----------------------------------------------------------------------------------------------


def soon(world: World, seconds: float = 0.0) -> None:
    """Have the bot close within seconds, and let a member have one job running."""
    limits = world.bot.settings.limits.model_copy(update={"member_running": 1})
    drained = world.bot.settings.discord.model_copy(update={"drain_seconds": seconds})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits, "discord": drained})


async def test_closing_tells_everybody_that_theirs_goes_on(world: World) -> None:
    """Those whose job the executor has, and who still wait for their turn."""
    soon(world)
    messages = [
        shown(await who.slash(world.channel, "imagine", prompt="a red circle"))
        for who in (world.alice, world.alice, world.bob)
    ]
    assert len(world.executor.jobs) == 2
    await world.bot.close()
    for message in messages:
        assert "go on by itself" in text(message)
        assert buttons(message) == ["Cancel"]
    await world.bot.store.open()
    left = await world.bot.store.jobs.unfinished()
    assert [(record.state, record.attempt) for record in left] == [("accepted", 0)] * 3


async def test_what_ends_while_the_bot_closes_is_delivered_and_nothing_new_begins(world: World) -> None:
    soon(world, 30.0)
    first, second = [
        shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1)) for _ in range(2)
    ]
    closing = asyncio.create_task(world.bot.close())
    while not world.bot.queue.closed:  # noqa: ASYNC110
        await asyncio.sleep(0)
    refused = told_privately(await world.bob.slash(world.channel, "imagine", prompt="a blue square"))
    assert "try again in a moment" in refused
    assert "go on by itself" in text(second)
    world.executor.job.tell(pictures(world.executor.drawing))
    await closing
    assert len(gallery(first)) == 1
    await world.bot.store.open()
    assert [record.words for record in await world.bot.store.jobs.unfinished()] == ["a red circle"]


async def test_what_is_cancelled_while_the_bot_closes_stays_cancelled(world: World) -> None:
    soon(world, 30.0)
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    closing = asyncio.create_task(world.bot.close())
    while not world.bot.queue.closed:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await world.alice.click(message, label="Cancel")
    await closing
    assert "Cancelled." in text(message)
    await world.bot.store.open()
    assert await world.bot.store.jobs.unfinished() == []


async def test_a_preview_that_did_not_arrive_is_sent_with_the_next_edit(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    world.env.inject_error("PATCH", "/webhooks/*", status=500, times=1)
    world.executor.job.tell(Started(), half_drawn("red"), Progress(10, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    for done in (20, 30):
        world.executor.job.tell(Progress(done, 100))
        await world.env.settle()
        await world.env.advance_time(2)
    assert "30 %" in text(message)
    assert len(gallery(message)) == len(files(message)) == 2


async def test_a_job_whose_result_can_not_be_shown_is_counted_once_and_found_by_its_id(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    drawn = pictures(world.executor.drawing)
    world.executor.job.tell(replace(drawn, pictures=(), seeds=(1, 2)))  # which fit no gallery
    await world.env.settle()
    assert f"mention this ID: {world.executor.job.id}" in text(message)
    assert f"Bug {world.executor.job.id}" in caplog.text
    counted = re.findall(r"^janus_jobs_total\{.*\} (.+)$", world.bot.metrics.text().decode(), re.MULTILINE)
    assert [times for times in counted if float(times)] == ["1.0"]
