"""How long it will take: estimates from what was measured lately, or none.

Seconds are those that passed on the clock, so whatever else was going on is in them: a step's are counted from one
step to the next, with the prefills and the pixels between them.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator

from model.engine.runs import AnyRun, DrawingRun, EnlargeRun, PaintRun, QuestionRun

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
        pictures = max(1, len(run.drawn)) if isinstance(run, DrawingRun | PaintRun) else 1
        for stage in ("prefill", "pixels", "upscale"):
            if stage in run.seconds:
                each = 1 if stage == "prefill" else pictures
                self.stages.setdefault((type(run), stage), Mean()).add(run.seconds[stage] / each)
        if isinstance(run, QuestionRun):
            self.tokens.add(len(run.answer))

    def seat(self, run: AnyRun) -> float | None:
        """Estimate the seconds until a request gives its seats back, from when it has them or from now."""
        match run:
            case EnlargeRun():
                return self._stage(EnlargeRun, "upscale")
            case PaintRun():
                return len(run.drawn) * self._pixels(run)
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
        if drawing is None:
            return None
        count = len(run.drawn) + len(run.drawing) + len(run.waiting)
        return drawing + count * self._pixels(run)

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

    def _pixels(self, run: DrawingRun | PaintRun) -> float:
        """Estimate the seconds that the pixels of one picture take."""
        stages = ("pixels", "upscale") if run.request.upscale else ("pixels",)
        return sum(self._stage(DrawingRun, stage) or 0.0 for stage in stages)

    def _stage(self, kind: type[AnyRun], stage: str) -> float | None:
        mean = self.stages.get((kind, stage))
        return None if mean is None else mean.value
