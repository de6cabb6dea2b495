"""What an earlier process left behind: its jobs are ended, and their messages tell so, with a button to try again."""

import logging
from collections.abc import Sequence

import discord

from bot.core.client import JanusBot
from bot.core.rest import DiscordError, calling, in_short
from bot.store.jobs import JobRecord
from bot.texts import texts_in
from bot.ui.buttons import JobButton
from bot.ui.layout import notice

log = logging.getLogger(__name__)


async def setup(bot: JanusBot) -> None:
    """Take over from the process before: what it had counted for an unfinished job is given back."""
    left = await bot.store.jobs.interrupt(discord.utils.utcnow())
    for record in left:
        await bot.store.usage.take_back(record.id)
    if not left:
        return
    log.warning("Jobs that an earlier run did not finish: %d", len(left))

    async def on_ready() -> None:
        bot.remove_listener(on_ready)
        await tell(bot, left)

    bot.add_listener(on_ready)


async def tell(bot: JanusBot, records: Sequence[JobRecord]) -> None:
    """Edit the messages of interrupted jobs, where the bot can still reach them.

    The tokens that made them are gone, so that is where the bot is a member. Elsewhere *Cancel* tells the same.
    """
    for record in records:
        if record.private or record.channel is None or record.message is None:
            continue
        guild = bot.get_guild(record.guild) if record.guild else None
        texts = texts_in(guild.preferred_locale if guild else None)
        message = bot.get_partial_messageable(record.channel).get_partial_message(record.message)
        again = [] if record.kind == "enlargement" else [JobButton("try_again", record.id, texts=texts)]
        try:
            async with calling():
                await message.edit(
                    view=notice(record.words, texts.interrupted, *again),
                    attachments=[],
                    allowed_mentions=discord.AllowedMentions.none(),  # an edit without them may call who is named
                )
        except DiscordError as error:
            log.info("Could not tell that job %s was interrupted: %s", record.id, in_short(error))
