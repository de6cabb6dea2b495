"""What becomes of work that fails: a second try with less memory, and then a sentence for the asker."""

import gc
import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from model.engine import memory
from model.engine.scheduler import Scheduler
from model.network.cache import Lane
from model.requests import Failed, Refused

log = logging.getLogger(__name__)

T = TypeVar("T")

SHORT_SECONDS = 600.0  # after a lack of memory, until what was given up is taken back

_EXHAUSTED = ("out of memory", "can't allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")


def exhausted(error: BaseException | None) -> bool:
    """Tell a lack of memory from other failures; each device says it in its own way."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error) if isinstance(error, RuntimeError) else ""
    return any(words in said for words in _EXHAUSTED)


def attempt(act: Callable[[], T], make_room: Callable[[], None]) -> T | Exception:
    """Do something, and once more after `make_room` if memory ran out. Gives what it gave, or why it failed.

    Raises AcceleratorError where the device itself is lost: then so is everything that anybody has there.
    """
    outcome = _outcome(act)
    if isinstance(outcome, Exception) and exhausted(outcome):
        make_room()
        outcome = _outcome(act)
    return outcome


def _outcome(act: Callable[[], T]) -> T | Exception:
    try:
        return act()
    except Exception as error:
        if exhausted(error):
            error.__traceback__ = None  # its frames hold tensors
        elif isinstance(error, torch.AcceleratorError):
            raise
        return error


def explain(id: str, failure: Exception) -> Failed:
    """Log why request `id` failed, unless it was refused; give what the asker is told."""
    if isinstance(failure, Refused):
        return Failed.of(failure)
    if exhausted(failure):
        log.error("request %s: out of memory (%s)", id, failure)
        return Failed("There was not enough memory for this. Try it again in a while.", "memory")
    log.error("request %s failed", id, exc_info=failure)
    return Failed(f"Something went wrong while working on this. If you report it, name {id}.", "bug")


class Shortage:
    """Seats that are given up for a lack of memory, until there is memory for them again."""

    def __init__(self, lanes: Mapping[str, Lane], device: torch.device) -> None:
        """Begin with what lanes have where no memory is lacking."""
        self.lanes, self.device = lanes, device
        self.until: float | None = None  # by the clock that nobody can set, while there is one
        self._seats = {name: lane.capacity for name, lane in lanes.items()}

    def begin(self, scheduler: Scheduler) -> None:
        """Give the memory of free seats back, down to half of a lane, and what torch keeps for later.

        Nothing may use the lanes' old memory any more, compiled graphs included.
        """
        self.until = time.monotonic() + SHORT_SECONDS
        for name, lane in self.lanes.items():
            lane.capacity = min(lane.capacity, max(1, len(lane.taken), lane.capacity // 2))
            scheduler.limit(name, lane.capacity)
            log.warning("out of memory: for a while there are %d seats for %s", lane.capacity, name)
        gc.collect()
        release_cached(self.device)
        self._trim()

    def look(self, scheduler: Scheduler) -> None:
        """Take back what was given up, after a while, if there is memory for it."""
        if self.until is not None and time.monotonic() >= self.until:
            self.until = None if self._grow(scheduler) else time.monotonic() + SHORT_SECONDS

    def _grow(self, scheduler: Scheduler) -> bool:
        free, seats, lanes = memory.free_bytes(self.device), self._seats, self.lanes.items()
        if free is not None and free < sum(lane.cache.missing(seats[name] * lane.width) for name, lane in lanes):
            return False
        try:
            for name, lane in lanes:
                lane.grow(seats[name])
                scheduler.limit(name, lane.capacity)
        except Exception as error:
            if not exhausted(error):
                raise
            self._trim()
            return False
        there = ", ".join(f"{count} seats for {name}" for name, count in seats.items())
        log.warning("there is memory again: %s", there)
        return True

    def _trim(self) -> None:
        """Let lanes hold no more than they have seats."""
        try:
            for lane in self.lanes.values():
                lane.shrink()
        except Exception as error:
            if not exhausted(error):
                raise
        release_cached(self.device)


def release_cached(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
