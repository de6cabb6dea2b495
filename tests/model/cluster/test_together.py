"""How all replicas are together: ready while one is, and failed only if there is nothing to wait for."""

from typing import Any, Literal

import pytest

from model.cluster.together import of_all
from model.status import Replica, Status

State = Literal["loading", "ready", "failed", "closed"]


def replica(name: str, state: State, *, draining: bool = False, **figures: Any) -> Replica:
    return Replica(name, Status(state=state, model="7b", **figures), draining)


@pytest.mark.parametrize(
    ("states", "together"),
    [
        ([], "loading"),
        (["loading", "loading"], "loading"),
        (["loading", "ready"], "ready"),
        (["failed", "ready"], "ready"),
        (["failed", "loading"], "loading"),
        (["failed", "failed"], "failed"),
    ],
)
def test_it_is_as_good_as_the_best(states: list[State], together: State) -> None:
    there = [replica(str(number), state) for number, state in enumerate(states)]
    assert of_all("7b", there, running=0, queued=0).state == together


def test_what_drains_is_nothing_to_wait_for() -> None:
    there = [replica("1", "failed"), replica("2", "ready", draining=True)]
    assert of_all("7b", there, running=0, queued=0).state == "failed"
    there = [replica("1", "loading"), replica("2", "closed", draining=True)]
    assert of_all("7b", there, running=0, queued=0).state == "loading"


def test_figures_are_added_and_speeds_are_those_in_the_middle() -> None:
    there = [
        replica("1", "ready", rows=10, steps=100, step_seconds=0.01, deaths=1, seats={"pictures": 20}, device="cuda"),
        replica("2", "ready", rows=20, steps=200, step_seconds=0.03, seats={"pictures": 10}, device="cuda"),
        replica("3", "loading", rows=99, reason="It died.", deaths=2),
        replica("4", "loading", reason="It died."),
    ]
    status = of_all("7b", there, running=3, queued=4)
    assert (status.rows, status.steps, status.deaths, status.seats["pictures"]) == (30, 300, 3, 30)
    assert status.step_seconds == pytest.approx(0.02)
    assert (status.running, status.queued, status.device) == (3, 4, "cuda")
    assert status.reason == "It died."  # once
    assert status.replicas == tuple(there)
