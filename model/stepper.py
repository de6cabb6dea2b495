"""One decode step for all rows in flight: how much of the lanes it covers, and whether it is compiled.

Plain, a step covers exactly the seats that are taken. Compiled, every shape is a graph of its own that takes long to
make, so there are few: buckets of seats and of positions, all of them made before the first request.
"""

import itertools
import logging
import statistics
import time
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from model.cache import Lane
from model.decode import Batch, Decoder

log = logging.getLogger(__name__)

ROUNDING = 32  # plain attention reads the cache in multiples of so many positions
FEWEST_SEATS = 5  # the smallest bucket of pictures; the others are four times larger each
WARMING = 3  # runs of a graph before CUDA replays it: one to compile, one to warm up, one to record


class Stepper:
    """Runs decode steps over two lanes, and measures them."""

    def __init__(self, decoder: Decoder, pictures: Lane, answers: Lane, *, compiled: bool) -> None:
        """Take over lanes that are empty. `compiled`: make a graph for every bucket now, which takes a while."""
        self.decoder, self.pictures, self.answers = decoder, pictures, answers
        self.steps = 0
        self._recent: deque[float] = deque(maxlen=64)
        self._step: Callable[[Lane, Lane, Batch], tuple[Tensor, Tensor]] = decoder.step
        self.compiled = compiled
        if compiled:
            self._compile()

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
        batch = Batch(*self._extent(self.pictures, FEWEST_SEATS), *self._extent(self.answers, self.answers.capacity))
        drawn, said = self._step(self.pictures, self.answers, batch)
        tokens: list[int] = said.tolist()
        if not tokens:
            drawn[-1].item()  # waits for the device: who cancels or comes must be seen before the next step
        self._recent.append(time.perf_counter() - began)
        self.steps += 1
        return tokens

    def drop_graphs(self) -> None:
        """Go on without compiled graphs: they hold memory, and the addresses of a cache that is to be replaced."""
        if self.compiled:
            self._step, self.compiled = self.decoder.step, False

    def _extent(self, lane: Lane, fewest: int) -> tuple[int, int]:
        """How many seats of a lane take part, and how many positions they may look at."""
        moving = [seat for seat in lane.taken if seat.moving]
        if not moving:
            return 0, 0
        seats = max(seat.index for seat in moving) + 1
        length = max(seat.position for seat in moving) + 1
        if not self.compiled:
            return seats, min(-(-length // ROUNDING) * ROUNDING, lane.length)
        return min(s for s in _sizes(fewest, lane) if s >= seats), min(n for n in _lengths(lane) if n >= length)

    def buckets(self) -> list[Batch]:
        """Every shape that a compiled step may have."""
        drawing = [(0, 0), *itertools.product(_sizes(FEWEST_SEATS, self.pictures), _lengths(self.pictures))]
        answering = [(0, 0), *itertools.product(_sizes(self.answers.capacity, self.answers), _lengths(self.answers))]
        return [Batch(*d, *a) for d in drawing for a in answering if d[0] or a[0]]

    def _compile(self) -> None:
        buckets, began = self.buckets(), time.perf_counter()
        for tensor in (*self.decoder.tensors(), *self.pictures.tensors(), *self.answers.tensors()):
            torch._dynamo.mark_static_address(tensor)  # CUDA graphs copy every other input at every step
        mode = "reduce-overhead" if self.decoder.device.type == "cuda" else "default"
        self._step = torch.compile(self.decoder.step, fullgraph=True, dynamic=False, mode=mode)
        # Empty seats do not move, so a step over them changes nothing that anybody reads.
        with torch.inference_mode(), torch._dynamo.config.patch(recompile_limit=len(buckets) + 1):
            for batch, _ in itertools.product(buckets, range(WARMING)):
                self._step(self.pictures, self.answers, batch)
        log.info("compiled %d decode graphs in %.0f s", len(buckets), time.perf_counter() - began)


def _sizes(fewest: int, lane: Lane) -> list[int]:
    """The numbers of seats that are compiled: few, and the last one is all."""
    sizes = []
    while fewest < lane.capacity:
        sizes.append(fewest)
        fewest *= 4
    return [*sizes, lane.capacity]


def _lengths(lane: Lane) -> list[int]:
    """The numbers of positions that are compiled: half of a lane, and all."""
    return [-(-lane.length // 2), lane.length]
