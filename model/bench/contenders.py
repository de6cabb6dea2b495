"""Three ways to draw and to answer, timed alike: the seed program's plain loop, transformers' own, and the engine.

All three have the same weights. The engine lays the language model's weights out anew; so that the others keep theirs
as they were loaded, it works on a twin: modules of its own around the same tensors.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from model.bench import plain
from model.engine.engine import Engine
from model.engine.lanes import PICTURES
from model.engine.runs import AnyRun, DrawingRun, QuestionRun
from model.errors import PlainError
from model.network import pixels
from model.requests import Drawing, Event, Failed, Pictures, Question, Request
from model.weights.checkpoint import Janus

GUIDANCE, COUNT = 5.0, 5
PHOTO = Image.linear_gradient("L").resize((500, 333)).convert("RGB")


@dataclass(frozen=True)
class Measured:
    """One measured drawing."""

    steps: float  # seconds, prompt to last image token
    pixels: float  # seconds, tokens to pictures
    tokens: Tensor  # (pictures, image tokens)

    @property
    def total(self) -> float:
        """Seconds from prompt to pictures."""
        return self.steps + self.pixels


class Contender(Protocol):
    """A way to draw."""

    name: str

    def draw(self, prompt: str, *, temperature: float = 1.0, count: int = COUNT, decode: bool = True) -> Measured:
        """Draw `count` pictures; without `decode`, the pixels are left out. Temperature 0 is greedy."""
        ...


def twin(janus: Janus, *, grid: int | None = None) -> Janus:
    """Make a second network around the same tensors; with `grid`, one that draws grid x grid tokens."""
    own = {id(tensor) for tensor in janus.network.model.vqmodel.parameters()}  # the engine lays these out in place
    shared = {id(tensor): tensor for tensor in janus.network.parameters() if id(tensor) not in own}
    network = deepcopy(janus.network, shared)
    if grid is not None:
        network.config.vq_config.num_patches = grid
        network.model.vision_model.config.num_image_tokens = grid**2
    return replace(janus, network=network)


class Plain:
    """The seed program's loop."""

    name = "plain"

    def __init__(self, janus: Janus) -> None:
        self.janus = janus

    def draw(self, prompt: str, *, temperature: float = 1.0, count: int = COUNT, decode: bool = True) -> Measured:
        """Draw, and decode all pictures in one batch as the seed program does."""
        began = time.perf_counter()
        tokens = plain.draw(self.janus, prompt, count=count, guidance=GUIDANCE, temperature=temperature)
        return _finish(self.janus, tokens, began, decode)

    def first_word(self, question: str) -> float:
        """Seconds to the first token of an answer, with nobody else there."""
        began = time.perf_counter()
        plain.answer(self.janus, [PHOTO], question, max_new_tokens=1)
        return time.perf_counter() - began


class Transformers:
    """transformers' `generate(generation_mode="image")`, as its documentation has it."""

    name = "transformers"

    def __init__(self, janus: Janus) -> None:
        self.janus = janus
        generation = janus.network.generation_config
        generation.bos_token_id, generation.pad_token_id = janus.prompts.bos, janus.prompts.pad
        generation.eos_token_id = janus.prompts.eos
        generation.generation_kwargs = {"boi_token_id": janus.prompts.begin_of_image}
        generation._from_model_config = False

    def draw(self, prompt: str, *, temperature: float = 1.0, count: int = COUNT, decode: bool = True) -> Measured:
        """Draw, and decode all pictures in one batch."""
        began = time.perf_counter()
        ids = torch.tensor([self.janus.prompts.drawing(prompt)], device=self.janus.device)
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        with torch.inference_mode():
            tokens = self.janus.network.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                generation_mode="image",
                guidance_scale=GUIDANCE,
                num_return_sequences=count,
                max_length=ids.shape[1] + self.janus.image_tokens,
                **sampling,
            )
        return _finish(self.janus, tokens, began, decode)


