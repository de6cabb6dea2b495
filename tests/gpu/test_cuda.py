"""What only a GPU can show. Each test takes seconds; none needs a network or a file that is not in the repository."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.bench import random_janus
from model.engine.engine import Engine
from model.network import sampling, upscaler
from model.network.upscaler import Lanczos
from model.requests import Answer, Event, Pictures, Preview, Request
from model.settings import EngineSettings
from model.weights import checkpoint
from model.weights.checkpoint import Janus
from model.weights.names import WEIGHTS, locate_upscaler
from tests.model.driving import PHOTO, ask, draw, run, text, tokens

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU (CUDA)")
CUDA = torch.device("cuda")

SHAPES = partial(draw, prompt="a small yellow star above a large blue square", guidance=5.0)
DESCRIBE = partial(ask, question="describe this image", temperature=0)


def engine_of(janus: Janus, **more: object) -> Engine:
    settings = EngineSettings(**{"rows": 10, "answers": 2, "prefill_tokens": 16, **more})  # type: ignore[arg-type]
    return Engine(janus, Lanczos(), settings)


@pytest.fixture(scope="module")
def demo() -> Janus:
    return checkpoint.load("demo", device="cuda", dtype="float32")


@pytest.fixture(scope="module")
def plain(demo: Janus) -> Engine:
    """Every kernel launched by itself, a token a step."""
    return engine_of(demo, compile=False, window=1)


@pytest.fixture(scope="module")
def compiled(demo: Janus) -> Iterator[Engine]:
    """Graphs, of fused kernels."""
    engine = engine_of(demo, compile=True)
    yield engine
    engine.step_runner.drop_graphs()


def crowd() -> list[Request]:
    """Drawings and questions that join and leave while others are on their way."""
    return [
        SHAPES(count=3, owner="a"),
        DESCRIBE(owner="b"),
        SHAPES(seed=50, count=1, guidance=2.0, owner="c"),
        draw(prompt="a red circle", count=5, temperature=0.5, owner="d"),
        DESCRIBE(question="what colour is it?", owner="e"),
        SHAPES(count=1, temperature=0, owner="f"),
        SHAPES(seed=60, count=2, avoid="a red circle and a green star", owner="g"),
        SHAPES(seed=70, count=2, top_k=20, owner="h"),
    ]


def same(found: list[list[Event]], expected: list[list[Event]]) -> None:
    for one, other in zip(found, expected, strict=True):
        if isinstance(other[-1], Pictures):
            assert tokens(one) == tokens(other)
        else:
            assert text(one) == text(other)


@pytest.mark.parametrize("every", [0, 1, 7])
def test_graphs_replay_right_while_rows_join_and_leave(plain: Engine, compiled: Engine, every: int) -> None:
    same(run(compiled, *crowd(), every=every), run(plain, *crowd(), every=every))


@pytest.mark.parametrize("window", [4, 16, 32])
def test_every_width_draws_the_same(demo: Janus, plain: Engine, window: int) -> None:
    wide = engine_of(demo, compile=True, window=window)
    same(run(wide, *crowd(), every=3), run(plain, *crowd()))


def test_it_draws_what_a_processor_draws(plain: Engine) -> None:
    own = engine_of(checkpoint.load("demo", device="cpu", dtype="float32"), window=1)
    same(run(plain, *crowd()), run(own, *crowd()))


def test_noise_is_the_same_integers_everywhere() -> None:
    keys = torch.from_numpy(sampling.keys(9, sampling.DRAWING, 50))
    tokens = torch.arange(16384, dtype=torch.int32)
    own, theirs = sampling.mixed(keys, tokens), sampling.mixed(keys.to(CUDA), tokens.to(CUDA)).cpu()
    assert torch.equal(own, theirs)
    fused = torch.compile(sampling.mixed)(keys.to(CUDA), tokens.to(CUDA)).cpu()
    assert torch.equal(own, fused)
    torch.testing.assert_close(sampling.gumbel(keys, tokens), sampling.gumbel(keys.to(CUDA), tokens.to(CUDA)).cpu())


def test_bfloat16_is_as_near_to_float32_as_its_bits_allow(demo: Janus) -> None:
    """Logits of one prompt's last position: an eighth of the spread of all logits at most, and mostly the same best."""
    half = checkpoint.load("demo", device="cuda", dtype="bfloat16")
    found = []
    for janus in (demo, half):
        network = janus.network
        ids = torch.tensor([janus.prompts.drawing("a red circle on a blue background")], device=CUDA)
        with torch.inference_mode():
            state = network.model.language_model(input_ids=ids).last_hidden_state[:, -1]
            found.append(network.model.generation_head(state).float()[0])
    exact, rounded = found
    assert (exact - rounded).abs().max() < exact.std() / 8
    drawn = [tokens(run(engine_of(janus, compile=False), SHAPES(count=5))[0]) for janus in (demo, half)]
    equal = np.mean(np.array(drawn[0]) == np.array(drawn[1]))
    assert equal > 0.5


