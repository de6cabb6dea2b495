"""The KV cache: one slot a row, each row at its own position.

A lane holds the rows of one kind: pictures (two rows each, because of guidance) or answers (one row each). Every lane
has its own slot length, so a long conversation does not make every picture's attention longer. All is allocated once;
a row that joins or leaves moves no other row's memory, except that the last ones fill holes, so that the rows in
flight are always the first ones and a step reads one contiguous view.
"""

import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import JanusForConditionalGeneration


@dataclass(frozen=True)
class CacheShape:
    """The sizes of the language model that its cache depends on."""

    layers: int
    heads: int  # key and value heads
    head_size: int
    dtype: torch.dtype
    device: torch.device

    @property
    def bytes_per_token(self) -> int:
        """Bytes of keys and values that one position of one row takes, over all layers."""
        return self.layers * 2 * self.heads * self.head_size * self.dtype.itemsize

    @classmethod
    def of(cls, network: JanusForConditionalGeneration) -> "CacheShape":
        """Read the sizes off a network."""
        language, text = network.model.language_model, network.config.text_config
        weight, size = language.norm.weight, language.layers[0].self_attn.head_dim
        return cls(text.num_hidden_layers, text.num_key_value_heads, size, weight.dtype, weight.device)


class KVCache:
    """Keys and values of `rows` rows of up to `length` positions: a (2, rows, heads, length, head size) a layer."""

    def __init__(self, shape: CacheShape, rows: int, length: int) -> None:
        self.shape, self.length = shape, length
        size = (2, rows, shape.heads, length, shape.head_size)
        # Zeros, not garbage: a masked position has weight zero, and zero times NaN would still be NaN.
        self.layers = [_zeros(size, shape.dtype, shape.device) for _ in range(shape.layers)]

    def copy(self, source: "KVCache", row: int, targets: Sequence[int], length: int) -> None:
        """Copy the first `length` positions of `source`'s `row` to the rows `targets`."""
        for mine, theirs in zip(self.layers, source.layers, strict=True):
            kept = theirs[:, row, :, :length]
            for target in targets:
                mine[:, target, :, :length] = kept

    def finite(self, start: int, end: int) -> bool:
        """Tell whether the positions from `start` to `end` (not included) hold numbers, in all rows."""
        return all(bool(layer[:, :, :, start:end].isfinite().all()) for layer in self.layers)

    def clear(self, start: int, end: int) -> None:
        """Make these positions zero again."""
        for layer in self.layers:
            layer[:, :, :, start:end] = 0

    def shrink(self, rows: int) -> None:
        """Keep the first `rows` rows and give the memory of the others back, layer by layer."""
        for i, layer in enumerate(self.layers):
            if rows < layer.shape[1]:
                self.layers[i] = layer[:, :rows].clone()

    def grow(self, rows: int) -> None:
        """Have `rows` rows again, layer by layer; those that are there keep what they hold."""
        for i, layer in enumerate(self.layers):
            if rows > layer.shape[1]:
                larger = _zeros((layer.shape[0], rows, *layer.shape[2:]), layer.dtype, layer.device)
                larger[:, : layer.shape[1]] = layer
                self.layers[i] = larger

    def missing(self, rows: int) -> int:
        """Tell how many bytes more it takes to have `rows` rows."""
        have = min(layer.shape[1] for layer in self.layers)
        return max(0, rows - have) * self.length * self.shape.bytes_per_token


@dataclass(eq=False)
class Seat:
    """What one sequence has of a lane. `index` changes when the seat fills a hole; `position` mirrors the device's."""

    index: int
    position: int = 0  # positions before this one hold keys and values
    written: int = 0  # positions from this one on were never written
    moving: bool = False  # takes part in steps; False while its prompt is being prefilled
    ahead: int = 0  # positions by which its longest row is ahead of its first
    narrow: bool = False  # draws from some of the codes only

    @property
    def reach(self) -> int:
        """Positions before this one hold keys and values in some row."""
        return self.position + self.ahead


