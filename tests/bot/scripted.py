"""An executor whose jobs do what a test says: queues, failures, slow loading, which no real model shows at will."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from PIL import Image

from model.requests import Answer, Cancelled, Drawing, Event, Final, Pictures, Question, Refused, Request
from model.status import Status


class ScriptedJob:
    """A job that tells what the test puts into it. Cancelled, it ends at once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.cancelled = False
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._over = False

    @property
    def id(self) -> str:
        return self.request.id

    def tell(self, *events: Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.tell(Cancelled())

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._over:
            raise StopAsyncIteration
        event = await self._events.get()
        self._over = isinstance(event, Final)
        return event


class ScriptedExecutor:
    """Keeps what was submitted, in `jobs`."""

    def __init__(self) -> None:
        self.jobs: list[ScriptedJob] = []
        self.refusal: str | None = None
        self.reading = Status(state="ready", model="demo")

    async def submit(self, request: Request) -> ScriptedJob:
        if self.refusal:
            raise Refused(self.refusal)
        self.jobs.append(ScriptedJob(request))
        return self.jobs[-1]

    def status(self) -> Status:
        return self.reading

    def becomes(self, **changes: object) -> None:
        self.reading = replace(self.reading, **changes)  # type: ignore[arg-type]

    async def close(self) -> None:
        for job in self.jobs:
            job.cancel()

    @property
    def job(self) -> ScriptedJob:
        (job,) = self.jobs
        return job

    @property
    def drawing(self) -> Drawing:
        assert isinstance(self.job.request, Drawing)
        return self.job.request

    @property
    def question(self) -> Question:
        assert isinstance(self.job.request, Question)
        return self.job.request

    @property
    def last_question(self) -> Question:
        request = self.jobs[-1].request
        assert isinstance(request, Question)
        return request


def pictures(drawing: Drawing, side: int = 64) -> Pictures:
    """Pictures of one colour each; of a careful drawing those of the last seeds, the very last one first."""
    count = 1 if drawing.temperature == 0 and not drawing.prompts else drawing.count
    drawn = tuple(Image.new("RGB", (side, side), (40 * i, 90, 200)) for i in range(count))
    careful = drawing.careful and drawing.temperature > 0
    seeds = tuple((drawing.seed + (2 * count - 1 - i if careful else i)) % 2**32 for i in range(count))
    judged = tuple(0.934 - 0.1 * i for i in range(count)) if careful else ()
    return Pictures(drawn, tuple((i,) for i in range(count)), seeds, {"decode": 2.0, "pixels": 0.5}, judged)


def noisy(drawing: Drawing, side: int = 256) -> Pictures:
    """Pictures that no encoding makes small: as PNG some 3 bytes a pixel, as WebP 1 or less."""
    noise = Image.merge("RGB", [Image.effect_noise((side, side), 90) for _ in range(3)])
    plain = pictures(drawing)
    return replace(plain, pictures=(noise,) * len(plain.pictures))


def answer(text: str, *, complete: bool = True) -> Answer:
    return Answer(text, len(text.split()), complete, 0, {"prefill": 0.2, "decode": 0.8})
