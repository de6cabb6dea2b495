"""`janus-bot selftest`, word for word, on the small Discord and with a real engine."""

from pathlib import Path

import pytest
from aiohttp import web

from bot.cli.selftest import selftest
from bot.config import Settings, SettingsError
from model.executor import open_here
from model.requests import Executor
from model.settings import EngineSettings, ModelSettings
from tests.loopback.discord_server import Discord
from tests.loopback.state import GUILD, HERE, USUAL
from tests.loopback.test_faults import server
from tests.loopback.wire import respond

__all__ = ["server"]

ATTACH_FILES = 1 << 15


@pytest.fixture
def settings(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setenv("COLUMNS", "200")
    return Settings(model=ModelSettings(name=str(tiny_folder), device="cpu", upscaler="lanczos"))


@pytest.fixture
def engine(settings: Settings) -> Executor:
    return open_here(settings.model, EngineSettings(rows=10))


async def test_everything_is_sent_and_deleted_again(
    server: Discord, settings: Settings, engine: Executor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await selftest(settings, engine, int(GUILD), int(HERE))
    said = capsys.readouterr()
    for step in ("permissions", "commands", "panel with previews", "drawing", "long answer", "report card"):
        assert step in said.out
    assert "WRONG" not in said.out
    assert "press every button" in said.err
    assert server.messages == {}
    assert server.refusals == []
    assert "a-token" not in said.out + said.err


async def test_what_discord_refuses_stands_in_the_table_with_its_code(
    server: Discord, settings: Settings, engine: Executor, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        await request.read()
        return respond({"message": "Invalid Form Body", "code": 50035}, 400)

    server.faults.append(("PATCH", f"/channels/{HERE}/messages", refuse))
    assert not await selftest(settings, engine, int(GUILD), int(HERE))
    said = capsys.readouterr().out
    assert said.count("WRONG") == 1
    assert "400 code 50035" in said
    assert server.messages == {}


async def test_a_right_that_is_missing_is_named(
    server: Discord, settings: Settings, engine: Executor, capsys: pytest.CaptureFixture[str]
) -> None:
    server.channels[HERE].permissions = USUAL & ~ATTACH_FILES
    assert not await selftest(settings, engine, int(GUILD), int(HERE))
    assert "the bot lacks attach_files in this channel" in capsys.readouterr().out


async def test_a_channel_that_the_bot_does_not_see_is_one_line(
    server: Discord, settings: Settings, engine: Executor
) -> None:
    with pytest.raises(SettingsError, match="sees no text channel 1 on a server 2"):
        await selftest(settings, engine, 2, 1)
