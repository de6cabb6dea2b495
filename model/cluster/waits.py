"""How long those who wait for a replica have to wait, by what requests took lately."""

from collections import deque
from typing import Final

MEMORY: Final = 64  # requests of a lane that count


class Waits:
    """Learns from every request that has given its seats back."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def note(self, lane: str, seconds: float) -> None:
        """Take note of how long a request had its seats."""
        self._taken.setdefault(lane, deque(maxlen=MEMORY)).append(seconds)

    def estimate(self, lane: str, place: int, inside: int) -> float | None:
        """Estimate the seconds until whoever waits at a place, from 1, has seats; None where nothing tells.

        `inside` requests have seats of the lane now, and are taken to end one after the other, in even steps.
        """
        taken = self._taken.get(lane)
        return sum(taken) / len(taken) * place / inside if taken and inside else None
