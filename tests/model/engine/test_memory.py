"""What fits: the cache never takes more than its share, and too little is said in one line."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.engine import memory
from model.errors import PlainError
from model.network.cache import CacheShape, Lane
from model.settings import EngineSettings
from model.weights.checkpoint import load
from tests import tiny

SMAPS = Path("/proc/self/smaps")
SEVEN_B = CacheShape(layers=30, heads=32, head_size=128, dtype=torch.bfloat16, device=torch.device("cpu"))


def plan(free: int | None, settings: EngineSettings | None = None) -> memory.Plan:
    return memory.plan(
        SEVEN_B.bytes_per_token, settings or EngineSettings(), image_tokens=576, context=16384, free=free
    )


def test_bytes_a_token_of_the_7b_model() -> None:
    assert SEVEN_B.bytes_per_token == 491_520


@given(st.integers(3 * 2**30, 2**40), st.floats(0.5, 1), st.integers(2, 200), st.integers(1, 20))
def test_the_cache_fits_its_share(free: int, share: float, rows: int, answers: int) -> None:
    settings = EngineSettings(memory_share=share, rows=rows, answers=answers)
    try:
        fits = plan(free, settings)
    except PlainError:
        assert free * share < 3 * 2**30
        return
    assert fits.cache_bytes(SEVEN_B.bytes_per_token) <= free * share
    assert 1 <= fits.pictures <= max(1, rows // 2)
    assert 1 <= fits.answers <= answers


def test_with_little_memory_five_pictures_stay_together_as_long_as_they_can() -> None:
    assert plan(None).pictures == 20
    few = plan(6 * 2**30)
    assert (few.pictures, few.answers) == (5, 1)
    assert 2048 <= few.answer_length < plan(None).answer_length
    assert plan(4 * 2**30).pictures < 5


def test_too_little_is_told_in_a_line() -> None:
    with pytest.raises(PlainError, match="too little memory") as told:
        plan(10**9)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("rows", "answers"), [(6, 2), (2, 0), (0, 1), (0, 0)])
def test_the_plan_is_what_lanes_take(rows: int, answers: int) -> None:
    shape = CacheShape(layers=2, heads=2, head_size=4, dtype=torch.float32, device=torch.device("cpu"))
    settings = EngineSettings(rows=rows, answers=answers)
    fits = memory.plan(shape.bytes_per_token, settings, image_tokens=16, context=64, free=None)
    assert (fits.pictures, fits.answers) == (rows // 2, answers)
    lanes = [
        Lane(shape, seats=fits.pictures, length=fits.picture_length, width=2),
        Lane(shape, seats=fits.answers, length=fits.answer_length, width=1),
    ]
    taken = sum(layer.nbytes for lane in lanes for layer in lane.cache.layers)
    blank = fits.picture_length * shape.bytes_per_token if rows else 0
    assert taken + blank == fits.cache_bytes(shape.bytes_per_token)


def resident(address: int) -> int:
    """Bytes that are in memory of the mapping that holds an address."""
    for mapping in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", SMAPS.read_text()):
        bounds = re.match(r"([0-9a-f]+)-([0-9a-f]+)", mapping)
        if bounds and int(bounds[1], 16) <= address < int(bounds[2], 16):
            return int(re.findall(r"(?m)^Rss: +(\d+) kB", mapping)[0]) * 1024
    raise AssertionError("nothing is mapped there")


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux gives pages back by name")
@pytest.mark.parametrize("write", [tiny.write, tiny.write_deepseek])
def test_the_pages_of_weights_go_back_and_come_again(write: Callable[[Path], Path], tmp_path: Path) -> None:
    network = load(write(tmp_path), device="cpu").network
    weight = network.get_input_embeddings().weight
    before = weight.clone()
    assert resident(weight.data_ptr()) > 0
    memory.give_back_pages(network)
    assert resident(weight.data_ptr()) == 0
    assert torch.equal(weight, before)


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux gives pages back by name")
def test_what_was_written_to_mapped_weights_is_kept(tmp_path: Path) -> None:
    network = load(tiny.write(tmp_path), device="cpu").network
    weight = network.get_input_embeddings().weight
    weight[0] = 7
    memory.give_back_pages(network)
    assert (weight[0] == 7).all()
    own = tiny.network()  # no file at all
    memory.give_back_pages(own)
    assert torch.equal(own.lm_head.weight, tiny.network().lm_head.weight)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak anew")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_one_request_takes_little_beside_the_weights(tmp_path: Path, dtype: str) -> None:
    """The process's own memory: files that are mapped can be dropped at any time. 250 MB of weights in float32."""
    config = tiny.config()
    config.text_config.hidden_size = config.vision_config.projection_dim = 1024
    config.text_config.intermediate_size = 1024
    config.text_config.num_hidden_layers = 8
    config.text_config.head_dim = 512
    config.vq_config.projection_dim = config.vq_config.image_token_embed_dim = 1024
    folder = tiny.write(tmp_path, tiny.network(config))
    script = """
import asyncio, re, sys, threading, time
from pathlib import Path
from PIL import Image
from model.executor import open_here
from model.requests import Answer, Question
from model.settings import EngineSettings, ModelSettings
peak, over = 0, False
def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
def watch():
    global peak
    while not over:
        peak = max(peak, anonymous())
        time.sleep(0.002)
async def ask(folder):
    model = ModelSettings(name=folder, device="cpu", dtype=sys.argv[3])
    request = Question(pictures=(Image.new("RGB", (32, 32)),), question="what?", max_new_tokens=4)
    executor = open_here(model, EngineSettings(), only=request)
    events = [event async for event in await executor.submit(request)]
    assert isinstance(events[-1], Answer), events[-1]
    weights = sum(part.nbytes for part in executor._life.engine.janus.network.parameters())
    await executor.close()
    return weights
asyncio.run(ask(sys.argv[2]))  # whatever a first request imports
before = anonymous()
threading.Thread(target=watch).start()
weights = asyncio.run(ask(sys.argv[1]))
over = True
print(weights, peak - before)
"""
    small = tiny.write(tmp_path / "small")
    command = [sys.executable, "-c", script, str(folder), str(small), dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    weights, peak = map(int, done.stdout.split())
    assert weights > 120e6
    assert peak < 1.25 * weights + 32e6  # a process leaves that much to the garbage collector, whatever it loads


def test_the_cpu_tells_what_it_has() -> None:
    free = memory.free_bytes(torch.device("cpu"))
    assert free is None or free > 2**28
