"""Choosing tokens: the right distribution, exact greed, and streams that depend on nothing but the seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from model.network import sampling
from model.requests import STREAM

DRAWS = 20_000
PINNED_KEYS = [[1298302990, -772243075], [1556642174, 812803766]]
PINNED = [[605064320, 1782336806, 2052180616, 889076848], [1442227375, 1208709937, 116661634, 1787552336]]
TOKENS = torch.arange(16384, dtype=torch.int32)


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


def keys_along(what: str, family: int = sampling.DRAWING) -> torch.Tensor:
    """Keys of DRAWS rows: of one picture's steps, or, as a batch reads them, of one step of neighbouring seeds."""
    if what == "steps":
        return torch.from_numpy(sampling.keys(5, family, DRAWS))
    return torch.from_numpy(np.concatenate([sampling.keys(seed, family, 4)[3:] for seed in range(DRAWS)]))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("along", ["steps", "seeds"])
@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_sampling_follows_softmax_of_what_guidance_makes(temperature: float, along: str, guidance: float) -> None:
    pair = torch.randn(1, 2, 100, generator=torch.Generator().manual_seed(1)) * torch.tensor([[[1.0], [0.8]]])
    (logits,) = sampling.guide(pair, torch.tensor([guidance]))
    drawn = sampling.sample(
        logits.expand(DRAWS, -1), torch.full((DRAWS,), temperature), keys_along(along), TOKENS[:100]
    )
    expected = torch.softmax(logits.double() / temperature, -1) * DRAWS
    statistic, degrees = chi_square(drawn.bincount(minlength=100).double(), expected)
    assert statistic < critical(degrees)


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.5])
@pytest.mark.parametrize("top_p", [0.0, 0.5, 0.95, 1.0])
def test_answers_follow_transformers_temperature_top_k_and_top_p(temperature: float, top_p: float) -> None:
    logits = torch.randn(300, generator=torch.Generator().manual_seed(2)) * 2
    warp = LogitsProcessorList([TemperatureLogitsWarper(temperature), TopKLogitsWarper(50), TopPLogitsWarper(top_p)])
    expected = torch.softmax(warp(None, logits[None].double()), -1)[0] * DRAWS
    drawn = sampling.sample_nucleus(
        logits.expand(DRAWS, -1),
        torch.full((DRAWS,), temperature),
        torch.full((DRAWS,), top_p),
        keys_along("steps", sampling.ANSWER),
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
    cold, keys = torch.zeros(2), torch.from_numpy(sampling.keys(seed, sampling.DRAWING, 2))
    assert torch.equal(sampling.sample(logits, cold, keys, TOKENS[:80]), logits.argmax(-1))
    assert torch.equal(sampling.sample_nucleus(logits, cold, torch.ones(2), keys), logits.argmax(-1))


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.full((DRAWS, 5), -math.inf)
    logits[:, 2] = 0
    drawn = sampling.sample(logits, torch.ones(DRAWS), keys_along("steps"), TOKENS[:5])
    assert (drawn == 2).all()


def test_guidance_is_u_plus_g_times_c_minus_u() -> None:
    logits = torch.randn(3, 2, 10)
    guidance = torch.tensor([1.0, 5.0, 0.0])
    expected = logits[:, 1] + guidance[:, None] * (logits[:, 0] - logits[:, 1])
    torch.testing.assert_close(sampling.guide(logits, guidance), expected)


# -- the noise --------------------------------------------------------------------------------------------------------


def test_streams_are_fixed_as_long_as_their_version_is() -> None:
    """A seed that somebody wrote down draws the same picture in the next version, unless STREAM says otherwise."""
    assert STREAM == 2
    keys = sampling.keys(42, sampling.DRAWING, 2)
    assert keys.tolist() == PINNED_KEYS
    assert sampling.mixed(torch.from_numpy(keys), TOKENS[:4]).tolist() == PINNED
    assert sampling.keys(42, sampling.DRAWING, 600)[:2].tolist() == PINNED_KEYS


def test_tokens_of_a_row_have_the_noise_they_have_by_themselves() -> None:
    keys = torch.from_numpy(sampling.keys(7, sampling.ANSWER, 3))
    own = torch.tensor([[5, 16000, 9], [0, 5, 1], [16383, 2, 5]])
    assert torch.equal(sampling.gumbel(keys, own), sampling.gumbel(keys, TOKENS).gather(1, own))


def noise_of(first_seed: int, positions: int, seeds: int, tokens: int) -> torch.Tensor:
    """Gumbel noise (seeds, positions, tokens) of neighbouring seeds."""
    keys = np.stack([sampling.keys(first_seed + i, sampling.DRAWING, positions) for i in range(seeds)])
    return sampling.gumbel(torch.from_numpy(keys).flatten(0, 1), TOKENS[:tokens]).view(seeds, positions, tokens)


@pytest.mark.parametrize("shape", [(1, 16, 16384), (16, 16, 4096), (1, 576, 1800)])
def test_a_million_numbers_are_gumbels_and_neighbours_know_nothing_of_each_other(shape: tuple[int, int, int]) -> None:
    seeds, positions, tokens = shape
    noise = noise_of(1000, positions, seeds, tokens)
    count = noise.numel()
    assert noise.isfinite().all()
    # the distribution function makes uniform numbers of them: 1000 bins, and the tail that likely tokens are drawn by
    uniform = torch.exp(-torch.exp(-noise.double())).flatten()
    bins = torch.histc(uniform, 1000, 0, 1)
    statistic, degrees = chi_square(bins, torch.full((1000,), count / 1000))
    assert statistic < critical(degrees)
    for tail in (1e-3, 1e-4, 1e-5):
        expected = count * tail
        assert abs(float((1 - uniform < tail).sum()) - expected) < 5 * math.sqrt(expected)
    # neighbours along every axis, a few steps apart, and by their signs, which linear correlation may not see
    centred = noise - noise.mean()
    for axis, length in enumerate(noise.shape):
        for distance in (1, 2, 3, 8, 24, 64):
            if distance < length:
                one, other = (
                    centred.narrow(axis, 0, length - distance),
                    centred.narrow(axis, distance, length - distance),
                )
                pairs = one.numel()
                assert abs(torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1]) < 5 / math.sqrt(pairs)
                agree = ((one > 0) == (other > 0)).double().mean()
                above = (centred > 0).double().mean()
                chance = above**2 + (1 - above) ** 2
                assert abs(agree - chance) < 5 * math.sqrt(0.25 / pairs)


