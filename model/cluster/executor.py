"""An Executor over replicas: it holds requests back, hands them out, and hands them out anew when a replica dies.

All of that happens in one thread with an event loop of its own. What comes of it is what one machine alone would draw:
the same seeds, the same engine.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ray.exceptions import RayError, RayTaskError

from model.cluster.parcels import Parcel, Told
from model.cluster.together import of_all
from model.cluster.turns import LANES, Turns
from model.cluster.waits import Waits
from model.cluster.watch import Cluster, Site, Watch
from model.engine.lanes import wanted
from model.executor import ATTEMPTS, BROKEN, CLOSE_SECONDS, CLOSING, ThreadJob
from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Event,
    Failed,
    Pictures,
    Progress,
    Queued,
    Refused,
    Request,
    Started,
)
from model.settings import STUCK_SECONDS
from model.status import Replica, Status

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # for a replica to say whether the model can take a request; else it is known when it begins


@dataclass(eq=False, slots=True)
class Attempt:
    """A request at a replica."""

    site: Site
    number: int
    heard: int = 0  # what came from it
    in_hand: bool = False  # the replica has it, and has not said that it waits
    started: bool = False
    drawn: bool = False  # it has given its seats back
    began: float = field(default_factory=time.monotonic)


class ClusterExecutor:
    """Starts at once: requests may come while the replicas load, and wait while there is none."""

    def __init__(self, cluster: Cluster, *, model: str, stuck_seconds: float = STUCK_SECONDS) -> None:
        """Start the thread, which starts the replicas. `model` is the name to be told in `status`.

        A replica that answers nothing for `stuck_seconds` is ended, and started again.
        """
        self._cluster, self._model = cluster, model
        self._jobs: dict[str, ThreadJob] = {}  # not ended; the bot's loop adds, the thread removes
        self._turns, self._waits = Turns(), Waits()
        self._watch = Watch(cluster, self._turns, self._changed, model=model, stuck_seconds=stuck_seconds)
        self._attempts: dict[str, Attempt] = {}  # the newest of each job that is at a replica
        self._tried: dict[str, int] = {}  # attempts of each job
        self._places: dict[str, int] = {}  # of each job in the line, as last told
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks_soon = False
        self._status = Status(state="loading", model=model)
        self._closed = threading.Event()
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="cluster", daemon=True)
        self._thread.start()

    # -- on the bot's event loop --------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> ThreadJob:
        """Take a request. Raises Refused if the model can't take it, ValueError if its id is that of a live job.

        While no replica is ready that is not known yet: then the job ends with Failed("refused") when it is.
        """
        if request.id in self._jobs:
            raise ValueError(f"request {request.id} is here already")
        if self._status.state == "ready":
            checking = asyncio.run_coroutine_threadsafe(self._check(request), self._loop)
            if refused := await asyncio.wrap_future(checking):
                raise Refused(refused.reason, refused.cause, refused.limit)
        job = ThreadJob(request, lambda job: self._call(self._drop, job))
        if self._closed.is_set():
            job.tell(CLOSING)
        else:
            self._jobs[job.id] = job
            self._call(self._enter, job)
        return job

    def status(self) -> Status:
        """Tell what is going on, from any thread, at once."""
        return self._status

    async def close(self) -> None:
        """End every job (Cancelled), the replicas and the thread. Safe to repeat."""
        self._closed.set()
        self._status = replace(self._status, state="closed", rows=0, queued=0, running=0)
        self._call(self._stopping.set)
        await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)

    def _call(self, act: Callable[..., object], *given: object) -> None:
        """Have something done in the thread, as long as it is there."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act, *given)

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        self._tasks.add(asyncio.create_task(self._watch.grow()))
        await self._stopping.wait()
        for job in list(self._jobs.values()):
            self._tell(job, Cancelled())
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._cluster.leave()

    async def _check(self, request: Request) -> Failed | None:
        """Ask a replica whether the model can take a request. None: it can, or that is not known."""
        if name := next(self._turns.at_work(), None):
            with suppress(RayError, TimeoutError, asyncio.CancelledError):  # at the end, every task is cancelled
                checking = self._watch.sites[name].actor.check.remote(Parcel[Request].of(request))
                refused: Failed | None = await asyncio.wait_for(checking, CHECK_SECONDS)
                return refused
        return None

    def _enter(self, job: ThreadJob) -> None:
        if job.ended:
            return
        lane, seats = wanted(job.request)
        self._turns.add(job.id, owner=job.request.owner, lane=lane, seats=seats)
        self._changed()

    def _drop(self, job: ThreadJob) -> None:
        """End a job that is not wanted any more: here, or where it is."""
        if attempt := self._attempts.get(job.id):
            if attempt.heard:  # else it is told as soon as the replica has it
                attempt.site.actor.cancel.remote(job.id, attempt.number)
        else:
            self._tell(job, Cancelled())

    def _changed(self) -> None:
        """Have everything looked at anew, once, after all that happens at this moment."""
        if not self._looks_soon:
            self._looks_soon = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Hand out what can be, tell who waits where, and how everything is."""
        self._looks_soon = False
        if self._closed.is_set():
            return
        for id, name in self._turns.hand_out():
            self._tried[id] = self._tried.get(id, 0) + 1
            self._attempts[id] = attempt = Attempt(self._watch.sites[name], self._tried[id])
            self._places.pop(id, None)
            task = asyncio.create_task(self._follow(self._jobs[id], attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        for lane in LANES:
            inside = self._turns.inside(lane)
            for place, id in enumerate(self._turns.line(lane), 1):
                if self._places.get(id) != place:
                    self._places[id] = place
                    self._jobs[id].tell(Queued(place, self._waits.estimate(lane, place, inside)))
        running = sum(attempt.in_hand for attempt in self._attempts.values())
        replicas = [Replica(of.name, of.status, bool(of.draining_on)) for of in self._watch.sites.values()]
        self._status = of_all(self._model, replicas, running=running, queued=len(self._jobs) - running)
        if self._watch.lost:
            self._status = replace(self._status, state="failed", reason=BROKEN)
        if self._status.state == "failed":
            for job in list(self._jobs.values()):
                if self._watch.lost or job.id not in self._attempts:  # else a replica is finishing it
                    self._tell(job, Failed(self._status.reason, "unavailable"))

    async def _follow(self, job: ThreadJob, attempt: Attempt) -> None:
        """Pass on what a replica tells of a job, until one of them ends."""
        told: Told
        try:
            run = attempt.site.actor.run.options(num_returns="streaming")
            async for reference in run.remote(job.id, attempt.number, Parcel[Request].of(job.request)):
                told = await reference
                if self._attempts.get(job.id) is not attempt:
                    return
                if (told.job, told.attempt, told.sequence) != (job.id, attempt.number, attempt.heard):
                    break
                attempt.heard += 1
                self._hear(job, attempt, told.parcel.unpack() if told.parcel else None)
                if job.ended:
                    return
            self._lost(job, attempt, "it fell silent")
        except RayTaskError:
            log.exception("request %s", job.id)
            reason = f"Something went wrong while working on this. If you report it, name {job.id}."
            self._tell(job, Failed(reason, "bug"))
        except RayError as error:
            self._lost(job, attempt, type(error).__name__)

    def _hear(self, job: ThreadJob, attempt: Attempt, event: Event | None) -> None:
        match event:
            case None:
                attempt.in_hand = True
                if job.unwanted:
                    self._drop(job)
                return
            case Queued() if attempt.started:  # its engine died, and is opened again
                attempt.in_hand = attempt.started = False
                if self._blame(job):
                    attempt.site.actor.cancel.remote(job.id, attempt.number)
                    return
            case Queued():
                attempt.in_hand = False
            case Started():
                attempt.in_hand = attempt.started = True
            case Progress(done, total) if done >= total and isinstance(job.request, Drawing) and not attempt.drawn:
                self._gave_back(job, attempt)
                self._turns.drawn(job.id)
                self._changed()
        self._tell(job, event)

    def _lost(self, job: ThreadJob, attempt: Attempt, why: str) -> None:
        """Let a job whose replica died go to another one."""
        if job.ended or self._attempts.get(job.id) is not attempt:
            return
        log.warning("request %s: replica %s is lost (%s)", job.id, attempt.site.name, why)
        self._watch.suspect(attempt.site)
        attempt.site.actor.cancel.remote(job.id, attempt.number)  # if it is alive after all, it works in vain
        del self._attempts[job.id]
        if job.unwanted:
            self._tell(job, Cancelled())
        elif not (attempt.in_hand and self._blame(job)):
            self._turns.lost(job.id)
            job.tell(Queued(1))
            self._places[job.id] = 1
            self._changed()

    def _blame(self, job: ThreadJob) -> bool:
        """Count a death that a job may be the cause of; end it if that was the last one it may have."""
        job.deaths += 1
        if job.deaths < ATTEMPTS:
            return False
        log.error("request %s: what worked for it died %d times", job.id, job.deaths)
        self._tell(job, Failed(f"What worked for it died {job.deaths} times.", "died"))
        return True

    def _gave_back(self, job: ThreadJob, attempt: Attempt) -> None:
        """Learn how long a job had its seats."""
        if not attempt.drawn:
            attempt.drawn = True
            self._waits.note(wanted(job.request)[0], time.monotonic() - attempt.began)

    def _tell(self, job: ThreadJob, event: Event) -> None:
        """Pass an event on, and forget the job if that was its end."""
        job.tell(event)
        if job.ended and job.id in self._jobs:
            del self._jobs[job.id]
            attempt = self._attempts.pop(job.id, None)
            if attempt and isinstance(event, Answer | Pictures):
                self._gave_back(job, attempt)
            self._tried.pop(job.id, None)
            self._places.pop(job.id, None)
            self._turns.over(job.id)
            self._changed()
