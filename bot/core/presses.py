"""Presses that need no model, but make the bot send pictures or read some: so many of one member in an hour."""

from collections import Counter, deque
from typing import Final

HOUR: Final = 60 * 60.0  # seconds


class Presses:
    """Those of the last hour. A restart forgets them: what they cost is gone by then."""

    def __init__(self, most: int) -> None:
        """`most`: how many one member may make in an hour."""
        self.most = most
        self._made: deque[tuple[float, int]] = deque()
        self._of: Counter[int] = Counter()

    def count(self, member: int, now: float) -> float:
        """Count one of a member's, and return 0; or count nothing, and return in how many seconds they may again."""
        while self._made and self._made[0][0] <= now - HOUR:
            _, gone = self._made.popleft()
            self._of[gone] -= 1
            if not self._of[gone]:
                del self._of[gone]
        if self._of[member] >= self.most:
            return next(when for when, of in self._made if of == member) + HOUR - now
        self._made.append((now, member))
        self._of[member] += 1
        return 0.0
