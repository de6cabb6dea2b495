"""Everybody's rows in one step.

The engine batches at the level of the decode step (iteration-level scheduling: Orca, OSDI '22). A drawing of n
pictures is 2n rows, a question one; rows join after their prefill and leave when done. The last token of a prompt is
left to the first step: so prefill has no output, and every token is chosen in one place.

Synchronous, without threads or queues: whoever owns an engine calls `step` as long as it is not idle.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TypeVar

import torch

from model.engine import memory, out_of_memory
from model.engine.answer_lane import AnswerLane
from model.engine.eta import Eta
from model.engine.lanes import ANSWERS, PAINTS, PICTURES, PIXELS
from model.engine.picture_lane import PictureLane
from model.engine.pixel_work import PixelWork
from model.engine.prepare import Preparer
from model.engine.previews import Previews
from model.engine.runs import AnyRun, Broken, DrawingRun, Ended, EnlargeRun, PaintRun, QuestionRun, Task, Units
from model.engine.scheduler import Grant, Scheduler
from model.engine.step_runner import StepRunner
from model.network import linear
from model.network.cache import Lane
from model.network.decoder import Decoder
from model.network.upscaler import Upscaler
from model.network.vq_decoder import VQDecoder
from model.requests import Answer, Cancelled, Event, Final, Pictures, Preview, Queued, Request, Started
from model.settings import EngineSettings
from model.weights.checkpoint import Janus

T = TypeVar("T")

SHORT_SECONDS = 600.0  # after a lack of memory, until what was given up is taken back


@dataclass(frozen=True)
class Figures:
    """What the engine is doing."""

    rows: int
    queued: int
    running: int
    step_seconds: float | None  # median of recent decode steps
    steps: int
    tokens_per_step: float | None  # that a picture got, lately
    seats: Mapping[str, int]  # by lane, free or not


class Engine:
    """Runs requests on one model. Owned by one thread; only `prepare` may be called from others."""

    def __init__(
        self, janus: Janus, upscaler: Upscaler, settings: EngineSettings | None = None, *, keep: bool = True
    ) -> None:
        """Take over a loaded model. Raises PlainError if there is no memory for even one picture.

        Without `keep` nobody else can use its language model any more: that saves a copy.
        """
        self.settings = settings or EngineSettings()
        self.janus, self.upscaler = janus, upscaler
        sizes = {"image_tokens": janus.image_tokens, "context": janus.context}
        self.decoder = Decoder(
            janus.network,
            length=max(memory.lengths(self.settings, **sizes)),
            grid=janus.grid,
            begin_of_image=janus.prompts.begin_of_image,
            blocks=linear.blocks_pay(linear.usual_layer(janus.network)) and (not keep or memory.blocks_fit(janus)),
            keep=keep,
        )
        memory.give_back_pages(janus.network)
        shape = self.decoder.shape
        free = memory.free_bytes(janus.device)
        plan = memory.plan(shape.bytes_per_token, self.settings, free=free, **sizes)
        pictures = Lane(shape, seats=plan.pictures, length=plan.picture_length, width=2)
        answers = Lane(shape, seats=plan.answers, length=plan.answer_length, width=1)
        self.step_runner = StepRunner(self.decoder, pictures, answers, self.settings)
        chunk = self.settings.prefill_tokens
        vq = VQDecoder(janus.network)
        self.picture_lane = PictureLane(janus, self.decoder, pictures, vq, upscaler, chunk=chunk)
        self.answer_lane = AnswerLane(janus, self.decoder, answers, chunk=chunk)
        self.previews = Previews(vq, grid=janus.grid, share=self.settings.preview_share)
        self.lanes = {PICTURES: pictures, ANSWERS: answers}
        self._seats = {name: lane.capacity for name, lane in self.lanes.items()}  # where no memory is lacking
        self._short_until: float | None = None  # after a lack of it
        self.preparer = Preparer(janus, picture_length=plan.picture_length, answer_length=plan.answer_length)
        self.eta = Eta()
        self.reset()

    @torch.inference_mode()
    def reset(self) -> None:
        """Forget every request, without a word to anybody."""
        self.scheduler = Scheduler({PIXELS: 1, PAINTS: 1, **{name: lane.capacity for name, lane in self.lanes.items()}})
        self.picture_lane.runs.clear()
        self.answer_lane.runs.clear()
        for lane in self.lanes.values():
            lane.release(list(lane.taken))
        self._runs: dict[str, AnyRun] = {}
        self._prefills: list[Task] = []
        self.pixels = PixelWork()
        self._events: list[tuple[str, Event]] = []
        self._line_changed = False

    # -- from outside -------------------------------------------------------------------------------------------------

    def prepare(self, request: Request) -> AnyRun:
        """Check a request and do what needs no model; on any thread. Raises Refused with a sentence for the asker."""
        return self.preparer.prepare(request)

    def add(self, run: AnyRun) -> None:
        """Let a prepared request wait for its seats."""
        request = run.request
        self.scheduler.add(request.id, owner=request.owner, lane=run.lane, seats=run.seats)
        self._runs[request.id] = run
        self._line_changed = True

    @torch.inference_mode()
    def cancel(self, id: str) -> None:
        """Free a request's rows before the next step. An id that is not here any more is no error."""
        if id in self._runs:
            self._end(self._runs[id], Cancelled())

    @property
    def idle(self) -> bool:
        """Nothing is left to do, and no event to be fetched."""
        return not self._runs and not self._events

    @property
    def begun(self) -> list[str]:
        """The requests that are being worked for; on any thread."""
        return [id for id, run in list(self._runs.items()) if run.started]

    def figures(self) -> Figures:
        """Tell what the engine is doing."""
        queued, runner = self.scheduler.waiting, self.step_runner
        rows = sum(len(lane.taken) * lane.width for lane in self.lanes.values())
        drawn, seats = self.eta.drawn.value, self.scheduler.capacities
        return Figures(rows, queued, len(self._runs) - queued, runner.seconds, runner.steps, drawn, seats)

    @torch.inference_mode()
    def step(self) -> list[tuple[str, Event]]:
        """Do a bounded amount of work: at most one piece of prefill, and one decode step or one piece of pixels.

        Gives what happened, each event with its request's id, in order.
        """
        if not self.step_runner.moving:
            self.eta.paused()
        if self._short_until is not None and time.monotonic() >= self._short_until:
            grown = out_of_memory.grow(self.lanes, self._seats, self.scheduler, self.janus.device)
            self._short_until = None if grown else time.monotonic() + SHORT_SECONDS
        self._admit()
        if self._prefills:
            # questions first: people who ask wait for the first word, people who draw for the last token
            self._do(min(self._prefills, key=lambda task: not isinstance(task.run, QuestionRun)))
        moving = self.step_runner.moving
        unsaid = any(isinstance(run, QuestionRun) and run.started and not run.answer for run in self._runs.values())
        if task := self.pixels.next(moving=moving, unsaid=unsaid):
            began = time.perf_counter()
            self._do(task)
            self.pixels.worked(time.perf_counter() - began if moving else 0.0)
        elif moving:
            self._decode()
        events, self._events = self._events, []
        return events

    # -- admission ----------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        for grant in self.scheduler.admit():
            self._seat(self._runs[grant.id], grant)
            self._line_changed = True
        if not self._line_changed:
            return
        self._line_changed = False
        for lane in (PICTURES, ANSWERS, PAINTS, PIXELS):
            line = [self._runs[id] for id in self.scheduler.line(lane)]
            inside = [run for run in self._runs.values() if run.lane == lane and run.held]
            waits = self.eta.waits(self.scheduler.capacity(lane), inside, line)
            for place, (run, seconds) in enumerate(zip_longest(line, waits), 1):
                if run.place != place and not run.started:
                    run.place = place
                    self._emit(run, Queued(place, seconds))

    def _seat(self, run: AnyRun, grant: Grant) -> None:
        if not run.started:
            run.started = True
            run.end_stage("queue")
            self._emit(run, Started())
        match run:
            case DrawingRun():
                seats = self.picture_lane.seat(run, grant.seats)
                self._prefills.append(Task(run, lambda: self.picture_lane.prefill(run, seats)))
            case QuestionRun():
                self.answer_lane.seat(run)
                self._prefills.append(Task(run, lambda: self.answer_lane.prefill(run)))
            case PaintRun():
                self.pixels.tasks.append(Task(run, partial(self._paint, run)))
            case EnlargeRun():
                self.pixels.tasks.append(Task(run, lambda: self._enlarge(run)))

    # -- work ---------------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        inside = [run for run in self._runs.values() if run.moving]
        began = time.perf_counter()
        tokens = self._attempt(inside, self.step_runner.step)
        self.pixels.stepped(time.perf_counter() - began)
        if tokens is None:
            return
        self.eta.stepped()
        drawn, said = tokens
        for news in (*self.picture_lane.advance(drawn, self.eta), *self.answer_lane.advance(said)):
            if isinstance(news, Broken):
                failure = ArithmeticError("logits are no numbers")
                self._end(news.run, out_of_memory.explain(news.run.request.id, failure))
                continue
            if not isinstance(news, Ended):
                self._emit(*news)
                continue
            self.scheduler.release(news.run.request.id, news.seats)
            match news.run:
                case QuestionRun() as run:
                    self._end(run, self.answer_lane.result(run))
                case DrawingRun() as run if run.drawn_up:
                    self._drop_tasks(run)  # a preview would come too late
                    self.pixels.tasks.append(Task(run, partial(self._paint, run)))
        for drawing in filter(self.previews.due, self.picture_lane.runs):
            if not self.pixels.serves(drawing):
                self.pixels.tasks.append(Task(drawing, partial(self._preview, drawing)))

    def _preview(self, run: DrawingRun) -> Units:
        yield from self.previews.begin(run, self.picture_lane.so_far(run))
        self._emit(run, Preview(tuple(run.preview)))

    def _paint(self, run: DrawingRun | PaintRun) -> Units:
        yield from self.picture_lane.pixels(run)
        self._end(run, self.picture_lane.result(run))

    def _enlarge(self, run: EnlargeRun) -> Units:
        picture = yield from self.upscaler.pieces(run.request.picture())
        run.end_stage("upscale")
        self._end(run, Pictures((picture,), (), (), run.seconds))

    def _do(self, task: Task) -> None:
        """Do a task's next piece, and drop the task if that was the last."""
        if not self._attempt([task.run], task.unit):
            self._prefills = [other for other in self._prefills if other is not task]
            self.pixels.tasks = [other for other in self.pixels.tasks if other is not task]

    # -- failures and ends --------------------------------------------------------------------------------------------

    def _attempt(self, runs: Sequence[AnyRun], act: Callable[[], T]) -> T | None:
        """Do something for some requests, oldest first. If it fails, so do they and nobody else: gives None.

        A lack of memory gets a second try with a smaller cache, and then costs the newest request only.
        """
        outcome = out_of_memory.attempt(act, self.make_room)
        if not isinstance(outcome, Exception):
            return outcome
        for run in runs[-1:] if out_of_memory.exhausted(outcome) else runs:
            self._end(run, out_of_memory.explain(run.request.id, outcome))
        return None

    def make_room(self) -> None:
        """Go on with less memory, after a lack of it."""
        self._short_until = time.monotonic() + SHORT_SECONDS
        self.step_runner.drop_graphs()
        out_of_memory.shrink(self.lanes, self.scheduler, self.janus.device)

    def _end(self, run: AnyRun, final: Final) -> None:
        """Take a request out, wherever it stands."""
        id = run.request.id
        self._drop_tasks(run)
        match run:
            case DrawingRun():
                self.scheduler.release(id, self.picture_lane.leave(run))
            case QuestionRun():
                self.scheduler.release(id, self.answer_lane.leave(run))
            case PaintRun() | EnlargeRun():
                self.scheduler.release(id, run.held)
        if isinstance(final, Answer | Pictures):
            self.eta.ended(run)
        self.scheduler.forget(id)
        del self._runs[id]
        self._line_changed = True
        self._emit(run, final)

    def _drop_tasks(self, run: AnyRun) -> None:
        self._prefills = [task for task in self._prefills if task.run is not run]
        self.pixels.drop(run)

    def _emit(self, run: AnyRun, event: Event) -> None:
        self._events.append((run.request.id, event))
