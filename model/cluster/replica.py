"""A replica: an actor of Ray, in a process of its own, that owns one device and what one machine alone would have.

It reopens an engine that dies, as that does. Once it has given up, or can't load the model at all, its process ends
after a while, and Ray starts another one.
"""

import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

import ray

from model.cluster.parcels import Look, Parcel, Told
from model.executor import ThreadExecutor, ThreadJob, open_here
from model.requests import Event, Failed, Refused, Request, new_id
from model.settings import EngineSettings, ModelSettings

AGAIN_SECONDS: Final = 60.0  # that it tells why it failed, before its process ends
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Replica:
    """The actor. Its methods are called from the bot's process alone."""

    def __init__(self, model: ModelSettings, settings: EngineSettings, folder: str) -> None:
        """Begin to load the model. `folder` is the bot's working directory, from which paths in settings are taken."""
        logging.basicConfig(level=logging.WARNING, format=FORMAT, force=True)
        logging.getLogger("model").setLevel(logging.INFO)
        with suppress(OSError):  # on another machine there may be none
            os.chdir(folder)
        self._life = new_id()
        self._node: str = ray.get_runtime_context().get_node_id()
        self._draining = False
        self._jobs: dict[tuple[str, int], ThreadJob | None] = {}  # None: it is just being handed over
        self._unwanted: set[tuple[str, int]] = set()
        self._executor: ThreadExecutor = open_here(model, settings)
        threading.Thread(target=self._end_when_failed, name="last resort", daemon=True).start()

    async def look(self) -> Look:
        """Tell how it is."""
        if self._draining and not self._jobs:
            await self._executor.close()  # safe to repeat
        return Look(self._life, self._node, os.getpid(), self._executor.status(), self._draining)

    async def check(self, parcel: Parcel[Request]) -> Failed | None:
        """Tell whether the model can take a request: None, or why not."""
        try:
            await self._executor.check(parcel.unpack())
        except Refused as refusal:
            return Failed.of(refusal)
        return None

    async def run(self, id: str, attempt: int, parcel: Parcel[Request]) -> AsyncIterator[Told]:
        """Work for a request, and stream what happens. Says nothing at all if it does not take it."""
        if self._executor.status().state == "closed":
            return
        key = id, attempt
        self._jobs[key] = None
        try:
            yield Told(id, attempt, 0)
            sequence = 1
            async for event in self._events(key, parcel):
                yield Told(id, attempt, sequence, Parcel[Event].of(event))
                sequence += 1
        finally:
            if job := self._jobs.pop(key):
                job.cancel()  # nobody reads it any more; after the end, nothing happens
            self._unwanted.discard(key)

    async def _events(self, key: tuple[str, int], parcel: Parcel[Request]) -> AsyncIterator[Event]:
        request: Request = replace(parcel.unpack(), id=f"{key[0]}.{key[1]}")  # an earlier attempt may still be here
        try:
            self._jobs[key] = job = await self._executor.submit(request)
        except Refused as refusal:
            yield Failed.of(refusal)
            return
        if key in self._unwanted:
            job.cancel()
        async for event in job:
            yield event

    async def cancel(self, id: str, attempt: int) -> None:
        """Ask for a request's end."""
        key = id, attempt
        if key in self._jobs:
            self._unwanted.add(key)
            if job := self._jobs[key]:
                job.cancel()

    async def drain(self) -> None:
        """Finish what is here, and then give the model's memory back."""
        self._draining = True

    def _end_when_failed(self) -> None:
        while self._executor.status().state != "failed":
            time.sleep(1)
        time.sleep(AGAIN_SECONDS)
        os._exit(1)