def test_every_bit_of_every_neighbour_flips_half_of_the_bits() -> None:
    """Seeds, positions and tokens that differ in one step or one bit have half of all bits in common, as strangers."""
    first = torch.from_numpy(sampling.keys(3, sampling.DRAWING, 500))
    flips = {f"token bit {bit}": (first, TOKENS[:200] ^ (1 << bit)) for bit in range(14)}
    flips |= {"seed": (torch.from_numpy(sampling.keys(4, sampling.DRAWING, 500)), TOKENS[:200])}
    flips |= {"family": (torch.from_numpy(sampling.keys(3, sampling.ANSWER, 500)), TOKENS[:200])}
    flips |= {"position": (first.roll(1, 0), TOKENS[:200])}
    before = sampling.mixed(first, TOKENS[:200])
    for name, (keys, tokens) in flips.items():
        changed = before ^ sampling.mixed(keys, tokens)
        each = torch.stack([(changed >> bit & 1).double().mean() for bit in range(31)])  # the sign is not used
        assert (each - 0.5).abs().max() < 5 * math.sqrt(0.25 / changed.numel()), name


def test_the_winners_of_neighbouring_positions_and_seeds_are_unrelated() -> None:
    """What sampling sees of the noise is which token wins: over equal logits each wins alike, whoever won before."""
    winners = noise_of(77, positions=4000, seeds=2, tokens=8).argmax(-1)
    for one, other in ((winners[0, :-1], winners[0, 1:]), (winners[0], winners[1])):
        pairs = (one * 8 + other).bincount(minlength=64).double()
        statistic, degrees = chi_square(pairs, torch.full((64,), len(one) / 64))
        assert statistic < critical(degrees)


def test_at_temperature_zero_equally_good_tokens_do_not_leave_it_to_the_seed() -> None:
    logits = torch.tensor([[0.0, 3.0, 3.0, 2.0, 3.0]] * 4)
    keys = torch.from_numpy(np.concatenate([sampling.keys(seed, sampling.ANSWER, 1) for seed in range(4)]))
    cold = torch.zeros(4)
    assert sampling.sample(logits, cold, keys, TOKENS[:5]).tolist() == [1] * 4
    chosen = sampling.sample_nucleus(logits, cold, torch.full((4,), 0.9), keys).tolist()
    assert chosen in ([1] * 4, [2] * 4, [4] * 4)  # topk puts equals in an order of its own


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_give_no_token_and_touch_no_other_row(bad: float) -> None:
    logits = torch.zeros(3, 60)
    logits[1, 7] = bad
    logits[0, 4] = logits[2, 5] = 200.0
    keys, ones = torch.from_numpy(sampling.keys(1, sampling.DRAWING, 3)), torch.ones(3)
    assert sampling.sample(logits, ones, keys, TOKENS[:60]).tolist() == [4, sampling.BROKEN, 5]
    assert sampling.sample_nucleus(logits, ones, ones, keys).tolist() == [4, sampling.BROKEN, 5]


def test_the_likeliest_are_left_and_all_where_nothing_is_said() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0, 0.0], [1.0, 3.0, 2.0, 0.0], [1.0, 3.0, 2.0, 0.0], [5.0, 5.0, 4.0, 3.0]])
    narrowed = sampling.narrow(logits, torch.tensor([0, 2, 9, 1]))
    inf = float("inf")
    assert narrowed.tolist() == [[1, 3, 2, 0], [-inf, 3, 2, -inf], [1, 3, 2, 0], [5, 5, -inf, -inf]]
    broken = sampling.narrow(torch.full((1, 4), float("nan")), torch.tensor([2]))
    chosen = sampling.sample(broken, torch.ones(1), torch.zeros(1, 2, dtype=torch.int32), torch.arange(4))
    assert chosen.tolist() == [sampling.BROKEN]
