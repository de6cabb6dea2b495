"""Messages that an earlier process left behind: each is told how its job ended, with a button to try it again."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot.core.errors import NETWORK, in_short
from bot.store.jobs import JobRecord
from bot.texts import texts_in
from bot.ui.buttons import TryAgain
from bot.ui.layout import notice

if TYPE_CHECKING:
    from bot.core.client import JanusBot

log = logging.getLogger(__name__)


async def tell(bot: "JanusBot", records: Sequence[JobRecord]) -> None:
    """Edit the messages of interrupted jobs, where the bot can still reach them.

    The tokens that made them are gone, so that is where the bot is a member. Elsewhere `Cancel` tells the same.
    """
    for record in records:
        if record.private or record.channel is None or record.message is None:
            continue
        guild = bot.get_guild(record.guild) if record.guild else None
        texts = texts_in(guild.preferred_locale if guild else None)
        message = bot.get_partial_messageable(record.channel).get_partial_message(record.message)
        again = [] if record.kind == "enlargement" else [TryAgain(record.id, texts)]
        try:
            await message.edit(view=notice(record.words, texts.interrupted, *again), attachments=[])
        except discord.NotFound:
            log.info("The message of job %s is gone", record.id)
        except NETWORK as error:
            log.info("Could not tell that job %s was interrupted: %s", record.id, in_short(error))
