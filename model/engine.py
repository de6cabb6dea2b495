"""Everybody's rows in one step.

The engine batches at the level of the decode step (iteration-level scheduling: Orca, OSDI '22). A drawing of n
pictures is 2n rows, a question one; rows join after their prefill and leave when done. The last token of a prompt is
left to the first step: so prefill has no output, and every token is chosen in one place.

Synchronous, without threads or queues: whoever owns an engine calls `step` as long as it is not idle.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TypeVar

import torch

from model import dense, memory, recovery
from model.answers import Answers
from model.cache import Lane
from model.checkpoint import Janus
from model.decode import Decoder
from model.drawings import Drawings
from model.forecast import Forecast
from model.intake import ANSWERS, PICTURES, PIXELS, Intake
from model.previews import Previews
from model.requests import Answer, Cancelled, Event, Final, Pictures, Preview, Queued, Request, Started
from model.scheduler import Grant, Scheduler
from model.settings import EngineSettings
from model.stepper import Stepper
from model.upscaler import Upscaler
from model.vq import VQDecoder
from model.work import AnyWork, Broken, DrawingWork, Ended, EnlargeWork, QuestionWork, Task, Units

T = TypeVar("T")

PATIENCE = 32  # steps that finished pictures wait at most for the first words of answers


@dataclass(frozen=True)
class Figures:
    """What the engine is doing."""

    rows: int
    queued: int
    running: int
    step_seconds: float | None  # median of recent decode steps
    steps: int


class Engine:
    """Runs requests on one model. Owned by one thread; only `prepare` may be called from others."""

    def __init__(self, janus: Janus, upscaler: Upscaler, settings: EngineSettings | None = None) -> None:
        """Take over a loaded model. Raises PlainError if there is no memory for even one picture."""
        self.settings = settings or EngineSettings()
        self.janus, self.upscaler = janus, upscaler
        sizes = {"image_tokens": janus.image_tokens, "context": janus.context}
        self.decoder = Decoder(
            janus.network,
            length=max(memory.lengths(self.settings, **sizes)),
            begin_of_image=janus.prompts.begin_of_image,
            blocks=dense.blocks_work(janus.device, janus.dtype) and memory.blocks_fit(janus.network, janus.device),
        )
        shape = self.decoder.shape
        plan = memory.plan(shape, self.settings, free=memory.free_bytes(janus.device), **sizes)
        pictures = Lane(shape, seats=plan.pictures, length=plan.picture_length, width=2)
        answers = Lane(shape, seats=plan.answers, length=plan.answer_length, width=1)
        self.stepper = Stepper(self.decoder, pictures, answers, compiled=self.settings.compile)
        chunk = self.settings.prefill_tokens
        vq = VQDecoder(janus.network)
        self.drawings = Drawings(janus, self.decoder, pictures, vq, upscaler, chunk=chunk)
        self.answers = Answers(janus, self.decoder, answers, chunk=chunk)
        self.previews = Previews(vq, grid=janus.grid, share=self.settings.preview_share)
        self.lanes = {PICTURES: pictures, ANSWERS: answers}
        self.intake = Intake(janus, picture_length=plan.picture_length, answer_length=plan.answer_length)
        self.forecast = Forecast()
        self.reset()

    @torch.inference_mode()
    def reset(self) -> None:
        """Forget every request, without a word to anybody."""
        self.scheduler = Scheduler({PIXELS: 1, **{name: lane.capacity for name, lane in self.lanes.items()}})
        self.drawings.works.clear()
        self.answers.works.clear()
        for lane in self.lanes.values():
            lane.release(list(lane.taken))
        self._works: dict[str, AnyWork] = {}
        self._prefills: list[Task] = []
        self._pixels: deque[Task] = deque()
        self._debt = 0.0  # seconds that pixels have taken from the rows in flight
        self._patience = PATIENCE
        self._events: list[tuple[str, Event]] = []
        self._line_changed = False

    # -- from outside -------------------------------------------------------------------------------------------------

    def prepare(self, request: Request) -> AnyWork:
        """Check a request and do what needs no model; on any thread. Raises Refused with a sentence for the asker."""
        return self.intake.prepare(request)

    def add(self, work: AnyWork) -> None:
        """Let a prepared request wait for its seats."""
        request = work.request
        self.scheduler.add(request.id, owner=request.owner, lane=work.lane, seats=work.seats)
        self._works[request.id] = work
        self._line_changed = True

    @torch.inference_mode()
    def cancel(self, id: str) -> None:
        """Free a request's rows before the next step. An id that is not here any more is no error."""
        if id in self._works:
            self._end(self._works[id], Cancelled())

    @property
    def idle(self) -> bool:
        """Nothing is left to do, and no event to be fetched."""
        return not self._works and not self._events

    @property
    def device(self) -> str:
        """The kind of device: "cuda", "mps" or "cpu"."""
        return self.janus.device.type

    @property
    def dtype(self) -> str:
        """The type of the weights: "bfloat16", "float32", ..."""
        return str(self.janus.dtype).removeprefix("torch.")

    def figures(self) -> Figures:
        """Tell what the engine is doing."""
        queued = self.scheduler.waiting
        rows = sum(len(lane.taken) * lane.width for lane in self.lanes.values())
        return Figures(rows, queued, len(self._works) - queued, self.stepper.seconds, self.stepper.steps)

    @torch.inference_mode()
    def step(self) -> list[tuple[str, Event]]:
        """Do a bounded amount of work: at most one piece of prefill, and one decode step or one piece of pixels.

        Gives what happened, each event with its request's id, in order.
        """
        if not self.stepper.moving:
            self.forecast.paused()
        self._admit()
        if self._prefills:
            # questions first: people who ask wait for the first word, people who draw for the last token
            self._run(min(self._prefills, key=lambda task: not isinstance(task.work, QuestionWork)))
        moving = self.stepper.moving
        if self._pixels and (not moving or self._debt <= 0) and not self._yields():
            began = time.perf_counter()
            self._run(self._pixels[0])
            self._debt = time.perf_counter() - began if moving else 0.0
        elif moving:
            self._decode()
        events, self._events = self._events, []
        return events

    def _yields(self) -> bool:
        """Tell whether pixels wait, because somebody waits for the first word of an answer; not for ever."""
        unsaid = any(
            isinstance(work, QuestionWork) and work.started and not work.answer for work in self._works.values()
        )
        self._patience = self._patience - 1 if unsaid and self._patience else PATIENCE
        return unsaid and self._patience > 0

    # -- admission ----------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        for grant in self.scheduler.admit():
            self._seat(self._works[grant.id], grant)
            self._line_changed = True
        if not self._line_changed:
            return
        self._line_changed = False
        for lane in (PICTURES, ANSWERS, PIXELS):
            line = [self._works[id] for id in self.scheduler.line(lane)]
            inside = [work for work in self._works.values() if work.lane == lane and work.held]
            turns = self.forecast.turns(self.scheduler.capacity(lane), inside, line)
            for place, (work, seconds) in enumerate(zip_longest(line, turns), 1):
                if work.place != place and not work.started:
                    work.place = place
                    self._emit(work, Queued(place, seconds))

    def _seat(self, work: AnyWork, grant: Grant) -> None:
        if not work.started:
            work.started = True
            work.end_stage("queue")
            self._emit(work, Started())
        match work:
            case DrawingWork():
                seats = self.drawings.seat(work, grant.seats)
                self._prefills.append(Task(work, lambda: self.drawings.prefill(work, seats)))
            case QuestionWork():
                self.answers.seat(work)
                self._prefills.append(Task(work, lambda: self.answers.prefill(work)))
            case EnlargeWork():
                self._pixels.append(Task(work, lambda: self._enlarge(work)))

    # -- work ---------------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        inside = [work for work in self._works.values() if work.moving]
        began = time.perf_counter()
        tokens = self._attempt(inside, self.stepper.step)
        self._debt -= time.perf_counter() - began
        if tokens is None:
            return
        self.forecast.stepped()
        drawn, said = tokens
        for news in (*self.drawings.advance(drawn, self.forecast), *self.answers.advance(said)):
            if isinstance(news, Broken):
                self._end(news.work, recovery.explain(news.work.request.id, ArithmeticError("logits are no numbers")))
                continue
            if not isinstance(news, Ended):
                self._emit(*news)
                continue
            self.scheduler.release(news.work.request.id, news.seats)
            match news.work:
                case QuestionWork() as work:
                    self._end(work, self.answers.result(work))
                case DrawingWork() as work if work.drawn_up:
                    self._drop_tasks(work)  # a preview would come too late
                    self._pixels.append(Task(work, partial(self._paint, work)))
        for drawing in filter(self.previews.due, self.drawings.works):
            if all(task.work is not drawing for task in self._pixels):
                self._pixels.append(Task(drawing, partial(self._preview, drawing)))

    def _preview(self, work: DrawingWork) -> Units:
        yield from self.previews.begin(work, self.drawings.so_far(work))
        self._emit(work, Preview(tuple(work.preview)))

    def _paint(self, work: DrawingWork) -> Units:
        yield from self.drawings.pixels(work)
        self._end(work, self.drawings.result(work))

    def _enlarge(self, work: EnlargeWork) -> Units:
        picture = yield from self.upscaler.pieces(work.request.picture)
        work.end_stage("upscale")
        self._end(work, Pictures((picture,), (), (), work.seconds))

    def _run(self, task: Task) -> None:
        """Do a task's next piece, and drop the task if that was the last."""
        if not self._attempt([task.work], task.unit):
            self._prefills = [other for other in self._prefills if other is not task]
            self._pixels = deque(other for other in self._pixels if other is not task)

    # -- failures and ends --------------------------------------------------------------------------------------------

    def _attempt(self, works: Sequence[AnyWork], act: Callable[[], T]) -> T | None:
        """Do something for some requests, oldest first. If it fails, so do they and nobody else: gives None.

        A lack of memory gets a second try with a smaller cache, and then costs the newest request only.
        """
        outcome = recovery.attempt(act, self._shrink)
        if not isinstance(outcome, Exception):
            return outcome
        for work in works[-1:] if memory.exhausted(outcome) else works:
            self._end(work, recovery.explain(work.request.id, outcome))
        return None

    def _shrink(self) -> None:
        self.stepper.drop_graphs()
        recovery.shrink(self.lanes, self.scheduler, self.janus.device)

    def _end(self, work: AnyWork, final: Final) -> None:
        """Take a request out, wherever it stands."""
        id = work.request.id
        self._drop_tasks(work)
        match work:
            case DrawingWork():
                self.scheduler.release(id, self.drawings.leave(work))
            case QuestionWork():
                self.scheduler.release(id, self.answers.leave(work))
            case EnlargeWork():
                self.scheduler.release(id, work.held)
        if isinstance(final, Answer | Pictures):
            self.forecast.ended(work)
        self.scheduler.forget(id)
        del self._works[id]
        self._line_changed = True
        self._emit(work, final)

    def _drop_tasks(self, work: AnyWork) -> None:
        self._prefills = [task for task in self._prefills if task.work is not work]
        self._pixels = deque(task for task in self._pixels if task.work is not work)

    def _emit(self, work: AnyWork, event: Event) -> None:
        self._events.append((work.request.id, event))
