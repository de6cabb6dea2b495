"""Messages that share a channel's limit on edits."""

from dataclasses import dataclass

from bot.core.open_jobs import SHARED_SECONDS, OpenJobs
from bot.texts import Texts


@dataclass
class Job:
    """A job as far as the limit is concerned."""

    id: str
    shares: int | None
    finishing: bool = False
    owner: int = 1
    words: str = ""
    link: str | None = None

    def line(self, texts: Texts) -> str:
        return ""

    async def cancel(self, by: int | None = None) -> None: ...


def all_of(*jobs: Job) -> OpenJobs:
    made = OpenJobs()
    for job in jobs:
        made.add(job)
    return made


def test_the_more_messages_share_a_limit_the_fewer_edits_has_each() -> None:
    jobs = all_of(*(Job(f"{number}", 7) for number in range(20)), Job("elsewhere", 8))
    assert jobs.seconds_apart(7) == 20 * SHARED_SECONDS
    assert jobs.seconds_apart(8) == SHARED_SECONDS
    edits = 20 * 5 / jobs.seconds_apart(7)  # of all of them, in five seconds
    assert edits <= 4


def test_an_interaction_s_message_has_a_limit_of_its_own() -> None:
    jobs = all_of(Job("1", None), Job("2", None, finishing=True))
    assert jobs.seconds_apart(None) == 0
    assert not jobs.gives_way(None)


def test_progress_gives_way_to_a_result_in_the_same_channel() -> None:
    jobs = all_of(Job("1", 7), Job("2", 7, finishing=True), Job("3", 8))
    assert jobs.gives_way(7)
    assert not jobs.gives_way(8)
