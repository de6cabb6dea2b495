"""Every request that is open just now."""

import asyncio
from typing import TYPE_CHECKING, Any

from bot.errors import Refusal
from bot.texts import Texts

if TYPE_CHECKING:
    from bot.delivery import Delivery


class Deliveries:
    """All open requests, and the deliveries that are on their way or kept for their owners, by the id of their job."""

    def __init__(self, most: int) -> None:
        """`most`: how many requests may be open at once."""
        self.most = most
        self._by_job: dict[str, Delivery] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def admit(self, texts: Texts) -> None:
        """Let the current task serve a request, from which on `finish` waits for it. Raises Refusal if all are busy."""
        if len(self._tasks) >= self.most:
            raise Refusal(texts.queue_full)
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def add(self, delivery: "Delivery") -> None:
        """Remember a delivery."""
        self._by_job[delivery.job.id] = delivery

    def discard(self, delivery: "Delivery") -> None:
        """Forget a delivery."""
        self._by_job.pop(delivery.job.id, None)

    def get(self, job_id: str) -> "Delivery | None":
        """Return the delivery of a job."""
        return self._by_job.get(job_id)

    async def finish(self, seconds: float) -> None:
        """Wait until every delivery has told its member how it ended, `seconds` at most."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
