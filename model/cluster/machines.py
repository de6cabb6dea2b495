"""The machines: a Ray cluster that is started here or joined, and the replicas that it runs.

Ray starts replicas again that die (`max_restarts`), and repeats nothing by itself (`max_task_retries`): what is to be
done anew, the executor decides.
"""

import logging
import os
import re
import secrets
import time
from typing import Any, Final

import ray
from ray.exceptions import RayError
from ray.util import list_named_actors

from model.cluster.parcels import Look
from model.cluster.replica import Replica
from model.errors import PlainError
from model.settings import EngineSettings, ExecutorSettings, ModelSettings

log = logging.getLogger(__name__)

NAMESPACE: Final = "janus-bot"
STORE_BYTES: Final = 256 * 2**20  # of shared memory, for pictures on their way: some 10 MB a drawing
DRAIN_SECONDS: Final = 30.0  # that a replica has to hear that it shall
AT_ONCE: Final = 10_000  # calls to a replica: what it may work on is decided elsewhere
UNREACHABLE: Final = (ConnectionError, RuntimeError, ValueError, TimeoutError)  # what Ray raises then


class Machines:
    """A cluster with one process of the bot in it."""

    def __init__(self, model: ModelSettings, engine: EngineSettings, settings: ExecutorSettings) -> None:
        """Start a cluster, or join one. Takes seconds, and belongs into the main thread, before it handles signals.

        Ray sets handlers of its own then, and a cluster that is started here ends with the thread that did so. Raises
        PlainError.
        """
        self._model, self._engine, self._settings = model, engine, settings
        self._namespace = f"{NAMESPACE}-{secrets.token_hex(4)}"  # of this bot, if there are two in a cluster
        address = self._settings.address
        more: dict[str, Any] = {}
        if not address:
            more = {"include_dashboard": False, "num_cpus": 1, "object_store_memory": STORE_BYTES}
        try:
            ray.init(address or "local", namespace=self._namespace, logging_level=logging.ERROR, **more)
        except UNREACHABLE as error:
            log.error("Ray: %s", re.sub(r"\S*@", "", str(error)))  # before an @ stands a password
            raise PlainError(f"There is no Ray cluster: {address or 'none could be started here'}.") from None
        self._here: str = ray.get_runtime_context().get_node_id()

    def is_there(self) -> bool:
        """Tell whether this machine is still a part of the cluster: without it, nothing reaches the others."""
        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        return any(node["Alive"] and node["NodeID"] == self._here for node in nodes)

    def wanted(self) -> int:
        """Tell how many replicas there should be now: as many as are set, or as there are cards for."""
        if self._settings.replicas != "auto":
            return self._settings.replicas
        return max(1, int(self._cards() / self._settings.gpus_per_replica))

    def start(self, name: str) -> Any:
        """Start a replica, which begins to load the model; if there is no card for it, as soon as there is one."""
        cards = self._settings.gpus_per_replica if self._cards() else 0.0
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // self.wanted()))
        return (
            ray.remote(Replica)
            .options(
                name=f"replica-{name}",
                num_cpus=0,  # the card is what is scarce
                num_gpus=cards,
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=AT_ONCE,
                runtime_env=None if cards else {"env_vars": {"OMP_NUM_THREADS": threads}},  # by itself Ray says 1
            )
            .remote(self._model, self._engine, os.getcwd(), log.getEffectiveLevel())
        )

    def stop(self, replica: Any) -> None:
        """End a replica's process, at once. Ray starts another one."""
        ray.kill(replica, no_restart=False)

    def leave(self) -> None:
        """End the replicas, and the cluster if it was started here."""
        ray.shutdown()

    def _cards(self) -> float:
        cards: float = ray.cluster_resources().get("GPU", 0.0)  # type: ignore[no-untyped-call]
        return cards if self._model.device in ("auto", "cuda") else 0.0


def drain(address: str, name: str) -> None:
    """Have a replica of the bot in a cluster finish what it has, and return when it has. Raises PlainError."""
    try:
        ray.init(address or "auto", logging_level=logging.ERROR, log_to_driver=False)
    except UNREACHABLE:
        raise PlainError("no Ray cluster can be reached: is the bot running, with [executor] backend = ray?") from None
    ours = [actor for actor in list_named_actors(all_namespaces=True) if actor["namespace"].startswith(NAMESPACE)]
    meant = [actor for actor in ours if actor["name"] == f"replica-{name}"]
    if len(meant) != 1:
        names = ", ".join(sorted(actor["name"].removeprefix("replica-") for actor in ours)) or "none"
        raise PlainError(f"there is no single replica {name}; there are: {names}")
    replica = ray.get_actor(meant[0]["name"], meant[0]["namespace"])
    try:
        ray.get(replica.drain.remote(), timeout=DRAIN_SECONDS)
    except RayError as error:
        raise PlainError(f"replica {name} does not answer ({type(error).__name__}): it is only starting") from None
    while not _is_closed(replica):
        time.sleep(0.5)
    ray.shutdown()


def _is_closed(replica: Any) -> bool:
    try:
        look: Look = ray.get(replica.look.remote())
    except RayError:  # its process has died: the next one is told the same by the bot
        return False
    return look.status.state == "closed"
