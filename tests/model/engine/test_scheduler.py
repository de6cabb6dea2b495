"""Whose turn it is, by simulation: nobody starves, no budget is overrun, every request ends exactly once."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine.scheduler import Grant, Scheduler

LANE = "pictures"


def admitted(scheduler: Scheduler) -> list[tuple[str, int]]:
    return [(grant.id, grant.seats) for grant in scheduler.admit()]


def test_rounds_over_people_not_over_requests() -> None:
    scheduler = Scheduler({LANE: 5})
    for i in range(3):
        scheduler.add(f"a{i}", owner="a", lane=LANE, seats=5)
    for owner in "bc":
        scheduler.add(owner, owner=owner, lane=LANE, seats=5)
    order = []
    while grants := admitted(scheduler):
        for id, seats in grants:
            order.append(id)
            scheduler.release(id, seats)
            scheduler.forget(id)
    assert order == ["a0", "b", "c", "a1", "a2"]


def test_a_newcomer_goes_before_the_next_request_of_who_holds_seats() -> None:
    scheduler = Scheduler({LANE: 20})
    for i in range(10):
        scheduler.add(f"a{i}", owner="a", lane=LANE, seats=5)
    assert [id for id, _ in admitted(scheduler)] == ["a0", "a1", "a2", "a3"]
    scheduler.add("b", owner="b", lane=LANE, seats=5)
    scheduler.release("a1", 5)  # the first seats that come free are the newcomer's
    assert admitted(scheduler) == [("b", 5)]


def test_who_came_during_another_ones_turn_is_next_when_it_ends() -> None:
    scheduler = Scheduler({LANE: 5})
    for i in range(3):
        scheduler.add(f"a{i}", owner="a", lane=LANE, seats=5)
    assert admitted(scheduler) == [("a0", 5)]  # it fills the lane
    scheduler.add("b", owner="b", lane=LANE, seats=5)
    scheduler.release("a0", 5)
    scheduler.forget("a0")
    assert admitted(scheduler) == [("b", 5)]


def test_a_large_request_is_not_overtaken_by_small_ones() -> None:
    scheduler = Scheduler({LANE: 5})
    scheduler.add("small", owner="a", lane=LANE, seats=1)
    assert admitted(scheduler) == [("small", 1)]
    scheduler.add("large", owner="b", lane=LANE, seats=5)
    scheduler.add("other", owner="c", lane=LANE, seats=1)
    assert admitted(scheduler) == []
    scheduler.release("small", 1)
    assert admitted(scheduler) == [("large", 5)]


def test_more_seats_than_there_are_come_in_goes() -> None:
    scheduler = Scheduler({LANE: 2})
    scheduler.add("d", owner="a", lane=LANE, seats=5)
    goes = []
    while grants := admitted(scheduler):
        goes += [seats for _, seats in grants]
        scheduler.release("d", grants[0][1])
    assert goes == [2, 2, 1]


def test_lanes_do_not_wait_for_each_other() -> None:
    scheduler = Scheduler({LANE: 1, "answers": 1})
    for id in ("d1", "d2"):
        scheduler.add(id, owner="a", lane=LANE, seats=1)
    scheduler.add("q", owner="b", lane="answers", seats=1)
    assert [id for id, _ in admitted(scheduler)] == ["d1", "q"]


def test_the_line_tells_who_is_next_and_what_is_wanted_before() -> None:
    scheduler = Scheduler({LANE: 5})
    for id, owner, seats in (("a0", "a", 5), ("a1", "a", 4), ("a2", "a", 1), ("b0", "b", 3), ("b1", "b", 2)):
        scheduler.add(id, owner=owner, lane=LANE, seats=seats)
    assert admitted(scheduler) == [("a0", 5)]
    assert scheduler.line(LANE) == ["b0", "b1", "a1", "a2"]


def test_seats_that_were_never_given_cannot_come_back() -> None:
    scheduler = Scheduler({LANE: 5})
    scheduler.add("d", owner="a", lane=LANE, seats=2)
    with pytest.raises(ValueError, match="gives back"):
        scheduler.release("d", 1)
    with pytest.raises(ValueError, match="already"):
        scheduler.add("d", owner="a", lane=LANE, seats=2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 24), st.integers(1, 300))
def test_a_busy_day(seed: int, capacity: int, people: int) -> None:
    """Hundreds of people come, draw, cancel, and the budget shrinks on the way."""
    chance = random.Random(seed)
    scheduler = Scheduler({LANE: capacity})
    wanted: dict[str, int] = {}
    granted: Counter[str] = Counter()
    running: list[Grant] = []
    ended: Counter[str] = Counter()
    coming = [f"{owner}-{i}" for owner in range(people) for i in range(chance.randint(1, 3))]
    chance.shuffle(coming)
    largest = capacity

    def end(id: str) -> None:
        scheduler.forget(id)
        ended[id] += 1
        del wanted[id]

    for _ in range(40 * len(coming) + 100):
        if not coming and not wanted:
            break
        for _ in range(chance.randint(0, 4)):
            if coming:
                id = coming.pop()
                wanted[id] = chance.randint(1, 5)
                scheduler.add(id, owner=id.split("-")[0], lane=LANE, seats=wanted[id])
        if chance.random() < 0.01:
            capacity = max(1, capacity - 1)
            scheduler.limit(LANE, capacity)
        for grant in scheduler.admit():
            running.append(grant)
            granted[grant.id] += grant.seats
            assert granted[grant.id] <= wanted[grant.id]
            assert sum(held.seats for held in running) <= capacity  # what is new fits what is there now
        assert sum(held.seats for held in running) <= largest
        assert set(scheduler.line(LANE)) == {id for id in wanted if granted[id] < wanted[id]}
        for grant in [held for held in running if chance.random() < 0.5]:
            running.remove(grant)
            scheduler.release(grant.id, grant.seats)
            if granted[grant.id] == wanted[grant.id] and all(held.id != grant.id for held in running):
                end(grant.id)
        cancelled = [id for id in wanted if chance.random() < 0.01]
        for id in cancelled:
            for held in [held for held in running if held.id == id]:
                running.remove(held)
                scheduler.release(id, held.seats)
            end(id)
    assert not coming
    assert not wanted  # nobody starved
    assert set(ended.values()) == {1}
    assert scheduler.line(LANE) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(5, 20))
def test_nobody_waits_longer_than_a_round_over_all_the_others(seed: int, capacity: int) -> None:
    """Greedy people refill the queue for ever; a late first request still starts after one turn of each at most."""
    chance = random.Random(seed)
    scheduler = Scheduler({LANE: capacity})
    others = chance.randint(1, 30)
    for i in range(others * 5):
        scheduler.add(f"{i % others}-{i}", owner=str(i % others), lane=LANE, seats=chance.randint(1, 5))
    running = list(scheduler.admit())
    scheduler.add("late", owner="late", lane=LANE, seats=5)
    before: Counter[str] = Counter()
    for number in range(10_000):
        grant = running.pop(chance.randrange(len(running)))
        scheduler.release(grant.id, grant.seats)
        if grant.id not in set(scheduler.line(LANE)) and all(held.id != grant.id for held in running):
            scheduler.forget(grant.id)
            owner = grant.id.split("-")[0]
            scheduler.add(f"{owner}-again{number}", owner=owner, lane=LANE, seats=chance.randint(1, 5))
        new = list(scheduler.admit())
        running += new
        before.update(grant.id.split("-")[0] for grant in new)
        if before["late"]:
            break
    assert before["late"] == 1
    assert max(before.values()) <= 1 + 1  # its own go, and one that was under way
