"""What a delivery writes down of its job. A disk that fails costs the buttons, and nobody's pictures."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.core.client import JanusBot
from bot.core.errors import log_bug
from bot.jobs.target import Target
from bot.store.database import BusyError, DiskError, outwait
from bot.store.records import State
from model.requests import Answer, Failed, Pictures

log = logging.getLogger(__name__)

T = TypeVar("T")


class Journal:
    """One job's place in the store."""

    def __init__(self, bot: JanusBot, job_id: str) -> None:
        self.store = bot.store
        self.now = bot.time.now
        self.id = job_id

    async def move(
        self, state: State, outcome: Answer | Pictures | Failed | None = None, *, to: Target | None = None
    ) -> bool:
        """Note where the job stands, and where it went `to`; False if it has ended otherwise meanwhile.

        A job that is not in the store goes on.
        """
        jobs, address = self.store.jobs, to.address if to else None
        now = self.now()
        moved = await self._attempt(lambda: jobs.move(self.id, state, now, outcome=outcome, address=address))
        return moved is not False or await self._attempt(lambda: jobs.get(self.id)) is None

    async def note_address(self, target: Target) -> None:
        """Note where the job is shown."""
        await self._attempt(lambda: self.store.jobs.note_address(self.id, target.address))

    async def note_sent(self, files: int) -> None:
        """Note how many files of the result Discord has."""
        await self._attempt(lambda: self.store.jobs.note_sent(self.id, files))

    async def note_told(self) -> None:
        """Note that the member knows how it ended."""
        await self._attempt(lambda: self.store.jobs.note_told(self.id, self.now()))

    async def give_back(self, again: str) -> None:
        """Forget the job: nothing came of trying the failed job `again` once more, which can be done later."""
        await self._attempt(lambda: self.store.undo(self.id, uncount=False, again=again))

    async def take_back(self) -> None:
        """Count the job no longer: nobody drew or answered for it."""
        await self._attempt(lambda: self.store.usage.take_back(self.id))

    async def _attempt(self, work: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await outwait(work)
        except BusyError:
            log.warning("Job %s could not be noted: the database was busy for too long", self.id)
        except DiskError:
            pass  # the database has said so already
        except Exception as error:
            log_bug(error)
        return None
