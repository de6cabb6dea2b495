"""The way to a message that an earlier process sent, and may not have noted."""

from typing import Any

import aiohttp
import pytest
from discord.http import HTTPClient

from bot.core import rest
from model.requests import Drawing
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import files, shown, text

LATE = 20 * 60  # seconds: by then an interaction's token is dead


async def late(world: World) -> None:
    """The process dies, and the next one begins when no token lives any more."""
    await world.bot.store.close()
    await world.env.advance_time(LATE)
    await restart(world)
    await world.env.settle()


async def forget(world: World, what: str) -> None:
    """Let the store not know what the process did just before it died."""
    await world.bot.store.database.write(f"UPDATE jobs SET {what}")


def drawing(world: World) -> Drawing:
    request = world.executor.jobs[0].request
    assert isinstance(request, Drawing)
    return request


async def test_a_result_that_was_sent_and_not_noted_is_sent_once(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    await world.env.advance_time(LATE)
    world.executor.jobs[0].tell(pictures(drawing(world)))
    await world.env.settle()
    sent = world.channel.last_message
    assert sent
    await forget(world, f"state = 'made', ended = asked, message = {panel.id}")
    await late(world)
    assert len(world.executor.jobs) == 1  # nobody had to paint it
    assert [message.id for message in world.channel.history() if files(message)] == [sent.id]
    record = await world.bot.store.jobs.get(world.executor.jobs[0].id)
    assert record
    assert (record.state, record.address.message) == ("delivered", sent.id)


async def test_a_result_that_is_on_its_own_message_stays_there_when_its_token_is_dead(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    world.executor.jobs[0].tell(pictures(drawing(world)))
    await world.env.settle()
    before = files(panel)
    await forget(world, "state = 'made', ended = asked")
    await late(world)
    assert world.channel.last_message
    assert world.channel.last_message.id == panel.id
    assert [file.filename for file in files(panel)] == [file.filename for file in before]
    assert len(before) == 2


async def test_a_result_that_was_sent_is_not_taken_for_the_panel_above_it(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    await world.env.advance_time(LATE)
    world.executor.jobs[0].tell(pictures(drawing(world)))
    await world.env.settle()
    sent = world.channel.last_message
    assert sent
    assert sent.id != panel.id
    await forget(world, "state = 'running', attempt = 1, message = NULL")
    await late(world)
    assert len(files(await sent.fetch())) == 2


async def test_a_panel_whose_number_was_not_noted_is_found_in_its_channel(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    await forget(world, "message = NULL")
    await late(world)
    assert "in this channel when it's ready" in text(panel)


async def test_looks_into_the_channel_that_fail_leave_no_panel_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    await forget(world, "message = NULL")
    looked, looks = HTTPClient.logs_from, list[int]()

    def broken(http: HTTPClient, *given: Any, **options: Any) -> Any:
        looks.append(1)
        if len(looks) <= 3:
            raise aiohttp.ServerDisconnectedError
        return looked(http, *given, **options)

    monkeypatch.setattr(rest, "RETRY_SECONDS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(HTTPClient, "logs_from", broken)
    await late(world)
    assert len(looks) > 3
    assert "in this channel when it's ready" in text(panel)


async def test_a_reply_whose_number_was_not_noted_is_found_and_goes_on(world: World) -> None:
    assert world.bot.user
    words = f"{world.bot.user.mention} What is it?"
    await world.alice.send(world.channel, words, attachments=[("cat.png", png())])
    reply = world.channel.last_message
    assert reply
    await forget(world, "message = NULL")
    await late(world)
    world.executor.jobs[1].tell(answer("A cat."))
    await world.env.settle()
    mine = [message for message in world.channel.history() if message.author == world.bot.user]
    assert [message.id for message in mine if message.components] == [reply.id]
    assert "A cat." in str(mine[0].components)
