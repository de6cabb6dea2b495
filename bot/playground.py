"""The bot in a browser page: the same JanusBot and executor as `run`, on a Discord that lives in memory (simcord).

The page is on a loopback address, and knowing the address is the right to use it. simcord's clock stands still unless
it is told to go on, so `_run_clock` does that for as long as the page is open.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import discord
import simcord
from discord import ui

from bot.check import DEMO
from bot.client import JanusBot
from bot.config import Settings, Store
from bot.views.layout import BUSY, layout
from model.requests import Executor

log = logging.getLogger(__name__)

T = TypeVar("T")

TICK: Final = 0.25  # seconds between two looks at the simulated Discord
SETTLE_SECONDS: Final = 60.0  # how long one action may keep the bot busy; a weak machine encodes pictures slowly
VIEWERS: Final = ("you", "another member", "a moderator")


async def playground(settings: Settings, executor: Executor, announce: Callable[[str], None], port: int = 0) -> None:
    """Serve the page until it is closed or this task is cancelled, then close the bot and the executor.

    `announce` is told the address, once; it must not end up in a log. `port` 0 takes any free one.
    """
    with tempfile.TemporaryDirectory() as folder:  # this Discord forgets everything, so nothing about it is kept
        settings = settings.model_copy(update={"store": Store(folder=Path(folder))})
        bot = JanusBot(settings, executor, shard_count=1)
        async with simcord.run(bot, check_errors=False, settle_timeout=SETTLE_SECONDS) as env:
            try:
                await _serve(env, bot, announce, port)
            finally:
                await bot.close()


async def _serve(env: simcord.Env, bot: JanusBot, announce: Callable[[str], None], port: int) -> None:
    async def wait(awaitable: Awaitable[T], /) -> T:
        result: T = await env.external_wait(awaitable, reason="the executor")
        return result

    bot.wait = wait
    await env.advance_time((datetime.now(UTC) - env.now()).total_seconds())  # simcord begins in a year of its own
    guild = env.create_guild("Playground")
    channel = guild.create_text_channel("janus")
    moderators = guild.create_role("Moderators", permissions=discord.Permissions(manage_messages=True))
    viewers = [
        guild.add_member(env.create_user(name), roles=[moderators] if "moderator" in name else []) for name in VIEWERS
    ]
    assert bot.user is not None
    await bot.user.edit(username="Janus")
    await _welcome(bot, channel.id)
    page = LivePreview(env, channel, viewers, port)
    async with page:
        announce(page.url)
        clock = asyncio.create_task(_run_clock(env, page))
        try:
            await page.wait_closed()
        finally:
            clock.cancel()


async def _welcome(bot: JanusBot, channel_id: int) -> None:
    """Greet the visitor, and say what the demo model is where it is the one that runs."""
    words = "Type `/imagine` or `/ask`."
    if bot.executor.status().model == "demo":
        words = f"{words}\n-# {DEMO}"
    channel = bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send(view=layout(ui.TextDisplay(words), colour=BUSY))


class LivePreview(simcord.Preview):
    """A page that is always up to date, and whose visitors never collide with the clock.

    simcord publishes a page when it is told to, refuses what a visitor does on an outdated one, and fails what
    overlaps with anything else. The browser asks for the state twice a second, so publishing just then keeps the two
    together; and everybody takes `turn`s. simcord has no public way to do either, hence the bounds on its version.
    """

    def __init__(
        self, env: simcord.Env, channel: simcord.ChannelHandle, viewers: Sequence[simcord.MemberActor], port: int
    ) -> None:
        super().__init__(
            env,
            channel,
            tuple(viewers),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone="UTC",
            presentation_time=None,
            assets=None,
            port=port,
        )
        self.turn = asyncio.Lock()
        self._shown: dict[str, int] = {}  # by page: how many requests of the bot its state has seen

    async def _action(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self.turn:
            return await super()._action(context_id, body)

    def _page_payload(self, page: Any) -> dict[str, Any]:
        requests = len(self.env.http_requests)
        if self._shown.get(page.id) != requests and self._active_action is None:
            self._shown[page.id] = requests
            self._advance_presentation_time()
            self._publish(page, reason="refresh")
        return super()._page_payload(page)


async def _run_clock(env: simcord.Env, page: LivePreview) -> None:
    """Let the simulated time run with the real one."""
    then = time.monotonic()
    while True:
        await asyncio.sleep(TICK)
        async with page.turn:
            now = time.monotonic()
            try:
                await env.advance_time(now - then)
            except TimeoutError as error:
                log.warning("The bot was busy for more than %g s: %s", SETTLE_SECONDS, error)
            then = now
