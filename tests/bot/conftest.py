"""A Discord in memory, with the whole bot in it and a scripted executor behind."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import discord
import pytest
import simcord
from discord import app_commands

from bot import app
from bot.cli.simulated import be_truthful
from bot.config import Settings, Store
from bot.core.cdn import TooManyBytesError
from bot.core.client import JanusBot
from bot.core.rest import calling
from model.requests import Executor
from tests.bot.scripted import ScriptedExecutor

T = TypeVar("T")

be_truthful()

SETTLE_SECONDS = 60  # real ones: the machine may run other tests beside this one


@dataclass
class World:
    """One server with one channel and a few people; a bot; an executor."""

    env: simcord.Env
    bot: JanusBot
    executor: ScriptedExecutor
    channel: simcord.ChannelHandle
    alice: simcord.MemberActor
    bob: simcord.MemberActor
    moderator: simcord.MemberActor


class Waiting:
    """The bot's way to wait for the executor: the simulated clock must know of it."""

    def __init__(self) -> None:
        self.env: simcord.Env | None = None  # there is none before the bot

    async def __call__(self, awaitable: Awaitable[T], /) -> T:
        assert self.env, "attach the bot to its environment first"
        result: T = await self.env.external_wait(awaitable, reason="the executor")
        return result

    async def read(self, url: str, most: int) -> bytes:
        """The bot's way to read files."""
        assert self.env
        async with calling():
            data: bytes = await self.env.bot.http.get_from_cdn(url)
        if len(data) > most:
            raise TooManyBytesError(len(data))
        return data


def make_bot(executor: Executor, data: Path, *, settings: Settings | None = None) -> JanusBot:
    """The bot as in production, but for its folder and its way to wait."""
    settings = (settings or Settings()).model_copy(update={"store": Store(folder=data)})
    waiting = Waiting()
    return app.make_bot(settings, executor, wait=waiting, read=waiting.read, shard_count=1)


def attach(env: simcord.Env, bot: JanusBot) -> None:
    assert isinstance(bot.queue.wait, Waiting)
    bot.queue.wait.env = env


async def restart(world: "World") -> JanusBot:
    """Kill the bot and start it again on the same data: what lived in its memory is gone."""
    old = world.bot
    await old.store.close()
    bot = make_bot(world.executor, old.settings.store.folder, settings=old.settings)
    attach(world.env, bot)
    await world.env.restart_bot(bot)
    world.bot = bot
    return bot


def bugs(env: simcord.Env) -> list[BaseException]:
    """What went wrong in the bot. A refusal that got as far as discord.py is among it: it is to be told before."""
    return [e.original if isinstance(e, app_commands.CommandInvokeError) else e for e in env.errors]


@pytest.fixture
def executor() -> ScriptedExecutor:
    return ScriptedExecutor()


@pytest.fixture
async def env(executor: ScriptedExecutor, tmp_path: Path) -> AsyncIterator[simcord.Env]:
    bot = make_bot(executor, tmp_path)
    env = simcord.Env(bot, check_errors=False, settle_timeout=SETTLE_SECONDS)
    await env.start()
    attach(env, bot)
    yield env
    await env.shutdown()
    assert isinstance(env.bot, JanusBot)
    await env.bot.store.close()
    assert bugs(env) == []


@pytest.fixture
def world(env: simcord.Env, executor: ScriptedExecutor) -> World:
    guild = env.create_guild()
    mods = guild.create_role("mods", permissions=discord.Permissions(manage_messages=True))
    assert isinstance(env.bot, JanusBot)
    return World(
        env,
        env.bot,
        executor,
        guild.create_text_channel("pictures"),
        guild.add_member(env.create_user("alice")),
        guild.add_member(env.create_user("bob")),
        guild.add_member(env.create_user("moderator"), roles=[mods]),
    )
