"""Seats: the first ones are always those in use, and moving one carries all that a step reads."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network.cache import CacheShape, KVCache, Lane, Seat

SHAPE = CacheShape(layers=2, heads=2, head_size=4, dtype=torch.float32, device=torch.device("cpu"))


def fill(lane: Lane, seat: Seat, mark: int) -> None:
    """Give a seat `mark` prefilled positions, every number of it `mark`."""
    for layer in lane.cache.layers:
        layer[:, list(lane.rows(seat.index)), :, :mark] = mark
    stream = np.full(3, mark / 100, np.float32)
    lane.start(seat, position=mark, token=mark, uniforms=stream, sharpness=mark, strength=mark)


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
            assert lane.tokens[i, value] == lane.positions[i] == lane.sharpness[i] == lane.strength[i] == value
            assert torch.equal(lane.uniforms[i, value : value + 3], torch.full((3,), value / 100))
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
