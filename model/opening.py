"""Opens what runs the model: one engine in this process, or replicas of it in processes of their own.

Importing this module imports neither torch nor Ray.
"""

import re
from importlib.util import find_spec
from typing import Final

from model.errors import PlainError
from model.executor import open_here
from model.requests import Executor
from model.settings import EngineSettings, ExecutorSettings, ModelSettings

NO_RAY: Final = "several replicas need Ray, which is not installed: start with uv run --extra cluster janus-bot"
ADDRESS: Final = re.compile(r"auto|[\w.-]+:\d{1,5}|\[[\da-fA-F:]+\]:\d{1,5}")


def open_executor(model: ModelSettings, engine: EngineSettings, settings: ExecutorSettings) -> Executor:
    """Start to load the model, once or in every replica. Whoever opens an executor closes it.

    Raises PlainError if Ray is asked for and not installed, or an address can't be one.
    """
    if settings.backend == "thread":
        return open_here(model, engine)
    require_ray(settings.address)
    from model.cluster.executor import ClusterExecutor
    from model.cluster.machines import Machines

    return ClusterExecutor(Machines(model, engine, settings), model=model.name, stuck_seconds=engine.stuck_seconds)


def drain_replica(address: str, name: str) -> None:
    """Have a replica of a running bot finish what it has, and return when it has. Raises PlainError."""
    require_ray(address)
    from model.cluster.machines import drain

    drain(address, name)


def require_ray(address: str) -> None:
    """Raise PlainError if Ray is not installed, or an address can't be one. It never tells what was written there."""
    if not find_spec("ray"):
        raise PlainError(NO_RAY)
    if address and not ADDRESS.fullmatch(address):
        raise PlainError("executor.address: must be empty, auto or host:port, as `ray start --head` tells it")
