"""Slots: how much one member, one server and everybody may have open, and have running, at once.

They are counted as they change, so that it costs the same to let a request in whether ten are open or thousands.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from bot.config import Limits

UNKNOWN: Final = 60.0  # seconds after which to come back if no open request knows how long it takes

Whose = Literal["member", "server", "bot"]
Share = tuple[Literal["open", "running"], Whose, int | None]  # of the limits of whom


class Stage(Enum):
    """How far an accepted job has come, for as long as the process lives; what lasts is the store's `State`."""

    WAITING = auto()  # until it may run
    STARTING = auto()  # on its way to the executor
    RUNNING = auto()  # the executor has it
    OVER = auto()  # it has ended, even if that has not been read yet


@dataclass(eq=False, slots=True)
class Slot:
    """One open request, from the moment it is let in until the task that serves it is over. `Slots` changes it."""

    member: int
    guild: int | None
    limits: Limits  # those that held where it was asked
    stage: Stage | None = None  # of its job, once it is accepted
    ends: float | None = None  # when it will be out of the way, by the loop's clock, as far as it is known
    aside: bool = False  # it takes nobody's place but its member's: what it needs is not here yet
    counted: Sequence[Share] = ()  # what it is counted as

    @property
    def shares(self) -> Sequence[Share]:
        """What it has to be counted as."""
        running = self.stage in (Stage.STARTING, Stage.RUNNING)
        shares: list[tuple[bool, Share]] = [
            (True, ("open", "member", self.member)),
            (not self.aside, ("open", "bot", None)),
            (not self.aside and self.guild is not None, ("open", "server", self.guild)),
            (running, ("running", "member", self.member)),
            (running and self.guild is not None, ("running", "server", self.guild)),
        ]
        return [share for counts, share in shares if counts]


@dataclass(frozen=True, slots=True)
class Full:
    """Why there is no room: whose `most` requests are open, and in how many seconds the first is expected to end."""

    whose: Whose
    most: int
    seconds: float


class Slots:
    """The slots of all open requests, in order of arrival."""

    def __init__(self, most: int) -> None:
        """`most`: how many may be open at once."""
        self.most = most
        self._open: dict[Slot, None] = {}
        self._held: dict[Slot, None] = {}
        self._counts: Counter[Share] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held(self) -> Iterable[Slot]:
        """Those that are accepted and may not run yet, in the order in which they came to be so."""
        return tuple(self._held)

    def enter(self, slot: Slot) -> None:
        """Let one in. Look first if it is `full`."""
        self._open[slot] = None
        self._count(slot, slot.shares)

    def leave(self, slot: Slot) -> None:
        """Its request is over."""
        self._held.pop(slot, None)
        del self._open[slot]
        self._count(slot, ())

    def put_aside(self, slot: Slot, aside: bool) -> None:
        """Let it take no place, or take one again."""
        slot.aside = aside
        self._count(slot, slot.shares)

    def move(self, slot: Slot, stage: Stage) -> None:
        """Its job has come to this stage. That may still happen after it left."""
        slot.stage = stage
        if slot not in self._open:
            return
        if stage is Stage.WAITING:
            self._held[slot] = None
        else:
            self._held.pop(slot, None)
        self._count(slot, slot.shares)

    def full(self, slot: Slot) -> Full | None:
        """Tell why there is no room for a request, which may be in already; None if there is."""
        limits = slot.limits
        bounds: tuple[tuple[Whose, int | None, int], ...] = (
            ("member", slot.member, limits.member_running + limits.member_queued),
            ("server", slot.guild, limits.server_running + limits.server_queued),
            ("bot", None, self.most),
        )
        for whose, id, most in bounds:
            share: Share = ("open", whose, id)
            if self._counts[share] - (share in slot.counted) >= most:
                return Full(
                    whose, most, _soonest(one for one in self._open if one is not slot and share in one.counted)
                )
        return None

    def may_run(self, slot: Slot) -> bool:
        """Tell whether its member and its server have less running than they may."""
        ours = self._counts[("running", "server", slot.guild)]
        return self.running_of(slot.member) < slot.limits.member_running and ours < slot.limits.server_running

    def running_of(self, member: int) -> int:
        """How many of a member's requests are running."""
        return self._counts[("running", "member", member)]

    def _count(self, slot: Slot, shares: Sequence[Share]) -> None:
        for share in slot.counted:
            self._counts[share] -= 1
            if not self._counts[share]:
                del self._counts[share]
        slot.counted = shares
        self._counts.update(shares)


def _soonest(slots: Iterator[Slot]) -> float:
    """Tell in how many seconds the first of these is expected to be out of the way; that may be over already."""
    now = asyncio.get_running_loop().time()
    return min((slot.ends - now for slot in slots if slot.ends is not None), default=UNKNOWN)
