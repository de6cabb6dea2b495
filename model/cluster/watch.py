"""Sees to it that there are replicas, and tells who is well: started ones, new ones, and those that come back."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Final, Protocol

from ray.exceptions import ActorDiedError, RayError

from model.cluster.parcels import Look
from model.cluster.turns import Turns
from model.status import Status

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5  # between two looks at a replica
SILENT_SECONDS: Final = 10.0  # without an answer to a look, after which a replica gets nothing new for a while
COUNT_SECONDS: Final = 5.0  # between two looks for cards that were added
AGAIN_SECONDS: Final = 30.0  # before one that could not even be started is started again


class Cluster(Protocol):
    """The machines (`model.cluster.machines`). All of it blocks for a moment."""

    def is_there(self) -> bool:
        """Tell whether there is a way to replicas at all."""
        ...

    def wanted(self) -> int:
        """Tell how many replicas there should be now."""
        ...

    def start(self, name: str) -> Any:
        """Start a replica."""
        ...

    def stop(self, replica: Any) -> None:
        """End a replica's process, at once, for another one."""
        ...

    def leave(self) -> None:
        """End the replicas."""
        ...


@dataclass(eq=False, slots=True)
class Site:
    """A replica as it was seen last. Its process may be another one by now."""

    name: str
    actor: Any
    status: Status
    life: str = ""  # which of its processes; empty until one was seen
    pid: int = 0  # on its machine
    seen: float = field(default_factory=time.monotonic)
    draining_on: str = ""  # the node where it was told to take nothing more; elsewhere that is of no account
    dead: int = 0  # processes, and engines in them
    dying: int = 0  # engines of the present process


class Watch:
    """All replicas. Changes are noted in `turns`, and `changed` is called."""

    def __init__(
        self, cluster: Cluster, turns: Turns, changed: Callable[[], None], *, model: str, stuck_seconds: float
    ) -> None:
        """A replica that answers nothing for `stuck_seconds` is ended, and Ray starts it again."""
        self.sites: dict[str, Site] = {}
        self.lost = False  # for good: there is no way to any replica, whatever was seen of them last
        self._cluster, self._turns, self._changed = cluster, turns, changed
        self._loading = Status(state="loading", model=model)
        self._stuck_seconds = stuck_seconds
        self._tasks: list[asyncio.Task[None]] = []

    async def grow(self) -> None:
        """Start the replicas that are missing, now and whenever there is a card more."""
        try:
            while True:
                try:
                    if not self._cluster.is_there():
                        log.critical("this machine's part of the Ray cluster has died: the bot has to be restarted")
                        self.lost = True
                        self._changed()
                        return
                    self._start_missing()
                except Exception:
                    log.exception("replicas could not be started")  # the next time, perhaps
                await asyncio.sleep(COUNT_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()

    def _start_missing(self) -> None:
        for number in range(len(self.sites) + 1, self._cluster.wanted() + 1):
            name = str(number)
            site = self.sites[name] = Site(name, self._cluster.start(name), self._loading)
            self._tasks.append(asyncio.create_task(self._look_after(site)))

    def suspect(self, site: Site) -> None:
        """Take note that a replica may be dead: it gets nothing more until it was seen."""
        self._turns.shut(site.name)

    async def _look_after(self, site: Site) -> None:
        """Look at a replica, again and again."""
        while True:
            looking = asyncio.ensure_future(_answer(site.actor.look.remote()))
            while not (await asyncio.wait({looking}, timeout=SILENT_SECONDS))[0]:
                self._silent(site)
            try:
                self._saw(site, looking.result())
            except ActorDiedError as error:  # for good: Ray could not start it
                self._gone(site, error)
                await asyncio.sleep(AGAIN_SECONDS)
                site.actor = self._cluster.start(site.name)
            except RayError as error:
                self._gone(site, error)
            except Exception:
                log.exception("replica %s could not be looked after", site.name)
            await asyncio.sleep(LOOK_SECONDS)

    def _saw(self, site: Site, look: Look) -> None:
        if look.life != site.life:
            site.dead += bool(site.life) + site.dying
            if look.node != site.draining_on:
                site.draining_on = ""
            elif not look.draining:
                site.actor.drain.remote()
        if look.draining:
            site.draining_on = look.node
        if look.status.state != site.status.state:
            log.info("replica %s: %s, as process %d", site.name, look.status.state, look.pid)
        site.pid = look.pid
        site.life, site.dying, site.seen = look.life, look.status.deaths, time.monotonic()
        site.status = replace(look.status, deaths=site.dead + site.dying)
        if site.status.state == "ready" and not site.draining_on:
            self._turns.open(site.name, site.status.seats, self._pace(site))
        else:
            self._turns.shut(site.name)
        self._changed()

    def _gone(self, site: Site, error: RayError) -> None:
        self._turns.shut(site.name)
        if site.status.state != "loading":
            log.critical("replica %s died (%s). It is started again", site.name, type(error).__name__)
        reason = f"It died ({type(error).__name__}). It is started again."
        site.status = replace(self._loading, reason=reason, deaths=site.status.deaths)
        self._changed()

    def _silent(self, site: Site) -> None:
        self._turns.shut(site.name)
        silent = time.monotonic() - site.seen
        if site.life and site.status.state != "loading" and silent > self._stuck_seconds:
            log.critical("replica %s was silent for %.0f s. It is ended, and started again", site.name, silent)
            site.seen = time.monotonic()
            self._cluster.stop(site.actor)

    def _pace(self, site: Site) -> float:
        """Tell the seconds that a token takes; of a replica that has not drawn yet, what it takes the others."""
        paces = {
            other.name: other.status.step_seconds / (other.status.tokens_per_step or 1.0)
            for other in self.sites.values()
            if other.status.step_seconds
        }
        return paces.get(site.name) or (median(paces.values()) if paces else 1.0)


async def _answer(reference: Any) -> Look:
    look: Look = await reference
    return look
