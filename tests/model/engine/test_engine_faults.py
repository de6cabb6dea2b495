"""The engine refusing, cancelled, out of memory and broken."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from model.engine import memory
from model.engine.engine import Engine
from model.engine.out_of_memory import exhausted
from model.network import cache
from model.network.cache import KVCache
from model.network.upscaler import Lanczos
from model.requests import (
    Answer,
    Cancelled,
    Enlarge,
    Event,
    Failed,
    Pictures,
    Refused,
    Request,
)
from model.settings import EngineSettings
from model.weights.checkpoint import Janus, load
from tests.model.driving import ask, draw, run, text, tokens


@pytest.mark.parametrize(
    "bad",
    [
        draw(prompt=""),
        draw(prompt="word " * 300),
        draw(count=0),
        draw(temperature=-1.0),
        draw(guidance=float("inf")),
        draw(kept=(64,)),
        draw(kept=(1,) * 16),
        ask(pictures=()),
        ask(question=" "),
        ask(question="word " * 400),
        ask(top_p=1.5),
        ask(max_new_tokens=0),
        Enlarge.of(Image.new("RGB", (5000, 10))),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(engine: Engine, bad: Request) -> None:
    with pytest.raises(Refused) as refusal:
        engine.prepare(bad)
    assert str(refusal.value).endswith(".")
    assert engine.idle


def cancel_everywhere(engine: Engine, make: Callable[[], Request], steps: int) -> None:
    one, other = make(), draw(seed=9, count=2, owner="other")
    expected = tokens(run(engine, draw(seed=9, count=2))[0])
    for request in (one, other):
        engine.add(engine.prepare(request))
    ends: dict[str, Event] = {}
    for step in range(1000):
        if step == steps:
            engine.cancel(one.id)
        if engine.idle:
            break
        ends.update(engine.step())
    assert ends[one.id] == Cancelled()
    last = ends[other.id]
    assert isinstance(last, Pictures)
    assert list(last.tokens) == expected


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 8, 17, 20])
def test_cancelling_frees_the_rows_and_harms_nobody(tiny: Janus, steps: int) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=8, rows=10))
    for make in (
        partial(draw, count=5),
        partial(ask, max_new_tokens=100, temperature=1.0),
        partial(draw, count=4, upscale=True),
        partial(draw, count=3, prompts=("one", "another one", "one"), avoid="something that is much longer"),
    ):
        cancel_everywhere(engine, make, steps)
        assert engine.status().rows == 0
        assert not any(map(engine.scheduler.line, engine.scheduler.capacities))


class Faults:
    """Makes a method fail at chosen calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
        self.plan: list[Exception | None] = []
        whole = getattr(owner, name)

        def call(*args: object, **kwargs: object) -> object:
            if self.plan and (error := self.plan.pop(0)):
                raise error
            return whole(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)


EXHAUSTED = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_failures(error: Exception, is_memory: bool) -> None:
    assert exhausted(error) is is_memory


@pytest.mark.parametrize("method", ["decoder.prefill", "step_runner._step", "picture_lane.upscaler.pieces"])
def test_out_of_memory_is_survived_with_fewer_seats(
    tiny: Janus, monkeypatch: pytest.MonkeyPatch, method: str, engine: Engine
) -> None:
    expected = tokens(run(engine, draw(count=3))[0])
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    owner, _, name = method.rpartition(".")
    faults = Faults(monkeypatch, attrgetter(owner)(short), name)
    faults.plan = [None, EXHAUSTED]
    assert tokens(run(short, draw(count=3, prompt="a red circle", upscale=True))[0]) == expected
    assert not faults.plan
    assert short.scheduler.capacity("pictures") == short.lanes["pictures"].capacity == 5
    assert tokens(run(short, draw(count=3))[0]) == expected


