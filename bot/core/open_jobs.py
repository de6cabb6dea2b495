"""The jobs that are on their way to a message in this process."""

from collections.abc import Sequence
from typing import Final, Protocol

from bot.texts import Texts

SHARED_SECONDS: Final = 1.25  # an edit, where a channel takes five in five seconds: a fifth is left for results


class OpenJob(Protocol):
    """What members can learn of a job that is open, and do with it. Its delivery is one."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    @property
    def owner(self) -> int:
        """Who asked for it."""
        ...

    @property
    def words(self) -> str:
        """What was asked for, in the member's words."""
        ...

    @property
    def link(self) -> str | None:
        """The address of its message, where others can see it, too."""
        ...

    @property
    def shares(self) -> int | None:
        """The channel with whose other messages its edits share a limit; None if it has one of its own."""
        ...

    @property
    def finishing(self) -> bool:
        """Whether its result is on its way, which goes before anybody's progress."""
        ...

    def line(self, texts: Texts) -> str:
        """Say in one line where it stands."""
        ...

    async def cancel(self, by: int | None = None) -> None:
        """Have it end on behalf of a member, if nothing has come out yet."""
        ...


class OpenJobs:
    """All of them, by id."""

    def __init__(self) -> None:
        self._jobs: dict[str, OpenJob] = {}

    def add(self, job: OpenJob) -> None:
        """Remember a job."""
        self._jobs[job.id] = job

    def discard(self, job: OpenJob) -> None:
        """Forget a job."""
        self._jobs.pop(job.id, None)

    def get(self, job_id: str) -> OpenJob | None:
        """Return a job; None if it is not open."""
        return self._jobs.get(job_id)

    def seconds_apart(self, channel: int | None) -> float:
        """Return how far apart one message's edits must be, so that all that share the channel's limit keep it."""
        return SHARED_SECONDS * len(self._sharing(channel))

    def gives_way(self, channel: int | None) -> bool:
        """Tell whether progress has to wait, because a result is on its way under the same limit."""
        return any(job.finishing for job in self._sharing(channel))

    def _sharing(self, channel: int | None) -> Sequence[OpenJob]:
        if channel is None:
            return ()
        return [job for job in self._jobs.values() if job.shares == channel]

    def of(self, member: int) -> Sequence[OpenJob]:
        """Return those of one member, the oldest first."""
        return [job for job in self._jobs.values() if job.owner == member]
