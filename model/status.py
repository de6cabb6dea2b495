"""How whatever runs requests is, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the executor is doing."""

    state: Literal["loading", "ready", "failed", "closed"]
    model: str  # the name that was asked for: "demo", "7b", a folder, ...
    device: str = ""  # "cuda", "mps" or "cpu"; empty until it is known
    dtype: str = ""  # "bfloat16", "float16" or "float32"; "int4 and bfloat16" where most weights are quantized
    reason: str = ""  # for people: why the state is "failed", or why it is "loading" again
    rows: int = 0  # rows in flight
    queued: int = 0  # requests that wait
    running: int = 0  # requests that have rows in flight
    step_seconds: float | None = None  # median of recent decode steps
    steps: int = 0  # decode steps since the model was loaded
    tokens_per_step: float | None = None  # image tokens that a picture got by each, lately
    deaths: int = 0  # how often what ran the model died, and was started again
    seats: Mapping[str, int] = field(default_factory=dict)  # for requests, by lane (`model.engine.lanes`), free or not
    replicas: "tuple[Replica, ...]" = ()  # where there are several, each with figures of its own


@dataclass(frozen=True, slots=True)
class Replica:
    """One of several that share the work."""

    name: str  # "1", "2", ...
    status: Status
    draining: bool = False  # it finishes what it has, and gets nothing new
