"""Whatever somebody uses, presses or sends is answered, if only with a private sentence."""

import asyncio
import sqlite3
import time

import pytest

from bot.core import unanswered
from bot.core.client import JanusBot
from bot.texts import ENGLISH
from tests.bot.scripted import ScriptedExecutor, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.interactions import COMMAND, COMPONENT, FORM_SENT
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import EPHEMERAL, Payload

__all__ = ["bot", "executor", "server"]

NEWER_BUTTON: Payload = {"custom_id": "Something-Newer!", "component_type": 2}
NEWER_SELECT: Payload = {"custom_id": "settings:newer", "component_type": 3, "values": ["1"]}
OLD_FORM: Payload = {"custom_id": "0123456789abcdef", "components": []}
NEWER_COMMAND: Payload = {"id": "77", "name": "paint", "type": 1, "options": []}
NEWER_MENU: Payload = {"id": "79", "name": "Paint this", "type": 2, "target_id": "2000"}


async def told(server: Discord, token: str) -> str:
    await until(lambda: token in server.messages and words(server.messages[token]))
    assert server.messages[token].flags & EPHEMERAL
    return words(server.messages[token])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (COMPONENT, NEWER_BUTTON),
        (COMPONENT, NEWER_SELECT),
        (FORM_SENT, OLD_FORM),
        (COMMAND, NEWER_COMMAND),
        (COMMAND, NEWER_MENU),
    ],
)
async def test_what_nobody_here_knows_is_answered(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, kind: int, data: Payload
) -> None:
    token = await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs and token in server.messages)
    on = server.messages[token] if kind == COMPONENT else None
    assert await told(server, await server.interact(kind, data, on)) == ENGLISH.outdated


async def test_a_press_while_the_database_is_busy_is_answered_in_time_and_nothing_comes_of_it_later(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "BUSY_SECONDS", 0.5)
    other = sqlite3.connect(bot.store.database.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    before = time.monotonic()
    assert await told(server, await server.slash("imagine", prompt="a red circle")) == ENGLISH.busy
    assert time.monotonic() - before < server.answer_seconds
    other.execute("COMMIT")
    other.close()
    await asyncio.sleep(0.5)
    assert not any(not job.cancelled for job in executor.jobs)
    assert bot.queue.open == 0
    executor.jobs.clear()
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: token in server.messages and server.messages[token].files)


async def test_a_slow_answer_that_is_on_its_way_is_left_alone(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "BUSY_SECONDS", 0.2)
    server.delay = 0.6
    token = await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs and token in server.messages)
    assert "Getting ready" in words(server.messages[token])
    assert not executor.job.cancelled
