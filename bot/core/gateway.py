"""The connection to Discord's gateway, which outlives what it can't read.

discord.py ends the whole bot when it can't read one event, as it may be with what Discord adds some day.
"""

import asyncio
import logging
from typing import Any

import aiohttp
import discord
from discord import shard
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bot.core.errors import log_bug

log = logging.getLogger(__name__)

UNREADABLE = 4002  # the number that Discord has for a payload that can't be read
EXPECTED = (ReconnectWebSocket, discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


class SteadyWebSocket(DiscordWebSocket):
    """One connection. What comes through it is worked off one by one, and others have their turn in between."""

    async def received_message(self, msg: Any, /) -> None:
        """Take a message. One that is an event is at worst left out; after anything else it connects anew.

        Raises what makes discord.py do that, after a while.
        """
        before = self.sequence
        try:
            await super().received_message(msg)
        except EXPECTED:
            raise
        except Exception as error:
            if self.session_id and self.sequence != before:  # so it was read, and is an event with a number
                log_bug(error)
            else:
                log.warning("The gateway said what nobody can read (%s): connecting anew", type(error).__name__)
                await self.close(UNREADABLE)
                raise ConnectionError("unreadable") from error
        await asyncio.sleep(0)  # a rush of events must not keep the loop from what was begun


def keep_steady() -> None:
    """Have discord.py's shards connect so: they can't be told which class to take."""
    shard.DiscordWebSocket = SteadyWebSocket  # type: ignore[misc]
