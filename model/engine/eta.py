"""How long it will take: estimates from what was measured lately, or none.

Seconds are those that passed on the clock, so whatever else was going on is in them: a step's are counted from one
step to the next, with the prefills and the pixels between them.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from model.engine.runs import AnyRun, DrawingRun, EnlargeRun, JudgeRun, PaintRun, QuestionRun
from model.requests import Queued

MEMORY = 64  # measurements that count


class Mean:
    """The mean of the last measurements; None as long as there is none."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=MEMORY)

    def add(self, value: float) -> None:
        """Take note of a measurement."""
        self._last.append(value)

    @property
    def value(self) -> float | None:
        """The mean."""
        return sum(self._last) / len(self._last) if self._last else None


class Eta:
    """Learns from every step and from every request that ends well."""

    def __init__(self) -> None:
        self.step = Mean()  # seconds from one step to the next
        self.drawn = Mean()  # tokens that a step gives a picture
        self.tokens = Mean()  # of an answer
        self.stages: dict[tuple[type[AnyRun], str], Mean] = {}  # seconds a picture, a question
        self._last_step: float | None = None

    def stepped(self) -> None:
        """Take note of a step that is just over."""
        now = time.perf_counter()
        if self._last_step is not None:
            self.step.add(now - self._last_step)
        self._last_step = now

    def paused(self) -> None:
        """Take note that no rows are in flight: the next step follows none."""
        self._last_step = None

    def ended(self, run: AnyRun) -> None:
        """Learn from a request that has its result."""
        left = run.left if isinstance(run, DrawingRun | PaintRun) else {"upscale": 1}
        for stage, count in {"prefill": 1, **left}.items():
            if stage in run.seconds and count:
                self.stages.setdefault((type(run), stage), Mean()).add(run.seconds[stage] / count)
        if isinstance(run, QuestionRun):
            self.tokens.add(len(run.answer))

    def seat(self, run: AnyRun) -> float | None:
        """Estimate the seconds until a request gives its seats back, from when it has them or from now."""
        match run:
            case EnlargeRun():
                return self._stage(EnlargeRun, "upscale")
            case PaintRun():
                return self._left(run)
            case JudgeRun():
                return self._stage(DrawingRun, "judge")
            case DrawingRun():
                steps: float | None = (run.total - run.tokens_done) / (self.drawn.value or 1.0)
            case QuestionRun():
                # an answer that is longer than most may go on, or end at any moment
                steps = None if self.tokens.value is None else max(self.tokens.value - len(run.answer), 1.0)
        if steps is None or self.step.value is None:
            return None
        prefill = 0.0 if run.moving else self._stage(type(run), "prefill") or 0.0
        return prefill + steps * self.step.value

    def left(self, run: DrawingRun) -> float | None:
        """Estimate the seconds until a drawing that has its seats is there, its pixels included."""
        drawing = self.seat(run)
        return None if drawing is None else drawing + self._left(run)

    def places(
        self, capacity: int, inside: Iterable[AnyRun], line: Iterable[AnyRun]
    ) -> Iterator[tuple[AnyRun, Queued]]:
        """Tell who in a lane's `line`, next one first, has another place there than they were told."""
        for place, (run, seconds) in enumerate(zip_longest(line, self.waits(capacity, inside, line)), 1):
            if run.place != place and not run.started:
                run.place = place
                yield run, Queued(place, seconds)

    def waits(self, capacity: int, inside: Iterable[AnyRun], line: Iterable[AnyRun]) -> Iterator[float]:
        """Estimate for everybody in a lane's `line`, next one first, the seconds until they get their seats.

        `inside`: who has seats of the lane. Ends where nothing was measured yet that would tell.
        """
        ends: list[tuple[float, int]] = []
        free, now = capacity, 0.0
        for run in inside:
            seconds = self.seat(run)
            if seconds is None:
                return
            free -= run.held
            heapq.heappush(ends, (seconds, run.held))
        for run in line:
            wanted = min(run.seats, capacity)
            while free < wanted and ends:
                now, seats = heapq.heappop(ends)
                free += seats
            yield now
            seconds = self.seat(run)
            if seconds is None:
                return
            free -= wanted
            # more seats than the lane has are had in several goes
            heapq.heappush(ends, (now + seconds * -(-run.seats // capacity), wanted))

    def _left(self, run: DrawingRun | PaintRun) -> float:
        """Estimate the seconds that it takes after the last token."""
        return sum((self._stage(DrawingRun, stage) or 0.0) * count for stage, count in run.left.items())

    def _stage(self, kind: type[AnyRun], stage: str) -> float | None:
        mean = self.stages.get((kind, stage))
        return None if mean is None else mean.value
