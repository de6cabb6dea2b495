"""Choosing tokens: the right distribution, exact greed, and streams that depend on nothing but the seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from model.network import sampling
from model.requests import SEEDS

DRAWS = 20_000
PINNED = [13760641, 3175014, 14556932, 6619978]


def critical(degrees: int) -> float:
    """The chi-square value that chance exceeds about once in 10,000 times (Wilson and Hilferty's approximation)."""
    return degrees * (1 - 2 / (9 * degrees) + 3.72 * math.sqrt(2 / (9 * degrees))) ** 3


def chi_square(counts: torch.Tensor, expected: torch.Tensor) -> tuple[float, int]:
    """Pearson's statistic and degrees of freedom; rare tokens share one bin."""
    rare = expected < 8
    pairs = [(counts[~rare], expected[~rare])]
    if rare.any() and expected[rare].sum() > 1:
        pairs.append((counts[rare].sum()[None], expected[rare].sum()[None]))
    seen, wanted = (torch.cat(part) for part in zip(*pairs, strict=True))
    return float(((seen - wanted) ** 2 / wanted).sum()), max(1, len(seen) - 1)


def one_step_of_many_seeds(step: int) -> torch.Tensor:
    """What a batch reads: the same step of neighbouring seeds, as five pictures of a drawing have them."""
    return torch.tensor(np.array([sampling.uniforms(seed, sampling.DRAWING, step + 1)[step] for seed in range(DRAWS)]))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("along", ["steps", "seeds"])
def test_sampling_follows_softmax(temperature: float, along: str) -> None:
    logits = torch.randn(100, generator=torch.Generator().manual_seed(1)) * 2
    uniform = (
        torch.from_numpy(sampling.uniforms(5, sampling.DRAWING, DRAWS))
        if along == "steps"
        else one_step_of_many_seeds(3)
    )
    sharpness = torch.full((DRAWS,), sampling.sharpness(temperature))
    drawn = sampling.sample(logits.expand(DRAWS, -1), sharpness, uniform)
    expected = torch.softmax(logits.double() / temperature, -1) * DRAWS
    statistic, degrees = chi_square(drawn.bincount(minlength=100).double(), expected)
    assert statistic < critical(degrees)


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.5])
@pytest.mark.parametrize("top_p", [0.0, 0.5, 0.95, 1.0])
def test_answers_follow_transformers_temperature_top_k_and_top_p(temperature: float, top_p: float) -> None:
    logits = torch.randn(300, generator=torch.Generator().manual_seed(2)) * 2
    warp = LogitsProcessorList([TemperatureLogitsWarper(temperature), TopKLogitsWarper(50), TopPLogitsWarper(top_p)])
    expected = torch.softmax(warp(None, logits[None].double()), -1)[0] * DRAWS
    uniform = torch.from_numpy(sampling.uniforms(9, sampling.ANSWER, DRAWS))
    drawn = sampling.sample_nucleus(
        logits.expand(DRAWS, -1),
        torch.full((DRAWS,), sampling.sharpness(temperature)),
        torch.full((DRAWS,), top_p),
        uniform,
    )
    counts = drawn.bincount(minlength=300).double()
    assert counts[expected == 0].sum() == 0
    if (expected > 0).sum() > 1:
        statistic, degrees = chi_square(counts, expected)
        assert statistic < critical(degrees)


@given(st.integers(0, 2**32 - 1), st.floats(-50, 50, width=32))
def test_temperature_0_is_argmax_however_small_the_gap(seed: int, top: float) -> None:
    logits = torch.randn(2, 80, generator=torch.Generator().manual_seed(seed))
    best = torch.tensor(top).clamp(min=float(logits.max()) + 1e-6)
    logits[0, 17], logits[0, 60] = best, torch.nextafter(best, torch.tensor(-math.inf))
    greedy, uniform = torch.full((2,), sampling.sharpness(0)), torch.tensor([0.0, 1 - 2**-24])
    assert torch.equal(sampling.sample(logits, greedy, uniform), logits.argmax(-1))
    assert torch.equal(sampling.sample_nucleus(logits, greedy, torch.ones(2), uniform), logits.argmax(-1))


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.full((3, 5), -math.inf)
    logits[:, 2] = 0
    edges = torch.tensor([0.0, 0.5, 1 - 2**-24])
    assert sampling.sample(logits, torch.ones(3), edges).tolist() == [2, 2, 2]


def test_guidance_is_u_plus_g_times_c_minus_u() -> None:
    logits = torch.randn(3, 2, 10)
    guidance = torch.tensor([1.0, 5.0, 0.0])
    expected = logits[:, 1] + guidance[:, None] * (logits[:, 0] - logits[:, 1])
    torch.testing.assert_close(sampling.guide(logits, guidance), expected)


def test_streams_are_fixed_for_ever() -> None:
    """A seed that somebody wrote down draws the same picture in the next version: these numbers never change."""
    assert (sampling.uniforms(42, sampling.DRAWING, 4) * 2**24).astype(int).tolist() == PINNED
    assert sampling.uniforms(42, sampling.DRAWING, 600)[:4].tolist() == sampling.uniforms(42, 0, 4).tolist()


def test_streams_of_neighbouring_seeds_and_of_both_families_are_unrelated() -> None:
    streams = [sampling.uniforms(s, f, 5000) for s in (0, 1, 2, SEEDS - 1) for f in (sampling.DRAWING, sampling.ANSWER)]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 5 / math.sqrt(5000)
    assert all(stream.min() >= 0 and stream.max() < 1 for stream in streams)


def test_at_temperature_zero_equally_good_tokens_do_not_leave_it_to_the_seed() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0]] * 4)
    streams = [sampling.uniforms(seed, sampling.ANSWER, 1, temperature=0) for seed in range(4)]
    uniform = torch.from_numpy(np.concatenate(streams))
    sharpness = torch.full((4,), sampling.sharpness(0))
    assert sampling.sample(logits, sharpness, uniform).tolist() == [1] * 4
    chosen = sampling.sample_nucleus(logits, sharpness, torch.full((4,), 0.9), uniform).tolist()
    assert chosen in ([1] * 4, [2] * 4, [4] * 4)  # topk puts equals in an order of its own


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_give_no_token_and_touch_no_other_row(bad: float) -> None:
    logits = torch.zeros(3, 60)
    logits[1, 7] = bad
    logits[0, 4] = logits[2, 5] = 200.0
    uniform, ones = torch.full((3,), 0.5), torch.ones(3)
    assert sampling.sample(logits, ones, uniform).tolist() == [4, sampling.BROKEN, 5]
    assert sampling.sample_nucleus(logits, ones, ones, uniform).tolist() == [4, sampling.BROKEN, 5]
