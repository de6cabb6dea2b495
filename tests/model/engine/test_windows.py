"""The width of a step follows what was measured, trying costs little, and a width that was set holds."""

import random

import pytest

from model.engine.windows import LOSS, SIZES, Acceptance, Windows

PICTURES = 5


class Machine:
    """Steps that take as long, and settle as many tokens, as they are told to."""

    def __init__(self, seconds: dict[int, float], right: float) -> None:
        self.seconds, self.right = seconds, right
        self.random = random.Random(4)

    def step(self, windows: Windows) -> tuple[int, float]:
        """Take one step; gives its width, and the seconds that its tokens would have taken at width 1."""
        size = windows.choose(PICTURES)
        counts = [self.count(size) for _ in range(PICTURES)]
        windows.note(PICTURES, size, self.seconds[size] * self.random.uniform(0.9, 1.1), counts)
        return size, sum(counts) / PICTURES * self.seconds[1]

    def count(self, size: int) -> int:
        count = 1
        while count < size and self.random.random() < self.right:
            count += 1
        return count


def usual(machine: Machine, windows: Windows, steps: int = 2000) -> int:
    """The width of most steps, once it has learnt."""
    sizes = [machine.step(windows)[0] for _ in range(steps)][steps // 2 :]
    return max(SIZES, key=sizes.count)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize(
    ("seconds", "right", "best"),
    [
        ([1.0, 1.0, 1.01, 1.02, 1.05], 0.95, 32),  # a step reads the weights, whatever it does with them
        ([1.0, 1.1, 1.4, 2.5, 5.0], 0.6, 4),
        ([1.0, 1.2, 1.3, 2.5, 5.0], 0.75, 8),
        ([1.0, 3.9, 7.8, 15.5, 31.0], 0.6, 1),  # every row costs its own
        ([1.0, 1.1, 1.2, 1.3, 1.4], 0.0, 1),  # no guess is ever right
    ],
)
def test_the_width_with_the_most_tokens_a_second_is_found(
    seconds: list[float], right: float, best: int, told: bool
) -> None:
    table = dict(zip(SIZES, seconds, strict=True))
    windows = Windows("auto")
    if told:
        for size, each in table.items():
            windows.measured(PICTURES, size, each)
    assert usual(Machine(table, right), windows) == best


def test_a_machine_that_changes_is_followed() -> None:
    windows, machine = Windows("auto"), Machine(dict(zip(SIZES, [1.0, 1.1, 1.2, 1.3, 1.4], strict=True)), 0.7)
    assert usual(machine, windows) >= 8
    machine.seconds = dict(zip(SIZES, [1.0, 3.9, 7.8, 15.5, 31.0], strict=True))
    assert usual(machine, windows) == 1


def test_trying_costs_little_where_nothing_is_gained() -> None:
    machine, windows = Machine(dict(zip(SIZES, [1.0, 3.9, 7.8, 15.5, 31.0], strict=True)), 0.5), Windows("auto")
    steps = [machine.step(windows) for _ in range(3000)]
    spent = sum(machine.seconds[size] for size, _ in steps)
    needed = sum(at_width_1 for _, at_width_1 in steps)
    assert spent < needed * (1 + LOSS + 0.01)


def test_numbers_of_pictures_are_measured_apart() -> None:
    windows = Windows("auto")
    for size in SIZES:
        windows.measured(1, size, 1.0)
        windows.measured(20, size, float(size))
    assert windows.choose(20) == 1
    assert windows.choose(1) == 32


def test_a_width_that_is_set_holds() -> None:
    windows = Windows(8)
    assert windows.choose(1) == 8
    windows.note(1, 8, 1.0, [1])
    assert windows.choose(1) == windows.choose(20) == 8


def test_acceptance_is_what_was_seen_and_goes_on_alike_where_nothing_was() -> None:
    acceptance = Acceptance()
    for _ in range(2000):
        acceptance.note([4, 4, 1, 1], window=4)
    assert acceptance.tokens(1) == 1.0
    assert acceptance.tokens(4) == pytest.approx(2.5, abs=0.1)
    assert 2.5 < acceptance.tokens(32) < 32
