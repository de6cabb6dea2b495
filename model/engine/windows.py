"""How many positions of every picture a step evaluates: chosen by what steps of each width took and brought.

A wider step takes longer and settles more tokens, how much of either depends on the machine, the model, the rows in
flight and the picture; so both are measured all the time, and the width is that with the most tokens a second. What
every width draws is the same.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

SIZES = (1, 4, 8, 16, 32)
GUESSED = 0.6  # the share of guesses that are assumed to be right before any was checked,
WEIGHT = 4  # and what that counts for; a depth that was hardly seen is assumed to be like the one before it
MEMORY = 0.995  # what a step's guesses count for after the next step
LOSS = 0.02  # the share of the time that may be lost by trying widths
PROBE = 2  # steps by which it is found out how long one of that width takes,
TRIAL = 12  # and how many tokens it settles;
SETTLING = 2  # of which the first do not count: guesses get better by being looked at
HOPELESS = 0.7  # of the best one's tokens a second: who has fewer is the last width to be tried
STALE = 64  # steps after which a width is measured again


class Acceptance:
    """How far guesses hold: for each depth, the share that is right where all before it were."""

    def __init__(self) -> None:
        self._right = [0.0] * SIZES[-1]
        self._checked = [0.0] * SIZES[-1]

    def note(self, counts: Sequence[int], window: int) -> None:
        """Take note of a step that settled so many tokens of each picture by windows of `window`."""
        for depth in range(min(max(counts), window - 1, len(self._right))):
            checked = sum(count > depth for count in counts) / len(counts)
            right = sum(count > depth + 1 for count in counts) / len(counts)
            self._right[depth] = MEMORY * self._right[depth] + right
            self._checked[depth] = MEMORY * self._checked[depth] + checked

    def tokens(self, window: int) -> float:
        """How many tokens a step settles, one at least."""
        total, reached, rate = 1.0, 1.0, GUESSED
        for depth in range(window - 1):
            if depth < len(self._checked):
                rate = (self._right[depth] + WEIGHT * rate) / (self._checked[depth] + WEIGHT)
            reached *= rate
            total += reached
        return total


class Windows:
    """Chooses the width of the next step."""

    def __init__(self, setting: Literal["auto"] | int, sizes: Sequence[int] = SIZES) -> None:
        """`setting`: a width that always holds, or "auto" to choose among `sizes`, which begin with 1."""
        self.sizes = tuple(sizes) if setting == "auto" else (setting,)
        self.acceptance = Acceptance()
        self.seconds: dict[tuple[int, int], float] = {}  # of a step, by pictures in it and width
        self._measured: dict[tuple[int, int], int] = {}  # at which step
        self._step = 0
        self._spent = self._lost = 0.0
        self._trial, self._left = 1, 0  # a width that is being tried, and for how many steps more
        self._last, self._settling = 0, 0

    def choose(self, pictures: int) -> int:
        """Choose a width for a step with so many pictures in it."""
        known = [size for size in self.sizes if (pictures, size) in self.seconds]
        if not known:
            return self.sizes[0]
        if self._left:
            self._left -= 1
            return self._trial
        best = self.best(pictures)
        for size, steps, loss in self._worth_trying(pictures, known, best):
            if self._lost + steps * loss <= LOSS * self._spent:
                self._lost += max(0.0, steps * loss)
                self._trial, self._left = size, steps - 1
                return size
        return best

    def _worth_trying(self, pictures: int, known: list[int], best: int) -> Iterator[tuple[int, int, float]]:
        """Tell which widths might be better than is known, by how many steps, and what each may cost in seconds."""
        beyond = self.sizes[len(known) :]
        if beyond and self.rate(pictures, known[-1]) >= HOPELESS * self.rate(pictures, best):
            longest = self.seconds[pictures, known[-1]] * beyond[0] / known[-1]
            yield beyond[0], PROBE, longest - 1 / self.rate(pictures, best)
        near = self.sizes.index(best)
        for size in {1, *self.sizes[max(0, near - 1) : near + 2]} & set(known):
            if self._step - self._measured[pictures, size] > STALE:
                yield size, TRIAL, self.seconds[pictures, size] - 1 / self.rate(pictures, best)

    def best(self, pictures: int) -> int:
        """Give the width that is the best as far as is known."""
        known = [size for size in self.sizes if (pictures, size) in self.seconds]
        return max(known, key=lambda size: self.rate(pictures, size)) if known else self.sizes[0]

    def rate(self, pictures: int, size: int) -> float:
        """Tokens a second and picture, as far as is known."""
        return self.acceptance.tokens(size) / self.seconds[pictures, size]

    def note(self, pictures: int, size: int, seconds: float, counts: Sequence[int]) -> None:
        """Take note of a step: how long it took, and how many tokens each picture got."""
        self._spent += seconds
        if size != self._last:
            self._last, self._settling = size, SETTLING
        if self._settling:
            self._settling -= 1
        else:
            self.acceptance.note(counts, size)
        self.measured(pictures, size, seconds)

    def measured(self, pictures: int, size: int, seconds: float) -> None:
        """Take note of how long a step of that width takes."""
        key = pictures, size
        self._step += 1
        self._measured[key] = self._step
        before = self.seconds.get(key)
        # a step that was disturbed once should not count for long: move towards it by an eighth
        self.seconds[key] = seconds if before is None else before + (min(seconds, 2 * before) - before) / 8
