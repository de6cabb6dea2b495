"""Which executor is opened, and what is said where it can't be."""

import importlib.util
from typing import Any

import pytest

from model import opening
from model.errors import PlainError
from model.opening import drain_replica, open_executor
from model.settings import EngineSettings, ExecutorSettings, ModelSettings


def opened(**settings: Any) -> object:
    return open_executor(ModelSettings(), EngineSettings(), ExecutorSettings(**settings))


def test_without_replicas_the_model_is_opened_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = object()
    monkeypatch.setattr(opening, "open_here", lambda model, engine: here)
    assert opened() is here


def test_without_ray_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "ray" else find(name))
    with pytest.raises(PlainError, match="--extra cluster") as told:
        opened(backend="ray")
    assert "\n" not in str(told.value)
    with pytest.raises(PlainError, match="--extra cluster"):
        drain_replica("", "1")


@pytest.mark.parametrize(
    "address", ["ray://host:10001", "host", "me:secret@host:6379", "redis://:secret@host:6379", "host:6379 secret"]
)
def test_what_can_not_be_an_address_is_refused_and_never_repeated(address: str) -> None:
    with pytest.raises(PlainError, match="host:port") as told:
        opened(backend="ray", address=address)
    assert "secret" not in str(told.value)
    with pytest.raises(PlainError, match="host:port") as told:
        drain_replica(address, "1")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("address", ["", "auto", "10.0.0.7:6379", "head.example:6379", "[fd00::1]:6379"])
def test_what_can_be_an_address_is_taken(address: str) -> None:
    opening.require_ray(address)