class Lane:
    """The rows of one kind, and what a step must know of each, on the device.

    A seat is `width` rows of the cache that stand for one sequence: they read the same tokens after prompts of their
    own, so row r is `offsets[seat, r]` positions ahead of where the seat is. `tokens[seat, p]` is what stands at
    position p: it is certain up to `positions[seat]`, a guess from there up to `guessed[seat]`. A step reads a window
    of them from `positions[seat]` on, chooses what follows each by `keys[seat, p]`, writes it at p + 1, and advances
    past what has become certain, at most to `last[seat]`, times `moving[seat]`: 1, or 0 for a seat that is empty or
    still being prefilled. Such a seat runs along (shapes are static) and scribbles on its last position, which nobody
    reads; so does a window that reaches over the end. Who is about to write to a seat's rows says so first (`cover`):
    what was written is zero again when the seat is released.
    """

    def __init__(self, shape: CacheShape, *, seats: int, length: int, width: int) -> None:
        self.width, self.length, self.capacity = width, length, seats
        self.cache = KVCache(shape, seats * width, length)
        self.taken: list[Seat] = []  # taken[i].index is i: seats in use are always the first ones
        device = shape.device
        self.tokens = torch.zeros(seats, length + 1, dtype=torch.int64, device=device)
        self.positions = torch.full((seats,), length - 1, dtype=torch.int64, device=device)
        self.offsets = torch.zeros(seats, width, dtype=torch.int64, device=device)
        self.moving = torch.zeros(seats, dtype=torch.int64, device=device)
        self.guessed = torch.zeros(seats, dtype=torch.int64, device=device)
        self.first = torch.zeros(seats, dtype=torch.int64, device=device)  # position of the first token that is drawn
        self.last = torch.zeros(seats, dtype=torch.int64, device=device)  # and of the last one
        self.keys = torch.zeros(seats, length, 2, dtype=torch.int32, device=device)
        self.temperature = torch.zeros(seats, dtype=torch.float32, device=device)
        self.top_k = torch.zeros(seats, dtype=torch.int64, device=device)
        self.strength = torch.ones(seats, dtype=torch.float32, device=device)  # guidance, or top-p

    @property
    def free(self) -> int:
        """Seats that are not taken."""
        return self.capacity - len(self.taken)

    def take(self, count: int) -> list[Seat]:
        """Take `count` free seats; they move once they are started."""
        seats = [Seat(len(self.taken) + i) for i in range(count)]
        self.taken += seats
        return seats

    def start(
        self,
        seat: Seat,
        *,
        position: int,
        token: int,
        keys: NDArray[np.int32],
        temperature: float,
        strength: float,
        top_k: int = 0,
        first: int | None = None,
        offsets: Sequence[int] = (),
    ) -> None:
        """Let a seat take part from the next step on: it reads `token` at `position`, and draws by `keys` (n, 2).

        `top_k`: as in `sampling.narrow`. `first`: the position of the first token of the kind that is drawn, if some
        stand there already. `offsets`: how many positions each row is ahead of that; none is if not given.
        """
        i, last = seat.index, position + len(keys)
        self.tokens[i, position] = token
        self.keys[i, position:last] = torch.from_numpy(keys).to(self.keys.device)
        self.positions[i] = self.guessed[i] = position
        self.first[i] = position + 1 if first is None else first
        self.last[i] = last
        self.temperature[i] = temperature
        self.strength[i] = strength
        self.top_k[i] = top_k
        self.offsets[i] = torch.tensor(offsets or (0,) * self.width, device=self.offsets.device)
        self.moving[i] = 1
        seat.position, seat.ahead, seat.moving = position, max(0, *offsets, 0), True
        seat.narrow = top_k > 0

    def cover(self, seats: Sequence[Seat], end: int) -> None:
        """Take note that positions before `end` of some seats are about to be written."""
        for seat in seats:
            seat.written = max(seat.written, end)

    def advance(self, counts: Sequence[int]) -> None:
        """Take note of a step by which the first seats got so many tokens each; those that do not move got none."""
        for seat, count in zip(self.taken, counts, strict=False):
            seat.position += count if seat.moving else 0

    def release(self, seats: Sequence[Seat]) -> None:
        """Give seats back; the last ones taken fill the holes."""
        for seat in sorted(seats, key=lambda seat: seat.index, reverse=True):  # so none is moved that goes, too
            last = self.taken.pop()
            self._clear(seat)  # before another moves in: a NaN left there would reach whoever comes
            if last is not seat:
                self._move(last, seat.index)
                self.taken[last.index] = last
            else:
                self._idle(seat.index)

    def window(self, seats: int, width: int, above: int) -> tuple[Tensor, Tensor]:
        """Give the positions that a step reads, and the tokens there: (seats, width) each, int64.

        Where nothing was guessed yet, stands what stands `above` positions before, or a multiple of that: of a picture
        whose rows are so long, the nearest guess in its column.
        """
        start = self.positions[:seats].unsqueeze(1)
        if width == 1:
            return start, self.tokens[:seats].gather(1, start)
        ahead = torch.arange(width, device=start.device)
        at = (start + ahead).clamp(max=self.length - 1)
        guessed = self.guessed[:seats].unsqueeze(1)
        up = (at - guessed).clamp(min=0).add(above - 1).div(above, rounding_mode="floor")
        source = at - up * above
        source = torch.where((up > 0) & (source < self.first[:seats].unsqueeze(1)), guessed, source)
        return at, self.tokens[:seats].gather(1, source)

    def positions_of_rows(self, at: Tensor) -> Tensor:
        """Give the positions that the rows of seats at `at` (seats, window) read: (seats x width, window)."""
        offsets = self.offsets[: len(at)].unsqueeze(-1)
        return (at.unsqueeze(1) + offsets).clamp(max=self.length - 1).flatten(0, 1)

    def choose(self, at: Tensor, read: Tensor, chosen: Tensor) -> Tensor:
        """Take in what a step chose to follow each position of its windows; gives how many tokens became certain.

        `at` and `read`: from `window`; `chosen`: (seats, width), -1 where there is none. Gives (seats,), int64, -1 for
        a seat that would have had to take a -1. A choice is certain if all that it follows is: the first one always,
        and each further one as long as those before it are what had been read.
        """
        seats, width = at.shape
        count, broken = self.moving[:seats], chosen[:, 0] < 0
        if width > 1:
            same = (chosen[:, :-1] == read[:, 1:]).to(torch.int64).cumprod(-1).sum(-1)
            left = self.last[:seats] - self.positions[:seats]
            count = (same + 1).minimum(left) * count
            broken = ((chosen < 0) & (torch.arange(width, device=at.device) < count.unsqueeze(1))).any(-1)
        # what is no token must never be looked up
        self.tokens[:seats].scatter_(1, at + 1, chosen.clamp(min=0))
        self.guessed[:seats] = torch.maximum(self.guessed[:seats], at[:, -1] + 1)
        self.positions[:seats] += count
        return torch.where(broken, -1, count)

    def written(self, seat: Seat, start: int, end: int) -> Tensor:
        """The tokens at positions `start` to `end` (not included) of a seat: int64, on the device."""
        return self.tokens[seat.index, start:end]

    def shrink(self) -> None:
        """Give the memory beyond `capacity` back, after that was lowered."""
        self.cache.shrink(self.capacity * self.width)

    def grow(self, seats: int) -> None:
        """Have `seats` seats again, of as many as there once were; who has one keeps it."""
        self.cache.grow(seats * self.width)
        self.capacity = seats

    def rows(self, index: int) -> range:
        """The rows of the cache that belong to the seat at `index`."""
        return range(index * self.width, (index + 1) * self.width)

    def tensors(self) -> list[Tensor]:
        """Everything that a step reads or writes."""
        return [*self.cache.layers, *self._state()]

    def _state(self) -> list[Tensor]:
        places = [self.tokens, self.positions, self.guessed, self.offsets, self.moving, self.first, self.last]
        return [*places, self.keys, self.temperature, self.strength, self.top_k]

    def _move(self, seat: Seat, target: int) -> None:
        for old, new in zip(self.rows(seat.index), self.rows(target), strict=True):
            self.cache.copy(self.cache, old, (new,), seat.reach)
        for state in self._state():
            state[target] = state[seat.index]
        self._clear(seat)
        self._idle(seat.index)
        seat.index = target

    def _clear(self, seat: Seat) -> None:
        """Make zeros of what a seat's rows hold; the rest is left alone, for it may take no memory yet."""
        rows = slice(self.rows(seat.index).start, self.rows(seat.index).stop)
        for layer in self.cache.layers:
            layer[:, rows, :, : seat.written] = 0
            layer[:, rows, :, -1] = 0

    def _idle(self, index: int) -> None:
        self.moving[index] = 0
        self.offsets[index] = 0
        self.positions[index] = self.length - 1


def _zeros(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Make zeros; on a CPU they take no memory before they are written."""
    count = math.prod(size)
    if device.type != "cpu" or not count:
        return torch.zeros(size, dtype=dtype, device=device)
    return torch.frombuffer(mmap.mmap(-1, count * dtype.itemsize), dtype=dtype).view(size)
