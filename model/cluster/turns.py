"""Whose request goes next, and to which replica. Pure bookkeeping: no Ray, no clock, no thread.

A request is held back here until a replica has room for it: so one that is added, or comes back, gets work at once, and
rounds over people (`model.engine.scheduler`) are taken over all replicas. What has had its turn keeps it: a request
whose replica died goes first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from model.engine.lanes import ANSWERS, PAINTS, PICTURES, PIXELS
from model.engine.scheduler import Scheduler

LANES = (PICTURES, ANSWERS, PIXELS, PAINTS)


@dataclass(slots=True)
class _Site:
    """A replica, as far as it matters here."""

    seats: Mapping[str, int] = field(default_factory=dict)  # by lane
    pace: float = 1.0  # seconds a token: the lower, the more it gets
    open: bool = False  # takes new requests
    used: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Ticket:
    lane: str
    seats: int
    held: int = 0  # of the scheduler's seats
    site: str = ""  # where it is
    needs: int = 0  # seats that it takes there


class Turns:
    """All requests that are open, and all replicas."""

    def __init__(self) -> None:
        self._scheduler = Scheduler(dict.fromkeys(LANES, 1))
        self._sites: dict[str, _Site] = {}
        self._tickets: dict[str, _Ticket] = {}
        self._next: list[str] = []  # whose turn it is, and who are at no replica

    # -- replicas -----------------------------------------------------------------------------------------------------

    def open(self, site: str, seats: Mapping[str, int], pace: float = 1.0) -> None:
        """Let a replica take requests, as many as it has seats."""
        known = self._sites.setdefault(site, _Site())
        known.seats, known.pace, known.open = seats, pace, True

    def shut(self, site: str) -> None:
        """Give a replica nothing new. What it has stays there until it is `lost`, or `over`."""
        if site in self._sites:
            self._sites[site].open = False

    def at_work(self) -> Iterator[str]:
        """Name the replicas that take requests."""
        return (name for name, site in self._sites.items() if site.open)

    # -- requests -----------------------------------------------------------------------------------------------------

    def add(self, id: str, *, owner: str, lane: str, seats: int) -> None:
        """Let a request wait for its turn. Raises ValueError if it is here already."""
        self._scheduler.add(id, owner=owner, lane=lane, seats=seats)
        self._tickets[id] = _Ticket(lane, seats)

    def hand_out(self) -> Iterator[tuple[str, str]]:
        """Give requests to replicas, one (request, replica) after the other, as long as there is room."""
        if not any(self.at_work()):
            return
        for lane in LANES:
            sites = self._sites.values()
            self._scheduler.limit(lane, sum(site.seats[lane] if site.open else site.used[lane] for site in sites))
            self._scheduler.cap(lane, max(site.seats[lane] for site in sites if site.open))
        for grant in self._scheduler.admit():
            ticket = self._tickets[grant.id]
            ticket.held += grant.seats
            self._next.append(grant.id)
        full = set[str]()
        for id in list(self._next):
            ticket = self._tickets[id]
            name = None if ticket.lane in full else self._roomiest(ticket)
            if name is None:
                full.add(ticket.lane)  # nobody overtakes whose turn it is
                continue
            site = self._sites[name]
            ticket.site, ticket.needs = name, min(ticket.seats, site.seats[ticket.lane])
            site.used[ticket.lane] += ticket.needs
            self._next.remove(id)
            yield id, name

    def drawn(self, id: str) -> None:
        """Take note that a request needs its seats no longer, though it is not over: its pixels are still made."""
        ticket = self._tickets[id]
        self._leave(ticket)
        self._scheduler.release(id, ticket.held)
        ticket.held = 0

    def lost(self, id: str) -> None:
        """Take note that a request's replica died: it is its turn again."""
        ticket = self._tickets[id]
        self._leave(ticket)
        ticket.site = ""
        self._next.insert(0, id)

    def over(self, id: str) -> None:
        """Drop a request, wherever it is. One that is not here is no error."""
        ticket = self._tickets.pop(id, None)
        if ticket is None:
            return
        self._leave(ticket)
        if id in self._next:
            self._next.remove(id)
        self._scheduler.release(id, ticket.held)
        self._scheduler.forget(id)

    def line(self, lane: str) -> list[str]:
        """Who waits for a replica, next one first."""
        return [id for id in self._next if self._tickets[id].lane == lane] + self._scheduler.line(lane)

    def inside(self, lane: str) -> int:
        """How many requests have seats of a lane, at any replica."""
        return sum(ticket.lane == lane and ticket.needs > 0 for ticket in self._tickets.values())

    def _roomiest(self, ticket: _Ticket) -> str | None:
        """Choose the replica that would have the least to do, by its rows and its speed, if it has room."""
        chosen: tuple[float, str] | None = None
        for name, site in self._sites.items():
            seats = site.seats.get(ticket.lane, 0)
            after = site.used[ticket.lane] + min(ticket.seats, seats)
            if site.open and after <= seats:
                load = after * site.pace
                chosen = min(chosen or (load, name), (load, name))
        return chosen[1] if chosen else None

    def _leave(self, ticket: _Ticket) -> None:
        if ticket.site:
            self._sites[ticket.site].used[ticket.lane] -= ticket.needs
            ticket.needs = 0
