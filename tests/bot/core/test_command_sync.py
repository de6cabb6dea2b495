from pathlib import Path

import pytest
import simcord

from bot.config import Discord, Settings, SettingsError
from bot.core.client import JanusBot
from bot.core.command_sync import sync
from tests.bot.conftest import World, make_bot
from tests.bot.scripted import ScriptedExecutor

SERVER = 4242


def told(env: simcord.Env) -> list[str]:
    return [request.path for request in env.http_requests if request.method == "PUT"]


def forget(data: Path) -> None:
    (record,) = data.glob("commands-*")
    record.write_text("what an older version told")


def developed(data: Path, server: int) -> JanusBot:
    return make_bot(ScriptedExecutor(), data, settings=Settings(discord=Discord(development_guild=server)))


async def test_commands_are_told_to_discord_only_when_they_changed(tmp_path: Path) -> None:
    bots = [make_bot(ScriptedExecutor(), tmp_path) for _ in range(3)]
    async with simcord.run(bots[0]) as env:
        assert told(env) == [f"/applications/{env.bot.application_id}/commands"]
        await bots[0].store.close()  # one process has the folder
        await env.restart_bot(bots[1])
        assert len(told(env)) == 1
        forget(tmp_path)
        await bots[1].store.close()
        await env.restart_bot(bots[2])
        assert len(told(env)) == 2
    await bots[2].store.close()


async def test_one_development_server_gets_its_own_commands(tmp_path: Path) -> None:
    bot = developed(tmp_path, SERVER)
    async with simcord.run(bot) as env:
        assert told(env) == [f"/applications/{env.bot.application_id}/guilds/{SERVER}/commands"]
    await bot.store.close()


async def test_a_server_that_commands_are_no_longer_developed_on_loses_its_own(tmp_path: Path) -> None:
    bots = [developed(tmp_path, server) for server in (SERVER, 0, 0)]
    async with simcord.run(bots[0]) as env:
        assert env.backend.commands[SERVER]
        await bots[0].store.close()  # one process has the folder
        await env.restart_bot(bots[1])
        assert not env.backend.commands[SERVER]
        assert env.backend.commands[None]
        before = len(told(env))
        await bots[1].store.close()
        await env.restart_bot(bots[2])
        assert len(told(env)) == before  # once is enough
    await bots[2].store.close()


async def test_a_development_server_without_the_bot_is_one_plain_sentence(world: World) -> None:
    settings = world.bot.settings.model_copy(update={"discord": Discord(development_guild=SERVER)})
    world.env.inject_error("PUT", "/applications/*/guilds/*/commands", status=403, code=50001, message="Missing Access")
    with pytest.raises(SettingsError, match=rf"not on a server {SERVER}\. .*https://discord.com/oauth2/authorize"):
        await sync(world.bot.tree, settings, world.bot.invite_link)


async def test_of_a_server_s_own_commands_it_is_not_said_where_one_can_call_them(tmp_path: Path) -> None:
    bot = developed(tmp_path, SERVER)
    async with simcord.run(bot) as env:
        (told,) = [request.json for request in env.http_requests if request.method == "PUT"]
    assert isinstance(told, list)
    assert len(told) > 8
    assert not {"contexts", "integration_types"} & {key for command in told for key in command}
    await bot.store.close()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Invalid Form Body\nIn 0.integration_types: User install is not supported", "tick User Install beside"),
        ("Invalid Form Body\nIn 3.name: Command name is invalid", "Discord refuses the commands: .*400 .*3.name"),
    ],
)
async def test_commands_that_discord_refuses_are_one_line(
    world: World, tmp_path: Path, message: str, says: str
) -> None:
    forget(tmp_path)
    world.env.inject_error("PUT", "/applications/*", status=400, code=50035, message=message)
    with pytest.raises(SettingsError, match=says) as caught:
        await sync(world.bot.tree, world.bot.settings, world.bot.invite_link)
    assert "\n" not in str(caught.value)
