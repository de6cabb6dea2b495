"""The bot in a browser page: the same JanusBot and executor as `run`, on a Discord that lives in memory (simcord).

The page is on a loopback address, and knowing the address is the right to use it. simcord's clock stands still unless
it is told to go on, and it forgets nothing: `_run_clock` sees to both for as long as the page is open.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import discord
import simcord
from discord import ui
from simcord.backend.errors import SetupError

from bot.app import make_bot
from bot.cli.check import demo_lines
from bot.cli.page import FILE_BYTES, LivePreview
from bot.cli.simulated import be_truthful
from bot.config import Settings, Store
from bot.core.client import JanusBot
from bot.core.health import serving_health
from bot.core.rest import calling
from bot.core.text import is_demo
from bot.texts import CATALOGUES, ENGLISH
from bot.ui.layout import BUSY, layout
from model.errors import PlainError
from model.requests import Executor

log = logging.getLogger(__name__)

T = TypeVar("T")

TICK: Final = 0.25  # seconds between two looks at the simulated Discord
SETTLE_SECONDS: Final = 60.0  # how long one action may keep the bot busy; a weak machine encodes pictures slowly
VIEWERS: Final = ("you", "another member", "a moderator")
OWNER: Final = "a moderator"  # of the bot, who can pause it
MODERATION: Final = discord.Permissions(manage_messages=True, manage_guild=True)
LOG_ENTRIES: Final = 1000  # of simcord's records of what the bot did


async def playground(settings: Settings, executor: Executor, announce: Callable[[str], None], port: int = 0) -> None:
    """Serve the page until it is closed or this task is cancelled, then close the bot and the executor.

    `announce` is told the address, once; it must not end up in a log. `port` 0 takes any free one.
    """
    be_truthful()
    with tempfile.TemporaryDirectory() as folder:  # this Discord forgets everything, so nothing about it is kept
        at_once = settings.discord.model_copy(update={"drain_seconds": 0.0})
        settings = settings.model_copy(update={"store": Store(folder=Path(folder)), "discord": at_once})

        async def wait(awaitable: Awaitable[T], /) -> T:  # simcord must know what the bot waits for
            result: T = await env.external_wait(awaitable, reason="the executor")
            return result

        async def read(url: str, most: int) -> bytes:
            async with calling():
                return await bot.http.get_from_cdn(url)

        bot = make_bot(settings, executor, wait=wait, read=read, shard_count=1)
        env = simcord.Env(bot, check_errors=False, settle_timeout=SETTLE_SECONDS)
        behind = datetime.now(UTC) - env.now()  # simcord begins in a year of its own
        env.backend.advance_clock(behind.total_seconds())
        await env.start()
        with env.time_context():
            try:
                await _serve(env, bot, announce, port)
            finally:
                await bot.close()
                await env.shutdown()


async def _serve(env: simcord.Env, bot: JanusBot, announce: Callable[[str], None], port: int) -> None:
    guild = env.create_guild("Playground")
    channel = guild.create_text_channel("janus")
    guild.create_text_channel("elsewhere")  # so that there is one to choose besides
    roles = {
        "a moderator": guild.create_role("Moderators", permissions=MODERATION),
        "another member": guild.create_role("Artists"),
    }
    languages = {f"a member ({locale.name})": locale for locale in _other_languages()}
    viewers = [
        guild.add_member(env.create_user(name), roles=[roles[name]] if name in roles else [])
        for name in (*VIEWERS, *languages)
    ]
    _give_languages(bot, {viewer.id: languages[viewer.name] for viewer in viewers if viewer.name in languages})
    assert bot.user is not None
    assert bot.application is not None
    owner = next(viewer for viewer in viewers if viewer.name == OWNER)
    bot.application.owner = await bot.fetch_user(owner.id)
    await bot.user.edit(username="Janus")
    await bot.store.servers.change(guild.id, {"reports": channel.id, "kept": channel.id})  # all that the page shows
    await _promise_what_the_page_can(bot)
    await _welcome(bot, channel.id)
    page = LivePreview(env, channel, viewers, port)
    async with serving_health(bot), AsyncExitStack() as open_page:
        try:
            await open_page.enter_async_context(page)
        except SetupError:
            raise PlainError(f"--port {port} can't be listened on: something else does already") from None
        announce(page.url)
        await _run_clock(env, page)


async def _promise_what_the_page_can(bot: JanusBot) -> None:
    """Take out what the page has no way to: the menus of messages, and commands under other names than English ones."""
    for menu in bot.tree.get_commands(type=discord.AppCommandType.message):
        bot.tree.remove_command(menu.name, type=discord.AppCommandType.message)
    bot.only_english_names = True


async def _welcome(bot: JanusBot, channel_id: int) -> None:
    """Greet the visitor, and say what the demo model is where it is the one that runs."""
    imagine, ask, help, settings = (bot.mention(name, ENGLISH) for name in ("imagine", "ask", "help", "settings"))
    lines = [
        f"Type {imagine} to draw, {ask} to ask about a picture, or {help} for examples to press.",
        "To see what others see, choose another member above, at “Viewing as”: "
        f"a moderator has {settings} and gets reports, in this channel; another member has the role Artists. Pictures "
        "are kept in this channel, too.",
    ]
    if is_demo(bot.executor.status().model):
        lines += [f"-# {line}" for line in demo_lines()]
    channel = bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send(view=layout(ui.TextDisplay("\n".join(lines)), colour=BUSY))


def _other_languages() -> list[discord.Locale]:
    """Return the languages that the bot speaks besides English, by their first name."""
    return list(dict.fromkeys(texts.locales[0] for texts in CATALOGUES.values() if texts is not ENGLISH))


def _give_languages(bot: JanusBot, languages: Mapping[int, discord.Locale]) -> None:
    """Let members, by id, use Discord in a language: simcord knows English only."""
    parsers = bot._connection.parsers
    parse = parsers["INTERACTION_CREATE"]

    def parse_in_its_language(data: dict[str, Any]) -> None:
        parse({**data, "locale": str(languages.get(int(data["member"]["user"]["id"]), data["locale"]))})

    parsers["INTERACTION_CREATE"] = parse_in_its_language


async def _run_clock(env: simcord.Env, page: LivePreview) -> None:
    """Let the simulated time run with the real one until the page is closed."""
    then = time.monotonic()
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK):
                return await page.wait_closed()
        async with page.acting:
            now = time.monotonic()
            try:
                await env.advance_time(now - then)
            except TimeoutError as error:
                log.warning("The bot was busy for more than %g s: %s", SETTLE_SECONDS, error)
            then = now
            _forget_the_oldest(env)


def _forget_the_oldest(env: simcord.Env) -> None:
    """Keep simcord's memory small through a long session: files, those first that no message shows, and records."""
    backend = env.backend
    files = backend.cdn._blobs
    surplus = sum(map(len, files.values())) - FILE_BYTES
    if surplus > 0:
        shown = {
            attachment["url"]
            for messages in backend.messages.values()
            for message in messages.values()
            for attachment in message.attachments
        }
        for url in sorted(files, key=shown.__contains__):  # a stable sort of what came in order
            surplus -= len(files.pop(url))
            if surplus <= 0:
                break
    for records in (backend.http_requests, backend.transcript):
        del records[:-LOG_ENTRIES]
