"""The whole bot: its features, how it is made, and how it is run."""

import asyncio
import logging
from typing import Final

from bot.config import Settings
from bot.core import starting
from bot.core.cdn import Read
from bot.core.client import Feature, JanusBot
from bot.core.health import serving_health
from bot.core.queue import Wait, plainly
from bot.features import (
    ask,
    controls,
    help,
    history,
    imagine,
    presence,
    privacy,
    provenance,
    queue,
    reports,
    settings,
    status,
)
from bot.jobs import recovery
from bot.token import read_token
from bot.ui import buttons, forms
from model.requests import Executor

log = logging.getLogger(__name__)

FEATURES: Final[tuple[Feature, ...]] = (
    buttons.setup,
    forms.setup,
    recovery.setup,
    imagine.setup,
    ask.setup,
    controls.setup,
    provenance.setup,
    queue.setup,
    history.setup,
    status.setup,
    presence.setup,
    help.setup,
    settings.setup,
    privacy.setup,
    reports.setup,
)


def make_bot(
    settings: Settings,
    executor: Executor,
    *,
    wait: Wait = plainly,
    read: Read | None = None,
    shard_count: int | None = None,
) -> JanusBot:
    """Make the bot with everything that members can do. It owns the executor: its `close` ends both."""
    return JanusBot(settings, executor, FEATURES, wait=wait, read=read, shard_count=shard_count)


async def run_bot(settings: Settings, executor: Executor) -> None:
    """Run the bot until it is cancelled, then close it and the executor.

    What can be checked here is checked before the first call to Discord. Raises PlainError: there is no token, or
    Discord does not know it; the folder for data, or the port of [health], can't be used.
    """
    bot = make_bot(settings, executor)
    async with bot, serving_health(bot):
        try:
            token = read_token(settings)
            await bot.store.open()
            await starting.serve(bot, token.get_secret_value())
        except asyncio.CancelledError:
            log.info("Closing")
            raise
