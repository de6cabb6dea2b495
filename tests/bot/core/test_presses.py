"""Presses that cost uploads: so many an hour, of each member."""

from bot.core.presses import HOUR, Presses


def test_so_many_an_hour_and_then_so_long_to_wait() -> None:
    presses = Presses(2)
    assert [presses.count(1, 0), presses.count(1, 100), presses.count(1, 200)] == [0, 0, HOUR - 200]
    assert presses.count(2, 300) == 0
    assert presses.count(1, HOUR) == 0  # the first of them is an hour old
    assert presses.count(1, HOUR + 1) == 99


def test_nothing_is_remembered_for_longer_than_an_hour() -> None:
    presses = Presses(1)
    for member in range(1000):
        presses.count(member, member)
    presses.count(-1, 3 * HOUR)
    assert len(presses._made) == len(presses._of) == 1