@pytest.mark.parametrize("piece", range(7))
def test_pictures_that_are_drawn_already_wait_for_no_other_s_prompt(
    tiny: Janus, monkeypatch: pytest.MonkeyPatch, engine: Engine, piece: int
) -> None:
    """Where memory runs out at the prompt of one picture, it is read again, and those that are on their way go on."""
    wish = partial(draw, count=3, prompts=("one", "another, of more words", "a third"), avoid="blue")
    expected = tokens(run(engine, wish())[0])
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20, prefill_tokens=16))
    faults = Faults(monkeypatch, short.decoder, "prefill")
    faults.plan = [*[None] * piece, EXHAUSTED]
    assert tokens(run(short, wish())[0]) == expected
    assert not faults.plan


def lack_of_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine run short of memory in the middle of a drawing."""
    faults = Faults(monkeypatch, engine.step_runner, "_step")
    faults.plan = [None, EXHAUSTED]
    run(engine, draw(count=3))
    monkeypatch.undo()
    assert engine.lanes["pictures"].capacity == engine.scheduler.capacity("pictures") == 5


def test_after_a_while_memory_is_taken_back_and_nobody_notices(
    tiny: Janus, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    expected = tokens(run(engine, draw(count=3))[0])
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    lack_of_memory(short, monkeypatch)
    (first,) = run(short, draw(count=3))
    assert short.lanes["pictures"].capacity == 5  # not at once
    request = draw(count=3)
    short.add(short.prepare(request))
    for _ in range(6):
        short.step()
    short.shortage.until = 0.0  # it is a while later, in the middle of a drawing
    later = draw(count=5, seed=90)
    short.add(short.prepare(later))
    ends: dict[str, Event] = {}
    while not short.idle:
        ends.update(short.step())
    assert short.lanes["pictures"].capacity == short.scheduler.capacity("pictures") == 10
    assert {layer.shape[1] for layer in short.lanes["pictures"].cache.layers} == {20}
    assert tokens(first) == tokens([ends[request.id]]) == expected
    assert tokens([ends[later.id]]) == tokens(run(engine, draw(count=5, seed=90))[0])
    assert short.shortage.until is None


@pytest.mark.parametrize("why", ["little is free", "it fails on the way"])
def test_memory_that_is_still_lacking_is_not_taken_back(tiny: Janus, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    lack_of_memory(short, monkeypatch)
    if why == "little is free":
        monkeypatch.setattr(memory, "free_bytes", lambda device: 1000)
    else:
        faults = Faults(monkeypatch, cache, "_zeros")
        faults.plan = [None, EXHAUSTED]  # of two layers
    short.shortage.until = 0.0
    assert isinstance(run(short, draw(count=3))[0][-1], Pictures)
    assert short.lanes["pictures"].capacity == short.scheduler.capacity("pictures") == 5
    assert {layer.shape[1] for layer in short.lanes["pictures"].cache.layers} == {10}
    assert short.shortage.until
    assert short.shortage.until > 0.0
    monkeypatch.undo()
    short.shortage.until = 0.0
    assert isinstance(run(short, draw(count=3))[0][-1], Pictures)
    assert short.lanes["pictures"].capacity == 10


def test_out_of_memory_twice_costs_the_newest_request_only(tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    faults = Faults(monkeypatch, short.step_runner, "_step")
    faults.plan = [None, None, None, EXHAUSTED, EXHAUSTED]
    older, newer = run(short, draw(count=2), draw(count=2, seed=50))
    assert isinstance(older[-1], Pictures)
    assert isinstance(newer[-1], Failed)
    assert newer[-1].kind == "memory"


def test_a_failing_step_fails_those_in_it_and_nobody_else(
    tiny: Janus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(rows=10))
    faults = Faults(monkeypatch, engine.step_runner, "_step")
    faults.plan = [None, None, RuntimeError("a bug in a kernel")]
    inside, waiting = draw(count=5), draw(count=5)
    events = run(engine, inside, waiting)
    failed = events[0][-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "bug"
    assert "kernel" not in failed.reason
    assert inside.id in failed.reason
    assert "a bug in a kernel" in caplog.text
    assert inside.id in caplog.text
    assert isinstance(events[1][-1], Pictures)


def test_a_failing_prefill_fails_alone(tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tiny, Lanczos())
    faults = Faults(monkeypatch, engine.answer_lane, "_look")
    faults.plan = [RuntimeError("no such convolution")]
    question, drawing = run(engine, ask(), draw(count=2))
    assert isinstance(question[-1], Failed)
    assert isinstance(drawing[-1], Pictures)


def test_after_a_lack_of_memory_requests_can_still_be_cancelled(tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    faults = Faults(monkeypatch, short.step_runner, "_step")
    faults.plan = [None, EXHAUSTED]
    first, second = draw(count=2), draw(count=2, seed=50)
    for request in (first, second):
        short.add(short.prepare(request))
    while faults.plan:
        short.step()
    short.cancel(first.id)  # its seats are filled by those of the second: caches are copied
    events = []
    while not short.idle:
        events += short.step()
    assert isinstance(dict(events)[first.id], Cancelled)
    assert isinstance(dict(events)[second.id], Pictures)


def test_finished_pictures_wait_for_the_first_word_of_an_answer(tiny: Janus) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=16))
    drawing, question = draw(count=5, upscale=True), ask(owner="asker")
    engine.add(engine.prepare(drawing))
    while not engine.work.pixels:
        engine.step()
    asked = engine.prepare(question)
    engine.add(asked)
    left = len(engine.work.pixels)
    units = []
    do = engine._do
    engine._do = lambda task: (units.append(task.run), do(task))[1]  # type: ignore[method-assign, func-returns-value]
    while not asked.answer:  # type: ignore[union-attr]
        engine.step()
    assert left
    assert all(unit is asked for unit in units)
    while not engine.idle:
        engine.step()
    assert any(unit is not asked for unit in units)


NAN = float("nan")


def test_a_blank_prompt_that_broke_is_not_kept(engine: Engine, tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = tokens(run(engine, draw())[0])
    fresh = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=4))
    whole = fresh.decoder.prefill
    breaking = [1, 2]  # which pieces of it

    def prefill(inputs: Tensor, into: KVCache, row: int, start: int) -> None:
        whole(inputs, into, row, start)
        if into is fresh.picture_lane.blank and breaking and breaking.pop(0) == 2:
            into.layers[-1][:, row, :, start] = NAN

    monkeypatch.setattr(fresh.decoder, "prefill", prefill)
    failed = run(fresh, draw())[0][-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "bug"
    assert all(layer.isfinite().all() for layer in fresh.picture_lane.blank.layers)
    assert tokens(run(fresh, draw())[0]) == expected  # whoever comes next


def test_a_picture_that_breaks_the_vision_tower_in_16_bits_is_looked_at_in_32(tiny_folder: Path) -> None:
    half = load(tiny_folder, device="cpu", dtype="bfloat16")
    engine = Engine(half, Lanczos())
    expected = text(run(engine, ask())[0])
    broken: list[torch.dtype] = []

    def hook(module: nn.Module, given: object, found: Tensor) -> Tensor | None:
        broken.append(found.dtype)
        return None if found.dtype is torch.float32 else found * NAN

    half.network.model.aligner.register_forward_hook(hook)
    events = run(engine, ask())[0]
    assert broken == [torch.bfloat16, torch.float32]
    assert isinstance(events[-1], Answer)
    assert text(events)[:1] == expected[:1]  # nearly the same was seen
    assert {p.dtype for p in half.network.model.vision_model.parameters()} == {torch.bfloat16}


def test_what_is_no_picture_is_not_delivered_as_one(tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tiny, Lanczos())
    nothing = torch.full((1, 3, 32, 32), NAN)
    monkeypatch.setattr(engine.picture_lane.vq, "_decode", lambda codes: nothing)
    failed, other = run(engine, draw(), ask())
    assert isinstance(failed[-1], Failed)
    assert isinstance(other[-1], Answer)
    monkeypatch.undo()
    assert isinstance(run(engine, draw())[0][-1], Pictures)
