"""What fits: the cache never takes more than its share, and too little is said in one line."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.engine import memory
from model.errors import PlainError
from model.network.cache import CacheShape, Lane
from model.settings import EngineSettings

SEVEN_B = CacheShape(layers=30, heads=32, head_size=128, dtype=torch.bfloat16, device=torch.device("cpu"))


def plan(free: int | None, settings: EngineSettings | None = None) -> memory.Plan:
    return memory.plan(SEVEN_B, settings or EngineSettings(), image_tokens=576, context=16384, free=free)


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
    assert fits.cache_bytes(SEVEN_B) <= free * share
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


def test_the_plan_is_what_lanes_take() -> None:
    shape = CacheShape(layers=2, heads=2, head_size=4, dtype=torch.float32, device=torch.device("cpu"))
    fits = memory.plan(shape, EngineSettings(rows=6, answers=2), image_tokens=16, context=64, free=None)
    lanes = [
        Lane(shape, seats=fits.pictures, length=fits.picture_length, width=2),
        Lane(shape, seats=fits.answers, length=fits.answer_length, width=1),
    ]
    taken = sum(layer.nbytes for lane in lanes for layer in lane.cache.layers)
    blank = fits.picture_length * shape.bytes_per_token
    assert taken + blank == fits.cache_bytes(shape)


def test_the_cpu_tells_what_it_has() -> None:
    free = memory.free_bytes(torch.device("cpu"))
    assert free is None or free > 2**28
