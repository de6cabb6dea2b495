"""Everybody's rows in one step.

The engine batches at the level of the decode step (iteration-level scheduling: Orca, OSDI '22). A drawing of n
pictures is 2n rows, a question one; rows join after their prefill and leave when done. The last token of a prompt is
left to the first step: so prefill has no output, and every token is chosen in one place.

Synchronous, without threads or queues: whoever owns an engine calls `step` as long as it is not idle.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch

from model.engine import memory, out_of_memory
from model.engine.answer_lane import AnswerLane
from model.engine.eta import Eta
from model.engine.lanes import ANSWERS, PAINTS, PICTURES, PIXELS
from model.engine.picture_lane import PictureLane
from model.engine.prepare import Preparer
from model.engine.previews import Previews
from model.engine.runs import (
    AnyRun,
    Broken,
    DrawingRun,
    Ended,
    EnlargeRun,
    JudgeRun,
    PaintRun,
    QuestionRun,
    Task,
)
from model.engine.scheduler import Grant, Scheduler
from model.engine.step_runner import StepRunner
from model.engine.work import Work
from model.network import linear
from model.network.decoder import Decoder
from model.network.upscaler import Upscaler
from model.network.vq_decoder import VQDecoder
from model.requests import Answer, Cancelled, Event, Final, Pictures, Preview, Request, Started
from model.settings import EngineSettings
from model.status import Status
from model.weights.checkpoint import Janus

T = TypeVar("T")


class Engine:
    """Runs requests on one model. Owned by one thread; only `prepare` may be called from others."""

    def __init__(
        self, janus: Janus, upscaler: Upscaler, settings: EngineSettings | None = None, *, keep: bool = True
    ) -> None:
        """Take over a loaded model. Raises PlainError if there is no memory for even one picture.

        Without `keep` nobody else can use its language model any more: that saves a copy.
        """
        self.janus, self.settings = janus, settings or EngineSettings()
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
        pictures, answers = memory.lanes(self.decoder.shape, self.settings, **sizes)
        self.step_runner = StepRunner(self.decoder, pictures, answers, self.settings)
        chunk, share = self.settings.prefill_tokens, self.settings.preview_share
        vq = VQDecoder(janus.network)
        self.picture_lane = PictureLane(janus, self.decoder, pictures, vq, upscaler, chunk=chunk)
        self.answer_lane = AnswerLane(janus, self.decoder, answers, chunk=chunk)
        self.previews = Previews(vq, self.picture_lane.so_far, grid=janus.grid, share=share)
        self.lanes = {PICTURES: pictures, ANSWERS: answers}
        self.shortage = out_of_memory.Shortage(self.lanes, janus.device)
        self.preparer = Preparer(janus, picture_length=pictures.length, answer_length=answers.length)
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
        self.work = Work()
        self._events: list[tuple[str, Event]] = []
        self._line_changed = False

    # -- from outside -------------------------------------------------------------------------------------------------

    def prepare(self, request: Request) -> AnyRun:
        """Check a request and do what needs no model; on any thread. Raises Refused with a sentence for the asker."""
        return self.preparer.prepare(request)

    def add(self, run: AnyRun) -> None:
        """Let a prepared request wait for its seats."""
        self.scheduler.add(run.request.id, owner=run.request.owner, lane=run.lane, seats=run.seats)
        self._runs[run.request.id] = run
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

    def status(self) -> Status:
        """Tell what the engine is doing."""
        requests = [run for run in self._runs.values() if not isinstance(run, JudgeRun)]
        running, runner = sum(run.started for run in requests), self.step_runner
        return Status(
            state="ready",
            model=self.janus.name,
            device=self.janus.device.type,
            dtype=self.janus.precision,
            rows=sum(len(lane.taken) * lane.width for lane in self.lanes.values()),
            queued=len(requests) - running,
            running=running,
            step_seconds=runner.seconds,
            steps=runner.steps,
            tokens_per_step=self.eta.drawn.value,
            seats=self.scheduler.capacities,
        )

    @torch.inference_mode()
    def step(self) -> list[tuple[str, Event]]:
        """Do a bounded amount of work: at most one piece of prefill, and one decode step or one piece of pixels.

        Gives what happened, each event with its request's id, in order.
        """
        if not self.step_runner.moving:
            self.eta.paused()
        self.shortage.look(self.scheduler)
        self._admit()
        if task := self.work.next_prefill():
            self._do(task)
        moving = self.step_runner.moving
        unsaid = any(isinstance(run, QuestionRun) and run.started and not run.answer for run in self._runs.values())
        if task := self.work.next_pixels(moving=moving, unsaid=unsaid):
            began = time.perf_counter()
            self._do(task)
            self.work.worked(time.perf_counter() - began if moving else 0.0)
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
            for run, queued in self.eta.places(self.scheduler.capacity(lane), inside, line):
                self._emit(run, queued)

    def _seat(self, run: AnyRun, grant: Grant) -> None:
        if not run.started:
            run.started = True
            run.end_stage("queue")
            self._emit(run, Started())
        match run:
            case DrawingRun():
                seats = self.picture_lane.seat(run, grant.seats)
                self.work.prefills.append(Task(run, partial(self.picture_lane.prefill, run, seats)))
            case QuestionRun() | JudgeRun():
                self.answer_lane.seat(run)
                self.work.prefills.append(Task(run, partial(self.answer_lane.prefill, run)))
            case PaintRun():
                self.work.pixels.append(Task(run, partial(self.picture_lane.pixels, run)))
            case EnlargeRun():
                self.work.pixels.append(Task(run, partial(self.picture_lane.enlarge, run)))

    # -- work ---------------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        began = time.perf_counter()
        tokens = self._attempt([run for run in self._runs.values() if run.moving], self.step_runner.step)
        self.work.stepped(time.perf_counter() - began)
        if tokens is None:
            return
        self.eta.stepped()
        drawn, said = tokens
        for news in (*self.picture_lane.advance(drawn, self.eta), *self.answer_lane.advance(said)):
            if isinstance(news, Broken):
                self._fail(news.run, ArithmeticError("logits are no numbers"))
                continue
            if not isinstance(news, Ended):
                self._emit(*news)
                continue
            self.scheduler.release(news.run.request.id, news.seats)
            match news.run:
                case QuestionRun() as run:
                    self._end(run, self.answer_lane.result(run))
                case DrawingRun() as run if run.drawn_up:
                    self.work.drop(run)  # a preview would come too late
                    self.work.pixels.append(Task(run, partial(self.picture_lane.pixels, run)))
        for drawing in filter(self.previews.due, self.picture_lane.runs):
            if not self.work.serves(drawing):
                self.work.pixels.append(Task(drawing, partial(self.previews.begin, drawing)))

    def _do(self, task: Task) -> None:
        """Do a task's next piece; if that was the last, go on with what comes of it."""
        if self._attempt([task.run], task.unit) is not False:  # there is more to do, or its request has failed
            return
        self.work.done(task)
        match task.run, task.outcome:
            case run, Pictures() as pictures:
                self._end(run, pictures)
            case run, Preview() as preview:
                self._emit(run, preview)
            case JudgeRun(drawing=run) as judge, None:
                self._leave(judge)
                self._judge_next(run)
            case DrawingRun(drawn_up=True) as run, None:
                self._judge_next(run)

    def _judge_next(self, run: DrawingRun) -> None:
        """Have the next picture of a careful drawing judged (others find seats between), or finish what is kept."""
        run.judge = JudgeRun.of(run, run.unjudged) if run.unjudged else None
        if run.judge:
            self.add(run.judge)
        else:
            run.end_stage("judge")
            self.work.pixels.append(Task(run, partial(self.picture_lane.pixels, run)))

    # -- failures and ends --------------------------------------------------------------------------------------------

    def _attempt(self, runs: Sequence[AnyRun], act: Callable[[], T]) -> T | None:
        """Do something for some requests, oldest first. If it fails, so do they and nobody else: gives None.

        A lack of memory gets a second try with a smaller cache, and then costs the newest request only.
        """
        outcome = out_of_memory.attempt(act, self.make_room)
        if not isinstance(outcome, Exception):
            return outcome
        for run in runs[-1:] if out_of_memory.exhausted(outcome) else runs:
            self._fail(run, outcome)
        return None

    def make_room(self) -> None:
        """Go on with less memory, after a lack of it."""
        self.step_runner.drop_graphs()
        self.shortage.begin(self.scheduler)

    def _fail(self, run: AnyRun, error: Exception) -> None:
        """End a request for an error; where that was a judgement's, its drawing."""
        run = run.drawing if isinstance(run, JudgeRun) else run
        self._end(run, out_of_memory.explain(run.request.id, error))

    def _end(self, run: AnyRun, final: Final) -> None:
        """Take a request out, wherever it stands."""
        self._leave(run)
        if isinstance(final, Answer | Pictures):
            self.eta.ended(run)
        self._emit(run, final)

    def _leave(self, run: AnyRun) -> None:
        """Forget a run, and free what it has."""
        id = run.request.id
        self.work.drop(run)
        match run:
            case DrawingRun():
                if run.judge:
                    self._leave(run.judge)
                self.scheduler.release(id, self.picture_lane.leave(run))
            case QuestionRun() | JudgeRun():
                self.scheduler.release(id, self.answer_lane.leave(run))
            case PaintRun() | EnlargeRun():
                self.scheduler.release(id, run.held)
        self.scheduler.forget(id)
        del self._runs[id]
        self._line_changed = True

    def _emit(self, run: AnyRun, event: Event) -> None:
        self._events.append((run.request.id, event))
