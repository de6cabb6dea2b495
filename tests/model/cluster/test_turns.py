"""Whose request goes next, and where: rounds over people over all replicas, and nothing is poured into a queue."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.cluster.turns import LANES, Turns
from model.engine.lanes import ANSWERS, PICTURES
from tests.fuzz import made_up

SEATS = {lane: 4 if lane == PICTURES else 1 for lane in LANES}


def turns(*sites: str, seats: Mapping[str, int] = SEATS) -> Turns:
    made = Turns()
    for site in sites:
        made.open(site, seats)
    return made


def add(to: Turns, *ids: str, seats: int = 2, lane: str = PICTURES) -> None:
    """Let requests wait; the first letter of each is its owner."""
    for id in ids:
        to.add(id, owner=id[0], lane=lane, seats=seats)


def test_requests_go_to_whoever_has_the_least_and_the_others_are_held_back() -> None:
    made = turns("1", "2")
    add(made, "a1", "a2", "a3", "a4", "a5", "a6")
    assert list(made.hand_out()) == [("a1", "1"), ("a2", "2"), ("a3", "1"), ("a4", "2")]
    assert made.line(PICTURES) == ["a5", "a6"]
    assert made.inside(PICTURES) == 4
    made.over("a2")
    assert list(made.hand_out()) == [("a5", "2")]


def test_rounds_are_taken_over_people_before_a_replica_is_chosen() -> None:
    made = turns("1", "2")
    add(made, *(f"a{i}" for i in range(8)), "b1", "c1")
    first = [id for id, _ in made.hand_out()]
    assert sorted(id[0] for id in first) == ["a", "a", "b", "c"]


def test_a_slower_replica_gets_less() -> None:
    made = Turns()
    made.open("slow", SEATS | {PICTURES: 12}, pace=0.03)
    made.open("fast", SEATS | {PICTURES: 12}, pace=0.01)
    add(made, *(f"a{i}" for i in range(8)))
    assert Counter(site for _, site in made.hand_out()) == {"fast": 6, "slow": 2}


def test_one_that_is_added_gets_work_at_once() -> None:
    made = turns("1")
    add(made, *(f"a{i}" for i in range(6)))
    assert len(list(made.hand_out())) == 2
    made.open("2", SEATS)
    assert list(made.hand_out()) == [("a2", "2"), ("a3", "2")]


def test_what_a_dead_replica_had_goes_first_and_where_there_is_room() -> None:
    made = turns("1", "2")
    add(made, "a1", "b1", "c1", "d1", "e1")
    there = dict(made.hand_out())
    assert there == {"a1": "1", "b1": "2", "c1": "1", "d1": "2"}
    made.shut("1")
    made.lost("a1")
    made.lost("c1")
    assert list(made.hand_out()) == []  # the other one is full
    assert set(made.line(PICTURES)[:2]) == {"a1", "c1"}
    made.over("b1")
    ((first, site),) = made.hand_out()
    assert first in ("a1", "c1")
    assert site == "2"
    made.open("1", SEATS)
    assert [id for id, _ in made.hand_out()] == [*({"a1", "c1"} - {first}), "e1"]


def test_what_a_dead_replica_had_goes_before_who_has_a_turn_and_no_room() -> None:
    made = turns("1", "2")
    add(made, "a1", "a2", seats=3)
    assert dict(made.hand_out()) == {"a1": "1", "a2": "2"}
    add(made, "b1", seats=2)
    assert list(made.hand_out()) == []
    made.shut("1")
    made.lost("a1")
    made.over("a2")
    assert list(made.hand_out()) == [("a1", "2")]


def test_with_no_replica_all_wait() -> None:
    made = turns("1")
    made.shut("1")
    add(made, "a1")
    assert list(made.hand_out()) == []
    made.open("1", SEATS)
    assert list(made.hand_out()) == [("a1", "1")]


def test_a_replica_that_drains_keeps_nobody_from_another() -> None:
    made = turns("1", "2")
    add(made, "a1", "b1", "c1", "d1", "e1", "f1")
    there = dict(made.hand_out())
    made.shut("1")
    for id in [id for id, site in there.items() if site == "2"]:
        made.over(id)
    assert list(made.hand_out()) == [("e1", "2"), ("f1", "2")]


def test_nobody_overtakes_whose_turn_it_is_but_in_another_lane() -> None:
    made = turns("1", "2")
    add(made, "a1", "a2", seats=3)
    list(made.hand_out())
    add(made, "b1", seats=2)  # two seats are free, but not on one replica
    add(made, "c1", seats=1)
    add(made, "d1", seats=1, lane=ANSWERS)
    assert [id for id, _ in made.hand_out()] == ["d1"]
    made.over("a1")
    assert [id for id, _ in made.hand_out()] == ["b1", "c1"]


def test_drawn_pictures_make_room_while_their_pixels_are_made() -> None:
    made = turns("1")
    add(made, "a1", "a2", "a3")
    assert len(list(made.hand_out())) == 2
    made.drawn("a1")
    assert list(made.hand_out()) == [("a3", "1")]
    made.over("a1")
    assert list(made.hand_out()) == []


def test_a_request_for_more_seats_than_there_are_gets_a_whole_replica() -> None:
    made = turns("1", "2", seats=SEATS | {PICTURES: 2})
    add(made, "a1", "a2", "a3", seats=5)
    assert list(made.hand_out()) == [("a1", "1"), ("a2", "2")]
    made.over("a2")
    assert list(made.hand_out()) == [("a3", "2")]


def test_who_is_not_here_ends_without_an_error() -> None:
    turns("1").over("nobody")


@made_up
@given(st.data())
def test_whatever_happens_everybody_is_served_in_the_end_with_made_up_days(data: st.DataObject) -> None:
    made, there, open_sites, count = Turns(), dict[str, str](), set[str](), 0

    def take() -> None:
        for id, site in made.hand_out():
            assert site in open_sites
            assert id not in there
            there[id] = site

    for _ in range(data.draw(st.integers(1, 40))):
        match data.draw(st.sampled_from(["add", "open", "shut", "die", "end", "drawn"])):
            case "add":
                add(made, f"{data.draw(st.sampled_from('abc'))}{count}", seats=data.draw(st.integers(1, 5)))
                count += 1
            case "open":
                site = data.draw(st.sampled_from("12"))
                made.open(site, SEATS | {PICTURES: data.draw(st.integers(1, 6))})
                open_sites.add(site)
            case "shut":
                site = data.draw(st.sampled_from("12"))
                made.shut(site)
                open_sites.discard(site)
            case "die" if there:
                site = data.draw(st.sampled_from(sorted(there.values())))
                made.shut(site)
                open_sites.discard(site)
                for id in [id for id, where in there.items() if where == site]:
                    made.lost(id)
                    del there[id]
            case "end" if there:
                id = data.draw(st.sampled_from(sorted(there)))
                made.over(id)
                del there[id]
            case "drawn" if there:
                made.drawn(data.draw(st.sampled_from(sorted(there))))
        take()
    made.open("1", SEATS)
    open_sites.add("1")
    take()
    while there:
        id, _ = there.popitem()
        made.over(id)
        take()
    assert made.line(PICTURES) == []


def test_ids_are_taken_once() -> None:
    made = turns("1")
    add(made, "a1")
    with pytest.raises(ValueError, match="a1"):
        add(made, "a1")
