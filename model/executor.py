"""The thread that owns the model, and the queues on either side of it (aio-libs janus).

Requests go into one queue; every job has a queue of its own for its events. Neither is bounded: the thread must never
wait for a reader (one slow connection would stop everybody's drawing), and the engine sends few events a job (a
drawing about 64 and its previews, an answer one a token), so what piles up behind a reader who stands still is small.

Importing this module imports no torch: the thread does that, when it opens the engine.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import janus

from model.errors import PlainError
from model.requests import Cancelled, Drawing, Event, Failed, Final, Question, Queued, Refused, Request, Status
from model.settings import EngineSettings, ModelSettings
from model.weights.names import locate, locate_upscaler

if TYPE_CHECKING:
    from model.engine.engine import Engine
    from model.engine.runs import AnyRun

log = logging.getLogger(__name__)

CLOSE_SECONDS = 30.0  # how long `close` waits for the piece of work in hand; the thread is a daemon and may outlive it
CLOSING = Failed("The bot is shutting down. Try it again in a while.", "unavailable")
BROKEN = "The model has stopped working. Whoever runs the bot finds the reason in its log, and has to restart it."
NOT_LOADED = "The model could not be loaded. Whoever runs the bot finds the reason in its log."


def open_executor(model: ModelSettings, settings: EngineSettings, *, only: Request | None = None) -> "ThreadExecutor":
    """Start the thread that owns the model, and loads it. Whoever opens an executor closes it.

    With `only`, that is the one request to come: there is room for it and no more, and the upscaler's weights need not
    be there unless it asks for them.
    """
    upscales = not isinstance(only, Question) and not (isinstance(only, Drawing) and not only.upscale)
    if only:
        rows = min(settings.rows, 2 * only.count) if isinstance(only, Drawing) else 0
        # compiling takes longer than what one request could gain by it
        settings = replace(
            settings, rows=rows, answers=int(isinstance(only, Question)), compile=settings.compile is True
        )

    def open_engine() -> "Engine":
        locate(model.name)  # both are looked for first: that fails at once, while loading takes minutes
        file = locate_upscaler(model.upscaler, model.name) if upscales else None

        from model.engine.engine import Engine
        from model.network import upscaler
        from model.weights import checkpoint

        janus = checkpoint.load(model.name, device=model.device, dtype=model.dtype)
        return Engine(janus, upscaler.load(file, device=janus.device), settings, keep=False)

    return ThreadExecutor(open_engine, model=model.name)


class ThreadJob:
    """A request on its way: an async iterator of events, exactly one of them Final, and that the last."""

    def __init__(self, id: str, cancel: Callable[["ThreadJob"], None]) -> None:
        self.id = id
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
        self._cancel(self)

    def tell(self, event: Event) -> None:
        """Pass an event on, from any thread. What comes after the end is dropped."""
        with self._lock, suppress(RuntimeError):  # the reader's event loop may be closed
            if self.ended:
                return
            self.ended = isinstance(event, Final)
            self._events.sync_q.put_nowait(event)
            if self.ended:
                self._events.shutdown()  # readers get what is in there first


@dataclass(frozen=True)
class _Submission:
    job: ThreadJob
    request: Request
    run: "AnyRun | None"  # None if the engine was not open yet: the thread prepares it then


@dataclass(frozen=True)
class _Cancellation:
    job: ThreadJob


class ThreadExecutor:
    """An Executor over one engine in one thread, which starts at once: requests may come while the model loads."""

    def __init__(self, open_engine: Callable[[], "Engine"], *, model: str) -> None:
        """Start the thread; `open_engine` runs in it. `model` is the name to be told in `status`."""
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._status = Status(state="loading", model=model)
        self._inbox: janus.Queue[_Submission | _Cancellation] = janus.Queue()
        self._jobs: dict[str, ThreadJob] = {}  # not ended; the loop adds, either side removes
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    # -- on the event loop --------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> ThreadJob:
        """Take a request. Raises Refused if the model can't take it, ValueError if its id is that of a live job.

        While the model loads that is not known yet: then the job ends with Failed("refused") when it is.
        """
        if request.id in self._jobs:
            raise ValueError(f"request {request.id} is here already")
        engine = self._engine
        run = None if engine is None else await asyncio.to_thread(engine.prepare, request)
        job = ThreadJob(request.id, self._cancel)
        if engine is None and self._status.state == "loading":
            job.tell(Queued(len(self._jobs) + 1))
        self._jobs[job.id] = job
        try:
            self._inbox.sync_q.put_nowait(_Submission(job, request, run))
        except janus.SyncQueueShutDown:
            self._tell(job, Failed(self._status.reason, "unavailable") if self._status.reason else CLOSING)
        return job

    def status(self) -> Status:
        """Tell what is going on, from any thread, at once."""
        if self._closed:
            return replace(self._status, state="closed", rows=0, queued=0, running=0)
        return self._status

    async def close(self) -> None:
        """End every job (Cancelled) and the thread. Safe to repeat.

        Returns when the thread has finished the piece of work in hand, or after CLOSE_SECONDS. Loading can't be
        interrupted: then the thread is left behind, and ends with the process or when loading does.
        """
        loading = self._status.state == "loading"
        self._closed = True
        self._inbox.shutdown(immediate=True)
        for job in list(self._jobs.values()):
            self._tell(job, Cancelled())
        if not loading:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)

    def _cancel(self, job: ThreadJob) -> None:
        if self._engine is None:
            self._tell(job, Cancelled())  # the thread drops it when it comes to it
        with suppress(janus.SyncQueueShutDown):
            self._inbox.sync_q.put_nowait(_Cancellation(job))

    def _tell(self, job: ThreadJob, event: Event) -> None:
        job.tell(event)
        if job.ended and self._jobs.get(job.id) is job:
            self._jobs.pop(job.id, None)  # the other side may have been quicker

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            engine = self._open_engine()
        except Exception as error:
            self._fail_to_open(error)
            return
        self._engine = engine
        try:
            self._publish(engine)
            while True:
                self._cycle(engine)
        except janus.SyncQueueShutDown:  # that is how `close` ends it
            return
        except Exception as error:  # not even a reset helped: a device that is lost, for example
            log.critical("the engine stopped", exc_info=error)
            self._give_up(BROKEN)

    def _cycle(self, engine: "Engine") -> None:
        """Take in what has come, and let the engine do a bounded piece of work."""
        if engine.idle:
            self._take(engine, self._inbox.sync_q.get())
        with suppress(janus.SyncQueueEmpty):
            while True:
                self._take(engine, self._inbox.sync_q.get_nowait())
        try:
            for id, event in engine.step():
                if job := self._jobs.get(id):
                    self._tell(job, event)
        except Exception as error:  # the engine answers for its requests' failures: this is a failure of its own
            engine.reset()
            for job in list(self._jobs.values()):
                self._tell(job, _bug(job, error))
        self._publish(engine)

    def _take(self, engine: "Engine", message: _Submission | _Cancellation) -> None:
        job = message.job
        if isinstance(message, _Cancellation):
            engine.cancel(job.id)
        elif not job.ended:
            try:
                engine.add(message.run or engine.prepare(message.request))
            except Refused as refusal:
                self._tell(job, Failed.of(refusal))
            except Exception as error:
                self._tell(job, _bug(job, error))

    def _publish(self, engine: "Engine") -> None:
        figures = engine.figures()
        self._status = Status(
            state="ready",
            model=self._status.model,
            device=engine.janus.device.type,
            dtype=str(engine.janus.dtype).removeprefix("torch."),
            rows=figures.rows,
            queued=figures.queued,
            running=figures.running,
            step_seconds=figures.step_seconds,
            steps=figures.steps,
            tokens_per_step=figures.tokens_per_step,
        )

    def _fail_to_open(self, error: Exception) -> None:
        if isinstance(error, PlainError):
            log.error("the model could not be loaded: %s", error)
        else:
            log.error("the model could not be loaded", exc_info=error)
        self._give_up(str(error) if isinstance(error, PlainError) else NOT_LOADED)

    def _give_up(self, reason: str) -> None:
        """End every job; from here on `submit` ends what comes by itself."""
        self._status = replace(self._status, state="failed", reason=reason, rows=0, queued=0, running=0)
        self._inbox.shutdown(immediate=True)
        for job in list(self._jobs.values()):
            self._tell(job, Failed(reason, "unavailable"))


def _bug(job: ThreadJob, error: Exception) -> Failed:
    """Log what went wrong under the request's id; give what the asker is told."""
    log.error("request %s failed", job.id, exc_info=error)
    return Failed(f"Something went wrong while working on this. If you report it, name {job.id}.", "bug")
