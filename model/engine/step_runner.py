"""One decode step for all rows in flight: how much of the lanes it covers, and by which way it is run.

Plain, a step covers exactly the seats that are taken. Compiled, every shape is a graph of its own, so there are few:
buckets of seats and of positions. On CUDA a graph is recorded when its bucket is first needed, in some milliseconds; on
a CPU it is machine code that takes long to make, so all of them are made before the first request.
"""

import itertools
import logging
import statistics
import time
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor
from torch._inductor import config

from model.engine.cuda_graphs import CudaGraphs
from model.engine.windows import SIZES, Windows
from model.errors import PlainError
from model.network.cache import Lane
from model.network.decoder import Batch, Decoder
from model.settings import EngineSettings

log = logging.getLogger(__name__)

Step = Callable[[Lane, Lane, Batch], tuple[Tensor, Tensor]]

ROUNDING = 8  # plain attention reads the cache in multiples of so many positions: fewer shapes for oneDNN to prepare
USUAL = 5  # pictures of a drawing
MOST_GRAPHS = 1000  # in this process: torch gives up at 8, in case shapes vary without end, which these do not
RUNS = 3  # of each way of attending, of which the fastest counts
MEASURING = 0.6  # seconds of steps at the start, to find out how long they take


class StepRunner:
    """Runs decode steps over two lanes, and measures them."""

    def __init__(self, decoder: Decoder, pictures: Lane, answers: Lane, settings: EngineSettings) -> None:
        """Take over lanes that are empty.

        Where `settings` has steps compiled they run as graphs: "auto" does so on CUDA, and goes on without where that
        fails; True does so on a CPU, too, where making them takes minutes now, and raises PlainError if it fails.
        """
        self.decoder, self.pictures, self.answers = decoder, pictures, answers
        self.steps = 0
        self._recent: deque[float] = deque(maxlen=64)
        self._step: Step = decoder.step
        self._known: set[Batch] = set()  # that were run before: the first time takes longer
        self.on_cuda = decoder.device.type == "cuda"
        self.compiled = self.on_cuda if settings.compile == "auto" else settings.compile
        # machine code for every width would take ten minutes to make
        self.windows = Windows(settings.window, SIZES[:1] if self.compiled and not self.on_cuda else SIZES)
        self.buckets = self._buckets()
        if self.compiled:
            try:
                self._compile()
            except Exception as error:  # no compiler, no memory, ...: torch raises errors of all kinds
                if settings.compile != "auto":
                    raise PlainError(
                        f"The decode step can't be compiled here: {error}. Set compile to auto."
                    ) from error
                log.warning("the decode step is not compiled, so it is slower: %s", error)
                self.drop_graphs()
        self.seconds_by_attention: dict[str, float] = {}
        if not self.compiled:
            self._choose_attention()
        if len(self.windows.sizes) > 1:
            self._measure()

    @property
    def moving(self) -> bool:
        """Some seat takes part in the next step."""
        return any(seat.moving for lane in (self.pictures, self.answers) for seat in lane.taken)

    @property
    def seconds(self) -> float | None:
        """The median of recent steps."""
        return statistics.median(self._recent) if self._recent else None

    def step(self) -> tuple[list[int], list[int]]:
        """Advance every seat that moves. Gives how many tokens every picture got, and every answer's token."""
        began = time.perf_counter()
        drawing = [seat for seat in self.pictures.taken if seat.moving]
        crowd = self._crowd(len(drawing)) if drawing else 0
        window = self.windows.choose(crowd) if drawing else 1
        narrow = any(seat.narrow for seat in drawing)
        batch = Batch(*self._extent(self.pictures, window), *self._extent(self.answers, 1), window, narrow)
        step = self._step
        if self.compiled and narrow and not self.on_cuda:
            step = self.decoder.step  # for so few, machine code is not made at every start
        elif self.compiled:
            batch = min(bucket for bucket in self.buckets if _holds(bucket, batch))
        drawn, said = step(self.pictures, self.answers, batch)
        # waits for the device: who cancels or comes is seen before the next step
        counts, tokens = drawn.tolist(), said.tolist()
        seconds = time.perf_counter() - began
        if len(drawing) == crowd and crowd and not tokens and (batch in self._known or not self.compiled):
            self.windows.note(crowd, window, seconds, [counts[seat.index] for seat in drawing])
        self._known.add(batch)
        self._recent.append(seconds)
        self.steps += 1
        return counts, tokens

    def drop_graphs(self) -> None:
        """Go on without compiled graphs: they hold memory, and the addresses of a cache that is to be replaced."""
        if self.compiled:
            self._step, self.compiled = self.decoder.step, False
            self.decoder.unfuse()
            torch._dynamo.reset()

    def _crowd(self, pictures: int) -> int:
        """The least number of pictures, of those that are measured, that has room for so many."""
        return min(size for size in self._sizes() if size >= pictures)

    def _sizes(self) -> list[int]:
        """Numbers of pictures that steps are measured and recorded for."""
        sizes = {1, 2, *(USUAL * 2**i for i in range(8))}
        return sorted({size for size in sizes if size < self.pictures.capacity} | {self.pictures.capacity})

    def _extent(self, lane: Lane, window: int) -> tuple[int, int]:
        """How many seats of a lane take part, and how many positions they may look at; the lane is told of both."""
        moving = [seat for seat in lane.taken if seat.moving]
        if not moving:
            return 0, 0
        for seat in moving:
            lane.cover([seat], min(seat.reach + window, lane.length))
        length = max(seat.reach for seat in moving) + window
        rounded = min(-(-length // ROUNDING) * ROUNDING, lane.length)
        return max(seat.index for seat in moving) + 1, rounded

    def _buckets(self) -> list[Batch]:
        """Every shape that a compiled step may have: pictures in a few sizes and lengths, answers all or none.

        Where both move, which is rare, pictures have one length.
        """
        pictures, answers = self.pictures, self.answers
        smaller = set(self._sizes()) if self.on_cuda else {USUAL * 4**i for i in range(8)}
        sizes = sorted(size for size in smaller | {pictures.capacity} if 0 < size <= pictures.capacity)
        answering = [(answers.capacity, length) for length in _lengths(answers, 2) if answers.capacity]
        drawing = [
            Batch(size, length, 0, 0, window)
            for size in sizes
            for length in _lengths(pictures, 4)
            for window in self.windows.sizes
        ]
        both = [
            Batch(size, pictures.length, *answer, window)
            for size in sizes
            for answer in answering
            for window in self.windows.sizes
        ]
        narrow = [batch._replace(narrow=True) for batch in (*drawing, *both)] if self.on_cuda else []
        return [*drawing, *(Batch(0, 0, *answer) for answer in answering), *both, *narrow]

    def _compile(self) -> None:
        began = time.perf_counter()
        if self.on_cuda:
            self.decoder.fuse()
            self._step = CudaGraphs(self.decoder)
            usual = [batch for batch in self.buckets if not batch.narrow]
            with torch.inference_mode():  # one row, a few, answers: code for each is made now, and for every number
                for batch in {usual[0], usual[-1], *(b for b in usual if not b.pictures)}:
                    self._step(self.pictures, self.answers, batch)
            log.info("compiled the decode step in %.0f s", time.perf_counter() - began)
            return
        self._step = torch.compile(self.decoder.step, fullgraph=True, dynamic=False)
        # oneDNN's blocks are opaque to the compiler: it must take weights for constants, which all graphs share then.
        # Empty seats do not move, so a step over them changes nothing that anybody reads.
        with (
            torch.inference_mode(),
            config.patch(freezing=self.decoder.blocks),
            torch._dynamo.config.patch(recompile_limit=MOST_GRAPHS, accumulated_recompile_limit=MOST_GRAPHS),
        ):
            for batch in self.buckets:
                self._step(self.pictures, self.answers, batch)
        log.info("compiled %d decode graphs in %.0f s", len(self.buckets), time.perf_counter() - began)

    @torch.inference_mode()
    def _choose_attention(self) -> None:
        """Find out by which way of attending a step of the usual drawing is done sooner, where there are two."""
        if self.on_cuda or not self.pictures.capacity:
            return
        batch = Batch(min(USUAL, self.pictures.capacity), _lengths(self.pictures, 4)[1], 0, 0)
        found: dict[bool, list[float]] = {False: [], True: []}
        began = time.perf_counter()
        for run in range(1 + RUNS):  # by turns; the first time memory is fetched
            if run > 1 and time.perf_counter() - began > MEASURING:
                break
            for self.decoder.fused_attention, seconds in found.items():
                before = time.perf_counter()
                self.decoder.step(self.pictures, self.answers, batch)
                seconds.append(time.perf_counter() - before)
        best = {fused: min(seconds[1:]) for fused, seconds in found.items()}
        self.decoder.fused_attention = best[True] < best[False]
        self.seconds_by_attention = {"products": best[False], "fused": best[True]}
        log.info("attention: %.2g s a step by products, %.2g s fused", best[False], best[True])

    @torch.inference_mode()
    def _measure(self) -> None:
        """Find out how long steps take, the usual ones first, over empty seats: as far as a second goes."""
        spent = 0.0
        sizes = [size for size in self._sizes() if size]
        sizes.sort(key=lambda size: abs(size - USUAL))
        for size, window in itertools.product(sizes, self.windows.sizes):
            length = _lengths(self.pictures, 4)[1]
            batch = Batch(size, length, 0, 0, window)
            for timed in (False, True, True):
                if spent > MEASURING:
                    return
                began = time.perf_counter()
                self._step(self.pictures, self.answers, batch)[0].tolist()
                if timed:  # the first time memory is fetched, or a graph recorded
                    spent += time.perf_counter() - began
                    self.windows.measured(size, window, time.perf_counter() - began)


def _lengths(lane: Lane, count: int) -> list[int]:
    return [-(-lane.length * part // count) for part in range(1, count + 1)]


def _holds(bucket: Batch, batch: Batch) -> bool:
    """Tell whether a bucket is large enough, and covers no lane that the batch leaves out."""
    enough = all(have >= need for have, need in zip(bucket, batch, strict=True))
    alike = bool(bucket.pictures) == bool(batch.pictures) and bool(bucket.answers) == bool(batch.answers)
    return enough and alike and (bucket.window, bucket.narrow) == (batch.window, batch.narrow)
