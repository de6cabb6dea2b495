"""One life of an engine: the thread that opens it and lets it work, until it is told to stop, or dies.

Importing this module imports no torch: the thread does that, when it opens the engine.
"""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import janus

from model.requests import Event, Request

if TYPE_CHECKING:
    from model.engine.engine import Engine
    from model.engine.runs import AnyRun

log = logging.getLogger(__name__)

NICE: Final = 10  # of 19
LOOKS: Final = 10  # that its supervisor takes in the time after which it counts as stuck


@dataclass(frozen=True)
class Submission:
    """A request for the engine."""

    request: Request
    run: "AnyRun | None" = None  # None if it was not prepared yet: the thread does that then


@dataclass(frozen=True)
class Cancellation:
    """A request that is no longer wanted."""

    id: str


Message = Submission | Cancellation


class Above(Protocol):
    """What an engine's thread reports to, from that thread."""

    def wanted(self, id: str) -> bool:
        """Tell whether a request has not ended yet."""
        ...

    def tell(self, id: str, event: Event) -> None:
        """Take note of an event of a request."""
        ...

    def publish(self, engine: "Engine") -> None:
        """Take note of how the engine is."""
        ...


class EngineThread:
    """An engine in a thread of its own, from opening to death. It says nothing any more once it is left."""

    def __init__(self, open_engine: Callable[[], "Engine"], above: Above) -> None:
        """`open_engine` runs in the thread."""
        self.engine: Engine | None = None  # once it is open
        self.error: BaseException | None = None  # what it died of
        self.opened: float | None = None  # when it was, by the clock that nobody can set
        self.in_hand: frozenset[str] = frozenset()  # the requests that it was working on when it ended
        self._open_engine = open_engine
        self._above = above
        self._left = False
        self._busy_since: float | None = None  # None: it loads, or waits
        self._inbox: janus.Queue[Message] = janus.Queue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def put(self, message: Message) -> None:
        """Hand something over, from any thread, also before it begins. Raises janus.SyncQueueShutDown after `stop`."""
        self._inbox.sync_q.put_nowait(message)

    def stop(self) -> None:
        """Have it end after the piece of work in hand."""
        self._inbox.shutdown(immediate=True)

    def live(self, stuck_seconds: float) -> str:
        """Let it run, and say in a few words how it ended: it may be left in a piece of work that is stuck."""
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(stuck_seconds / LOOKS)
            since, now = self._busy_since, time.monotonic()
            if self._thread.is_alive() and since is not None and now - since > stuck_seconds:
                self._left = True
                self.in_hand = _begun(self.engine)
                self.stop()
                return f"it was silent for {now - since:.0f} s"
        return f"it died of {type(self.error).__name__}" if self.error else "it was stopped"

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self.engine = self._open_engine()
            gc.collect()
            gc.freeze()  # what is there now, stays: to look through it again and again holds everybody up for long
            self.opened = time.monotonic()
            self._above.publish(self.engine)
            while not self._left:
                self._cycle(self.engine)
        except janus.SyncQueueShutDown:  # that is how `stop` ends it
            pass
        except BaseException as error:  # SystemExit, too, which would end a thread without a word
            if not self._left:
                self.error = error
                self.in_hand = _begun(self.engine)
                log.critical("the engine's thread died", exc_info=error if self.opened else None)
        finally:
            gc.unfreeze()
            self._bury()

    def _cycle(self, engine: "Engine") -> None:
        """Take in what has come, and let the engine do a bounded piece of work."""
        if engine.idle:
            self._busy_since = None
            self._take(engine, self._inbox.sync_q.get())
        self._busy_since = time.monotonic()
        with suppress(janus.SyncQueueEmpty):
            while True:
                self._take(engine, self._inbox.sync_q.get_nowait())
        for id, event in engine.step():
            if not self._left:
                self._above.tell(id, event)
        if not self._left:
            self._above.publish(engine)

    def _take(self, engine: "Engine", message: Message) -> None:
        from model.engine import out_of_memory

        match message:
            case Cancellation(id):
                engine.cancel(id)
            case Submission(request, run) if self._above.wanted(request.id):
                outcome = out_of_memory.attempt(lambda: engine.add(run or engine.prepare(request)), engine.make_room)
                if isinstance(outcome, Exception):
                    self._above.tell(request.id, out_of_memory.explain(request.id, outcome))

    def _bury(self) -> None:
        """Give back what it held, so that there is room for the next one."""
        if not (self.error or self._left):
            return  # it was stopped, and goes with who has it
        engine, self.engine = self.engine, None
        if self.error:
            self.error.__traceback__ = None  # its frames hold tensors
        if engine is None:
            return
        with suppress(Exception):  # of a device that is lost, nothing can be had back
            from model.engine.out_of_memory import release_cached

            device = engine.janus.device
            engine.step_runner.drop_graphs()
            del engine
            gc.collect()
            release_cached(device)


def give_way() -> None:
    """Let others go first where they want the same processor as this thread, and as the threads that it will start.

    An engine on a CPU takes all there are, and whoever asks meanwhile has to be answered within three seconds.
    """
    if sys.platform == "linux":  # elsewhere it would hold for the whole process
        os.nice(NICE)


def _begun(engine: "Engine | None") -> frozenset[str]:
    return frozenset(engine.begun) if engine else frozenset()
