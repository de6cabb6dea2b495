"""The last message of a job, whatever Discord answers: its result, or a line on how it ended."""

import logging

from bot.core.rest import DiscordError, Fault, in_short
from bot.jobs.journal import Journal
from bot.jobs.presenter import Presenter
from bot.jobs.target import Target
from bot.media.uploads import Room
from bot.store.records import JobRecord
from bot.ui.buttons import JobButton
from bot.ui.layout import notice, told
from model.requests import Answer, Pictures

log = logging.getLogger(__name__)


async def send_result(
    target: Target, journal: Journal, presenter: Presenter, result: Answer | Pictures, mention: str, done: int
) -> None:
    """Send a result: in smaller files and fewer in a message for as long as Discord finds them too large.

    What has been sent, `done` files by an earlier process, is not sent again. Raises TooLargeError or DiscordError.
    """
    room = Room.of(target.filesize_limit)
    while True:
        # What the encoder raises is no fault of Discord's, and nothing that another attempt would mend.
        for parcel in await presenter.result(result, room, mention, done):
            if done:
                await journal.note_sent(done)
            try:
                await target.finish(parcel, f"{journal.id}-{done}", more=done > 0)
            except DiscordError as error:
                if error.fault is not Fault.TOO_LARGE:
                    raise
                room = room.below(parcel.files)
                log.info("Too large for Discord: job %s goes in files of %d bytes at the most", journal.id, room.file)
                break
            done += len(parcel.files)
        else:
            return


async def send_line(target: Target, record: JobRecord, line: str, *buttons: JobButton) -> bool:
    """Leave the message with a last line, where it can still be reached, or else say it to the asker alone.

    Words that Discord refused are not repeated. Tells whether it is said.
    """
    if not target.reachable:
        return False
    for view in (told(record, line, target.texts, *buttons), notice("", line, *buttons)):
        try:
            await target.close(view, f"{record.id}-end")
            return True
        except DiscordError as error:
            log.warning("Could not tell how job %s ended: %s", record.id, in_short(error))
            if error.fault is not Fault.FILTERED:
                break
    return await target.whisper(line)
