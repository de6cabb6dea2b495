"""The deliveries that are on their way or kept for their owners."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.jobs.delivery import Delivery


class Deliveries:
    """All of them, by the id of their job."""

    def __init__(self) -> None:
        self._by_job: dict[str, Delivery] = {}

    def add(self, delivery: "Delivery") -> None:
        """Remember a delivery."""
        self._by_job[delivery.job.id] = delivery

    def discard(self, delivery: "Delivery") -> None:
        """Forget a delivery."""
        self._by_job.pop(delivery.job.id, None)

    def get(self, job_id: str) -> "Delivery | None":
        """Return the delivery of a job."""
        return self._by_job.get(job_id)

    def of(self, member: int) -> "Sequence[Delivery]":
        """Return those of one member, the oldest first."""
        return [delivery for delivery in self._by_job.values() if delivery.owner.id == member]
