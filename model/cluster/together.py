"""How all replicas are together."""

from collections.abc import Sequence
from statistics import median
from typing import Literal

from model.cluster.turns import LANES
from model.status import Replica, Status


def of_all(model: str, replicas: Sequence[Replica], *, running: int, queued: int) -> Status:
    """Tell how they are: ready while one of them is, failed if each of those that shall work has failed.

    `running` and `queued` are requests, at replicas or on the way to them.
    """
    ready = [replica.status for replica in replicas if replica.status.state == "ready"]
    steps = [status.step_seconds for status in ready if status.step_seconds is not None]
    tokens = [status.tokens_per_step for status in ready if status.tokens_per_step is not None]
    return Status(
        state=_state({replica.status.state for replica in replicas if not replica.draining}),
        model=model,
        device=ready[0].device if ready else "",
        dtype=ready[0].dtype if ready else "",
        reason="; ".join(dict.fromkeys(of.status.reason for of in replicas if of.status.reason)),
        rows=sum(status.rows for status in ready),
        queued=queued,
        running=running,
        step_seconds=median(steps) if steps else None,
        steps=sum(status.steps for status in ready),
        tokens_per_step=median(tokens) if tokens else None,
        deaths=sum(replica.status.deaths for replica in replicas),
        seats={lane: sum(status.seats.get(lane, 0) for status in ready) for lane in LANES},
        replicas=tuple(replicas),
    )


def _state(states: set[str]) -> Literal["loading", "ready", "failed"]:
    if states == {"failed"}:
        return "failed"
    return "ready" if "ready" in states else "loading"
