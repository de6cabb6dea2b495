"""One decode step for all rows in flight: how much of the lanes it covers, and whether it is compiled."""

import statistics
import time
from collections import deque

from model.cache import Lane
from model.decode import Batch, Decoder

ROUNDING = 32  # attention reads the cache in multiples of so many positions


class Stepper:
    """Runs decode steps over two lanes, and measures them."""

    def __init__(self, decoder: Decoder, pictures: Lane, answers: Lane) -> None:
        self.decoder, self.pictures, self.answers = decoder, pictures, answers
        self.steps = 0
        self._recent: deque[float] = deque(maxlen=64)

    @property
    def moving(self) -> bool:
        """Some seat takes part in the next step."""
        return any(seat.moving for lane in (self.pictures, self.answers) for seat in lane.taken)

    @property
    def seconds(self) -> float | None:
        """The median of recent steps."""
        return statistics.median(self._recent) if self._recent else None

    def step(self) -> list[int]:
        """Advance every seat that moves by one token. Gives the answers' tokens, one a seat."""
        began = time.perf_counter()
        batch = Batch(*self._extent(self.pictures), *self._extent(self.answers))
        drawn, said = self.decoder.step(self.pictures, self.answers, batch)
        tokens: list[int] = said.tolist()
        if not tokens:
            drawn[-1].item()  # waits for the device: what is cancelled or new must be seen before the next step
        self._recent.append(time.perf_counter() - began)
        self.steps += 1
        return tokens

    def _extent(self, lane: Lane) -> tuple[int, int]:
        """How many seats of a lane take part, and how many positions they may look at."""
        moving = [seat for seat in lane.taken if seat.moving]
        if not moving:
            return 0, 0
        seats = max(seat.index for seat in moving) + 1
        length = max(seat.position for seat in moving) + 1
        return seats, min(-(-length // ROUNDING) * ROUNDING, lane.length)