class Ours:
    """The engine."""

    name = "engine"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def draw(self, prompt: str, *, temperature: float = 1.0, count: int = COUNT, decode: bool = True) -> Measured:
        """Draw and decode; without `decode`, the pixels are left out."""
        drawing = Drawing(
            prompt=prompt, guidance=GUIDANCE, temperature=temperature, count=count, upscale=False, owner=prompt
        )
        (measured,) = self.crowd([drawing], decode=decode)
        return measured

    def crowd(self, drawings: list[Drawing], *, decode: bool = True) -> list[Measured]:
        """Serve all at once. Every run's seconds count from the common beginning."""
        began = time.perf_counter()
        runs = {drawing.id: self.add(drawing) for drawing in drawings}
        drawn: dict[str, float] = {}
        ends: dict[str, float] = {}
        while len(ends) < len(runs):
            ended = {id for id, event in self._step() if isinstance(event, Pictures)}
            now = time.perf_counter() - began
            for id, run in runs.items():
                assert isinstance(run, DrawingRun)
                if run.drawn_up and id not in drawn:
                    drawn[id] = now
                    if not decode:
                        ends[id] = now
                        self.engine.cancel(id)
            ends.update({id: now for id in ended if id not in ends})
        self.settle()
        return [
            Measured(drawn[id], ends[id] - drawn[id], torch.tensor([picture.tokens for picture in run.drawn]))
            for id, run in runs.items()
            if isinstance(run, DrawingRun)
        ]

    def first_word(self, question: str, crowd: list[Drawing], after: int) -> float:
        """Seconds to the first token of an answer to a question that comes `after` steps into others' drawings."""
        for drawing in crowd:
            self.add(drawing)
        until = self.engine.step_runner.steps + after
        while crowd and self.engine.step_runner.steps < until:
            self._step()
        began = time.perf_counter()
        run = self.add(Question(pictures=(PHOTO,), question=question, owner="asker"))
        assert isinstance(run, QuestionRun)
        while not (run.answer or run.complete):
            self._step()
        seconds = time.perf_counter() - began
        self.engine.reset()
        return seconds

    def steps(self, drawings: list[Drawing], count: int) -> tuple[list[float], list[Tensor]]:
        """Seconds of each of `count` steps with all `drawings` in flight, and the tokens that each has by then."""
        wanted = sum(drawing.count for drawing in drawings)
        if self.engine.lanes[PICTURES].capacity < wanted:
            raise PlainError(f"There is not enough memory to draw {wanted} pictures at once: try a smaller model.")
        runs = [self.add(drawing) for drawing in drawings]
        while not all(run.moving for run in runs):
            self._step()
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            self.engine.step()
            seconds.append(time.perf_counter() - began)
        tokens = [torch.stack(self.engine.picture_lane.so_far(run)) for run in runs if isinstance(run, DrawingRun)]
        self.engine.reset()
        return seconds, tokens

    def add(self, request: Request) -> AnyRun:
        """Check a request and let it wait for its seats."""
        run = self.engine.prepare(request)
        self.engine.add(run)
        return run

    def _step(self) -> list[tuple[str, Event]]:
        """Let the engine do a piece of work. Raises PlainError if a request failed: nothing would end it then."""
        events = self.engine.step()
        for _, event in events:
            if isinstance(event, Failed):
                raise PlainError(f"The benchmark can't go on: {event.reason}")
        return events

    def settle(self) -> None:
        """Let the engine tell what it has still to tell."""
        while not self.engine.idle:
            self.engine.step()


def _finish(janus: Janus, tokens: Tensor, began: float, decode: bool) -> Measured:
    tokens = tokens.cpu()  # waits for the device
    drawn = time.perf_counter()
    if decode:
        pixels.decode(janus.network, tokens.to(janus.device))
    return Measured(drawn - began, time.perf_counter() - drawn, tokens)


def interleaved(rounds: int, *acts: Callable[[], float]) -> list[list[float]]:
    """Time every act once a round, one after the other, so that all see the same machine; seconds, a list an act."""
    found: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for seconds, act in zip(found, acts, strict=True):
            seconds.append(act())
    return found
