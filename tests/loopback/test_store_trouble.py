"""What members see while the store is busy, full, or asked by many at once."""

import asyncio
import logging
import sqlite3
import time
from typing import Any

import discord
import pytest

from bot.core.client import JanusBot
from bot.core.health import health
from bot.texts import ENGLISH
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.state import GUILD, HERE
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import ALICE, EPHEMERAL

__all__ = ["bot", "executor", "server"]

DISCORD_WAITS = 3.0  # seconds for the first answer
MOST_STATEMENTS = 3


async def told(server: Discord, token: str) -> str:
    await until(lambda: token in server.messages and words(server.messages[token]))
    return words(server.messages[token])


def held(bot: JanusBot) -> sqlite3.Connection:
    """The database in somebody else's hands, until that is closed."""
    other = sqlite3.connect(bot.store.database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_before_the_first_answer_to_imagine_stand_three_statements_at_most(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    stood: list[list[str]] = []
    send = discord.InteractionResponse.send_message

    async def sending(response: Any, *given: Any, **options: Any) -> Any:
        told = dict.fromkeys(statements)  # SQLite tells one twice that it has to prepare anew
        stood.append([sql for sql in told if sql not in ("BEGIN IMMEDIATE", "COMMIT")])
        return await send(response, *given, **options)

    monkeypatch.setattr(discord.InteractionResponse, "send_message", sending)
    roles, limits = {"draw": [int(GUILD)], "costly": [int(GUILD)]}, {str(int(GUILD)): 9}
    chosen = {"spoilers": True, "roles": roles, "role_hourly": limits, "channels": [int(HERE)], "hidden": int(HERE)}
    await bot.store.servers.change(int(GUILD), chosen)
    await bot.store.members.change(int(ALICE["id"]), {"imagine": {"count": 2}, "avoid": "a square", "spoiler": True})
    assert bot.store.database._opened
    bot.store.database._opened.set_trace_callback(statements.append)
    await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs and stood)
    bot.store.database._opened.set_trace_callback(None)
    (before,) = stood
    assert 1 <= len(before) <= MOST_STATEMENTS, "\n".join(before)


async def test_while_somebody_else_holds_the_database_members_hear_of_it_in_time(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    running = await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs)
    other = held(bot)
    began = time.monotonic()
    tokens = [await server.slash("imagine", prompt=f"circle {number}") for number in range(5)]
    executor.job.tell(pictures(executor.drawing))  # meanwhile, what runs goes on
    for token in tokens:
        assert await told(server, token) == ENGLISH.store_busy
        assert server.messages[token].flags & EPHEMERAL
    assert time.monotonic() - began < DISCORD_WAITS
    await asyncio.sleep(1.5)
    other.close()
    await until(lambda: "seed" in words(server.messages[running]))
    record = None
    while record is None or record.state != "delivered":  # all of it is noted, only later
        record = await bot.store.jobs.get(executor.jobs[0].id)
        await asyncio.sleep(0.05)
    assert len(executor.jobs) == 1
    await server.slash("imagine", prompt="a blue square")
    await until(lambda: len(executor.jobs) == 2)


async def test_ten_presses_at_once_pass_no_limit(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    await bot.store.servers.change(int(GUILD), {"limits": {"member_hourly": 3}})
    tokens = await asyncio.gather(*(server.slash("imagine", prompt=f"circle {number}") for number in range(10)))
    seen = [await told(server, token) for token in tokens]
    assert len(executor.jobs) == 3
    assert sum("hourly limit (3)" in one for one in seen) == 7


async def test_on_a_full_disk_members_are_served_without_a_record(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert health(bot)["store"] == "ready"
    await bot.store.database.rows("PRAGMA max_page_count = 1")  # no page more
    long = "a red circle " * 140
    drawings = [await server.slash("imagine", prompt=f"{number} {long}") for number in range(3)]
    await until(lambda: len(executor.jobs) == 3)
    for job in executor.jobs:
        job.tell(pictures(job.request))  # type: ignore[arg-type]
    question = await server.slash("ask", image=("cat.png", png()), question=f"What is this? {long}")
    await until(lambda: len(executor.jobs) == 4)
    executor.jobs[3].tell(answer("A cat."))
    await until(lambda: all("seed" in words(server.messages[token]) for token in drawings))
    await until(lambda: "A cat." in words(server.messages[question]))
    last = server.messages[drawings[2]]  # the first may have had room in a page that was begun
    assert await told(server, await server.press(last, ENGLISH.again)) == ENGLISH.not_kept
    assert await told(server, await server.press(server.messages[question], ENGLISH.ask_more)) == ENGLISH.not_kept
    assert health(bot) == {**health(bot), "store": "database or disk is full"}
    said = [record for record in caplog.records if "Nothing can be kept" in record.message]
    assert len(said) == 1
    assert not [record for record in caplog.records if "Bug" in record.message]

    cancelled = await server.slash("imagine", prompt=long)
    await until(lambda: len(executor.jobs) == 5)
    await server.press(server.messages[cancelled], ENGLISH.cancel)
    await until(lambda: executor.jobs[4].cancelled)

    await bot.store.database.rows("PRAGMA max_page_count = 1000000")
    await server.slash("imagine", prompt=long)
    await until(lambda: len(executor.jobs) == 6)
    assert health(bot)["store"] == "ready"
    assert await bot.store.jobs.get(executor.jobs[5].id)
