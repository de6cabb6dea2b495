"""What stands between the event loop and the thread that owns the model, and sees to it that there is one.

Requests go into the thread's queue (aio-libs janus); every job has a queue of its own for its events. Neither is
bounded: the thread must never wait for a reader (one slow connection would stop everybody's drawing), and the engine
sends few events a job (a drawing about 64 and its previews, an answer one a token), so what piles up behind a reader
who stands still is small.

An engine that dies, or is stuck, is opened again, and jobs begin anew with their own seeds: they draw the same.

Importing this module imports no torch: the thread does that, when it opens the engine.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import janus

from model.engine_thread import Cancellation, EngineThread, Submission, give_way
from model.errors import PlainError
from model.requests import Cancelled, Drawing, Event, Failed, Question, Queued, Refused, Request
from model.requests import Final as Ending
from model.settings import STUCK_SECONDS, EngineSettings, ModelSettings
from model.status import Status
from model.weights.names import locate, locate_upscaler

if TYPE_CHECKING:
    from model.engine.engine import Engine
    from model.engine.runs import AnyRun

log = logging.getLogger(__name__)

ATTEMPTS: Final = 2  # so often an engine may die while it works for a job: then that may be what kills it
PAUSES: Final = (1.0, 5.0, 30.0, 120.0, 600.0)  # seconds before an engine is opened again; so often in a row
CALM_SECONDS: Final = 600.0  # of life, after which a death is the first one again
CLOSE_SECONDS: Final = 30.0  # that `close` waits for the piece of work in hand; the thread is a daemon, and may live on
CLOSING = Failed("The bot is shutting down. Try it again in a while.", "unavailable")
BROKEN = "The model has stopped working. Whoever runs the bot finds the reason in its log, and has to restart it."
NOT_LOADED = "The model could not be loaded. Whoever runs the bot finds the reason in its log."


def open_here(model: ModelSettings, settings: EngineSettings, *, only: Request | None = None) -> "ThreadExecutor":
    """Start the thread that owns the model, and loads it. Whoever opens an executor closes it.

    With `only`, that is the one request to come: there is room for it and no more, and the upscaler's weights need not
    be there unless it asks for them.
    """
    upscales = not isinstance(only, Question) and not (isinstance(only, Drawing) and not only.upscale)
    if only:
        rows = min(settings.rows, 2 * only.candidates) if isinstance(only, Drawing) else 0
        answers = int(isinstance(only, Question) or (isinstance(only, Drawing) and only.tries > 1))
        # compiling takes longer than what one request could gain by it
        settings = replace(settings, rows=rows, answers=answers, compile=settings.compile is True)

    def open_engine() -> "Engine":
        locate(model.name)  # both are looked for first: that fails at once, while loading takes minutes
        file = locate_upscaler(model.upscaler, model.name) if upscales else None

        from model.engine.engine import Engine
        from model.network import upscaler
        from model.weights import checkpoint

        if checkpoint.choose_device(model.device).type == "cpu":
            give_way()
        janus = checkpoint.load(model.name, device=model.device, dtype=model.dtype, quantize=model.quantize)
        return Engine(janus, upscaler.load(file, device=janus.device), settings, keep=False)

    return ThreadExecutor(open_engine, model=model.name, stuck_seconds=settings.stuck_seconds)


class ThreadJob:
    """A request on its way: an async iterator of events, exactly one of them Final, and that the last."""

    def __init__(self, request: Request, cancel: Callable[["ThreadJob"], None]) -> None:
        self.id = request.id
        self.request = request
        self.deaths = 0  # of engines that were working for it
        self.unwanted = False
        self._cancel = cancel
        self._events: janus.Queue[Event] = janus.Queue()
        self._lock = threading.Lock()
        self.ended = False

    def __aiter__(self) -> "ThreadJob":
        return self

    async def __anext__(self) -> Event:
        try:
            return await self._events.async_q.get()
        except janus.AsyncQueueShutDown:
            raise StopAsyncIteration from None

    def cancel(self) -> None:
        """Ask for the end."""
        self.unwanted = True
        self._cancel(self)

    def tell(self, event: Event) -> None:
        """Pass an event on, from any thread. What comes after the end is dropped."""
        with self._lock, suppress(RuntimeError):  # the reader's event loop may be closed
            if self.ended:
                return
            self.ended = isinstance(event, Ending)
            self._events.sync_q.put_nowait(event)
            if self.ended:
                self._events.shutdown()  # readers get what is in there first


class ThreadExecutor:
    """An Executor over one engine in one thread, which starts at once: requests may come while the model loads."""

    def __init__(
        self,
        open_engine: Callable[[], "Engine"],
        *,
        model: str,
        stuck_seconds: float = STUCK_SECONDS,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """Start the thread; `open_engine` runs in it. `model` is the name to be told in `status`.

        An engine that is silent for `stuck_seconds` is left, and one that died is opened again after `pauses`, in
        seconds; if the last of them was in vain, too, every request fails.
        """
        self._open_engine = open_engine
        self._stuck_seconds = stuck_seconds
        self._pauses = pauses
        self._status = Status(state="loading", model=model)
        self._jobs: dict[str, ThreadJob] = {}  # not ended; the loop adds, either side removes
        self._lock = threading.Lock()  # who changes engines, or hands something to the present one
        self._closed = threading.Event()
        self._life = EngineThread(open_engine, self)
        self._supervisor = threading.Thread(target=self._supervise, name="engine supervisor", daemon=True)
        self._supervisor.start()

    # -- on the event loop --------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> ThreadJob:
        """Take a request. Raises Refused if the model can't take it, ValueError if its id is that of a live job.

        While the model loads that is not known yet: then the job ends with Failed("refused") when it is.
        """
        if request.id in self._jobs:
            raise ValueError(f"request {request.id} is here already")
        life = self._life
        run = await self.check(request)
        job = ThreadJob(request, self._cancel)
        if life.engine is None and self._status.state == "loading":
            job.tell(Queued(len(self._jobs) + 1))
        with self._lock:
            self._jobs[job.id] = job
            try:
                self._life.put(Submission(request, run if life is self._life else None))
            except janus.SyncQueueShutDown:
                reason = self._status.reason if self._status.state == "failed" else ""
                self.tell(job.id, Failed(reason, "unavailable") if reason else CLOSING)
        return job

    async def check(self, request: Request) -> "AnyRun | None":
        """Prepare a request, as far as there is an engine. Raises Refused."""
        engine = self._life.engine
        if engine is None:
            return None
        try:
            return await asyncio.to_thread(engine.prepare, request)
        except Refused:
            raise
        except Exception as error:  # a lack of memory: the engine can make room, tries it again, and tells
            log.warning("request %s could not be prepared: %s", request.id, error)
            return None

    def status(self) -> Status:
        """Tell what is going on, from any thread, at once."""
        if self._closed.is_set():
            return replace(self._status, state="closed", rows=0, queued=0, running=0)
        return self._status

    async def close(self) -> None:
        """End every job (Cancelled) and the thread. Safe to repeat.

        Returns when the thread has finished the piece of work in hand, or after CLOSE_SECONDS. Loading can't be
        interrupted: then the thread is left behind, and ends with the process or when loading does.
        """
        loading = self._life.engine is None
        with self._lock:
            self._closed.set()
            self._life.stop()
        for job in list(self._jobs.values()):
            self.tell(job.id, Cancelled())
        if not loading:
            await asyncio.to_thread(self._supervisor.join, CLOSE_SECONDS)

    def _cancel(self, job: ThreadJob) -> None:
        if self._life.engine is None:
            self.tell(job.id, Cancelled())  # the thread drops it when it comes to it
        with self._lock, suppress(janus.SyncQueueShutDown):
            self._life.put(Cancellation(job.id))

    # -- from the engine's thread -------------------------------------------------------------------------------------

    def wanted(self, id: str) -> bool:
        """Tell whether a request has not ended yet."""
        return id in self._jobs

    def tell(self, id: str, event: Event) -> None:
        """Pass an event of a request on; of one that has ended, it is dropped."""
        if job := self._jobs.get(id):
            job.tell(event)
            if job.ended:
                self._jobs.pop(id, None)  # the other side may have been quicker

    def publish(self, engine: "Engine") -> None:
        """Tell how the engine is from now on."""
        self._status = replace(engine.status(), model=self._status.model, deaths=self._status.deaths)

    # -- in the supervisor's thread -----------------------------------------------------------------------------------

    def _supervise(self) -> None:
        """See to it that there is an engine, for as long as that makes sense."""
        in_a_row = 0
        while True:
            life = self._life
            how = life.live(self._stuck_seconds)
            if self._closed.is_set():
                return
            if not life.opened and not self._status.deaths:  # the first one: what is amiss there, stays so
                self._fail_to_open(life.error)
                return
            calm = life.opened is not None and time.monotonic() - life.opened > CALM_SECONDS
            in_a_row = 1 if calm else in_a_row + 1
            if in_a_row > len(self._pauses):
                log.critical("the engine: %s. It was opened %d times in vain, and is given up", how, in_a_row)
                self._give_up(BROKEN)
                return
            pause = self._pauses[in_a_row - 1]
            log.critical("the engine: %s. It is opened again in %.0f s, and jobs begin anew", how, pause)
            self._begin_anew(life, how)
            if self._closed.wait(pause):
                return

    def _begin_anew(self, dead: EngineThread, how: str) -> None:
        """Have another engine take all jobs over, but for those that may be what kills them."""
        reason = f"The engine: {how}. It is opened again."
        with self._lock:
            deaths = self._status.deaths + 1
            self._status = Status(state="loading", model=self._status.model, reason=reason, deaths=deaths)
            self._life = EngineThread(self._open_engine, self)
            if self._closed.is_set():
                self._life.stop()
                return
            jobs = list(self._jobs.values())
            for position, job in enumerate(jobs, 1):
                job.deaths += job.id in dead.in_hand
                if job.unwanted:
                    self.tell(job.id, Cancelled())
                elif job.deaths >= ATTEMPTS:
                    log.error("request %s: %d engines died while they worked for it", job.id, job.deaths)
                    self.tell(job.id, Failed(f"{job.deaths} engines died while they worked for it.", "died"))
                else:
                    self.tell(job.id, Queued(position))
                    self._life.put(Submission(job.request))

    def _fail_to_open(self, error: BaseException | None) -> None:
        if isinstance(error, PlainError):
            log.error("the model could not be loaded: %s", error)
        else:
            log.error("the model could not be loaded", exc_info=error)
        self._give_up(str(error) if isinstance(error, PlainError) else NOT_LOADED)

    def _give_up(self, reason: str) -> None:
        """End every job; from here on `submit` ends what comes by itself."""
        with self._lock:
            self._status = replace(self._status, state="failed", reason=reason, rows=0, queued=0, running=0)
            self._life.stop()
        for job in list(self._jobs.values()):
            self.tell(job.id, Failed(reason, "unavailable"))
