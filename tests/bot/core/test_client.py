import asyncio
from contextlib import suppress
from pathlib import Path

import discord
import pytest

from bot.core.client import JanusBot
from tests.bot.conftest import World, make_bot
from tests.bot.scripted import ScriptedExecutor


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


async def test_an_end_that_comes_at_the_moment_of_the_connection_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connects_and_loses_it(bot: JanusBot) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    monkeypatch.setattr(discord.AutoShardedClient, "launch_shards", connects_and_loses_it)
    async with make_bot(ScriptedExecutor(), tmp_path) as bot:
        connecting = asyncio.create_task(bot.launch_shards())
        await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