def test_out_of_memory_by_a_real_allocation_costs_seats_and_no_request(demo: Janus) -> None:
    engine = engine_of(demo, compile=True, rows=40)
    expected = tokens(run(engine, SHAPES(count=2))[0])
    free, _ = torch.cuda.mem_get_info()
    engine.add(engine.prepare(SHAPES(count=2)))
    while not engine.step_runner.moving:
        engine.step()
    step, hog = engine.step_runner._step, [torch.empty(free // 2, dtype=torch.uint8, device=CUDA)]

    def greedy(*args: object) -> object:
        if hog:
            hog.append(torch.empty(free, dtype=torch.uint8, device=CUDA))  # more than is left
        return step(*args)  # type: ignore[arg-type]

    engine.step_runner._step = greedy  # type: ignore[assignment]
    drop = engine.step_runner.drop_graphs
    engine.step_runner.drop_graphs = lambda: (hog.clear(), drop())[1]  # type: ignore[func-returns-value, method-assign]
    events = []
    while not engine.idle:
        events += [event for _, event in engine.step()]
    assert isinstance(events[-1], Pictures)
    assert list(events[-1].tokens) == expected
    assert engine.lanes["pictures"].capacity < 20


def test_previews_and_pixels_are_those_of_a_processor(compiled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.engine.previews.FIRST_SECONDS", 0.0)
    monkeypatch.setattr(compiled.previews, "share", 1e9)
    events = run(compiled, SHAPES(count=2, previews=True))[0]
    assert any(isinstance(event, Preview) for event in events)
    final = events[-1]
    assert isinstance(final, Pictures)
    own = engine_of(checkpoint.load("demo", device="cpu", dtype="float32"))
    codes = torch.tensor(final.tokens).view(2, own.janus.grid, -1)
    expected = (own.picture_lane.vq(codes).clamp(-1, 1).permute(0, 2, 3, 1) + 1) * 127.5
    found = torch.stack([torch.from_numpy(np.array(picture)) for picture in final.pictures])
    assert (found - expected).abs().max() <= 2


def test_the_upscaler_in_its_type_is_that_of_a_processor() -> None:
    file = locate_upscaler("auto", "demo")
    picture = Image.effect_noise((96, 96), 60).convert("RGB")
    own, theirs = (np.asarray(upscaler.load(file, device=torch.device(d))(picture), int) for d in ("cpu", "cuda"))
    assert np.abs(own - theirs).max() <= 4
    assert np.abs(own - theirs).mean() < 0.5


def test_a_step_waits_for_the_device_once_at_its_end(compiled: Engine) -> None:
    for request in (SHAPES(count=5), DESCRIBE(max_new_tokens=60)):
        compiled.add(compiled.prepare(request))
    while compiled.work.prefills or not compiled.step_runner.moving:
        compiled.step()
    runner: Any = compiled.step_runner
    found = []
    batches = [runner.buckets[0], runner.buckets[-1]]
    with torch.inference_mode():
        for batch in batches:
            runner._step(runner.pictures, runner.answers, batch)  # recorded by now
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for batch in batches:
                found.append(runner._step(runner.pictures, runner.answers, batch))
                runner.decoder.step(runner.pictures, runner.answers, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert len(found) == len(batches)
    compiled.reset()


def test_a_small_network_of_the_real_shapes_serves_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """576 tokens at 384 pixels through graphs, vision tower and upscaler, at random weights."""
    small = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    monkeypatch.setitem(random_janus.LANGUAGE, "small", small)
    janus = random_janus.build("small", WEIGHTS / "demo", device="cuda", dtype="bfloat16")
    engine = Engine(janus, random_janus.upscaler(CUDA), EngineSettings(rows=10, answers=1))
    drawn, said = run(engine, draw(count=2, upscale=True), ask(pictures=(PHOTO,), max_new_tokens=8))
    assert isinstance(drawn[-1], Pictures)
    assert [picture.size for picture in drawn[-1].pictures] == [(768, 768)] * 2
    assert isinstance(said[-1], Answer)
    assert engine.step_runner.compiled
