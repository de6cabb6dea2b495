from pathlib import Path

import discord
import pytest

from bot.app import run_bot
from bot.config import Settings, SettingsError, Store
from bot.core.client import JanusBot
from model.requests import Drawing
from tests.bot.conftest import World, make_bot
from tests.bot.scripted import ScriptedExecutor


async def test_commands_are_there_for_servers_direct_messages_and_single_members(world: World) -> None:
    commands = {command["name"]: command for command in world.env.backend.commands[None].values()}
    for name in ("imagine", "ask", "Ask about this image", "Describe this image"):
        assert sorted(commands[name]["integration_types"]) == [0, 1]
        assert sorted(commands[name]["contexts"]) == [0, 1, 2]


async def test_the_invite_asks_for_no_more_than_it_needs(world: World) -> None:
    permissions = discord.Permissions(int(world.bot.invite_link.rsplit("permissions=", 1)[1].split("&")[0]))
    assert {name for name, given in permissions if given} == {
        "read_messages",  # what discord.py calls "View Channel"
        "send_messages",
        "send_messages_in_threads",
        "attach_files",
        "read_message_history",
    }


async def test_closing_twice_is_fine(tmp_path: Path) -> None:
    bot = make_bot(ScriptedExecutor(), tmp_path)
    async with bot:
        await bot.close()
        await bot.close()
    assert bot.is_closed()


async def test_a_token_that_discord_does_not_know_is_a_plain_error_without_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(bot: JanusBot, token: str) -> None:
        raise discord.LoginFailure(f"Improper token has been passed: {token}")

    executor = ScriptedExecutor()
    job = await executor.submit(Drawing(prompt="x"))
    monkeypatch.setenv("DISCORD_TOKEN", "a-very-secret-token")
    monkeypatch.setattr(JanusBot, "start", refuse)
    with pytest.raises(SettingsError, match="does not know this token") as caught:
        await run_bot(Settings(store=Store(folder=tmp_path)), executor)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert job.cancelled  # the executor was closed
