"""No press, form or command stays without an answer: Discord waits three seconds, and tells its member nothing better.

Whoever takes an interaction says so (`serve`). One that nobody took is from before a restart, or from another version:
a form that was still open, a button that is no longer known. One whose handler is still busy shortly before the end,
say because the database is, is ended, and its member is told.
"""

import asyncio
import logging
from typing import Any, Final

import discord

from bot.core.explain import tell_privately
from bot.core.receipts import Receipts
from bot.core.rest import DiscordError, in_short
from bot.texts import texts_for

log = logging.getLogger(__name__)

TAKEN_SECONDS: Final = 0.5  # after which nobody takes it any more
BUSY_SECONDS: Final = 2.3  # after which its handler has had its time; the rest is for the answer to arrive


class Unanswered:
    """The interactions that wait for their first answer."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._served: dict[int, asyncio.Task[Any]] = {}  # what serves an interaction, by the interaction's id

    def serve(self, interaction: discord.Interaction[Any]) -> None:
        """Note that the current task serves an interaction."""
        task = asyncio.current_task()
        assert task
        self._served[interaction.id] = task
        task.add_done_callback(lambda _: self._served.pop(interaction.id, None))

    async def watch(self, interaction: discord.Interaction[Any]) -> None:
        """See to it that an interaction that has just come in is answered."""
        await asyncio.sleep(TAKEN_SECONDS)
        if self._waits(interaction) and interaction.id not in self._served:
            log.info("Nothing here answers interaction %d", interaction.id)
            await _tell(interaction, texts_for(interaction).outdated)
        await asyncio.sleep(BUSY_SECONDS - TAKEN_SECONDS)
        task = self._served.get(interaction.id)
        if task and self._waits(interaction):
            log.warning("Interaction %d could not be answered in time: something is too busy", interaction.id)
            task.cancel()
            await _tell(interaction, texts_for(interaction).busy)

    def _waits(self, interaction: discord.Interaction[Any]) -> bool:
        return not interaction.response.is_done() and not self._receipts.is_answering(interaction.token)


async def _tell(interaction: discord.Interaction[Any], sentence: str) -> None:
    try:
        await tell_privately(interaction, sentence)
    except DiscordError as error:
        log.info("Nor could that be told: %s", in_short(error))
