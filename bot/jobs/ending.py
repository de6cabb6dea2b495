"""The last message of a job, whatever Discord answers: its result, or a line on how it ended."""

import logging

from bot.core.rest import DiscordError, Fault, in_short
from bot.jobs.presenter import Presenter
from bot.jobs.target import Target
from bot.media.uploads import Room
from bot.ui.buttons import JobButton
from bot.ui.layout import notice
from model.requests import Answer, Pictures

log = logging.getLogger(__name__)


async def send_result(
    target: Target, job_id: str, presenter: Presenter, result: Answer | Pictures, mention: str = ""
) -> None:
    """Send a result: in smaller files and fewer in a message for as long as Discord finds them too large.

    What has been sent is not sent again. Raises TooLargeError or DiscordError.
    """
    room, done = Room.of(target.filesize_limit), 0
    while True:
        # What the encoder raises is no fault of Discord's, and nothing that another attempt would mend.
        for parcel in await presenter.result(result, room, mention, done):
            try:
                await target.finish(parcel, f"{job_id}-{done}", more=done > 0)
            except DiscordError as error:
                if error.fault is not Fault.TOO_LARGE:
                    raise
                room = room.below(parcel.files)
                log.info("Too large for Discord: job %s is sent in files of %d bytes at the most", job_id, room.file)
                break
            done += len(parcel.files)
        else:
            return


async def send_line(target: Target, job_id: str, words: str, line: str, *buttons: JobButton, origin: str = "") -> None:
    """Leave the message with a last line, where it can still be reached, or else say it to the asker alone.

    Words that Discord refused are not repeated.
    """
    if not target.reachable:
        return
    for said in (words, ""):
        try:
            await target.close(notice(said, line, *buttons, origin=origin), f"{job_id}-end")
            return
        except DiscordError as error:
            log.warning("Could not tell how job %s ended: %s", job_id, in_short(error))
            if error.fault is not Fault.FILTERED:
                break
    await target.whisper(line)
