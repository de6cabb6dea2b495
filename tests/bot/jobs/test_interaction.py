"""Results find their way to people: uploads that fail, files that are too large, and what takes long."""

import asyncio
import io
from datetime import timedelta

import aiohttp
import discord
import pytest
from PIL import Image
from simcord import InteractionResult

from bot.jobs.interaction import InteractionTarget
from bot.jobs.target import Parcel
from bot.media import uploads
from bot.media.provenance import read
from model.requests import Paint, Progress, Started
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, noisy, pictures
from tests.bot.seen import buttons, files, gallery, shown, text, told_privately

MINUTE = 60


# -- Discord failing --------------------------------------------------------------------------------------------------


async def test_a_failed_progress_edit_costs_nothing(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.env.inject_error("PATCH", "/webhooks/*", status=403, times=1)
    world.executor.job.tell(Progress(1, 2))
    await world.env.settle()
    await world.env.advance_time(2)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert len(gallery(message)) == 5


async def test_a_broken_upload_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    whole = InteractionTarget._send
    failures = [aiohttp.ClientOSError("reset"), ConnectionResetError("reset"), TimeoutError()]

    async def breaking(target: InteractionTarget, parcel: Parcel, more: bool, nonce: str) -> None:
        if failures:
            raise failures.pop()
        await whole(target, parcel, more, nonce)

    monkeypatch.setattr(InteractionTarget, "_send", breaking)
    world.executor.job.tell(pictures(world.executor.drawing))
    await asyncio.sleep(0)
    await world.env.advance_time(20)
    assert not failures
    assert len(gallery(message)) == 5


def nobody_takes_it(world: World) -> None:
    """Neither the message nor the channel."""
    world.env.inject_error("PATCH", "/webhooks/*", status=403, times=1)
    world.env.inject_error("POST", "/channels/*", status=403, times=1)


async def test_a_result_that_can_not_be_sent_is_kept_for_the_asker(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    nobody_takes_it(world)
    made = pictures(world.executor.drawing)
    world.executor.job.tell(made)
    await world.env.settle()
    assert "didn't accept the result" in text(message)
    result = await world.alice.click(message, label="Show")
    paint = world.executor.jobs[1].request
    assert isinstance(paint, Paint)
    assert paint.tokens == made.tokens
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=1)
    world.executor.jobs[1].tell(made)
    await world.env.settle()
    handed_over = [shown(result), *result.followups]
    assert all(one.ephemeral for one in handed_over)
    assert [len(gallery(one)) for one in handed_over] == [3, 2]


async def test_a_result_that_nobody_takes_stays_as_long_as_everything_else(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    nobody_takes_it(world)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert world.bot.open_jobs.get(world.executor.job.id) is None
    await world.bot.store.expire(discord.utils.utcnow() + timedelta(days=29))
    assert await world.bot.store.jobs.of(world.alice.id)
    await world.bot.store.expire(discord.utils.utcnow() + timedelta(days=31))
    assert not await world.bot.store.jobs.of(world.alice.id)


# -- too large for one message, or for any ----------------------------------------------------------------------------


async def drawn(world: World, side: int = 256, **options: object) -> InteractionResult:
    """A drawing of noise."""
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, **options)
    world.executor.job.tell(noisy(world.executor.drawing, side))
    await world.env.settle()
    return result


async def test_what_does_not_fit_into_one_message_goes_into_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 450_000)
    result = await drawn(world)
    messages = [shown(result), *result.followups]
    assert [[a.filename for a in files(m)] for m in messages] == [
        ["janus-7.png", "janus-8.png"],
        ["janus-9.png", "janus-10.png"],
        ["janus-11.png"],
    ]
    assert [buttons(m)[:-4] for m in messages] == [
        ["1", "2", "Enlarge 1", "Enlarge 2"],
        ["3", "4", "Enlarge 3", "Enlarge 4"],
        ["5", "Enlarge 5"],
    ]
    assert "Picture 5 · seed 11" in told_privately(await world.alice.click(messages[2], label="5"))


