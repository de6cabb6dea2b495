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
from typing import Literal

import torch
from torch import Tensor
from torch._inductor import config

from model.errors import PlainError
from model.network.cache import Lane
from model.network.decoder import Batch, Decoder

log = logging.getLogger(__name__)

ROUNDING = 8  # plain attention reads the cache in multiples of so many positions: fewer shapes for oneDNN to prepare
FEWEST_SEATS = 5  # the smallest bucket of pictures; the others are four times larger each
MOST_GRAPHS = 1000  # in this process: torch gives up at 8, in case shapes vary without end, which these do not
WARMING = 3  # runs of a graph before CUDA replays it: one to compile, one to warm up, one to record


class StepRunner:
    """Runs decode steps over two lanes, and measures them."""

    def __init__(self, decoder: Decoder, pictures: Lane, answers: Lane, *, compiled: Literal["auto"] | bool) -> None:
        """Take over lanes that are empty. `compiled`: make a graph for every bucket now, which takes a while.

        "auto" does so on CUDA, and goes on without where that fails; True raises PlainError then.
        """
        self.decoder, self.pictures, self.answers = decoder, pictures, answers
        self.steps = 0
        self.window = 1
        self._recent: deque[float] = deque(maxlen=64)
        self.buckets = self._buckets()
        self._step: Callable[[Lane, Lane, Batch], tuple[Tensor, Tensor]] = decoder.step
        self.compiled = decoder.device.type == "cuda" if compiled == "auto" else compiled
        if not self.compiled:
            return
        try:
            self._compile()
        except Exception as error:  # no compiler, no memory, ...: torch raises errors of all kinds
            if compiled != "auto":
                raise PlainError(f"The decode step can't be compiled here: {error}. Set compile to auto.") from error
            log.warning("the decode step is not compiled, so it is slower: %s", error)
            self.drop_graphs()

    @property
    def moving(self) -> bool:
        """Some seat takes part in the next step."""
        return any(seat.moving for lane in (self.pictures, self.answers) for seat in lane.taken)

    @property
    def seconds(self) -> float | None:
        """The median of recent steps."""
        return statistics.median(self._recent) if self._recent else None

    def step(self) -> tuple[list[int], list[int]]:
        """Advance every seat that moves by one token. Gives the tokens of pictures and of answers, one a seat."""
        began = time.perf_counter()
        window = self.window
        batch = Batch(*self._extent(self.pictures, window), *self._extent(self.answers, 1), window)
        if self.compiled:
            batch = min(bucket for bucket in self.buckets if _holds(bucket, batch))
        drawn, said = self._step(self.pictures, self.answers, batch)
        tokens = (
            drawn.tolist(),
            said.tolist(),
        )  # waits for the device: who cancels or comes is seen before the next step
        self._recent.append(time.perf_counter() - began)
        self.steps += 1
        return tokens

    def drop_graphs(self) -> None:
        """Go on without compiled graphs: they hold memory, and the addresses of a cache that is to be replaced."""
        if self.compiled:
            self._step, self.compiled = self.decoder.step, False
            torch._dynamo.reset()  # and with it what CUDA graphs hold

    def _extent(self, lane: Lane, window: int) -> tuple[int, int]:
        """How many seats of a lane take part, and how many positions they may look at."""
        moving = [seat for seat in lane.taken if seat.moving]
        if not moving:
            return 0, 0
        for seat in moving:
            lane.cover([seat], min(seat.position + window, lane.length))
        length = max(seat.position for seat in moving) + window
        rounded = min(-(-length // ROUNDING) * ROUNDING, lane.length)
        return max(seat.index for seat in moving) + 1, rounded

    def _buckets(self) -> list[Batch]:
        """Every shape that a compiled step may have: pictures in a few sizes and lengths, answers all or none.

        Where both move, which is rare, pictures have one length.
        """
        pictures, answers = self.pictures, self.answers
        smaller = {FEWEST_SEATS * 4**i for i in range(8)}
        sizes = sorted(size for size in smaller | {pictures.capacity} if 0 < size <= pictures.capacity)
        answering = [(answers.capacity, length) for length in _lengths(answers, 2) if answers.capacity]
        drawing = [Batch(size, length, 0, 0) for size in sizes for length in _lengths(pictures, 4)]
        both = [Batch(size, pictures.length, *answer) for size in sizes for answer in answering]
        return [*drawing, *(Batch(0, 0, *answer) for answer in answering), *both]

    def _compile(self) -> None:
        began, buckets = time.perf_counter(), self.buckets
        mode, constants = "default", self.decoder.blocks
        if self.decoder.device.type == "cuda":
            mode = "reduce-overhead"
            for tensor in (*self.decoder.tensors(), *self.pictures.tensors(), *self.answers.tensors()):
                torch._dynamo.mark_static_address(tensor)  # CUDA graphs copy every other input at every step
        self._step = torch.compile(self.decoder.step, fullgraph=True, dynamic=False, mode=mode)
        # oneDNN's blocks are opaque to the compiler: it must take weights for constants, which all graphs share then.
        # Empty seats do not move, so a step over them changes nothing that anybody reads.
        with (
            torch.inference_mode(),
            config.patch(freezing=constants),
            torch._dynamo.config.patch(recompile_limit=MOST_GRAPHS, accumulated_recompile_limit=MOST_GRAPHS),
        ):
            for batch, _ in itertools.product(buckets, range(WARMING)):
                self._step(self.pictures, self.answers, batch)
        log.info("compiled %d decode graphs in %.0f s", len(buckets), time.perf_counter() - began)


def _lengths(lane: Lane, count: int) -> list[int]:
    return [-(-lane.length * part // count) for part in range(1, count + 1)]


def _holds(bucket: Batch, batch: Batch) -> bool:
    """Tell whether a bucket is large enough, and covers no lane that the batch leaves out."""
    enough = all(have >= need for have, need in zip(bucket, batch, strict=True))
    return enough and bool(bucket.pictures) == bool(batch.pictures) and bool(bucket.answers) == bool(batch.answers)
