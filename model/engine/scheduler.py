"""Whose rows go next. Pure bookkeeping: no torch, no clock, no thread.

Every lane (pictures, answers, ...) has so many seats. Where requests compete for them, the next one is that of the
owner who holds the fewest seats in the lane, and among equals of the one who came, or last got or gave back seats,
longest ago: rounds over people, not over requests. Whoever is next is never overtaken by a smaller request, so nobody
starves. A request for more seats than the lane has gets them in several goes.
"""

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True, slots=True)
class Grant:
    """So many seats, now, for a request: all it asked for, or one go of several."""

    id: str
    lane: str
    seats: int


@dataclass(slots=True)
class _Ticket:
    id: str
    seats: int  # still wanted


@dataclass(slots=True)
class _Lane:
    capacity: int
    used: int = 0
    held: Counter[str] = field(default_factory=Counter)  # seats in use, by owner
    waiting: dict[str, deque[_Ticket]] = field(default_factory=dict)  # by owner, in order of arrival
    since: dict[str, int] = field(default_factory=dict)  # when an owner who waits came, or last got or gave back seats


class Scheduler:
    """Hands out the seats of every lane. Raises ValueError where a caller gives back what it never had."""

    def __init__(self, capacity: Mapping[str, int]) -> None:
        """Begin with `capacity` free seats a lane; at least one each."""
        self._lanes = {name: _Lane(max(1, seats)) for name, seats in capacity.items()}
        self._owners: dict[str, tuple[str, str]] = {}  # request -> lane, owner; until forgotten
        self._clock = count()

    def add(self, id: str, *, owner: str, lane: str, seats: int) -> None:
        """Let a request wait for `seats` seats of a lane."""
        if id in self._owners:
            raise ValueError(f"request {id} is here already")
        self._owners[id] = (lane, owner)
        chosen = self._lanes[lane]
        chosen.waiting.setdefault(owner, deque()).append(_Ticket(id, seats))
        chosen.since.setdefault(owner, next(self._clock))

    def admit(self) -> Iterator[Grant]:
        """Hand out what is free, grant by grant."""
        for name, lane in self._lanes.items():
            while lane.waiting:
                owner = min(lane.waiting, key=lambda owner: (lane.held[owner], lane.since[owner]))
                ticket = lane.waiting[owner][0]
                seats = min(ticket.seats, lane.capacity)
                if lane.used + seats > lane.capacity:
                    break
                lane.used += seats
                lane.held[owner] += seats
                lane.since[owner] = next(self._clock)
                ticket.seats -= seats
                if not ticket.seats:
                    _leave(lane, owner, ticket)
                yield Grant(ticket.id, name, seats)

    def release(self, id: str, seats: int) -> None:
        """Take back seats that a request was granted."""
        name, owner = self._owners[id]
        lane = self._lanes[name]
        if seats > lane.held[owner]:
            raise ValueError(f"request {id} gives back {seats} seats, but {owner!r} holds {lane.held[owner]}")
        lane.used -= seats
        lane.held[owner] -= seats
        if not lane.held[owner]:
            del lane.held[owner]  # Counter has zero for whoever is not in it
        if seats and owner in lane.since:
            lane.since[owner] = next(self._clock)

    def forget(self, id: str) -> None:
        """Drop a request that has given back all it held: it is done, or no longer wanted."""
        name, owner = self._owners.pop(id)
        lane = self._lanes[name]
        for ticket in lane.waiting.get(owner, ()):
            if ticket.id == id:
                _leave(lane, owner, ticket)
                break

    def limit(self, lane: str, seats: int) -> None:
        """Change a lane's capacity. Seats in use stay in use."""
        self._lanes[lane].capacity = max(1, seats)

    def cap(self, lane: str, seats: int) -> None:
        """Let those who wait ask for no more than so many seats of a lane: more would be of no use to them."""
        for tickets in self._lanes[lane].waiting.values():
            for ticket in tickets:
                ticket.seats = min(ticket.seats, seats)

    def capacity(self, lane: str) -> int:
        """The number of seats of a lane, free or not."""
        return self._lanes[lane].capacity

    @property
    def capacities(self) -> dict[str, int]:
        """The number of seats of every lane."""
        return {name: lane.capacity for name, lane in self._lanes.items()}

    def line(self, lane: str) -> list[str]:
        """Who waits in a lane, next one first.

        The order is what it would be if nothing in flight ended and nobody came: good enough to tell people.
        """
        chosen = self._lanes[lane]
        order = [(chosen.held[owner], chosen.since[owner], owner, 0) for owner in chosen.waiting]
        heapq.heapify(order)
        later = next(self._clock)
        line: list[str] = []
        while order:
            held, _, owner, index = heapq.heappop(order)
            ticket = chosen.waiting[owner][index]
            line.append(ticket.id)
            if index + 1 < len(chosen.waiting[owner]):
                heapq.heappush(order, (held + ticket.seats, later + len(line), owner, index + 1))
        return line


def _leave(lane: _Lane, owner: str, ticket: _Ticket) -> None:
    lane.waiting[owner].remove(ticket)
    if not lane.waiting[owner]:
        del lane.waiting[owner], lane.since[owner]
