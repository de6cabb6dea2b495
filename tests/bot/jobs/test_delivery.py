"""The life of a message on its way, whatever Discord and the executor do."""

import pytest

from model.requests import Failed, Progress, Queued, Started
from tests.bot.conftest import World, bugs
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, text

MINUTE = 60


def edits(world: World) -> int:
    return sum(request.method == "PATCH" for request in world.env.http_requests)


async def test_edits_are_coalesced(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    for done in range(100):
        world.executor.job.tell(Progress(done, 100))
    await world.env.settle()
    assert edits(world) == 0
    await world.env.advance_time(1.5)
    assert edits(world) == 1
    assert result.response
    assert "99 %" in text(result.response)
    await world.env.advance_time(60)
    assert edits(world) == 1  # nothing new, nothing sent


async def test_it_says_that_the_model_is_loading(world: World) -> None:
    world.executor.becomes(state="loading")
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    assert "still loading" in text(result.response)
    world.executor.becomes(state="ready")
    world.executor.job.tell(Queued(1))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "number 1 in the queue" in text(result.response)


async def test_the_asker_cancels(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    await world.alice.click(result.response, label="Cancel")
    assert world.executor.job.cancelled
    assert "Cancelled." in text(result.response)
    assert buttons(result.response) == []


async def test_a_moderator_cancels_and_others_do_not(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    refused = await world.bob.click(result.response, label="Cancel")
    assert refused.response
    assert refused.response.ephemeral
    assert "Only the member who asked" in refused.response.content
    assert not world.executor.job.cancelled
    await world.moderator.click(result.response, label="Cancel")
    assert world.executor.job.cancelled


async def test_a_press_on_a_message_of_an_earlier_run_is_answered(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    delivery = world.bot.open_jobs.get(world.executor.job.id)
    assert delivery
    world.bot.open_jobs.discard(delivery)
    assert result.response
    pressed = await world.alice.click(result.response, label="Cancel")
    assert pressed.response
    assert pressed.response.content == "This is over already."


async def test_a_deleted_panel_ends_its_job(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    await world.moderator.delete(result.response)
    world.executor.job.tell(Started(), Progress(1, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    assert world.executor.job.cancelled


async def test_a_refusal_that_comes_late_is_private(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Failed("At most 40 words, please.", "refused"))
    await world.env.settle()
    (told,) = [m for m in (result.response, *result.followups) if m]
    assert told.ephemeral
    assert told.content == "At most 40 words, please."


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Failed("", "memory"), "not enough memory"),
        (Failed("/home/me/weights: missing", "unavailable"), "finds the reason in my log"),
    ],
)
async def test_a_failure_is_told_on_the_message(world: World, failure: Failed, says: str) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(failure)
    await world.env.settle()
    assert result.response
    assert says in text(result.response)


async def test_a_bug_in_the_model_is_told_with_its_id(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Failed("KeyError: 'secret detail'", "bug"))
    await world.env.settle()
    assert result.response
    assert world.executor.job.id in text(result.response)
    assert "secret" not in text(result.response)


async def test_a_bug_in_the_bot_is_told_with_an_id_that_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(answer("an answer where pictures are due"))
    await world.env.settle()
    assert result.response
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.exc_info
    assert record.getMessage().removeprefix("Bug ") in text(result.response)


async def test_the_executor_failing_to_take_a_request_is_a_bug_told_privately(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def submit(request: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(world.executor, "submit", submit)
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    assert result.response.ephemeral
    assert "not your fault" in result.response.content
    assert "boom" not in result.response.content
    assert "boom" in caplog.text
    assert [str(bug) for bug in bugs(world.env)] == ["boom"]
    world.env._errors.clear()


@pytest.mark.parametrize("command", ["imagine", "ask"])
async def test_more_requests_than_the_queue_holds_are_refused_privately(world: World, command: str) -> None:
    options = {"prompt": "a red circle"} if command == "imagine" else {"image": ("cat.png", png()), "question": "What?"}
    world.bot.queue.most = 1
    await world.alice.slash(world.channel, "imagine", prompt="a blue square")
    result = await world.bob.slash(world.channel, command, **options)
    assert result.response
    assert result.response.ephemeral
    assert "Too many people" in result.response.content
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    await world.bob.slash(world.channel, command, **options)
    assert len(world.executor.jobs) == 2


# -- the end of the bot -----------------------------------------------------------------------------------------------


async def test_closing_tells_everybody_who_waits(world: World) -> None:
    first = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    second = await world.bob.slash(world.channel, "imagine", prompt="a blue square")
    await world.bot.close()
    for result in (first, second):
        assert result.response
        assert "being restarted" in text(result.response)
