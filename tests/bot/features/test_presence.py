"""The line under the bot's name."""

from typing import Any

import discord
import pytest

from bot.config import Settings
from bot.features import presence
from bot.features.presence import Presence, standing
from bot.texts import CATALOGUES, ENGLISH
from tests.bot.conftest import World


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, discord.Status]]:
    told: list[tuple[str, discord.Status]] = []

    async def change(*, activity: discord.CustomActivity, status: discord.Status) -> None:
        told.append((str(activity), status))

    monkeypatch.setattr(world.bot, "change_presence", change)
    return told


def test_the_line_says_which_model_it_is_and_how_busy(world: World) -> None:
    world.executor.becomes(model="/srv/weights/Janus_Pro_7B", running=0, queued=0)
    assert standing(world.bot, ENGLISH) == ("Janus_Pro_7B · free", discord.Status.online)
    world.executor.becomes(running=3, queued=2)
    assert standing(world.bot, ENGLISH)[0] == "Janus_Pro_7B · working on 3, waiting: 2"
    world.executor.becomes(state="loading")
    assert standing(world.bot, ENGLISH) == ("Janus_Pro_7B is loading", discord.Status.idle)
    world.executor.becomes(state="failed")
    assert standing(world.bot, ENGLISH) == ("Not available right now", discord.Status.do_not_disturb)
    world.bot.paused = True
    assert standing(world.bot, ENGLISH) == ("Paused", discord.Status.do_not_disturb)


async def test_discord_is_told_once_and_anew_after_a_login(world: World, told: list[Any]) -> None:
    shown = Presence(world.bot)
    await shown.look()
    await shown.look()
    assert len(told) == 1
    await shown.begin_anew(0)
    await shown.look()
    assert told[1] == told[0]
    world.bot.paused = True
    await shown.look()
    assert told[2][0] == "Paused"


async def test_what_the_network_swallows_is_told_the_next_time(
    world: World, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(**_: Any) -> None:
        raise ConnectionResetError

    shown = Presence(world.bot)
    with monkeypatch.context() as broken:
        broken.setattr(world.bot, "change_presence", breaks)
        await shown.look()
    await shown.look()
    assert len(told) == 1


async def test_servers_that_share_a_language_read_it_in_theirs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (guild,) = world.bot.guilds
    guild.preferred_locale = discord.Locale.french
    assert presence.language_of(world.bot) is CATALOGUES[discord.Locale.french]
    world.env.create_guild("Another server")
    await world.env.settle()
    assert presence.language_of(world.bot) is ENGLISH


async def test_it_can_be_switched_off(world: World) -> None:
    def listeners() -> int:
        return sum(map(len, world.bot.extra_events.values()))

    before = listeners()
    await presence.setup(world.bot)
    assert listeners() == before + 2
    settings = Settings()
    off = settings.discord.model_copy(update={"presence": False})
    world.bot.settings = settings.model_copy(update={"discord": off})
    await presence.setup(world.bot)
    assert listeners() == before + 2
