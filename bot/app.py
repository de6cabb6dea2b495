"""The whole bot: its features, how it is made, and how it is run."""

import asyncio
import logging
from typing import Final

import discord

from bot.config import Settings, SettingsError
from bot.core.cdn import Read
from bot.core.client import Feature, JanusBot
from bot.core.health import serving_health
from bot.core.queue import Wait, plainly
from bot.features import ask, controls, help, imagine, privacy, provenance, queue, reports, settings, status
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
    status.setup,
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

    Raises SettingsError if there is no token, if Discord does not know it, if the development server does not know the
    bot, or if the port of [health] is taken.
    """
    bot = make_bot(settings, executor)
    async with bot, serving_health(bot):
        try:
            await bot.start(read_token(settings).get_secret_value())
        except asyncio.CancelledError:
            log.info("Closing")
            raise
        except discord.LoginFailure:
            raise SettingsError(
                "Discord does not know this token. Copy it again from the application's Bot page, or reset it there"
            ) from None