async def test_what_discord_finds_too_large_in_the_middle_loses_nothing_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 450_000)
    world.env.inject_error("POST", "/webhooks/*", status=413, code=40005, times=4)
    result = await drawn(world)
    names = [a.filename for m in [shown(result), *result.followups] for a in files(m)]
    assert names[:2] == ["janus-7.png", "janus-8.png"]
    assert [name.partition(".")[0] for name in names[2:]] == ["janus-9", "janus-10", "janus-11"]


async def test_files_that_discord_finds_too_large_are_sent_smaller_and_still_tell_what_made_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord takes a quarter of what it says."""
    said, whole = 800_000, InteractionTarget._send
    sizes: list[int] = []

    async def weighed(target: InteractionTarget, parcel: Parcel, more: bool, nonce: str) -> None:
        sizes.extend(len(file.data) for file in parcel.files)
        await whole(target, parcel, more, nonce)

    limit = property(lambda target: said, lambda target, given: None)
    monkeypatch.setattr(InteractionTarget, "filesize_limit", limit, raising=False)
    monkeypatch.setattr(InteractionTarget, "_send", weighed)
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=2)
    (file,) = files(shown(await drawn(world, side=512, count=1)))
    assert len(sizes) == 3
    assert said > sizes[0] > sizes[1] * 3 / 2 > sizes[2] * 9 / 4
    assert file.filename == "janus-7.webp"
    data = await file.read()
    assert len(data) == sizes[2]
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (512, 512)
    told = read(data)
    assert told
    assert (told.prompt, told.seed) == ("a red circle", 7)


async def test_files_that_no_encoding_makes_small_enough_are_sent_fewer_at_a_time_and_at_last_kept(
    world: World,
) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=4)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert "didn't accept the result" in text(message)
    assert [record.state for record in await world.bot.store.jobs.of(world.alice.id)] == ["undelivered"]


# -- what takes long --------------------------------------------------------------------------------------------------


def calls(world: World) -> list[str]:
    """Messages that call Alice."""
    return [message.content for message in world.channel.history() if world.alice.mention in message.content]


async def test_who_waited_long_is_called_once(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Started(), Progress(1, 2, 90.0))
    await world.env.settle()
    await world.env.advance_time(2 * MINUTE)
    assert calls(world) == []
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert calls(world) == [f"{world.alice.mention} Your pictures are ready."]
    (body,) = [r.json for r in world.env.http_requests if r.json and "are ready" in str(r.json)]
    assert body["allowed_mentions"]["users"] == [world.alice.id]


async def test_who_waited_a_moment_is_not_called(world: World) -> None:
    await drawn(world)
    assert calls(world) == []


async def test_a_late_drawing_comes_as_a_message_that_calls_the_asker(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await world.env.advance_time(14 * MINUTE)
    assert "in this channel when it's ready" in text(panel)
    await world.env.advance_time(6 * MINUTE)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    message = world.channel.last_message
    assert message
    assert message.id != panel.id
    assert len(files(message)) == 5
    body = world.env.http_requests[-1].json
    assert isinstance(body, dict)
    assert body["allowed_mentions"]["users"] == [world.alice.id]
    assert world.alice.mention in str(body["components"])


async def test_a_late_private_answer_is_kept_for_the_asker_alone(world: World) -> None:
    message = shown(
        await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    )
    await world.env.advance_time(14 * MINUTE)
    assert buttons(message) == ["Show"]
    assert "isn't ready yet" in told_privately(await world.alice.click(message, label="Show"))
    await world.env.advance_time(6 * MINUTE)
    before = world.channel.last_message
    world.executor.job.tell(answer("A secret cat."))
    await world.env.settle()
    assert world.channel.last_message == before  # nothing fell back to the channel
    assert "A secret cat." in told_privately(await world.alice.click(message, label="Show"))


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
