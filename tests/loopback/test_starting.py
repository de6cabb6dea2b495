"""The start: what passes is waited out, what does not is one plain line, and what can be checked here comes first."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from discord.http import Route

from bot.app import run_bot
from bot.config import Discord as DiscordSettings
from bot.config import Settings, SettingsError, Store
from bot.core import rest
from bot.texts import ENGLISH
from model.errors import PlainError
from model.requests import Drawing
from tests.bot.scripted import ScriptedExecutor
from tests.loopback.discord_server import Discord, Fault
from tests.loopback.state import GUILD
from tests.loopback.test_faults import answers, executor, server, until, words
from tests.loopback.test_receipts import cut, html, reset
from tests.loopback.test_results import bad_page, slow_page

__all__ = ["executor", "server"]

TOKEN = "a-token"
PASSING = [slow_page, bad_page, reset, html, cut, answers(503, {}), answers(429, {"message": "slow down"})]
COMMANDS = "/applications/1000/commands"


@pytest.fixture(autouse=True)
def _start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAUSES", (0.01, 0.02))
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)


def settings(folder: Path, **more: object) -> Settings:
    return Settings(store=Store(folder=folder), discord=DiscordSettings(**more))  # type: ignore[arg-type]


@asynccontextmanager
async def running(executor: ScriptedExecutor, folder: Path, **more: object) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run_bot(settings(folder, **more), executor))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


@pytest.mark.parametrize("path", ["/users/@me", "/oauth2/applications/@me", "/gateway/bot"])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: getattr(fault, "__name__", ""))
async def test_what_passes_is_waited_out_with_a_line_each_time(
    server: Discord,
    executor: ScriptedExecutor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fault: Fault,
) -> None:
    server.faults += [("GET", path, fault)] * 3
    async with running(executor, tmp_path) as task:
        await until(lambda: server.identified.is_set() or task.done())
        assert not task.done()
    lines = said(caplog, "Discord can't be reached")
    assert 1 <= len(lines) <= 3  # discord.py itself asks for a gateway once more
    assert not any(TOKEN in line or "\n" in line for line in lines)


async def test_without_a_network_it_waits_for_one(
    server: Discord,
    executor: ScriptedExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = Route.BASE
    monkeypatch.setattr(Route, "BASE", "http://127.0.0.1:1/api/v10")
    async with running(executor, tmp_path):
        await until(lambda: len(said(caplog, "check the network")) > 1)
        monkeypatch.setattr(Route, "BASE", there)
        await until(server.identified.is_set)


@pytest.mark.parametrize(
    ("code", "says"),
    [(4004, "does not know this token"), (4013, "does not know the intents"), (4014, "does not allow the intents")],
)
async def test_a_gateway_that_closes_for_good_is_one_line(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, code: int, says: str
) -> None:
    server.close_code = code
    job = await executor.submit(Drawing(prompt="x"))
    with pytest.raises(PlainError, match=says) as caught:
        await run_bot(settings(tmp_path), executor)
    assert "\n" not in str(caught.value)
    assert job.cancelled  # the executor was closed


async def test_a_login_that_discord_refuses_is_one_line(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path
) -> None:
    server.faults.append(("GET", "/users/@me", answers(403, {"message": "Not\nnow", "code": 40001})))
    with pytest.raises(PlainError, match=r"Discord refuses the bot: .*403.*Not now"):
        await run_bot(settings(tmp_path), executor)


@pytest.mark.parametrize("token", ["two\nlines", "two words", "tökén"])
async def test_a_token_that_is_none_is_found_before_the_first_call(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    with pytest.raises(SettingsError, match="something else than one token") as caught:
        await run_bot(settings(tmp_path), executor)
    assert token not in str(caught.value)
    assert server.requests == []


async def test_a_folder_that_can_not_be_used_is_found_before_the_first_call(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(PlainError, match=r"store\.folder"):
        await run_bot(settings(tmp_path / "data"), executor)
    assert server.requests == []


FAULTY = [
    *PASSING,
    answers(403, {"message": "Missing Access", "code": 50001}),
    answers(400, {"message": "Invalid Form Body", "code": 50035}),
]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("fault", FAULTY, ids=lambda fault: getattr(fault, "__name__", ""))
async def test_commands_that_can_not_be_told_do_not_stop_the_start_and_are_told_later(
    server: Discord,
    executor: ScriptedExecutor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    method: str,
    fault: Fault,
) -> None:
    server.faults += [(method, COMMANDS, fault)] * 2
    async with running(executor, tmp_path):
        await until(server.identified.is_set)
        await until(lambda: "imagine" in server.commands)
        token = await server.slash("imagine", prompt="a red circle")
        await until(lambda: token in server.messages)
    lines = said(caplog, "commands could not be told")
    assert 1 <= len(lines) <= 2  # aiohttp itself asks once more where a connection that was open is broken
    assert not any("\n" in line for line in lines)


async def test_a_development_server_without_the_bot_gets_its_commands_when_the_bot_comes_there(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    absent = answers(403, {"message": "Missing Access", "code": 50001})
    server.faults += [("GET", f"/guilds/{GUILD}/commands", absent)] * 2
    async with running(executor, tmp_path, development_guild=int(GUILD)):
        await until(lambda: "imagine" in server.commands)
    assert "https://discord.com/oauth2/authorize" in said(caplog, "Invite it there first")[0]


async def test_commands_that_another_process_changed_are_put_right_at_the_start(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path
) -> None:
    for _ in range(2):
        async with running(executor, tmp_path):
            await until(server.identified.is_set)
            await until(lambda: "imagine" in server.commands)
        server.identified.clear()
    assert server.requests.count(("PUT", "/api/v10" + COMMANDS)) == 1
    server.commands = {"paint": {**server.commands["imagine"], "name": "paint"}}
    async with running(executor, tmp_path):
        await until(lambda: "imagine" in server.commands and "paint" not in server.commands)


async def test_commands_that_another_process_changed_are_put_right_when_one_is_used(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.command_sync.APART", 0.0)
    async with running(executor, tmp_path):
        await until(lambda: server.identified.is_set() and "imagine" in server.commands)
        server.commands = {"paint": {**server.commands["imagine"], "name": "paint"}}
        token = await server.slash("paint", prompt="a red circle")
        await until(lambda: token in server.messages)
        assert words(server.messages[token]) == ENGLISH.outdated
        await until(lambda: "imagine" in server.commands)


async def test_discord_s_own_failures_are_lines_without_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    from bot.cli.console import TokenlessFormatter

    try:
        raise ConnectionResetError("https://discord.com/api/webhooks/1/secret-token")
    except ConnectionResetError:
        logging.getLogger("discord.shard").exception("Failed to connect for shard_id: 0. Retrying...")
    assert TokenlessFormatter("%(message)s").format(caplog.records[-1]) == (
        "Failed to connect for shard_id: 0. Retrying... (ConnectionResetError)"
    )
