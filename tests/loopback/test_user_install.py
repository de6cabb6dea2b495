"""The bot as a member's own app, where it is no member itself: five follow-ups an interaction, and no channel."""

import pytest

from bot.core.client import JanusBot
from bot.jobs import interaction, outcome
from bot.media import uploads
from bot.texts import ENGLISH
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, noisy, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import EPHEMERAL

__all__ = ["bot", "executor", "server"]


@pytest.fixture(autouse=True)
def _away(server: Discord) -> None:
    server.user_installed = True


async def test_the_largest_result_and_the_call_to_its_owner_take_five_follow_ups(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 250_000)  # one picture a message
    monkeypatch.setattr(outcome, "LONG_SECONDS", 0.0)
    token = await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs and token in server.messages)
    executor.job.tell(noisy(executor.drawing))
    await until(lambda: any("<@2000>" in message.content for message in server.messages.values()))
    assert [len(message.files) for message in server.messages.values()] == [1, 1, 1, 1, 1, 0]


async def test_what_a_server_chose_does_not_concern_it(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    await bot.store.servers.change(3000, {"imagine": {"count": 1}})
    await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs)
    assert executor.drawing.count == 5


async def test_after_fifteen_minutes_the_result_waits_for_its_owner(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no channel that the bot could write to."""
    monkeypatch.setattr(interaction, "TOKEN_SECONDS", 2.0)
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(
        lambda: token in server.messages and ENGLISH.later_kept.partition("{")[0] in words(server.messages[token])
    )
    drawn = executor.drawing
    executor.job.tell(pictures(drawn))
    await until(lambda: not bot.open_jobs.of(2000))
    assert not any(path.startswith("/api/v10/channels/") for _, path in server.requests)
    monkeypatch.setattr(interaction, "TOKEN_SECONDS", 14 * 60.0)
    pressed = await server.press(server.messages[token], ENGLISH.show)
    await until(lambda: len(executor.jobs) == 2)
    executor.jobs[1].tell(pictures(drawn))
    await until(lambda: server.messages.get(pressed) and server.messages[pressed].files)
    assert server.messages[pressed].flags & EPHEMERAL


async def test_an_answer_is_delivered(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    token = await server.slash("ask", image=("cat.png", png()), question="What?")
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: token in server.messages and "A cat." in words(server.messages[token]))
