"""Seats: the first ones are always those in use, and moving one carries all that a step reads."""

import mmap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network.cache import CacheShape, KVCache, Lane, Seat

SHAPE = CacheShape(layers=2, heads=2, head_size=4, dtype=torch.float32, device=torch.device("cpu"))


STATUS = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of memory that this process takes."""
    return int(STATUS.read_text().split()[1]) * mmap.PAGESIZE


def fill(lane: Lane, seat: Seat, mark: int) -> None:
    """Give a seat `mark` prefilled positions, every number of it `mark`."""
    for layer in lane.cache.layers:
        layer[:, list(lane.rows(seat.index)), :, :mark] = mark
    lane.cover([seat], mark)
    lane.start(seat, position=mark, token=mark, keys=np.full((3, 2), mark, np.int32), temperature=mark, strength=mark)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_seats_in_use_are_the_first_and_keep_what_they_hold(data: st.DataObject) -> None:
    lane = Lane(SHAPE, seats=6, length=20, width=2)
    held: dict[int, Seat] = {}
    for mark in range(1, 15):
        leaving = [m for m in held if data.draw(st.booleans())]
        lane.release([held.pop(m) for m in leaving])
        for m, seat in zip(range(mark * 100, mark * 100 + lane.free), lane.take(lane.free), strict=False):
            fill(lane, seat, m % 13 + 1)
            held[m] = seat
        assert sorted(seat.index for seat in held.values()) == list(range(len(held)))
        assert [seat.index for seat in lane.taken] == list(range(len(held)))
        for m, seat in held.items():
            value, i = m % 13 + 1, seat.index
            assert lane.tokens[i, value] == lane.positions[i] == lane.temperature[i] == lane.strength[i] == value
            assert (lane.keys[i, value : value + 3] == value).all()
            assert [int(of[i]) for of in (lane.first, lane.last, lane.guessed)] == [value + 1, value + 3, value]
            rows = torch.stack([layer[:, list(lane.rows(i)), :, :value] for layer in lane.cache.layers])
            assert (rows == value).all()
        assert lane.moving.tolist() == [1] * len(held) + [0] * lane.free


def test_an_empty_seat_scribbles_on_its_last_position_only() -> None:
    lane = Lane(SHAPE, seats=2, length=20, width=1)
    seat = lane.take(1)[0]
    assert not seat.moving
    assert lane.positions.tolist() == [19, 19]
    fill(lane, seat, 5)
    assert lane.positions.tolist() == [5, 19]
    lane.release([seat])
    assert lane.positions.tolist() == [19, 19]


def test_nothing_is_left_of_who_was_there_for_whoever_moves_in() -> None:
    """Masked positions count zero times, and zero times NaN is NaN."""
    lane = Lane(SHAPE, seats=3, length=20, width=2)
    broken, other, third = lane.take(3)
    fill(lane, broken, 12)
    lane.cover([broken], 13)  # by the step that broke
    fill(lane, other, 3)
    lane.cover([third], 7)  # being prefilled, and no further than this
    for layer in lane.cache.layers:
        layer[:, list(lane.rows(broken.index)), :, :13] = float("nan")  # the step that broke wrote at its position
        layer[:, list(lane.rows(third.index)), :, :7] = float("nan")
        layer[:, list(lane.rows(third.index)), :, -1] = float("nan")
    lane.release([broken, third])
    assert lane.taken == [other]
    assert not any(layer.isnan().any() for layer in lane.cache.layers)
    assert all((layer[:, :2, :, :3] == 3).all() for layer in lane.cache.layers)
    assert not any(layer[:, :, :, 3:].any() or layer[:, 2:].any() for layer in lane.cache.layers)


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells how much memory a process takes")
def test_on_a_cpu_a_cache_takes_memory_only_where_it_was_written() -> None:
    before = resident()
    lane = Lane(replace(SHAPE, heads=16, head_size=64), seats=8, length=2048, width=2)
    whole = sum(layer.nbytes for layer in lane.cache.layers)
    assert whole == 8 * 2 * 2048 * 2 * 2 * 16 * 64 * 4
    seats = lane.take(2)
    fill(lane, seats[0], 100)
    fill(lane, seats[1], 100)
    lane.release(seats)
    assert resident() - before < whole / 10


WINDOW = 4
ABOVE = 3  # tokens in a row of a picture


def windowed(*, position: int = 5, tokens: int = 10) -> Lane:
    """A lane of one seat, whose picture begins at 3 and stands up to `position`, with `tokens` left to draw."""
    lane = Lane(SHAPE, seats=1, length=20, width=2)
    (seat,) = lane.take(1)
    lane.tokens[0, : position + 1] = torch.arange(position + 1) * 10
    keys = np.zeros((tokens, 2), np.int32)
    lane.start(seat, position=position, token=position * 10, keys=keys, temperature=1, strength=1, first=3)
    return lane


def take(lane: Lane, chosen: list[int], width: int = WINDOW) -> int:
    """Let a step choose these."""
    at, read = lane.window(1, width, ABOVE)
    return int(lane.choose(at, read, torch.tensor([chosen])).item())


def test_a_guess_is_what_stands_above_or_what_was_guessed_before() -> None:
    lane = windowed()
    at, read = lane.window(1, WINDOW, ABOVE)
    assert at.tolist() == [[5, 6, 7, 8]]
    assert read.tolist() == [[50, 30, 40, 50]]
    assert lane.window(1, 6, ABOVE)[1].tolist() == [[50, 30, 40, 50, 30, 40]]
    assert windowed(position=3).window(1, 3, ABOVE)[1].tolist() == [[30, 30, 30]]  # nothing of the picture is above
    assert take(lane, [61, 71, 81, 91]) == 1
    assert lane.window(1, 5, ABOVE)[1].tolist() == [[61, 71, 81, 91, 71]]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [([1, 2, 3, 4], 1), ([30, 2, 3, 4], 2), ([30, 40, 3, 4], 3), ([30, 40, 50, 4], 4), ([1, 40, 50, 4], 1)],
)
def test_what_follows_right_guesses_is_certain(chosen: list[int], count: int) -> None:
    lane = windowed()
    assert take(lane, chosen) == count
    assert lane.positions.tolist() == [5 + count]
    assert lane.tokens[0, 6 : 6 + count].tolist() == chosen[:count]


def test_a_window_ends_where_the_picture_does() -> None:
    lane = windowed(tokens=2)
    assert take(lane, [30, 40, 50, 4]) == 2
    assert lane.positions.tolist() == lane.last.tolist() == [7]
    short = windowed(position=17, tokens=2)  # and where the cache does
    assert short.window(1, WINDOW, ABOVE)[0].tolist() == [[17, 18, 19, 19]]


@pytest.mark.parametrize("position", [2, 5])  # the token before the first one that is drawn, and later
def test_a_seat_that_does_not_move_stays_where_it_is_and_reads_the_same_again(position: int) -> None:
    lane = windowed(position=position)
    lane.moving[0] = 0
    for _ in range(2):
        assert take(lane, [30, 40, 50, 4]) == 0
        assert lane.positions.tolist() == [position]
        assert lane.window(1, WINDOW, ABOVE)[1].tolist() == [[position * 10, 30, 40, 50]]


@pytest.mark.parametrize(
    ("chosen", "count"), [([-1, 2, 3, 4], -1), ([30, -1, 3, 4], -1), ([1, -1, 3, 4], 1), ([1, 2, -1, -1], 1)]
)
def test_no_token_breaks_a_seat_only_where_it_would_be_certain(chosen: list[int], count: int) -> None:
    assert take(windowed(), chosen) == count
    one = windowed()
    assert take(one, chosen[:1], width=1) == (-1 if chosen[0] < 0 else 1)


def test_bytes_a_token_are_what_torch_allocates() -> None:
    cache = KVCache(SHAPE, rows=3, length=7)
    assert sum(layer.nbytes for layer in cache.layers) == 3 * 7 * SHAPE.bytes_per_token


def test_a_shrunk_lane_keeps_what_is_in_use() -> None:
    lane = Lane(SHAPE, seats=8, length=20, width=2)
    seats = lane.take(3)
    for mark, seat in enumerate(seats, 1):
        fill(lane, seat, mark)
    lane.capacity = 4
    lane.shrink()
    assert all(len(layer[0]) == 8 for layer in lane.cache.layers)
    assert all((lane.cache.layers[1][:, list(lane.rows(i)), :, : i + 1] == i + 1).all() for i in range(3))
    assert lane.free == 1
