"""Results find their way to people: uploads that fail, files that are too large, and the end of 15 minutes."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from bot.jobs.interaction import InteractionTarget
from bot.jobs.target import Parcel
from model.requests import Progress
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, gallery, text

MINUTE = 60


# -- Discord failing --------------------------------------------------------------------------------------------------


async def test_a_failed_progress_edit_costs_nothing(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.env.inject_error("PATCH", "/webhooks/*", status=403, times=1)
    world.executor.job.tell(Progress(1, 2))
    await world.env.settle()
    await world.env.advance_time(2)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert result.response
    assert len(gallery(result.response)) == 5


@pytest.mark.parametrize("error", [aiohttp.ClientOSError("reset"), ConnectionResetError("reset"), TimeoutError()])
async def test_a_broken_upload_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    whole, failures = InteractionTarget._send, [error, error]

    async def breaking(target: InteractionTarget, parcel: Parcel, more: bool) -> None:
        if failures:
            raise failures.pop()
        await whole(target, parcel, more)

    monkeypatch.setattr(InteractionTarget, "_send", breaking)
    world.executor.job.tell(pictures(world.executor.drawing))
    await asyncio.sleep(0)
    await world.env.advance_time(10)
    assert result.response
    assert len(gallery(result.response)) == 5


async def test_a_result_that_can_not_be_sent_is_kept_for_the_asker(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.env.inject_error("PATCH", "/webhooks/*", status=403, times=1)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert result.response
    assert "did not take the result" in text(result.response)
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=1)
    shown = await world.alice.click(result.response, label="Show")
    assert shown.response
    assert shown.response.ephemeral
    assert len(gallery(shown.response)) == 5


async def test_a_kept_result_is_dropped_after_an_hour(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.env.inject_error("PATCH", "/webhooks/*", status=403, times=1)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    await world.env.advance_time(61 * MINUTE)
    assert world.bot.open_jobs.get(world.executor.job.id) is None
    assert result.response


async def test_the_first_answer_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, failures = discord.InteractionResponse.send_message, [aiohttp.ServerDisconnectedError()]

    async def breaking(*args: Any, **options: Any) -> object:
        if failures:
            raise failures.pop()
        return await whole(*args, **options)

    monkeypatch.setattr(discord.InteractionResponse, "send_message", breaking)
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    assert buttons(result.response) == ["Cancel"]


async def test_files_that_discord_finds_too_large_are_sent_smaller(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=1)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert result.response
    assert len(gallery(result.response)) == 5


async def test_files_that_no_encoding_makes_small_enough_end_in_a_sentence(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=9)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    world.env.backend.faults.clear()
    assert result.response
    assert "too large to be sent" in text(result.response)


# -- longer than Discord's 15 minutes ---------------------------------------------------------------------------------


async def test_a_late_drawing_comes_as_a_message_that_calls_the_asker(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    await world.env.advance_time(14 * MINUTE)
    assert "in this channel when it is ready" in text(result.response)
    await world.env.advance_time(6 * MINUTE)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    message = world.channel.last_message
    assert message
    assert message.id != result.response.id
    assert len(message.attachments) == 5
    body = world.env.http_requests[-1].json
    assert isinstance(body, dict)
    assert body["allowed_mentions"]["users"] == [world.alice.id]
    assert world.alice.mention in str(body["components"])


async def test_a_late_private_answer_is_kept_for_the_asker_alone(world: World) -> None:
    result = await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    assert result.response
    await world.env.advance_time(14 * MINUTE)
    assert buttons(result.response) == ["Show"]
    early = await world.alice.click(result.response, label="Show")
    assert early.response
    assert "not ready yet" in early.response.content
    await world.env.advance_time(6 * MINUTE)
    before = world.channel.last_message
    world.executor.job.tell(answer("A secret cat."))
    await world.env.settle()
    assert world.channel.last_message == before  # nothing fell back to the channel
    shown = await world.alice.click(result.response, label="Show")
    assert shown.response
    assert shown.response.ephemeral
    assert "A secret cat." in text(shown.response)


async def test_a_private_answer_whose_time_runs_out_at_the_send_stays_private(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    before, left = world.channel.last_message, [1.0, 1.0]  # seen by the delivery; at the send it is over
    monkeypatch.setattr(InteractionTarget, "seconds_left", property(lambda target: left.pop() if left else -1.0))
    world.executor.job.tell(answer("A secret cat."))
    await world.env.settle()
    assert not left
    assert world.channel.last_message == before


async def test_a_late_cancelled_private_question_says_nothing_in_the_channel(world: World) -> None:
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="My secret?", private=True)
    await world.env.advance_time(20 * MINUTE)
    before = world.channel.last_message
    world.executor.job.cancel()
    await world.env.settle()
    assert world.channel.last_message == before
