"""What those who wait are told: nothing without a measurement, and what it took lately."""

import pytest

from model.cluster.waits import MEMORY, Waits


def test_nobody_is_told_what_was_not_measured() -> None:
    waits = Waits()
    assert waits.estimate("pictures", 1, 4) is None
    waits.note("answers", 1.0)
    assert waits.estimate("pictures", 1, 4) is None
    assert waits.estimate("answers", 1, 0) is None  # none is there: it may take any time


def test_the_more_work_at_once_the_sooner_and_the_further_back_the_later() -> None:
    waits = Waits()
    for seconds in (8.0, 12.0):
        waits.note("pictures", seconds)
    assert waits.estimate("pictures", 1, 1) == pytest.approx(10.0)
    assert waits.estimate("pictures", 1, 4) == pytest.approx(2.5)
    assert waits.estimate("pictures", 6, 4) == pytest.approx(15.0)


def test_what_is_long_ago_does_not_count() -> None:
    waits = Waits()
    waits.note("pictures", 1000.0)
    for _ in range(MEMORY):
        waits.note("pictures", 2.0)
    assert waits.estimate("pictures", 1, 1) == pytest.approx(2.0)
