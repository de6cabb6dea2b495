"""What is kept of a job's pictures elsewhere on its server: it goes when the job is deleted."""

import logging

from bot.core.client import JanusBot
from bot.core.rest import DiscordError, Fault, in_short, insist

log = logging.getLogger(__name__)


async def delete_copies(bot: JanusBot, job_id: str) -> None:
    """Delete the messages that show kept pictures of a job. One that can't be reached stays, and the log says so."""
    for post in await bot.store.keepers.posts(job_id):
        message = bot.get_partial_messageable(post.channel, guild_id=post.guild).get_partial_message(post.message)
        try:
            await insist(message.delete)
        except DiscordError as error:
            if error.fault is not Fault.GONE:
                log.warning("A kept picture of job %s could not be deleted: %s", job_id, in_short(error))
