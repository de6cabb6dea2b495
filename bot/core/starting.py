"""The way to Discord: what passes by itself is waited out, and what does not is one plain line."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot.config import SettingsError
from bot.core.client import JanusBot
from bot.core.gateway import keep_steady
from bot.core.rest import NETWORK, DiscordError, Fault, pauses
from model.errors import PlainError

log = logging.getLogger(__name__)

LOGIN_SECONDS: Final = 90.0  # discord.py itself waits 25 s of them when Discord has a fault
UNKNOWN_TOKEN: Final = (
    "Discord does not know this token. Copy it again from the application's Bot page, or reset it there"
)
CLOSED: Final = {  # what the gateway means by the numbers that it closes a connection with for good
    4004: UNKNOWN_TOKEN,
    4010: "Discord refuses this shard",
    4011: "Discord wants the bot to have more shards",
    4012: "Discord no longer speaks this version of its protocol: update the bot",
    4013: "Discord does not know the intents that the bot asks for: update the bot",
    4014: "Discord does not allow the intents that the bot asks for: allow them on the application's Bot page",
}
NOT_REACHED: Final = "Discord can't be reached (%s): check the network. Trying again in %g s"
OTHERWISE: Final = "Discord closed the connection for good, with code {code}"


async def serve(bot: JanusBot, token: str) -> None:
    """Log in, and serve people until the bot is closed.

    Raises SettingsError if Discord does not know the token, and PlainError for what else does not pass by itself.
    """
    keep_steady()
    await _wait_out(lambda: _log_in(bot, token))
    await _wait_out(bot.connect)


async def _wait_out(step: Callable[[], Awaitable[None]]) -> None:
    """Take a step as often as it takes."""
    for pause in pauses():
        try:
            await step()
            return
        except discord.LoginFailure:
            raise SettingsError(UNKNOWN_TOKEN) from None
        except discord.PrivilegedIntentsRequired:
            raise PlainError(CLOSED[4014]) from None
        except discord.ConnectionClosed as closed:
            raise SettingsError(CLOSED.get(closed.code, OTHERWISE.format(code=closed.code))) from None
        except discord.GatewayNotFound:
            log.warning(NOT_REACHED, "no gateway", pause)
        except NETWORK as error:
            failed = DiscordError(error)
            if failed.fault is not Fault.PASSING:
                raise PlainError(f"Discord refuses the bot: {failed} {' '.join(failed.text.split())}") from None
            log.warning(NOT_REACHED, failed, pause)
        await asyncio.sleep(pause)


async def _log_in(bot: JanusBot, token: str) -> None:
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            await bot.login(token)
    except NETWORK:
        await bot.http.close()
        bot.http.connector = discord.utils.MISSING  # the session has closed it, too, and the next one needs its own
        raise
